#include "model/sequence_model.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <thread>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "model/math.h"
#include "model/sequence_learner.h"
#include "model/serving_copy.h"

namespace freshet {
namespace {

SequenceOptions small_options() {
  SequenceOptions o;
  o.dim = 32;
  o.rows_max = 512;
  o.negatives = 32;
  o.batch = 4;
  o.ring = 64;
  o.context_max = 12;
  o.history_max = 60;
  return o;
}

SequenceStep step(uint32_t item, uint8_t type = 8, uint8_t gap = 3, bool first = false) {
  return {item, type, gap, first, 0};
}

// A stream with something to learn: shopper k walks item -> item + 1 within one of three aisles of 40 items,
// goes back to an earlier item now and then, and starts a new session every ten steps.
class Stream {
 public:
  struct Lesson {
    std::vector<SequenceStep> steps;
    bool new_session;
    uint32_t target;
    uint64_t key;
  };
  explicit Stream(uint64_t seed) : seed_(seed), shoppers_(20) {}
  Lesson next() {
    Draw draw(mix64(seed_, ++count_));
    std::vector<SequenceStep>& steps = shoppers_[draw.below(shoppers_.size())];
    const uint32_t aisle = static_cast<uint32_t>(draw.below(3)) * 40;
    uint32_t item = aisle + static_cast<uint32_t>(draw.below(40));
    if (!steps.empty()) {
      const uint32_t last = steps.back().item;
      item = last / 40 * 40 + (last + 1) % 40;
      if (draw.below(5) == 0) item = steps[draw.below(steps.size())].item;
    }
    const bool first = steps.size() % 10 == 0;
    Lesson lesson{steps, first, item, mix64(seed_, count_ * 31)};
    steps.push_back(
        step(item, static_cast<uint8_t>(8 + draw.below(3)), static_cast<uint8_t>(draw.below(12)), first));
    if (steps.size() > 70) steps.erase(steps.begin());
    return lesson;
  }

 private:
  uint64_t seed_, count_ = 0;
  std::vector<std::vector<SequenceStep>> shoppers_;
};

void teach(SequenceModel& model, Stream& stream, int lessons) {
  for (int i = 0; i < lessons; ++i) {
    const Stream::Lesson lesson = stream.next();
    const uint32_t like = lesson.steps.empty() ? 0 : lesson.steps.back().item;
    model.add(lesson.target, mix64(lesson.target), {&like, lesson.steps.empty() ? 0u : 1u});
    if (model.learn({lesson.steps, lesson.new_session}, lesson.target, lesson.key)) model.publish();
  }
}

std::string saved(const SequenceModel& model) {
  Writer out;
  model.save(out);
  return out.take();
}

TEST(SequenceModel, LearnsWhatFollows) {
  SequenceModel model(small_options());
  Stream stream(1);
  teach(model, stream, 6000);
  const SequenceModel::View view = model.view();
  int hits = 0, asked = 0;
  for (int i = 0; i < 300; ++i) {
    const Stream::Lesson lesson = stream.next();
    if (lesson.steps.empty()) continue;
    const std::vector<ScoredItem> top = view.top(view.encode({lesson.steps, lesson.new_session}), 3);
    ++asked;
    hits += std::any_of(top.begin(), top.end(), [&](const ScoredItem& s) { return s.item == lesson.target; });
  }
  EXPECT_GT(hits, asked * 6 / 10);  // Four of five follow the aisle; chance is 3 in 120.
}

TEST(SequenceModel, ProbabilitiesSumToAboutOne) {
  SequenceModel model(small_options());
  Stream stream(2);
  teach(model, stream, 4000);
  const SequenceModel::View view = model.view();
  std::vector<uint32_t> items(120);
  std::iota(items.begin(), items.end(), 0u);
  std::vector<float> log_p(items.size());
  double mean_log = 0;
  int asked = 0;
  for (int i = 0; i < 200; ++i) {
    const Stream::Lesson lesson = stream.next();
    if (lesson.steps.empty()) continue;
    view.score(view.encode({lesson.steps, lesson.new_session}), items, log_p);
    double sum = 0;
    for (float l : log_p) sum += std::exp(static_cast<double>(l));
    mean_log += std::log(sum);
    ++asked;
  }
  EXPECT_NEAR(mean_log / asked, 0, 0.25);  // The normaliser is an estimate from 32 negatives.
}

TEST(SequenceModel, GradientsEqualFiniteDifferences) {
  SequenceOptions options = small_options();
  options.batch = 8;
  options.context_max = kMeanGradientSteps;  // Older steps of the mean are taken as given.
  SequenceLearner learner(options);
  Stream stream(3);
  for (uint32_t item = 0; item < 120; ++item) learner.add(item, mix64(item), {});
  int taught = 0;
  for (int i = 0; taught < 2400; ++i) {
    const Stream::Lesson lesson = stream.next();
    learner.learn({lesson.steps, lesson.new_session}, lesson.target, lesson.key,
                  1 + 0.5f * static_cast<float>(i % 2));
    taught += !lesson.steps.empty();
    if (taught % 8 == 7 && taught > 2390) break;  // Seven lessons are pending.
  }
  const SequenceLearner::Gradients want = learner.gradients_of_pending();
  const auto difference = [&](float& parameter) {
    const float at = parameter, h = 2e-3f;
    parameter = at + h;
    const double above = learner.gradients_of_pending().loss;
    parameter = at - h;
    const double below = learner.gradients_of_pending().loss;
    parameter = at;
    return (above - below) / (2.0 * static_cast<double>(h));
  };
  const auto expect_near = [&](float& parameter, float gradient, const std::string& what) {
    EXPECT_NEAR(difference(parameter), gradient, 4e-3 + 0.02 * std::fabs(gradient)) << what;
  };
  const DenseLayout& layout = learner.layout();
  const struct {
    const char* name;
    uint32_t from, to;
  } groups[] = {{"gate", layout.gate, layout.gate_bias},
                {"gate bias", layout.gate_bias, layout.out},
                {"out", layout.out, layout.lag},
                {"lag", layout.lag, layout.mean},
                {"mean", layout.mean, layout.session},
                {"session", layout.session, layout.own_age},
                {"own age", layout.own_age, layout.own_count},
                {"own count", layout.own_count, layout.type},
                {"type", layout.type, layout.gap},
                {"gap", layout.gap, layout.size}};
  for (const auto& group : groups) {
    // The largest gradients of the group, where a mistake shows, and a few others.
    std::vector<uint32_t> order(group.to - group.from);
    std::iota(order.begin(), order.end(), group.from);
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return std::fabs(want.dense[a]) > std::fabs(want.dense[b]); });
    EXPECT_GT(std::fabs(want.dense[order[0]]), 1e-3f) << group.name << " is not learned";
    for (size_t i : {size_t{0}, size_t{1}, order.size() / 3, order.size() / 2, order.size() - 1})
      expect_near(learner.dense_parameter(order[i]), want.dense[order[i]],
                  std::string(group.name) + " " + std::to_string(order[i] - group.from));
  }
  for (size_t r = 0; r < want.rows.size(); r += 3) {
    const auto& [item, gradient] = want.rows[r];
    for (uint32_t i : {0u, 13u, options.dim - 1, options.dim})
      expect_near(learner.parameter(item, i), gradient[i],
                  "row " + std::to_string(item) + " element " + std::to_string(i));
  }
}

TEST(SequenceModel, SavedAnywhereAndLoadedItGoesOnTheSame) {
  SequenceModel whole(small_options());
  Stream stream(4);
  teach(whole, stream, 1000);
  whole.remove(7);
  for (int extra : {0, 1, 2, 3, 5}) {  // At every place within a micro-batch.
    teach(whole, stream, extra);
    SequenceModel resumed(small_options());
    const std::string bytes = saved(whole);
    Reader in(bytes);
    ASSERT_TRUE(resumed.load(in).ok());
    EXPECT_TRUE(in.done());
    EXPECT_TRUE(saved(resumed) == bytes);
    Stream again = stream;
    SequenceModel copy(small_options());
    Reader in2(bytes);
    ASSERT_TRUE(copy.load(in2).ok());
    teach(resumed, again, 100);
    teach(copy, stream, 100);
    EXPECT_TRUE(saved(resumed) == saved(copy));
  }
}

TEST(SequenceModel, UninterruptedEqualsResumed) {
  SequenceModel whole(small_options()), first(small_options()), second(small_options());
  Stream a(5), b(5);
  teach(whole, a, 1203);
  teach(first, b, 601);
  const std::string bytes = saved(first);
  Reader in(bytes);
  ASSERT_TRUE(second.load(in).ok());
  teach(second, b, 602);
  EXPECT_TRUE(saved(whole) == saved(second));
}

TEST(SequenceModel, ALoadedModelShowsWhatTheSavedOneShowed) {
  SequenceModel whole(small_options());
  Stream stream(12);
  teach(whole, stream, 2001);
  whole.add(200, 1);  // Not published yet: new, gone, and acted on.
  whole.remove(5);
  whole.add(201, 2);
  const std::vector<SequenceStep> steps = {step(201), step(8)};
  whole.learn({steps, false}, 9, 3);
  const std::string bytes = saved(whole);
  SequenceModel loaded(small_options());
  Reader in(bytes);
  ASSERT_TRUE(loaded.load(in).ok());
  EXPECT_TRUE(saved(loaded) == bytes);
  std::vector<uint32_t> items(210);
  std::iota(items.begin(), items.end(), 0u);
  const std::vector<SequenceStep> asked = {step(7), step(8)};
  for (int round = 0; round < 3; ++round) {  // As shown; then published, once on either copy.
    std::vector<float> x(items.size()), y(items.size());
    {
      const SequenceModel::View a = whole.view(), b = loaded.view();
      EXPECT_EQ(a.live_items(), b.live_items());
      a.score(a.encode({asked, false}), items, x);
      b.score(b.encode({asked, false}), items, y);
    }
    EXPECT_EQ(x, y) << round;
    EXPECT_EQ(std::isfinite(x[200]), round > 0);
    EXPECT_EQ(std::isfinite(x[5]), round == 0);
    whole.publish();
    loaded.publish();
  }
}

TEST(SequenceModel, LoadRefusesWhatItDidNotSave) {
  SequenceModel model(small_options());
  Stream stream(6);
  teach(model, stream, 501);
  const std::string bytes = saved(model);
  SequenceOptions other = small_options();
  other.negatives = 48;
  SequenceModel wrong(other);
  Reader in(bytes);
  EXPECT_EQ(wrong.load(in).error().code, Code::kInvalid);
  for (size_t cut : {size_t{0}, size_t{3}, bytes.size() / 2, bytes.size() - 1}) {
    SequenceModel reader(small_options());
    Reader part(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(reader.load(part).ok()) << cut;
  }
}

TEST(SequenceModel, ARemovedItemIsForgotten) {
  SequenceModel model(small_options());
  Stream stream(7);
  teach(model, stream, 2000);
  model.remove(11);
  model.publish();
  const std::vector<SequenceStep> steps = {step(9), step(10)};
  {
    const SequenceModel::View view = model.view();
    const SequenceQuery query = view.encode({steps, false});
    for (const ScoredItem& s : view.top(query, 200)) EXPECT_NE(s.item, 11u);
    const uint32_t item = 11;
    float log_p = 0;
    view.score(query, {&item, 1}, {&log_p, 1});
    EXPECT_EQ(log_p, -INFINITY);
    EXPECT_TRUE(view.encode({std::span(&steps[0], 0), false}).empty());
  }
  EXPECT_FALSE(model.live(11));
  model.add(11, mix64(11));
  SequenceModel fresh(small_options());
  fresh.add(11, mix64(11));
  model.publish();
  fresh.publish();
  const std::vector<SequenceStep> only = {step(11)};
  EXPECT_EQ(model.view().encode({only, false}).own.size(), 1u);
  teach(model, stream, 100);  // Slots that came back are learned again without trouble.
}

TEST(SequenceModel, NewItemsDependOnTheirKeyOnly) {
  SequenceLearner a(small_options()), b(small_options());
  a.add(3, 77, {});
  for (uint32_t item = 10; item < 50; ++item) b.add(item, item, {});
  b.add(3, 77, {});
  EXPECT_TRUE(std::equal(a.row(3), a.row(3) + 32, b.row(3)));
  const uint32_t like[] = {10, 400};  // 400 is not live and counts for nothing.
  b.add(4, 77, like);
  for (int i = 0; i < 32; ++i) EXPECT_NEAR(b.row(4)[i], b.row(3)[i] + 0.25f * b.row(10)[i], 1e-6f);
}

// The obvious way: every live item, the float32 masters, a sort.
TEST(ServingCopy, TopEqualsASortOfAllScores) {
  SequenceOptions options = small_options();
  SequenceLearner learner(options);
  for (uint32_t item = 0; item < 400; ++item) learner.add(item, mix64(item), {});
  for (uint32_t item = 100; item < 120; ++item) learner.remove(item);
  ServingCopy copy(options);
  for (uint32_t item : learner.changed()) copy.update_row(item, learner);
  copy.update_rest(learner, 1);
  const std::vector<SequenceStep> steps = {step(5), step(6), step(7), step(5)};
  const SequenceQuery query = copy.encode({steps, true});
  const struct {
    const char* what;
    size_t k;
    std::function<bool(uint32_t)> allow;
  } rows[] = {{"all", 400, {}},
              {"few", 10, {}},
              {"none", 0, {}},
              {"even only", 50, [](uint32_t item) { return item % 2 == 0; }},
              {"nothing allowed", 10, [](uint32_t) { return false; }}};
  for (const auto& row : rows) {
    std::vector<ScoredItem> want;
    for (uint32_t item = 0; item < 400; ++item)
      if ((item < 100 || item >= 120) && (!row.allow || row.allow(item)))
        want.push_back({item, copy.score(query, item) - query.log_normalizer});
    std::sort(want.begin(), want.end(), [](const ScoredItem& a, const ScoredItem& b) {
      return a.log_p != b.log_p ? a.log_p > b.log_p : a.item < b.item;
    });
    want.resize(std::min(want.size(), row.k));
    const std::vector<ScoredItem> got = copy.scan(query, row.k, row.allow);
    ASSERT_EQ(got.size(), want.size()) << row.what;
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].item, want[i].item) << row.what << " " << i;
      EXPECT_EQ(got[i].log_p, want[i].log_p) << row.what << " " << i;
    }
  }
  // int8 against float32: an error of at most half a step of either, an element.
  for (uint32_t item = 0; item < 400; item += 7) {
    if (item >= 100 && item < 120) continue;
    const float exact = kernels().dot(query.q.data(), learner.row(item), 32) + learner.bias(item);
    const float bonus = item == 7 ? copy.score(query, 7) - exact : 0;
    EXPECT_NEAR(copy.score(query, item) - bonus, exact, 0.02f) << item;
  }
}

TEST(OwnItems, AgesCountsAndSessions) {
  const std::vector<SequenceStep> steps = {step(1, 8, 0, true), step(2), step(1), step(3, 8, 9, true),
                                           step(2, 8, 1, true), step(4)};
  std::vector<OwnItem> got;
  own_items({steps, false}, got);
  const struct {
    uint32_t item;
    int age, count;
  } want[] = {{4, 0, 1}, {2, 1, 2}, {3, 14, 9}, {1, 15, 10}};
  ASSERT_EQ(got.size(), std::size(want));
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].item, want[i].item);
    EXPECT_EQ(got[i].age, want[i].age) << want[i].item;
    EXPECT_EQ(got[i].count, want[i].count) << want[i].item;
  }
  own_items({steps, true}, got);
  EXPECT_EQ(got[0].age, 14);  // All of it is an earlier session now.
  std::vector<SequenceStep> many;
  for (uint32_t i = 0; i < 3000; ++i) many.push_back(step(i, 8, 1, i % 3 == 0));
  own_items({many, true}, got);
  for (const OwnItem& o : got) {
    EXPECT_LT(o.age, DenseLayout::kOwnAges);
    EXPECT_LT(o.count, DenseLayout::kOwnCounts);
  }
}

TEST(GapBucket, Table) {
  const struct {
    int64_t gap_ms;
    int bucket;
  } rows[] = {{-5, 1},   {0, 1},         {999, 1},         {1000, 2},      {3999, 2},
              {4000, 3}, {1'800'000, 7}, {86'400'000, 10}, {INT64_MAX, 15}};
  for (const auto& row : rows) EXPECT_EQ(gap_bucket(row.gap_ms), row.bucket) << row.gap_ms;
}

TEST(NegativeSampler, DrawsAtTheRateItStates) {
  NegativeSampler sampler(100, 50, 0.25f);
  for (uint32_t item = 0; item < 40; ++item) sampler.add(item);
  for (int i = 0; i < 130; ++i) sampler.target(static_cast<uint32_t>(i * i % 40));
  sampler.remove(9);
  const size_t n = 64;
  std::vector<uint32_t> items(n);
  std::vector<float> log_rate(n);
  std::vector<double> seen(40), stated(40);
  const int draws = 4000;
  for (int i = 0; i < draws; ++i) {
    sampler.draw(mix64(static_cast<uint64_t>(i)), items, log_rate);
    for (size_t j = 0; j < n; ++j) {
      ++seen[items[j]];
      stated[items[j]] = std::exp(log_rate[j]);
    }
  }
  EXPECT_EQ(seen[9], 0);
  for (size_t item = 0; item < 40; ++item) {
    if (item == 9) continue;
    EXPECT_NEAR(seen[item] / draws, stated[item], 0.05 * stated[item] + 0.01) << item;
  }
}

TEST(SequenceModel, AnItemNobodyActedOnRanksBelowTheOthers) {
  SequenceModel model(small_options());
  Stream stream(9);
  teach(model, stream, 1500);
  for (uint32_t item = 300; item < 400; ++item) model.add(item, mix64(item));
  model.publish();
  const std::vector<SequenceStep> steps = {step(1), step(2)};
  {
    const SequenceModel::View view = model.view();
    for (const ScoredItem& s : view.top(view.encode({steps, false}), 20)) EXPECT_LT(s.item, 120u);
  }
  const std::vector<SequenceStep> now = {step(300)};
  float before = 0, after = 0;
  const uint32_t item = 300;
  {
    const SequenceModel::View view = model.view();
    view.score(view.encode({steps, false}), {&item, 1}, {&before, 1});
  }
  model.learn({now, false}, 5, 1);
  model.publish();
  const SequenceModel::View view = model.view();
  view.score(view.encode({steps, false}), {&item, 1}, {&after, 1});
  EXPECT_NEAR(after - before, 3, 0.6);
}

// A request that holds its View for long must not hold up learning; publish() would hang here if it waited.
TEST(SequenceModel, ViewsThatAreHeldDoNotStopTheWriter) {
  SequenceModel model(small_options()), alone(small_options());
  Stream stream(9), twin(9);
  teach(model, stream, 200);
  teach(alone, twin, 200);
  {
    const SequenceModel::View held = model.view();
    const uint64_t version = held.version();
    teach(model, stream, 400);
    teach(alone, twin, 400);
    EXPECT_EQ(held.version(), version);
    EXPECT_EQ(model.own_view().version(), model.version());
    EXPECT_LT(model.view().version(), model.version());
    const std::vector<SequenceStep> steps = {step(1), step(2)};
    const SequenceModel::View a = model.own_view(), b = alone.view();
    const auto best = a.top(a.encode({steps, false}), 10), want = b.top(b.encode({steps, false}), 10);
    ASSERT_EQ(best.size(), want.size());
    for (size_t i = 0; i < best.size(); ++i) EXPECT_EQ(best[i].item, want[i].item) << i;
  }
  const std::vector<SequenceStep> steps = {step(1)};
  model.learn({steps, false}, 2, 77);  // Not a whole micro-batch: only shows what waits.
  EXPECT_EQ(model.view().version(), model.version());
}

TEST(SequenceModel, ViewsSeeOneWholeVersionWhileTheWriterGoesOn) {
  SequenceModel model(small_options());
  Stream stream(8);
  teach(model, stream, 500);
  std::atomic<bool> stop{false};
  std::atomic<int> reads{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r)
    readers.emplace_back([&] {
      const std::vector<SequenceStep> steps = {step(1), step(2), step(3)};
      uint64_t newest = 0;
      while (!stop.load()) {
        const SequenceModel::View view = model.view();
        const SequenceQuery query = view.encode({steps, false});
        const std::vector<ScoredItem> a = view.top(query, 10),
                                      b = view.top_exact(view.encode({steps, false}), 10);
        ASSERT_EQ(a.size(), b.size());
        for (size_t i = 0; i < a.size(); ++i) {
          ASSERT_EQ(a[i].item, b[i].item);
          ASSERT_EQ(a[i].log_p, b[i].log_p);
        }
        ASSERT_GE(view.version(), newest);
        newest = view.version();
        ++reads;
      }
    });
  while (reads.load() < 300) teach(model, stream, 50);
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace freshet
