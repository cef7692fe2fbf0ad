// Feedback as events: a type of the client's own choosing, a user, an item, a time.
//
// A type that is one of ours (docs/events.md, with its synonyms), or one of kTypes, is learned as that; any
// other as a view. The word itself stays with the event, as its attribute `feedback_type`.
#include <charconv>

#include "dialect/internal/feedback_parts.h"
#include "dialect/internal/parts.h"
#include "env/clock.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kFeedbackMax = 10'000, kPageMax = 1000;
constexpr size_t kScannedMax = 100'000;  // Events of the log looked at for one page.
constexpr std::string_view kTypeAttribute = "feedback_type";

struct Meaning {
  std::string_view word;
  EventType type;
};
constexpr Meaning kTypes[] = {
    {"read", EventType::kView},     {"watch", EventType::kView},
    {"play", EventType::kView},     {"star", EventType::kWishlist},
    {"save", EventType::kWishlist}, {"share", EventType::kWishlist},
    {"fork", EventType::kWishlist}, {"dislike", EventType::kDismiss},
    {"skip", EventType::kDismiss},  {"not_interested", EventType::kDismiss},
};

EventType meaning_of(const std::string& word) {
  for (const Meaning& one : kTypes)
    if (one.word == word) return one.type;
  const std::optional<EventType> ours = parse_event_type(word);
  return ours && is_item_action(*ours) ? *ours : EventType::kView;
}

std::string feedback_line(const Json& one) {
  const std::string word = text_member(one, "FeedbackType"), user = text_member(one, "UserId"),
                    item = text_member(one, "ItemId"), time = text_member(one, "Timestamp");
  const EventType type = word.empty() ? EventType::kView : meaning_of(word);
  JsonWriter json;
  json.object().field("type", event_type_name(type)).field("user", std::string_view(user));
  json.field("item", std::string_view(item));
  if (!time.empty()) json.field("time", std::string_view(time));
  // The same feedback at the same time is the same, however often it is sent.
  const std::string id = word + "|" + user + "|" + item + "|" + time;
  if (!time.empty() && id.size() <= 256) json.field("id", std::string_view(id));
  if (type == EventType::kRating) {
    if (const std::string value = text_member(one, "Value"); !value.empty())
      json.field("rating", std::string_view(value));
  }
  json.key("attributes").object().field(kTypeAttribute, std::string_view(word));
  if (const std::string comment = text_member(one, "Comment"); !comment.empty())
    json.field("comment", std::string_view(comment));
  json.end().end();
  return json.take();
}

Response post_feedback(FeedbackParts& parts, const Request& request) {
  const auto list = listed_body(request, parts.body_bytes_max, kFeedbackMax);
  if (!list.ok()) return text_refusal(list.error());
  std::string lines;
  for (size_t i = 0; i < list->size(); ++i) {
    for (const char* name : {"FeedbackType", "UserId", "ItemId"})
      if (text_member((*list)[i], name).empty())
        return text_refusal(400, "[" + std::to_string(i) + "]." + name + ": expected a text");
    lines += feedback_line((*list)[i]) + "\n";
  }
  const auto taken = parts.engine.events(
      lines, {.door = "feedback", .source = "feedback", .now_ms = now_ms()}, BodyKind::kJsonLines);
  if (!taken.ok()) return text_refusal(taken.error());
  const IngestResult& result = taken->result;
  if (result.rejected > 0 && result.accepted + result.duplicates == 0)
    return text_refusal(400, result.errors.empty() ? "nothing was taken" : result.errors.front().message());
  return when_in_force(parts, taken->end, rows_affected(result.accepted));
}

void write_feedback(JsonWriter& json, std::string_view word, std::string_view user, std::string_view item,
                    TimeMs time_ms) {
  json.object().field("FeedbackType", word).field("UserId", user).field("ItemId", item);
  json.field("Timestamp", iso_time(time_ms)).field("Comment", "").end();
}

// What a profile holds of one user; the types are ours, or the one asked for, which means the same.
Response user_feedback(FeedbackParts& parts, const Request& request) {
  const std::string& user = request.params[0];
  const std::string word = request.params.size() > 1 ? request.params[1] : "";
  const Result<UserView> known = parts.engine.user(user);
  JsonWriter json;
  json.array();
  if (known.ok())
    for (const UserView::Action& action : known->actions)
      if (word.empty() || action.type == meaning_of(word))
        write_feedback(json, word.empty() ? event_type_name(action.type) : std::string_view(word), user,
                       action.item, action.time_ms);
  json.end();
  return json_answer(json);
}

// Between one user and one item: /feedback/{type}/{user}/{item} gives the last, /feedback/{user}/{item} all.
Response feedback_between(FeedbackParts& parts, const Request& request) {
  const bool typed = request.params.size() == 3;
  const std::string word = typed ? request.params[0] : "";
  const std::string &user = request.params[typed ? 1 : 0], &item = request.params[typed ? 2 : 1];
  const Result<UserView> known = parts.engine.user(user);
  JsonWriter json;
  if (!typed) json.array();
  bool any = false;
  for (size_t i = known.ok() ? known->actions.size() : 0; i-- > 0 && !(typed && any);) {
    const UserView::Action& action = known->actions[i];
    if (action.item != item || (typed && action.type != meaning_of(word))) continue;
    write_feedback(json, typed ? std::string_view(word) : event_type_name(action.type), user, item,
                   action.time_ms);
    any = true;
  }
  if (!typed) json.end();
  return typed && !any ? text_refusal(404, "there is no such feedback") : json_answer(json);
}

std::string word_of(const Event& event) {
  const auto* word = event.attribute_as<std::string>(kTypeAttribute);
  return word != nullptr ? *word : std::string(event_type_name(event.type));
}

// All feedback in the order of the log, whose offsets are the cursors.
Result<Response> list_of_log(FeedbackParts& parts, const Request& request) {
  TRY(const size_t count, whole_argument(request, "n", 100, kPageMax));
  const std::string word = request.params.empty() ? "" : request.params[0];
  const std::string_view from = request.argument("cursor").value_or(request.argument("Cursor").value_or(""));
  EventLog& log = parts.engine.log();
  Offset at = log.begin();
  if (!from.empty()) {
    const auto [end, error] = std::from_chars(from.data(), from.data() + from.size(), at);
    if (error != std::errc() || end != from.data() + from.size() || at > log.end())
      return invalid("cursor: expected the one of the page before");
  }
  TRY(const std::unique_ptr<Cursor> cursor, log.read(std::max(at, log.begin())));
  JsonWriter json;
  json.object().key("Feedback").array();
  Event event;
  size_t written = 0, scanned = 0;
  bool more = true;
  while (written < count && scanned < kScannedMax) {
    TRY(more, cursor->next());
    if (!more) break;
    ++scanned;
    at = cursor->offset() + 1;
    TRY_STATUS(cursor->decode(event));
    if (!is_item_action(event.type) || event.user.empty()) continue;
    const std::string said = word_of(event);
    if (!word.empty() && said != word && event_type_name(event.type) != word) continue;
    write_feedback(json, said, event.user, event.item, event.time_ms);
    ++written;
  }
  json.end().field("Cursor", more ? std::to_string(at) : std::string()).end();
  return json_answer(json);
}

Response list_feedback(FeedbackParts& parts, const Request& request) {
  Result<Response> page = list_of_log(parts, request);
  return page.ok() ? std::move(page).value() : text_refusal(page.error());
}

Response kept_for_ever(FeedbackParts&, const Request&) {
  return text_refusal(501, "feedback is kept as it happened; DELETE /api/user/{id} erases all of a person");
}

Response not_by_item(FeedbackParts&, const Request&) {
  return text_refusal(501,
                      "feedback is not kept by item: ask for a user's, or page through all at /api/feedback");
}

}  // namespace

void add_feedback_routes(const FeedbackRoutes& routes) {
  const size_t large = routes.parts.body_bytes_max;
  const std::string all = "/api/feedback", of_user = "/api/user/{user}/feedback",
                    of_item = "/api/item/{item}/feedback";
  routes.add(Method::kPost, all, Access::kWrite, large, post_feedback);
  routes.add(Method::kPut, all, Access::kWrite, large, post_feedback);
  routes.add(Method::kGet, all, Access::kWrite, 0, list_feedback);
  routes.add(Method::kGet, all + "/{type}", Access::kWrite, 0, list_feedback);
  for (const char* between : {"/{user}/{item}", "/{type}/{user}/{item}"}) {
    routes.add(Method::kGet, all + between, Access::kRead, 0, feedback_between);
    routes.add(Method::kDelete, all + between, Access::kWrite, 0, kept_for_ever);
  }
  for (const char* type : {"", "/{type}"}) {
    routes.add(Method::kGet, of_user + type, Access::kRead, 0, user_feedback);
    routes.add(Method::kGet, of_item + type, Access::kRead, 0, not_by_item);
  }
}

}  // namespace freshet::dialect_internal
