// Experiments as a fold: what the shop says, what shoppers do, and snapshots in between.
#include "experiment/experiments.h"

#include <gtest/gtest.h>

#include "experiment/results.h"
#include "feature/entry.h"

namespace freshet {
namespace {

class ExperimentsFold : public ::testing::Test {
 protected:
  struct Folds {
    Moment moment;
    Entry entry{moment, 10'000};
    Settings settings{moment};
    Experiments experiments{moment, settings};
    std::vector<Fold*> all() { return {&entry, &settings, &experiments}; }
    std::string saved() {
      Writer out;
      for (Fold* fold : all()) fold->save(out);
      return out.take();
    }
  };

  ExperimentsFold() {
    settings("stage", R"({"click_weight": 0})");
    settings("stage", R"({"click_weight": 0.5})");
  }
  void apply(Event event) {
    event.id = "e" + std::to_string(++number_);
    event.time_ms = event.time_ms == kNoTime ? 1'760'000'000'000 + 1000 * number_ : event.time_ms;
    log_.push_back(event);
    for (Fold* fold : folds_.all()) fold->apply(static_cast<Offset>(number_), event);
  }
  void settings(const std::string& action, const std::string& value, const std::string& surface = "") {
    Event event = settings_event(action, value, "admin");
    event.surface = surface;
    apply(event);
  }
  void define(const std::string& name, const std::string& rest = "") {
    settings("experiment-define", R"({"name": ")" + name + R"(", "control": {"settings_version": 0},
             "variant": {"settings_version": 1})" +
                                      rest + "}");
  }
  const Experiment* find(const std::string& name) { return folds_.experiments.book().find(name); }
  std::string state(const std::string& name) {
    return find(name) == nullptr ? "none" : std::string(state_name(find(name)->state));
  }
  const ExperimentTally& tally(const std::string& name) { return *folds_.experiments.tally(find(name)->run); }

  // A search that takes part, as the engine notes it.
  void search(const std::string& name, const std::string& query_id, const std::string& shopper, Arm arm,
              double found = 4) {
    Event event;
    event.type = EventType::kSearch;
    event.user = shopper;
    event.query = "q";
    event.query_id = query_id;
    event.result_count = found;
    event.attributes = {{"experiment", name},
                        {"experiment_run", static_cast<int64_t>(find(name)->run)},
                        {"arm", std::string(arm == Arm::kVariant ? "variant" : "control")},
                        {"took_us", int64_t{1500}}};
    apply(event);
    event.type = EventType::kImpression;
    event.attributes.pop_back();
    for (const char* item : {"a", "b", "c", "d"}) event.shown.push_back({item, 1});
    if (found > 0) apply(event);
  }
  void drafted(const std::string& name, const std::string& query_id, const std::string& teams,
               int64_t draft) {
    Event event;
    event.type = EventType::kImpression;
    event.user = "u";
    event.query = "q";
    event.query_id = query_id;
    event.attributes = {{"experiment", name},
                        {"experiment_run", static_cast<int64_t>(find(name)->run)},
                        {"teams", teams},
                        {"draft", draft}};
    for (const char* item : {"a", "b", "c", "d"}) event.shown.push_back({item, 1});
    apply(event);
  }
  void act(EventType type, const std::string& item, const std::string& query_id, double price = kNoNumber) {
    Event event;
    event.type = type;
    event.item = item;
    event.user = "u";
    event.query_id = query_id;
    event.price = price;
    apply(event);
  }

  Folds folds_;
  std::vector<Event> log_;
  int64_t number_ = 0;
};

TEST_F(ExperimentsFold, LivesFromDraftToShipped) {
  EXPECT_EQ(state("x"), "none");
  define("x");
  EXPECT_EQ(state("x"), "draft");
  EXPECT_EQ(find("x")->by, "admin");
  settings("experiment-stop", "x");
  EXPECT_EQ(state("x"), "draft") << "what does not run is not stopped";
  settings("experiment-start", "x");
  EXPECT_EQ(state("x"), "running");
  EXPECT_EQ(find("x")->run, 1u);
  define("x", R"(, "share": 0.9)");
  EXPECT_EQ(find("x")->of.share, 0.5) << "what runs is not changed";
  settings("experiment-delete", "x");
  EXPECT_EQ(state("x"), "running");
  settings("experiment-stop", "x", "enough");
  EXPECT_EQ(state("x"), "stopped");
  EXPECT_EQ(find("x")->ended_because, "enough");
  settings("experiment-start", "x");
  EXPECT_EQ(find("x")->run, 2u);
  settings("experiment-ship", "x");
  settings("publish", "1");
  EXPECT_EQ(state("x"), "shipped");
  settings("experiment-delete", "x");
  EXPECT_EQ(state("x"), "none");
}

TEST_F(ExperimentsFold, EndsWhenWhatItComparesIsSettledElsewhere) {
  define("x");
  settings("experiment-start", "x");
  settings("stage", R"({"prefix": false})");
  EXPECT_EQ(state("x"), "running");
  settings("publish", "3");
  EXPECT_EQ(state("x"), "stopped");
  EXPECT_EQ(find("x")->ended_because, "version 3 of the settings was published");
  settings("experiment-start", "x");
  EXPECT_EQ(state("x"), "running");
  settings("discard", "1");
  EXPECT_EQ(state("x"), "stopped");
  EXPECT_EQ(find("x")->ended_because, "a version of the settings that it compares is gone");
  settings("experiment-start", "x");
  EXPECT_EQ(state("x"), "stopped") << "and cannot be started without it";
}

TEST_F(ExperimentsFold, RunningOnesShareOutTheShoppers) {
  define("a", R"(, "traffic": 0.4)");
  define("b", R"(, "traffic": 0.5)");
  define("c", R"(, "traffic": 0.3)");
  for (const char* name : {"a", "b", "c"}) settings("experiment-start", name);
  EXPECT_EQ(state("c"), "draft") << "only a tenth was left";
  int in[2] = {0, 0}, none = 0;
  const auto count = [&] {
    in[0] = in[1] = none = 0;
    for (int i = 0; i < 10'000; ++i) {
      const Experiment* one =
          folds_.experiments.book().of_shopper("s" + std::to_string(i), ExperimentOn::kSearch);
      ++(one == nullptr ? none : in[one->of.name == "a" ? 0 : 1]);
    }
  };
  count();
  EXPECT_NEAR(in[0], 4000, 200);
  EXPECT_NEAR(in[1], 5000, 200);
  EXPECT_NEAR(none, 1000, 120);
  settings("experiment-stop", "a");
  settings("experiment-start", "c");
  EXPECT_EQ(state("c"), "running");
  EXPECT_EQ(find("c")->from, 0) << "in the gap";
  EXPECT_EQ(folds_.experiments.book().of_shopper("", ExperimentOn::kSearch), nullptr);
}

// Of those on other pages they do not know.
TEST_F(ExperimentsFold, ThoseOnOtherPagesShareTheShoppersOutByThemselves) {
  define("found");
  define("shown", R"(, "on": "recommendations")");
  for (const char* name : {"found", "shown"}) settings("experiment-start", name);
  ASSERT_EQ(state("found"), "running");
  ASSERT_EQ(state("shown"), "running");
  const ExperimentBook& book = folds_.experiments.book();
  EXPECT_EQ(book.of_shopper("s", ExperimentOn::kSearch)->of.name, "found");
  EXPECT_EQ(book.of_shopper("s", ExperimentOn::kRecommendations)->of.name, "shown");
}

TEST_F(ExperimentsFold, CountsPagesOfRecommendations) {
  define("x", R"(, "on": "recommendations")");
  settings("experiment-start", "x");
  const auto page = [&](const std::string& query_id, Arm arm) {
    Event event;
    event.type = EventType::kImpression;
    event.user = "u";
    event.query_id = query_id;
    event.surface = "for-you";
    event.attributes = {{"experiment", std::string("x")},
                        {"experiment_run", static_cast<int64_t>(find("x")->run)},
                        {"arm", std::string(arm == Arm::kVariant ? "variant" : "control")},
                        {"took_us", int64_t{2500}}};
    for (const char* item : {"a", "b", "c", "d"}) event.shown.push_back({item, 1});
    apply(event);
  };
  page("p1", Arm::kVariant);
  page("p2", Arm::kControl);
  page("p3", Arm::kVariant);
  search("x", "q1", "u", Arm::kVariant);  // Says that it is part: it is not, but its page would be one.
  act(EventType::kClick, "b", "p1");
  act(EventType::kClick, "c", "p1");
  act(EventType::kPurchase, "b", "p1", 7.5);
  act(EventType::kAddToCart, "a", "p2");
  act(EventType::kClick, "z", "p3");  // Was not shown there.
  const ExperimentTally& seen = tally("x");
  EXPECT_EQ(seen.sum(Arm::kVariant, Measure::kSearches), 3);
  EXPECT_EQ(seen.sum(Arm::kControl, Measure::kSearches), 1);
  EXPECT_EQ(seen.sum(Arm::kVariant, Measure::kClicked), 1) << "each kind once a page";
  EXPECT_EQ(seen.sum(Arm::kVariant, Measure::kRevenue), 7.5);
  EXPECT_EQ(seen.sum(Arm::kControl, Measure::kCarted), 1);
  EXPECT_EQ(seen.sum(Arm::kControl, Measure::kTookMs), 2.5);
  const ExperimentResults results = results_of(find("x")->of, seen);
  for (const MetricResult& metric : results.metrics) EXPECT_NE(metric.name, "no_result_rate");
  JsonWriter json;
  write_results(json, find("x")->of, results, true);
  EXPECT_NE(json.text().find(R"("recommendations": {"control": 1, "variant": 3})"), std::string::npos)
      << json.text();
}

TEST_F(ExperimentsFold, CountsSearchesAndWhatFollowsOnceEach) {
  define("x");
  settings("experiment-start", "x");
  search("x", "q1", "u", Arm::kControl);
  search("x", "q2", "v", Arm::kVariant);
  search("x", "q3", "v", Arm::kVariant, 0);
  act(EventType::kClick, "b", "q2");
  act(EventType::kClick, "c", "q2");
  act(EventType::kAddToCart, "b", "q2");
  act(EventType::kPurchase, "b", "q2", 30);
  act(EventType::kPurchase, "c", "q2", 12);
  act(EventType::kClick, "a", "unknown");
  act(EventType::kClick, "z", "q1");
  const ExperimentTally& counted = tally("x");
  const auto sum = [&](Measure measure) { return counted.sum(Arm::kVariant, measure); };
  EXPECT_EQ(sum(Measure::kSearches), 2);
  EXPECT_EQ(sum(Measure::kEmpty), 1);
  EXPECT_EQ(sum(Measure::kClicked), 1) << "a search with a click, however many";
  EXPECT_EQ(sum(Measure::kCarted), 1);
  EXPECT_EQ(sum(Measure::kBought), 1);
  EXPECT_EQ(sum(Measure::kRevenue), 42);
  EXPECT_EQ(sum(Measure::kTookMs), 3);
  EXPECT_EQ(counted.sum(Arm::kControl, Measure::kSearches), 1);
  EXPECT_EQ(counted.shoppers_marked(Arm::kVariant), 1u);
  // After the end no search counts any more; what follows earlier ones does.
  settings("experiment-stop", "x");
  search("x", "q4", "w", Arm::kVariant);
  EXPECT_EQ(sum(Measure::kSearches), 2);
  act(EventType::kClick, "d", "q1");
  EXPECT_EQ(counted.sum(Arm::kControl, Measure::kClicked), 1);
}

TEST_F(ExperimentsFold, WithoutAQueryIdTheLastSearchThatShowedTheItemIsAnswered) {
  define("x");
  settings("experiment-start", "x");
  search("x", "q1", "u", Arm::kControl);
  search("x", "q2", "v", Arm::kVariant);
  act(EventType::kClick, "a", "");  // u's
  EXPECT_EQ(tally("x").sum(Arm::kControl, Measure::kClicked), 1);
  EXPECT_EQ(tally("x").sum(Arm::kVariant, Measure::kClicked), 0);
  search("x", "q3", "u", Arm::kControl);
  act(EventType::kClick, "a", "");
  EXPECT_EQ(tally("x").sum(Arm::kControl, Measure::kClicked), 2);
  Event late;
  late.type = EventType::kAddToCart;
  late.item = "b";
  late.user = "u";
  late.time_ms = log_.back().time_ms + 31 * kMinuteMs;
  apply(late);
  EXPECT_EQ(tally("x").sum(Arm::kControl, Measure::kCarted), 0) << "half an hour is over";
  late.type = EventType::kPurchase;
  late.price = 5;
  apply(late);
  EXPECT_EQ(tally("x").sum(Arm::kControl, Measure::kRevenue), 5) << "purchases may take days";
}

TEST_F(ExperimentsFold, WhatAnotherRunShowedDoesNotCount) {
  define("x");
  settings("experiment-start", "x");
  search("x", "q1", "u", Arm::kControl);
  settings("experiment-stop", "x");
  settings("experiment-start", "x");
  act(EventType::kClick, "a", "q1");
  EXPECT_EQ(tally("x").sum(Arm::kControl, Measure::kSearches), 0);
  EXPECT_EQ(tally("x").sum(Arm::kControl, Measure::kClicked), 0);
}

TEST_F(ExperimentsFold, AnAnswerCreditsTheTeamThatPickedTheItem) {
  define("x", R"(, "kind": "interleaving")");
  settings("experiment-start", "x");
  drafted("x", "q1", "-vcv", 11);
  act(EventType::kClick, "a", "q1");
  EXPECT_EQ(tally("x").wins(Arm::kVariant), 0u) << "what both begin with is of no team";
  act(EventType::kClick, "d", "q1");
  act(EventType::kClick, "c", "q1");
  EXPECT_EQ(tally("x").wins(Arm::kVariant), 1u);
  EXPECT_EQ(tally("x").wins(Arm::kControl), 0u) << "the first answer of a page counts";
  drafted("x", "q2", "-vcv", 11);
  act(EventType::kClick, "c", "q2");
  EXPECT_EQ(tally("x").wins(Arm::kControl), 0u) << "coins count once";
  drafted("x", "q3", "cvcv", 12);
  act(EventType::kAddToCart, "a", "q3");
  EXPECT_EQ(tally("x").wins(Arm::kControl), 0u) << "the goal is clicks";
  act(EventType::kClick, "a", "q3");
  EXPECT_EQ(tally("x").wins(Arm::kControl), 1u);
  EXPECT_EQ(tally("x").pages(), 2u);
}

TEST_F(ExperimentsFold, WhatIsWrongChangesNothing) {
  define("x");
  settings("experiment-start", "x");
  search("x", "q1", "u", Arm::kControl);
  const auto own = [&] {
    Writer out;
    folds_.experiments.save(out);
    return out.take();
  };
  const std::string before = own();
  const std::pair<const char*, const char*> rows[] = {
      {"experiment-define", "{"},
      {"experiment-define", R"({"name": "y"})"},
      {"experiment-define", R"({"name": "y", "variant": {"settings": {"prefix": false}}})"},
      {"experiment-define", R"({"name": "y", "variant": {"settings_version": 77}})"},
      {"experiment-define", R"({"name": "y", "variant": {"settings_version": 0}})"},
      {"experiment-start", "nobody"},
      {"experiment-start", "x"},
      {"experiment-ship", "nobody"},
      {"experiment-delete", "x"},
      {"experiment-other", "x"},
  };
  for (const auto& [action, value] : rows) {
    settings(action, value);
    EXPECT_EQ(own(), before) << action << " " << value;
  }
}

TEST_F(ExperimentsFold, SettingsThatNeedAnotherIndexAreNotCompared) {
  settings("stage", R"({"searchable": ["title"]})");
  settings("stage", R"({"distinct": "model"})");
  settings("experiment-define", R"({"name": "x", "variant": {"settings_version": 3}})");
  EXPECT_EQ(state("x"), "none");
  settings("experiment-define",
           R"({"name": "x", "kind": "interleaving", "variant": {"settings_version": 4}})");
  EXPECT_EQ(state("x"), "none") << "groups are not interleaved";
  settings("experiment-define", R"({"name": "x", "variant": {"settings_version": 4}})");
  EXPECT_EQ(state("x"), "draft");
}

TEST_F(ExperimentsFold, WhatIsLearnedForAllAlikeIsNotCompared) {
  settings("stage", R"({"ranker": {"learner": "deep"}})");
  settings("stage", R"({"ranker": {"updates": {"mode": "nightly"}}})");
  settings("stage", R"({"ranker": {"challenger": {"name": "bold", "prior": 3}}})");
  settings("stage", R"({"ranker": {"diversity": 0.3}})");
  for (const int version : {3, 4, 5}) {
    settings("experiment-define",
             R"({"name": "x", "variant": {"settings_version": )" + std::to_string(version) + "}}");
    EXPECT_EQ(state("x"), "none") << version;
  }
  settings("experiment-define", R"({"name": "x", "variant": {"settings_version": 6}})");
  EXPECT_EQ(state("x"), "draft") << "what each page is made of is";
}

// A restart at any place, from a snapshot, gives the same bytes as no restart.
TEST_F(ExperimentsFold, ARestartAnywhereChangesNothing) {
  define("x");
  define("y", R"(, "kind": "interleaving", "traffic": 0.5)");
  settings("experiment-start", "y");
  for (int i = 0; i < 40; ++i) {
    const std::string id = "q" + std::to_string(i);
    drafted("y", id, i % 2 == 0 ? "cvcv" : "vcvc", i);
    if (i % 3 == 0) act(EventType::kClick, i % 4 == 0 ? "a" : "b", id);
  }
  settings("experiment-stop", "y");
  settings("experiment-start", "x");
  for (int i = 0; i < 40; ++i) {
    const std::string id = "p" + std::to_string(i);
    search("x", id, "s" + std::to_string(i % 7), i % 2 == 0 ? Arm::kControl : Arm::kVariant);
    if (i % 3 == 0) act(EventType::kPurchase, "c", id, 9.99);
  }
  const std::string end = folds_.saved();
  for (size_t cut = 0; cut < log_.size(); cut += 17) {
    Folds first, second;
    for (size_t i = 0; i < cut; ++i)
      for (Fold* fold : first.all()) fold->apply(i + 1, log_[i]);
    const std::string snapshot = first.saved();
    Reader in(snapshot);
    for (Fold* fold : second.all()) ASSERT_TRUE(fold->load(in).ok()) << fold->name() << " at " << cut;
    for (size_t i = cut; i < log_.size(); ++i)
      for (Fold* fold : second.all()) fold->apply(i + 1, log_[i]);
    EXPECT_EQ(second.saved(), end) << "restarted after event " << cut;
  }
}

TEST_F(ExperimentsFold, DamagedSnapshotsAreRefused) {
  define("x");
  settings("experiment-start", "x");
  search("x", "q1", "u", Arm::kControl);
  Writer out;
  folds_.experiments.save(out);
  for (const size_t size : {size_t{0}, size_t{3}, size_t{40}, out.size() / 2, out.size() - 1}) {
    Folds other;
    Reader in(std::string_view(out.bytes()).substr(0, size));
    EXPECT_FALSE(other.experiments.load(in).ok()) << size;
  }
}

TEST_F(ExperimentsFold, ForgettingResultsKeepsWhatTheShopSaid) {
  define("x");
  settings("experiment-start", "x");
  search("x", "q1", "u", Arm::kControl);
  folds_.experiments.forget_results();
  EXPECT_EQ(state("x"), "running");
  EXPECT_EQ(tally("x").sum(Arm::kControl, Measure::kSearches), 0);
  act(EventType::kClick, "a", "q1");
  EXPECT_EQ(tally("x").sum(Arm::kControl, Measure::kClicked), 0);
}

}  // namespace
}  // namespace freshet
