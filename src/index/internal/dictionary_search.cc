// Enumeration over the sorted copy of the vocabulary, and over the terms that came after it one by one.
//
//   prefix        a range of the sorted terms, live frequencies
//   fuzzy         terms with the query's first letter and nearly its length, sifted by a sketch of their
//                 letters, then compared by what stands beside the sketch; other first letters by look-up
//   fuzzy prefix  a walk down the tree that the sorted terms are, with a row of the edit table a letter
#include <algorithm>
#include <bit>

#include "index/internal/dictionary.h"
#include "index/internal/enumerate.h"

namespace freshet::index {
namespace {

// The first eight bytes, so that comparing them as a number compares them as text.
uint64_t key_of(std::string_view text) {
  uint64_t key = 0;
  for (size_t i = 0; i < 8; ++i) key = key << 8 | (i < text.size() ? static_cast<uint8_t>(text[i]) : 0);
  return key;
}

// Which letters there are, and which of them twice: a letter less or more changes one bit, another letter
// two.
uint64_t sketch_of(const Letters& letters) {
  uint64_t sketch = 0;
  for (uint32_t i = 0; i < letters.size; ++i) {
    const uint64_t bit = uint64_t{1} << (letters.letter[i] * 0x9e3779b1u >> 27);
    sketch |= (sketch & bit) != 0 ? bit << 32 : bit;
  }
  return sketch;
}

uint64_t shelf_of(uint32_t first, uint32_t length) {
  return uint64_t{first} << 40 | uint64_t{length} << 32;
}

// The first bytes of a term, so that comparing it does not need to find it.
using Beginning = std::array<char, 16>;
Beginning beginning_of(std::string_view text) {
  Beginning out{};
  std::copy_n(text.begin(), std::min(text.size(), out.size()), out.begin());
  return out;
}
// All of a term of so many letters; empty: it is longer, or not ASCII.
std::string_view whole_of(const Beginning& beginning, uint32_t letters) {
  if (letters > beginning.size()) return {};
  for (uint32_t i = 0; i < letters; ++i)
    if ((beginning[i] & 0x80) != 0) return {};
  return {beginning.data(), letters};
}

void append_letter(std::string& out, uint32_t letter) {
  if (letter < 0x80) {
    out.push_back(static_cast<char>(letter));
    return;
  }
  const uint32_t more = letter < 0x800 ? 1 : letter < 0x10000 ? 2 : 3;
  out.push_back(static_cast<char>((more == 1 ? 0xc0 : more == 2 ? 0xe0 : 0xf0) | letter >> (6 * more)));
  for (uint32_t i = more; i-- > 0;) out.push_back(static_cast<char>(0x80 | (letter >> (6 * i) & 0x3f)));
}

}  // namespace

struct Dictionary::Sorted {
  uint32_t count = 0;                 // Terms with smaller numbers are in here.
  std::vector<uint32_t> order;        // by text
  std::vector<uint64_t> keys;         // of order: first eight bytes
  std::vector<uint64_t> shelves;      // first letter, length, number; ascending
  std::vector<uint64_t> sketches;     // of shelves
  std::vector<Beginning> beginnings;  // of shelves

  // Calls visit(place in shelves) for the terms of `length` letters with the query's first letter, but for
  // those whose sketch says that they are further away. With i letters inserted, r removed and s changed,
  // i - r = d, i + r + s <= edits: at most edits - d letters of the query are not in the term when d >= 0,
  // and at most `edits` the other way round; when d < 0 the two change places.
  template <class Visit>
  void each_like(const Letters& query, uint32_t length, uint32_t edits, Visit&& visit) const {
    const auto place = [&](uint32_t letters) {
      return static_cast<size_t>(
          std::lower_bound(shelves.begin(), shelves.end(), shelf_of(query.letter[0], letters)) -
          shelves.begin());
    };
    const uint64_t sketch = sketch_of(query);
    const uint32_t longer = length > query.size ? length - query.size : 0;
    const uint32_t shorter = query.size > length ? query.size - length : 0;
    const auto missing_most = static_cast<int>(edits - longer), more_most = static_cast<int>(edits - shorter);
    for (size_t at = place(length), end = place(length + 1); at < end; ++at)
      if (std::popcount(sketch & ~sketches[at]) <= missing_most &&
          std::popcount(sketches[at] & ~sketch) <= more_most)
        visit(at);
  }
};

void Dictionary::free_sorted() {
  delete sorted_.load(std::memory_order_relaxed);
}

bool Dictionary::wants_refresh(bool idle) const {
  const uint32_t sorted = sorted_.load(std::memory_order_relaxed)->count, tail = size() - sorted;
  return tail > (idle ? 256 + sorted / 64 : 1024 + sorted / 4);
}

void Dictionary::refresh() {
  const Sorted* old = sorted_.load(std::memory_order_relaxed);
  auto* next = new Sorted;
  next->count = size();
  const auto less = [this](uint32_t a, uint32_t b) { return text(a) < text(b); };
  if (old != nullptr) next->order = old->order;
  const auto middle = static_cast<ptrdiff_t>(next->order.size());
  for (auto number = static_cast<uint32_t>(middle); number < next->count; ++number)
    next->order.push_back(number);
  std::sort(next->order.begin() + middle, next->order.end(), less);
  std::inplace_merge(next->order.begin(), next->order.begin() + middle, next->order.end(), less);
  next->keys.reserve(next->count);
  next->shelves.reserve(next->count);
  for (const uint32_t number : next->order) {
    next->keys.push_back(key_of(text(number)));
    const Letters letters(text(number));
    next->shelves.push_back(shelf_of(letters.letter[0], letters.size) | number);
  }
  std::sort(next->shelves.begin(), next->shelves.end());
  next->sketches.reserve(next->count);
  next->beginnings.reserve(next->count);
  for (const uint64_t shelf : next->shelves) {
    const std::string_view term = text(static_cast<uint32_t>(shelf));
    next->sketches.push_back(sketch_of(Letters(term)));
    next->beginnings.push_back(beginning_of(term));
  }
  sorted_.store(next, std::memory_order_release);
  retired_sorted_.retire(old);
  retired_sorted_.reclaim();
}

size_t Dictionary::enumeration_bytes() const {
  return size_t{sorted_.load(std::memory_order_relaxed)->count} * (4 + 8 + 8 + 8 + sizeof(Beginning));
}

void Dictionary::prefix(std::string_view prefix, uint32_t limit, std::vector<TermInfo>& out) const {
  out.clear();
  const Sorted& sorted = *sorted_.load(std::memory_order_acquire);
  const uint64_t from = key_of(prefix);
  auto at = static_cast<size_t>(std::lower_bound(sorted.keys.begin(), sorted.keys.end(), from) -
                                sorted.keys.begin());
  const uint64_t mask = prefix.empty()       ? 0
                        : prefix.size() >= 8 ? ~uint64_t{0}
                                             : ~uint64_t{0} << (64 - 8 * prefix.size());
  // Frequencies first: texts are only looked at when a term may be among the best.
  uint32_t enough =
      1;  // Among equals the smaller term wins: once there are `limit`, a later one must be above.
  std::vector<uint32_t> heap;  // the `limit` best frequencies, the least on top
  const auto offer = [&](uint32_t number) {
    const uint32_t found = df(number);
    if (found < enough || limit == 0) return;
    if (prefix.size() > 8 && !text(number).starts_with(prefix)) return;
    out.push_back({text(number), found, 0, false});
    heap.push_back(found);
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
    if (heap.size() < limit) return;
    if (heap.size() > limit) {
      std::pop_heap(heap.begin(), heap.end(), std::greater<>());
      heap.pop_back();
    }
    enough = heap.front() + 1;
    if (out.size() >= 4 * size_t{limit} + 64) best_terms(out, limit);
  };
  for (; at < sorted.keys.size() && (sorted.keys[at] & mask) == from; ++at) offer(sorted.order[at]);
  for (uint32_t number = sorted.count, all = size(); number < all; ++number) {
    if (df(number) == 0 || !text(number).starts_with(prefix))
      continue;  // In no order: equals may be smaller.
    out.push_back({text(number), df(number), 0, false});
  }
  best_terms(out, limit);
}

void Dictionary::fuzzy(std::string_view term, uint32_t edits, uint32_t limit,
                       std::vector<TermInfo>& out) const {
  out.clear();
  const Letters query(term);
  if (query.size == 0) return;
  const auto offer = [&](uint32_t number) {
    const uint32_t found = df(number);
    if (found == 0) return;
    const std::string_view other = text(number);
    for (const TermInfo& info : out)
      if (info.term.data() == other.data()) return;
    if (const auto near = compare_fuzzy(query, term, other, edits))
      out.push_back({other, found, near->edits, near->first_letter});
  };
  const Sorted& sorted = *sorted_.load(std::memory_order_acquire);
  const NearWord near(query);
  const uint32_t longest = std::min(query.size + edits, kLettersMax);
  for (uint32_t length = query.size > edits ? query.size - edits : 1; length <= longest; ++length)
    sorted.each_like(query, length, edits, [&](size_t at) {
      const auto number = static_cast<uint32_t>(sorted.shelves[at]);
      const std::string_view whole = near.usable() ? whole_of(sorted.beginnings[at], length) : "";
      const uint32_t edited =
          whole.empty() ? edit_distance(query, Letters(text(number)), edits) : near.distance(whole);
      if (const uint32_t found = edited <= edits ? df(number) : 0; found != 0)
        out.push_back({text(number), found, static_cast<uint8_t>(edited), false});
    });
  for (uint32_t number = sorted.count, all = size(); number < all; ++number) offer(number);
  if (edits > 0) offer_first_letters(query, term, offer);
  best_terms(out, limit);
}

// The words that differ from the query in the first letter only: one less, another, one more, or swapped with
// the second.
template <class Offer>
void Dictionary::offer_first_letters(const Letters& query, std::string_view term, Offer&& offer) const {
  size_t first = 0;
  Letters::next(term, first);
  const std::string_view rest = term.substr(first);
  const auto try_word = [&](const std::string& word) {
    if (word.empty() || word.size() > kTermBytesMax) return;
    if (const uint32_t number = find(word); number != kNoTerm) offer(number);
  };
  try_word(std::string(rest));
  std::string word;
  const auto try_letter = [&](uint32_t letter) {
    if (letter == query.letter[0]) return;
    word.clear();
    append_letter(word, letter);
    const size_t head = word.size();
    try_word(word.append(rest));
    word.resize(head);
    try_word(word.append(term));
  };
  // Letters that the word's other letters make likely: ASCII, or the 64-letter block of its second letter.
  const uint32_t like = query.size > 1 ? query.letter[1] : query.letter[0];
  for (uint32_t letter = like < 0x80 ? '0' : like & ~63u, last = like < 0x80 ? 'z' : like | 63u;
       letter <= last; ++letter)
    if (letter >= 0x80 || letter <= '9' || letter >= 'a') try_letter(letter);
  if (query.size > 1) {
    word.clear();
    append_letter(word, query.letter[1]);
    append_letter(word, query.letter[0]);
    size_t second = 0;
    Letters::next(rest, second);
    try_word(word.append(rest.substr(second)));
  }
}

namespace {

// Walks sorted terms [lo, hi) that share their first `depth` bytes.
struct PrefixWalk {
  const Letters& query;
  uint32_t edits;
  const std::vector<uint32_t>& order;
  const std::vector<uint64_t>& keys;
  const Dictionary& dictionary;
  std::vector<TermInfo>& out;

  std::string_view text(size_t i) const { return dictionary.text(order[i]); }
  void take(size_t lo, size_t hi, uint32_t best) const {
    for (; lo < hi; ++lo)
      if (const uint32_t df = dictionary.df(order[lo]); df > 0)
        out.push_back({text(lo), df, static_cast<uint8_t>(best), false});
  }
  // End of the terms from `lo` on that share `size` bytes with it.
  size_t end_of(size_t lo, size_t hi, size_t size) const {
    if (size <= 8) {
      const uint64_t last = size == 8 ? keys[lo] : keys[lo] | (~uint64_t{0} >> (8 * size));
      return static_cast<size_t>(std::upper_bound(keys.begin() + static_cast<ptrdiff_t>(lo),
                                                  keys.begin() + static_cast<ptrdiff_t>(hi), last) -
                                 keys.begin());
    }
    const std::string_view shared = text(lo).substr(0, size);
    return static_cast<size_t>(
        std::partition_point(order.begin() + static_cast<ptrdiff_t>(lo),
                             order.begin() + static_cast<ptrdiff_t>(hi),
                             [&](uint32_t number) { return dictionary.text(number).starts_with(shared); }) -
        order.begin());
  }
  void walk(size_t lo, size_t hi, size_t depth, const EditRow& now, const EditRow& before, uint32_t last,
            uint32_t best) const {
    while (lo < hi) {
      const std::string_view word = text(lo);
      if (word.size() <= depth) {  // Ends here.
        if (best <= edits) take(lo, lo + 1, best);
        ++lo;
        continue;
      }
      size_t next_depth = depth;
      const uint32_t letter = Letters::next(word, next_depth);
      const size_t end = end_of(lo, hi, next_depth);
      if (depth > 0 || letter == query.letter[0]) {
        EditRow next;
        const uint32_t least = next_edit_row(query, now, before, last, letter, next);
        const uint32_t nearest = std::min<uint32_t>(best, next[query.size]);
        // Deeper terms can only be nearer when some cell is (one more for a transposition over the row).
        if (nearest == 0 || (least > edits && now_least(now) > edits) || next_depth >= word.size() + 1) {
          if (nearest <= edits) take(lo, end, nearest);
        } else {
          walk(lo, end, next_depth, next, now, letter, nearest);
        }
      }
      lo = end;
    }
  }
  uint32_t now_least(const EditRow& row) const {
    return *std::min_element(row.begin(), row.begin() + query.size + 1);
  }
};

}  // namespace

void Dictionary::fuzzy_prefix(std::string_view prefix, uint32_t edits, uint32_t limit,
                              std::vector<TermInfo>& out) const {
  out.clear();
  const Letters query(prefix);
  if (query.size == 0) return;
  const Sorted& sorted = *sorted_.load(std::memory_order_acquire);
  std::string first;
  append_letter(first, query.letter[0]);
  const auto lo = static_cast<size_t>(
      std::lower_bound(sorted.keys.begin(), sorted.keys.end(), key_of(first)) - sorted.keys.begin());
  const uint64_t last = key_of(first) | (~uint64_t{0} >> (8 * first.size()));
  const auto hi = static_cast<size_t>(std::upper_bound(sorted.keys.begin(), sorted.keys.end(), last) -
                                      sorted.keys.begin());
  EditRow row, none;
  first_edit_row(query, row);
  none = row;
  const PrefixWalk walk{query, edits, sorted.order, sorted.keys, *this, out};
  walk.walk(lo, hi, 0, row, none, 0, row[query.size]);
  for (uint32_t number = sorted.count, all = size(); number < all; ++number) {
    const std::string_view other = text(number);
    if (df(number) == 0 || !other.starts_with(first)) continue;
    const uint32_t d = edit_distance(query, Letters(other), edits, true);
    if (d <= edits) out.push_back({other, df(number), static_cast<uint8_t>(d), false});
  }
  best_terms(out, limit);
}

}  // namespace freshet::index
