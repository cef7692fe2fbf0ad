#include "vector/learned_encoder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/hash.h"
#include "model/math.h"
#include "text/words.h"

namespace freshet {
namespace {

constexpr uint32_t kVersion = 1;
constexpr uint32_t kNoPlace = 0xffffffffu;
constexpr float kFloor = 1e-4f;                 // Of the accumulators: a row's first step is no leap.
constexpr float kOwn = 0.55f, kNgrams = 0.84f;  // Shares of the length of a word: squares add up to one.

float read(const float& word) {
  return std::atomic_ref<float>(const_cast<float&>(word)).load(std::memory_order_relaxed);
}
void write(float& word, float value) {
  std::atomic_ref<float>(word).store(value, std::memory_order_relaxed);
}
uint32_t read(const uint32_t& word) {
  return std::atomic_ref<uint32_t>(const_cast<uint32_t&>(word)).load(std::memory_order_relaxed);
}
void write(uint32_t& word, uint32_t value) {
  std::atomic_ref<uint32_t>(word).store(value, std::memory_order_relaxed);
}

// d loss / d s of e = s / |s|, given d loss / d e in `d`: (d - e (e . d)) / |s|, in place.
void through_length(const float* e, float length, std::span<float> d) {
  const float along = kernels().dot(e, d.data(), d.size());
  for (size_t i = 0; i < d.size(); ++i) d[i] = (d[i] - e[i] * along) / length;
}

}  // namespace

struct LearnedEncoder::Table {
  Table(const LearnedEncoderConfig& config)
      : rows(size_t{config.rows} * config.dim), squares(config.rows), counts(config.rows) {
    const float spread = 1.7320508f / std::sqrt(static_cast<float>(config.dim));  // Variance 1 / dim
    for (uint32_t row = 0; row < config.rows; ++row) {
      Draw draw(mix64(config.seed, row));
      float* to = &rows[size_t{row} * config.dim];
      for (uint32_t i = 0; i < config.dim; i += 2) {
        const uint64_t bits = draw.next();
        to[i] = spread * (static_cast<float>(static_cast<int32_t>(bits >> 32)) * 0x1p-31f);
        to[i + 1] = spread * (static_cast<float>(static_cast<int32_t>(bits & 0xffffffff)) * 0x1p-31f);
      }
    }
  }
  std::vector<float> rows, squares;
  std::vector<uint32_t> counts;  // Of words by the row of the word.
  uint32_t total = 0;
};

LearnedEncoder::LearnedEncoder(LearnedEncoderConfig config) : config_(config) {
  CHECK(config.dim % 16 == 0 && config.dim > 0 && config.dim <= 1024 && std::has_single_bit(config.rows));
}

LearnedEncoder::~LearnedEncoder() {
  delete table_.load();
}

LearnedEncoder::Table& LearnedEncoder::table() {
  Table* made = table_.load(std::memory_order_relaxed);
  if (made == nullptr) {
    made = new Table(config_);
    table_.store(made, std::memory_order_release);
  }
  return *made;
}

void LearnedEncoder::word_features(std::string_view word, TextFeatures& out) const {
  const Table* table = table_.load(std::memory_order_acquire);
  const uint32_t mask = config_.rows - 1;
  const auto own = static_cast<uint32_t>(hash_bytes(word, config_.seed)) & mask;
  float weight = 1;
  if (table != nullptr) {
    const uint32_t total = read(table->total);
    if (total > 0)
      weight = config_.common /
               (config_.common + static_cast<float>(read(table->counts[own])) / static_cast<float>(total));
    // Young catalogues: with few words seen, every word is "common".
    weight = std::max(weight, 1.0f / (1.0f + static_cast<float>(total) * 1e-3f));
  }
  std::string marked;
  marked.reserve(word.size() + 2);
  marked.append("<").append(word).append(">");
  const size_t first = out.size();
  out.push_back({own, weight * kOwn});
  for (size_t n = config_.ngram_min; n <= config_.ngram_max; ++n)
    for (size_t at = 0; at + n <= marked.size() && n < marked.size(); ++at)
      out.push_back({static_cast<uint32_t>(hash_bytes(marked.data() + at, n, config_.seed + 1)) & mask, 0});
  const size_t ngrams = out.size() - first - 1;
  if (ngrams == 0) {
    out[first].weight = weight;
    return;
  }
  const float share = weight * kNgrams / std::sqrt(static_cast<float>(ngrams));
  for (size_t i = first + 1; i < out.size(); ++i) out[i].weight = share;
}

void LearnedEncoder::features(std::string_view text, TextFeatures& out) const {
  out.clear();
  std::string folded;
  fold_words(text, folded, 1024);
  std::vector<std::string_view> words;
  split_words(folded, words);
  if (words.size() > config_.words_max) words.resize(config_.words_max);
  for (const std::string_view word : words) word_features(word.substr(0, 48), out);
}

bool LearnedEncoder::encode(std::string_view text, TextSide, std::span<float> out) const {
  CHECK(out.size() == config_.dim);
  std::fill(out.begin(), out.end(), 0.0f);
  const Table* table = table_.load(std::memory_order_acquire);
  if (table == nullptr) return false;
  TextFeatures text_features;
  features(text, text_features);
  for (const TextFeature& feature : text_features) {
    const float* row = &table->rows[size_t{feature.row} * config_.dim];
    for (uint32_t i = 0; i < config_.dim; ++i) out[i] += feature.weight * read(row[i]);
  }
  const float squares = kernels().dot(out.data(), out.data(), config_.dim);
  if (!(squares > 1e-12f)) return false;
  const float length = std::sqrt(squares);
  for (float& x : out) x /= length;
  return true;
}

bool LearnedEncoder::embed(const TextFeatures& text, std::span<float> out) const {
  std::fill(out.begin(), out.end(), 0.0f);
  const Table* table = table_.load(std::memory_order_relaxed);
  if (table == nullptr) return false;
  constexpr size_t kAhead = 8;
  for (size_t j = 0; j < text.size(); ++j) {
    if (j + kAhead < text.size())
      for (uint32_t i = 0; i < config_.dim; i += 16)
        __builtin_prefetch(&table->rows[size_t{text[j + kAhead].row} * config_.dim + i]);
    kernels().axpy(text[j].weight, &table->rows[size_t{text[j].row} * config_.dim], out.data(), config_.dim);
  }
  const float squares = kernels().dot(out.data(), out.data(), config_.dim);
  if (!(squares > 1e-12f)) return false;
  const float length = std::sqrt(squares);
  for (float& x : out) x /= length;
  return true;
}

void LearnedEncoder::count_words(std::string_view text) {
  Table& to = table();
  std::string folded;
  fold_words(text, folded, 1024);
  std::vector<std::string_view> words;
  split_words(folded, words);
  for (const std::string_view word : words) {
    if (to.total >= 1u << 30) {  // Halve everything now and then: counts never overflow.
      for (uint32_t& count : to.counts) write(count, count / 2);
      write(to.total, to.total / 2);
    }
    uint32_t& count =
        to.counts[static_cast<uint32_t>(hash_bytes(word.substr(0, 48), config_.seed)) & (config_.rows - 1)];
    write(count, count + 1);
    write(to.total, to.total + 1);
  }
}

float LearnedEncoder::gradient(const TextFeatures& query, std::span<const Candidate> candidates,
                               Gradient& out) const {
  out.rows.clear();
  out.values.clear();
  const Table* table = table_.load(std::memory_order_relaxed);
  const size_t n = candidates.size(), dim = config_.dim;
  if (table == nullptr || n < 2) return 0;
  const Kernels& k = kernels();
  std::vector<float> e((n + 1) * dim), length(n + 1), p(n);  // Candidates, then the query.
  for (size_t t = 0; t <= n; ++t) {
    const TextFeatures& text = t == n ? query : candidates[t].text;
    float* s = &e[t * dim];
    for (const TextFeature& f : text)
      for (size_t i = 0; i < dim; i += 16) __builtin_prefetch(&table->rows[f.row * dim + i]);
    for (const TextFeature& f : text) k.axpy(f.weight, &table->rows[f.row * dim], s, dim);
    length[t] = std::sqrt(k.dot(s, s, dim));
    if (length[t] > 1e-6f)
      for (size_t i = 0; i < dim; ++i) s[i] /= length[t];
  }
  const float* eq = &e[n * dim];
  if (!(length[n] > 1e-6f) || !(length[0] > 1e-6f)) return 0;
  float top = -1e30f, sum = 0;
  for (size_t t = 0; t < n; ++t) {
    p[t] = config_.temperature * k.dot(eq, &e[t * dim], dim) - candidates[t].log_rate;
    top = std::max(top, p[t]);
  }
  for (float& x : p) sum += x = exp_f32(x - top);
  for (float& x : p) x /= sum;
  std::vector<float> d_query(dim), d(dim);
  // Gradients by row: rows in the order of their first touch, and the parts of a row summed in the order of
  // touch: the order of sums is fixed.
  size_t touches = query.size();
  for (const Candidate& candidate : candidates) touches += candidate.text.size();
  out.places.assign(std::bit_ceil(2 * touches + 1), kNoPlace);
  const auto gradient_of = [&](uint32_t row) {
    size_t at = mix64(row) & (out.places.size() - 1);
    for (; out.places[at] != kNoPlace; at = (at + 1) & (out.places.size() - 1))
      if (out.rows[out.places[at]] == row) return &out.values[out.places[at] * dim];
    out.places[at] = static_cast<uint32_t>(out.rows.size());
    out.rows.push_back(row);
    out.values.resize(out.rows.size() * dim);
    return &out.values[out.places[at] * dim];
  };
  for (size_t t = 0; t <= n; ++t) {
    if (!(length[t] > 1e-6f)) continue;
    if (t < n) {
      const float g = config_.temperature * (p[t] - (t == 0 ? 1.0f : 0.0f));
      k.axpy(g, &e[t * dim], d_query.data(), dim);
      for (size_t i = 0; i < dim; ++i) d[i] = g * eq[i];
    } else {
      d = d_query;
    }
    through_length(&e[t * dim], length[t], d);
    for (const TextFeature& f : t == n ? query : candidates[t].text)
      k.axpy(f.weight, d.data(), gradient_of(f.row), dim);
  }
  return -log_f32(std::max(p[0], 1e-30f));
}

float LearnedEncoder::learn(const TextFeatures& query, std::span<const Candidate> candidates, float weight) {
  Table& to = table();
  const float loss = gradient(query, candidates, gradient_);
  for (size_t r = 0; r < gradient_.rows.size(); ++r) {
    const float* g = &gradient_.values[r * config_.dim];
    const float squares = kernels().dot(g, g, config_.dim) / static_cast<float>(config_.dim);
    float& seen = to.squares[gradient_.rows[r]];
    seen += squares * weight;
    const float step = config_.rate * weight * rsqrt_f32(seen + kFloor);
    float* row = &to.rows[size_t{gradient_.rows[r]} * config_.dim];
    std::array<float, 1024> moved;  // Computed whole first: stores of words do not vectorise.
    std::copy_n(row, config_.dim, moved.begin());
    kernels().axpy(-step, g, moved.data(), config_.dim);
    for (uint32_t i = 0; i < config_.dim; ++i) write(row[i], moved[i]);
  }
  if (!gradient_.rows.empty())
    lessons_.store(lessons_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return loss;
}

double LearnedEncoder::loss_slowly(const TextFeatures& query, std::span<const Candidate> candidates,
                                   uint32_t moved_row, uint32_t moved_element, double moved_by) const {
  const Table* table = table_.load(std::memory_order_relaxed);
  const auto encode_text = [&](const TextFeatures& text) {
    std::vector<double> s(config_.dim);
    double squares = 0;
    for (uint32_t i = 0; i < config_.dim; ++i) {
      for (const TextFeature& f : text) {
        double x = static_cast<double>(table->rows[size_t{f.row} * config_.dim + i]);
        if (f.row == moved_row && i == moved_element) x += moved_by;
        s[i] += static_cast<double>(f.weight) * x;
      }
      squares += s[i] * s[i];
    }
    for (double& x : s) x /= std::sqrt(squares);
    return s;
  };
  const std::vector<double> q = encode_text(query);
  double sum = 0, chosen = 0;
  for (size_t t = 0; t < candidates.size(); ++t) {
    const std::vector<double> e = encode_text(candidates[t].text);
    double dot = 0;
    for (uint32_t i = 0; i < config_.dim; ++i) dot += q[i] * e[i];
    const double logit =
        static_cast<double>(config_.temperature) * dot - static_cast<double>(candidates[t].log_rate);
    sum += std::exp(logit);
    if (t == 0) chosen = logit;
  }
  return std::log(sum) - chosen;
}

void LearnedEncoder::save(Writer& out) const {
  const Table* table = table_.load(std::memory_order_relaxed);
  out.u32(kVersion);
  out.u32(config_.dim);
  out.u32(config_.rows);
  out.u64(lessons_.load(std::memory_order_relaxed));
  out.u8(table != nullptr);
  if (table == nullptr) return;
  out.array(table->rows.data(), table->rows.size());
  out.array(table->squares.data(), table->squares.size());
  out.array(table->counts.data(), table->counts.size());
  out.u32(table->total);
}

Status LearnedEncoder::load(Reader& in) {
  const uint32_t version = in.u32(), dim = in.u32(), rows = in.u32();
  if (!in.ok() || version != kVersion || dim != config_.dim || rows != config_.rows)
    return corrupt("text encoder: another version, dimension or number of rows");
  lessons_.store(in.u64(), std::memory_order_relaxed);
  if (in.u8() == 0) return in.ok() ? Status() : Status(corrupt("text encoder: cut short"));
  auto fresh = std::make_unique<Table>(config_);
  in.array(fresh->rows.data(), fresh->rows.size());
  in.array(fresh->squares.data(), fresh->squares.size());
  in.array(fresh->counts.data(), fresh->counts.size());
  fresh->total = in.u32();
  if (!in.ok()) return corrupt("text encoder: cut short");
  delete table_.exchange(fresh.release(), std::memory_order_acq_rel);  // load() runs before any reader.
  return {};
}

size_t LearnedEncoder::bytes() const {
  return table_.load(std::memory_order_relaxed) == nullptr ? 0 : size_t{config_.rows} * (config_.dim + 2) * 4;
}

}  // namespace freshet
