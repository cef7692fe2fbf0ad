// Nearest rows of a VectorSet, fast: exact while the set is small, through lists beyond `rows_min`.
//
// A background thread puts the rows into lists by their nearest centre (internal/row_lists.h), finds out how
// many lists must be read for the wanted recall, and hands all that to the fold thread, which from then on
// moves rows from list to list as they change: what was changed a moment ago is found as changed. A row may
// turn by `turn_max` in all before it is moved: it is still found where it was, and every candidate is scored
// anew by its row as it is now. The lists are made again when the rows have doubled, or all changed once.
//
// As many lists are read as hold the share `recall` of the nearest 10 (and 100) rows of 200 rows that were
// asked for exactly; with a filter that allows a share s of the rows, as many as for 1 / s times the rows
// wanted. When that would be a quarter of all lists, or the filter allows less than one row in eight, or of
// the rows near the query less than half as many as elsewhere, or the set's metric is kDot, the exact scan
// answers. One approximate answer in `sample_every` is compared with the exact one by the background thread:
// status().recall. Only when lists are swapped in depends on timing; what is saved never does.
//
// Threads: changed(), tick() on the fold thread; top() on any thread under an EpochGuard, without waiting.
// Cost: stride + 20 bytes a row and up to a quarter more; building: about 12 us a row of a million on another
// thread (8 us of it for the centres); a row that moves: about 5 us.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "vector/vector_set.h"

namespace freshet {

struct NearestConfig {
  uint32_t rows_min = 100'000;  // Below: exact.
  uint32_t list_rows = 256;     // Rows a list, on average, when it is made
  double recall = 0.995;
  float turn_max = 0.2f;  // Chord between a unit row when listed and now: 0.2 is a cosine of 0.98.
  uint32_t sample_every = 256;
};

struct NearestStatus {
  uint64_t listed_rows = 0;        // 0: every answer is exact.
  uint32_t lists = 0, probes = 0;  // probes: read for the nearest ten
  bool building = false;
  double build_seconds = 0;  // Of the builder's thread, for the lists in use.
  uint64_t recall_samples = 0;
  double recall = 0;  // recall@10 over the samples
};

class Nearest {
 public:
  Nearest(const VectorSet& set, NearestConfig config);
  ~Nearest();
  Nearest(const Nearest&) = delete;
  Nearest& operator=(const Nearest&) = delete;

  // Fold thread, for every VectorSet::set() and remove(): `turn` is how far the row moved, as a chord of unit
  // vectors (2: anything).
  void changed(uint32_t slot, float turn);
  bool watching() const { return view_.load(std::memory_order_relaxed) != nullptr || building_; }
  void tick();    // After VectorSet::publish(): moves rows, swaps in finished lists, begins new ones.
  void settle();  // Waits until no build is under way or due. For tests and benches.

  void top(const VectorSet::Query& query, const SlotSet* filter, uint32_t k,
           std::vector<VectorHit>& out) const;
  NearestStatus status() const;
  size_t bytes() const;

 private:
  struct View;

  bool due() const;
  void begin();
  void list(View& view, uint32_t slot) const;
  void take_over();

  void work();
  std::unique_ptr<View> build() const;  // nullptr: stopped, no memory, or rows without neighbours
  bool fill(View& view) const;
  bool measure(View& view) const;
  bool through_lists(const VectorSet::Query& query, const SlotSet* filter, uint32_t k,
                     std::vector<VectorHit>& out) const;
  void sample(const VectorSet::Query& query) const;

  const VectorSet& set_;
  const NearestConfig config_;
  std::atomic<View*> view_{nullptr};
  RetireList retired_;

  // Fold thread.
  std::unique_ptr<View> next_;     // Finished, but for the rows that changed meanwhile.
  std::vector<uint32_t> changed_;  // While building: to be listed again.
  std::vector<uint32_t> moved_;    // Since the last tick.
  std::vector<float> turned_;      // By slot, since the row was listed.
  size_t moves_ = 0;               // Since the lists were made.
  size_t refused_at_ = 0;          // Rows there were when lists were refused; 0: never.

  std::thread worker_;
  mutable std::mutex mutex_;
  mutable std::condition_variable wake_;
  bool wanted_ = false;                                            // mutex_
  std::unique_ptr<View> finished_;                                 // mutex_
  std::atomic<bool> building_{false}, done_{false}, stop_{false};  // building_: fold thread writes
  mutable std::atomic<VectorSet::Query*> mailbox_{nullptr};
  mutable std::atomic<uint64_t> asked_{0}, samples_{0}, found_{0}, possible_{0};
};

}  // namespace freshet
