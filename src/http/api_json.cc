#include <cmath>

#include "event/value_json.h"
#include "http/internal/api_parts.h"

namespace freshet::http_internal {
namespace {

void write_rejection(JsonWriter& json, const Rejection& error) {
  json.object().field("index", error.index);
  if (error.line > 0) json.field("line", error.line);
  json.field("reason", reason_name(error.reason));
  if (!error.field.empty()) json.field("field", valid_utf8(error.field));
  if (!error.expected.empty()) json.field("expected", std::string_view(error.expected));
  if (!error.got.empty()) json.field("got", valid_utf8(error.got));
  json.end();
}

Response result_response(const Accepted& accepted) {
  const IngestResult& result = accepted.result;
  const bool nothing_taken = result.accepted == 0 && result.duplicates == 0 && result.rejected > 0;
  JsonWriter json;
  json.object();
  if (nothing_taken) {
    const bool quota = result.retry_after_ms > 0;
    json.key("error").object().field("code", quota ? "quota" : "rejected");
    if (!result.errors.empty()) {
      const Rejection& first = result.errors.front();
      json.field("message", valid_utf8(first.message()));
      if (!first.field.empty()) json.field("field", valid_utf8(first.field));
      json.field("position", first.index);
    } else {
      json.field("message", "nothing of the body was taken");
    }
    json.end();
  }
  write_result(json, result);
  if (accepted.end > 0) json.field("offset", accepted.end);
  json.end();
  Response response = json_response(json, nothing_taken ? (result.retry_after_ms > 0 ? 429 : 422) : 200);
  if (result.retry_after_ms > 0)
    response.headers.emplace_back("retry-after", std::to_string((result.retry_after_ms + 999) / 1000));
  return response;
}

}  // namespace

void write_result(JsonWriter& json, const IngestResult& result) {
  json.field("accepted", result.accepted).field("duplicates", result.duplicates);
  json.field("rejected", result.rejected).field("marked", result.marked);
  json.key("errors").array();
  for (const Rejection& error : result.errors) write_rejection(json, error);
  json.end();
}

Response accepted_response(Engine& engine, Accepted accepted) {
  // A duplicate is acknowledged too: its first sending must be durable before this answer says so.
  Offset upto = accepted.end;
  if (accepted.result.duplicates > 0) upto = engine.log().end();
  if (upto == 0) return result_response(accepted);
  Response response;
  response.later = [&engine, upto, accepted = std::move(accepted)](std::function<void(Response)> give) {
    engine.commit(upto, [accepted, give = std::move(give)](const Status& durable) {
      give(durable.ok() ? result_response(accepted) : problem(durable.error()));
    });
  };
  return response;
}

void write_attributes(JsonWriter& json, const std::vector<Attribute>& attributes) {
  json.object();
  for (const Attribute& attribute : attributes) {
    json.key(attribute.name);
    write_value(json, attribute.value);
  }
  json.end();
}

std::optional<Problem> read_with_id(const Request& request, const JsonLimits& limits, std::string& document) {
  auto body = parse_json(request.body, limits);
  if (!body.ok()) return Problem{400, "malformed_json", body.error().what};
  if (auto* members = std::get_if<Json::Object>(&body->value)) {
    const Json* given = body->find("id");
    if (given == nullptr) {
      Json id;
      id.value = request.params[0];
      members->push_back({"id", std::move(id)});
    } else if (given->text() == nullptr || *given->text() != request.params[0]) {
      return Problem{400, "invalid", "id: expected the id of the path, or none", "id"};
    }
  }
  JsonWriter text;
  write_json(text, *body);
  document = text.take();
  return std::nullopt;
}

void write_counts(JsonWriter& json, const CounterView& counts) {
  static constexpr std::string_view kTallyNames[kTallies] = {"impression", "view", "cart", "purchase",
                                                             "search"};
  static constexpr std::string_view kHalfLifeNames[kHalfLives] = {"hour", "day", "month"};
  json.object();
  for (int tally = 0; tally < kTallies; ++tally) {
    json.key(kTallyNames[tally]).object();
    for (int half_life = 0; half_life < kHalfLives; ++half_life)
      json.field(kHalfLifeNames[half_life], counts.decayed[tally][half_life]);
    json.field("last_day", counts.last_day[tally]).end();
  }
  json.end();
}

}  // namespace freshet::http_internal
