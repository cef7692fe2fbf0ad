// Plays shoppers of a generated shop against a recommender and judges its lists, because the truth is known.
//
// A visit: the shopper opens the page and looks at the list "for you"; clicks what the choice model says;
// looks around alone; looks at the list "next in this visit"; clicks, puts into the cart, buys. Each step's
// events are sent before the next list is asked for. Each list is scored by its expected clicks under the
// true model, together with, for the same shopper at the same moment, the best list there is, the most
// popular items (half-life 7 days), and random ones:
//
//   share = sum of expected clicks / sum of expected clicks of the best lists      regret = their difference
//
// The best list knows what the visit is about, which no list shown first can know: a share of 1 is out of
// reach.
//
// With `searches` the shopper searches instead, in the words of a category (every third time with a colour he
// likes), for what the visit is about and then for what goes with it, and the best list is that of the
// category: what is left to know is whom the page is for.
//
// Threads: one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "eval/simulate_stream.h"

namespace freshet::simulate {

// The recommender as the judge sees it.
class Recommending {
 public:
  struct List {
    std::string query_id;
    std::vector<std::string> items;
  };
  virtual ~Recommending() = default;
  // Returns when they are acknowledged; lists asked for afterwards know of them.
  virtual Status send(const std::vector<Event>& events) = 0;
  struct Question {
    std::string surface, user, session, region;
    std::string words;  // Of a search; surface is "search" then.
    TimeMs now = 0;
    size_t k = 10;
  };
  virtual Result<List> recommend(const Question& asked) = 0;
};

struct JudgeOptions {
  uint64_t visits = 2000;
  double visits_per_day = 350;
  size_t k = 10;
  bool searches = false;      // Instead of the lists.
  bool taste_change = false;  // At half of the visits, a third of the shoppers like something else.
  size_t points = 40;         // Of the curves.
  std::string name =
      "game";  // Event ids and sessions begin with it: another game on the same log, another name.
  // Wall clock instead of the shop's own time (live traffic); called for the present, and between two steps.
  std::function<TimeMs()> now;
  std::function<bool()> pause;  // After each step; false: stop.
  // Of each list that was asked for: what the truth is then. For scoring what else could have been shown.
  // best: expected clicks of the best list there is.
  std::function<void(const Shop&, const Visit&, double best)> looked;
};

// Sums of expected clicks over a number of lists.
struct Score {
  double served = 0, best = 0, popular = 0, random = 0;
  uint64_t lists = 0;
  void add(const Score& other);
  double share(double of) const { return best > 0 ? of / best : 0; }
};

struct ScorePoint {
  uint64_t visit = 0;  // The curve's x: visits so far.
  Score score;         // Of the lists since the point before.
};

struct Verdict {
  uint64_t visits = 0, events = 0, clicks = 0, carts = 0, purchases = 0, unknown_items = 0;
  double seconds = 0;
  Score total, last_quarter, for_you, next, search;
  std::vector<ScorePoint> curve;
  // Taste change only: those whose taste changed, by how many events they have made since; and all others
  // meanwhile.
  Score before, others;
  std::vector<Score> since;  // [0]: none yet, [1]: 1, [2]: 2, ... ; the last one: that many and more.
  int recovered_after = -1;  // The first count of events from which on (it and the next three) the share is
                             // at least 0.9 of before; -1: never.
};

Result<Verdict> judge(Shop& shop, const JudgeOptions& options, Recommending& recommender);

std::string verdict_json(const Verdict& verdict);
std::string verdict_text(const Verdict& verdict);
std::string verdict_svg(const Verdict& verdict);

}  // namespace freshet::simulate
