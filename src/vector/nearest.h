// Nearest rows of a VectorSet, fast: exact while the set is small, through a graph beyond `rows_min`.
//
// The graph (HNSW: Malkov, Yashunin 2018; built by hnswlib) is made by a background thread from the rows as
// they are, and swapped in by the fold thread. Rows that changed much since then are marked stale: the
// graph's word on them is ignored and they are scanned exactly, so what was changed a moment ago is found as
// changed. A row may turn by `turn_max` in all before it is stale: the graph still leads to where it was, and
// every candidate is scored anew by its row as it is now. When a share of the rows is stale, the graph is
// built again. Selective filters (and whatever the graph finds too little for) are answered by the exact
// scan. Only when the graph is swapped in depends on timing; what is saved never does. One approximate answer
// in `sample_every` is compared with the exact one by the background thread: status().recall.
//
// Threads: changed(), tick() on the fold thread; top() on any thread under an EpochGuard, without waiting.
// Cost: about stride + 160 bytes a row for the graph; building: about 100 us a row on another thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "vector/vector_set.h"

namespace freshet {

struct NearestConfig {
  uint32_t rows_min = 100'000;  // Below: exact.
  uint32_t links = 16;          // M of HNSW
  uint32_t build_width = 100;   // Candidates while building
  uint32_t width = 64;          // Candidates while searching; at least k
  float turn_max = 0.2f;        // Chord between a unit row when built and now: 0.2 is a cosine of 0.98.
  double stale_max = 0.1;       // Share of rows; beyond it the graph is built again.
  uint32_t sample_every = 256;
};

struct NearestStatus {
  uint64_t graph_rows = 0;  // 0: every answer is exact.
  uint64_t stale_rows = 0;
  bool building = false;
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
  bool watching() const { return stale_ != nullptr || next_stale_ != nullptr; }  // Does `turn` matter yet?
  void tick();    // After VectorSet::publish(): swaps in a finished graph, begins a new one.
  void settle();  // Waits until no build is under way or due. For tests and benches.

  void top(const VectorSet::Query& query, const SlotSet* filter, uint32_t k,
           std::vector<VectorHit>& out) const;
  NearestStatus status() const;
  size_t bytes() const;

 private:
  struct Graph;
  struct Stale;
  struct View;

  void work();
  void begin();
  std::unique_ptr<Graph> build() const;  // nullptr: stopped, or no memory
  void mark(Stale* stale, uint32_t slot, float turn) const;
  bool through_graph(const VectorSet::Query& query, const SlotSet* filter, uint32_t k,
                     std::vector<VectorHit>& out) const;
  void sample(const VectorSet::Query& query) const;

  const VectorSet& set_;
  const NearestConfig config_;
  std::atomic<const View*> view_{nullptr};
  RetireList retired_;

  // Fold thread: of the graph in use, and of the one being built.
  std::shared_ptr<Stale> stale_, next_stale_;
  bool refused_ = false;  // No memory for a graph: exact from then on.

  std::thread worker_;
  mutable std::mutex mutex_;
  mutable std::condition_variable wake_;
  bool wanted_ = false;                                            // mutex_
  std::unique_ptr<Graph> finished_;                                // mutex_
  std::atomic<bool> building_{false}, done_{false}, stop_{false};  // building_: fold thread writes
  mutable std::atomic<VectorSet::Query*> mailbox_{nullptr};
  mutable std::atomic<uint64_t> asked_{0}, samples_{0}, found_{0}, possible_{0};
};

}  // namespace freshet
