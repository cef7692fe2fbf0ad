// Rows in lists by their nearest centre ("inverted file": Jegou, Douze, Schmid 2011, "Product quantization
// for nearest neighbor search", section IV), so that a query reads the few lists whose centres are nearest to
// it.
//
//   centres  int8, of length 1: spherical k-means (Dhillon, Modha 2001) over a sample of 40 rows a list
//   list     int8 copies of its rows, their scales and slots; grows at its end; a bit says which still live
//
// A row that changes is added to its new list before it leaves the old one: a reader may meet it twice, never
// not at all. All lists together are all rows, so reading all of them is the exact scan.
//
// Threads: train() and its put()s on the builder's thread, until the object is published; put(), remove() on
// the fold thread from then on; const functions on any thread under an EpochGuard. Cost: a put() scores all
// centres (4 us for 4096 of 64); stride + 20 bytes a row and up to a quarter more.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "base/epoch.h"
#include "model/row_scan.h"
#include "vector/vector_set.h"

namespace freshet {

class RowLists {
 public:
  RowLists(uint32_t stride, uint32_t lists);
  ~RowLists();

  // `rows`: int8 [count][stride]. False: stopped.
  bool train(const std::vector<int8_t>& rows, size_t count, const std::atomic<bool>& stop);
  void put(uint32_t slot, const int8_t* row, float scale);  // New, or in place of the one before.
  void remove(uint32_t slot);

  // The lists in the order in which a query would read them; the `probes` first.
  void nearest_lists(const RowQuery& query, uint32_t probes, std::vector<VectorHit>& out) const;
  uint32_t list_of(uint32_t slot) const;  // Writing thread. UINT32_MAX: none.
  // The k best rows of those lists, best first; scores are those of the copies. `pass` nullptr: all. Rows are
  // looked up in it only when they are near enough to be among the k.
  struct Passed {
    uint64_t asked = 0, passed = 0;
    // Of what lies near the query.
    double share() const { return asked == 0 ? 1 : static_cast<double>(passed) / static_cast<double>(asked); }
  };
  Passed search(const RowQuery& query, uint32_t probes, const SlotSet::Probe* pass, uint32_t k,
                std::vector<VectorHit>& out) const;

  uint32_t lists() const { return static_cast<uint32_t>(lists_.size()); }
  size_t rows() const { return rows_.load(std::memory_order_relaxed); }
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct List;
  struct Place {
    uint32_t list = UINT32_MAX, at = 0;
  };
  uint32_t nearest_list(const int8_t* row) const;
  List* grown(const List* from) const;
  void set_centre(uint32_t list, const float* sum);

  const uint32_t stride_;
  std::vector<int8_t> centres_;  // [lists][stride]
  std::vector<float> centre_scale_;
  std::vector<std::atomic<List*>> lists_;
  std::vector<Place> places_;  // by slot
  std::atomic<size_t> rows_{0}, bytes_{0};
  RetireList retired_;
};

}  // namespace freshet
