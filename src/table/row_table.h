// Embedding table: key (uint64) -> row of `dim` weights and the state of its optimizer, made at the key's
// n-th sight and learned online. Two keys never share a row (why: Liu et al. 2022, "Monolith", arXiv
// 2209.07663).
//
//   record   key u64 | last sight u32 | value f32 | state f32[state] | weights f32 or bf16 [dim], padded to
//   16
//            bytes up to 64, then to 32; in pieces of large pages that never move
//   index    row_index.h: one cache line a look-up, 9 bytes a row; grows one bucket at a time, no call pauses
//   admit    a key seen fewer than `admit` times has a place in a small set of candidates (exact counts, the
//            longest unseen of six goes) and no row; it reads as zeros
//   expire   a row not sighted for more than idle_max of event time reads as absent; a hand that moves over
//            the records with every fourth sight gives its memory back
//   bound    bytes() never exceeds bytes_max: beyond rows_max() the row of least value among the next eight
//            under the hand goes. value = sights, halved at every half_life boundary of event time
//   cold     with a place on disk (cold_rows.h), rows evicted by value go there and come back, weights, state
//            and value to the bit, at their key's next sight; until then they read as absent. A batch reads
//            what it needs of them at once
//   bf16     the step is computed in f32 and rounded up or down by chance, so that small steps add up; the
//            chance is drawn from key and state, never from a running generator
//
// A new row is uniform in +-init from hash(seed, key): neither order nor memory can change it. Event time is
// the caller's unit (u32, from `advance`; never goes back). Row numbers stay valid until the next sight() or
// erase(). Batches are pipelined: what a key needs is fetched in stages of 16 keys.
// Threads: one writer, or any number of readers. Format of save(): docs/formats/table.md. Twin: a std::map,
// in the test.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "model/optimizer.h"
#include "model/row_step.h"
#include "table/candidates.h"
#include "table/cold_rows.h"
#include "table/row_index.h"

namespace freshet {

struct RowTableConfig {
  size_t dim = 16;
  WeightType type = WeightType::kF32;
  OptimizerConfig optimizer;
  float init = 0.05f;
  uint64_t seed = 1;
  size_t bytes_max = size_t{256} << 20;  // At least 1 MiB.
  uint32_t admit = 1;                    // The sight at which a key gets its row.
  size_t candidates = 1 << 16;           // Keys counted towards that.
  uint32_t idle_max = 0;                 // Units of event time; 0: rows do not expire.
  uint32_t half_life = 1 << 20;          // Units of event time; at least 1.
  ColdRows* cold = nullptr;  // For this table alone; outlives it. Null: evicted rows are forgotten.
};

class RowTable {
 public:
  static constexpr uint32_t kNone = RowIndex::kNone;

  explicit RowTable(const RowTableConfig& config);

  // Event time is now at least this.
  void advance(uint32_t time) {
    if (time <= now_) return;
    now_ = time;
    boundary_ = now_ - now_ % config_.half_life;
  }

  // rows[i]: the row of keys[i], kNone: it has none. Changes nothing.
  void find(std::span<const uint64_t> keys, std::span<uint32_t> rows) const;
  uint32_t find(uint64_t key) const;
  // Counts a sight of each key in order; makes rows whose time has come. A row that an eviction of the same
  // call took away again is kNone.
  // `weights`: not null, what gather() would say next, for less: [keys.size()][dim].
  void sight(std::span<const uint64_t> keys, std::span<uint32_t> rows, float* weights = nullptr);
  uint32_t sight(uint64_t key);
  // As find(), and those of `keys` that wait on disk come back first, without a sight. kNone: the key has no
  // row, or eight tries to have all of them in memory at once were too few.
  void restore(std::span<const uint64_t> keys, std::span<uint32_t> rows);
  bool erase(uint64_t key);

  // out: [rows.size()][dim]; zeros for kNone.
  void gather(std::span<const uint32_t> rows, float* out) const;
  // One optimizer step a row, in order (a row named twice takes two); gradients: [rows.size()][dim].
  void update(std::span<const uint32_t> rows, const float* gradients);
  // Replaces weights and keeps the state; for loading vectors of another source.
  void put(uint32_t row, const float* weights);

  void set_rate(float rate) { config_.optimizer.rate = rate; }

  size_t dim() const { return config_.dim; }
  size_t rows() const { return live_; }
  size_t rows_max() const { return rows_max_; }
  size_t record_bytes() const { return stride_; }
  size_t bytes() const { return records_.bytes() + index_.bytes() + candidates_.bytes(); }
  uint64_t evicted() const { return evicted_; }    // Out of memory; to disk if there is a place.
  uint64_t returned() const { return returned_; }  // From disk.
  uint64_t expired() const { return expired_; }
  size_t buckets() const { return index_.buckets(); }
  float value(uint32_t row) const { return value_of(*record(row)); }  // As eviction sees it now.

  void save(Writer& out) const;
  // Of a table of the same configuration. !in.ok(): the bytes are not such a table; this one is empty then.
  void load(Reader& in);

 private:
  using Record = RowRecord;
  static constexpr size_t kHeader = 16;

  Record* record(uint32_t row) const { return reinterpret_cast<Record*>(records_.at(row)); }
  char* weights(uint32_t row) const { return records_.at(row) + weights_at_; }
  uint64_t hash(uint64_t key) const { return mix64(key ^ config_.seed); }
  bool idle(const Record& r) const { return config_.idle_max > 0 && now_ - r.last > config_.idle_max; }
  float value_of(const Record& r) const;
  uint32_t stored(uint64_t key, uint64_t hash) const;  // Idle or not.
  static constexpr size_t kAhead = 16;                 // Keys of a stage.
  struct Stage {
    size_t count;
    bool in_spares;  // A guess is kInSpares.
    uint64_t hashes[kAhead];
    const void* lines[kAhead];
    uint32_t guesses[kAhead];
    char* records[kAhead];  // Of the guesses; null: none.
  };
  void ask_lines(std::span<const uint64_t> keys, Stage& stage) const;
  void ask_records(Stage& stage) const;
  void ask_in_spares(Stage& stage) const;
  void sight_stage(const uint64_t* keys, const Stage& stage, uint32_t* rows, char** records);
  template <class Begin, class Visit>
  void in_stages(std::span<const uint64_t> keys, Begin begin, Visit visit) const;
  uint32_t sight_known(uint64_t key, uint64_t hash, uint32_t guess);
  uint32_t make(uint64_t key, uint64_t hash, bool was_cold);
  void drop(uint32_t row);
  void to_disk(uint32_t row);
  bool from_disk(uint64_t key);
  void fetch(std::span<const uint64_t> keys);
  void evict();
  void evict_from_bucket(uint64_t hash);
  void sweep();
  template <class Visit>
  void in_blocks(std::span<const uint32_t> rows, Visit visit) const;
  void step(uint32_t row, const float* gradient);
  size_t bytes_for(size_t rows) const;
  [[gnu::always_inline]] char* prefetch_record(uint32_t row) const {
    char* at = records_.at(row);
    __builtin_prefetch(at, 1, 3);
    for (size_t line = 64; line < stride_; line += 64) __builtin_prefetch(at + line, 1, 3);
    return at;
  }
  bool load_cold(Reader& in);
  void clear();

  RowTableConfig config_;
  size_t weights_at_, stride_;
  size_t rows_max_;
  Segments records_;
  RowIndex index_;
  Candidates candidates_;
  size_t made_ = 0;  // Records ever made; those that are free are in a list.
  size_t live_ = 0;
  uint32_t free_ = kNone;
  uint32_t hand_ = 0;
  uint32_t now_ = 0;
  uint32_t boundary_ = 0;  // The last one of half_life: what was sighted since has not been halved.
  uint64_t sights_ = 0, evicted_ = 0, expired_ = 0, returned_ = 0;
  std::vector<float> scratch_;
  std::string cold_record_;
  std::vector<uint64_t> absent_;
};

}  // namespace freshet
