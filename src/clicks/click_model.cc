#include "clicks/click_model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

#include "base/decay.h"
#include "base/hash.h"
#include "clicks/shared_rates.h"
#include "text/words.h"

namespace freshet {
namespace {

constexpr size_t kHeardEach = 16;  // Of what was in doubt, with each event.
constexpr float kPrior = 1;        // Expected clicks at which a rate against expectation is believed by half.
constexpr double kSlopeMin = 0.5;  // A score that says nothing about clicks still orders a little.
constexpr double kLossKeeps = 1 - 1e-6;
constexpr double kStrengthDoubt = 3;  // Nats that a factor of two from the first strength costs.
constexpr float kFirstStrength = 64;
constexpr double kTrustDoubt = 4;    // Nats that trusting w in full has to bring before it is preferred.
constexpr double kTrialLeast = 0.2;  // Of a rate: no trial lowers it further.
constexpr double kSlopeDoubt = 0.5;  // Deviations that the worth of a score is taken for more.
constexpr size_t kItemColumn = 1 + kMatchFeatures, kPairColumn = kItemColumn + 1,
                 kQueryColumn = kItemColumn + 2;
constexpr size_t kScoreColumn = 1 + static_cast<size_t>(MatchFeature::kScore);

float log_ratio(float clicks, float expected) {
  return log_f32((std::max(0.0f, clicks) + kPrior) / (std::max(0.0f, expected) + kPrior));
}
double log_of(double x) {
  return static_cast<double>(log_f32(static_cast<float>(x)));
}

template <class T>
T unpacked(uint64_t bits) {
  return std::bit_cast<T>(bits);
}
template <class T>
uint64_t packed(const T& value) {
  return std::bit_cast<uint64_t>(value);
}

// Hashes of the words of a query, the first few.
size_t words_of(std::string_view query, std::array<uint64_t, ClickModel::kWordsMax>& out) {
  thread_local std::vector<std::string_view> words;
  split_words(query, words);
  const size_t count = std::min(words.size(), out.size());
  for (size_t i = 0; i < count; ++i) out[i] = hash_bytes(words[i]);
  return count;
}

uint64_t query_key(std::string_view query) {
  return std::max<uint64_t>(1, hash_bytes(query));
}

const ClickModel::Cell* cell_in(const ClickModel::QueryRow* row, ItemSlot item) {
  if (row == nullptr) return nullptr;
  const auto at =
      std::lower_bound(row->cells.begin(), row->cells.end(), item,
                       [](const ClickModel::Cell& cell, ItemSlot slot) { return cell.item < slot; });
  return at != row->cells.end() && at->item == item ? &*at : nullptr;
}

// What is taken for the features of a place that came without: the best by words, at its place.
MatchFeatures unknown_match(uint32_t place) {
  MatchFeatures out{};
  at(out, MatchFeature::kScore) = at(out, MatchFeature::kLexical) = 1;
  at(out, MatchFeature::kPlace) = log_f32(static_cast<float>(place + 1)) * (0.5f / 0.693147f);
  round_features(out);
  return out;
}

std::array<float, 2> plain_row(const ClickModel::Row& row) {
  return {1, row[kScoreColumn]};
}

double prior_rate(double full, double plain, double trust) {
  return static_cast<double>(exp_f32(static_cast<float>(plain + trust * (full - plain))));
}

}  // namespace

ClickModel::ClickModel(const Moment& moment, const Catalog& catalog, const Joiner& joiner, ClickConfig config)
    : moment_(moment), catalog_(catalog), joiner_(joiner), config_(config) {
  start();
}

void ClickModel::start() {
  Row mean{}, deviation{};
  deviation.fill(0.3f);
  mean[0] = -3.0f;
  deviation[0] = 1.5f;
  mean[kScoreColumn] = 1;
  deviation[kScoreColumn] = 0.5f;
  mean[kItemColumn] = mean[kPairColumn] = 0.3f;
  mean[kQueryColumn] = 0.5f;
  full_.start(mean, deviation);
  plain_.start({mean[0], mean[kScoreColumn]}, {deviation[0], deviation[kScoreColumn]});
  for (size_t i = 0; i < kStrengths.size(); ++i)
    losses_[i] = kStrengthDoubt * std::abs(log_of(kStrengths[i] / kFirstStrength)) / 0.693147;
  for (size_t i = 0; i < kTrusts.size(); ++i) trust_losses_[i] = kTrustDoubt * kTrusts[i];
  publish();
}

ClickModel::~ClickModel() {
  if (Way* ways = ways_.load(); ways != nullptr)
    for (size_t i = 0; i < config_.queries_max; ++i) delete ways[i].row.load();
  delete[] ways_.load();
  delete[] pairs_.load();
  delete parameters_.load();
}

void ClickModel::apply(Offset, const Event&) {
  if (moment_.skip) return;
  const Answers answers = answers_ ? answers_() : Answers::kHeard;
  if (answers == Answers::kNotHeard) return in_doubt_.clear();
  const bool heard = answers == Answers::kHeard;
  const auto take = [&](const ShownPage& page, uint32_t place) {
    if (!page.search || page.query.empty()) return;
    if (heard && in_doubt_.empty()) return hear(page, place);
    in_doubt_.add(page, place);
  };
  if (const ShownPage* page = joiner_.shown()) take(*page, PagesInDoubt::kShown);
  if (const ShownPage* page = joiner_.followed(); page != nullptr && joiner_.clicked())
    take(*page, joiner_.place());
  const size_t most = heard ? kHeardEach : in_doubt_.full() ? 1 : 0;
  for (size_t n = 0; n < most && !in_doubt_.empty(); ++n) {
    const PagesInDoubt::One one = in_doubt_.take();
    hear(one.page, one.place);
  }
}

void ClickModel::hear(const ShownPage& page, uint32_t place) {
  place == PagesInDoubt::kShown ? show(page) : click(page, place);
}

// ---- counts

ClickModel::Counts ClickModel::item_counts(ItemSlot item) const {
  return item < items_.size() ? unpacked<Counts>(items_[item].load(std::memory_order_relaxed)) : Counts{};
}

void ClickModel::add_to_item(ItemSlot item, float clicks, float expected) {
  items_.grow(std::max<size_t>(catalog_.slots(), item + 1));
  Counts counts = item_counts(item);
  counts.clicks += clicks;
  counts.expected += expected;
  if (counts.expected > config_.halve_at) counts = {counts.clicks / 2, counts.expected / 2};
  items_[item].store(packed(counts), std::memory_order_relaxed);
}

ClickModel::Counts ClickModel::pair_counts(uint64_t word, uint64_t item_key) const {
  const Pair* pairs = pairs_.load(std::memory_order_acquire);
  if (pairs == nullptr) return {};
  const uint64_t key = std::max<uint64_t>(1, mix64(word, item_key));
  const Pair* set = pairs + (key & (config_.pairs_max - 1) & ~(kWays - 1));
  for (size_t i = 0; i < kWays; ++i)
    if (set[i].key.load(std::memory_order_acquire) == key)
      return unpacked<Counts>(set[i].counts.load(std::memory_order_relaxed));
  return {};
}

void ClickModel::add_to_pair(uint64_t word, uint64_t item_key, float clicks, float expected) {
  Pair* pairs = pairs_.load(std::memory_order_relaxed);
  if (pairs == nullptr) pairs_.store(pairs = new Pair[config_.pairs_max](), std::memory_order_release);
  const uint64_t key = std::max<uint64_t>(1, mix64(word, item_key));
  Pair* set = pairs + (key & (config_.pairs_max - 1) & ~(kWays - 1));
  Pair* at = nullptr;
  float least = HUGE_VALF;
  for (size_t i = 0; i < kWays; ++i) {
    const uint64_t here = set[i].key.load(std::memory_order_relaxed);
    if (here == key) {
      at = set + i;
      break;
    }
    const auto counts = unpacked<Counts>(set[i].counts.load(std::memory_order_relaxed));
    const float value = here == 0 ? -1 : counts.clicks + counts.expected;
    if (value < least) {
      least = value;
      at = set + i;
    }
  }
  Counts counts;
  if (at->key.load(std::memory_order_relaxed) == key) {
    counts = unpacked<Counts>(at->counts.load(std::memory_order_relaxed));
  } else {
    at->counts.store(0, std::memory_order_relaxed);
    at->key.store(key, std::memory_order_release);
  }
  counts.clicks += clicks;
  counts.expected += expected;
  if (counts.expected > config_.halve_at) counts = {counts.clicks / 2, counts.expected / 2};
  at->counts.store(packed(counts), std::memory_order_relaxed);
}

const ClickModel::QueryRow* ClickModel::find(uint64_t key) const {
  const Way* ways = ways_.load(std::memory_order_acquire);
  if (ways == nullptr) return nullptr;
  const Way* set = ways + (key & (config_.queries_max - 1) & ~(kWays - 1));
  for (size_t i = 0; i < kWays; ++i) {
    if (set[i].key.load(std::memory_order_acquire) != key) continue;
    const QueryRow* row = set[i].row.load(std::memory_order_acquire);
    if (row != nullptr && row->key == key) return row;  // The place may just have been given away.
  }
  return nullptr;
}

ClickModel::QueryRow ClickModel::copy_of(uint64_t key) const {
  const QueryRow* row = find(key);
  QueryRow out;
  if (row != nullptr) out = *row;
  out.key = key;
  const TimeMs age = out.time_ms == 0 ? 0 : moment_.now_ms - out.time_ms;
  out.time_ms = moment_.now_ms;
  if (age > 0) {
    const auto keep =
        static_cast<float>(decayed(static_cast<double>(age) / static_cast<double>(config_.half_life_ms)));
    out.clicks *= keep;
    out.expected *= keep;
    for (Cell& cell : out.cells) {
      cell.clicks *= keep;
      cell.exposure *= keep;
      cell.expected *= keep;
    }
  }
  return out;
}

// The cell of the item, made if need be in the place of the one with the least to say.
ClickModel::Cell& ClickModel::cell_of(QueryRow& row, ItemSlot item) const {
  const auto by_item = [](const Cell& cell, ItemSlot slot) { return cell.item < slot; };
  auto at = std::lower_bound(row.cells.begin(), row.cells.end(), item, by_item);
  if (at != row.cells.end() && at->item == item) return *at;
  if (row.cells.size() >= config_.items_of_query) {
    row.cells.erase(std::min_element(row.cells.begin(), row.cells.end(), [](const Cell& a, const Cell& b) {
      return a.exposure + a.clicks < b.exposure + b.clicks;
    }));
    at = std::lower_bound(row.cells.begin(), row.cells.end(), item, by_item);
  }
  return *row.cells.insert(at, Cell{.item = item});
}

void ClickModel::put(QueryRow row) {
  Way* ways = ways_.load(std::memory_order_relaxed);
  if (ways == nullptr) ways_.store(ways = new Way[config_.queries_max](), std::memory_order_release);
  Way* set = ways + (row.key & (config_.queries_max - 1) & ~(kWays - 1));
  Way* at = nullptr;
  TimeMs oldest = std::numeric_limits<TimeMs>::max();
  for (size_t i = 0; i < kWays; ++i) {
    if (set[i].key.load(std::memory_order_relaxed) == row.key) {
      at = set + i;
      break;
    }
    const QueryRow* other = set[i].row.load(std::memory_order_relaxed);
    const TimeMs time = other == nullptr ? std::numeric_limits<TimeMs>::min() : other->time_ms;
    if (time < oldest) {
      oldest = time;
      at = set + i;
    }
  }
  const QueryRow* before = at->row.load(std::memory_order_relaxed);
  rows_ += before == nullptr ? 1 : 0;
  cells_ += row.cells.size() - (before == nullptr ? 0 : before->cells.size());
  const uint64_t key = row.key;
  at->row.store(new QueryRow(std::move(row)), std::memory_order_release);
  at->key.store(key, std::memory_order_release);
  retired_.retire(before);
}

void ClickModel::evict(std::span<const ItemSlot> items) {
  in_doubt_.evict(items);
  for (const ItemSlot item : items)
    if (item < items_.size()) items_[item].store(0, std::memory_order_relaxed);
  const Way* ways = ways_.load(std::memory_order_relaxed);
  if (ways == nullptr) return;
  const auto gone = [&](const Cell& cell) {
    return std::binary_search(items.begin(), items.end(), cell.item);
  };
  for (size_t i = 0; i < config_.queries_max; ++i) {
    const QueryRow* row = ways[i].row.load(std::memory_order_relaxed);
    if (row == nullptr || std::none_of(row->cells.begin(), row->cells.end(), gone)) continue;
    QueryRow next = *row;
    std::erase_if(next.cells, gone);
    put(std::move(next));
  }
}

// ---- learning

// The row of an item: how it, its words and its query fare without what this query knows of it.
bool ClickModel::row_of(const QueryRow* row, std::span<const uint64_t> words, ItemSlot item,
                        uint64_t item_key, const MatchFeatures& match, Row& out) const {
  out[0] = 1;
  std::copy(match.begin(), match.end(), out.begin() + 1);
  const Cell* cell = cell_in(row, item);
  const Cell own = cell == nullptr ? Cell{} : *cell;
  const Counts of_item = item_counts(item);
  out[kItemColumn] = log_ratio(of_item.clicks - own.clicks, of_item.expected - own.expected);
  Counts of_words;
  for (const uint64_t word : words) {
    const Counts one = pair_counts(word, item_key);
    of_words.clicks += std::max(0.0f, one.clicks - own.clicks);
    of_words.expected += std::max(0.0f, one.expected - own.expected);
  }
  out[kPairColumn] = log_ratio(of_words.clicks, of_words.expected);
  out[kQueryColumn] = row == nullptr ? 0 : log_ratio(row->clicks - own.clicks, row->expected - own.expected);
  return cell != nullptr;
}

double ClickModel::expected_rate(const Row& row) const {
  Row match = row;
  match[kItemColumn] = match[kPairColumn] = match[kQueryColumn] = 0;
  return full_.rate(match);
}

void ClickModel::show(const ShownPage& page) {
  const uint64_t key = query_key(page.query);
  std::array<uint64_t, kWordsMax> word_store{};
  const std::span<const uint64_t> words(word_store.data(), words_of(page.query, word_store));
  QueryRow row = copy_of(key);
  for (uint32_t i = 0; i < page.places.size(); ++i) {
    const ItemSlot item = page.places[i].item;
    const ItemRecord* record = item == kNoItem ? nullptr : catalog_.item(item);
    if (record == nullptr) continue;
    const uint32_t place = page.from + i;
    const float theta = examination_.theta(place);
    MatchFeatures match;
    const bool known = read_features(page.features, i, match);
    if (!known) match = unknown_match(place);
    Row x;
    row_of(&row, words, item, record->key, match, x);
    Cell& cell = cell_of(row, item);
    if (known) {
      const double prior = prior_rate(full_.log_rate(x), plain_.log_rate(plain_row(x)), parameters().trust);
      for (size_t k = 0; k < kStrengths.size(); ++k) {
        const double strength = kStrengths[k];
        losses_[k] += theta * (cell.clicks + strength * prior) / (cell.exposure + strength);
      }
      // What was shown a hundred times is not a hundred times as good an example for other queries.
      const double weight = 1 / (1 + static_cast<double>(cell.exposure));
      full_.expose(x, theta, weight);
      plain_.expose(plain_row(x), theta, weight);
    }
    const auto expected = static_cast<float>(theta * expected_rate(x));
    cell.exposure += theta;
    cell.expected += expected;
    row.expected += expected;
    add_to_item(item, 0, expected);
    for (const uint64_t word : words) add_to_pair(word, record->key, 0, expected);
  }
  put(std::move(row));
  for (double& loss : losses_) loss *= kLossKeeps;
  if (++pages_ % 16 == 0) publish();
}

void ClickModel::click(const ShownPage& page, uint32_t i) {
  const ItemSlot item = page.places[i].item;
  const ItemRecord* record = item == kNoItem ? nullptr : catalog_.item(item);
  if (record == nullptr) return;
  ++clicks_;
  if (page.exchanged >= 0 && page.from == 0 && std::abs(page.places[i].propensity - 0.5f) < 0.1f)
    examination_.count(static_cast<size_t>(page.exchanged), i);
  std::array<uint64_t, kWordsMax> word_store{};
  const std::span<const uint64_t> words(word_store.data(), words_of(page.query, word_store));
  QueryRow row = copy_of(query_key(page.query));
  MatchFeatures match;
  const bool known = read_features(page.features, i, match);
  if (!known) match = unknown_match(page.from + i);
  Row x;
  row_of(&row, words, item, record->key, match, x);
  Cell& cell = cell_of(row, item);
  if (known) {
    // As it was when it was shown: without the exposure that this click belongs to.
    const double exposure = std::max(0.0f, cell.exposure - examination_.theta(page.from + i));
    const double prior = prior_rate(full_.log_rate(x), plain_.log_rate(plain_row(x)), parameters().trust);
    for (size_t k = 0; k < kStrengths.size(); ++k)
      losses_[k] -= log_of((cell.clicks + kStrengths[k] * prior) / (exposure + kStrengths[k]));
    if (row.clicks == 0) judge_trust(page, i, row, words);
    const double weight = 1 / (1 + exposure);
    full_.click(x, weight);
    plain_.click(plain_row(x), weight);
  }
  cell.clicks += 1;
  row.clicks += 1;
  put(std::move(row));
  add_to_item(item, 1, 0);
  for (const uint64_t word : words) add_to_pair(word, record->key, 1, 0);
  publish();
}

// A query's first click says which of the page's items a shopper preferred who knew no more than w: the loss
// is conditional on the page, so that how much is clicked at all does not matter.
//   -ln( theta_i g_i / sum over j of theta_j g_j ),  ln g = plain + trust (full - plain)
void ClickModel::judge_trust(const ShownPage& page, uint32_t clicked, const QueryRow& row,
                             std::span<const uint64_t> words) {
  std::array<double, kTrusts.size()> sums{}, own{};
  for (uint32_t i = 0; i < page.places.size(); ++i) {
    const ItemSlot item = page.places[i].item;
    const ItemRecord* record = item == kNoItem ? nullptr : catalog_.item(item);
    MatchFeatures match;
    if (record == nullptr || !read_features(page.features, i, match)) continue;
    Row x;
    row_of(&row, words, item, record->key, match, x);
    const double plain = plain_.log_rate(plain_row(x)), more = full_.log_rate(x) - plain;
    for (size_t t = 0; t < kTrusts.size(); ++t) {
      const double log_rate = plain + kTrusts[t] * more;
      sums[t] +=
          static_cast<double>(examination_.theta(page.from + i) * exp_f32(static_cast<float>(log_rate)));
      if (i == clicked) own[t] = log_rate;
    }
  }
  for (size_t t = 0; t < kTrusts.size(); ++t) trust_losses_[t] += log_of(sums[t]) - own[t];
}

void ClickModel::publish() {
  auto next = std::make_unique<Parameters>();
  next->ready = clicks_ >= config_.clicks_min;
  next->strength =
      kStrengths[static_cast<size_t>(std::min_element(losses_.begin(), losses_.end()) - losses_.begin())];
  next->weights = full_.mean();
  next->base = plain_.mean()[0];
  next->plain_slope = plain_.mean()[1];
  next->slope = std::max(kSlopeMin, plain_.mean()[1] + kSlopeDoubt * std::sqrt(plain_.variance(1)));
  next->trust = kTrusts[static_cast<size_t>(std::min_element(trust_losses_.begin(), trust_losses_.end()) -
                                            trust_losses_.begin())];
  next->theta = examination_.all();
  next->clicks = clicks_;
  next->doubt = examination_.doubt();
  retired_.retire(parameters_.exchange(next.release(), std::memory_order_acq_rel));
}

std::string ClickModel::describe() const {
  const Parameters& now = parameters();
  char text[200];
  std::snprintf(text, sizeof text,
                "strength %.0f, trust %.2f, score worth %.2f (taken as %.2f), doubt %.3f, weights",
                static_cast<double>(now.strength), now.trust, now.plain_slope, now.slope, now.doubt);
  std::string out = text;
  for (const double weight : now.weights) {
    std::snprintf(text, sizeof text, " %.2f", weight);
    out += text;
  }
  return out;
}

// ---- asking

ClickModel::Query::Query(const ClickModel& model, std::string_view words)
    : model_(model), parameters_(model.parameters()) {
  if (!parameters_.ready || words.empty()) return;
  row_ = model.find(query_key(words));
  word_count_ = words_of(words, words_);
}

double ClickModel::Query::prior_of(const Asked& one, double& plain) const {
  Row x;
  model_.row_of(row_, {words_.data(), word_count_}, one.item, one.item_key, one.match, x);
  double full = 0;
  for (size_t i = 0; i < kRow; ++i) full += parameters_.weights[i] * static_cast<double>(x[i]);
  plain = parameters_.base + parameters_.plain_slope * static_cast<double>(x[kScoreColumn]);
  // What was never shown keeps its order: there is nothing of its own by which it could be put right again.
  const double trust = shown_before() ? parameters_.trust : 0;
  return std::clamp(plain + trust * (full - plain), PoissonRegression<kRow>::kLogMin,
                    PoissonRegression<kRow>::kLogMax);
}

double ClickModel::Query::worth(double more) const {
  return log_of(1 + std::max(kTrialLeast - 1, more)) / parameters_.slope;
}

void ClickModel::Query::verdicts(std::span<const Asked> asked, std::span<Verdict> out) const {
  thread_local std::vector<SharedRates::Item> items;
  items.assign(asked.size(), {});
  bool shown = false;
  for (size_t i = 0; i < asked.size(); ++i) {
    double plain = 0;
    const double log_rate = prior_of(asked[i], plain);
    SharedRates::Item& one = items[i];
    one.prior = static_cast<double>(exp_f32(static_cast<float>(log_rate)));
    out[i].part = (log_rate - plain) / parameters_.slope;
    const double variance = SharedRates::prior_variance(one.prior, parameters_.strength);
    out[i].doubt = std::sqrt(variance) / one.prior;
    const Cell* cell = cell_in(row_, asked[i].item);
    if (cell == nullptr || cell->exposure <= 0) continue;
    one.clicks = cell->clicks;
    one.exposure = cell->exposure;
    shown = true;
  }
  if (!shown) return;  // Parts are nothing but the prior's, exactly.
  thread_local TitleLikeness likeness;
  thread_local SharedRates rates;
  likeness.start(asked.size());
  for (const Asked& one : asked) likeness.add(one.title);
  likeness.finish();
  rates.believe(items, likeness, parameters_.strength);
  for (size_t i = 0; i < asked.size(); ++i) {
    out[i].part += log_of(items[i].mean / items[i].prior) / parameters_.slope;
    out[i].doubt = items[i].deviation / items[i].mean;
  }
}

}  // namespace freshet
