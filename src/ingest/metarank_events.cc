// Metarank: https://docs.metarank.ai/reference/event-schema, four kinds of events.
#include "event/event.h"
#include "ingest/internal/foreign.h"

namespace freshet::foreign {
namespace {

void put_common(Line& line, const Json& event) {
  line.put("user", text(event, {"user"})).put("session", text(event, {"session"}));
  line.put("time", text(event, {"timestamp"})).put("source", "metarank");
}

// [{"name": "price", "value": 69.0}, ...] as attributes.
void put_fields(Line& line, const Json& event) {
  line.json().key("attributes").object();
  for (const Json& field : list(member(event, {"fields"}))) {
    const std::string name = text(field, {"name"});
    if (!name.empty()) line.put(name, field.find("value"));
  }
  line.json().end();
}

std::string field_text(const Json& event, std::string_view wanted) {
  for (const Json& field : list(member(event, {"fields"})))
    if (text(field, {"name"}) == wanted) return text(field, {"value"});
  return {};
}

// A list in the order shown, and the search it answers, if it does.
size_t ranking(const Json& event, std::string& lines) {
  const std::string id = text(event, {"id"}), query = field_text(event, "query");
  size_t count = 1;
  if (!query.empty()) {
    Line line("search");
    put_common(line, event);
    line.put("query", query).put("query_id", id).put("id", id.empty() ? "" : id + "-search");
    line.end(lines);
    ++count;
  }
  Line line("impression");
  put_common(line, event);
  line.put("query_id", id).put("id", id).put("surface", query.empty() ? "ranking" : "search");
  line.json().key("items").array();
  for (const Json& one : list(member(event, {"items"})))
    line.json().value(std::string_view(one.object() == nullptr ? text_of(&one) : text(one, {"id"})));
  line.json().end();
  line.end(lines);
  return count;
}

size_t interaction(const Json& event, std::string& lines) {
  const std::optional<EventType> type = parse_event_type(text(event, {"type"}));
  if (!type || !is_item_action(*type)) return 0;
  Line line(event_type_name(*type));
  put_common(line, event);
  line.put("id", text(event, {"id"})).put("item", text(event, {"item"}));
  line.put("query_id", text(event, {"ranking"}));
  if (*type == EventType::kRating) line.put("rating", field_text(event, "rating"));
  line.end(lines);
  return 1;
}

}  // namespace

size_t metarank_event(const Json& event, std::string& lines) {
  const std::string kind = text(event, {"event"});
  if (kind == "ranking") return ranking(event, lines);
  if (kind == "interaction") return interaction(event, lines);
  const bool item = kind == "item" || kind == "metadata";
  if (!item && kind != "user") return 0;
  Line line(item ? "item-update" : "user-upsert");  // Of an item only what changed is sent.
  line.put(item ? "item" : "user", text(event, {item ? "item" : "user"}));
  line.put("id", text(event, {"id"})).put("time", text(event, {"timestamp"})).put("source", "metarank");
  put_fields(line, event);
  line.end(lines);
  return 1;
}

}  // namespace freshet::foreign
