#include "suggest/suggestions.h"

#include <algorithm>

#include "base/decay.h"
#include "suggest/internal/query_blocks.h"
#include "text/words.h"

namespace freshet {
namespace {

constexpr uint32_t kVersion = 1;
constexpr size_t kInsteadMax = 4;
constexpr size_t kTrendsMax = 256;
constexpr double kHalfLivesMax = 500;  // Of the short weight, before all are divided.
constexpr double kTrendMin = 3;        // Recent searches before a query can trend.
constexpr double kSearch = 1, kAction = 2, kPurchase = 5;

// Words that no shop wants to suggest, folded. A shop adds its own.
constexpr std::string_view kBuiltin[] = {
    "anal",  "arschloch", "asshole", "bastard", "bitch",  "blowjob", "cock",     "connard",  "cunt",
    "dildo", "fag",       "faggot",  "fick",    "ficken", "fuck",    "fucker",   "fucking",  "hitler",
    "hure",  "kike",      "merde",   "nazi",    "nigga",  "nigger",  "penis",    "porn",     "porno",
    "puta",  "pute",      "pussy",   "rape",    "retard", "salope",  "schlampe", "scheisse", "sex",
    "shit",  "slut",      "spic",    "tits",    "vagina", "wanker",  "whore",    "xxx",
};

// 2^x for |x| up to 1000.
double grown(double x) {
  return x >= 0 ? 1 / decayed(x) : decayed(-x);
}

double half_lives(TimeMs from, TimeMs to, TimeMs half_life) {
  return static_cast<double>(to - from) / static_cast<double>(half_life);
}

// An address, a telephone, a card: what a person might not want others to read.
bool looks_private(std::string_view raw) {
  size_t digits = 0;
  for (const char c : raw) digits += c >= '0' && c <= '9';
  return digits >= 7 || raw.find('@') != std::string_view::npos || raw.find("://") != std::string_view::npos;
}

}  // namespace

Suggestions::Suggestions(const Moment& moment, const SearchTrail& trail, SuggestionsConfig config)
    : moment_(moment), trail_(trail), config_(std::move(config)), hidden_(config_.hidden) {
  if (config_.builtin_hidden) hidden_.insert(hidden_.end(), std::begin(kBuiltin), std::end(kBuiltin));
  std::sort(hidden_.begin(), hidden_.end());
  rebuild({});
}

Suggestions::~Suggestions() {
  for (Query* query : all()) delete query;
  Directory* directory = directory_.load();
  for (size_t b = 0; b < directory->size; ++b) delete directory->block[b].load();
  delete directory;
  delete published_trends_.load();
}

std::vector<Suggestions::Query*> Suggestions::all() const {
  std::vector<Query*> queries;
  queries.reserve(live_.load(std::memory_order_relaxed));
  const Directory& directory = *directory_.load(std::memory_order_relaxed);
  for (size_t b = 0; b < directory.size; ++b) {
    const Block& block = *directory.block[b].load(std::memory_order_relaxed);
    queries.insert(queries.end(), block.queries, block.queries + block.count);
  }
  return queries;
}

Suggestions::Place Suggestions::lower_bound(const Directory& directory, std::string_view text) {
  size_t low = 1, high = directory.size;  // First block that starts after `text`; block 0 never does.
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (directory.starts_after(middle, text))
      high = middle;
    else
      low = middle + 1;
  }
  const Block& block = *directory.block[low - 1].load(std::memory_order_acquire);
  const auto found = std::lower_bound(block.queries, block.queries + block.count, text,
                                      [](const Query* q, std::string_view t) { return q->text < t; });
  return {low - 1, static_cast<uint32_t>(found - block.queries)};
}

const Suggestions::Query* Suggestions::at(const Directory& directory, Place place) {
  for (; place.block < directory.size; ++place.block, place.entry = 0) {
    const Block& block = *directory.block[place.block].load(std::memory_order_acquire);
    if (place.entry < block.count) return block.queries[place.entry];
  }
  return nullptr;
}

Suggestions::Query* Suggestions::find(std::string_view text) const {
  const Directory& directory = *directory_.load(std::memory_order_acquire);
  const Query* query = at(directory, lower_bound(directory, text));
  return query != nullptr && query->text == text ? const_cast<Query*>(query) : nullptr;
}

Suggestions::Query* Suggestions::find_or_add(std::string_view text) {
  if (Query* known = find(text); known != nullptr) return known;
  if (live_.load(std::memory_order_relaxed) >= config_.queries_max) evict();
  Directory* directory = directory_.load(std::memory_order_relaxed);
  Place place = lower_bound(*directory, text);
  if (directory->block[place.block].load(std::memory_order_relaxed)->count == Block::kMax) {
    split(*directory, place.block);
    directory = directory_.load(std::memory_order_relaxed);
    place = lower_bound(*directory, text);
  }
  const Block& old = *directory->block[place.block].load(std::memory_order_relaxed);
  auto* query = new Query(text);
  auto* next = new Block;
  next->count = old.count + 1;
  for (uint32_t i = 0; i < next->count; ++i) {
    const uint32_t from = i < place.entry ? i : i - 1;
    next->queries[i] = i == place.entry ? query : old.queries[from];
    next->shown[i].store(i == place.entry ? kNotShown : old.shown[from].load(std::memory_order_relaxed),
                         std::memory_order_relaxed);
  }
  retired_.retire(directory->block[place.block].exchange(next, std::memory_order_acq_rel));
  live_.fetch_add(1, std::memory_order_relaxed);
  bytes_.fetch_add(sizeof(Query) + text.size(), std::memory_order_relaxed);
  return query;
}

// Blocks are halved in a new directory; both stay sorted.
void Suggestions::split(Directory& directory, size_t at_block) {
  const Block& old = *directory.block[at_block].load(std::memory_order_relaxed);
  auto* next = new Directory(directory.size + 1);
  for (size_t b = 0, to = 0; b < directory.size; ++b) {
    if (b != at_block) {
      next->block[to].store(directory.block[b].load(std::memory_order_relaxed), std::memory_order_relaxed);
      next->best[to].store(directory.best[b].load(std::memory_order_relaxed), std::memory_order_relaxed);
      next->head[to] = directory.head[b];
      next->first[to++] = directory.first[b];
      continue;
    }
    for (uint32_t half = 0; half < 2; ++half) {
      auto* block = new Block;
      const uint32_t begin = half == 0 ? 0 : old.count / 2, end = half == 0 ? old.count / 2 : old.count;
      for (uint32_t i = begin; i < end; ++i) {
        block->queries[block->count] = old.queries[i];
        block->shown[block->count++].store(old.shown[i].load(std::memory_order_relaxed),
                                           std::memory_order_relaxed);
      }
      next->put(to++, block, block->best());
    }
  }
  directory_.store(next, std::memory_order_release);
  retired_.retire(&old);
  retired_.retire(&directory);
}

void Suggestions::rebuild(std::span<Query* const> sorted) {
  constexpr size_t kFill = Block::kMax * 3 / 4;
  auto* next = new Directory(std::max<size_t>(1, (sorted.size() + kFill - 1) / kFill));
  for (size_t b = 0; b < next->size; ++b) {
    auto* block = new Block;
    for (size_t i = b * kFill; i < std::min(sorted.size(), (b + 1) * kFill); ++i) {
      block->queries[block->count] = sorted[i];
      block->shown[block->count++].store(
          sorted[i]->shown ? sorted[i]->weight.load(std::memory_order_relaxed) : kNotShown,
          std::memory_order_relaxed);
    }
    next->put(b, block, block->best());
  }
  Directory* old = directory_.exchange(next, std::memory_order_acq_rel);
  if (old == nullptr) return;
  for (size_t b = 0; b < old->size; ++b) retired_.retire(old->block[b].load(std::memory_order_relaxed));
  retired_.retire(old);
}

void Suggestions::apply(Offset, const Event& event) {
  if (moment_.skip || trail_.query().empty()) return;
  if (event.type == EventType::kSearch) return search(event);
  if (!is_positive_action(event.type)) return;
  if (Query* query = find(trail_.query()); query != nullptr)
    gain(*query, event.type == EventType::kPurchase ? kPurchase : kAction);
}

void Suggestions::search(const Event& event) {
  const std::string_view text = trail_.query();
  if (text.size() > config_.query_bytes_max || looks_private(event.query)) return;
  Query* query = find_or_add(text);
  if (has_number(event.result_count)) query->results = event.result_count;
  const uint64_t who = trail_.shopper();
  const auto end = query->shoppers.begin() + query->shopper_count;
  if (who != 0 && query->shopper_count < kShoppersMax && std::find(query->shoppers.begin(), end, who) == end)
    query->shoppers[query->shopper_count++] = who;
  gain(*query, kSearch);
  if (trail_.before().empty() || trail_.before_acted() || query->results == 0) return;
  if (Query* from = find(trail_.before()); from != nullptr) learn_instead(*from, text);
}

void Suggestions::gain(Query& query, double amount) {
  TimeMs begin = begin_ms_.load(std::memory_order_relaxed);
  if (begin == kNoTime) begin_ms_.store(begin = moment_.time_ms, std::memory_order_relaxed);
  if (half_lives(begin, moment_.time_ms, config_.trend_half_life_ms) > kHalfLivesMax) {
    rescale();
    begin = begin_ms_.load(std::memory_order_relaxed);
  }
  now_ms_.store(moment_.now_ms, std::memory_order_relaxed);
  const auto add = [&](std::atomic<double>& to, TimeMs half_life) {
    to.store(to.load(std::memory_order_relaxed) +
                 amount * grown(std::max(-1000.0, half_lives(begin, moment_.time_ms, half_life))),
             std::memory_order_relaxed);
  };
  add(query.weight, config_.half_life_ms);
  add(query.trend, config_.trend_half_life_ms);
  query.shown = may_show(query);
  show(query);
  note_trend(query);
}

// Old weights become small and stay in order; new gains start from 1 again.
void Suggestions::rescale() {
  const TimeMs begin = begin_ms_.load(std::memory_order_relaxed);
  const double w = decayed(half_lives(begin, moment_.time_ms, config_.half_life_ms));
  const double t = decayed(half_lives(begin, moment_.time_ms, config_.trend_half_life_ms));
  const std::vector<Query*> queries = all();
  for (Query* query : queries) {
    query->weight.store(query->weight.load(std::memory_order_relaxed) * w, std::memory_order_relaxed);
    query->trend.store(query->trend.load(std::memory_order_relaxed) * t, std::memory_order_relaxed);
  }
  begin_ms_.store(moment_.time_ms, std::memory_order_relaxed);
  rebuild(queries);
}

bool Suggestions::may_show(const Query& query) const {
  return query.shopper_count >= std::min(config_.shoppers_min, kShoppersMax) && query.results != 0 &&
         !hides_folded(query.text, {});
}

void Suggestions::show(const Query& query) {
  const Directory& directory = *directory_.load(std::memory_order_relaxed);
  const Place place = lower_bound(directory, query.text);
  Block& block = *directory.block[place.block].load(std::memory_order_relaxed);
  const double before = block.shown[place.entry].load(std::memory_order_relaxed);
  const double now = query.shown ? query.weight.load(std::memory_order_relaxed) : kNotShown;
  block.shown[place.entry].store(now, std::memory_order_relaxed);
  std::atomic<double>& best = directory.best[place.block];
  if (now >= best.load(std::memory_order_relaxed))
    best.store(now, std::memory_order_relaxed);
  else if (now < before)
    best.store(block.best(), std::memory_order_relaxed);
}

void Suggestions::learn_instead(Query& from, std::string_view to) {
  const Instead* old = from.instead.load(std::memory_order_relaxed);
  auto* next = old == nullptr ? new Instead : new Instead(*old);
  next->total += 1;
  auto entry =
      std::find_if(next->entries.begin(), next->entries.end(), [&](auto& e) { return e.text == to; });
  if (entry == next->entries.end()) {
    if (next->entries.size() == kInsteadMax) {  // The weakest gives way, once it has been outworn.
      entry = std::min_element(next->entries.begin(), next->entries.end(),
                               [](auto& a, auto& b) { return a.count < b.count; });
      entry->count -= 1;
      if (entry->count <= 0) *entry = {std::string(to), 0, 0, 0};
    } else {
      next->entries.push_back({std::string(to), 0, 0, 0});
      entry = next->entries.end() - 1;
    }
  }
  if (entry->text == to) {
    entry->count += 1;
    if (trail_.shopper() != 0 && entry->last_shopper != trail_.shopper()) {
      entry->last_shopper = trail_.shopper();
      ++entry->shoppers;
    }
  }
  from.instead.store(next, std::memory_order_release);
  retired_.retire(old);
}

Suggestions::Worth Suggestions::worth() const {
  const TimeMs begin = begin_ms_.load(std::memory_order_relaxed),
               now = now_ms_.load(std::memory_order_relaxed);
  const auto of = [&](TimeMs half_life) {
    return grown(std::clamp(-half_lives(begin, now, half_life), -1000.0, 1000.0));
  };
  return {of(config_.trend_half_life_ms), of(config_.half_life_ms)};
}

double Suggestions::trend(const Query& query, const Worth& worth) const {
  const double recent = query.trend.load(std::memory_order_relaxed) * worth.recent;
  const double ever = query.weight.load(std::memory_order_relaxed) * worth.ever;
  if (recent < kTrendMin) return 0;
  // What a steady query would have gathered lately, and one more so that rare ones do not leap.
  const double steady =
      ever * static_cast<double>(config_.trend_half_life_ms) / static_cast<double>(config_.half_life_ms);
  return (recent + 1) / (steady + 1);
}

void Suggestions::note_trend(Query& query) {
  if (query.trending || !query.shown) return;
  const Worth now = worth();
  const double strength = trend(query, now);
  if (strength <= 1) return;
  if (trends_.size() < kTrendsMax) {
    trends_.push_back(&query);
  } else {
    const auto weakest =
        std::min_element(trends_.begin(), trends_.end(),
                         [&](const Query* a, const Query* b) { return trend(*a, now) < trend(*b, now); });
    if (trend(**weakest, now) >= strength) return;
    (*weakest)->trending = false;
    *weakest = &query;
  }
  query.trending = true;
  retired_.retire(published_trends_.exchange(new std::vector<Query*>(trends_), std::memory_order_acq_rel));
}

void Suggestions::evict() {
  std::vector<Query*> queries = all(), order = queries;
  const size_t count = std::max<size_t>(1, queries.size() / 16);
  std::nth_element(order.begin(), order.begin() + static_cast<ptrdiff_t>(count), order.end(),
                   [](const Query* a, const Query* b) {
                     const double x = a->weight.load(std::memory_order_relaxed);
                     const double y = b->weight.load(std::memory_order_relaxed);
                     return x != y ? x < y : a->text < b->text;
                   });
  order.resize(count);
  std::sort(order.begin(), order.end(), [](const Query* a, const Query* b) { return a->text < b->text; });
  const auto gone = [&](const Query* q) {
    return std::binary_search(order.begin(), order.end(), q,
                              [](const Query* a, const Query* b) { return a->text < b->text; });
  };
  std::erase_if(trends_, gone);
  retired_.retire(published_trends_.exchange(new std::vector<Query*>(trends_), std::memory_order_acq_rel));
  std::erase_if(queries, gone);
  rebuild(queries);
  for (Query* query : order) {
    bytes_.fetch_sub(sizeof(Query) + query->text.size(), std::memory_order_relaxed);
    retired_.retire(query);
  }
  live_.fetch_sub(count, std::memory_order_relaxed);
  evicted_.fetch_add(count, std::memory_order_relaxed);
}

bool Suggestions::hides(std::string_view text, std::span<const std::string> hidden) const {
  std::string folded;
  fold_words(text, folded);
  return hides_folded(folded, hidden);
}

bool Suggestions::hides_folded(std::string_view text, std::span<const std::string> more) const {
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (std::binary_search(hidden_.begin(), hidden_.end(), word)) return true;
    begin = end + 1;
  }
  // The settings' entries may be several words.
  return std::any_of(more.begin(), more.end(), [&](const std::string& phrase) {
    const size_t found = phrase.empty() ? std::string_view::npos : text.find(phrase);
    return found != std::string_view::npos && (found == 0 || text[found - 1] == ' ') &&
           (found + phrase.size() == text.size() || text[found + phrase.size()] == ' ');
  });
}

size_t Suggestions::bytes() const {
  const Directory& directory = *directory_.load(std::memory_order_relaxed);
  return bytes_.load(std::memory_order_relaxed) + directory.size * (sizeof(Block) + 40);
}

void Suggestions::save(Writer& out) const {
  const std::vector<Query*> queries = all();
  out.u32(kVersion);
  out.i64(begin_ms_.load(std::memory_order_relaxed));
  out.i64(now_ms_.load(std::memory_order_relaxed));
  out.u64(evicted_.load(std::memory_order_relaxed));
  out.u64(queries.size());
  for (const Query* query : queries) {
    out.str(query->text);
    out.f64(query->weight.load(std::memory_order_relaxed));
    out.f64(query->trend.load(std::memory_order_relaxed));
    out.f64(query->results);
    out.u8(query->shopper_count);
    out.array(query->shoppers.data(), query->shopper_count);
    const Instead* instead = query->instead.load(std::memory_order_relaxed);
    out.u8(instead == nullptr ? 0 : static_cast<uint8_t>(instead->entries.size()));
    if (instead == nullptr) continue;
    out.f32(instead->total);
    for (const Instead::Entry& entry : instead->entries) {
      out.str(entry.text);
      out.f32(entry.count);
      out.u64(entry.last_shopper);
      out.u32(entry.shoppers);
    }
  }
  out.u32(static_cast<uint32_t>(trends_.size()));
  for (const Query* query : trends_) out.str(query->text);
}

Status Suggestions::load(Reader& in) {
  std::vector<Query*> old = all(), queries;
  if (in.u32() != kVersion) return corrupt("suggestions: another version");
  begin_ms_.store(in.i64(), std::memory_order_relaxed);
  now_ms_.store(in.i64(), std::memory_order_relaxed);
  evicted_.store(in.u64(), std::memory_order_relaxed);
  const uint64_t count = in.u64();
  bool sorted = true;
  size_t held = 0;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    auto* query = new Query(in.str());
    sorted = sorted && (queries.empty() || queries.back()->text < query->text);
    queries.push_back(query);
    held += sizeof(Query) + query->text.size();
    query->weight.store(in.f64(), std::memory_order_relaxed);
    query->trend.store(in.f64(), std::memory_order_relaxed);
    query->results = in.f64();
    query->shopper_count = std::min<uint8_t>(in.u8(), kShoppersMax);
    in.array(query->shoppers.data(), query->shopper_count);
    query->shown = may_show(*query);
    const uint8_t entries = in.u8();
    if (entries == 0) continue;
    auto* instead = new Instead;
    query->instead.store(instead, std::memory_order_relaxed);
    instead->total = in.f32();
    instead->entries.resize(std::min<size_t>(entries, kInsteadMax));
    for (Instead::Entry& entry : instead->entries) {
      entry.text = in.str();
      entry.count = in.f32();
      entry.last_shopper = in.u64();
      entry.shoppers = in.u32();
    }
  }
  if (!in.ok() || !sorted) {
    for (Query* query : queries) delete query;
    return corrupt("suggestions: cut short or out of order");
  }
  rebuild(queries);
  for (Query* query : old) retired_.retire(query);
  live_.store(queries.size(), std::memory_order_relaxed);
  bytes_.store(held, std::memory_order_relaxed);
  trends_.clear();
  for (uint32_t n = in.u32(); n > 0 && in.ok(); --n)
    if (Query* query = find(in.str()); query != nullptr) {
      query->trending = true;
      trends_.push_back(query);
    }
  retired_.retire(published_trends_.exchange(new std::vector<Query*>(trends_), std::memory_order_acq_rel));
  return in.ok() ? Status() : Status(corrupt("suggestions: cut short"));
}

}  // namespace freshet
