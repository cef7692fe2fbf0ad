// A shop in its own state, with its services: impressions and what follows them, and pages asked for.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "engine/shop_state.h"
#include "search/search_service.h"
#include "serve/recommend_service.h"

namespace freshet {

inline StateConfig small_config() {
  StateConfig config;
  config.recommender.memory_bytes = 64 << 20;
  config.search.background = false;
  config.ranker = {.weight_bits = 14, .deep_bits = 12, .memory_bits = 10};
  return config;
}

// A shop whose shoppers click what is red, whatever they are shown.
class RankedShop {
 public:
  static constexpr int kItems = 40;
  RankedShop() : RankedShop(usual) {}
  explicit RankedShop(const std::function<std::vector<Attribute>(int)>& attributes)
      : state_(std::move(ShopState::open(small_config())).value()),
        recommend_(state_->catalog(), state_->profiles(), state_->recommender()),
        search_(state_->catalog(), state_->settings(), state_->search(), small_config().search,
                &state_->vectors(), &state_->intent(), &state_->suggestions(), &state_->clicks()) {
    recommend_.rank_with(state_->ranker(), state_->settings());
    search_.rank_with(state_->ranker(), state_->profiles());
    for (int i = 0; i < kItems; ++i) {
      Event event;
      event.type = EventType::kItemUpsert;
      event.item = id(i);
      event.attributes = attributes(i);
      apply(event);
    }
  }
  static std::vector<Attribute> usual(int i) {
    return {{"category", "c" + std::to_string(i % 3)},
            {"color", std::string(i % 4 == 0 ? "red" : "grey")},
            {"price", 10.0 + i},
            {"title", "lamp number " + std::to_string(i)}};
  }
  static std::string id(int i) { return "i" + std::to_string(i); }
  static bool red(const std::string& id) { return std::stoi(id.substr(1)) % 4 == 0; }

  void apply(Event event) {
    event.source = "test";
    if (event.id.empty()) event.id = "e" + std::to_string(next_);
    if (event.time_ms == kNoTime) event.time_ms = now_;
    state_->apply(next_++, event);
  }
  void settings(const std::string& json) {
    apply(settings_event("stage", json, ""));
    apply(settings_event("publish", std::to_string(state_->settings().book().next - 1), ""));
  }
  RecommendAnswer recommend(const std::string& user, uint64_t explore = 0, size_t k = 10) {
    RecommendRequest request;
    request.user = user;
    request.k = k;
    request.explain = true;
    request.explore = explore;
    return recommend(request);
  }
  RecommendAnswer recommend(const RecommendRequest& request) const {
    return recommend_.recommend(request, now_).value();
  }
  SearchAnswer find(const std::string& user, std::vector<SortKey> sort = {}, uint64_t explore = 0) {
    SearchRequest request;
    request.query = "lamp";
    request.user = user;
    request.count = 10;
    request.explain = true;
    request.sort = std::move(sort);
    request.explore = explore;
    return search_.search(request, now_).value();
  }
  // The same words, asked not to be personal.
  SearchAnswer find_for_everybody(const std::string& user) {
    SearchRequest request;
    request.query = "lamp";
    request.user = user;
    request.personal = false;
    request.count = 10;
    return search_.search(request, now_).value();
  }
  // A page is shown, and answered to by its colours.
  void visit(int n, bool search) {
    now_ += 40 * 60 * 1000;
    visitor = n % 15;
    const std::string user = "u" + std::to_string(visitor);
    Event page;
    page.type = EventType::kImpression;
    page.user = user;
    page.query_id = "q" + std::to_string(n);
    page.surface = search ? "search" : "for-you";
    const uint64_t key = hash_bytes(page.query_id);
    if (search) {
      page.query = "lamp";
      put_shown(find(user, {}, key), page);
    } else {
      put_shown(recommend(user, key), page);
    }
    apply(page);
    Draw draw(mix64(key, 7));
    now_ += 1000;
    for (size_t k = 0; k < page.shown.size(); ++k) {
      if (draw.uniform() >= clicked(page.shown[k].item) / (1 + 0.3 * static_cast<double>(k))) continue;
      Event click;
      click.type = EventType::kClick;
      click.user = user;
      click.query_id = page.query_id;
      click.item = page.shown[k].item;
      apply(click);
      if (!bought || draw.uniform() >= bought(click.item)) continue;
      Event purchase = click;
      purchase.type = EventType::kPurchase;
      purchase.id.clear();
      purchase.order_id = "o" + page.query_id;
      apply(purchase);
    }
    Event view;  // By himself; so that there is something to recommend.
    view.type = EventType::kView;
    view.user = user;
    view.item = id(static_cast<int>(draw.below(kItems)));
    apply(view);
  }
  ShopState& state() { return *state_; }
  SearchService& search() { return search_; }
  const RecommendService& recommendations() const { return recommend_; }
  TimeMs now() const { return now_; }

  int visitor = 0;  // The number of who looks.
  // How often what is looked at is clicked, and what is clicked is bought (empty: nothing is).
  std::function<double(const std::string& id)> clicked = [](const std::string& id) {
    return red(id) ? 0.5 : 0.05;
  };
  std::function<double(const std::string& id)> bought;

 private:
  std::unique_ptr<ShopState> state_;
  RecommendService recommend_;
  SearchService search_;
  Offset next_ = 0;
  TimeMs now_ = 1'760'000'000'000;
};

template <class Items>
int reds(const Items& items, size_t first) {
  int count = 0;
  for (size_t i = 0; i < std::min(first, items.size()); ++i) count += RankedShop::red(items[i].id) ? 1 : 0;
  return count;
}

template <class Parts>
double sum_of(const Parts& parts) {
  double sum = 0;
  for (const auto& part : parts) sum += part.value;
  return sum;
}

}  // namespace freshet
