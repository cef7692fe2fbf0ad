#include "vector/vector_set.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "model/math.h"
#include "vector/internal/vector_block.h"

namespace freshet {
namespace {

constexpr uint32_t kVersion = 2;  // 2: the type of the rows
constexpr size_t kBlockBytes = 16384;

uint32_t rows_log2_for(size_t row_bytes) {
  uint32_t log2 = 2;
  while (log2 < 8 && (row_bytes << (log2 + 1)) <= kBlockBytes) ++log2;
  return log2;
}

}  // namespace

VectorSet::VectorSet(VectorSetConfig config)
    : config_(config),
      stride_((config.dim + 63) / 64 * 64),
      rows_log2_(rows_log2_for(row_bytes())),
      pool_(new Pool(row_bytes() << rows_log2_)) {
  CHECK(config.dim >= 1 && config.dim <= kVectorDimMax);
}

VectorSet::~VectorSet() = default;  // The pool holds every block.

VectorSet::Block* VectorSet::editable(uint32_t slot) {
  const size_t b = slot >> rows_log2_;
  if (b >= editing_.size()) editing_.resize(b + 1);
  if (editing_[b] == nullptr) {
    const Block* from = b < blocks_.size() ? blocks_[b].load(std::memory_order_relaxed) : nullptr;
    editing_[b] = pool_->make(b, from);
    edited_.push_back(static_cast<uint32_t>(b));
  }
  return editing_[b];
}

// Writes `from` as stored elements, or as a query's, and returns their scale; 0: no direction.
float VectorSet::encode(std::span<const float> from, void* to, bool as_query) const {
  CHECK(from.size() == config_.dim);
  float largest = 0;
  for (const float x : from) largest = std::max(largest, x < 0 ? -x : x);
  if (!(largest > 1e-30f) || !std::isfinite(largest)) return 0;
  std::vector<float> padded(stride_);
  // Divided by the largest element first, so that no square overflows or vanishes.
  const bool unit = config_.metric == Metric::kCosine || config_.type == RowType::kBf16;
  for (size_t i = 0; i < from.size(); ++i) padded[i] = unit ? from[i] / largest : from[i];
  float factor = config_.metric == Metric::kDot && unit ? largest : 1;
  if (config_.metric == Metric::kCosine)
    factor = 1 / std::sqrt(kernels().dot(padded.data(), padded.data(), stride_));
  if (config_.type == RowType::kInt8)
    return factor * kernels().quantize(padded.data(), static_cast<int8_t*>(to), stride_);
  if (as_query) {
    std::memcpy(to, padded.data(), query_bytes());
  } else {
    std::transform(padded.begin(), padded.end(), static_cast<uint16_t*>(to), to_bf16);
  }
  return factor;
}

void VectorSet::set(uint32_t slot, std::span<const float> row) {
  std::vector<char> values(row_bytes());
  const float scale = encode(row, values.data(), false);
  if (scale == 0) return remove(slot);
  Block* block = editable(slot);
  const uint32_t at = slot & ((1u << rows_log2_) - 1);
  std::memcpy(block->rows() + at * row_bytes(), values.data(), row_bytes());
  block->scale[at] = scale;
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
  std::memset(block->rows() + at * row_bytes(), 0, row_bytes());
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
  go_home();
  live_.store(live, std::memory_order_relaxed);
  bytes_.store(pool_->bytes(), std::memory_order_relaxed);
}

// A few blocks at a time: publish() stays short.
void VectorSet::go_home() {
  constexpr int kAtOnce = 4;
  for (int i = 0; i < kAtOnce; ++i) {
    const std::optional<uint32_t> b = pool_->vacated();
    if (!b) return;
    if (editing_[*b] != nullptr) continue;  // Its next copy goes home by itself.
    const Block* away = blocks_[*b].load(std::memory_order_relaxed);
    blocks_[*b].store(pool_->make(*b, away), std::memory_order_release);
    retired_.add(const_cast<Block*>(away), Pool::free);
  }
}

uint32_t VectorSet::slots() const {
  return static_cast<uint32_t>(blocks_.size() << rows_log2_);
}

VectorSet::Row VectorSet::row(uint32_t slot) const {
  const size_t b = slot >> rows_log2_;
  const Block* block = b < blocks_.size() ? blocks_[b].load(std::memory_order_acquire) : nullptr;
  const uint32_t at = slot & ((1u << rows_log2_) - 1);
  if (block == nullptr || !block->has(at)) return {};
  return {block->rows() + at * row_bytes(), block->scale[at]};
}

bool VectorSet::has(uint32_t slot) const {
  return row(slot).values != nullptr;
}

size_t VectorSet::query_bytes() const {
  return size_t{stride_} * (config_.type == RowType::kInt8 ? sizeof(int8_t) : sizeof(float));
}

VectorSet::Query VectorSet::prepare(std::span<const float> query) const {
  Query to{std::vector<char>(query_bytes()), 0};
  to.scale = encode(query, to.bytes.data(), true);
  return to;
}

VectorSet::Query VectorSet::query_of(uint32_t slot) const {
  const Row found = row(slot);
  if (found.values == nullptr) return {};
  Query to{std::vector<char>(query_bytes()), found.scale};
  if (config_.type == RowType::kInt8) {
    std::memcpy(to.bytes.data(), found.values, row_bytes());
    return to;
  }
  for (uint32_t i = 0; i < stride_; ++i) {
    const float x = from_bf16(static_cast<const uint16_t*>(found.values)[i]);
    std::memcpy(to.bytes.data() + i * sizeof(x), &x, sizeof(x));
  }
  return to;
}

VectorSet::Query VectorSet::as_int8(const Query& query) const {
  if (config_.type == RowType::kInt8 || query.bytes.empty()) return query;
  Query to{std::vector<char>(stride_), 0};
  to.scale = query.scale * kernels().quantize(reinterpret_cast<const float*>(query.bytes.data()),
                                              reinterpret_cast<int8_t*>(to.bytes.data()), stride_);
  return to;
}

RowQuery VectorSet::row_query(const Query& query) const {
  return {query.bytes.data(), stride_, query.scale};
}

float VectorSet::chord(const Query& a, const Query& b) const {
  if (a.bytes.size() != query_bytes() || b.bytes.size() != query_bytes()) return 2;
  const auto dot = [this](const Query& x, const Query& y) {
    if (config_.type == RowType::kBf16)
      return kernels().dot(reinterpret_cast<const float*>(x.bytes.data()),
                           reinterpret_cast<const float*>(y.bytes.data()), stride_);
    int32_t sum = 0;
    kernels().dot_int8(reinterpret_cast<const int8_t*>(x.bytes.data()),
                       reinterpret_cast<const int8_t*>(y.bytes.data()), &sum, 1, stride_);
    return static_cast<float>(sum);
  };
  const float lengths = dot(a, a) * dot(b, b);
  if (!(lengths > 0)) return 2;
  const float square = std::max(2 - 2 * dot(a, b) * rsqrt_f32(lengths), 1e-12f);
  return square * rsqrt_f32(square);
}

float VectorSet::score(const Query& query, uint32_t slot) const {
  const Row found = row(slot);
  if (found.values == nullptr) return 0;
  constexpr uint32_t kFirst = 0;
  float score;
  row_kernels(config_.type).at(row_query(query), found.values, &found.scale, &kFirst, 1, &score);
  return score;
}

void VectorSet::save(Writer& out) const {
  CHECK(edited_.empty());
  out.u32(kVersion);
  out.u32(config_.dim);
  out.u8(static_cast<uint8_t>(config_.type));
  out.u64(rows());
  const uint32_t end = slots();
  for (uint32_t slot = 0; slot < end; ++slot) {
    const Row found = row(slot);
    if (found.values == nullptr) continue;
    out.u32(slot);
    out.f32(found.scale);
    out.array(static_cast<const char*>(found.values), config_.dim * row_element_bytes(config_.type));
  }
}

Status VectorSet::load(Reader& in) {
  for (uint32_t slot = 0, end = slots(); slot < end; ++slot) remove(slot);
  const uint32_t version = in.u32(), dim = in.u32();
  const auto type = static_cast<RowType>(version == 1 ? 0 : in.u8());
  const uint64_t count = in.u64();
  if (version < 1 || version > kVersion || dim != config_.dim || type != config_.type)
    return corrupt("vectors: another version, dimension or type of rows");
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    const uint32_t slot = in.u32();
    const float scale = in.f32();
    if (slot > 1u << 28) return corrupt("vectors: a slot out of range");
    Block* block = editable(slot);
    const uint32_t at = slot & ((1u << rows_log2_) - 1);
    in.array(block->rows() + at * row_bytes(), dim * row_element_bytes(type));
    block->scale[at] = scale;
    block->live[at / 64] |= uint64_t{1} << (at % 64);
  }
  publish();
  return in.ok() ? Status() : Status(corrupt("vectors: cut short"));
}

}  // namespace freshet
