#include "learn/neighbours.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

TEST(Neighbours, AgreesWithMaps) {
  Neighbours fast(16, 8 << 20);
  std::map<uint64_t, std::vector<std::pair<uint64_t, float>>> history;
  std::map<std::pair<uint64_t, uint64_t>, std::pair<int, double>> pairs;
  for (uint64_t i = 0; i < 3000; ++i) {
    const uint64_t who = mix64(i, 1) % 20;
    const uint64_t what = mix64(i, 2) % 60;
    const float difference = static_cast<float>(mix64(i, 3) % 200) / 100.0f - 1;
    double sum = 0;
    double weight = 0;
    auto& before = history[who];
    const size_t from = before.size() > Neighbours::kRemembered ? before.size() - Neighbours::kRemembered : 0;
    for (size_t k = from; k < before.size(); ++k) {
      const auto& [other, r] = before[k];
      if (other == what) continue;
      const auto& [n, products] = pairs[std::minmax(other, what)];
      const double similarity = products / (n + 30.0);
      sum += similarity * r;
      weight += std::fabs(similarity);
    }
    const Neighbours::Evidence evidence = fast.evidence(who, what);
    ASSERT_NEAR(evidence.sum, sum, 1e-3) << i;
    ASSERT_NEAR(evidence.weight, weight, 1e-3) << i;
    for (size_t k = from; k < before.size(); ++k) {
      const auto& [other, r] = before[k];
      if (other == what) continue;
      auto& [n, products] = pairs[std::minmax(other, what)];
      ++n;
      products += difference * r;
    }
    before.emplace_back(what, difference);
    fast.learn(who, what, difference);
  }
}

TEST(Neighbours, SavedAndLoadedSaysTheSame) {
  Neighbours one(12, 4 << 20);  // Small: sets overflow, cells fade.
  for (uint64_t i = 0; i < 4000; ++i) one.learn(mix64(i, 1) % 50, mix64(i, 2) % 900, (i % 3) - 1.0f);
  Writer out;
  one.save(out);
  Neighbours two(12, 4 << 20);
  Reader in(out.bytes());
  two.load(in);
  ASSERT_TRUE(in.ok() && in.done());
  for (uint64_t i = 0; i < 50; ++i) EXPECT_EQ(one.evidence(i, i * 7).sum, two.evidence(i, i * 7).sum);
  Writer again;
  two.save(again);
  EXPECT_EQ(out.bytes(), again.bytes());
}

// The count of what somebody said goes round before a float stops counting, and what is remembered stays.
TEST(Neighbours, RememberAfterMillionsOfLabels) {
  Neighbours neighbours(10, 1 << 22);
  for (int i = 0; i < 4; ++i) neighbours.learn(2, i % 2 == 0 ? 5 : 7, 1);
  const float evidence = [&] {
    for (int i = 0; i < 256; ++i) neighbours.learn(1, 5, 1);
    return neighbours.evidence(1, 7).sum;
  }();
  ASSERT_GT(evidence, 0);
  for (uint64_t i = 256; i < 2'097'160; ++i) {
    neighbours.learn(1, 5, 1);
    if (i % 1000 == 0 || i > 2'097'140) {
      ASSERT_EQ(neighbours.evidence(1, 7).sum, evidence) << i;
    }
  }
}

}  // namespace
}  // namespace freshet
