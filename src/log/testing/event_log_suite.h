// What every EventLog promises, as a suite: a new implementation is tested by
//
//   TEST(KafkaLog, KeepsThePromises) { event_log_suite([] { return make_kafka_log(); }); }
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "log/event_log.h"

namespace freshet {

// The n-th event of a stream that is the same in every test.
inline Event numbered_event(uint64_t n) {
  static constexpr EventType kTypes[] = {EventType::kView, EventType::kClick, EventType::kAddToCart,
                                         EventType::kPurchase};
  Draw draw(n);
  Event event;
  event.type = kTypes[draw.below(4)];
  event.time_ms = 1700000000000 + static_cast<TimeMs>(n) * 10;
  event.id = "event-" + std::to_string(n);
  event.source = "test";
  event.user = "user-" + std::to_string(draw.below(50));
  event.session = "session-" + std::to_string(draw.below(90));
  event.item = "item-" + std::to_string(draw.below(1000));
  return event;
}

inline EventBatch numbered_batch(uint64_t first, uint64_t count) {
  EventBatch batch;
  for (uint64_t n = first; n < first + count; ++n) batch.add(numbered_event(n));
  return batch;
}

// The ids of all events from `from` to the end; fails the test when offsets have a gap.
inline std::vector<std::string> ids_from(EventLog& log, Offset from) {
  std::vector<std::string> ids;
  auto cursor = log.read(from);
  EXPECT_TRUE(cursor.ok()) << (cursor.ok() ? "" : cursor.error().what);
  if (!cursor.ok()) return ids;
  Event event;
  for (;;) {
    const auto more = (*cursor)->next();
    EXPECT_TRUE(more.ok()) << (more.ok() ? "" : more.error().what);
    if (!more.ok() || !*more) return ids;
    EXPECT_EQ((*cursor)->offset(), from + ids.size());
    EXPECT_TRUE((*cursor)->decode(event).ok());
    ids.push_back(event.id);
  }
}

inline void expect_numbered(EventLog& log, uint64_t count) {
  const auto ids = ids_from(log, 0);
  ASSERT_EQ(ids.size(), count);
  for (uint64_t n = 0; n < count; ++n) ASSERT_EQ(ids[n], "event-" + std::to_string(n));
}

using MakeLog = std::function<std::unique_ptr<EventLog>()>;

inline void suite_offsets_have_no_gap(EventLog& log) {
  EXPECT_EQ(log.begin(), 0u);
  EXPECT_EQ(log.end(), 0u);
  EXPECT_EQ(log.append(EventBatch()).value(), 0u);
  uint64_t n = 0;
  for (const uint64_t count : {1u, 7u, 100u, 1u, 1000u}) {
    EXPECT_EQ(log.append(numbered_batch(n, count)).value(), n);
    n += count;
    EXPECT_EQ(log.end(), n);
  }
  expect_numbered(log, n);
  for (const Offset from : {Offset{1}, Offset{8}, Offset{500}, n - 1, n})
    EXPECT_EQ(ids_from(log, from).size(), n - from) << from;
  EXPECT_EQ(log.read(n + 1).error().code, Code::kNotFound);
}

inline void suite_acknowledgement(EventLog& log) {
  ASSERT_TRUE(log.append(numbered_batch(0, 10)).ok());
  ASSERT_TRUE(log.commit(10).ok());
  ASSERT_TRUE(log.sync().ok());
  EXPECT_EQ(log.durable(), 10u);
  std::atomic<int> called{0};
  std::atomic<int> fine{0};
  for (int i = 0; i < 20; ++i) {
    const Offset at = log.append(numbered_batch(10 + i, 1)).value();
    log.commit(at + 1, [&](Status status) {
      fine += status.ok() ? 1 : 0;
      ++called;
    });
  }
  ASSERT_TRUE(log.close().ok());  // No commit is forgotten.
  EXPECT_EQ(called.load(), 20);
  EXPECT_EQ(fine.load(), 20);
}

inline void suite_cursor_follows_the_tail(EventLog& log) {
  auto cursor = log.read(0).value();
  EXPECT_FALSE(cursor->next().value());
  EXPECT_FALSE(cursor->next(std::chrono::milliseconds(1)).value());
  constexpr uint64_t kEvents = 2000;
  std::thread reader([&] {
    for (uint64_t n = 0; n < kEvents; ++n) {
      ASSERT_TRUE(cursor->next(std::chrono::seconds(60)).value());
      ASSERT_EQ(cursor->offset(), n);
    }
    EXPECT_FALSE(cursor->next(std::chrono::hours(1)).value());  // Ends because close() wakes it.
  });
  for (uint64_t n = 0; n < kEvents; n += 10) ASSERT_TRUE(log.append(numbered_batch(n, 10)).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // The reader waits by now.
  ASSERT_TRUE(log.close().ok());
  reader.join();
  EXPECT_EQ(log.append(numbered_batch(0, 1)).error().code, Code::kUnavailable);
  EXPECT_EQ(ids_from(log, 0).size(), kEvents);  // Reading goes on.
}

inline void suite_many_threads(EventLog& log) {
  constexpr int kThreads = 4;
  constexpr uint64_t kBatches = 50, kBatch = 5;
  std::atomic<int> callbacks{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t b = 0; b < kBatches; ++b) {
        const uint64_t n = (t * kBatches + b) * kBatch;
        const auto at = log.append(numbered_batch(n, kBatch));
        ASSERT_TRUE(at.ok());
        if (b % 2 == 0) {
          ASSERT_TRUE(log.commit(*at + kBatch).ok());
          EXPECT_GE(log.durable(), *at + kBatch);
        } else {
          log.commit(*at + kBatch, [&](Status status) { callbacks += status.ok() ? 1 : 0; });
        }
      }
    });
  }
  std::thread reader([&] {
    auto cursor = log.read(0).value();
    for (uint64_t n = 0; n < kThreads * kBatches * kBatch; ++n)
      ASSERT_TRUE(cursor->next(std::chrono::seconds(60)).value());
  });
  for (std::thread& thread : threads) thread.join();
  reader.join();
  ASSERT_TRUE(log.close().ok());
  EXPECT_EQ(callbacks.load(), static_cast<int>(kThreads * kBatches / 2));
  auto ids = ids_from(log, 0);
  ASSERT_EQ(ids.size(), kThreads * kBatches * kBatch);
  for (size_t i = 0; i < ids.size(); i += kBatch) {  // Batches stay whole and in order.
    const uint64_t first = std::stoull(ids[i].substr(6));
    for (uint64_t j = 0; j < kBatch; ++j) EXPECT_EQ(ids[i + j], "event-" + std::to_string(first + j));
  }
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
}

inline void event_log_suite(const MakeLog& make) {
  suite_offsets_have_no_gap(*make());
  suite_acknowledgement(*make());
  suite_cursor_follows_the_tail(*make());
  suite_many_threads(*make());
}

}  // namespace freshet
