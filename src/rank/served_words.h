// What requests read of a learner, apart from what it trains: a table of 64-bit words, three times.
//
//   live        what is answered from: atomic words, read by any thread without waiting
//   candidate   what would be: live with the words that changed, as they were when it was frozen
//   good        the last version that is known to be good, to go back to
//
// A learner rounds what it trains into words (encode) and back (decode), and says of each word it trains that
// it changed; a word of 0 is what nothing was learned of. What a word holds is the learner's own affair.
//
//   change(i)           what word i is made of has changed                              O(1)
//   freeze(encode)      candidate = live, with encode(i) for all that changed
//   publish()           live = candidate
//   discard()           candidate = live; what it would have changed is in hand again
//   roll_back()         live = candidate = good; what that changed is in hand
//   good_moves()        good = live
//   go_back(decode)     what is trained becomes what is live again: decode(i, live(i)) for all in hand
//
// Who publishes with every lesson writes straight to what is live, and keeps in the candidate's table what
// was live a while ago, to be the next good version when nothing was found wrong with what followed:
//
//   write(i, word)      live = word
//   catch_up(encode)    live = encode(i) for all that changed
//   step()              good = candidate, then candidate = live
//   mark()              what is live now is kept in mind, word by word as it is written over
//   back_to_mark()      live = as it was at the last mark; what that changed is in hand
//
// A mark ends when live becomes another version: then that is marked.
//
// discard() comes between these and the others, either way.
//
// Each is one loop over a bitmap of what may differ (n / 64 words) and over the words that do, in their
// order: a reader may see some words of before and some of after, each of them whole. Nothing is allocated
// but when a table is first needed. Threads: one writes; live() by any. Memory: 24 bytes and 4 bits a word,
// given by the system as it is touched; 16 bytes a word written since the mark. Slow twin: maps, in the test.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace freshet {

class ServedWords {
 public:
  explicit ServedWords(size_t size) : size_(size) {}
  ~ServedWords() { std::free(live_.load()); }
  ServedWords(const ServedWords&) = delete;
  ServedWords& operator=(const ServedWords&) = delete;

  size_t size() const { return size_; }
  // Null until something was learned. Words are read by word_at(); valid for the life of this object, but for
  // clear() and load().
  const uint64_t* live() const { return live_.load(std::memory_order_acquire); }
  static uint64_t word_at(const uint64_t* words, size_t i) {
    return std::atomic_ref<uint64_t>(const_cast<uint64_t&>(words[i])).load(std::memory_order_relaxed);
  }
  uint64_t live(size_t i) const {
    const uint64_t* words = live();
    return words == nullptr ? 0 : word_at(words, i);
  }
  // By the thread that writes.
  uint64_t candidate(size_t i) const { return candidate_ == nullptr ? 0 : candidate_[i]; }
  uint64_t good(size_t i) const { return good_ == nullptr ? 0 : good_[i]; }
  const uint64_t* candidate() const { return candidate_.get(); }
  const uint64_t* good() const { return good_.get(); }

  void change(size_t i) {
    if (candidate_ == nullptr) make();
    changed_.set(i);
  }
  void write(size_t i, uint64_t word) {
    if (candidate_ == nullptr) make();
    keep_marked(i);
    put_live(i, word);
    changed_.clear(i);
    frozen_.set(i);
    moved_.set(i);
  }
  template <class Encode>
  void catch_up(Encode&& encode) {
    if (candidate_ == nullptr) return;
    changed_.each([&](size_t i) {
      keep_marked(i);
      put_live(i, encode(i));
      frozen_.set(i);
      moved_.set(i);
    });
    changed_.clear();
  }
  void step();
  void mark() {
    marking_ = true;
    begin_marked();
  }
  void unmark() {
    begin_marked();
    marking_ = false;
  }
  bool marking() const { return marking_; }
  void set_marking(bool marking) { marking_ = marking; }  // As it was, after load().
  void back_to_mark();
  template <class Encode>
  void freeze(Encode&& encode) {
    if (candidate_ == nullptr) return;
    changed_.each([&](size_t i) {
      candidate_[i] = encode(i);
      if (candidate_[i] != word_at(live(), i)) frozen_.set(i);
    });
    changed_.clear();
  }
  void publish();
  void discard();
  void roll_back();
  void good_moves();
  template <class Decode>
  void go_back(Decode&& decode) {
    if (candidate_ == nullptr) return;
    discard();
    changed_.each([&](size_t i) { decode(i, word_at(live(), i)); });
    changed_.clear();
  }
  // Words of another version, or of none: become live, and what is trained as well.
  template <class Decode>
  void replace(const uint64_t* words, Decode&& decode) {
    if (candidate_ == nullptr) make();
    discard();
    begin_marked();  // The mark is at what comes to live.
    for (size_t i = 0; i < size_; ++i) {
      if (words[i] == word_at(live(), i) && !changed_.has(i)) continue;
      decode(i, words[i]);
      put_live(i, words[i]);
      candidate_[i] = words[i];
      changed_.clear(i);
      moved_.set(i);
    }
  }

  bool candidate_differs(size_t i) const { return frozen_.has(i); }  // It may. There are tables.
  bool good_differs(size_t i) const { return moved_.has(i); }
  // Words that live and the candidate, live and the last good version may differ in; that changed since.
  size_t frozen() const { return frozen_.count(); }
  size_t moved() const { return moved_.count(); }
  size_t changed() const { return changed_.count(); }

  size_t bytes() const {
    return candidate_ == nullptr ? 0 : size_ * 24 + 4 * size_ / 8 + marked_.capacity() * sizeof(Marked);
  }
  void clear();  // While nobody reads.
  void save(Writer& out) const;
  // kCorrupt: what is wrong; nothing is left then. While nobody reads.
  Status load(Reader& in);

 private:
  class Bits {
   public:
    void make(size_t size) { words_.assign((size + 63) / 64, 0); }
    bool has(size_t i) const { return (words_[i / 64] >> i % 64 & 1) != 0; }
    void set(size_t i) { words_[i / 64] |= uint64_t{1} << i % 64; }
    void clear(size_t i) { words_[i / 64] &= ~(uint64_t{1} << i % 64); }
    void clear() { std::fill(words_.begin(), words_.end(), 0); }
    void add(const Bits& other) {
      for (size_t w = 0; w < words_.size(); ++w) words_[w] |= other.words_[w];
    }
    size_t count() const {
      size_t count = 0;
      for (const uint64_t word : words_) count += static_cast<size_t>(std::popcount(word));
      return count;
    }
    template <class Do>
    void each(Do&& act) const {
      for (size_t w = 0; w < words_.size(); ++w)
        for (uint64_t left = words_[w]; left != 0; left &= left - 1)
          act(w * 64 + static_cast<size_t>(std::countr_zero(left)));
    }

   private:
    std::vector<uint64_t> words_;
  };
  struct Free {
    void operator()(uint64_t* words) const { std::free(words); }
  };
  using Words = std::unique_ptr<uint64_t[], Free>;

  struct Marked {
    size_t i = 0;
    uint64_t word = 0;
  };
  void keep_marked(size_t i) {
    if (!marking_ || written_.has(i)) return;
    written_.set(i);
    marked_.push_back({i, word_at(live(), i)});
  }
  void begin_marked() {
    for (const Marked& one : marked_) written_.clear(one.i);
    marked_.clear();
    if (marked_.capacity() > kMarkedKept) std::vector<Marked>().swap(marked_);  // A long doubt is over.
  }
  void make();
  static uint64_t* zeros(size_t size);
  void put_live(size_t i, uint64_t word) {
    std::atomic_ref<uint64_t>(live_.load(std::memory_order_relaxed)[i])
        .store(word, std::memory_order_relaxed);
  }

  static constexpr size_t kMarkedKept = size_t{1} << 16;  // Words' room, 1 MiB.
  const size_t size_;
  std::atomic<uint64_t*> live_{nullptr};
  Words candidate_, good_;
  Bits changed_;                // What is trained may not be the candidate's,
  Bits frozen_;                 // the candidate's not live,
  Bits moved_;                  // live not the last good version's;
  Bits written_;                // live was written since the mark.
  std::vector<Marked> marked_;  // What it was then.
  bool marking_ = false;
};

}  // namespace freshet
