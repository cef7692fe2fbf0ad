// Every way to fold the same events ends in the same bytes: one by one, through the server's fold loop with
// batches of any size, stopped, written, loaded and resumed anywhere. On generated shops always, on real
// streams where present.
#include "eval/shop_model.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/epoch.h"
#include "base/hash.h"
#include "env/testing/temporary_dir.h"
#include "eval/file_source.h"
#include "eval/simulate_stream.h"
#include "fold/fold_runner.h"
#include "log/mem_log.h"

namespace freshet {
namespace {

StateConfig small_config() {
  StateConfig config;
  config.recommender.memory_bytes = 256 << 20;
  return config;
}

// What changes under learning's feet: items that are new, changed, deleted and evicted, people who link, are
// erased, dismiss.
std::vector<Event> restless_events(size_t count) {
  std::vector<Event> events(count);
  for (size_t n = 0; n < count; n++) {
    Draw draw(mix64(n, 0x72657374));
    Event& event = events[n];
    event.id = "e" + std::to_string(n - (draw.below(50) == 0 && n > 10 ? 7 : 0));  // Some come twice.
    event.source = "test";
    event.time_ms = 1'600'000'000'000 + static_cast<TimeMs>(n) * 3000;
    event.user = "u" + std::to_string(draw.below(60));
    const uint64_t kind = draw.below(100);
    const uint64_t walk = n / 40 + draw.below(80);
    event.item = "i" + std::to_string(kind < 60 ? walk : draw.below(count / 4));
    event.type = kind < 70 ? EventType::kView : kind < 80 ? EventType::kPurchase : EventType::kAddToCart;
    if (event.type == EventType::kPurchase && draw.below(2) == 0)
      event.order_id = "o" + std::to_string(n / 6);
    if (kind >= 88) event.type = EventType::kItemUpsert;
    if (kind == 94) event.type = EventType::kItemDelete;
    if (kind == 95) event.type = EventType::kDismiss;
    if (event.type == EventType::kItemUpsert)
      event.attributes = {{"brand", "b" + std::to_string(draw.below(9))},
                          {"category", "c" + std::to_string(draw.below(20)) + " > d"},
                          {"title", "lamp number " + std::to_string(draw.below(300))}};
    if (kind >= 96) {
      event.type = kind == 96   ? EventType::kIdentityLink
                   : kind == 97 ? EventType::kIdentityUnlink
                   : kind == 98 ? EventType::kEraseUser
                                : EventType::kUserUpsert;
      event.item.clear();
      event.user_to = kind < 98 ? "u" + std::to_string(draw.below(60)) : "";
    }
  }
  return events;
}

std::vector<Event> generated_events(size_t count) {
  simulate::Options options;
  options.items = 300;
  options.shoppers = 200;
  const simulate::Shop shop(options);
  simulate::Stream stream(shop, {});
  std::vector<Event> events(count);
  for (Event& event : events) stream.next(event);
  return events;
}

// Bytes of every fold, and the hash over them.
std::vector<std::string> sections(ShopState& state) {
  std::vector<std::string> all;
  for (const Fold* fold : state.folds()) {
    Writer out;
    fold->save(out);
    all.push_back(out.take());
  }
  return all;
}

void expect_equal(ShopState& got, ShopState& want, const std::string& how) {
  const auto got_bytes = sections(got), want_bytes = sections(want);
  const auto folds = want.folds();
  for (size_t i = 0; i < want_bytes.size(); i++)
    EXPECT_TRUE(got_bytes[i] == want_bytes[i]) << how << ": fold " << folds[i]->name() << " differs";
  EXPECT_EQ(got.hash(), want.hash()) << how;
}

std::unique_ptr<ShopState> open_state(const StateConfig& config = small_config()) {
  auto state = ShopState::open(config);
  EXPECT_TRUE(state.ok());
  return std::move(state).value();
}

void append_in_batches(MemLog& log, std::span<const Event> events, uint64_t seed) {
  Draw draw(seed);
  EventBatch batch;
  for (size_t at = 0; at < events.size();) {
    batch.clear();
    const size_t size = draw.uniform() < 0.3 ? 1 : 1 + draw.below(2000);
    for (const size_t end = std::min(events.size(), at + size); at < end; at++) batch.add(events[at]);
    ASSERT_TRUE(log.append(batch).ok());
  }
}

// Saves every fold and loads it into a state of its own, as a restart does.
std::unique_ptr<ShopState> reloaded(ShopState& state, const StateConfig& config) {
  auto next = open_state(config);
  const auto bytes = sections(state);
  const auto folds = next->folds();
  for (size_t i = 0; i < folds.size(); i++) {
    Reader in(bytes[i]);
    const Status loaded = folds[i]->load(in);
    EXPECT_TRUE(loaded.ok()) << folds[i]->name() << ": " << (loaded.ok() ? "" : loaded.error().what);
  }
  expect_equal(*next, state, "load(save(state))");
  return next;
}

void check_every_way(const std::vector<Event>& events, const StateConfig& config = small_config()) {
  auto want = open_state(config);
  Offset at = 0;
  for (const Event& event : events) want->apply(at++, event);

  for (const uint64_t seed : {1, 2}) {  // The server's loop, behind a log that grows in batches meanwhile.
    MemLog log;
    auto state = open_state(config);
    FoldRunner runner(log, nullptr, state->folds());
    runner.start();
    append_in_batches(log, events, seed);
    ASSERT_TRUE(runner.wait_applied(events.size(), std::chrono::minutes(5)));
    runner.stop();
    expect_equal(*state, *want, "fold loop, batches of seed " + std::to_string(seed));
  }

  for (const uint64_t seed : {3, 4}) {  // By two threads, with other batches, stopped and written in between.
    MemLog log;
    append_in_batches(log, events, seed);
    auto state = open_state(config);
    Draw draw(seed);
    for (Offset upto = 0; upto < events.size();) {
      const Offset from = upto;
      upto = std::min<Offset>(events.size(), upto + 1 + draw.below(events.size() / 2));
      FoldRunner runner(log, nullptr, state->folds(), {.staged = state.get()});
      runner.begin_at(from);
      ASSERT_TRUE(runner.fold_until(upto).ok());
      if (draw.below(2) == 0) state = reloaded(*state, config);
    }
    expect_equal(*state, *want, "two threads, seed " + std::to_string(seed));
  }
  {
    MemLog log;  // The server's way: what is there at the start by two threads, what comes meanwhile by one.
    const std::span<const Event> all(events);
    append_in_batches(log, all.first(events.size() / 2), 5);
    auto state = open_state(config);
    FoldRunner runner(log, nullptr, state->folds(), {.staged = state.get()});
    runner.start();
    append_in_batches(log, all.subspan(events.size() / 2), 6);
    ASSERT_TRUE(runner.wait_applied(events.size(), std::chrono::minutes(5)));
    runner.stop();
    expect_equal(*state, *want, "two threads, then one");
  }

  Draw draw(7);  // Stopped anywhere, written, loaded into an empty state, resumed.
  auto state = open_state(config);
  const size_t stops = 6;
  std::vector<size_t> cuts = {1, events.size() - 1};
  for (size_t i = 0; i < stops; i++) cuts.push_back(draw.below(events.size()));
  std::sort(cuts.begin(), cuts.end());
  for (size_t i = 0; i < events.size(); i++) {
    if (std::binary_search(cuts.begin(), cuts.end(), i)) state = reloaded(*state, config);
    state->apply(i, events[i]);
  }
  expect_equal(*state, *want, "stopped and resumed");
}

std::filesystem::path data_directory() {
  const char* set = std::getenv("FRESHET_DATA");
  const auto here = std::filesystem::absolute(__FILE__).lexically_normal();  // src/eval/ of the project.
  const auto project = here.parent_path().parent_path().parent_path();
  return set != nullptr ? std::filesystem::path(set) : project.parent_path() / "shared/data";
}

// The first rows of a real stream, as the door makes events of them.
std::vector<Event> real_events(const std::string& file, const std::string& map, uint64_t rows) {
  FileOptions options;
  options.map = parse_map(map).value();
  options.set = parse_map("type=view").value();
  options.rows_max = rows;
  FileSource source({(data_directory() / file).string()}, options);
  std::vector<Event> events;
  const Status status = source.each([&](const Event& event) -> Status {
    events.push_back(event);
    return {};
  });
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().what);
  return events;
}

TEST(ShopState, FacetsOfManyItemsAreThoseOfEach) {
  auto state = open_state();
  Offset at = 0;
  for (const Event& event : generated_events(3000)) state->apply(at++, event);
  const EpochGuard guard;
  const ItemFacts& facts = state->facts();
  std::vector<ItemSlot> items;
  for (ItemSlot item = 0; item < facts.slots() + 2; ++item) items.push_back(item);  // Two do not exist.
  std::vector<std::span<const uint32_t>> facets;
  facts.facets_of(items, facets);
  ASSERT_EQ(facets.size(), items.size());
  size_t some = 0;
  for (const ItemSlot item : items) {
    const std::span<const uint32_t> want = facts.facets(item);
    ASSERT_TRUE(std::equal(want.begin(), want.end(), facets[item].begin(), facets[item].end())) << item;
    some += want.size();
  }
  EXPECT_GT(some, 100u);
}

TEST(ShopModel, EveryWayToFoldAGeneratedShopGivesTheSameBytes) {
  check_every_way(generated_events(12000));
}

TEST(ShopModel, EveryWayToFoldARestlessShopGivesTheSameBytes) {
  StateConfig config = small_config();
  config.catalog.items_max = 200;
  config.profiles.shoppers_max = 40;
  check_every_way(restless_events(9000), config);
  auto state = open_state(config);
  Offset at = 0;
  for (const Event& event : restless_events(9000)) state->apply(at++, event);
  EXPECT_GT(state->catalog().evicted(), 100u);
  EXPECT_GT(state->profiles().evicted(), 10u);
}

TEST(ShopModel, EveryWayToFoldARealStreamGivesTheSameBytes) {
  struct Row {
    const char* file;
    const char* map;
  };
  const Row rows[] = {{"yoochoose-100k/clicks.tsv.gz", "time=ts_ms,session=session,item=item"},
                      {"retailrocket/sessions.tsv.gz", "session=session,items=items"}};
  size_t met = 0;
  for (const Row& row : rows) {
    if (!std::filesystem::exists(data_directory() / row.file)) continue;
    met++;
    check_every_way(real_events(row.file, row.map, 6000));
  }
  if (met == 0) GTEST_SKIP() << "no real data: set FRESHET_DATA to the directory that holds yoochoose-100k/";
}

TEST(ShopModel, DataDirectoryResumesFromSnapshotAndTail) {
  const std::vector<Event> events = generated_events(5000);
  auto want = ShopModel::open(small_config()).value();
  for (const Event& event : events) ASSERT_TRUE(want->apply(event).ok());
  const TemporaryDir dir;
  size_t at = 0;
  for (const size_t stop : {1u, 1000u, 2500u, 5000u}) {
    auto opened = ShopModel::open(small_config(), dir.path());
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    auto model = std::move(opened).value();
    EXPECT_EQ(model->folded(), at);
    for (; at < stop; at++) ASSERT_TRUE(model->apply(events[at]).ok());
    ASSERT_TRUE(model->close().ok());
    if (stop == 5000) expect_equal(model->state(), want->state(), "resumed from the directory");
  }
  for (const auto& file : std::filesystem::directory_iterator(dir.path() + "/snapshots"))
    std::filesystem::remove(file);
  auto model = ShopModel::open(small_config(), dir.path()).value();
  EXPECT_EQ(model->folded(), 5000u);
  expect_equal(model->state(), want->state(), "folded again from the log alone");
}

TEST(ShopModel, AnOpenedCopyAnswersAsTheLiveOneDidThen) {
  const std::vector<Event> events = generated_events(6000);
  auto model = ShopModel::open(small_config()).value();
  size_t at = 0;
  for (; at < 5000; at++) ASSERT_TRUE(model->apply(events[at]).ok());
  const auto copy = model->open_copy(model->save_learned()).value();
  size_t asked = 0, differ = 0;
  const auto answers_equal = [&](const Event& event) {
    const EpochGuard guard;
    RecommendQuery query;
    query.sequence = model->before(event);
    query.now_ms = model->now_ms();
    const auto now = model->live().recommend(query), then = copy->recommend(query);
    bool equal = now.size() == then.size();
    for (size_t i = 0; equal && i < now.size(); i++)
      equal = now[i].item == then[i].item && now[i].score == then[i].score;
    return equal;
  };
  for (size_t i = 5000; i < 5100; i++, asked++) EXPECT_TRUE(answers_equal(events[i])) << "event " << i;
  EXPECT_EQ(asked, 100u);
  for (; at < events.size(); at++) ASSERT_TRUE(model->apply(events[at]).ok());
  for (size_t i = 5000; i < 5100; i++) differ += !answers_equal(events[i]);
  const ItemSlot known = model->state().catalog().slots();
  Event arrival;
  arrival.type = EventType::kItemUpsert;
  arrival.item = "arrived-later";
  arrival.time_ms = model->now_ms() + 1;
  ASSERT_TRUE(model->apply(arrival).ok());
  for (size_t i = 5000; i < 5100; i++) {
    const EpochGuard guard;
    RecommendQuery query;
    query.sequence = model->before(events[i]);
    query.now_ms = model->now_ms();
    query.k = 1000;  // More than there are items: whatever can be proposed is.
    for (const Recommended& item : copy->recommend(query))
      EXPECT_LT(item.item, known) << "not known to the copy";
  }
  EXPECT_GT(differ, 50u) << "the live one has learned since, the copy has not";
}

}  // namespace
}  // namespace freshet
