// The vectors of the shop's items as a fold: those the shop supplies, and those of the text encoder, which
// learns here from clicks and purchases.
//
// Each listed item has a vector of its text (title, brand, category). An action that follows a search teaches
// the encoder (query -> item): every one of the first 8,192 does, and ever fewer after that, down to a keyed
// sample of one in eight from 32,768 lessons on (a lesson is a third of the whole fold's time otherwise); a
// newly listed item teaches it (category and brand -> title), so that words of one shelf draw near each other
// before anybody clicks: every item at first, later a keyed sample of one in
// 32. After a lesson the item's vector and those of the next few items (round robin) are made anew: bounded
// work an event, and every item is refreshed once in items / refresh lessons. The attribute `_vector`
// supplies the shop's own vectors; the first valid one fixes their dimension, until the last one is gone.
//
// What is learned is only worth what it has shown: confidence() is the share of the possible gain in log loss
// that the encoder reached on clicks before it learned them (0: no better than chance, so its candidates
// should count nothing; 1: perfect), shrunk towards 0 while there are few. Supplied vectors count in full.
//
// Stands after catalog and trail in the list of folds. Saved: encoder, its item vectors, sampler, measure;
// supplied vectors are taken from the catalogue again, which therefore must be loaded before.
//
// Threads: fold thread writes; const functions marked so on any thread under an EpochGuard.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "feature/catalog.h"
#include "fold/fold.h"
#include "model/sequence_learner.h"
#include "suggest/search_trail.h"
#include "vector/learned_encoder.h"
#include "vector/nearest.h"
#include "vector/vector_set.h"

namespace freshet {

struct ItemVectorsConfig {
  bool learn = true;  // false: no encoder; supplied vectors only
  LearnedEncoderConfig encoder;
  NearestConfig nearest;
  RowType supplied_rows = RowType::kInt8;  // Of the shop's own vectors; those of the encoder are int8.
  uint32_t negatives = 5;                  // K of a lesson
  uint32_t refresh = 4;                    // Items made anew after a lesson, besides the one that was chosen.
  uint32_t shelf_lessons = 4096;           // From so many items on, one in 32 teaches its shelf.
  const TextEncoder* pretrained = nullptr;  // Instead of the learned encoder; must outlive this.
};

struct VectorsStatus {
  uint64_t lessons = 0;  // From clicks.
  uint64_t text_rows = 0, supplied_rows = 0;
  uint32_t supplied_dim = 0;      // 0: none yet
  uint64_t supplied_refused = 0;  // Vectors of another dimension, or no vectors at all.
  NearestStatus text_nearest, supplied_nearest;
};

class ItemVectors final : public Fold {
 public:
  ItemVectors(const Moment& moment, const Catalog& catalog, const SearchTrail& trail,
              ItemVectorsConfig config = {});
  ~ItemVectors() override;

  std::string_view name() const override { return "vectors"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override;
  void evict(std::span<const ItemSlot> items);  // Fold thread: called by Catalog::on_evict.

  // Any thread, under an EpochGuard; `out` is replaced, best first; filter nullptr: every item.
  // Nearest to a text by the encoder. False: no vectors, or nothing known of that text.
  bool near_text(std::string_view text, const SlotSet* filter, uint32_t k, std::vector<VectorHit>& out) const;
  // Nearest to a vector among the supplied ones. kInvalid: dimension; kNotFound: no item has a vector.
  Status near_vector(std::span<const float> vector, const SlotSet* filter, uint32_t k,
                     std::vector<VectorHit>& out) const;
  // Nearest to an item: by supplied vectors if it has one, else by text. Without the item itself.
  bool near_item(ItemSlot item, const SlotSet* filter, uint32_t k, std::vector<VectorHit>& out) const;
  // How many numbers the next item's vector must have; 0: any.
  uint32_t wanted_dim() const;
  double confidence() const { return confidence_.load(std::memory_order_relaxed); }  // 0..1

  VectorsStatus status() const;
  const TextEncoder& encoder() const;

 private:
  void change(ItemSlot slot);
  void remove(ItemSlot slot);
  void refresh(ItemSlot slot);
  void supply(ItemSlot slot, const ItemRecord& record);
  void supply_all();
  void shelf_lesson(ItemSlot slot, const ItemRecord& record);
  void click_lesson(std::string_view query, ItemSlot slot, float weight);
  bool draw_candidates(ItemSlot chosen, uint64_t key, bool titles);
  std::string text_of(const ItemRecord& record, bool title_only) const;
  std::string shelf_of(const ItemRecord& record) const;
  void measure(float loss, size_t candidates);
  void publish();

  const Moment& moment_;
  const Catalog& catalog_;
  const SearchTrail& trail_;
  const ItemVectorsConfig config_;

  LearnedEncoder learned_;
  VectorSet text_;
  Nearest text_nearest_;
  struct Supplied;  // Made at the first vector, when its dimension is known.
  std::atomic<Supplied*> supplied_{nullptr};
  RetireList retired_;
  bool loading_ = false;  // Fold thread: the dimension stands.
  NegativeSampler sampler_;
  uint32_t cursor_ = 0;                   // Next slot to refresh.
  double gain_sum_ = 0, gain_count_ = 0;  // Decayed, of click lessons.
  std::atomic<uint64_t> lessons_{0}, refused_{0};
  std::atomic<double> confidence_{0};
  std::vector<LearnedEncoder::Candidate> candidates_;  // Kept for their memory.
};

}  // namespace freshet
