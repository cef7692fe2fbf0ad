#include "model/sequence_model.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <thread>
#include <utility>

#include "base/hash.h"
#include "model/sequence_learner.h"
#include "model/serving_copy.h"

namespace freshet {

uint8_t gap_bucket(int64_t gap_ms) {
  uint8_t bucket = 1;
  for (int64_t end = 1000; gap_ms >= end && bucket < kGapBuckets - 1; end *= 4) ++bucket;
  return bucket;
}

// Two copies, "left" and "right" (Ramalhete, Correia 2013). `shown` is the one new Views read. publish()
// changes the other one, shows it, and remembers what the first lacks. A View counts itself in on its copy,
// and looks again at `shown` before it reads, so a writer that sees zero readers on the copy not shown knows
// that none will come.
struct SequenceModel::Impl {
  static constexpr size_t kLanes = 16;  // Counters by thread, so that readers do not share cache lines.
  struct alignas(64) Lane {
    std::atomic<int64_t> readers[2] = {0, 0};
  };

  explicit Impl(const SequenceOptions& o) : options(o), learner(o), copies{ServingCopy(o), ServingCopy(o)} {}

  const SequenceOptions options;      // Constant.
  SequenceLearner learner;            // Fold thread only.
  std::vector<uint32_t> behind;       // Fold thread only: changed in the copy shown, not yet in the other.
  std::atomic<uint64_t> version{0};   // Fold thread stores, any thread loads.
  std::array<ServingCopy, 2> copies;  // Readers of the copy shown; the fold thread of the other.
  std::atomic<int> shown{0};          // Fold thread stores, any thread loads.
  mutable std::array<Lane, kLanes> lanes;  // Any thread.

  int64_t readers(int side) const {
    int64_t sum = 0;
    for (const Lane& lane : lanes) sum += lane.readers[side].load();
    return sum;
  }
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
  return impl_->learner.learn(context, target, key, weight);
}

void SequenceModel::publish() {
  Impl& m = *impl_;
  const int hidden = 1 - m.shown.load();
  while (m.readers(hidden) != 0) std::this_thread::yield();
  ServingCopy& copy = m.copies[hidden];
  for (uint32_t item : m.behind) copy.update_row(item, m.learner);
  for (uint32_t item : m.learner.changed()) copy.update_row(item, m.learner);
  m.behind.assign(m.learner.changed().begin(), m.learner.changed().end());
  m.learner.clear_changed();
  copy.update_rest(m.learner, m.version.load() + 1);
  m.version.store(m.version.load() + 1);
  m.shown.store(hidden);
}

uint64_t SequenceModel::version() const {
  return impl_->version.load();
}
float SequenceModel::loss() const {
  return impl_->learner.loss();
}

void SequenceModel::save(Writer& out) const {
  impl_->learner.save(out);
}

Status SequenceModel::load(Reader& in) {
  TRY_STATUS(impl_->learner.load(in));
  publish();
  return {};
}

size_t SequenceModel::bytes() const {
  return impl_->learner.bytes() + impl_->copies[0].bytes() + impl_->copies[1].bytes() +
         impl_->behind.capacity() * sizeof(uint32_t);
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

double SequenceModel::index_recall() const {
  return 1;
}
uint32_t SequenceModel::index_probes() const {
  return 0;
}

SequenceModel::View::View(const SequenceModel* model, const void* replica, uint32_t lane)
    : model_(model), replica_(replica), lane_(lane) {}
SequenceModel::View::View(View&& other) noexcept
    : model_(std::exchange(other.model_, nullptr)), replica_(other.replica_), lane_(other.lane_) {}
SequenceModel::View::~View() {
  if (model_ == nullptr) return;
  const int side = replica_ == &model_->impl_->copies[0] ? 0 : 1;
  model_->impl_->lanes[lane_].readers[side].fetch_sub(1);
}

SequenceQuery SequenceModel::View::encode(const SequenceContext& context) const {
  return model_->impl_->copy(replica_).encode(context);
}

void SequenceModel::View::score(const SequenceQuery& query, std::span<const uint32_t> items,
                                std::span<float> out) const {
  CHECK(items.size() == out.size());
  const ServingCopy& copy = model_->impl_->copy(replica_);
  for (size_t i = 0; i < items.size(); ++i) out[i] = copy.score(query, items[i]) - query.log_normalizer;
}

std::vector<ScoredItem> SequenceModel::View::top(const SequenceQuery& query, size_t k,
                                                 const std::function<bool(uint32_t)>& allow, bool) const {
  return top_exact(query, k, allow);
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
