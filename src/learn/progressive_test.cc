#include "learn/progressive.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

std::vector<double> numbers_of(const Progressive& j) {
  return {j.log_loss(), j.auc(), j.accuracy(), j.f1(), j.rmse(), j.calibration(), j.weights()};
}

// A row of weight w is w rows in every number; stopped and resumed it stays so.
TEST(Progressive, AWeightIsSoManyRows) {
  for (const Task task : {Task::kBinary, Task::kRegression}) {
    Progressive weighted(task), repeated(task);
    for (uint64_t i = 0; i < 500; ++i) {
      Draw draw(i);
      const auto score = static_cast<float>(4 * draw.uniform() - 2);
      const float label = draw.uniform() < 0.3 ? 1.0f : 0.0f;
      const uint64_t weight = draw.below(4);
      weighted.add(score, label, static_cast<float>(weight));
      for (uint64_t n = 0; n < weight; ++n) repeated.add(score, label);
      if (i != 250) continue;
      Writer out;
      weighted.save(out);
      Progressive again(task);
      Reader in(out.bytes());
      again.load(in);
      EXPECT_TRUE(in.ok() && in.done());
      EXPECT_EQ(again.n(), 251u);
      if (task == Task::kBinary) {
        EXPECT_EQ(numbers_of(again), numbers_of(weighted));
      }
    }
    EXPECT_EQ(weighted.n(), 500u);
    const auto one = numbers_of(weighted), other = numbers_of(repeated);
    for (size_t i = task == Task::kBinary ? 0 : 4; i < one.size(); ++i)
      EXPECT_NEAR(one[i], other[i], 1e-9) << i;
  }
}

// Where ones are rare all scores are low: their order counts all the same.
TEST(Progressive, AucOfRareLabels) {
  Progressive j(Task::kBinary);
  for (uint64_t i = 0; i < 2000; ++i) j.add(-12 + (i % 100 == 0 ? 2 : 0) + Draw(i).uniform(), i % 100 == 0);
  EXPECT_EQ(j.auc(), 1);
}

// Nothing that was not seen has a number.
TEST(Progressive, OfNoRowsThereIsNoNumber) {
  Progressive none(Task::kBinary);
  none.add(1, 1, 0);
  for (const double each : numbers_of(none)) EXPECT_TRUE(std::isnan(each) || each == 0);
  EXPECT_TRUE(std::isnan(none.log_loss()) && std::isnan(none.auc()) && std::isnan(none.f1()));
  Progressive one(Task::kBinary);
  one.add(-1, 0);
  EXPECT_EQ(one.accuracy(), 1);
  EXPECT_TRUE(std::isnan(one.auc()) && std::isnan(one.calibration()));
}

}  // namespace
}  // namespace freshet
