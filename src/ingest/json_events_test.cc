// Events and items as JSON through the door: what becomes of every kind, and what is answered to what is
// wrong.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "ingest/ingest.h"
#include "ingest/internal/event_text.h"
#include "log/mem_log.h"

namespace freshet {
namespace {

constexpr TimeMs kNow = 1767323045000;  // 2026-01-02T03:04:05Z

struct Outcome {
  std::vector<Event> events;
  IngestResult result;
  Error error{Code::kInvalid, ""};
  bool ok = false;
};

Outcome take(Ingest& ingest, std::string_view body, TimeMs now = kNow) {
  VectorSink sink;
  Outcome out;
  Result<IngestResult> result = ingest.events(body, {.door = "test", .source = "web", .now_ms = now}, sink);
  out.ok = result.ok();
  if (result.ok()) {
    out.result = *result;
  } else {
    out.error = result.error();
  }
  out.events = std::move(sink.events);
  return out;
}
Outcome take(std::string_view body) {
  Ingest ingest(CleanerConfig::live(), nullptr);
  return take(ingest, body);
}
std::string first_error(const Outcome& out) {
  return out.result.errors.empty() ? "none; " + out.error.what : out.result.errors[0].message();
}
// Without what the door adds.
std::string plain(Event event) {
  if (event.id[0] == '~') event.id.clear();
  event.received_ms = kNoTime;
  return event_as_json(event);
}

TEST(JsonEvents, EachKindIsTakenAndSynonymsMeanTheSame) {
  const struct {
    const char* json;
    const char* want;
  } rows[] = {
      {R"({"type":"view","user":"u","item":"i","time":1767323040})",
       R"({"type": "view", "time_ms": 1767323040000, "source": "web", "user": "u", "item": "i"})"},
      {R"({"event":"addtocart","visitorid":257597,"itemid":355908,"timestamp":1767323040000})",
       R"({"type": "add-to-cart", "time_ms": 1767323040000, "source": "web", "user": "257597", "item": "355908", "quantity": 1})"},
      {R"({"event_type":"Page_View","userId":"u","productId":"p","ts":"2026-01-02T03:04:00.5+00:00","platform":"ios"})",
       R"({"type": "view", "time_ms": 1767323040500, "source": "ios", "user": "u", "item": "p"})"},
      {R"({"type":"purchase","user":"u","item":"i","time_ms":1767323040000,"order":"o","price":"9.50","qty":2,"currency":"eur"})",
       R"({"type": "purchase", "time_ms": 1767323040000, "source": "web", "user": "u", "item": "i", "order_id": "o", "currency": "EUR", "price": 9.5, "quantity": 2})"},
      {R"({"type":"search","session":"s","q":" red\tshoe ","nbHits":0,"query_id":"q1","time":1767323040})",
       R"({"type": "search", "time_ms": 1767323040000, "source": "web", "session": "s", "query": "red shoe", "query_id": "q1", "result_count": 0})"},
      {R"({"type":"impression","user":"u","surface":"for-you","items":["a",{"item":"b","propensity":0.25},7],"time":1767323040})",
       R"({"type": "impression", "time_ms": 1767323040000, "source": "web", "user": "u", "surface": "for-you", "items": [{"item": "a"}, {"item": "b", "propensity": 0.25}, {"item": "7"}]})"},
      {R"({"type":"impression","user":"u","items":["a","b"],"propensities":[0.5,1],"time":1767323040})",
       R"({"type": "impression", "time_ms": 1767323040000, "source": "web", "user": "u", "items": [{"item": "a", "propensity": 0.5}, {"item": "b", "propensity": 1}]})"},
      {R"({"type":"rating","user":"u","item":"i","stars":4,"time":1767323040})",
       R"({"type": "rating", "time_ms": 1767323040000, "source": "web", "user": "u", "item": "i", "rating": 4})"},
      {R"({"type":"identity-link","user":"anon","user_to":"known","time":1767323040})",
       R"({"type": "identity-link", "time_ms": 1767323040000, "source": "web", "user": "anon", "user_to": "known"})"},
      {R"({"type":"context","name":"weather","value":"rain","region":"DE","time":"2026-01-03","until":"2026-01-04"})",
       R"({"type": "context", "time_ms": 1767398400000, "until_ms": 1767484800000, "source": "web", "region": "DE", "name": "weather", "value": "rain"})"},
      {R"({"type":"erase-user","user":"u","time":1767323040})",
       R"({"type": "erase-user", "time_ms": 1767323040000, "source": "web", "user": "u"})"},
      {R"({"type":"item-upsert","item":"i","title":"Kettle","price":20,"size":{"w":1.5,"h":2},"tags":["a","b"],"sold":null,"new":true,"time":1767323040})",
       R"({"type": "item-upsert", "time_ms": 1767323040000, "source": "web", "item": "i", "attributes": {"title": "Kettle", "price": 20, "size.w": 1.5, "size.h": 2, "tags": ["a", "b"], "sold": null, "new": true}})"},
      {R"({"type":"user-upsert","user":"u","region":"DE","attributes":{"age":30},"time":1767323040})",
       R"({"type": "user-upsert", "time_ms": 1767323040000, "source": "web", "user": "u", "attributes": {"region": "DE", "age": 30}})"},
      {R"({"type":"item-delete","item":"i","time":1767323040})",
       R"({"type": "item-delete", "time_ms": 1767323040000, "source": "web", "item": "i"})"},
      {R"({"type":"view","user":"u","item":"e\u0301t\u00e9","time":1767323040,"campaign":"x"})",
       "{\"type\": \"view\", \"time_ms\": 1767323040000, \"source\": \"web\", \"user\": \"u\", \"item\": "
       "\"\u00e9t\u00e9\", \"attributes\": {\"campaign\": \"x\"}}"},
  };
  for (const auto& row : rows) {
    const Outcome out = take(row.json);
    ASSERT_EQ(out.events.size(), 1u) << row.json << " " << first_error(out);
    EXPECT_EQ(plain(out.events[0]), row.want);
    EXPECT_EQ(out.events[0].received_ms, kNow);
    EXPECT_EQ(out.result.accepted, 1u);
    EXPECT_EQ(out.result.received, 1u);
    // What we write is what we read.
    const Outcome again = take(plain(out.events[0]));
    ASSERT_EQ(again.events.size(), 1u) << plain(out.events[0]) << first_error(again);
    EXPECT_EQ(plain(again.events[0]), row.want);
  }
}

TEST(JsonEvents, AnOrderOfSeveralLinesIsOneEventALine) {
  const Outcome out = take(
      R"({"type":"purchase","id":"e7","user":"u","order_id":"o1","currency":"EUR","time":1767323040,
          "items":[{"item":"a","price":2.5,"quantity":3},{"id":"b","price":1,"gift":true},"c"]})");
  ASSERT_EQ(out.events.size(), 3u) << first_error(out);
  EXPECT_EQ(out.result.received, 1u);
  EXPECT_EQ(out.result.accepted, 3u);
  const char* const items[] = {"a", "b", "c"};
  const double prices[] = {2.5, 1, kNoNumber};
  for (size_t i = 0; i < 3; ++i) {
    const Event& event = out.events[i];
    EXPECT_EQ(event.type, EventType::kPurchase);
    EXPECT_EQ(event.id, "e7#" + std::to_string(i + 1));
    EXPECT_EQ(event.order_id, "o1");
    EXPECT_EQ(event.currency, "EUR");
    EXPECT_EQ(event.item, items[i]);
    EXPECT_TRUE(event.price == prices[i] || std::isnan(prices[i]));
    EXPECT_EQ(event.quantity, i == 0 ? 3 : 1);
    EXPECT_EQ(event.attributes.size(), i == 1 ? 1u : 0u);
  }
}

TEST(JsonEvents, AnOrderIsTakenWholeOrNotAtAll) {
  const Outcome out = take(
      R"({"type":"purchase","user":"u","time":1767323040,"items":[{"item":"a"},{"item":"b","price":-1}]})");
  EXPECT_EQ(out.events.size(), 0u);
  EXPECT_EQ(first_error(out), "event 0: price: expected a number from 0 to 1000000000, got -1 (range)");
}

TEST(JsonEvents, ASmallBodyDoesNotBecomeALargeLog) {
  std::string body =
      R"({"type":"purchase","user":"u","note":")" + std::string(60'000, 'n') + R"(","items":[0)";
  for (int i = 1; i < 1000; ++i) body += "," + std::to_string(i);
  const Outcome out = take(body + "]}");
  EXPECT_EQ(out.events.size(), 0u);
  EXPECT_EQ(first_error(out),
            "event 0: items: expected at most 4194304 bytes of what all lines repeat (too_long)");
}

TEST(JsonEvents, ManySendersAtOnceLoseAndDoubleNothing) {
  constexpr int kThreads = 4, kBodies = 60, kEvents = 300;  // More than a portion.
  Ingest ingest(CleanerConfig::live(), nullptr);
  MemLog log;
  std::atomic<uint64_t> accepted{0}, duplicates{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {  // All send the same bodies: each event is new to one of them.
      for (int b = 0; b < kBodies; ++b) {
        std::string body;
        for (int e = 0; e < kEvents; ++e)
          body += R"({"type":"view","user":"u)" + std::to_string(e) + R"(","item":"i","id":")" +
                  std::to_string(b * kEvents + e) + "\"}\n";
        LogSink sink(log);
        const auto result = ingest.events(body, {.now_ms = kNow}, sink);
        ASSERT_TRUE(result.ok());
        accepted += result->accepted;
        duplicates += result->duplicates;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(accepted, uint64_t{kBodies * kEvents});
  EXPECT_EQ(duplicates, uint64_t{(kThreads - 1) * kBodies * kEvents});
  EXPECT_EQ(log.end(), Offset{kBodies * kEvents});
  EXPECT_EQ(ingest.totals().accepted, uint64_t{kBodies * kEvents});
}

TEST(JsonEvents, WhatIsWrongIsNamed) {
  const struct {
    const char* json;
    const char* want;
  } rows[] = {
      {R"({"user":"u","item":"i"})", "event 0: type: expected one of item-upsert, "},
      {R"({"type":"dance","user":"u","item":"i"})", "got dance (unknown)"},
      {R"({"type":"erased","user":"u","item":"i"})", "got erased (unknown)"},
      {R"({"type":"view","user":"u"})", "event 0: item: expected an item for view (missing)"},
      {R"({"type":"view","user":"  ","item":"i"})",
       "event 0: user: expected a user or a session for view (missing)"},
      {R"({"type":"view","user":["u"],"item":"i"})", "event 0: user: expected text, got [\"u\"] (type)"},
      {R"({"type":"view","user":true,"item":"i"})", "event 0: user: expected text, got true (type)"},
      {R"({"type":"view","user":"u","item":"i","price":"cheap"})",
       "event 0: price: expected a number, got \"cheap\" (type)"},
      {R"({"type":"view","user":"u","item":"i","price":1e10})",
       "expected a number from 0 to 1000000000, got 10000000000 (range)"},
      {R"({"type":"purchase","user":"u","item":"i","quantity":0})",
       "event 0: quantity: expected a number above 0"},
      {R"({"type":"purchase","user":"u","item":"i","quantity":-2})",
       "event 0: quantity: expected a number above 0"},
      {R"({"type":"purchase","user":"u","item":"i","currency":"EURO"})",
       "event 0: currency: expected three letters (ISO 4217), got EURO (unknown)"},
      {R"({"type":"purchase","user":"u","items":[]})",
       "event 0: items: expected at least one item (missing)"},
      {R"({"type":"purchase","user":"u","items":[{"price":1}]})",
       "event 0: item: expected an item for purchase (missing)"},
      {R"({"type":"purchase","user":"u","items":[{"item":"i","price":[]}]})",
       "event 0: items[0].price: expected a number, got [] (type)"},
      {R"({"type":"rating","user":"u","item":"i"})",
       "event 0: rating: expected a rating for rating (missing)"},
      {R"({"type":"search","user":"u"})", "event 0: query: expected the query for search (missing)"},
      {R"({"type":"impression","user":"u","items":[{"propensity":1}]})",
       "event 0: items[0].item: expected an item (missing)"},
      {R"({"type":"impression","user":"u","items":[{"item":"a","propensity":1.5}]})",
       "event 0: items[0].propensity: expected a number above 0, at most 1, got 1.5 (range)"},
      {R"({"type":"impression","user":"u","items":["a"],"propensities":[1,1]})",
       "event 0: propensities: expected a list as long as the items"},
      {R"({"type":"identity-link","user":"u","user_to":"u"})",
       "event 0: user_to: expected another user than user, got u (range)"},
      {R"({"type":"view","user":"u","item":"i","time":"yesterday"})",
       "event 0: time: expected a time: seconds, ms, us or ns since 1970, or ISO 8601, got \"yesterday\" "
       "(time)"},
      {R"({"type":"view","user":"u","item":"i","time":"2026-02-30"})", "(time)"},
      {R"({"type":"view","user":"u","item":"i","time":1e300})", "(time)"},
      {R"({"type":"view","user":"u","item":"i","time":1767409445})",
       "event 0: time: expected a time up to 2026-01-02T03:14:05.000Z, got 2026-01-03T03:04:05.000Z "
       "(future)"},
      {R"({"type":"view","user":"u","item":"i","time":1735787045})",
       "event 0: time: expected a time from 2025-12-03T03:04:05.000Z on, got 2025-01-02T03:04:05.000Z "
       "(too_old)"},
      {R"({"type":"context","name":"weather","time":1767323040,"until":1767323030})",
       "event 0: until: expected a time after 2026-01-02T03:04:00.000Z"},
      {R"({"type":"view","user":"u","item":"a\u0000b"})",
       "event 0: item: expected no control character, got a b (control_character)"},
      {R"({"type":"view","user":"u","item":"i","freshet.robot":true})", "(reserved)"},
      {R"({"type":"view","user":"u","user":"v","item":"i"})",
       "event 0: user: expected each name once (malformed)"},
      {R"({"type":"view","user":"u","item":"i",})",
       "event 0: byte 37: expected a name in double quotes, got } (malformed)"},
      {R"({"type":"view","user":"u","item":"i","price":01})", "expected no digit after a leading 0"},
      {R"({"type":"view","user":"u","item":"i","price":1e999})",
       "event 0: expected numbers that a 64-bit float or integer can hold (range)"},
      {R"({"type":"view","user":"u","item":"\ud800"})", "expected a surrogate pair, not a lone surrogate"},
      {R"({"type":"view","user":"u","item":"\ud800\u0041"})", "expected the low half of a surrogate pair"},
      {"{\"type\":\"view\",\"user\":\"u\",\"item\":\"caf\xe9\"}", "event 0: expected valid UTF-8 (encoding)"},
      {"{\"type\":\"view\",\"user\":\"u\",\"item\":\"a\nb\"}",
       "expected no raw control character in a string"},
      {R"([7])", "event 0: expected an object, got 7 (malformed)"},
  };
  for (const auto& row : rows) {
    const Outcome out = take(row.json);
    EXPECT_EQ(out.events.size(), 0u) << row.json;
    EXPECT_NE(first_error(out).find(row.want), std::string::npos) << row.json << "\n" << first_error(out);
    EXPECT_EQ(out.result.rejected, 1u) << row.json;
  }
}

TEST(JsonEvents, BodiesThatAreNoneAreRefusedWithThePlace) {
  const struct {
    const char* body;
    const char* want;
  } rows[] = {
      {"", "body: line 1, column 1: expected an object, an array or lines of objects; the body is empty"},
      {" \n ", "the body is empty"},
      {"hello", "body: line 1, column 1: expected '{' or '['"},
      {R"([{"type":"view"})", "expected ']' before the end"},
      {R"([{"type":"view"}{"type":"view"}])", "body: line 1, column 17: expected ',' or ']'"},
      {R"([{"type":"view"},])", "body: line 1, column 18: expected a value"},
      {R"([{"type":"view"}] x)", "body: line 1, column 19: expected nothing after the array"},
      {"{\"type\":\n \"view\"", "body: line 2, column 8: expected '}' before the end"},
      {R"({"type":"view})", "body: line 1, column 9: expected the string that begins here to be closed"},
      {R"({"type":["view"}})", "body: line 1, column 16: expected ']'"},
  };
  for (const auto& row : rows) {
    const Outcome out = take(row.body);
    EXPECT_FALSE(out.ok) << row.body;
    EXPECT_EQ(out.error.code, Code::kInvalid);
    EXPECT_NE(out.error.what.find(row.want), std::string::npos) << row.body << "\n" << out.error.what;
  }
}

TEST(JsonEvents, TheGoodOnesOfABatchAreTaken) {
  const std::string good1 = R"({"type":"view","user":"u","item":"a","time":1767323040})";
  const std::string bad = R"({"type":"view","user":"u","item":"b","price":nope})";
  const std::string missing = R"({"type":"view","user":"u"})";
  const std::string good2 = R"({"type":"view","user":"u","item":"c","time":1767323041})";
  const struct {
    const char* what;
    std::string body;
    uint64_t line;  // Of the first error.
  } rows[] = {
      {"array", "[" + good1 + "," + bad + ",\n" + missing + " , " + good2 + "]", 0},
      {"wrapped", "{\"events\": [" + good1 + "," + bad + "," + missing + "," + good2 + "]}", 0},
      {"lines", good1 + "\n" + bad + "\r\n\n" + missing + "\n" + good2, 2},
      {"lines with a byte order mark",
       "\xef\xbb\xbf" + good1 + "\n" + bad + "\n" + missing + "\n" + good2 + "\n", 2},
  };
  for (const auto& row : rows) {
    const Outcome out = take(row.body);
    ASSERT_TRUE(out.ok) << row.what << out.error.what;
    ASSERT_EQ(out.events.size(), 2u) << row.what;
    EXPECT_EQ(out.events[0].item + out.events[1].item, "ac");
    EXPECT_EQ(out.result.received, 4u);
    EXPECT_EQ(out.result.rejected, 2u);
    ASSERT_EQ(out.result.errors.size(), 2u);
    EXPECT_EQ(out.result.errors[0].index, 1u);
    EXPECT_EQ(out.result.errors[0].line, row.line);
    EXPECT_EQ(out.result.errors[0].reason, RejectReason::kMalformed);
    EXPECT_EQ(out.result.errors[1].index, 2u);
    EXPECT_EQ(out.result.errors[1].reason, RejectReason::kMissing);
    EXPECT_EQ(out.result.reasons[static_cast<size_t>(RejectReason::kMissing)], 1u);
  }
}

TEST(JsonEvents, ABatchSentAgainCountsOnce) {
  Ingest ingest(CleanerConfig::live(), nullptr);
  const std::string timed = R"([{"type":"view","user":"u","item":"a","time":1767323040},
                                {"type":"view","user":"u","item":"a","time":1767323040}])";
  EXPECT_EQ(take(ingest, timed).result.accepted, 2u) << "two in one batch are two";
  EXPECT_EQ(take(ingest, timed, kNow + kHourMs).result.duplicates, 2u);
  const std::string timeless = R"({"type":"view","user":"u","item":"a"})";
  EXPECT_EQ(take(ingest, timeless, kNow).result.accepted, 1u);
  EXPECT_EQ(take(ingest, timeless, kNow + 9'000).result.duplicates, 1u) << "a retry";
  EXPECT_EQ(take(ingest, timeless, kNow + 30'000).result.accepted, 1u) << "another look";
  const std::string named = R"({"type":"view","id":"e1","user":"u","item":"a"})";
  EXPECT_EQ(take(ingest, named, kNow).result.accepted, 1u);
  EXPECT_EQ(take(ingest, named, kNow + kHourMs).result.duplicates, 1u);
  EXPECT_EQ(take(ingest, R"({"type":"view","id":"e1","source":"ios","user":"u","item":"a"})").result.accepted,
            1u)
      << "ids are unique within a source";
  const std::string upsert = R"({"type":"item-upsert","item":"a","price":1})";
  EXPECT_EQ(take(ingest, upsert).result.accepted, 1u);
  EXPECT_EQ(take(ingest, upsert, kNow + 1).result.accepted, 1u)
      << "the price may have changed and changed back";
}

TEST(JsonEvents, IdsOfTheLogAreKnownAfterARestart) {
  const std::string body = R"([{"type":"view","id":"e1","user":"u","item":"a"},
                               {"type":"view","user":"u","item":"b","time":1767323040},
                               {"type":"view","user":"u","item":"c"}])";
  Ingest before(CleanerConfig::live(), nullptr);
  const Outcome first = take(before, body);
  ASSERT_EQ(first.events.size(), 3u);
  Ingest after(CleanerConfig::live(), nullptr);
  for (const Event& event : first.events) after.remember(event);
  EXPECT_EQ(take(after, body, kNow + 5'000).result.duplicates, 3u);
}

TEST(JsonEvents, WhatTheLogDidNotTakeIsNoDuplicate) {
  class FailingSink : public EventSink {
   public:
    Status add(const Event&) override { return {}; }
    Status append() override { return unavailable("disk full"); }
  } failing;
  Ingest ingest(CleanerConfig::live(), nullptr);
  const std::string body = R"({"type":"view","id":"e1","user":"u","item":"a"})";
  const auto failed = ingest.events(body, {.now_ms = kNow}, failing);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, Code::kUnavailable);
  VectorSink sink;
  const auto again = ingest.events(body, {.now_ms = kNow}, sink);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->accepted, 1u);
  EXPECT_EQ(ingest.totals().accepted, 1u);
}

TEST(JsonEvents, Limits) {
  CleanerConfig config = CleanerConfig::live();
  config.limits.body_bytes_max = 2000;
  config.limits.batch_events_max = 3;
  config.limits.event_bytes_max = 600;
  config.limits.fields_max = 20;
  config.limits.attributes_max = 6;
  config.limits.depth_max = 4;
  config.limits.id_bytes_max = 20;
  config.limits.name_bytes_max = 10;
  config.limits.query_bytes_max = 30;
  config.limits.text_bytes_max = 40;
  config.limits.list_max = 4;
  Ingest ingest(config, nullptr);
  const std::string head = R"({"type":"view","user":"u","item":"i",)";
  const struct {
    std::string body;
    const char* want;
  } rows[] = {
      {"[" + std::string(2000, ' ') + "]", "body: 2002 bytes; expected at most 2000"},
      {"[{},{},{},{}]", "body: 4 objects; expected at most 3"},
      {head + "\"x\":\"" + std::string(600, 'x') + "\"}", "expected at most 600 bytes"},
      {R"({"type":"view","user":"u","item":")" + std::string(21, 'x') + "\"}",
       "item: expected at most 20 bytes, got xxxxxxxxxxxxxxxxxxxxx (too_long)"},
      {R"({"type":"search","user":"u","query":")" + std::string(31, 'x') + "\"}",
       "query: expected at most 30 bytes"},
      {head + R"("a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1})", "g: expected at most 6 attributes (too_many)"},
      {head + R"("a":{"b":{"c":{"d":{"e":1}}}}})", "expected at most 4 levels (too_deep)"},
      {head + R"("a":{"1":1,"2":1,"3":1,"4":1,"5":[],"6":[{},{},{},{},{},{},{},{},{},{},{},{},{}]}})",
       "expected at most 20 names (too_many)"},
      {head + R"("aaaaaaaaaaa":1})", "attribute name: expected at most 10 bytes"},
      {head + "\"a\":\"" + std::string(41, 'x') + "\"}", "a: expected at most 40 bytes"},
      {head + R"("a":[1,2,3,4,5]})", "a: expected at most 4 values, got 5 (too_many)"},
      {R"({"type":"purchase","user":"u","items":["1","2","3","4","5"]})",
       "items: expected at most 4 items, got 5 (too_many)"},
      {R"({"type":"impression","user":"u","items":["1","2","3","4","5"]})",
       "items: expected at most 4 items, got 5 (too_many)"},
  };
  for (const auto& row : rows) {
    const Outcome out = take(ingest, row.body);
    EXPECT_EQ(out.events.size(), 0u) << row.body;
    EXPECT_NE(first_error(out).find(row.want), std::string::npos) << row.body << "\n" << first_error(out);
  }
  EXPECT_EQ(take(ingest, R"({"type":"view","user":"u","item":"i"})").events.size(), 1u)
      << "the door still works";
}

TEST(JsonItems, UpsertsUpdatesAndDeletes) {
  Ingest ingest(CleanerConfig::live(), nullptr);
  const Door door{.door = "test", .source = "shop", .now_ms = kNow};
  const struct {
    const char* body;
    ItemChange change;
    const char* want;
  } rows[] = {
      {R"({"id":"k1","title":"Kettle","type":"kitchen","price":20.5,"stock":3})", ItemChange::kUpsert,
       R"({"type": "item-upsert", "time_ms": 1767323045000, "source": "shop", "item": "k1", "attributes": {"title": "Kettle", "type": "kitchen", "price": 20.5, "stock": 3}})"},
      {R"([{"item":7,"attributes":{"color":"red"},"sku":"x-7"}])", ItemChange::kUpsert,
       R"({"type": "item-upsert", "time_ms": 1767323045000, "source": "shop", "item": "7", "attributes": {"color": "red", "sku": "x-7"}})"},
      {R"({"items":[{"objectID":"a","variants":[{"size":"S"},{"size":"M"}]}]})", ItemChange::kUpsert,
       R"({"type": "item-upsert", "time_ms": 1767323045000, "source": "shop", "item": "a", "attributes": {"variants.0.size": "S", "variants.1.size": "M"}})"},
      {R"({"id":"k1","price":null})", ItemChange::kUpdate,
       R"({"type": "item-update", "time_ms": 1767323045000, "source": "shop", "item": "k1", "attributes": {"price": null}})"},
  };
  for (const auto& row : rows) {
    VectorSink sink;
    const auto result = ingest.items(row.body, row.change, door, sink);
    ASSERT_TRUE(result.ok()) << result.error().what;
    ASSERT_EQ(sink.events.size(), 1u)
        << row.body << (result->errors.empty() ? "" : result->errors[0].message());
    EXPECT_EQ(plain(sink.events[0]), row.want);
  }
  VectorSink sink;
  ASSERT_EQ(ingest.item("k 2", R"({"title":"Pan"})", ItemChange::kUpsert, door, sink)->accepted, 1u);
  ASSERT_EQ(ingest.delete_item("k 2", door, sink)->accepted, 1u);
  EXPECT_EQ(sink.events[0].item, "k 2");
  EXPECT_EQ(sink.events[1].type, EventType::kItemDelete);
  EXPECT_EQ(sink.events[1].item, "k 2");
  const auto other = ingest.item("k2", R"({"id":"k3"})", ItemChange::kUpsert, door, sink);
  ASSERT_EQ(other->rejected, 1u);
  EXPECT_EQ(other->errors[0].message(), "event 0: id: expected the id of the path, k2, got k3 (range)");
  const auto nameless = ingest.items(R"({"title":"Pan"})", ItemChange::kUpsert, door, sink);
  EXPECT_EQ(nameless->errors[0].message(), "event 0: item: expected an item for item-upsert (missing)");
}

}  // namespace
}  // namespace freshet
