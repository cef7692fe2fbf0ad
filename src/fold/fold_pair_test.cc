#include "fold/fold_pair.h"

#include <vector>

#include <gtest/gtest.h>

#include "fold/fold_runner.h"
#include "fold/testing/toy_fold.h"
#include "log/mem_log.h"
#include "log/testing/event_log_suite.h"

namespace freshet {
namespace {

// A toy fold in each stage; the second one also reads, of the first, a count that changes now and then.
class ToyStages final : public StagedFolds {
 public:
  void begin(std::function<void()> settle) override {
    settle_ = std::move(settle);
    ++begun;
  }
  void end() override { settle_ = {}; }
  void first(size_t place, Offset at, const Event& event) override {
    if (at % 97 == 0) {
      settle_();
      EXPECT_EQ(second_done_, at);
      rare_ = at;
    }
    early.apply(at, event);
    left_[place] = at * 3;
  }
  void second(size_t place, Offset at, const Event& event) override {
    EXPECT_EQ(left_[place], at * 3);
    EXPECT_EQ(rare_, at - at % 97);
    late.apply(at, event);
    second_done_ = at + 1;
    if (at % 16 == 15) put_aside_.store(at + 1);
  }
  bool help() override {
    if (!help_waits()) return false;
    ++helped;
    helped_.store(put_aside_.load());
    return true;
  }
  bool help_waits() const override { return put_aside_.load() > helped_.load(); }
  void finish() override { ++finished; }

  ToyFold early{"early"}, late{"late"};
  int begun = 0, finished = 0;
  std::atomic<int> helped{0};

 private:
  std::function<void()> settle_;
  Offset rare_ = 0, second_done_ = 0;
  std::array<Offset, kPlaces> left_{};
  std::atomic<Offset> put_aside_{0}, helped_{0};
};

std::string saved(const Fold& fold) {
  Writer out;
  fold.save(out);
  return out.take();
}

TEST(FoldPair, FoldsAsOneThreadDoes) {
  constexpr Offset kEvents = 20000;
  MemLog log;
  ASSERT_TRUE(log.append(numbered_batch(0, kEvents)).ok());
  ToyFold want("want");
  auto cursor = log.read(0).value();
  ToyStages stages;
  std::vector<Offset> applied;
  {
    FoldPair pair(stages, [&](Offset at, const Event& event) {
      EXPECT_FALSE(event.id.empty());
      applied.push_back(at);
    });
    for (Offset at = 0; at < kEvents; ++at) {
      ASSERT_TRUE(cursor->next().value());
      Event& event = pair.place();
      ASSERT_TRUE(cursor->decode(event).ok());
      want.apply(at, event);
      pair.fold(at);
      if (at % 5003 != 0) continue;
      pair.settle();
      EXPECT_EQ(saved(stages.late), saved(want));
      EXPECT_EQ(applied.size(), at + 1);
    }
  }
  EXPECT_EQ(saved(stages.early), saved(want));
  EXPECT_EQ(saved(stages.late), saved(want));
  EXPECT_GT(stages.finished, 4);
  EXPECT_GT(stages.helped, 0);
  ASSERT_EQ(applied.size(), kEvents);
  for (Offset at = 0; at < kEvents; ++at) ASSERT_EQ(applied[at], at);
}

// Handing over a whole catalogue one by one, to wait for each, would be slower than one thread.
TEST(FoldPair, WhatChangesTheCatalogueIsFoldedByTheCaller) {
  struct Watched : StagedFolds {
    void begin(std::function<void()> settle) override { settle_ = std::move(settle); }
    void end() override {}
    void first(size_t, Offset at, const Event& event) override {
      if (event.type == EventType::kView) return;
      settle_();
      EXPECT_EQ(next_, at) << "what came before is done";
    }
    void second(size_t, Offset at, const Event& event) override {
      EXPECT_EQ(next_, at);
      next_ = at + 1;
      if (event.type != EventType::kView) here += std::this_thread::get_id() == caller_ ? 1 : 0;
    }
    bool help() override { return false; }
    bool help_waits() const override { return false; }
    void finish() override {}
    int here = 0;

   private:
    const std::thread::id caller_ = std::this_thread::get_id();
    std::function<void()> settle_;
    Offset next_ = 0;
  } folds;
  std::vector<Offset> applied;
  constexpr EventType kItems[] = {EventType::kItemUpsert, EventType::kItemUpdate, EventType::kItemDelete};
  {
    FoldPair pair(folds, [&](Offset at, const Event&) { applied.push_back(at); });
    for (Offset at = 0; at < 3000; ++at) {
      pair.place().type = at % 10 < 3 ? kItems[at % 3] : EventType::kView;
      pair.fold(at);
    }
  }
  EXPECT_EQ(folds.here, 900);
  ASSERT_EQ(applied.size(), 3000u);
  for (Offset at = 0; at < 3000; ++at) ASSERT_EQ(applied[at], at);
}

// The runner: two threads for what is far behind, one for the rest; commands find the folds standing still.
TEST(FoldPair, TheRunnerUsesItForATail) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "one processor";
  constexpr Offset kEvents = 30000;
  MemLog log;
  ASSERT_TRUE(log.append(numbered_batch(0, kEvents)).ok());
  ToyStages stages;
  std::vector<Offset> applied;
  FoldRunnerOptions options;
  options.applied = [&](Offset at, const Event&) { applied.push_back(at); };
  options.staged = &stages;
  FoldRunner runner(log, nullptr, {&stages.early, &stages.late}, options);
  ASSERT_TRUE(runner.fold_until(1000).ok());
  EXPECT_EQ(runner.applied(), 1000u);
  EXPECT_EQ(stages.begun, 1);
  runner.start();
  for (int n = 0; n < 20; ++n)
    runner.run([&] { EXPECT_EQ(saved(stages.early).substr(0, 8), saved(stages.late).substr(0, 8)); });
  ASSERT_TRUE(runner.wait_applied(kEvents, std::chrono::seconds(60)));
  ASSERT_TRUE(log.append(numbered_batch(kEvents, 10)).ok());
  ASSERT_TRUE(runner.wait_applied(kEvents + 10, std::chrono::seconds(60)));
  runner.stop();
  EXPECT_EQ(stages.begun, 2);
  ASSERT_EQ(applied.size(), kEvents + 10);
  EXPECT_EQ(saved(stages.early), saved(stages.late));
  EXPECT_FALSE(runner.fold_until(kEvents + 2000).ok()) << "the log is not that long";
}

}  // namespace
}  // namespace freshet
