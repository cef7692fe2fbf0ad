#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "rank/ranker.h"

namespace freshet {

inline std::string saved(const auto& what) {
  Writer out;
  what.save(out);
  return out.take();
}

// A shop in memory: recommendations of ten items in a fixed order, and shoppers who like one colour each.
class RankShop {
 public:
  static constexpr int kItems = 30, kShown = 10;
  explicit RankShop(RankerConfig config = {.weight_bits = 14, .deep_bits = 12, .memory_bits = 10})
      : catalog_(moment_, {.items_max = 1000}),
        profiles_(moment_),
        joiner_(moment_, catalog_, {}, &profiles_),
        clicks_(moment_, catalog_, joiner_, {.queries_max = 64, .pairs_max = 1024}),
        settings_(moment_),
        contexts_(moment_),
        ranker_(moment_, catalog_, profiles_, joiner_, clicks_, contexts_, settings_, config) {
    for (int i = 0; i < kItems; ++i) {
      Event event;
      event.type = EventType::kItemUpsert;
      event.item = id(i);
      event.attributes = {{"brand", "b" + std::to_string(i % 5)},
                          {"category", "c" + std::to_string(i % 2)},
                          {"color", colour(i)},
                          {"price", 10.0 + i}};
      apply(event);
    }
  }
  static std::string id(int i) { return "i" + std::to_string(i); }
  static std::string colour(int i) { return i % 3 == 0 ? "red" : i % 3 == 1 ? "green" : "blue"; }

  void apply(const Event& event) {
    moment_ = {.skip = false, .key = mix64(offset_, 5), .time_ms = now_, .now_ms = now_};
    for (Fold* fold : std::initializer_list<Fold*>{&settings_, &catalog_, &joiner_, &clicks_, &contexts_,
                                                   &ranker_, &profiles_})
      fold->apply(offset_, event);
    ++offset_;
  }
  // A page in the order of the base, and its click, if any: of a shopper who likes one colour, or does not
  // care.
  // poison: a program clicks at random places of it instead.
  void visit(int n, bool cares, bool poison = false) {
    visit_by(
        n, [cares](int shopper, int item) { return cares && item % 3 == shopper % 3; }, poison);
  }
  void visit_by(int n, const std::function<bool(int shopper, int item)>& likes, bool poison = false) {
    now_ += 40 * 60 * 1000;  // The pages before are closed.
    Draw draw(mix64(n, 99));
    const auto shopper = static_cast<int>(draw.below(20));
    Event page;
    page.type = EventType::kImpression;
    page.user = "u" + std::to_string(shopper);
    page.query_id = "q" + std::to_string(n);
    page.surface = "for-you";
    std::string bases;
    std::vector<int> items;
    for (int k = 0; k < kShown; ++k) {
      items.push_back(static_cast<int>(draw.below(kItems)));
      page.shown.push_back({id(items.back()), 1.0f});
      append_base(-2 - 0.2f * static_cast<float>(k), bases);
    }
    page.attributes = {{"base", bases}};
    apply(page);
    now_ += 1000;
    for (int k = 0; k < kShown; ++k) {
      if (draw.uniform() >= (poison ? 0.25 : (likes(shopper, items[k]) ? 0.6 : 0.06) / (1 + 0.35 * k)))
        continue;
      if (poison) page.user = "bot";
      click(page, id(items[k]));
    }
  }
  // By whom the page was shown to.
  void click(const Event& page, const std::string& item) {
    Event click;
    click.type = EventType::kClick;
    click.user = page.user;
    click.query_id = page.query_id;
    click.item = item;
    apply(click);
  }
  std::vector<RankVerdict> ask(const std::string& user, RankKind kind = RankKind::kForYou,
                               RankHeard heard = RankHeard::kAll, const RankObjective& objective = {}) {
    const Sequence sequence = profiles_.sequence(profiles_.find(user));
    const EpochGuard guard;
    const RankQuery query(
        ranker_, {.kind = kind, .shopper = hash_bytes(user), .now_ms = now_, .steps = sequence.steps}, heard);
    std::vector<RankCandidate> candidates;
    for (int i = 0; i < kItems; ++i)
      candidates.push_back({.item = catalog_.find(id(i)), .base = -3, .value = 1 + 0.1 * i});
    std::vector<RankVerdict> out;
    query.judge(candidates, objective, out);
    return out;
  }
  std::vector<RankVerdict> ask_for(const std::string& user, const std::vector<int>& items,
                                   const std::string& region = "") {
    const Sequence sequence = profiles_.sequence(profiles_.find(user));
    const EpochGuard guard;
    const RankQuery query(ranker_, {.kind = RankKind::kForYou,
                                    .shopper = hash_bytes(user),
                                    .now_ms = now_,
                                    .steps = sequence.steps,
                                    .region = region});
    EXPECT_TRUE(query.ready());
    std::vector<RankCandidate> candidates;
    for (const int i : items) candidates.push_back({.item = catalog_.find(id(i)), .base = -3});
    std::vector<RankVerdict> out;
    query.judge(candidates, {}, out);
    return out;
  }
  void publish_settings(const std::string& json) {
    apply(settings_event("stage", json, ""));
    apply(settings_event("publish", std::to_string(settings_.book().next - 1), ""));
  }
  // Clicks that shoppers who care would give to pages of ten as the ranker orders them, against the best
  // pages.
  double quality() {
    double sum = 0, best = 0;
    for (int shopper = 0; shopper < 20; ++shopper) {
      const std::vector<RankVerdict> verdicts = ask("u" + std::to_string(shopper));
      std::vector<int> order(kItems);
      for (int i = 0; i < kItems; ++i) order[i] = i;
      std::stable_sort(order.begin(), order.end(),
                       [&](int a, int b) { return verdicts[a].lift > verdicts[b].lift; });
      for (int k = 0; k < kShown; ++k) {
        sum += (order[k] % 3 == shopper % 3 ? 0.6 : 0.06) / (1 + 0.35 * k);
        best += 0.6 / (1 + 0.35 * k);
      }
    }
    return sum / best;
  }
  void pass(TimeMs ms) { now_ += ms; }
  TimeMs now() const { return now_; }
  void configure(const RankerUpdates& updates) { ranker_.configure(updates); }
  const Catalog& catalog() const { return catalog_; }
  const Profiles& profiles() const { return profiles_; }
  Ranker& ranker() { return ranker_; }
  const Ranker& ranker() const { return ranker_; }
  std::string bytes() { return saved(joiner_) + saved(ranker_); }
  void load(const std::string& from) {
    Reader in(from);
    ASSERT_TRUE(ranker_.load(in).ok());
  }

 private:
  Moment moment_;
  Catalog catalog_;
  Profiles profiles_;
  Joiner joiner_;
  ClickModel clicks_;
  Settings settings_;
  Contexts contexts_;
  Ranker ranker_;
  Offset offset_ = 0;
  TimeMs now_ = 1'700'000'000'000;
};

}  // namespace freshet
