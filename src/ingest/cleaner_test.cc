// The rules of the door one by one, and its memories: duplicates, quotas, robots, missing values.
#include "ingest/cleaner.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "ingest/internal/windows.h"

namespace freshet {
namespace {

constexpr TimeMs kNow = 1767323045000;

Event view(std::string user, std::string item, TimeMs time = kNow - 1000) {
  Event event;
  event.user = std::move(user);
  event.item = std::move(item);
  event.time_ms = time;
  event.source = "web";
  return event;
}

TEST(DuplicateWindow, RemembersExactlyTheLastOnes) {
  for (const size_t window : {size_t{1}, size_t{2}, size_t{7}, size_t{1000}}) {
    DuplicateWindow seen(window);
    std::vector<uint64_t> order;  // The slow twin.
    for (uint64_t i = 0; i < 20'000; ++i) {
      const uint64_t key = Draw(i).below(2 * window + 3);  // Zero too, and many that collide.
      const size_t from = order.size() > window ? order.size() - window : 0;
      const bool known = std::find(order.begin() + static_cast<ptrdiff_t>(from), order.end(),
                                   key == 0 ? 1 : key) != order.end();
      ASSERT_EQ(seen.contains(key), known) << window << " " << i;
      ASSERT_EQ(seen.insert(key), !known);
      if (!known) order.push_back(key == 0 ? 1 : key);
      seen.keep();
    }
  }
}

TEST(DuplicateWindow, TakesBackWhatWasNotKept) {
  DuplicateWindow seen(100);
  for (uint64_t key = 1; key <= 50; ++key) seen.insert(mix64(key));
  seen.keep();
  for (uint64_t key = 51; key <= 90; ++key) seen.insert(mix64(key));
  seen.take_back();
  for (uint64_t key = 1; key <= 50; ++key) EXPECT_TRUE(seen.contains(mix64(key)));
  for (uint64_t key = 51; key <= 90; ++key) EXPECT_FALSE(seen.contains(mix64(key)));
  DuplicateWindow tiny(3);  // More pending than it holds.
  for (uint64_t key = 1; key <= 10; ++key) tiny.insert(mix64(key));
  tiny.take_back();
  for (uint64_t key = 1; key <= 10; ++key) EXPECT_FALSE(tiny.contains(mix64(key)));
  DuplicateWindow none(0);
  EXPECT_TRUE(none.insert(1));
  EXPECT_TRUE(none.insert(1));
}

TEST(Cleaner, TextIsBroughtToOneForm) {
  Cleaner cleaner(CleanerConfig::live());
  Rejection why;
  Event event = view(" u ", "cafe\u0301", kNow);
  event.type = EventType::kPurchase;
  event.currency = "usd";
  event.query = "red\r\n shoe\t";
  event.attributes = {{" note ", std::string("a\x01z")}, {"tags", std::vector<std::string>{"e\u0301"}}};
  ASSERT_TRUE(cleaner.check(event, kNow, why)) << why.message();
  EXPECT_EQ(event.user, "u");
  EXPECT_EQ(event.item, "caf\u00e9");
  EXPECT_EQ(event.currency, "USD");
  EXPECT_EQ(event.query, "red  shoe");
  EXPECT_EQ(event.quantity, 1);
  EXPECT_EQ(event.attributes[0], (Attribute{"note", std::string("a z")}));
  EXPECT_EQ(event.attributes[1], (Attribute{"tags", std::vector<std::string>{"\u00e9"}}));
  EXPECT_EQ(event.received_ms, kNow);
}

TEST(Cleaner, MissingValuesByPolicy) {
  CleanerConfig config = CleanerConfig::history();
  config.missing = parse_missing_policies(
                       "price=mean,quantity=previous,currency=default:EUR,region=previous,rating=default:3,"
                       "time=previous,surface=reject")
                       .value();
  Cleaner cleaner(config);
  Rejection why;
  const auto buy = [&](std::string item, double price, double quantity, std::string region, TimeMs time) {
    Event event = view("u", std::move(item), time);
    event.type = EventType::kPurchase;
    event.price = price;
    event.quantity = quantity;
    event.region = std::move(region);
    event.surface = "s";
    EXPECT_TRUE(cleaner.check(event, kNoTime, why)) << why.message();
    return event;
  };
  Event event = buy("a", kNoNumber, kNoNumber, "", 5);
  EXPECT_FALSE(has_number(event.price)) << "nothing to go by yet";
  buy("a", 10, 2, "DE", 6);
  buy("a", 20, 3, "FR", 7);
  buy("b", 90, 1, "UK", 8);
  event = buy("a", kNoNumber, kNoNumber, "", kNoTime);
  EXPECT_EQ(event.price, 15) << "of the same item";
  EXPECT_EQ(event.quantity, 3);
  EXPECT_EQ(event.currency, "EUR");
  EXPECT_EQ(event.region, "UK");
  EXPECT_EQ(event.time_ms, 8);
  event = buy("c", kNoNumber, kNoNumber, "", 9);
  EXPECT_EQ(event.price, 40) << "of all items; what was filled in does not count";
  EXPECT_EQ(event.quantity, 1);
  event = view("u", "a", 10);
  EXPECT_FALSE(cleaner.check(event, kNoTime, why));
  EXPECT_EQ(why.message(), "event 0: surface: expected surface (policy: reject) (missing)");
}

TEST(Cleaner, QuotaOfASource) {
  CleanerConfig config = CleanerConfig::live();
  config.quota_per_second = 100;
  config.quota_burst = 50;
  Cleaner cleaner(config);
  Rejection why;
  uint64_t number = 0;
  const auto send = [&](std::string source, int count, TimeMs now) {
    int taken = 0;
    for (int i = 0; i < count; ++i) {
      Event event = view("u" + std::to_string(number), "i", now - 1);
      event.source = source;
      EXPECT_TRUE(cleaner.check(event, now, why));
      taken += cleaner.admit(event, ++number, now, why) == Verdict::kTake ? 1 : 0;
    }
    return taken;
  };
  EXPECT_EQ(send("web", 80, kNow), 50);
  EXPECT_EQ(why.reason, RejectReason::kQuota);
  EXPECT_EQ(cleaner.retry_after_ms(), 10);
  EXPECT_EQ(send("ios", 80, kNow), 50) << "each source has its own";
  EXPECT_EQ(send("web", 80, kNow + 200), 20);
  EXPECT_EQ(send("web", 80, kNow + 60'000), 50) << "no more than the burst";
  EXPECT_EQ(send("web", 80, kNow + 50'000), 0) << "a clock that goes back gives nothing";
}

TEST(Cleaner, ARefusalForQuotaMayComeAgain) {
  CleanerConfig config = CleanerConfig::live();
  config.quota_per_second = 1;
  config.quota_burst = 1;
  Cleaner cleaner(config);
  Rejection why;
  Event first = view("u", "a"), second = view("u", "b");
  second.id = "e2";
  ASSERT_TRUE(cleaner.check(first, kNow, why) && cleaner.check(second, kNow, why));
  ASSERT_EQ(cleaner.admit(first, 1, kNow, why), Verdict::kTake);
  ASSERT_EQ(cleaner.admit(second, 2, kNow, why), Verdict::kReject);
  EXPECT_EQ(cleaner.admit(second, 2, kNow + 2000, why), Verdict::kTake);
  EXPECT_EQ(cleaner.admit(second, 2, kNow + 4000, why), Verdict::kDuplicate);
}

struct Burst {
  int taken = 0;
  int marked = 0;
  int refused = 0;
};
Burst burst(RobotPolicy policy, int events, int items, TimeMs gap_ms, EventType type = EventType::kView) {
  CleanerConfig config = CleanerConfig::live();
  config.robots = policy;
  Cleaner cleaner(config);
  Rejection why;
  Burst out;
  for (int i = 0; i < events; ++i) {
    Event event = view("bot", "i" + std::to_string(i % items), kNow - kDayMs + i * gap_ms);
    event.type = type;
    EXPECT_TRUE(cleaner.check(event, kNow, why)) << why.message();
    const Verdict verdict = cleaner.admit(event, static_cast<uint64_t>(i), kNow, why);
    out.taken += verdict == Verdict::kTake ? 1 : 0;
    out.refused += verdict == Verdict::kReject && why.reason == RejectReason::kRobot ? 1 : 0;
    out.marked += !event.attributes.empty() && event.attributes[0].name == kRobotMark ? 1 : 0;
  }
  EXPECT_EQ(cleaner.marked(), static_cast<uint64_t>(out.marked));
  return out;
}

TEST(Cleaner, RobotsAreFastAndLookAtEverything) {
  EXPECT_EQ(burst(RobotPolicy::kMark, 500, 500, 20).marked, 381) << "from the 120th on";
  EXPECT_EQ(burst(RobotPolicy::kDeadLetter, 500, 500, 20).refused, 381);
  EXPECT_EQ(burst(RobotPolicy::kOff, 500, 500, 20).marked, 0);
  EXPECT_EQ(burst(RobotPolicy::kMark, 500, 10, 20).marked, 0) << "the same ten items: a page that reloads";
  EXPECT_EQ(burst(RobotPolicy::kMark, 500, 500, 2000).marked, 0) << "30 a minute: a quick shopper";
  EXPECT_EQ(burst(RobotPolicy::kMark, 500, 500, 0, EventType::kPurchase).marked, 0) << "a large order";
  EXPECT_EQ(burst(RobotPolicy::kMark, 500, 500, 20).taken, 500);
}

TEST(Cleaner, TheSameCallsGiveTheSameVerdicts) {
  const auto run = [] {
    CleanerConfig config = CleanerConfig::live();
    config.shoppers_watched = 64;
    config.duplicate_window = 100;
    config.quota_per_second = 500;
    config.quota_burst = 200;
    Cleaner cleaner(config);
    Rejection why;
    uint64_t hash = 0;
    for (uint64_t i = 0; i < 5000; ++i) {
      Draw draw(i);
      Event event = view("u" + std::to_string(draw.below(100)), "i" + std::to_string(draw.below(300)),
                         kNow + static_cast<TimeMs>(i) - 100);
      event.id = draw.below(2) == 0 ? "" : "e" + std::to_string(draw.below(200));
      const TimeMs now = kNow + static_cast<TimeMs>(i);
      if (!cleaner.check(event, now, why)) continue;
      const Verdict verdict = cleaner.admit(event, draw.next(), now, why);
      hash = mix64(hash,
                   mix64(hash_bytes(event.id), static_cast<uint64_t>(verdict) * 2 + event.attributes.size()));
    }
    return hash;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace freshet
