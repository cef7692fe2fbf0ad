#include "model/sequence_model.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "model/sequence_learner.h"
#include "model/serving_copy.h"
#include "model/vector_index.h"

namespace freshet {

uint8_t gap_bucket(int64_t gap_ms) {
  uint8_t bucket = 1;
  for (int64_t end = 1000; gap_ms >= end && bucket < kGapBuckets - 1; end *= 4) ++bucket;
  return bucket;
}

namespace {

constexpr size_t kRecallAt = 100;
constexpr size_t kAhead = 8;  // Rows asked for before they are needed: with many items each is a cache miss.

// Share of the k best of an exact scan that the index found too.
double overlap(std::vector<ScoredItem> exact, std::vector<ScoredItem> found) {
  if (exact.empty()) return 1;
  const auto by_item = [](const ScoredItem& a, const ScoredItem& b) { return a.item < b.item; };
  std::sort(exact.begin(), exact.end(), by_item);
  std::sort(found.begin(), found.end(), by_item);
  std::vector<ScoredItem> both;
  std::set_intersection(exact.begin(), exact.end(), found.begin(), found.end(), std::back_inserter(both),
                        by_item);
  return static_cast<double>(both.size()) / static_cast<double>(exact.size());
}

// Decides which queries are measured, and how many lists a query visits: more when the mean recall of the
// last measurements falls short, fewer when it is better than needed. Measured often until it is enough.
class RecallMeter {
 public:
  bool measure_next() {
    const uint64_t query = queries_.fetch_add(1, std::memory_order_relaxed);
    return query % (settled_.load(std::memory_order_relaxed) ? kSeldom : kOften) == 0;
  }
  void measured(double recall, uint32_t lists) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return;  // Another one is being counted: a request does not wait for it.
    ++count_;
    const double mean = recall_.load(std::memory_order_relaxed);
    recall_.store(mean + (recall - mean) / std::min(count_, kRemembered), std::memory_order_relaxed);
    window_ += recall;
    if (++in_window_ < kWindow) return;
    adapt(window_ / kWindow, lists);
    window_ = 0;
    in_window_ = 0;
  }
  uint32_t probes(uint32_t lists) const {
    const uint32_t set = probes_.load(std::memory_order_relaxed);
    return std::min(lists, set != 0 ? set : fixed_probes(lists));
  }
  double recall() const { return recall_.load(std::memory_order_relaxed); }
  // Where adaptation starts, and what the fold always uses.
  static uint32_t fixed_probes(uint32_t lists) { return std::min(lists, 16 + lists / 6); }

 private:
  static constexpr uint64_t kOften = 8, kSeldom = 256;  // Queries of which one is measured.
  static constexpr int kWindow = 8;                     // Measurements before a change.
  static constexpr double kRemembered = 32;
  static constexpr double kGood = 0.98, kMoreThanEnough = 0.992;

  void adapt(double recall, uint32_t lists) {
    const uint32_t now = probes(lists);
    uint32_t next = now;
    if (recall < kGood)  // At most twice as many.
      next =
          std::min(lists, now + 1 + static_cast<uint32_t>(now * std::clamp(3 * (kGood - recall), 0.1, 1.0)));
    else if (recall > kMoreThanEnough)
      next = std::max(8u, now - now / 12);
    settled_.store(recall >= kGood || next == now, std::memory_order_relaxed);
    probes_.store(next, std::memory_order_relaxed);
    if (next > now) count_ = 0;  // What was measured with less effort says nothing of this one.
  }

  std::atomic<uint64_t> queries_{0};
  std::atomic<double> recall_{1};
  std::atomic<uint32_t> probes_{0};
  std::atomic<bool> settled_{false};
  std::mutex mutex_;  // Guards the rest.
  double count_ = 0, window_ = 0;
  int in_window_ = 0;
};

}  // namespace

namespace {

// What changed since a publication; repeated entries are thrown out when it is used.
struct Delta {
  std::vector<uint32_t> items;  // Rows.
  std::vector<uint32_t> moved;  // Places in the index.
  std::vector<uint32_t> lists;  // Sizes and centroids in the index.
  size_t unique_at = 1 << 14;   // Entries from which on repetitions are thrown out early.

  void add(const Delta& now, Reserved<uint8_t>& met) {
    items.insert(items.end(), now.items.begin(), now.items.end());
    moved.insert(moved.end(), now.moved.begin(), now.moved.end());
    lists.insert(lists.end(), now.lists.begin(), now.lists.end());
    if (entries() < unique_at) return;
    unique(met);  // Nobody can be shown this for long: it must not grow beyond what there is.
    unique_at = std::max<size_t>(1 << 14, 2 * entries());
  }
  // Keeps the first of each. `met`: zeros, by item or list; zeros again afterwards.
  void unique(Reserved<uint8_t>& met) {
    for (std::vector<uint32_t>* v : {&items, &moved, &lists}) {
      std::erase_if(*v, [&met](uint32_t x) { return std::exchange(met[x], uint8_t{1}) != 0; });
      for (const uint32_t x : *v) met[x] = 0;
    }
  }
  void clear() {
    for (std::vector<uint32_t>* v : {&items, &moved, &lists}) v->clear();
    unique_at = 1 << 14;
  }
  size_t entries() const { return items.size() + moved.size() + lists.size(); }
};

}  // namespace

// Three copies. `own` is the fold thread's: publish() brings it up to date and the fold reads it, so what is
// learned from it depends on the log alone. The other two are "left" and "right" (Ramalhete, Correia 2013):
// `shown` is the one new Views read; the other is brought up to date from `own` and shown as soon as nobody
// reads it, and until then the fold goes on without waiting. A View counts itself in on its copy, and looks
// again at `shown` before it reads, so a writer that sees zero readers on the copy not shown knows that none
// will come.
struct SequenceModel::Impl {
  static constexpr size_t kLanes = 16;  // Counters by thread, so that readers do not share cache lines.
  struct alignas(64) Lane {
    std::atomic<int64_t> readers[2] = {0, 0};
  };

  explicit Impl(const SequenceOptions& o)
      : options(o),
        learner(o),
        index(o.dim, o.rows_max),
        own(o, &index),
        met(o.rows_max),
        copies{ServingCopy(o), ServingCopy(o)} {}

  const SequenceOptions options;           // Constant.
  SequenceLearner learner;                 // Fold thread only.
  VectorIndex index;                       // Fold thread only.
  ServingCopy own;                         // Fold thread only: as of the last publish().
  std::array<Delta, 2> behind;             // Fold thread only: what `own` has and each of the copies lacks.
  Reserved<uint8_t> met;                   // Fold thread only: zeros, for Delta.
  std::atomic<uint64_t> version{0};        // Fold thread stores, any thread loads.
  std::array<ServingCopy, 2> copies;       // Readers of the copy shown; the fold thread of the other.
  std::atomic<int> shown{0};               // Fold thread stores, any thread loads.
  mutable std::array<Lane, kLanes> lanes;  // Any thread.
  mutable RecallMeter meter;               // Any thread.

  int64_t readers(int side) const {
    int64_t sum = 0;
    for (const Lane& lane : lanes) sum += lane.readers[side].load();
    return sum;
  }
  // Brings the index up to what the learner changed. It comes into being when a scan gets too long: because
  // of the live items, or of the slots between them.
  void update_index() {
    if (!index.empty()) return index.update(learner.changed(), learner);
    const NegativeSampler& items = learner.sampler();
    const bool far = std::any_of(learner.changed().begin(), learner.changed().end(), [&](uint32_t item) {
      return item >= options.exact_rows_max && items.live(item);
    });
    if (far || items.live_items() > options.exact_rows_max) index.build(items.items(), learner);
  }
  // Brings `own` up to date. `as_shown`: rows that stay as they are there.
  void update_own(const Delta& now, std::span<const ShownRow> as_shown) {
    for (size_t i = 0; i < now.items.size(); ++i) {
      if (i + kAhead < now.items.size()) own.fetch_row(now.items[i + kAhead], learner);
      own.update_row(now.items[i], learner);
    }
    for (const ShownRow& row : as_shown) own.set_row(row);
    version.store(version.load() + 1);
    own.update_rest(learner, version.load());
    for (Delta& copy : behind) copy.add(now, met);
  }
  void update_cells(ServingCopy& to, const Delta& delta) {
    for (uint32_t list : delta.lists)
      if (list < index.lists()) to.update_list(index, list);
    if (index.empty()) return;
    for (const std::vector<uint32_t>* items : {&delta.items, &delta.moved}) {
      for (size_t i = 0; i < items->size(); ++i) {
        if (i + 2 * kAhead < items->size()) index.fetch((*items)[i + 2 * kAhead]);
        if (i + kAhead < items->size())
          if (const auto ahead = index.where((*items)[i + kAhead])) to.fetch_cell(ahead->list, ahead->place);
        to.update_cell(index, (*items)[i]);
      }
    }
  }
  // Shows requests what `own` holds, unless somebody still reads the copy that would have to change.
  bool try_show() {
    const int hidden = 1 - shown.load();
    if (readers(hidden) != 0) return false;
    Delta& delta = behind[hidden];
    delta.unique(met);
    ServingCopy& to = copies[hidden];
    to.resize_index(index.lists());
    for (size_t i = 0; i < delta.items.size(); ++i) {
      if (i + kAhead < delta.items.size()) {
        own.fetch_row(delta.items[i + kAhead]);
        to.fetch_row(delta.items[i + kAhead]);
      }
      to.copy_row(delta.items[i], own);
    }
    update_cells(to, delta);
    to.copy_rest(own);
    delta.clear();
    shown.store(hidden);
    return true;
  }
  bool show_waits() const { return copies[shown.load()].version() != version.load(); }
  const ServingCopy& copy(const void* replica) const { return *static_cast<const ServingCopy*>(replica); }
};

SequenceModel::SequenceModel(const SequenceOptions& options) {
  CHECK(options.dim % 32 == 0 && options.dim >= 32 && options.dim <= 128);
  CHECK(options.batch > 0 && options.negatives > 0 && options.negatives % 16 == 0);
  CHECK(options.context_max > 0 && options.history_max >= options.context_max && options.rows_max > 0);
  impl_ = std::make_unique<Impl>(options);
}
SequenceModel::~SequenceModel() = default;

void SequenceModel::add(uint32_t item, uint64_t key, std::span<const uint32_t> like) {
  if (item < impl_->options.rows_max && !live(item)) impl_->learner.add(item, key, like);
}
void SequenceModel::remove(uint32_t item) {
  if (live(item)) impl_->learner.remove(item);
}
bool SequenceModel::live(uint32_t item) const {
  return item < impl_->options.rows_max && impl_->learner.sampler().live(item);
}
uint32_t SequenceModel::live_items() const {
  return impl_->learner.sampler().live_items();
}

bool SequenceModel::learn(const SequenceContext& context, uint32_t target, uint64_t key, float weight) {
  if (impl_->show_waits()) impl_->try_show();
  return impl_->learner.learn(context, target, key, weight);
}

uint32_t SequenceModel::pending() const {
  return impl_->learner.pending();
}

void SequenceModel::publish() {
  Impl& m = *impl_;
  m.update_index();
  Delta now{{m.learner.changed().begin(), m.learner.changed().end()},
            {m.index.moved().begin(), m.index.moved().end()},
            {m.index.changed().begin(), m.index.changed().end()}};
  m.update_own(now, {});
  m.try_show();
  m.index.clear_changed();
  m.learner.clear_changed();
}

uint64_t SequenceModel::version() const {
  return impl_->version.load();
}
float SequenceModel::loss() const {
  return impl_->learner.loss();
}

// What changed since the last publish() is saved as it was published, so that a model loaded shows what
// this one shows.
void SequenceModel::save(Writer& out) const {
  const Impl& m = *impl_;
  m.learner.save(out);
  m.index.save(out);
  out.u32(static_cast<uint32_t>(m.learner.changed().size()));
  for (uint32_t item : m.learner.changed()) m.own.save_row(item, out);
}

Status SequenceModel::load(Reader& in) {
  Impl& m = *impl_;
  TRY_STATUS(m.learner.load(in));
  if (!m.index.load(in)) return corrupt("sequence model: index");
  const uint32_t rows = in.u32();
  if (!in.ok() || rows > m.options.rows_max) return corrupt("sequence model: rows as shown");
  std::vector<ShownRow> as_shown(rows);
  for (ShownRow& row : as_shown)
    if (!row.load(in, m.options)) return corrupt("sequence model: a row as shown");
  Delta all{{m.learner.changed().begin(), m.learner.changed().end()}, {}, {}};
  for (uint32_t list = 0; list < m.index.lists(); ++list) all.lists.push_back(list);
  for (const ShownRow& row : as_shown) all.items.push_back(row.item);
  m.update_own(all, as_shown);
  for (int side = 0; side < 2;
       ++side)  // Whoever loads is not in a hurry: both copies let go of the old state.
    while (!m.try_show()) std::this_thread::yield();
  m.index.clear_changed();
  m.learner.clear_changed();
  for (const ShownRow& row : as_shown) m.learner.mark_changed(row.item);
  return {};
}

size_t SequenceModel::bytes() const {
  return impl_->learner.bytes() + impl_->index.bytes() + impl_->copies[0].bytes() + impl_->copies[1].bytes() +
         impl_->own.bytes();
}

SequenceModel::View SequenceModel::view() const {
  static std::atomic<uint32_t> threads{0};
  thread_local const uint32_t lane = threads.fetch_add(1) % Impl::kLanes;
  while (true) {
    const int side = impl_->shown.load();
    impl_->lanes[lane].readers[side].fetch_add(1);
    if (impl_->shown.load() == side) return View(this, &impl_->copies[side], lane);
    impl_->lanes[lane].readers[side].fetch_sub(1);  // A publish() came in between: read the newer copy.
  }
}

SequenceModel::View SequenceModel::own_view() const {
  return View(this, &impl_->own, 0);
}

double SequenceModel::index_recall() const {
  return impl_->meter.recall();
}
uint32_t SequenceModel::index_probes() const {
  const View now = view();
  const uint32_t lists = impl_->copy(now.replica_).lists();
  return lists == 0 ? 0 : impl_->meter.probes(lists);
}

SequenceModel::View::View(const SequenceModel* model, const void* replica, uint32_t lane)
    : model_(model), replica_(replica), lane_(lane) {}
SequenceModel::View::View(View&& other) noexcept
    : model_(std::exchange(other.model_, nullptr)), replica_(other.replica_), lane_(other.lane_) {}
SequenceModel::View::~View() {
  if (model_ == nullptr || replica_ == &model_->impl_->own) return;
  const int side = replica_ == &model_->impl_->copies[0] ? 0 : 1;
  model_->impl_->lanes[lane_].readers[side].fetch_sub(1);
}

SequenceQuery SequenceModel::View::encode(const SequenceContext& context) const {
  return model_->impl_->copy(replica_).encode(context);
}

void SequenceModel::View::score(const SequenceQuery& query, std::span<const uint32_t> items,
                                std::span<float> out) const {
  CHECK(items.size() == out.size());
  model_->impl_->copy(replica_).score(query, items, out);
  for (float& score : out) score -= query.log_normalizer;
}

std::vector<ScoredItem> SequenceModel::View::top(const SequenceQuery& query, size_t k,
                                                 const std::function<bool(uint32_t)>& allow,
                                                 bool adaptive) const {
  const ServingCopy& copy = model_->impl_->copy(replica_);
  const uint32_t lists = copy.lists();
  if (lists == 0) return copy.scan(query, k, allow);
  if (!adaptive) return copy.search(query, k, allow, RecallMeter::fixed_probes(lists));
  RecallMeter& meter = model_->impl_->meter;
  const uint32_t probes = meter.probes(lists);
  if (!query.empty() && meter.measure_next())
    meter.measured(overlap(copy.exact(query, kRecallAt, {}), copy.search(query, kRecallAt, {}, probes)),
                   lists);
  return copy.search(query, k, allow, probes);
}

std::vector<ScoredItem> SequenceModel::View::top_exact(const SequenceQuery& query, size_t k,
                                                       const std::function<bool(uint32_t)>& allow) const {
  return model_->impl_->copy(replica_).scan(query, k, allow);
}

uint64_t SequenceModel::View::version() const {
  return model_->impl_->copy(replica_).version();
}
uint32_t SequenceModel::View::live_items() const {
  return model_->impl_->copy(replica_).live_items();
}

}  // namespace freshet
