#include "dialect/feedback.h"

#include <charconv>
#include <chrono>

#include "dialect/internal/feedback_parts.h"
#include "dialect/internal/key_gate.h"
#include "dialect/internal/parts.h"

namespace freshet {

using namespace dialect_internal;

namespace dialect_internal {
namespace {

constexpr std::chrono::seconds kWait{10};

struct FeedbackDialect : Mount {
  explicit FeedbackDialect(const MountParts& from) : parts(from) {}
  FeedbackParts parts;
};

}  // namespace

Response text_refusal(int status, std::string_view message) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = valid_utf8(message);
  return response;
}

Response text_refusal(const Error& error) {
  return text_refusal(refusal(error).status, error.what);
}

Response rows_affected(size_t rows) {
  JsonWriter json;
  json.object().field("RowAffected", rows).end();
  return json_answer(json);
}

Response when_in_force(FeedbackParts& parts, Offset end, Response answer) {
  if (const Status durable = parts.engine.commit(end); !durable.ok()) return text_refusal(durable.error());
  if (!parts.engine.wait_applied(end, kWait))
    return text_refusal(503, "taken and kept, but not in force yet; there is no need to send it again");
  return answer;
}

Result<Json::List> listed_body(const Request& request, size_t bytes_max, size_t count_max) {
  Result<Json> body = parse_json(request.body, {bytes_max, 16});
  if (!body.ok()) return Error{body.error().code, "body: " + body.error().what};
  if (body->object() != nullptr) return Json::List{std::move(*body)};
  auto* list = std::get_if<Json::List>(&body->value);
  if (list == nullptr) return invalid("body: expected an object or a list of objects, got " + shown(*body));
  if (list->size() > count_max)
    return Error{Code::kExhausted, "body: expected at most " + std::to_string(count_max) + " objects, got " +
                                       std::to_string(list->size())};
  for (size_t i = 0; i < list->size(); ++i)
    if ((*list)[i].object() == nullptr)
      return invalid("[" + std::to_string(i) + "]: expected an object, got " + shown((*list)[i]));
  return std::move(*list);
}

Result<size_t> whole_argument(const Request& request, std::string_view name, size_t otherwise, size_t max) {
  const std::string_view text = request.argument(name).value_or("");
  if (text.empty()) return otherwise;
  size_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out > max)
    return invalid(std::string(name) + ": expected a whole number from 0 to " + std::to_string(max) +
                   ", got \"" + std::string(text.substr(0, 40)) + "\"");
  return out;
}

std::string text_member(const Json& object, std::string_view name) {
  const Json* value = object.find(name);
  if (value == nullptr) return {};
  if (value->text() != nullptr) return *value->text();
  double number = 0;
  return value->number(number) ? json_line(*value) : std::string();
}

void FeedbackRoutes::add(Method method, std::string pattern, Access access, size_t body,
                         FeedbackAnswer answer) const {
  FeedbackParts& with = parts;
  const bool waits = access != Access::kRead && access != Access::kOpen;
  router.add({method, std::move(pattern), access, body, waits,
              [&with, answer](const Request& request) { return answer(with, request); }});
}

}  // namespace dialect_internal

std::unique_ptr<Mount> make_feedback_dialect(const MountParts& from) {
  auto mount = std::make_unique<FeedbackDialect>(from);
  for (const char* name :
       {"item", "items", "user", "users", "feedback", "recommend", "latest", "popular", "non-personalized",
        "collaborative-filtering", "item-to-item", "user-to-user", "session", "health"})
    mount->prefixes.push_back(std::string("api/") + name);
  mount->gate = std::make_unique<KeyGate>(from.guard, static_cast<KeyGate::Refuse>(text_refusal));
  const FeedbackRoutes routes{mount->router, mount->parts};
  add_object_routes(routes);
  add_feedback_routes(routes);
  add_recommended_routes(routes);
  return mount;
}

}  // namespace freshet
