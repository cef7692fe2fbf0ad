#include "event/codec.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

Event full_event() {
  Event e;
  e.type = EventType::kImpression;
  e.time_ms = 1700000000123;
  e.received_ms = 1700000000456;
  e.until_ms = 5;
  e.id = "id-1";
  e.source = "web";
  e.user = "u";
  e.user_to = "known";
  e.session = "s";
  e.item = "i";
  e.query = "запрос";
  e.query_id = "q";
  e.surface = "for-you";
  e.order_id = "o";
  e.currency = "EUR";
  e.region = "DE";
  e.name = "weather";
  e.value = "rain";
  e.price = 9.5;
  e.quantity = 2;
  e.rating = 4;
  e.result_count = 0;
  e.shown = {{"a", 0.5f}, {"b", std::numeric_limits<float>::quiet_NaN()}};
  e.attributes = {{"null", std::monostate{}},       {"flag", true},
                  {"count", int64_t{-3}},           {"weight", 1.25},
                  {"title", std::string("Kettle")}, {"tags", std::vector<std::string>{"x", ""}}};
  return e;
}

TEST(EventCodec, RoundTripsEveryFieldAndTheEmptyEvent) {
  Event back;
  for (const Event& event : {Event{}, full_event()}) {
    Writer out;
    encode_event(event, out);
    ASSERT_TRUE(decode_event(out.bytes(), back).ok());
    EXPECT_TRUE(back == event);
  }
}

TEST(EventCodec, EveryTruncationAndEveryFlippedBitIsAnErrorOrAnotherEventButNeverACrash) {
  Writer out;
  encode_event(full_event(), out);
  const std::string bytes = out.bytes();
  Event back;
  for (size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(decode_event(std::string_view(bytes).substr(0, cut), back).ok()) << cut;
  EXPECT_FALSE(decode_event(bytes + "x", back).ok());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    (void)decode_event(flipped, back).ok();
  }
}

TEST(EventCodec, RandomBytesAreAnswered) {
  Event back;
  for (uint64_t seed = 0; seed < 20000; ++seed) {
    Draw draw(seed);
    std::string bytes(draw.below(80), '\0');
    for (char& c : bytes) c = static_cast<char>(draw.next());
    if (!bytes.empty()) bytes[0] = static_cast<char>(draw.below(kEventTypeCount + 1));
    (void)decode_event(bytes, back).ok();
  }
}

TEST(EventType, NamesAndSynonyms) {
  for (int i = 1; i < kEventTypeCount; ++i) {
    const auto type = static_cast<EventType>(i);
    if (type < EventType::kSettings) {
      EXPECT_EQ(parse_event_type(event_type_name(type)), type);
    } else {  // An administrator's; no sender of events may write them.
      EXPECT_EQ(parse_event_type(event_type_name(type)), std::nullopt);
    }
  }
  EXPECT_EQ(parse_event_type("Add_To Cart"), EventType::kAddToCart);
  EXPECT_EQ(parse_event_type("transaction"), EventType::kPurchase);
  EXPECT_EQ(parse_event_type("erased"), std::nullopt);
  EXPECT_EQ(parse_event_type("no such thing"), std::nullopt);
}

}  // namespace
}  // namespace freshet
