#include "column/number_column.h"

#include <algorithm>

namespace freshet {
namespace {

constexpr uint64_t kOnes = 0x0101010101010101ull, kHigh = 0x8080808080808080ull;
constexpr uint32_t kRebinFrom = 256;
constexpr size_t kSample = 8192;

// The high bit of every byte whose value (at most 127) is at least `least` (1..127).
uint64_t at_least(uint64_t bytes, uint32_t least) {
  return (bytes + kOnes * (128 - least)) & kHigh;
}

// The high bits of eight bytes, gathered into eight bits.
uint64_t gather(uint64_t high) {
  return (high >> 7) * 0x0102040810204080ull >> 56;
}

}  // namespace

NumberColumn::NumberColumn() : bins_(new Bins) {}

NumberColumn::~NumberColumn() {
  delete bins_.load(std::memory_order_relaxed);
}

uint8_t NumberColumn::Bins::bin_of(double value) const {
  if (!has_number(value)) return 0;
  return static_cast<uint8_t>(1 + (std::upper_bound(cuts.begin(), cuts.end(), value) - cuts.begin()));
}

void NumberColumn::Bins::put(uint32_t slot, uint8_t bin) {
  if (slot / 8 >= words.size()) {
    if (bin == 0) return;
    words.grow((slot / SlotSet::kChunkSlots + 1) * (SlotSet::kChunkSlots / 8));
  }
  auto& word = words[slot / 8];
  const uint32_t shift = slot % 8 * 8;
  const uint64_t old = word.load(std::memory_order_relaxed);
  word.store((old & ~(uint64_t{0xff} << shift)) | uint64_t{bin} << shift, std::memory_order_relaxed);
}

void NumberColumn::set(uint32_t slot, double value) {
  if (slot >= values_.size()) {
    if (!has_number(value)) return;
    values_.grow((slot / 4096 + 1) * size_t{4096});
  }
  const double old = this->value(slot);
  if (has_number(old) != has_number(value))
    size_.store(has_number(value) ? size() + 1 : size() - 1, std::memory_order_relaxed);
  values_[slot].store(to_bits(value), std::memory_order_relaxed);
  Bins& bins = *bins_.load(std::memory_order_relaxed);
  bins.put(slot, bins.bin_of(value));
  if (size() >= std::max(kRebinFrom, 2 * binned_size_)) rebin();
}

void NumberColumn::rebin() {
  std::vector<double> sample;
  const size_t step = std::max<size_t>(1, values_.size() / kSample);
  for (size_t i = 0; i < values_.size(); i += step)
    if (const double value = this->value(static_cast<uint32_t>(i)); has_number(value))
      sample.push_back(value);
  std::sort(sample.begin(), sample.end());
  auto* next = new Bins;
  for (size_t i = 1; i < kBins && !sample.empty(); ++i) {
    const double cut = sample[i * sample.size() / kBins];
    if (next->cuts.empty() || next->cuts.back() < cut) next->cuts.push_back(cut);
  }
  for (size_t i = 0; i < values_.size(); ++i)
    next->put(static_cast<uint32_t>(i), next->bin_of(value(static_cast<uint32_t>(i))));
  retired_.retire(bins_.exchange(next, std::memory_order_acq_rel));
  binned_size_ = size();
}

bool NumberColumn::range_into(uint32_t number, double low, double high, uint64_t* words) const {
  const Bins& bins = *bins_.load(std::memory_order_acquire);
  constexpr size_t kWords = SlotSet::kChunkSlots / 8;
  if (number * kWords >= bins.words.size() || !(low <= high)) return false;
  const uint32_t first = bins.bin_of(low), last = bins.bin_of(high);
  const std::atomic<uint64_t>* from = &bins.words[number * kWords];
  const uint32_t base = number * SlotSet::kChunkSlots;
  uint64_t seen = 0;
  for (uint32_t w = 0; w < SlotSet::kChunkWords; ++w) {
    uint64_t all = 0, sure = 0;
    for (uint32_t i = 0; i < 8; ++i) {
      const uint64_t bytes = from[8 * w + i].load(std::memory_order_relaxed);
      all |= gather(at_least(bytes, first) & ~at_least(bytes, last + 1)) << (8 * i);
      sure |= gather(at_least(bytes, first + 1) & ~at_least(bytes, last)) << (8 * i);
    }
    for (uint64_t edge = all & ~sure; edge != 0; edge &= edge - 1) {
      const auto bit = static_cast<uint32_t>(std::countr_zero(edge));
      const double have = value(base + 64 * w + bit);
      sure |= uint64_t{have >= low && have <= high} << bit;
    }
    words[w] |= sure;
    seen |= sure;
  }
  return seen != 0;
}

bool NumberColumn::range_into_slowly(uint32_t number, double low, double high, uint64_t* words) const {
  const uint32_t base = number * SlotSet::kChunkSlots;
  bool any = false;
  for (uint32_t i = 0; i < SlotSet::kChunkSlots; ++i) {
    const double have = value(base + i);
    if (!(have >= low && have <= high)) continue;
    words[i / 64] |= uint64_t{1} << (i % 64);
    any = true;
  }
  return any;
}

size_t NumberColumn::bytes() const {
  return 8 * values_.size() + 8 * bins_.load(std::memory_order_acquire)->words.size();
}

}  // namespace freshet
