// How often what happened: decayed and windowed counts of actions by scope, in event time.
//
// A row per (scope, id); in it, for each kind of action, a count decayed with half-lives of an hour, a day
// and thirty days, and the events of the last 24 hours in 12 windows of two hours. A late event counts with
// the decay it would have had by now. Rows are bounded by `rows_max`; the sixteenth with the least thirty-day
// activity goes first.
//
// Threads: fold thread writes; read() on any thread under an EpochGuard. A row's words change in place, each
// whole. Cost: about 250 bytes a row; an event touches up to six rows.
#pragma once

#include <array>
#include <atomic>
#include <vector>

#include "base/stable_array.h"
#include "feature/catalog.h"
#include "feature/id_index.h"
#include "feature/moment.h"
#include "fold/fold.h"

namespace freshet {

enum class Scope : uint8_t { kGlobal, kItem, kFacet, kQuery, kShopper };
enum class Tally : uint8_t { kImpression, kView, kCart, kPurchase, kSearch };  // kView counts clicks too
constexpr int kTallies = 5;
enum class HalfLife : uint8_t { kHour, kDay, kMonth };
constexpr int kHalfLives = 3;

// A decayed count and the time it stands at, in one word: float value | seconds since 1970. From 2^20 on the
// float's last place is worth too much: what lies between two floats becomes either of them, as often as it
// is near it, by `draw`. (Rounded to the nearest, 2^24 + 1 is 2^24 again, however often.)
class DecayedCount {
 public:
  void add(double amount, TimeMs at_ms, TimeMs half_life_ms, uint64_t draw);
  double value(TimeMs now_ms,
               TimeMs half_life_ms) const;  // At `now_ms`; earlier than the last event: as of that.
  uint64_t word() const { return word_.load(std::memory_order_relaxed); }
  void set_word(uint64_t word) { word_.store(word, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> word_{0};
};

// Events of the last 12 x 2 hours, saturating at 65535 a window.
class DayWindow {
 public:
  static constexpr TimeMs kWindowMs = 2 * kHourMs;
  static constexpr int kWindows = 12;
  void add(TimeMs at_ms);
  uint32_t count(TimeMs now_ms) const;  // Of the 24 hours that end with the window of `now_ms`.
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  std::atomic<uint32_t> newest_{0};  // Number of the newest window since 1970.
  std::array<std::atomic<uint16_t>, kWindows> counts_{};
};

struct CounterView {
  double decayed[kTallies][kHalfLives] = {};
  uint32_t last_day[kTallies] = {};
};

struct CountersConfig {
  uint32_t rows_max = 2'000'000;
};

class Counters final : public Fold {
 public:
  Counters(Moment& moment, const Catalog& catalog, CountersConfig config = {});
  ~Counters() override;

  std::string_view name() const override { return "counters"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override;

  // Any thread, under an EpochGuard. `id`: key_of_*; nothing counted: all zero.
  CounterView read(Scope scope, uint64_t id, TimeMs now_ms) const;
  size_t rows() const { return live_.load(std::memory_order_relaxed); }
  uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }

 private:
  struct Row;
  void count(Scope scope, uint64_t id, Tally tally);
  Row* row(uint64_t key) const;
  void evict();

  Moment& moment_;
  const Catalog& catalog_;
  const CountersConfig config_;
  StableArray<std::atomic<Row*>> rows_;
  IdIndex index_;
  std::vector<uint32_t> free_;  // Descending.
  uint64_t counted_ = 0;        // By the event at hand.
  std::atomic<size_t> live_{0};
  std::atomic<uint64_t> evicted_{0};
  RetireList retired_;
};

}  // namespace freshet
