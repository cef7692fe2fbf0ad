// key (uint64) -> row of `dim` floats, made at the key's n-th sight and learned online. Two keys never share
// a row (why: Liu et al. 2022, "Monolith", arXiv 2209.07663).
//
//   row     float32 [dim] weights, then [state] floats of the optimizer, in chunks of 1,024 rows that never
//   move index   open addressing, linear probing; grows by moving a few entries at each insertion into a
//   table of twice
//           the size, so that no call pauses
//   cost    4 (dim + state) bytes a row, 32..64 in the index; bounded by bytes_max: beyond it the row of
//   least value
//           among kCandidates draws goes, value = sights, halved every `half_life` ticks since the last
//   admit   a key seen fewer than `admit` times costs two cells of a fixed sketch, not a row, and reads as
//   zeros
//
// A new row is drawn from hash(seed, key), uniform in +-init: replay order cannot change it. Draws for
// eviction are keyed by the tick. A tick is one touch(). Threads: one. twin: a std::map in the test.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "model/optimizer.h"

namespace freshet {

struct EmbeddingConfig {
  size_t dim = 16;
  OptimizerConfig optimizer;
  uint32_t admit = 1;  // The sight at which a key gets its row.
  size_t bytes_max = 256 << 20;
  float init = 0.05f;
  double half_life = 1e6;  // Ticks.
  uint64_t seed = 1;
};

class EmbeddingTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  explicit EmbeddingTable(const EmbeddingConfig& config);

  // The row of the key, kNone: it has none. Changes nothing.
  uint32_t find(uint64_t key) const;
  // Counts a sight; makes the row when it is time. kNone: not admitted yet.
  uint32_t touch(uint64_t key);
  void prefetch_key(uint64_t key) const;
  [[gnu::always_inline]] void prefetch_row(uint32_t row) const { __builtin_prefetch(this->row(row), 1, 3); }

  const float* row(uint32_t row) const { return at(row); }
  float* row(uint32_t row) { return at(row); }
  // One optimizer step of a row.
  void update(uint32_t row, const float* gradient) {
    float* w = at(row);
    optimizer_step(config_.optimizer, w, gradient, w + config_.dim, config_.dim);
  }
  // out[i] = the row of keys[i], zeros when it has none; prefetches ahead. out: [keys.size()][dim].
  void gather(std::span<const uint64_t> keys, float* out) const;

  size_t rows() const { return live_; }
  size_t dim() const { return config_.dim; }
  size_t bytes() const;
  uint64_t evicted() const { return evicted_; }
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  static constexpr size_t kChunk = 1024;
  struct Entry {
    uint64_t key = 0;
    uint32_t row = kNone;  // kNone: empty
  };
  struct Index {
    std::vector<Entry> entries;  // A power of two.
    size_t used = 0;
  };
  struct Meta {
    uint64_t key = 0;
    uint64_t last = 0;
    float sights = 0;
  };

  float* at(uint32_t row) const { return chunks_[row / kChunk].get() + row % kChunk * stride_; }
  static Entry* find_in(Index& index, uint64_t key);
  static void insert_into(Index& index, Entry entry);
  static bool erase_from(Index& index, uint64_t key);
  void grow_a_little();
  uint32_t new_row(uint64_t key);
  uint32_t evict();
  bool admitted(uint64_t key);
  double value(const Meta& meta) const;

  EmbeddingConfig config_;
  size_t stride_;
  Index old_, index_;  // While growing, entries move from old_ to index_.
  size_t moved_ = 0;   // Entries of old_ before this have moved.
  std::vector<std::unique_ptr<float[]>> chunks_;
  std::vector<Meta> meta_;
  std::vector<uint16_t> sketch_;  // Sights of keys not admitted, count-min with two cells.
  size_t live_ = 0;
  uint64_t tick_ = 0;
  uint64_t evicted_ = 0;
};

}  // namespace freshet
