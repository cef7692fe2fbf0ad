// What clicks teach, as searches show it.
#include <gtest/gtest.h>

#include "base/hash.h"
#include "search/testing/small_shop.h"

namespace freshet {
namespace {

// Serves a page the way the engine does, and puts it on record.
SearchAnswer serve(testing::SmallShop& shop, const std::string& query, const std::string& query_id) {
  SearchRequest request;
  request.query = query;
  request.explain = true;
  request.explore = hash_bytes(query_id);
  SearchAnswer answer = shop.search(request).value();
  Event event;
  event.type = EventType::kImpression;
  event.query = query;
  event.query_id = query_id;
  event.surface = "search";
  std::string features;
  for (const SearchHit& hit : answer.hits) {
    event.shown.push_back({hit.id, hit.propensity});
    features += hit.match;
  }
  EXPECT_EQ(features.size(), answer.hits.size() * 2 * kMatchFeatures);
  if (answer.exchanged >= 0) event.attributes.push_back({"exchanged", int64_t{answer.exchanged}});
  event.attributes.push_back({"features", features});
  shop.apply(std::move(event));
  return answer;
}

void click(testing::SmallShop& shop, const std::string& item, const std::string& query_id) {
  Event event;
  event.type = EventType::kClick;
  event.item = item;
  event.query_id = query_id;
  shop.apply(std::move(event));
}

TEST(SearchClicks, LiftWhatIsClickedUntilTheyAreTurnedOff) {
  testing::SmallShop shop;
  shop.fill();
  shop.settings(R"({"popularity_weight": 0, "intent_weight": 0, "ranking": []})");
  const std::string before = shop.ids("kettle");
  const std::string last = before.substr(before.rfind(' ') + 1);
  int exchanged = 0;
  for (int i = 0; i < 80; ++i) {
    const std::string id = "page-" + std::to_string(i);
    const SearchAnswer answer = serve(shop, "kettle", id);
    exchanged += answer.exchanged >= 0 ? 1 : 0;
    for (const SearchHit& hit : answer.hits) {
      double sum = 0;
      for (const HitPart& part : hit.parts) sum += part.value;
      EXPECT_EQ(sum, hit.score) << hit.id;
    }
    if (i % 2 == 0) click(shop, last, id);
  }
  EXPECT_EQ(shop.ids("kettle").substr(0, last.size()), last);
  EXPECT_EQ(shop.ids("kettle"), shop.ids("kettle"));
  EXPECT_GT(exchanged, 2);
  EXPECT_LT(exchanged, 40);
  shop.settings(R"({"popularity_weight": 0, "intent_weight": 0, "ranking": [], "click_weight": 0})");
  EXPECT_EQ(shop.ids("kettle"), before);
  EXPECT_EQ(serve(shop, "kettle", "after").exchanged, -1);
}

// Of 300 pages, six lamps each: how often each place was drawn to change. Clicks are on one lamp, or on each
// in turn.
std::array<int, 6> drawn_places(bool clear_best) {
  testing::SmallShop shop;
  shop.fill();
  const std::string metals[] = {"brass", "copper", "iron", "silver", "steel", "tin"};
  for (const std::string& metal : metals) shop.item(metal, {{"title", metal + " lamp"}});
  shop.settings(R"({"popularity_weight": 0, "intent_weight": 0, "ranking": [], "click_exploration": 0})");
  std::array<int, 6> drawn{};
  for (int i = 0; i < 400; ++i) {
    const std::string id = "page-" + std::to_string(i);
    const SearchAnswer answer = serve(shop, "lamp", id);
    EXPECT_EQ(answer.hits.size(), 6u);
    if (i % 2 == 0) click(shop, clear_best ? "brass" : metals[(i / 2) % 6], id);
    const auto is_drawn = [&](size_t place) { return answer.hits[place].propensity < 0.6f; };
    if (answer.exchanged >= 0)
      for (const auto& pair : Examination::kDesigns[static_cast<size_t>(answer.exchanged)]) {
        if (pair.lower < 6) {
          EXPECT_EQ(is_drawn(pair.upper), is_drawn(pair.lower));
        } else if (pair.upper < 6) {
          EXPECT_FALSE(is_drawn(pair.upper));
        }
      }
    for (size_t place = 0; i >= 100 && place < 6; ++place) drawn[place] += is_drawn(place) ? 1 : 0;
  }
  return drawn;
}

// While how often places are looked at is in doubt, items that are about as good change places on most pages,
// an item that is clearly better and its partners on few.
TEST(SearchClicks, PlacesAreExchangedWhereLittleIsLost) {
  const std::array<int, 6> clear = drawn_places(true), alike = drawn_places(false);
  EXPECT_GT(clear[0], 0);
  EXPECT_LT(clear[0], 300 * 40 / 100);  // Those where all pairs change: six times .05.
  EXPECT_GT(clear[1], 300 * 40 / 100);
  // Of those alike, the farthest partner of the first place.
  EXPECT_GT(alike[0], 300 * 80 / 100);
  EXPECT_GT(alike[5], 300 * 60 / 100);
}

// The share of pages with exchanges, by how much is in doubt. The items are alike, so that little is lost.
TEST(SearchClicks, ExchangesThatLoseLittleGoOnUntilPlacesAreKnownWell) {
  testing::SmallShop shop;
  for (int i = 0; i < 10; ++i) {
    const std::string id(1, static_cast<char>('a' + i));
    shop.item(id, {{"title", id + id + id + " lamp"}});
  }
  shop.settings(R"({"popularity_weight": 0, "intent_weight": 0, "ranking": [], "click_exploration": 0})");
  struct Band {
    int pages = 0, exchanged = 0;
    double share() const { return pages == 0 ? 0 : static_cast<double>(exchanged) / pages; }
  } high, middle, low;  // Above .08, above .05, below.
  for (int i = 0; low.pages < 300 && i < 6000; ++i) {
    const std::string id = "page-" + std::to_string(i);
    const double doubt = shop.clicks_.parameters().doubt;
    const bool ready = shop.clicks_.parameters().ready;
    const SearchAnswer answer = serve(shop, "lamp", id);
    Band& band = doubt > 0.08 ? high : doubt > 0.05 ? middle : low;
    band.pages += ready ? 1 : 0;
    band.exchanged += answer.exchanged >= 0 ? 1 : 0;
    for (const SearchHit& hit : answer.hits) click(shop, hit.id, id);
  }
  EXPECT_GT(high.share(), 0.8);
  EXPECT_GT(middle.pages, 100);
  EXPECT_GT(middle.share(), 0.8);
  EXPECT_EQ(low.pages, 300);
  EXPECT_GT(low.exchanged, 0);
  EXPECT_LT(low.share(), 0.12);
}

TEST(SearchClicks, OrdersThatTheShopperChoseAreNotTouched) {
  testing::SmallShop shop;
  shop.fill();
  for (int i = 0; i < 60; ++i) {
    const std::string id = "page-" + std::to_string(i);
    serve(shop, "kettle", id);
    click(shop, "k2", id);
  }
  SearchRequest request;
  request.query = "kettle";
  request.sort = {{"price", false}};
  request.explore = 1;
  EXPECT_EQ(shop.ids(request), "k3 k1 k2");
  request.sort.clear();
  request.query = "k1";
  EXPECT_EQ(shop.ids(request).substr(0, 2), "k1");
}

}  // namespace
}  // namespace freshet
