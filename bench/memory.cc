// What the folded state costs in memory, and that it stays where it was set when ids never repeat.
//
//   build/release/bench/memory [events in millions]
//
// Part 1: cost a shopper, an item and an event, from the growth of the state's own account and of resident
// memory. Part 2: every event names a new shopper and a new item; the bounds are small, so that eviction
// works all the time.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/hash.h"
#include "base/text_table.h"
#include "engine/shop_state.h"
#include "env/process.h"

namespace freshet {
namespace {

Event event_of(uint64_t n, uint64_t shopper, uint64_t item) {
  Event event;
  event.type = n % 20 == 19 ? EventType::kPurchase : EventType::kView;
  event.time_ms = 1'760'000'000'000 + static_cast<TimeMs>(n) * 50;
  event.id = "e" + std::to_string(n);
  event.user = "shopper-" + std::to_string(shopper);
  event.item = "item-" + std::to_string(item);
  return event;
}

size_t bytes_of(ShopState& state) {
  size_t sum = 0;
  for (const Fold* fold : state.folds()) sum += fold->bytes();
  return sum;
}

std::unique_ptr<ShopState> open(const StateConfig& config) {
  auto opened = ShopState::open(config);
  CHECK(opened.ok());
  return std::move(opened).value();
}

void costs() {
  StateConfig config;
  const auto state = open(config);
  const uint64_t rss0 = rss_bytes(), bytes0 = bytes_of(*state);
  constexpr uint64_t kShoppers = 200'000, kItems = 50'000, kEvents = 2'000'000;
  TextTable table({"after", "events", "account MB", "resident MB"});
  const auto row = [&](const char* what, uint64_t events) {
    table.row({what, std::to_string(events), std::to_string((bytes_of(*state) - bytes0) >> 20),
               std::to_string((rss_bytes() - rss0) >> 20)});
  };
  uint64_t n = 0;
  for (; n < kItems; ++n) state->apply(n, event_of(n, 0, n));
  row("50 k items, seen once each by one shopper", n);
  for (; n < kItems + kShoppers; ++n) state->apply(n, event_of(n, n, n % 1000));
  row("200 k shoppers more, one event each", n);
  for (; n < kEvents; ++n) {
    Draw draw(n);
    const double u = draw.uniform();
    state->apply(n, event_of(n, draw.below(kShoppers), static_cast<uint64_t>(u * u * kItems)));
  }
  row("events among them", n);
  std::fputs(table.text().c_str(), stdout);
  for (const Fold* fold : state->folds())
    std::printf("  %-10s %8.1f MB\n", std::string(fold->name()).c_str(),
                static_cast<double>(fold->bytes()) / 1e6);
  std::printf(
      "a shopper with 10 events: %.0f bytes in profiles; an item: %.0f bytes in the catalogue\n",
      static_cast<double>(state->profiles().bytes()) / static_cast<double>(state->profiles().shoppers()),
      static_cast<double>(state->catalog().bytes()) / static_cast<double>(state->catalog().items()));
}

void ever_new(uint64_t events) {
  StateConfig config;
  config.catalog.items_max = 50'000;
  config.profiles.shoppers_max = 50'000;
  config.counters.rows_max = 100'000;
  config.recommender.memory_bytes = 256u << 20;
  const auto state = open(config);
  const uint64_t rss0 = rss_bytes(), bytes0 = bytes_of(*state);  // What is laid out before the first event.
  TextTable table({"events", "items", "shoppers", "evicted", "learned MB", "account MB", "resident MB"});
  for (uint64_t n = 0; n < events; ++n) {
    state->apply(n, event_of(n, n, n));
    if ((n + 1) % (events / 8) != 0) continue;
    table.row({std::to_string(n + 1), std::to_string(state->catalog().items()),
               std::to_string(state->profiles().shoppers()),
               std::to_string(state->catalog().evicted() + state->profiles().evicted()),
               std::to_string(state->recommender().bytes() >> 20),
               std::to_string((bytes_of(*state) - bytes0) >> 20),
               std::to_string((rss_bytes() - rss0) >> 20)});
  }
  std::puts(
      "\never-new shoppers and items; bounds: 50 k items, 50 k shoppers, 100 k counter rows, 256 MB "
      "recommender");
  std::fputs(table.text().c_str(), stdout);
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  const double millions = argc > 1 ? std::atof(argv[1]) : 2;
  freshet::ever_new(static_cast<uint64_t>(millions * 1e6));
  freshet::costs();
  return 0;
}
