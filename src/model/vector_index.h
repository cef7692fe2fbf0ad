// Which of very many item vectors have the largest inner product with a query, without looking at all of
// them: an inverted file (Jegou et al. 2011) that follows vectors while they move.
//
// Every item is in one list; a list has a centroid over (e, b), the vector with its bias as one more element,
// so that the inner product with (q, 1) is the whole score. A query visits the lists that promise most:
//
//   promise(list) = q . c + c_b + kSpread * |q| * radius / sqrt(d)      radius^2: mean |v - c|^2 over the
//   list
//
// (mean of the list's scores plus a few deviations: a wide list may hide a large one). Each touch of an item
// moves its list's centroid by 1 / size towards it. When an item has drifted, its distance grown by kDrift
// since it was assigned, it is compared with all centroids and moves only for a gain (hysteresis). A list
// that has grown past kListMax is split by 2-means: there is no training step and no rebuild.
//
// Threads: the fold thread only; requests read an IndexCopy inside a ServingCopy. Deterministic; save() keeps
// it whole. Cost per touched item: one distance; per new or drifted item: `lists()` distances (about 7 ns
// each); per query: one product a list. Memory: 16 bytes an item, 4 (d + 3) bytes a list.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "model/sequence_learner.h"

namespace freshet {

class VectorIndex {
 public:
  static constexpr uint32_t kListMax = 512;
  static constexpr uint32_t kSearchesMax = 4;

  VectorIndex(uint32_t dim, uint32_t rows_max);

  // The vectors of these items changed, or the items are new or gone. New items are placed at once; of those
  // that drifted, at most kSearchesMax a call are compared with all lists, the others wait their turn where
  // they are.
  void update(std::span<const uint32_t> items, const SequenceLearner& learner);
  // Everything at once, from an empty index.
  void build(std::span<const uint32_t> items, const SequenceLearner& learner);

  bool empty() const { return lists_.empty(); }
  uint32_t lists() const { return static_cast<uint32_t>(lists_.size()); }
  std::span<const uint32_t> members(uint32_t list) const { return lists_[list].members; }
  const float* centroid(uint32_t list) const {
    return &centroids_[static_cast<size_t>(list) * stride_];
  }  // c, c_b
  float radius2(uint32_t list) const { return lists_[list].radius2; }
  // The `probes` lists that promise most to q (float32[dim]), best first.
  void choose(const float* q, uint32_t probes, std::vector<uint32_t>& out) const;
  void fetch(uint32_t item) const {  // Asks for where() ahead of its use.
    __builtin_prefetch(list_of_.data() + item);
    __builtin_prefetch(place_.data() + item);
  }
  struct Place {
    uint32_t list, place;
  };
  std::optional<Place> where(uint32_t item) const;
  // Since clear_changed(): lists whose size or centroid changed, each once; items that are in another place.
  std::span<const uint32_t> changed() const { return changed_; }
  std::span<const uint32_t> moved() const { return moved_; }
  void clear_changed();

  void save(Writer& out) const;
  bool load(Reader& in);
  size_t bytes() const;

 private:
  struct List {
    std::vector<uint32_t> members;
    float radius2 = 0;
    bool changed = false;
  };
  float distance2(uint32_t list, const float* row, float bias);
  void fetch_for_update(std::span<const uint32_t> items, size_t at, const SequenceLearner& learner) const;
  uint32_t nearest(const float* row, float bias, float* distance2_out);
  void follow(uint32_t item, const SequenceLearner& learner);
  void search(uint32_t item, const SequenceLearner& learner);
  uint32_t new_list();
  void put(uint32_t item, uint32_t list, float distance);
  void take(uint32_t item);
  struct Halves;
  void split(uint32_t list, const SequenceLearner& learner);
  void seed(Halves& halves, const SequenceLearner& learner) const;
  uint32_t farthest(std::span<const uint32_t> members, uint32_t from, const SequenceLearner& learner) const;
  size_t tell_apart(Halves& halves, size_t stride, const SequenceLearner& learner) const;
  void move_centroids(Halves& halves, size_t cut, const SequenceLearner& learner) const;
  void put_halves(const Halves& halves, const SequenceLearner& learner);
  void finish_centroid(float* c) const;
  void mark_changed(uint32_t list);

  const uint32_t dim_, stride_, rows_max_;
  std::vector<List> lists_;
  std::vector<float> centroids_;   // [lists, stride]: c, c_b, (|c|^2 + c_b^2) / 2, unused
  Reserved<uint32_t> list_of_;     // [rows_max]: list plus 1; 0: not in the index
  Reserved<uint32_t> place_;       // [rows_max]: position among the members
  Reserved<float> assigned_;       // [rows_max]: squared distance when it was assigned
  Reserved<uint8_t> is_waiting_;   // [rows_max]: in waiting_
  std::vector<uint32_t> waiting_;  // Drifted, first come first served from waiting_at_ on.
  size_t waiting_at_ = 0;
  std::vector<uint32_t> changed_, moved_;
  float difference_[128];  // The row less the centroid, of the newest distance2().
};

// The part of a VectorIndex that queries need, brought up to date cell by cell. Every list holds the int8
// rows of its items side by side: reading a list in order is many times faster than fetching its items from
// all over memory.
class IndexCopy {
 public:
  struct List {
    std::vector<uint32_t> items;
    std::vector<int8_t> rows;  // [items, dim]
    std::vector<float> scale, bias;
  };

  explicit IndexCopy(uint32_t dim) : dim_(dim), stride_(dim + 16) {}
  void resize(uint32_t lists);
  void update_list(const VectorIndex& index, uint32_t list);  // Size, centroid, radius.
  void update_cell(uint32_t list, uint32_t place, uint32_t item, const int8_t* row, float scale, float bias);
  uint32_t lists() const { return static_cast<uint32_t>(lists_.size()); }
  // The `probes` lists that promise most to q (float32[dim]), best first.
  void choose(const float* q, uint32_t probes, std::vector<uint32_t>& out) const;
  const List& list(uint32_t number) const { return lists_[number]; }
  void fetch_cell(uint32_t list, uint32_t place) const;  // Asks for a cell ahead of update_cell().
  size_t bytes() const;

 private:
  uint32_t dim_, stride_;
  std::vector<List> lists_;
  std::vector<float> centroids_, radius_;
};

}  // namespace freshet
