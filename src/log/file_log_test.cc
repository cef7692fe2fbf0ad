#include "log/file_log.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "env/log.h"
#include "env/testing/fault_file_system.h"
#include "env/testing/temporary_dir.h"
#include "log/log_tools.h"
#include "log/mem_log.h"
#include "log/testing/event_log_suite.h"

namespace freshet {
namespace {

std::unique_ptr<FileLog> must_open(FileSystem& files, const std::string& dir,
                                   const FileLogOptions& options = {}) {
  auto log = FileLog::open(files, dir, options);
  EXPECT_TRUE(log.ok()) << (log.ok() ? "" : log.error().what);
  CHECK(log.ok());
  return std::move(log).value();
}

FileLogOptions small_segments(uint64_t bytes = 2000) {
  FileLogOptions options;
  options.segment_bytes = bytes;
  return options;
}

TEST(MemLog, KeepsThePromisesOfAnEventLog) {
  event_log_suite([] { return std::make_unique<MemLog>(); });
}

TEST(FileLog, KeepsThePromisesOfAnEventLogUnderEveryPolicyAndSegmentSize) {
  for (const uint64_t segment_bytes : {200u, 5000u, 1u << 28}) {
    for (const Durability durability : {Durability::kSync, Durability::kInterval, Durability::kNone}) {
      FaultFileSystem disk;
      int number = 0;
      FileLogOptions options = small_segments(segment_bytes);
      options.durability = durability;
      options.sync_interval_ms = 1;
      if (durability == Durability::kSync) {
        event_log_suite([&] { return must_open(disk, "log" + std::to_string(number++), options); });
      } else {  // commit() promises nothing here, the rest holds.
        suite_offsets_have_no_gap(*must_open(disk, "a", options));
        suite_cursor_follows_the_tail(*must_open(disk, "b", options));
      }
    }
  }
}

TEST(FileLog, KeepsThePromisesOnTheRealDisk) {
  TemporaryDir dir;
  int number = 0;
  event_log_suite([&] {
    return must_open(real_files(), dir.path() + "/" + std::to_string(number++), small_segments(20000));
  });
}

TEST(FileLog, IsThereAgainAfterReopening) {
  TemporaryDir dir;
  uint64_t n = 0;
  for (int round = 0; round < 5; ++round) {
    auto log = must_open(real_files(), dir.path(), small_segments());
    EXPECT_EQ(log->end(), n);
    EXPECT_EQ(FileLog::open(real_files(), dir.path()).error().code, Code::kUnavailable);
    for (int i = 0; i < 20; ++i, n += 3) ASSERT_TRUE(log->append(numbered_batch(n, 3)).ok());
    expect_numbered(*log, n);
  }
  const auto log = must_open(real_files(), dir.path(), small_segments());
  EXPECT_GT(log->segments().size(), 5u);
  EXPECT_EQ(verify_log(*log).value().events, n);
}

// A log as version 1 left it: the header says so, its hash too, and everything else is the same.
void make_version_1(FaultFileSystem& disk, const std::string& segment) {
  std::string bytes = disk.bytes_of(segment);
  bytes[8] = 1;
  const uint64_t hash = hash_bytes(bytes.substr(0, 56));
  for (int i = 0; i < 8; ++i) bytes[56 + static_cast<size_t>(i)] = static_cast<char>(hash >> (8 * i));
  disk.set_bytes(segment, bytes);
}

TEST(FileLog, ReadsSegmentsOfVersion1AndGoesOnInASegmentOfItsOwn) {
  const std::string first = "log/00000000000000000000.log", second = "log/00000000000000000005.log";
  FaultFileSystem disk;
  ASSERT_TRUE(must_open(disk, "log")->append(numbered_batch(0, 5)).ok());
  make_version_1(disk, first);
  const std::string old = disk.bytes_of(first);
  {
    auto log = must_open(disk, "log");
    expect_numbered(*log, 5);
    EXPECT_EQ(log->segments().size(), 1u);
    ASSERT_TRUE(log->append(numbered_batch(5, 4)).ok());
    ASSERT_TRUE(log->append(numbered_batch(9, 1)).ok());
    EXPECT_EQ(log->segments().size(), 2u);
  }
  EXPECT_TRUE(disk.bytes_of(first).starts_with(old));  // Read as it is, never written anew.
  EXPECT_EQ(disk.bytes_of(second)[8], 2);
  expect_numbered(*must_open(disk, "log"), 10);

  std::string newer = disk.bytes_of(second);
  newer[8] = 3;  // What a later version wrote is refused, with both versions.
  const uint64_t hash = hash_bytes(newer.substr(0, 56));
  for (int i = 0; i < 8; ++i) newer[56 + static_cast<size_t>(i)] = static_cast<char>(hash >> (8 * i));
  disk.set_bytes(second, newer);
  const auto refused = FileLog::open(disk, "log");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().what.find("version 3"), std::string::npos) << refused.error().what;
}

TEST(FileLog, RefusesWhatIsTooLargeAndTakesNothingOfIt) {
  FaultFileSystem disk;
  FileLogOptions options;
  options.event_bytes_max = 200;
  options.batch_bytes_max = 1000;
  auto log = must_open(disk, "log", options);
  EventBatch batch = numbered_batch(0, 3);
  Event large = numbered_event(3);
  large.query = std::string(200, 'x');
  batch.add(large);
  EXPECT_EQ(log->append(batch).error().code, Code::kInvalid);
  EXPECT_EQ(log->append(numbered_batch(0, 100)).error().code, Code::kInvalid);
  EXPECT_EQ(log->end(), 0u);
  EXPECT_TRUE(ids_from(*log, 0).empty());
}

TEST(FileLog, TornTailIsCutOffWithAClearLineWhereverItIsTorn) {
  FaultFileSystem original;
  must_open(original, "log")->close().ok();
  std::string kept, whole;
  {
    auto log = must_open(original, "log");
    ASSERT_TRUE(log->append(numbered_batch(0, 4)).ok());
    kept = original.bytes_of("log/00000000000000000000.log");
    ASSERT_TRUE(log->append(numbered_batch(4, 2)).ok());
    whole = original.bytes_of("log/00000000000000000000.log");
  }
  for (size_t cut = kept.size() + 1; cut < whole.size(); ++cut) {
    FaultFileSystem disk;
    must_open(disk, "log").reset();
    disk.set_bytes("log/00000000000000000000.log", whole.substr(0, cut));
    LogCapture diary;
    auto log = must_open(disk, "log");
    expect_numbered(*log, 4);
    EXPECT_NE(diary.text().find("torn tail of segment 00000000000000000000.log at byte " +
                                std::to_string(kept.size())),
              std::string::npos)
        << diary.text();
    ASSERT_TRUE(log->append(numbered_batch(4, 2)).ok());
    log.reset();
    expect_numbered(*must_open(disk, "log"), 6);
  }
}

// Every bit of every segment of a log that was closed: opening or reading it says kCorrupt, and where.
TEST(FileLog, EveryFlippedBitOfAClosedLogIsFoundAndNamed) {
  FaultFileSystem disk;
  {
    auto log = must_open(disk, "log", small_segments(400));
    for (uint64_t n = 0; n < 8; n += 2) ASSERT_TRUE(log->append(numbered_batch(n, 2)).ok());
  }
  const auto names = disk.list("log").value();
  ASSERT_EQ(names.size(), 2u);
  for (const std::string& name : names) {
    const std::string path = "log/" + name;
    const std::string sound = disk.bytes_of(path);
    // The last block of the last segment is the mark of closing: damage there is a torn mark.
    const size_t size = name == names.back() ? sound.size() - 48 : sound.size();
    for (size_t bit = 0; bit < size * 8; ++bit) {
      disk.flip_bit(path, bit);
      const auto log = FileLog::open(disk, "log", small_segments(400));
      const auto verified = log.ok() ? verify_log(**log) : Result<LogStats>(log.error());
      ASSERT_FALSE(verified.ok()) << path << " bit " << bit;
      ASSERT_EQ(verified.error().code, Code::kCorrupt) << path << " bit " << bit;
      ASSERT_NE(verified.error().what.find(name + " byte "), std::string::npos) << verified.error().what;
      disk.set_bytes(path, sound);
    }
  }
  expect_numbered(*must_open(disk, "log", small_segments(400)), 8);
}

TEST(FileLog, AMissingOrShortSegmentInTheMiddleIsNotSkipped) {
  for (const bool whole_blocks : {false, true}) {
    FaultFileSystem disk;
    uint64_t first_block_end = 0;
    {
      auto log = must_open(disk, "log", small_segments(600));
      ASSERT_TRUE(log->append(numbered_batch(0, 2)).ok());
      first_block_end = log->segments().front().bytes;
      for (uint64_t n = 2; n < 40; n += 2) ASSERT_TRUE(log->append(numbered_batch(n, 2)).ok());
    }
    const std::string first = "log/00000000000000000000.log";
    disk.set_bytes(first, disk.bytes_of(first).substr(0, first_block_end + (whole_blocks ? 0 : 20)));
    const auto log = must_open(disk, "log", small_segments(600));
    const auto verified = verify_log(*log);
    ASSERT_FALSE(verified.ok());
    EXPECT_EQ(verified.error().code, Code::kCorrupt);
    EXPECT_NE(verified.error().what.find("00000000000000000000.log byte"), std::string::npos);
  }
}

TEST(FileLog, BlocksRepeatedOrInTheWrongOrderAreDamage) {
  FaultFileSystem disk;
  std::vector<uint64_t> ends;  // Of the first segment's first blocks.
  {
    auto log = must_open(disk, "log", small_segments(600));
    for (uint64_t n = 0; n < 40; n += 2) {
      ASSERT_TRUE(log->append(numbered_batch(n, 2)).ok());
      ends.push_back(log->segments().front().bytes);
    }
  }
  const std::string first = "log/00000000000000000000.log";
  const std::string sound = disk.bytes_of(first);
  const auto part = [&](uint64_t from, uint64_t to) { return sound.substr(from, to - from); };
  const std::string rows[] = {
      sound + sound.substr(64),  // All its blocks once more.
      part(0, ends[0]) + part(ends[0], ends[1]) + part(ends[0], std::string::npos),
      part(0, 64) + part(ends[0], ends[1]) + part(64, ends[0]) + part(ends[1], std::string::npos),
  };
  for (const std::string& bytes : rows) {
    disk.set_bytes(first, bytes);
    const auto log = must_open(disk, "log", small_segments(600));
    const auto verified = verify_log(*log);
    EXPECT_EQ(verified.ok() ? Code::kInvalid : verified.error().code, Code::kCorrupt);
  }
}

TEST(FileLog, FullDiskIsAnsweredAndNothingHalfWrittenStays) {
  FaultFileSystem disk;
  auto log = must_open(disk, "log", small_segments(1000));
  uint64_t n = 0;
  for (int round = 0; round < 20; ++round) {
    disk.fill_up(true);
    EXPECT_EQ(log->append(numbered_batch(n, 5)).error().code, Code::kUnavailable);
    disk.fill_up(false);
    ASSERT_EQ(log->append(numbered_batch(n, 3)).value(), n);
    n += 3;
  }
  expect_numbered(*log, n);
  log.reset();
  expect_numbered(*must_open(disk, "log"), n);
}

TEST(FileLog, AfterAFailedSyncNothingIsTakenUntilReopened) {
  FaultFileSystem disk;
  {
    auto log = must_open(disk, "log");
    ASSERT_TRUE(log->append(numbered_batch(0, 5)).ok() && log->commit(5).ok());
    ASSERT_TRUE(log->append(numbered_batch(5, 5)).ok());
    disk.fail_syncs(true);
    EXPECT_EQ(log->commit(10).error().code, Code::kUnavailable);
    disk.fail_syncs(false);
    EXPECT_EQ(log->append(numbered_batch(10, 5)).error().code, Code::kUnavailable);
    EXPECT_EQ(log->commit(10).error().code, Code::kUnavailable);
    EXPECT_EQ(log->sync().error().code, Code::kUnavailable);
    EXPECT_TRUE(log->commit(5).ok());  // That much is certain.
    EXPECT_EQ(ids_from(*log, 0).size(), 10u);
  }
  auto log = must_open(disk, "log");  // The same cache: the five are still seen, and are now written again.
  const uint64_t n = log->end();
  ASSERT_TRUE(log->append(numbered_batch(n, 5)).ok() && log->commit(n + 5).ok());
  log.reset();
  disk.restart();
  expect_numbered(*must_open(disk, "log"), n + 5);
}

TEST(FileLog, CommitsShareTheirSyncs) {
  FaultFileSystem disk;
  auto log = must_open(disk, "log");
  const uint64_t before = log->syncs();
  ASSERT_TRUE(log->append(numbered_batch(0, 100)).ok());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(log->commit(100).ok());
  EXPECT_EQ(log->syncs() - before, 1u);
}

TEST(FileLog, ReadOnlyFollowsTheLogOfAnotherAndChangesNothing) {
  TemporaryDir dir;
  auto owner = must_open(real_files(), dir.path(), small_segments(3000));
  ASSERT_TRUE(owner->append(numbered_batch(0, 10)).ok());
  FileLogOptions options;
  options.read_only = true;
  auto guest = must_open(real_files(), dir.path(), options);
  expect_numbered(*guest, 10);
  auto cursor = guest->read(10).value();
  for (uint64_t n = 10; n < 200; n += 10) {
    ASSERT_TRUE(owner->append(numbered_batch(n, 10)).ok());
    for (uint64_t i = n; i < n + 10; ++i) {
      ASSERT_TRUE(cursor->next(std::chrono::seconds(60)).value());
      ASSERT_EQ(cursor->offset(), i);
    }
  }
  EXPECT_EQ(guest->append(numbered_batch(0, 1)).error().code, Code::kUnavailable);
  EXPECT_GT(guest->segments().size(), 2u);
  EXPECT_EQ(FileLog::open(real_files(), dir.path() + "/nothing", options).error().code, Code::kNotFound);
}

TEST(LogTools, CountWhatIsThere) {
  FaultFileSystem disk;
  auto log = must_open(disk, "log", small_segments());
  ASSERT_TRUE(log->append(numbered_batch(0, 300)).ok());
  uint64_t progress = 0;
  const LogStats stats = verify_log(*log, [&](uint64_t done, uint64_t) { progress = done; }).value();
  EXPECT_EQ(stats.events, 300u);
  EXPECT_EQ(progress, 300u);
  EXPECT_EQ(stats.time_ms_min, numbered_event(0).time_ms);
  EXPECT_EQ(stats.time_ms_max, numbered_event(299).time_ms);
  uint64_t views = 0;
  for (uint64_t n = 0; n < 300; ++n) views += numbered_event(n).type == EventType::kView ? 1 : 0;
  EXPECT_EQ(stats.by_type[static_cast<size_t>(EventType::kView)], views);
  std::vector<Offset> seen;
  EXPECT_EQ(export_log(*log, 10, 20,
                       [&](Offset at, const Event&) {
                         seen.push_back(at);
                         return at < 14;
                       })
                .value(),
            5u);
  EXPECT_EQ(seen, (std::vector<Offset>{10, 11, 12, 13, 14}));
}

}  // namespace
}  // namespace freshet
