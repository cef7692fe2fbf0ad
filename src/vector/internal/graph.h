// A navigable small-world graph over int8 rows: built by hnswlib, searched here.
//
// hnswlib finds the links; the search is ours because theirs takes a lock for its list of visited nodes,
// calls a function for each distance, and cannot filter. Links are read from hnswlib's own memory. A node's
// number is the order in which its row was added.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "vector/vector_set.h"

namespace freshet {

class RowGraph {
 public:
  explicit RowGraph(uint32_t stride);
  ~RowGraph();

  // Builder's thread.
  void add(uint32_t slot, const int8_t* row, float scale);
  bool link(uint32_t links, uint32_t width, const std::atomic<bool>& stop);  // False: stopped, or no memory

  // Any thread, after link(). The `width` best that pass, in no order, with the scores of the graph's rows.
  void search(const int8_t* query, uint32_t width, const std::function<bool(uint32_t slot)>& pass,
              std::vector<VectorHit>& out) const;
  size_t rows() const { return slots_.size(); }
  size_t bytes() const;

 private:
  struct Links;
  uint32_t descend(const int8_t* query) const;

  const uint32_t stride_;
  std::vector<int8_t> values_;
  std::vector<float> scales_;
  std::vector<uint32_t> slots_;
  std::unique_ptr<Links> links_;
};

}  // namespace freshet
