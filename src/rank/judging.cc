// Pages with a click judge what the ranker says: which copy of the parameters may live (rank/publication.h),
// whether a challenger is better (rank/challenger.h), and who is believed (rank/experts.h).
#include <algorithm>
#include <cmath>

#include "rank/ranker.h"
#include "rank/ranker_math.h"

namespace freshet {

using namespace ranker_math;

namespace {

double probability(const RankBelief::Voices& voices, const RankOpinion& said) {
  double p = 0;
  for (size_t v = 0; v < kRankVoices; ++v)
    if (voices.weight[v] > 0)
      p += voices.weight[v] *
           sigmoid(said.plain + kVoices[v].linear * said.linear + kVoices[v].deep * said.deep);
  return p;
}

}  // namespace

// What each copy of the parameters says of the places of a page, and each challenger.
struct Ranker::PageOpinions {
  struct Place {
    bool known = false, has_base = false;
    double looked = 1;
    std::array<RankOpinion, kRankCopies> by;
  };
  size_t kind = 0;
  std::vector<Place> places;
  std::vector<std::vector<RankOpinion>> challengers;  // Of each, of all places.

  size_t known() const {
    return static_cast<size_t>(
        std::count_if(places.begin(), places.end(), [](const Place& one) { return one.known; }));
  }
  // Nats of the clicked place, given that one was clicked; of(place): the opinion.
  template <class Of>
  double loss(uint32_t clicked, const RankBelief::Voices& voices, const Of& of) const {
    double all = 0, that = 0;
    for (size_t i = 0; i < places.size(); ++i) {
      if (!places[i].known) continue;
      const double p = probability(voices, of(i)) * places[i].looked;
      all += p;
      if (i == clicked) that = p;
    }
    return -log_of(that / all);
  }
};

Ranker::PageOpinions Ranker::opinions(const Note& note, const ShownPage& page) {
  PageOpinions out;
  out.kind = static_cast<size_t>(note.kind);
  out.places.resize(note.ends.size());
  if (challenged()) out.challengers.assign(challengers_.size(), std::vector<RankOpinion>(out.places.size()));
  const bool shopper = hears_shopper(note.kind);
  uint32_t copies = 0;
  if (!publication_.direct()) copies |= copy_bit(RankCopy::kTrained);
  for (size_t i = 0; i < out.places.size(); ++i) {
    const std::span<const uint32_t> row = note.row(i);
    if (row.empty()) continue;
    PageOpinions::Place& place = out.places[i];
    place.known = true;
    place.has_base = !std::isnan(note.bases[i]);
    place.looked = looked_at(note.kind, page, static_cast<uint32_t>(i));
    const PlainModel::Row x = plain_row(note, page, static_cast<uint32_t>(i));
    const double scenario = now_.scenarios.share(scenario_of(row));
    const auto put = [&](RankCopy copy, const GaussWeights::Said& said, RankOpinion& to) {
      // What scores are worth, bend by bend, is no opinion of its own: all are given it.
      to.plain = plain_.table(copy)[out.kind][0].logit(x) + static_cast<double>(said.place + said.score);
      to.linear = shopper ? (note.known ? static_cast<double>(said.shopper) : 0)
                          : static_cast<double>(said.rest + said.shopper) +
                                scenario * static_cast<double>(said.scenario);
    };
    const std::array<GaussWeights::Said, kRankCopies> said = weights_.say(row, 0, copies);
    for (size_t c = 0; c < kRankCopies; ++c) put(static_cast<RankCopy>(c), said[c], place.by[c]);
    size_t c = 0;
    for (std::vector<RankOpinion>& challenger : out.challengers)
      put(RankCopy::kTrained, (challengers_.begin() + c++)->say(row), challenger[i]);
  }
  if (learns_deep() && !shopper) ask_deep(note, out);
  take_said(note, out);
  return out;
}

// Where each place has been learned as a zero since it was shown, what learns is judged by what it said
// before.
void Ranker::take_said(const Note& note, PageOpinions& out) const {
  const size_t n = out.places.size();
  if (note.said.empty() || note.said.size() != n * (1 + out.challengers.size())) return;
  for (size_t i = 0; i < n; ++i) {
    out.places[i].by[static_cast<size_t>(RankCopy::kTrained)] = note.said[i];
    if (publication_.direct()) out.places[i].by[static_cast<size_t>(RankCopy::kLive)] = note.said[i];
    for (size_t c = 0; c < out.challengers.size(); ++c) out.challengers[c][i] = note.said[(c + 1) * n + i];
  }
}

void Ranker::keep_said(Note& note, const ShownPage& page) {
  const PageOpinions now = opinions(note, page);
  const auto newest = static_cast<size_t>(publication_.direct() ? RankCopy::kLive : RankCopy::kTrained);
  for (const PageOpinions::Place& place : now.places) note.said.push_back(place.by[newest]);
  for (const std::vector<RankOpinion>& challenger : now.challengers)
    note.said.insert(note.said.end(), challenger.begin(), challenger.end());
}

void Ranker::ask_deep(const Note& note, PageOpinions& said) {
  std::vector<RankRow> rows(said.places.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i].assign(note.row(i));
  std::vector<DeepWeights::Logits> logits;
  for (size_t c = 0; c < kRankCopies; ++c) {
    const auto copy = static_cast<RankCopy>(c);
    if (copy == RankCopy::kTrained && publication_.direct()) continue;
    if (!deep_asked_.begin(deep_, copy)) continue;
    deep_asked_.score(rows, logits);
    for (size_t i = 0; i < rows.size(); ++i) said.places[i].by[c].deep = static_cast<double>(logits[i][0]);
  }
  const RankCopy newest = publication_.direct() ? RankCopy::kLive : RankCopy::kTrained;
  for (std::vector<RankOpinion>& challenger : said.challengers)
    for (size_t i = 0; i < challenger.size(); ++i)
      challenger[i].deep = said.places[i].by[static_cast<size_t>(newest)].deep;
}

void Ranker::judge(const ShownPage& page, uint32_t clicked) {
  const Note* note = note_of(page);
  if (note == nullptr || clicked >= note->ends.size()) return;
  ++now_.kinds[static_cast<size_t>(note->kind)].clicks;
  const PageOpinions said = opinions(*note, page);
  guard(said, clicked);
  // Where what is known of the shopper is heard, a page for nobody known says nothing of it.
  if (hears_shopper(note->kind) && !note->known) return;
  if (!note->ranked && !publication_.standing()) believe(said, clicked);
}

// A page with a click tells which copy of the parameters knew best which place that would be, given that one
// was clicked, by the voices as that copy believes them. Unlike the losses of lessons this does not depend on
// how many pages are open, and is what an order is made of.
void Ranker::guard(const PageOpinions& said, uint32_t clicked) {
  const size_t known = said.known();
  if (known < 2 || !said.places[clicked].known) return;
  const auto kind = static_cast<RankKind>(said.kind);
  const auto voices = [&](RankCopy copy, RankLearner learner) {
    return beliefs_.table(copy)[said.kind].voices(learner);
  };
  const auto loss = [&](RankCopy copy) {
    return said.loss(clicked, voices(copy, asked_of(kind)), [&](size_t i) -> const RankOpinion& {
      return said.places[i].by[static_cast<size_t>(copy)];
    });
  };
  GateLosses losses{.live = loss(RankCopy::kLive),
                    .candidate = loss(RankCopy::kCandidate),
                    .good = loss(RankCopy::kGood),
                    .learner = 0,
                    .rate = log_of(static_cast<double>(known))};
  losses.learner = publication_.direct() ? losses.live : loss(RankCopy::kTrained);
  if (challenged()) {
    const RankCopy newest = publication_.direct() ? RankCopy::kLive : RankCopy::kTrained;
    size_t c = 0;
    // With what learns as it does: what is live may be a day old, so that the same configuration would win.
    for (Challenger& one : challengers_) {
      const std::vector<RankOpinion>& its = said.challengers[c++];
      const RankLearner asked = hears_shopper(kind) ? RankLearner::kLinear : one.of().learner;
      one.page(losses.learner, said.loss(clicked, voices(newest, asked),
                                         [&](size_t i) -> const RankOpinion& { return its[i]; }));
    }
    now_.challengers = challengers_.reports();
    if (const Challenger* winner = challengers_.winner()) return promote_challenger(*winner);
  }
  publication_.page(losses, rank_kind_name(kind), when());
}

// How likely did each expert take the clicked place to be, with what is live?
void Ranker::believe(const PageOpinions& said, uint32_t clicked) {
  std::array<double, kRankExperts> all{}, that{};
  size_t known = 0;
  for (size_t i = 0; i < said.places.size(); ++i) {
    const PageOpinions::Place& place = said.places[i];
    if (!place.known || !place.has_base) continue;
    ++known;
    const RankOpinion& live = place.by[static_cast<size_t>(RankCopy::kLive)];
    for (size_t e = 0; e < kRankExperts; ++e) {
      const RankVoice& voice = kVoices[kExperts[e].voice];
      const double p =
          sigmoid(live.plain + kExperts[e].share * (voice.linear * live.linear + voice.deep * live.deep)) *
          place.looked;
      all[e] += p;
      if (i == clicked) that[e] = p;
    }
  }
  if (known < 2 || that[0] == 0) return;
  RankBelief::Losses losses;
  for (size_t e = 0; e < kRankExperts; ++e) losses[e] = -log_of(that[e] / all[e]);
  beliefs_.learn(said.kind, losses);
}

}  // namespace freshet
