#include "sample/joiner.h"

#include <algorithm>
#include <memory>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr TimeMs kMinute = 60'000;

class Stream {
 public:
  explicit Stream(JoinerConfig config = {})
      : catalog_(moment_, {.items_max = 1000}),
        profiles_(moment_),
        joiner_(moment_, catalog_, config, &profiles_) {
    for (int i = 0; i < 30; ++i) {
      Event event;
      event.type = EventType::kItemUpsert;
      event.item = "i" + std::to_string(i);
      apply(event, 0);
    }
  }
  void apply(const Event& event, TimeMs at) {
    moment_ = {
        .skip = false, .key = mix64(offset_, 5), .time_ms = at, .now_ms = std::max(moment_.now_ms, at)};
    catalog_.apply(offset_, event);
    joiner_.apply(offset_, event);
    profiles_.apply(offset_, event);
    ++offset_;
  }
  void show(const std::string& query_id, const std::string& user, std::vector<int> items, TimeMs at) {
    Event event;
    event.type = EventType::kImpression;
    event.query = "Red Kettle";
    event.query_id = query_id;
    event.user = user;
    event.attributes = {{"features", std::string("AB")}, {"from", int64_t{20}}};
    for (const int item : items) event.shown.push_back({"i" + std::to_string(item), 1.0f});
    apply(event, at);
  }
  void act(EventType type, const std::string& query_id, const std::string& user, int item, TimeMs at) {
    Event event;
    event.type = type;
    event.query_id = query_id;
    event.user = user;
    event.item = "i" + std::to_string(item);
    event.price = 10;
    event.quantity = 3;
    apply(event, at);
  }
  void link(EventType type, const std::string& from, const std::string& to, TimeMs at) {
    Event event;
    event.type = type;
    event.user = from;
    event.user_to = to;
    apply(event, at);
  }
  std::string saved() const {
    Writer out;
    joiner_.save(out);
    return out.take();
  }
  // "click@1=1 cart@0=0": task, place and label of each example.
  std::string examples() const {
    static constexpr const char* kTasks[] = {"click", "cart", "purchase", "revenue"};
    std::string out;
    for (const LabelledExample& one : joiner_.examples()) {
      out += (out.empty() ? "" : " ") + std::string(kTasks[static_cast<size_t>(one.task)]) +
             (one.pairwise ? "|"
              : one.late   ? "~"
                           : "@") +
             std::to_string(one.place) + "=" + std::to_string(static_cast<int>(one.label));
    }
    return out;
  }
  Moment moment_;
  Catalog catalog_;
  Profiles profiles_;
  Joiner joiner_;
  Offset offset_ = 0;
};

TEST(Joiner, AttributesByQueryIdThenByItemAndTime) {
  struct Case {
    const char* query_id;
    const char* user;
    int item;
    TimeMs at;
    int place;      // -1: belongs to none
    uint64_t page;  // by its query id: a, b or c
  };
  const Case cases[] = {
      {"a", "", 2, 1 * kMinute, 1, 'a'},      // Named.
      {"a", "ada", 3, 1 * kMinute, 2, 'a'},   // Named, though b shows it later.
      {"", "ada", 3, 3 * kMinute, 0, 'b'},    // Last touch.
      {"", "ada", 1, 3 * kMinute, 0, 'a'},    // Only the page before the last showed it.
      {"c", "ada", 1, 3 * kMinute, 0, 'a'},   // Named page does not show it.
      {"", "bob", 3, 3 * kMinute, -1, 0},     // Another shopper.
      {"", "ada", 3, 33 * kMinute, -1, 0},    // Too late without a name.
      {"b", "ada", 3, 33 * kMinute, 0, 'b'},  // Not with one.
      {"", "", 3, 3 * kMinute, -1, 0},        // Nobody.
      {"a", "", 9, 1 * kMinute, -1, 0},       // Not shown.
  };
  for (const Case& one : cases) {
    Stream stream;
    stream.show("a", "ada", {1, 2, 3}, 0);
    stream.show("b", "ada", {3, 4}, 2 * kMinute);
    stream.show("c", "ada", {7}, 2 * kMinute);
    stream.act(EventType::kClick, one.query_id, one.user, one.item, one.at);
    const ShownPage* page = stream.joiner_.followed();
    SCOPED_TRACE(std::string(one.query_id) + one.user + std::to_string(one.item));
    ASSERT_EQ(page != nullptr, one.place >= 0);
    if (page == nullptr) continue;
    EXPECT_EQ(page->query_id, hash_bytes(std::string(1, static_cast<char>(one.page))));
    EXPECT_EQ(stream.joiner_.place(), static_cast<uint32_t>(one.place));
    EXPECT_EQ(page->query, "red kettle");
    EXPECT_EQ(page->features, "AB");
    EXPECT_EQ(page->from, 20u);
  }
}

// Who was shown something before he logged in bought it after.
TEST(Joiner, LastTouchFollowsIdentityLinks) {
  struct Case {
    const char* what;
    const char* links;  // "ab": a is from now on b; lower case: taken back
    const char* who;
    int item;
    uint64_t page;  // 0: none
  };
  // x: shown to the cookie "c": 1, 2; then y: to "k": 2, 3; then z: to another cookie, "d": 2, 9
  const Case cases[] = {
      {"nobody has logged in", "", "k", 1, 0},           {"logged in", "CK", "k", 1, 'x'},
      {"the cookie is still used", "CK", "c", 3, 'y'},   {"the newest of both", "CK", "k", 2, 'y'},
      {"the newest of three", "CK DK", "k", 2, 'z'},     {"one link after the other", "CD DK", "k", 1, 'x'},
      {"from the other end", "CD DK", "c", 9, 'z'},      {"taken back", "CK ck", "k", 1, 0},
      {"taken back, and its own", "CK ck", "c", 1, 'x'}, {"linked to somebody else", "CM", "k", 1, 0},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    Stream stream;
    stream.show("x", "c", {1, 2}, 0);
    stream.show("y", "k", {2, 3}, kMinute);
    stream.show("z", "d", {2, 9}, 2 * kMinute);
    for (const char* at = one.links; *at != 0; at += at[2] == ' ' ? 3 : 2) {
      const bool back = *at >= 'a';
      const auto name = [&](char c) { return std::string(1, back ? c : static_cast<char>(c + 32)); };
      stream.link(back ? EventType::kIdentityUnlink : EventType::kIdentityLink, name(at[0]), name(at[1]),
                  3 * kMinute);
    }
    stream.act(EventType::kClick, "", one.who, one.item, 4 * kMinute);
    const ShownPage* page = stream.joiner_.followed();
    ASSERT_EQ(page != nullptr, one.page != 0);
    if (page != nullptr) {
      EXPECT_EQ(page->query_id, hash_bytes(std::string(1, static_cast<char>(one.page))));
    }
  }
}

// At most sixteen impressions are looked through, the newest of all identities together.
TEST(Joiner, LinkedChainsAreLookedThroughFromNewToOld) {
  for (const int pages : {7, 8}) {
    Stream stream;
    stream.show("first", "c", {1}, 0);
    for (int i = 0; i < pages; ++i) {
      stream.show("c" + std::to_string(i), "c", {2}, i + 1);
      stream.show("k" + std::to_string(i), "k", {3}, i + 1);
    }
    stream.link(EventType::kIdentityLink, "c", "k", 100);
    stream.act(EventType::kClick, "", "k", 1, 200);
    EXPECT_EQ(stream.joiner_.followed() != nullptr, pages == 7) << pages;
  }
}

TEST(Joiner, WaitsAsLongAsItIsTold) {
  const auto zeros = [](Stream& stream, TimeMs at) {
    stream.show("b", "bob", {5}, at);
    return stream.examples();
  };
  const std::string all = "click@0=0 cart@0=0 purchase@0=0";
  Stream stream;
  stream.joiner_.configure({.window_ms = 60 * kMinute, .late_ms = 14 * kDayMs});
  stream.show("a", "ada", {1}, 0);
  EXPECT_EQ(zeros(stream, 59 * kMinute), "");
  Stream again;
  const std::string bytes = stream.saved();
  Reader in(bytes);
  ASSERT_TRUE(again.joiner_.load(in).ok());
  EXPECT_EQ(again.joiner_.windows(), stream.joiner_.windows()) << "what the log said outlives a restart";
  EXPECT_EQ(zeros(stream, 61 * kMinute), all);
  stream.act(EventType::kPurchase, "", "ada", 1, 13 * kDayMs);
  EXPECT_EQ(stream.joiner_.followed()->query_id, hash_bytes("a"));
  stream.joiner_.configure({.window_ms = kMinute, .late_ms = kDayMs});
  stream.act(EventType::kRefund, "", "ada", 1, 13 * kDayMs);
  EXPECT_EQ(stream.examples(), "") << "it is too late for it now";
}

TEST(Joiner, AnEventClosesSixtyFourPagesAtMost) {
  constexpr int kPages = 200;
  Stream stream;
  stream.joiner_.configure({.window_ms = 60 * kMinute, .late_ms = 14 * kDayMs});
  for (int i = 0; i < kPages; ++i) stream.show("p" + std::to_string(i), "ada", {1, 2}, i);
  stream.joiner_.configure({.window_ms = kMinute, .late_ms = 14 * kDayMs});
  size_t zeros = 0;
  std::vector<size_t> pages;
  for (int i = 0; i < 5; ++i) {
    stream.show("q" + std::to_string(i), "bob", {5}, 2 * kMinute);
    pages.push_back(stream.joiner_.examples().size() / 6);  // Two places, three tasks.
    zeros += stream.joiner_.examples().size();
  }
  EXPECT_EQ(pages, (std::vector<size_t>{64, 64, 64, 8, 0}));
  EXPECT_EQ(zeros, kPages * 6u);
  // A page that has to wait for its turn is attributed as ever, and what comes then is not late.
  stream.joiner_.configure({.window_ms = 60 * kMinute, .late_ms = 14 * kDayMs});
  for (int i = 0; i < kPages; ++i) stream.show("r" + std::to_string(i), "ada", {1, 2}, 3 * kMinute);
  stream.act(EventType::kClick, "r150", "ada", 1, 70 * kMinute);
  EXPECT_TRUE(stream.examples().find("click@0=1") != std::string::npos) << stream.examples();
  EXPECT_EQ(stream.joiner_.followed()->query_id, hash_bytes("r150"));
}

TEST(Joiner, WhatItsBoundsCostIsCounted) {
  Stream stream({.impressions_max = 2, .places_max = 3, .features_bytes_max = 4});
  const auto lost = [&] {
    const JoinerLost now = stream.joiner_.lost();
    return std::to_string(now.open) + " " + std::to_string(now.late) + " " + std::to_string(now.places) +
           " " + std::to_string(now.features);
  };
  for (int i = 0; i < 4; ++i) stream.show(std::string(1, static_cast<char>('a' + i)), "ada", {1, 2}, i);
  stream.show("e", "ada", {1, 2, 3, 4, 5}, 5);
  EXPECT_EQ(lost(), "2 0 2 0") << "a and b made room while they were waited for";
  stream.show("f", "ada", {1}, kDayMs);  // Closes the others.
  stream.show("g", "ada", {1}, kDayMs);
  EXPECT_EQ(lost(), "3 1 2 0") << "d was open, e closed";
  stream.show("h", "ada", {1}, 9 * kDayMs);
  stream.show("i", "ada", {1}, 9 * kDayMs);
  stream.show("j", "ada", {1}, 9 * kDayMs);
  EXPECT_EQ(stream.joiner_.lost().open, 3u) << "f and g were too old for anything to come";
  EXPECT_LE(stream.joiner_.lost().late, 2u);
  Event event;
  event.type = EventType::kImpression;
  event.user = "ada";
  event.shown = {{"i1", 1.0f}};
  event.attributes = {{"features", std::string("ABCDE")}};
  stream.apply(event, 9 * kDayMs);
  EXPECT_EQ(stream.joiner_.lost().features, 1u);
  Stream again;
  const std::string bytes = stream.saved();
  Reader in(bytes);
  ASSERT_TRUE(again.joiner_.load(in).ok());
  EXPECT_EQ(again.saved(), bytes);
  EXPECT_EQ(again.joiner_.lost().places, 2u);
}

TEST(Joiner, ReadsTheVersionBeforeAndSaysWhatItDoesNotRead) {
  Stream stream;
  stream.show("a", "ada", {1, 2}, 0);
  stream.act(EventType::kClick, "a", "ada", 1, kMinute);
  const std::string bytes = stream.saved();
  constexpr size_t kAdded = 4 + 16 + 4 * 24;  // Behind version, numbers and counts: windows, what was lost
  std::string old = bytes;
  old[0] = 1;
  old.erase(kAdded, 16 + 32);
  Stream again;
  Reader in(old);
  ASSERT_TRUE(again.joiner_.load(in).ok());
  EXPECT_EQ(again.saved(), bytes) << "with the windows there were then, and nothing lost";
  std::string next = bytes;
  next[0] = 3;
  Reader newer(next);
  const Status refused = again.joiner_.load(newer);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().what.find("section of version 3, this program reads 1 to 2"), std::string::npos);
  for (size_t cut = 0; cut < bytes.size(); cut += 7) {
    Reader part(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(again.joiner_.load(part).ok()) << cut;
  }
}

TEST(Joiner, ADismissalIsAZeroAtOnceAndNotAgain) {
  Stream stream;
  stream.show("a", "ada", {1, 2}, 0);
  stream.act(EventType::kDismiss, "a", "ada", 1, kMinute);
  EXPECT_EQ(stream.examples(), "click@0=0 cart@0=0 purchase@0=0");
  for (const LabelledExample& one : stream.joiner_.examples()) EXPECT_TRUE(one.firm);
  EXPECT_EQ(stream.joiner_.followed(), nullptr) << "nobody answered";
  stream.act(EventType::kDismiss, "a", "ada", 1, kMinute);
  EXPECT_EQ(stream.examples(), "");
  stream.show("b", "bob", {5}, 31 * kMinute);
  EXPECT_EQ(stream.examples(), "click@1=0 cart@1=0 purchase@1=0");
}

TEST(Joiner, ARefundTakesThePurchaseBack) {
  Stream stream;
  stream.show("a", "ada", {1}, 0);
  stream.act(EventType::kRefund, "a", "ada", 1, kMinute);
  EXPECT_EQ(stream.examples(), "") << "nothing was bought";
  stream.act(EventType::kPurchase, "a", "ada", 1, kMinute);
  stream.show("b", "bob", {5}, kDayMs);  // The window of the first page has passed.
  stream.act(EventType::kRefund, "", "ada", 1, 2 * kDayMs);
  const LabelledExample& back = stream.joiner_.examples().back();
  EXPECT_EQ(back.task, SampleTask::kPurchase);
  EXPECT_EQ(back.label, 0);
  EXPECT_EQ(back.taken, 1);
  stream.act(EventType::kRefund, "", "ada", 1, 2 * kDayMs);
  EXPECT_EQ(stream.examples(), "") << "it is taken back once";
}

TEST(Joiner, AShortVisitTakesAShareOfTheClickBack) {
  struct Case {
    int64_t ms;
    float taken;  // 0: nothing
  };
  for (const Case& one : std::vector<Case>{{20'000, 0}, {10'000, 0}, {5'000, 0.5f}, {0, 0.8f}, {-5, 0}}) {
    Stream stream;
    stream.show("a", "ada", {1}, 0);
    stream.act(EventType::kClick, "a", "ada", 1, kMinute);
    Event view;
    view.type = EventType::kView;
    view.query_id = "a";
    view.user = "ada";
    view.item = "i1";
    view.attributes = {{"dwell_ms", one.ms}};
    stream.apply(view, kMinute);
    ASSERT_EQ(stream.joiner_.examples().size(), one.taken > 0 ? 1u : 0u) << one.ms;
    if (one.taken > 0) {
      EXPECT_FLOAT_EQ(stream.joiner_.examples()[0].taken, one.taken);
    }
    stream.apply(view, kMinute);
    EXPECT_TRUE(stream.joiner_.examples().empty()) << "it is said once";
  }
}

TEST(Joiner, WhoBuysFromThePageHasClickedToo) {
  Stream stream;
  stream.show("a", "ada", {1, 2}, 0);
  stream.act(EventType::kAddToCart, "a", "ada", 2, kMinute);
  EXPECT_EQ(stream.examples(), "click@1=1 cart@1=1");
  EXPECT_TRUE(stream.joiner_.clicked());
  stream.act(EventType::kPurchase, "a", "ada", 2, 2 * kMinute);
  EXPECT_EQ(stream.examples(), "purchase@1=1 revenue@1=30") << "the click is known";
  EXPECT_FALSE(stream.joiner_.clicked());
  stream.show("b", "bob", {5}, 31 * kMinute);
  EXPECT_EQ(stream.examples(), "click@0=0 cart@0=0 purchase@0=0");
  stream.act(EventType::kPurchase, "a", "ada", 1, 2 * 24 * 60 * kMinute);
  EXPECT_EQ(stream.examples(), "click@0=0 cart@0=0 purchase@0=0 purchase~0=1 revenue~0=30")
      << "days later it says nothing of the page's order";
  EXPECT_FALSE(stream.joiner_.clicked());
}

// Found by item and time alone it is of the page that showed the item last; chosen it was on another.
TEST(Joiner, WhoBuysWithoutNamingThePageHasNotClickedThere) {
  Stream stream;
  stream.show("a", "ada", {1, 2}, 0);
  stream.act(EventType::kClick, "a", "ada", 2, kMinute);
  stream.show("b", "ada", {2, 3}, 2 * kMinute);
  stream.act(EventType::kAddToCart, "", "ada", 2, 3 * kMinute);
  EXPECT_EQ(stream.examples(), "cart@0=1");
  EXPECT_FALSE(stream.joiner_.clicked());
  stream.act(EventType::kPurchase, "", "ada", 2, 4 * kMinute);
  EXPECT_EQ(stream.examples(), "purchase@0=1 revenue@0=30");
  EXPECT_FALSE(stream.joiner_.clicked());
}

TEST(Joiner, LabelsOnceThenZerosThenLateOnes) {
  Stream stream;
  stream.show("a", "ada", {1, 2}, 0);
  EXPECT_EQ(stream.examples(), "");
  stream.act(EventType::kClick, "a", "ada", 2, kMinute);
  EXPECT_EQ(stream.examples(), "click@1=1");
  EXPECT_TRUE(stream.joiner_.first_answer());
  stream.act(EventType::kClick, "a", "ada", 2, kMinute);
  EXPECT_EQ(stream.examples(), "");  // The same click again.
  EXPECT_FALSE(stream.joiner_.first_answer());
  stream.show("b", "bob", {5}, 31 * kMinute);
  EXPECT_EQ(stream.examples(), "click@0=0 cart@0=0 purchase@0=0 cart@1=0 purchase@1=0");
  stream.act(EventType::kPurchase, "a", "ada", 1, 40 * kMinute);
  EXPECT_EQ(stream.examples(), "purchase~0=1 revenue~0=30");
  // Two places of purchase given as zeros, one of them wrong: weights from now on.
  const Joiner::Delay delay = stream.joiner_.delay(SampleTask::kPurchase);
  EXPECT_DOUBLE_EQ(delay.late, 0.5);
  EXPECT_DOUBLE_EQ(delay.real, 0.5);
  EXPECT_FLOAT_EQ(stream.joiner_.examples()[0].weight, 1.5f);
  stream.show("c", "cleo", {6}, 80 * kMinute);
  ASSERT_EQ(stream.examples(), "click@0=0 cart@0=0 purchase@0=0");
  EXPECT_FLOAT_EQ(stream.joiner_.examples()[2].weight, (1 + 1.0f / 3) * (1 - 1.0f / 3));
}

TEST(Joiner, WhatNobodySawIsAPair) {
  Stream stream;
  stream.show("a", "ada", {1, 2}, 0);
  stream.act(EventType::kClick, "", "bob", 9, kMinute);
  ASSERT_EQ(stream.examples(), "click|0=1");
  const LabelledExample& one = stream.joiner_.examples()[0];
  EXPECT_EQ(one.item, stream.catalog_.find("i9"));
  EXPECT_TRUE(one.against == stream.catalog_.find("i1") || one.against == stream.catalog_.find("i2"));
}

TEST(Joiner, StaysWithinItsBytesAndForgetsEvictedSlots) {
  Stream stream({.bytes_max = 4000});
  for (int i = 0; i < 200; ++i) stream.show("q" + std::to_string(i), "ada", {1, 2, 3}, i);
  EXPECT_LT(stream.joiner_.waiting(), 20u);
  EXPECT_GT(stream.joiner_.waiting(), 5u);
  stream.act(EventType::kClick, "q5", "", 1, 300);
  EXPECT_EQ(stream.joiner_.followed(), nullptr);
  stream.act(EventType::kClick, "q199", "", 1, 300);
  EXPECT_NE(stream.joiner_.followed(), nullptr);
  const ItemSlot gone[] = {stream.catalog_.find("i2")};
  stream.joiner_.evict(gone);
  stream.act(EventType::kClick, "q198", "", 2, 300);
  EXPECT_EQ(stream.joiner_.followed(), nullptr);
}

// The slow twin keeps every page and looks through all of them; a stream cut in two goes on as one that was
// not.
TEST(Joiner, AgreesWithItsTwinAndResumes) {
  struct Page {
    std::string id, user;
    std::vector<int> items;
    TimeMs at = 0;
  };
  Stream whole;
  auto part = std::make_unique<Stream>();
  std::vector<Page> pages;
  Draw draw(7);
  size_t joined = 0;
  for (int n = 0; n < 4000; ++n) {
    const TimeMs at = n * 20'000;
    const std::string user = "u" + std::to_string(draw.below(5));
    if (n == 2000) {
      Writer out;
      part->joiner_.save(out);
      auto next = std::make_unique<Stream>();
      Reader in(out.bytes());
      ASSERT_TRUE(next->joiner_.load(in).ok());
      next->moment_ = part->moment_;
      next->offset_ = part->offset_;
      part = std::move(next);
    }
    if (draw.uniform() < 0.4) {
      Page page{"p" + std::to_string(n), user, {}, at};
      for (int i = 0; i < 4; ++i) page.items.push_back(static_cast<int>(draw.below(8)) + 8 * i % 30);
      for (Stream* stream : {&whole, part.get()}) stream->show(page.id, user, page.items, at);
      pages.push_back(page);
      continue;
    }
    const int item = static_cast<int>(draw.below(30));
    const std::string named =
        draw.uniform() < 0.3 && !pages.empty() ? pages[draw.below(pages.size())].id : std::string();
    const EventType type = draw.below(2) != 0 ? EventType::kClick : EventType::kPurchase;
    for (Stream* stream : {&whole, part.get()}) stream->act(type, named, user, item, at);
    EXPECT_EQ(whole.examples(), part->examples());
    const Page* expected = nullptr;
    for (const Page& page : pages)
      if (page.id == named && at - page.at <= JoinerWindows{}.late_ms &&
          std::count(page.items.begin(), page.items.end(), item) > 0)
        expected = &page;
    int looked = 0;
    const TimeMs age_max = type == EventType::kPurchase ? JoinerWindows{}.late_ms : JoinerWindows{}.window_ms;
    for (size_t i = pages.size(); expected == nullptr && i-- > 0 && looked < 16;) {
      if (pages[i].user != user) continue;
      ++looked;
      if (at - pages[i].at <= age_max && std::count(pages[i].items.begin(), pages[i].items.end(), item) > 0)
        expected = &pages[i];
    }
    const ShownPage* got = whole.joiner_.followed();
    ASSERT_EQ(got != nullptr, expected != nullptr) << n;
    if (got != nullptr) {
      ++joined;
      EXPECT_EQ(got->query_id, hash_bytes(expected->id)) << n;
    }
  }
  EXPECT_GT(joined, 300u);
  Writer a, b;
  whole.joiner_.save(a);
  part->joiner_.save(b);
  EXPECT_EQ(a.bytes(), b.bytes());
}

// Conversions come after a delay; a rate learned from the weighted examples is that of the oracle who waits,
// not that of one who believes the first zeros.
TEST(Joiner, WeightsTakeBackWrongZeros) {
  Stream stream;
  double ones = 0, zeros = 0, believed = 0, places = 0;
  Draw draw(3);
  struct Due {
    TimeMs at;
    std::string id;
  };
  std::vector<Due> due;
  size_t next = 0;
  const auto take = [&] {
    for (const LabelledExample& one : stream.joiner_.examples()) {
      if (one.task != SampleTask::kPurchase) continue;
      (one.label > 0 ? ones : zeros) += static_cast<double>(one.weight);
      if (one.label > 0 && !one.late) believed += 1;
    }
  };
  double oracle = 0;
  for (int n = 0; n < 30'000; ++n) {
    const TimeMs at = n * 2000;
    while (next < due.size() && due[next].at <= at) {
      stream.act(EventType::kPurchase, due[next].id, "", 1, due[next].at);
      take();
      ++next;
    }
    const std::string id = "q" + std::to_string(n);
    stream.show(id, "", {1}, at);
    take();
    places += 1;
    if (draw.uniform() < 0.2) {  // Half of them after the window.
      oracle += 1;
      due.push_back({at + 20 * kMinute + (draw.below(2) != 0 ? 20 * kMinute : 0), id});
      std::inplace_merge(due.begin() + static_cast<std::ptrdiff_t>(next), due.end() - 1, due.end(),
                         [](const Due& a, const Due& b) { return a.at < b.at; });
    }
  }
  EXPECT_NEAR(ones / (ones + zeros), oracle / places, 0.02);
  EXPECT_LT(believed / places, 0.6 * oracle / places);
}

}  // namespace
}  // namespace freshet
