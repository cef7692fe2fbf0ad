#include "rank/served_words.h"

#include <algorithm>

namespace freshet {
namespace {

enum : uint8_t { kChanged = 1, kFrozen = 2, kMoved = 4, kWritten = 8 };

}  // namespace

// Memory of zeros that the system gives page by page as it is touched: no pause for megabytes of them.
uint64_t* ServedWords::zeros(size_t size) {
  auto* words = static_cast<uint64_t*>(std::calloc(size, sizeof(uint64_t)));
  CHECK(words != nullptr);
  return words;
}

void ServedWords::make() {
  candidate_.reset(zeros(size_));
  good_.reset(zeros(size_));
  for (Bits* bits : {&changed_, &frozen_, &moved_, &written_}) bits->make(size_);
  live_.store(zeros(size_), std::memory_order_release);
}

void ServedWords::clear() {
  std::free(live_.exchange(nullptr));
  candidate_.reset();
  good_.reset();
  for (Bits* bits : {&changed_, &frozen_, &moved_, &written_}) bits->make(0);
  marked_.clear();
}

void ServedWords::publish() {
  frozen_.each([&](size_t i) {
    put_live(i, candidate_[i]);
    moved_.set(i);
  });
  frozen_.clear();
  begin_marked();
}

void ServedWords::back_to_mark() {
  for (const Marked& one : marked_) {
    put_live(one.i, one.word);
    changed_.set(one.i);
    frozen_.set(one.i);
    moved_.set(one.i);
  }
  begin_marked();
}

void ServedWords::discard() {
  if (candidate_ == nullptr) return;
  frozen_.each([&](size_t i) { candidate_[i] = word_at(live(), i); });
  changed_.add(frozen_);
  frozen_.clear();
}

void ServedWords::roll_back() {
  if (candidate_ == nullptr) return;
  discard();
  moved_.each([&](size_t i) {
    put_live(i, good_[i]);
    candidate_[i] = good_[i];
  });
  changed_.add(moved_);
  moved_.clear();
  begin_marked();
}

void ServedWords::good_moves() {
  moved_.each([&](size_t i) { good_[i] = word_at(live(), i); });
  moved_.clear();
}

void ServedWords::step() {
  if (candidate_ == nullptr) return;
  moved_.add(frozen_);
  moved_.each([&](size_t i) { good_[i] = candidate_[i]; });
  moved_ = frozen_;
  frozen_.each([&](size_t i) { candidate_[i] = word_at(live(), i); });
  frozen_.clear();
}

// Of each word that is not 0 everywhere, or in hand: the gap to the one before, what may differ, live, and
// the others where they may differ; what it was at the mark, where it was written since.
void ServedWords::save(Writer& out) const {
  out.varint(candidate_ == nullptr ? 0 : size_);
  if (candidate_ == nullptr) return;
  std::vector<Marked> marked = marked_;
  std::sort(marked.begin(), marked.end(), [](const Marked& a, const Marked& b) { return a.i < b.i; });
  auto written = marked.begin();
  size_t last = 0;
  for (size_t i = 0; i < size_; ++i) {
    const auto flags =
        static_cast<uint8_t>((changed_.has(i) ? kChanged : 0) | (frozen_.has(i) ? kFrozen : 0) |
                             (moved_.has(i) ? kMoved : 0) | (written_.has(i) ? kWritten : 0));
    const uint64_t word = word_at(live(), i);
    if (flags == 0 && word == 0) continue;
    out.varint(i + 1 - last);
    last = i + 1;
    out.u8(flags);
    out.u64(word);
    if ((flags & kFrozen) != 0) out.u64(candidate_[i]);
    if ((flags & kMoved) != 0) out.u64(good_[i]);
    if ((flags & kWritten) != 0) out.u64((written++)->word);
  }
  out.varint(0);
}

Status ServedWords::load(Reader& in) {
  clear();
  const uint64_t size = in.varint();
  if (in.ok() && size == 0) return {};
  const auto fail = [&](const char* what) -> Status {
    clear();
    return corrupt(what);
  };
  if (size != size_) return fail("served words: a table of another size");
  make();
  size_t at = 0;
  for (uint64_t gap = in.varint(); gap != 0; gap = in.varint()) {
    if (gap > size_ - at) return fail("served words: one outside the table");
    at += gap;
    const size_t i = at - 1;
    const uint8_t flags = in.u8();
    if (flags > (kChanged | kFrozen | kMoved | kWritten))
      return fail("served words: flags that do not exist");
    const uint64_t word = in.u64();
    put_live(i, word);
    candidate_[i] = (flags & kFrozen) != 0 ? in.u64() : word;
    good_[i] = (flags & kMoved) != 0 ? in.u64() : word;
    if ((flags & kChanged) != 0) changed_.set(i);
    if ((flags & kFrozen) != 0) frozen_.set(i);
    if ((flags & kMoved) != 0) moved_.set(i);
    if ((flags & kWritten) == 0) continue;
    written_.set(i);
    marked_.push_back({i, in.u64()});
  }
  if (!in.ok()) return fail("served words: cut short");
  return {};
}

}  // namespace freshet
