// A small part of what is served, of which the publication (rank/served_part.h) keeps a whole table for each
// copy of the parameters: it moves by assignment. Derived: how the trained table learns, its words, its
// bytes. Threads: one.
#pragma once

#include <array>

#include "rank/served_part.h"
#include "rank/served_words.h"

namespace freshet {

template <class T>
class CopiedPart : public ServedPart {
 public:
  using Table = T;
  const Table& table(RankCopy copy) const { return tables_[static_cast<size_t>(copy)]; }

  void set_direct(bool direct) override { direct_ = direct; }
  void catch_up() override { at(RankCopy::kLive) = at(RankCopy::kTrained); }
  void step() override {
    at(RankCopy::kGood) = at(RankCopy::kCandidate);
    at(RankCopy::kCandidate) = at(RankCopy::kLive);
  }
  void freeze() override { at(RankCopy::kCandidate) = at(RankCopy::kTrained); }
  size_t frozen() const override { return 0; }
  void publish() override { at(RankCopy::kLive) = at(RankCopy::kCandidate); }
  void discard() override { at(RankCopy::kCandidate) = at(RankCopy::kLive); }
  void good_moves() override { at(RankCopy::kGood) = at(RankCopy::kLive); }
  void roll_back() override { at(RankCopy::kLive) = at(RankCopy::kCandidate) = at(RankCopy::kGood); }
  void go_back() override { at(RankCopy::kTrained) = at(RankCopy::kCandidate) = at(RankCopy::kLive); }

 protected:
  Table& at(RankCopy copy) { return tables_[static_cast<size_t>(copy)]; }
  std::array<Table, kRankCopies> tables_{};  // By RankCopy.
  bool direct_ = true;                       // What is learned is live at once.
};

}  // namespace freshet
