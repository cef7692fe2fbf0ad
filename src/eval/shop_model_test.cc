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

std::unique_ptr<ShopState> open_state() {
  auto state = ShopState::open(small_config());
  EXPECT_TRUE(state.ok());
  return std::move(state).value();
}

void append_in_batches(MemLog& log, const std::vector<Event>& events, uint64_t seed) {
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
std::unique_ptr<ShopState> reloaded(ShopState& state) {
  auto next = open_state();
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

void check_every_way(const std::vector<Event>& events) {
  auto want = open_state();
  Offset at = 0;
  for (const Event& event : events) want->apply(at++, event);

  for (const uint64_t seed : {1, 2}) {  // The server's loop, behind a log that grows in batches meanwhile.
    MemLog log;
    auto state = open_state();
    FoldRunner runner(log, nullptr, state->folds());
    runner.start();
    append_in_batches(log, events, seed);
    ASSERT_TRUE(runner.wait_applied(events.size(), std::chrono::minutes(5)));
    runner.stop();
    expect_equal(*state, *want, "fold loop, batches of seed " + std::to_string(seed));
  }

  Draw draw(7);  // Stopped anywhere, written, loaded into an empty state, resumed.
  auto state = open_state();
  const size_t stops = 6;
  std::vector<size_t> cuts = {1, events.size() - 1};
  for (size_t i = 0; i < stops; i++) cuts.push_back(draw.below(events.size()));
  std::sort(cuts.begin(), cuts.end());
  for (size_t i = 0; i < events.size(); i++) {
    if (std::binary_search(cuts.begin(), cuts.end(), i)) state = reloaded(*state);
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
