#include "rank/served_words.h"

#include <array>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr size_t kSize = 200;

std::string saved(const ServedWords& words) {
  Writer out;
  words.save(out);
  return out.take();
}

// The same in whole tables, without any bitmap.
struct Twin {
  using Table = std::array<uint64_t, kSize>;
  Table trained{}, live{}, candidate{}, good{}, marked{};
  bool marking = false;

  void expect(const ServedWords& words, int step) const {
    for (size_t i = 0; i < kSize; ++i) {
      ASSERT_EQ(words.live(i), live[i]) << step << " " << i;
      ASSERT_EQ(words.candidate(i), candidate[i]) << step << " " << i;
      ASSERT_EQ(words.good(i), good[i]) << step << " " << i;
    }
  }
};

TEST(ServedWords, AreAsWholeTablesWouldBe) {
  auto words = std::make_unique<ServedWords>(kSize);
  Twin twin;
  Draw draw(11);
  for (int step = 0; step < 4000; ++step) {
    const size_t i = draw.below(kSize);
    switch (draw.below(19)) {
      case 0:
        words->freeze([&](size_t at) { return twin.trained[at]; });
        twin.candidate = twin.trained;
        break;
      case 1:
        words->publish();
        twin.marked = twin.live = twin.candidate;
        break;
      case 2:
        words->discard();
        twin.candidate = twin.live;
        break;
      case 3:
        words->roll_back();
        twin.marked = twin.live = twin.candidate = twin.good;
        break;
      case 4:
        words->good_moves();
        twin.good = twin.live;
        break;
      case 5:
        words->go_back([&](size_t at, uint64_t word) { twin.trained[at] = word; });
        twin.candidate = twin.live;
        ASSERT_EQ(twin.trained, twin.live) << step;
        break;
      case 6:
        twin.trained[i] = draw.below(5);
        words->write(i, twin.trained[i]);
        words->discard();
        twin.live[i] = twin.trained[i];
        twin.candidate = twin.live;
        break;
      case 8:
        words->discard();
        words->catch_up([&](size_t at) { return twin.trained[at]; });
        words->discard();
        twin.live = twin.candidate = twin.trained;
        break;
      case 9:
        words->discard();
        words->write(i, twin.trained[i] = draw.below(5));
        words->step();
        twin.good = twin.live;
        twin.live[i] = twin.trained[i];
        twin.candidate = twin.live;
        break;
      case 10:
        words->mark();
        twin.marked = twin.live;
        twin.marking = true;
        break;
      case 11:
        if (draw.below(8) == 0) {
          words->unmark();
          twin.marking = false;
        } else if (twin.marking) {
          words->back_to_mark();
          words->discard();
          twin.live = twin.candidate = twin.marked;
        }
        break;
      case 7: {
        const std::string bytes = saved(*words);
        auto again = std::make_unique<ServedWords>(kSize);
        again->set_marking(words->marking());
        Reader in(bytes);
        ASSERT_TRUE(again->load(in).ok());
        EXPECT_TRUE(in.done());
        ASSERT_EQ(saved(*again), bytes) << step;
        words = std::move(again);
        break;
      }
      default:
        twin.trained[i] = draw.below(5);
        words->change(i);
    }
    twin.expect(*words, step);
  }
}

TEST(ServedWords, PublishedWithEveryLessonTheGoodVersionFollowsTwoStepsBehind) {
  ServedWords words(kSize);
  for (uint64_t n = 1; n < 10; ++n) {
    words.write(n, n);
    words.write(100, n);
    words.step();
    EXPECT_EQ(words.live(100), n);
    EXPECT_EQ(words.candidate(100), n);
    EXPECT_EQ(words.good(100), n - 1);
  }
  words.change(100);  // Held: it is not live,
  words.catch_up([](size_t i) { return 77 + i; });
  EXPECT_EQ(words.live(100), 177u);  // now it is.
  EXPECT_EQ(words.candidate(100), 9u);
  words.roll_back();
  EXPECT_EQ(words.live(100), 8u);
  EXPECT_EQ(words.live(9), 0u);
}

TEST(ServedWords, AreReplacedByAnotherVersion) {
  ServedWords words(kSize);
  std::array<uint64_t, kSize> trained{}, other{};
  for (size_t i = 0; i < kSize; i += 3) words.change(i), trained[i] = i;
  words.freeze([&](size_t i) { return trained[i]; });
  words.publish();
  words.good_moves();
  for (size_t i = 0; i < kSize; i += 5) words.change(i), trained[i] = i + 1;
  words.freeze([&](size_t i) { return trained[i]; });
  for (size_t i = 0; i < kSize; i += 2) words.change(i), trained[i] = 7 * i, other[i] = i;
  words.replace(other.data(), [&](size_t i, uint64_t word) { trained[i] = word; });
  EXPECT_EQ(trained, other);
  for (size_t i = 0; i < kSize; ++i) EXPECT_EQ(words.live(i), other[i]) << i;
  for (size_t i = 0; i < kSize; ++i) EXPECT_EQ(words.candidate(i), other[i]) << i;
  words.roll_back();
  for (size_t i = 0; i < kSize; ++i) EXPECT_EQ(words.live(i), i % 3 == 0 ? i : 0) << i;
}

// Another version is put in whole: nothing of it is written down for a way back that nobody will go, and the
// mark is at what came to live.
TEST(ServedWords, AreMarkedAtTheVersionThatReplacesThem) {
  ServedWords words(kSize);
  std::array<uint64_t, kSize> other{};
  for (size_t i = 0; i < kSize; ++i) other[i] = i + 1;
  words.write(3, 7);
  words.mark();
  words.write(3, 8);
  const size_t bytes = words.bytes();
  words.replace(other.data(), [](size_t, uint64_t) {});
  EXPECT_EQ(words.bytes(), bytes);
  words.write(5, 1000);
  words.back_to_mark();
  for (size_t i = 0; i < kSize; ++i) EXPECT_EQ(words.live(i), other[i]) << i;
}

// A long doubt over a large table does not keep its memory.
TEST(ServedWords, GiveBackWhatALongDoubtTook) {
  constexpr size_t kMany = 100'000;
  ServedWords words(kMany);
  words.mark();
  const auto write_all = [&](uint64_t word) {
    for (size_t i = 0; i < kMany; ++i) words.write(i, word);
  };
  words.change(0);  // The tables are made.
  const size_t tables = words.bytes();
  write_all(1);
  EXPECT_GE(words.bytes(), tables + 16 * kMany);
  words.mark();
  EXPECT_EQ(words.bytes(), tables);
}

TEST(ServedWords, CostNothingUntilTheyAreNeededAndSayWhatIsWrong) {
  ServedWords words(kSize);
  words.freeze([](size_t) -> uint64_t { return 1; });
  words.publish();
  words.discard();
  words.roll_back();
  words.good_moves();
  words.go_back([](size_t, uint64_t) { FAIL(); });
  EXPECT_EQ(words.bytes(), 0u);
  EXPECT_EQ(words.live(3), 0u);
  EXPECT_EQ(words.live(), nullptr);
  words.write(3, 5);
  words.change(100);
  const std::string bytes = saved(words);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    ServedWords other(kSize);
    Reader in(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(other.load(in).ok()) << cut;
    EXPECT_EQ(other.bytes(), 0u) << cut;
  }
  ServedWords small(kSize / 2);
  Reader in(bytes);
  EXPECT_FALSE(small.load(in).ok());
}

}  // namespace
}  // namespace freshet
