#include <algorithm>
#include <array>

#include "base/hash.h"
#include "model/math.h"
#include "model/sequence_learner.h"

namespace freshet {

namespace {
constexpr uint32_t kNobody = 0xffffffffu;
}

NegativeSampler::NegativeSampler(uint32_t rows_max, uint32_t ring, float uniform)
    : rows_max_(rows_max), ring_max_(ring), uniform_(uniform), place_(rows_max), count_(rows_max) {}

void NegativeSampler::add(uint32_t item) {
  live_.push_back(item);
  place_[item] = static_cast<uint32_t>(live_.size());
}

void NegativeSampler::remove(uint32_t item) {
  const uint32_t place = place_[item] - 1;
  live_[place] = live_.back();
  place_[live_[place]] = place + 1;
  live_.pop_back();
  place_[item] = 0;
  if (count_[item] == 0) return;
  for (uint32_t& entry : ring_)
    if (entry == item) entry = kNobody;
  ring_live_ -= count_[item];
  count_[item] = 0;
}

void NegativeSampler::target(uint32_t item) {
  if (ring_.size() < ring_max_) {
    ring_.push_back(item);
  } else {
    const uint32_t old = std::exchange(ring_[ring_at_], item);
    ring_at_ = (ring_at_ + 1) % ring_max_;
    if (old != kNobody) {
      --count_[old];
      --ring_live_;
    }
  }
  ++count_[item];
  ++ring_live_;
}

float NegativeSampler::log_rate(uint32_t item, size_t draws) const {
  const bool ring = ring_live_ > 0;
  const float from_uniform = (ring ? uniform_ : 1.0f) / static_cast<float>(live_.size());
  // A draw that meets an emptied place of the ring goes on to the next one, so the rate is over the others.
  const float from_ring =
      ring ? (1.0f - uniform_) * static_cast<float>(count_[item]) / static_cast<float>(ring_live_) : 0.0f;
  return log_f32(static_cast<float>(draws) * (from_uniform + from_ring));
}

void NegativeSampler::draw(uint64_t key, std::span<uint32_t> items, std::span<float> log_rates) const {
  Draw draw(key);
  for (size_t j = 0; j < items.size(); ++j) {
    uint32_t item = kNobody;
    if (ring_live_ > 0 && draw.uniform() >= static_cast<double>(uniform_))
      for (int attempt = 0; attempt < 64 && item == kNobody; ++attempt)
        item = ring_[draw.below(ring_.size())];
    if (item == kNobody) item = live_[draw.below(live_.size())];
    items[j] = item;
    __builtin_prefetch(count_.data() + item);
  }
  // The rate depends on the count alone, and most counts are small: each logarithm is taken once.
  std::array<float, 64> of_count;
  uint64_t known = 0;
  for (size_t j = 0; j < items.size(); ++j) {
    const uint32_t count = count_[items[j]];
    if (count >= of_count.size()) {
      log_rates[j] = log_rate(items[j], items.size());
      continue;
    }
    if ((known >> count & 1) == 0) of_count[count] = log_rate(items[j], items.size());
    known |= uint64_t{1} << count;
    log_rates[j] = of_count[count];
  }
}

void NegativeSampler::save(Writer& out) const {
  out.u32(live_items());
  out.array(live_.data(), live_.size());
  out.u32(static_cast<uint32_t>(ring_.size()));
  out.array(ring_.data(), ring_.size());
  out.u32(ring_at_);
}

bool NegativeSampler::load(Reader& in) {
  for (uint32_t item : live_) place_[item] = count_[item] = 0;
  const uint32_t live = in.u32();
  if (live > rows_max_ || in.remaining() < live * sizeof(uint32_t)) return false;
  live_.resize(live);
  in.array(live_.data(), live);
  for (uint32_t i = 0; i < live; ++i) {
    if (live_[i] >= rows_max_ || place_[live_[i]] != 0) return false;
    place_[live_[i]] = i + 1;
  }
  const uint32_t ring = in.u32();
  if (ring > ring_max_ || in.remaining() < ring * sizeof(uint32_t)) return false;
  ring_.resize(ring);
  in.array(ring_.data(), ring);
  ring_at_ = in.u32();
  ring_live_ = 0;
  for (uint32_t item : ring_) {
    if (item == kNobody) continue;
    if (item >= rows_max_ || place_[item] == 0) return false;
    ++count_[item];
    ++ring_live_;
  }
  return in.ok() && (ring_at_ == 0 || ring_at_ < ring);
}

size_t NegativeSampler::bytes() const {
  return live_.size() * 12 + ring_.size() * 4;
}

}  // namespace freshet
