// Pages with a click judge what the ranker says: which copy of the parameters may live (rank/publication.h),
// whether the challenger is better (rank/challenger.h), and who is believed (rank/experts.h).
#include <cmath>

#include "rank/ranker.h"
#include "rank/ranker_math.h"

namespace freshet {

using namespace ranker_math;

namespace {

constexpr std::string_view kKindNames[] = {"search", "for-you", "next", "related", "other"};

// What is said of a place, of its first head.
struct Opinion {
  double plain = 0;             // What its score and its place are worth,
  double linear = 0, deep = 0;  // and what the learners say beyond that.
};

double probability(const RankBelief::Voices& voices, const Opinion& said) {
  double p = 0;
  for (size_t v = 0; v < kRankVoices; ++v)
    if (voices.weight[v] > 0)
      p += voices.weight[v] *
           sigmoid(said.plain + kVoices[v].linear * said.linear + kVoices[v].deep * said.deep);
  return p;
}

}  // namespace

// What each copy of the parameters says of the places of a page, and the challenger.
struct Ranker::PageOpinions {
  struct Place {
    bool known = false, has_base = false;
    double looked = 1;
    std::array<Opinion, kRankCopies> by;
    Opinion challenger;
  };
  size_t kind = 0;
  std::vector<Place> places;
};

Ranker::PageOpinions Ranker::opinions(const Note& note, const ShownPage& page) {
  PageOpinions out;
  out.kind = static_cast<size_t>(note.kind);
  out.places.resize(note.ends.size());
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
    const auto put = [&](RankCopy copy, const GaussWeights::Said& said, Opinion& to) {
      // What scores are worth, bend by bend, is no opinion of its own: all are given it.
      to.plain = plain_.table(copy)[out.kind][0].logit(x) + static_cast<double>(said.place + said.score);
      to.linear = static_cast<double>(said.rest) + scenario * static_cast<double>(said.scenario);
    };
    const std::array<GaussWeights::Said, kRankCopies> said = weights_.say(row, 0, copies);
    for (size_t c = 0; c < kRankCopies; ++c) put(static_cast<RankCopy>(c), said[c], place.by[c]);
    if (challenged()) put(RankCopy::kTrained, challenger_.say(row), place.challenger);
  }
  if (learns_deep()) ask_deep(note, out);
  return out;
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
  for (PageOpinions::Place& place : said.places)
    place.challenger.deep = place.by[static_cast<size_t>(newest)].deep;
}

void Ranker::judge(const ShownPage& page, uint32_t clicked) {
  const Note* note = note_of(page);
  if (note == nullptr || clicked >= note->ends.size()) return;
  ++now_.kinds[static_cast<size_t>(note->kind)].clicks;
  const PageOpinions said = opinions(*note, page);
  guard(said, clicked);
  if (!note->ranked && !publication_.standing()) believe(said, clicked);
}

// A page with a click tells which copy of the parameters knew best which place that would be, given that one
// was clicked, by the voices as that copy believes them. Unlike the losses of lessons, whose ones come at
// once and whose zeros when the window has passed, this does not depend on how many pages are open, and is
// what an order is made of.
void Ranker::guard(const PageOpinions& said, uint32_t clicked) {
  std::array<RankBelief::Voices, kRankCopies> voices;
  for (size_t c = 0; c < kRankCopies; ++c)
    voices[c] = beliefs_.table(static_cast<RankCopy>(c))[said.kind].voices(now_.learner);
  const RankCopy newest = publication_.direct() ? RankCopy::kLive : RankCopy::kTrained;
  const RankBelief::Voices its_voices = beliefs_.table(newest)[said.kind].voices(challenger_.of().learner);
  std::array<double, kRankCopies> all{}, that{};
  double its_all = 0, its = 0;  // The challenger's
  size_t known = 0;
  for (size_t i = 0; i < said.places.size(); ++i) {
    const PageOpinions::Place& place = said.places[i];
    if (!place.known) continue;
    ++known;
    for (size_t c = 0; c < kRankCopies; ++c) {
      const double p = probability(voices[c], place.by[c]) * place.looked;
      all[c] += p;
      if (i == clicked) that[c] = p;
    }
    if (!challenged()) continue;
    const double p = probability(its_voices, place.challenger) * place.looked;
    its_all += p;
    if (i == clicked) its = p;
  }
  if (known < 2 || !said.places[clicked].known) return;
  const auto loss = [&](RankCopy copy) {
    const auto c = static_cast<size_t>(copy);
    return -log_of(that[c] / all[c]);
  };
  GateLosses losses{.live = loss(RankCopy::kLive),
                    .candidate = loss(RankCopy::kCandidate),
                    .good = loss(RankCopy::kGood),
                    .learner = 0,
                    .rate = log_of(static_cast<double>(known))};
  losses.learner = publication_.direct() ? losses.live : loss(RankCopy::kTrained);
  if (challenged()) {
    challenger_.page(losses.live, -log_of(its / its_all));
    now_.challenger = challenger_.report();
    if (challenger_.better() && challenger_.of().promote) return promote_challenger();
  }
  publication_.page(losses, kKindNames[said.kind], when());
}

// How likely did each expert take the clicked place to be, with what is live?
void Ranker::believe(const PageOpinions& said, uint32_t clicked) {
  std::array<double, kRankExperts> all{}, that{};
  size_t known = 0;
  for (size_t i = 0; i < said.places.size(); ++i) {
    const PageOpinions::Place& place = said.places[i];
    if (!place.known || !place.has_base) continue;
    ++known;
    const Opinion& live = place.by[static_cast<size_t>(RankCopy::kLive)];
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
