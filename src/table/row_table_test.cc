#include "table/row_table.h"

#include <bit>
#include <cmath>
#include <map>
#include <optional>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

// The slow twin: the same table as a std::map, one key at a time, rows in f32, no bound on memory.
class Twin {
 public:
  explicit Twin(const RowTableConfig& config) : config_(config) {}
  void advance(uint32_t time) { now_ = std::max(now_, time); }
  bool sight(uint64_t key) {
    if (auto row = rows_.find(key); row != rows_.end() && idle(row->second)) rows_.erase(row);
    auto row = rows_.find(key);
    if (row == rows_.end()) {
      if (++sights_[key] < config_.admit) return false;
      sights_.erase(key);
      row = rows_.emplace(key, fresh(key)).first;
    }
    row->second.value = value(row->second) + 1;
    row->second.last = now_;
    return true;
  }
  const std::vector<float>* find(uint64_t key) const {
    const auto row = rows_.find(key);
    return row == rows_.end() || idle(row->second) ? nullptr : &row->second.weights;
  }
  float value_of(uint64_t key) const { return value(rows_.at(key)); }
  void update(uint64_t key, const float* gradient) {
    Row& row = rows_.at(key);
    optimizer_step(config_.optimizer, row.weights.data(), gradient, row.state.data(), config_.dim);
  }
  void erase(uint64_t key) {
    rows_.erase(key);
    sights_.erase(key);
  }
  size_t size() const {
    size_t n = 0;
    for (const auto& [key, row] : rows_) n += idle(row) ? 0 : 1;
    return n;
  }

 private:
  struct Row {
    std::vector<float> weights, state;
    uint32_t last = 0;
    float value = 0;
  };
  Row fresh(uint64_t key) const {
    Row row;
    Draw draw(mix64(config_.seed, key));
    for (size_t i = 0; i < config_.dim; ++i)
      row.weights.push_back(static_cast<float>(draw.uniform() * 2 - 1) * config_.init);
    row.state.resize(optimizer_state(config_.optimizer.kind, config_.dim));
    row.last = now_;
    return row;
  }
  bool idle(const Row& row) const { return config_.idle_max > 0 && now_ - row.last > config_.idle_max; }
  float value(const Row& row) const {
    float v = row.value;
    for (uint32_t at = row.last / config_.half_life; at < now_ / config_.half_life && v > 0; ++at) v /= 2;
    return v;
  }
  RowTableConfig config_;
  uint32_t now_ = 0;
  std::map<uint64_t, Row> rows_;
  std::map<uint64_t, uint32_t> sights_;
};

std::string bytes_of(const RowTable& table) {
  Writer out;
  table.save(out);
  return out.take();
}

std::optional<RowTable> loaded(const RowTableConfig& config, std::string_view bytes) {
  RowTable table(config);
  Reader in(bytes);
  table.load(in);
  if (!in.ok() || !in.done()) return {};
  return table;
}

struct Case {
  const char* name;
  RowTableConfig config;
  uint64_t keys;  // Drawn from so many.
};

// Random operations on both, in batches of random size; the table is saved and loaded now and then.
void follow(const Case& c) {
  SCOPED_TRACE(c.name);
  RowTable table(c.config);
  Twin twin(c.config);
  uint32_t time = 1;
  for (uint64_t step = 0; step < 400; ++step) {
    Draw draw(mix64(17, step));
    time += static_cast<uint32_t>(draw.below(20));
    table.advance(time);
    twin.advance(time);
    std::vector<uint64_t> keys(draw.below(90));
    for (uint64_t& key : keys) key = mix64(draw.below(draw.below(c.keys) + 1));  // Some far more often.
    std::vector<uint32_t> rows(keys.size());
    table.sight(keys, rows);
    for (size_t i = 0; i < keys.size(); ++i) ASSERT_EQ(twin.sight(keys[i]), rows[i] != RowTable::kNone);
    std::vector<float> gradients(keys.size() * c.config.dim);
    for (float& g : gradients) g = static_cast<float>(draw.uniform() - 0.5);
    table.update(rows, gradients.data());
    for (size_t i = 0; i < keys.size(); ++i)
      if (rows[i] != RowTable::kNone) twin.update(keys[i], &gradients[i * c.config.dim]);
    if (draw.below(4) == 0) {
      const uint64_t key = mix64(draw.below(c.keys));
      table.erase(key);
      twin.erase(key);
    }
    if (step % 50 == 49) {
      const std::string bytes = bytes_of(table);
      auto again = loaded(c.config, bytes);
      ASSERT_TRUE(again);
      ASSERT_EQ(bytes, bytes_of(*again));
      table = std::move(*again);
    }
  }
  std::vector<uint64_t> keys(c.keys);
  for (uint64_t i = 0; i < c.keys; ++i) keys[i] = mix64(i);
  std::vector<uint32_t> rows(keys.size());
  std::vector<float> out(keys.size() * c.config.dim);
  table.find(keys, rows);
  table.gather(rows, out.data());
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::vector<float>* want = twin.find(keys[i]);
    ASSERT_EQ(want != nullptr, rows[i] != RowTable::kNone) << i;
    const std::vector<float> got(&out[i * c.config.dim], &out[i * c.config.dim] + c.config.dim);
    ASSERT_EQ(got, want != nullptr ? *want : std::vector<float>(c.config.dim)) << i;
    if (want == nullptr) continue;
    ASSERT_EQ(table.value(rows[i]), twin.value_of(keys[i]));
  }
  EXPECT_EQ(table.evicted(), 0u);
  EXPECT_GE(table.rows(), twin.size());  // Idle rows go when the hand comes by.
  EXPECT_LE(table.bytes(), c.config.bytes_max);
}

TEST(RowTable, DoesWhatAMapDoes) {
  const OptimizerConfig adagrad{.kind = Optimizer::kAdagrad};
  const OptimizerConfig adam{.kind = Optimizer::kAdam};
  const Case cases[] = {
      {"rows of 16", {}, 3000},
      {"of 1, state of its own for each", {.dim = 1, .optimizer = adagrad}, 20000},
      {"of 33, Adam", {.dim = 33, .optimizer = adam, .seed = 9}, 500},
      {"admitted at the third sight", {.dim = 4, .admit = 3}, 8000},
      {"expiring", {.dim = 8, .idle_max = 300, .half_life = 100}, 3000},
      {"expiring and admitted", {.dim = 8, .admit = 2, .idle_max = 500, .half_life = 7}, 3000},
  };
  for (const Case& c : cases) follow(c);
}

TEST(RowTable, KeepsItsBoundAndTheRowsOfValue) {
  const RowTableConfig config{.dim = 16, .bytes_max = 1 << 20, .half_life = 10'000};
  RowTable table(config);
  size_t splits_most = 0;
  for (uint64_t i = 0; i < 200'000;
       ++i) {  // One sight in five is of a thousand keys, the others never again.
    Draw draw(i);
    table.advance(static_cast<uint32_t>(i / 10));
    const size_t before = table.buckets();
    table.sight(draw.below(5) == 0 ? draw.below(1000) : mix64(i));
    splits_most = std::max(splits_most, table.buckets() - before);
    ASSERT_LE(table.bytes(), config.bytes_max);
  }
  EXPECT_EQ(table.rows(), table.rows_max());
  EXPECT_GT(table.rows_max(), size_t{5000});  // 84 of about 105 bytes a row are the row itself.
  EXPECT_LE(splits_most, 2u);
  size_t kept = 0;
  for (uint64_t key = 0; key < 1000; ++key) kept += table.find(key) != RowTable::kNone ? 1 : 0;
  EXPECT_GE(kept, 990u);
  const std::string bytes = bytes_of(table);
  auto again = loaded(config, bytes);
  ASSERT_TRUE(again);
  for (uint64_t i = 0; i < 20'000; ++i) {  // Goes on alike: the same rows go, in the same order.
    table.sight(mix64(i, 5));
    again->sight(mix64(i, 5));
  }
  EXPECT_EQ(bytes_of(table), bytes_of(*again));
}

TEST(RowTable, ARowDoesNotDependOnWhenItCame) {
  const RowTableConfig config{.dim = 8};
  RowTable forth(config);
  RowTable back(config);
  for (uint64_t key = 0; key < 2000; ++key) forth.sight(key);
  for (uint64_t key = 2000; key-- > 0;) back.sight(key);
  for (uint64_t key = 0; key < 2000; ++key) {
    float a[8];
    float b[8];
    const uint32_t rows[] = {forth.find(key), back.find(key)};
    forth.gather(std::span(rows, 1), a);
    back.gather(std::span(rows + 1, 1), b);
    for (size_t i = 0; i < 8; ++i) ASSERT_EQ(a[i], b[i]);
  }
}

// A batch that evicts what it had just sighted says so.
TEST(RowTable, RowsOfABatchAreTheirKeysOrNone) {
  RowTable table({.dim = 60, .bytes_max = 1 << 20});
  std::vector<uint64_t> keys(3 * table.rows_max());
  for (size_t i = 0; i < keys.size(); ++i) keys[i] = mix64(i);
  std::vector<uint32_t> rows(keys.size());
  table.sight(keys, rows);
  size_t there = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(rows[i], table.find(keys[i]));
    there += rows[i] != RowTable::kNone ? 1 : 0;
  }
  EXPECT_EQ(there, table.rows());
}

uint64_t key_of_hash(uint64_t x, uint64_t seed) {  // The finaliser of SplitMix64 backwards.
  x = (x ^ (x >> 31) ^ (x >> 62)) * 0x319642b2d24d8ec3ull;
  x = (x ^ (x >> 27) ^ (x >> 54)) * 0x96de1b173f119089ull;
  x = (x ^ (x >> 30) ^ (x >> 60)) - 0x9e3779b97f4a7c15ull;
  return x ^ seed;
}

// A batch in its stages and keys one at a time, where it is hard: buckets that go on in several spares, tags
// that agree, keys named twice, keys without a row, rows that expire, go and come between the stages.
TEST(RowTable, BatchesDoWhatSingleKeysDo) {
  for (const uint32_t idle_max : {0u, 40u})
    for (const size_t rows : {size_t{900}, size_t{20'000}}) {
      const RowTableConfig config{.dim = 28, .bytes_max = 2 << 20, .idle_max = idle_max, .half_life = 16};
      RowTable batches(config), singles(config);
      Draw draw(rows);
      std::vector<uint64_t> keys(257);
      std::vector<uint32_t> got(keys.size()), alone(keys.size());
      std::vector<float> weights(keys.size() * config.dim), gathered(weights.size());
      for (uint32_t turn = 0; turn < 120; ++turn) {
        for (uint64_t& key : keys) {  // Three in four share 16 buckets, and 32 tags.
          const uint64_t n = draw.below(rows);
          key = n % 4 == 0 ? mix64(n) : key_of_hash((n % 32) << 56 | n << 20 | (n % 16), config.seed);
        }
        for (RowTable* table : {&batches, &singles}) table->advance(turn);
        const uint64_t evicted = singles.evicted();
        batches.sight(keys, got, turn % 3 == 0 ? nullptr : weights.data());
        if (turn % 3 != 0) {
          batches.gather(got, gathered.data());
          ASSERT_EQ(weights, gathered);
        }
        for (size_t i = 0; i < keys.size(); ++i) alone[i] = singles.sight(keys[i]);
        if (singles.evicted() == evicted) {  // Else some went within the batch.
          ASSERT_EQ(got, alone);
        }
        for (uint64_t& key : keys) key = draw.below(2) == 0 ? key : mix64(key);
        batches.find(keys, got);
        for (size_t i = 0; i < keys.size(); ++i) ASSERT_EQ(got[i], singles.find(keys[i]));
      }
      EXPECT_EQ(singles.evicted() > 0, rows > 900);
      EXPECT_EQ(bytes_of(batches), bytes_of(singles));
    }
}

// Keys whose hashes agree in all bits that choose a bucket: memory stays bounded and look-ups end.
TEST(RowTable, HashesThatCollideOnPurpose) {
  const RowTableConfig config{.dim = 4, .bytes_max = 1 << 20};
  RowTable table(config);
  for (uint64_t i = 0; i < 40'000; ++i) {
    const uint64_t key = key_of_hash(i << 40, config.seed);
    ASSERT_EQ(mix64(key ^ config.seed), i << 40);
    ASSERT_NE(table.sight(key), RowTable::kNone);
  }
  EXPECT_GT(table.evicted(), 30'000u);
  EXPECT_LE(table.bytes(), config.bytes_max);
}

// Rounding by chance keeps what nearest rounding loses: steps of a thousandth of the last bit add up.
TEST(RowTable, SmallStepsAddUpInBf16) {
  RowTable table(
      {.dim = 1024, .type = WeightType::kBf16, .optimizer = {.kind = Optimizer::kSgd, .rate = 1}, .init = 0});
  const uint32_t row = table.sight(7);
  table.put(row, std::vector<float>(1024, 1.0f).data());
  for (int i = 0; i < 1000; ++i) {
    std::vector<float> gradient(1024, -1e-5f * (1 + static_cast<float>(i) * 1e-4f));
    table.update(std::span(&row, 1), gradient.data());
  }
  float out[1024];
  table.gather(std::span(&row, 1), out);
  double mean = 0;
  for (const float w : out) mean += w / 1024;
  EXPECT_NEAR(mean, 1.0105, 0.0012);
}

// The fast step of bf16 rows against its parts: widen, the one optimizer kernel, narrow by chance.
TEST(RowTable, StepsOfBf16AreThoseOfTheirParts) {
  for (const size_t dim : {size_t{16}, size_t{48}}) {
    const OptimizerConfig config{.rate = 0.3f, .fade = 0.99f, .l2 = 0.01f};
    std::vector<char> bytes(sizeof(RowRecord) + dim * sizeof(uint16_t));
    auto* record = reinterpret_cast<RowRecord*>(bytes.data());
    record->key = 77;
    constexpr size_t kWeightsAt = 20;
    auto* fast = reinterpret_cast<uint16_t*>(bytes.data() + kWeightsAt);
    std::vector<uint16_t> slow(dim, 0x3f80);
    std::copy(slow.begin(), slow.end(), fast);
    float state = 0;
    for (uint64_t n = 0; n < 200; ++n) {
      Draw draw(n);
      std::vector<float> gradient(dim);
      for (float& g : gradient) g = static_cast<float>(draw.uniform() - 0.4);
      std::vector<float> wide(dim);
      widen_bf16(slow.data(), wide.data(), dim);
      const uint32_t chance = chance_of(*record, gradient.data());
      optimizer_step(config, wide.data(), gradient.data(), &state, dim);
      narrow_bf16_by_chance(wide.data(), slow.data(), chance, dim);
      char* at = bytes.data();
      rowwise_steps(config, WeightType::kBf16, &at, 1, kWeightsAt, gradient.data(), dim);
      ASSERT_EQ(std::vector<uint16_t>(fast, fast + dim), slow) << n;
      ASSERT_EQ(record->state[0], state);
    }
  }
}

// Every way of stepping a block of rows against the plain one: blocks that end anywhere, rows named twice,
// rows that are none.
TEST(RowTable, StepsForAnyCpuAreThePlainOnes) {
  if (!__builtin_cpu_supports("x86-64-v4")) GTEST_SKIP() << "AVX-512 is not there";
  const OptimizerConfig config{.rate = 0.3f, .fade = 0.99f, .l2 = 0.01f};
  constexpr size_t kRecord = 320;
  for (const WeightType type : {WeightType::kF32, WeightType::kBf16})
    for (const size_t dim : {size_t{16}, size_t{64}}) {
      std::vector<char> plain(40 * kRecord), wide;
      for (size_t i = 0; i < 40; ++i) {
        auto* record = reinterpret_cast<RowRecord*>(&plain[i * kRecord]);
        record->key = mix64(i);
        for (size_t j = 0; j < dim; ++j) record->state[1 + j] = static_cast<float>(i * j) * 0.01f;
      }
      wide = plain;
      for (uint64_t turn = 0; turn < 200; ++turn) {
        Draw draw(turn);
        std::vector<char*> a(draw.below(70)), b(a.size());
        std::vector<float> gradients(a.size() * dim);
        for (float& g : gradients) g = static_cast<float>(draw.uniform() - 0.4);
        for (size_t i = 0; i < a.size(); ++i) {
          const size_t row = draw.below(44);
          a[i] = row < 40 ? &plain[row * kRecord] : nullptr;
          b[i] = row < 40 ? &wide[row * kRecord] : nullptr;
        }
        rowwise_steps_plain(config, type, a.data(), a.size(), 20, gradients.data(), dim);
        rowwise_steps_avx512(config, type, b.data(), b.size(), 20, gradients.data(), dim);
        ASSERT_EQ(plain, wide) << turn;
      }
    }
}

TEST(RowTable, AdmitsNobodyEarlyWhateverTheCrowd) {
  RowTable table({.dim = 4, .admit = 3, .candidates = 64});
  for (uint64_t i = 0; i < 50'000; ++i) ASSERT_EQ(table.sight(mix64(i)), RowTable::kNone);
  for (int n = 0; n < 3; ++n) ASSERT_EQ(table.sight(1) != RowTable::kNone, n == 2);
}

TEST(RowTable, RefusesBytesThatAreNotItsOwn) {
  const RowTableConfig config{.dim = 4, .bytes_max = 1 << 20, .admit = 2, .candidates = 1024};
  RowTable table(config);
  for (uint64_t i = 0; i < 3000; ++i) table.sight(mix64(i % 700));
  for (uint64_t i = 0; i < 50; ++i) table.erase(mix64(i));
  const std::string good = bytes_of(table);
  ASSERT_TRUE(loaded(config, good));
  RowTableConfig other = config;
  other.dim = 5;
  EXPECT_FALSE(loaded(other, good));
  for (size_t cut = 0; cut < good.size(); cut += 97) EXPECT_FALSE(loaded(config, good.substr(0, cut)));
  for (uint64_t i = 0; i < 3000; ++i) {  // Flipped bits: refused, or a sound table all the same.
    std::string bad = good;
    Draw draw(i);
    bad[draw.below(i < 1500 ? 80 : bad.size())] ^= static_cast<char>(1 << draw.below(8));
    auto got = loaded(config, bad);
    for (uint64_t key = 0; got && key < 100; ++key) got->sight(mix64(key));
  }
}

}  // namespace
}  // namespace freshet
