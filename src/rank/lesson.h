// One example as the ranker learns it.
#pragma once

#include <limits>
#include <span>

#include "rank/features.h"
#include "rank/gauss_weights.h"
#include "rank/plain_model.h"

namespace freshet {

struct RankLesson {
  RankKind kind = RankKind::kOther;
  uint8_t head = 0;
  PlainModel::Row plain{};
  std::span<const uint32_t> row;  // Until the call returns.
  float label = 0, weight = 1;
  float taken = 0;  // Weight of the other label, learned of the same place before, that it takes back.
  // Logit beyond that of the score when it was shown, where a zero was learned of it since: what comes is
  // foretold by this, not by what the place itself has taught. NaN: none was.
  float drawn = std::numeric_limits<float>::quiet_NaN();
  bool open = false;  // Such a zero: what the shopper answers is not known yet, so a loss would say nothing.
};

}  // namespace freshet
