// The exact scan of VectorSet, and its slow twin.
#include <algorithm>
#include <bit>

#include "model/math.h"
#include "vector/internal/vector_block.h"
#include "vector/vector_set.h"

namespace freshet {
namespace {

constexpr float kZeros[kBlockRowsMax] = {};
constexpr uint32_t kSparseShare = 3;  // Below one allowed row in three, rows are read one by one.

// The k best so far: a heap with the worst on top, whose score new ones must beat.
class Best {
 public:
  Best(uint32_t k, std::vector<VectorHit>& heap) : k_(k), heap_(heap) { heap_.clear(); }
  // Slots come in ascending order, so a tie with the worst never enters.
  void offer(uint32_t slot, float score) {
    if (heap_.size() == k_) {
      if (!(score > threshold_)) return;
      std::pop_heap(heap_.begin(), heap_.end(), better);
      heap_.pop_back();
    }
    heap_.push_back({slot, score});
    std::push_heap(heap_.begin(), heap_.end(), better);
    if (heap_.size() == k_) threshold_ = heap_.front().score;
  }
  float threshold() const { return threshold_; }
  void finish() { std::sort_heap(heap_.begin(), heap_.end(), better); }

 private:
  const uint32_t k_;
  std::vector<VectorHit>& heap_;
  float threshold_ = -__builtin_inff();
};

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

class BlockScan {
 public:
  BlockScan(const VectorSet::Query& query, uint32_t stride, uint32_t rows, Best& best)
      : query_(query), stride_(stride), rows_(rows), best_(best) {}

  // Rows with a bit in `mask`; slot of row 0 is `base`; `next`: the block that will follow, or nullptr.
  void scan(const VectorSet::Block& block, const uint64_t* mask, uint32_t base,
            const VectorSet::Block* next) {
    const uint32_t words = (rows_ + 63) / 64;
    uint32_t count = 0;
    for (uint32_t w = 0; w < words; ++w) count += static_cast<uint32_t>(std::popcount(mask[w]));
    if (count == 0) return;
    if (count * kSparseShare < rows_) return few(block, mask, base, words);
    // The hardware fetches ahead inside a page at best: the next block is asked for while this one is read.
    const uint32_t step = std::min<uint32_t>(rows_, 32);
    for (uint32_t row = 0; row < rows_; row += step) {
      const size_t at = size_t{row} * stride_;
      for (size_t line = 0; next != nullptr && line < size_t{step} * stride_; line += 64)
        __builtin_prefetch(next->rows() + at + line);
      kernels().dot_int8(block.rows() + at, query_.values.data(), dots_ + row, step, stride_);
    }
    const float top = kernels().scores(dots_, block.scale, kZeros, query_.scale, scores_, rows_);
    if (!(top > best_.threshold())) return;
    for (uint32_t w = 0; w < words; ++w)
      for (uint64_t word = mask[w]; word != 0; word &= word - 1) {
        const uint32_t row = 64 * w + static_cast<uint32_t>(std::countr_zero(word));
        if (scores_[row] > best_.threshold()) best_.offer(base + row, scores_[row]);
      }
  }

 private:
  void few(const VectorSet::Block& block, const uint64_t* mask, uint32_t base, uint32_t words) {
    uint32_t count = 0;
    for (uint32_t w = 0; w < words; ++w)
      for (uint64_t word = mask[w]; word != 0; word &= word - 1)
        which_[count++] = 64 * w + static_cast<uint32_t>(std::countr_zero(word));
    kernels().dot_int8_at(block.rows(), which_, query_.values.data(), dots_, count, stride_);
    for (uint32_t i = 0; i < count; ++i)
      best_.offer(base + which_[i],
                  static_cast<float>(dots_[i]) * (block.scale[which_[i]] * query_.scale) + 0.0f);
  }

  const VectorSet::Query& query_;
  const uint32_t stride_, rows_;
  Best& best_;
  uint32_t which_[kBlockRowsMax];
  int32_t dots_[kBlockRowsMax];
  float scores_[kBlockRowsMax];
};

}  // namespace

void VectorSet::top(const Query& query, const SlotSet* filter, uint32_t k,
                    std::vector<VectorHit>& out) const {
  Best best(k, out);
  if (k == 0 || query.values.size() != stride_) return;
  const uint32_t rows = 1u << rows_log2_;
  BlockScan scan(query, stride_, rows, best);
  const size_t blocks = blocks_.size();
  const auto visit = [&](size_t b, const SlotSet::Chunk* chunk) {
    const Block* block = blocks_[b].load(std::memory_order_acquire);
    if (block == nullptr) return;
    uint64_t mask[kBlockRowsMax / 64];
    const auto base = static_cast<uint32_t>(b << rows_log2_);
    for (uint32_t row = 0; row < rows; row += 64) {
      mask[row / 64] = block->live[row / 64];
      if (chunk != nullptr && mask[row / 64] != 0)
        mask[row / 64] &=
            allowed_bits(*chunk, (base + row) % SlotSet::kChunkSlots, std::min<uint32_t>(64, rows - row));
    }
    scan.scan(*block, mask, base, b + 1 < blocks ? blocks_[b + 1].load(std::memory_order_acquire) : nullptr);
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
  best.finish();
}

void VectorSet::top_slowly(const Query& query, const SlotSet* filter, uint32_t k,
                           std::vector<VectorHit>& out) const {
  out.clear();
  for (uint32_t slot = 0, end = slots(); slot < end; ++slot) {
    const Row found = row(slot);
    if (found.values == nullptr || (filter != nullptr && !filter->contains(slot))) continue;
    int32_t dot = 0;
    for (uint32_t i = 0; i < stride_; ++i) dot += found.values[i] * query.values[i];
    out.push_back({slot, static_cast<float>(dot) * (found.scale * query.scale) + 0.0f});
  }
  std::sort(out.begin(), out.end(), better);
  if (out.size() > k) out.resize(k);
}

}  // namespace freshet
