// A sample of all lessons there ever were, each as likely as any other: Vitter 1985, "Random sampling with a
// reservoir", algorithm R, with a draw that is a hash of the lesson's number, so that every fold keeps the
// same. Threads: one. Memory: at most kLessons of about 350 bytes.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/result.h"
#include "rank/lesson.h"

namespace freshet {

class Reservoir {
 public:
  static constexpr size_t kLessons = 20'000;

  void add(const RankLesson& lesson) {
    ++seen_;
    size_t at = kept_.size();
    if (at < kLessons) {
      kept_.emplace_back();
    } else {
      at = mix64(kDraw, seen_) % seen_;
      if (at >= kLessons) return;
    }
    Kept& kept = kept_[at];
    kept.lesson = lesson;
    kept.cells.assign(lesson.row.begin(), lesson.row.end());
  }
  size_t size() const { return kept_.size(); }
  RankLesson lesson(size_t i) const {
    RankLesson out = kept_[i].lesson;
    out.row = kept_[i].cells;
    return out;
  }
  void clear() { *this = {}; }
  size_t bytes() const { return kept_.size() * (sizeof(Kept) + 4 * RankRow::kCells / 2); }

  void save(Writer& out) const {
    out.u64(seen_);
    out.varint(kept_.size());
    for (const Kept& kept : kept_) {
      out.u8(static_cast<uint8_t>(kept.lesson.kind));
      out.u8(kept.lesson.head);
      out.array(kept.lesson.plain.data(), kept.lesson.plain.size());
      out.f32(kept.lesson.label);
      out.f32(kept.lesson.weight);
      out.f32(kept.lesson.taken);
      out.varint(kept.cells.size());
      out.array(kept.cells.data(), kept.cells.size());
    }
  }
  // mask: of the indices of weights.
  Status load(Reader& in, uint32_t mask) {
    clear();
    seen_ = in.u64();
    const uint64_t count = in.varint();
    if (count > kLessons) return corrupt("ranker: a reservoir of too many lessons");
    for (uint64_t n = 0; n < count && in.ok(); ++n) {
      Kept kept;
      kept.lesson.kind = static_cast<RankKind>(std::min<uint8_t>(in.u8(), kRankKinds - 1));
      kept.lesson.head = std::min<uint8_t>(in.u8(), GaussWeights::kHeads - 1);
      in.array(kept.lesson.plain.data(), kept.lesson.plain.size());
      kept.lesson.label = in.f32();
      kept.lesson.weight = in.f32();
      kept.lesson.taken = in.f32();
      const uint64_t cells = in.varint();
      if (cells > RankRow::kCells) return corrupt("ranker: a lesson of too many features");
      kept.cells.resize(cells);
      in.array(kept.cells.data(), cells);
      for (const uint32_t cell : kept.cells)
        if (static_cast<size_t>(group_of(cell)) >= kRankGroups || index_of(cell) > mask)
          return corrupt("ranker: a lesson with a feature that does not exist");
      kept_.push_back(std::move(kept));
    }
    return in.ok() ? Status() : Status(corrupt("ranker: the reservoir is cut short"));
  }

 private:
  static constexpr uint64_t kDraw = 0x7265736572766f69;
  struct Kept {
    RankLesson lesson;
    std::vector<uint32_t> cells;
  };
  uint64_t seen_ = 0;
  std::vector<Kept> kept_;
};

}  // namespace freshet
