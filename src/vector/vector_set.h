// Vectors of items, keyed by catalogue slot, and the exact nearest ones to a query.
//
//   rows   int8[slots][stride]  q[i] = round(x[i] / scale), scale = max|x| / 127; stride: dim up to 64s
//          bf16[slots][stride]  the upper halves of the floats x[i] / max|x|, scale = max|x|: twice the
//          memory and the time of int8; an element's error is 1/256 of itself, not of the row's largest
//   blocks rows lie in blocks of about 16 KiB, each immutable once published
//   score  kCosine: cosine(query, row); kDot: their dot product; of the row as it is stored, and the query as
//          int8 for int8 rows, as floats for bf16 rows (model/row_scan.h)
//
// A change copies the row's block; publish() shows all changes since the last one at once. Readers walk the
// published blocks and never wait. The scan reads every block that holds an allowed live row: whole when many
// of its rows are allowed, else row by row. Scores have the same bits on every CPU, and top() equals its slow
// twin top_slowly().
//
// Threads: fold thread writes; const functions on any thread under an EpochGuard. Cost: a row and 4
// bytes; a scan runs at the speed of memory (docs/benchmarks.md); a change costs two copies of 16 KiB (away
// from the readers, and home again), however many there are to one block between two publish().
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/epoch.h"
#include "base/result.h"
#include "base/slot_set.h"
#include "base/stable_array.h"
#include "event/vector_attribute.h"
#include "model/row_scan.h"

namespace freshet {

enum class Metric : uint8_t { kCosine, kDot };

struct VectorSetConfig {
  uint32_t dim = 64;  // 1..kVectorDimMax
  Metric metric = Metric::kCosine;
  RowType type = RowType::kInt8;
};

struct VectorHit {
  uint32_t slot = 0;
  float score = 0;
  bool operator==(const VectorHit&) const = default;
};
// The order of answers: by score, ties by the smaller slot.
inline bool better(const VectorHit& a, const VectorHit& b) {
  return a.score != b.score ? a.score > b.score : a.slot < b.slot;
}

class VectorSet {
 public:
  explicit VectorSet(VectorSetConfig config);
  ~VectorSet();
  VectorSet(const VectorSet&) = delete;
  VectorSet& operator=(const VectorSet&) = delete;

  // Fold thread. `row` has dim elements, finite; all zero removes the row. Seen after publish().
  void set(uint32_t slot, std::span<const float> row);
  void remove(uint32_t slot);
  void publish();
  void save(Writer& out) const;  // As published.
  Status load(Reader& in);

  // Any thread, under an EpochGuard. Slots named anywhere may be beyond what is there.
  bool has(uint32_t slot) const;
  size_t rows() const { return live_.load(std::memory_order_relaxed); }
  uint32_t slots() const;  // Every row is below.
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint32_t dim() const { return config_.dim; }
  uint32_t stride() const { return stride_; }
  Metric metric() const { return config_.metric; }
  RowType type() const { return config_.type; }
  size_t row_bytes() const { return size_t{stride_} * row_element_bytes(config_.type); }

  // The row as stored: `stride` elements (zeros behind dim) and what they are multiplied by. nullptr: none.
  struct Row {
    const void* values = nullptr;
    float scale = 0;  // kCosine: of the row divided by its length
  };
  Row row(uint32_t slot) const;

  // A query as the scan wants it.
  struct Query {
    std::vector<char> bytes;  // stride elements: int8, or floats for bf16 rows; empty: of no row
    float scale = 0;
  };
  Query prepare(std::span<const float> query) const;  // dim elements
  Query query_of(uint32_t slot) const;                // The row of a slot as a query.
  Query as_int8(const Query& query) const;            // For an index that holds int8 copies.
  RowQuery row_query(const Query& query) const;       // For row_kernels(type()).
  // How far two queries turned from each other, as a chord of unit vectors; 2: anything, or one is empty.
  float chord(const Query& a, const Query& b) const;
  float score(const Query& query, uint32_t slot) const;  // 0 when there is no row

  // The k best rows with slot in *filter (nullptr: all), best first; `out` is replaced.
  void top(const Query& query, const SlotSet* filter, uint32_t k, std::vector<VectorHit>& out) const;
  void top(std::span<const float> query, const SlotSet* filter, uint32_t k,
           std::vector<VectorHit>& out) const {
    top(prepare(query), filter, k, out);
  }
  void top_slowly(const Query& query, const SlotSet* filter, uint32_t k, std::vector<VectorHit>& out) const;

  struct Block;
  class Pool;

 private:
  Block* editable(uint32_t slot);
  void go_home();
  size_t query_bytes() const;
  float encode(std::span<const float> from, void* to, bool as_query) const;

  const VectorSetConfig config_;
  const uint32_t stride_, rows_log2_;  // Rows a block: 2^rows_log2_, at least 4, at most 256
  std::unique_ptr<Pool> pool_;         // Outlives the blocks and retired_.
  StableArray<std::atomic<const Block*>> blocks_;
  std::vector<Block*> editing_;   // [block] its private copy; nullptr: none
  std::vector<uint32_t> edited_;  // Blocks that have one.
  std::atomic<size_t> live_{0};
  std::atomic<size_t> bytes_{0};
  RetireList retired_;
};

}  // namespace freshet
