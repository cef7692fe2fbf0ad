#include "recommend/recommender.h"

#include <algorithm>
#include <cmath>

#include "base/epoch.h"
#include "base/hash.h"
#include "recommend/covisitation.h"
#include "recommend/history.h"
#include "recommend/mixture.h"
#include "recommend/neighbours.h"
#include "recommend/numeric.h"
#include "recommend/popularity.h"
#include "recommend/together.h"

namespace freshet {

namespace {

constexpr std::string_view kNames[] = {"covisitation", "neighbours", "popularity", "history", "together"};

constexpr size_t kChosen = 256;  // Candidates that the mixture looks at.
constexpr size_t kOfEach = 12;   // Of each source's best that are always among them.
constexpr size_t kStepsRead = 256;
constexpr size_t kStepsLearned = 64;
constexpr uint64_t kLearnAll = 2'000;  // Every lesson teaches the mixture at first...
constexpr uint64_t kLearnOneIn = 12;   // ...and one in so many in the long run.

}  // namespace

struct Recommender::State {
  State(const ItemFacts& facts_in, RecommenderOptions options_in)
      : facts(facts_in), options(std::move(options_in)) {}

  const ItemFacts& facts;
  const RecommenderOptions options;
  std::vector<std::unique_ptr<Source>> sources;
  std::vector<std::string_view> names;
  std::vector<size_t> first;  // column of each source, and the end
  Popularity* popularity = nullptr;
  std::unique_ptr<Mixture> mixture;
  uint64_t lessons = 0;
  Context learning;  // Fold thread's.

  struct Work {
    Context context;
    Slate slate;
    std::vector<uint32_t> chosen;
    std::vector<std::pair<float, uint32_t>> order;
    std::vector<float> probability;
    std::array<float, kSourcesMax> sums{};
    Mixture::ContextRow row{};
  };

  void collect(Work& work) const;
  void choose(Work& work, size_t limit, const RecommendQuery* query) const;
  void contextualise(Work& work) const;
  void rank(const RecommendQuery& query, Work& work) const;
  void teach(const Lesson& lesson);
};

Recommender::Recommender() = default;
Recommender::~Recommender() = default;

std::span<const std::string_view> Recommender::source_names() {
  return kNames;
}

Result<std::unique_ptr<Recommender>> Recommender::open(const ItemFacts& items, RecommenderOptions options) {
  for (const std::string& name : options.sources)
    if (std::find(std::begin(kNames), std::end(kNames), name) == std::end(kNames))
      return invalid("source \"" + name + "\" does not exist");
  const auto wanted = [&](std::string_view name) {
    return options.sources.empty() ||
           std::find(options.sources.begin(), options.sources.end(), name) != options.sources.end();
  };
  std::unique_ptr<Recommender> recommender(new Recommender());
  recommender->state_ = std::make_unique<State>(items, options);
  State& state = *recommender->state_;
  auto add = [&](std::unique_ptr<Source> source) { state.sources.push_back(std::move(source)); };
  for (const std::string_view name : kNames) {
    if (!wanted(name)) continue;
    state.names.push_back(name);
    if (name == "covisitation") add(make_covisitation(options.memory_bytes / 4));
    if (name == "neighbours") add(make_neighbours(1 << 19));
    if (name == "history") add(make_history());
    if (name == "together") add(make_together(options.memory_bytes / 8));
    if (name == "popularity") {
      auto popularity = make_popularity(items);
      state.popularity = popularity.get();
      add(std::move(popularity));
    }
  }
  std::vector<Column> columns;
  std::vector<float> prior;
  for (const auto& source : state.sources) {
    state.first.push_back(columns.size());
    for (const Column& column : source->columns()) {
      prior.push_back(&column == source->columns().data() ? 1.0f : 0.0f);
      columns.push_back(column);
    }
  }
  state.first.push_back(columns.size());
  state.mixture = std::make_unique<Mixture>(columns, prior, state.sources.size(), MixtureOptions{});
  return recommender;
}

void Recommender::State::collect(Work& work) const {
  work.slate.clear();
  for (size_t s = 0; s < sources.size(); ++s) sources[s]->collect(work.context, first[s], work.slate);
  work.sums = {};
  for (size_t i = 0; i < work.slate.size(); ++i)
    for (size_t s = 0; s < sources.size(); ++s) work.sums[s] += work.slate.columns(i)[first[s]];
}

// The candidates that the mixture will look at: the best by the sources' weighted probabilities, and the best
// few of each source.
void Recommender::State::choose(Work& work, size_t limit, const RecommendQuery* query) const {
  const auto weights = mixture->source_weights();
  float scale[kSourcesMax];
  for (size_t s = 0; s < sources.size(); ++s)
    scale[s] = work.sums[s] > 0 ? (weights[s] + 0.1f) / work.sums[s] : 0;
  const Slate& slate = work.slate;
  work.order.clear();
  for (uint32_t i = 0; i < slate.size(); ++i) {
    const ItemSlot item = slate.item(i);
    if (query != nullptr) {
      if (!query->allow_repeats && work.context.find(item) != nullptr) continue;
      if (query->allow && !query->allow(item)) continue;
    }
    float p = 0;
    for (size_t s = 0; s < sources.size(); ++s) p += scale[s] * slate.columns(i)[first[s]];
    work.order.emplace_back(p, i);
  }
  const auto before = [&](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : slate.item(a.second) < slate.item(b.second);
  };
  const size_t kept = std::min(limit, work.order.size());
  std::nth_element(work.order.begin(), work.order.begin() + static_cast<std::ptrdiff_t>(kept),
                   work.order.end(), before);
  work.order.resize(kept);
  work.chosen.clear();
  for (const auto& [p, at] : work.order) work.chosen.push_back(at);
  std::sort(work.chosen.begin(), work.chosen.end());
}

void Recommender::State::contextualise(Work& work) const {
  const Context& context = work.context;
  Mixture::ContextRow& row = work.row;
  row = {};
  const auto log1p = [](double x) { return numeric::log(1 + static_cast<float>(x)); };
  row[0] = 1;
  row[1] = 0.3f * log1p(static_cast<double>(context.session.size()));
  row[2] = 0.2f * log1p(static_cast<double>(context.steps.size()));
  row[3] = context.basket ? 1 : 0;
  row[4] = context.action == EventType::kPurchase ? 1 : 0;
  row[5] = context.session.empty() ? 1 : 0;
  row[6] = context.session.empty()
               ? 0
               : static_cast<float>(std::min(context.recents.size(), context.session.size())) /
                     static_cast<float>(context.session.size());
  row[7] = context.recents.empty()
               ? 0
               : 0.1f * log1p(std::max<double>(
                            0, static_cast<double>(context.now_ms - context.recents[0].last_ms) / 1000));
  for (size_t s = 0; s < sources.size(); ++s) {
    float most = 0;
    for (const uint32_t at : work.chosen) most = std::max(most, work.slate.columns(at)[first[s]]);
    row[8 + s] = work.sums[s] > 0 ? most / work.sums[s] : 0;
  }
}

void Recommender::State::rank(const RecommendQuery& query, Work& work) const {
  work.context.assign(query.sequence, query.order, query.action, query.now_ms, kStepsRead);
  collect(work);
  choose(work, kChosen, &query);
  contextualise(work);
  for (size_t s = 0; s < sources.size(); ++s)
    sources[s]->fill(work.context, first[s], work.chosen, work.slate);
  mixture->transform(work.chosen, work.slate);
  mixture->score(work.row, work.chosen, work.slate, work.probability);
  work.order.clear();
  for (uint32_t i = 0; i < work.chosen.size(); ++i)
    work.order.emplace_back(work.probability[i], work.chosen[i]);
  const size_t kept = std::min(query.k, work.order.size());
  std::partial_sort(work.order.begin(), work.order.begin() + static_cast<std::ptrdiff_t>(kept),
                    work.order.end(), [&](const auto& a, const auto& b) {
                      return a.first != b.first ? a.first > b.first
                                                : facts.key(work.slate.item(a.second)) <
                                                      facts.key(work.slate.item(b.second));
                    });
}

void Recommender::State::teach(const Lesson& lesson) {
  static thread_local Work work;
  std::swap(work.context, learning);
  collect(work);
  choose(work, kChosen, nullptr);
  contextualise(work);
  const uint32_t at = work.slate.find(lesson.step.item);
  const auto target = std::lower_bound(work.chosen.begin(), work.chosen.end(), at);
  const bool inside = at != Slate::kNoRow && target != work.chosen.end() && *target == at;
  std::array<float, kSourcesMax> alone{};
  if (inside)
    for (size_t s = 0; s < sources.size(); ++s)
      if (work.sums[s] > 0) alone[s] = work.slate.columns(at)[first[s]] / work.sums[s];
  mixture->observe(alone, inside);
  if (inside) {
    for (size_t s = 0; s < sources.size(); ++s)
      sources[s]->fill(work.context, first[s], work.chosen, work.slate);
    mixture->transform(work.chosen, work.slate);
    mixture->learn(work.row, work.chosen, static_cast<size_t>(target - work.chosen.begin()), work.slate);
  }
  std::swap(work.context, learning);
}

void Recommender::learn(const Lesson& lesson) {
  State& s = *state_;
  ++s.lessons;
  Draw draw(mix64(mix64(s.options.seed, lesson.key), 0x7465616368));
  const uint64_t one_in = std::clamp<uint64_t>(s.lessons / kLearnAll, 1, kLearnOneIn);
  const bool teach = s.sources.size() > 1 && !lesson.before.steps.empty() && draw.below(one_in) == 0;
  s.learning.assign(lesson.before, lesson.step.order, lesson.step.type, lesson.step.time_ms,
                    teach || lesson.step.order != 0 ? kStepsRead : kStepsLearned);
  if (teach) s.teach(lesson);
  for (const auto& source : s.sources) source->learn(lesson, s.learning);
}

void Recommender::evict(std::span<const ItemSlot> items) {
  const SlotSet set(items);
  for (const auto& source : state_->sources) source->evict(set);
}

std::vector<Recommended> Recommender::recommend(const RecommendQuery& query) const {
  static thread_local State::Work work;
  EpochGuard guard;
  state_->rank(query, work);
  std::vector<Recommended> out;
  for (size_t i = 0; i < std::min(query.k, work.order.size()); ++i)
    out.push_back({.item = work.slate.item(work.order[i].second), .score = work.order[i].first});
  return out;
}

Inspection Recommender::inspect(const RecommendQuery& query, ItemSlot target) const {
  static thread_local State::Work work;
  EpochGuard guard;
  Inspection out;
  State& s = *state_;
  s.rank(query, work);
  for (size_t i = 0; i < std::min(query.k, work.order.size()); ++i)
    out.items.push_back({.item = work.slate.item(work.order[i].second), .score = work.order[i].first});
  const float inside = s.mixture->inside();
  const uint32_t at = work.slate.find(target);
  const auto found = std::lower_bound(work.chosen.begin(), work.chosen.end(), at);
  if (at != Slate::kNoRow && found != work.chosen.end() && *found == at)
    out.probability = inside * work.probability[static_cast<size_t>(found - work.chosen.begin())];
  out.probability += (1 - inside) / static_cast<float>(s.facts.slots() + 1);
  // Each source alone: from its raw column, collected anew.
  s.collect(work);
  for (size_t n = 0; n < s.sources.size(); ++n) {
    Inspection::View view;
    work.order.clear();
    for (uint32_t i = 0; i < work.slate.size(); ++i) {
      const float p = work.slate.columns(i)[s.first[n]];
      const ItemSlot item = work.slate.item(i);
      if (p <= 0 || (!query.allow_repeats && work.context.find(item) != nullptr)) continue;
      if (query.allow && !query.allow(item)) continue;
      work.order.emplace_back(p, i);
      if (item == target && work.sums[n] > 0) view.probability = p / work.sums[n];
    }
    const size_t kept = std::min(query.k, work.order.size());
    std::partial_sort(work.order.begin(), work.order.begin() + static_cast<std::ptrdiff_t>(kept),
                      work.order.end(), [&](const auto& a, const auto& b) {
                        return a.first != b.first ? a.first > b.first
                                                  : work.slate.item(a.second) < work.slate.item(b.second);
                      });
    for (size_t i = 0; i < kept; ++i) view.items.push_back(work.slate.item(work.order[i].second));
    out.by_source.push_back(std::move(view));
  }
  return out;
}

std::vector<std::pair<uint32_t, float>> Recommender::trending_facets(size_t k) const {
  EpochGuard guard;
  std::vector<std::pair<uint32_t, float>> out;
  if (state_->popularity != nullptr) state_->popularity->rising_facets(k, out);
  return out;
}

std::vector<SourceStats> Recommender::stats() const {
  std::vector<SourceStats> out;
  const auto weights = state_->mixture->source_weights();
  for (size_t s = 0; s < state_->sources.size(); ++s)
    out.push_back(
        {state_->names[s], state_->sources[s]->bytes(), state_->mixture->source_loss(s), weights[s]});
  return out;
}

size_t Recommender::bytes() const {
  size_t sum = state_->mixture->bytes();
  for (const auto& source : state_->sources) sum += source->bytes();
  return sum;
}

void Recommender::save(Writer& out) const {
  out.u64(state_->lessons);
  state_->mixture->save(out);
  for (const auto& source : state_->sources) {
    out.str(source->name());
    source->save(out);
  }
}

Status Recommender::load(Reader& in) {
  state_->lessons = in.u64();
  TRY_STATUS(state_->mixture->load(in));
  for (const auto& source : state_->sources) {
    const std::string_view name = in.str();
    if (name != source->name())
      return corrupt("recommenders: section of another source than " + std::string(source->name()));
    TRY_STATUS(source->load(in));
  }
  if (!in.ok()) return corrupt("recommenders: cut short");
  return {};
}

}  // namespace freshet
