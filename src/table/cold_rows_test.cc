#include "table/cold_rows.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "table/row_table.h"

namespace freshet {
namespace {

std::unique_ptr<ColdRows> cold(const std::string& name, size_t batch = 64) {
  const std::string folder = testing::TempDir() + "cold_" + name + std::to_string(::getpid());
  auto rows = ColdRows::open(folder, {.cache_bytes = 1 << 20, .batch = batch});
  EXPECT_TRUE(rows.ok()) << rows.error().what;
  return std::move(rows).value();
}

// The twin is a map; batches of one write at once, large ones never.
TEST(ColdRows, DoesWhatAMapDoes) {
  for (const size_t batch : {size_t{1}, size_t{7}, size_t{100'000}}) {
    const auto rows = cold("map", batch);
    std::map<uint64_t, std::string> twin;
    for (uint64_t step = 0; step < 3000; ++step) {
      Draw draw(mix64(step, batch));
      const uint64_t key = mix64(draw.below(300));
      std::string got;
      if (draw.below(3) == 0) {
        std::vector<uint64_t> soon(draw.below(40));
        for (uint64_t& each : soon) each = mix64(draw.below(300));
        rows->fetch(soon);
      } else if (twin.contains(key)) {
        ASSERT_TRUE(rows->take(key, got));
        ASSERT_EQ(got, twin[key]);
        twin.erase(key);
      } else {
        ASSERT_FALSE(rows->take(key, got)) << step;
        twin[key] = std::to_string(step);
        rows->put(key, twin[key]);
      }
      ASSERT_EQ(rows->rows(), twin.size());
    }
    auto at = twin.begin();
    ASSERT_TRUE(rows->each([&](uint64_t key, std::string_view record) {
                      ASSERT_NE(at, twin.end());
                      EXPECT_EQ(key, at->first);
                      EXPECT_EQ(record, at->second);
                      ++at;
                    })
                    .ok());
    EXPECT_EQ(at, twin.end());
    rows->clear();
    EXPECT_EQ(rows->rows(), 0u);
    std::string got;
    EXPECT_FALSE(rows->take(mix64(1), got));
    EXPECT_TRUE(rows->status().ok());
  }
}

TEST(ColdRows, BeginsEmptyWhateverIsThere) {
  const std::string folder = testing::TempDir() + "cold_again" + std::to_string(::getpid());
  for (int round = 0; round < 2; ++round) {
    const auto rows = ColdRows::open(folder);
    ASSERT_TRUE(rows.ok()) << rows.error().what;
    std::string got;
    EXPECT_FALSE((*rows)->take(5, got));
    (*rows)->put(5, "five");
    ASSERT_TRUE((*rows)->each([](uint64_t, std::string_view) {}).ok());
  }
  const std::string file = testing::TempDir() + "cold_file" + std::to_string(::getpid());
  std::fclose(std::fopen(file.c_str(), "w"));
  EXPECT_FALSE(ColdRows::open(file + "/below").ok());
}

std::string bytes_of(const RowTable& table) {
  Writer out;
  table.save(out);
  return out.take();
}

struct Case {
  const char* name;
  RowTableConfig small;
  uint64_t keys;
};

// A table for a few rows with a disk, beside a table that holds all: every row that is sighted has the
// weights, the state (the next step is the same) and the value of its twin.
TEST(ColdRows, ATableWithADiskIsALargeTable) {
  const OptimizerConfig adam{.kind = Optimizer::kAdam};
  const Case cases[] = {
      {"f32", {.dim = 60, .bytes_max = 1 << 20}, 6000},
      {"bf16", {.dim = 64, .type = WeightType::kBf16, .bytes_max = 1 << 20}, 9000},
      {"Adam, admitted",
       {.dim = 33, .optimizer = adam, .bytes_max = 1 << 20, .admit = 2, .candidates = 1 << 12},
       5000},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    RowTableConfig small = c.small;
    RowTableConfig large = c.small;
    large.bytes_max = size_t{64} << 20;
    const auto disk = cold("twin");
    small.cold = disk.get();
    RowTable table(small);
    RowTable twin(large);
    ASSERT_LT(table.rows_max(), c.keys * 3 / 4);
    size_t seen = 0;
    for (uint64_t step = 0; step < 600; ++step) {
      Draw draw(mix64(31, step));
      table.advance(static_cast<uint32_t>(step));
      twin.advance(static_cast<uint32_t>(step));
      std::vector<uint64_t> keys(draw.below(120));
      for (uint64_t& key : keys) key = mix64(draw.below(c.keys));
      std::vector<uint32_t> rows(keys.size());
      std::vector<uint32_t> its(keys.size());
      table.sight(keys, rows);
      twin.sight(keys, its);
      for (size_t i = 0; i < keys.size(); ++i) {
        if (rows[i] == RowTable::kNone) its[i] = RowTable::kNone;  // Not admitted, or gone within its batch.
        ASSERT_EQ(rows[i] == RowTable::kNone, its[i] == RowTable::kNone) << step;
        if (its[i] == RowTable::kNone) continue;
        ++seen;
        ASSERT_EQ(table.value(rows[i]), twin.value(its[i])) << step;
      }
      std::vector<float> got(keys.size() * small.dim), want(got), gradients(got);
      table.gather(rows, got.data());
      twin.gather(its, want.data());
      ASSERT_EQ(got, want) << step;
      for (float& g : gradients) g = static_cast<float>(draw.uniform() - 0.5);
      table.update(rows, gradients.data());
      twin.update(its, gradients.data());
      const uint64_t gone = mix64(draw.below(c.keys));
      const bool was_there = twin.erase(gone);
      ASSERT_EQ(table.erase(gone), was_there);
      ASSERT_EQ(table.rows() + disk->rows(), twin.rows());
    }
    EXPECT_GT(seen, 15'000u);
    EXPECT_GT(table.returned(), 500u);
    EXPECT_LE(table.bytes(), small.bytes_max);
    EXPECT_TRUE(disk->status().ok());
  }
}

// Saved with what is on disk; goes on alike after load, and whenever the disk was written.
TEST(ColdRows, SavedWithTheTableToTheByte) {
  RowTableConfig config{
      .dim = 64, .bytes_max = 1 << 20, .admit = 2, .candidates = 1 << 12, .idle_max = 20'000};
  const auto one = cold("one", 1);
  const auto many = cold("many", 5000);
  const auto third = cold("third");
  RowTableConfig with[] = {config, config, config};
  with[0].cold = one.get();
  with[1].cold = many.get();
  with[2].cold = third.get();
  RowTable a(with[0]);
  RowTable b(with[1]);
  RowTable c(with[2]);
  const auto sights = [](RowTable& table, uint64_t from, uint64_t to) {
    for (uint64_t i = from; i < to; ++i) {
      table.advance(static_cast<uint32_t>(i));
      table.sight(mix64(Draw(i).below(6000)));
    }
  };
  sights(a, 0, 30'000);
  sights(b, 0, 30'000);
  const std::string bytes = bytes_of(a);
  EXPECT_EQ(bytes, bytes_of(b));
  EXPECT_GT(one->rows(), 100u);
  EXPECT_GT(a.returned(), 100u);
  Reader in(bytes);
  c.load(in);
  ASSERT_TRUE(in.ok() && in.done());
  EXPECT_EQ(bytes_of(c), bytes);
  sights(a, 30'000, 40'000);
  sights(c, 30'000, 40'000);
  EXPECT_EQ(bytes_of(a), bytes_of(c));
  for (size_t cut = 0; cut < bytes.size(); cut += bytes.size() / 50) {
    Reader part(std::string_view(bytes).substr(0, cut));
    c.load(part);
    EXPECT_FALSE(part.ok());
    EXPECT_EQ(c.rows() + third->rows(), 0u);
  }
}

// A table that must look each of its rows up before it uses them answers, with a place on disk, as one that
// has room for all of them: to the bit, expired rows and rows not admitted included.
TEST(ColdRows, RestoredRowsMakeABoundedTableAnswerLikeAnUnboundedOne) {
  const auto disk = cold("restore");
  RowTableConfig config{
      .dim = 16, .bytes_max = 1 << 20, .admit = 2, .candidates = 1 << 12, .idle_max = 20'000};
  RowTableConfig whole_config = config;
  config.cold = disk.get();
  whole_config.bytes_max = 64 << 20;
  RowTable bounded(config), whole(whole_config);
  constexpr size_t kKeys = 7;
  std::vector<uint64_t> keys(kKeys);
  std::vector<uint32_t> rows(kKeys), others(kKeys);
  std::vector<float> one(kKeys * 16), other(kKeys * 16), gradients(kKeys * 16);
  for (uint32_t step = 0; step < 40'000; ++step) {
    Draw draw(step);
    for (uint64_t& key : keys) key = mix64(draw.below(2) == 0 ? draw.below(200) : draw.below(40'000));
    for (float& g : gradients) g = static_cast<float>(draw.uniform() - 0.5);
    bounded.restore(keys, rows);
    whole.find(keys, others);
    bounded.gather(rows, one.data());
    whole.gather(others, other.data());
    ASSERT_EQ(one, other) << step;
    for (RowTable* table : {&bounded, &whole}) table->advance(step);
    bounded.sight(keys, rows);
    bounded.restore(keys, rows);
    whole.sight(keys, others);
    whole.restore(keys, others);  // A key that is there twice has its row at both places.
    for (size_t i = 0; i < kKeys; ++i)
      ASSERT_EQ(rows[i] == RowTable::kNone, others[i] == RowTable::kNone) << step;
    bounded.update(rows, gradients.data());
    whole.update(others, gradients.data());
  }
  EXPECT_GT(bounded.evicted(), 1000u);
  EXPECT_GT(bounded.returned(), 1000u);
  EXPECT_GT(whole.expired(), 100u);
  EXPECT_EQ(whole.evicted(), 0u);
  EXPECT_LT(bounded.rows() + 1000, whole.rows());
}

}  // namespace
}  // namespace freshet
