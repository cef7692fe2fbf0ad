// The exact scan of VectorSet, and its slow twin.
#include <algorithm>
#include <bit>

#include "model/row_scan.h"
#include "vector/internal/best.h"
#include "vector/internal/vector_block.h"
#include "vector/vector_set.h"

namespace freshet {
namespace {

constexpr uint32_t kSparseShare = 16;  // Below one allowed row in so many, rows are read one by one.

// Bits of a filter's chunk for rows [first, first + count): a block never spans chunks of the filter.
uint64_t allowed_bits(const SlotSet::Chunk& chunk, uint32_t low, uint32_t bits) {
  if (chunk.words != nullptr) {
    const uint64_t word = chunk.words[low / 64] >> (low % 64);
    return bits == 64 ? word : word & ((uint64_t{1} << bits) - 1);
  }
  uint64_t word = 0;
  const uint16_t* end = chunk.values + chunk.size;
  for (const uint16_t* v = std::lower_bound(chunk.values, end, static_cast<uint16_t>(low));
       v != end && *v < low + bits; ++v)
    word |= uint64_t{1} << (*v - low);
  return word;
}

class Scan {
 public:
  Scan(const RowQuery& query, RowType type, uint32_t rows, Best& best)
      : query_(query),
        kernels_(row_kernels(type)),
        row_bytes_(size_t{query.n} * row_element_bytes(type)),
        rows_(rows),
        best_(best) {}

  // Rows with a bit in `mask`; slot of row 0 is `base`; `next`: the block that will follow, or nullptr.
  void block(const VectorSet::Block& block, const uint64_t* mask, uint32_t base,
             const VectorSet::Block* next) {
    const uint32_t words = (rows_ + 63) / 64;
    uint32_t count = 0;
    for (uint32_t w = 0; w < words; ++w) count += static_cast<uint32_t>(std::popcount(mask[w]));
    if (count == 0) return;
    if (count * kSparseShare < rows_) return few(block, mask, base, words);
    flush();
    RowSpan span = {block.rows(), block.scale, rows_, base, mask};
    if (next != nullptr) span.next = next->rows(), span.next_scale = next->scale;
    best_.added(kernels_.above(query_, span, best_.bar(), best_.slots(), best_.scores()));
  }

  // Scores what few() has put by.
  void flush() {
    constexpr uint32_t kFirst = 0;
    for (uint32_t i = 0; i < waiting_; ++i) {
      float score;
      kernels_.at(query_, wait_[i].row, &wait_[i].scale, &kFirst, 1, &score);
      best_.offer(wait_[i].slot, score);
    }
    waiting_ = 0;
  }

 private:
  struct Waiting {
    const char* row;
    float scale;
    uint32_t slot;
  };

  // Rows far apart are asked of the memory many at a time before the first is read.
  void few(const VectorSet::Block& block, const uint64_t* mask, uint32_t base, uint32_t words) {
    for (uint32_t w = 0; w < words; ++w)
      for (uint64_t word = mask[w]; word != 0; word &= word - 1) {
        const uint32_t row = 64 * w + static_cast<uint32_t>(std::countr_zero(word));
        const char* at = block.rows() + row * row_bytes_;
        for (size_t line = 0; line < row_bytes_; line += 64) __builtin_prefetch(at + line);
        wait_[waiting_++] = {at, block.scale[row], base + row};
        if (waiting_ == kWaiting) flush();
      }
  }

  static constexpr uint32_t kWaiting = 64;
  const RowQuery query_;
  const RowKernels& kernels_;
  const size_t row_bytes_;
  const uint32_t rows_;
  Best& best_;
  Waiting wait_[kWaiting];
  uint32_t waiting_ = 0;
};

}  // namespace

void VectorSet::top(const Query& query, const SlotSet* filter, uint32_t k,
                    std::vector<VectorHit>& out) const {
  out.clear();
  if (k == 0 || query.bytes.size() != query_bytes()) return;
  k = std::min(k, slots());
  if (k == 0) return;
  Best best(k, kBlockRowsMax);
  const uint32_t block_rows = 1u << rows_log2_;
  Scan scan(row_query(query), config_.type, block_rows, best);
  const size_t blocks = blocks_.size();
  const auto visit = [&](size_t b, const SlotSet::Chunk* chunk) {
    const Block* block = blocks_[b].load(std::memory_order_acquire);
    if (block == nullptr) return;
    if (b + 2 < blocks) __builtin_prefetch(blocks_[b + 2].load(std::memory_order_relaxed));
    uint64_t mask[kBlockRowsMax / 64];
    const auto base = static_cast<uint32_t>(b << rows_log2_);
    for (uint32_t row = 0; row < block_rows; row += 64) {
      mask[row / 64] = block->live[row / 64];
      if (chunk != nullptr && mask[row / 64] != 0)
        mask[row / 64] &= allowed_bits(*chunk, (base + row) % SlotSet::kChunkSlots,
                                       std::min<uint32_t>(64, block_rows - row));
    }
    scan.block(*block, mask, base, b + 1 < blocks ? blocks_[b + 1].load(std::memory_order_acquire) : nullptr);
  };
  if (filter == nullptr) {
    for (size_t b = 0; b < blocks; ++b) visit(b, nullptr);
  } else {
    const size_t per_chunk = SlotSet::kChunkSlots >> rows_log2_;
    for (size_t c = 0, chunks = filter->chunks(); c < chunks; ++c) {
      const SlotSet::Chunk chunk = filter->chunk(c);
      const size_t first = chunk.number * per_chunk;
      for (size_t b = first; b < std::min(blocks, first + per_chunk); ++b) visit(b, &chunk);
    }
  }
  scan.flush();
  best.finish(out);
}

void VectorSet::top_slowly(const Query& query, const SlotSet* filter, uint32_t k,
                           std::vector<VectorHit>& out) const {
  out.clear();
  for (uint32_t slot = 0, end = slots(); slot < end; ++slot) {
    const Row found = row(slot);
    if (found.values == nullptr || (filter != nullptr && !filter->contains(slot))) continue;
    out.push_back({slot, row_score_slowly(config_.type, row_query(query), found.values, found.scale)});
  }
  std::sort(out.begin(), out.end(), better);
  if (out.size() > k) out.resize(k);
}

}  // namespace freshet
