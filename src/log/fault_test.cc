// The log on a disk that fails at every single change it makes, one after the other: errors, short writes,
// loss of power. Whatever was acknowledged is there afterwards, once, in order; a person erased stays erased.
#include <gtest/gtest.h>

#include "env/log.h"
#include "env/testing/fault_file_system.h"
#include "event/codec.h"
#include "log/file_log.h"
#include "log/testing/event_log_suite.h"

namespace freshet {
namespace {

constexpr Offset kErasedBelow = 60;
const char* const kPerson = "user-7";

FileLogOptions small_segments() {
  FileLogOptions options;
  options.segment_bytes = 800;
  return options;
}

// What a client knows after its work, however far it got.
struct Client {
  Offset acknowledged = 0;   // Events below were committed.
  Offset attempted = 0;      // Events below were handed to append().
  bool erased = false;       // erase() said Ok.
  Offset dropped_below = 0;  // retain() may have dropped events below.
  Offset begin = 0;
};

// Appends numbered events in batches of different sizes, commits some, erases a person, drops old segments.
// Ends at the first error, as after a crash.
void work(FileSystem& files, Client* client) {
  auto opened = FileLog::open(files, "log", small_segments());
  if (!opened.ok()) return;
  FileLog& log = **opened;
  const auto append = [&](uint64_t count) {
    client->attempted = std::max(client->attempted, log.end() + count);
    return log.append(numbered_batch(log.end(), count)).ok();
  };
  for (uint64_t i = 0; i < 8; ++i) {
    if (!append(1 + i * 2)) return;
    if (i % 3 == 1) continue;
    if (!log.commit(log.end()).ok()) return;
    client->acknowledged = log.end();
  }
  if (!log.erase(names_person(kPerson)).ok()) return;
  client->erased = true;
  if (!append(5) || !log.commit(log.end()).ok()) return;
  client->acknowledged = log.end();
  RetentionPolicy policy;
  policy.bytes_max = 2000;
  client->dropped_below = 50;
  if (!log.retain(policy, 50, 0).ok()) return;
  client->begin = log.begin();
  if (!append(5) || !log.commit(log.end()).ok()) return;
  client->acknowledged = log.end();
}

void check(FileSystem& files, const Client& client, const std::string& what) {
  SCOPED_TRACE(what);
  auto opened = FileLog::open(files, "log", small_segments());
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  FileLog& log = **opened;
  ASSERT_GE(log.end(), client.acknowledged);
  ASSERT_LE(log.end(), client.attempted);
  ASSERT_LE(log.begin(), client.dropped_below);
  auto cursor = log.read(log.begin()).value();
  Event event;
  for (Offset at = log.begin(); at < log.end(); ++at) {
    const auto more = cursor->next();
    ASSERT_TRUE(more.ok()) << more.error().what;
    ASSERT_TRUE(*more);
    ASSERT_EQ(cursor->offset(), at);
    ASSERT_TRUE(cursor->decode(event).ok());
    const Event want = numbered_event(at);
    const bool may_be_erased = want.user == kPerson && at <= kErasedBelow + 20;
    if (event.type == EventType::kErased) {
      ASSERT_TRUE(may_be_erased) << at;
    } else {
      ASSERT_TRUE(event == want) << at;
    }
  }
  ASSERT_FALSE(*cursor->next());
  if (client.erased) {  // What came before it is free of the person; what comes now is another life.
    auto again = log.read(log.begin()).value();
    for (Offset at = log.begin(); at < std::min<Offset>(64, log.end()); ++at) {
      ASSERT_TRUE(*again->next());
      ASSERT_TRUE(again->decode(event).ok());
      ASSERT_NE(event.user, kPerson) << at;
    }
  }
  const uint64_t end = log.end();  // And it goes on.
  ASSERT_TRUE(log.append(numbered_batch(end, 3)).ok());
  ASSERT_TRUE(log.commit(end + 3).ok());
}

uint64_t changes_of_a_full_run() {
  FaultFileSystem disk;
  Client client;
  work(disk, &client);
  EXPECT_TRUE(client.erased);
  EXPECT_EQ(client.acknowledged, 74u);
  EXPECT_GT(client.begin, 20u);  // More than one segment.
  return disk.changes();
}

TEST(FileLogFaults, LossOfPowerAtEveryChange) {
  LogCapture quiet;
  const uint64_t changes = changes_of_a_full_run();
  ASSERT_GT(changes, 50u);  // Rolled, rewritten and dropped several segments.
  for (uint64_t n = 1; n <= changes; ++n) {
    for (uint64_t seed = 0; seed < 12; ++seed) {
      FaultFileSystem disk(mix64(n, seed));
      disk.cut_power_at(n);
      Client client;
      work(disk, &client);
      disk.restart();
      check(disk, client, "power cut at change " + std::to_string(n) + " seed " + std::to_string(seed));
      if (HasFatalFailure()) return;
      disk.restart();  // A second crash, right after recovery.
      check(disk, Client{client.acknowledged, client.attempted + 3, client.erased, client.dropped_below},
            "second cut, change " + std::to_string(n) + " seed " + std::to_string(seed));
      if (HasFatalFailure()) return;
    }
  }
}

// kill -9 leaves the cache as it is. What the next process finds there it builds on, so it must make it
// durable before it acknowledges what comes after.
TEST(FileLogFaults, KilledAtEveryChangeAndThenLossOfPower) {
  LogCapture quiet;
  const uint64_t changes = changes_of_a_full_run();
  for (uint64_t n = 1; n <= changes; ++n) {
    for (uint64_t seed = 0; seed < 12; ++seed) {
      FaultFileSystem disk(mix64(n, seed));
      disk.cut_power_at(n);
      Client client;
      work(disk, &client);
      disk.kill_process();
      {
        auto log = FileLog::open(disk, "log", small_segments());
        ASSERT_TRUE(log.ok()) << log.error().what;
        ASSERT_GE((*log)->end(), client.acknowledged);
        ASSERT_TRUE((*log)->commit((*log)->end()).ok());  // A client asks again and is told it is there.
        if (seed % 2 == 0) {
          ASSERT_TRUE((*log)->append(numbered_batch((*log)->end(), 3)).ok());
          ASSERT_TRUE((*log)->commit((*log)->end()).ok());
        }
        client.acknowledged = client.attempted = (*log)->end();
        disk.cut_power_at(1);
      }
      disk.restart();
      check(disk, client, "killed at change " + std::to_string(n) + " seed " + std::to_string(seed));
      if (HasFatalFailure()) return;
    }
  }
}

// An error (of a sync, say), kill -9, a new process, loss of power: what the second process acknowledged on
// top of bytes that only the cache had must be there.
TEST(FileLogFaults, AnErrorAtEveryChangeThenKilledThenLossOfPower) {
  LogCapture quiet;
  const uint64_t changes = changes_of_a_full_run();
  for (uint64_t n = 1; n <= changes; ++n) {
    for (uint64_t after = 0; after < 3; ++after) {
      FaultFileSystem disk(mix64(n, after));
      disk.fail_at(n, Fault::kError);
      disk.cut_power_at(n + 1 + after);
      Client client;
      work(disk, &client);
      disk.kill_process();
      {
        auto log = FileLog::open(disk, "log", small_segments());
        ASSERT_TRUE(log.ok()) << log.error().what;
        ASSERT_TRUE((*log)->append(numbered_batch((*log)->end(), 3)).ok());
        ASSERT_TRUE((*log)->commit((*log)->end()).ok());
        client.acknowledged = client.attempted = (*log)->end();
        disk.cut_power_at(1);
      }
      disk.restart();
      check(disk, client,
            "error at change " + std::to_string(n) + ", killed " + std::to_string(after) + " later");
      if (HasFatalFailure()) return;
    }
  }
}

TEST(FileLogFaults, AnErrorAtEveryChange) {
  LogCapture quiet;
  const uint64_t changes = changes_of_a_full_run();
  for (uint64_t n = 1; n <= changes; ++n) {
    for (const Fault fault : {Fault::kError, Fault::kShortWrite}) {
      for (const bool power : {false, true}) {
        FaultFileSystem disk(n);
        disk.fail_at(n, fault);
        Client client;
        work(disk, &client);
        if (power) disk.restart();
        check(disk, client, "error at change " + std::to_string(n) + (power ? " then loss of power" : ""));
        if (HasFatalFailure()) return;
      }
    }
  }
}

// A program that meets an error and tries again, without reopening: what is acknowledged then counts too.
TEST(FileLogFaults, GoingOnAfterAnErrorLosesNothing) {
  LogCapture quiet;
  for (uint64_t n = 1; n <= 60; ++n) {
    for (const Fault fault : {Fault::kError, Fault::kShortWrite}) {
      FaultFileSystem disk(n);
      std::vector<std::string> acknowledged;
      {
        auto log = FileLog::open(disk, "log", small_segments()).value();
        disk.fail_at(n, fault);
        for (uint64_t i = 0; i < 40; ++i) {
          const auto at = log->append(numbered_batch(i * 3, 3));
          if (!at.ok() || !log->commit(*at + 3).ok()) continue;
          for (uint64_t j = 0; j < 3; ++j) acknowledged.push_back("event-" + std::to_string(i * 3 + j));
        }
      }
      disk.restart();
      auto log = FileLog::open(disk, "log", small_segments());
      ASSERT_TRUE(log.ok()) << log.error().what;
      const auto ids = ids_from(**log, 0);
      size_t next = 0;  // `acknowledged` is a subsequence of `ids`.
      for (const std::string& id : ids)
        next += next < acknowledged.size() && acknowledged[next] == id ? 1 : 0;
      ASSERT_EQ(next, acknowledged.size()) << "fault at " << n;
      ASSERT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size());
    }
  }
}

TEST(FileLogFaults, ManyRandomCrashesInARow) {
  LogCapture quiet;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    FaultFileSystem disk(seed);
    Draw draw(seed);
    uint64_t acknowledged = 0, attempted = 0;
    for (int life = 0; life < 30; ++life) {
      disk.cut_power_at(1 + draw.below(40));
      auto log = FileLog::open(disk, "log", small_segments());
      for (bool alive = log.ok(); alive;) {
        const uint64_t at = (*log)->end(), count = 1 + draw.below(6);
        attempted = std::max(attempted, at + count);
        alive = (*log)->append(numbered_batch(at, count)).ok();
        if (alive && draw.below(2) == 0) {
          alive = (*log)->commit(at + count).ok();
          if (alive) acknowledged = at + count;
        }
        if (alive && draw.below(9) == 0) alive = (*log)->erase(names_person("nobody")).ok();
      }
      if (log.ok()) std::move(log).value().reset();
      disk.restart();
      const auto sound = FileLog::open(disk, "log", small_segments());
      ASSERT_TRUE(sound.ok()) << "seed " << seed << " life " << life << ": " << sound.error().what;
      ASSERT_GE((*sound)->end(), acknowledged) << "seed " << seed << " life " << life;
      ASSERT_LE((*sound)->end(), attempted);
      expect_numbered(**sound, (*sound)->end());
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Erasure, LeavesPlaceholdersAndAProofAndIsSafeToRepeat) {
  FaultFileSystem disk;
  auto log = FileLog::open(disk, "log", small_segments()).value();
  ASSERT_TRUE(log->append(numbered_batch(0, 200)).ok());
  Event link;
  link.type = EventType::kIdentityLink;
  link.user = "anonymous";
  link.user_to = kPerson;
  EventBatch batch;
  batch.add(link);
  ASSERT_TRUE(log->append(batch).ok());
  const auto names = names_person(kPerson, {"session-3"});
  uint64_t named = 0;
  for (uint64_t n = 0; n < 200; ++n) named += names(numbered_event(n)) ? 1 : 0;
  ++named;  // the link
  EXPECT_EQ(log->count_named(names).value(), named);
  const EraseReport report = log->erase(names).value();
  EXPECT_EQ(report.events_erased, named);
  EXPECT_GT(report.segments_rewritten, 0u);
  EXPECT_EQ(log->count_named(names).value(), 0u);
  EXPECT_EQ(log->erase(names).value().events_erased, 0u);
  log.reset();
  auto files = disk.list("log").value();
  std::erase(files, "LOCK");
  for (const std::string& name : files)  // The proof, on the bytes themselves.
    EXPECT_EQ(disk.bytes_of("log/" + name).find(kPerson), std::string::npos) << name;
  log = FileLog::open(disk, "log", small_segments()).value();
  EXPECT_EQ(log->end(), 201u);
  auto cursor = log->read(0).value();
  Event event;
  for (uint64_t n = 0; n < 200; ++n) {
    ASSERT_TRUE(cursor->next().value());
    ASSERT_TRUE(cursor->decode(event).ok());
    if (names(numbered_event(n))) {
      EXPECT_EQ(cursor->record().size(), 2u);  // A type and an empty mask.
    } else {
      EXPECT_TRUE(event == numbered_event(n));
    }
  }
}

TEST(Erasure, GoesOnBesideAppendsAndReaders) {
  FaultFileSystem disk;
  auto log = FileLog::open(disk, "log", small_segments()).value();
  ASSERT_TRUE(log->append(numbered_batch(0, 100)).ok());
  std::thread appender([&] {
    for (uint64_t n = 100; n < 600; n += 5) ASSERT_TRUE(log->append(numbered_batch(n, 5)).ok());
  });
  std::thread reader([&] {
    auto cursor = log->read(0).value();
    for (uint64_t n = 0; n < 600; ++n) {
      const auto more = cursor->next(std::chrono::seconds(60));
      ASSERT_TRUE(more.ok() && *more);
    }
  });
  for (int user = 0; user < 10; ++user)
    ASSERT_TRUE(log->erase(names_person("user-" + std::to_string(user))).ok());
  appender.join();
  reader.join();
  EXPECT_EQ(log->end(), 600u);
}

TEST(Retention, DropsWholeOldSegmentsButNothingASnapshotLacks) {
  struct Row {
    const char* what;
    RetentionPolicy policy;
    Offset snapshot;
    bool dropped;
  };
  constexpr int64_t kHour = 3600000;
  FaultFileSystem probe;
  const int64_t now = FileLog::open(probe, "log").value()->segments().front().created_ms;
  const Row rows[] = {
      {"no limits", {0, 0}, 1000, false},        {"young enough", {kHour, 0}, 1000, false},
      {"too old", {kHour, 0}, 1000, true},       {"too old but not in a snapshot", {kHour, 0}, 0, false},
      {"too many bytes", {0, 3000}, 1000, true}, {"few bytes", {0, 1u << 30}, 1000, false},
  };
  for (const Row& row : rows) {
    FaultFileSystem disk;
    auto log = FileLog::open(disk, "log", small_segments()).value();
    for (uint64_t n = 0; n < 200; n += 10) ASSERT_TRUE(log->append(numbered_batch(n, 10)).ok());
    const int64_t at = std::string(row.what).starts_with("too old") ? now + 2 * kHour : now + 1000;
    const Offset begin = log->retain(row.policy, row.snapshot, at).value();
    EXPECT_EQ(begin > 0, row.dropped) << row.what;
    EXPECT_LE(begin, row.snapshot);
    EXPECT_EQ(log->read(0).ok(), begin == 0) << row.what;
    log.reset();
    log = FileLog::open(disk, "log", small_segments()).value();
    EXPECT_EQ(log->begin(), begin) << row.what;
    EXPECT_EQ(ids_from(*log, begin).size(), 200 - begin);
  }
}

}  // namespace
}  // namespace freshet
