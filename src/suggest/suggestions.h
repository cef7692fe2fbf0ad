// Query suggestions learned from search events: completions of what is being typed, popular and trending
// queries, and what shoppers typed instead ("did you mean").
//
// Queries are kept by their folded form (text/words.h): "Red  Shoes!" and "red shoes" are one. A query gains
// 1 by a search, 2 by a click that follows it, 5 by a purchase. Weights decay with event time: instead of
// shrinking all of them, a new gain is made larger, by 2^((t - begin) / half-life) (Cormack et al. 2009,
// "Forward decay"), so the order of two queries never changes by waiting. A second weight with a short
// half-life tells what is trending.
//
// Shown is only what `shoppers_min` different shoppers searched (so that nobody's private text is revealed),
// that found something when last searched, holds no hidden word, and does not look like an address, a
// telephone or a card number. Everything else is counted but not shown. At `queries_max` the least valuable
// sixteenth goes.
//
// Structure: queries sorted by text in blocks of up to 256; a directory of blocks holds each one's first text
// and largest shown weight. A completion narrows to the blocks of its prefix and visits them by falling
// largest weight until nothing better can come. A typo is looked for by walking the sorted texts: at each
// place of the prefix only letters that some query has there are tried (one insertion, deletion, replacement
// or swap; the first letter is believed).
//
// Threads: fold thread writes; const functions on any thread under an EpochGuard, without waiting. Cost:
// about 150 bytes a query; among a million queries an answer takes 50 to 200 us, 0.5 ms at p99
// (docs/benchmarks.md).
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/epoch.h"
#include "feature/moment.h"
#include "fold/fold.h"
#include "suggest/search_trail.h"

namespace freshet {

struct SuggestionsConfig {
  uint32_t queries_max = 200'000;
  uint32_t shoppers_min = 3;     // Different shoppers before a query is shown; at most 4.
  size_t query_bytes_max = 100;  // Longer ones are not kept.
  TimeMs half_life_ms = TimeMs{14} * 24 * 3600 * 1000;
  TimeMs trend_half_life_ms = TimeMs{24} * 3600 * 1000;
  std::vector<std::string> hidden;  // Folded words that no suggestion may contain, besides the built-in list.
  bool builtin_hidden = true;
};

struct Suggestion {
  std::string text;
  double weight = 0;  // As of the newest event; comparable within one answer.
  bool typo = false;  // Reached through a correction of the prefix.
};

class Suggestions final : public Fold {
 public:
  Suggestions(const Moment& moment, const SearchTrail& trail, SuggestionsConfig config = {});
  ~Suggestions() override;

  std::string_view name() const override { return "suggestions"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override;

  // Any thread, under an EpochGuard; `out` is replaced, best first. `hidden`: more folded words that may not
  // appear (the settings' list).
  // Completions of `prefix` as typed; a trailing space ends its last word. Empty prefix: popular queries.
  // Exact ones first; when they are fewer than `count` and `typos`, those one edit away follow.
  void complete(std::string_view prefix, uint32_t count, bool typos, std::span<const std::string> hidden,
                std::vector<Suggestion>& out) const;
  void popular(uint32_t count, std::span<const std::string> hidden, std::vector<Suggestion>& out) const {
    complete({}, count, false, hidden, out);
  }
  // Queries searched much more of late than before: weight is how many times more.
  void trending(uint32_t count, std::span<const std::string> hidden, std::vector<Suggestion>& out) const;
  // What at least two shoppers typed after `query` got them nowhere, and then acted on or got results for.
  // Best first; weight: the share of them among those who typed something else.
  void instead(std::string_view query, uint32_t count, std::span<const std::string> hidden,
               std::vector<Suggestion>& out) const;
  // Does a text hold a hidden word, of the built-in list or of `hidden`?
  bool hides(std::string_view text, std::span<const std::string> hidden) const;

  size_t queries() const { return live_.load(std::memory_order_relaxed); }
  uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }

  // The slow twin of complete() without typos: looks at every query.
  void complete_slowly(std::string_view prefix, uint32_t count, std::span<const std::string> hidden,
                       std::vector<Suggestion>& out) const;

 private:
  struct Query;
  struct Block;
  struct Directory;
  struct Instead;
  struct Place {
    size_t block = 0;
    uint32_t entry = 0;
  };
  class Top;

  static Place lower_bound(const Directory& directory, std::string_view text);
  static const Query* at(const Directory& directory, Place place);  // nullptr: behind the last
  Query* find(std::string_view text) const;
  Query* find_or_add(std::string_view text);
  void split(Directory& directory, size_t block);
  void search(const Event& event);
  void gain(Query& query, double amount);
  void show(const Query& query);  // Brings its shown weight up to date.
  bool may_show(const Query& query) const;
  void learn_instead(Query& from, std::string_view to);
  void note_trend(Query& query);
  // What a weight of forward decay is worth now.
  struct Worth {
    double recent, ever;
  };
  Worth worth() const;
  double trend(const Query& query, const Worth& worth) const;
  void evict();
  void rescale();
  void rebuild(std::span<Query* const> sorted);
  std::vector<Query*> all() const;
  static void collect(const Directory& directory, std::string_view prefix, Top& top);
  static void collect_typos(const Directory& directory, std::string_view prefix, Top& top);
  bool hides_folded(std::string_view text, std::span<const std::string> more) const;

  const Moment& moment_;
  const SearchTrail& trail_;
  const SuggestionsConfig config_;
  std::vector<std::string> hidden_;  // Sorted.

  std::atomic<Directory*> directory_;
  std::vector<Query*> trends_;  // Candidates; fold thread.
  std::atomic<const std::vector<Query*>*> published_trends_{nullptr};
  std::atomic<TimeMs> begin_ms_{kNoTime};  // Of forward decay.
  std::atomic<TimeMs> now_ms_{0};
  std::atomic<size_t> live_{0};
  std::atomic<uint64_t> evicted_{0};
  std::atomic<size_t> bytes_{0};
  RetireList retired_;
};

}  // namespace freshet
