#include "eval/click_world.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace freshet {
namespace {

constexpr std::string_view kNames[] = {"moderate", "cascade", "noisy"};
constexpr double kOnAfterClick = .6, kOnWithout = .8;
constexpr double kTrust = .03, kRandom = .05;

double rate_at(ClickWorld world, double gain) {
  struct Rates {
    double none, half, full;
  };
  const Rates rates = world == ClickWorld::kNoisy ? Rates{.05, .10, .18} : Rates{.02, .10, .30};
  gain = std::clamp(gain, 0.0, 1.0);
  return gain < .5 ? rates.none + (rates.half - rates.none) * gain * 2
                   : rates.half + (rates.full - rates.half) * (gain - .5) * 2;
}

}  // namespace

Result<ClickWorld> parse_click_world(std::string_view text) {
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (text == kNames[i]) return static_cast<ClickWorld>(i);
  return invalid("world: expected moderate, cascade or noisy, got \"" + std::string(text) + "\"");
}

std::string_view click_world_name(ClickWorld world) {
  return kNames[static_cast<size_t>(world)];
}

double look_rate(ClickWorld world, size_t place) {
  return world == ClickWorld::kCascade ? std::pow(kOnWithout, static_cast<double>(place))
                                       : 1 / static_cast<double>(place + 1);
}

void ClickShopper::answer(std::span<const double> gains, std::vector<size_t>& clicked,
                          std::vector<uint64_t>& looked) {
  clicked.clear();
  if (world_ == ClickWorld::kNoisy && draw_.uniform() < kRandom) {
    const size_t place = draw_.below(gains.size());
    ++looked[place];
    clicked.push_back(place);
    return;
  }
  for (size_t k = 0; k < gains.size(); ++k) {
    const double first = 1 / static_cast<double>(k + 1);
    const bool looks = world_ == ClickWorld::kCascade || draw_.uniform() < first;
    if (!looks) continue;
    ++looked[k];
    const double trust = world_ == ClickWorld::kNoisy ? kTrust * first : 0;
    const bool clicks = draw_.uniform() < rate_at(world_, gains[k]) + trust;
    if (clicks) clicked.push_back(k);
    if (world_ == ClickWorld::kCascade && draw_.uniform() >= (clicks ? kOnAfterClick : kOnWithout)) return;
  }
}

size_t KnownWorld::step_of(double gain) {
  return static_cast<size_t>(std::lround(std::clamp(gain, 0.0, 1.0) * (kSteps - 1)));
}

double KnownWorld::click_rate(double gain, size_t place, size_t places, double looks) const {
  const double rate = rate_at(world_, gain), first = 1 / static_cast<double>(place + 1);
  switch (world_) {
    case ClickWorld::kModerate:
      return first * rate;
    case ClickWorld::kNoisy:
      return (1 - kRandom) * first * (rate + kTrust * first) + kRandom / static_cast<double>(places);
    case ClickWorld::kCascade:
      break;
  }
  return looks * rate;
}

void KnownWorld::learn(std::span<Belief* const> beliefs, std::span<const size_t> clicked) const {
  // A cascade looks at all down to the last click, and goes on from there by chance.
  const size_t certain = clicked.empty() ? 0 : clicked.back();
  double looks = 1;
  for (size_t k = 0; k < beliefs.size(); ++k) {
    if (k > certain) looks *= k == certain + 1 && !clicked.empty() ? kOnAfterClick : kOnWithout;
    if (beliefs[k] == nullptr) continue;
    const bool click = std::find(clicked.begin(), clicked.end(), k) != clicked.end();
    for (size_t s = 0; s < kSteps; ++s) {
      const double rate = click_rate(static_cast<double>(s) / (kSteps - 1), k, beliefs.size(), looks);
      (*beliefs[k])[s] += std::log(click ? rate : 1 - rate);
    }
  }
}

KnownWorld::Moments KnownWorld::moments(const Belief& belief) {
  const double most = *std::max_element(belief.begin(), belief.end());
  double sum = 0, mean = 0, square = 0;
  for (size_t s = 0; s < kSteps; ++s) {
    const double p = std::exp(belief[s] - most), gain = static_cast<double>(s) / (kSteps - 1);
    sum += p;
    mean += p * gain;
    square += p * gain * gain;
  }
  mean /= sum;
  return {mean, std::sqrt(std::max(0.0, square / sum - mean * mean))};
}

}  // namespace freshet
