// How much of a scenario's own adjustment (features of the group "scenario") is heard: the probability, given
// what was clicked so far, that the model with it is the better of the two, with and without. A Bayesian
// mixture of the two with fixed share (Herbster and Warmuth 1998, "Tracking the best expert"): of each
// scenario and kind of page
//
//   odds <- odds exp(loss without - loss with),   share <- (1 - a) share + a / 2
//
// so that it says at most ln 2 + n ln(1 / (1 - a)) nats more than the better of the two over n examples, and
// a festival whose shoppers turn out to be like all others costs next to nothing. A scenario is met by the
// index of its page's cell; the first kMost are told apart, the others have a share of one half.
//
// Threads: one; a copy may be read by any.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "model/math.h"

namespace freshet {

class ScenarioGate {
 public:
  static constexpr size_t kMost = 64;
  static constexpr double kSwitch = 1e-4;  // a

  // scenario: RankPage::scenario(); 0, no scenario: 1.
  double share(uint32_t scenario) const {
    if (scenario == 0) return 1;
    const One* one = find(scenario);
    return one == nullptr ? 0.5 : one->share;
  }
  // One example, before it is learned: log losses, nats.
  void learn(uint32_t scenario, double with, double without) {
    if (scenario == 0) return;
    One* one = const_cast<One*>(find(scenario));
    if (one == nullptr) {
      if (all_.size() == kMost) return;
      all_.push_back({.scenario = scenario});
      one = &all_.back();
    }
    const double gain = std::clamp(without - with, -10.0, 10.0);
    const double odds =
        one->share / (1 - one->share) * static_cast<double>(exp_f32(static_cast<float>(gain)));
    one->share = (1 - kSwitch) * (odds / (1 + odds)) + kSwitch / 2;
    ++one->examples;
  }

  // For people: which are known, how much of each is heard, and after how many lessons.
  std::string text() const {
    std::string out;
    for (const One& one : all_) {
      char text[64];
      std::snprintf(text, sizeof text, "%s%u: %.3f after %llu", out.empty() ? "" : ", ", one.scenario,
                    one.share, static_cast<unsigned long long>(one.examples));
      out += text;
    }
    return out.empty() ? "none" : out;
  }
  void save(Writer& out) const {
    out.varint(all_.size());
    for (const One& one : all_) {
      out.u32(one.scenario);
      out.f64(one.share);
      out.u64(one.examples);
    }
  }
  bool load(Reader& in) {  // False: not what save() wrote.
    all_.clear();
    const uint64_t n = in.varint();
    for (uint64_t i = 0; i < n && in.ok() && i < kMost; ++i) {
      One one;
      one.scenario = in.u32();
      one.share = in.f64();
      one.examples = in.u64();
      if (!(one.share > 0 && one.share < 1)) return false;
      all_.push_back(one);
    }
    return in.ok() && n <= kMost;
  }

 private:
  struct One {
    uint32_t scenario = 0;
    double share = 0.5;
    uint64_t examples = 0;
  };
  const One* find(uint32_t scenario) const {
    for (const One& one : all_)
      if (one.scenario == scenario) return &one;
    return nullptr;
  }
  std::vector<One> all_;  // In the order of their first example.
};

}  // namespace freshet
