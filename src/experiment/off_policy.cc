#include "experiment/off_policy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr size_t kBuckets = 512;

// A standard normal number is below it with probability p, for p in (0.5, 1). Abramowitz, Stegun
// 1964, 26.2.23.
double normal_quantile(double p) {
  const double t = std::sqrt(-2 * std::log(1 - p));
  return t -
         (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
}

// Chances of a click when looked at, from half of the pages.
class Attraction {
 public:
  explicit Attraction(double prior_looks) : prior_(prior_looks) {}
  void add(uint64_t query, uint64_t item, double look, bool clicked) {
    for (Counts* counts : {&all_, &items_[item], &pairs_[mix64(query, item)]}) {
      counts->looks += look;
      counts->clicks += clicked ? 1 : 0;
    }
  }
  double chance(uint64_t query, uint64_t item) const {
    const double all = all_.looks > 0 ? all_.clicks / all_.looks : 0;
    return std::min(1.0, drawn(pairs_, mix64(query, item), drawn(items_, item, all)));
  }

 private:
  struct Counts {
    double looks = 0, clicks = 0;
  };
  using Table = std::unordered_map<uint64_t, Counts>;  // never walked
  double drawn(const Table& table, uint64_t key, double prior) const {
    const auto found = table.find(key);
    if (found == table.end()) return prior;
    return (found->second.clicks + prior_ * prior) / (found->second.looks + prior_);
  }

  const double prior_;
  Counts all_;
  Table items_, pairs_;
};

// A sum over pages and its spread between buckets, as a ratio to another one.
struct Sums {
  std::array<double, kBuckets> x{}, n{};
  void add(size_t bucket, double value, double per) {
    x[bucket] += value;
    n[bucket] += per;
  }
  PolicyEstimate ratio(double scale, double deviations) const {
    const double total = std::accumulate(n.begin(), n.end(), 0.0);
    if (!(total > 0)) return {};
    const double value = std::accumulate(x.begin(), x.end(), 0.0) / total;
    double squares = 0;
    for (size_t i = 0; i < kBuckets; ++i) squares += (x[i] - value * n[i]) * (x[i] - value * n[i]);
    const double deviation = std::sqrt(squares * kBuckets / (kBuckets - 1)) / total;
    return {scale * value,
            {scale * (value - deviations * deviation), scale * (value + deviations * deviation)}};
  }
};

size_t place_of(const std::vector<uint64_t>& page, uint64_t item, size_t places) {
  const auto end = page.begin() + static_cast<std::ptrdiff_t>(std::min(page.size(), places));
  return static_cast<size_t>(std::find(page.begin(), end, item) - page.begin());
}

}  // namespace

PolicyReport evaluate_policy(const std::vector<LoggedPage>& pages, const std::vector<double>& examination,
                             const PolicyOptions& options) {
  PolicyReport report;
  const size_t places = examination.size();
  const auto half = [](const LoggedPage& page) { return mix64(page.cluster, 1) & 1; };
  Attraction learned[2] = {Attraction(options.prior_looks), Attraction(options.prior_looks)};
  for (const LoggedPage& page : pages)
    for (size_t i = 0; i < std::min(page.shown.size(), places); ++i)
      learned[half(page)].add(page.query, page.shown[i].item, examination[i], page.shown[i].clicked);

  Sums naive, ips, snips, dr;
  double weights = 0, squares = 0, matched = 0, looks = 0;
  for (const LoggedPage& page : pages) {
    const size_t bucket = mix64(page.cluster) % kBuckets;
    const Attraction& model = learned[1 - half(page)];
    const size_t candidates = std::min(page.candidate.size(), places);
    double clicks = 0, worth = 0, looked = 0, corrected = 0, page_weight = 0;
    for (size_t k = 0; k < candidates; ++k) {
      corrected += examination[k] * model.chance(page.query, page.candidate[k]);
      looks += examination[k];
    }
    for (size_t i = 0; i < std::min(page.shown.size(), places); ++i) {
      const LoggedPage::Place& shown = page.shown[i];
      clicks += shown.clicked ? 1 : 0;
      const size_t place = place_of(page.candidate, shown.item, places);
      if (place >= candidates || !(shown.logged > 0)) continue;
      const double weight = std::min(examination[place] / shown.logged, options.weight_max);
      report.weight_max = std::max(report.weight_max, weight);
      worth += shown.clicked ? weight : 0;
      looked += weight * examination[i];
      corrected += weight * ((shown.clicked ? 1 : 0) - examination[i] * model.chance(page.query, shown.item));
      page_weight += weight;
    }
    ++report.pages;
    report.clicks += static_cast<uint64_t>(clicks);
    weights += page_weight;
    squares += page_weight * page_weight;
    matched += looked;
    naive.add(bucket, clicks, 1);
    ips.add(bucket, worth, 1);
    snips.add(bucket, worth, looked);
    dr.add(bucket, corrected, 1);
  }
  if (report.pages == 0) return report;
  const double deviations = normal_quantile(1 - options.alpha / 2);
  report.naive = naive.ratio(1, deviations);
  report.ips = ips.ratio(1, deviations);
  report.snips = snips.ratio(looks / static_cast<double>(report.pages), deviations);
  report.dr = dr.ratio(1, deviations);
  report.effective_pages = squares > 0 ? weights * weights / squares : 0;
  report.coverage = looks > 0 ? matched / looks : 0;
  return report;
}

}  // namespace freshet
