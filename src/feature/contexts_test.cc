#include "feature/contexts.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

constexpr TimeMs kStart = 1'700'000'000'000;

std::string saved(const Contexts& contexts) {
  Writer out;
  contexts.save(out);
  return out.take();
}

class Around : public testing::Test {
 protected:
  void say(std::string name, std::string value, std::string region, TimeMs from, TimeMs until = kNoTime) {
    Event event;
    event.type = EventType::kContext;
    event.name = std::move(name);
    event.value = std::move(value);
    event.region = std::move(region);
    event.until_ms = until;
    apply(event, from);
  }
  void apply(const Event& event, TimeMs at) {
    moment_.skip = false;
    moment_.time_ms = at;
    moment_.now_ms = std::max(moment_.now_ms, event.type == EventType::kContext ? 0 : at);
    contexts_.apply(0, event);
  }
  void click(TimeMs at) {
    Event event;
    event.type = EventType::kClick;
    apply(event, at);
  }
  ActiveContexts active(std::string_view region, TimeMs at) { return contexts_.active(region, at); }
  size_t count(std::string_view region, TimeMs at) { return active(region, at).count; }

  Moment moment_;
  Contexts contexts_{moment_};
};

TEST_F(Around, AContextHoldsInItsRegionAndTime) {
  say("weather", "rain", "DE", kStart, kStart + kHourMs);
  say("holiday", "easter", "", kStart);
  EXPECT_EQ(count("DE", kStart), 2u);
  EXPECT_EQ(count("DE-BY", kStart), 2u);
  EXPECT_EQ(count("DEN", kStart), 1u);
  EXPECT_EQ(count("", kStart), 1u);
  EXPECT_EQ(count("DE", kStart - 1), 0u);
  EXPECT_EQ(count("DE", kStart + kHourMs), 1u);
  EXPECT_EQ(count("DE", kStart + kDayMs), 0u) << "a day when nobody says until when";
}

TEST_F(Around, OneWeatherHoldsAndManyPromotions) {
  say("weather", "rain", "", kStart);
  say("weather", "snow", "DE", kStart + kHourMs);
  say("weather", "sun", "DE", kStart + 2 * kHourMs);
  const uint64_t rain = active("FR", kStart + 3 * kHourMs).keys[0];
  EXPECT_EQ(count("FR", kStart + 3 * kHourMs), 1u);
  ASSERT_EQ(count("DE", kStart + 3 * kHourMs), 1u);
  EXPECT_NE(active("DE", kStart + 3 * kHourMs).keys[0], rain);
  EXPECT_NE(active("DE", kStart + 3 * kHourMs).keys[0], active("DE", kStart + kHourMs).keys[0]);
  for (int i = 0; i < 9; ++i) say("promotion", "p" + std::to_string(i), "", kStart);
  EXPECT_EQ(count("FR", kStart), ActiveContexts::kMost);
}

TEST_F(Around, NumbersAreMetByTheirFirstDigits) {
  say("temperature", "23.41", "a", kStart);
  say("temperature", "23.4", "b", kStart);
  say("temperature", "29", "c", kStart);
  EXPECT_EQ(active("a", kStart).keys[0], active("b", kStart).keys[0]);
  EXPECT_NE(active("a", kStart).keys[0], active("c", kStart).keys[0]);
}

TEST_F(Around, TheDeclaredScenarioComesBeforeTheHoliday) {
  EXPECT_EQ(active("", kStart).scenario, 0u);
  say("holiday", "easter", "", kStart);
  const uint64_t holiday = active("", kStart).scenario;
  say("promotion", "eggs", "", kStart);
  EXPECT_EQ(active("", kStart).scenario, holiday) << "of promotions there is always one";
  say("scenario", "launch", "", kStart);
  const uint64_t launch = active("", kStart).scenario;
  EXPECT_NE(holiday, 0u);
  EXPECT_NE(launch, holiday);
}

TEST_F(Around, BusyHoursAreFound) {
  TimeMs at = kStart;
  for (; at < kStart + 3 * kDayMs; at += kMinuteMs) click(at);
  EXPECT_FALSE(contexts_.book().busy);
  for (int i = 0; i < 3000; ++i) click(at += kMinuteMs / 20);
  EXPECT_TRUE(contexts_.book().busy);
  EXPECT_EQ(active("", at).scenario, Contexts::kBusy);
  for (int i = 0; i < 600; ++i) click(at += kMinuteMs);
  EXPECT_FALSE(contexts_.book().busy);
}

TEST_F(Around, IsBoundedAndTheSameAfterARestart) {
  for (size_t i = 0; i < Contexts::kSpans + 50; ++i)
    say("promotion", std::to_string(i), "r", kStart + static_cast<TimeMs>(i), kStart + 9 * kDayMs);
  click(kStart);
  EXPECT_EQ(contexts_.book().spans.size(), Contexts::kSpans);
  EXPECT_EQ(contexts_.book().spans[0].from_ms, kStart + 50);
  const std::string bytes = saved(contexts_);
  Contexts copy(moment_);
  Reader in(bytes);
  ASSERT_TRUE(copy.load(in).ok());
  EXPECT_EQ(saved(copy), bytes);
  for (size_t cut = 0; cut < bytes.size(); cut += 997) {
    Reader part(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(copy.load(part).ok()) << cut;
  }
  click(kStart + 10 * kDayMs);
  say("promotion", "new", "r", kStart + 10 * kDayMs);
  EXPECT_EQ(contexts_.book().spans.size(), 1u) << "what ended is forgotten";
}

}  // namespace
}  // namespace freshet
