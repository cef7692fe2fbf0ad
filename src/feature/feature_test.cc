#include <cmath>
#include <deque>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "base/decay.h"
#include "base/epoch.h"
#include "base/hash.h"
#include "feature/catalog.h"
#include "feature/counters.h"
#include "feature/entry.h"
#include "feature/profiles.h"

namespace freshet {
namespace {

// The folds of this room, applied in the order of the engine.
struct Folds {
  explicit Folds(CatalogConfig catalog_config = {}, ProfilesConfig profiles_config = {},
                 uint32_t window = 1000)
      : entry(moment, window),
        catalog(moment, std::move(catalog_config)),
        profiles(moment, profiles_config),
        counters(moment, catalog) {
    catalog.on_evict([this](std::span<const ItemSlot> items) {
      evicted.insert(evicted.end(), items.begin(), items.end());
      profiles.evict_items(items);
    });
  }
  void apply(const Event& event) {
    for (Fold* fold : all()) fold->apply(next, event);
    ++next;
  }
  std::vector<Fold*> all() { return {&entry, &catalog, &profiles, &counters}; }
  std::string save() {
    Writer out;
    for (Fold* fold : all()) fold->save(out);
    return out.take();
  }
  Status load(std::string_view bytes) {
    Reader in(bytes);
    for (Fold* fold : all()) TRY_STATUS(fold->load(in));
    return {};
  }

  Moment moment;
  Entry entry;
  Catalog catalog;
  Profiles profiles;
  Counters counters;
  Offset next = 0;
  std::vector<ItemSlot> evicted;
};

Event action(EventType type, std::string user, std::string item, TimeMs time_ms, std::string id = "") {
  Event event;
  event.type = type;
  event.user = std::move(user);
  event.item = std::move(item);
  event.time_ms = time_ms;
  event.id = id.empty() ? std::to_string(mix64(hash_bytes(event.user + "/" + event.item), time_ms)) : id;
  return event;
}
Event view(std::string user, std::string item, TimeMs t) {
  return action(EventType::kView, user, item, t);
}

std::vector<std::string> items_of(const Folds& folds, std::string_view user) {
  const EpochGuard guard;
  std::vector<std::string> out;
  for (const Step& step : folds.profiles.sequence(folds.profiles.find(user)).steps)
    out.push_back(folds.catalog.item(step.item)->id);
  return out;
}

// kIdentityLink or kIdentityUnlink.
Event identity(EventType type, std::string user, std::string user_to, TimeMs t) {
  Event event = action(type, std::move(user), "", t, type == EventType::kIdentityLink ? "link" : "unlink");
  event.user_to = std::move(user_to);
  return event;
}

using Ids = std::vector<std::string>;

TEST(Decay, AgreesWithTheCLibrary) {
  for (double x = 0; x < 60; x += 0.037) EXPECT_NEAR(decayed(x) / std::exp2(-x), 1.0, 1e-14) << x;
  EXPECT_EQ(decayed(-1), 1.0);
  EXPECT_EQ(decayed(2000), 0.0);
}

TEST(Entry, CountsAnEventOncePerSourceAndId) {
  Folds folds;
  folds.apply(action(EventType::kView, "u", "a", 1, "x"));
  folds.apply(action(EventType::kView, "u", "b", 2, "x"));
  EXPECT_TRUE(folds.moment.skip);
  Event other = action(EventType::kView, "u", "b", 2, "x");
  other.source = "app";
  folds.apply(other);
  EXPECT_FALSE(folds.moment.skip);
  EXPECT_EQ(folds.entry.duplicates(), 1u);
  EXPECT_EQ(items_of(folds, "u"), (Ids{"a", "b"}));
}

// The window against the obvious twin: a set and a queue.
TEST(Entry, WindowForgetsExactlyTheOldest) {
  for (const uint32_t window : {1u, 7u, 500u}) {
    Moment moment;
    Entry entry(moment, window);
    std::deque<std::string> order;
    std::set<std::string> known;
    Draw draw(window);
    for (int i = 0; i < 20000; ++i) {
      const std::string id = std::to_string(draw.below(window * 2 + 3));
      entry.apply(0, action(EventType::kView, "u", "a", i, id));
      const bool fresh = known.insert(id).second;
      ASSERT_EQ(moment.skip, !fresh) << window << " " << i;
      if (!fresh) continue;
      order.push_back(id);
      if (order.size() > window) {
        known.erase(order.front());
        order.pop_front();
      }
    }
  }
}

TEST(Entry, TheClockNeverGoesBack) {
  Folds folds;
  folds.apply(view("u", "a", 1000));
  folds.apply(view("u", "b", 500));
  EXPECT_EQ(folds.moment.now_ms, 1000);
  EXPECT_EQ(folds.moment.time_ms, 500);
}

TEST(Entry, WhatIsAnnouncedDoesNotMoveTheClock) {
  Folds folds;
  folds.apply(view("u", "a", 1000));
  Event context = action(EventType::kContext, "", "", 1000 + 8 * kDayMs);
  context.name = "scenario";
  folds.apply(context);
  EXPECT_FALSE(folds.moment.skip);
  EXPECT_EQ(folds.moment.time_ms, 1000 + 8 * kDayMs);
  EXPECT_EQ(folds.moment.now_ms, 1000);
  EXPECT_EQ(folds.entry.now_ms(), 1000);
}

TEST(Catalog, UpsertUpdateDelete) {
  Folds folds;
  Event upsert = action(EventType::kItemUpsert, "", "k1", 10);
  upsert.attributes = {{"title", std::string("Kettle")},
                       {"price", 19.5},
                       {"brand", std::string("Acme")},
                       {"category", std::string("Home > Kitchen")},
                       {"stock", int64_t{3}}};
  folds.apply(upsert);
  const EpochGuard guard;
  const ItemSlot slot = folds.catalog.find("k1");
  const ItemRecord* item = folds.catalog.item(slot);
  ASSERT_NE(item, nullptr);
  EXPECT_EQ(item->title, "Kettle");
  EXPECT_EQ(item->price, 19.5);
  EXPECT_TRUE(item->available);
  ASSERT_EQ(item->facets.size(), 3u);
  EXPECT_EQ(folds.catalog.facet_name(item->facets[0]), "category:Home > Kitchen");
  EXPECT_EQ(folds.catalog.facet_name(item->facets[1]), "category:Home");
  EXPECT_EQ(folds.catalog.facet_name(item->facets[2]), "brand:Acme");
  EXPECT_EQ(folds.catalog.find_facet("brand:Acme"), item->facets[2]);

  Event update = action(EventType::kItemUpdate, "", "k1", 11);
  update.attributes = {{"stock", int64_t{0}}, {"brand", std::monostate{}}};
  folds.apply(update);
  item = folds.catalog.item(slot);
  EXPECT_FALSE(item->available);
  EXPECT_EQ(item->title, "Kettle");
  EXPECT_EQ(item->facets.size(), 2u);

  folds.apply(action(EventType::kItemDelete, "", "k1", 12));
  item = folds.catalog.item(slot);
  EXPECT_TRUE(item->deleted);
  EXPECT_FALSE(item->available);
  EXPECT_TRUE(item->attributes.empty());
}

// What one event can make of facets, whatever it says.
TEST(Catalog, FacetsAreBounded) {
  CatalogConfig config;
  config.facets_max = 300;
  config.facet_bytes_max = 20'000;
  Folds folds(config);
  const auto put = [&](const std::string& id, Value category) -> const ItemRecord& {
    Event upsert = action(EventType::kItemUpsert, "", id, folds.next + 1);
    upsert.attributes = {{"category", std::move(category)}};
    folds.apply(upsert);
    return *folds.catalog.item(folds.catalog.find(id));
  };
  const auto name = [&](const ItemRecord& item, size_t n) {
    return folds.catalog.facet_name(item.facets[n]);
  };
  const EpochGuard guard;
  std::string deep = "a";
  while (deep.size() < 60'000) deep += " > a";
  const ItemRecord& bomb = put("deep", deep);
  ASSERT_EQ(bomb.facets.size(), kFacetLevels);
  EXPECT_EQ(name(bomb, kFacetLevels - 1), "category:a");
  EXPECT_EQ(folds.catalog.facets_refused(), 1u);
  EXPECT_LT(folds.catalog.bytes(), 400'000u);

  const std::string wordy(200, 'w');
  const ItemRecord& half = put("wordy", "Shoes > " + wordy + " > " + wordy);
  ASSERT_EQ(half.facets.size(), 2u);
  EXPECT_EQ(name(half, 0), "category:Shoes > " + wordy);
  EXPECT_TRUE(put("long", std::string(257, 'x')).facets.empty());
  EXPECT_EQ(put("fits", std::string(256, 'x')).facets.size(), 1u);
  EXPECT_EQ(folds.catalog.facets_refused(), 3u);

  std::vector<std::string> many;
  for (int n = 0; n < 1000; ++n) many.push_back("c" + std::to_string(n));
  EXPECT_EQ(put("many", many).facets.size(), kFacetsOfItem);
  EXPECT_EQ(folds.catalog.facets_refused(), 3u + 1000 - kFacetsOfItem);
  for (int i = 0; i < 5; ++i) {
    for (std::string& one : many) one += "x";
    put("many", many);
  }
  EXPECT_EQ(folds.catalog.facets(), 300u);                         // No more numbers,
  EXPECT_EQ(put("shoe", std::string("Shoes")).facets.size(), 1u);  // but those that there are, are.
  EXPECT_EQ(put("new", std::string("Hats")).facets.size(), 0u);

  config.facets_max = 1'000'000;
  Folds bytes(config);
  for (int n = 0; n < 1000; ++n) {
    Event upsert = action(EventType::kItemUpsert, "", "i", n);
    upsert.attributes = {{"brand", std::to_string(n) + wordy}};
    bytes.apply(upsert);
  }
  EXPECT_EQ(bytes.catalog.facets() - 1, 96u);  // 207 bytes and 208.
  const std::string saved = bytes.save();
  Folds again(config);
  ASSERT_TRUE(again.load(saved).ok());
  EXPECT_EQ(again.save(), saved);
}

TEST(Catalog, AvailabilityIsReadFromWhatShopsWrite) {
  const struct {
    Value value;
    bool available;
  } rows[] = {{std::string("in stock"), true},
              {std::string("Out of Stock"), false},
              {std::string("sold_out"), false},
              {false, false},
              {int64_t{0}, false},
              {2.0, true},
              {std::string("preorder"), true},
              {std::vector<std::string>{"x"}, true}};
  Folds folds;
  for (size_t i = 0; i < std::size(rows); ++i) {
    const std::string id = "i" + std::to_string(i);
    Event upsert = action(EventType::kItemUpsert, "", id, 1);
    upsert.attributes = {{"availability", rows[i].value}};
    folds.apply(upsert);
    const EpochGuard guard;
    EXPECT_EQ(folds.catalog.item(folds.catalog.find(id))->available, rows[i].available) << i;
  }
}

TEST(Catalog, EvictsTheLeastValuableAndTellsEveryoneBeforeSlotsAreReused) {
  CatalogConfig config;
  config.items_max = 64;
  Folds folds(config);
  for (int i = 0; i < 64; ++i)
    folds.apply(view("shopper" + std::to_string(i % 4), "i" + std::to_string(i), i));
  for (int i = 0; i < 32; ++i) folds.apply(view("fan", "i" + std::to_string(i), 100 + i));
  Event listed = action(EventType::kItemUpsert, "", "i63", 200);
  folds.apply(listed);
  for (int i = 0; i < 1000; ++i) {
    folds.apply(view("stranger", "new" + std::to_string(i), 1000 + i));
    ASSERT_LE(folds.catalog.items(), 64u);
  }
  EXPECT_LE(folds.catalog.slots(), 64u);
  EXPECT_GT(folds.evicted.size(), 900u);
  const EpochGuard guard;
  EXPECT_NE(folds.catalog.find("i63"), kNoItem);  // Listed: worth eight views.
  EXPECT_EQ(folds.catalog.find("i40"), kNoItem);
  for (const char* user : {"shopper0", "fan", "stranger"})
    for (const Step& step : folds.profiles.sequence(folds.profiles.find(user)).steps)
      ASSERT_NE(folds.catalog.item(step.item), nullptr);
}

TEST(Profiles, SequenceIsBoundedAndSessionsAreCut) {
  ProfilesConfig config;
  config.steps_max = 8;
  Folds folds({}, config);
  for (int i = 0; i < 30; ++i) folds.apply(view("u", "i" + std::to_string(i), i * kMinuteMs));
  folds.apply(view("u", "later", 30 * kMinuteMs + kHourMs));
  folds.apply(view("u", "later2", 30 * kMinuteMs + kHourMs + 1));
  const EpochGuard guard;
  const Sequence sequence = folds.profiles.sequence(folds.profiles.find("u"));
  ASSERT_EQ(sequence.steps.size(), 8u);
  EXPECT_EQ(sequence.session_begin, 6u);
  Event next = view("u", "x", 30 * kMinuteMs + kHourMs + 2);
  EXPECT_EQ(folds.profiles.before(next, next.time_ms).session_begin, 6u);
  next.time_ms += kDayMs;
  EXPECT_EQ(folds.profiles.before(next, next.time_ms).session_begin, 8u);  // A new session would begin.
}

TEST(Profiles, LinkMergesByTimeAndUnlinkGivesBack) {
  Folds folds;
  folds.apply(view("known", "k1", 10));
  folds.apply(view("anon", "a1", 20));
  folds.apply(view("known", "k2", 30));
  folds.apply(view("anon", "a2", 40));
  folds.apply(identity(EventType::kIdentityLink, "anon", "known", 50));
  EXPECT_EQ(items_of(folds, "known"), (Ids{"k1", "a1", "k2", "a2"}));
  EXPECT_EQ(items_of(folds, "anon"), items_of(folds, "known"));
  folds.apply(view("anon", "a3", 60));
  folds.apply(view("known", "k3", 70));
  EXPECT_EQ(items_of(folds, "known"), (Ids{"k1", "a1", "k2", "a2", "a3", "k3"}));
  folds.apply(identity(EventType::kIdentityUnlink, "anon", "known", 50));
  EXPECT_EQ(items_of(folds, "known"), (Ids{"k1", "k2", "k3"}));
  EXPECT_EQ(items_of(folds, "anon"), (Ids{"a1", "a2", "a3"}));
  folds.apply(view("anon", "a4", 80));
  EXPECT_EQ(items_of(folds, "anon"), (Ids{"a1", "a2", "a3", "a4"}));
}

std::set<std::string> dismissed_by(const Folds& folds, std::string_view user) {
  const EpochGuard guard;
  std::set<std::string> out;
  if (const ProfileExtras* extras = folds.profiles.extras(folds.profiles.find(user)))
    for (const ItemSlot item : extras->dismissed) out.insert(folds.catalog.item(item)->id);
  return out;
}

TEST(Profiles, WhatWasDismissedGoesAndComesWithALink) {
  using Set = std::set<std::string>;
  Folds folds;
  const auto dismiss = [&](const char* user, const char* item, TimeMs t) {
    folds.apply(action(EventType::kDismiss, user, item, t));
  };
  for (const auto& [who, what] :
       {std::pair{"known", "k"}, {"known", "both"}, {"anon", "a"}, {"anon", "both"}})
    dismiss(who, what, 1);
  folds.apply(identity(EventType::kIdentityLink, "anon", "known", 50));
  EXPECT_EQ(dismissed_by(folds, "known"), (Set{"a", "both", "k"}));
  dismiss("anon", "later", 60);
  dismiss("known", "own", 70);
  EXPECT_EQ(dismissed_by(folds, "anon"), (Set{"a", "both", "k", "later", "own"}));
  Folds restored;
  ASSERT_TRUE(restored.load(folds.save()).ok());
  for (Folds* each : {&folds, &restored}) {
    each->apply(identity(EventType::kIdentityUnlink, "anon", "known", 50));
    EXPECT_EQ(dismissed_by(*each, "known"), (Set{"both", "k", "own"}));
    EXPECT_EQ(dismissed_by(*each, "anon"), (Set{"a", "both", "later"}));
  }
  EXPECT_EQ(folds.save(), restored.save());
}

TEST(Profiles, LinkingInACircleIsRefused) {
  Folds folds;
  folds.apply(view("a", "x", 1));
  folds.apply(view("b", "y", 2));
  Event link;
  link.type = EventType::kIdentityLink;
  for (const auto& [from, to] : {std::pair{"a", "b"}, {"b", "a"}, {"a", "a"}}) {
    link.user = from;
    link.user_to = to;
    link.id = link.user + link.user_to;
    folds.apply(link);
  }
  EXPECT_EQ(items_of(folds, "b"), (Ids{"x", "y"}));
  EXPECT_EQ(items_of(folds, "a"), (Ids{"x", "y"}));
}

TEST(Profiles, EraseRemovesThePersonAndLinkedIdentities) {
  Folds folds;
  folds.apply(view("anon", "a1", 1));
  folds.apply(view("other", "o1", 2));
  Event link;
  link.type = EventType::kIdentityLink;
  link.id = "l";
  link.user = "anon";
  link.user_to = "known";
  folds.apply(link);
  Event erase;
  erase.type = EventType::kEraseUser;
  erase.id = "e";
  erase.user = "known";
  folds.apply(erase);
  const EpochGuard guard;
  EXPECT_EQ(folds.profiles.find("known"), kNoShopper);
  EXPECT_EQ(folds.profiles.find("anon"), kNoShopper);
  EXPECT_EQ(folds.profiles.shoppers(), 1u);
}

TEST(Profiles, EverNewShoppersStayUnderTheBound) {
  ProfilesConfig config;
  config.shoppers_max = 100;
  Folds folds({}, config);
  for (int i = 0; i < 5000; ++i) {
    folds.apply(view("u" + std::to_string(i), "item" + std::to_string(i % 10), i));
    ASSERT_LE(folds.profiles.shoppers(), 100u);
  }
  const EpochGuard guard;
  EXPECT_NE(folds.profiles.find("u4999"), kNoShopper);
  EXPECT_EQ(folds.profiles.find("u0"), kNoShopper);
  EXPECT_LT(folds.profiles.bytes(), 200'000u);
}

TEST(Counters, DecayInEventTime) {
  struct Added {
    TimeMs at_s;
    double n;
  };
  const struct {
    const char* what;
    std::vector<Added> added;
    TimeMs at_s;
    double want;
  } rows[] = {{"nothing added", {}, 0, 0.0},
              {"one half-life later", {{0, 4}}, 60, 2.0},
              {"late event still counts", {{60, 4}, {0, 4}}, 60, 6.0},
              {"two half-lives and one more", {{0, 4}, {120, 1}}, 120, 2.0},
              {"long gone, not NaN", {{0, 4}}, 1 << 30, 0.0}};
  for (const auto& row : rows) {
    DecayedCount count;
    for (const Added& added : row.added) count.add(added.n, added.at_s * kSecondMs, kMinuteMs, 0);
    EXPECT_NEAR(count.value(row.at_s * kSecondMs, kMinuteMs), row.want, 1e-6) << row.what;
  }
}

// Far beyond what a float counts by ones, as one word: at one moment, and over a month of decay.
TEST(Counters, LargeCountsGoOnCounting) {
  const TimeMs month = 30 * kDayMs;
  DecayedCount still;
  still.add(1 << 24, kDayMs, month, 0);
  for (uint64_t n = 0; n < 1'000'000; ++n) still.add(1, kDayMs, month, mix64(n, 1));
  EXPECT_NEAR(still.value(kDayMs, month), (1 << 24) + 1e6, 1e4);

  DecayedCount busy;
  busy.add(2e8, kDayMs, month, 0);
  double exact = 2e8;
  for (uint64_t s = 1; s <= 20'000; ++s) {
    exact *= decayed(1.0 / (30 * 86400.0));
    for (int n = 0; n < 100; ++n, ++exact)
      busy.add(1, kDayMs + static_cast<TimeMs>(s) * kSecondMs, month, mix64(s, n));
  }
  EXPECT_NEAR(busy.value(kDayMs + 20'000 * kSecondMs, month) / exact, 1, 1e-3);
}

TEST(Counters, DayWindowAgainstTheListOfEvents) {
  Draw draw(3);
  DayWindow window;
  std::vector<TimeMs> events;
  TimeMs now = 1700000000000, newest = 0;
  for (int i = 0; i < 3000; ++i) {
    now += static_cast<TimeMs>(draw.below(draw.below(50) == 0 ? kDayMs * 3 : kHourMs));
    const TimeMs at = now - static_cast<TimeMs>(draw.below(kDayMs * 2));  // Some come late.
    newest = std::max(newest, at / DayWindow::kWindowMs);
    window.add(at);
    events.push_back(at);
    uint32_t want = 0;
    for (const TimeMs t : events)
      want +=
          t / DayWindow::kWindowMs + 12 > now / DayWindow::kWindowMs && t / DayWindow::kWindowMs <= newest;
    uint32_t got = window.count(now);
    ASSERT_LE(got, want);  // An event too late to matter when it came is not counted...
    if (i % 50 == 49) {    // ...all others are: fill a day anew and compare exactly.
      DayWindow exact;
      std::sort(events.begin(), events.end());
      for (const TimeMs t : events) exact.add(t);
      ASSERT_EQ(exact.count(now), want);
    }
  }
}

TEST(Counters, ByScope) {
  Folds folds;
  Event upsert = action(EventType::kItemUpsert, "", "shoe", 1);
  upsert.attributes = {{"category", std::string("Shoes")}, {"brand", std::string("Acme")}};
  folds.apply(upsert);
  for (int i = 0; i < 3; ++i) folds.apply(view("u", "shoe", kHourMs + i));
  folds.apply(action(EventType::kPurchase, "v", "shoe", kHourMs + 5));
  Event search = action(EventType::kSearch, "u", "", kHourMs + 6, "s");
  search.query = "red shoes";
  folds.apply(search);
  const EpochGuard guard;
  const TimeMs now = kHourMs + 10;
  const auto views = [&](Scope scope, uint64_t id) {
    return folds.counters.read(scope, id, now).last_day[static_cast<int>(Tally::kView)];
  };
  EXPECT_EQ(views(Scope::kItem, hash_bytes("shoe")), 3u);
  EXPECT_EQ(views(Scope::kFacet, folds.catalog.find_facet("category:Shoes")), 3u);
  EXPECT_EQ(views(Scope::kFacet, folds.catalog.find_facet("brand:Acme")), 3u);
  EXPECT_EQ(views(Scope::kShopper, hash_bytes("u")), 3u);
  EXPECT_EQ(views(Scope::kShopper, hash_bytes("v")), 0u);
  EXPECT_EQ(views(Scope::kGlobal, 0), 3u);
  EXPECT_EQ(folds.counters.read(Scope::kQuery, hash_bytes("red shoes"), now)
                .last_day[static_cast<int>(Tally::kSearch)],
            1u);
}

// A made-up stream that uses every event type of these folds.
Event random_event(uint64_t n) {
  Draw draw(n);
  constexpr EventType kTypes[] = {
      EventType::kView,       EventType::kView,       EventType::kClick,        EventType::kPurchase,
      EventType::kAddToCart,  EventType::kItemUpsert, EventType::kItemUpdate,   EventType::kItemDelete,
      EventType::kUserUpsert, EventType::kDismiss,    EventType::kIdentityLink, EventType::kIdentityUnlink,
      EventType::kSearch,     EventType::kEraseUser,  EventType::kErased};
  Event event;
  event.type = kTypes[draw.below(std::size(kTypes))];
  if (event.type == EventType::kEraseUser && draw.below(10) != 0) event.type = EventType::kView;
  event.id = std::to_string(draw.below(8) == 0 ? n / 2 : n);
  event.user = "u" + std::to_string(draw.below(40));
  event.user_to = "known" + std::to_string(draw.below(10));
  event.item = "i" + std::to_string(draw.below(draw.below(3) == 0 ? 2000 : 60));
  event.query = draw.below(3) == 0 ? "q" + std::to_string(draw.below(5)) : "";
  event.session = draw.below(2) == 0 ? "s" + std::to_string(draw.below(50)) : "";
  event.time_ms = static_cast<TimeMs>(n * 20'000 + draw.below(kDayMs));
  if (event.type == EventType::kItemUpsert || event.type == EventType::kItemUpdate ||
      event.type == EventType::kUserUpsert)
    event.attributes = {{"category", std::string("C > ") + std::to_string(draw.below(5))},
                        {"price", static_cast<double>(draw.below(100))}};
  return event;
}

Folds* small_folds() {
  CatalogConfig catalog;
  catalog.items_max = 200;
  ProfilesConfig profiles;
  profiles.shoppers_max = 30;
  profiles.steps_max = 10;
  return new Folds(catalog, profiles, 300);
}

TEST(Folds, StoppedAndResumedAnywhereEqualsUninterrupted) {
  constexpr int kEvents = 6000;
  std::unique_ptr<Folds> whole(small_folds());
  for (int i = 0; i < kEvents; ++i) whole->apply(random_event(i));
  const std::string want = whole->save();
  EXPECT_GT(whole->evicted.size(), 0u);
  for (const int stop : {1, 17, 300, 2999, 5998}) {
    std::unique_ptr<Folds> first(small_folds()), second(small_folds());
    for (int i = 0; i < stop; ++i) first->apply(random_event(i));
    const std::string saved = first->save();
    ASSERT_TRUE(second->load(saved).ok());
    ASSERT_EQ(second->save(), saved) << stop;
    second->next = first->next;
    for (int i = stop; i < kEvents; ++i) second->apply(random_event(i));
    EXPECT_EQ(second->save(), want) << "stopped after " << stop;
  }
}

TEST(Folds, DamagedSectionsAreAnswered) {
  std::unique_ptr<Folds> folds(small_folds());
  for (int i = 0; i < 500; ++i) folds->apply(random_event(i));
  const std::string saved = folds->save();
  for (size_t cut = 0; cut < saved.size(); cut += 101) {
    std::unique_ptr<Folds> other(small_folds());
    EXPECT_FALSE(other->load(std::string_view(saved).substr(0, cut)).ok()) << cut;
  }
}

TEST(Folds, RequestsReadWhileTheFoldWrites) {
  std::unique_ptr<Folds> folds(small_folds());
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> seen{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&, t] {
      for (uint64_t n = t; !stop; ++n) {
        const EpochGuard guard;
        const ShopperSlot shopper = folds->profiles.find("u" + std::to_string(n % 40));
        for (const Step& step : folds->profiles.sequence(shopper).steps)
          if (const ItemRecord* item = folds->catalog.item(step.item))
            seen += item->id.size() + item->facets.size();
        if (const ProfileExtras* extras = folds->profiles.extras(shopper)) seen += extras->dismissed.size();
        seen += folds->counters.read(Scope::kItem, hash_bytes("i1"), 0).last_day[1];
        seen += folds->catalog.facet_name(1).size();
      }
    });
  }
  for (int i = 0; i < 8000; ++i) folds->apply(random_event(i));
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_GT(seen.load(), 0u);
}

}  // namespace
}  // namespace freshet
