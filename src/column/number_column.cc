#include "column/number_column.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace freshet {
namespace {

constexpr uint32_t kRebinFrom = 256;
constexpr size_t kSample = 8192;

// Sixteen slots' bins a part: at most 127, so signed comparisons are right.
using Bins16 = int8_t __attribute__((vector_size(16)));
struct Bins64 {
  Bins16 part[4];
};

inline Bins64 load(const std::atomic<uint64_t>* from) {
  Bins64 out;
  for (int i = 0; i < 4; ++i) {
    using Words2 = uint64_t __attribute__((vector_size(16)));
    const Words2 both = {from[2 * i].load(std::memory_order_acquire),
                         from[2 * i + 1].load(std::memory_order_acquire)};
    out.part[i] = reinterpret_cast<Bins16>(both);
  }
  return out;
}

// Bit i: first <= bin i < end.
inline uint64_t in_range(const Bins64& bins, uint32_t first, uint32_t end) {
  const auto low = static_cast<int8_t>(first), high = static_cast<int8_t>(static_cast<int>(end) - 1);
  uint64_t out = 0;
  for (int i = 3; i >= 0; --i) {
    const Bins16 inside = (bins.part[i] >= low) & (bins.part[i] <= high);
#if defined(__SSE2__)
    using Chars16 = char __attribute__((vector_size(16)));
    out = out << 16 | static_cast<uint16_t>(__builtin_ia32_pmovmskb128(reinterpret_cast<Chars16>(inside)));
#else
    uint16_t bits = 0;
    for (int j = 0; j < 16; ++j) bits |= static_cast<uint16_t>((inside[j] & 1) << j);
    out = out << 16 | bits;
#endif
  }
  return out;
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

// The slots of one chunk. Of 64 slots a few are looked at one by one, more all at once. Bins at the ends that
// are not sure to be inside are compared exactly, all of the chunk together: each look is far from the last,
// and nothing should keep the next from being fetched.
uint64_t NumberColumn::scan(const Bins& bins, uint32_t number, double low, double high, bool low_sure,
                            bool high_sure, const uint64_t* within, uint64_t* words) const {
  constexpr int kFew = 4;
  const uint32_t first = bins.bin_of(low), last = bins.bin_of(high);
  const uint32_t sure_first = low_sure ? first : first + 1, sure_end = high_sure ? last + 1 : last;
  const std::atomic<uint64_t>* from = &bins.words[size_t{number} * (SlotSet::kChunkSlots / 8)];
  uint64_t seen = 0, edges[SlotSet::kChunkWords];
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
      const Bins64 bytes = load(from + 8 * w);
      all = asked & in_range(bytes, first, last + 1);
      sure = asked & in_range(bytes, sure_first, sure_end);
    }
    edges[w] = all & ~sure;
    words[w] |= sure;
    seen |= sure;
  }
  thread_local std::vector<uint16_t> lows(SlotSet::kChunkSlots + SlotSet::kLowsRoom);
  const uint32_t base = number * SlotSet::kChunkSlots, n = SlotSet::lows_of(edges, lows.data());
  for (uint32_t i = 0; i < n; ++i) {
    const double have = value(base + lows[i]);
    const uint64_t inside = have >= low && have <= high ? 1 : 0;
    words[lows[i] / 64] |= inside << (lows[i] % 64);
    seen |= inside;
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
