// The ranker's lessons: judged before they are learned, learned, and led back to.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <utility>

#include "rank/ranker.h"
#include "rank/ranker_math.h"

namespace freshet {

using namespace ranker_math;

namespace {

constexpr double kLossKeeps = 1 - 1e-3;
constexpr uint64_t kToldEvery = 1024;   // Examples from one report of what features are worth to the next.
constexpr uint64_t kReplayedEach = 16;  // Lessons of the reservoir, with each event.

}  // namespace

void Ranker::configure(const RankerUpdates& updates) {
  if (updates == publication_.updates()) return;
  const bool hybrid = updates.mode == RankerUpdates::Mode::kHybrid;
  publication_.configure(updates);
  if (!hybrid) reservoir_.clear();
  publish();
}

void Ranker::choose(RankLearner learner, double prior, double caution) {
  challengers_.take_back();
  now_.promoted.clear();
  if (learner == now_.learner && prior == now_.prior && caution == now_.caution) return;
  if (prior != now_.prior || caution != now_.caution)
    weights_.assume(challenger_config(weights_config(config_), {.prior = prior, .caution = caution}));
  for (Kind& kind : now_.kinds) kind.voices.heard = false;  // Who is asked now has to have proved himself.
  now_.learner = learner;
  now_.prior = prior;
  now_.caution = caution;
  chosen_ = true;
  for (Challenger& one : challengers_) one.compare_anew();  // With who is asked from now on.
  tell_of_challengers();
  publish();
}

void Ranker::challenge(const std::vector<RankerChallenger>& named) {
  challengers_.name(named, weights_config(config_), weights_);
  tell_of_challengers();
  publish();
}

void Ranker::settings_changed(const RankerSettings& before, const RankerSettings& after) {
  configure(after.updates);
  const bool declares =
      before.learner != after.learner || before.prior != after.prior || before.caution != after.caution;
  if (!declares && before.challengers == after.challengers) return;
  if (declares || !challengers_.promoted_among(after.challengers))
    choose(after.learner, after.prior, after.caution);
  challenge(after.challengers);
}

// What is heard in searches has to prove itself anew when it is another opinion.
void Ranker::heed_settings() {
  const RankHeard heard =
      settings_.book().published->settings.ranker.search_weight > 0 ? RankHeard::kAll : RankHeard::kShopper;
  if (heard == now_.searches) return;
  now_.searches = heard;
  beliefs_.restart(RankKind::kSearch);
  publish();
}

void Ranker::tell_of_challengers() {
  now_.challengers = challengers_.reports();
  now_.promoted = challengers_.promoted();
}

// What it has learned is what answers and learns from now on, in its configuration.
void Ranker::promote_challenger(const Challenger& winner) {
  weights_.assume(winner.weights().config());
  if (const std::vector<uint64_t> words = winner.weights().trained_words(); !words.empty())
    weights_.replace(words);
  now_.prior = winner.of().prior;
  now_.caution = winner.of().caution;
  now_.learner = winner.of().learner;
  if (!publication_.direct())  // What it was judged with beside its own weights.
    for (ServedPart* part : std::initializer_list<ServedPart*>{&plain_, &deep_, &beliefs_}) {
      part->discard();
      part->catch_up();
    }
  challengers_.promote(winner.of().name, weights_config(config_), weights_);  // There is no winner() now.
  tell_of_challengers();
  publication_.promoted(when(), "challenger " + challengers_.promoted());
}

void Ranker::freeze() {
  frozen_ = true;
  for (ServedPart* part : parts()) {
    part->discard();
    part->catch_up();
    part->set_direct(true);
  }
  publish();
}

// What it learned by: enough to learn the same again.
std::map<std::string, std::string> Ranker::facts() const {
  const PublicationReport report = publication_.report();
  const SettingsVersion& published = *settings_.book().published;
  const RankerSettings& settings = published.settings.ranker;
  const RankerUpdates& updates = report.updates;
  const auto number = [](double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", value);
    return std::string(text);
  };
  return {
      {"mode", std::string(update_mode_name(updates.mode))},
      {"offset", std::to_string(at_)},
      {"lessons", std::to_string(now_.examples)},
      {"log_loss", std::to_string(report.recent_loss)},
      {"learner", std::string(rank_learner_name(now_.learner))},
      {"prior", number(now_.prior)},
      {"caution", number(now_.caution)},
      {"settings", std::to_string(published.number)},
      {"objective", "click " + number(settings.click) + ", cart " + number(settings.cart) + ", purchase " +
                        number(settings.purchase) + " x " + (settings.value.empty() ? "1" : settings.value)},
      {"pages", std::to_string(updates.pages)},
      {"gate", updates.gate ? "on" : "off"},
      {"adapt", updates.adapt ? "on" : "off"},
      {"drift", number(updates.drift)},
      {"replay", number(updates.replay)},
      {"weight_bits", std::to_string(config_.weight_bits)},
      {"deep_bits", std::to_string(config_.deep_bits)},
      {"features", std::to_string(std::popcount(now_.active)) + " of " + std::to_string(kRankFeatures)},
      {"scenarios", now_.scenarios.text()}};
}

void Ranker::keep_version(uint64_t number) {
  if (versioned_ms_ != kNoTime && moment_.now_ms - versioned_ms_ < kHourMs) return;
  versioned_ms_ = moment_.now_ms;
  if (!on_version_) return;
  RankVersion version{.number = number, .offset = at_, .time_ms = moment_.now_ms, .facts = {}, .parts = {}};
  version.facts = facts();
  for (ServedPart* part : parts()) version.parts.push_back({std::string(part->part()), part->version()});
  on_version_(std::move(version));
}

std::vector<PartShape> Ranker::shape() const {
  std::vector<PartShape> out;
  for (const ServedPart* own :
       std::initializer_list<const ServedPart*>{&weights_, &plain_, &deep_, &beliefs_})
    out.push_back({own->part(), own->words()});
  return out;
}

Status Ranker::check(const std::vector<VersionPart>& given) const {
  std::vector<PartShape> named;
  named.reserve(given.size());
  for (const VersionPart& part : given) named.push_back({part.name, part.words.size()});
  TRY_STATUS(check_shape(named, shape()));
  for (const uint64_t word : given[1].words)
    if (!std::isfinite(std::bit_cast<double>(word)))
      return invalid("model: part \"plain\" has a number that is not finite");
  if (!deep_.fits(given[2].words)) return invalid("model: part \"deep\" has a number that is not finite");
  if (!BeliefPart::fits(given[3].words))
    return invalid("model: part \"experts\" has a sum of losses that is none");
  return {};
}

// What people decide (settings_event): a version goes back, or another one is put in place.
void Ranker::operate(const Event& event) {
  if (std::exchange(chosen_, false)) {
    char text[96];
    std::snprintf(text, sizeof text, "%s, prior %.3g, caution %.3g, as the settings say",
                  std::string(rank_learner_name(now_.learner)).c_str(), now_.prior, now_.caution);
    publication_.configured(when(), text);
  }
  if (event.name == "model-rollback") {
    if (!publication_.roll_back(when()).ok()) return;
  } else if (event.name == "model-challenger") {
    const Challenger* named = challengers_.find(event.value);
    if (named == nullptr) return;
    promote_challenger(*named);
  } else if (event.name == "model-part") {
    coming_.add(event);
    return;
  } else if (event.name == "model-promote") {
    const Result<std::string> bytes = coming_.take();
    if (!bytes.ok()) return;
    const Result<std::vector<VersionPart>> given = read_bundle(*bytes, shape());
    if (!given.ok() || !check(*given).ok()) return;
    const std::vector<ServedPart*> own = parts();
    for (size_t i = 0; i < own.size(); ++i) own[i]->replace((*given)[i].words);
    publication_.promoted(when(), event.value);
  } else {
    return;
  }
  publish();
}

Ranker::Logits Ranker::study(const RankLesson& lesson) {
  if (on_lesson_) on_lesson_(lesson);
  const Logits before = take_in(lesson);
  ++now_.examples;
  if (lesson.head == 0 && !lesson.open && std::isnan(lesson.drawn))
    count(lesson.kind, loss_of(lesson, before.plain), loss_of(lesson, before.full));
  return before;
}

void Ranker::count(RankKind kind, double plain_loss, double full_loss) {
  Kind& counted = now_.kinds[static_cast<size_t>(kind)];
  const double takes = 1 - kLossKeeps;
  counted.plain_loss = counted.plain_loss * kLossKeeps + takes * plain_loss;
  counted.full_loss = counted.full_loss * kLossKeeps + takes * full_loss;
}

// All that learn, from one lesson; what they said before.
Ranker::Logits Ranker::take_in(const RankLesson& lesson) {
  const auto kind = static_cast<size_t>(lesson.kind);
  const double plain = plain_.table(RankCopy::kTrained)[kind][lesson.head].logit(lesson.plain);
  if (challenged())
    for (Challenger& one : challengers_) one.learn(lesson, static_cast<float>(plain));
  if (learns_deep()) {  // Its offset: all but what the linear one says of the candidate itself.
    const GaussWeights::Said said = weights_.say(
        lesson.row, lesson.head, copy_bit(RankCopy::kTrained))[static_cast<size_t>(RankCopy::kTrained)];
    deep_.learn(lesson.row, lesson.head, static_cast<float>(plain) + said.place + said.score, lesson.label,
                lesson.weight, lesson.taken);
  }
  const float full = weights_.learn(lesson.row, lesson.head, static_cast<float>(plain), lesson.label,
                                    lesson.weight, lesson.taken);
  plain_.learn(kind, lesson.head, lesson.plain, static_cast<double>(lesson.label),
               static_cast<double>(lesson.weight), static_cast<double>(lesson.taken));
  return {plain, static_cast<double>(full)};
}

// What its features, and the adjustment of its scenario, are worth to a lesson that comes.
void Ranker::weigh(const RankLesson& lesson) {
  const double plain =
      plain_.table(RankCopy::kTrained)[static_cast<size_t>(lesson.kind)][lesson.head].logit(lesson.plain);
  const uint32_t scenario = scenario_of(lesson.row);
  const bool look = importance_.due();
  std::array<float, kRankFeatures> parts;
  if (!look && scenario == 0) return importance_.pass();
  weights_.parts(lesson.row, lesson.head, parts);
  double logit = plain, adjustment = 0;
  for (size_t f = 0; f < kRankFeatures; ++f) {
    logit += static_cast<double>(parts[f]);
    if (kGroupOf[f] == RankGroup::kScenario) adjustment += static_cast<double>(parts[f]);
  }
  if (!std::isnan(lesson.drawn)) logit = plain + static_cast<double>(lesson.drawn);
  const auto label = static_cast<double>(lesson.label), weight = static_cast<double>(lesson.weight);
  if (scenario != 0)
    now_.scenarios.learn(scenario, weight * log_loss(logit, label),
                         weight * log_loss(logit - adjustment, label));
  if (!look) return importance_.pass();
  importance_.look(lesson.row, parts, logit, plain, label, weight, moment_.time_ms);
  if (importance_.examples() % kToldEvery < Importance::kEvery)
    now_.importance = std::make_shared<const Importance>(importance_);
}

// What measuring says, and what the shop keeps in or out.
uint64_t Ranker::features_made() const {
  const RankerSettings& settings = settings_.book().published->settings.ranker;
  uint64_t made = settings.retire ? importance_.active() : kAllFeatures;
  const auto bit_of = [](const std::string& name) {
    const std::optional<RankFeature> found = find_rank_feature(name);
    return found ? uint64_t{1} << static_cast<size_t>(*found) : 0;
  };
  for (const std::string& name : settings.keep) made |= bit_of(name);
  for (const std::string& name : settings.drop) made &= ~bit_of(name);
  return made;
}

// A few lessons of the pass that is under way, weaker than new ones. What is old makes nothing less certain:
// no drift, or each pass would forget the more the longer the reservoir is.
void Ranker::replay() {
  if (!publication_.replaying()) return;
  const auto share = static_cast<float>(publication_.updates().replay);
  const float drift = weights_.drift();
  std::vector<float> challengers;
  weights_.set_drift(0);
  for (Challenger& one : challengers_) {
    challengers.push_back(one.drift());
    one.set_drift(0);
  }
  for (uint64_t n = 0; n < kReplayedEach && replay_at_ < reservoir_.size(); ++n, ++replay_at_) {
    RankLesson lesson = reservoir_.lesson(replay_at_);
    lesson.weight *= share;
    lesson.taken *= share;
    if (share > 0) take_in(lesson);
  }
  weights_.set_drift(drift);
  size_t place = 0;
  for (Challenger& one : challengers_) one.set_drift(challengers[place++]);
  deep_.settle();
  if (replay_at_ >= reservoir_.size()) publication_.replayed(when());
}

double Ranker::loss(const RankLesson& lesson) const {
  const auto said = weights_.say(lesson.row, lesson.head, copy_bit(RankCopy::kTrained));
  const double logit =
      plain_.table(RankCopy::kTrained)[static_cast<size_t>(lesson.kind)][lesson.head].logit(lesson.plain) +
      static_cast<double>(said[static_cast<size_t>(RankCopy::kTrained)].all());
  return loss_of(lesson, logit);
}

void Ranker::forget() {
  weights_.clear();
  deep_.clear();
  plain_.forget();
  publish();
}

}  // namespace freshet
