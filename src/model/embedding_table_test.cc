#include "model/embedding_table.h"

#include <map>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

TEST(EmbeddingTable, KeepsEveryKeyApartWhileItGrows) {
  EmbeddingTable table({.dim = 4});
  std::map<uint64_t, uint32_t> twin;
  for (uint64_t n = 0; n < 20000; ++n) {
    const uint64_t key = Draw(n).below(5000);
    const uint32_t row = table.touch(key);
    const auto [at, is_new] = twin.try_emplace(key, row);
    ASSERT_EQ(at->second, row) << n;
    if (is_new) table.row(row)[0] = static_cast<float>(key);
    const uint64_t other = Draw(n + 1000000).below(6000);
    const auto known = twin.find(other);
    ASSERT_EQ(table.find(other), known == twin.end() ? EmbeddingTable::kNone : known->second) << n;
  }
  for (const auto& [key, row] : twin) ASSERT_EQ(table.row(row)[0], static_cast<float>(key));
  Writer out;
  table.save(out);
  EmbeddingTable again({.dim = 4});
  Reader in(out.bytes());
  again.load(in);
  ASSERT_TRUE(in.ok() && in.done());
  for (const auto& [key, row] : twin) ASSERT_EQ(again.find(key), row);
}

TEST(EmbeddingTable, StaysWithinItsBytesAndKeepsWhatIsSeenOften) {
  EmbeddingTable table({.dim = 16, .bytes_max = 1 << 20});
  size_t often_lost = 0;
  for (uint64_t n = 0; n < 100000; ++n) {
    table.touch(1000000 + n);
    if (n > 1000 && table.find(n % 50) == EmbeddingTable::kNone) ++often_lost;
    table.touch(n % 50);
  }
  EXPECT_LE(table.bytes(), size_t{1} << 20);
  EXPECT_GT(table.evicted(), 50000u);
  EXPECT_LT(often_lost, 20u);
}

TEST(EmbeddingTable, AdmitsAtTheNthSight) {
  EmbeddingTable table({.dim = 4, .admit = 3});
  EXPECT_EQ(table.touch(7), EmbeddingTable::kNone);
  EXPECT_EQ(table.touch(7), EmbeddingTable::kNone);
  EXPECT_NE(table.touch(7), EmbeddingTable::kNone);
}

}  // namespace
}  // namespace freshet
