// The newest items, searchable at once: postings appended by the fold thread while readers walk them.
//
// One posting a term of an item; postings of one term are chained from the newest to the oldest, as in Busch
// et al. 2012, "Earlybird: real-time search at Twitter". Readers see the items below the published count. A
// full head is never written again; the next one is chained to it, and the worker makes a segment of it.
//
// Threads: append() on the fold thread; the rest on any thread under an EpochGuard.
// Cost: 18 bytes a posting of capacity.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

#include "index/internal/record.h"

namespace freshet::index {

class Head {
 public:
  Head(uint32_t items, uint32_t postings)
      : item_capacity_(items),
        posting_capacity_(postings),
        table_mask_(std::bit_ceil(2 * postings + 2) - 1),
        slots_(std::make_unique<uint32_t[]>(items)),
        versions_(std::make_unique<uint32_t[]>(items)),
        postings_(std::make_unique<Posting[]>(postings)),
        table_(std::make_unique<std::atomic<uint32_t>[]>(table_mask_ + 1)) {}

  bool has_room(uint32_t postings) const {
    return items() < item_capacity_ && posting_count_ + postings <= posting_capacity_;
  }
  // `bound(i)`: of the record's i-th term, tf over all fields << 8 | the least length code of its fields.
  template <class Bound>
  void append(uint32_t slot, const Record& record, Bound&& bound) {
    const uint32_t item = items();
    slots_[item] = slot;
    versions_[item] = record.version;
    for (uint32_t i = 0; i < record.term_count; ++i) {
      const uint32_t term = record.terms()[i], number = posting_count_++;
      uint32_t at = place(term);
      const uint32_t before = table_[at].load(std::memory_order_relaxed);
      postings_[number] = {term, before, item, bound(i)};
      table_[at].store(number + 1, std::memory_order_release);
    }
    items_.store(item + 1, std::memory_order_release);
  }

  uint32_t items() const { return items_.load(std::memory_order_acquire); }
  uint32_t slot(uint32_t item) const { return slots_[item]; }
  uint32_t version(uint32_t item) const { return versions_[item]; }

  // visit(item, bound) for the items of [from, to) that have the term, newest first.
  template <class Visit>
  void walk(uint32_t term, uint32_t from, uint32_t to, Visit&& visit) const {
    for (uint32_t at = table_[place(term)].load(std::memory_order_acquire); at != 0;) {
      const Posting& posting = postings_[at - 1];
      if (posting.item < from) return;
      if (posting.item < to) visit(posting.item, posting.bound);
      at = posting.before;
    }
  }

  std::atomic<Head*> next{nullptr};  // Set once, when this one is full.

  size_t bytes() const {
    return 8 * size_t{item_capacity_} + sizeof(Posting) * size_t{posting_capacity_} +
           4 * (size_t{table_mask_} + 1);
  }

 private:
  struct Posting {
    uint32_t term, before, item, bound;
  };

  // Where the term stands or would stand in the table.
  uint32_t place(uint32_t term) const {
    for (uint32_t at = (term * 0x9e3779b1u >> 7) & table_mask_;; at = (at + 1) & table_mask_) {
      const uint32_t number = table_[at].load(std::memory_order_acquire);
      if (number == 0 || postings_[number - 1].term == term) return at;
    }
  }

  const uint32_t item_capacity_, posting_capacity_, table_mask_;
  std::unique_ptr<uint32_t[]> slots_, versions_;
  std::unique_ptr<Posting[]> postings_;
  std::unique_ptr<std::atomic<uint32_t>[]> table_;  // Number + 1 of the term's newest posting; 0: free.
  std::atomic<uint32_t> items_{0};
  uint32_t posting_count_ = 0;  // Fold thread.
};

}  // namespace freshet::index
