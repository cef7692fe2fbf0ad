#include "vector/nearest.h"

#include <algorithm>
#include <chrono>

#include "vector/internal/graph.h"

namespace freshet {
namespace {

constexpr uint32_t kFilterShare = 8;  // Filters that pass fewer than one row in eight are scanned exactly.
constexpr uint32_t kSampleK = 10;

}  // namespace

// One bit a slot, set by the fold thread; readers walk the words.
struct Nearest::Stale {
  StableArray<std::atomic<uint64_t>, 1024, 4096> words;
  std::vector<float> turned;  // Fold thread: by slot, since the graph's row was read.
  std::atomic<uint64_t> count{0};

  bool has(uint32_t slot) const {
    return slot / 64 < words.size() && (words[slot / 64].load(std::memory_order_relaxed) >> (slot % 64) & 1);
  }
};

struct Nearest::View {
  std::unique_ptr<Graph> graph;
  std::shared_ptr<Stale> stale;
};

struct Nearest::Graph : RowGraph {
  using RowGraph::RowGraph;
};

Nearest::Nearest(const VectorSet& set, NearestConfig config) : set_(set), config_(config) {}

Nearest::~Nearest() {
  stop_.store(true);
  wake_.notify_all();
  if (worker_.joinable()) worker_.join();
  delete mailbox_.load();
  delete view_.load();
}

void Nearest::mark(Stale* stale, uint32_t slot, float turn) const {
  if (stale == nullptr) return;
  if (slot >= stale->turned.size()) stale->turned.resize(slot + 1 + slot / 4);
  // A chord is a metric, so the sum bounds how far the row is from where it began.
  stale->turned[slot] += turn;
  if (!(stale->turned[slot] > config_.turn_max) || stale->has(slot)) return;
  if (slot / 64 >= stale->words.size()) stale->words.grow(slot / 64 + 1);
  std::atomic<uint64_t>& word = stale->words[slot / 64];
  word.store(word.load(std::memory_order_relaxed) | uint64_t{1} << (slot % 64), std::memory_order_release);
  stale->count.store(stale->count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void Nearest::changed(uint32_t slot, float turn) {
  mark(stale_.get(), slot, turn);
  mark(next_stale_.get(), slot, turn);
}

void Nearest::begin() {
  next_stale_ = std::make_shared<Stale>();
  building_.store(true);
  done_.store(false);
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
  }
  if (!worker_.joinable()) worker_ = std::thread([this] { work(); });
  wake_.notify_all();
}

void Nearest::tick() {
  if (building_.load(std::memory_order_relaxed)) {
    if (!done_.load(std::memory_order_acquire)) return;
    std::unique_ptr<Graph> graph;
    {
      const std::lock_guard lock(mutex_);
      graph = std::move(finished_);
    }
    building_.store(false);
    refused_ = graph == nullptr;
    if (refused_) {
      next_stale_.reset();
      return;
    }
    stale_ = std::move(next_stale_);
    auto* next = new View{std::move(graph), stale_};
    retired_.retire(view_.exchange(next, std::memory_order_acq_rel));
    retired_.reclaim();
  }
  const size_t rows = set_.rows();
  if (rows < config_.rows_min || refused_) return;
  const View* view = view_.load(std::memory_order_relaxed);
  const auto stale_max = static_cast<uint64_t>(config_.stale_max * static_cast<double>(rows));
  if (view == nullptr || stale_->count.load(std::memory_order_relaxed) > stale_max) begin();
}

void Nearest::settle() {
  for (tick(); building_.load(); tick()) {
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
      std::unique_ptr<Graph> graph = build();
      lock.lock();
      finished_ = std::move(graph);
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

std::unique_ptr<Nearest::Graph> Nearest::build() const {
  constexpr uint32_t kAtOnce = 1024;  // Rows read under one guard: it must not hold back reclamation.
  const uint32_t end = set_.slots();
  const size_t rows = set_.rows();
  auto graph = std::make_unique<Graph>(set_.stride());
  for (uint32_t slot = 0; slot < end; slot += kAtOnce) {
    const EpochGuard guard;
    for (uint32_t s = slot; s < std::min(end, slot + kAtOnce); ++s)
      if (const VectorSet::Query row = set_.as_int8(set_.query_of(s)); !row.bytes.empty())
        graph->add(s, reinterpret_cast<const int8_t*>(row.bytes.data()), row.scale);
  }
  if (graph->rows() < 2 || rows == 0) return nullptr;
  return graph->link(config_.links, config_.build_width, stop_) ? std::move(graph) : nullptr;
}

bool Nearest::through_graph(const VectorSet::Query& query, const SlotSet* filter, uint32_t k,
                            std::vector<VectorHit>& out) const {
  const View* view = view_.load(std::memory_order_acquire);
  if (view == nullptr || k * 8 > view->graph->rows()) return false;
  if (filter != nullptr && filter->size() * kFilterShare < set_.rows()) return false;
  const std::unique_ptr<SlotSet::Probe> probe(filter == nullptr ? nullptr : new SlotSet::Probe(*filter));
  const Stale& stale = *view->stale;
  out.clear();
  const VectorSet::Query coarse = set_.as_int8(query);
  view->graph->search(
      reinterpret_cast<const int8_t*>(coarse.bytes.data()), std::max(config_.width, k + k / 4),
      [&](uint32_t slot) {
        return (probe == nullptr || (*probe)(slot)) && !stale.has(slot) && set_.has(slot);
      },
      out);
  for (VectorHit& hit : out) hit.score = set_.score(query, hit.slot);
  const bool enough = out.size() >= k;
  for (size_t w = 0, words = stale.words.size(); w < words; ++w)
    for (uint64_t word = stale.words[w].load(std::memory_order_acquire); word != 0; word &= word - 1) {
      const auto slot = static_cast<uint32_t>(64 * w + static_cast<size_t>(std::countr_zero(word)));
      if ((probe == nullptr || (*probe)(slot)) && set_.has(slot))
        out.push_back({slot, set_.score(query, slot)});
    }
  // A slot may have become stale on the way and come twice.
  std::sort(out.begin(), out.end(), better);
  out.erase(std::unique(out.begin(), out.end(),
                        [](const VectorHit& a, const VectorHit& b) { return a.slot == b.slot; }),
            out.end());
  if (out.size() > k) out.resize(k);
  return enough;
}

void Nearest::top(const VectorSet::Query& query, const SlotSet* filter, uint32_t k,
                  std::vector<VectorHit>& out) const {
  if (!through_graph(query, filter, k, out)) return set_.top(query, filter, k, out);
  if (asked_.fetch_add(1, std::memory_order_relaxed) % config_.sample_every != 0) return;
  auto* copy = new VectorSet::Query(query);
  VectorSet::Query* none = nullptr;
  if (!mailbox_.compare_exchange_strong(none, copy)) delete copy;
}

void Nearest::sample(const VectorSet::Query& query) const {
  const EpochGuard guard;
  std::vector<VectorHit> exact, approximate;
  if (!through_graph(query, nullptr, kSampleK, approximate)) return;
  set_.top(query, nullptr, kSampleK, exact);
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
    status.graph_rows = view->graph->rows();
    status.stale_rows = view->stale->count.load(std::memory_order_relaxed);
  }
  status.recall_samples = samples_.load(std::memory_order_relaxed);
  if (const uint64_t possible = possible_.load(std::memory_order_relaxed); possible > 0)
    status.recall =
        static_cast<double>(found_.load(std::memory_order_relaxed)) / static_cast<double>(possible);
  return status;
}

size_t Nearest::bytes() const {
  const View* view = view_.load(std::memory_order_acquire);
  return view == nullptr ? 0 : view->graph->bytes() + view->stale->words.size() * 8;
}

}  // namespace freshet
