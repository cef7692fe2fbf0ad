#include <cmath>
#include <functional>
#include <memory>
#include <set>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "clicks/click_model.h"

namespace freshet {
namespace {

TEST(Features, WhatIsWrittenIsRead) {
  MatchFeatures some{}, other{}, read{};
  for (size_t i = 0; i < kMatchFeatures; ++i) some[i] = 0.37f * static_cast<float>(i) - 0.5f;
  some[3] = std::nanf("");
  round_features(some);
  round_features(other);
  EXPECT_EQ(some[0], 0);
  EXPECT_EQ(some[3], 0);
  EXPECT_LT(some[12], 4);
  std::string text;
  append_features(other, text);
  append_features(some, text);
  ASSERT_TRUE(read_features(text, 1, read));
  EXPECT_EQ(read, some);
  EXPECT_FALSE(read_features(text, 2, read));
  text[2 * kMatchFeatures] = '.';
  EXPECT_FALSE(read_features(text, 1, read));
  EXPECT_TRUE(read_features(text, 0, read));
}

TEST(Examination, DesignsPairAllPlacesAndTheFirstWithEachOther) {
  std::set<uint8_t> partners;
  for (const auto& design : Examination::kDesigns) {
    std::set<uint8_t> places;
    for (const Examination::Pair& pair : design) {
      EXPECT_LT(pair.upper, pair.lower);
      places.insert({pair.upper, pair.lower});
    }
    EXPECT_EQ(places.size(), 10u);
    EXPECT_LT(*places.rbegin(), Examination::kMeasured);
    EXPECT_EQ(design.front().upper, 0);
    partners.insert(design.front().lower);
  }
  EXPECT_EQ(partners.size(), 9u);
}

// As it was written when there were two designs.
TEST(Examination, WhatWasCountedOfTheFirstDesignsIsRead) {
  Examination measured;
  Draw draw(3);
  for (int click = 0; click < 200; ++click)
    measured.count(draw.below(2), static_cast<uint32_t>(draw.below(10)));
  Writer out;
  measured.save(out);
  const std::string_view now = out.bytes();
  constexpr size_t kRow = Examination::kMeasured * sizeof(double);
  std::string before(now.substr(0, 2 * kRow));
  before += now.substr(Examination::kDesigns.size() * kRow);
  Examination copy;
  Reader in(before);
  ASSERT_TRUE(copy.load(in, 2).ok());
  EXPECT_TRUE(in.done());
  EXPECT_EQ(copy.all(), measured.all());
  for (int click = 0; click < 16; ++click) {
    measured.count(8, 9);
    copy.count(8, 9);
  }
  EXPECT_EQ(copy.all(), measured.all());
}

using PairClicks = std::array<std::array<double, 10>, Examination::kDesigns.size()>;

// Clicks of pages with exchanges, in a shop whose places are looked at as `truth` says, and in which so many
// of a thousand pages have a click at a random place, of nobody who looks.
void play(const std::function<double(uint32_t)>& truth, uint64_t accidents, Examination& measured,
          PairClicks& clicks) {
  Draw draw(11);
  const auto click = [&](size_t design, uint32_t place) {
    measured.count(design, place);
    ++clicks[design][place];
  };
  for (int page = 0; page < 20'000; ++page) {
    const size_t design = draw.below(Examination::kDesigns.size());
    if (draw.below(1000) < accidents) {
      click(design, static_cast<uint32_t>(draw.below(10)));
      continue;
    }
    for (const Examination::Pair& pair : Examination::kDesigns[design]) {
      const double good = 0.3 * draw.uniform(), bad = 0.1 * draw.uniform();
      const bool exchanged = draw.below(2) != 0;
      if (draw.uniform() < truth(pair.upper) * (exchanged ? bad : good)) click(design, pair.upper);
      if (draw.uniform() < truth(pair.lower) * (exchanged ? good : bad)) click(design, pair.lower);
    }
  }
}

TEST(Examination, IsMeasuredByExchanges) {
  for (const bool geometric : {false, true})
    for (const uint64_t accidents : {0, 25}) {
      Examination measured;
      PairClicks clicks{};
      const auto truth = [&](uint32_t k) { return geometric ? std::pow(0.8, k) : 1 / (k + 1.0); };
      const double before = measured.doubt();
      play(truth, accidents, measured, clicks);
      for (uint32_t k = 0; k < 10; ++k)
        EXPECT_NEAR(measured.measured(k) / truth(k), 1, 0.15) << geometric << " place " << k;
      EXPECT_LT(measured.doubt(), before / 4);
      Writer out;
      measured.save(out);
      Examination copy;
      Reader in(out.bytes());
      ASSERT_TRUE(copy.load(in).ok());
      EXPECT_EQ(copy.all(), measured.all());
    }
}

// The slow twin walks down the negative logarithm of the posterior, one parameter after the other.
TEST(Examination, IsTheMaximumOfThePosterior) {
  Examination measured;
  PairClicks clicks{};
  play([](uint32_t k) { return 1 / (k + 1.0); }, 25, measured, clicks);
  while (measured.counted() % 8 != 0) {  // Fitted each eighth click.
    measured.count(0, 0);
    ++clicks[0][0];
  }
  std::array<double, 11> of = {1, 0};  // The slope, the fall, what each place has of its own.
  const auto theta = [&](uint32_t k) {
    double log = -of[0] * std::log(k + 1.0) - of[1] * k;
    for (uint32_t i = 1; i <= k; ++i) log += of[1 + i];
    return std::exp(log);
  };
  const auto loss = [&] {
    double sum = std::pow((of[0] - 1) / 0.5, 2) / 2 + std::pow(of[1] / 0.1, 2) / 2;
    for (size_t i = 2; i < of.size(); ++i) sum += std::pow(of[i] / 0.05, 2) / 2;
    for (size_t d = 0; d < clicks.size(); ++d)
      for (const Examination::Pair& pair : Examination::kDesigns[d]) {
        const double upper = theta(pair.upper) + Examination::kAccidents;
        const double lower = theta(pair.lower) + Examination::kAccidents;
        sum -= clicks[d][pair.upper] * std::log(upper / (upper + lower)) +
               clicks[d][pair.lower] * std::log(lower / (upper + lower));
      }
    return sum;
  };
  for (double step = 0.1; step > 1e-4; step /= 2)
    for (int sweep = 0; sweep < 60; ++sweep)
      for (double& one : of) {
        const double at = one, here = loss();
        double best = here;
        double next = at;
        for (const double move : {-step, step}) {
          one = at + move;
          if (const double there = loss(); there < best) {
            best = there;
            next = one;
          }
        }
        one = next;
      }
  for (uint32_t k = 0; k < 10; ++k) EXPECT_NEAR(measured.measured(k) / theta(k), 1, 0.01) << k;
}

TEST(PoissonRegression, FindsRatesFromExposuresAndClicksThatComeLater) {
  PoissonRegression<3> learner;
  learner.start({-3, 0, 0}, {1.5f, 1, 1});
  const double truth[] = {-2, 1, -0.7};
  Draw draw(5);
  std::vector<std::array<float, 3>> late;
  for (int n = 0; n < 40'000; ++n) {
    const std::array<float, 3> x = {1, static_cast<float>(draw.uniform()),
                                    static_cast<float>(draw.uniform())};
    const double exposure = 0.2 + 0.8 * draw.uniform();
    learner.expose(x, exposure);
    double log_rate = 0;
    for (size_t i = 0; i < 3; ++i) log_rate += truth[i] * static_cast<double>(x[i]);
    if (draw.uniform() < exposure * std::exp(log_rate)) late.push_back(x);
    if (late.size() == 50) {
      for (const auto& one : late) learner.click(one);
      late.clear();
    }
  }
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(learner.mean()[i], truth[i], 0.25) << i;
}

// A feature that was 0 for very long is as if it were new, not as if anything were possible.
TEST(PoissonRegression, DoesNotWindUpWhereNothingIsSeen) {
  PoissonRegression<3> learner;
  learner.start({-3, 1, 0}, {1.5f, .5f, .3f});
  Draw draw(9);
  const auto page = [&](float last) {
    const PoissonRegression<3>::Row x = {1, static_cast<float>(draw.uniform()), last};
    learner.expose(x, 0.3);
    if (draw.uniform() < 0.3 * std::exp(-3 + static_cast<double>(x[1]))) learner.click(x);
  };
  for (int i = 0; i < 5'000'000; ++i) page(0);
  EXPECT_NEAR(learner.variance(2), 4 * 0.3 * 0.3, 1e-3);
  for (int i = 0; i < 500; ++i) page(static_cast<float>(draw.uniform()));
  EXPECT_LT(std::fabs(learner.mean()[2]), 1.5);
}

class Shop {
 public:
  Shop() : catalog_(moment_, {.items_max = 1000}), joiner_(moment_, catalog_) {
    model_ = new_model();
    for (int i = 0; i < 20; ++i) {
      Event event;
      event.type = EventType::kItemUpsert;
      event.item = "i" + std::to_string(i);
      apply(event);
    }
  }
  std::unique_ptr<ClickModel> new_model() {
    auto model = std::make_unique<ClickModel>(
        moment_, catalog_, joiner_, ClickConfig{.queries_max = 64, .pairs_max = 1024, .items_of_query = 16});
    model->heed([this] { return answers_; });
    return model;
  }
  // As it is after a restart.
  void restart() {
    Writer out;
    model_->save(out);
    auto next = new_model();
    Reader in(out.bytes());
    ASSERT_TRUE(next->load(in).ok());
    EXPECT_TRUE(in.done());
    model_ = std::move(next);
  }
  std::string saved() const {
    Writer out;
    model_->save(out);
    return out.take();
  }
  void apply(const Event& event) {
    moment_ = {
        .skip = false, .key = mix64(offset_, 5), .time_ms = TimeMs(offset_), .now_ms = TimeMs(offset_)};
    for (Fold* fold :
         {static_cast<Fold*>(&catalog_), static_cast<Fold*>(&joiner_), static_cast<Fold*>(model_.get())})
      fold->apply(offset_, event);
    ++offset_;
  }
  static constexpr int kBest = 7;  // The item that has all of the query's words.
  static MatchFeatures match(int place) {
    MatchFeatures out{};
    at(out, MatchFeature::kWords) = place == kBest ? 1 : 0;
    at(out, MatchFeature::kScore) = 2 - 0.1f * static_cast<float>(place);
    round_features(out);
    return out;
  }
  // Shows ten items from `first` on; then clicks on one, if any.
  void page(const std::string& query, int first, int clicked) {
    Event event;
    event.type = EventType::kImpression;
    event.query = query;
    event.surface = "search";
    event.query_id = std::to_string(offset_);
    std::string features;
    for (int i = 0; i < 10; ++i) {
      event.shown.push_back({"i" + std::to_string((first + i) % 20), 1.0f});
      append_features(match(i), features);
    }
    event.attributes = {{"features", features}};
    apply(event);
    if (clicked < 0) return;
    Event click;
    click.type = EventType::kClick;
    click.query_id = event.query_id;
    click.item = "i" + std::to_string(clicked);
    apply(click);
  }
  double part(const std::string& query, int item) {
    const EpochGuard guard;
    const ItemSlot slot = catalog_.find("i" + std::to_string(item));
    const ClickModel::Query::Asked asked[] = {
        {.item = slot, .item_key = catalog_.item(slot)->key, .match = match(item)}};
    std::array<ClickModel::Query::Verdict, 1> verdict;
    ClickModel::Query(*model_, query).verdicts(asked, verdict);
    return verdict[0].part;
  }
  Moment moment_;
  Catalog catalog_;
  Joiner joiner_;
  std::unique_ptr<ClickModel> model_;
  ClickModel::Answers answers_ = ClickModel::Answers::kHeard;
  Offset offset_ = 0;
};

TEST(ClickModel, SaysNothingBeforeThereAreClicks) {
  Shop shop;
  EXPECT_FALSE(shop.model_->parameters().ready);
  for (int i = 0; i < 19; ++i) shop.page("red kettle", 0, 3);
  EXPECT_FALSE(shop.model_->parameters().ready);
  shop.page("red kettle", 0, 3);
  EXPECT_TRUE(shop.model_->parameters().ready);
}

TEST(ClickModel, LiftsWhatIsClickedAndLowersWhatIsNot) {
  Shop shop;
  for (int i = 0; i < 60; ++i) shop.page("red kettle", 0, i % 2 == 0 ? 4 : -1);
  EXPECT_GT(shop.part("red kettle", 4), shop.part("red kettle", 0) + 0.2);
  EXPECT_GT(shop.part("red kettle", 4), 0);
  EXPECT_LT(shop.part("red kettle", 0), 0);
}

// kappa, how many looks the score is worth: where clicks follow the score it is trusted, where each query has
// an item of its own that the score does not know it is not.
TEST(ClickModel, LearnsHowStrongThePriorIs) {
  const auto strength_where = [](bool score_is_right) {
    Shop shop;
    Draw draw(12);
    for (int n = 0; n < 1500; ++n) {
      const auto query = static_cast<int>(draw.below(6)), first = static_cast<int>(draw.below(20));
      int clicked = -1;
      if (score_is_right) {  // A place, however often the item has been shown before.
        const double u = draw.uniform();
        clicked = u < 0.3 ? 0 : u < 0.45 ? 1 : u < 0.5 ? 2 : -1;
        if (clicked >= 0) clicked = (first + clicked) % 20;
      } else if ((3 * query - first + 20) % 20 < 10 && draw.below(2) == 0) {
        clicked = 3 * query;
      }
      shop.page("query " + std::to_string(query), first, clicked);
    }
    return shop.model_->parameters().strength;
  };
  constexpr float kAtFirst = 32;
  EXPECT_GT(strength_where(true), kAtFirst);
  EXPECT_LT(strength_where(false), kAtFirst);
}

// In every query the same kind of match is clicked, whatever its score: that is trusted of the next query
// once it has been shown, and before that its order is the score's.
TEST(ClickModel, WhatWasNeverShownKeepsItsOrder) {
  Shop shop;
  for (int n = 0; n < 300; ++n)
    shop.page("query " + std::to_string(n % 50), 0, n % 2 == 0 ? Shop::kBest : -1);
  EXPECT_GT(shop.model_->parameters().trust, 0);
  for (int item = 0; item < 10; ++item) EXPECT_EQ(shop.part("kettle", item), 0) << item;
  shop.page("kettle", 0, -1);
  EXPECT_GT(shop.part("kettle", Shop::kBest), shop.part("kettle", 0) + 0.1);
}

TEST(ClickModel, ClicksFarDownCountMore) {
  Shop shop;
  for (int i = 0; i < 90; ++i) shop.page("pan", 0, i % 3 == 0 ? 1 : i % 3 == 1 ? 8 : -1);
  const auto beyond = [&](int item) {  // Without what the places say of the score.
    return shop.part("pan", item) - shop.part("other words", item);
  };
  EXPECT_GT(beyond(8), beyond(1));
}

TEST(ClickModel, SavesByteByByteAndGoesOnTheSame) {
  Shop whole, part;
  for (int i = 0; i < 400; ++i) {
    const std::string query = "w" + std::to_string(i % 7) + " kettle";
    if (i == 200) {
      part.restart();
      const std::string bytes = part.saved();
      Reader cut(std::string_view(bytes).substr(0, 40));
      ClickModel other(part.moment_, part.catalog_, part.joiner_);
      EXPECT_FALSE(other.load(cut).ok());
    }
    for (Shop* shop : {&whole, &part}) shop->page(query, i % 11, i % 3 == 0 ? (i % 11 + i % 10) % 20 : -1);
  }
  EXPECT_EQ(whole.saved(), part.saved());
  EXPECT_EQ(whole.model_->bytes(), part.model_->bytes());
}

// A state as it was written when places were exchanged by two designs, and one of the future.
TEST(ClickModel, ReadsTheVersionBefore) {
  Shop shop;
  for (int i = 0; i < 60; ++i) shop.page("red kettle", 0, i % 3 == 0 ? 4 : -1);
  Writer now, counted;
  shop.model_->save(now);
  shop.model_->examination().save(counted);
  constexpr size_t kRow = Examination::kMeasured * sizeof(double);
  std::string before = now.bytes();
  const size_t at = before.find(counted.bytes());
  ASSERT_NE(at, std::string::npos);
  before.erase(at + 2 * kRow, (Examination::kDesigns.size() - 2) * kRow);
  before[0] = 1;
  constexpr size_t kInDoubt = 1;  // Of no pages.
  std::string fourth = now.bytes() + std::string(sizeof(uint64_t), '\7');
  fourth[0] = 4;
  std::string third = now.bytes();
  third[0] = 3;
  std::string second = third.substr(0, third.size() - kInDoubt);
  second[0] = 2;
  before.resize(before.size() - kInDoubt);
  const ClickConfig config{.queries_max = 64, .pairs_max = 1024, .items_of_query = 16};
  for (const std::string& bytes : {before, second, third, fourth}) {
    ClickModel old(shop.moment_, shop.catalog_, shop.joiner_, config);
    Reader in(bytes);
    ASSERT_TRUE(old.load(in).ok());
    EXPECT_TRUE(in.done());
    Writer again;
    old.save(again);
    EXPECT_EQ(again.bytes(), now.bytes());
  }

  std::string later = now.bytes();
  later[0] = 6;
  ClickModel refused(shop.moment_, shop.catalog_, shop.joiner_, config);
  Reader future(later);
  EXPECT_FALSE(refused.load(future).ok());
}

// What comes while answers are in doubt is learned when they are heard again, as if it had come then.
TEST(ClickModel, PagesWaitWhileAnswersAreInDoubt) {
  Shop heard, doubting;
  const auto visit = [](Shop& shop, int i) { shop.page("red kettle", i % 5, i % 2 == 0 ? 4 + i % 5 : -1); };
  for (int i = 0; i < 40; ++i)
    for (Shop* shop : {&heard, &doubting}) visit(*shop, i);
  const double before = doubting.part("red kettle", 4);
  const size_t bytes = doubting.model_->bytes();
  doubting.answers_ = ClickModel::Answers::kInDoubt;
  for (int i = 40; i < 100; ++i)
    for (Shop* shop : {&heard, &doubting}) visit(*shop, i);
  EXPECT_EQ(doubting.part("red kettle", 4), before);
  EXPECT_GT(doubting.model_->bytes(), bytes);
  doubting.restart();  // What is published is as of now then.
  const double waiting = doubting.part("red kettle", 4);
  doubting.answers_ = ClickModel::Answers::kHeard;
  for (int i = 0; i < 200; ++i)
    for (Shop* shop : {&heard, &doubting}) visit(*shop, i);
  EXPECT_NE(doubting.part("red kettle", 4), waiting);
  // But for the time at which a query was last shown, that is the same state.
  EXPECT_EQ(doubting.model_->describe(), heard.model_->describe());
  for (int item = 0; item < 10; ++item)
    EXPECT_NEAR(doubting.part("red kettle", item), heard.part("red kettle", item), 1e-5) << item;
}

// When it is found that they teach nothing they are dropped, and what comes then, too.
TEST(ClickModel, AnswersThatTeachNothingAreForgotten) {
  Shop before, after;
  for (int i = 0; i < 40; ++i)
    for (Shop* shop : {&before, &after}) shop->page("red kettle", 0, 4);
  after.answers_ = ClickModel::Answers::kInDoubt;
  for (int i = 0; i < 50; ++i) after.page("red kettle", 0, i % 10);
  after.answers_ = ClickModel::Answers::kNotHeard;
  for (int i = 0; i < 50; ++i) after.page("red kettle", 0, i % 10);
  EXPECT_TRUE(after.saved() == before.saved());
  after.answers_ = ClickModel::Answers::kHeard;
  after.page("red kettle", 0, 4);  // Nothing waits.
  EXPECT_FALSE(after.saved() == before.saved());
}

TEST(ClickModel, NoMoreWaitThanMay) {
  Shop shop;
  for (int i = 0; i < 30; ++i) shop.page("red kettle", 0, 4);
  const double before = shop.part("red kettle", 6);
  shop.answers_ = ClickModel::Answers::kInDoubt;
  const auto most = static_cast<int>(PagesInDoubt::kMax);
  for (int i = 0; i < most / 2; ++i) shop.page("red kettle", 0, 6);
  EXPECT_EQ(shop.part("red kettle", 6), before);
  const size_t full = shop.model_->bytes();
  for (int i = 0; i < 50; ++i) shop.page("red kettle", 0, 6);
  EXPECT_GT(shop.part("red kettle", 6), before);
  EXPECT_LT(shop.model_->bytes(), full + full / 50);
}

TEST(ClickModel, EvictedSlotsStartAnew) {
  Shop shop;
  for (int i = 0; i < 60; ++i) shop.page("red kettle", 0, 4);
  const double before = shop.part("red kettle", 4);
  const ItemSlot gone[] = {shop.catalog_.find("i4")};
  shop.model_->evict(gone);
  EXPECT_LT(shop.part("red kettle", 4), before - 0.2);
}

}  // namespace
}  // namespace freshet
