// An online learner: predicts with the parameters as they stand, THEN updates, so the loss of what it returns
// is honest (progressive validation) and needs no second pass. What every learner of this room shares.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/ftrl.h"
#include "model/optimizer.h"
#include "publish/publisher.h"

namespace freshet {

enum class Task : uint8_t { kBinary, kRegression };

// One example as learners see it (made by Encoder, encoder.h).
struct Sample {
  std::vector<float> dense;  // Numeric features as they are; NaN: missing. For trees.
  std::vector<float>
      scaled;  // The same, standardised and clipped; missing: 0. For linear parts and networks.
  std::vector<uint64_t> keys;     // Categorical values, one key for each (field, value).
  std::vector<Feature> features;  // All of it hashed: dense, bins, keys, crosses. For linear parts.
  size_t crosses = 0;             // Features from here on are pairs of keys.
  float label = 0;       // Binary: 0 or 1. Regression: in units of the labels' spread, around their mean.
  float importance = 1;  // How many such rows it stands for.
  float weight = 1;      // Of its gradient: the importance, and what corrects a label that came late.
  uint64_t row = 0;      // Number of the row, from 0.
  double time = 0;       // Of the row: its column, or its number.
  std::vector<float> scores;  // What each expert of the ensemble said when the row was predicted.
};

// What is in embedding tables; of several learners their sum.
struct RowCounts {
  uint64_t rows = 0, cold = 0;  // In memory; on disk.
  uint64_t evicted = 0, returned = 0, expired = 0;
  uint64_t bytes = 0;  // Of memory.
};

// A learner whose parameters can be served apart from it (served.h).
class Publishable : public Trained {
 public:
  // What an image made of this learner's parameters answers. Changes nothing.
  virtual float score_served(const std::shared_ptr<const Image>& image, const Sample& sample) = 0;
  virtual void set_rate(float factor) = 0;  // Of the learning rates as configured.
};

// Threads: one. score(): binary: logit; regression: the label in the sample's units.
class Learner {
 public:
  virtual ~Learner() = default;
  virtual float score(const Sample& sample) = 0;  // Changes nothing that a later score depends on.
  virtual std::span<const float> parts() const { return {}; }  // Of the last score(): becomes Sample::scores.
  virtual void learn(const Sample& sample) = 0;
  virtual Publishable* publishable() { return nullptr; }  // Null: it cannot be served apart.
  virtual size_t bytes() const = 0;
  virtual void count(RowCounts& /*counts*/) const {}  // Adds its own.
  virtual Status status() const { return {}; }        // An error: the disk of its cold rows failed.
  virtual void save(Writer& out) const = 0;
  virtual void load(Reader& in) = 0;
};

// Factors on what a learner is configured with; 1: the default. freshet learn --search tries others
// (halving.h).
struct Knobs {
  float rate = 1;    // Of its learning rates; of Gaussian rows: of the variances they begin with.
  float shrink = 1;  // Of its L2 penalty; of Gaussian rows: of the caution.
};

// How embedding rows are kept (table/row_table.h).
struct RowsConfig {
  Optimizer optimizer = Optimizer::kRowwiseAdagrad;
  bool bf16 = false;
  uint32_t admit = 1;    // The sight at which a value gets its row.
  double expire = 0;     // Units of Sample::time without a sight, after which a row goes; 0: none goes.
  size_t bytes_max = 0;  // Of each table, at least 1 MiB; 0: as shape.bytes_max gives.
  std::string cold;      // Folder for rows that have no room in memory; empty: they are forgotten.
  bool operator==(const RowsConfig&) const = default;
};

struct LearnerShape {
  Task task = Task::kBinary;
  size_t dense = 0;                      // Features in Sample::dense.
  size_t first_keys = 0, last_keys = 0;  // Of Sample::keys: those of time, and those of columns.
  uint32_t bits = 20;                    // log2 of the linear parts' weights.
  size_t bytes_max = 512 << 20;
  uint64_t seed = 1;
  Knobs knobs = {};
  RowsConfig rows = {};
};

using MakeLearner = std::unique_ptr<Learner> (*)(const LearnerShape&);
struct LearnerEntry {
  std::string_view name;
  MakeLearner make;
  std::string_view what;
  bool rate = false, shrink = false;  // Knobs it has.
  bool served = false;                // It is Publishable.
  bool rows = false;                  // It keeps embedding rows as RowsConfig says.
  bool numbers = false;               // It knows nothing but Sample::dense.
};
std::span<const LearnerEntry> learners();  // The one list; "auto" first.
const LearnerEntry* find_learner(std::string_view name);

// The parts the list and the ensemble are made of.
std::unique_ptr<Learner> make_ftrl(const LearnerShape& shape, float rate);
std::unique_ptr<Learner> make_ftrl_alone(const LearnerShape& shape);
std::unique_ptr<Learner> make_factor(const LearnerShape& shape);
std::unique_ptr<Learner> make_gauss(const LearnerShape& shape);
std::unique_ptr<Learner> make_swift_gauss(const LearnerShape& shape);
std::unique_ptr<Learner> make_dcn(const LearnerShape& shape);
std::unique_ptr<Learner> make_forest(const LearnerShape& shape);
std::unique_ptr<Learner> make_kernel(const LearnerShape& shape);
std::unique_ptr<Learner> make_ensemble(const LearnerShape& shape);

}  // namespace freshet
