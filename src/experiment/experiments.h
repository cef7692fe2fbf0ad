// The shop's experiments as folded state: defined, started, stopped, shipped by events; counted from
// searches, pages and what followed them. A replay of the log gives the same results.
//
// A kSettings event says what is done in `name`:
//
//   experiment-define   value: experiment_json(); a draft, or in the place of one that is not running
//   experiment-start    value: its name
//   experiment-stop     value: its name; `surface`: why
//   experiment-ship     value: its name; the variant's settings are published by the next event
//   experiment-delete   value: its name
//
// What may not be done then (check_*() below: the doors ask first) changes nothing. A running experiment ends
// by itself when other settings are published, or when a version it compares is gone: it would compare
// something else.
//
// A page that takes part bears, in the attributes of its kSearch and kImpression events (a recommendation has
// only the latter),
//
//   experiment, experiment_run   name and Experiment::run
//   arm                          ab: "control" or "variant"
//   took_us                      ab, once: kSearch, or a recommendation's kImpression
//   teams, draft                 interleaving, kImpression only: a letter a place (draft.h), key of the coins
//
// ab counts kSearch, or recommendations' kImpression; an answer counts for its search, each kind once, and
// all that was paid. It belongs to the search whose query id it bears; without any, to the last one that
// showed the item to the same shopper at most 30 minutes before (a purchase: 7 days).
//
// Interleaving counts the first answer of the goal's kind of each page: given what was before, the coins of a
// page are fair, so each win is (sequential.h). Pages with the coins of one of the last 65,536 pages or more
// are not counted.
//
// Threads: apply(), save(), load(), tally() on the fold thread; book() on any thread under an EpochGuard.
// Bounded: ExperimentLimits, and the last kExposures searches that took part wait for answers (about 200
// bytes each). Cost: 0.3 us an event of an experiment.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/epoch.h"
#include "experiment/experiment.h"
#include "experiment/tally.h"
#include "feature/moment.h"
#include "fold/fold.h"
#include "settings/settings.h"

namespace freshet {

struct ExperimentBook {
  std::vector<std::shared_ptr<const Experiment>> all;  // By name.
  size_t running = 0;

  const Experiment* find(std::string_view name) const;  // nullptr: there is none
  // The running one on such pages in which a shopper takes part; nullptr: none.
  const Experiment* of_shopper(std::string_view shopper, ExperimentOn on) const;
};

class Experiments final : public Fold {
 public:
  static constexpr size_t kExposures = 100'000, kPlaces = 50;  // Places of a page that are answered.

  // After the settings in the order of folds.
  Experiments(const Moment& moment, const Settings& settings);
  ~Experiments() override;

  std::string_view name() const override { return "experiments"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override;

  const ExperimentBook& book() const { return *book_.load(std::memory_order_acquire); }
  const ExperimentTally* tally(uint64_t run) const;  // nullptr: there is none
  void forget_results();                             // What shoppers did; what the shop itself said stays.

 private:
  struct Exposure {
    uint64_t query_id = 0, shopper = 0, run = 0;
    uint64_t before = 0;  // Number + 1 of the shopper's one before this; 0: none
    TimeMs time_ms = 0;
    uint64_t control_places = 0, variant_places = 0;  // interleaving: bits
    uint16_t bucket = 0;
    Arm arm = Arm::kControl;
    uint8_t answered = 0;         // Bit of each goal.
    std::vector<uint32_t> items;  // Shown: hashes
  };
  struct Answer {
    Exposure* exposure = nullptr;  // nullptr: it is none
    size_t place = 0;
  };
  bool change(const Event& event, ExperimentBook& next);  // False: nothing changes.
  bool end_unsettled(ExperimentBook& next) const;
  void publish(ExperimentBook* next);
  ExperimentTally* of_event(const Event& event, const Experiment*& experiment);
  void searched(const Event& event);
  void shown(const Event& event);
  // Of ab: a page of the shopper's arm. False: it cannot be said whose.
  bool count_page(const Event& event, const Experiment& experiment, ExperimentTally& tally,
                  Exposure& exposure, bool empty) const;
  void expose(Exposure exposure);
  void forget_first();
  Answer find(const Event& event);
  Answer find_at(uint64_t number, uint32_t item, TimeMs age_max);
  void answered(const Event& event);
  void count(const Answer& answer, Goal goal, double value);
  // What has been counted of it goes to `tallies`.
  static Result<std::shared_ptr<Experiment>> read_experiment(Reader& in,
                                                             std::map<uint64_t, ExperimentTally>& tallies);
  static Result<Exposure> read_exposure(Reader& in);
  void find_exposures();

  const Moment& moment_;
  const Settings& settings_;
  std::atomic<const ExperimentBook*> book_;
  RetireList retired_;
  uint64_t runs_ = 0;
  uint64_t published_ = 0;  // Version of the settings.
  std::map<uint64_t, ExperimentTally> tallies_;
  std::deque<Exposure> exposures_;  // In the order of the log; number of the first: first_
  uint64_t first_ = 0;
  std::unordered_map<uint64_t, uint64_t> by_query_id_, by_shopper_;  // -> number; never walked
};

// kInvalid: the two differ in nothing that its pages ask for, so that no page would tell them apart. Of the
// doors alone: logs have experiments of before it was asked.
Status check_asked(const SettingsBook& settings, const ExperimentDefinition& of);
// kInvalid, kNotFound, kExhausted: why not.
Status check_define(const ExperimentBook& book, const SettingsBook& settings, const ExperimentDefinition& of);
// `from`: where its span of shoppers begins.
Status check_start(const ExperimentBook& book, const SettingsBook& settings, std::string_view name,
                   double& from);
Status check_stop(const ExperimentBook& book, std::string_view name);
Status check_ship(const ExperimentBook& book, const SettingsBook& settings, std::string_view name);
Status check_delete(const ExperimentBook& book, std::string_view name);

}  // namespace freshet
