#include "vector/nearest.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/hash.h"
#include "env/process.h"
#include "vector/internal/row_lists.h"

namespace freshet {
namespace {

constexpr uint32_t kFilterShare = 8;  // Filters that pass fewer than one row in eight are scanned exactly.
constexpr double kShareNear = 0.5;
constexpr uint32_t kProbesShare = 4;  // As are questions that would read a quarter of the lists.
constexpr uint32_t kListsMin = 16, kListsMax = 16384;
constexpr size_t kTrainRows = 40;    // a list
constexpr uint32_t kMeasured = 200;  // Rows whose neighbours are looked for to learn how far they lie.
constexpr uint32_t kFew = 10, kMany = 100;
constexpr uint32_t kRowsAtOnce = 256;  // read under one guard: it must not hold back reclamation
constexpr size_t kTakenAtOnce = 64;    // rows that changed while lists were built, listed again a tick

RowQuery as_query(const VectorSet& set, const VectorSet::Query& int8) {
  return {int8.bytes.data(), set.stride(), int8.scale};
}

}  // namespace

struct Nearest::View {
  View(uint32_t stride, uint32_t count, size_t rows) : lists(stride, count), built_rows(rows) {}

  // How many lists must be read for the k nearest rows of which a filter passes the share `share`: where that
  // is the share among the nearest too, the k-th of them is the (k / share)-th of all. Linear in the log of
  // that through what was measured.
  uint32_t probes(uint32_t k, double share) const {
    const double few = probes_few, many = std::max(probes_many, probes_few);
    const double slope = std::max(0.0, std::log10(static_cast<double>(k) / share / kFew));
    return static_cast<uint32_t>(std::ceil(few + (many - few) * slope));
  }

  RowLists lists;
  const size_t built_rows;
  uint32_t probes_few = 0, probes_many = 0;
  double seconds = 0;
};

Nearest::Nearest(const VectorSet& set, NearestConfig config) : set_(set), config_(config) {}

Nearest::~Nearest() {
  stop_.store(true);
  wake_.notify_all();
  if (worker_.joinable()) worker_.join();
  delete mailbox_.load();
  delete view_.load();
}

void Nearest::changed(uint32_t slot, float turn) {
  if (building_.load(std::memory_order_relaxed)) changed_.push_back(slot);
  if (view_.load(std::memory_order_relaxed) == nullptr) return;
  if (slot >= turned_.size()) turned_.resize(slot + 1 + slot / 4);
  // A chord is a metric, so the sum bounds how far the row is from where it began.
  turned_[slot] += turn;
  if (!(turned_[slot] > config_.turn_max)) return;
  turned_[slot] = 0;
  moved_.push_back(slot);
}

// Fold thread, or the builder before the view is handed over.
void Nearest::list(View& view, uint32_t slot) const {
  const VectorSet::Query row = set_.as_int8(set_.query_of(slot));
  if (row.bytes.empty()) return view.lists.remove(slot);
  view.lists.put(slot, reinterpret_cast<const int8_t*>(row.bytes.data()), row.scale);
}

bool Nearest::due() const {
  const size_t rows = set_.rows();
  if (rows < config_.rows_min || rows < 2 * refused_at_ || set_.metric() != Metric::kCosine) return false;
  const View* view = view_.load(std::memory_order_relaxed);
  return view == nullptr || rows > 2 * view->built_rows || moves_ > view->built_rows;
}

void Nearest::begin() {
  changed_.clear();
  building_.store(true);
  done_.store(false);
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
  }
  if (!worker_.joinable()) worker_ = std::thread([this] { work(); });
  wake_.notify_all();
}

// The builder read each row at some moment: those that changed since it began are listed again, a few a tick.
void Nearest::take_over() {
  if (next_ == nullptr) {
    const std::lock_guard lock(mutex_);
    next_ = std::move(finished_);
  }
  if (next_ == nullptr) {
    refused_at_ = set_.rows();
    building_.store(false);
    return;
  }
  for (size_t i = 0; i < kTakenAtOnce && !changed_.empty(); ++i) {
    list(*next_, changed_.back());
    changed_.pop_back();
  }
  if (!changed_.empty()) return;
  moved_.clear();
  turned_.clear();
  moves_ = 0;
  building_.store(false);
  retired_.retire(view_.exchange(next_.release(), std::memory_order_acq_rel));
  retired_.reclaim();
}

void Nearest::tick() {
  if (View* view = view_.load(std::memory_order_relaxed); view != nullptr && !moved_.empty()) {
    for (const uint32_t slot : moved_) list(*view, slot);
    moves_ += moved_.size();
    moved_.clear();
  }
  if (building_.load(std::memory_order_relaxed)) {
    if (done_.load(std::memory_order_acquire)) take_over();
    return;
  }
  if (due()) begin();
}

void Nearest::settle() {
  for (tick(); building_.load(); tick()) {
    if (next_ != nullptr) continue;
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::milliseconds(20), [this] { return done_.load(); });
  }
}

void Nearest::work() {
  std::unique_lock lock(mutex_);
  while (!stop_.load()) {
    if (wanted_) {
      wanted_ = false;
      lock.unlock();
      std::unique_ptr<View> view = build();
      lock.lock();
      finished_ = std::move(view);
      done_.store(true, std::memory_order_release);
      wake_.notify_all();
    }
    if (const std::unique_ptr<VectorSet::Query> query(mailbox_.exchange(nullptr)); query != nullptr) {
      lock.unlock();
      sample(*query);
      lock.lock();
    }
    // Readers post without a lock, so a call to wake may be missed: look again soon.
    if (!stop_.load() && !wanted_) wake_.wait_for(lock, std::chrono::milliseconds(200));
  }
}

std::unique_ptr<Nearest::View> Nearest::build() const {
  try {
    const double begun = thread_cpu_seconds();
    const size_t rows = set_.rows();
    const auto lists =
        static_cast<uint32_t>(std::clamp<size_t>(rows / config_.list_rows, kListsMin, kListsMax));
    auto view = std::make_unique<View>(set_.stride(), lists, rows);
    if (!fill(*view) || !measure(*view)) return nullptr;
    view->seconds = thread_cpu_seconds() - begun;
    return view;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

bool Nearest::fill(View& view) const {
  const uint32_t end = set_.slots();
  const size_t want = kTrainRows * view.lists.lists();
  const size_t step = std::max<size_t>(1, view.built_rows / want);
  std::vector<int8_t> sample;
  size_t seen = 0, taken = 0;
  for (uint32_t from = 0; from < end; from += kRowsAtOnce) {
    const EpochGuard guard;
    for (uint32_t slot = from; slot < std::min(end, from + kRowsAtOnce); ++slot) {
      if (!set_.has(slot) || seen++ % step != 0) continue;
      const VectorSet::Query row = set_.as_int8(set_.query_of(slot));
      const auto* values = reinterpret_cast<const int8_t*>(row.bytes.data());
      sample.insert(sample.end(), values, values + row.bytes.size());
      ++taken;
    }
  }
  if (taken < view.lists.lists() || !view.lists.train(sample, taken, stop_)) return false;
  for (uint32_t from = 0; from < end; from += kRowsAtOnce) {
    if (stop_.load(std::memory_order_relaxed)) return false;
    const EpochGuard guard;
    for (uint32_t slot = from; slot < std::min(end, from + kRowsAtOnce); ++slot) list(view, slot);
  }
  return true;
}

// For rows of the set: at which place in their order of lists those of their nearest rows stand.
bool Nearest::measure(View& view) const {
  std::vector<uint32_t> few, many, place(view.lists.lists());
  std::vector<VectorHit> order, exact;
  const uint32_t end = set_.slots();
  for (uint32_t i = 0; i < kMeasured; ++i) {
    if (stop_.load(std::memory_order_relaxed)) return false;
    const EpochGuard guard;
    auto slot = static_cast<uint32_t>(mix64(i, end) % end);
    while (slot < end && !set_.has(slot)) ++slot;
    const VectorSet::Query query = set_.query_of(slot);
    if (query.bytes.empty()) continue;
    const VectorSet::Query int8 = set_.as_int8(query);
    view.lists.nearest_lists(as_query(set_, int8), view.lists.lists(), order);
    for (uint32_t p = 0; p < order.size(); ++p) place[order[p].slot] = p + 1;
    set_.top(query, nullptr, kMany + 1, exact);
    for (uint32_t e = 0, rank = 0; e < exact.size(); ++e) {
      const uint32_t list = view.lists.list_of(exact[e].slot);
      if (exact[e].slot == slot || list == UINT32_MAX) continue;
      if (rank++ < kFew) few.push_back(place[list]);
      many.push_back(place[list]);
    }
  }
  const auto quantile = [this](std::vector<uint32_t>& places) {
    if (places.empty()) return 1u;
    const auto at = static_cast<size_t>(config_.recall * static_cast<double>(places.size() - 1));
    std::nth_element(places.begin(), places.begin() + static_cast<ptrdiff_t>(at), places.end());
    return places[at];
  };
  view.probes_few = quantile(few);
  view.probes_many = quantile(many);
  return view.probes_few * kProbesShare <= view.lists.lists();
}

bool Nearest::through_lists(const VectorSet::Query& query, const SlotSet* filter, uint32_t k,
                            std::vector<VectorHit>& out) const {
  const View* view = view_.load(std::memory_order_acquire);
  if (view == nullptr || k == 0 || query.bytes.empty()) return false;
  const auto rows = static_cast<double>(std::max<size_t>(1, set_.rows()));
  const double share = filter == nullptr ? 1 : std::min(1.0, static_cast<double>(filter->size()) / rows);
  if (share * kFilterShare < 1) return false;
  const uint32_t probes = view->probes(k, share);
  if (probes * kProbesShare > view->lists.lists()) return false;
  const VectorSet::Query int8 = set_.as_int8(query);
  const RowQuery rough = as_query(set_, int8);
  const uint32_t more = k + k / 4 + 8;  // Some of the copies are a little old, or coarser than the rows.
  if (filter == nullptr) {
    view->lists.search(rough, probes, nullptr, more, out);
  } else {
    const SlotSet::Probe pass(*filter);
    const RowLists::Passed near = view->lists.search(rough, probes, &pass, more, out);
    if (near.share() < share * kShareNear) return false;  // What it passes lies elsewhere.
  }
  std::erase_if(out, [this](const VectorHit& hit) { return !set_.has(hit.slot); });
  for (VectorHit& hit : out) hit.score = set_.score(query, hit.slot);
  // A row that moved on the way may have come twice.
  std::sort(out.begin(), out.end(), better);
  out.erase(std::unique(out.begin(), out.end(),
                        [](const VectorHit& a, const VectorHit& b) { return a.slot == b.slot; }),
            out.end());
  if (out.size() > k) out.resize(k);
  return out.size() == k;
}

void Nearest::top(const VectorSet::Query& query, const SlotSet* filter, uint32_t k,
                  std::vector<VectorHit>& out) const {
  if (!through_lists(query, filter, k, out)) return set_.top(query, filter, k, out);
  if (asked_.fetch_add(1, std::memory_order_relaxed) % config_.sample_every != 0) return;
  auto* copy = new VectorSet::Query(query);
  VectorSet::Query* none = nullptr;
  if (!mailbox_.compare_exchange_strong(none, copy)) delete copy;
}

void Nearest::sample(const VectorSet::Query& query) const {
  const EpochGuard guard;
  std::vector<VectorHit> exact, approximate;
  if (!through_lists(query, nullptr, kFew, approximate)) return;
  set_.top(query, nullptr, kFew, exact);
  uint64_t found = 0;
  // Equal scores are equally right.
  for (const VectorHit& hit : approximate) found += !exact.empty() && hit.score >= exact.back().score;
  found_.fetch_add(std::min<uint64_t>(found, exact.size()), std::memory_order_relaxed);
  possible_.fetch_add(exact.size(), std::memory_order_relaxed);
  samples_.fetch_add(1, std::memory_order_relaxed);
}

NearestStatus Nearest::status() const {
  NearestStatus status;
  status.building = building_.load();
  if (const View* view = view_.load(std::memory_order_acquire); view != nullptr) {
    status.listed_rows = view->lists.rows();
    status.lists = view->lists.lists();
    status.probes = view->probes_few;
    status.build_seconds = view->seconds;
  }
  status.recall_samples = samples_.load(std::memory_order_relaxed);
  if (const uint64_t possible = possible_.load(std::memory_order_relaxed); possible > 0)
    status.recall =
        static_cast<double>(found_.load(std::memory_order_relaxed)) / static_cast<double>(possible);
  return status;
}

size_t Nearest::bytes() const {
  const View* view = view_.load(std::memory_order_acquire);
  return view == nullptr ? 0 : view->lists.bytes();
}

}  // namespace freshet
