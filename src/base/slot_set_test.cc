#include "base/slot_set.h"

#include <set>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

// `n` slots below `below`, drawn from `seed`.
std::set<uint32_t> drawn(uint64_t seed, size_t n, uint32_t below) {
  Draw draw(seed);
  std::set<uint32_t> out;
  while (out.size() < n) out.insert(static_cast<uint32_t>(draw.below(below)));
  return out;
}

SlotSet make(const std::set<uint32_t>& slots) {
  const std::vector<uint32_t> list(slots.begin(), slots.end());
  return SlotSet::of(list);
}

TEST(SlotSet, AgreesWithASetOfNumbers) {
  const struct {
    size_t a, b;
    uint32_t below;
  } rows[] = {{0, 10, 100}, {5, 5, 70000}, {3000, 60000, 200000}, {60000, 60000, 70000}, {65536, 9, 65536}};
  for (const auto& row : rows) {
    const auto a = drawn(1, row.a, row.below), b = drawn(2, row.b, row.below);
    std::set<uint32_t> both, either = a, only;
    either.insert(b.begin(), b.end());
    for (const uint32_t slot : a) (b.contains(slot) ? both : only).insert(slot);
    EXPECT_EQ(make(a) & make(b), make(both));
    EXPECT_EQ(make(a) | make(b), make(either));
    EXPECT_EQ(make(a) - make(b), make(only));
    EXPECT_EQ(make(a).and_size(make(b)), both.size());
    EXPECT_EQ(make(a).size(), a.size());

    const SlotSet set = make(a) | make(b);
    std::vector<uint32_t> seen, listed;
    set.for_each([&](uint32_t slot) { seen.push_back(slot); });
    set.append_to(listed);
    EXPECT_EQ(seen, std::vector<uint32_t>(either.begin(), either.end()));
    EXPECT_EQ(listed, seen);
    const SlotSet::Probe probe(set);
    for (uint32_t slot = 0; slot < row.below + 70000; slot += 1 + slot % 3)
      ASSERT_EQ(probe(slot), either.contains(slot)) << slot;
  }
}

TEST(SlotSet, OfWordsAndRanges) {
  for (const uint32_t below : {64u, 65536u, 200000u}) {
    const auto slots = drawn(7, below / 5, below);
    std::vector<uint64_t> words((below + 63) / 64);
    for (const uint32_t slot : slots) words[slot / 64] |= uint64_t{1} << (slot % 64);
    EXPECT_EQ(SlotSet::of_words(words), make(slots)) << below;
    words.resize(SlotSet::kChunkWords);
    std::vector<uint16_t> lows(SlotSet::kChunkSlots + SlotSet::kLowsRoom), expected;
    for (const uint32_t slot : slots)
      if (slot < SlotSet::kChunkSlots) expected.push_back(static_cast<uint16_t>(slot));
    lows.resize(SlotSet::lows_of(words.data(), lows.data()));
    EXPECT_EQ(lows, expected) << below;
    SlotSet range = SlotSet::range(3, below);
    EXPECT_EQ(range.size(), below - 3);
    EXPECT_FALSE(range.contains(2));
    EXPECT_TRUE(SlotSet::Probe(range)(below - 1));
    size_t n = 0;
    range.for_each([&](uint32_t) { ++n; });
    EXPECT_EQ(n, below - 3);
  }
}

}  // namespace
}  // namespace freshet
