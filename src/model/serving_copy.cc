#include "model/serving_copy.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "model/math.h"

namespace freshet {
namespace {

constexpr float kDead = -std::numeric_limits<float>::infinity();
constexpr size_t kBlock = 256;  // Rows scored at once: their sums stay in the first cache.

bool better(const ScoredItem& a, const ScoredItem& b) {
  return a.log_p != b.log_p ? a.log_p > b.log_p : a.item < b.item;
}

const SequenceQuery::Own* find_own(const SequenceQuery& query, uint32_t item) {
  const auto at = std::lower_bound(query.own.begin(), query.own.end(), item,
                                   [](const SequenceQuery::Own& o, uint32_t i) { return o.item < i; });
  return at != query.own.end() && at->item == item ? &*at : nullptr;
}

// Buffers of encode(), one a thread: requests do not allocate them again and again.
struct Scratch {
  explicit Scratch(const SequenceOptions& o)
      : batch(o.dim, 1, o.context_max), dim(o.dim), steps_max(o.context_max) {}
  EncodeBatch batch;
  uint32_t dim, steps_max;
  std::vector<SequenceStep> steps;
  std::vector<OwnItem> own;
};

Scratch& scratch_for(const SequenceOptions& options) {
  thread_local std::unique_ptr<Scratch> scratch;
  if (!scratch || scratch->dim != options.dim || scratch->steps_max != options.context_max)
    scratch = std::make_unique<Scratch>(options);
  return *scratch;
}

}  // namespace

void TopItems::offer(uint32_t item, float score) {
  if (k_ == 0) return;
  const ScoredItem offered{item, score};
  if (heap_.size() == k_) {
    if (!better(offered, heap_.front())) return;
    std::pop_heap(heap_.begin(), heap_.end(), better);
    heap_.back() = offered;
  } else {
    heap_.push_back(offered);
  }
  std::push_heap(heap_.begin(), heap_.end(), better);
  if (heap_.size() == k_) threshold_ = heap_.front().log_p;
}

std::vector<ScoredItem> TopItems::take() {
  std::sort(heap_.begin(), heap_.end(), better);
  return std::move(heap_);
}

ServingCopy::ServingCopy(const SequenceOptions& options, const VectorIndex* lives)
    : options_(options),
      layout_(options.dim),
      rows_((static_cast<size_t>(options.rows_max) + kBlock) * options.dim),
      scale_(options.rows_max + kBlock),
      bias_(options.rows_max + kBlock),
      dense_(layout_.initial(options.seed)),
      lives_(lives),
      index_(options.dim) {}

void ServingCopy::update_row(uint32_t item, const SequenceLearner& learner) {
  for (; rows_used_ <= item; ++rows_used_) bias_[rows_used_] = kDead;
  const bool live_now = learner.sampler().live(item);
  live_ += live_now;
  live_ -= bias_[item] != kDead;
  bias_[item] = live_now ? learner.bias(item) : kDead;
  int8_t* row = &rows_[static_cast<size_t>(item) * options_.dim];
  scale_[item] = live_now ? kernels().quantize(learner.row(item), row, options_.dim) : 0;
}

void ServingCopy::set_row(const ShownRow& row) {
  for (; rows_used_ <= row.item; ++rows_used_) bias_[rows_used_] = kDead;
  live_ += row.bias != kDead;
  live_ -= bias_[row.item] != kDead;
  bias_[row.item] = row.bias;
  scale_[row.item] = row.scale;
  std::memcpy(&rows_[static_cast<size_t>(row.item) * options_.dim], row.q.data(), options_.dim);
}

void ServingCopy::copy_row(uint32_t item, const ServingCopy& from) {
  for (; rows_used_ <= item; ++rows_used_) bias_[rows_used_] = kDead;
  live_ += from.bias_[item] != kDead;
  live_ -= bias_[item] != kDead;
  bias_[item] = from.bias_[item];
  scale_[item] = from.scale_[item];
  const size_t at = static_cast<size_t>(item) * options_.dim;
  std::memcpy(&rows_[at], &from.rows_[at], options_.dim);
}

void ServingCopy::copy_rest(const ServingCopy& from) {
  dense_ = from.dense_;
  sample_ = from.sample_;
  sample_log_rate_ = from.sample_log_rate_;
  version_ = from.version_;
}

void ServingCopy::save_row(uint32_t item, Writer& out) const {
  out.u32(item);
  const bool shown = live(item);
  out.u8(shown);
  if (!shown) return;
  out.f32(scale_[item]);
  out.f32(bias_[item]);
  out.array(&rows_[static_cast<size_t>(item) * options_.dim], options_.dim);
}

bool ShownRow::load(Reader& in, const SequenceOptions& options) {
  item = in.u32();
  q.assign(options.dim, 0);
  scale = 0;
  bias = kDead;
  if (in.u8() != 0) {
    scale = in.f32();
    bias = in.f32();
    in.array(q.data(), q.size());
  }
  return in.ok() && item < options.rows_max;
}

void ServingCopy::update_cell(const VectorIndex& from, uint32_t item) {
  if (const auto at = from.where(item))
    index_.update_cell(at->list, at->place, item, &rows_[static_cast<size_t>(item) * options_.dim],
                       scale_[item], bias_[item]);
}

void ServingCopy::update_rest(const SequenceLearner& learner, uint64_t version) {
  dense_ = learner.dense();
  sample_.assign(learner.sample().begin(), learner.sample().end());
  sample_log_rate_.assign(learner.sample_log_rate().begin(), learner.sample_log_rate().end());
  version_ = version;
}

bool ServingCopy::live(uint32_t item) const {
  return item < rows_used_ && bias_[item] != kDead;
}

void ServingCopy::dequantize(uint32_t item, float* out) const {
  const int8_t* row = &rows_[static_cast<size_t>(item) * options_.dim];
  for (uint32_t i = 0; i < options_.dim; ++i) out[i] = static_cast<float>(row[i]) * scale_[item];
}

SequenceQuery ServingCopy::encode(const SequenceContext& context) const {
  const Kernels& k = kernels();
  const uint32_t d = options_.dim;
  Scratch& scratch = scratch_for(options_);
  scratch.steps.clear();
  const size_t keep = std::min<size_t>(context.steps.size(), options_.history_max);
  for (const SequenceStep& step : context.steps.last(keep))
    if (live(step.item)) scratch.steps.push_back(step);
  SequenceQuery query;
  if (scratch.steps.empty()) return query;

  EncodeBatch& batch = scratch.batch;
  const uint32_t n = static_cast<uint32_t>(std::min<size_t>(scratch.steps.size(), options_.context_max));
  batch.steps[0] = n;
  batch.new_session[0] = context.new_session;
  for (uint32_t l = 0; l < n; ++l) {
    const SequenceStep& step = scratch.steps[scratch.steps.size() - 1 - l];
    float* x = batch.x_of(0, l);
    dequantize(step.item, x);
    k.axpy(1, &dense_[layout_.type + step.type % DenseLayout::kTypes * d], x, d);
    k.axpy(1, &dense_[layout_.gap + step.gap % kGapBuckets * d], x, d);
  }
  encode_forward(layout_, dense_.data(), batch, 1);
  query.q.assign(batch.q.begin(), batch.q.begin() + d);
  query.q8.resize(d);
  query.q8_scale = k.quantize(query.q.data(), query.q8.data(), d);

  own_items({scratch.steps, context.new_session}, scratch.own);
  query.own.reserve(scratch.own.size());
  for (const OwnItem& o : scratch.own)
    query.own.push_back({o.item, dense_[layout_.own_age + o.age] + dense_[layout_.own_count + o.count]});
  std::sort(query.own.begin(), query.own.end(), [](const auto& a, const auto& b) { return a.item < b.item; });
  query.log_normalizer = estimate_normalizer(query);
  return query;
}

// ln of the softmax's denominator: the sequence's own items exactly, all others from the negatives of the
// newest micro-batch, each standing for 1 / (N q) items.
float ServingCopy::estimate_normalizer(const SequenceQuery& query) const {
  std::vector<float> terms;
  terms.reserve(query.own.size() + sample_.size() + 16);
  std::vector<uint32_t> items;
  for (const SequenceQuery::Own& o : query.own) items.push_back(o.item);
  terms.resize(items.size());
  base_scores(query, items, terms.data());
  for (size_t i = 0; i < items.size(); ++i) terms[i] += query.own[i].bonus;
  std::vector<float> others(sample_.size());
  base_scores(query, sample_, others.data());
  for (size_t j = 0; j < sample_.size(); ++j)
    if (others[j] != kDead && find_own(query, sample_[j]) == nullptr)
      terms.push_back(others[j] - sample_log_rate_[j]);
  terms.resize((terms.size() + 15) / 16 * 16, kDead);
  float max = 0;
  const float sum = kernels().softmax(terms.data(), &max, terms.size());
  return max + log_f32(sum);
}

void ServingCopy::base_scores(const SequenceQuery& query, std::span<const uint32_t> items, float* out) const {
  std::array<int32_t, kBlock> dots;
  for (size_t at = 0; at < items.size(); at += kBlock) {
    const size_t n = std::min(kBlock, items.size() - at);
    kernels().dot_int8_at(rows_.data(), items.data() + at, query.q8.data(), dots.data(), n, options_.dim);
    for (size_t i = 0; i < n; ++i)
      out[at + i] =
          static_cast<float>(dots[i]) * (scale_[items[at + i]] * query.q8_scale) + bias_[items[at + i]];
  }
}

float ServingCopy::score(const SequenceQuery& query, uint32_t item) const {
  if (query.empty() || !live(item)) return kDead;
  float score = 0;
  base_scores(query, {&item, 1}, &score);
  const SequenceQuery::Own* own = find_own(query, item);
  return own == nullptr ? score : score + own->bonus;
}

void ServingCopy::score(const SequenceQuery& query, std::span<const uint32_t> items,
                        std::span<float> out) const {
  if (query.empty()) return std::fill(out.begin(), out.end(), kDead);
  static thread_local std::vector<uint32_t> known;  // In their order; what is not live is left out.
  static thread_local std::vector<float> scores;
  known.clear();
  for (const uint32_t item : items) {
    if (item >= rows_used_) continue;
    __builtin_prefetch(rows_.data() + static_cast<size_t>(item) * options_.dim);
    __builtin_prefetch(scale_.data() + item);
    __builtin_prefetch(bias_.data() + item);
    known.push_back(item);
  }
  scores.resize(known.size());
  base_scores(query, known, scores.data());
  for (size_t i = 0, k = 0; i < items.size(); ++i) {
    out[i] = items[i] < rows_used_ ? scores[k++] : kDead;
    if (out[i] == kDead) continue;
    if (const SequenceQuery::Own* own = find_own(query, items[i])) out[i] += own->bonus;
  }
}

// items == nullptr: the block is first, first + 1, ...
void ServingCopy::offer_block(const SequenceQuery& query, const float* scores, const uint32_t* items,
                              uint32_t first, size_t n, const std::function<bool(uint32_t)>& allow,
                              TopItems& top) const {
  for (size_t i = 0; i < n; ++i) {
    if (!(scores[i] >= top.threshold())) continue;
    const uint32_t item = items == nullptr ? first + static_cast<uint32_t>(i) : items[i];
    if (find_own(query, item) != nullptr || (allow && !allow(item))) continue;
    top.offer(item, scores[i]);
  }
}

std::vector<ScoredItem> ServingCopy::finish(const SequenceQuery& query,
                                            const std::function<bool(uint32_t)>& allow, TopItems& top) const {
  for (const SequenceQuery::Own& o : query.own)
    if (!allow || allow(o.item)) top.offer(o.item, score(query, o.item));
  std::vector<ScoredItem> out = top.take();
  for (ScoredItem& s : out) s.log_p -= query.log_normalizer;
  return out;
}

std::vector<ScoredItem> ServingCopy::scan(const SequenceQuery& query, size_t k,
                                          const std::function<bool(uint32_t)>& allow) const {
  if (query.empty()) return {};
  TopItems top(std::min<size_t>(k, live_));
  std::array<int32_t, kBlock> dots;
  std::array<float, kBlock> scores;
  for (uint32_t first = 0; first < rows_used_; first += kBlock) {
    const size_t n = std::min<size_t>(kBlock, rows_used_ - first);
    kernels().dot_int8(&rows_[static_cast<size_t>(first) * options_.dim], query.q8.data(), dots.data(), n,
                       options_.dim);
    const float best =
        kernels().scores(dots.data(), &scale_[first], &bias_[first], query.q8_scale, scores.data(), n);
    if (best >= top.threshold()) offer_block(query, scores.data(), nullptr, first, n, allow, top);
  }
  return finish(query, allow, top);
}

std::vector<ScoredItem> ServingCopy::exact(const SequenceQuery& query, size_t k,
                                           const std::function<bool(uint32_t)>& allow) const {
  return search(query, k, allow, lists());
}

void ServingCopy::offer_list(const SequenceQuery& query, uint32_t number,
                             const std::function<bool(uint32_t)>& allow, TopItems& top) const {
  std::array<float, kBlock> scores;
  if (lives_ != nullptr) {
    const std::span<const uint32_t> members = lives_->members(number);
    for (size_t at = 0; at < members.size(); at += kBlock) {
      const size_t n = std::min(kBlock, members.size() - at);
      base_scores(query, members.subspan(at, n), scores.data());
      offer_block(query, scores.data(), &members[at], 0, n, allow, top);
    }
    return;
  }
  const IndexCopy::List& list = index_.list(number);
  std::array<int32_t, kBlock> dots;
  for (size_t at = 0; at < list.items.size(); at += kBlock) {
    const size_t n = std::min(kBlock, list.items.size() - at);
    kernels().dot_int8(&list.rows[at * options_.dim], query.q8.data(), dots.data(), n, options_.dim);
    const float best =
        kernels().scores(dots.data(), &list.scale[at], &list.bias[at], query.q8_scale, scores.data(), n);
    if (best >= top.threshold()) offer_block(query, scores.data(), &list.items[at], 0, n, allow, top);
  }
}

std::vector<ScoredItem> ServingCopy::search(const SequenceQuery& query, size_t k,
                                            const std::function<bool(uint32_t)>& allow,
                                            uint32_t probes) const {
  if (query.empty()) return {};
  const size_t want = std::min<size_t>(k, live_);
  thread_local std::vector<uint32_t> chosen;
  while (true) {
    // Memory read in one piece comes more than twice as fast as list by list; but most of it may be of slots
    // that nobody acted on. Both ways are exact.
    const bool all = probes >= lists() * 2 / 5;
    if (all && rows_used_ / 2 < live_) return scan(query, k, allow);
    if (all) probes = lists();
    TopItems top(want);
    if (lives_ != nullptr) {
      lives_->choose(query.q.data(), probes, chosen);
    } else {
      index_.choose(query.q.data(), probes, chosen);
    }
    for (const uint32_t list : chosen) offer_list(query, list, allow, top);
    std::vector<ScoredItem> found = finish(query, allow, top);
    if (found.size() >= want || all) return found;
    probes *= 4;  // The filter left too few.
  }
}

}  // namespace freshet
