// A small part of what is served, of which the publication (rank/served_part.h) keeps a whole table for each
// copy of the parameters: it moves by assignment. Derived: how the trained table learns, its words, its
// bytes. Threads: one.
#pragma once

#include <array>

#include "base/bytes.h"
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
  void publish() override { lives(at(RankCopy::kCandidate)); }
  void discard() override { at(RankCopy::kCandidate) = at(RankCopy::kLive); }
  void good_moves() override { at(RankCopy::kGood) = at(RankCopy::kLive); }
  void roll_back() override { lives(at(RankCopy::kCandidate) = at(RankCopy::kGood)); }
  void go_back() override { at(RankCopy::kTrained) = at(RankCopy::kCandidate) = at(RankCopy::kLive); }

  void mark() override {
    marking_ = true;
    marked_ = at(RankCopy::kLive);
  }
  void unmark() override { marking_ = false; }
  void back_to_mark() override {
    if (marking_) at(RankCopy::kLive) = marked_;
  }

 protected:
  void lives(const Table& table) {
    at(RankCopy::kLive) = table;
    if (marking_) marked_ = table;
  }
  // Both at the end of what is saved; save_one(table), load_one(table).
  void save_marks(Writer& out, auto&& save_one) const {
    out.u8(static_cast<uint8_t>((direct_ ? 1 : 0) | (marking_ ? 2 : 0)));
    if (marking_) save_one(marked_);
  }
  void load_marks(Reader& in, auto&& load_one) {
    const uint8_t flags = in.u8();
    direct_ = (flags & 1) != 0;
    marking_ = (flags & 2) != 0;
    if (marking_) load_one(marked_);
  }
  Table& at(RankCopy copy) { return tables_[static_cast<size_t>(copy)]; }
  std::array<Table, kRankCopies> tables_{};  // By RankCopy.
  Table marked_{};
  bool direct_ = true;  // What is learned is live at once.
  bool marking_ = false;
};

}  // namespace freshet
