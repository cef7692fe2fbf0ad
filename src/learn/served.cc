#include "learn/served.h"

#include <cmath>

#include "model/math.h"

namespace freshet {
namespace {

constexpr double kRateMemory = 500;  // Labels that the running rate remembers.

}  // namespace

Result<std::unique_ptr<Served>> Served::make(const ServedConfig& config, Task task, Learner& learner,
                                             const std::function<std::unique_ptr<Learner>()>& make_learner) {
  Publishable* parameters = learner.publishable();
  if (parameters == nullptr)
    return invalid(
        "--publish-every: this learner has no parameters that can be served apart; try --learner dcn or "
        "ftrl");
  ServedConfig own = config;
  own.limits.judge = config.publish_every;
  std::unique_ptr<Served> served(new Served(own, task, learner, *parameters));
  served->send(served->publisher_.full());
  served->good_ = served->publisher_.served();
  Writer state;
  learner.save(state);
  served->live_state_ = served->good_state_ = state.take();
  if (config.compare) {
    served->exact_ = make_learner();
    served->compared_ = std::make_unique<Progressive>(task);
  }
  return served;
}

double Served::loss(float score, float label) const {
  if (!std::isfinite(score)) return 8;
  if (task_ == Task::kRegression) return std::min((score - label) * (score - label), 4.0f);
  const float p = sigmoid_f32(std::clamp(score, -12.0f, 12.0f));
  return -log_f32(label > 0.5f ? p : 1 - p);
}

double Served::rate_loss(float label) const {
  const double rate = rate_n_ > 0 ? rate_ : task_ == Task::kBinary ? 0.5 : 0;
  if (task_ == Task::kRegression) return std::min((rate - label) * (rate - label), 4.0);
  const double p = std::clamp(rate, 0.002, 0.998);
  return -std::log(label > 0.5f ? p : 1 - p);
}

float Served::score(const Sample& sample) {
  return parameters_.score_served(replica_.image(), sample);
}

float Served::compared_score(const Sample& sample) {
  return exact_->score(sample);
}

void Served::send(const std::string& frame) {
  const Status taken = replica_.take(frame);
  CHECK(taken.ok() && replica_.image()->hash() == publisher_.served()->hash());
}

void Served::note(GateVerdict verdict, size_t delta_bytes, std::string text) {
  ++counts_[static_cast<size_t>(verdict)];
  events_.push_back({row_, verdict, publisher_.version(), delta_bytes, std::move(text)});
}

void Served::load(Learner& learner, const std::string& state) const {
  Reader in(state);
  learner.load(in);
  CHECK(in.ok());
}

// What the learner has learned since is changed again: it stays in the publisher's hand.
void Served::go_back(const std::string& state) {
  (void)publisher_.collect(parameters_).ok();  // A weight that is not finite is what it goes back from.
  load(learner_, state);
  drop_candidate();
}

void Served::drop_candidate() {
  candidate_ = other_ = nullptr;
  since_ = 0;
}

void Served::freeze() {
  since_ = 0;
  Status collected = publisher_.collect(parameters_);
  if (collected.ok()) {
    auto image = publisher_.candidate(parameters_, controller_.fusion());
    if (image.ok()) {
      candidate_ = *image;
      Writer state;
      learner_.save(state);
      candidate_state_ = state.take();
      if (config_.control) {
        auto other = publisher_.candidate(parameters_, controller_.other_fusion());
        if (other.ok()) other_ = *other;
      }
      return;
    }
    collected = image.error();
  }
  note(GateVerdict::kWorse, 0, collected.error().what);
  if (config_.gate) go_back(live_state_);
}

void Served::publish() {
  const std::string delta = publisher_.publish(candidate_, parameters_);
  send(delta);
  if (gate_.good_moves()) {
    good_ = publisher_.served();
    good_state_ = candidate_state_;
  }
  live_state_ = candidate_state_;
  if (exact_) load(*exact_, candidate_state_);
  note(GateVerdict::kPublish, delta.size(), "");
}

void Served::decide(GateVerdict verdict) {
  if (verdict == GateVerdict::kNone) return;
  if (verdict == GateVerdict::kPublish) {
    if (config_.control) controller_.choose();
    publish();
  } else if (verdict == GateVerdict::kWorse) {
    const bool back = gate_.learner_worse();
    note(verdict, 0,
         std::string("the candidate is worse than what is live") + (back ? "; the learner goes back" : ""));
    if (back) return go_back(live_state_);
  } else if (verdict == GateVerdict::kRollback) {
    const std::string delta = publisher_.roll_back(good_);
    send(delta);
    live_state_ = good_state_;
    note(verdict, delta.size(), "what was live was worse than the last good version");
    return go_back(good_state_);
  } else if (verdict == GateVerdict::kSuspect) {
    held_.clear();
    note(verdict, 0, "the labels teach nothing: nothing is published");
  } else if (verdict == GateVerdict::kTrusted) {
    note(verdict, 0, "the labels can be told again");
    if (gate_.learner_worse()) return go_back(live_state_);
  } else {
    note(verdict, 0, "");
  }
  drop_candidate();
  freeze();
}

void Served::observe(const Sample& sample, const std::string& segment) {
  ++row_;
  ++since_;
  const float label = sample.label;
  const double live = loss(score(sample), label);
  const double learner = loss(learner_.score(sample), label);
  const double rate = rate_loss(label);
  rate_n_ = std::min(rate_n_ + 1, kRateMemory);
  rate_ += (label - rate_) / rate_n_;
  const size_t alarms = drifts_.size();
  drift_.add(segment, std::min(live, 4.0) / 4, drifts_);
  if (config_.control && drifts_.size() > alarms) controller_.drift();
  live_sum_ = 0.995 * live_sum_ + live;
  learner_sum_ = 0.995 * learner_sum_ + learner;

  if (candidate_ == nullptr) {
    if (since_ >= controller_.interval()) {
      freeze();
      if (!config_.gate && candidate_ != nullptr) {
        publish();
        drop_candidate();
      }
    }
    if (!config_.gate) return;
  }
  GateLosses losses{.live = live, .candidate = live, .learner = learner, .rate = rate};
  if (candidate_ != nullptr) {
    losses.candidate = loss(parameters_.score_served(candidate_, sample), label);
    if (other_ != nullptr)
      controller_.compare(losses.candidate, loss(parameters_.score_served(other_, sample), label));
  }
  losses.good = good_ == publisher_.served() ? live : loss(parameters_.score_served(good_, sample), label);
  if (candidate_ == nullptr) return;
  const GateVerdict verdict = gate_.add(losses);
  if (gate_.suspect() && verdict == GateVerdict::kNone &&
      gate_.n() == 0) {  // A newer one for the next window.
    drop_candidate();
    return freeze();
  }
  if (verdict != GateVerdict::kNone && config_.control) {
    controller_.window(live_sum_, learner_sum_);
    parameters_.set_rate(factor_ * controller_.rate());
    gate_.set_judge(controller_.interval());
  }
  decide(verdict);
}

void Served::release(const std::function<void(const Sample&, double)>& give) {
  if (gate_.suspect()) return held_.clear();
  while (held_.size() > config_.quarantine) {
    give(held_.front().first, held_.front().second);
    held_.pop_front();
  }
}

Served::RoundingError Served::rounding_error() const {
  RoundingError error;
  const Image& image = *publisher_.served();
  double squares = 0;
  for (size_t table = 0; table < image.tables().size(); ++table) {
    std::vector<float> trained(image.tables()[table].dim), served(trained.size());
    for (uint32_t row = 0; row < image.rows_end(table); ++row) {
      if (!image.used(table, row) || !parameters_.read(table, image.key(table, row), trained.data()))
        continue;
      image.read(table, row, served.data());
      for (size_t d = 0; d < served.size(); ++d) {
        const double apart = std::fabs(served[d] - trained[d]);
        error.greatest = std::max(error.greatest, apart);
        squares += apart * apart;
        ++error.weights;
      }
    }
  }
  if (error.weights > 0) error.rms = std::sqrt(squares / static_cast<double>(error.weights));
  return error;
}

}  // namespace freshet
