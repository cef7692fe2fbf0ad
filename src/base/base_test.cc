#include <atomic>
#include <cmath>
#include <thread>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/decay.h"
#include "base/epoch.h"
#include "base/hash.h"
#include "base/id_order.h"
#include "base/result.h"

namespace freshet {
namespace {

TEST(Bytes, WhatIsWrittenIsReadAndNothingBeyondTheEnd) {
  Writer out;
  for (uint64_t v : {0ull, 127ull, 128ull, 300ull, ~0ull}) out.varint(v);
  for (int64_t v : {0ll, -1ll, 1ll, INT64_MIN + 0ll, INT64_MAX + 0ll}) out.zigzag(v);
  out.str("freshet");
  out.f64(-0.5);
  const std::string bytes = out.bytes();
  Reader in(bytes);
  for (uint64_t v : {0ull, 127ull, 128ull, 300ull, ~0ull}) EXPECT_EQ(in.varint(), v);
  for (int64_t v : {0ll, -1ll, 1ll, INT64_MIN + 0ll, INT64_MAX + 0ll}) EXPECT_EQ(in.zigzag(), v);
  EXPECT_EQ(in.str(), "freshet");
  EXPECT_EQ(in.f64(), -0.5);
  EXPECT_TRUE(in.ok() && in.done());
  EXPECT_EQ(in.u32(), 0u);
  EXPECT_FALSE(in.ok());
  for (size_t cut = 0; cut < bytes.size(); ++cut) {  // Every truncation is noticed.
    Reader shorter(std::string_view(bytes).substr(0, cut));
    for (int i = 0; i < 5; ++i) shorter.varint();
    for (int i = 0; i < 5; ++i) shorter.zigzag();
    shorter.str();
    shorter.f64();
    EXPECT_FALSE(shorter.ok()) << cut;
  }
}

TEST(Hash, IsTheSameForEverAndInPieces) {
  EXPECT_EQ(hash_bytes("freshet"), hash_bytes("freshet"));
  EXPECT_EQ(hash_bytes(""), 0x2d06800538d394c2ull);  // XXH3 of nothing, from the xxHash test vectors
  Hasher pieces;
  pieces.add("fre");
  pieces.add("shet");
  EXPECT_EQ(pieces.value(), hash_bytes("freshet"));
  Draw a(7), b(7);
  EXPECT_EQ(a.next(), b.next());
  for (int i = 0; i < 1000; ++i) EXPECT_LT(a.below(10), 10u);
}

Result<int> half(int x) {
  if (x % 2 != 0) return invalid("odd");
  return x / 2;
}
Result<int> quarter(int x) {
  TRY(int h, half(x));
  return half(h);
}

TEST(Decay, IsTwoToTheMinusX) {
  EXPECT_EQ(decayed(0), 1.0);
  EXPECT_EQ(decayed(-3), 1.0);
  EXPECT_EQ(decayed(1001), 0.0);
  for (int n = 1; n < 20'000; ++n) {
    const double x = n * 0.0487, want = std::exp2(-x);
    ASSERT_NEAR(decayed(x), want, 2e-15 * want) << x;
  }
}

TEST(Result, TryPassesTheErrorOn) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().what, "odd");
}

// A reader under a guard must never see freed memory: the destructor poisons the value it would see.
TEST(Epoch, RetiredObjectsOutliveTheReadersThatSawThem) {
  struct Box {
    std::atomic<int> alive{1};
    ~Box() { alive.store(0); }
  };
  std::atomic<Box*> shared{new Box};
  std::atomic<bool> stop{false};
  std::atomic<int> dead_seen{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&] {
      while (!stop.load()) {
        EpochGuard guard;
        const Box* box = shared.load(std::memory_order_acquire);
        for (int i = 0; i < 10; ++i) dead_seen += box->alive.load() == 0;
      }
    });
  }
  RetireList retired;
  for (int i = 0; i < 20000; ++i) retired.retire(shared.exchange(new Box));
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(dead_seen.load(), 0);
  retired.reclaim();
  EXPECT_EQ(retired.waiting(), 0u);
  delete shared.load();
}

TEST(Epoch, NothingIsFreedWhileAnOlderGuardIsHeld) {
  RetireList retired;
  {
    EpochGuard guard;
    retired.retire(new int(1));
    retired.reclaim();
    EXPECT_EQ(retired.waiting(), 1u);
  }
  retired.reclaim();
  EXPECT_EQ(retired.waiting(), 0u);
}

TEST(SmallerId, NumbersByValueThenTexts) {
  const char* const ascending[] = {"0", "007", "7", "9", "10", "0100", "", "10a", "a", "a1", "b"};
  for (size_t i = 0; i < std::size(ascending); ++i)
    for (size_t j = 0; j < std::size(ascending); ++j)
      EXPECT_EQ(smaller_id(ascending[i], ascending[j]), i < j) << ascending[i] << " " << ascending[j];
}

}  // namespace
}  // namespace freshet
