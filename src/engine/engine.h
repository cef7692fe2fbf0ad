// The public front door: opens, wires and owns the log, the doors, the fold and the serving path of one shop.
//
//   TRY(auto engine, Engine::open(config));
//   TRY(Accepted accepted, engine->events(body, {.door = "http", .source = "web", .now_ms = now}));
//   engine->commit(accepted.end, [=](Status durable) { answer(accepted.result, durable); });
//   TRY(RecommendPage page, engine->recommend(request));
//
// One data directory holds everything: log/ (segments), snapshots/, letters/ (dead letters), keys/ (API
// keys).
//
// Threads: every method from any thread. Requests read published state and never wait for the fold; events()
// and the like hold the door's lock for portions of a body and never wait for the disk, commit() calls back
// when it did.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/api_keys.h"
#include "engine/erasure.h"
#include "engine/model_versions.h"
#include "engine/shop_state.h"
#include "env/file.h"
#include "experiment/results.h"
#include "fold/fold_runner.h"
#include "fold/snapshot_store.h"
#include "ingest/dead_letters.h"
#include "ingest/ingest.h"
#include "log/file_log.h"
#include "search/search_service.h"
#include "serve/recommend_service.h"

namespace freshet {

struct EngineConfig {
  std::string data_dir = "data";
  StateConfig state;
  CleanerConfig cleaner = CleanerConfig::live();
  DeadLetterOptions dead_letters;
  FileLogOptions log;
  RetentionPolicy retention;  // Applied after each snapshot, below its offset.
  uint64_t snapshot_every_events = 1'000'000;
  int64_t snapshot_every_ms = 10 * kMinuteMs;
  size_t snapshots_kept = 3;
  size_t models_kept = 10;  // Versions of the ranker, beside those that are pinned.
  std::string code;         // The program's version, as those name it.
  bool fork_snapshots = true;
  bool recover_by_two = true;      // What the log holds after the snapshot is folded by two threads at start.
  size_t remember_tail = 100'000;  // Ids from the end of the log known to the door at start.
};

// What Engine::open() is at, for whoever asks meanwhile. Threads: any.
class Opening {
 public:
  void at(std::string step);
  std::string step() const;  // "loading the snapshot: catalog, 2 of 11 parts"

 private:
  mutable std::mutex mutex_;
  std::string step_ = "starting";
};

class RuleBook;

struct Accepted {
  IngestResult result;
  Offset end = 0;  // One past the last event appended; 0: none was.
};

// What is made of the ranker's features, and what they are worth.
struct RankerFeatures {
  std::shared_ptr<const Importance> importance;
  uint64_t made = 0;  // By bit
  RankerSettings settings;
};

// kInvalid: ranker.keep or ranker.drop names a feature that there is not.
Status check_features(const RankerSettings& settings);
void warn_of(const PublicationNote& note);  // A log line, if it is an alarm.

struct EngineContexts {
  struct One {
    ContextSpan span;
    bool active = false;
  };
  std::vector<One> spans;
  std::string scenario;  // "promotion: summer", "busy"; empty: as usual
  TimeMs now_ms = 0;
  bool busy = false;
};

// What a page shows of an experiment (experiment/experiments.h).
struct ExperimentPart {
  std::string name;
  uint64_t run = 0;  // 0: it is part of none
  Arm arm = Arm::kControl;
  std::string teams;   // interleaving: a letter a place (experiment/draft.h),
  uint64_t draft = 0;  // and the key of the coins; 0: it is not drafted
};

struct RecommendPage {
  RecommendAnswer answer;
  std::string query_id;     // What clicks and purchases that come from this page should bear.
  Offset state_offset = 0;  // Events below were in the state that answered.
  uint64_t took_us = 0;
  ExperimentPart experiment;
};

struct ExperimentView {
  Experiment experiment;
  std::optional<ExperimentResults> results;  // None: a draft.
  std::vector<SettingsChange> changes;       // From the control to the variant.
};

struct SearchPage {
  SearchAnswer answer;
  std::string query_id;     // What clicks and purchases that come from this page should bear.
  Offset state_offset = 0;  // Events below were in the state that answered.
  uint64_t took_us = 0;
  ExperimentPart experiment;
};

struct SuggestRequest {
  std::string query;    // As typed so far; a space at its end ends the last word. Empty: nothing to complete.
  uint64_t count = 10;  // Of each list; 1..kCountMax
  bool typos = true;    // May one edit be forgiven in what was typed?
  static constexpr size_t kQueryBytesMax = 256, kCountMax = 100;
};

struct SuggestPage {
  std::vector<Suggestion> completions, popular, trending;  // Best first.
  Offset state_offset = 0;                                 // Events below were in the state that answered.
};

struct UserView {
  struct Action {
    std::string item;
    EventType type;
    TimeMs time_ms;
    bool in_session = false;
  };
  std::string id;
  TimeMs last_ms = kNoTime;
  std::vector<Action> actions;  // Oldest first, bounded by the profile.
  std::vector<std::string> dismissed;
  std::vector<std::string> linked;
  std::vector<Attribute> attributes;
  CounterView counts;
};

struct ItemView {
  ItemRecord record;
  std::vector<std::string> facets;
  CounterView counts;
};

struct PartBytes {
  std::string name;
  size_t bytes = 0;
};

// What clicks on searches have taught (clicks/click_model.h has the formulas).
struct ClickStats {
  static constexpr size_t kPlaces = 10;
  uint64_t clicks = 0;                    // Learned from.
  bool ready = false;                     // Enough of them to change the order.
  std::array<float, kPlaces> examined{};  // How often each place is looked at, the first 1.
  double doubt = 0;                       // Posterior deviation of the logarithm of the tenth.
  double strength = 0, trust = 0;         // kappa, and the share of what is said beyond the score
};

struct EngineStats {
  Offset log_begin = 0, log_end = 0, log_durable = 0, applied = 0;
  bool ready = false;  // As Engine::ready()
  TimeMs now_ms = 0;   // Event time of the fold.
  uint64_t events_counted = 0, duplicates_folded = 0;
  size_t items = 0, shoppers = 0, counter_rows = 0;
  uint64_t items_evicted = 0, shoppers_evicted = 0;
  size_t facets = 0, facets_max = 0;
  uint64_t facets_refused = 0;  // For a bound: feature/catalog.h.
  size_t items_max = 0, shoppers_max = 0;
  std::vector<PartBytes> memory;     // By fold, and the doors.
  std::vector<SourceStats> sources;  // Progressive loss and share of each candidate source.
  IngestResult ingested;             // Totals since start.
  uint64_t recommended = 0;          // Requests answered since start.
  uint64_t searched = 0;             // The same of searches.
  SearchStats search;                // As of the last second.
  ClickStats clicks;
  size_t impressions = 0;                // That wait for what follows them,
  JoinerLost impressions_lost;           // and what bounds have cost since the beginning of the log,
  uint64_t notes_lost = 0;               // the features of impressions among it.
  bool erasing = false;                  // An erasure is being proven by a second fold.
  std::optional<SnapshotInfo> snapshot;  // The newest taken or loaded.
  Status fold;                           // Why the fold stopped, if it did.
};

class Engine {
 public:
  // Recovers from the newest valid snapshot and folds the tail in the background: ready() says when it has.
  // `opening`, if given, says how far it is, and must live until this returns.
  static Result<std::unique_ptr<Engine>> open(const EngineConfig& config, Opening* opening = nullptr);
  ~Engine();       // close()
  Status close();  // Stops the fold, makes the log durable, takes a last snapshot.

  // ---- doors. What is answered is acknowledged only when commit(end) has called back.
  Result<Accepted> events(std::string_view body, const Door& door, BodyKind kind = BodyKind::kAuto);
  // `catalogue`: one that waits beside the live one; empty: the live one.
  Result<Accepted> items(std::string_view body, ItemChange change, const Door& door,
                         BodyKind kind = BodyKind::kAuto, const std::string& catalogue = "");
  // What events() and items() would say of a body that came for the first time; nothing is kept.
  Result<IngestResult> check(std::string_view body, bool items, const Door& door,
                             BodyKind kind = BodyKind::kAuto) const;
  Result<Accepted> item(std::string_view id, std::string_view body, ItemChange change, const Door& door);
  Result<Accepted> delete_item(std::string_view id, const Door& door);
  Result<Accepted> event(Event& event, const Door& door);
  Status import_file(const std::string& path, const FileOptions& options, const Door& door,
                     IngestResult& result, const Ingest::Progress& progress = {});
  Result<Accepted> replay_letter(uint64_t letter, TimeMs now_ms);
  // Acknowledgement: done() once every event below `end` is durable, on another thread or before commit()
  // returns.
  void commit(Offset end, std::function<void(Status)> done);
  Status commit(Offset end);  // The same, waiting.
  DeadLetters& letters() { return *letters_; }
  ApiKeys& keys() { return *keys_; }

  // ---- answers
  // `record`: the page becomes an impression on the log (not waited for).
  Result<RecommendPage> recommend(const RecommendRequest& request, bool record = true);
  // `record`: the search and its page become events on the log (not waited for).
  Result<SearchPage> search(const SearchRequest& request, bool record = true);
  Result<BrowseAnswer> browse(const BrowseRequest& request) const;
  SuggestPage suggest(const SuggestRequest& request) const;
  std::vector<TrendingFacet> trending_facets(size_t k) const;
  Result<ItemView> item(std::string_view id) const;  // kNotFound
  Result<UserView> user(std::string_view id) const;  // kNotFound

  // ---- search settings and synonyms: each change is an event, durable and folded when these return.
  // `by`: who did it, for the history. kInvalid: names the field; kNotFound: no such version or synonym.
  Result<uint64_t> stage_settings(std::string_view json, std::string_view by, std::string_view note);
  // What is published, with `patch` merged into it (RFC 7396), checked and published; its version.
  Result<uint64_t> patch_settings(std::string_view patch, std::string_view by, std::string_view note);
  Status publish_settings(uint64_t version, std::string_view by);  // An older one: a rollback.
  Status discard_settings(uint64_t version, std::string_view by);
  Status put_synonym(std::string_view json, std::string_view by);
  Status delete_synonym(const std::string& id, std::string_view by);
  Result<size_t> replace_synonyms(std::string_view json, std::string_view by);
  SettingsBook settings() const;
  // Documents that doors keep with the shop (settings/documents.h), by collection: the same rules.
  std::shared_ptr<const DocumentCollection> documents(std::string_view collection) const;
  // `replace`: these and no others. kExhausted: more than DocumentLimits::kDocuments.
  Status put_documents(std::string_view collection, const std::vector<Document>& documents,
                       std::string_view by, bool replace = false);
  Status delete_documents(std::string_view collection, const std::vector<std::string>& ids,
                          std::string_view by);
  // Rules over searches and recommendations (rules/rules.h), as JSON; documents of the collection kRules.
  // kInvalid: names the member.
  Status put_rules(const std::vector<std::string>& rules, std::string_view by, bool replace = false);

  // Who changed what, newest first (settings/audit.h); of offsets below `below`.
  std::vector<AuditEntry> audit(size_t count, Offset below = UINT64_MAX) const;
  // Keys and files of versions are no folded state: a line of it says what was done to them. Not being able
  // to note it is only logged.
  void note_key(std::string_view action, std::string_view key_name, std::string_view by);

  // ---- the learned ranker (docs/ranking.md)
  RankerFeatures ranker_features() const;
  std::vector<ChallengerReport> challengers() const;
  // By kind of page: whether the ranker is heard there, and why not.
  struct RankedKind {
    std::string_view name;
    RankHeard of = RankHeard::kAll;  // What is, or would be, heard.
    uint64_t pages = 0, clicks = 0;
    RankBelief::Voices believed;
  };
  std::vector<RankedKind> ranked_kinds() const;
  // kInvalid: there is none of this name; an empty name: the only one.
  Status promote_challenger(std::string_view name, std::string_view by);
  EngineContexts contexts(
      std::string_view region) const;  // Those of all regions, and which hold in this one.

  // ---- experiments (docs/experiments.md): the same rules. kInvalid: what is wrong, or not possible now.
  Status define_experiment(std::string_view name, std::string_view json, std::string_view by);
  Status start_experiment(const std::string& name, std::string_view by);
  Status stop_experiment(const std::string& name, std::string_view reason, std::string_view by);
  Status ship_experiment(const std::string& name, std::string_view by);  // Publishes the variant's settings.
  Status delete_experiment(const std::string& name, std::string_view by);
  std::vector<ExperimentView> experiments();  // Newest first; waits for the fold.
  Result<ExperimentView> experiment(std::string_view name);

  // ---- what the learned ranker serves (docs/roll-back.md): the same rules. What is decided is an event on
  // the log, so that a replay ends with the same parameters.
  PublicationReport ranker_publication() const;
  ModelVersions& models() { return *models_; }
  Status roll_back_model(std::string_view by);  // To the last good version.
  Status promote_model(uint64_t number, std::string_view by);
  Status pin_model(uint64_t number, const std::string& name, std::string_view by);
  Status unpin_model(uint64_t number, std::string_view by);
  // kInvalid: it does not fit the ranker.
  Result<uint64_t> import_model(std::string_view bytes, std::string_view by);

  // ---- a catalogue beside the live one: filled by items(..., catalogue), then put in its place at once.
  struct WaitingCatalogue {
    std::string name;
    size_t items = 0;
  };
  Result<std::vector<WaitingCatalogue>> waiting_catalogues();
  // Answers come from the old catalogue until this returns, from the new one after; learning stands still for
  // the last part of it (docs/decisions/0082-swap-by-a-second-state.md). kNotFound: no such catalogue waits.
  Status swap_catalogue(const std::string& name, std::string_view by);
  Status discard_catalogue(const std::string& name, std::string_view by);

  // ---- care
  // Removes a person, which is this id and all that are linked with it: the profile at once (when this
  // returns it is gone from answers), and in the background their events from the log, their dead letters,
  // all older snapshots, and what was learned from them: a second fold of the log without them replaces the
  // live state. wait_erasures() returns when that is proven and done.
  Status erase_user(const std::string& id);
  void wait_erasures();
  Result<SnapshotInfo> snapshot();
  EngineStats stats() const;
  uint64_t state_hash(Offset* at = nullptr);

  Offset applied() const;
  bool wait_applied(Offset upto, std::chrono::milliseconds timeout);
  EventLog& log() { return *log_; }
  // The fold has reached the end that the log had at open(): answers know of all that was acknowledged
  // before. Once true, always.
  bool ready() const;
  Offset ready_at() const { return ready_at_; }

  // Called with the seconds from acknowledgement (durable) until the event could be seen in an answer; 0: it
  // could be before it was acknowledged. On the fold thread or a log thread; must be quick. May be set and
  // taken back (nullptr) at any time: when this returns, the former observer is not called any more.
  void observe_freshness(std::function<void(double seconds)> observer);
  // Called on the fold thread after each event was folded; must be quick. The same rules.
  void observe_events(std::function<void(Offset, const Event&)> observer);

 private:
  // What is swapped as one when a second fold replaces the live one.
  struct Acknowledged;
  struct Live {
    std::unique_ptr<ShopState> state;
    std::unique_ptr<RecommendService> service;
    std::unique_ptr<SearchService> search;
    std::unique_ptr<FoldRunner> runner;
    std::atomic<bool> observed{false};  // Events it folds are new to the outside.

    // What only the thread that folds may ask of the folds, left here by it once a second for stats(); more
    // seldom where asking takes long.
    void report();
    uint64_t reported_ns = 0, report_every_ns = 0, facets_refused_said = 0;
    std::mutex report_mutex;  // Guards the three below.
    std::vector<PartBytes> memory;
    std::vector<SourceStats> sources;
    SearchStats search_stats;
  };

  explicit Engine(const EngineConfig& config);
  Status start(Opening& opening);
  Result<std::shared_ptr<Live>> make_live(SnapshotStore::Loading loading = {});
  // With the newest snapshot in it that can be read.
  Result<std::shared_ptr<Live>> recovered_live(const SnapshotStore::Loading& loading = {});
  std::shared_ptr<Live> live() const;
  template <class Work>
  Result<Accepted> take(Work&& door);
  void acknowledge(Offset end);
  Status check_time(TimeMs time_ms) const;
  void applied_one(Offset at, const Event& event);
  void erase_loop();
  // By the id that was asked for: all ids that are known to be one with it.
  using Erasures = std::map<std::string, Ids>;
  Ids one_with(const std::string& id);
  void erased_together(const std::string& id, const std::vector<std::string>& all);
  Status mark_erasure(const std::string& id, Ids all);
  Status erase_now(const Erasures& erasures);
  Status erase_from_log(size_t people, const Ids& ids);
  Status erase_bundles(const NamesPerson& names);
  Status erase_letters(const Ids& ids);
  Status replace_live();
  Status retain_log();
  // What the shop itself said and no person did: in a state that begins behind what retention removed, it
  // comes first.
  struct ShopsOwn {
    Offset at = 0;  // Of the state it was read from.
    std::string settings, documents, audit, experiments;
    std::vector<Event> items;  // Each item that is listed, as an upsert.
  };
  static ShopsOwn shops_own(Live& live);
  Status begin_with(const ShopsOwn& own, Live& next);
  Status remember_tail();
  Status administer(std::vector<Event> events);
  Status expect_waiting(const std::string& name);
  ExperimentBook experiment_book() const;
  Status check_unused(uint64_t version) const;  // Of the settings, by running experiments.
  Result<SearchAnswer> answer_search(const Live& live, const SearchRequest& request, TimeMs now_ms) const;
  // The same as part of an experiment, if the shopper is in one.
  Result<SearchAnswer> search_as_part(const Live& live, const SearchRequest& request, TimeMs now_ms,
                                      const std::string& query_id, ExperimentPart& part) const;
  Result<SearchAnswer> search_drafted(const Live& live, const SearchRequest& request, TimeMs now_ms,
                                      const ExperimentDefinition& of, std::string_view shopper,
                                      ExperimentPart& part) const;
  Result<RecommendAnswer> recommend_as_part(const Live& live, const RecommendRequest& request, TimeMs now_ms,
                                            const std::string& query_id, ExperimentPart& part) const;
  Result<RecommendAnswer> recommend_drafted(const Live& live, const RecommendRequest& request, TimeMs now_ms,
                                            const ExperimentDefinition& of, const std::string& query_id,
                                            ExperimentPart& part) const;
  // The one in which it takes part, if any, and how; a split needs to know who it is.
  static std::optional<ExperimentDefinition> experiment_of(const Live& live, ExperimentOn on,
                                                           const std::string& who,
                                                           const std::string& query_id, ExperimentPart& part);
  // took_us: of the page, where it is counted.
  static void note_part(const ExperimentPart& part, std::optional<uint64_t> took_us, Event& event);
  static uint64_t search_key(const SearchRequest& request, std::string_view shopper);
  std::string next_query_id();
  Result<RecommendAnswer> answer_recommend(const Live& live, const RecommendRequest& request,
                                           TimeMs event_now) const;
  std::shared_ptr<const RuleBook> rules() const;
  Result<std::shared_ptr<const RuleBook>> rules_with(const std::string& rule) const;
  // What was shown is noted as events under the page's query id.
  Event event_of_page(EventType type, const std::string& query_id, const std::string& user,
                      const std::string& session, std::string surface) const;
  void record(
      const EventBatch& page);  // Not waited for: a page is answered even when the disk cannot note it.
  void record_search(const SearchRequest& request, const SearchPage& page);
  void record_impression(const RecommendRequest& request, const RecommendPage& page);

  const EngineConfig config_;
  std::unique_ptr<FileLog> log_;
  std::unique_ptr<SnapshotStore> snapshots_;
  std::unique_ptr<DeadLetters> letters_;
  std::unique_ptr<ApiKeys> keys_;
  std::unique_ptr<KeyValueStore> erasures_;  // Markers of people whose erasure is not proven yet.
  std::unique_ptr<Ingest> ingest_;
  std::unique_ptr<ModelVersions> models_;  // Outlives the folds, which hand versions over.
  std::unique_ptr<Acknowledged> acknowledged_;
  std::atomic<bool> events_observed_{false};
  std::mutex on_event_mutex_;
  std::function<void(Offset, const Event&)> on_event_;
  Offset ready_at_ = 0;
  mutable std::atomic<bool> ready_{false};
  uint64_t nonce_ = 0;
  std::atomic<uint64_t> queries_{0};
  std::atomic<uint64_t> recommended_{0};
  std::atomic<uint64_t> searched_{0};

  mutable std::mutex rules_mutex_;  // Guards rules_: parsed once a revision.
  mutable std::shared_ptr<const RuleBook> rules_;
  std::mutex replace_mutex_;              // One second state at a time.
  std::mutex administer_mutex_;           // One administrator's change at a time.
  mutable std::shared_mutex live_mutex_;  // Held for the copy or the swap of the pointer only.
  std::shared_ptr<Live> live_;

  mutable std::mutex erase_mutex_;
  std::condition_variable erase_changed_;
  Erasures erase_waiting_;
  Erasures erased_with_;  // Told by profiles, of events that applied_one() has not been told of yet.
  std::mutex mark_mutex_;
  bool erasing_ = false;
  bool closing_ = false;
  std::thread erase_thread_;
};

}  // namespace freshet
