// What search reads, folded from the log: the inverted index, the columns, the vectors, what queries have
// taught, and how popular each item is.
//
// What follows from the catalogue (postings, columns) is not in snapshots: load() makes it again from the
// catalogue, which was loaded before. What was learned (popularity, ...) is saved.
//
// A generation is what the settings decide when an item is analysed: the fields and their languages. When
// they change, a second generation is built beside the live one by a thread that reads the catalogue as
// requests do, while the fold keeps the live one fresh; what changes meanwhile is done again at the end, and
// the two are exchanged under the writers' lock (docs/decisions/0081-generations.md). Requests never see half
// of one.
//
// Threads: apply(), load(), save(), evict() on the fold thread; everything const on any thread under an
// EpochGuard. Cost of an item: its analysis (about 0.1 us a word) and update() of the index; an item whose
// text did not change costs its columns only.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/epoch.h"
#include "base/stable_array.h"
#include "column/column_set.h"
#include "feature/catalog.h"
#include "feature/moment.h"
#include "fold/fold.h"
#include "index/search_index.h"
#include "query/synonyms.h"
#include "search/documents.h"
#include "settings/settings.h"
#include "text/analyzer.h"

namespace freshet {

struct SearchConfig {
  bool background =
      true;  // false: index segments and new generations are built inside apply() (replay, tests)
  uint64_t popularity_half_life_ms = 7ull * 24 * 3600 * 1000;
  uint32_t budget_ms = 200;  // Of one search, unless it says.
};

struct SearchStats {
  uint64_t indexed = 0;     // Items in the index.
  uint64_t generation = 0;  // Counts rebuilds.
  bool rebuilding = false;
  uint64_t rebuilt_items = 0;                         // Of the generation being built, so far.
  uint64_t refused = 0;                               // Items whose text the index did not take.
  std::vector<std::pair<std::string, size_t>> bytes;  // By part.
};

class SearchState final : public Fold {
 public:
  struct Generation {
    Generation(const SearchSettings& settings, const CatalogConfig& catalog, const SearchConfig& config);
    const uint64_t number;
    const DocumentFields fields;
    const Analyzer analyzer;
    SearchIndex index;
    // The weights of `settings` by the fields of this generation. While another is being built they may
    // differ: a field that the index does not have (yet) counts nothing.
    Scoring scoring(const SearchSettings& settings) const;
  };

  // Words of the settings in the form queries look them up.
  struct WordLists {
    WordLists() = default;
    WordLists(const SearchSettings& settings, const Analyzer& analyzer);
    std::vector<std::string> stop_words, never_corrected;  // Folded, sorted.
    std::vector<std::string> suggestions_hidden;           // Folded by words (text/words.h).
  };

  // The shop's own words: made when what is published, synonyms or analyser change.
  struct Words {
    SynonymTable synonyms;
    WordLists of;  // the published settings
  };

  SearchState(const Moment& moment, const Catalog& catalog, const Settings& settings,
              const SearchConfig& config);
  ~SearchState() override;

  std::string_view name() const override { return "search"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override;

  // Fold thread: the catalogue is about to free `before`. Called by Catalog::on_change.
  void record_changed(ItemSlot slot, const ItemRecord* before, const ItemRecord* now) {
    columns_.update(slot, before, now);
  }
  void evict(std::span<const ItemSlot> items);
  void settings_changed(const SettingsBook& before, const SettingsBook& after);
  void stop();                // No more background work: before the catalogue goes.
  void wait_rebuilt();        // Until no generation is being built. Any thread but the fold's.
  bool rebuilding() const;    // Any thread: a generation is being built, or soon will be.
  SearchStats stats() const;  // Fold thread.

  // Any thread, under an EpochGuard: lives as long as that guard.
  const Generation& generation() const { return *live_.load(std::memory_order_acquire); }
  const ColumnSet& columns() const { return columns_; }
  const Words& words() const { return *words_.load(std::memory_order_acquire); }
  // How popular an item is, at the newest event: decayed count of what shoppers did, a view counts 1.
  double popularity(ItemSlot slot, TimeMs now_ms) const;
  // Grows with popularity, and compares two items whenever; -inf: nothing was done to it.
  double popularity_key(ItemSlot slot) const;

 private:
  void changed(ItemSlot slot);
  void make_words(const SettingsBook& book);  // Holds writing_.
  void warm(const Event& event);
  static void write(Generation& generation, const Catalog& catalog, ItemSlot slot,
                    std::atomic<uint64_t>& refused);
  void rebuild_now(const SearchSettings& settings);
  void rebuild_loop();
  void build(const SearchSettings& settings);

  const Moment& moment_;
  const Catalog& catalog_;
  const Settings& settings_;
  const SearchConfig config_;

  std::atomic<Generation*> live_;
  std::atomic<const Words*> words_;
  ColumnSet columns_;
  StableArray<uint64_t> fingerprints_;           // Fold thread, or the holder of writing_.
  StableArray<std::atomic<double>> popularity_;  // search/popularity.h; 0: nothing was done to it
  std::atomic<uint64_t> refused_{0};

  std::mutex writing_;  // Held while the index of the live generation is written, and for the exchange.
  RetireList retired_;  // Under writing_.
  std::vector<ItemSlot> dirty_;  // Under writing_: changed since the scan of the next generation began.
  bool noting_ = false;          // Under writing_: dirty_ is kept.

  mutable std::mutex rebuild_mutex_;
  std::condition_variable rebuild_changed_;
  std::shared_ptr<const SettingsVersion> wanted_;  // Under rebuild_mutex_: to be built next.
  bool building_ = false;                          // Under rebuild_mutex_
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> rebuilt_items_{0};
  std::thread rebuild_thread_;
};

}  // namespace freshet
