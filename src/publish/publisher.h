// From what is trained to what is served: candidates, fusion, deltas.
//
//   candidate = (1 - fusion) * served + fusion * trained, rounded to the grid, row by row of what changed
//   delta     = what differs between the candidate and the served image, when it is published
//
// What rounding leaves out is not lost: the next candidate is made from the trained weights again, and a row
// stays in hand until its codes are those of the trained weights. A row that moved by less than `still` of a
// step keeps its codes, so that weights which tremble are not sent; one that is farther away moves by a code
// at least, whatever the fusion: what is trained is reached. Rows that the trained table no longer has
// go, a part of them with each candidate. Threads: one; what it publishes is read as delta.h says.
#pragma once

#include <functional>
#include <set>

#include "publish/delta.h"

namespace freshet {

// Where weights come from: the learner.
class Trained {
 public:
  virtual ~Trained() = default;
  virtual std::vector<ImageTable> tables() const = 0;
  // Keys whose weights changed since forget_changed(), in any order, also twice.
  virtual const std::vector<uint64_t>& changed(size_t table) const = 0;
  virtual void forget_changed() = 0;
  virtual bool read(size_t table, uint64_t key, float* out) const = 0;  // False: there is no such row.
};

struct PublisherConfig {
  std::string model = "model";
  float still = 0.75f;          // Of a step; 0.5: none is kept.
  uint32_t removal_parts = 64;  // A candidate looks at one of so many parts for rows that are gone.
};

struct PublishTotals {
  uint64_t candidates = 0, deltas = 0, rows = 0, bytes = 0;
  uint64_t raw_rows = 0, raw_bytes = 0;  // The same changes as float rows, without their keys.
};

class Publisher {
 public:
  Publisher(const PublisherConfig& config, std::vector<ImageTable> tables);

  const std::shared_ptr<const Image>& served() const { return served_; }
  uint64_t version() const { return base_ + sequence_; }

  // Takes over what has changed in `trained`. kInvalid: a weight is not finite, names table and key.
  Status collect(Trained& trained);
  // The image that publish() would serve. Nothing is changed. kInvalid: a weight is not finite.
  Result<std::shared_ptr<const Image>> candidate(const Trained& trained, float fusion);
  // Serves it: the delta for replicas. Rows that are at their trained weights are in hand no more.
  std::string publish(std::shared_ptr<const Image> image, const Trained& trained);
  // Serves an image of before: the delta to it. All its rows that differ are in hand again.
  std::string roll_back(std::shared_ptr<const Image> image);
  std::string full() const;  // For replicas that need a base.
  void new_base();           // The next deltas are for the version of now; replicas need a full frame.

  const PublishTotals& totals() const { return totals_; }
  uint64_t model() const { return model_; }

 private:
  FrameHeader header(uint64_t sequence) const;
  std::string serve(std::shared_ptr<const Image> image);
  bool near(const Image& image, size_t table, uint64_t key, const Trained& trained) const;

  const PublisherConfig config_;
  const uint64_t model_;
  std::shared_ptr<const Image> served_;
  uint64_t base_ = 0, sequence_ = 0;
  std::vector<std::set<uint64_t>> in_hand_;  // Keys whose served weights may not be the trained ones.
  mutable std::vector<float> trained_, before_;
  std::vector<float> away_;  // Of a row: trained less served.
  PublishTotals totals_;
};

}  // namespace freshet
