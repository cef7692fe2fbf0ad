#include "vector/internal/graph.h"

#include <algorithm>
#include <queue>

#include <hnswlib/hnswlib.h>

#include "model/math.h"

namespace freshet {
namespace {

// Few rows at a time: the kernel that prepares nothing for a query is the fastest then.
const Kernels& few_rows() {
  static const Kernels& chosen = *all_kernels()[std::min<size_t>(all_kernels().size() - 1, 2)];
  return chosen;
}

struct Rows {
  const int8_t* values;
  const float* scales;
  size_t stride;
};

// hnswlib keeps a node's number as its data and asks us for the distance of two nodes.
float distance(const void* a, const void* b, const void* parameter) {
  const auto* rows = static_cast<const Rows*>(parameter);
  const uint32_t i = *static_cast<const uint32_t*>(a), j = *static_cast<const uint32_t*>(b);
  int32_t dot = 0;
  few_rows().dot_int8(rows->values + i * rows->stride, rows->values + j * rows->stride, &dot, 1,
                      rows->stride);
  return 1 - static_cast<float>(dot) * (rows->scales[i] * rows->scales[j]);
}

class Space final : public hnswlib::SpaceInterface<float> {
 public:
  explicit Space(Rows rows) : rows_(rows) {}
  size_t get_data_size() override { return sizeof(uint32_t); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void* get_dist_func_param() override { return &rows_; }

 private:
  Rows rows_;
};

// Which nodes a search has met; one for each thread, so that nobody waits for one.
class Visited {
 public:
  void begin(size_t nodes) {
    if (marks_.size() < nodes) marks_.resize(nodes);
    if (++now_ == 0) {
      std::fill(marks_.begin(), marks_.end(), uint16_t{0});
      now_ = 1;
    }
  }
  bool enter(uint32_t node) {
    if (marks_[node] == now_) return false;
    marks_[node] = now_;
    return true;
  }
  void fetch(uint32_t node) const { __builtin_prefetch(&marks_[node]); }

 private:
  std::vector<uint16_t> marks_;
  uint16_t now_ = 0;
};

using Near = std::pair<float, uint32_t>;  // score, node

}  // namespace

struct RowGraph::Links {
  Links(Rows rows, size_t nodes, uint32_t links, uint32_t width)
      : space(rows), hnsw(&space, nodes, links, width, 100) {}
  Space space;
  hnswlib::HierarchicalNSW<float> hnsw;

  std::pair<const uint32_t*, uint32_t> of(uint32_t node, int level) const {
    auto* list = level == 0 ? hnsw.get_linklist0(node) : hnsw.get_linklist(node, level);
    return {list + 1, hnsw.getListCount(list)};
  }
};

RowGraph::RowGraph(uint32_t stride) : stride_(stride) {}
RowGraph::~RowGraph() = default;

void RowGraph::add(uint32_t slot, const int8_t* row, float scale) {
  values_.insert(values_.end(), row, row + stride_);
  scales_.push_back(scale);
  slots_.push_back(slot);
}

bool RowGraph::link(uint32_t links, uint32_t width, const std::atomic<bool>& stop) {
  try {
    links_ =
        std::make_unique<Links>(Rows{values_.data(), scales_.data(), stride_}, slots_.size(), links, width);
    for (uint32_t node = 0; node < slots_.size(); ++node) {
      if (node % 64 == 0 && stop.load(std::memory_order_relaxed)) return false;
      links_->hnsw.addPoint(&node, node);
    }
  } catch (const std::exception&) {
    links_.reset();
    return false;
  }
  return true;
}

uint32_t RowGraph::descend(const int8_t* query) const {
  const Kernels& k = few_rows();
  const auto& hnsw = links_->hnsw;
  uint32_t at = hnsw.enterpoint_node_;
  int32_t dots[256];
  k.dot_int8_at(values_.data(), &at, query, dots, 1, stride_);
  float best = static_cast<float>(dots[0]) * scales_[at];
  for (int level = hnsw.maxlevel_; level > 0; --level)
    for (bool moved = true; moved;) {
      moved = false;
      const auto [list, listed] = links_->of(at, level);
      const uint32_t count = std::min<uint32_t>(listed, 256);
      k.dot_int8_at(values_.data(), list, query, dots, count, stride_);
      for (uint32_t i = 0; i < count; ++i) {
        const float score = static_cast<float>(dots[i]) * scales_[list[i]];
        if (!(score > best)) continue;
        best = score;
        at = list[i];
        moved = true;
      }
    }
  return at;
}

// Best first over the bottom level: Malkov and Yashunin 2018, algorithm 2; nodes that do not pass are walked
// through but not kept.
void RowGraph::search(const int8_t* query, uint32_t width, const std::function<bool(uint32_t)>& pass,
                      std::vector<VectorHit>& out) const {
  thread_local Visited visited;
  visited.begin(slots_.size());
  const Kernels& k = few_rows();
  const auto worse = [](const Near& a, const Near& b) { return a > b; };
  std::priority_queue<Near> open;
  std::vector<Near> kept;  // A heap with the worst on top.
  uint32_t fresh[256];
  int32_t dots[256];
  const auto meet = [&](uint32_t count) {
    k.dot_int8_at(values_.data(), fresh, query, dots, count, stride_);
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t node = fresh[i];
      const float score = static_cast<float>(dots[i]) * scales_[node];
      if (kept.size() >= width && score <= kept.front().first) continue;
      open.emplace(score, node);
      if (!pass(slots_[node])) continue;
      if (kept.size() >= width) {
        std::pop_heap(kept.begin(), kept.end(), worse);
        kept.pop_back();
      }
      kept.emplace_back(score, node);
      std::push_heap(kept.begin(), kept.end(), worse);
    }
  };
  fresh[0] = descend(query);
  visited.enter(fresh[0]);
  meet(1);
  while (!open.empty()) {
    const auto [score, node] = open.top();
    if (kept.size() >= width && score < kept.front().first) break;
    open.pop();
    const auto [list, listed] = links_->of(node, 0);
    for (uint32_t i = 0; i < listed; ++i) visited.fetch(list[i]);
    uint32_t count = 0;
    for (uint32_t i = 0; i < listed && count < 256; ++i) {
      if (!visited.enter(list[i])) continue;
      __builtin_prefetch(values_.data() + size_t{list[i]} * stride_);
      fresh[count++] = list[i];
    }
    meet(count);
  }
  for (const auto& [score, node] : kept) out.push_back({slots_[node], score});
}

size_t RowGraph::bytes() const {
  return values_.capacity() + slots_.capacity() * 8 +
         (links_ == nullptr ? 0 : slots_.size() * (links_->hnsw.size_data_per_element_ + 90));
}

}  // namespace freshet
