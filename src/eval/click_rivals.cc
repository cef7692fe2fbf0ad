#include "eval/click_rivals.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "eval/click_ceiling.h"

namespace freshet {
namespace {

constexpr double kPriorRate = .1, kPriorShows = 10;  // Of the best scored item; others by their score.
constexpr double kSharpness = 20;                    // Logit of the best score in the dueling one's model.
constexpr double kStep = 3;

struct Candidate {
  RankedItem item;
  double share = 0;  // Score against the best of the query: 1 down to 0.
};

std::vector<std::vector<Candidate>> candidates_of(const ClickWindows& windows) {
  std::vector<std::vector<Candidate>> out;
  for (const auto& window : windows) {
    std::vector<Candidate>& query = out.emplace_back();
    const double best = window.empty() ? 0 : window.front().score;
    for (const RankedItem& item : window)
      query.push_back({item, best > 0 ? std::max(0.0, item.score / best) : 0});
  }
  return out;
}

std::vector<RankedItem> ordered(const std::vector<Candidate>& query, std::span<const double> scores,
                                size_t count) {
  std::vector<RankedItem> out;
  for (size_t i = 0; i < query.size(); ++i) out.push_back({query[i].item.item, scores[i]});
  std::stable_sort(out.begin(), out.end(),
                   [](const RankedItem& a, const RankedItem& b) { return a.score > b.score; });
  out.resize(std::min(out.size(), count));
  return out;
}

// Where the items of a page are among the candidates; pages of one's own only.
std::vector<size_t> places_of(const std::vector<Candidate>& query, std::span<const RankedItem> page) {
  std::vector<size_t> out;
  for (const RankedItem& shown : page)
    out.push_back(
        static_cast<size_t>(std::find_if(query.begin(), query.end(),
                                         [&](const Candidate& one) { return one.item.item == shown.item; }) -
                            query.begin()));
  return out;
}

class RateRival : public ClickRival {
 public:
  RateRival(ClickWorld world, const ClickWindows& windows, bool looks_known)
      : world_(world), looks_known_(looks_known), queries_(candidates_of(windows)) {
    for (const auto& query : queries_) counts_.emplace_back(query.size());
  }
  std::string_view name() const override { return looks_known_ ? "looks known" : "naive"; }
  std::vector<RankedItem> page(size_t query, size_t count, uint64_t) const override {
    return exploit(query, count);
  }
  std::vector<RankedItem> exploit(size_t query, size_t count) const override {
    std::vector<double> rates;
    for (size_t i = 0; i < queries_[query].size(); ++i) {
      const Count& one = counts_[query][i];
      rates.push_back((one.clicks + kPriorShows * kPriorRate * queries_[query][i].share) /
                      (one.shows + kPriorShows));
    }
    return ordered(queries_[query], rates, count);
  }
  void learn(size_t query, std::span<const RankedItem> page, std::span<const size_t> clicked) override {
    const std::vector<size_t> places = places_of(queries_[query], page);
    for (size_t k = 0; k < places.size(); ++k)
      counts_[query][places[k]].shows += looks_known_ ? look_rate(world_, k) : 1;
    for (const size_t k : clicked) counts_[query][places[k]].clicks += 1;
  }

 private:
  struct Count {
    double clicks = 0, shows = 0;
  };
  const ClickWorld world_;
  const bool looks_known_;
  const std::vector<std::vector<Candidate>> queries_;
  std::vector<std::vector<Count>> counts_;
};

class DuelingRival : public ClickRival {
 public:
  explicit DuelingRival(const ClickWindows& windows) : queries_(candidates_of(windows)) {
    for (const auto& query : queries_) {
      std::vector<double>& scores = scores_.emplace_back();
      for (const Candidate& one : query) scores.push_back(kSharpness * one.share);
    }
  }
  std::string_view name() const override { return "dueling"; }
  // Drawn from Plackett and Luce's model: the largest of scores with Gumbel noise.
  std::vector<RankedItem> page(size_t query, size_t count, uint64_t key) const override {
    Draw draw(key);
    std::vector<double> noisy = scores_[query];
    for (double& one : noisy) one -= std::log(-std::log(draw.uniform() + 0x1.0p-54));
    return ordered(queries_[query], noisy, count);
  }
  std::vector<RankedItem> exploit(size_t query, size_t count) const override {
    return ordered(queries_[query], scores_[query], count);
  }
  // Clicked items are preferred to those above the last click and to the one below it that were not clicked;
  // each pair weighs by how likely the list is with the two exchanged (there, formulas 4 and 5).
  void learn(size_t query, std::span<const RankedItem> page, std::span<const size_t> clicked) override {
    if (clicked.empty()) return;
    std::vector<double>& scores = scores_[query];
    std::vector<size_t> order = places_of(queries_[query], page);
    const double as_shown = list_probability(scores, order);
    std::unordered_map<size_t, double> steps;
    for (const size_t better : clicked)
      for (size_t worse = 0; worse < std::min(order.size(), clicked.back() + 2); ++worse) {
        if (std::find(clicked.begin(), clicked.end(), worse) != clicked.end()) continue;
        std::swap(order[better], order[worse]);
        const double exchanged = list_probability(scores, order);
        std::swap(order[better], order[worse]);
        const double preferred = 1 / (1 + std::exp(scores[order[worse]] - scores[order[better]]));
        const double step = exchanged / (as_shown + exchanged) * preferred * (1 - preferred);
        steps[order[better]] += step;
        steps[order[worse]] -= step;
      }
    for (const auto& [at, step] : steps) scores[at] += kStep * step;
  }

 private:
  const std::vector<std::vector<Candidate>> queries_;
  std::vector<std::vector<double>> scores_;
};

class KnownRival : public ClickRival {
 public:
  explicit KnownRival(KnownLearner learner) : learner_(std::move(learner)) {}
  std::string_view name() const override { return "world known"; }
  std::vector<RankedItem> page(size_t query, size_t count, uint64_t) const override {
    return learner_.ranked(query, KnownLearner::kOptimism, count);
  }
  std::vector<RankedItem> exploit(size_t query, size_t count) const override {
    return learner_.ranked(query, 0, count);
  }
  void learn(size_t query, std::span<const RankedItem> page, std::span<const size_t> clicked) override {
    learner_.learn(query, page, clicked);
  }

 private:
  KnownLearner learner_;
};

}  // namespace

double list_probability(std::span<const double> scores, std::span<const size_t> order) {
  const double most = *std::max_element(scores.begin(), scores.end());
  double left = 0;
  for (const double one : scores) left += std::exp(one - most);
  double out = 1;
  for (const size_t at : order) {
    const double mine = std::exp(scores[at] - most);
    out *= mine / left;
    left = std::max(left - mine, mine * 1e-12);
  }
  return out;
}

std::vector<std::unique_ptr<ClickRival>> click_rivals(ClickWorld world, const ClickWindows& windows,
                                                      const std::vector<std::vector<double>>& gains) {
  std::vector<std::unique_ptr<ClickRival>> out;
  out.push_back(std::make_unique<RateRival>(world, windows, false));
  out.push_back(std::make_unique<RateRival>(world, windows, true));
  out.push_back(std::make_unique<DuelingRival>(windows));
  out.push_back(std::make_unique<KnownRival>(KnownLearner(world, windows, gains)));
  return out;
}

}  // namespace freshet
