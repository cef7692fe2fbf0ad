// The click model in snapshots.
#include "clicks/click_model.h"

namespace freshet {
namespace {

// 1: pairs of places were of the first kDesignsBefore designs; 2: no pages in doubt; 3: nor how long there
// was none.
constexpr uint32_t kVersion = 5;  // 4: pages since there was doubt were counted
constexpr size_t kDesignsBefore = 2;

}  // namespace

void ClickModel::save(Writer& out) const {
  out.u32(kVersion);
  out.u64(clicks_);
  out.u64(pages_);
  full_.save(out);
  plain_.save(out);
  out.array(losses_.data(), losses_.size());
  out.array(trust_losses_.data(), trust_losses_.size());
  examination_.save(out);
  out.varint(items_.size());
  for (size_t i = 0; i < items_.size(); ++i) out.u64(items_[i].load(std::memory_order_relaxed));
  const Pair* pairs = pairs_.load(std::memory_order_relaxed);
  out.u32(pairs == nullptr ? 0 : config_.pairs_max);
  for (size_t i = 0; pairs != nullptr && i < config_.pairs_max; ++i) {
    const uint64_t key = pairs[i].key.load(std::memory_order_relaxed);
    if (key == 0) continue;
    out.u32(static_cast<uint32_t>(i));
    out.u64(key);
    out.u64(pairs[i].counts.load(std::memory_order_relaxed));
  }
  if (pairs != nullptr) out.u32(config_.pairs_max);  // The end of the list.
  const Way* ways = ways_.load(std::memory_order_relaxed);
  out.u32(ways == nullptr ? 0 : config_.queries_max);
  for (size_t i = 0; ways != nullptr && i < config_.queries_max; ++i) {
    const QueryRow* row = ways[i].row.load(std::memory_order_relaxed);
    if (row == nullptr) continue;
    out.u32(static_cast<uint32_t>(i));
    out.u64(row->key);
    out.i64(row->time_ms);
    out.f32(row->clicks);
    out.f32(row->expected);
    out.varint(row->cells.size());
    out.array(row->cells.data(), row->cells.size());
  }
  if (ways != nullptr) out.u32(config_.queries_max);
  in_doubt_.save(out);
}

Status ClickModel::load(Reader& in) {
  const Status wrong = corrupt("clicks: not of this version or of these sizes");
  const uint32_t version = in.u32();
  if (version == 0 || version > kVersion) return wrong;
  clicks_ = in.u64();
  pages_ = in.u64();
  full_.load(in);
  plain_.load(in);
  in.array(losses_.data(), losses_.size());
  in.array(trust_losses_.data(), trust_losses_.size());
  TRY_STATUS(examination_.load(in, version == 1 ? kDesignsBefore : Examination::kDesigns.size()));
  const uint64_t items = in.varint();
  if (items > in.remaining() / sizeof(uint64_t)) return wrong;
  items_.grow(items);
  for (uint64_t i = 0; i < items; ++i) items_[i].store(in.u64(), std::memory_order_relaxed);
  if (const uint32_t pairs = in.u32(); pairs != 0) {
    if (pairs != config_.pairs_max) return wrong;
    auto* table = new Pair[pairs]();
    delete[] pairs_.exchange(table);
    for (uint32_t i = in.u32(); in.ok() && i < pairs; i = in.u32()) {
      table[i].key.store(in.u64(), std::memory_order_relaxed);
      table[i].counts.store(in.u64(), std::memory_order_relaxed);
    }
  }
  if (const uint32_t queries = in.u32(); queries != 0) {
    if (queries != config_.queries_max) return wrong;
    auto* table = new Way[queries]();
    CHECK(ways_.load() == nullptr);  // load() is called once, before the first event.
    ways_.store(table);
    for (uint32_t i = in.u32(); in.ok() && i < queries; i = in.u32()) {
      auto row = std::make_unique<QueryRow>();
      row->key = in.u64();
      row->time_ms = in.i64();
      row->clicks = in.f32();
      row->expected = in.f32();
      const uint64_t cells = in.varint();
      if (cells > config_.items_of_query) return wrong;
      row->cells.resize(cells);
      in.array(row->cells.data(), cells);
      ++rows_;
      cells_ += cells;
      table[i].key.store(row->key, std::memory_order_relaxed);
      delete table[i].row.exchange(row.release());
    }
  }
  if (version >= 3) TRY_STATUS(in_doubt_.load(in));
  if (version == 4) in.u64();
  publish();
  return in.ok() ? Status() : Status(corrupt("clicks: cut short"));
}

size_t ClickModel::bytes() const {
  return (ways_.load() == nullptr ? 0 : config_.queries_max * sizeof(Way)) +
         (pairs_.load() == nullptr ? 0 : config_.pairs_max * sizeof(Pair)) + 8 * items_.size() +
         rows_ * sizeof(QueryRow) + cells_ * sizeof(Cell) + in_doubt_.bytes();
}

}  // namespace freshet
