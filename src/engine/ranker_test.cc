// The learned ranker in the shop's own state: impressions and what follows them change what is recommended
// and found, the explanation still adds up, and snapshots bear all of it.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/epoch.h"
#include "engine/testing/ranked_shop.h"
#include "rank/objective.h"
#include "rules/rules.h"

namespace freshet {
namespace {

using Shop = RankedShop;

constexpr const char* kOff = R"({"ranker": {"weight": 0}})";
// So that only the ranker learns of searches.
constexpr const char* kOn =
    R"({"click_weight": 0, "popularity_weight": 0, "intent_weight": 0, "semantic_weight": 0, "ranking": [],
        "ranker": {"search_weight": 1}})";

std::vector<std::string> ids(const SearchAnswer& answer) {
  std::vector<std::string> out;
  for (const SearchHit& hit : answer.hits) out.push_back(hit.id);
  return out;
}

void restore(const std::vector<Fold*>& from, const std::vector<Fold*>& to) {
  for (size_t i = 0; i < from.size(); ++i) {
    Writer out;
    from[i]->save(out);
    Reader in(out.bytes());
    ASSERT_TRUE(to[i]->load(in).ok()) << from[i]->name();
  }
}

TEST(RankerAtWork, RecommendsWhatIsAnsweredToAndExplainsIt) {
  Shop shop;
  for (int n = 0; n < 400; ++n) shop.visit(n, false);
  const auto all_reds = [&] {
    int sum = 0;
    for (int u = 0; u < 15; ++u) sum += reds(shop.recommend("u" + std::to_string(u)).items, 10);
    return sum;
  };
  const RecommendAnswer with = shop.recommend("u1");
  const int reds_with = all_reds();
  shop.settings(kOff);
  const RecommendAnswer without = shop.recommend("u1");
  EXPECT_GT(reds_with, all_reds());
  bool ranked = false;
  for (const RecommendedItem& item : with.items) {
    EXPECT_EQ(sum_of(item.parts), static_cast<double>(item.score)) << item.id;
    ranked |= std::any_of(item.parts.begin(), item.parts.end(),
                          [](const auto& part) { return part.part == "ranker"; });
    EXPECT_FALSE(item.reason.empty());
  }
  EXPECT_TRUE(ranked);
  for (const RecommendedItem& item : without.items)
    EXPECT_TRUE(std::none_of(item.parts.begin(), item.parts.end(),
                             [](const auto& part) { return part.part == "ranker"; }));
}

TEST(RankerAtWork, FindsWhatIsAnsweredToUnlessAnotherOrderIsAskedFor) {
  Shop shop;
  shop.settings(kOn);
  const SearchAnswer cold = shop.find("u1");
  for (int n = 0; n < 400; ++n) shop.visit(n, true);
  const SearchAnswer warm = shop.find("u1");
  int all_reds = 0;  // Of the first eight, of fifteen shoppers.
  for (int u = 0; u < 15; ++u) all_reds += reds(shop.find("u" + std::to_string(u)).hits, 8);
  EXPECT_GT(reds(warm.hits, 8), reds(cold.hits, 8));
  EXPECT_GE(all_reds, 6 * 15);
  bool ranked = false;
  for (const SearchHit& hit : warm.hits) {
    EXPECT_EQ(sum_of(hit.parts), hit.score) << hit.id;
    ranked |= std::any_of(hit.parts.begin(), hit.parts.end(),
                          [](const auto& part) { return part.name == "ranker"; });
  }
  EXPECT_TRUE(ranked);
  // Of all that is known, what is known of the shopper only where the request may be personal.
  const SearchAnswer nobody_s = shop.find("");
  EXPECT_TRUE(nobody_s.ranked);
  EXPECT_NE(ids(warm), ids(nobody_s));
  EXPECT_EQ(ids(shop.find_for_everybody("u1")), ids(nobody_s));
  const SearchAnswer sorted = shop.find("u1", {{"price", false}});
  for (size_t i = 1; i < sorted.hits.size(); ++i) EXPECT_GT(sorted.hits[i].price, sorted.hits[i - 1].price);
  // What the shop says stays the last word.
  const Rule rule =
      parse_rule(
          R"({"id": "r", "when": [{"query": "lamp"}], "then": {"pin": [{"item": "i1", "position": 0}]}})")
          .value();
  SearchRequest request;
  request.query = "lamp";
  request.user = "u1";
  EXPECT_EQ(search_with_rules(shop.search(), request, {&rule}, shop.now())->hits.at(0).id, "i1");
}

// Red is clicked and bought and grey is not, and two are dear: lifts go far beyond what they may add.
class RankerFarApart : public testing::Test {
 protected:
  RankerFarApart() {
    shop_.settings(
        R"({"click_weight": 0, "popularity_weight": 0, "intent_weight": 0, "semantic_weight": 0, "ranking": [],
            "ranker": {"search_weight": 1, "click": 0, "purchase": 1, "control": 0, "exploration": 1}})");
    shop_.clicked = [](const std::string& id) { return Shop::red(id) ? 0.9 : 0.05; };
    shop_.bought = [](const std::string& id) { return Shop::red(id) ? 0.9 : 0.0; };
  }
  static std::vector<Attribute> priced(int i) {
    std::vector<Attribute> out = Shop::usual(i);
    for (Attribute& one : out)
      if (one.name == "price") one.value = i % 20 == 0 ? 1000.0 : 10.0;
    return out;
  }
  void visit(bool search) {
    for (int n = 0; n < 400; ++n) shop_.visit(n, search);
  }
  Shop shop_{priced};
};

// A part of a score that is for the ranker's account: what it says of the item itself, and against the
// others.
struct Account {
  double own = 0, others = 0;
};

TEST_F(RankerFarApart, PartsOfSearchesAddUpToWhatIsLeftOfALift) {
  visit(true);
  int cut = 0;
  for (int u = 0; u < 15; ++u) {
    const SearchAnswer page = shop_.find("u" + std::to_string(u));
    ASSERT_TRUE(page.ranked);
    std::vector<Account> accounts;
    double most = 0;
    for (const SearchHit& hit : page.hits) {
      EXPECT_EQ(sum_of(hit.parts), hit.score) << hit.id;
      Account& one = accounts.emplace_back();
      for (const HitPart& part : hit.parts)
        if (part.name == "ranker") (part.detail == "against the others" ? one.others : one.own) += part.value;
      most = std::max(most, one.own + one.others);
    }
    // Cut to half of the range above its middle, which is below zero: no more than that half is its own.
    for (const Account& one : accounts) {
      if (one.own + one.others < most) continue;
      ++cut;
      EXPECT_GT(one.own, 0);
      EXPECT_LT(one.own, most / 2);
    }
  }
  EXPECT_GE(cut, 15);
}

TEST_F(RankerFarApart, PartsOfRecommendationsAddUpToWhatIsLeftOfALift) {
  visit(false);
  int cut = 0;
  for (int u = 0; u < 15; ++u) {
    std::vector<Account> accounts;  // In logarithms of the score.
    double least = 0;
    for (const RecommendedItem& item : shop_.recommend("u" + std::to_string(u), 0, Shop::kItems).items) {
      EXPECT_EQ(sum_of(item.parts), static_cast<double>(item.score)) << item.id;
      Account& one = accounts.emplace_back();
      for (const RecommendPart& part : item.parts)
        if (part.part == "ranker") (part.evidence == "others" ? one.others : one.own) += part.value;
      const double score = static_cast<double>(item.score), added = one.own + one.others;
      const double unit = added / std::log(score / (score - added));
      one = {one.own / unit, one.others / unit};
      least = std::min(least, one.own + one.others);
    }
    // What stands against an item is the same for all of a page, of a cut one a share of it.
    const double against = accounts.front().others, raised = least + kLiftRange;
    for (const Account& one : accounts) {
      if (one.own + one.others > least + 0.01) {
        EXPECT_NEAR(one.others, against, 0.01);
        continue;
      }
      ++cut;
      EXPECT_GT(one.others, against);
      EXPECT_LT(one.others, raised);
    }
  }
  EXPECT_GT(cut, 100);
}

// Each shopper likes one category of three. What all of them like is the same for all items, so that an order
// can only be better by knowing who searches (docs/decisions/0179-searches-for-whom.md).
TEST(RankerAtWork, SearchesAreOrderedForWhoAsksByWhatIsKnownOfHim) {
  Shop shop;
  constexpr int kCategories = 3;
  const auto liked = [](int user, const std::string& id) {
    return std::stoi(id.substr(1)) % kCategories == user % kCategories;
  };
  shop.clicked = [&](const std::string& id) { return liked(shop.visitor, id) ? 0.6 : 0.05; };
  for (int n = 0; n < 500; ++n) shop.visit(n, true);
  const auto all_liked = [&] {  // Of the first five, of fifteen shoppers.
    int sum = 0;
    for (int user = 0; user < 15; ++user) {
      const std::vector<std::string> found = ids(shop.find("u" + std::to_string(user)));
      for (size_t i = 0; i < 5; ++i) sum += liked(user, found[i]) ? 1 : 0;
    }
    return sum;
  };
  const int with = all_liked();
  const SearchAnswer mine = shop.find("u1"), a_stranger_s = shop.find("somebody"), nobody_s = shop.find("");
  EXPECT_TRUE(mine.ranked);
  EXPECT_FALSE(a_stranger_s.ranked);
  EXPECT_EQ(ids(a_stranger_s), ids(nobody_s));
  std::set<std::string> reasons;
  for (const SearchHit& hit : mine.hits) {
    EXPECT_EQ(sum_of(hit.parts), hit.score) << hit.id;
    for (const HitPart& part : hit.parts)
      if (part.name == "ranker" && part.detail != "against the others") reasons.insert(part.detail);
  }
  EXPECT_FALSE(reasons.empty());
  for (const std::string& reason : reasons)
    EXPECT_TRUE(reason == rank_group_reason(RankGroup::kTaste) ||
                reason == rank_group_reason(RankGroup::kVisit) ||
                reason == rank_group_reason(RankGroup::kSeen))
        << reason;
  EXPECT_EQ(ids(shop.find_for_everybody("u1")), ids(nobody_s));
  shop.settings(R"({"ranker": {"personal_weight": 0}})");
  EXPECT_GT(with, all_liked() + 15) << "at least one place more each";
  EXPECT_EQ(ids(shop.find("u1")), ids(nobody_s));
  // All that is known is another opinion: it is not heard before it has proved itself.
  shop.settings(R"({"ranker": {"search_weight": 1}})");
  EXPECT_FALSE(shop.find("u1").ranked);
}

// Where who asks says nothing of what he likes, nobody's order changes.
TEST(RankerAtWork, SearchesStayAsTheyAreWhereKnowingWhoAsksHelpsNobody) {
  Shop shop;
  for (int n = 0; n < 500; ++n) shop.visit(n, true);
  EXPECT_FALSE(shop.find("u1").ranked);
}

// The places of a search are zeros as soon as they are shown, the upper ones the more so: what learns at once
// would be found worse than a version that has not learned them, whatever it had said before.
TEST(RankerAtWork, ASearchIsJudgedByWhatWasSaidBeforeItsZeros) {
  for (const bool alike : {false, true}) {
    Shop shop;
    if (alike) shop.clicked = [](const std::string&) { return 0.3; };
    for (int n = 0; n < 500; ++n) shop.visit(n, true);
    const PublicationReport report = shop.state().ranker().publication().report();
    EXPECT_GT(report.published, 2u);
    EXPECT_EQ(report.held_count, 0u) << alike;
    EXPECT_EQ(report.rollbacks, 0u) << alike;
  }
}

TEST(RankerAtWork, DiversityCapsAndTrialsAsTheSettingsSay) {
  Shop shop;
  for (int n = 0; n < 300; ++n) shop.visit(n, false);
  shop.settings(R"({"ranker": {"category_cap": 2}})");
  std::map<std::string, int> categories;
  for (const RecommendedItem& item : shop.recommend("u1", 0, 6).items)
    ++categories[std::to_string(std::stoi(item.id.substr(1)) % 3)];
  for (const auto& [category, count] : categories) EXPECT_EQ(count, 2) << category;
  shop.settings(R"({"ranker": {"exploration": 1}})");
  const RecommendAnswer tried = shop.recommend("u1", 5);
  EXPECT_EQ(std::count_if(tried.items.begin(), tried.items.end(),
                          [](const auto& item) { return item.propensity < 0.1f; }),
            1);
  EXPECT_NEAR(tried.items[0].propensity, 1, 1e-6);
  for (const RecommendedItem& item : shop.recommend("u1").items) EXPECT_EQ(item.propensity, 1);
}

TEST(RankerAtWork, WaitsAsTheSettingsSayAndFollowsIdentityLinks) {
  Shop shop;
  shop.settings(R"({"ranker": {"attribution": {"window_seconds": 7200, "late_seconds": 86400}}})");
  EXPECT_EQ(shop.state().joiner().windows(), (JoinerWindows{.window_ms = 7'200'000, .late_ms = 86'400'000}));
  Event page;
  page.type = EventType::kImpression;
  page.session = "visit";
  page.surface = "for-you";
  page.shown = {{Shop::id(3), 1.0f}, {Shop::id(4), 1.0f}};
  shop.apply(page);
  Event link;
  link.type = EventType::kIdentityLink;
  link.user = "visit";
  link.user_to = "ada";
  shop.apply(link);
  Event click;
  click.type = EventType::kClick;
  click.user = "ada";
  click.item = Shop::id(4);
  shop.apply(click);
  ASSERT_NE(shop.state().joiner().followed(), nullptr);
  EXPECT_EQ(shop.state().joiner().place(), 1u);
  shop.settings("{}");
  EXPECT_EQ(shop.state().joiner().windows(), JoinerWindows{});
}

TEST(RankerAtWork, ASnapshotBearsWhatWasLearned) {
  Shop shop;
  const auto again = std::move(ShopState::open(small_config())).value();
  for (int n = 0; n < 200; ++n) shop.visit(n, n % 2 == 0);
  restore(shop.state().folds(), again->folds());
  EXPECT_EQ((*again).hash(), shop.state().hash());
  const EpochGuard guard;
  EXPECT_EQ((*again).ranker().describe(), shop.state().ranker().describe());
  EXPECT_EQ((*again).clicks().describe(), shop.state().clicks().describe());
  EXPECT_GT(shop.state().ranker().parameters().examples, 1000u);
  EXPECT_GT((*again).joiner().waiting(), 0u);
}

// What settings say of the learner, and a challenger that takes its place (decision 0168).
TEST(RankerAtWork, SettingsSayWhichLearnerAnswersAndTakeItBack) {
  Shop shop;
  const auto asked = [&] {
    const EpochGuard guard;
    const Ranker::Parameters& now = shop.state().ranker().parameters();
    return std::string(rank_learner_name(now.learner)) + " " + std::to_string(now.prior).substr(0, 3) + " " +
           std::to_string(now.caution).substr(0, 3) + " " +
           (now.challengers.empty() ? "" : now.challengers.back().of.name);
  };
  const auto last_note = [&] { return shop.state().ranker().publication().report().notes.back().text; };
  const std::string bold = R"("challenger": {"name": "bold", "learner": "linear", "prior": 2})";
  for (int n = 0; n < 40; ++n) shop.visit(n, false);
  const std::string usual = "ensemble 1.0 1.3 ";
  EXPECT_EQ(asked(), usual);
  shop.settings(R"({"ranker": {)" + bold + "}}");
  EXPECT_EQ(asked(), usual + "bold");
  const auto promote = [&] { shop.apply(settings_event("model-challenger", "bold", "")); };
  promote();
  const std::string promoted = "linear 2.0 1.3 ";
  EXPECT_EQ(asked(), promoted);
  // Another change leaves it where it is; so does saying the same again.
  shop.settings(R"({"popularity_weight": 0.4, "ranker": {)" + bold + "}}");
  EXPECT_EQ(asked(), promoted);
  shop.settings(R"({"ranker": {"learner": "ensemble", )" + bold + "}}");
  EXPECT_EQ(asked(), promoted);
  // So does a second one beside it, which learns in the shadow.
  shop.settings(R"({"ranker": {"challengers": [{"name": "slow", "prior": 0.1},
                               {"name": "bold", "learner": "linear", "prior": 2}]}})");
  EXPECT_EQ(asked(), promoted + "slow");
  shop.settings(R"({"ranker": {)" + bold + "}}");
  EXPECT_EQ(asked(), promoted);
  // Settings that do not name it any more say themselves who answers.
  shop.settings(R"({"ranker": {"learner": "ensemble"}})");
  EXPECT_EQ(asked(), usual);
  EXPECT_EQ(last_note(), "ensemble, prior 1, caution 1.3, as the settings say");
  // The same by going back to what was published before it.
  shop.settings(R"({"ranker": {)" + bold + "}}");
  promote();
  EXPECT_EQ(asked(), promoted);
  shop.apply(settings_event("publish", "6", ""));
  EXPECT_EQ(asked(), usual);
  // Or they make it their own, and nothing changes.
  shop.settings(R"({"ranker": {)" + bold + "}}");
  promote();
  shop.settings(R"({"ranker": {"learner": "linear", "prior": 2}})");
  EXPECT_EQ(asked(), promoted);
  for (int n = 40; n < 60; ++n) shop.visit(n, false);
  shop.settings(R"({"ranker": {"learner": "deep", "prior": 2, "caution": 3}})");
  EXPECT_EQ(asked(), "deep 2.0 3.0 ");
  // All of it comes back from a snapshot.
  const auto again = std::move(ShopState::open(small_config())).value();
  restore(shop.state().folds(), again->folds());
  EXPECT_EQ(again->hash(), shop.state().hash());
}

TEST(RankerAtWork, AVersionSaysByWhatItWasLearned) {
  Shop shop;
  std::vector<RankVersion> versions;
  shop.state().ranker().on_version([&](RankVersion version) { versions.push_back(std::move(version)); });
  shop.settings(
      R"({"ranker": {"learner": "ensemble", "prior": 2, "caution": 1.5, "cart": 2, "value": "margin",
      "updates": {"mode": "batch", "pages": 20, "drift": 0.0002}}})");
  for (int n = 0; n < 1000 && versions.empty(); ++n) shop.visit(n, false);
  ASSERT_FALSE(versions.empty());
  const std::map<std::string, std::string> want = {{"learner", "ensemble"},
                                                   {"prior", "2"},
                                                   {"caution", "1.5"},
                                                   {"settings", "1"},
                                                   {"objective", "click 1, cart 2, purchase 0 x margin"},
                                                   {"mode", "batch"},
                                                   {"pages", "20"},
                                                   {"drift", "0.0002"},
                                                   {"gate", "on"},
                                                   {"weight_bits", "14"},
                                                   {"scenarios", "none"}};
  const std::map<std::string, std::string>& facts = versions.front().facts;
  for (const auto& [name, value] : want) {
    ASSERT_TRUE(facts.contains(name)) << name;
    EXPECT_EQ(facts.at(name), value) << name;
  }
  for (const char* name : {"offset", "lessons", "log_loss", "features", "adapt", "replay", "deep_bits"})
    EXPECT_TRUE(facts.contains(name)) << name;
}

}  // namespace
}  // namespace freshet
