// Experiments at work on the engine: who gets what, what is noted, and that clicks come back as results.
#include <algorithm>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "env/clock.h"

namespace freshet {
namespace {

class ExperimentsAtWork : public testing::Test {
 protected:
  ExperimentsAtWork() {
    folder_ =
        testing::TempDir() + "/experiments-" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    open();
    std::string lines;
    for (int i = 10; i < 40; ++i)
      lines += R"({"id": "i)" + std::to_string(i) + R"(", "title": "lamp", "n": )" + std::to_string(i) +
               R"(, "m": )" + std::to_string(i * 7 % 30) + "}\n";
    const auto taken = engine_->items(lines, ItemChange::kUpsert, {.now_ms = now_ms()});
    EXPECT_TRUE(taken.ok() && engine_->commit(taken->end).ok());
    settle();
    // Settings 1: what is live orders lamps by n.
    const auto staged = engine_->stage_settings(
        R"({"ranking": [{"name": "n", "descending": false}], "click_weight": 0, "popularity_weight": 0})",
        "t", "");
    EXPECT_TRUE(staged.ok() && engine_->publish_settings(*staged, "t").ok());
  }
  ~ExperimentsAtWork() override {
    engine_->close().ok();
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open() {
    EngineConfig config;
    config.data_dir = folder_;
    engine_ = std::move(Engine::open(config)).value();
    settle();
  }
  void settle() { EXPECT_TRUE(engine_->wait_applied(engine_->log().end(), std::chrono::seconds(20))); }
  void ok(const Status& done) { ASSERT_TRUE(done.ok()) << done.error().what; }
  std::string refused(const Status& done) { return done.ok() ? "not refused" : done.error().what; }
  void start(const std::string& name, const std::string& rest = "") {
    ok(engine_->define_experiment(
        name, R"({"variant": {"settings": {"ranking": [{"name": "m", "descending": false}]}})" + rest + "}",
        "t"));
    ok(engine_->start_experiment(name, "t"));
  }
  SearchPage search(const std::string& user, uint32_t from = 0, uint32_t count = 10) {
    SearchRequest request;
    request.query = "lamp";
    request.user = user;
    request.from = from;
    request.count = count;
    auto found = engine_->search(request);
    EXPECT_TRUE(found.ok()) << found.error().what;
    return std::move(found).value();
  }
  static std::vector<std::string> ids(const SearchPage& page) {
    std::vector<std::string> out;
    for (const SearchHit& hit : page.answer.hits) out.push_back(hit.id);
    return out;
  }
  void click(const std::string& item, const SearchPage& page, const std::string& user) {
    const std::string line = R"({"type": "click", "item": ")" + item + R"(", "user": ")" + user +
                             R"(", "query_id": ")" + page.query_id + "\"}\n";
    const auto taken = engine_->events(line, {.now_ms = now_ms()});
    ASSERT_TRUE(taken.ok());
    EXPECT_EQ(taken->result.rejected, 0u);
  }
  ExperimentView view(const std::string& name) {
    settle();
    auto found = engine_->experiment(name);
    EXPECT_TRUE(found.ok());
    return std::move(found).value();
  }

  std::string folder_;
  std::unique_ptr<Engine> engine_;
};

// Shoppers' searches are split: what no search asks for would be compared for ever.
TEST_F(ExperimentsAtWork, WhatNoSearchAsksForIsRefused) {
  for (const char* variant : {R"({"ranker": {"weight": 0}})", R"({"ranker": {"retire": false}})",
                              R"({"suggestions_hidden": ["lamp"], "ranker": {"weight": 0.5}})"}) {
    const std::string said = refused(engine_->define_experiment(
        "idle", R"({"variant": {"settings": )" + std::string(variant) + "}}", "t"));
    EXPECT_NE(said.find("variant: expected something that searches ask for"), std::string::npos) << said;
  }
  for (const char* variant : {R"({"click_weight": 0.5})", R"({"ranker": {"search_weight": 1}})",
                              R"({"ranker": {"personal_weight": 0, "retire": false}})"}) {
    const std::string said = refused(engine_->define_experiment(
        "idle", R"({"on": "recommendations", "variant": {"settings": )" + std::string(variant) + "}}", "t"));
    EXPECT_NE(said.find("variant: expected something that recommendations ask for"), std::string::npos)
        << said;
  }
  ok(engine_->define_experiment(
      "works", R"({"variant": {"settings": {"ranker": {"weight": 0, "diversity": 0.5}}}})", "t"));
  ok(engine_->start_experiment("works", "t"));
}

TEST_F(ExperimentsAtWork, AShopperAlwaysGetsTheSameArm) {
  start("order", R"(, "share": 0.4)");
  const auto of = view("order");
  ASSERT_EQ(of.changes.size(), 1u);
  EXPECT_EQ(of.changes[0].name, "ranking");
  int variants = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string user = "u" + std::to_string(i);
    const SearchPage page = search(user);
    EXPECT_EQ(page.experiment.name, "order");
    const bool variant = page.experiment.arm == Arm::kVariant;
    variants += variant ? 1 : 0;
    EXPECT_EQ(page.answer.settings_version, variant ? of.experiment.of.variant : of.experiment.of.control);
    EXPECT_EQ(ids(page)[1], variant ? "i13" : "i11");  // 13 * 7 % 30 = 1
    EXPECT_EQ(search(user).answer.settings_version, page.answer.settings_version);
  }
  EXPECT_NEAR(variants, 80, 28);
  const ExperimentResults results = *view("order").results;
  EXPECT_EQ(results.searches[0] + results.searches[1], 400);
  EXPECT_EQ(results.searches[1], 2 * variants);
}

TEST_F(ExperimentsAtWork, WhoIsNotAskedIsNotPart) {
  start("order", R"(, "traffic": 0.5)");
  int part = 0;
  for (int i = 0; i < 200; ++i) part += search("u" + std::to_string(i)).experiment.run != 0 ? 1 : 0;
  EXPECT_NEAR(part, 100, 30);
  SearchRequest request;
  request.query = "lamp";
  EXPECT_EQ(engine_->search(request)->experiment.run, 0u) << "nobody can say whose arm it is";
  request.user = "u1";
  for (int i = 0; i < 30; ++i) {
    request.user = "u" + std::to_string(i);
    EXPECT_EQ(engine_->search(request, false)->experiment.run, 0u) << "not shown to a shopper";
    request.settings_version = 1;
    EXPECT_EQ(engine_->search(request)->experiment.run, 0u) << "somebody tries a version";
    request.settings_version = UINT64_MAX;
  }
}

TEST_F(ExperimentsAtWork, ClicksBecomeResultsAndSurviveARestart) {
  start("order");
  for (int i = 0; i < 300; ++i) {
    const std::string user = "u" + std::to_string(i);
    const SearchPage page = search(user);
    const bool variant = page.experiment.arm == Arm::kVariant;
    if (i % (variant ? 2 : 5) == 0) click(ids(page)[0], page, user);
  }
  const ExperimentResults before = *view("order").results;
  EXPECT_EQ(before.searches[0] + before.searches[1], 300);
  EXPECT_NEAR(before.metrics[0].variant, 0.5, 0.1);
  EXPECT_NEAR(before.metrics[0].control, 0.2, 0.1);
  EXPECT_EQ(before.finding, Finding::kVariantBetter) << before.reason;
  EXPECT_GT(before.metrics[5].control, 0) << "latency";
  ASSERT_TRUE(engine_->close().ok());
  engine_.reset();
  open();
  const ExperimentResults after = *view("order").results;
  EXPECT_EQ(after.reason, before.reason);
  EXPECT_EQ(after.metrics[0].variant, before.metrics[0].variant);
  EXPECT_EQ(search("u7").experiment.run, 1u);
  ok(engine_->ship_experiment("order", "t"));
  EXPECT_EQ(view("order").experiment.state, ExperimentState::kShipped);
  EXPECT_EQ(engine_->settings().published->number, view("order").experiment.of.variant);
  EXPECT_EQ(ids(search("anyone"))[1], "i13");
}

TEST_F(ExperimentsAtWork, PagesAreDraftedFromBothAndContinueOneAnother) {
  start("mix", R"(, "kind": "interleaving")");
  int teams[2] = {0, 0};
  for (int i = 0; i < 50; ++i) {
    const std::string user = "u" + std::to_string(i);
    const SearchPage first = search(user), second = search(user, 10), third = search(user, 20);
    ASSERT_EQ(first.experiment.teams.size(), 10u);
    for (const char team : first.experiment.teams) ++teams[team == 'v' ? 1 : 0];
    std::set<std::string> all;
    for (const SearchPage* page : {&first, &second, &third})
      for (const std::string& id : ids(*page)) all.insert(id);
    EXPECT_EQ(all.size(), 30u) << "no item twice, none left out";
    EXPECT_EQ(ids(search(user)), ids(first));
    const size_t place = first.experiment.teams.find('v');
    click(ids(first)[place], first, user);
  }
  EXPECT_NEAR(teams[0], teams[1], 50);
  const ExperimentResults results = *view("mix").results;
  EXPECT_EQ(results.pages, 50u) << "a search again by the same shopper has the same coins";
  EXPECT_EQ(results.wins[1], 50u);
  EXPECT_EQ(results.wins[0], 0u);
  EXPECT_EQ(results.finding, Finding::kVariantBetter);
}

// Pages of recommendations: the variant shows one item of a category.
class RecommendationsAtWork : public ExperimentsAtWork {
 protected:
  RecommendationsAtWork() {
    std::string items, views;
    for (int i = 0; i < 12; ++i) {
      const std::string id = "r" + std::to_string(i);
      items += R"({"id": ")" + id + R"(", "kind": "r", "category": "c)" + std::to_string(i / 4) + "\"}\n";
      for (int n = 0; n < 20 - i; ++n)
        views += R"({"type": "view", "user": "v)" + std::to_string(n) + R"(", "item": ")" + id + "\"}\n";
    }
    EXPECT_TRUE(engine_->items(items, ItemChange::kUpsert, {.now_ms = now_ms()}).ok());
    EXPECT_TRUE(engine_->events(views, {.now_ms = now_ms()}).ok());
    settle();
  }
  void start(const std::string& rest) {
    ok(engine_->define_experiment("spread", R"({"on": "recommendations", "variant": {"settings": {"ranker":
        {"category_cap": 1}}})" + rest + "}",
                                  "t"));
    ok(engine_->start_experiment("spread", "t"));
  }
  RecommendPage page(const std::string& user, bool record = true, uint64_t version = UINT64_MAX) {
    RecommendRequest request;
    request.user = user;
    request.k = 3;
    request.filter = "kind:r";
    request.settings_version = version;
    auto found = engine_->recommend(request, record);
    EXPECT_TRUE(found.ok()) << found.error().what;
    settle();
    return std::move(found).value();
  }
  static std::string click_on(const RecommendPage& page, size_t place, const std::string& user) {
    return R"({"type": "click", "item": ")" + page.answer.items[place].id + R"(", "user": ")" + user +
           R"(", "query_id": ")" + page.query_id + "\"}\n";
  }
  static size_t categories(const RecommendPage& page) {
    std::set<int> out;
    for (const RecommendedItem& item : page.answer.items) out.insert(std::stoi(item.id.substr(1)) / 4);
    return out.size();
  }
};

TEST_F(RecommendationsAtWork, AreSplitByShopperAndCounted) {
  start("");
  int variants = 0;
  std::string clicks;  // Sent at the end: they teach what is popular.
  for (int i = 0; i < 120; ++i) {
    const std::string user = "u" + std::to_string(i);
    const RecommendPage shown = page(user);
    ASSERT_EQ(shown.experiment.name, "spread");
    const bool variant = shown.experiment.arm == Arm::kVariant;
    variants += variant ? 1 : 0;
    ASSERT_EQ(shown.answer.items.size(), 3u);
    EXPECT_EQ(categories(shown), variant ? 3u : 1u) << i;
    EXPECT_EQ(page(user).experiment.arm, shown.experiment.arm);
    if (i % (variant ? 2 : 6) == 0) clicks += click_on(shown, 0, user);
  }
  ASSERT_TRUE(engine_->events(clicks, {.now_ms = now_ms()}).ok());
  const ExperimentResults results = *view("spread").results;
  EXPECT_EQ(results.searches[0] + results.searches[1], 240);
  EXPECT_EQ(results.searches[1], 2 * variants);
  EXPECT_NEAR(results.metrics[0].variant, 0.25, 0.08);
  EXPECT_NEAR(results.metrics[0].control, 0.08, 0.06);
  EXPECT_EQ(search("u1").experiment.run, 0u) << "searches are not part";
}

TEST_F(RecommendationsAtWork, WhoIsNotAskedIsNotPart) {
  start("");
  EXPECT_EQ(page("").experiment.run, 0u) << "nobody can say whose arm it is";
  EXPECT_EQ(page("u1", false).experiment.run, 0u) << "not shown to a shopper";
  const uint64_t variant = view("spread").experiment.of.variant;
  EXPECT_EQ(page("u1", true, variant).experiment.run, 0u) << "somebody tries a version";
  EXPECT_EQ(categories(page("u1", true, variant)), 3u);
  RecommendRequest request;
  request.user = "v1";
  request.surface = Surface::kRecentlyViewed;
  EXPECT_EQ(engine_->recommend(request)->experiment.run, 0u) << "nobody orders what the shopper had";
  request.settings_version = 99;
  const auto unknown = engine_->recommend(request);
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().what.find("settings_version: 99 is not known"), std::string::npos);
}

TEST_F(RecommendationsAtWork, AreDraftedFromBoth) {
  start(R"(, "kind": "interleaving")");
  std::set<std::string> all;
  for (int i = 0; i < 60; ++i) {
    const std::string user = "u" + std::to_string(i % 5);
    const RecommendPage shown = page(user);
    ASSERT_EQ(shown.experiment.teams.size(), shown.answer.items.size());
    std::set<std::string> once;
    for (const RecommendedItem& item : shown.answer.items) once.insert(item.id);
    EXPECT_EQ(once.size(), 3u);
    all.insert(shown.experiment.teams);
    const size_t place = shown.experiment.teams.find('v');
    if (place == std::string::npos) continue;
    ASSERT_TRUE(engine_->events(click_on(shown, place, user), {.now_ms = now_ms()}).ok());
  }
  EXPECT_GE(all.size(), 2u) << "each page has its own coins";
  const ExperimentResults results = *view("spread").results;
  EXPECT_EQ(results.pages, 60u);
  EXPECT_GT(results.wins[1], 12u);
  EXPECT_EQ(results.wins[0], 0u);
  EXPECT_EQ(results.finding, Finding::kVariantBetter) << results.reason;
  ok(engine_->put_rules({R"({"id": "r", "then": {"pin": [{"item": "r7", "position": 0}]}})"}, "t", true));
  const RecommendPage pinned = page("u1");
  EXPECT_EQ(pinned.experiment.run, 0u);
  EXPECT_EQ(pinned.answer.items[0].id, "r7");
}

TEST_F(ExperimentsAtWork, OrdersThatTheShopperChoseAreNotDrafted) {
  start("mix", R"(, "kind": "interleaving")");
  SearchRequest request;
  request.query = "lamp";
  request.user = "u";
  request.sort = {{"n", true}};
  const auto sorted = engine_->search(request);
  EXPECT_EQ(sorted->experiment.run, 0u);
  EXPECT_EQ(sorted->answer.hits[0].id, "i39");
  request.sort.clear();
  ok(engine_->put_rules({R"({"id": "r", "then": {"pin": [{"item": "i30", "position": 0}]}})"}, "t", true));
  const auto pinned = engine_->search(request);
  EXPECT_EQ(pinned->experiment.run, 0u);
  EXPECT_EQ(pinned->answer.hits[0].id, "i30");
  EXPECT_EQ(pinned->answer.hits[1].id, "i10");
}

TEST_F(ExperimentsAtWork, WhatIsNotPossibleIsSaid) {
  const auto define = [&](const std::string& json) {
    return refused(engine_->define_experiment("x", json, "t"));
  };
  EXPECT_NE(define(R"({"variant": {"settings": {"clickweight": 0}}})").find("nobody knows \"clickweight\""),
            std::string::npos);
  EXPECT_NE(define(R"({"variant": {"settings": {"click_weight": 7}}})")
                .find("variant.settings.click_weight: expected"),
            std::string::npos);
  EXPECT_NE(define(R"({"variant": {"settings_version": 99}})").find("99 is not known"), std::string::npos);
  EXPECT_NE(define(R"({"variant": {"settings": {"click_weight": 0}}})").find("expected other settings"),
            std::string::npos);
  EXPECT_NE(define(R"({"variant": {"settings": {"language": "de"}}})").find("needs another index"),
            std::string::npos);
  EXPECT_EQ(engine_->settings().next, 2u) << "nothing was staged for what was refused";
  EXPECT_NE(refused(engine_->start_experiment("x", "t")).find("is not known"), std::string::npos);
  start("x");
  EXPECT_NE(refused(engine_->start_experiment("x", "t")).find("running already"), std::string::npos);
  EXPECT_NE(refused(engine_->delete_experiment("x", "t")).find("stop it first"), std::string::npos);
  EXPECT_NE(refused(engine_->discard_settings(2, "t")).find("running experiment \"x\""), std::string::npos);
  ok(engine_->define_experiment("y", R"({"variant": {"settings_version": 2}})", "t"));
  EXPECT_NE(refused(engine_->start_experiment("y", "t")).find("traffic"), std::string::npos);
  ok(engine_->stop_experiment("x", "", "t"));
  ok(engine_->start_experiment("y", "t"));
  ok(engine_->publish_settings(0, "t"));
  EXPECT_EQ(view("y").experiment.state, ExperimentState::kStopped);
  ok(engine_->delete_experiment("y", "t"));
}

}  // namespace
}  // namespace freshet
