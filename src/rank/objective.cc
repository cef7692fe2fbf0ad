#include "rank/objective.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr double kMost = 10;  // Times the mean, and as many times below it.

double number_of(const ItemRecord& item, const std::string& name) {
  if (name == "price") return item.price;
  const Value* value = item.attribute(name);
  if (value == nullptr) return kNoNumber;
  if (const auto* real = std::get_if<double>(value)) return *real;
  if (const auto* whole = std::get_if<int64_t>(value)) return static_cast<double>(*whole);
  return kNoNumber;
}

}  // namespace

bool is_control(const RankerSettings& settings, uint64_t key) {
  constexpr uint64_t kControl = 0x636f6e74726f6c;  // Purpose of the draw.
  return key != 0 && Draw(mix64(key, kControl)).uniform() < settings.control;
}

void add_values(const Catalog& catalog, const RankerSettings& settings,
                std::vector<RankCandidate>& candidates) {
  if (settings.purchase <= 0 || settings.value.empty()) return;
  double sum = 0, known = 0;
  for (RankCandidate& one : candidates) {
    const ItemRecord* item = catalog.item(one.item);
    one.value = item == nullptr ? kNoNumber : number_of(*item, settings.value);
    if (!(one.value > 0)) one.value = kNoNumber;
    if (!has_number(one.value)) continue;
    sum += one.value;
    known += 1;
  }
  const double mean = known > 0 ? sum / known : 1;
  for (RankCandidate& one : candidates)
    one.value = has_number(one.value) ? std::clamp(one.value / mean, 1 / kMost, kMost) : 1;
}

std::vector<BoundedLift> bounded_lifts(std::span<const RankVerdict> verdicts, double weight) {
  double most = -HUGE_VAL;
  for (const RankVerdict& one : verdicts) most = std::max(most, one.lift);
  std::vector<BoundedLift> out;
  out.reserve(verdicts.size());
  for (const RankVerdict& one : verdicts) {
    const double said = weight * (one.lift - most), counts = std::max(said, -kLiftRange);
    out.push_back({counts, counted_share(said, counts)});
  }
  return out;
}

}  // namespace freshet
