// What turns the learner's knobs, from progressive losses alone:
//
//   interval   live's loss above the learner's is what waiting costs. Above `costly` of it: half the
//   interval;
//              below `cheap` of it: twice
//   rate       a drift alarm: twice the learning rate for the next `boost_windows` windows
//   fusion     each candidate is made twice, with the fusion in use and with a neighbour of it in turn; both
//              are scored on the same examples, and the better of the two goes on (Besbes et al. 2014 justify
//              restarts under drift; the comparison itself is betting.h)
//
// Deterministic. Threads: one.
#pragma once

#include <array>

#include "publish/betting.h"

namespace freshet {

struct ControllerConfig {
  uint64_t interval = 1000, interval_min = 250, interval_max = 16000;
  double costly = 0.01, cheap = 0.002;  // Of the learner's loss.
  float boost = 2;
  uint32_t boost_windows = 2;
  double words_max = 0;  // What publishing may cost: words a lesson; 0: any number.
};

class Controller {
 public:
  explicit Controller(const ControllerConfig& config) : config_(config), interval_(config.interval) {}

  // After a window: the means of live's and the learner's loss.
  void window(double live, double learner) {
    if (boost_left_ > 0) --boost_left_;
    const double cost = learner > 0 ? (live - learner) / learner : 0;
    cost_ = 0.7 * cost_ + 0.3 * cost;
    if (cost_ > config_.costly && interval_ > config_.interval_min) {
      interval_ = std::max(interval_ / 2, config_.interval_min);
      cost_ = (config_.costly + config_.cheap) / 2;
    } else if (cost_ < config_.cheap && interval_ < config_.interval_max) {
      interval_ = std::min(interval_ * 2, config_.interval_max);
      cost_ = (config_.costly + config_.cheap) / 2;
    }
  }
  // The same, when publishing cost `words` a lesson: beyond the budget it is not made more often, and beyond
  // twice of it, more seldom.
  void window(double live, double learner, double words) {
    const uint64_t before = interval_;
    window(live, learner);
    if (config_.words_max <= 0 || words <= config_.words_max) return;
    interval_ = std::max(interval_, before);
    if (words > 2 * config_.words_max)
      interval_ = std::max(interval_, std::min(before * 2, config_.interval_max));
  }
  // A window in which nothing waits: what is boosted comes to its end.
  void calm() { boost_left_ -= boost_left_ > 0 ? 1 : 0; }
  void drift() { boost_left_ = config_.boost_windows; }
  void no_drift() { boost_left_ = 0; }  // What looked like one was none.

  uint64_t interval() const { return interval_; }
  float rate() const { return boost_left_ > 0 ? config_.boost : 1; }

  static constexpr std::array<float, 4> kFusions = {0.25f, 0.5f, 0.75f, 1};
  float fusion() const { return kFusions[fusion_]; }
  float other_fusion() const { return kFusions[other()]; }
  // One example: losses of the two candidates.
  void compare(double loss, double other_loss) { better_.add((loss - other_loss) / 0.1); }
  void set_interval(uint64_t interval) {
    config_.interval = std::max<uint64_t>(interval, 1);
    config_.interval_min = std::max<uint64_t>(config_.interval / 4, 1);
    config_.interval_max = config_.interval * 16;
    interval_ = config_.interval;
  }
  void save(Writer& out) const {
    for (const uint64_t number : {config_.interval, interval_, uint64_t{boost_left_}, uint64_t{fusion_}})
      out.u64(number);
    out.f64(cost_);
    out.u8(up_ ? 1 : 0);
    better_.save(out);
  }
  void load(Reader& in) {
    set_interval(in.u64());
    interval_ = in.u64();
    boost_left_ = static_cast<uint32_t>(in.u64());
    fusion_ = std::min<size_t>(in.u64(), kFusions.size() - 1);
    cost_ = in.f64();
    up_ = in.u8() != 0;
    better_.load(in);
  }
  // The window's candidates are decided; true: the other one is proved better and is the one from now on.
  bool choose() {
    const bool proved = better_.proved();
    if (proved) fusion_ = other();
    if (proved || better_.n() > 8 * interval_) {
      up_ = !up_;
      better_.restart();
    }
    return proved;
  }

 private:
  size_t other() const {
    if (fusion_ == 0) return 1;
    if (fusion_ + 1 == kFusions.size()) return fusion_ - 1;
    return up_ ? fusion_ + 1 : fusion_ - 1;
  }
  ControllerConfig config_;
  uint64_t interval_;
  uint32_t boost_left_ = 0;
  double cost_ = 0.005;
  size_t fusion_ = kFusions.size() - 1;
  bool up_ = false;
  BettingTest better_{0.05};
};

}  // namespace freshet
