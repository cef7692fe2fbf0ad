// User Behavior Insights: https://ubisearch.dev, the schemas of queries and events.
#include "event/event.h"
#include "ingest/internal/foreign.h"

namespace freshet::foreign {
namespace {

// A query is a search, and what it answered was shown.
size_t query(const Json& given, std::string& lines) {
  const std::string id = text(given, {"query_id"}), user = text(given, {"client_id", "user_id"});
  const auto put_common = [&](Line& line) {
    line.put("user", user).put("time", text(given, {"timestamp"})).put("source", "ubi").put("query_id", id);
    line.put("session", text(given, {"session_id"})).put("surface", "search");
  };
  const Json::List& hits = list(member(given, {"query_response_hit_ids"}));
  Line search("search");
  put_common(search);
  search.put("query", text(given, {"user_query"})).put("id", id.empty() ? "" : id + "-search");
  search.end(lines);
  if (hits.empty()) return 1;
  Line shown("impression");
  put_common(shown);
  shown.put("id", id.empty() ? "" : id + "-shown").json().key("items").array();
  for (const Json& hit : hits) shown.json().value(std::string_view(text_of(&hit)));
  shown.json().end();
  shown.end(lines);
  return 2;
}

std::string action_of(const std::string& name) {
  const std::string words = plain(name);
  if (words == "item click" || words == "product click" || words == "click through" || words == "select")
    return "click";
  if (words == "item view" || words == "product view" || words == "product hover") return "view";
  if (words == "product purchase" || words == "checkout complete") return "purchase";
  const std::optional<EventType> type = parse_event_type(name);
  return type && is_item_action(*type) ? std::string(event_type_name(*type)) : std::string();
}

}  // namespace

size_t ubi_event(const Json& event, std::string& lines) {
  const std::string name = text(event, {"action_name"});
  if (name.empty()) return query(event, lines);
  const std::string action = action_of(name);
  if (action.empty()) return 0;  // What pages do otherwise: hovering, scrolling, logging in.
  static const Json kNothing;
  const Json* attributes = member(event, {"event_attributes"});
  const Json* object = attributes == nullptr ? nullptr : member(*attributes, {"object"});
  const Json* position = attributes == nullptr ? nullptr : member(*attributes, {"position"});
  Line line(action);
  line.put("user", text(event, {"client_id", "user_id"})).put("time", text(event, {"timestamp"}));
  line.put("session", text(event, {"session_id"})).put("query_id", text(event, {"query_id"}));
  line.put("id", text(event, {"event_id"})).put("source", "ubi");
  line.put("item", text(object == nullptr ? kNothing : *object, {"object_id", "internal_id"}));
  if (attributes != nullptr)
    line.put("price", text(*attributes, {"price"})).put("quantity", text(*attributes, {"quantity"}));
  if (const std::string place = position == nullptr ? "" : text(*position, {"ordinal"}); !place.empty())
    line.json().key("attributes").object().field("position", std::string_view(place)).end();
  line.end(lines);
  return 1;
}

}  // namespace freshet::foreign
