#include "dialect/tracking.h"

#include <algorithm>

#include "dialect/internal/key_gate.h"
#include "dialect/internal/parts.h"
#include "env/clock.h"
#include "ingest/foreign_events.h"

namespace freshet {

using namespace dialect_internal;

namespace dialect_internal {
namespace {

constexpr size_t kBody = 2 << 20, kDepth = 16, kMessagesMax = 2500;

Response tracking_refusal(int status, std::string_view message) {
  JsonWriter json;
  json.object().field("success", false).field("message", valid_utf8(message)).field("code", status).end();
  return json_answer(json, status);
}

Response segment_taken() {
  JsonWriter json;
  json.object().field("success", true).end();
  return json_answer(json);
}

Response collected() {
  Response response;
  response.status = 204;
  return response;
}

struct TrackingDoors : Mount {
  explicit TrackingDoors(const MountParts& from)
      : engine(from.engine), key_gate(std::make_unique<KeyGate>(from.guard, tracking_refusal)) {}
  Engine& engine;
  std::unique_ptr<KeyGate> key_gate;
};

// Lines of native events through the door; the answer comes when they are durable.
Response take(TrackingDoors& doors, std::string_view door, const std::string& lines, Response (*taken)()) {
  if (lines.empty()) return taken();
  const auto accepted =
      doors.engine.events(lines, {.door = door, .source = door, .now_ms = now_ms()}, BodyKind::kJsonLines);
  if (!accepted.ok()) return tracking_refusal(refusal(accepted.error()).status, accepted.error().what);
  const IngestResult& result = accepted->result;
  if (result.accepted + result.duplicates == 0 && result.retry_after_ms > 0) {
    Response slow = tracking_refusal(429, "too many events from this source");
    slow.headers.emplace_back("retry-after", std::to_string((result.retry_after_ms + 999) / 1000));
    return slow;
  }
  if (result.accepted + result.duplicates == 0 && result.rejected > 0)
    return tracking_refusal(400,
                            result.errors.empty() ? "nothing was taken" : result.errors.front().message());
  Response response;
  Engine& engine = doors.engine;
  const Offset end = std::max(accepted->end, engine.log().end());
  response.later = [&engine, end, taken](std::function<void(Response)> give) {
    engine.commit(end, [give = std::move(give), taken](const Status& durable) {
      give(durable.ok() ? taken() : tracking_refusal(503, durable.error().what));
    });
  };
  return response;
}

// The key stands in a header, or in the body as browsers send it.
std::optional<Response> admit(TrackingDoors& doors, const Request& request, const Json& body) {
  std::string key = key_of(request), caller;
  const Json* written = body.find("writeKey");
  if (key.empty() && written != nullptr && written->text() != nullptr) key = *written->text();
  return doors.key_gate->admit(key, Access::kRead, monotonic_ns(), caller);
}

// `kind`: what the path says every message of this body is; empty: a batch, whose messages say it themselves.
Response segment(TrackingDoors& doors, const Request& request, std::string_view kind) {
  Result<Json> body = parse_json(request.body, {kBody, kDepth});
  if (!body.ok())
    return tracking_refusal(body.error().code == Code::kExhausted ? 413 : 400, "body: " + body.error().what);
  auto* members = std::get_if<Json::Object>(&body->value);
  if (members == nullptr) return tracking_refusal(400, "body: expected an object, got " + shown(*body));
  if (auto refused = admit(doors, request, *body)) return std::move(*refused);
  std::string lines;
  if (!kind.empty()) {
    std::erase_if(*members, [](const Json::Member& one) { return one.name == "type"; });
    members->push_back({"type", json_text(kind)});
    translate_event(EventDialect::kSegment, *body, lines);
    return take(doors, "segment", lines, segment_taken);
  }
  const Json* batch = body->find("batch");
  if (batch == nullptr || batch->list() == nullptr) return tracking_refusal(400, "batch: expected a list");
  if (batch->list()->size() > kMessagesMax)
    return tracking_refusal(413, "batch: expected at most " + std::to_string(kMessagesMax) +
                                     " messages, got " + std::to_string(batch->list()->size()));
  for (size_t i = 0; i < batch->list()->size(); ++i) {
    const Json& message = (*batch->list())[i];
    if (message.object() == nullptr)
      return tracking_refusal(400,
                              "batch[" + std::to_string(i) + "]: expected an object, got " + shown(message));
    translate_event(EventDialect::kSegment, message, lines);
  }
  return take(doors, "segment", lines, segment_taken);
}

Response collect(TrackingDoors& doors, const Request& request) {
  const Result<Json> body = parse_json(request.body, {kBody, kDepth});
  if (!body.ok())
    return tracking_refusal(body.error().code == Code::kExhausted ? 413 : 400, "body: " + body.error().what);
  const Json* events = body->find("events");
  if (events == nullptr || events->list() == nullptr) return tracking_refusal(400, "events: expected a list");
  if (events->list()->size() > kMessagesMax)
    return tracking_refusal(413, "events: expected at most " + std::to_string(kMessagesMax));
  std::string lines;
  translate_event(EventDialect::kGa4, *body, lines);
  return take(doors, "ga4", lines, collected);
}

}  // namespace
}  // namespace dialect_internal

std::unique_ptr<Mount> make_tracking_doors(const MountParts& from) {
  auto mount = std::make_unique<TrackingDoors>(from);
  TrackingDoors& doors = *mount;
  mount->prefixes = {"v1", "mp"};
  const auto add = [&](const std::string& name, std::string_view kind) {
    doors.router.add({Method::kPost, "/v1/" + name, Access::kOpen, kBody, true,
                      [&doors, kind](const Request& request) { return segment(doors, request, kind); }});
  };
  add("batch", "");
  add("import", "");
  for (const char* kind : {"track", "identify", "page", "screen", "group", "alias"}) {
    add(kind, kind);
    add(std::string(kind).substr(0, 1), kind);  // As pages shorten it.
  }
  doors.router.add({Method::kPost, "/mp/collect", Access::kRead, kBody, true,
                    [&doors](const Request& request) { return collect(doors, request); }});
  mount->gate = std::make_unique<KeyGate>(from.guard, tracking_refusal);
  return mount;
}

}  // namespace freshet
