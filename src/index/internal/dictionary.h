// Terms and their numbers, with live document frequencies; enumeration by prefix and by edit distance.
//
// Numbers are given in order of first sight and never taken back; a term no item has any more stays with df 0
// and is not enumerated. A sorted copy of the vocabulary (immutable, published) serves the enumerations;
// terms that came after it was made are looked at one by one until refresh() makes the next.
//
// Threads: intern(), add_df() on the fold thread; refresh() on the worker; const functions on any thread
// under an EpochGuard. Cost: about 40 bytes a term.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/epoch.h"
#include "base/stable_array.h"
#include "index/search_index.h"

namespace freshet::index {

inline constexpr uint32_t kNoTerm = ~0u;

struct Letters;

class Dictionary {
 public:
  explicit Dictionary(uint32_t terms_max);
  ~Dictionary();
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;

  uint32_t intern(std::string_view term);  // kNoTerm: terms_max reached
  void add_df(uint32_t term, int32_t change) {
    auto& df = entries_[term].df;
    df.store(df.load(std::memory_order_relaxed) + static_cast<uint32_t>(change), std::memory_order_relaxed);
  }
  // The newest posting of the term in the heads; see internal/head.h.
  std::atomic<uint32_t>& latest(uint32_t term) { return entries_[term].latest; }
  uint32_t latest(uint32_t term) const { return entries_[term].latest.load(std::memory_order_acquire); }

  uint32_t find(std::string_view term) const;  // kNoTerm: never seen
  uint32_t df(uint32_t term) const { return entries_[term].df.load(std::memory_order_relaxed); }
  std::string_view text(uint32_t term) const {
    const char* text = texts_[term].load(std::memory_order_relaxed);
    return {text + 1, static_cast<uint8_t>(text[0])};
  }
  uint32_t size() const { return static_cast<uint32_t>(entries_.size()); }

  void prefix(std::string_view prefix, uint32_t limit, std::vector<TermInfo>& out) const;
  void fuzzy(std::string_view term, uint32_t edits, uint32_t limit, std::vector<TermInfo>& out) const;
  void fuzzy_prefix(std::string_view prefix, uint32_t edits, uint32_t limit,
                    std::vector<TermInfo>& out) const;
  void similar(std::string_view term, uint32_t limit, std::vector<TermInfo>& out) const;

  // The slow twins: every term, one by one.
  void prefix_slowly(std::string_view prefix, uint32_t limit, std::vector<TermInfo>& out) const;
  void fuzzy_slowly(std::string_view term, uint32_t edits, uint32_t limit, std::vector<TermInfo>& out) const;
  void similar_slowly(std::string_view term, uint32_t limit, std::vector<TermInfo>& out) const;
  void fuzzy_prefix_slowly(std::string_view prefix, uint32_t edits, uint32_t limit,
                           std::vector<TermInfo>& out) const;

  bool wants_refresh(bool idle) const;
  void refresh();  // Worker (or the fold thread when there is none).
  uint64_t refused() const { return refused_; }
  size_t bytes() const;

 private:
  struct Entry {
    std::atomic<uint32_t> df{0};
    std::atomic<uint32_t> latest{0};
  };
  struct Table;
  struct Sorted;

  template <class Offer>
  void offer_first_letters(const Letters& query, std::string_view term, Offer&& offer) const;
  size_t enumeration_bytes() const;
  void free_sorted();
  void grow_table();
  const char* keep(std::string_view term);

  const uint32_t terms_max_;
  StableArray<Entry> entries_;
  StableArray<std::atomic<const char*>> texts_;  // [number]: a byte of length, then the bytes
  std::atomic<Table*> table_;
  std::atomic<const Sorted*> sorted_;
  std::vector<std::unique_ptr<char[]>> arena_;  // Fold thread.
  size_t arena_left_ = 0;
  char* arena_at_ = nullptr;
  std::atomic<size_t> arena_bytes_{0};
  uint64_t refused_ = 0;
  RetireList retired_tables_;  // Fold thread.
  RetireList retired_sorted_;  // Whoever refreshes.
};

}  // namespace freshet::index
