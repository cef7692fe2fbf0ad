// What an export says of an event, an import takes: the same event, of every type, with every member.
#include "eval/event_json.h"

#include <gtest/gtest.h>

#include "ingest/ingest.h"

namespace freshet {
namespace {

constexpr TimeMs kTime = 1'760'000'000'000;

bool is_item(EventType type) {
  return type == EventType::kItemUpsert || type == EventType::kItemUpdate || type == EventType::kItemDelete;
}

// Every member that an event of the type can have.
Event full(EventType type) {
  const bool upsert =
      type == EventType::kItemUpsert || type == EventType::kItemUpdate || type == EventType::kUserUpsert;
  Event event;
  event.type = type;
  event.time_ms = kTime + static_cast<TimeMs>(type);
  event.id = "e-" + std::string(event_type_name(type));
  event.source = "web";
  event.attributes = {{"truth", true},
                      {"whole", int64_t{7}},
                      {"round", 7.0},
                      {"part", 0.1},
                      {"large", 1e300},
                      {"text", std::string("a \"b\" \\ é")},
                      {"none", std::monostate{}},
                      {"list", std::vector<std::string>{"x", "y"}},
                      {"empty", std::vector<std::string>{}},
                      {"size.l", 1.25},
                      {std::string(kRobotMark), true}};
  if (type != EventType::kUserUpsert && type != EventType::kImpression) event.item = "kettle";
  if (is_item(type) || type == EventType::kCatalogSwap) event.catalogue = "spring";
  if (type == EventType::kUserUpsert) event.user = "ada";
  if (upsert) return event;
  event.user = "ada";
  event.user_to = "grace";
  event.session = "s1";
  event.query = "red kettle";
  event.query_id = "q1";
  event.surface = "search";
  event.order_id = "o1";
  event.currency = "EUR";
  event.region = "DE-BY";
  event.name = "weather";
  event.value = "rain\tand snow";
  if (type != EventType::kSettings) event.value = "rain";
  event.until_ms = kTime + kDayMs;
  event.price = 19.95;
  event.quantity = 2;
  event.rating = 4.5;
  event.result_count = 31;
  if (type == EventType::kImpression)
    event.shown = {{"a", 0.5f}, {"b"}, {"c", 1.0f}, {"d", 0.1f}, {"e", 1e-6f}};
  return event;
}

std::vector<Event> imported(const std::string& lines) {
  Ingest ingest(CleanerConfig::history(), nullptr);
  VectorSink sink;
  const auto taken = ingest.events(lines, {.door = "test", .source = "import", .now_ms = kNoTime}, sink,
                                   BodyKind::kJsonLines);
  EXPECT_TRUE(taken.ok());
  if (taken.ok() && !taken->errors.empty()) ADD_FAILURE() << taken->errors[0].message();
  return std::move(sink.events);
}

TEST(EventJson, WhatIsExportedIsImportedAsTheSame) {
  std::vector<Event> sent;
  std::string lines;
  for (int type = 1; type < kEventTypeCount; ++type) {
    sent.push_back(full(static_cast<EventType>(type)));
    append_event_json(sent.back(), lines);
    lines += '\n';
  }
  const std::vector<Event> back = imported(lines);
  ASSERT_EQ(back.size(), sent.size());
  for (size_t i = 0; i < sent.size(); ++i) {
    std::string line;
    append_event_json(back[i], line);
    EXPECT_TRUE(back[i] == sent[i]) << line;
  }
}

// Long ago a number of milliseconds looks like one of seconds.
TEST(EventJson, TimesOfAnyYearStayWhatTheyAre) {
  std::vector<Event> sent(3, full(EventType::kContext));
  const TimeMs times[] = {1, 99'999'999'999, 4'102'444'800'000};
  std::string lines;
  for (size_t i = 0; i < sent.size(); ++i) {
    sent[i].time_ms = times[i];
    sent[i].until_ms = times[i] + 1000;
    sent[i].id += std::to_string(i);
    append_event_json(sent[i], lines);
    lines += '\n';
  }
  EXPECT_EQ(imported(lines), sent);
}

// An administrator's doings, and reserved names, come by our own export only.
TEST(EventJson, NoSenderMayDoWhatAdministratorsDo) {
  std::string line;
  append_event_json(full(EventType::kSettings), line);
  Ingest door(CleanerConfig::live(), nullptr);
  VectorSink sink;
  const auto taken = door.events(line, {.door = "test", .source = "web", .now_ms = kTime}, sink);
  ASSERT_TRUE(taken.ok());
  EXPECT_EQ(taken->accepted, 0u);
  ASSERT_EQ(taken->errors.size(), 1u);
  EXPECT_EQ(taken->errors[0].reason, RejectReason::kUnknown);
  EXPECT_EQ(taken->errors[0].field, "type");
}

}  // namespace
}  // namespace freshet
