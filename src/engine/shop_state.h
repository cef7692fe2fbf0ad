// Everything that is folded from the log, wired: the one place that says which folds there are and in which
// order.
//
//   entry      counts an event once and keeps the clock
//   settings   how the shop wants to be searched, and its synonyms
//   documents  what doors keep with the shop: rules, names
//   audit      who changed what of the shop, and when
//   experiments   settings compared on live traffic, and what shoppers said to them
//   catalog    items: changed by upserts, met by actions
//   trail      which search an action follows
//   suggestions, intent   queries shoppers type, and what kind of item they then want
//   vectors    of items: the shop's own, and those learned from what followed searches
//   search     the inverted index, columns and vectors of what changed; how popular items are
//   learning   recommenders: learn from the action, given what the shopper did before it
//   joiner     impressions wait for what follows them
//   clicks     what clicks say about the order of searches
//   contexts   weather, holidays, promotions, busy hours
//   ranker     what shoppers answer to, on every page; reads the shopper's sequence without the action
//   profiles   appends the action to the shopper's sequence (so learning saw the sequence without it)
//   counters   counts it by scope
//
// The server, replay and the erasure proof fold with this same object; nothing else applies events to state.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "clicks/click_model.h"
#include "experiment/experiments.h"
#include "feature/catalog.h"
#include "feature/contexts.h"
#include "feature/counters.h"
#include "feature/entry.h"
#include "feature/profiles.h"
#include "fold/fold.h"
#include "fold/staged_folds.h"
#include "rank/ranker.h"
#include "recommend/recommender.h"
#include "sample/joiner.h"
#include "search/search_state.h"
#include "settings/audit.h"
#include "settings/documents.h"
#include "settings/settings.h"
#include "suggest/intent.h"
#include "suggest/suggestions.h"
#include "vector/item_vectors.h"

namespace freshet {

struct StateConfig {
  CatalogConfig catalog;
  ProfilesConfig profiles;
  CountersConfig counters;
  RecommenderOptions recommender;
  SearchConfig search;
  ItemVectorsConfig vectors;
  SuggestionsConfig suggestions;
  IntentConfig intent;
  JoinerConfig joiner;
  ClickConfig clicks;
  RankerConfig ranker;
  uint32_t dedupe_window = 1u << 20;  // Event ids remembered by the fold; 0: every event counts.
};

// What the recommenders ask of the catalogue.
class CatalogFacts final : public ItemFacts {
 public:
  explicit CatalogFacts(const Catalog& catalog) : catalog_(catalog) {}
  uint32_t slots() const override { return catalog_.slots(); }
  std::span<const uint32_t> facets(ItemSlot item) const override;
  void facets_of(std::span<const ItemSlot> items, std::vector<std::span<const uint32_t>>& out) const override;
  uint64_t key(ItemSlot item) const override;
  bool before(ItemSlot a, ItemSlot b) const override;

 private:
  const Catalog& catalog_;
};

// The recommenders as a fold, the first of the second stage: it tells those after it the moment, `later`, by
// which they go, so that they can be behind the other folds (fold/staged_folds.h).
class Learning final : public Fold {
 public:
  Learning(const Moment& moment, Moment& later, const Profiles& profiles,
           std::unique_ptr<Recommender> recommender)
      : moment_(moment), later_(later), profiles_(profiles), recommender_(std::move(recommender)) {}
  Recommender& recommender() { return *recommender_; }
  const Recommender& recommender() const { return *recommender_; }
  std::string_view name() const override { return "learning"; }
  void apply(Offset at, const Event& event) override { apply(at, event, moment_); }
  void apply(Offset at, const Event& event, const Moment& moment);  // `moment`: as the event left it.
  void save(Writer& out) const override { recommender_->save(out); }
  Status load(Reader& in) override { return recommender_->load(in); }
  size_t bytes() const override { return recommender_->bytes(); }
  // Hears each lesson after it was learned; it lives as long as the call.
  void on_lesson(std::function<void(const Lesson&)> listener) { listener_ = std::move(listener); }

 private:
  bool lesson(const Event& event, Lesson& lesson) const;  // False: it teaches nothing.

  std::function<void(const Lesson&)> listener_;
  const Moment& moment_;
  Moment& later_;
  const Profiles& profiles_;
  const std::unique_ptr<Recommender> recommender_;
};

class ShopState final : public StagedFolds {
 public:
  static Result<std::unique_ptr<ShopState>> open(const StateConfig& config);

  // Fold thread. The folds in the order in which they apply, for a FoldRunner.
  std::vector<Fold*> folds() {
    return {&entry_,  &settings_,    &documents_, &audit_,   &experiments_, &catalog_,
            &trail_,  &suggestions_, &intent_,    &vectors_, &search_,      &learning_,
            &joiner_, &clicks_,      &contexts_,  &ranker_,  &profiles_,    &counters_};
  }
  // Applies one event to all of them.
  void apply(Offset at, const Event& event);

  // The same by two threads: the second stage is learning to profiles, and the sequence model's part of
  // learning is what is put aside.
  void begin(std::function<void()> settle) override;
  void end() override;
  void first(size_t place, Offset at, const Event& event) override;
  void second(size_t place, Offset at, const Event& event) override;
  bool help() override { return recommender().help(); }
  bool help_waits() const override { return recommender().help_waits(); }
  void finish() override;

  // Hash over the sections, as snapshots have it.
  uint64_t hash();

  const Moment& moment() const { return moment_; }
  Entry& entry() { return entry_; }
  Settings& settings() { return settings_; }
  Documents& documents() { return documents_; }
  Audit& audit() { return audit_; }
  Experiments& experiments() { return experiments_; }
  Catalog& catalog() { return catalog_; }
  SearchState& search() { return search_; }
  ItemVectors& vectors() { return vectors_; }
  Profiles& profiles() { return profiles_; }
  Counters& counters() { return counters_; }
  Learning& learning() { return learning_; }
  Recommender& recommender() { return learning_.recommender(); }
  const Settings& settings() const { return settings_; }
  const Documents& documents() const { return documents_; }
  const Audit& audit() const { return audit_; }
  const Catalog& catalog() const { return catalog_; }
  const SearchState& search() const { return search_; }
  const Suggestions& suggestions() const { return suggestions_; }
  const Intent& intent() const { return intent_; }
  const Joiner& joiner() const { return joiner_; }
  const Experiments& experiments() const { return experiments_; }
  const Contexts& contexts() const { return contexts_; }
  const ClickModel& clicks() const { return clicks_; }
  Ranker& ranker() { return ranker_; }
  const Ranker& ranker() const { return ranker_; }
  const ItemVectors& vectors() const { return vectors_; }
  const Profiles& profiles() const { return profiles_; }
  const Counters& counters() const { return counters_; }
  const Entry& entry() const { return entry_; }
  const Recommender& recommender() const { return learning_.recommender(); }
  const ItemFacts& facts() const { return facts_; }

 private:
  ShopState(const StateConfig& config, Status& status);

  Moment moment_;
  Moment later_;                         // Of the second stage: as of the event that it is at.
  std::array<Moment, kPlaces> moments_;  // Left by the first stage for the second.
  Entry entry_;
  Settings settings_;
  Documents documents_;
  Audit audit_;
  Experiments experiments_;
  Catalog catalog_;
  CatalogFacts facts_;
  SearchTrail trail_;
  Suggestions suggestions_;
  Intent intent_;
  ItemVectors vectors_;
  SearchState search_;
  Profiles profiles_;
  Learning learning_;
  Joiner joiner_;
  ClickModel clicks_;
  Contexts contexts_;
  Ranker ranker_;
  Counters counters_;
  std::vector<Fold*> first_;  // folds() without those of the second stage.
};

}  // namespace freshet
