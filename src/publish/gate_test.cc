#include "publish/gate.h"

#include <cmath>
#include <memory>
#include <numbers>
#include <set>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "publish/controller.h"
#include "publish/drift.h"

namespace freshet {
namespace {

double normal(Draw& draw) {
  const double u = draw.uniform() + 1e-18;
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * draw.uniform());
}

// Candidates as good as what is live, looked at after every example: at most one of a hundred is called
// worse.
TEST(BettingTest, FalseAlarmsStayBelowAlpha) {
  for (const double skew : {0.0, 0.9}) {
    size_t alarms = 0;
    for (uint64_t replay = 0; replay < 10'000; ++replay) {
      Draw draw(mix64(7, replay));
      BettingTest test(0.01);
      for (int i = 0; i < 300; ++i) {  // skew: rare and large on one side.
        const double up = draw.uniform() < (1 - skew) / 2 ? 1 : 0;
        test.add(up > 0 ? 0.8 : -0.8 * ((1 - skew) / 2) / (1 - (1 - skew) / 2));
      }
      alarms += test.proved() ? 1 : 0;
    }
    EXPECT_LE(alarms, 100u) << skew;
    EXPECT_GT(alarms, 0u) << skew;  // And it is not deaf.
  }
}

TEST(BettingTest, FindsWhatIsThere) {
  size_t found = 0;
  for (uint64_t replay = 0; replay < 200; ++replay) {
    Draw draw(mix64(8, replay));
    BettingTest test(0.01);
    for (int i = 0; i < 4000 && !test.proved(); ++i) test.add(0.05 + 0.3 * normal(draw));
    found += test.proved() ? 1 : 0;
  }
  EXPECT_GE(found, 190u);
}

// A level of evidence A is reached after A numbers or more, on average, of which the mean is 0.
TEST(ChangeDetector, RunsAsLongAsItPromises) {
  constexpr double kLevel = 200;
  for (const double up : {0.5, 0.1}) {  // How often it is above 0: rare and large, or half of the time.
    uint64_t numbers = 0;
    constexpr uint64_t kReplays = 500;
    for (uint64_t replay = 0; replay < kReplays; ++replay) {
      Draw draw(mix64(9, replay));
      ChangeDetector test;
      do {
        test.add(draw.uniform() < up ? 0.8 : -0.8 * up / (1 - up), 100);
        ++numbers;
      } while (test.log_wealth() < std::log(kLevel));
    }
    EXPECT_GE(static_cast<double>(numbers) / kReplays, kLevel) << up;
  }
}

// However long nothing was wrong; a test from the start needs the longer the longer it was so.
TEST(ChangeDetector, FindsAChangeWheneverItComes) {
  for (const int before : {0, 200, 20'000}) {
    uint64_t delays = 0, of_test = 0;
    for (uint64_t replay = 0; replay < 50; ++replay) {
      Draw draw(mix64(10, replay));
      ChangeDetector test;
      BettingTest twin(0.001);
      for (int i = 0; i < before; ++i) {
        const double x = -0.1 + 0.3 * normal(draw);
        test.add(x, 12);
        twin.add(x);
      }
      uint64_t delay = 0, twins = 0;
      for (int i = 0; i < 1000; ++i) {
        const double x = 0.3 + 0.3 * normal(draw);
        test.add(x, 12);
        if (test.log_wealth() < 7) ++delay;
        if (!twin.add(x)) ++twins;
      }
      delays += delay;
      of_test += twins;
    }
    EXPECT_LT(delays / 50, 50u) << before;
    if (before == 20'000) {
      EXPECT_GE(of_test / 50, 1000u);
    }
  }
}

TEST(ChangeDetector, ForgetsAChangeThatIsOver) {
  ChangeDetector test;
  for (int i = 0; i < 10'000; ++i) test.add(0.5, 12);
  EXPECT_LE(test.log_wealth(), 12 + 1e-9);
  int needed = 0;
  for (; test.log_wealth() > 7; ++needed) test.add(-0.2, 12);
  EXPECT_LT(needed, 150);
  for (; !test.calm() && needed < 1000; ++needed) test.add(-0.2, 12);
  EXPECT_LT(needed, 150);
}

// A world of probabilities: labels drawn from p, models that know p to a degree.
struct World {
  explicit World(uint64_t seed) : draw(seed) {}
  static double loss(double p, bool label) { return -std::log(label ? p : 1 - p); }
  static double told(double logit) { return 1 / (1 + std::exp(-logit)); }
  // What the models say is logit * their knowledge; poison: labels drawn from the mean instead.
  GateLosses example(double live, double candidate, double good, double learner, bool poison) {
    const double logit = -1.5 + 1.3 * normal(draw);
    const bool label = draw.uniform() < (poison ? rate : told(logit));
    rate += (label - rate) / 500;
    const auto of = [&](double knowledge) { return loss(told(-1.5 + (logit + 1.5) * knowledge), label); };
    return {of(live), of(candidate), of(good), of(learner), loss(rate, label)};
  }
  Draw draw;
  double rate = 0.25;
};

GateVerdict next(PublishGate& gate, World& world, double live, double candidate, double good, double learner,
                 bool poison, uint64_t& examples) {
  for (;;) {
    ++examples;
    const GateVerdict verdict = gate.add(world.example(live, candidate, good, learner, poison));
    if (verdict != GateVerdict::kNone) return verdict;
    if (examples > 100'000) return verdict;
  }
}

TEST(Gate, PublishesWhatIsNotWorse) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    World world(seed);
    PublishGate gate({.judge = 500});
    size_t published = 0;
    for (int window = 0; window < 40; ++window) {
      uint64_t examples = 0;
      const GateVerdict verdict = next(gate, world, 0.9, 0.92, 0.9, 1, false, examples);
      published += verdict == GateVerdict::kPublish ? 1 : 0;
      EXPECT_TRUE(verdict == GateVerdict::kPublish || verdict == GateVerdict::kDiscard)
          << verdict_name(verdict);
    }
    EXPECT_GE(published, 36u);
    EXPECT_GT(gate.gain_expected(), 0.08);
  }
}

TEST(Gate, HoldsWhatIsWorse) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    World world(seed);
    PublishGate gate({.judge = 500});
    for (int window = 0; window < 10; ++window) {
      uint64_t examples = 0;
      EXPECT_EQ(next(gate, world, 0.9, -0.3, 0.9, 1, false, examples), GateVerdict::kWorse);
    }
  }
}

TEST(Gate, RollsBackWhatTurnsOutWorse) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    World world(seed);
    PublishGate gate({.judge = 500});
    uint64_t examples = 0;
    for (int window = 0; window < 5; ++window) next(gate, world, 0.9, 0.9, 0.9, 1, false, examples);
    examples = 0;
    GateVerdict verdict = GateVerdict::kNone;
    do {
      verdict = next(gate, world, 0.2, 0.2, 0.9, 1, false, examples);
    } while (verdict == GateVerdict::kPublish || verdict == GateVerdict::kDiscard);
    EXPECT_EQ(verdict, GateVerdict::kRollback);
    EXPECT_LT(examples, 4000u);
  }
}

// Labels that follow from nothing: a timid candidate would look best on them. Nothing is published until
// they can be told again.
TEST(Gate, DoesNotTrustLabelsThatTeachNothing) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    World world(seed);
    PublishGate gate({.judge = 500});
    uint64_t examples = 0;
    for (int window = 0; window < 10; ++window) next(gate, world, 0.95, 0.95, 0.95, 1, false, examples);
    examples = 0;
    EXPECT_EQ(next(gate, world, 0.95, 0.05, 0.95, 0.05, true, examples), GateVerdict::kSuspect) << seed;
    EXPECT_LT(examples, 1500u);
    for (int i = 0; i < 20'000; ++i)
      EXPECT_EQ(gate.add(world.example(0.95, 0.0, 0.95, 0.0, true)), GateVerdict::kNone) << seed;
    examples = 0;
    EXPECT_EQ(next(gate, world, 0.95, 0.1, 0.95, 0.5, false, examples), GateVerdict::kTrusted);
    EXPECT_LT(examples, 2000u);
  }
}

// Labels go bad at some moment of a window: the doubt does not wait for what was good in it.
TEST(Gate, DoubtsSoonWhereverAWindowIs) {
  for (const int into : {10, 250, 490}) {
    uint64_t needed = 0;
    for (uint64_t seed = 0; seed < 20; ++seed) {
      World world(seed);
      PublishGate gate({.judge = 500});
      uint64_t examples = 0;
      for (int window = 0; window < 5; ++window) next(gate, world, 0.95, 0.95, 0.95, 1, false, examples);
      for (int i = 0; i < into; ++i) gate.add(world.example(0.95, 0.95, 0.95, 1, false));
      EXPECT_LT(gate.doubt(), 1) << into << " " << seed;
      for (; gate.doubt() < 2; ++needed) gate.add(world.example(0.95, 0.05, 0.95, 0.3, true));
    }
    EXPECT_LT(needed / 20, 200u) << into;
  }
}

// What is live may be of last night: while the learner tells labels, they are not in doubt.
TEST(Gate, IsCalmWhileTheLearnerTellsLabels) {
  for (const double learner : {1.0, 0.05}) {
    World world(7);
    PublishGate gate({.judge = 500});
    uint64_t examples = 0, calm = 0;
    for (int window = 0; window < 10; ++window) next(gate, world, 0.95, 0.95, 0.95, 1, false, examples);
    for (int i = 0; i < 200; ++i) {
      gate.add(world.example(0.05, 0.05, 0.05, learner, false));
      calm += gate.calm() ? 1 : 0;
    }
    if (learner == 1.0) {
      EXPECT_GT(calm, 60u);
    } else {
      EXPECT_LT(calm, 20u);
    }
  }
}

TEST(Gate, ReadsWhatTestedPoorLabelsByWindow) {
  PublishGate gate({.judge = 500});
  World world(1);
  uint64_t examples = 0;
  for (int window = 0; window < 5; ++window) next(gate, world, 0.95, 0.95, 0.95, 1, false, examples);
  Writer now;
  gate.save(now);
  constexpr size_t kBetting = 33, kDetector = 32;
  std::string old(now.bytes());
  old.replace(3 * kBetting, 2 * kDetector, std::string(2 * kBetting, '\0'));
  old.erase(old.size() - 1 - 2 * sizeof(double), 2 * sizeof(double));  // Of the running rate's loss.
  PublishGate copy({.judge = 500});
  Reader in(old);
  copy.load(in, true);
  ASSERT_TRUE(in.ok() && in.done());
  EXPECT_EQ(copy.gain_expected(), gate.gain_expected());
  examples = 0;
  GateVerdict verdict = GateVerdict::kNone;
  while (verdict != GateVerdict::kSuspect && examples < 5000)
    verdict = next(copy, world, 0.95, 0.05, 0.95, 0.05, true, examples);
  EXPECT_EQ(verdict, GateVerdict::kSuspect);
}

// Labels of which a little more than half of the gain is missing, for long: what is usual does not fade
// meanwhile.
TEST(Gate, DoesNotGetUsedToPoorLabels) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Draw draw(seed);
    PublishGate gate({.judge = 150});
    const auto add = [&](double gain) {
      const double loss = 2.3 - gain + 0.3 * normal(draw);
      return gate.add({loss, loss, loss, loss, 2.3});
    };
    for (int n = 0; n < 3000; ++n) add(0.2);
    bool suspect = false;
    for (int n = 0; n < 3000 && !suspect; ++n) suspect = add(0.05) == GateVerdict::kSuspect;
    EXPECT_TRUE(suspect) << seed << ", usual: " << gate.gain_expected();
  }
}

// Where nobody can tell labels, nothing is known of them that could be lost: that is no reason to suspect
// them.
TEST(Gate, SuspectsNothingWhereNothingIsGained) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Draw draw(seed);
    PublishGate gate({.judge = 150});
    for (int n = 0; n < 20'000; ++n) {  // A page of ten places: losses around ln 10, hardly better than it.
      const double noise = 0.3 * normal(draw), gain = n < 2000 ? 0.012 : -0.005;
      const GateVerdict verdict =
          gate.add({2.3 - gain + noise, 2.3 - gain + noise, 2.3 - gain + noise, 2.3 - gain + noise, 2.3});
      ASSERT_NE(verdict, GateVerdict::kSuspect) << seed << " " << n;
      ASSERT_LT(gate.doubt(), 2) << seed << " " << n;
    }
  }
}

// A world that really changed, into one that is harder: believed after a while.
TEST(Gate, BelievesANewWorld) {
  World world(3);
  PublishGate gate({.judge = 500});
  uint64_t examples = 0;
  for (int window = 0; window < 10; ++window) next(gate, world, 1.0, 1.0, 1.0, 1, false, examples);
  examples = 0;
  EXPECT_EQ(next(gate, world, -0.8, 0.2, -0.8, 0.2, false, examples), GateVerdict::kSuspect);
  EXPECT_EQ(next(gate, world, -0.8, 0.25, -0.8, 0.2, false, examples), GateVerdict::kTrusted);
  EXPECT_GT(examples, 8 * 500u);
}

// What candidates gained before the suspicion says nothing of the world after it.
TEST(Gate, CountsANewWorldFromTheSuspicionOn) {
  uint64_t windows[2] = {};
  for (const bool gained : {false, true}) {
    PublishGate gate({.judge = 1000});
    Draw draw(3);
    const auto add = [&](double live, double candidate, double learner) {
      const double noise = 0.2 * (draw.uniform() - 0.5);
      return gate.add({live + noise, candidate + noise, live + noise, learner + noise, 0.69});
    };
    for (int i = 0; i < 20'000; ++i) add(0.3, gained ? 0.29 : 0.3, 0.29);
    while (!gate.suspect()) add(0.9, 0.9, 0.9);
    for (int i = 0; i < 1000; ++i) add(0.9, 0.9, 0.9);
    uint64_t examples = 0;
    while (examples < 100'000 && add(1.2, 0.6, 0.58) != GateVerdict::kTrusted) ++examples;
    windows[gained ? 1 : 0] = (examples + 1) / 1000;
  }
  EXPECT_EQ(windows[0], GateConfig().new_world);
  EXPECT_EQ(windows[1], GateConfig().new_world);
}

// ADWIN2 over all numbers kept, its cuts at the same buckets' ends.
class AdwinTwin {
 public:
  explicit AdwinTwin(double delta) : delta_(delta) {}
  bool add(double x) {
    ++seen_;
    buckets_.push_back({x});
    for (size_t size = 1;; size *= 2) {  // Of a size at most 5: the two oldest become one of twice the size.
      std::vector<size_t> of_size;
      for (size_t i = 0; i < buckets_.size(); ++i)
        if (buckets_[i].size() == size) of_size.push_back(i);
      if (of_size.size() <= 5) break;
      auto& first = buckets_[of_size[0]];
      first.insert(first.end(), buckets_[of_size[1]].begin(), buckets_[of_size[1]].end());
      buckets_.erase(buckets_.begin() + static_cast<ptrdiff_t>(of_size[1]));
    }
    bool changed = false;
    if (seen_ % 32 == 0 && seen_ >= 64 && size() >= 64)
      while (cut()) changed = true;
    return changed;
  }
  uint64_t size() const {
    uint64_t n = 0;
    for (const auto& bucket : buckets_) n += bucket.size();
    return n;
  }

 private:
  bool cut() {
    std::vector<double> all;
    for (const auto& bucket : buckets_) all.insert(all.end(), bucket.begin(), bucket.end());
    const auto n = static_cast<double>(all.size());
    double sum = 0, squares = 0;
    for (const double x : all) sum += x, squares += x * x;
    const double variance = std::max(0.0, squares / n - sum / n * sum / n);
    const double log_term = std::log(2 * std::log(n) / delta_);
    size_t at = 0;
    for (size_t b = 0; b + 1 < buckets_.size(); ++b) {
      at += buckets_[b].size();
      const auto n0 = static_cast<double>(at);
      const double n1 = n - n0;
      double sum0 = 0;
      for (size_t i = 0; i < at; ++i) sum0 += all[i];
      const double apart = std::fabs(sum0 / n0 - (sum - sum0) / n1);
      const double inverse = 1 / n0 + 1 / n1;
      if (n0 >= 5 && n1 >= 5 &&
          apart >= std::sqrt(2 * inverse * variance * log_term) + 2.0 / 3 * inverse * log_term) {
        buckets_.erase(buckets_.begin());
        return true;
      }
    }
    return false;
  }
  double delta_;
  uint64_t seen_ = 0;
  std::vector<std::vector<double>> buckets_;
};

TEST(Drift, AdwinAgreesWithItsTwin) {
  Draw draw(4);
  Adwin adwin(0.002);
  AdwinTwin twin(0.002);
  size_t changes = 0;
  for (int i = 0; i < 6000; ++i) {
    const double x = (i / 1500 % 2 == 0 ? 0.3 : 0.45) + 0.3 * draw.uniform();
    const bool changed = adwin.add(x);
    ASSERT_EQ(changed, twin.add(x)) << i;
    ASSERT_EQ(adwin.size(), twin.size()) << i;
    changes += changed ? 1 : 0;
  }
  EXPECT_GE(changes, 3u);
}

// A level that rises twice: two alarms, each with the levels before and after; when it falls, none.
TEST(Drift, SaysARiseOnce) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Draw draw(seed);
    DriftMonitor monitor;
    std::vector<DriftAlarm> alarms;
    for (int i = 0; i < 20'000; ++i) {
      const double level = i < 6000 ? 0.25 : i < 12'000 ? 0.4 : i < 16'000 ? 0.6 : 0.3;
      monitor.add("", level + 0.3 * (draw.uniform() - 0.5), alarms);
    }
    ASSERT_EQ(alarms.size(), 2u) << seed;
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_NEAR(static_cast<double>(alarms[i].at), i == 0 ? 6000 : 12'000, 500);
      EXPECT_NEAR(alarms[i].before, i == 0 ? 0.25 : 0.4, 0.03) << seed;
      EXPECT_GT(alarms[i].after, alarms[i].before);
    }
  }
}

// As it was saved before alarms were: without the mark in n.
TEST(Drift, ReadsWhatWasSavedBeforeAlarmsWere) {
  Adwin window(0.0005);
  for (int i = 0; i < 3000; ++i) window.add(0.25);
  Writer old;
  old.u64(3000);
  window.save(old);
  old.varint(1);
  old.str("search");
  window.save(old);
  DriftMonitor monitor;
  Reader in(old.bytes());
  monitor.load(in);
  ASSERT_TRUE(in.ok() && in.done());
  EXPECT_EQ(monitor.n(), 3000u);
  std::vector<DriftAlarm> alarms;
  for (int i = 0; i < 1000; ++i) monitor.add("search", 0.6, alarms);
  ASSERT_EQ(alarms.size(), 2u);
  Writer again;
  monitor.save(again);
  DriftMonitor copy;
  Reader back(again.bytes());
  copy.load(back);
  EXPECT_TRUE(back.ok() && back.done());
  EXPECT_EQ(copy.n(), 4000u);
}

TEST(Drift, NamesTheSegmentThatMoved) {
  Draw draw(5);
  DriftMonitor monitor;
  std::vector<DriftAlarm> alarms;
  for (int i = 0; i < 20'000; ++i) {
    const std::string segment = i % 4 == 0 ? "phone" : i % 4 == 1 ? "tablet" : "desk";
    const double level = segment == "tablet" && i > 10'000 ? 0.6 : 0.3;
    monitor.add(segment, level + 0.2 * (draw.uniform() - 0.5), alarms);
  }
  ASSERT_FALSE(alarms.empty());
  bool tablet = false;
  for (const DriftAlarm& alarm : alarms) {
    EXPECT_TRUE(alarm.segment == "tablet" || alarm.segment == "all") << alarm.segment;
    EXPECT_GT(alarm.at, 10'000u);
    EXPECT_LT(alarm.at, 12'000u);
    tablet = tablet || alarm.segment == "tablet";
  }
  EXPECT_TRUE(tablet);
}

TEST(Controller, TurnsItsKnobs) {
  Controller controller({.interval = 1000});
  for (int i = 0; i < 20; ++i) controller.window(0.52, 0.5);
  EXPECT_EQ(controller.interval(), 250u);
  for (int i = 0; i < 40; ++i) controller.window(0.5, 0.5);
  EXPECT_EQ(controller.interval(), 16000u);
  EXPECT_EQ(controller.rate(), 1);
  controller.drift();
  EXPECT_EQ(controller.rate(), 2);
  controller.window(0.5, 0.5);
  controller.window(0.5, 0.5);
  EXPECT_EQ(controller.rate(), 1);
  EXPECT_EQ(controller.fusion(), 1);
  Draw draw(1);
  for (int i = 0; i < 2000; ++i) controller.compare(0.5 + draw.uniform() * 0.1, 0.48 + draw.uniform() * 0.1);
  EXPECT_TRUE(controller.choose());
  EXPECT_EQ(controller.fusion(), 0.75f);
}

std::string saved(const auto& what) {
  Writer out;
  what.save(out);
  return out.take();
}

TEST(Publication, GateControllerAndDriftGoOnAsIfNothingHadHappened) {
  const GateConfig config{.judge = 100};
  struct All {
    PublishGate gate;
    Controller controller{{.words_max = 10}};
    DriftMonitor drift;
    std::vector<DriftAlarm> alarms;
    explicit All(const GateConfig& config) : gate(config) {}
    int add(const GateLosses& losses, uint64_t n) {
      const GateVerdict verdict = gate.add(losses);
      drift.add(n % 2 == 0 ? "even" : "odd", losses.live, alarms);
      controller.compare(losses.live, losses.candidate);
      if (verdict != GateVerdict::kNone)
        controller.window(losses.live, losses.learner, static_cast<double>(n % 30));
      if (n % 333 == 0) controller.drift();
      if (n % 999 == 0) controller.choose();
      return static_cast<int>(verdict);
    }
    std::string bytes() const { return saved(gate) + saved(controller) + saved(drift); }
  };
  World world(5);
  auto whole = std::make_unique<All>(config), parts = std::make_unique<All>(config);
  std::set<int> verdicts;
  for (uint64_t n = 0; n < 12'000; ++n) {
    const bool poison = n > 5000 && n < 7000;
    const GateLosses losses = world.example(1, n % 1000 < 300 ? 0.5 : 1, n > 9000 ? 1.4 : 1, 1, poison);
    const int verdict = whole->add(losses, n);
    verdicts.insert(verdict);
    ASSERT_EQ(parts->add(losses, n), verdict) << n;
    if (n % 171 != 0) continue;
    const std::string bytes = parts->bytes();
    ASSERT_EQ(bytes, whole->bytes()) << n;
    parts = std::make_unique<All>(config);
    Reader in(bytes);
    parts->gate.load(in);
    parts->controller.load(in);
    parts->drift.load(in);
    ASSERT_TRUE(in.ok() && in.done());
    ASSERT_EQ(parts->bytes(), bytes) << n;
  }
  EXPECT_GE(verdicts.size(), 4u);
}

TEST(Controller, KeepsWithinItsBudget) {
  Controller dear({.words_max = 10}), cheap({.words_max = 10});
  for (int n = 0; n < 30; ++n) {
    dear.window(1.1, 1.0, 25);
    cheap.window(1.1, 1.0, 5);
  }
  EXPECT_LT(cheap.interval(), 1000u);
  EXPECT_GT(dear.interval(), 1000u) << "waiting costs, but publishing costs more than it may";
}

}  // namespace
}  // namespace freshet
