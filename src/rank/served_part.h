// A learner of the ranker as its publication moves it: what is trained, and apart from it what is served
// (rank/served_words.h), in the words of the publication. Every learner that is heard is a part, and all
// parts are moved together. Threads: one, but for reading what is live.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace freshet {

// Which of the parameters: those that are trained, or one of the tables that are made from them.
enum class RankCopy : uint8_t { kTrained, kLive, kCandidate, kGood };
constexpr size_t kRankCopies = 4;
constexpr uint32_t copy_bit(RankCopy copy) {
  return 1u << static_cast<uint32_t>(copy);
}

class ServedPart {
 public:
  virtual ~ServedPart() = default;
  virtual std::string_view part() const = 0;  // Its name in versions: "weights"; never changed.
  // With every lesson, what it changed is live; else it waits in hand.
  virtual void set_direct(bool direct) = 0;
  virtual void catch_up() = 0;        // Direct: live is what is trained, as after a while without.
  virtual void step() = 0;            // Direct: good = what was live at the last step.
  virtual void freeze() = 0;          // Candidate = what is trained.
  virtual size_t frozen() const = 0;  // Words in which the candidate may differ.
  virtual void publish() = 0;         // Live = candidate.
  virtual void discard() = 0;         // No candidate: what it would have changed is in hand again.
  virtual void good_moves() = 0;      // Good = live.
  virtual void roll_back() = 0;       // Live = good.
  virtual void go_back() = 0;         // What is trained = live.
  // Direct: what is live now may be wanted again, until the next mark, or until another version lives.
  virtual void mark() = 0;
  virtual void unmark() = 0;
  virtual void back_to_mark() = 0;  // Live = as it was at the mark; what was learned since waits in hand.

  // As a version bears it: words of the good version, all of them.
  virtual std::vector<uint64_t> version() const = 0;
  virtual size_t words() const = 0;
  // Becomes live and what is trained. words: as many as words().
  virtual void replace(std::span<const uint64_t> words) = 0;
};

}  // namespace freshet
