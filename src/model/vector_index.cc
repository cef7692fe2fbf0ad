#include "model/vector_index.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>

#include "model/math.h"

namespace freshet {
namespace {

constexpr float kSpread = 2.0f;  // Deviations of a list's scores that its promise adds to their mean.
constexpr float kDrift =
    1.3f;  // Growth of the squared distance after which an item is compared with all lists...
constexpr float kGain = 0.9f;       // ...and moves when another is nearer by this.
constexpr int kSplitRounds = 5;     // Rounds of 2-means.
constexpr size_t kSplitShare = 10;  // The smaller half of a split keeps at least one tenth.

constexpr size_t kAhead = 8;  // Items asked for before they are needed.

// radius(list) < 0: an empty list.
template <class Centroid, class Radius>
void choose_lists(const float* q, uint32_t dim, uint32_t probes, uint32_t lists, Centroid centroid,
                  Radius radius, std::vector<uint32_t>& out) {
  const Kernels& k = kernels();
  const float spread = kSpread * std::sqrt(k.dot(q, q, dim) / static_cast<float>(dim));
  static thread_local std::vector<std::pair<float, uint32_t>> promise;
  promise.clear();
  for (uint32_t list = 0; list < lists; ++list) {
    const float r = radius(list);
    if (r < 0) continue;
    const float* c = centroid(list);
    promise.emplace_back(k.dot(q, c, dim) + c[dim] + spread * r, list);
  }
  const size_t take = std::min<size_t>(probes, promise.size());
  const auto before = [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  };
  std::partial_sort(promise.begin(), promise.begin() + static_cast<ptrdiff_t>(take), promise.end(), before);
  out.clear();
  for (size_t i = 0; i < take; ++i) out.push_back(promise[i].second);
}

}  // namespace

VectorIndex::VectorIndex(uint32_t dim, uint32_t rows_max)
    : dim_(dim),
      stride_(dim + 16),
      rows_max_(rows_max),
      list_of_(rows_max),
      place_(rows_max),
      assigned_(rows_max),
      is_waiting_(rows_max) {}

float VectorIndex::distance2(uint32_t list, const float* row, float bias) {
  const float* c = centroid(list);
  std::memcpy(difference_, row, dim_ * sizeof(float));
  kernels().axpy(-1, c, difference_, dim_);
  return kernels().dot(difference_, difference_, dim_) + (bias - c[dim_]) * (bias - c[dim_]);
}

void VectorIndex::choose(const float* q, uint32_t probes, std::vector<uint32_t>& out) const {
  choose_lists(
      q, dim_, probes, lists(), [this](uint32_t list) { return centroid(list); },
      [this](uint32_t list) { return lists_[list].members.empty() ? -1 : std::sqrt(lists_[list].radius2); },
      out);
}

void VectorIndex::finish_centroid(float* c) const {
  c[dim_ + 1] = 0.5f * (kernels().dot(c, c, dim_) + c[dim_] * c[dim_]);
}

uint32_t VectorIndex::nearest(const float* row, float bias, float* distance2_out) {
  // |v - c|^2 orders like |c|^2 / 2 - v . c; |c|^2 / 2 is kept behind the centroid.
  const Kernels& k = kernels();
  uint32_t best = 0;
  float least = 3e38f;
  for (uint32_t list = 0; list < lists(); ++list) {
    const float* c = centroid(list);
    const float d = c[dim_ + 1] - k.dot(row, c, dim_) - bias * c[dim_];
    if (d < least) {
      least = d;
      best = list;
    }
  }
  *distance2_out = distance2(best, row, bias);
  return best;
}

void VectorIndex::mark_changed(uint32_t list) {
  if (lists_[list].changed) return;
  lists_[list].changed = true;
  changed_.push_back(list);
}

void VectorIndex::clear_changed() {
  for (uint32_t list : changed_) lists_[list].changed = false;
  changed_.clear();
  moved_.clear();
}

std::optional<VectorIndex::Place> VectorIndex::where(uint32_t item) const {
  if (list_of_[item] == 0) return std::nullopt;
  return Place{list_of_[item] - 1, place_[item]};
}

uint32_t VectorIndex::new_list() {
  lists_.emplace_back();
  centroids_.resize(lists_.size() * stride_);
  return lists() - 1;
}

void VectorIndex::put(uint32_t item, uint32_t list, float distance) {
  place_[item] = static_cast<uint32_t>(lists_[list].members.size());
  lists_[list].members.push_back(item);
  list_of_[item] = list + 1;
  assigned_[item] = distance;
  moved_.push_back(item);
  mark_changed(list);
}

void VectorIndex::take(uint32_t item) {
  const uint32_t list = list_of_[item] - 1;
  std::vector<uint32_t>& members = lists_[list].members;
  const uint32_t last = members.back();
  members[place_[item]] = last;
  place_[last] = place_[item];
  moved_.push_back(last);
  members.pop_back();
  list_of_[item] = 0;
  mark_changed(list);
}

void VectorIndex::update(std::span<const uint32_t> items, const SequenceLearner& learner) {
  if (lists_.empty()) new_list();
  for (size_t at = 0; at < items.size(); ++at) {
    const uint32_t item = items[at];
    fetch_for_update(items, at, learner);
    if (learner.sampler().live(item))
      follow(item, learner);
    else if (list_of_[item] != 0)
      take(item);
  }
  for (uint32_t n = 0; n < kSearchesMax && waiting_at_ < waiting_.size(); ++n) {
    const uint32_t item = waiting_[waiting_at_++];
    is_waiting_[item] = 0;
    if (list_of_[item] != 0) search(item, learner);
  }
  if (waiting_at_ * 2 > waiting_.size()) {
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(waiting_at_));
    waiting_at_ = 0;
  }
}

// With many items each of these is a cache miss: the item's words first, then what they lead to.
void VectorIndex::fetch_for_update(std::span<const uint32_t> items, size_t at,
                                   const SequenceLearner& learner) const {
  if (at + 2 * kAhead < items.size()) {
    const uint32_t item = items[at + 2 * kAhead];
    learner.fetch_row(item);
    __builtin_prefetch(list_of_.data() + item);
    __builtin_prefetch(assigned_.data() + item);
    __builtin_prefetch(is_waiting_.data() + item);
  }
  if (at + kAhead >= items.size()) return;
  const uint32_t list = list_of_[items[at + kAhead]];
  if (list == 0) return;
  __builtin_prefetch(&lists_[list - 1]);
  for (uint32_t i = 0; i < dim_ + 2; i += 16) __builtin_prefetch(centroid(list - 1) + i);
}

// The item's list follows it; if it has gone far, it waits for a comparison with all lists.
void VectorIndex::follow(uint32_t item, const SequenceLearner& learner) {
  const float* row = learner.row(item);
  const float bias = learner.bias(item);
  float d2 = 0;
  if (list_of_[item] == 0) {
    const uint32_t nearest_list = nearest(row, bias, &d2);
    put(item, nearest_list, d2);
  } else {
    d2 = distance2(list_of_[item] - 1, row, bias);
    if (d2 > assigned_[item] * kDrift && !is_waiting_[item]) {
      is_waiting_[item] = 1;
      waiting_.push_back(item);
    }
  }
  const uint32_t list = list_of_[item] - 1;
  const float share = 1.0f / static_cast<float>(lists_[list].members.size());
  float* c = &centroids_[static_cast<size_t>(list) * stride_];
  kernels().axpy(share, difference_, c, dim_);  // By the newest distance, which is the one from here.
  c[dim_] += (bias - c[dim_]) * share;
  finish_centroid(c);
  lists_[list].radius2 += (d2 - lists_[list].radius2) * share;
  mark_changed(list);
  if (lists_[list].members.size() > kListMax) split(list, learner);
}

void VectorIndex::search(uint32_t item, const SequenceLearner& learner) {
  const float* row = learner.row(item);
  const float bias = learner.bias(item);
  const uint32_t from = list_of_[item] - 1;
  const float d2 = distance2(from, row, bias);
  float other = 0;
  const uint32_t to = nearest(row, bias, &other);
  assigned_[item] = d2;
  if (to == from || other >= d2 * kGain) return;
  take(item);
  put(item, to, other);
  if (lists_[to].members.size() > kListMax) split(to, learner);
}

void VectorIndex::build(std::span<const uint32_t> items, const SequenceLearner& learner) {
  const uint32_t first = new_list();
  for (uint32_t item : items) put(item, first, 0);
  // split() appends the second half as a new list at the end, so this visits every list until all are small.
  for (uint32_t list = 0; list < lists(); ++list)
    while (lists_[list].members.size() > kListMax) split(list, learner);
}

// A list in two: 2-means between two members far from each other; the half of the second becomes a new list.
struct VectorIndex::Halves {
  std::vector<uint32_t> members;
  std::array<uint32_t, 2> lists;
  std::array<float*, 2> centroid;  // Of each list.
  std::vector<float> margin;       // Of each member: how much nearer it is to the second centroid.
  std::vector<uint32_t> order;     // Those looked at in a round, the second half first.
  std::vector<uint8_t> second;     // Of each member: is it in the second half?
};

void VectorIndex::split(uint32_t list, const SequenceLearner& learner) {
  Halves halves;
  halves.members = std::move(lists_[list].members);
  lists_[list].members.clear();
  halves.lists = {list, new_list()};
  for (size_t side = 0; side < 2; ++side)
    halves.centroid[side] = &centroids_[static_cast<size_t>(halves.lists[side]) * stride_];
  halves.margin.resize(halves.members.size());
  halves.second.resize(halves.members.size());
  seed(halves, learner);
  for (int round = 0; round < kSplitRounds; ++round) {
    const bool last = round + 1 == kSplitRounds;
    const size_t cut = tell_apart(halves, last ? 1 : 1 + halves.members.size() / (2 * kListMax), learner);
    move_centroids(halves, cut, learner);
  }
  put_halves(halves, learner);
}

void VectorIndex::seed(Halves& halves, const SequenceLearner& learner) const {
  const uint32_t first = farthest(halves.members, halves.members[0], learner);
  const uint32_t seeds[2] = {first, farthest(halves.members, first, learner)};
  for (size_t side = 0; side < 2; ++side) {
    float* c = halves.centroid[side];
    std::memcpy(c, learner.row(seeds[side]), dim_ * sizeof(float));
    c[dim_] = learner.bias(seeds[side]);
    finish_centroid(c);
  }
}

uint32_t VectorIndex::farthest(std::span<const uint32_t> members, uint32_t from,
                               const SequenceLearner& learner) const {
  uint32_t best = members[0];
  float most = -1;
  // A sample is enough to start from.
  for (size_t i = 0; i < members.size(); i += 1 + members.size() / 1024) {
    const float* a = learner.row(members[i]);
    const float* b = learner.row(from);
    float d2 =
        (learner.bias(members[i]) - learner.bias(from)) * (learner.bias(members[i]) - learner.bias(from));
    float difference[128];
    for (uint32_t j = 0; j < dim_; ++j) difference[j] = a[j] - b[j];
    d2 += kernels().dot(difference, difference, dim_);
    if (d2 > most) {
      most = d2;
      best = members[i];
    }
  }
  return best;
}

// Every `stride`th member goes to the nearer centroid: the halves are cut where the margin is 0, or where the
// smaller is large enough. Returns how many of halves.order are in the second.
size_t VectorIndex::tell_apart(Halves& halves, size_t stride, const SequenceLearner& learner) const {
  const Kernels& k = kernels();
  const auto& [c0, c1] = halves.centroid;
  std::vector<float>& margin = halves.margin;
  std::vector<uint32_t>& order = halves.order;
  order.clear();
  size_t cut = 0;
  for (size_t i = 0; i < halves.members.size(); i += stride) {
    const float* row = learner.row(halves.members[i]);
    const float bias = learner.bias(halves.members[i]);
    margin[i] = (c0[dim_ + 1] - k.dot(row, c0, dim_) - bias * c0[dim_]) -
                (c1[dim_ + 1] - k.dot(row, c1, dim_) - bias * c1[dim_]);
    cut += margin[i] > 0;
    order.push_back(static_cast<uint32_t>(i));
  }
  const size_t least = order.size() / kSplitShare + 1;
  cut = std::clamp(cut, least, order.size() - least);
  std::nth_element(
      order.begin(), order.begin() + static_cast<ptrdiff_t>(cut), order.end(),
      [&](uint32_t a, uint32_t b) { return margin[a] != margin[b] ? margin[a] > margin[b] : a < b; });
  for (size_t o = 0; o < order.size(); ++o) halves.second[order[o]] = o < cut;
  return cut;
}

// To the means of those that were looked at.
void VectorIndex::move_centroids(Halves& halves, size_t cut, const SequenceLearner& learner) const {
  const auto& [c0, c1] = halves.centroid;
  std::fill_n(c0, stride_, 0.0f);
  std::fill_n(c1, stride_, 0.0f);
  for (const uint32_t at : halves.order) {
    float* c = halves.centroid[halves.second[at]];
    kernels().axpy(1, learner.row(halves.members[at]), c, dim_);
    c[dim_] += learner.bias(halves.members[at]);
  }
  for (uint32_t i = 0; i <= dim_; ++i) {
    c0[i] /= static_cast<float>(halves.order.size() - cut);
    c1[i] /= static_cast<float>(cut);
  }
  finish_centroid(c0);
  finish_centroid(c1);
}

void VectorIndex::put_halves(const Halves& halves, const SequenceLearner& learner) {
  double sum[2] = {0, 0};
  for (size_t i = 0; i < halves.members.size(); ++i) {
    const uint32_t item = halves.members[i];
    const uint8_t side = halves.second[i];
    const float d2 = distance2(halves.lists[side], learner.row(item), learner.bias(item));
    put(item, halves.lists[side], d2);
    sum[side] += static_cast<double>(d2);
  }
  for (size_t side = 0; side < 2; ++side) {
    List& half = lists_[halves.lists[side]];
    half.radius2 = static_cast<float>(sum[side] / static_cast<double>(half.members.size()));
  }
}

void VectorIndex::save(Writer& out) const {
  out.u32(lists());
  for (uint32_t list = 0; list < lists(); ++list) {
    const List& l = lists_[list];
    out.u32(static_cast<uint32_t>(l.members.size()));
    for (uint32_t item : l.members) {
      out.u32(item);
      out.f32(assigned_[item]);
    }
    out.f32(l.radius2);
    out.array(centroid(list), dim_ + 2);
  }
  out.u32(static_cast<uint32_t>(waiting_.size() - waiting_at_));
  out.array(waiting_.data() + waiting_at_, waiting_.size() - waiting_at_);
}

bool VectorIndex::load(Reader& in) {
  for (const List& l : lists_)
    for (uint32_t item : l.members) list_of_[item] = 0;
  const uint32_t count = in.u32();
  if (count > rows_max_ + 1 || in.remaining() < static_cast<size_t>(count) * (dim_ + 4) * sizeof(float))
    return false;
  for (uint32_t item : waiting_) is_waiting_[item] = 0;
  lists_.clear();
  changed_.clear();
  moved_.clear();
  centroids_.clear();
  for (uint32_t list = 0; list < count; ++list) {
    new_list();
    const uint32_t members = in.u32();
    if (in.remaining() / 8 < members) return false;
    for (uint32_t i = 0; i < members; ++i) {
      const uint32_t item = in.u32();
      const float assigned = in.f32();
      if (item >= rows_max_ || list_of_[item] != 0) return false;
      put(item, list, assigned);
    }
    lists_[list].radius2 = in.f32();
    mark_changed(list);
    in.array(&centroids_[static_cast<size_t>(list) * stride_], dim_ + 2);
  }
  const uint32_t waiting = in.u32();
  if (in.remaining() / sizeof(uint32_t) < waiting) return false;
  waiting_.resize(waiting);
  waiting_at_ = 0;
  in.array(waiting_.data(), waiting);
  for (uint32_t item : waiting_) {
    if (item >= rows_max_ || is_waiting_[item]) return false;
    is_waiting_[item] = 1;
  }
  return in.ok();
}

size_t VectorIndex::bytes() const {
  size_t sum = centroids_.size() * sizeof(float);
  for (const List& l : lists_) sum += l.members.size() * 16;
  return sum;
}

void IndexCopy::resize(uint32_t lists) {
  lists_.resize(lists);
  centroids_.resize(static_cast<size_t>(lists) * stride_);
  radius_.resize(lists);
}

void IndexCopy::update_list(const VectorIndex& index, uint32_t list) {
  const size_t n = index.members(list).size();
  List& to = lists_[list];
  to.items.resize(n);
  to.rows.resize(n * dim_);
  to.scale.resize(n);
  to.bias.resize(n);
  std::memcpy(&centroids_[static_cast<size_t>(list) * stride_], index.centroid(list),
              (dim_ + 1) * sizeof(float));
  radius_[list] = std::sqrt(index.radius2(list));
}

void IndexCopy::update_cell(uint32_t list, uint32_t place, uint32_t item, const int8_t* row, float scale,
                            float bias) {
  List& to = lists_[list];
  to.items[place] = item;
  std::memcpy(&to.rows[static_cast<size_t>(place) * dim_], row, dim_);
  to.scale[place] = scale;
  to.bias[place] = bias;
}

void IndexCopy::fetch_cell(uint32_t list, uint32_t place) const {
  const List& at = lists_[list];
  if (place >= at.items.size()) return;
  __builtin_prefetch(&at.items[place], 1);
  __builtin_prefetch(&at.rows[static_cast<size_t>(place) * dim_], 1);
  __builtin_prefetch(&at.scale[place], 1);
  __builtin_prefetch(&at.bias[place], 1);
}

void IndexCopy::choose(const float* q, uint32_t probes, std::vector<uint32_t>& out) const {
  choose_lists(
      q, dim_, probes, lists(),
      [this](uint32_t list) { return &centroids_[static_cast<size_t>(list) * stride_]; },
      [this](uint32_t list) { return lists_[list].items.empty() ? -1 : radius_[list]; }, out);
}

size_t IndexCopy::bytes() const {
  size_t sum = (centroids_.size() + radius_.size()) * sizeof(float);
  for (const List& list : lists_) sum += list.items.capacity() * (dim_ + 12) + sizeof(list);
  return sum;
}

}  // namespace freshet
