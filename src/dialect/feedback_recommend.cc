// Recommendations of the feedback dialect: lists of ids, or of {"Id", "Score"}.
#include "dialect/internal/feedback_parts.h"
#include "dialect/internal/filters.h"
#include "dialect/internal/parts.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kShownMax = RecommendService::kItemsMax;  // n and offset together

struct Window {
  size_t offset = 0, count = 10;
};

Result<Window> window_of(const Request& request) {
  Window out;
  TRY(out.count, whole_argument(request, "n", out.count, kShownMax));
  TRY(out.offset, whole_argument(request, "offset", 0, kShownMax));
  if (out.offset + out.count > kShownMax)
    return invalid("n and offset: expected at most " + std::to_string(kShownMax) + " together");
  return out;
}

std::string in_category(const Request& request, size_t place) {
  const std::string category = request.params.size() > place ? request.params[place] : "";
  return category.empty() ? "" : "category:" + quoted(category);
}

struct Asked {
  RecommendRequest request;
  bool scores = true;  // {"Id", "Score"} instead of ids.
  bool record = false;
};

Response recommended(FeedbackParts& parts, const Request& from, Asked asked) {
  const auto window = window_of(from);
  if (!window.ok()) return text_refusal(window.error());
  asked.request.k = std::max<size_t>(window->offset + window->count, 1);
  const Result<RecommendPage> page = parts.engine.recommend(asked.request, asked.record);
  if (!page.ok()) return text_refusal(page.error());
  JsonWriter json;
  json.array();
  const std::vector<RecommendedItem>& items = page->answer.items;
  for (size_t i = window->offset; i < std::min(items.size(), window->offset + window->count); ++i) {
    if (asked.scores) {
      json.object().field("Id", std::string_view(items[i].id)).field("Score", items[i].score).end();
    } else {
      json.value(std::string_view(items[i].id));
    }
  }
  json.end();
  return json_answer(json);
}

// What is shown is noted: the page becomes an impression on the log, whatever write-back-type says.
Response for_user(FeedbackParts& parts, const Request& request) {
  Asked asked;
  asked.request.user = request.params[0];
  asked.request.filter = in_category(request, 1);
  asked.scores = false;
  asked.record = true;
  return recommended(parts, request, std::move(asked));
}

Response scored_for_user(FeedbackParts& parts, const Request& request) {
  Asked asked;
  asked.request.user = request.params[0];
  return recommended(parts, request, std::move(asked));
}

Response rising(FeedbackParts& parts, const Request& request) {
  Asked asked;
  asked.request.surface = Surface::kTrending;
  asked.request.filter = in_category(request, 0);
  return recommended(parts, request, std::move(asked));
}

Response named_list(FeedbackParts& parts, const Request& request) {
  Asked asked;  // Whatever lists a shop has named there: here it is what rises.
  asked.request.surface = Surface::kTrending;
  if (const auto category = request.argument("category"))
    asked.request.filter = "category:" + quoted(*category);
  return recommended(parts, request, std::move(asked));
}

Response neighbours(FeedbackParts& parts, const Request& request, size_t item) {
  Asked asked;
  asked.request.surface = Surface::kRelated;
  asked.request.items = {request.params[item]};
  asked.request.filter = in_category(request, item + 1);
  return recommended(parts, request, std::move(asked));
}

Response item_neighbours(FeedbackParts& parts, const Request& request) {
  return neighbours(parts, request, 0);
}

Response named_neighbours(FeedbackParts& parts, const Request& request) {
  return neighbours(parts, request, 1);
}

// Of feedback that is not kept: the items are the context of an unknown shopper.
Response for_session(FeedbackParts& parts, const Request& request) {
  const auto list = listed_body(request, kQueryBody, 1000);
  if (!list.ok()) return text_refusal(list.error());
  Asked asked;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string item = text_member((*list)[i], "ItemId");
    if (item.empty()) return text_refusal(400, "[" + std::to_string(i) + "].ItemId: expected a text");
    asked.request.items.push_back(item);
  }
  std::vector<std::string>& items = asked.request.items;
  if (items.size() > kShownMax)  // The last ones count.
    items.erase(items.begin(), items.end() - static_cast<std::ptrdiff_t>(kShownMax));
  asked.request.filter = in_category(request, 0);
  return recommended(parts, request, std::move(asked));
}

// By the items' Timestamp, newest first.
Response latest(FeedbackParts& parts, const Request& request) {
  const auto window = window_of(request);
  if (!window.ok()) return text_refusal(window.error());
  SearchRequest asked;
  asked.filter = "published_ms EXISTS";
  if (const std::string category = in_category(request, 0); !category.empty())
    asked.filter += " AND " + category;
  asked.sort = {{"published_ms", true}};
  asked.from = static_cast<uint32_t>(window->offset);
  asked.count = static_cast<uint32_t>(window->count);
  asked.attributes = {"published_ms"};
  asked.group_by = "-";
  asked.rules = false;
  asked.include_unavailable = false;
  const Result<SearchPage> page = parts.engine.search(asked, false);
  if (!page.ok()) return text_refusal(page.error());
  JsonWriter json;
  json.array();
  for (const SearchHit& hit : page->answer.hits) {
    double published = 0;
    for (const Attribute& one : hit.attributes)
      if (const auto* ms = std::get_if<int64_t>(&one.value)) published = static_cast<double>(*ms) / 1000;
    json.object().field("Id", std::string_view(hit.id)).field("Score", published).end();
  }
  json.end();
  return json_answer(json);
}

Response no_neighbours(FeedbackParts&, const Request&) {
  return text_refusal(501, "users are not compared with one another here");
}

Response healthy(FeedbackParts& parts, const Request&) {
  const bool ready = parts.engine.ready();
  JsonWriter json;
  json.object().field("Ready", ready).field("DataStoreConnected", true);
  json.field("CacheStoreConnected", true).end();
  return json_answer(json, ready ? 200 : 503);
}

Response alive(FeedbackParts&, const Request&) {
  JsonWriter json;
  json.object().field("Ready", true).end();
  return json_answer(json);
}

}  // namespace

void add_recommended_routes(const FeedbackRoutes& routes) {
  const auto get = [&](std::string pattern, FeedbackAnswer answer, Access access = Access::kRead) {
    routes.add(Method::kGet, std::move(pattern), access, 0, answer);
  };
  for (const std::string category : {"", "/{category}"}) {
    get("/api/recommend/{user}" + category, for_user);
    get("/api/latest" + category, latest);
    get("/api/popular" + category, rising);
    get("/api/item/{item}/neighbors" + category, item_neighbours);
    routes.add(Method::kPost, "/api/session/recommend" + category, Access::kRead, kQueryBody, for_session);
  }
  get("/api/non-personalized/{name}", named_list);
  get("/api/collaborative-filtering/{user}", scored_for_user);
  get("/api/item-to-item/{name}/{item}", named_neighbours);
  get("/api/user/{user}/neighbors", no_neighbours);
  get("/api/user-to-user/{name}/{user}", no_neighbours);
  get("/api/health/live", alive, Access::kOpen);
  get("/api/health/ready", healthy, Access::kOpen);
}

}  // namespace freshet::dialect_internal
