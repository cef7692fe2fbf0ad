#include "recommend/ranking.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "recommend/arrivals.h"
#include "recommend/covisitation.h"
#include "recommend/history.h"
#include "recommend/neighbours.h"
#include "recommend/numeric.h"
#include "recommend/taste.h"
#include "recommend/together.h"

namespace freshet {

namespace {

constexpr size_t kChosen = 256;          // Candidates that the mixture looks at for a request...
constexpr size_t kChosenLearning = 192;  // ...and for a lesson.
constexpr size_t kStepsRead = 256;
// Of the mixture's lessons, in a million: every source proposes, also those that scan all items. Fewer where
// there are many items, so that a lesson costs about the same.
constexpr uint64_t kScanShare = 300'000;
constexpr uint64_t kScanItems = 50'000;

float log1p(double x) {
  return numeric::log(1 + static_cast<float>(x));
}

}  // namespace

Ranking::Ranking(const ItemFacts& facts, const RecommenderOptions& options) : facts_(facts) {
  std::vector<SourceColumn> columns;
  std::vector<float> prior;
  for (size_t n = 0; n < std::size(kNames); ++n) {
    const std::string_view name = kNames[n];
    if (!options.sources.empty() &&
        std::find(options.sources.begin(), options.sources.end(), name) == options.sources.end())
      continue;
    std::unique_ptr<Source> source;
    if (name == "covisitation") source = make_covisitation(options.memory_bytes / 4);
    if (name == "neighbours") source = make_neighbours(options.memory_bytes / 8);
    if (name == "history") source = make_history();
    if (name == "together") source = make_together(options.memory_bytes / 8);
    if (name == "sequence") source = make_taste(facts, options.seed, options.memory_bytes / 8 * 3);
    if (name == "arrivals") source = make_arrivals(facts);
    if (name == "popularity") {
      auto popularity = make_popularity(facts, options.memory_bytes / 32);
      popularity_ = popularity.get();
      source = std::move(popularity);
    }
    first_.push_back(columns.size());
    for (const SourceColumn& column : source->columns()) {
      prior.push_back(&column == source->columns().data() ? 1.0f : 0.0f);
      columns.push_back(column);
    }
    number_.push_back(static_cast<uint8_t>(n));
    sources_.push_back(std::move(source));
  }
  mixture_ =
      std::make_unique<SourceMixture>(columns, prior, sources_.size(), MixtureOptions{.seed = options.seed});
}

size_t Ranking::index_of(std::string_view name) const {
  size_t s = 0;
  while (s < sources_.size() && sources_[s]->name() != name) ++s;
  return s;
}

void Ranking::collect(RankingWork& work) const {
  work.slate.clear();
  for (size_t s = 0; s < sources_.size(); ++s) sources_[s]->collect(work.context, first_[s], work.slate);
  work.sums = {};
  for (size_t i = 0; i < work.slate.size(); ++i)
    for (size_t s = 0; s < sources_.size(); ++s) work.sums[s] += work.slate.columns(i)[first_[s]];
}

void Ranking::choose(const RecommendQuery& query, size_t limit, RankingWork& work) const {
  const auto weights = mixture_->source_weights();
  float scale[kSourcesMax] = {};
  for (size_t s = 0; s < sources_.size(); ++s)
    scale[s] = work.sums[s] > 0 ? (weights[s] + 0.1f) / work.sums[s] : 0;
  const Slate& slate = work.slate;
  work.order.clear();
  for (uint32_t i = 0; i < slate.size(); ++i) {
    float p = 0;
    for (size_t s = 0; s < sources_.size(); ++s) p += scale[s] * slate.columns(i)[first_[s]];
    work.order.emplace_back(p, i);
  }
  const auto before = [&](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : slate.item(a.second) < slate.item(b.second);
  };
  // allow() may be slow, and usually lets most pass: ask it from the best down, a part at a time.
  work.chosen.clear();
  auto from = work.order.begin();
  while (from != work.order.end() && work.chosen.size() < limit) {
    const auto left = static_cast<size_t>(work.order.end() - from);
    const auto to = from + static_cast<std::ptrdiff_t>(std::min(left, limit));
    if (to != work.order.end()) std::nth_element(from, to, work.order.end(), before);
    std::sort(from, to, before);
    for (; from != to && work.chosen.size() < limit; ++from)
      if (allows(query, work.context, slate.item(from->second))) work.chosen.push_back(from->second);
    from = to;
  }
  std::sort(work.chosen.begin(), work.chosen.end());
}

void Ranking::complete(RankingWork& work) const {
  const Context& context = work.context;
  work.shares.assign(work.chosen.size(), {});
  RankingWork::Shares most{};
  for (size_t i = 0; i < work.chosen.size(); ++i)
    for (size_t s = 0; s < sources_.size(); ++s) {
      if (work.sums[s] <= 0) continue;
      work.shares[i][s] = work.slate.columns(work.chosen[i])[first_[s]] / work.sums[s];
      most[s] = std::max(most[s], work.shares[i][s]);
    }
  SourceMixture::ContextRow& row = work.row;
  row = {};
  row[0] = 1;
  row[1] = 0.3f * log1p(static_cast<double>(context.session.size()));
  row[2] = 0.2f * log1p(static_cast<double>(context.steps.size()));
  row[3] = context.basket ? 1 : 0;
  row[5] = context.session.empty() ? 1 : 0;
  if (!context.session.empty())
    row[6] = static_cast<float>(std::min(context.recents.size(), context.session.size())) /
             static_cast<float>(context.session.size());
  if (!context.recents.empty())
    row[7] =
        0.1f * log1p(std::max(0.0, static_cast<double>(context.now_ms - context.recents[0].last_ms) / 1000));
  for (size_t s = 0; s < sources_.size(); ++s) row[8 + s] = most[s];

  for (size_t s = 0; s < sources_.size(); ++s) sources_[s]->fill(context, first_[s], work.chosen, work.slate);
  mixture_->transform(work.chosen, work.slate);
}

void Ranking::rank(const RecommendQuery& query, RankingWork& work) const {
  work.context.learning = work.context.brief = false;
  work.context.assign(query.sequence, query.order, query.action, query.now_ms, kStepsRead);
  collect(work);
  choose(query, kChosen, work);
  complete(work);
  mixture_->score(work.row, work.chosen, work.slate, work.probability);
  work.order.clear();
  for (uint32_t i = 0; i < work.chosen.size(); ++i) work.order.emplace_back(work.probability[i], i);
  const auto item = [&](uint32_t i) { return work.slate.item(work.chosen[i]); };
  const auto kept = static_cast<std::ptrdiff_t>(std::min(query.k, work.order.size()));
  std::partial_sort(
      work.order.begin(), work.order.begin() + kept, work.order.end(), [&](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : facts_.before(item(a.second), item(b.second));
      });
  work.order.resize(static_cast<size_t>(kept));
}

void Ranking::rank_by(const RecommendQuery& query, size_t source, size_t column, RankingWork& work) const {
  work.order.clear();
  for (uint32_t i = 0; i < work.slate.size(); ++i)
    if (const float x = work.slate.columns(i)[first_[source] + column]; x > 0) work.order.emplace_back(x, i);
  const auto item = [&](uint32_t i) { return work.slate.item(i); };
  std::sort(work.order.begin(), work.order.end(), [&](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : facts_.before(item(a.second), item(b.second));
  });
  size_t kept = 0;
  for (size_t i = 0; i < work.order.size() && kept < query.k; ++i)
    if (allows(query, work.context, work.slate.item(work.order[i].second)))
      work.order[kept++] = work.order[i];
  work.order.resize(kept);
}

RecommendReason Ranking::reason(const RankingWork& work, size_t index) const {
  const auto weights = mixture_->source_weights();
  const ItemSlot item = work.slate.item(work.chosen[index]);
  // By Bayes' rule over the sources, each with a floor: a source is believed where it is sure. One that has
  // nothing to say of this item (never seen after any of these) gives way to the next.
  std::vector<std::pair<float, size_t>> said;
  for (size_t s = 0; s < sources_.size(); ++s)
    said.emplace_back(-work.shares[index][s] * (weights[s] + 0.05f), s);
  std::sort(said.begin(), said.end());
  for (const auto& [share, s] : said) {
    RecommendReason reason = sources_[s]->reason(work.context, item);
    reason.source = number_[s];
    if (reason.kind != RecommendReason::Kind::kNone) return reason;
  }
  return {};
}

std::vector<std::vector<RecommendPart>> Ranking::explain(const RankingWork& work) const {
  const double n = static_cast<double>(work.chosen.size());
  std::vector<std::vector<double>> all(work.chosen.size());
  std::vector<double> mean;
  for (size_t i = 0; i < work.chosen.size(); ++i) {
    mixture_->parts(work.row, work.chosen[i], work.slate, all[i]);
    mean.resize(all[i].size());
    for (size_t f = 0; f < mean.size(); ++f) mean[f] += all[i][f] / n;
  }
  std::vector<std::vector<RecommendPart>> out;
  for (const auto& [probability, index] : work.order) {
    const double p = double{probability}, equal = 1 / n;
    const double far = std::log(std::max(p, 1e-30) / equal);
    const double scale = std::abs(far) < 1e-9 ? p : (p - equal) / far;  // The logarithmic mean of the two.
    std::vector<RecommendPart>& parts = out.emplace_back();
    parts.push_back({"equal-share", "", equal});
    const std::vector<double>& logit = all[index];
    for (size_t s = 0; s < sources_.size(); ++s) {
      const std::span<const SourceColumn> columns = sources_[s]->columns();
      for (size_t c = 0; c < columns.size(); ++c) {
        const double added = scale * (logit[first_[s] + c] - mean[first_[s] + c]);
        if (added != 0) parts.push_back({sources_[s]->name(), columns[c].name, added});
      }
    }
    parts.push_back({"visit", "", scale * (logit.back() - mean.back())});
    parts.push_back({"competition", "", 0});
    settle_parts(parts, p);
  }
  return out;
}

void settle_parts(std::vector<RecommendPart>& parts, double score) {
  constexpr double kGrid = 0x1p50;
  double sum = 0;
  for (RecommendPart& part : parts) {
    if (&part == &parts.back()) break;
    sum += part.value = std::round(part.value * kGrid) / kGrid;
  }
  parts.back().value = score - sum;
}

void Ranking::teach(const Lesson& lesson, Context& context) {
  // The slot of an item that this very event brought is there already, but was not when a request could have
  // asked: to learn that the newest slot is right would be to learn from the future.
  if (lesson.first_sight) return mixture_->observe(RankingWork::Shares{}, false);
  static thread_local RankingWork work;
  std::swap(work.context, context);
  work.context.learning = true;
  const uint64_t share = kScanShare * kScanItems / std::max<uint64_t>(facts_.slots(), kScanItems);
  work.context.brief = mix64(lesson.key, 0x6272696566) % 1'000'000 >= share;
  // What is in the order already will not come again, and all sources have just been told of it: as a
  // candidate it would teach that what is talked about is not bought.
  static thread_local std::vector<ItemSlot> filled;
  filled.clear();
  for (size_t n = lesson.before.steps.size(); n-- > 0 && lesson.step.order != 0;) {
    if (lesson.before.steps[n].order != lesson.step.order) break;
    if (lesson.before.steps[n].item != lesson.step.item) filled.push_back(lesson.before.steps[n].item);
  }
  std::sort(filled.begin(), filled.end());
  RecommendQuery everything;
  if (!filled.empty())
    everything.allow = [](ItemSlot item) { return !std::binary_search(filled.begin(), filled.end(), item); };
  collect(work);
  choose(everything, lesson.step.order != 0 ? kChosen : kChosenLearning, work);
  // Only what would be chosen for a request can be learned from: a target forced in would teach that the
  // unlikely is likely.
  const uint32_t at = work.slate.find(lesson.step.item);
  const auto target = std::lower_bound(work.chosen.begin(), work.chosen.end(), at);
  const bool inside = at != Slate::kNoRow && target != work.chosen.end() && *target == at;
  const auto index = static_cast<size_t>(target - work.chosen.begin());
  if (inside) complete(work);
  mixture_->observe(inside ? work.shares[index] : RankingWork::Shares{}, inside);
  if (inside) mixture_->learn(work.row, work.chosen, index, work.slate);
  std::swap(work.context, context);
}

}  // namespace freshet
