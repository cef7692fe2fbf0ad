#include <algorithm>
#include <cmath>

#include "rank/ranker.h"
#include "rank/ranker_math.h"

namespace freshet {

using namespace ranker_math;

namespace {

constexpr size_t kTogether = 48;  // Candidates whose weights are fetched at once, and scored by the network.

struct Scratch {  // Of this thread.
  RankPage page;
  RankRow common;
  std::array<RankRow, kTogether> rows;
  DeepWeights::Asked deep;
  std::vector<DeepWeights::Logits> logits;
};

struct Share {  // Of a candidate, by one head:
  double worth = 0;
  double score = 0, linear = 0, deep = 0;  // What of it a unit of each logit is.
};

double secant(double from, double rate_from, double to, double rate_to) {
  constexpr double kNear = 1e-3;  // Rates are floats.
  if (std::abs(to - from) < kNear) return rate_from * (1 - rate_from);
  return (rate_to - rate_from) / (to - from);
}

double log_mean(double a, double b) {
  constexpr double kNear = 1e-3;
  const double apart = log_of(a) - log_of(b);
  return std::abs(apart) < kNear ? (a + b) / 2 : (a - b) / apart;
}

Scratch& scratch() {
  static thread_local Scratch one;
  return one;
}

}  // namespace

RankQuery::RankQuery(const Ranker& ranker, const RankAsked& asked, RankHeard heard)
    : ranker_(ranker),
      asked_(asked),
      kind_(ranker.parameters().kinds[static_cast<size_t>(asked.kind)]),
      of_(heard),
      heard_(kind_.voices.heard && kind_.clicks >= ranker.config_.clicks_min &&
             (of_ == RankHeard::kAll || !asked.steps.empty())),
      page_(scratch().page) {
  if (!ready()) return;
  const Ranker::Parameters& now = ranker.parameters();
  page_.assign(ranker.catalog_, ranker.contexts_.active(asked.region, asked.now_ms), asked, now.active,
               ranker.weights_.mask());
  scenario_ = now.scenarios.share(page_.scenario());
}

void RankQuery::judge(std::span<const RankCandidate> candidates, const RankObjective& objective,
                      std::vector<RankVerdict>& out) const {
  out.assign(candidates.size(), {});
  if (!ready()) return;
  for (const RankCandidate& one : candidates) ranker_.catalog_.fetch(one.item);
  Scratch& at = scratch();
  const DeepWeights& deep = ranker_.deep_;
  const bool asks_deep = of_ == RankHeard::kAll && kind_.voices.asks_deep() && at.deep.begin(deep);
  // The deep learner looks at the page, too; to the linear one that is the same for all candidates.
  at.common.count = 0;
  if (asks_deep) page_.page_cells(at.common);
  constexpr DeepWeights::Logits kNothing{};
  for (size_t from = 0; from < candidates.size(); from += kTogether) {
    const size_t n = std::min(kTogether, candidates.size() - from);
    for (size_t i = 0; i < n; ++i) {
      const RankCandidate& one = candidates[from + i];
      RankRow& row = at.rows[i];
      row.count = 0;
      const ItemRecord* item = ranker_.catalog_.item(one.item);
      if (item == nullptr) continue;
      row.assign(at.common.all());
      item_row(*item, one, row);
      ranker_.weights_.fetch(row.all());
      if (asks_deep) deep.fetch(row.all());
    }
    if (asks_deep) at.deep.score({at.rows.data(), n}, at.logits);
    for (size_t i = 0; i < n; ++i)
      judge_one(at.rows[i].all(), candidates[from + i], objective, asks_deep ? at.logits[i] : kNothing,
                out[from + i]);
  }
}

void RankQuery::item_row(const ItemRecord& item, const RankCandidate& candidate, RankRow& out) const {
  page_.item_cells(item, candidate.item, candidate.base, candidate.match,
                   ranker_.counts_of(asked_.shopper, item, asked_.now_ms), out);
}

void RankQuery::row_of(const RankCandidate& candidate, RankRow& out) const {
  out.count = 0;
  const ItemRecord* item = ranker_.catalog_.item(candidate.item);
  if (item == nullptr) return;
  page_.page_cells(out);
  item_row(*item, candidate, out);
}

// A lift is told in parts as it is made of logits. The worth of a candidate is a sum over heads and voices of
// weight . sigmoid(logit), and the lift the logarithm of what all logits together make of it:
//
//   full - without = sum weight . secant . (logit - its beginning)           secant: of the sigmoid, between
//   both ln full - ln without = (full - without) / L(full, without)               L: the logarithmic mean
//
// so parts add up to the lift, however far a logit is beyond where the rate still follows it. What a purchase
// is worth stands before the sigmoid, and is a part of its own.
void RankQuery::judge_one(std::span<const uint32_t> row, const RankCandidate& candidate,
                          const RankObjective& objective, const DeepWeights::Logits& deep,
                          RankVerdict& out) const {
  const double slope = std::max(kind_.plain[0].slope(), kSlopeMin[static_cast<size_t>(asked_.kind)]);
  const PlainModel::Row x =
      PlainModel::row(static_cast<double>(candidate.base), kUsual[static_cast<size_t>(asked_.kind)], 0);
  const double weights[Ranker::kHeads] = {objective.click, objective.cart, objective.purchase};
  const bool all = of_ == RankHeard::kAll;
  const uint32_t groups = all ? ~kNotOfCandidates : kOfShopper;
  constexpr std::array<double, kRankVoices> kLinearAlone = {1};
  const std::array<double, kRankVoices>& voices = all ? kind_.voices.weight : kLinearAlone;
  Share shares[Ranker::kHeads];
  GaussWeights::Sums sums[Ranker::kHeads];
  // With all that is known; by its score alone; and that with what a purchase is worth.
  double full = 0, plain = 0, without = 0;
  for (size_t head = 0; head < Ranker::kHeads; ++head) {
    if (weights[head] <= 0) continue;
    ranker_.weights_.sum(row, head, groups, sums[head]);
    const double worth = weights[head] * (head == 2 ? candidate.value : 1);
    const double logit = kind_.plain[head].logit(x),
                 score = static_cast<double>(sums[head].mean[kScoreGroup]);
    const double linear = all ? residual(sums[head], scenario_) - score : of_shopper(sums[head]);
    // Who asks changes neither what an item is worth nor what its score is.
    const double from = all ? logit : logit + score, rate = sigmoid(from);
    Share& share = shares[head];
    for (size_t v = 0; v < kRankVoices; ++v) {
      if (voices[v] <= 0) continue;
      const double to =
          logit + score + kVoices[v].linear * linear + kVoices[v].deep * static_cast<double>(deep[head]);
      const double p = sigmoid(to), weight = voices[v] * worth, steep = weight * secant(from, rate, to, p);
      share.worth += weight * p;
      share.score += steep;
      share.linear += kVoices[v].linear * steep;
      share.deep += kVoices[v].deep * steep;
    }
    full += share.worth;
    plain += all ? weights[head] * rate : worth * rate;
    without += worth * rate;
  }
  if (full <= 0 || plain <= 0) return;
  out.lift = (log_of(full) - log_of(plain)) / slope;
  if (without != plain) out.parts[kValuePart] = (log_of(without) - log_of(plain)) / slope;
  const double of_logits = 1 / (log_mean(full, without) * slope), of_worth = 1 / (full * slope);
  for (size_t head = 0; head < Ranker::kHeads; ++head) {
    if (shares[head].worth <= 0) continue;
    for (size_t g = 0; g < kRankGroups; ++g) {
      if ((groups >> g & 1) == 0) continue;
      const double share = g == kScoreGroup      ? shares[head].score
                           : g == kScenarioGroup ? shares[head].linear * scenario_
                                                 : shares[head].linear;
      out.parts[g] += of_logits * share * static_cast<double>(sums[head].mean[g]);
    }
    out.parts[kDeepPart] += of_logits * shares[head].deep * static_cast<double>(deep[head]);
    // What is not known of the linear one stands for what is not known of both.
    out.deviation +=
        of_worth * shares[head].worth * std::sqrt(static_cast<double>(std::max(sums[head].variance, 0.0f)));
  }
}

std::string_view rank_part_name(size_t part) {
  if (part == kValuePart) return "value";
  return part == kDeepPart ? "together" : rank_group_name(static_cast<RankGroup>(part));
}

std::string_view rank_part_reason(size_t part) {
  if (part == kValuePart) return "what a purchase of it is worth";
  return part == kDeepPart ? "how all of this goes together"
                           : rank_group_reason(static_cast<RankGroup>(part));
}

std::string_view rank_part_sentence(size_t part) {
  if (part == kDeepPart) return "often chosen in a visit like yours";
  if (part == kValuePart) return "";
  switch (static_cast<RankGroup>(part)) {
    case RankGroup::kItem:
      return "often chosen by shoppers";
    case RankGroup::kKind:
      return "of a kind that shoppers often choose";
    case RankGroup::kPrice:
      return "at a price that shoppers often choose";
    case RankGroup::kAttribute:
      return "has what shoppers often choose";
    case RankGroup::kTaste:
      return "like what you chose before";
    case RankGroup::kVisit:
      return "like what you looked at lately";
    case RankGroup::kLately:
      return "chosen more than usual lately";
    case RankGroup::kMoment:
      return "often chosen at this time";
    case RankGroup::kContext:
      return "often chosen where you are, on a day like this";
    case RankGroup::kScenario:
      return "often chosen on days like this";
    default:  // Its score, its place; and what was seen may be for it because it is new.
      return "";
  }
}

}  // namespace freshet
