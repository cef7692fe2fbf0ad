#include "suggest/intent.h"

#include <algorithm>
#include <bit>

#include "base/hash.h"
#include "text/words.h"

namespace freshet {
namespace {

constexpr uint32_t kVersion = 1;
constexpr uint64_t kQuerySeed = 11, kWordSeed = 12, kAllKey = 13;
constexpr size_t kWordsMax = 16;

uint64_t pack(uint32_t facet, float count) {
  return uint64_t{facet} << 32 | std::bit_cast<uint32_t>(count);
}
uint32_t facet_of(uint64_t cell) {
  return static_cast<uint32_t>(cell >> 32);
}
float count_of(uint64_t cell) {
  return std::bit_cast<float>(static_cast<uint32_t>(cell));
}

}  // namespace

struct Intent::Row {
  std::atomic<uint64_t> key{0};  // 0: free
  std::atomic<float> total{0};
  std::atomic<uint64_t> cells[kCategories + kBrands];  // facet | count; 0: free

  float count(uint32_t facet, size_t begin, size_t end) const {
    for (size_t i = begin; i < end; ++i)
      if (const uint64_t cell = cells[i].load(std::memory_order_relaxed); facet_of(cell) == facet)
        return count_of(cell);
    return 0;
  }
  void add(uint32_t facet, float weight, size_t begin, size_t end) {
    size_t least = begin;
    for (size_t i = begin; i < end; ++i) {
      const uint64_t cell = cells[i].load(std::memory_order_relaxed);
      if (facet_of(cell) == facet)
        return cells[i].store(pack(facet, count_of(cell) + weight), std::memory_order_relaxed);
      if (count_of(cell) < count_of(cells[least].load(std::memory_order_relaxed))) least = i;
    }
    // Space-saving lets the newcomer inherit; here it begins at its own weight and the weakest wears off, so
    // that counts never promise too much.
    const uint64_t cell = cells[least].load(std::memory_order_relaxed);
    const float left = count_of(cell) - weight;
    cells[least].store(left > 0 ? pack(facet_of(cell), left) : pack(facet, weight),
                       std::memory_order_relaxed);
  }
  void halve() {
    total.store(total.load(std::memory_order_relaxed) / 2, std::memory_order_relaxed);
    for (std::atomic<uint64_t>& cell : cells) {
      const uint64_t was = cell.load(std::memory_order_relaxed);
      cell.store(was == 0 ? 0 : pack(facet_of(was), count_of(was) / 2), std::memory_order_relaxed);
    }
  }
};

struct Intent::Table {
  explicit Table(uint32_t count) : rows(new Row[count]()) {}
  std::unique_ptr<Row[]> rows;
};

Intent::Intent(const Moment& moment, const Catalog& catalog, const SearchTrail& trail, IntentConfig config)
    : moment_(moment), catalog_(catalog), trail_(trail), config_(config) {
  CHECK(config.rows >= kWays && (config.rows & (config.rows - 1)) == 0);
}

Intent::~Intent() {
  delete table_.load();
}

const Intent::Row* Intent::find(uint64_t key) const {
  const Table* table = table_.load(std::memory_order_acquire);
  if (table == nullptr) return nullptr;
  const Row* set = &table->rows[key & (config_.rows - kWays)];
  for (size_t way = 0; way < kWays; ++way)
    if (set[way].key.load(std::memory_order_relaxed) == key) return &set[way];
  return nullptr;
}

void Intent::count(uint64_t key, uint32_t category, uint32_t brand, float weight) {
  Table& table = *table_.load(std::memory_order_relaxed);
  Row* row = const_cast<Row*>(find(key));
  if (row == nullptr) {
    Row* set = &table.rows[key & (config_.rows - kWays)];
    row = std::min_element(set, set + kWays, [](const Row& a, const Row& b) {
      return a.total.load(std::memory_order_relaxed) < b.total.load(std::memory_order_relaxed);
    });
    // The least gives way, but only once newcomers have worn it down: a burst of rare words evicts no
    // favourite.
    const float left = row->total.load(std::memory_order_relaxed) - weight;
    if (row->key.load(std::memory_order_relaxed) != 0 && left > 0)
      return row->total.store(left, std::memory_order_relaxed);
    row->total.store(0, std::memory_order_relaxed);
    for (std::atomic<uint64_t>& cell : row->cells) cell.store(0, std::memory_order_relaxed);
    row->key.store(key, std::memory_order_relaxed);
  }
  if (category != 0) row->add(category, weight, 0, kCategories);
  if (brand != 0) row->add(brand, weight, kCategories, kCategories + kBrands);
  row->total.store(row->total.load(std::memory_order_relaxed) + weight, std::memory_order_relaxed);
  if (row->total.load(std::memory_order_relaxed) > config_.row_max) row->halve();
}

void Intent::apply(Offset, const Event& event) {
  if (moment_.skip || !is_positive_action(event.type) || moment_.item == kNoItem || trail_.query().empty())
    return;
  const ItemRecord* item = catalog_.item(moment_.item);
  if (item == nullptr) return;
  uint32_t category = 0, brand = 0;  // The most specific category stands first.
  for (const uint32_t facet : item->facets) {
    const bool is_brand = catalog_.facet_name(facet).starts_with("brand:");
    if (is_brand && brand == 0) brand = facet;
    if (!is_brand && category == 0) category = facet;
  }
  if (category == 0 && brand == 0) return;
  if (table_.load(std::memory_order_relaxed) == nullptr)
    table_.store(new Table(config_.rows), std::memory_order_release);
  const float weight = event.type == EventType::kPurchase ? config_.purchase_weight : 1;
  count(kAllKey, category, brand, weight);
  count(hash_bytes(trail_.query(), kQuerySeed), category, brand, weight);
  std::vector<std::string_view> words;
  split_words(trail_.query(), words);
  if (words.size() > kWordsMax) words.resize(kWordsMax);
  for (const std::string_view word : words) count(hash_bytes(word, kWordSeed), category, brand, weight);
}

void Intent::chances(std::string_view text, size_t begin, size_t end, float least,
                     std::vector<FacetChance>& out) const {
  out.clear();
  std::string folded;
  fold_words(text, folded, 200);
  std::vector<std::string_view> words;
  split_words(folded, words);
  if (words.size() > kWordsMax) words.resize(kWordsMax);
  const Row* all = find(kAllKey);
  if (all == nullptr || words.empty()) return;
  const Row* whole = find(hash_bytes(folded, kQuerySeed));
  std::vector<const Row*> of_words;
  for (const std::string_view word : words)
    if (const Row* row = find(hash_bytes(word, kWordSeed)); row != nullptr) of_words.push_back(row);
  if (whole == nullptr && of_words.empty()) return;  // Nothing is known but the shop's own mixture.

  std::vector<uint32_t> facets;
  const auto note = [&](const Row* row) {
    for (size_t i = begin; row != nullptr && i < end; ++i)
      if (const uint32_t facet = facet_of(row->cells[i].load(std::memory_order_relaxed)); facet != 0)
        facets.push_back(facet);
  };
  note(whole);
  for (const Row* row : of_words) note(row);
  std::sort(facets.begin(), facets.end());
  facets.erase(std::unique(facets.begin(), facets.end()), facets.end());
  const auto share = [&](const Row* row, uint32_t facet, double doubt, double prior) {
    const double n = row == nullptr ? 0 : static_cast<double>(row->total.load(std::memory_order_relaxed));
    const double with = row == nullptr ? 0 : static_cast<double>(row->count(facet, begin, end));
    return (std::min(with, n) + doubt * prior) / (n + doubt);
  };
  for (const uint32_t facet : facets) {
    const double prior = share(all, facet, 1e-9, 0);
    double by_words = 0;
    for (const Row* row : of_words) by_words += share(row, facet, config_.word_doubt, prior);
    // A word never seen says only what the whole shop says.
    by_words += static_cast<double>(words.size() - of_words.size()) * prior;
    const double chance =
        share(whole, facet, config_.query_doubt, by_words / static_cast<double>(words.size()));
    if (chance >= static_cast<double>(least)) out.push_back({facet, static_cast<float>(chance)});
  }
  std::sort(out.begin(), out.end(), [](const FacetChance& a, const FacetChance& b) {
    return a.chance != b.chance ? a.chance > b.chance : a.facet < b.facet;
  });
}

void Intent::categories(std::string_view query, float least, std::vector<FacetChance>& out) const {
  chances(query, 0, kCategories, least, out);
}

void Intent::brands(std::string_view query, float least, std::vector<FacetChance>& out) const {
  chances(query, kCategories, kCategories + kBrands, least, out);
}

float Intent::chance_of(std::span<const FacetChance> chances, std::span<const uint32_t> facets) {
  float sum = 0;
  for (const FacetChance& chance : chances)
    if (std::find(facets.begin(), facets.end(), chance.facet) != facets.end()) sum += chance.chance;
  return std::min(sum, 1.0f);
}

void Intent::save(Writer& out) const {
  const Table* table = table_.load(std::memory_order_relaxed);
  out.u32(kVersion);
  out.u32(config_.rows);
  out.u8(table != nullptr);
  for (uint32_t r = 0; table != nullptr && r < config_.rows; ++r) {
    const Row& row = table->rows[r];
    const uint64_t key = row.key.load(std::memory_order_relaxed);
    out.u64(key);
    if (key == 0) continue;
    out.f32(row.total.load(std::memory_order_relaxed));
    for (const std::atomic<uint64_t>& cell : row.cells) out.u64(cell.load(std::memory_order_relaxed));
  }
}

Status Intent::load(Reader& in) {
  if (in.u32() != kVersion || in.u32() != config_.rows) return corrupt("intent: another version or size");
  std::unique_ptr<Table> table;
  if (in.u8() != 0) {
    table = std::make_unique<Table>(config_.rows);
    for (uint32_t r = 0; r < config_.rows && in.ok(); ++r) {
      Row& row = table->rows[r];
      row.key.store(in.u64(), std::memory_order_relaxed);
      if (row.key.load(std::memory_order_relaxed) == 0) continue;
      row.total.store(in.f32(), std::memory_order_relaxed);
      for (std::atomic<uint64_t>& cell : row.cells) cell.store(in.u64(), std::memory_order_relaxed);
    }
  }
  if (!in.ok()) return corrupt("intent: cut short");
  delete table_.exchange(table.release(), std::memory_order_acq_rel);  // Before any reader.
  return {};
}

size_t Intent::bytes() const {
  return table_.load(std::memory_order_relaxed) == nullptr ? 0 : config_.rows * sizeof(Row);
}

}  // namespace freshet
