#include "engine/shop_state.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace freshet {
namespace {

// Both ways of folding, and the snapshot, have the same folds: one that is left out of either learns nothing
// there.
TEST(ShopStateFolds, OneThreadAppliesWhatTwoDo) {
  const auto state = std::move(ShopState::open({})).value();
  std::set<std::string> names;
  for (const Fold* fold : state->folds()) names.insert(std::string(fold->name()));
  for (const char* name : {"joiner", "clicks", "experiments", "learning", "profiles", "counters"})
    EXPECT_TRUE(names.contains(name)) << name;
}

}  // namespace
}  // namespace freshet
