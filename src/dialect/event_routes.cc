// Click events into events of the log, each attributed to the search it came from; and a person's erasure.
#include <algorithm>
#include <cstdlib>

#include "base/hash.h"
#include "dialect/internal/parts.h"
#include "env/clock.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kEventsBody = 2 << 20, kEventsMax = 1000, kObjectsMax = 100;

std::string member_text(const Json& object, std::string_view name) {
  const Json* value = object.find(name);
  if (value == nullptr) return {};
  if (value->text() != nullptr) return *value->text();
  double number = 0;
  return value->number(number) ? json_line(*value) : std::string();
}

std::vector<std::string> member_texts(const Json& object, std::string_view name) {
  std::vector<std::string> out;
  const Json* value = object.find(name);
  if (value == nullptr || value->list() == nullptr) return out;
  for (const Json& one : *value->list()) {
    double number = 0;
    if (one.text() != nullptr) out.push_back(*one.text());
    if (one.number(number)) out.push_back(json_line(one));
  }
  return out;
}

const Json* at(const Json* list, size_t i) {
  if (list == nullptr || list->list() == nullptr || i >= list->list()->size()) return nullptr;
  return &(*list->list())[i];
}

// Native events as lines of JSON; what no line says is not wrong, only of no use to the log.
class Translation {
 public:
  explicit Translation(ServedPages& served) : served_(served) {}

  void add(const Json& event);
  const std::string& lines() const { return lines_; }
  size_t ignored() const { return ignored_; }

 private:
  void begin(JsonWriter& json, const Json& event, std::string_view type, const std::string& query_id);
  void finish(JsonWriter& json, const Json& event, int64_t position);
  void link(const Json& event);
  void shown(const Json& event, const std::vector<std::string>& ids);
  void act(const Json& event, std::string_view type, const std::vector<std::string>& ids);

  ServedPages& served_;
  std::string lines_;
  size_t ignored_ = 0;
};

void Translation::begin(JsonWriter& json, const Json& event, std::string_view type,
                        const std::string& query_id) {
  json.object().field("type", type).field("user", member_text(event, "userToken"));
  if (!query_id.empty()) json.field("query_id", std::string_view(query_id)).field("surface", "search");
  if (const Json* time = event.find("timestamp"); time != nullptr && !time->is_null())
    write_json(json.key("time_ms"), *time);
}

void Translation::finish(JsonWriter& json, const Json& event, int64_t position) {
  json.key("attributes").object();
  const std::string name = member_text(event, "eventName"), index = member_text(event, "index");
  if (!name.empty()) json.field("event_name", std::string_view(name));
  if (!index.empty()) json.field("index", std::string_view(index));
  if (position > 0) json.field("position", position);
  json.end().end();
  lines_ += json.take();
  lines_.push_back('\n');
}

// The person behind an anonymous token, once for each pair.
void Translation::link(const Json& event) {
  const std::string known = member_text(event, "authenticatedUserToken"),
                    token = member_text(event, "userToken");
  if (known.empty() || token.empty() || known == token) return;
  JsonWriter json;
  json.object().field("type", "identity-link").field("user", std::string_view(token));
  json.field("user_to", std::string_view(known)).field("source", "storefront-identity");
  json.field("id", token + "|" + known).end();
  lines_ += json.take();
  lines_.push_back('\n');
}

// One item seen without a list around it is a look at it. Several, or those a widget reports of its own
// accord, are a list that was shown; of a page this server sent, the log has that already.
void Translation::shown(const Json& event, const std::vector<std::string>& ids) {
  const std::vector<std::string> sources = member_texts(event, "algoliaSource");
  const std::string query_id = member_text(event, "queryID");
  if (ids.size() == 1 && sources.empty()) return act(event, "view", ids);
  if (!query_id.empty() || !served_.page_of(member_text(event, "userToken"), ids).empty()) {
    ++ignored_;
    return;
  }
  JsonWriter json;
  begin(json, event, "impression", "");
  json.field("surface", "storefront").key("items").array();
  for (const std::string& id : ids) json.value(std::string_view(id));
  json.end();
  finish(json, event, 0);
}

void Translation::act(const Json& event, std::string_view type, const std::vector<std::string>& ids) {
  const std::string user = member_text(event, "userToken"), query_id = member_text(event, "queryID");
  const Json *data = event.find("objectData"), *positions = event.find("positions");
  const bool buys = type == "purchase";
  uint64_t basket = hash_bytes(user);
  for (const std::string& id : ids) basket = mix64(basket, hash_bytes(id));
  if (const Json* time = event.find("timestamp")) basket = mix64(basket, hash_bytes(json_line(*time)));
  for (size_t i = 0; i < ids.size(); ++i) {
    const Json* of_item = at(data, i);
    std::string from = of_item == nullptr ? std::string() : member_text(*of_item, "queryID");
    if (from.empty()) from = query_id;
    if (type == "click") served_.clicked(user, ids[i], from);
    if (from.empty() && type != "view" && type != "click") from = served_.last_touch(user, ids[i]);
    JsonWriter json;
    begin(json, event, type, from);
    json.field("item", std::string_view(ids[i]));
    if (of_item != nullptr) {
      for (const std::string_view name : {"price", "quantity"}) {
        const std::string number = member_text(*of_item, name);
        if (!number.empty()) json.field(name, std::string_view(number));
      }
    }
    const std::string currency = member_text(event, "currency");
    if (!currency.empty()) json.field("currency", std::string_view(currency));
    if (buys && ids.size() > 1) {
      char order[32];
      std::snprintf(order, sizeof(order), "basket-%016llx", static_cast<unsigned long long>(basket));
      json.field("order_id", order);
    }
    double position = 0;
    if (const Json* one = at(positions, i)) one->number(position);
    finish(json, event, static_cast<int64_t>(position));
  }
}

void Translation::add(const Json& event) {
  const std::string type = member_text(event, "eventType"), subtype = member_text(event, "eventSubtype");
  if (type == "instantsearch") {  // What the widgets say of themselves.
    ++ignored_;
    return;
  }
  std::vector<std::string> ids = member_texts(event, "objectIDs");
  const bool filters = event.find("filters") != nullptr;
  if (ids.empty() && filters) {  // What was filtered is said by the next search itself.
    ++ignored_;
    return;
  }
  if (means_suggestions(member_text(event, "index"))) {  // Queries, not products: their searches are learned.
    ++ignored_;
    return;
  }
  link(event);
  if (ids.size() > kObjectsMax) ids.resize(kObjectsMax);
  if (ids.empty()) ids.push_back("");  // Refused by the door, which says what is missing and keeps it.
  if (type == "view") return shown(event, ids);
  if (type == "click") return act(event, "click", ids);
  if (type == "conversion") return act(event, subtype == "addToCart" ? "add-to-cart" : "purchase", ids);
  act(event, type.empty() ? std::string_view("?") : std::string_view(type), ids);
}

Response ok_answer() {
  JsonWriter json;
  json.object().field("status", 200).field("message", "OK").end();
  return json_answer(json);
}

Response events(Parts& parts, const Request& request) {
  const Result<Json> body = parse_json(request.body, {kEventsBody, 16});
  if (!body.ok())
    return refusal(body.error().code == Code::kExhausted ? 413 : 422, "body: " + body.error().what);
  const Json* list = body->find("events");
  if (list == nullptr || list->list() == nullptr) return refusal(422, "events: expected a list");
  if (list->list()->empty() || list->list()->size() > kEventsMax)
    return refusal(422, "events: expected 1 to " + std::to_string(kEventsMax));
  Translation translation(parts.served);
  for (const Json& event : *list->list()) translation.add(event);
  if (translation.lines().empty()) return ok_answer();
  const Door door{.door = "storefront", .source = "storefront", .now_ms = now_ms()};
  const auto taken = parts.engine.events(translation.lines(), door, BodyKind::kJsonLines);
  if (!taken.ok()) return refusal(taken.error().code == Code::kInvalid ? 422 : 503, taken.error().what);
  const IngestResult& result = taken->result;
  if (result.retry_after_ms > 0 && result.accepted == 0) {
    Response slow = refusal(429, "too many events from this source");
    slow.headers.emplace_back("retry-after", std::to_string((result.retry_after_ms + 999) / 1000));
    return slow;
  }
  if (result.accepted == 0 && result.duplicates == 0 && result.rejected > 0 && translation.ignored() == 0)
    return refusal(422, result.errors.empty() ? "no event was taken" : result.errors.front().message());
  Response response;
  const Offset end = std::max(taken->end, parts.engine.log().end());
  response.later = [&parts, end](std::function<void(Response)> give) {
    parts.engine.commit(end, [give = std::move(give)](const Status& durable) {
      give(durable.ok() ? ok_answer() : refusal(durable.error()));
    });
  };
  return response;
}

Response erase_user(Parts& parts, const Request& request) {
  if (const Status begun = parts.engine.erase_user(request.params[0]); !begun.ok())
    return refusal(begun.error());
  JsonWriter json;
  json.object()
      .field("user", std::string_view(request.params[0]))
      .field("deletedUntil", iso_time(now_ms()))
      .end();
  return json_answer(json);
}

Response alive(Parts&, const Request&) {
  JsonWriter json;
  json.object().field("message", "server is alive").end();
  return json_answer(json);
}

}  // namespace

void add_event_routes(Router& router, Parts& parts) {
  router.add(route(parts, Method::kPost, "/1/events", Access::kRead, kEventsBody, true, events));
  router.add(route(parts, Method::kDelete, "/1/usertokens/{user}", Access::kAdmin, 0, true, erase_user));
  router.add(route(parts, Method::kGet, "/1/isalive", Access::kOpen, 0, false, alive));
}

}  // namespace freshet::dialect_internal
