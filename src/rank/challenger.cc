#include "rank/challenger.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace freshet {

GaussWeights::Config challenger_config(GaussWeights::Config base, const RankerChallenger& of) {
  for (float& prior : base.prior) prior *= static_cast<float>(of.prior);
  base.caution = static_cast<float>(of.caution);
  return base;
}

Challenger::Challenger(RankerChallenger of, const GaussWeights::Config& config,
                       std::span<const uint64_t> words)
    : of_(std::move(of)), weights_(std::make_unique<GaussWeights>(challenger_config(config, of_))) {
  weights_->set_direct(true);
  if (!words.empty()) weights_->replace(words);
}

void Challenger::page(double learner_loss, double own_loss) {
  const double gain = std::clamp(learner_loss - own_loss, -kClip, kClip) / kClip;
  better_.add(gain);
  worse_.add(-gain);
  better_most_ = std::max(better_most_, better_.log_wealth());
  worse_most_ = std::max(worse_most_, worse_.log_wealth());
}

void Challenger::compare_anew() {
  better_.restart();
  worse_.restart();
  better_most_ = worse_most_ = 0;
}

double Challenger::needed(size_t of) {
  return std::log(static_cast<double>(std::max<size_t>(of, 1)) / kAlpha);
}

ChallengerReport Challenger::report(size_t of) const {
  return {.of = of_,
          .pages = better_.n(),
          .difference = better_.mean() * kClip,
          .log_wealth_better = better_.log_wealth(),
          .log_wealth_worse = worse_.log_wealth(),
          .log_wealth_needed = needed(of),
          .better = better(of),
          .worse = worse(of)};
}

namespace {

void save_named(Writer& out, const RankerChallenger& of) {
  out.str(of.name);
  out.u8(static_cast<uint8_t>(of.learner));
  out.f64(of.prior);
  out.f64(of.caution);
  out.u8(of.promote ? 1 : 0);
}

Error cut_short() {
  return corrupt("ranker: challenger cut short");
}

Result<RankerChallenger> load_named(Reader& in, std::string name) {
  RankerChallenger of;
  of.name = std::move(name);
  of.learner =
      static_cast<RankLearner>(std::min<uint8_t>(in.u8(), static_cast<uint8_t>(RankLearner::kEnsemble)));
  of.prior = in.f64();
  of.caution = in.f64();
  of.promote = in.u8() != 0;
  if (!in.ok() || of.name.empty() || !(of.prior > 0) || !(of.caution > 0)) return cut_short();
  return of;
}

}  // namespace

void Challenger::save(Writer& out) const {
  save_named(out, of_);
  weights_->save(out);
  better_.save(out);
  worse_.save(out);
  out.f64(better_most_);
  out.f64(worse_most_);
}

Result<Challenger> Challenger::load(Reader& in, const GaussWeights::Config& config, std::string name,
                                    bool has_most) {
  TRY(RankerChallenger of, load_named(in, std::move(name)));
  Challenger one(std::move(of), config, {});
  TRY_STATUS(one.weights_->load(in));
  one.weights_->set_direct(true);
  one.better_.load(in);
  one.worse_.load(in);
  one.better_most_ = has_most ? in.f64() : one.better_.log_wealth();
  one.worse_most_ = has_most ? in.f64() : one.worse_.log_wealth();
  if (!in.ok()) return cut_short();
  return one;
}

const Challenger* Challengers::find(std::string_view name) const {
  const auto found =
      std::find_if(begin(), end(), [&](const Challenger& one) { return one.of().name == name; });
  return found == end() ? nullptr : &*found;
}

bool Challengers::asks_deep() const {
  return std::any_of(begin(), end(),
                     [](const Challenger& one) { return one.of().learner != RankLearner::kLinear; });
}

bool Challengers::promoted_among(std::span<const RankerChallenger> named) const {
  const auto has_place = [&](const RankerChallenger& one) { return one.name == promoted_; };
  const auto was = std::find_if(named_.begin(), named_.end(), has_place);
  return was != named_.end() && std::find(named.begin(), named.end(), *was) != named.end();
}

void Challengers::name(std::vector<RankerChallenger> named, const GaussWeights::Config& config,
                       const GaussWeights& from) {
  if (!promoted_among(named)) take_back();
  std::vector<Challenger> learning;
  std::vector<uint64_t> words;
  for (const RankerChallenger& of : named) {
    if (of.name == promoted_) continue;
    const auto goes_on = std::find_if(begin(), end(), [&](const Challenger& one) { return one.of() == of; });
    if (goes_on != end()) {
      learning.push_back(std::move(*goes_on));
      learning_.erase(goes_on);
      continue;
    }
    if (words.empty()) words = from.trained_words();
    learning.emplace_back(of, config, words);
  }
  learning_ = std::move(learning);
  named_ = std::move(named);
}

void Challengers::promote(std::string name, const GaussWeights::Config& config, const GaussWeights& from) {
  promoted_ = std::move(name);
  this->name(std::vector<RankerChallenger>(named_), config, from);
  for (Challenger& one : learning_) one.compare_anew();
}

const Challenger* Challengers::winner() const {
  const Challenger* most = nullptr;
  for (const Challenger& one : learning_) {
    if (!one.of().promote || !one.better(size())) continue;
    if (most == nullptr || one.report(size()).log_wealth_better > most->report(size()).log_wealth_better)
      most = &one;
  }
  return most;
}

std::vector<ChallengerReport> Challengers::reports() const {
  std::vector<ChallengerReport> out;
  for (const Challenger& one : learning_) out.push_back(one.report(size()));
  return out;
}

size_t Challengers::bytes() const {
  size_t sum = 0;
  for (const Challenger& one : learning_) sum += one.bytes();
  return sum;
}

void Challengers::save(Writer& out) const {
  out.varint(named_.size());
  for (const RankerChallenger& of : named_) save_named(out, of);
  out.str(promoted_);
  out.varint(learning_.size());
  for (const Challenger& one : learning_) one.save(out);
}

Status Challengers::load(Reader& in, const GaussWeights::Config& config) {
  *this = {};
  const uint64_t named = in.varint();
  if (named > kChallengersMax) return cut_short();
  for (uint64_t n = 0; n < named; ++n) {
    TRY(RankerChallenger of, load_named(in, std::string(in.str())));
    named_.push_back(std::move(of));
  }
  promoted_ = in.str();
  const uint64_t learning = in.varint();
  if (learning > named) return cut_short();
  for (uint64_t n = 0; n < learning; ++n) {
    TRY(Challenger one, Challenger::load(in, config, std::string(in.str()), true));
    learning_.push_back(std::move(one));
  }
  return in.ok() ? Status() : Status(cut_short());
}

Status Challengers::load_one(Reader& in, const GaussWeights::Config& config,
                             std::vector<RankerChallenger> named) {
  *this = {};
  named_ = std::move(named);
  std::string name(in.str());
  if (!in.ok()) return cut_short();
  if (name.empty()) {
    if (!named_.empty()) promoted_ = named_.front().name;
    return {};
  }
  TRY(Challenger one, Challenger::load(in, config, std::move(name), false));
  learning_.push_back(std::move(one));
  return {};
}

}  // namespace freshet
