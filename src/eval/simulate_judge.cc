#include "eval/simulate_judge.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace freshet::simulate {

namespace {

enum Purpose : uint64_t { kJudge = 61, kRandomList = 62, kCohort = 63 };

constexpr size_t kSinceMax = 24;    // Events after a change that are told apart.
constexpr int kRefreshVisits = 10;  // The list of popular items is made anew every so many visits.

// What the judge's own count of views and clicks says is popular: the baseline to beat.
class Popular {
 public:
  explicit Popular(const Shop& shop) : shop_(shop), weight_(shop.items().size()) {}
  void saw(uint32_t item, TimeMs now) {
    const double days = static_cast<double>(now - shop_.options().start_ms) / static_cast<double>(kDayMs);
    weight_[item] +=
        exp_same(days / 7 * 0.6931471805599453);  // Newer ones count more: the same as decaying the old.
  }
  const std::vector<uint32_t>& top(TimeMs now, size_t k) {
    if (calls_++ % kRefreshVisits != 0) return top_;
    std::vector<std::pair<double, uint32_t>> all;
    for (uint32_t i = 0; i < weight_.size(); ++i)
      if (shop_.available(i, now)) all.emplace_back(-weight_[i], i);
    k = std::min(k, all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k), all.end());
    top_.clear();
    for (size_t i = 0; i < k; ++i) top_.push_back(all[i].second);
    return top_;
  }

 private:
  const Shop& shop_;
  std::vector<double> weight_;
  std::vector<uint32_t> top_;
  uint64_t calls_ = 0;
};

class Game {
 public:
  Game(Shop& shop, const JudgeOptions& options, Recommending& recommender)
      : shop_(shop),
        options_(options),
        recommender_(recommender),
        population_(shop, options.visits_per_day),
        popular_(shop),
        since_(shop.options().shoppers, -1),
        seed_(mix64(shop.options().seed, kJudge)) {
    verdict_.since.resize(kSinceMax + 1);
  }

  Result<Verdict> run() {
    const auto start = std::chrono::steady_clock::now();
    for (uint64_t visit = 0; visit < options_.visits && !stopped_; ++visit) {
      if (options_.taste_change && visit == options_.visits / 2) change_tastes();
      TRY_STATUS(play(visit));
      ++verdict_.visits;
      if ((visit + 1) * options_.points / options_.visits > verdict_.curve.size()) {
        verdict_.curve.push_back({visit + 1, since_point_});
        since_point_ = {};
      }
    }
    verdict_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    find_recovery();
    return std::move(verdict_);
  }

 private:
  // Four counts together: one alone has too few lists to say.
  void find_recovery() {
    const double enough = 0.9 * verdict_.before.share(verdict_.before.served);
    for (size_t n = 1; n < verdict_.since.size() && verdict_.recovered_after < 0; ++n) {
      Score around;
      for (size_t i = n; i < std::min(n + 4, verdict_.since.size()); ++i) around.add(verdict_.since[i]);
      if (around.lists >= 5 && around.share(around.served) >= enough)
        verdict_.recovered_after = static_cast<int>(n);
    }
  }

  bool in_cohort(uint32_t shopper) const { return mix64(mix64(seed_, kCohort), shopper) % 3 == 0; }

  void change_tastes() {
    changed_ = true;
    for (uint32_t shopper = 0; shopper < since_.size(); ++shopper)
      if (in_cohort(shopper)) {
        shop_.change_taste(shopper);
        since_[shopper] = 0;
      }
  }

  Event event(EventType type, uint32_t item) {
    Event made;
    made.type = type;
    made.time_ms = now_;
    made.id = options_.name + "-" + std::to_string(verdict_.events + events_.size());
    made.source = "simulate";
    made.user = user_;
    made.session = session_;
    made.item = Shop::item_id(item);
    made.region = kRegions[shop_.region(visit_.shopper)];
    return made;
  }

  Status step() {  // Sends what has happened since the last step.
    if (!events_.empty()) {
      TRY_STATUS(recommender_.send(events_));
      if (since_[visit_.shopper] >= 0) since_[visit_.shopper] += static_cast<int>(events_.size());
      verdict_.events += events_.size();
      events_.clear();
    }
    if (options_.pause && !options_.pause()) stopped_ = true;
    now_ = options_.now ? options_.now() : now_ + 3000 + static_cast<TimeMs>(draw_.below(30'000));
    visit_.now_ms = now_;
    return {};
  }

  void open_item(uint32_t item) {
    popular_.saw(item, now_);
    const double into_cart = cart_probability(shop_, visit_, item);
    visit_.open(item);
    if (draw_.uniform() >= into_cart) return;
    Event cart = event(EventType::kAddToCart, item);
    cart.price = shop_.price(item, now_);
    cart.quantity = 1;
    cart.currency = "EUR";
    events_.push_back(std::move(cart));
    cart_.push_back(item);
    ++verdict_.carts;
    visit_.goes_with = kCategories[shop_.items()[item].category].goes_with[draw_.below(2)];
  }

  void count(const Score& score, const std::string& surface, uint64_t visit) {
    verdict_.total.add(score);
    since_point_.add(score);
    if (4 * visit >= 3 * options_.visits) verdict_.last_quarter.add(score);
    (surface == "search"    ? verdict_.search
     : surface == "for-you" ? verdict_.for_you
                            : verdict_.next)
        .add(score);
    if (!options_.taste_change) return;
    const int since = since_[visit_.shopper];
    if (since >= 0) verdict_.since[std::min<size_t>(static_cast<size_t>(since), kSinceMax)].add(score);
    if (!changed_ && in_cohort(visit_.shopper) && 4 * visit >= options_.visits) verdict_.before.add(score);
    if (changed_ && since < 0) verdict_.others.add(score);
  }

  // One list: asked for, scored, clicked. Of a search: for something of the category.
  Status look_at(const std::string& list_name, uint16_t category, uint64_t visit) {
    const std::string surface = options_.searches ? "search" : list_name;
    TRY(const Recommending::List list,
        recommender_.recommend(
            {.surface = surface,
             .user = user_,
             .session = session_,
             .region = std::string(kRegions[shop_.region(visit_.shopper)]),
             .words = options_.searches ? search_words(visit_, category, draw_.next()) : "",
             .now = now_,
             .k = options_.k}));
    std::vector<uint32_t> items;
    for (const std::string& id : list.items) {
      const auto number = Shop::item_number(id);
      if (number && *number < shop_.items().size())
        items.push_back(*number);
      else
        ++verdict_.unknown_items;
    }
    std::vector<uint32_t> random(options_.k);
    Draw any(mix64(mix64(seed_, kRandomList), lists_++));
    for (uint32_t& item : random) item = static_cast<uint32_t>(any.below(shop_.items().size()));
    Score score;
    score.lists = 1;
    score.served = expected_clicks(shop_, visit_, items);
    score.best = expected_clicks(shop_, visit_,
                                 options_.searches ? best_list(shop_, visit_, options_.k, category)
                                                   : best_list(shop_, visit_, options_.k));
    score.popular = expected_clicks(shop_, visit_, popular_.top(now_, options_.k));
    score.random = expected_clicks(shop_, visit_, random);
    count(score, surface, visit);
    if (options_.looked) options_.looked(shop_, visit_, score.best);
    const Visit as_shown =
        visit_;  // Each place by itself: a click does not change what the next place is worth.
    for (size_t p = 0; p < items.size(); ++p) {
      const double probability = examine(p) * click_probability(shop_, as_shown, items[p]);
      if (!shop_.available(items[p], now_) || draw_.uniform() >= probability) continue;
      Event click = event(EventType::kClick, items[p]);
      click.query_id = list.query_id;
      click.surface = surface;
      events_.push_back(std::move(click));
      ++verdict_.clicks;
      open_item(items[p]);
    }
    return step();
  }

  Status play(uint64_t number) {
    now_ = options_.now ? options_.now() : std::max(now_, population_.next_time());
    const uint32_t shopper = population_.next_shopper();
    population_.end_visit(shopper);  // Visits are played one after another.
    draw_ = Draw(mix64(seed_, number));
    visit_ = begin_visit(shop_, shopper, now_, population_.owned(shopper), draw_.next());
    user_ = Shop::shopper_id(shopper);
    session_ = options_.name + "-visit-" + std::to_string(number);
    cart_.clear();
    if (!options_.now) now_ = visit_.now_ms;
    TRY_STATUS(look_at("for-you", visit_.mission, number));
    const int rounds = 1 + static_cast<int>(draw_.below(4));
    for (int round = 0; round < rounds && !stopped_; ++round) {
      const bool beside = visit_.goes_with >= 0 && draw_.below(2) == 0;
      const uint16_t category = beside ? static_cast<uint16_t>(visit_.goes_with) : visit_.mission;
      const uint32_t item = wander(shop_, visit_, category, draw_.next());
      events_.push_back(event(EventType::kView, item));
      open_item(item);
      TRY_STATUS(step());
      TRY_STATUS(look_at("next", category, number));
    }
    if (cart_.empty() || draw_.uniform() > 0.65) return {};
    for (const uint32_t item : cart_) {
      Event purchase = event(EventType::kPurchase, item);
      purchase.order_id = "order-" + session_;
      purchase.price = shop_.price(item, now_);
      purchase.quantity = 1;
      purchase.currency = "EUR";
      events_.push_back(std::move(purchase));
      population_.bought(shopper, item, now_);
      ++verdict_.purchases;
    }
    return step();
  }

  Shop& shop_;
  const JudgeOptions& options_;
  Recommending& recommender_;
  Population population_;
  Popular popular_;
  std::vector<int> since_;  // By shopper: events since the taste was changed; -1: it was not.
  const uint64_t seed_;
  Verdict verdict_;
  Score since_point_;
  bool changed_ = false, stopped_ = false;
  uint64_t lists_ = 0;

  // Of the visit that is being played.
  TimeMs now_ = 0;
  Draw draw_{0};
  Visit visit_{};
  std::string user_, session_;
  std::vector<uint32_t> cart_;
  std::vector<Event> events_;
};

}  // namespace

void Score::add(const Score& other) {
  served += other.served;
  best += other.best;
  popular += other.popular;
  random += other.random;
  lists += other.lists;
}

Result<Verdict> judge(Shop& shop, const JudgeOptions& options, Recommending& recommender) {
  return Game(shop, options, recommender).run();
}

}  // namespace freshet::simulate
