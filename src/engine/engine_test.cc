#include "engine/engine.h"

#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "env/clock.h"
#include "env/secret.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

constexpr TimeMs kNow = 1'760'000'000'000;

// An engine in a directory of its own, which goes when the test ends.
class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = (fs::temp_directory_path() / ("freshet-engine-" + random_hex(6))).string();
    fs::create_directories(dir_);
  }
  void TearDown() override { fs::remove_all(dir_); }

  EngineConfig config(const std::string& name = "shop") const {
    EngineConfig config;
    config.data_dir = dir_ + "/" + name;
    config.cleaner = CleanerConfig::history();
    config.snapshot_every_events = 0;
    config.snapshot_every_ms = 0;
    return config;
  }
  static std::unique_ptr<Engine> open(const EngineConfig& config) {
    auto opened = Engine::open(config);
    EXPECT_TRUE(opened.ok()) << opened.error().what;
    return opened.ok() ? std::move(opened).value() : nullptr;
  }
  static Offset send(Engine& engine, const std::string& body) {
    auto accepted = engine.events(body, {.door = "test", .source = "test", .now_ms = kNow});
    EXPECT_TRUE(accepted.ok()) << accepted.error().what;
    EXPECT_TRUE(engine.commit(accepted->end).ok());
    EXPECT_TRUE(engine.wait_applied(accepted->end, std::chrono::seconds(20)));
    return accepted->end;
  }
  static std::string view(int n, const std::string& user, const std::string& item) {
    return R"({"type":"view","id":"e)" + std::to_string(n) + R"(","user":")" + user + R"(","item":")" + item +
           R"(","time":)" + std::to_string(kNow + n * 1000) + "}\n";
  }
  // Shoppers who look at a, then b, then c; `skip` is left out.
  static std::string stream(int events, const std::string& skip = "") {
    std::string body;
    for (int n = 0; n < events; ++n) {
      const std::string user = "u" + std::to_string(n / 3 % 50);
      if (user != skip) body += view(n, user, std::string(1, static_cast<char>('a' + n % 3)));
    }
    return body;
  }
  std::string dir_;
};

TEST_F(EngineTest, EqualScoresGoToTheSmallerId) {
  EngineConfig bare = config();
  bare.state.recommender.sources = {"popularity"};
  const auto engine = open(bare);
  std::string body;
  for (const char* id : {"100", "b", "9", "a1", "10", "a", "1000", "99", "8"})
    body += std::string(R"({"type":"item-upsert","item":")") + id + R"(","title":"one like all"})" + "\n";
  send(*engine, body);
  RecommendRequest request;
  request.user = "nobody";
  request.k = 5;  // The ties go on beyond the end of the list.
  const auto page = engine->recommend(request);
  ASSERT_TRUE(page.ok()) << page.error().what;
  std::string got;
  for (const RecommendedItem& item : page->answer.items) {
    got += item.id + " ";
    EXPECT_EQ(item.score, page->answer.items.front().score);
  }
  EXPECT_EQ(got, "8 9 10 99 100 ");
}

TEST_F(EngineTest, AnswersChangeWithTheEventThatJustArrived) {
  const auto engine = open(config());
  send(*engine, stream(300));
  RecommendRequest request;
  request.user = "newcomer";
  auto cold = engine->recommend(request);
  ASSERT_TRUE(cold.ok()) << cold.error().what;
  EXPECT_EQ(cold->answer.items.size(), 3u);  // A cold shopper gets what is popular.
  send(*engine, view(1000, "newcomer", "a"));
  auto warm = engine->recommend(request);
  ASSERT_TRUE(warm.ok());
  ASSERT_FALSE(warm->answer.items.empty());
  EXPECT_EQ(warm->answer.context_steps, 1u);
  EXPECT_EQ(warm->answer.items.front().id, "b");
  EXPECT_FALSE(warm->answer.items.front().reason.empty());
  EXPECT_NE(warm->query_id, cold->query_id);
  const EngineStats stats = engine->stats();
  EXPECT_EQ(stats.log_end, 303u);  // 301 events and the two pages shown.
  EXPECT_EQ(stats.recommended, 2u);
}

// What two threads fold after a start, one folds from then on, and a snapshot has it.
TEST_F(EngineTest, ClicksOfSearchesAreLearnedWhileServingAndSurviveARestart) {
  const auto lessons = [](Engine& engine) { return engine.stats().clicks.clicks; };
  {
    const auto engine = open(config());
    std::string body;
    for (int i = 0; i < 9; ++i)
      body += R"({"type":"item-upsert","item":"k)" + std::to_string(i) + R"(","title":"Kettle )" +
              std::to_string(i) + R"("})" + "\n";
    send(*engine, body);
    for (int i = 0; i < 25; ++i) {
      SearchRequest request;
      request.query = "kettle";
      request.user = "u" + std::to_string(i);
      const auto page = engine->search(request);
      ASSERT_TRUE(page.ok()) << page.error().what;
      ASSERT_FALSE(page->answer.hits.empty());
      Event click;
      click.type = EventType::kClick;
      click.user = request.user;
      click.item = page->answer.hits.front().id;
      click.query_id = page->query_id;
      const auto taken = engine->event(click, {.door = "test", .source = "test", .now_ms = now_ms()});
      ASSERT_TRUE(taken.ok()) << taken.error().what;
      ASSERT_TRUE(engine->wait_applied(taken->end, std::chrono::seconds(20)));
    }
    EXPECT_GE(lessons(*engine), 16u);  // What requests read is renewed every 16 pages.
    ASSERT_TRUE(engine->snapshot().ok());
  }
  const auto engine = open(config());
  EXPECT_EQ(lessons(*engine), 25u);
}

TEST_F(EngineTest, RetriedEventsCountOnceAlsoAfterARestart) {
  {
    const auto engine = open(config());
    send(*engine, stream(90));
    auto again = engine->events(stream(90), {.door = "test", .source = "test", .now_ms = kNow});
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->result.duplicates, 90u);
    EXPECT_EQ(again->result.accepted, 0u);
  }
  const auto engine = open(config());
  auto again = engine->events(stream(90), {.door = "test", .source = "test", .now_ms = kNow});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->result.duplicates, 90u);
}

// Of other sizes: the intents find fault with their section when the catalogue has been loaded.
TEST_F(EngineTest, ASnapshotThatIsNotReadIsFoldedAgainFromTheLog) {
  const auto sized = [&](const std::string& name, uint32_t rows) {
    EngineConfig out = config(name);
    out.state.intent.rows = rows;
    return out;
  };
  uint64_t want = 0;
  {
    const auto engine = open(sized("whole", 256));
    send(*engine, stream(300));
    want = engine->state_hash();
  }
  {
    const auto engine = open(sized("shop", 512));
    send(*engine, stream(200));
    ASSERT_TRUE(engine->snapshot().ok());
    send(*engine, stream(300));  // The first 200 again: they count once.
    ASSERT_TRUE(engine->snapshot().ok());
  }
  const auto engine = open(sized("shop", 256));
  ASSERT_TRUE(engine->wait_applied(300, std::chrono::seconds(20)));
  EXPECT_EQ(engine->state_hash(), want);
}

TEST_F(EngineTest, RestartFromSnapshotAndTailEqualsUninterrupted) {
  uint64_t want = 0;
  {
    const auto engine = open(config("whole"));
    send(*engine, stream(600));
    want = engine->state_hash();
  }
  {
    const auto engine = open(config());
    send(*engine, stream(200));
    ASSERT_TRUE(engine->snapshot().ok());
    send(*engine, stream(600));  // The first 200 are duplicates.
  }
  // Without its last snapshot: the older one and the tail.
  std::vector<fs::path> snapshots;
  for (const auto& file : fs::directory_iterator(dir_ + "/shop/snapshots")) snapshots.push_back(file.path());
  std::sort(snapshots.begin(), snapshots.end());
  ASSERT_GE(snapshots.size(), 2u);
  fs::remove(snapshots.back());
  const auto engine = open(config());
  ASSERT_TRUE(engine->wait_applied(600, std::chrono::seconds(20)));
  EXPECT_EQ(engine->state_hash(), want);
}

// Automatic snapshots let the log go; what an older snapshot needs stays, should the newest be damaged.
TEST_F(EngineTest, RetentionDropsWhatEveryKeptSnapshotHas) {
  uint64_t want = 0;
  {
    const auto engine = open(config("whole"));
    send(*engine, stream(3000));
    want = engine->state_hash();
  }
  EngineConfig short_log = config();
  short_log.log.segment_bytes = 4096;
  short_log.retention.bytes_max = 8192;
  short_log.snapshot_every_events = 200;
  short_log.snapshots_kept = 2;
  {
    const auto engine = open(short_log);
    for (int n = 300; n <= 3000; n += 300) send(*engine, stream(n));
    ASSERT_TRUE(engine->snapshot().ok());
    EXPECT_GT(engine->stats().log_begin, 0u);  // How much depends on how fast snapshots are.
  }
  std::vector<fs::path> snapshots;
  for (const auto& file : fs::directory_iterator(dir_ + "/shop/snapshots")) snapshots.push_back(file.path());
  std::sort(snapshots.begin(), snapshots.end());
  ASSERT_EQ(snapshots.size(), 2u);
  fs::resize_file(snapshots.back(), fs::file_size(snapshots.back()) - 1);
  const auto engine = open(short_log);
  ASSERT_NE(engine, nullptr);
  ASSERT_TRUE(engine->wait_applied(3000, std::chrono::seconds(20)));
  EXPECT_EQ(engine->state_hash(), want);
}

// What retention removed cannot be folded again; but the shop's own words concern no person.
TEST_F(EngineTest, AnErasureBehindRetentionKeepsCatalogueAndRules) {
  EngineConfig short_log = config();
  short_log.log.segment_bytes = 4096;
  short_log.retention.bytes_max = 8192;
  short_log.snapshots_kept = 2;
  const auto engine = open(short_log);
  const std::string item =
      R"({"type":"item-upsert","id":"i%","item":"%","title":"Thing %","price":5,"brand":"Acme"})";
  const auto named = [&](const std::string& id) {
    std::string text = item;
    for (size_t at; (at = text.find('%')) != std::string::npos;) text.replace(at, 1, id);
    return text + "\n";
  };
  send(*engine, named("a") + named("b") + named("gone"));
  ASSERT_TRUE(engine->put_documents("rules", {{.id = "r1", .json = "{}"}}, "test").ok());
  ASSERT_TRUE(engine->define_experiment("e", R"({"variant": {"settings": {"prefix": false}}})", "test").ok());
  ASSERT_TRUE(engine->start_experiment("e", "test").ok());
  send(*engine, R"({"type":"item-delete","id":"d","item":"gone"})");
  for (int n = 600; n <= 3000; n += 600) {
    send(*engine, stream(n));
    ASSERT_TRUE(engine->snapshot().ok());
  }
  send(*engine, R"({"type":"item-update","id":"up","item":"b","price":7})");
  ASSERT_GT(engine->stats().log_begin, 300u);
  ASSERT_TRUE(engine->erase_user("u7").ok());
  engine->wait_erasures();
  const auto price = [&](const std::string& id) {
    const Result<ItemView> view = engine->item(id);
    return view.ok() && view->record.listed ? view->record.price : -1;
  };
  EXPECT_EQ(price("a"), 5);
  EXPECT_EQ(price("b"), 7);
  EXPECT_EQ(price("gone"), -1);
  EXPECT_NE(engine->documents("rules")->find("r1"), nullptr);
  EXPECT_EQ(engine->experiment("e")->experiment.state, ExperimentState::kRunning);
}

TEST_F(EngineTest, AnErasedPersonIsGoneFromAnswersLogAndEverythingLearned) {
  uint64_t never_seen = 0;
  {
    const auto engine = open(config("never"));
    send(*engine, stream(600, "u7"));
    never_seen = engine->state_hash();
  }
  const auto engine = open(config());
  send(*engine, stream(600));
  EXPECT_NE(engine->state_hash(), never_seen);
  ASSERT_TRUE(engine->user("u7").ok());
  ASSERT_TRUE(engine->erase_user("u7").ok());
  EXPECT_FALSE(engine->user("u7").ok());  // At once.
  engine->wait_erasures();
  EXPECT_EQ(engine->state_hash(), never_seen);  // The proof: the bytes of a fold that never saw them.
  EXPECT_EQ(engine->stats().log_end, 601u);     // Offsets stay.
  send(*engine, view(2000, "u1", "b"));
  EXPECT_TRUE(engine->user("u1").ok());
}

// A feed lists items while shoppers go on with others: what nobody has touched must not take the pages.
TEST_F(EngineTest, ItemsListedByAFeedDoNotTakeThePagesFromWhatShoppersDo) {
  const auto engine = open(config());
  std::string body;
  for (int n = 0; n < 6000;
       ++n)  // Ever new items come with the shoppers who look at them, as in a bare click log.
    body += view(n, "u" + std::to_string(n / 6 % 400), "i" + std::to_string(n / 60 * 10 + n * 7 % 20));
  send(*engine, body);
  std::string items;
  for (int n = 0; n < 5; ++n) items += R"({"id":"feed)" + std::to_string(n) + "\"}\n";
  ASSERT_TRUE(
      engine->items(items, ItemChange::kUpsert, {.door = "test", .source = "test", .now_ms = kNow}).ok());
  send(*engine, view(7000, "u1", "i990"));
  int led = 0;
  for (int user = 0; user < 50; ++user) {
    RecommendRequest request;
    request.user = "u" + std::to_string(user);
    const auto page = engine->recommend(request, false);
    ASSERT_TRUE(page.ok() && !page->answer.items.empty());
    led += page->answer.items.front().id.rfind("feed", 0) == 0;
  }
  EXPECT_EQ(led, 0);
}

TEST_F(EngineTest, FiltersAndLimitsOfARequest) {
  const auto engine = open(config());
  auto items = engine->items(R"([{"id":"a","title":"Kettle","price":10},{"id":"b","title":"Pot","price":20},
                                 {"id":"c","title":"Pan","price":30,"available":false}])",
                             ItemChange::kUpsert, {.door = "test", .source = "test", .now_ms = kNow});
  ASSERT_TRUE(items.ok()) << items.error().what;
  send(*engine, stream(300));
  const auto ids = [&](RecommendRequest request) {
    std::vector<std::string> out;
    auto page = engine->recommend(request, false);
    EXPECT_TRUE(page.ok()) << page.error().what;
    if (page.ok())
      for (const RecommendedItem& item : page->answer.items) out.push_back(item.id);
    std::sort(out.begin(), out.end());
    return out;
  };
  using Ids = std::vector<std::string>;
  RecommendRequest request;
  request.user = "x";
  EXPECT_EQ(ids(request), (Ids{"a", "b"}));  // c is not available.
  request.include_unavailable = true;
  EXPECT_EQ(ids(request), (Ids{"a", "b", "c"}));
  request.filter = "price > 15";
  EXPECT_EQ(ids(request), (Ids{"b", "c"}));
  request.exclude = {"c"};
  EXPECT_EQ(ids(request), (Ids{"b"}));

  for (const auto& [field, change] :
       std::vector<std::pair<std::string, std::function<void(RecommendRequest&)>>>{
           {"k", [](RecommendRequest& r) { r.k = 0; }},
           {"k", [](RecommendRequest& r) { r.k = 101; }},
           {"items", [](RecommendRequest& r) { r.surface = Surface::kRelated; }},
           {"items[0]", [](RecommendRequest& r) { r.items = {""}; }},
           {"exclude", [](RecommendRequest& r) { r.exclude.resize(1001, "x"); }},
           {"filter", [](RecommendRequest& r) { r.filter = "price <"; }},
           {"facet", [](RecommendRequest& r) { r.facet = "brand:Nobody"; }}}) {
    RecommendRequest bad;
    change(bad);
    auto page = engine->recommend(bad);
    ASSERT_FALSE(page.ok()) << field;
    EXPECT_EQ(page.error().what.rfind(field, 0), 0u) << page.error().what;
  }
}

TEST_F(EngineTest, RequestsDuringLearningAndErasure) {
  const auto engine = open(config());
  send(*engine, stream(600));
  std::atomic<bool> stop{false};
  std::atomic<int> failed{0}, answered{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&, t] {
      for (int n = 0; !stop; ++n) {
        RecommendRequest request;
        request.user = "u" + std::to_string((n + t) % 50);
        const auto page = engine->recommend(request, n % 16 == 0);
        failed += !page.ok();
        ++answered;
        (void)engine->stats();
      }
    });
  }
  std::string body;
  for (int n = 600; n < 4000; ++n)
    body += view(n, "u" + std::to_string(n % 60), "i" + std::to_string(n * 7 % 200));
  send(*engine, body);
  ASSERT_TRUE(engine->erase_user("u3").ok());
  engine->wait_erasures();
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(failed.load(), 0);
  EXPECT_GT(answered.load(), 0);
}

TEST_F(EngineTest, KeysAreKeptHashedAndFoundAgain) {
  std::string key;
  {
    auto keys = ApiKeys::open(dir_ + "/keys");
    ASSERT_TRUE(keys.ok()) << keys.error().what;
    auto made = (*keys)->create("storefront", Role::kRead, kNow);
    ASSERT_TRUE(made.ok());
    key = *made;
    EXPECT_FALSE((*keys)->create("", Role::kRead, kNow).ok());
    EXPECT_FALSE((*keys)->put("short", "x", Role::kRead, kNow).ok());
  }
  for (const auto& file : fs::recursive_directory_iterator(dir_ + "/keys")) {
    if (!file.is_regular_file()) continue;
    auto bytes = read_file(real_files(), file.path().string());
    ASSERT_TRUE(bytes.ok());
    EXPECT_EQ(bytes->find(key), std::string::npos) << file.path();
  }
  auto keys = ApiKeys::open(dir_ + "/keys");
  ASSERT_TRUE(keys.ok());
  ASSERT_TRUE((*keys)->find(key).has_value());
  EXPECT_EQ((*keys)->find(key)->role, Role::kRead);
  EXPECT_FALSE((*keys)->find(key + "x").has_value());
  EXPECT_TRUE((*keys)->remove((*keys)->list().front().id).ok());
  EXPECT_FALSE((*keys)->find(key).has_value());
  EXPECT_FALSE((*keys)->remove("nothing").ok());
}

// Items of a catalogue beside the live one are seen only after the swap, and then at once.
TEST_F(EngineTest, ACatalogueTakesThePlaceOfTheLiveOneAtOnce) {
  auto engine = open(config());
  const Door door{.door = "test", .source = "test", .now_ms = kNow};
  const auto put = [&](const std::string& id, const std::string& title, const std::string& catalogue) {
    auto taken = engine->items("{\"id\":\"" + id + "\",\"title\":\"" + title + "\"}", ItemChange::kUpsert,
                               door, BodyKind::kAuto, catalogue);
    ASSERT_TRUE(taken.ok()) << taken.error().what;
    ASSERT_TRUE(engine->commit(taken->end).ok());
    ASSERT_TRUE(engine->wait_applied(taken->end, std::chrono::seconds(20)));
  };
  put("a", "old a", "");
  put("b", "old b", "");
  send(*engine, view(1, "u", "a"));
  put("a", "new a", "next");
  put("c", "new c", "next");
  EXPECT_EQ(engine->item("a")->record.title, "old a");
  EXPECT_FALSE(engine->item("c").ok());
  ASSERT_EQ(engine->waiting_catalogues()->size(), 1u);
  EXPECT_EQ(engine->waiting_catalogues()->front().items, 2u);
  EXPECT_EQ(engine->swap_catalogue("other", "").error().code, Code::kNotFound);
  const Status swapped = engine->swap_catalogue("next", "admin");
  ASSERT_TRUE(swapped.ok()) << swapped.error().what;
  EXPECT_EQ(engine->item("a")->record.title, "new a");
  EXPECT_TRUE(engine->item("b")->record.deleted);
  EXPECT_TRUE(engine->item("c")->record.listed);
  EXPECT_TRUE(engine->waiting_catalogues()->empty());
  EXPECT_EQ(engine->user("u")->actions.size(), 1u);  // What was learned stays.
  put("d", "later", "");                             // The new state goes on folding.
  const uint64_t live = engine->state_hash();
  engine.reset();
  std::filesystem::remove_all(dir_ + "/shop/snapshots");
  engine = open(config());  // The whole log again, from its start.
  ASSERT_TRUE(engine->wait_applied(engine->log().end(), std::chrono::seconds(20)));
  EXPECT_EQ(engine->state_hash(), live);
  EXPECT_FALSE(engine->items("{}", ItemChange::kUpsert, door, BodyKind::kAuto, "no/such name").ok());
}

// An erasure exchanges what folds; who waits for his change just then is not told that it has stopped.
TEST_F(EngineTest, SettingsChangeWhileUsersAreErased) {
  auto engine = open(config());
  for (int n = 0; n < 40; ++n) {
    ASSERT_TRUE(engine->erase_user("u" + std::to_string(n)).ok());
    for (int i = 0; i < 60; ++i) {
      const auto staged = engine->stage_settings(R"({"pagination_max": 77})", "admin", "try");
      ASSERT_TRUE(staged.ok()) << n << ": " << staged.error().what;
    }
  }
}

TEST_F(EngineTest, SettingsOutliveARestart) {
  auto engine = open(config());
  ASSERT_EQ(*engine->stage_settings(R"({"pagination_max": 77})", "admin", "try"), 1u);
  EXPECT_EQ(engine->settings().published->number, 0u);
  ASSERT_TRUE(engine->publish_settings(1, "admin").ok());
  ASSERT_TRUE(engine->put_synonym(R"({"id":"s","words":["sofa","couch"]})", "admin").ok());
  EXPECT_NE(engine->stage_settings(R"({"typo": {"one_edit_from": 0}})", "", "")
                .error()
                .what.find("typo.one_edit_from"),
            std::string::npos);
  EXPECT_EQ(engine->publish_settings(9, "").error().code, Code::kNotFound);
  EXPECT_EQ(engine->delete_synonym("x", "").error().code, Code::kNotFound);
  const uint64_t before = engine->state_hash();
  engine.reset();
  for (const bool with_snapshot : {true, false}) {
    if (!with_snapshot) std::filesystem::remove_all(dir_ + "/shop/snapshots");
    engine = open(config());
    ASSERT_TRUE(engine->wait_applied(engine->log().end(), std::chrono::seconds(20)));
    EXPECT_EQ(engine->settings().published->settings.pagination_max, 77u);
    EXPECT_EQ(engine->settings().published->note, "try");
    EXPECT_EQ(engine->settings().synonyms->size(), 1u);
    EXPECT_EQ(engine->state_hash(), before);
    engine.reset();
  }
}

TEST_F(EngineTest, WhatManySearchIsSuggestedAndOutlivesARestartAndAnErasure) {
  const auto search = [](int n, const std::string& user, const std::string& query) {
    return R"({"type":"search","id":"s)" + std::to_string(n) + R"(","user":")" + user + R"(","query":")" +
           query + R"(","result_count":3,"time":)" + std::to_string(kNow + n * 1000) + "}\n";
  };
  const auto texts = [](const std::vector<Suggestion>& list) {
    std::string out;
    for (const Suggestion& one : list) out += (out.empty() ? "" : ", ") + one.text;
    return out;
  };
  std::string body;
  int n = 0;
  for (const char* user : {"u1", "u2", "u3", "u4"}) body += search(n++, user, "Red  Kettle");
  for (const char* user : {"u1", "u2", "u3"}) body += search(n++, user, "red shoes");
  for (const char* user : {"u1", "u2"}) body += search(n++, user, "red secret");  // Too few to be shown.
  auto engine = open(config());
  send(*engine, body);
  EXPECT_EQ(texts(engine->suggest({.query = "re"}).completions), "red kettle, red shoes");
  EXPECT_EQ(texts(engine->suggest({.query = "red s"}).completions), "red shoes");
  EXPECT_EQ(texts(engine->suggest({.query = "red kttle"}).completions), "red kettle");
  EXPECT_EQ(texts(engine->suggest({.query = "red kttle", .typos = false}).completions), "");
  EXPECT_EQ(texts(engine->suggest({.query = " "}).completions), "");
  EXPECT_EQ(texts(engine->suggest({.count = 1}).popular), "red kettle");
  EXPECT_EQ(texts(engine->suggest({}).trending), "red kettle");
  const uint64_t before = engine->state_hash();
  engine.reset();
  for (const bool with_snapshot : {true, false}) {
    engine.reset();
    if (!with_snapshot) fs::remove_all(dir_ + "/shop/snapshots");
    engine = open(config());
    ASSERT_TRUE(engine->wait_applied(engine->log().end(), std::chrono::seconds(20)));
    EXPECT_EQ(texts(engine->suggest({}).popular), "red kettle, red shoes");
    EXPECT_EQ(engine->state_hash(), before);
  }
  ASSERT_TRUE(engine->stage_settings(R"({"suggestions_hidden": ["KETTLE"]})", "", "").ok());
  ASSERT_TRUE(engine->publish_settings(1, "").ok());
  EXPECT_EQ(texts(engine->suggest({.query = "re"}).completions), "red shoes");
  ASSERT_TRUE(engine->erase_user("u3").ok());
  engine->wait_erasures();
  EXPECT_EQ(texts(engine->suggest({}).popular), "");  // Only two are left who searched it.
}

TEST_F(EngineTest, ACheckSaysWhatWouldBeRefusedAndKeepsNothing) {
  EngineConfig live = config();
  live.cleaner = CleanerConfig::live();
  const auto engine = open(live);
  const std::string body = R"({"type":"view","user":"u","item":"a"}
{"type":"view","user":"u","item":"a","price":"cheap"}
{"type":"view","user":"u","item":"a","time":"2019-01-01"})";
  Door door{.door = "test", .source = "test", .now_ms = now_ms()};
  const auto refused = [&] {
    std::string out;
    const auto found = engine->check(body, false, door);
    EXPECT_TRUE(found.ok() && found->duplicates == 0) << "also when it is asked again";
    for (const Rejection& one : found->errors) out += std::to_string(one.index) + one.field + " ";
    return out;
  };
  EXPECT_EQ(refused(), "1price 2time ");
  EXPECT_EQ(refused(), "1price 2time ");
  door.history = true;
  EXPECT_EQ(refused(), "1price ");
  const auto items = engine->check(R"([{"id": "a", "title": "A"}, {"title": "nameless"}])", true, door);
  ASSERT_TRUE(items.ok());
  EXPECT_EQ(items->accepted, 1u);
  EXPECT_EQ(items->rejected, 1u);
  EXPECT_EQ(engine->stats().log_end, 0u);
  EXPECT_EQ(engine->stats().ingested.received, 0u);
  EXPECT_EQ(engine->letters().counts().letters, 0u);
}

TEST_F(EngineTest, WhoChangedWhatIsKnownAlsoAfterARestart) {
  {
    const auto engine = open(config());
    ASSERT_TRUE(engine->put_rules({R"({"id": "sale"})"}, "ann").ok());
    engine->note_key("key-create", "storefront (read)", "bob");
    ASSERT_TRUE(engine->put_synonym(R"({"id": "tv", "words": ["tv", "television"]})", "ann").ok());
  }
  const auto engine = open(config());
  std::string lines;
  for (const AuditEntry& one : engine->audit(10)) lines += one.by + " " + one.action + " " + one.what + "; ";
  EXPECT_EQ(lines, "ann synonym-put tv; bob key-create storefront (read); ann documents-put rules: sale; ");
  EXPECT_GT(engine->audit(1)[0].time_ms, 0);
}

}  // namespace
}  // namespace freshet
