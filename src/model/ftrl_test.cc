#include "model/ftrl.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

TEST(Ftrl, AgreesWithThePaperLineByLine) {
  for (const FtrlConfig config :
       {FtrlConfig{.alpha = 0.1f}, FtrlConfig{.alpha = 0.5f, .l1 = 0.2f, .l2 = 0.1f}}) {
    std::vector<FtrlSlot> fast(64);
    std::vector<FtrlSlot> slow(64);
    Ftrl ftrl(config, fast);
    for (uint64_t n = 0; n < 500; ++n) {
      Draw draw(n);
      std::vector<Feature> features;
      for (int i = 0; i < 21; ++i)  // Not a multiple of 16; indices repeat and are masked.
        features.push_back(
            {static_cast<uint32_t>(draw.below(100)), static_cast<float>(draw.uniform() - 0.3)});
      const float label = draw.uniform() < 0.3 ? 1.0f : 0.0f;
      ASSERT_NEAR(ftrl.learn_logistic(features, label), ftrl_twin(config, slow, features, label), 2e-4) << n;
    }
    for (size_t i = 0; i < fast.size(); ++i) EXPECT_NEAR(fast[i].z, slow[i].z, 2e-3);
  }
}

}  // namespace
}  // namespace freshet
