// The built-in text encoder: sub-word hashed embeddings, learned online from what shoppers click.
//
//   word    0.55 of its own row + 0.84 / sqrt(n) of the rows of its n n-grams (3 bytes each of "<word>"), so
//           that 0.7 of a new word's square is its spelling; rows are found by hash (Bojanowski et al. 2017,
//           "Enriching word vectors with subword information")
//   text    s = sum over words of weight(word) * word;  weight = a / (a + share of the word among all words
//           seen in items) (Arora et al. 2017, SIF);  vector e = s / |s|
//   lesson  (query, item clicked or bought) against K sampled items: sampled softmax with logQ correction
//           (Yi et al. 2019, "Sampling-bias-corrected neural modeling"),
//             logit_i = T e_query . e_i - ln(K q_i),   loss = -ln softmax(logit)_clicked
//   update  Adagrad with one accumulator a row:  A += mean(g^2);  row -= rate g / sqrt(A)
//
// Both towers share one table, so an untaught encoder already brings words with common n-grams near each
// other, and each lesson helps both sides. A row begins as a draw keyed by (seed, row).
//
//   rows  float32[rows][dim]; made at the first lesson or item; saved. 4 * rows * (dim + 2) bytes: 17 MB.
//
// Threads: fold thread learns; encode() on any thread: the floats are words that change in place, so a query
// may see one lesson half applied, never less. Deterministic: fixed summation order, own exp and log.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "vector/text_encoder.h"

namespace freshet {

struct LearnedEncoderConfig {
  uint32_t dim = 64;         // A multiple of 16.
  uint32_t rows = 1u << 16;  // A power of two.
  uint32_t ngram_min = 3, ngram_max = 3;
  uint32_t words_max = 48;  // Of a text; the rest is not read.
  float temperature = 12;   // T
  float rate = 0.08f;
  float common = 1e-3f;  // a of the word weight
  uint64_t seed = 20;
};

// A text as the encoder reads it: s = sum of weight * rows[row].
struct TextFeature {
  uint32_t row = 0;
  float weight = 0;
};
using TextFeatures = std::vector<TextFeature>;

class LearnedEncoder final : public TextEncoder {
 public:
  explicit LearnedEncoder(LearnedEncoderConfig config = {});
  ~LearnedEncoder() override;

  uint32_t dim() const override { return config_.dim; }
  bool encode(std::string_view text, TextSide side, std::span<float> out) const override;
  uint64_t revision() const override { return lessons_.load(std::memory_order_relaxed); }

  // Any thread. Features in the order of the text.
  void features(std::string_view text, TextFeatures& out) const;

  // Fold thread.
  void count_words(std::string_view text);  // Of a new item: common words come to weigh less.
  bool embed(const TextFeatures& text, std::span<float> out) const;
  struct Candidate {
    TextFeatures text;
    float log_rate = 0;  // ln of how often sampling proposes it: ln(K q)
  };
  // candidates[0] was chosen, the others were drawn. Returns the loss before the lesson; 0 when nothing could
  // be learned. `weight` scales the step.
  float learn(const TextFeatures& query, std::span<const Candidate> candidates, float weight);

  // The loss and its gradient for every row it touches, in the order of first touch; learns nothing. The twin
  // in double precision for tests and the base of learn().
  struct Gradient {
    std::vector<uint32_t> rows;    // Each once.
    std::vector<float> values;     // [rows][dim]
    std::vector<uint32_t> places;  // Hash of a row -> index into `rows`; kept for its memory.
  };
  float gradient(const TextFeatures& query, std::span<const Candidate> candidates, Gradient& out) const;
  double loss_slowly(const TextFeatures& query, std::span<const Candidate> candidates, uint32_t moved_row,
                     uint32_t moved_element, double moved_by) const;

  void save(Writer& out) const;
  Status load(Reader& in);
  size_t bytes() const;
  const LearnedEncoderConfig& config() const { return config_; }

 private:
  struct Table;
  Table& table();  // Made now if there is none.
  void word_features(std::string_view word, TextFeatures& out) const;

  const LearnedEncoderConfig config_;
  std::atomic<Table*> table_{nullptr};
  std::atomic<uint64_t> lessons_{0};
  Gradient gradient_;  // Fold thread; kept for its memory.
};

}  // namespace freshet
