// Rows made worse on purpose, to see what the gate of freshet learn does about it: `--poison kind@from:to`.
//
//   shuffle-labels   the label of another of the last 1,000 rows
//   flip-labels      the other label
//   bots             every second row has the label 1
//   nan              every cell of a number is nan, every second row
//   huge             every cell of a number is 1e30 or -1e30, every second row
//   bad-config       the rows stay; somebody has set the learning rates 100 times too high
//
// Rows are counted from 1. What is drawn is keyed by the row. Threads: one.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "learn/row_reader.h"

namespace freshet {

class Poison {
 public:
  static Result<Poison> parse(std::string_view text);  // kInvalid: what was expected.

  // The row as it arrives. label: its column; spared: columns that stay (times).
  void apply(uint64_t row, size_t label, const std::vector<size_t>& spared, Row& cells);
  bool active(uint64_t row) const { return row >= from_ && row < to_; }
  // Factor on the learning rates at this row.
  float rate(uint64_t row) const { return kind_ == Kind::kBadConfig && active(row) ? 100.0f : 1.0f; }

 private:
  enum class Kind : uint8_t { kShuffle, kFlip, kBots, kNan, kHuge, kBadConfig };
  void spoil(uint64_t row, size_t label, const std::vector<size_t>& spared, Row& cells) const;

  Kind kind_ = Kind::kShuffle;
  uint64_t from_ = 0, to_ = 0;
  std::deque<std::string> labels_;
};

}  // namespace freshet
