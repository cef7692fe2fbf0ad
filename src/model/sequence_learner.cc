#include "model/sequence_learner.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/hash.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr float kMasked = -1e30f;
constexpr uint32_t kOwnExact = 16;    // Newest items of the sequence that are always candidates...
constexpr uint32_t kOwnSampled = 16;  // ...and how many of the older ones are drawn.
constexpr uint32_t kOwnMax = 1 + kOwnExact + kOwnSampled;
constexpr float kRowFloor = 1e-6f;  // Under the root of Adagrad's step.
constexpr float kDenseFloor = 1e-4f;
constexpr float kLossDecay = 1.0f / 64;  // Of the running loss, a micro-batch.
constexpr uint32_t kVersion = 1;
constexpr uint32_t kAhead = 8;  // Rows asked for before they are needed.

uint32_t padded(uint32_t n) {
  return (n + 15) / 16 * 16;
}

}  // namespace

template <class T>
Reserved<T>::Reserved(size_t count)
    : memory_(static_cast<char*>(std::calloc(count * sizeof(T) + 64, 1)), std::free) {
  CHECK(memory_ != nullptr);
  data_ = reinterpret_cast<T*>((reinterpret_cast<uintptr_t>(memory_.get()) + 63) / 64 * 64);
}
template class Reserved<float>;
template class Reserved<uint8_t>;
template class Reserved<int8_t>;
template class Reserved<uint32_t>;
template class Reserved<uint64_t>;

SequenceLearner::SequenceLearner(const SequenceOptions& options)
    : options_(options),
      layout_(options.dim),
      rows_(static_cast<size_t>(options.rows_max) * options.dim),
      bias_(options.rows_max),
      seen_(options.rows_max),
      seen_bias_(options.rows_max),
      key_(options.rows_max),
      acted_on_(options.rows_max),
      dense_(layout_.initial(options.seed)),
      dense_seen_(layout_.size),
      sampler_(options.rows_max, options.ring, options.uniform),
      pending_(options.batch),
      batch_(options.dim, options.batch, options.context_max),
      own_(options.batch),
      dense_gradient_(layout_.size),
      touched_place_(options.rows_max),
      is_changed_(options.rows_max) {
  const size_t n = options.negatives, d = options.dim;
  negatives_.resize(n * d);
  negatives_t_.resize(n * d);
  negatives_gradient_.resize(n * d);
  negative_bias_.resize(n);
  stride_ = static_cast<uint32_t>(n) + padded(kOwnMax);
  scores_.resize(static_cast<size_t>(options.batch) * stride_);
}

void SequenceLearner::add(uint32_t item, uint64_t key, std::span<const uint32_t> like) {
  const uint32_t d = options_.dim;
  float* row = &rows_[static_cast<size_t>(item) * d];
  Draw draw(mix64(options_.seed, key));
  for (uint32_t i = 0; i < d; ++i) {
    double sum = -2;
    for (int part = 0; part < 4; ++part) sum += draw.uniform();
    row[i] = static_cast<float>(sum * 1.7320508075688772) * options_.init_noise;
  }
  uint32_t known = 0;
  for (uint32_t other : like) known += other < options_.rows_max && other != item && sampler_.live(other);
  for (uint32_t other : like)
    if (other < options_.rows_max && other != item && sampler_.live(other))
      kernels().axpy(options_.init_like / static_cast<float>(known), this->row(other), row, d);
  bias_[item] = -options_.untouched;
  acted_on_[item] = 0;
  seen_[item] = seen_bias_[item] = 0;
  key_[item] = key;
  sampler_.add(item);
  mark_changed(item);
}

void SequenceLearner::remove(uint32_t item) {
  sampler_.remove(item);
  mark_changed(item);
  for (uint32_t i = 0; i < pending_count_; ++i) {
    Pending& lesson = pending_[i];
    std::erase_if(lesson.steps, [item](const SequenceStep& step) { return step.item == item; });
    if (lesson.target == item)
      lesson.steps.clear();  // Nothing to learn any more; keeps its place in the count.
  }
}

bool SequenceLearner::learn(const SequenceContext& context, uint32_t target, uint64_t key, float weight) {
  if (target >= options_.rows_max || !sampler_.live(target)) return false;
  Pending& lesson = pending_[pending_count_];
  lesson.steps.clear();
  const size_t keep = std::min<size_t>(context.steps.size(), options_.history_max);
  for (const SequenceStep& step : context.steps.last(keep)) {
    if (step.item >= options_.rows_max || !sampler_.live(step.item)) continue;
    touch(step.item);
    lesson.steps.push_back(step);
    lesson.steps.back().type %= DenseLayout::kTypes;
    lesson.steps.back().gap %= kGapBuckets;
  }
  touch(target);
  if (lesson.steps.empty()) return false;
  lesson.new_session = context.new_session;
  lesson.target = target;
  lesson.key = key;
  lesson.weight = weight;
  if (++pending_count_ < options_.batch) return false;
  learn_batch();
  pending_count_ = 0;
  return true;
}

void SequenceLearner::touch(uint32_t item) {
  if (acted_on_[item]) return;
  acted_on_[item] = 1;
  bias_[item] += options_.untouched;
  mark_changed(item);
}

void SequenceLearner::learn_batch() {
  uint32_t used = 0;  // Lessons emptied by remove() go to the end and are not learned.
  for (uint32_t i = 0; i < pending_count_; ++i)
    if (!pending_[i].steps.empty()) std::swap(pending_[used++], pending_[i]);
  pending_count_ = used;
  if (used == 0) return;
  forward();
  backward();
  update();
  for (uint32_t b = 0; b < used; ++b) sampler_.target(pending_[b].target);
  const float mean = static_cast<float>(batch_loss_) / static_cast<float>(used);
  loss_ = lessons_ == 0 ? mean : loss_ + (mean - loss_) * kLossDecay;
  lessons_ += used;
}

float* SequenceLearner::gradient_of(uint32_t item) {
  const size_t width = options_.dim + 16;
  uint32_t& place = touched_place_[item];
  if (place == 0) {
    touched_.push_back(item);
    place = static_cast<uint32_t>(touched_.size());
    if (touched_gradient_.size() < touched_.size() * width)
      touched_gradient_.resize(touched_.size() * width * 2);
    std::fill_n(&touched_gradient_[(place - 1) * width], width, 0.0f);
  }
  return &touched_gradient_[(place - 1) * width];
}

// Input vectors of lesson b's newest steps.
void SequenceLearner::gather(uint32_t b) {
  const Kernels& k = kernels();
  const uint32_t d = options_.dim;
  const std::vector<SequenceStep>& steps = pending_[b].steps;
  const uint32_t n = std::min<uint32_t>(static_cast<uint32_t>(steps.size()), options_.context_max);
  batch_.steps[b] = n;
  batch_.new_session[b] = pending_[b].new_session;
  for (uint32_t l = 0; l < n; ++l) {
    const SequenceStep& step = steps[steps.size() - 1 - l];
    float* x = batch_.x_of(b, l);
    std::memcpy(x, row(step.item), d * sizeof(float));
    k.axpy(1, &dense_[layout_.type + step.type * d], x, d);
    k.axpy(1, &dense_[layout_.gap + step.gap * d], x, d);
  }
}

// The target, and the sequence's own items: the newest all, of the older a few. Masks what the shared
// negatives say about any of them.
void SequenceLearner::candidates(uint32_t b) {
  const Pending& lesson = pending_[b];
  own_items({lesson.steps, lesson.new_session}, own_scratch_);
  std::vector<Own>& own = own_[b];
  own.assign(1, {lesson.target, -1, -1, 0});
  const auto take = [&own](const OwnItem& o, float log_rate) {
    own.push_back({o.item, o.age, o.count, log_rate});
  };
  const uint32_t n = static_cast<uint32_t>(own_scratch_.size());
  const uint32_t exact = n > kOwnExact + kOwnSampled ? kOwnExact : n;
  for (uint32_t i = 0; i < n; ++i) {
    const OwnItem& o = own_scratch_[i];
    if (o.item == lesson.target)
      own[0] = {o.item, o.age, o.count, 0};
    else if (i < exact)
      take(o, 0);
  }
  if (exact < n) {
    Draw draw(mix64(mix64(options_.seed, lesson.key), 0x6f776eull));
    const float log_rate = log_f32(static_cast<float>(kOwnSampled) / static_cast<float>(n - exact));
    for (uint32_t i = 0; i < kOwnSampled; ++i) {
      const OwnItem& o = own_scratch_[exact + draw.below(n - exact)];
      if (o.item != lesson.target) take(o, log_rate);
    }
  }
}

// Softmax over the candidates of lesson b; leaves the gradient of each score in scores_ and returns the loss.
float SequenceLearner::score_lesson(uint32_t b) {
  const Kernels& k = kernels();
  const uint32_t d = options_.dim, n = options_.negatives;
  float* s = &scores_[static_cast<size_t>(b) * stride_];
  const float* q = &batch_.q[b * d];
  std::fill(s + n, s + stride_, kMasked);
  const std::vector<Own>& own = own_[b];
  for (size_t i = 0; i < own.size(); ++i) {
    const Own& o = own[i];
    float score = k.dot(q, row(o.item), d) + bias_[o.item] - o.log_rate;
    if (o.age >= 0) score += dense_[layout_.own_age + o.age] + dense_[layout_.own_count + o.count];
    s[n + i] = score;
  }
  const float target = s[n];
  float max = 0;
  const float sum = k.softmax(s, &max, stride_);
  const float weight = pending_[b].weight;
  const float scale = weight / sum;
  for (uint32_t j = 0; j < stride_; ++j) s[j] *= scale;
  s[n] -= weight;
  return log_f32(sum) + max - target;
}

void SequenceLearner::forward() {
  const Kernels& k = kernels();
  const uint32_t d = options_.dim, n = options_.negatives;
  uint64_t key = options_.seed;
  for (uint32_t b = 0; b < pending_count_; ++b) key = mix64(key, pending_[b].key);
  sample_.resize(n);
  sample_log_rate_.resize(n);
  sampler_.draw(key, sample_, sample_log_rate_);

  // Negatives by row and by column, and for every item among them the chain of its draws.
  std::vector<uint32_t> chain(n), head;
  for (uint32_t j = 0; j < n; ++j) {
    const uint32_t item = sample_[j];
    if (j + kAhead < n) fetch_row(sample_[j + kAhead]);
    const float* e = row(item);
    std::memcpy(&negatives_[j * d], e, d * sizeof(float));
    negative_bias_[j] = bias_[item] - sample_log_rate_[j];
    gradient_of(item);
    const uint32_t place = touched_place_[item] - 1;
    if (place == head.size()) head.push_back(n);
    chain[j] = std::exchange(head[place], j);
  }
  for (uint32_t i = 0; i < d; ++i)
    for (uint32_t j = 0; j < n; ++j) negatives_t_[i * n + j] = negatives_[j * d + i];

  for (uint32_t b = 0; b < pending_count_; ++b) gather(b);
  encode_forward(layout_, dense_.data(), batch_, pending_count_);
  for (uint32_t b = 0; b < pending_count_; ++b)
    std::memcpy(&scores_[static_cast<size_t>(b) * stride_], negative_bias_.data(), n * sizeof(float));
  k.gemm(pending_count_, n, d, batch_.q.data(), d, 1, negatives_t_.data(), n, scores_.data(), stride_, true);

  batch_loss_ = 0;
  for (uint32_t b = 0; b < pending_count_; ++b) {
    candidates(b);
    const auto mask = [&](uint32_t item) {
      const uint32_t place = touched_place_[item];
      if (place == 0 || place > head.size()) return;
      for (uint32_t j = head[place - 1]; j < n; j = chain[j])
        scores_[static_cast<size_t>(b) * stride_ + j] = kMasked;
    };
    mask(pending_[b].target);
    for (const OwnItem& o : own_scratch_) mask(o.item);
    batch_loss_ += static_cast<double>(score_lesson(b)) * static_cast<double>(pending_[b].weight);
  }
}

void SequenceLearner::backward() {
  const Kernels& k = kernels();
  const uint32_t d = options_.dim, n = options_.negatives;
  std::fill(dense_gradient_.begin(), dense_gradient_.end(), 0.0f);
  k.gemm(pending_count_, d, n, scores_.data(), stride_, 1, negatives_.data(), d, batch_.dq.data(), d, false);
  k.gemm(n, d, pending_count_, scores_.data(), 1, stride_, batch_.q.data(), d, negatives_gradient_.data(), d,
         false);
  for (uint32_t j = 0; j < n; ++j) {
    float* g = gradient_of(sample_[j]);
    k.axpy(1, &negatives_gradient_[j * d], g, d);
    for (uint32_t b = 0; b < pending_count_; ++b) g[d] += scores_[static_cast<size_t>(b) * stride_ + j];
  }
  for (uint32_t b = 0; b < pending_count_; ++b) {
    const std::vector<Own>& own = own_[b];
    for (size_t i = 0; i < own.size(); ++i) {
      const Own& o = own[i];
      const float g = scores_[static_cast<size_t>(b) * stride_ + n + i];
      k.axpy(g, row(o.item), &batch_.dq[b * d], d);
      float* to = gradient_of(o.item);
      k.axpy(g, &batch_.q[b * d], to, d);
      to[d] += g;
      if (o.age < 0) continue;
      dense_gradient_[layout_.own_age + o.age] += g;
      dense_gradient_[layout_.own_count + o.count] += g;
    }
  }
  encode_backward(layout_, dense_.data(), batch_, pending_count_, dense_gradient_.data());
  for (uint32_t b = 0; b < pending_count_; ++b) {
    const std::vector<SequenceStep>& steps = pending_[b].steps;
    for (uint32_t l = 0; l < std::min(batch_.steps[b], kMeanGradientSteps); ++l) {
      const SequenceStep& step = steps[steps.size() - 1 - l];
      const float* dx = batch_.dx_of(b, l);
      k.axpy(1, dx, gradient_of(step.item), d);
      k.axpy(1, dx, &dense_gradient_[layout_.type + step.type * d], d);
      k.axpy(1, dx, &dense_gradient_[layout_.gap + step.gap * d], d);
    }
  }
}

void SequenceLearner::update() {
  const Kernels& k = kernels();
  const uint32_t d = options_.dim;
  const size_t width = d + 16;
  for (size_t i = 0; i < touched_.size(); ++i) {
    const uint32_t item = touched_[i];
    if (i + kAhead < touched_.size()) {
      const uint32_t later = touched_[i + kAhead];
      fetch_row(later);
      __builtin_prefetch(seen_.data() + later, 1);
      __builtin_prefetch(seen_bias_.data() + later, 1);
    }
    const float* g = &touched_gradient_[i * width];
    seen_[item] = seen_[item] * options_.forget_item + k.dot(g, g, d) / static_cast<float>(d);
    k.axpy(-options_.rate_item * rsqrt_f32(seen_[item] + kRowFloor), g, &rows_[static_cast<size_t>(item) * d],
           d);
    seen_bias_[item] = seen_bias_[item] * options_.forget_item + g[d] * g[d];
    bias_[item] -= options_.rate_bias * rsqrt_f32(seen_bias_[item] + kRowFloor) * g[d];
    touched_place_[item] = 0;
    mark_changed(item);
  }
  touched_.clear();
  k.adagrad(dense_.data(), dense_gradient_.data(), dense_seen_.data(), options_.rate_dense, kDenseFloor, 1,
            layout_.size);
}

SequenceLearner::Gradients SequenceLearner::gradients_of_pending() {
  forward();
  backward();
  Gradients out{batch_loss_, dense_gradient_, {}};
  const size_t width = options_.dim + 16;
  for (size_t i = 0; i < touched_.size(); ++i) {
    const float* g = &touched_gradient_[i * width];
    out.rows.emplace_back(touched_[i], std::vector<float>(g, g + options_.dim + 1));
    touched_place_[touched_[i]] = 0;
  }
  touched_.clear();
  return out;
}

void SequenceLearner::mark_changed(uint32_t item) {
  if (is_changed_[item]) return;
  is_changed_[item] = 1;
  changed_.push_back(item);
}

void SequenceLearner::clear_changed() {
  for (uint32_t item : changed_) is_changed_[item] = 0;
  changed_.clear();
}

void SequenceLearner::save(Writer& out) const {
  const uint32_t d = options_.dim;
  out.u32(kVersion);
  for (uint32_t v : {d, options_.rows_max, options_.batch, options_.negatives, options_.ring}) out.u32(v);
  out.array(dense_.data(), dense_.size());
  out.array(dense_seen_.data(), dense_seen_.size());
  sampler_.save(out);
  for (uint32_t item : sampler_.items()) {
    out.u64(key_[item]);
    out.u8(acted_on_[item]);
    out.array(row(item), d);
    for (float v : {bias_[item], seen_[item], seen_bias_[item]}) out.f32(v);
  }
  out.u32(pending_count_);
  for (uint32_t i = 0; i < pending_count_; ++i) {
    const Pending& lesson = pending_[i];
    out.u32(lesson.target);
    out.u64(lesson.key);
    out.f32(lesson.weight);
    out.u8(lesson.new_session);
    out.u32(static_cast<uint32_t>(lesson.steps.size()));
    out.array(lesson.steps.data(), lesson.steps.size());
  }
  out.u32(static_cast<uint32_t>(sample_.size()));
  out.array(sample_.data(), sample_.size());
  out.array(sample_log_rate_.data(), sample_log_rate_.size());
  out.f32(loss_);
  out.u64(lessons_);
}

Status SequenceLearner::load(Reader& in) {
  const uint32_t d = options_.dim;
  if (in.u32() != kVersion) return corrupt("sequence model: not a saved model of version 1");
  const uint32_t dim = in.u32();
  in.u32();  // Its rows_max: one that has grown takes what is saved, one that has shrunk if it fits.
  bool same = dim == d;
  for (const uint32_t want : {options_.batch, options_.negatives, options_.ring}) same &= in.u32() == want;
  if (!same) return invalid("sequence model: saved with other options (dim, batch, negatives, ring)");
  in.array(dense_.data(), dense_.size());
  in.array(dense_seen_.data(), dense_seen_.size());
  for (uint32_t item : sampler_.items()) mark_changed(item);
  if (!sampler_.load(in)) return corrupt("sequence model: sampler");
  for (uint32_t item : sampler_.items()) {
    key_[item] = in.u64();
    acted_on_[item] = in.u8();
    in.array(&rows_[static_cast<size_t>(item) * d], d);
    for (float* v : {&bias_[item], &seen_[item], &seen_bias_[item]}) *v = in.f32();
    mark_changed(item);
  }
  pending_count_ = in.u32();
  if (!in.ok() || pending_count_ >= options_.batch) return corrupt("sequence model: pending lessons");
  const auto is_item = [this](uint32_t item) { return item < options_.rows_max && sampler_.live(item); };
  for (uint32_t i = 0; i < pending_count_; ++i) {
    Pending& lesson = pending_[i];
    lesson.target = in.u32();
    lesson.key = in.u64();
    lesson.weight = in.f32();
    lesson.new_session = in.u8() != 0;
    const uint32_t steps = in.u32();
    if (!in.ok() || steps > options_.history_max) return corrupt("sequence model: steps of a pending lesson");
    lesson.steps.resize(steps);
    in.array(lesson.steps.data(), steps);
    for (const SequenceStep& step : lesson.steps)
      if (!is_item(step.item) || step.type >= DenseLayout::kTypes || step.gap >= kGapBuckets)
        return corrupt("sequence model: a step of a pending lesson");
    if (steps > 0 && !is_item(lesson.target)) return corrupt("sequence model: target of a pending lesson");
  }
  const uint32_t sample = in.u32();
  if (!in.ok() || sample > options_.negatives) return corrupt("sequence model: sample");
  sample_.resize(sample);
  sample_log_rate_.resize(sample);
  in.array(sample_.data(), sample);
  in.array(sample_log_rate_.data(), sample);
  for (uint32_t item : sample_)
    if (item >= options_.rows_max) return corrupt("sequence model: sample");
  loss_ = in.f32();
  lessons_ = in.u64();
  if (!in.ok()) return corrupt("sequence model: ends early");
  return {};
}

size_t SequenceLearner::bytes() const {
  const size_t row =
      options_.dim * sizeof(float) + 3 * sizeof(float) + sizeof(uint64_t) + sizeof(uint32_t) + 1;
  return sampler_.live_items() * row + sampler_.bytes() + touched_gradient_.size() * sizeof(float) +
         scores_.size() * 4 +
         (negatives_.size() * 3 + batch_.x.size() * 2 + layout_.size * 3) * sizeof(float) +
         pending_.size() * options_.history_max * sizeof(SequenceStep);
}

}  // namespace freshet
