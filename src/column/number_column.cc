#include "column/number_column.h"

#include <algorithm>
#include <bit>
#include <cmath>

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

NumberColumn::Bins::Bins() {
  for (auto& bound : least) bound.store(HUGE_VAL, std::memory_order_relaxed);
  for (auto& bound : most) bound.store(-HUGE_VAL, std::memory_order_relaxed);
}

void NumberColumn::Bins::put(uint32_t slot, double value) {
  const uint8_t bin = bin_of(value);
  if (slot / 8 >= words.size()) {
    if (bin == 0) return;
    words.grow((slot / SlotSet::kChunkSlots + 1) * (SlotSet::kChunkSlots / 8));
  }
  if (bin != 0 && value < least[bin].load(std::memory_order_relaxed))
    least[bin].store(value, std::memory_order_relaxed);
  if (bin != 0 && value > most[bin].load(std::memory_order_relaxed))
    most[bin].store(value, std::memory_order_relaxed);
  auto& word = words[slot / 8];
  const uint32_t shift = slot % 8 * 8;
  const uint64_t old = word.load(std::memory_order_relaxed);
  // Release: who sees the bin sees the bounds that it has with this value.
  word.store((old & ~(uint64_t{0xff} << shift)) | uint64_t{bin} << shift, std::memory_order_release);
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
  bins_.load(std::memory_order_relaxed)->put(slot, value);
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
    next->put(static_cast<uint32_t>(i), value(static_cast<uint32_t>(i)));
  retired_.retire(bins_.exchange(next, std::memory_order_acq_rel));
  binned_size_ = size();
}

// The slots of one chunk; the bins at the ends are compared exactly unless they are sure to be inside. Of 64
// slots a few are looked at one by one, more all at once.
uint64_t NumberColumn::scan(const Bins& bins, uint32_t number, double low, double high, bool low_sure,
                            bool high_sure, const uint64_t* within, uint64_t* words) const {
  constexpr int kFew = 12;
  const uint32_t first = bins.bin_of(low), last = bins.bin_of(high);
  const uint32_t sure_first = low_sure ? first : first + 1, sure_end = high_sure ? last + 1 : last;
  const std::atomic<uint64_t>* from = &bins.words[size_t{number} * (SlotSet::kChunkSlots / 8)];
  const uint32_t base = number * SlotSet::kChunkSlots;
  uint64_t seen = 0;
  for (uint32_t w = 0; w < SlotSet::kChunkWords; ++w) {
    const uint64_t asked = within == nullptr ? ~uint64_t{0} : within[w];
    uint64_t all = 0, sure = 0;
    if (std::popcount(asked) <= kFew) {
      for (uint64_t bits = asked; bits != 0; bits &= bits - 1) {
        const auto bit = static_cast<uint32_t>(std::countr_zero(bits));
        const auto bin =
            static_cast<uint8_t>(from[8 * w + bit / 8].load(std::memory_order_acquire) >> (bit % 8 * 8));
        all |= uint64_t{bin >= first && bin <= last} << bit;
        sure |= uint64_t{bin >= sure_first && bin < sure_end} << bit;
      }
    } else {
      for (uint32_t i = 0; i < 8; ++i) {
        const uint64_t bytes = from[8 * w + i].load(std::memory_order_acquire);
        all |= gather(at_least(bytes, first) & ~at_least(bytes, last + 1)) << (8 * i);
        sure |= gather(at_least(bytes, sure_first) & ~at_least(bytes, sure_end)) << (8 * i);
      }
      all &= asked;
      sure &= asked;
    }
    for (uint64_t edge = all & ~sure; edge != 0; edge &= edge - 1) {
      const auto bit = static_cast<uint32_t>(std::countr_zero(edge));
      const double have = value(base + 64 * w + bit);
      sure |= uint64_t{have >= low && have <= high} << bit;
    }
    words[w] |= sure;
    seen |= sure;
  }
  return seen;
}

bool NumberColumn::range_into(uint32_t number, double low, double high, uint64_t* words,
                              const uint64_t* within) const {
  const Bins& bins = *bins_.load(std::memory_order_acquire);
  if (number * size_t{SlotSet::kChunkSlots / 8} >= bins.words.size() || !(low <= high)) return false;
  const uint32_t first = bins.bin_of(low), last = bins.bin_of(high);
  const auto low_sure = [&] { return low <= bins.least[first].load(std::memory_order_relaxed); };
  const auto high_sure = [&] { return high >= bins.most[last].load(std::memory_order_relaxed); };
  const bool low_was = low_sure(), high_was = high_sure();
  // When one bin is both ends, it is inside only if both are sure.
  const bool one = first == last && !(low_was && high_was);
  uint64_t scratch[SlotSet::kChunkWords] = {};
  uint64_t seen = scan(bins, number, low, high, low_was && !one, high_was && !one, within, scratch);
  // scan() loads the words with acquire, so these limits are at least as new as what it saw.
  if ((low_was && !low_sure()) || (high_was && !high_sure())) {  // A value came in between: look exactly.
    std::fill(std::begin(scratch), std::end(scratch), 0);
    seen = scan(bins, number, low, high, false, false, within, scratch);
  }
  for (uint32_t w = 0; w < SlotSet::kChunkWords; ++w) words[w] |= scratch[w];
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
