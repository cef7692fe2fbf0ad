#include "recommend/neighbours.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "base/epoch.h"
#include "base/hash.h"
#include "recommend/numeric.h"
#include "recommend/slots.h"

namespace freshet {

namespace {

constexpr uint32_t kItems = 26;          // Of one session; a longer one goes on in a new record.
constexpr uint32_t kPostingsMax = 512;   // Latest sessions of an item that are remembered.
constexpr size_t kAsked = 10;            // Latest items of the current session that look for neighbours.
constexpr uint32_t kPostingsRead = 256;  // Of the newest of them; less of the others.
constexpr size_t kNeighbours = 120;
constexpr size_t kSessionsMin = 4096, kSessionsMax = size_t{1} << 19;
constexpr float kLambdaItem = 3.0f;   // The current session's items fade by e for so many items back.
constexpr float kLambdaPlace = 3.0f;  // A neighbour's items fade by e for so many places from the shared one.
constexpr float kHalfLife = 60'000;   // Sessions count half after so many newer ones.

constexpr SourceColumn kColumns[] = {
    {"neighbours"}, {"neighbours_after"}, {"neighbours_plain"}, {"neighbours_idf"}};

struct Session {
  std::atomic<uint64_t> shopper{0};
  std::atomic<uint64_t> order{0};
  std::atomic<uint32_t> number{0};  // Which of all sessions lies here now; 0: none.
  std::atomic<uint32_t> size{0};
  std::atomic<uint32_t> items[kItems] = {};
};

struct Postings {
  const uint32_t capacity;
  std::atomic<uint32_t> count{0};  // All ever; the newest lies at (count - 1) % capacity.
  std::atomic<uint32_t>* numbers() { return reinterpret_cast<std::atomic<uint32_t>*>(this + 1); }
  const std::atomic<uint32_t>* numbers() const {
    return reinterpret_cast<const std::atomic<uint32_t>*>(this + 1);
  }
};

void release_postings(void* postings) {
  ::operator delete(postings);
}

// Sums over session numbers; lives on one thread, reused.
class Similarities {
 public:
  struct Cell {
    uint32_t number = 0;
    float sum = 0;
    uint32_t newest = 0;  // Which recent item was shared, the newest of them.
  };
  Similarities() : table_(kTable) {}
  void clear() {
    for (const uint32_t at : used_) table_[at] = {};
    used_.clear();
  }
  void add(uint32_t number, float by, uint32_t recent) {
    uint32_t at = static_cast<uint32_t>(mix64(number) % kTable);
    while (table_[at].number != 0 && table_[at].number != number) at = (at + 1) % kTable;
    if (table_[at].number == 0) {
      if (used_.size() == kTable / 2) return;
      table_[at] = {number, 0, recent};
      used_.push_back(at);
    }
    table_[at].sum += by;
  }
  const std::vector<uint32_t>& used() const { return used_; }
  Cell& cell(uint32_t at) { return table_[at]; }

 private:
  static constexpr uint32_t kTable = 8192;
  std::vector<Cell> table_;
  std::vector<uint32_t> used_;
};

class NeighbourSource final : public Source {
 public:
  explicit NeighbourSource(size_t bytes_max)
      : sessions_max_(static_cast<uint32_t>(
            std::clamp<size_t>(bytes_max / 2 / sizeof(Session), kSessionsMin, kSessionsMax))),
        postings_bytes_max_(bytes_max - std::min(bytes_max, sessions_max_ * sizeof(Session))),
        current_(kCurrent, 0) {}
  ~NeighbourSource() override {
    for (ItemSlot i = 0; i < postings_.end(); ++i)
      if (auto* place = postings_.find(i)) release_postings(get(*place));
  }
  std::string_view name() const override { return "neighbours"; }
  std::span<const SourceColumn> columns() const override { return kColumns; }

  void learn(const Lesson& lesson, const Context&) override {
    const uint64_t shopper = lesson.before.shopper;
    uint32_t& current = current_[mix64(shopper) % kCurrent];
    Session* session = current == 0 ? nullptr : sessions_.find(current % sessions_max_);
    const bool goes_on =
        session != nullptr && get(session->number) == current && get(session->shopper) == shopper &&
        get(session->size) < kItems &&
        (lesson.step.order != 0 ? get(session->order) == lesson.step.order
                                : get(session->order) == 0 && !lesson.before.session().empty());
    if (!goes_on) {
      current = get(newest_) + 1;
      session = &sessions_.at(current % sessions_max_);
      put(session->number, 0u);
      put(session->size, 0u);
      put(session->shopper, shopper);
      put(session->order, lesson.step.order);
      session->number.store(current, std::memory_order_release);
      put(newest_, current);
    }
    const uint32_t size = get(session->size);
    for (uint32_t i = 0; i < size; ++i)
      if (get(session->items[i]) == lesson.step.item) return;
    put(session->items[size], lesson.step.item);
    put(session->size, size + 1);
    post(lesson.step.item, current);
  }

  void collect(const Context& context, size_t first, Slate& slate) const override {
    static thread_local Similarities similar;
    similar.clear();
    const uint32_t newest = get(newest_);
    const size_t asked = std::min(context.basket ? 2 * kAsked : kAsked, context.recents.size());
    float norm = 0;
    for (size_t r = 0; r < asked; ++r) {
      const Recent& recent = context.recents[r];
      const Postings* postings = find(recent.item);
      float weight = numeric::exp(-static_cast<float>(recent.rank) / kLambdaItem);
      if (recent.in_session == 0 && !context.basket) weight *= 0.5f;
      norm += weight;
      if (postings == nullptr) continue;
      const uint32_t count = get(postings->count);
      const uint32_t kept = std::min(count, postings->capacity);
      const uint32_t read = std::min(kept, std::max(32u, kPostingsRead / (recent.rank + 1)));
      for (uint32_t n = 0; n < read; ++n)
        similar.add(get(postings->numbers()[(count - 1 - n) % postings->capacity]), weight,
                    static_cast<uint32_t>(r));
    }
    if (similar.used().empty()) return;
    static thread_local std::vector<std::pair<float, uint32_t>> best;
    static thread_local std::vector<float> fading;
    best.clear();
    fading.clear();
    for (const uint32_t at : similar.used()) {
      const Similarities::Cell& cell = similar.cell(at);
      const uint32_t age = newest - std::min(newest, cell.number);
      if (age >= sessions_max_) continue;
      best.emplace_back(cell.sum / norm, at);
      fading.push_back(-static_cast<float>(age) / kHalfLife);
    }
    numeric::exp2_of(fading.data(), fading.data(), fading.size());
    for (size_t n = 0; n < best.size(); ++n) best[n].first *= fading[n];
    const size_t kept = std::min(kNeighbours, best.size());
    const auto before = [&](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first
                                : similar.cell(a.second).number > similar.cell(b.second).number;
    };
    std::nth_element(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(kept), best.end(), before);
    std::sort(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(kept),
              before);  // a fixed order of sums
    float total = 1e-20f;
    for (size_t n = 0; n < kept; ++n) {
      total += best[n].first;
      sessions_.fetch(similar.cell(best[n].second).number % sessions_max_);
    }
    for (size_t n = 0; n < kept; ++n)
      vote(context, similar.cell(best[n].second), best[n].first / total, first, slate);
  }

  void fill(const Context&, size_t first, std::span<const uint32_t> chosen, Slate& slate) const override {
    const float all = static_cast<float>(get(newest_)) + 1;
    static thread_local std::vector<const Postings*> found;
    found.clear();
    for (const uint32_t at : chosen) postings_.fetch(slate.item(at));
    for (const uint32_t at : chosen) {
      found.push_back(find(slate.item(at)));
      if (found.back() != nullptr) __builtin_prefetch(found.back());
    }
    for (size_t i = 0; i < chosen.size(); ++i) {
      const float seen = found[i] == nullptr ? 0 : static_cast<float>(get(found[i]->count));
      float* x = slate.columns(chosen[i]) + first;
      x[3] = x[0] * numeric::log(1 + all / (seen + 1)) * 0.2f;
    }
  }

  RecommendReason reason(const Context&, ItemSlot) const override {
    return {RecommendReason::Kind::kSimilarShoppers};
  }

  void evict(const ForgottenItems& gone) override {
    for (ItemSlot i = 0; i < postings_.end(); ++i) {
      auto* place = postings_.find(i);
      if (place != nullptr && get(*place) != nullptr && gone.contains(i)) publish(*place, nullptr);
    }
    for (uint32_t at = 0; at < std::min(sessions_.end(), sessions_max_); ++at) {
      Session* session = sessions_.find(at);
      if (session == nullptr) continue;
      uint32_t kept = 0;
      for (uint32_t i = 0; i < get(session->size); ++i)
        if (!gone.contains(get(session->items[i]))) put(session->items[kept++], get(session->items[i]));
      put(session->size, kept);
    }
  }

  void save(Writer& out) const override {
    out.u32(sessions_max_);
    out.u32(get(newest_));
    for (uint32_t at = 0; at < std::min(sessions_.end(), sessions_max_); ++at) {
      const Session* session = sessions_.find(at);
      if (session == nullptr || get(session->number) == 0) continue;
      out.u32(get(session->number));
      out.u64(get(session->shopper));
      out.u64(get(session->order));
      out.u32(get(session->size));
      for (uint32_t i = 0; i < get(session->size); ++i) out.u32(get(session->items[i]));
    }
    out.u32(0);
    for (ItemSlot i = 0; i < postings_.end(); ++i) {
      const Postings* postings = find(i);
      if (postings == nullptr) continue;
      out.u32(i);
      out.u32(postings->capacity);
      out.u32(get(postings->count));
      for (uint32_t n = 0; n < std::min(get(postings->count), postings->capacity); ++n)
        out.u32(get(postings->numbers()[n]));
    }
    out.u32(kNoItem);
    for (uint32_t at = 0; at < kCurrent; ++at)
      if (current_[at] != 0) {
        out.u32(at);
        out.u32(current_[at]);
      }
    out.u32(kNoItem);
  }

  Status load(Reader& in) override {
    if (in.u32() != sessions_max_) return corrupt("neighbours: saved with another number of sessions");
    put(newest_, in.u32());
    for (uint32_t at = 0; at < std::min(sessions_.end(), sessions_max_); ++at)
      if (Session* session = sessions_.find(at)) put(session->number, 0u);
    for (ItemSlot i = 0; i < postings_.end(); ++i)
      if (auto* place = postings_.find(i)) publish(*place, nullptr);
    for (uint32_t number = in.u32(); number != 0; number = in.u32()) {
      Session& session = sessions_.at(number % sessions_max_);
      put(session.number, number);
      put(session.shopper, in.u64());
      put(session.order, in.u64());
      const uint32_t size = in.u32();
      if (!in.ok() || size > kItems)
        return corrupt("neighbours: session of " + std::to_string(size) + " items");
      put(session.size, size);
      for (uint32_t i = 0; i < size; ++i) put(session.items[i], in.u32());
    }
    for (ItemSlot i = in.u32(); i != kNoItem; i = in.u32()) {
      const uint32_t capacity = in.u32();
      const uint32_t count = in.u32();
      if (!in.ok() || i >= 1u << 26 || capacity == 0 || capacity > kPostingsMax)
        return corrupt("neighbours: item " + std::to_string(i));
      Postings* postings = make(capacity);
      put(postings->count, count);
      for (uint32_t n = 0; n < std::min(count, capacity); ++n) put(postings->numbers()[n], in.u32());
      publish(postings_.at(i), postings);
    }
    std::fill(current_.begin(), current_.end(), 0);
    for (uint32_t at = in.u32(); at != kNoItem; at = in.u32()) {
      if (!in.ok() || at >= kCurrent) return corrupt("neighbours: current sessions");
      current_[at] = in.u32();
    }
    if (!in.ok()) return corrupt("neighbours: cut short");
    return {};
  }

  size_t bytes() const override {
    return sessions_.bytes() + postings_.bytes() + get(bytes_) + kCurrent * sizeof(uint32_t);
  }

 private:
  static constexpr uint32_t kCurrent = 1 << 18;

  const Postings* find(ItemSlot item) const {
    const auto* place = postings_.find(item);
    return place == nullptr ? nullptr : place->load(std::memory_order_acquire);
  }
  Postings* make(uint32_t capacity) {
    const size_t size = sizeof(Postings) + capacity * sizeof(std::atomic<uint32_t>);
    Postings* postings = new (::operator new(size)) Postings{capacity};
    for (uint32_t n = 0; n < capacity; ++n) new (postings->numbers() + n) std::atomic<uint32_t>(0);
    put(bytes_, get(bytes_) + size);
    return postings;
  }
  void publish(std::atomic<Postings*>& place, Postings* next) {
    Postings* old = get(place);
    place.store(next, std::memory_order_release);
    if (old == nullptr) return;
    put(bytes_, get(bytes_) - sizeof(Postings) - old->capacity * sizeof(std::atomic<uint32_t>));
    retired_.add(old, release_postings);
  }
  void post(ItemSlot item, uint32_t number) {
    std::atomic<Postings*>& place = postings_.at(item);
    Postings* postings = get(place);
    const uint32_t count = postings == nullptr ? 0 : get(postings->count);
    const bool full = postings != nullptr && count == postings->capacity && count < kPostingsMax;
    if (postings == nullptr || (full && get(bytes_) < postings_bytes_max_)) {
      Postings* next = make(postings == nullptr ? 4 : 2 * postings->capacity);
      for (uint32_t n = 0; n < count; ++n) put(next->numbers()[n], get(postings->numbers()[n]));
      put(next->count, count);
      publish(place, next);
      postings = next;
    }
    put(postings->numbers()[count % postings->capacity], number);
    put(postings->count, count + 1);
  }

  void vote(const Context& context, const Similarities::Cell& cell, float similarity, size_t first,
            Slate& slate) const {
    const Session* session = sessions_.find(cell.number % sessions_max_);
    if (session == nullptr || session->number.load(std::memory_order_acquire) != cell.number) return;
    if (get(session->shopper) == context.shopper && context.shopper != 0) return;
    const uint32_t size = std::min(get(session->size), kItems);
    const ItemSlot shared = context.recents[cell.newest].item;
    uint32_t place = size;
    for (uint32_t i = 0; i < size; ++i)
      if (get(session->items[i]) == shared) place = i;
    if (place == size) return;
    const float length = 1 / std::sqrt(static_cast<float>(size));
    for (uint32_t i = 0; i < size; ++i) {
      if (i == place) continue;
      float* x = slate.row(get(session->items[i]));
      if (x == nullptr) continue;
      x += first;
      const uint32_t gap = i > place ? i - place : place - i;
      const float vote = similarity * numeric::exp(-static_cast<float>(gap - 1) / kLambdaPlace);
      x[0] += vote * length;
      if (i > place) x[1] += vote;
      x[2] += similarity;
    }
  }

  const uint32_t sessions_max_;
  const size_t postings_bytes_max_;  // Beyond it lists grow no more: the newest take the place of the oldest.
  SlotArray<Session> sessions_;
  SlotArray<std::atomic<Postings*>> postings_;
  std::atomic<uint32_t> newest_{0};
  std::atomic<size_t> bytes_{0};
  std::vector<uint32_t> current_;  // Writer only: shopper's hash -> number of the session being filled
  RetireList retired_;
};

}  // namespace

std::unique_ptr<Source> make_neighbours(size_t bytes_max) {
  return std::make_unique<NeighbourSource>(bytes_max);
}

}  // namespace freshet
