#include "recommend/recommender.h"

#include <algorithm>

#include "base/epoch.h"
#include "base/hash.h"
#include "recommend/ranking.h"

namespace freshet {

namespace {

constexpr size_t kStepsRead = 256;
constexpr size_t kStepsLearned = 64;
constexpr uint64_t kTeachAll = 2'000;     // Every lesson teaches the mixture at first...
constexpr uint64_t kTeachOneIn = 16;      // ...and then one in so many, in orders
constexpr uint64_t kTeachOneInLines = 8;  // twice as many (they are few, and what is bought is hard to tell),
constexpr uint64_t kTeachOneInFast = 48;  // with counters only: teaching is to cost no more than they do.
constexpr uint64_t kManyLessons = 1 << 18;  // From here on ever fewer teach, down to half as many...
constexpr uint64_t kManyLines = 1 << 19;    // ...in orders from here on, and of first lines one in so many.
constexpr uint64_t kFirstLineOneIn = 4;
constexpr uint64_t kShortenOneIn = 24;   // Of these: taught with the last step or two only.
constexpr uint32_t kScanMax = 1u << 18;  // Slots looked at, newest first, when a filter leaves too few.
constexpr uint32_t kVersion = 1;

// The parts of a score that one source gave.
std::vector<RecommendPart> one_part(const RecommendQuery& query, std::string_view part,
                                    std::string_view evidence, float score) {
  if (!query.explain) return {};
  return {{part, evidence, double{score}}};
}

RankingWork& work_of_thread() {
  static thread_local RankingWork work;
  return work;
}

}  // namespace

struct Recommender::State {
  State(const ItemFacts& facts_in, const RecommenderOptions& options_in)
      : facts(facts_in), options(options_in), ranking(facts_in, options_in) {
    deep = ranking.index_of("neighbours") + ranking.index_of("sequence") < 2 * ranking.sources().size();
  }

  using Page = std::vector<Recommended>;
  Page next(const RecommendQuery& query, RankingWork& work) const;
  std::vector<SlateRanker::Entry> rank_again(const RecommendQuery& query, RankingWork& work) const;
  Page related(const RecommendQuery& query, RankingWork& work) const;
  Page bought_together(const RecommendQuery& query, RankingWork& work) const;
  Page trending(const RecommendQuery& query, RankingWork& work) const;
  Page recently_viewed(const RecommendQuery& query, RankingWork& work) const;
  Page buy_again(const RecommendQuery& query, RankingWork& work) const;
  void fill_up(const RecommendQuery& query, const Context& context, Page& page) const;

  const ItemFacts& facts;
  const RecommenderOptions options;
  Ranking ranking;
  bool deep = false;     // Sources whose columns cost time.
  uint64_t lessons = 0;  // Fold thread's, as is `learning`.
  Context learning;
};

Recommender::Recommender() = default;
Recommender::~Recommender() = default;

std::span<const std::string_view> Recommender::source_names() {
  return Ranking::kNames;
}

Result<std::unique_ptr<Recommender>> Recommender::open(const ItemFacts& items,
                                                       const RecommenderOptions& options) {
  for (const std::string& name : options.sources)
    if (std::find(std::begin(Ranking::kNames), std::end(Ranking::kNames), name) == std::end(Ranking::kNames))
      return invalid("source \"" + name + "\" does not exist");
  std::unique_ptr<Recommender> recommender(new Recommender());
  recommender->state_ = std::make_unique<State>(items, options);
  return recommender;
}

void Recommender::learn(const Lesson& lesson) {
  State& s = *state_;
  ++s.lessons;
  const auto sources = s.ranking.sources();
  Draw draw(mix64(mix64(s.options.seed, lesson.key), 0x7465616368));
  // The first line of an order is the best lesson of what makes a basket: nothing was learned from its other
  // lines yet.
  const bool line = lesson.step.order != 0;
  const uint64_t most = !s.deep ? kTeachOneInFast : line ? kTeachOneInLines : kTeachOneIn;
  const uint64_t many =
      std::clamp<uint64_t>(most * s.lessons / (line ? kManyLines : kManyLessons), most, 2 * most);
  const uint64_t one_in = std::clamp<uint64_t>(s.lessons / kTeachAll, 1, many);
  const bool first_line =
      line && !lesson.before.steps.empty() && lesson.before.steps.back().order != lesson.step.order &&
      (s.lessons < kManyLines || mix64(lesson.key, 0x66697273746c) % kFirstLineOneIn == 0);
  const bool teach =
      sources.size() > 1 && !lesson.before.steps.empty() && (draw.below(one_in) == 0 || first_line);
  const auto digest = [&](const Sequence& before, size_t steps) {
    s.learning.assign(before, lesson.step.order, lesson.step.type, lesson.step.time_ms, steps);
  };
  const size_t steps = teach || lesson.step.order != 0 ? kStepsRead : kStepsLearned;
  // Where shoppers have long histories, requests with one or two items in hand (a new shopper, "related to
  // this") would be strange to the mixture: a few lessons are taught as if no more were known.
  const bool shorten = teach && draw.below(kShortenOneIn) == 0;
  if (shorten) {
    Sequence tail = lesson.before;
    tail.steps = tail.steps.last(std::min<size_t>(tail.steps.size(), 1 + draw.below(2)));
    tail.session_begin = 0;
    digest(tail, steps);
    s.ranking.teach(lesson, s.learning);
  }
  digest(lesson.before, steps);
  if (teach && !shorten) s.ranking.teach(lesson, s.learning);
  for (const auto& source : sources) source->learn(lesson, s.learning);
}

void Recommender::set_aside(bool allowed) {
  for (const auto& source : state_->ranking.sources()) source->set_aside(allowed);
}

bool Recommender::help() {
  bool helped = false;
  for (const auto& source : state_->ranking.sources()) helped |= source->help();
  return helped;
}

bool Recommender::help_waits() const {
  const auto sources = state_->ranking.sources();
  return std::any_of(sources.begin(), sources.end(), [](const auto& s) { return s->help_waits(); });
}

void Recommender::evict(std::span<const ItemSlot> items) {
  const ForgottenItems set(items);
  for (const auto& source : state_->ranking.sources()) source->evict(set);
}

// --- surfaces
// ---------------------------------------------------------------------------------------------------

std::vector<Recommended> Recommender::State::next(const RecommendQuery& query, RankingWork& work) const {
  std::vector<SlateRanker::Entry> ranked;
  if (query.ranker == nullptr) {
    ranking.rank(query, work);
  } else {
    ranked = rank_again(query, work);
  }
  Page page;
  page.reserve(query.k);
  for (const auto& [p, index] : work.order)
    page.push_back({work.slate.item(work.chosen[index]), p, ranking.reason(work, index), {}, p});
  if (query.explain) {
    auto parts = ranking.explain(work);
    for (size_t i = 0; i < page.size(); ++i) page[i].parts = std::move(parts[i]);
  }
  for (size_t i = 0; i < ranked.size(); ++i) {
    page[i].score = ranked[i].score;
    page[i].propensity = ranked[i].propensity;
    page[i].moved = ranked[i].moved;
    page[i].parts.insert(page[i].parts.end(), ranked[i].parts.begin(), ranked[i].parts.end());
    if (query.explain) settle_parts(page[i].parts, double{page[i].score});
  }
  fill_up(query, work.context, page);
  return page;
}

// The mixture's best in the ranker's order; work.order follows it, with the mixture's probabilities.
std::vector<SlateRanker::Entry> Recommender::State::rank_again(const RecommendQuery& query,
                                                               RankingWork& work) const {
  RecommendQuery more = query;
  more.k = std::max(query.k, query.ranker->candidates());
  ranking.rank(more, work);
  std::vector<SlateRanker::Entry> slate;
  slate.reserve(work.order.size());
  for (uint32_t i = 0; i < work.order.size(); ++i)
    slate.push_back({.item = work.slate.item(work.chosen[work.order[i].second]),
                     .score = work.order[i].first,
                     .index = i,
                     .parts = {}});
  query.ranker->rank(query.k, query.explain, slate);
  std::vector<std::pair<float, uint32_t>> order;
  order.reserve(slate.size());
  for (const SlateRanker::Entry& entry : slate) order.push_back(work.order[entry.index]);
  work.order = std::move(order);
  return slate;
}

// The anchors in the place of the shopper's own steps; the anchors themselves are no answer.
std::vector<Recommended> Recommender::State::related(const RecommendQuery& query, RankingWork& work) const {
  std::vector<Step> steps;
  for (const ItemSlot item : query.anchors) steps.push_back({.item = item, .time_ms = query.now_ms});
  RecommendQuery about = query;
  about.sequence = {0, steps, 0};
  about.order = 0;
  about.allow_repeats = false;
  return next(about, work);
}

std::vector<Recommended> Recommender::State::bought_together(const RecommendQuery& query,
                                                             RankingWork& work) const {
  std::vector<Step> steps;
  for (const ItemSlot item : query.anchors)
    steps.push_back({.item = item, .type = EventType::kPurchase, .time_ms = query.now_ms, .order = 1});
  RecommendQuery about = query;
  about.sequence = {0, steps, 0};
  about.allow_repeats = false;
  Page page;
  const size_t together = ranking.index_of("together");
  if (together < ranking.sources().size()) {
    work.context.assign(about.sequence, 0, EventType::kPurchase, query.now_ms, kStepsRead);
    work.slate.clear();
    const Source& source = *ranking.sources()[together];
    source.collect(work.context, ranking.column_of(together), work.slate);
    ranking.rank_by(about, together, 2, work);  // column 2: share of the anchors' orders
    for (const auto& [share, row] : work.order) {
      const ItemSlot item = work.slate.item(row);
      RecommendReason reason = source.reason(work.context, item);
      reason.source = 4;
      page.push_back({item, share, reason, one_part(query, "together", "together_share", share)});
    }
  }
  if (page.size() >= query.k) return page;
  // Too few orders know the anchors: go on with what is looked at together, below what was bought.
  const float below = page.empty() ? 1 : page.back().score;
  for (Recommended& more : related(query, work)) {
    if (page.size() == query.k) break;
    const bool there =
        std::any_of(page.begin(), page.end(), [&](const auto& r) { return r.item == more.item; });
    if (there) continue;
    more.score *= below;
    for (RecommendPart& part : more.parts) part.value *= double{below};
    if (query.explain) settle_parts(more.parts, double{more.score});
    page.push_back(more);
  }
  return page;
}

std::vector<Recommended> Recommender::State::trending(const RecommendQuery& query, RankingWork& work) const {
  Page page;
  work.context.assign(query.sequence, 0, query.action, query.now_ms, kStepsRead);
  if (ranking.popularity() == nullptr) return page;
  std::vector<std::pair<ItemSlot, float>> items;
  ranking.popularity()->rising(query.facet, 4096, items);
  for (const auto& [item, score] : items) {
    if (page.size() == query.k) break;
    if (!Ranking::allows(query, work.context, item)) continue;
    const auto kind =
        query.facet == 0 ? RecommendReason::Kind::kPopular : RecommendReason::Kind::kPopularInFacet;
    page.push_back(
        {item, score, {kind, kNoItem, query.facet, 2}, one_part(query, "popularity", "rising", score)});
  }
  if (query.facet == 0) fill_up(query, work.context, page);
  return page;
}

std::vector<Recommended> Recommender::State::recently_viewed(const RecommendQuery& query,
                                                             RankingWork& work) const {
  Page page;
  work.context.assign(query.sequence, 0, query.action, query.now_ms, kStepsRead);
  for (const Recent& recent : work.context.recents) {
    if (page.size() == query.k) break;
    if (query.allow && !query.allow(recent.item)) continue;
    const float score = 1 / static_cast<float>(recent.distance + 1);
    page.push_back({recent.item,
                    score,
                    {RecommendReason::Kind::kAgain, recent.item, 0, 3},
                    one_part(query, "history", "recency", score)});
  }
  return page;
}

std::vector<Recommended> Recommender::State::buy_again(const RecommendQuery& query, RankingWork& work) const {
  Context mine;
  mine.assign(query.sequence, 0, EventType::kPurchase, query.now_ms, kStepsRead);
  RecommendQuery again = query;
  again.action = EventType::kPurchase;
  again.allow_repeats = true;
  again.allow = [&](ItemSlot item) {
    const Recent* recent = mine.find(item);
    return recent != nullptr && recent->purchases > 0 && (!query.allow || query.allow(item));
  };
  ranking.rank(again, work);
  Page page;
  for (const auto& [p, index] : work.order) {
    const ItemSlot item = work.slate.item(work.chosen[index]);
    page.push_back({item, p, {RecommendReason::Kind::kAgain, item, 0, 3}, {}});
  }
  if (query.explain) {
    auto parts = ranking.explain(work);
    for (size_t i = 0; i < page.size(); ++i) page[i].parts = std::move(parts[i]);
  }
  return page;
}

// When a filter leaves too few of what the sources proposed: the popular ones that pass it, then whatever
// passes.
void Recommender::State::fill_up(const RecommendQuery& query, const Context& context, Page& page) const {
  if (page.size() >= query.k || !query.fill) return;
  ForgottenItems have({});
  std::vector<ItemSlot> taken;
  for (const Recommended& r : page) taken.push_back(r.item);
  have = ForgottenItems(taken);
  std::vector<std::pair<float, ItemSlot>> more;
  const uint32_t slots = facts.slots();
  for (uint32_t n = 0; n < std::min(slots, kScanMax); ++n) {
    const ItemSlot item = slots - 1 - n;
    if (have.contains(item) || !Ranking::allows(query, context, item)) continue;
    more.emplace_back(ranking.popularity() == nullptr ? 0 : ranking.popularity()->share(item), item);
  }
  const size_t kept = std::min(query.k - page.size(), more.size());
  std::partial_sort(more.begin(), more.begin() + static_cast<std::ptrdiff_t>(kept), more.end(),
                    [&](const auto& a, const auto& b) {
                      return a.first != b.first ? a.first > b.first : facts.before(a.second, b.second);
                    });
  const float rest = (1 - ranking.mixture().inside()) / static_cast<float>(slots + 1);
  const float least = page.empty() ? 1 : page.back().score;
  for (size_t i = 0; i < kept; ++i) {
    const float score = std::min(least, rest + more[i].first * (1 - ranking.mixture().inside()));
    page.push_back({more[i].second,
                    score,
                    {RecommendReason::Kind::kPopular, kNoItem, 0, 2},
                    one_part(query, "popularity", "filling-up", score)});
  }
}

std::vector<Recommended> Recommender::recommend(const RecommendQuery& query) const {
  const EpochGuard guard;
  RankingWork& work = work_of_thread();
  switch (query.surface) {
    case Surface::kForYou:
    case Surface::kNext:
      return state_->next(query, work);
    case Surface::kRelated:
      return state_->related(query, work);
    case Surface::kBoughtTogether:
      return state_->bought_together(query, work);
    case Surface::kTrending:
      return state_->trending(query, work);
    case Surface::kRecentlyViewed:
      return state_->recently_viewed(query, work);
    case Surface::kBuyAgain:
      return state_->buy_again(query, work);
  }
  return {};
}

Inspection Recommender::inspect(const RecommendQuery& query, ItemSlot target) const {
  const EpochGuard guard;
  RankingWork& work = work_of_thread();
  const State& s = *state_;
  Inspection out;
  out.items = s.next(query, work);
  const float inside = s.ranking.mixture().inside();
  out.probability = (1 - inside) / static_cast<float>(s.facts.slots() + 1);
  const uint32_t at = work.slate.find(target);
  const auto found = std::lower_bound(work.chosen.begin(), work.chosen.end(), at);
  if (found != work.chosen.end() && *found == at)
    out.probability += inside * work.probability[static_cast<size_t>(found - work.chosen.begin())];
  // Each source alone: its column as it proposed it.
  s.ranking.collect(work);
  for (size_t n = 0, of = 0; of < std::size(Ranking::kNames); ++of) {
    Inspection::View& view = out.by_source.emplace_back();
    if (n == s.ranking.sources().size() || s.ranking.sources()[n]->name() != Ranking::kNames[of]) continue;
    s.ranking.rank_by(query, n, 0, work);
    for (const auto& [x, row] : work.order) view.items.push_back(work.slate.item(row));
    const uint32_t row = work.slate.find(target);
    if (row != Slate::kNoRow && work.sums[n] > 0)
      view.probability = work.slate.columns(row)[s.ranking.column_of(n)] / work.sums[n];
    ++n;
  }
  return out;
}

std::vector<std::pair<uint32_t, float>> Recommender::trending_facets(size_t k) const {
  const EpochGuard guard;
  std::vector<std::pair<uint32_t, float>> out;
  if (state_->ranking.popularity() != nullptr) state_->ranking.popularity()->rising_facets(k, out);
  return out;
}

std::vector<SourceStats> Recommender::stats() const {
  std::vector<SourceStats> out;
  const SourceMixture& mixture = state_->ranking.mixture();
  const auto weights = mixture.source_weights();
  for (size_t s = 0; s < state_->ranking.sources().size(); ++s) {
    const Source& source = *state_->ranking.sources()[s];
    out.push_back({source.name(), source.bytes(), mixture.source_loss(s), weights[s], source.index_recall()});
  }
  return out;
}

size_t Recommender::bytes() const {
  size_t sum = state_->ranking.mixture().bytes();
  for (const auto& source : state_->ranking.sources()) sum += source->bytes();
  return sum;
}

void Recommender::save(Writer& out) const {
  out.u32(kVersion);
  out.u64(state_->lessons);
  state_->ranking.mixture().save(out);
  for (const auto& source : state_->ranking.sources()) {
    out.str(source->name());
    source->save(out);
  }
}

Status Recommender::load(Reader& in) {
  if (const uint32_t version = in.u32(); version != kVersion)
    return corrupt("recommenders: version " + std::to_string(version) + ", want " + std::to_string(kVersion));
  state_->lessons = in.u64();
  TRY_STATUS(state_->ranking.mixture().load(in));
  for (const auto& source : state_->ranking.sources()) {
    if (in.str() != source->name())
      return corrupt("recommenders: no section of source " + std::string(source->name()));
    TRY_STATUS(source->load(in));
  }
  if (!in.ok()) return corrupt("recommenders: cut short");
  return {};
}

}  // namespace freshet
