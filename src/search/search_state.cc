#include "search/search_state.h"

#include <algorithm>

#include "env/process.h"
#include "search/popularity.h"
#include "text/words.h"

namespace freshet {
namespace {

std::atomic<uint64_t> generations{0};  // For reports only.

AnalyzerConfig analyzer_config(const SearchSettings& settings) {
  AnalyzerConfig out;
  out.languages.clear();
  const auto add = [&](const std::string& code) {
    const auto language = parse_language(code);
    if (!language.ok() || *language == Language::kAuto || *language == Language::kNone) return;
    if (std::find(out.languages.begin(), out.languages.end(), *language) == out.languages.end())
      out.languages.push_back(*language);
  };
  add(settings.language);
  for (const std::string& code : settings.languages) add(code);
  for (const SearchableField& field : settings.searchable) add(field.language);
  if (out.languages.empty()) out.languages = {Language::kEnglish};
  return out;
}

double weight_of(EventType type) {
  switch (type) {
    case EventType::kView:
    case EventType::kClick:
      return 1;
    case EventType::kRating:
      return 2;
    case EventType::kWishlist:
      return 3;
    case EventType::kAddToCart:
      return 4;
    case EventType::kPurchase:
      return 8;
    default:
      return 0;
  }
}

// Values of a list stand apart by so many positions, so that no phrase spans two of them.
constexpr uint32_t kValueGap = 16;

}  // namespace

SearchState::Generation::Generation(const SearchSettings& settings, const CatalogConfig& catalog,
                                    const SearchConfig& config)
    : number(++generations),
      fields(settings, catalog),
      analyzer(analyzer_config(settings)),
      index({.background = config.background,
             .scoring = scoring(settings),
             .worker_begins = lower_thread_priority}) {}

Scoring SearchState::Generation::scoring(const SearchSettings& settings) const {
  Scoring scoring;
  scoring.weight.fill(0);
  for (const SearchableField& field : settings.searchable)
    if (const int at = fields.find(field.name); at >= 0)
      scoring.weight[static_cast<size_t>(at)] = static_cast<float>(field.weight);
  return scoring;
}

SearchState::SearchState(const Moment& moment, const Catalog& catalog, const Settings& settings,
                         const SearchConfig& config)
    : moment_(moment), catalog_(catalog), settings_(settings), config_(config), columns_(catalog) {
  live_.store(new Generation(settings_.book().published->settings, catalog_.config(), config_));
  words_.store(nullptr);
  make_words(settings_.book());
}

SearchState::~SearchState() {
  stop();
  delete live_.load();
  delete words_.load();
}

void SearchState::stop() {
  {
    const std::lock_guard lock(rebuild_mutex_);
    stopping_ = true;
  }
  rebuild_changed_.notify_all();
  if (rebuild_thread_.joinable()) rebuild_thread_.join();
}

void SearchState::apply(Offset, const Event& event) {
  if (moment_.skip) return;
  switch (event.type) {
    case EventType::kItemUpsert:
    case EventType::kItemUpdate:
    case EventType::kItemDelete:
      if (moment_.item != kNoItem) changed(moment_.item);
      return;
    case EventType::kCatalogSwap:
      for (ItemSlot slot = 0; slot < catalog_.slots(); ++slot) changed(slot);
      return;
    default:
      warm(event);
  }
}

void SearchState::warm(const Event& event) {
  // A click on a page of ours says first of all how high it stood there: clicks/ takes that into account,
  // this could not. What follows the click counts.
  if (event.type == EventType::kClick && !event.query_id.empty()) return;
  const double weight = weight_of(event.type);
  if (weight == 0 || moment_.item == kNoItem) return;
  popularity_.grow(catalog_.slots());
  std::atomic<double>& key = popularity_[moment_.item];
  const double old = key.load(std::memory_order_relaxed);
  key.store(popularity_add(old == 0 ? kNoPopularity : old, weight, moment_.time_ms,
                           static_cast<double>(config_.popularity_half_life_ms)),
            std::memory_order_relaxed);
}

double SearchState::popularity_key(ItemSlot slot) const {
  if (slot >= popularity_.size()) return kNoPopularity;
  const double key = popularity_[slot].load(std::memory_order_relaxed);
  return key == 0 ? kNoPopularity : key;  // 0: never touched (its real key would be 1970's).
}

double SearchState::popularity(ItemSlot slot, TimeMs now_ms) const {
  return popularity_at(popularity_key(slot), now_ms, static_cast<double>(config_.popularity_half_life_ms));
}

// ---- writing

void SearchState::changed(ItemSlot slot) {
  const std::lock_guard lock(writing_);
  if (noting_) dirty_.push_back(slot);
  fingerprints_.grow(catalog_.slots());
  Generation& live = *live_.load(std::memory_order_relaxed);
  const ItemRecord* item = catalog_.item(slot);
  const bool listed = item != nullptr && item->listed && !item->deleted;
  const uint64_t fingerprint = listed ? live.fields.fingerprint(*item) : 0;
  if (fingerprint == fingerprints_[slot]) return;
  fingerprints_[slot] = fingerprint;
  write(live, catalog_, slot, refused_);
}

void SearchState::write(Generation& generation, const Catalog& catalog, ItemSlot slot,
                        std::atomic<uint64_t>& refused) {
  const ItemRecord* item = catalog.item(slot);
  if (item == nullptr || !item->listed || item->deleted) return generation.index.remove(slot);
  thread_local std::vector<DocumentText> texts;
  thread_local std::vector<Token> tokens;
  thread_local std::vector<std::string> terms;
  thread_local std::vector<IndexToken> index_tokens;
  generation.fields.texts(*item, texts);
  // Terms first, then views on them: the list of terms must not grow below them.
  terms.clear();
  index_tokens.clear();
  struct Part {
    uint32_t field;
    size_t begin, end;
  };
  thread_local std::vector<Part> parts;
  parts.clear();
  uint32_t base = 0;
  size_t used = 0;
  for (const DocumentText& text : texts) {
    if (parts.empty() || parts.back().field != text.field) {
      parts.push_back({text.field, used, used});
      base = 0;
    }
    generation.analyzer.analyze(text.text, generation.fields.language(text.field), false, tokens);
    uint32_t last = base;
    for (Token& token : tokens) {
      if (used >= kItemTokensMax || base + token.position >= kPositionsMax) break;
      if (token.term.empty() || token.term.size() > kTermBytesMax) continue;
      terms.push_back(std::move(token.term));
      index_tokens.push_back({{}, base + token.position});
      last = base + token.position;
      ++used;
    }
    parts.back().end = used;
    base = last + kValueGap;
  }
  for (size_t i = 0; i < used; ++i) index_tokens[i].term = terms[i];
  thread_local std::vector<FieldText> fields;
  fields.clear();
  for (const Part& part : parts)
    fields.push_back({part.field, std::span(index_tokens).subspan(part.begin, part.end - part.begin)});
  if (!generation.index.update(slot, fields).ok()) refused.fetch_add(1, std::memory_order_relaxed);
}

void SearchState::evict(std::span<const ItemSlot> items) {
  const std::lock_guard lock(writing_);
  Generation& live = *live_.load(std::memory_order_relaxed);
  for (const ItemSlot slot : items) {
    if (noting_) dirty_.push_back(slot);
    live.index.remove(slot);
    if (slot < fingerprints_.size()) fingerprints_[slot] = 0;
    if (slot < popularity_.size()) popularity_[slot].store(0, std::memory_order_relaxed);
  }
}

// ---- generations

SearchState::WordLists::WordLists(const SearchSettings& settings, const Analyzer& analyzer) {
  const auto fold = [&](const std::vector<std::string>& words, std::vector<std::string>& out) {
    for (const std::string& word : words) out.push_back(analyzer.fold(word));
    std::sort(out.begin(), out.end());
  };
  fold(settings.stop_words, stop_words);
  fold(settings.typo.words_excluded, never_corrected);
  for (const std::string& words : settings.suggestions_hidden)
    fold_words(words, suggestions_hidden.emplace_back());
}

void SearchState::make_words(const SettingsBook& book) {
  const Analyzer& analyzer = live_.load(std::memory_order_relaxed)->analyzer;
  auto next = std::make_unique<Words>();
  next->synonyms = SynonymTable(*book.synonyms, analyzer);
  next->of = WordLists(book.published->settings, analyzer);
  retired_.retire(words_.exchange(next.release(), std::memory_order_acq_rel));
}

void SearchState::settings_changed(const SettingsBook& before, const SettingsBook& after) {
  if (before.synonyms_revision != after.synonyms_revision ||
      before.published->number != after.published->number) {
    const std::lock_guard lock(writing_);
    make_words(after);
  }
  if (!needs_rebuild(before.published->settings, after.published->settings)) {
    const std::lock_guard lock(writing_);
    Generation& live = *live_.load(std::memory_order_relaxed);
    live.index.set_scoring(live.scoring(after.published->settings));
    return;
  }
  if (!config_.background || catalog_.items() == 0) return rebuild_now(after.published->settings);
  {
    const std::lock_guard lock(rebuild_mutex_);
    wanted_ = after.published;
    if (!rebuild_thread_.joinable()) rebuild_thread_ = std::thread([this] { rebuild_loop(); });
  }
  rebuild_changed_.notify_all();
}

void SearchState::rebuild_now(const SearchSettings& settings) {
  auto next = std::make_unique<Generation>(settings, catalog_.config(), config_);
  const std::lock_guard lock(writing_);
  fingerprints_.grow(catalog_.slots());
  for (ItemSlot slot = 0; slot < catalog_.slots(); ++slot) {
    const ItemRecord* item = catalog_.item(slot);
    const bool listed = item != nullptr && item->listed && !item->deleted;
    fingerprints_[slot] = listed ? next->fields.fingerprint(*item) : 0;
    if (listed) write(*next, catalog_, slot, refused_);
  }
  retired_.retire(live_.exchange(next.release(), std::memory_order_acq_rel));
  make_words(settings_.book());
}

void SearchState::rebuild_loop() {
  std::unique_lock lock(rebuild_mutex_);
  for (;;) {
    rebuild_changed_.wait(lock, [&] { return stopping_ || wanted_ != nullptr; });
    if (stopping_) return;
    const std::shared_ptr<const SettingsVersion> version = std::exchange(wanted_, nullptr);
    building_ = true;
    lock.unlock();
    build(version->settings);
    lock.lock();
    building_ = false;
    rebuild_changed_.notify_all();
  }
}

// The catalogue is read in portions, each under a guard of its own, so that what the fold retires meanwhile
// can be freed.
void SearchState::build(const SearchSettings& settings) {
  auto next = std::make_unique<Generation>(settings, catalog_.config(), config_);
  rebuilt_items_ = 0;
  {
    const std::lock_guard lock(writing_);
    noting_ = true;
    dirty_.clear();
  }
  constexpr ItemSlot kPortion = 256;
  const auto superseded = [&] {
    const std::lock_guard lock(rebuild_mutex_);
    return stopping_ || wanted_ != nullptr;
  };
  for (ItemSlot from = 0; from < catalog_.slots(); from += kPortion) {
    if (superseded()) break;
    const EpochGuard guard;
    for (ItemSlot slot = from; slot < std::min(from + kPortion, catalog_.slots()); ++slot) {
      const ItemRecord* item = catalog_.item(slot);
      if (item == nullptr || !item->listed || item->deleted) continue;
      write(*next, catalog_, slot, refused_);
      rebuilt_items_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  // What changed meanwhile, again and again until little is left; that is done with the fold held off.
  constexpr size_t kLittle = 64;
  for (;;) {
    std::vector<ItemSlot> again;
    std::unique_lock lock(writing_);
    if (superseded()) break;
    if (dirty_.size() > kLittle) {
      again.swap(dirty_);
      lock.unlock();
      const EpochGuard guard;
      for (const ItemSlot slot : again) write(*next, catalog_, slot, refused_);
      continue;
    }
    const EpochGuard guard;
    for (const ItemSlot slot : dirty_) write(*next, catalog_, slot, refused_);
    // A change is compared with what the new generation holds from here on; 1 is what no text has.
    fingerprints_.grow(catalog_.slots());
    for (size_t slot = 0; slot < fingerprints_.size(); ++slot) fingerprints_[slot] = 1;
    noting_ = false;
    dirty_.clear();
    retired_.retire(live_.exchange(next.release(), std::memory_order_acq_rel));
    make_words(settings_.book());  // Under the guard above: the book stays.
    return;
  }
  const std::lock_guard lock(writing_);
  noting_ = false;
  dirty_.clear();
}

void SearchState::wait_rebuilt() {
  std::unique_lock lock(rebuild_mutex_);
  rebuild_changed_.wait(lock, [&] { return stopping_ || (wanted_ == nullptr && !building_); });
}

// ---- snapshots

void SearchState::save(Writer& out) const {
  out.varint(popularity_.size());
  for (size_t slot = 0; slot < popularity_.size(); ++slot)
    out.f64(popularity_[slot].load(std::memory_order_relaxed));
}

Status SearchState::load(Reader& in) {
  const uint64_t count = in.varint();
  if (count > in.remaining() / sizeof(double)) return corrupt("search section: ends too early");
  popularity_.grow(count);
  for (uint64_t slot = 0; slot < count; ++slot) popularity_[slot].store(in.f64(), std::memory_order_relaxed);
  if (!in.ok()) return corrupt("search section: ends too early");
  columns_.rebuild();
  rebuild_now(settings_.book().published->settings);
  return {};
}

size_t SearchState::bytes() const {
  return live_.load(std::memory_order_relaxed)->index.stats().bytes() + 8 * popularity_.size() +
         8 * fingerprints_.size() + columns_.bytes();
}

bool SearchState::rebuilding() const {
  const std::lock_guard lock(rebuild_mutex_);
  return building_ || wanted_ != nullptr;
}

SearchStats SearchState::stats() const {
  SearchStats out;
  const Generation& live = *live_.load(std::memory_order_acquire);
  const SearchIndexStats index = live.index.stats();
  out.indexed = index.items;
  out.generation = live.number;
  out.refused = refused_.load(std::memory_order_relaxed);
  out.rebuilding = rebuilding();
  out.rebuilt_items = rebuilt_items_.load(std::memory_order_relaxed);
  out.bytes = {{"index.records", index.records},
               {"index.postings", index.postings},
               {"index.probes", index.probes},
               {"index.dictionary", index.dictionary},
               {"index.slots", index.slots},
               {"index.head", index.head},
               {"columns", columns_.bytes()},
               {"search.popularity", 8 * popularity_.size()},
               {"search.fingerprints", 8 * fingerprints_.size()}};
  return out;
}

}  // namespace freshet
