// Items and users of the feedback dialect, as items and shoppers of the shop.
//
//   item   ItemId, Categories = category, IsHidden = not available, Timestamp = published_ms,
//          Labels = labels, Comment = title
//   user   UserId, Labels = labels, Comment = comment
#include "dialect/internal/feedback_parts.h"
#include "dialect/internal/parts.h"
#include "dialect/internal/records.h"
#include "env/clock.h"
#include "env/secret.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kObjectsMax = 10'000, kPageMax = 1000;

Json* member_of(Json::Object& object, std::string_view name) {
  for (Json::Member& one : object)
    if (one.name == name) return &one.value;
  return nullptr;
}

void put_member(Json::Object& object, std::string_view name, const Json& value) {
  if (Json* there = member_of(object, name)) {
    *there = value;
  } else {
    object.push_back({std::string(name), value});
  }
}

Json of_flag(bool flag) {
  Json out;
  out.value = flag;
  return out;
}

// What `given` says of an item, over what is known of it. kInvalid: names the member.
Status change_item(const Json& given, Json::Object& record) {
  if (const Json* hidden = given.find("IsHidden"); hidden != nullptr && !hidden->is_null()) {
    if (hidden->flag() == nullptr) return invalid("IsHidden: expected true or false, got " + shown(*hidden));
    put_member(record, "available", of_flag(!*hidden->flag()));
  }
  if (const Json* categories = given.find("Categories"); categories != nullptr && !categories->is_null()) {
    if (categories->list() == nullptr)
      return invalid("Categories: expected a list of texts, got " + shown(*categories));
    for (const Json& one : *categories->list())
      if (one.text() == nullptr) return invalid("Categories: expected a list of texts, got " + shown(one));
    put_member(record, "category", *categories);
  }
  if (const std::string time = text_member(given, "Timestamp"); !time.empty()) {
    TimeMs ms = 0;
    if (!time_from_text(time, TimeUnit::kAuto, ms))
      return invalid("Timestamp: expected an ISO 8601 time, got \"" + time.substr(0, 40) + "\"");
    Json out;
    out.value = static_cast<int64_t>(ms);
    put_member(record, "published_ms", out);
  }
  if (const Json* labels = given.find("Labels"); labels != nullptr && !labels->is_null())
    put_member(record, "labels", *labels);
  if (const std::string comment = text_member(given, "Comment"); !comment.empty())
    put_member(record, "title", json_text(comment));
  return {};
}

void write_item(JsonWriter& json, std::string_view id, const std::vector<Attribute>& attributes,
                bool available) {
  Json record;
  record.value = record_of(attributes);
  json.object().field("ItemId", id).field("IsHidden", !available).key("Categories").array();
  if (const Json* category = record.find("category")) {
    if (category->text() != nullptr) json.value(std::string_view(*category->text()));
    if (category->list() != nullptr)
      for (const Json& one : *category->list()) write_json(json, one);
  }
  json.end();
  double published = 0;
  const Json* time = record.find("published_ms");
  if (time != nullptr && time->number(published))
    json.field("Timestamp", iso_time(static_cast<TimeMs>(published)));
  const Json* labels = record.find("labels");
  if (labels == nullptr) {
    json.key("Labels").null();
  } else {
    write_json(json.key("Labels"), *labels);
  }
  json.field("Comment", text_member(record, "title")).end();
}

// A source of its own for every request: the same item may come again, and is no duplicate then.
Result<Accepted> put_items(FeedbackParts& parts, const std::string& lines) {
  const std::string source = "feedback-" + random_hex(8);
  return parts.engine.items(lines, ItemChange::kUpsert,
                            {.door = "feedback", .source = source, .now_ms = now_ms()}, BodyKind::kJsonLines);
}

Response answer_written(FeedbackParts& parts, const Result<Accepted>& taken) {
  if (!taken.ok()) return text_refusal(taken.error());
  const IngestResult& result = taken->result;
  if (result.rejected > 0 && result.accepted == 0)
    return text_refusal(400, result.errors.empty() ? "nothing was taken" : result.errors.front().message());
  return when_in_force(parts, taken->end, rows_affected(result.accepted));
}

Response post_items(FeedbackParts& parts, const Request& request) {
  const auto items = listed_body(request, parts.body_bytes_max, kObjectsMax);
  if (!items.ok()) return text_refusal(items.error());
  std::string lines;
  for (size_t i = 0; i < items->size(); ++i) {
    const std::string at = "[" + std::to_string(i) + "].";
    const std::string id = text_member((*items)[i], "ItemId");
    if (id.empty()) return text_refusal(400, at + "ItemId: expected a text");
    Json record;
    record.value = Json::Object{};
    if (const Status good = change_item((*items)[i], std::get<Json::Object>(record.value)); !good.ok())
      return text_refusal(400, at + good.error().what);
    const auto line = item_line(record, id);
    if (!line.ok()) return text_refusal(line.error());
    lines += *line + "\n";
  }
  const std::lock_guard lock(parts.writing);
  return answer_written(parts, put_items(parts, lines));
}

// An item as it is, changed by `change`, written back.
template <class Change>
Response rewrite_item(FeedbackParts& parts, const std::string& id, const Change& change) {
  const std::lock_guard lock(parts.writing);
  const Result<ItemView> found = parts.engine.item(id);
  if (!found.ok() || !found->record.listed) return text_refusal(404, "there is no item \"" + id + "\"");
  Json record;
  record.value = record_of(found->record.attributes);
  if (const Status good = change(std::get<Json::Object>(record.value)); !good.ok())
    return text_refusal(good.error());
  const auto line = item_line(record, id);
  if (!line.ok()) return text_refusal(line.error());
  return answer_written(parts, put_items(parts, *line));
}

Response patch_item(FeedbackParts& parts, const Request& request) {
  const auto given = listed_body(request, kQueryBody, 1);
  if (!given.ok()) return text_refusal(given.error());
  if (given->empty()) return text_refusal(400, "body: expected an object");
  return rewrite_item(parts, request.params[0],
                      [&](Json::Object& record) { return change_item(given->front(), record); });
}

Response change_category(FeedbackParts& parts, const Request& request, bool wanted) {
  return rewrite_item(parts, request.params[0], [&](Json::Object& record) -> Status {
    Json::List kept;
    if (const Json* there = member_of(record, "category")) {
      const Json::List one = {*there};
      for (const Json& category : there->list() != nullptr ? *there->list() : one)
        if (category.text() != nullptr && *category.text() != request.params[1]) kept.push_back(category);
    }
    if (wanted) kept.push_back(json_text(request.params[1]));
    Json list;
    list.value = std::move(kept);
    put_member(record, "category", list);
    return {};
  });
}

Response put_category(FeedbackParts& parts, const Request& request) {
  return change_category(parts, request, true);
}

Response delete_category(FeedbackParts& parts, const Request& request) {
  return change_category(parts, request, false);
}

Response get_item(FeedbackParts& parts, const Request& request) {
  const std::string& id = request.params[0];
  const Result<ItemView> found = parts.engine.item(id);
  if (!found.ok() || !found->record.listed) return text_refusal(404, "there is no item \"" + id + "\"");
  JsonWriter json;
  write_item(json, id, found->record.attributes, found->record.available);
  return json_answer(json);
}

Response delete_item(FeedbackParts& parts, const Request& request) {
  const std::lock_guard lock(parts.writing);
  const std::string& id = request.params[0];
  const Result<ItemView> found = parts.engine.item(id);
  if (!found.ok() || !found->record.listed) return rows_affected(0);
  Event event;
  event.type = EventType::kItemDelete;
  event.item = id;
  event.id = random_hex(8);
  return answer_written(
      parts, parts.engine.event(event, {.door = "feedback", .source = "feedback", .now_ms = now_ms()}));
}

Response get_items(FeedbackParts& parts, const Request& request) {
  const auto count = whole_argument(request, "n", 100, kPageMax);
  if (!count.ok()) return text_refusal(count.error());
  BrowseRequest asked;
  asked.cursor = request.argument("cursor").value_or(request.argument("Cursor").value_or(""));
  asked.count = static_cast<uint32_t>(std::max<size_t>(*count, 1));
  asked.attributes = {"*"};
  const Result<BrowseAnswer> page = parts.engine.browse(asked);
  if (!page.ok()) return text_refusal(page.error());
  JsonWriter json;
  json.object().field("Cursor", std::string_view(page->cursor)).key("Items").array();
  for (const SearchHit& hit : page->hits) {
    const Result<ItemView> found = parts.engine.item(hit.id);
    if (found.ok()) write_item(json, hit.id, found->record.attributes, found->record.available);
  }
  json.end().end();
  return json_answer(json);
}

// ---- users

void write_user(JsonWriter& json, const UserView& user) {
  Json known;
  known.value = record_of(user.attributes);
  json.object().field("UserId", std::string_view(user.id));
  const Json* labels = known.find("labels");
  if (labels == nullptr) {
    json.key("Labels").null();
  } else {
    write_json(json.key("Labels"), *labels);
  }
  json.field("Comment", text_member(known, "comment")).end();
}

void write_user_event(JsonWriter& json, const std::string& id, const Json& given, const UserView* known) {
  Json::Object attributes;
  if (known != nullptr) attributes = record_of(known->attributes);
  if (const Json* labels = given.find("Labels"); labels != nullptr && !labels->is_null())
    put_member(attributes, "labels", *labels);
  if (const std::string comment = text_member(given, "Comment"); !comment.empty())
    put_member(attributes, "comment", json_text(comment));
  Json all;
  all.value = std::move(attributes);
  json.object().field("type", "user-upsert").field("user", std::string_view(id));
  write_json(json.key("attributes"), all);
  json.end();
}

Response put_users(FeedbackParts& parts, const std::string& lines) {
  const std::string source = "feedback-" + random_hex(8);
  return answer_written(parts,
                        parts.engine.events(lines, {.door = "feedback", .source = source, .now_ms = now_ms()},
                                            BodyKind::kJsonLines));
}

Response post_users(FeedbackParts& parts, const Request& request) {
  const auto users = listed_body(request, parts.body_bytes_max, kObjectsMax);
  if (!users.ok()) return text_refusal(users.error());
  std::string lines;
  for (size_t i = 0; i < users->size(); ++i) {
    const std::string id = text_member((*users)[i], "UserId");
    if (id.empty()) return text_refusal(400, "[" + std::to_string(i) + "].UserId: expected a text");
    JsonWriter json;
    write_user_event(json, id, (*users)[i], nullptr);
    lines += json.take() + "\n";
  }
  const std::lock_guard lock(parts.writing);
  return put_users(parts, lines);
}

Response patch_user(FeedbackParts& parts, const Request& request) {
  const auto given = listed_body(request, kQueryBody, 1);
  if (!given.ok()) return text_refusal(given.error());
  if (given->empty()) return text_refusal(400, "body: expected an object");
  const std::lock_guard lock(parts.writing);
  const Result<UserView> known = parts.engine.user(request.params[0]);
  if (!known.ok()) return text_refusal(known.error());
  JsonWriter json;
  write_user_event(json, request.params[0], given->front(), &*known);
  return put_users(parts, json.take());
}

Response get_user(FeedbackParts& parts, const Request& request) {
  const Result<UserView> known = parts.engine.user(request.params[0]);
  if (!known.ok()) return text_refusal(known.error());
  JsonWriter json;
  write_user(json, *known);
  return json_answer(json);
}

// A person's erasure: the profile is gone when this answers, the rest follows.
Response delete_user(FeedbackParts& parts, const Request& request) {
  const bool known = parts.engine.user(request.params[0]).ok();
  if (const Status begun = parts.engine.erase_user(request.params[0]); !begun.ok())
    return text_refusal(begun.error());
  return rows_affected(known ? 1 : 0);
}

Response list_users(FeedbackParts&, const Request&) {
  return text_refusal(501, "users are not listed here: ask for one by its id");
}

}  // namespace

void add_object_routes(const FeedbackRoutes& routes) {
  const size_t large = routes.parts.body_bytes_max;
  routes.add(Method::kPost, "/api/item", Access::kWrite, large, post_items);
  routes.add(Method::kPost, "/api/items", Access::kWrite, large, post_items);
  routes.add(Method::kGet, "/api/items", Access::kRead, 0, get_items);
  routes.add(Method::kGet, "/api/item/{item}", Access::kRead, 0, get_item);
  routes.add(Method::kPatch, "/api/item/{item}", Access::kWrite, kQueryBody, patch_item);
  routes.add(Method::kDelete, "/api/item/{item}", Access::kWrite, 0, delete_item);
  routes.add(Method::kPut, "/api/item/{item}/category/{category}", Access::kWrite, kQueryBody, put_category);
  routes.add(Method::kDelete, "/api/item/{item}/category/{category}", Access::kWrite, 0, delete_category);
  routes.add(Method::kPost, "/api/user", Access::kWrite, large, post_users);
  routes.add(Method::kPost, "/api/users", Access::kWrite, large, post_users);
  routes.add(Method::kGet, "/api/users", Access::kRead, 0, list_users);
  routes.add(Method::kGet, "/api/user/{user}", Access::kRead, 0, get_user);
  routes.add(Method::kPatch, "/api/user/{user}", Access::kWrite, kQueryBody, patch_user);
  routes.add(Method::kDelete, "/api/user/{user}", Access::kAdmin, 0, delete_user);
}

}  // namespace freshet::dialect_internal
