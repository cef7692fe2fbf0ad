// The learned ranker in the shop's own state: impressions and what follows them change what is recommended
// and found, the explanation still adds up, and snapshots bear all of it.
#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "base/epoch.h"
#include "base/hash.h"
#include "engine/shop_state.h"
#include "rules/rules.h"
#include "search/search_service.h"
#include "serve/recommend_service.h"

namespace freshet {
namespace {

StateConfig small_config() {
  StateConfig config;
  config.recommender.memory_bytes = 64 << 20;
  config.search.background = false;
  config.ranker = {.weight_bits = 14, .deep_bits = 12, .memory_bits = 10};
  return config;
}

// A shop whose shoppers click what is red, whatever they are shown.
class Shop {
 public:
  static constexpr int kItems = 40;
  Shop()
      : state_(std::move(ShopState::open(small_config())).value()),
        recommend_(state_->catalog(), state_->profiles(), state_->recommender()),
        search_(state_->catalog(), state_->settings(), state_->search(), small_config().search,
                &state_->vectors(), &state_->intent(), &state_->suggestions(), &state_->clicks()) {
    recommend_.rank_with(state_->ranker(), state_->settings());
    search_.rank_with(state_->ranker(), state_->profiles());
    for (int i = 0; i < kItems; ++i) {
      Event event;
      event.type = EventType::kItemUpsert;
      event.item = id(i);
      event.attributes = {{"category", "c" + std::to_string(i % 3)},
                          {"color", std::string(i % 4 == 0 ? "red" : "grey")},
                          {"price", 10.0 + i},
                          {"title", "lamp number " + std::to_string(i)}};
      apply(event);
    }
  }
  static std::string id(int i) { return "i" + std::to_string(i); }
  static bool red(const std::string& id) { return std::stoi(id.substr(1)) % 4 == 0; }

  void apply(Event event) {
    event.source = "test";
    if (event.id.empty()) event.id = "e" + std::to_string(next_);
    if (event.time_ms == kNoTime) event.time_ms = now_;
    state_->apply(next_++, event);
  }
  void settings(const std::string& json) {
    apply(settings_event("stage", json, ""));
    apply(settings_event("publish", std::to_string(state_->settings().book().next - 1), ""));
  }
  RecommendAnswer recommend(const std::string& user, uint64_t explore = 0, size_t k = 10) {
    RecommendRequest request;
    request.user = user;
    request.k = k;
    request.explain = true;
    request.explore = explore;
    return recommend_.recommend(request, now_).value();
  }
  SearchAnswer find(const std::string& user, std::vector<SortKey> sort = {}, uint64_t explore = 0) {
    SearchRequest request;
    request.query = "lamp";
    request.user = user;
    request.count = 10;
    request.explain = true;
    request.sort = std::move(sort);
    request.explore = explore;
    return search_.search(request, now_).value();
  }
  // A page is shown, and answered to by its colours.
  void visit(int n, bool search) {
    now_ += 40 * 60 * 1000;
    const std::string user = "u" + std::to_string(n % 15);
    Event page;
    page.type = EventType::kImpression;
    page.user = user;
    page.query_id = "q" + std::to_string(n);
    page.surface = search ? "search" : "for-you";
    const uint64_t key = hash_bytes(page.query_id);
    if (search) {
      page.query = "lamp";
      const SearchAnswer answer = find(user, {}, key);
      std::string features, bases;
      for (const SearchHit& hit : answer.hits) {
        page.shown.push_back({hit.id, hit.propensity});
        features += hit.match;
        append_base(hit.base, bases);
      }
      page.attributes = {{"base", bases}, {"features", features}, {"ranked", answer.ranked}};
    } else {
      put_shown(recommend(user, key), page);
    }
    apply(page);
    Draw draw(mix64(key, 7));
    now_ += 1000;
    for (size_t k = 0; k < page.shown.size(); ++k) {
      if (draw.uniform() >= (red(page.shown[k].item) ? 0.5 : 0.05) / (1 + 0.3 * static_cast<double>(k)))
        continue;
      Event click;
      click.type = EventType::kClick;
      click.user = user;
      click.query_id = page.query_id;
      click.item = page.shown[k].item;
      apply(click);
    }
    Event view;  // By himself; so that there is something to recommend.
    view.type = EventType::kView;
    view.user = user;
    view.item = id(static_cast<int>(draw.below(kItems)));
    apply(view);
  }
  ShopState& state() { return *state_; }
  SearchService& search() { return search_; }
  TimeMs now() const { return now_; }

 private:
  std::unique_ptr<ShopState> state_;
  RecommendService recommend_;
  SearchService search_;
  Offset next_ = 0;
  TimeMs now_ = 1'760'000'000'000;
};

template <class Items>
int reds(const Items& items, size_t first) {
  int count = 0;
  for (size_t i = 0; i < std::min(first, items.size()); ++i) count += Shop::red(items[i].id) ? 1 : 0;
  return count;
}

template <class Parts>
double sum_of(const Parts& parts) {
  double sum = 0;
  for (const auto& part : parts) sum += part.value;
  return sum;
}

constexpr const char* kOff = R"({"ranker": {"weight": 0}})";
// So that only the ranker learns of searches.
constexpr const char* kOn =
    R"({"click_weight": 0, "popularity_weight": 0, "intent_weight": 0, "semantic_weight": 0, "ranking": [],
        "ranker": {"search_weight": 1}})";

TEST(RankerAtWork, RecommendsWhatIsAnsweredToAndExplainsIt) {
  Shop shop;
  for (int n = 0; n < 400; ++n) shop.visit(n, false);
  const auto all_reds = [&] {
    int sum = 0;
    for (int u = 0; u < 15; ++u) sum += reds(shop.recommend("u" + std::to_string(u)).items, 10);
    return sum;
  };
  const RecommendAnswer with = shop.recommend("u1");
  const int reds_with = all_reds();
  shop.settings(kOff);
  const RecommendAnswer without = shop.recommend("u1");
  EXPECT_GT(reds_with, all_reds());
  bool ranked = false;
  for (const RecommendedItem& item : with.items) {
    EXPECT_EQ(sum_of(item.parts), static_cast<double>(item.score)) << item.id;
    ranked |= std::any_of(item.parts.begin(), item.parts.end(),
                          [](const auto& part) { return part.part == "ranker"; });
    EXPECT_FALSE(item.reason.empty());
  }
  EXPECT_TRUE(ranked);
  for (const RecommendedItem& item : without.items)
    EXPECT_TRUE(std::none_of(item.parts.begin(), item.parts.end(),
                             [](const auto& part) { return part.part == "ranker"; }));
}

TEST(RankerAtWork, FindsWhatIsAnsweredToUnlessAnotherOrderIsAskedFor) {
  Shop shop;
  shop.settings(kOn);
  const SearchAnswer cold = shop.find("u1");
  for (int n = 0; n < 400; ++n) shop.visit(n, true);
  const SearchAnswer warm = shop.find("u1");
  int all_reds = 0;  // Of the first eight, of fifteen shoppers.
  for (int u = 0; u < 15; ++u) all_reds += reds(shop.find("u" + std::to_string(u)).hits, 8);
  EXPECT_GT(reds(warm.hits, 8), reds(cold.hits, 8));
  EXPECT_GE(all_reds, 6 * 15);
  bool ranked = false;
  for (const SearchHit& hit : warm.hits) {
    EXPECT_EQ(sum_of(hit.parts), hit.score) << hit.id;
    ranked |= std::any_of(hit.parts.begin(), hit.parts.end(),
                          [](const auto& part) { return part.name == "ranker"; });
  }
  EXPECT_TRUE(ranked);
  const SearchAnswer sorted = shop.find("u1", {{"price", false}});
  for (size_t i = 1; i < sorted.hits.size(); ++i) EXPECT_GT(sorted.hits[i].price, sorted.hits[i - 1].price);
  // What the shop says stays the last word.
  const Rule rule =
      parse_rule(
          R"({"id": "r", "when": [{"query": "lamp"}], "then": {"pin": [{"item": "i1", "position": 0}]}})")
          .value();
  SearchRequest request;
  request.query = "lamp";
  request.user = "u1";
  EXPECT_EQ(search_with_rules(shop.search(), request, {&rule}, shop.now())->hits.at(0).id, "i1");
}

TEST(RankerAtWork, DiversityCapsAndTrialsAsTheSettingsSay) {
  Shop shop;
  for (int n = 0; n < 300; ++n) shop.visit(n, false);
  shop.settings(R"({"ranker": {"category_cap": 2}})");
  std::map<std::string, int> categories;
  for (const RecommendedItem& item : shop.recommend("u1", 0, 6).items)
    ++categories[std::to_string(std::stoi(item.id.substr(1)) % 3)];
  for (const auto& [category, count] : categories) EXPECT_EQ(count, 2) << category;
  shop.settings(R"({"ranker": {"exploration": 1}})");
  const RecommendAnswer tried = shop.recommend("u1", 5);
  EXPECT_EQ(std::count_if(tried.items.begin(), tried.items.end(),
                          [](const auto& item) { return item.propensity < 0.1f; }),
            1);
  EXPECT_NEAR(tried.items[0].propensity, 1, 1e-6);
  for (const RecommendedItem& item : shop.recommend("u1").items) EXPECT_EQ(item.propensity, 1);
}

TEST(RankerAtWork, ASnapshotBearsWhatWasLearned) {
  Shop shop;
  const auto again = std::move(ShopState::open(small_config())).value();
  for (int n = 0; n < 200; ++n) shop.visit(n, n % 2 == 0);
  std::vector<Fold*> from = shop.state().folds(), to = again->folds();
  for (size_t i = 0; i < from.size(); ++i) {
    Writer out;
    from[i]->save(out);
    Reader in(out.bytes());
    ASSERT_TRUE(to[i]->load(in).ok()) << from[i]->name();
  }
  EXPECT_EQ((*again).hash(), shop.state().hash());
  const EpochGuard guard;
  EXPECT_EQ((*again).ranker().describe(), shop.state().ranker().describe());
  EXPECT_EQ((*again).clicks().describe(), shop.state().clicks().describe());
  EXPECT_GT(shop.state().ranker().parameters().examples, 1000u);
  EXPECT_GT((*again).joiner().waiting(), 0u);
}

}  // namespace
}  // namespace freshet
