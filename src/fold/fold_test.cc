#include <gtest/gtest.h>

#include "env/log.h"
#include "env/testing/fault_file_system.h"
#include "env/testing/temporary_dir.h"
#include "fold/fold_runner.h"
#include "fold/snapshot_store.h"
#include "fold/testing/toy_fold.h"
#include "log/file_log.h"
#include "log/mem_log.h"
#include "log/testing/event_log_suite.h"

namespace freshet {
namespace {

constexpr auto kLong = std::chrono::seconds(60);

// A log, folds over it, and the runner: what a server holds.
struct House {
  ToyFold first{"first"};
  ToyFold second{"second"};
  FoldRunner runner;
  House(EventLog& log, SnapshotStore* store, FoldRunnerOptions options = {})
      : runner(log, store, {&first, &second}, std::move(options)) {}
};

std::unique_ptr<SnapshotStore> must_open(FileSystem& files, const std::string& dir, size_t keep = 3) {
  return SnapshotStore::open(files, dir, keep).value();
}

uint64_t hash_at(EventLog& log, Offset at) {
  House house(log, nullptr);
  EXPECT_TRUE(house.runner.fold_until(at).ok());
  return house.runner.state_hash();
}

TEST(Snapshots, AreListedVerifiedAndLoaded) {
  FaultFileSystem disk;
  auto store = must_open(disk, "s");
  MemLog log;
  ASSERT_TRUE(log.append(numbered_batch(0, 100)).ok());
  House house(log, store.get());
  EXPECT_FALSE(store->load_newest(std::vector<Fold*>{&house.first, &house.second}).value().has_value());
  for (const Offset at : {10u, 20u, 30u, 40u, 50u}) {
    ASSERT_TRUE(house.runner.fold_until(at).ok());
    const SnapshotInfo info = house.runner.snapshot().value();
    EXPECT_EQ(info.offset, at);
    EXPECT_EQ(info.state_hash, house.runner.state_hash());
    if (at == 10) {
      ASSERT_TRUE(store->pin(info.file, true).ok());
    }
  }
  const auto list = store->list().value();
  ASSERT_EQ(list.size(), 4u);  // The newest three and the pinned one.
  const Offset want[] = {50, 40, 30, 10};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(list[i].offset, want[i]);
    EXPECT_EQ(list[i].pinned, i == 3);
    EXPECT_EQ(store->verify(list[i].file).value().state_hash, hash_at(log, want[i]));
  }
  House again(log, store.get());
  ASSERT_TRUE(again.runner.recover().ok());
  EXPECT_EQ(again.runner.applied(), 50u);
  EXPECT_EQ(again.runner.state_hash(), house.runner.state_hash());
  ASSERT_TRUE(store->pin(list[3].file, false).ok());
  EXPECT_FALSE(store->list().value()[3].pinned);
  EXPECT_EQ(store->verify("nothing.snap").error().code, Code::kNotFound);
}

TEST(Snapshots, ADamagedOneIsNamedAndTheNextOlderIsUsed) {
  LogCapture diary;
  FaultFileSystem disk;
  auto store = must_open(disk, "s");
  MemLog log;
  ASSERT_TRUE(log.append(numbered_batch(0, 30)).ok());
  {
    House house(log, store.get());
    for (const Offset at : {10u, 20u}) {
      ASSERT_TRUE(house.runner.fold_until(at).ok());
      ASSERT_TRUE(house.runner.snapshot().ok());
    }
  }
  const uint64_t hash = hash_at(log, 30);
  const std::string newest = "s/00000000000000000020.snap";
  const std::string sound = disk.bytes_of(newest);
  for (size_t bit = 0; bit < sound.size() * 8; bit += 3) {
    disk.flip_bit(newest, bit);
    House house(log, store.get());
    ASSERT_TRUE(house.runner.recover().ok());
    ASSERT_EQ(house.runner.applied(), 10u) << bit;
    ASSERT_NE(diary.text().find("snapshot: 00000000000000000020.snap"), std::string::npos);
    ASSERT_TRUE(house.runner.fold_until(30).ok());
    ASSERT_EQ(house.runner.state_hash(), hash);
    disk.set_bytes(newest, sound);
  }
  for (size_t size = 0; size < sound.size(); size += 7) {
    disk.set_bytes(newest, sound.substr(0, size));
    EXPECT_EQ(store->verify("00000000000000000020.snap").error().code, Code::kCorrupt) << size;
  }
}

TEST(Snapshots, WhereNoneIsUsableTheLogIsFoldedFromItsStartOrTheErrorIsClear) {
  LogCapture quiet;
  FaultFileSystem disk;
  auto store = must_open(disk, "s");
  MemLog log;
  ASSERT_TRUE(log.append(numbered_batch(0, 30)).ok());
  {
    House house(log, store.get());
    ASSERT_TRUE(house.runner.fold_until(20).ok());
    ASSERT_TRUE(house.runner.snapshot().ok());
  }
  disk.flip_bit("s/00000000000000000020.snap", 50 * 8);
  House house(log, store.get());
  ASSERT_TRUE(house.runner.recover().ok());
  EXPECT_EQ(house.runner.applied(), 0u);
  MemLog begins_later(25);
  ASSERT_TRUE(begins_later.append(numbered_batch(25, 5)).ok());
  House stranded(begins_later, store.get());
  EXPECT_EQ(stranded.runner.recover().error().code, Code::kCorrupt);
}

// Of a version that is not read: nothing was loaded. A fold that reads half of its section and then finds
// fault with it leaves half a state behind; fresh folds pass over that snapshot.
TEST(Snapshots, WhatAFoldDoesNotReadIsPassedOver) {
  LogCapture quiet;
  class Picky : public ToyFold {
   public:
    Picky() : ToyFold("second") {}
    Status load(Reader& in) override {
      TRY_STATUS(ToyFold::load(in));
      if (refuse_load) return corrupt("of another size");
      return {};
    }
    Status readable(Reader section) const override {
      EXPECT_GT(section.remaining(), 0u);
      if (refuse_version) return corrupt("written by another version");
      return {};
    }
    bool refuse_load = false, refuse_version = false;
  };
  FaultFileSystem disk;
  auto store = must_open(disk, "s");
  ToyFold first("first");
  Picky second;
  std::vector<Fold*> folds{&first, &second};
  const uint64_t empty = state_hash(folds);
  std::vector<uint64_t> hashes;
  for (const Offset at : {0u, 1u}) {
    for (Fold* fold : folds) fold->apply(at, numbered_event(at));
    ASSERT_TRUE(store->write(at + 1, folds).ok());
    hashes.push_back(state_hash(folds));
  }
  ToyFold other_first("first");
  Picky other_second;
  std::vector<Fold*> others{&other_first, &other_second};
  other_second.refuse_version = true;
  EXPECT_FALSE(store->load_newest(others).value().has_value());
  EXPECT_EQ(state_hash(others), empty);
  EXPECT_EQ(store->refused(), 0u);
  other_second.refuse_version = false;
  other_second.refuse_load = true;
  EXPECT_NE(store->load_newest(others).error().what.find("of another size"), std::string::npos);
  EXPECT_EQ(store->refused(), 1u);
  other_second.refuse_load = false;
  EXPECT_EQ(store->load_newest(others).value()->offset, 1u) << "the older one";
  EXPECT_EQ(state_hash(others), hashes[0]);
  // One that is written in its place is another one.
  ASSERT_TRUE(store->write(2, others).ok());
  EXPECT_EQ(store->refused(), 0u);
  EXPECT_EQ(store->load_newest(others).value()->offset, 2u);
  ToyFold alone("first");  // Another configuration: its snapshot is not ours.
  std::vector<Fold*> fewer{&alone};
  EXPECT_FALSE(store->load_newest(fewer).value().has_value());
}

TEST(Snapshots, DiffSaysWhereTheyDiffer) {
  FaultFileSystem disk;
  auto store = must_open(disk, "s");
  ToyFold a("a"), b("b"), c("c");
  ASSERT_TRUE(store->write(1, std::vector<Fold*>{&a, &b}).ok());
  b.apply(1, numbered_event(1));
  ASSERT_TRUE(store->write(2, std::vector<Fold*>{&a, &b, &c}).ok());
  const auto diffs = store->diff("00000000000000000001.snap", "00000000000000000002.snap").value();
  ASSERT_EQ(diffs.size(), 3u);
  EXPECT_TRUE(diffs[0].equal);
  EXPECT_FALSE(diffs[1].equal);
  EXPECT_LT(diffs[1].first_difference, 8u);
  EXPECT_GT(diffs[1].bytes_b, diffs[1].bytes_a);
  EXPECT_TRUE(diffs[2].absent_a && !diffs[2].absent_b);
}

TEST(Snapshots, TheForkedChildWritesTheSameBytesAsThisProcess) {
  TemporaryDir dir;
  auto store = must_open(real_files(), dir.path());
  MemLog log;
  ASSERT_TRUE(log.append(numbered_batch(0, 500)).ok());
  std::string bytes[2];
  for (const bool fork : {false, true}) {
    FoldRunnerOptions options;
    options.fork_snapshots = fork;
    House house(log, store.get(), options);
    house.runner.start();
    ASSERT_TRUE(house.runner.wait_applied(500, kLong));
    const SnapshotInfo info = house.runner.snapshot().value();
    EXPECT_EQ(store->verify(info.file).value().state_hash, house.runner.state_hash());
    bytes[fork] = read_file(real_files(), dir.path() + "/" + info.file).value().substr(40);
  }
  EXPECT_EQ(bytes[0], bytes[1]);  // All but the header, which has the time of writing.
}

TEST(FoldRunner, FoldsTheSameWhereverItIsStopped) {
  MemLog log;
  constexpr uint64_t kEvents = 400;
  ASSERT_TRUE(log.append(numbered_batch(0, kEvents)).ok());
  const uint64_t want = hash_at(log, kEvents);
  for (uint64_t seed = 0; seed < 40; ++seed) {
    FaultFileSystem disk(seed);
    Draw draw(seed);
    for (Offset reached = 0; reached < kEvents;) {
      auto store = must_open(disk, "s");
      House house(log, store.get());
      LogCapture quiet;
      ASSERT_TRUE(house.runner.recover().ok());
      reached = std::min(kEvents, house.runner.applied() + 1 + draw.below(150));
      ASSERT_TRUE(house.runner.fold_until(reached).ok());
      if (draw.below(3) > 0) {
        ASSERT_TRUE(house.runner.snapshot().ok());
      }
      ASSERT_TRUE(reached < kEvents || house.runner.state_hash() == want) << seed;
    }
  }
}

TEST(FoldRunner, ServesReadYourWritesWhileSnapshotsAreTaken) {
  TemporaryDir dir;
  LogCapture quiet;
  auto store = must_open(real_files(), dir.path() + "/s");
  auto log = FileLog::open(real_files(), dir.path() + "/log").value();
  FoldRunnerOptions options;
  options.snapshot_every_events = 300;
  std::atomic<uint64_t> called{0};
  options.applied = [&](Offset, const Event&) { ++called; };
  House house(*log, store.get(), options);
  house.runner.start();
  for (uint64_t n = 0; n < 3000; n += 10) {
    const Offset at = log->append(numbered_batch(n, 10)).value();
    ASSERT_TRUE(house.runner.wait_applied(at + 10, kLong));
    ASSERT_GE(house.runner.applied(), at + 10);
  }
  EXPECT_EQ(called.load(), 3000u);
  EXPECT_FALSE(house.runner.wait_applied(3001, std::chrono::milliseconds(1)));
  Offset at = 0;
  EXPECT_EQ(house.runner.state_hash(&at), hash_at(*log, 3000));
  EXPECT_EQ(at, 3000u);
  ASSERT_TRUE(house.runner.snapshot().ok());
  EXPECT_EQ(house.runner.last_snapshot()->offset, 3000u);
  EXPECT_GT(store->list().value().size(), 1u);
  house.runner.stop();
  const auto list = store->list().value();
  for (const SnapshotInfo& info : list)
    EXPECT_EQ(store->verify(info.file).value().state_hash, hash_at(*log, info.offset));
}

TEST(FoldRunner, PausesResumesStopsAndStartsAgain) {
  MemLog log;
  House house(log, nullptr);
  house.runner.start();
  ASSERT_TRUE(log.append(numbered_batch(0, 10)).ok());
  ASSERT_TRUE(house.runner.wait_applied(10, kLong));
  house.runner.pause();
  ASSERT_TRUE(log.append(numbered_batch(10, 10)).ok());
  EXPECT_FALSE(house.runner.wait_applied(11, std::chrono::milliseconds(20)));
  EXPECT_EQ(house.runner.state_hash(), hash_at(log, 10));  // It answers while it stands.
  house.runner.resume();
  ASSERT_TRUE(house.runner.wait_applied(20, kLong));
  house.runner.pause();
  house.runner.stop();  // Also out of a pause.
  house.runner.resume();
  ASSERT_TRUE(log.append(numbered_batch(20, 10)).ok());
  EXPECT_FALSE(house.runner.wait_applied(30, kLong));  // Nobody folds: answered at once.
  house.runner.start();
  ASSERT_TRUE(house.runner.wait_applied(30, kLong));
  EXPECT_EQ(house.runner.state_hash(), hash_at(log, 30));
  EXPECT_EQ(house.runner.snapshot().error().code, Code::kUnavailable);
}

TEST(FoldRunner, StopsAtADamagedLogAndSaysWhere) {
  LogCapture diary;
  FaultFileSystem disk;
  FileLogOptions options;
  options.segment_bytes = 500;
  SegmentInfo second;
  {
    auto log = FileLog::open(disk, "log", options).value();
    for (uint64_t n = 0; n < 50; n += 5) ASSERT_TRUE(log->append(numbered_batch(n, 5)).ok());
    second = log->segments()[1];
  }
  disk.flip_bit("log/" + second.file, 200 * 8);  // In its first block.
  auto log = FileLog::open(disk, "log", options).value();
  House house(*log, nullptr);
  house.runner.start();
  EXPECT_FALSE(house.runner.wait_applied(50, kLong));
  EXPECT_EQ(house.runner.applied(), second.begin);
  EXPECT_EQ(house.runner.status().error().code, Code::kCorrupt);
  const std::string line = "fold: stopped at offset " + std::to_string(second.begin) +
                           ": corrupt: log segment " + second.file + " byte 64 ";
  EXPECT_NE(diary.text().find(line), std::string::npos) << diary.text();
}

TEST(FoldRunner, PassesOverASnapshotThatIsAheadOfTheLog) {
  LogCapture diary;
  FaultFileSystem disk;
  auto store = must_open(disk, "s");
  MemLog longer, shorter;
  ASSERT_TRUE(longer.append(numbered_batch(0, 30)).ok());
  ASSERT_TRUE(shorter.append(numbered_batch(0, 20)).ok());
  House house(longer, store.get());
  ASSERT_TRUE(house.runner.fold_until(30).ok());
  ASSERT_TRUE(house.runner.snapshot().ok());
  House other(shorter, store.get());
  ASSERT_TRUE(other.runner.recover().ok());
  EXPECT_EQ(other.runner.applied(), 0u);
  EXPECT_NE(diary.text().find("passed over"), std::string::npos);
}

// Log and snapshots on one disk that loses power at every change: the state recovered is that of an
// uninterrupted fold of what the log has, and never less than what was acknowledged.
TEST(FoldFaults, LossOfPowerAtEveryChange) {
  LogCapture quiet;
  FileLogOptions log_options;
  log_options.segment_bytes = 1000;
  const auto work = [&](FileSystem& files) -> Offset {
    Offset acknowledged = 0;
    auto log = FileLog::open(files, "log", log_options);
    auto store = SnapshotStore::open(files, "s", 2);
    if (!log.ok() || !store.ok()) return 0;
    House house(**log, store->get());
    if (!house.runner.recover().ok()) return 0;
    for (uint64_t i = 0; i < 8; ++i) {
      const Offset at = (*log)->end();
      if (!(*log)->append(numbered_batch(at, 5)).ok() || !(*log)->commit(at + 5).ok()) break;
      acknowledged = at + 5;
      if (!house.runner.fold_until(acknowledged).ok()) break;
      if (i % 2 == 1) (void)house.runner.snapshot().ok();  // Serving goes on without it.
    }
    return acknowledged;
  };
  FaultFileSystem probe;
  EXPECT_EQ(work(probe), 40u);
  const uint64_t changes = probe.changes();
  MemLog reference;
  ASSERT_TRUE(reference.append(numbered_batch(0, 100)).ok());
  for (uint64_t n = 1; n <= changes; ++n) {
    for (uint64_t seed = 0; seed < 8; ++seed) {
      for (const bool power : {true, false}) {
        FaultFileSystem disk(mix64(n, seed));
        if (power) {
          disk.cut_power_at(n);
        } else {
          disk.fail_at(n, Fault::kShortWrite);
        }
        const Offset acknowledged = work(disk);
        disk.restart();
        auto log = FileLog::open(disk, "log", log_options);
        ASSERT_TRUE(log.ok()) << n << " " << seed << ": " << log.error().what;
        auto store = must_open(disk, "s", 2);
        House house(**log, store.get());
        ASSERT_TRUE(house.runner.recover().ok()) << n << " " << seed;
        ASSERT_GE((*log)->end(), acknowledged) << n << " " << seed;
        ASSERT_TRUE(house.runner.fold_until((*log)->end()).ok());
        ASSERT_EQ(house.runner.state_hash(), hash_at(reference, (*log)->end())) << n << " " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace freshet
