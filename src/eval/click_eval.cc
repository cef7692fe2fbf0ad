#include "eval/click_eval.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <unordered_map>

#include "base/hash.h"
#include "eval/click_ceiling.h"
#include "eval/click_rivals.h"

namespace freshet {
namespace {

constexpr size_t kPlaces = 10;
constexpr size_t kDeep = 20;  // Asked for when a ranking is scored; nDCG looks at ten.
constexpr TimeMs kBetweenMs = 1000;
constexpr uint32_t kCheckpoints[] = {3, 10, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000};
constexpr uint64_t kChoice = 0x63686f696365, kShopper = 0x73686f70706572, kOrder = 0x6f72646572,
                   kWho = 0x77686f;

struct Player {
  const JudgedQuery* query = nullptr;
  std::unordered_map<uint32_t, double> gains;
  uint64_t key = 0;
  double base = 0;        // nDCG@10 without clicks.
  uint32_t searches = 0;  // So far.

  std::vector<double> gains_of(const std::vector<RankedItem>& ranked) const {
    std::vector<double> out;
    for (const RankedItem& item : ranked) {
      const auto judged = gains.find(item.item);
      out.push_back(judged == gains.end() ? 0 : judged->second);
    }
    return out;
  }
};

double mean(double sum, size_t count) {
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

// The judged queries with a gain that the search takes, parted in seen and never shown.
void choose(const SearchData& data, const ClickEvalOptions& options, const ClickShop& shop,
            std::vector<Player>& seen, std::vector<Player>& never) {
  std::vector<Player> all;
  for (const JudgedQuery& query : data.queries) {
    const auto gains = [](const JudgedItem& item) { return item.gain > 0; };
    if (std::none_of(query.judged.begin(), query.judged.end(), gains)) continue;
    if (!shop.search(query.text, 1).ok()) continue;
    Player& one = all.emplace_back();
    one.query = &query;
    one.key = mix64(options.seed, hash_bytes(query.id));
    for (const JudgedItem& item : query.judged) one.gains.emplace(item.item, item.gain);
  }
  std::sort(all.begin(), all.end(), [](const Player& a, const Player& b) {
    const uint64_t x = mix64(a.key, kChoice), y = mix64(b.key, kChoice);
    return x != y ? x < y : a.query->id < b.query->id;
  });
  if (options.queries_max != 0 && all.size() > options.queries_max) all.resize(options.queries_max);
  const auto parted = static_cast<size_t>(std::lround(options.seen_share * static_cast<double>(all.size())));
  for (size_t i = 0; i < all.size(); ++i) (i < parted ? seen : never).push_back(std::move(all[i]));
}

// The queries of a round, as many as there are: each once in an order of its own, or drawn.
class Traffic {
 public:
  Traffic(const ClickEvalOptions& options, const std::vector<Player>& seen) : options_(options) {
    double sum = 0;
    for (size_t rank = 1; rank <= seen.size(); ++rank) up_to_.push_back(sum += 1 / static_cast<double>(rank));
    for (const Player& one : seen) keys_.push_back(one.key);
  }

  std::vector<size_t> round(uint32_t number) const {
    std::vector<size_t> out;
    if (options_.traffic == ClickTraffic::kZipf) {
      Draw draw(mix64(options_.seed, mix64(kOrder, number)));
      for (size_t i = 0; i < keys_.size(); ++i) {
        const auto at = std::upper_bound(up_to_.begin(), up_to_.end(), draw.uniform() * up_to_.back());
        out.push_back(std::min(static_cast<size_t>(at - up_to_.begin()), keys_.size() - 1));
      }
      return out;
    }
    for (size_t i = 0; i < keys_.size(); ++i) out.push_back(i);
    const auto key = [&](size_t i) { return mix64(keys_[i], mix64(kOrder, number)); };
    std::sort(out.begin(), out.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
    return out;
  }

 private:
  const ClickEvalOptions& options_;
  std::vector<double> up_to_;
  std::vector<uint64_t> keys_;
};

class Game {
 public:
  static Result<Game> open(const SearchData& data, const ClickEvalOptions& options, const ClickShop& shop) {
    Game game(data, options, shop);
    choose(data, options, shop, game.seen_, game.never_);
    ClickWindows windows;
    std::vector<std::vector<double>> gains;
    for (const Player& one : game.seen_) {
      TRY(auto window, shop.search(one.query->text, KnownLearner::kWindow));
      gains.push_back(one.gains_of(window));
      windows.push_back(std::move(window));
    }
    game.same_clicks_ = std::make_unique<KnownLearner>(options.world, windows, gains);
    game.rivals_ = click_rivals(options.world, windows, gains);
    game.rivals_served_.resize(game.rivals_.size());
    game.report_.seen = game.seen_.size();
    game.report_.never_shown = game.never_.size();
    for (const auto& rival : game.rivals_) game.report_.rivals.emplace_back(rival->name());
    for (size_t i = 0; i < game.seen_.size(); ++i) {
      Player& one = game.seen_[i];
      one.base = score_query(*one.query, data, windows[i]).ndcg10;
      game.report_.base_seen += one.base / static_cast<double>(game.seen_.size());
    }
    TRY(game.report_.base_never_shown, game.exploit(game.never_));
    return game;
  }

  Status play(const std::vector<size_t>& round) {
    for (const size_t at : round) TRY_STATUS(search(at));
    return {};
  }
  const std::vector<Player>& seen() const { return seen_; }

  Result<ClickCheckpoint> checkpoint(uint32_t round) {
    ClickCheckpoint point{.impressions = round};
    TRY(const double seen, exploit(seen_));
    TRY(const double never, exploit(never_));
    point.exploit = seen - report_.base_seen;
    point.never_shown = never - report_.base_never_shown;
    point.served = mean(served_, served_pages_);
    point.known_same_clicks =
        exploit([&](size_t at) { return same_clicks_->ranked(at, 0, kDeep); }) - report_.base_seen;
    for (size_t i = 0; i < rivals_.size(); ++i) {
      const double gain = exploit([&](size_t at) { return rivals_[i]->exploit(at, kDeep); });
      point.rivals.push_back({gain - report_.base_seen, mean(rivals_served_[i], served_pages_)});
    }
    served_ = 0;
    served_pages_ = 0;
    rivals_served_.assign(rivals_.size(), 0);
    report_.worst = std::min(report_.worst, point.exploit);
    report_.worst_never_shown = std::min(report_.worst_never_shown, point.never_shown);
    report_.checkpoints.push_back(point);
    return point;
  }

  ClickReport finish() {
    report_.learned = shop_.learned();
    for (size_t k = 0; k < kPlaces; ++k) {
      report_.measured.push_back(shop_.examination(static_cast<uint32_t>(k)));
      report_.looked_at.push_back(static_cast<double>(looked_[k]) /
                                  static_cast<double>(std::max<uint64_t>(1, looked_[0])));
      if (report_.looked_at[k] > 0)
        report_.propensity_error =
            std::max(report_.propensity_error, std::abs(report_.measured[k] / report_.looked_at[k] - 1));
    }
    return std::move(report_);
  }

 private:
  Game(const SearchData& data, const ClickEvalOptions& options, const ClickShop& shop)
      : data_(data), options_(options), shop_(shop), looked_(kPlaces) {
    report_.options = options;
  }

  // One search: by the shop, and by each rival before the same shopper.
  Status search(size_t at) {
    Player& one = seen_[at];
    const uint64_t shopper = mix64(one.key, mix64(kShopper, ++one.searches));
    const auto time_ms = static_cast<TimeMs>(report_.pages++) * kBetweenMs;
    const std::string who =
        options_.shoppers == 0 ? "" : "u" + std::to_string(mix64(shopper, kWho) % options_.shoppers);
    TRY(const auto ranked, shop_.serve(one.query->text, who, time_ms));
    served_ += score(one, ranked) - one.base;
    ++served_pages_;
    if (!ranked.empty()) {
      ClickShopper(options_.world, shopper).answer(one.gains_of(ranked), clicked_, looked_);
      same_clicks_->learn(at, ranked, clicked_);
      for (const size_t place : clicked_) shop_.click(ranked[place].item, time_ms + 1);
      report_.clicks += clicked_.size();
    }
    std::vector<uint64_t> looked(kPlaces);
    for (size_t i = 0; i < rivals_.size(); ++i) {
      const auto page = rivals_[i]->page(at, kPlaces, mix64(shopper, kOrder));
      rivals_served_[i] += score(one, page) - one.base;
      if (page.empty()) continue;
      ClickShopper(options_.world, shopper).answer(one.gains_of(page), clicked_, looked);
      rivals_[i]->learn(at, page, clicked_);
    }
    return {};
  }

  double score(const Player& one, const std::vector<RankedItem>& ranked) const {
    return score_query(*one.query, data_, ranked).ndcg10;
  }

  Result<double> exploit(const std::vector<Player>& players) const {
    double sum = 0;
    for (const Player& one : players) {
      TRY(const auto ranked, shop_.search(one.query->text, kDeep));
      sum += score(one, ranked);
    }
    return mean(sum, players.size());
  }

  double exploit(const std::function<std::vector<RankedItem>(size_t query)>& ranked) const {
    double sum = 0;
    for (size_t at = 0; at < seen_.size(); ++at) sum += score(seen_[at], ranked(at));
    return mean(sum, seen_.size());
  }

  const SearchData& data_;
  const ClickEvalOptions& options_;
  const ClickShop& shop_;
  std::vector<Player> seen_, never_;
  std::unique_ptr<KnownLearner> same_clicks_;
  std::vector<std::unique_ptr<ClickRival>> rivals_;
  ClickReport report_;
  // Since the last checkpoint.
  double served_ = 0;
  size_t served_pages_ = 0;
  std::vector<double> rivals_served_;
  std::vector<uint64_t> looked_;
  std::vector<size_t> clicked_;  // Of one page.
};

}  // namespace

Result<ClickReport> evaluate_clicks(const SearchData& data, const ClickEvalOptions& options,
                                    const ClickShop& shop,
                                    const std::function<void(const ClickCheckpoint&)>& progress) {
  TRY(Game game, Game::open(data, options, shop));
  const Traffic traffic(options, game.seen());
  for (uint32_t round = 1; round <= options.impressions; ++round) {
    TRY_STATUS(game.play(traffic.round(round)));
    const bool listed =
        std::find(std::begin(kCheckpoints), std::end(kCheckpoints), round) != std::end(kCheckpoints);
    if (!listed && round != options.impressions) continue;
    TRY(const ClickCheckpoint point, game.checkpoint(round));
    if (progress) progress(point);
  }
  return game.finish();
}

}  // namespace freshet
