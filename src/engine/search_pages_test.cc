// Pages of a search as the engine serves and records them: what is tried out is drawn once for all of them.
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "env/clock.h"

namespace freshet {
namespace {

TEST(SearchPagesAtWork, OneShopperSeesEachItemOnce) {
  const std::string folder = testing::TempDir() + "/search-pages";
  std::filesystem::remove_all(folder);
  EngineConfig config;
  config.data_dir = folder;
  const auto engine = std::move(Engine::open(config)).value();
  const auto settle = [&] {
    ASSERT_TRUE(engine->wait_applied(engine->log().end(), std::chrono::seconds(20)));
  };
  std::string lines;
  for (int i = 100; i < 160; ++i)
    lines += R"({"id": "x)" + std::to_string(i) + R"(", "title": "lamp x)" + std::to_string(i) + "\"}\n";
  const auto taken = engine->items(lines, ItemChange::kUpsert, {.now_ms = now_ms()});
  ASSERT_TRUE(taken.ok() && engine->commit(taken->end).ok());
  settle();
  const auto page = [&](const std::string& user, uint32_t from) {
    SearchRequest request;
    request.query = "lamp";
    request.user = user;
    request.from = from;
    return engine->search(request).value();
  };
  for (int i = 0; i < 100; ++i) {
    const SearchPage shown = page("c" + std::to_string(i), 0);
    const std::string click = R"({"type": "click", "user": "c)" + std::to_string(i) + R"(", "item": ")" +
                              shown.answer.hits.front().id + R"(", "query_id": ")" + shown.query_id + "\"}";
    const auto sent = engine->events(click, {.now_ms = now_ms()});
    ASSERT_TRUE(sent.ok() && engine->commit(sent->end).ok());
    settle();
  }
  // What each page teaches counts at once, so that an item may change its page now and then.
  int again = 0;
  for (int u = 0; u < 10; ++u) {
    std::set<std::string> seen;
    for (uint32_t from = 0; from < 60; from += 20)
      for (const SearchPage shown = page("u" + std::to_string(u), from);
           const SearchHit& hit : shown.answer.hits)
        again += seen.insert(hit.id).second ? 0 : 1;
  }
  EXPECT_LE(again, 80) << "of 600 places; 20 to 40, drawn for each page 140";
  EXPECT_TRUE(engine->close().ok());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace freshet
