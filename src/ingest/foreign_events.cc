#include "ingest/foreign_events.h"

#include <algorithm>

#include "ingest/internal/foreign.h"

namespace freshet {
namespace foreign {

const Json* member(const Json& object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (const Json* value = object.find(name); value != nullptr && !value->is_null()) return value;
  return nullptr;
}

std::string text_of(const Json* value) {
  if (value == nullptr) return {};
  if (value->text() != nullptr) return *value->text();
  double number = 0;
  if (!value->number(number)) return {};
  JsonWriter json;
  write_json(json, *value);
  return json.take();
}

const Json::List& list(const Json* value) {
  static const Json::List kNone;
  return value != nullptr && value->list() != nullptr ? *value->list() : kNone;
}

std::string plain(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    if (c == '_' || c == '-') c = ' ';
  }
  return out;
}

size_t link(std::string_view source, const std::string& anonymous, const std::string& known,
            std::string& lines) {
  if (anonymous.empty() || known.empty() || anonymous == known) return 0;
  Line line("identity-link");
  line.put("user", anonymous).put("user_to", known).put("source", std::string(source) + "-identity");
  if (anonymous.size() + known.size() < 256) line.put("id", anonymous + "|" + known);
  line.end(lines);
  return 1;
}

}  // namespace foreign

size_t translate_event(EventDialect dialect, const Json& event, std::string& lines) {
  switch (dialect) {
    case EventDialect::kSegment:
      return foreign::segment_event(event, lines);
    case EventDialect::kGa4:
      return foreign::ga4_event(event, lines);
    case EventDialect::kRetail:
      return foreign::retail_event(event, lines);
    case EventDialect::kUbi:
      return foreign::ubi_event(event, lines);
    case EventDialect::kMetarank:
      return foreign::metarank_event(event, lines);
  }
  return 0;
}

std::optional<EventDialect> guess_dialect(const Json& event) {
  const auto has = [&](std::initializer_list<std::string_view> names) {
    return foreign::member(event, names) != nullptr;
  };
  const auto is_one_of = [&](std::string_view name, std::initializer_list<std::string_view> values) {
    const std::string value = foreign::text(event, {name});
    return std::find(values.begin(), values.end(), value) != values.end();
  };
  if (event.object() == nullptr) return std::nullopt;
  if (has({"messageId", "originalTimestamp"}) && has({"anonymousId", "userId"}) && has({"type"}))
    return EventDialect::kSegment;
  if ((has({"client_id"}) && foreign::member(event, {"events"}) != nullptr) ||
      (has({"event_name"}) && has({"event_params"})))
    return EventDialect::kGa4;
  if ((has({"eventType", "event_type"}) && has({"visitorId", "visitor_id"})) || has({"inputConfig"}) ||
      (has({"title"}) && has({"priceInfo", "primaryProductId"})))
    return EventDialect::kRetail;
  if (has({"query_response_hit_ids"}) || (has({"action_name"}) && has({"client_id", "query_id"})))
    return EventDialect::kUbi;
  if (is_one_of("event", {"item", "user", "ranking", "interaction", "metadata"}) && has({"timestamp"}))
    return EventDialect::kMetarank;
  return std::nullopt;
}

}  // namespace freshet
