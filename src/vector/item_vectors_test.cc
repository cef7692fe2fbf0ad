#include "vector/item_vectors.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

TEST(LearnedEncoder, GradientIsThatOfTheLoss) {
  LearnedEncoder encoder({.dim = 16, .rows = 256, .seed = 3});
  encoder.count_words("grey sofa with three seats");
  encoder.count_words("oak table");
  TextFeatures query;
  encoder.features("grey couch", query);
  std::vector<LearnedEncoder::Candidate> candidates(3);
  const char* texts[] = {"three seat sofa grey", "oak table", "grey lamp"};
  for (int i = 0; i < 3; ++i) {
    encoder.features(texts[i], candidates[i].text);
    candidates[i].log_rate = 0.3f * static_cast<float>(i);
  }
  LearnedEncoder::Gradient gradients;
  const float loss = encoder.gradient(query, candidates, gradients);
  EXPECT_NEAR(loss, encoder.loss_slowly(query, candidates, 0, 0, 0), 1e-4);
  ASSERT_GT(gradients.rows.size(), 10u);
  constexpr double kStep = 1e-5;
  for (size_t r = 0; r < gradients.rows.size(); ++r)
    for (uint32_t i = 0; i < 16; i += 5) {
      const uint32_t row = gradients.rows[r];
      const double numeric = (encoder.loss_slowly(query, candidates, row, i, kStep) -
                              encoder.loss_slowly(query, candidates, row, i, -kStep)) /
                             (2 * kStep);
      EXPECT_NEAR(gradients.values[r * 16 + i], numeric, 2e-3 * (1 + std::abs(numeric))) << "row " << row;
    }
}

TEST(LearnedEncoder, QueriesAndItemsGoTheSameWay) {
  LearnedEncoder encoder;
  std::vector<float> a(64), b(64);
  EXPECT_FALSE(encoder.encode("sofa", TextSide::kQuery, a));  // Nothing learned, nothing made.
  encoder.count_words("sofa");
  ASSERT_TRUE(encoder.encode("Red  SOFA!", TextSide::kQuery, a));
  TextFeatures features;
  encoder.features("red sofa", features);
  ASSERT_TRUE(encoder.embed(features, b));
  for (int i = 0; i < 64; ++i) EXPECT_NEAR(a[i], b[i], 1e-6);
  EXPECT_FALSE(encoder.encode(" -- ", TextSide::kQuery, a));
  const auto similarity = [&](std::string_view x, std::string_view y) {
    float dot = 0;
    EXPECT_TRUE(encoder.encode(x, TextSide::kQuery, a) && encoder.encode(y, TextSide::kItem, b));
    for (int i = 0; i < 64; ++i) dot += a[i] * b[i];
    return dot;
  };
  EXPECT_GT(similarity("microwaves", "microwave"), 0.35f);  // Sub-words: known before anything is learned.
  EXPECT_LT(similarity("microwaves", "trousers"), 0.3f);
}

// A shop of furniture in which nobody but its shoppers knows that a sofa is a couch.
class Shop {
 public:
  explicit Shop(ItemVectorsConfig config = {})
      : catalog_(moment_, {.items_max = 10'000}),
        trail_(moment_),
        vectors_(moment_, catalog_, trail_, config) {
    catalog_.on_evict([this](std::span<const ItemSlot> items) { vectors_.evict(items); });
  }
  void apply(const Event& event) {
    moment_.skip = false;
    moment_.key = mix64(offset_, 7);
    moment_.time_ms = moment_.now_ms = static_cast<TimeMs>(offset_) * 1000;
    moment_.item = kNoItem;
    for (Fold* fold : folds()) fold->apply(offset_, event);
    ++offset_;
  }
  void list(const std::string& id, const std::string& title, const std::string& category,
            std::vector<Attribute> more = {}) {
    Event event;
    event.type = EventType::kItemUpsert;
    event.item = id;
    event.attributes = {{"category", category}, {"title", title}};
    for (Attribute& attribute : more) event.attributes.push_back(attribute);
    std::sort(event.attributes.begin(), event.attributes.end(),
              [](const Attribute& a, const Attribute& b) { return a.name < b.name; });
    apply(event);
  }
  void search_and_click(const std::string& who, const std::string& query, const std::string& item) {
    Event event;
    event.type = EventType::kSearch;
    event.user = who;
    event.query = query;
    apply(event);
    event = {};
    event.type = EventType::kClick;
    event.user = who;
    event.item = item;
    apply(event);
  }
  void furnish() {
    const char* colours[] = {"red", "blue", "grey", "green", "black"};
    const char* things[] = {"couch", "lamp", "table", "carpet", "mirror", "shelf", "bed", "wardrobe"};
    for (const char* thing : things)
      for (const char* colour : colours)
        for (int n = 0; n < 4; ++n)
          list(std::string(thing) + colour + std::to_string(n),
               std::string(colour) + " " + thing + " model " + std::to_string(n), "room");
  }
  std::vector<std::string> nearest(std::string_view query, uint32_t k) {
    const EpochGuard guard;
    std::vector<VectorHit> hits;
    vectors_.near_text(query, nullptr, k, hits);
    std::vector<std::string> ids;
    for (const VectorHit& hit : hits) ids.push_back(catalog_.item(hit.slot)->id);
    return ids;
  }
  std::vector<Fold*> folds() { return {&catalog_, &trail_, &vectors_}; }
  std::string bytes() {
    Writer out;
    for (Fold* fold : folds()) fold->save(out);
    return out.take();
  }
  ItemVectors& vectors() { return vectors_; }
  Catalog& catalog() { return catalog_; }

 private:
  Moment moment_;
  Catalog catalog_;
  SearchTrail trail_;
  ItemVectors vectors_;
  Offset offset_ = 0;
};

size_t couches(const std::vector<std::string>& ids) {
  return static_cast<size_t>(
      std::count_if(ids.begin(), ids.end(), [](const std::string& id) { return id.starts_with("couch"); }));
}

void traffic(Shop& shop, int from, int to) {
  const char* colours[] = {"red", "blue", "grey", "green"};  // Never black.
  const char* others[] = {"lamp", "table", "carpet", "mirror"};
  for (int n = from; n < to; ++n) {
    const std::string colour = colours[n % 4], number = std::to_string(n / 4 % 4);
    shop.search_and_click("u" + std::to_string(n), "sofa", "couch" + colour + number);
    const std::string other = others[n / 2 % 4];
    shop.search_and_click("v" + std::to_string(n), other, other + colour + number);
  }
}

TEST(ItemVectors, SofaFindsCouchAfterSomeTraffic) {
  Shop shop;
  shop.furnish();
  EXPECT_LE(couches(shop.nearest("sofa", 10)), 5u);
  EXPECT_EQ(shop.vectors().confidence(), 0);
  traffic(shop, 0, 150);
  const std::vector<std::string> found = shop.nearest("sofa", 20);
  EXPECT_GE(couches(found), 19u);
  EXPECT_GE(std::count_if(found.begin(), found.end(), [](auto& id) { return id.starts_with("couchblack"); }),
            3)
      << "couches that nobody clicked are found too";
  EXPECT_EQ(couches(shop.nearest("lamp", 10)), 0u);
  EXPECT_GT(shop.vectors().confidence(), 0.2);
  EXPECT_EQ(shop.vectors().status().lessons, 300u);
}

TEST(ItemVectors, StateIsTheSameWhereverItWasStopped) {
  Shop whole, first;
  whole.furnish();
  first.furnish();
  traffic(whole, 0, 20);
  traffic(first, 0, 20);
  const std::string saved = first.bytes();
  EXPECT_EQ(saved, whole.bytes());
  Shop second;
  Reader in(saved);
  for (Fold* fold : second.folds()) ASSERT_TRUE(fold->load(in).ok()) << fold->name();
  EXPECT_EQ(second.bytes(), saved);
  EXPECT_EQ(second.nearest("sofa", 10), whole.nearest("sofa", 10));
}

TEST(ItemVectors, SuppliedVectorsAreCheckedAndFound) {
  using List = std::vector<std::string>;
  Shop shop;
  shop.list("a", "one", "x", {{"_vector", List{"1", "0", "0"}}});
  shop.list("b", "two", "x", {{"_vector", List{"0.9", "0.1", "0"}}});
  shop.list("c", "three", "x", {{"_vector", List{"0", "1"}}});  // Another dimension: refused, counted.
  shop.list("d", "four", "x", {{"_vector", std::string("0 0 1")}});
  const VectorsStatus status = shop.vectors().status();
  EXPECT_EQ(status.supplied_dim, 3u);
  EXPECT_EQ(status.supplied_rows, 3u);
  EXPECT_EQ(status.supplied_refused, 1u);
  const EpochGuard guard;
  std::vector<VectorHit> hits;
  ASSERT_TRUE(shop.vectors().near_vector(std::vector<float>{1, 0, 0}, nullptr, 2, hits).ok());
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_EQ(hits[0].slot, shop.catalog().find("a"));
  EXPECT_EQ(hits[1].slot, shop.catalog().find("b"));
  const Status wrong = shop.vectors().near_vector(std::vector<float>{1, 0}, nullptr, 2, hits);
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().code, Code::kInvalid);
  ASSERT_TRUE(shop.vectors().near_item(shop.catalog().find("a"), nullptr, 1, hits));
  EXPECT_EQ(hits[0].slot, shop.catalog().find("b"));
  Event gone;
  gone.type = EventType::kItemDelete;
  gone.item = "b";
  shop.apply(gone);
  ASSERT_TRUE(shop.vectors().near_vector(std::vector<float>{1, 0, 0}, nullptr, 3, hits).ok());
  EXPECT_EQ(hits.size(), 2u);
  Shop other;
  const std::string saved = shop.bytes();
  Reader in(saved);
  for (Fold* fold : other.folds()) ASSERT_TRUE(fold->load(in).ok());
  EXPECT_EQ(other.vectors().status().supplied_rows, 2u);
}

TEST(ItemVectors, AnotherDimensionIsTakenOnceTheLastVectorIsGone) {
  using List = std::vector<std::string>;
  Shop shop;
  shop.list("a", "one", "x", {{"_vector", List{"1", "0", "0"}}});
  shop.list("b", "two", "x", {{"_vector", List{"0", "1"}}});
  EXPECT_EQ(shop.vectors().wanted_dim(), 3u);
  shop.list("a", "one", "x");  // Without: the set is empty.
  EXPECT_EQ(shop.vectors().wanted_dim(), 0u);
  shop.list("c", "three", "x", {{"_vector", List{"1", "0.1"}}});
  EXPECT_EQ(shop.vectors().wanted_dim(), 2u);
  EXPECT_EQ(shop.vectors().status().supplied_rows, 2u);  // b fits now.
  const EpochGuard guard;
  std::vector<VectorHit> hits;
  ASSERT_TRUE(shop.vectors().near_vector(std::vector<float>{0, 1}, nullptr, 5, hits).ok());
  EXPECT_EQ(hits[0].slot, shop.catalog().find("b"));
  Shop other;
  const std::string saved = shop.bytes();
  Reader in(saved);
  for (Fold* fold : other.folds()) ASSERT_TRUE(fold->load(in).ok());
  EXPECT_EQ(other.bytes(), saved);
  EXPECT_EQ(other.vectors().status().supplied_rows, 2u);
}

TEST(ItemVectors, SuppliedRowsMayBeBf16) {
  Shop shop({.supplied_rows = RowType::kBf16});
  shop.list("a", "one", "x", {{"_vector", std::string("1 0.001")}});  // int8 could not tell them apart.
  shop.list("b", "two", "x", {{"_vector", std::string("1 0.002")}});
  const EpochGuard guard;
  std::vector<VectorHit> hits;
  ASSERT_TRUE(shop.vectors().near_vector(std::vector<float>{0, 1}, nullptr, 2, hits).ok());
  EXPECT_EQ(hits[0].slot, shop.catalog().find("b"));
  EXPECT_NEAR(hits[0].score, 0.002f, 1e-5f);
}

// Stands in for a pre-trained encoder: it knows three kinds of things in any language.
class ThingsEncoder final : public TextEncoder {
 public:
  uint32_t dim() const override { return 3; }
  bool encode(std::string_view text, TextSide side, std::span<float> out) const override {
    const char* words[3][3] = {
        {"sofa", "couch", "canap"}, {"lamp", "light", "lampe"}, {"bed", "lit", "cama"}};
    std::fill(out.begin(), out.end(), 0.0f);
    ++(side == TextSide::kQuery ? queries : items);
    for (int thing = 0; thing < 3; ++thing)
      for (const char* word : words[thing])
        if (text.find(word) != std::string_view::npos) {
          out[static_cast<size_t>(thing)] = 1;
          return true;
        }
    return false;
  }
  mutable int queries = 0, items = 0;
};

TEST(ItemVectors, APretrainedEncoderTakesTheLearnedOnesPlace) {
  const ThingsEncoder encoder;
  Shop shop({.pretrained = &encoder});
  shop.furnish();
  EXPECT_EQ(&shop.vectors().encoder(), &encoder);
  EXPECT_EQ(encoder.items, 160);
  EXPECT_EQ(couches(shop.nearest("canap rouge", 15)), 15u);  // Before anybody clicked.
  EXPECT_EQ(couches(shop.nearest("lampe", 15)), 0u);
  EXPECT_TRUE(shop.nearest("zzz", 5).empty());
  EXPECT_EQ(encoder.queries, 3);
  traffic(shop, 0, 20);
  EXPECT_EQ(shop.vectors().status().lessons, 0u);  // It does not learn.
  shop.list("couchred0", "a lamp now", "room");
  EXPECT_EQ(shop.nearest("light", 21).size(), 21u);
  EXPECT_EQ(shop.vectors().status().text_rows, 60u);
}

}  // namespace
}  // namespace freshet
