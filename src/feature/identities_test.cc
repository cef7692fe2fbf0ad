// Who is whom: links, unlinks, erasures, and what bounds do to them.
#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/epoch.h"
#include "base/hash.h"
#include "feature/catalog.h"
#include "feature/entry.h"
#include "feature/profiles.h"

namespace freshet {
namespace {

struct People {
  using Ids = std::vector<std::string>;
  explicit People(ProfilesConfig config = {}) : profiles(moment, config) {}
  void apply(Event event) {
    event.id = std::to_string(next);
    for (Fold* fold : all()) fold->apply(next, event);
    ++next;
  }
  void change(EventType type, std::string user, std::string item, std::string user_to, TimeMs time_ms) {
    Event event;
    event.type = type;
    event.user = std::move(user);
    event.item = std::move(item);
    event.user_to = std::move(user_to);
    event.time_ms = time_ms;
    apply(event);
  }
  void view(std::string user, std::string item, TimeMs t) { change(EventType::kView, user, item, "", t); }
  void link(std::string user, std::string to, TimeMs t) { change(EventType::kIdentityLink, user, "", to, t); }
  void unlink(std::string user, TimeMs t) { change(EventType::kIdentityUnlink, user, "", "anybody", t); }
  void erase(std::string user, TimeMs t) { change(EventType::kEraseUser, user, "", "", t); }
  std::vector<Fold*> all() { return {&entry, &catalog, &profiles}; }
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
  Ids items(std::string_view user) const {
    const EpochGuard guard;
    Ids out;
    for (const Step& step : profiles.sequence(profiles.find(user)).steps)
      out.push_back(catalog.item(step.item)->id);
    return out;
  }

  Moment moment;
  Entry entry{moment, 1000};
  Catalog catalog{moment};
  Profiles profiles;
  Offset next = 0;
};

using Ids = People::Ids;

// Three that are one: whichever is named, all go, and who comes next into a freed slot meets nobody.
TEST(Identities, ErasingOneOfAChainRemovesAllOfIt) {
  for (const char* named : {"a", "b", "c"}) {
    for (const bool from_below : {true, false}) {
      People people;
      std::vector<std::string> erased;
      people.profiles.on_erase([&](const std::string& id, const Ids& all) {
        EXPECT_EQ(id, named);
        erased = all;
      });
      for (const char* id : {"a", "b", "c", "other"}) people.view(id, std::string("of ") + id, 1);
      from_below ? people.link("a", "b", 2) : people.link("b", "c", 2);
      from_below ? people.link("b", "c", 3) : people.link("a", "b", 3);
      EXPECT_EQ(people.items("a"), people.items("c"));
      people.erase(named, 4);
      EXPECT_EQ(erased.front(), named);
      std::sort(erased.begin(), erased.end());
      EXPECT_EQ(erased, (Ids{"a", "b", "c"}));
      EXPECT_EQ(people.profiles.shoppers(), 1u);
      for (int n = 0; n < 4; ++n) people.view("new" + std::to_string(n), "theirs", 5);
      people.view("a", "again", 6);
      EXPECT_EQ(people.items("a"), (Ids{"again"}));
      for (int n = 0; n < 4; ++n) EXPECT_EQ(people.items("new" + std::to_string(n)), (Ids{"theirs"}));
    }
  }
}

// Against the obvious twin: each id keeps its own steps and says whose it is; a shopper's are those of all
// who lead to the same one.
TEST(Identities, LinksAgainstEachKeepingItsOwn) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    People people;
    std::map<std::string, std::string> above;
    std::map<std::string, std::vector<std::pair<TimeMs, std::string>>> own;
    const auto root = [&](std::string id) {
      while (above.count(id) != 0) id = above[id];
      return id;
    };
    Draw draw(seed + 1);
    for (TimeMs t = 1; t < 400; ++t) {
      const std::string id = "u" + std::to_string(draw.below(9)), to = "u" + std::to_string(draw.below(9));
      const uint64_t what = draw.below(20);
      if (what < 4) {
        people.link(id, to, t);
        if (above.count(id) == 0 && root(to) != id) above[id] = to;
      } else if (what < 6) {
        people.unlink(id, t);
        above.erase(id);
      } else if (what == 6) {
        const std::string whole = root(id);
        std::set<std::string> gone = {id, whole};
        for (const auto& [linked, up] : above)
          if (root(linked) == whole) gone.insert(linked);
        for (const std::string& one : gone) own.erase(one);
        for (const std::string& one : gone) above.erase(one);
        people.erase(id, t);
      } else {
        people.view(id, "item" + std::to_string(t), t);
        own[id].push_back({t, "item" + std::to_string(t)});
      }
      if (t % 50 == 0) {  // Stopped and gone on with.
        const std::string saved = people.save();
        People again;
        ASSERT_TRUE(again.load(saved).ok());
        ASSERT_EQ(again.save(), saved);
      }
      std::vector<std::pair<TimeMs, std::string>> want;
      for (const auto& [one, steps] : own)
        if (root(one) == root(id)) want.insert(want.end(), steps.begin(), steps.end());
      std::sort(want.begin(), want.end());
      Ids names;
      for (const auto& step : want) names.push_back(step.second);
      ASSERT_EQ(people.items(id), names) << "seed " << seed << ", event " << t;
      std::vector<uint64_t> identities;
      people.profiles.identities(id, identities);
      for (const auto& [one, up] : above)
        ASSERT_TRUE(root(one) != root(id) ||
                    std::find(identities.begin(), identities.end(), hash_bytes(one)) != identities.end())
            << "seed " << seed << ", event " << t;
    }
  }
}

TEST(Identities, TheIdentityThatWasIdleLongestGivesWay) {
  People people;
  const auto cookie = [](int n) { return "cookie" + std::to_string(n); };
  const int weeks = 52, kept = 16;
  for (int n = 0; n < weeks; ++n) {
    people.view(cookie(n), "item" + std::to_string(n), 10 * n);
    people.link(cookie(n), "customer", 10 * n + 1);
    if (n > 0) people.view(cookie(0), "kept", 10 * n + 2);  // The first one is in use all the time.
  }
  EXPECT_EQ(people.profiles.shoppers(), 1u + kept);
  const Ids all = people.items("customer");
  EXPECT_EQ(all.size(), 2u * weeks - 1);  // What they did stays with the customer.
  for (const int n : {0, weeks - kept + 1, weeks - 1}) EXPECT_EQ(people.items(cookie(n)), all) << n;
  EXPECT_EQ(people.items(cookie(1)), Ids());
  people.unlink(cookie(weeks - 1), 1000);
  EXPECT_EQ(people.items(cookie(weeks - 1)), (Ids{"item51"}));
  EXPECT_EQ(people.items("customer").size(), all.size() - 1);
}

TEST(Identities, WhatWasUnlinkedOrErasedLeavesItsPlace) {
  People people;
  for (int n = 0; n < 100; ++n) {
    const std::string id = "cookie" + std::to_string(n);
    people.view(id, "item" + std::to_string(n), 10 * n);
    people.link(id, "customer", 10 * n + 1);
    EXPECT_EQ(people.items("customer"), (Ids{"item" + std::to_string(n)})) << n;
    people.unlink(id, 10 * n + 2);
    if (n % 2 == 0) people.erase(id, 10 * n + 3);
  }
  const EpochGuard guard;
  EXPECT_TRUE(people.profiles.extras(people.profiles.find("customer"))->links.empty());
}

// The steps of a linked identity are kept elsewhere; it is worth no less for that.
TEST(Identities, ALinkedIdentityInUseIsNotEvicted) {
  ProfilesConfig config;
  config.shoppers_max = 64;
  People people(config);
  people.view("cookie", "a", 1);
  people.view("customer", "b", 2);
  people.link("cookie", "customer", 3);
  for (int n = 0; n < 2000; ++n) {
    people.view("cookie", "i" + std::to_string(n % 50), kMinuteMs * n);
    people.view("visitor" + std::to_string(n), "v", kMinuteMs * n + 1);
    const EpochGuard guard;
    ASSERT_EQ(people.profiles.id(people.profiles.find("cookie")), "customer") << n;
  }
  EXPECT_GT(people.profiles.evicted(), 1000u);
}

// Of a section as earlier versions left it: lists one below the other, and a link to a slot that is a
// stranger's by now.
TEST(Identities, LinksOfEarlierVersionsArePutInOrder) {
  struct Old {
    const char* id;
    uint32_t linked_to;
    Ids links;
  };
  const Old rows[] = {{"a", 1, {}},
                      {"b", 2, {"a"}},
                      {"c", kNoShopper, {"gone", "b"}},
                      {"lost", 4, {}},
                      {"stranger", kNoShopper, {}}};
  Writer out;
  out.u64(0);
  out.varint(std::size(rows));
  for (const Old& row : rows) {
    out.u8(1);
    out.str(row.id);
    out.i64(1);
    out.u64(0);
    out.u32(row.linked_to);
    out.varint(0);
    out.varint(0);
    out.u8(1);
    out.varint(0);
    out.varint(0);
    out.varint(row.links.size());
    for (const std::string& link : row.links) out.str(link);
  }
  People people;
  Reader in(out.bytes());
  ASSERT_TRUE(people.profiles.load(in).ok());
  const EpochGuard guard;
  EXPECT_EQ(people.profiles.id(people.profiles.find("a")), "c");
  EXPECT_EQ(people.profiles.id(people.profiles.find("lost")), "lost");
  people.view("a", "x", 2);
  people.erase("c", 3);
  EXPECT_EQ(people.profiles.shoppers(), 2u);
}

TEST(Identities, WhoIsErasedTakesNoMemory) {
  People people;
  size_t after_one = 0;
  for (int n = 0; n < 200; ++n) {
    Event upsert;
    upsert.type = EventType::kUserUpsert;
    upsert.user = "u" + std::to_string(n);
    upsert.attributes = {{"city", std::string("Berlin")}};
    people.apply(upsert);
    people.erase(upsert.user, n);
    if (n == 0) after_one = people.profiles.bytes();
  }
  EXPECT_EQ(people.profiles.shoppers(), 0u);
  EXPECT_EQ(people.profiles.bytes(), after_one);
}

}  // namespace
}  // namespace freshet
