// A game on the generated shop: shoppers play against the server's own folds and recommendations in this
// process, and other rankers can be asked, of the same candidates and for the same shopper, at the moment of
// each list. rank_eval.cc and rank_poison.cc play it.
//
// Threads: one.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "engine/shop_state.h"
#include "eval/rank_eval.h"
#include "search/search_service.h"
#include "serve/recommend_service.h"

namespace freshet {

// For one of several games, whose progress is that of all.
RankEvalOptions of_game(const RankEvalOptions& options, int game, int games);

class RankPlay : public simulate::Recommending {
 public:
  using Request = std::variant<RecommendRequest, SearchRequest>;  // A page, as the shopper's was asked for.

  RankPlay(simulate::Shop& shop, const RankEvalOptions& options) : shop_(shop), options_(options) {}
  Status open(bool with_ranker);

  Status send(const std::vector<Event>& events) override;
  Result<List> recommend(const Question& asked) override;
  // Of each list: what the lists of the others would have brought.
  virtual void looked(const simulate::Visit& visit,
                      double best) = 0;  // best: clicks of the best list there is

  // To the end; how it went.
  Result<simulate::Verdict> play();

 protected:
  // Before a list is made.
  virtual Status ask_others(const Request&) { return {}; }
  virtual void shown(const List&) {}
  virtual Event as_sent(const Event& event) { return event; }

  void apply(Event event);
  // Rankers of one's own, to which everything is applied that the shop's is.
  virtual std::vector<Ranker*> followers() const = 0;
  std::unique_ptr<Ranker> copy_of_live() const;
  std::unique_ptr<ClickModel> copy_of_clicks() const;
  // clicks: of a search; null: the shop's.
  Result<std::vector<std::string>> list_of(const Ranker* ranker, const Request& request,
                                           const ClickModel* clicks = nullptr) const;
  double clicks_of(const std::vector<std::string>& list, const simulate::Visit& visit) const;
  double span_ms() const;  // Of the game.
  TimeMs start_ms() const { return shop_.options().start_ms; }

  simulate::Shop& shop_;
  const RankEvalOptions options_;
  std::unique_ptr<ShopState> state_;
  TimeMs now_ = 0;

 private:
  void stock(TimeMs now);
  // What the page shows goes into the impression, and its items into the list.
  Status put_recommended(const Question& asked, List& list, Event& impression);
  Status put_found(const Question& asked, List& list, Event& impression);

  const SearchConfig search_config_{.background = false, .budget_ms = 60'000};
  std::optional<RecommendService> service_;
  std::optional<SearchService> search_;
  Offset next_ = 0;
  uint64_t pages_ = 0;
  TimeMs day_ = -1;
};

}  // namespace freshet
