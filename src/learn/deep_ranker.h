// Deep ranker: a row of an embedding table for each categorical value (table/row_table.h), numbers beside
// them, and a deep and cross network over both (model/cross_network.h), one logit a head: click, cart,
// purchase. One pass, Adagrad everywhere.
//
//   keys    [m][fields]   64 bits, the field mixed in by the caller; "missing" is a value too
//   dense   [m][dense]    about standardised; missing: 0
//   labels  [m][heads]    0 or 1; NaN: not known, nothing is learned for this head
//   logits  [m][heads]
//
// learn(): a batch is predicted and learned in blocks (CrossNetwork::kBlock): rows are stepped block by
// block, the network once, at the end. A logit is always of before its own example was learned. Threads as
// the table's and the network's: one learns; score() while nobody learns.
#pragma once

#include <cmath>
#include <limits>

#include "model/cross_network.h"
#include "table/row_table.h"

namespace freshet {

enum class RankerTask : uint8_t { kLogistic, kSquared };

struct DeepRankerConfig {
  size_t fields = 26;
  size_t dense = 0;
  RankerTask task = RankerTask::kLogistic;
  RowTableConfig table;
  CrossNetworkConfig network;  // `inputs` is computed, `turned` true.
};

class DeepRanker {
 public:
  struct Workspace {
    CrossNetwork::Workspace network;
    std::vector<uint32_t> rows;
    std::vector<float> x, values, logits;
  };

  explicit DeepRanker(const DeepRankerConfig& config);

  void learn(size_t m, const uint64_t* keys, const float* dense, const float* labels, float* logits,
             float weight = 1);
  void score(size_t m, const uint64_t* keys, const float* dense, float* logits, Workspace& space) const;

  RowTable& table() { return table_; }
  const CrossNetwork& network() const { return network_; }
  size_t bytes() const { return table_.bytes() + network_.bytes(); }
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  float* place(Workspace& space) const;
  void fill(size_t m, const float* dense, Workspace& space) const;

  DeepRankerConfig config_;
  RowTable table_;
  CrossNetwork network_;
  Workspace space_;
  std::vector<float> slopes_, dx_;
};

}  // namespace freshet
