#include "vector/vector_set.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "model/math.h"
#include "vector/internal/vector_block.h"

namespace freshet {
namespace {

constexpr uint32_t kVersion = 1;
constexpr size_t kBlockBytes = 16384;

uint32_t rows_log2_for(uint32_t stride) {
  uint32_t log2 = 2;
  while (log2 < 8 && (size_t{stride} << (log2 + 1)) <= kBlockBytes) ++log2;
  return log2;
}

}  // namespace

VectorSet::VectorSet(VectorSetConfig config)
    : config_(config),
      stride_((config.dim + 63) / 64 * 64),
      rows_log2_(rows_log2_for(stride_)),
      pool_(new Pool(size_t{stride_} << rows_log2_)) {
  CHECK(config.dim >= 1 && config.dim <= kVectorDimMax);
}

VectorSet::~VectorSet() = default;  // The pool holds every block.

VectorSet::Block* VectorSet::editable(uint32_t slot) {
  const size_t b = slot >> rows_log2_;
  if (b >= editing_.size()) editing_.resize(b + 1);
  if (editing_[b] == nullptr) {
    const Block* from = b < blocks_.size() ? blocks_[b].load(std::memory_order_relaxed) : nullptr;
    editing_[b] = pool_->make(from);
    edited_.push_back(static_cast<uint32_t>(b));
  }
  return editing_[b];
}

void VectorSet::set(uint32_t slot, std::span<const float> row) {
  CHECK(row.size() == config_.dim);
  std::vector<float> padded(stride_);
  std::copy(row.begin(), row.end(), padded.begin());
  // Divided by the largest element first, so that no square overflows or vanishes.
  float largest = 0;
  for (const float x : row) largest = std::max(largest, x < 0 ? -x : x);
  if (!(largest > 1e-30f) || !std::isfinite(largest)) return remove(slot);
  Block* block = editable(slot);
  const uint32_t at = slot & ((1u << rows_log2_) - 1);
  float factor = 1;
  if (config_.metric == Metric::kCosine) {
    for (float& x : padded) x /= largest;
    factor = 1 / std::sqrt(kernels().dot(padded.data(), padded.data(), stride_));
  }
  const float scale = kernels().quantize(padded.data(), block->rows() + size_t{at} * stride_, stride_);
  block->scale[at] = scale * factor;
  block->live[at / 64] |= uint64_t{1} << (at % 64);
}

void VectorSet::remove(uint32_t slot) {
  const size_t b = slot >> rows_log2_;
  const uint32_t at = slot & ((1u << rows_log2_) - 1);
  const bool edited = b < editing_.size() && editing_[b] != nullptr;
  if (!edited) {
    const Block* block = b < blocks_.size() ? blocks_[b].load(std::memory_order_relaxed) : nullptr;
    if (block == nullptr || !block->has(at)) return;
  }
  Block* block = editable(slot);
  block->live[at / 64] &= ~(uint64_t{1} << (at % 64));
  block->scale[at] = 0;
  std::memset(block->rows() + size_t{at} * stride_, 0, stride_);
}

void VectorSet::publish() {
  if (edited_.empty()) return;
  size_t live = live_.load(std::memory_order_relaxed);
  for (const uint32_t b : edited_) {
    if (b >= blocks_.size()) blocks_.grow(b + 1);
    Block* next = std::exchange(editing_[b], nullptr);
    auto* old = const_cast<Block*>(blocks_[b].exchange(next, std::memory_order_acq_rel));
    live += next->count();
    if (old != nullptr) {
      live -= old->count();
      retired_.add(old, Pool::free);
    }
  }
  edited_.clear();
  live_.store(live, std::memory_order_relaxed);
  bytes_.store(pool_->bytes(), std::memory_order_relaxed);
}

uint32_t VectorSet::slots() const {
  return static_cast<uint32_t>(blocks_.size() << rows_log2_);
}

VectorSet::Row VectorSet::row(uint32_t slot) const {
  const size_t b = slot >> rows_log2_;
  const Block* block = b < blocks_.size() ? blocks_[b].load(std::memory_order_acquire) : nullptr;
  const uint32_t at = slot & ((1u << rows_log2_) - 1);
  if (block == nullptr || !block->has(at)) return {};
  return {block->rows() + size_t{at} * stride_, block->scale[at]};
}

bool VectorSet::has(uint32_t slot) const {
  return row(slot).values != nullptr;
}

VectorSet::Query VectorSet::prepare(std::span<const float> query) const {
  CHECK(query.size() == config_.dim);
  Query to{std::vector<int8_t>(stride_), 0};
  std::vector<float> padded(stride_);
  std::copy(query.begin(), query.end(), padded.begin());
  float largest = 0;
  for (const float x : query) largest = std::max(largest, x < 0 ? -x : x);
  if (!(largest > 1e-30f) || !std::isfinite(largest)) return to;
  float factor = 1;
  if (config_.metric == Metric::kCosine) {
    for (float& x : padded) x /= largest;
    factor = 1 / std::sqrt(kernels().dot(padded.data(), padded.data(), stride_));
  }
  to.scale = kernels().quantize(padded.data(), to.values.data(), stride_) * factor;
  return to;
}

float VectorSet::score(const Query& query, uint32_t slot) const {
  const Row found = row(slot);
  if (found.values == nullptr) return 0;
  int32_t dot = 0;
  kernels().dot_int8(found.values, query.values.data(), &dot, 1, stride_);
  return static_cast<float>(dot) * (found.scale * query.scale) + 0.0f;
}

void VectorSet::save(Writer& out) const {
  CHECK(edited_.empty());
  out.u32(kVersion);
  out.u32(config_.dim);
  out.u64(rows());
  const uint32_t end = slots();
  for (uint32_t slot = 0; slot < end; ++slot) {
    const Row found = row(slot);
    if (found.values == nullptr) continue;
    out.u32(slot);
    out.f32(found.scale);
    out.array(found.values, config_.dim);
  }
}

Status VectorSet::load(Reader& in) {
  for (uint32_t slot = 0, end = slots(); slot < end; ++slot) remove(slot);
  const uint32_t version = in.u32(), dim = in.u32();
  const uint64_t count = in.u64();
  if (version != kVersion || dim != config_.dim) return corrupt("vectors: another version or dimension");
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    const uint32_t slot = in.u32();
    const float scale = in.f32();
    if (slot > 1u << 28) return corrupt("vectors: a slot out of range");
    Block* block = editable(slot);
    const uint32_t at = slot & ((1u << rows_log2_) - 1);
    in.array(block->rows() + size_t{at} * stride_, dim);
    block->scale[at] = scale;
    block->live[at / 64] |= uint64_t{1} << (at % 64);
  }
  publish();
  return in.ok() ? Status() : Status(corrupt("vectors: cut short"));
}

}  // namespace freshet
