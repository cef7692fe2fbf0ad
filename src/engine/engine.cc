#include "engine/engine.h"

#include <algorithm>
#include <deque>

#include "base/epoch.h"
#include "base/hash.h"
#include "env/clock.h"
#include "env/log.h"
#include "env/secret.h"

namespace freshet {

constexpr uint64_t kReportNs = 1'000'000'000;      // Between two reports at least,
constexpr uint64_t kReportNsMax = 60'000'000'000;  // and at most;
constexpr uint64_t kReportShare = 500;             // they take the fold one part in so many of its time.

// Offsets acknowledged but not folded yet, with the moment of acknowledgement. Bounded: beyond it, samples
// are dropped.
struct Engine::Acknowledged {
  struct Mark {
    Offset end;
    uint64_t at_ns;
  };
  static constexpr size_t kMarksMax = 1 << 16;
  std::mutex mutex;
  std::function<void(double)> observer;
  std::deque<Mark> marks;
  std::atomic<Offset> first{
      UINT64_MAX};  // marks.front().end, so that the fold thread need not lock to see it
};

Engine::Engine(const EngineConfig& config)
    : config_(config), acknowledged_(std::make_unique<Acknowledged>()) {}

Engine::~Engine() {
  (void)close().ok();
}

void Opening::at(std::string step) {
  const std::lock_guard lock(mutex_);
  step_ = std::move(step);
}

std::string Opening::step() const {
  const std::lock_guard lock(mutex_);
  return step_;
}

Result<std::unique_ptr<Engine>> Engine::open(const EngineConfig& config, Opening* opening) {
  std::unique_ptr<Engine> engine(new Engine(config));
  Opening nobody_asks;
  TRY_STATUS(engine->start(opening == nullptr ? nobody_asks : *opening));
  return engine;
}

Status Engine::start(Opening& opening) {
  opening.at("opening the log");
  FileSystem& files = real_files();
  const std::string& dir = config_.data_dir;
  TRY_STATUS(files.make_dirs(dir));
  TRY(log_, FileLog::open(files, dir + "/log", config_.log));
  TRY(snapshots_, SnapshotStore::open(files, dir + "/snapshots", config_.snapshots_kept));
  TRY(letters_, DeadLetters::open(dir + "/letters", config_.dead_letters));
  TRY(keys_, ApiKeys::open(dir + "/keys"));
  TRY(models_, ModelVersions::open(files, dir + "/models/" + std::string(kRankModel), config_.models_kept,
                                   config_.code));
  TRY(erasures_, KeyValueStore::open(dir + "/erasures"));
  Status markers;
  TRY_STATUS(erasures_->scan("", "", [&](std::string_view id, std::string_view marker) {
    Result<Ids> all = read_erasure(std::string(id), marker);
    if (!all.ok()) markers = all.error();
    if (all.ok()) erase_waiting_.emplace(id, std::move(*all));
    return all.ok();
  }));
  TRY_STATUS(Status(markers));
  CleanerConfig cleaner = config_.cleaner;
  cleaner.vector_dim = [this]() -> uint32_t {
    const std::shared_ptr<Live> now = live();
    return now == nullptr ? 0 : now->state->vectors().wanted_dim();
  };
  ingest_ = std::make_unique<Ingest>(cleaner, letters_.get());
  opening.at("reading the newest event ids");
  TRY_STATUS(remember_tail());
  nonce_ = hash_bytes(random_hex(16));
  opening.at("loading the snapshot");
  ready_at_ = log_->end();
  TRY(std::shared_ptr<Live> first,
      recovered_live([&opening](std::string_view part, size_t loaded, size_t of) {
        opening.at("loading the snapshot: " + std::string(part) + ", " + std::to_string(loaded) + " of " +
                   std::to_string(of) + " parts done");
      }));
  first->report();
  first->observed = true;
  first->runner->start();
  {
    const std::unique_lock lock(live_mutex_);
    live_ = std::move(first);
  }
  erase_thread_ = std::thread([this] { erase_loop(); });
  return {};
}

// With a million items it takes tens of milliseconds, in which nothing is folded.
void Engine::Live::report() {
  const uint64_t begun = monotonic_ns();
  std::vector<PartBytes> bytes;
  for (const Fold* fold : state->folds()) bytes.push_back({std::string(fold->name()), fold->bytes()});
  std::vector<SourceStats> stats = state->recommender().stats();
  SearchStats of_search = state->search().stats();
  if (const uint64_t refused = state->catalog().facets_refused(); refused > 2 * facets_refused_said) {
    facets_refused_said = refused;  // The first, and whenever they have doubled.
    log_warn("catalogue: {} categories or brands are no facets, for one of the bounds; {} of {} are held",
             refused, state->catalog().facets() - 1, state->catalog().config().facets_max - 1);
  }
  reported_ns = monotonic_ns();
  report_every_ns = std::clamp(kReportShare * (reported_ns - begun), kReportNs, kReportNsMax);
  const std::lock_guard lock(report_mutex);
  memory = std::move(bytes);
  sources = std::move(stats);
  search_stats = std::move(of_search);
}

Result<std::shared_ptr<Engine::Live>> Engine::make_live(SnapshotStore::Loading loading) {
  auto next = std::make_shared<Live>();
  TRY(next->state, ShopState::open(config_.state));
  ShopState& state = *next->state;
  next->service = std::make_unique<RecommendService>(state.catalog(), state.profiles(), state.recommender());
  next->search = std::make_unique<SearchService>(state.catalog(), state.settings(), state.search(),
                                                 config_.state.search, &state.vectors(), &state.intent(),
                                                 &state.suggestions(), &state.clicks());
  next->service->rank_with(state.ranker(), state.settings());
  next->search->rank_with(state.ranker(), state.profiles());
  state.ranker().on_version([this](RankVersion version) { models_->take(std::move(version)); });
  state.ranker().on_note([this, target = next.get()](const PublicationNote& note) {
    if (target->observed && note.at >= ready_at_) warn_of(note);  // What is older was said when it happened.
  });
  state.profiles().on_erase(
      [this, target = next.get()](const std::string& id, const std::vector<std::string>& all) {
        if (target->observed) erased_together(id, all);
      });
  FoldRunnerOptions options;
  options.loading = std::move(loading);
  options.fork_snapshots = config_.fork_snapshots;
  options.snapshot_every_events = config_.snapshot_every_events;
  options.snapshot_every_ms = config_.snapshot_every_ms;
  options.applied = [this, target = next.get()](Offset at, const Event& event) {
    if (target->observed) applied_one(at, event);
  };
  options.between = [target = next.get()] {
    if (monotonic_ns() - target->reported_ns > target->report_every_ns) target->report();
  };
  options.snapshot_taken = [this](const SnapshotInfo&) {
    if (const Status kept = retain_log(); !kept.ok())
      log_warn("engine: retention: {}", describe(kept.error()));
  };
  // A second state that catches up beside the live one must not take both processors from requests.
  if (live_ == nullptr && config_.recover_by_two) options.staged = &state;
  next->runner = std::make_unique<FoldRunner>(*log_, snapshots_.get(), state.folds(), options);
  return next;
}

Result<std::shared_ptr<Engine::Live>> Engine::recovered_live(const SnapshotStore::Loading& loading) {
  return with_fresh_folds(*snapshots_, [&]() -> Result<std::shared_ptr<Live>> {
    TRY(std::shared_ptr<Live> next, make_live(loading));
    TRY_STATUS(next->runner->recover());
    return next;
  });
}

std::shared_ptr<Engine::Live> Engine::live() const {
  const std::shared_lock lock(live_mutex_);
  return live_;
}

// A batch that was acknowledged before a crash and is sent again must count once: the door knows the last
// ids.
Status Engine::remember_tail() {
  const Offset end = log_->end();
  const Offset from = std::max(log_->begin(), end > config_.remember_tail ? end - config_.remember_tail : 0);
  TRY(std::unique_ptr<Cursor> cursor, log_->read(from));
  Event event;
  for (;;) {
    TRY(const bool more, cursor->next());
    if (!more) return {};
    TRY_STATUS(cursor->decode(event));
    if (event.type != EventType::kErased) ingest_->remember(event);
  }
}

Status Engine::close() {
  {
    const std::lock_guard lock(erase_mutex_);
    if (closing_) return {};
    closing_ = true;
  }
  erase_changed_.notify_all();
  if (erase_thread_.joinable()) erase_thread_.join();
  Status result;
  if (const std::shared_ptr<Live> current = live()) {
    current->runner->wait_applied(log_->end(), std::chrono::milliseconds(5000));
    if (auto taken = current->runner->snapshot(); !taken.ok()) {
      result = taken.error();
      log_warn("engine: no snapshot at the end: {}", describe(taken.error()));
    }
    current->runner->stop();
  }
  if (log_ != nullptr)
    if (Status closed = log_->close(); !closed.ok()) result = closed;
  return result;
}

// ---- doors

template <class Work>
Result<Accepted> Engine::take(Work&& door) {
  LogSink sink(*log_);
  TRY(IngestResult result, door(sink));
  return Accepted{std::move(result), sink.end()};
}

Result<Accepted> Engine::events(std::string_view body, const Door& door, BodyKind kind) {
  return take([&](EventSink& sink) { return ingest_->events(body, door, sink, kind); });
}
Result<Accepted> Engine::items(std::string_view body, ItemChange change, const Door& door, BodyKind kind,
                               const std::string& catalogue) {
  TRY_STATUS(check_catalogue(catalogue));
  return take([&](EventSink& sink) -> Result<IngestResult> {
    CatalogueSink aside(sink, catalogue);
    return ingest_->items(body, change, door, aside, kind);
  });
}
Result<IngestResult> Engine::check(std::string_view body, bool items, const Door& door, BodyKind kind) const {
  CleanerConfig config = ingest_->config();
  config.duplicate_window = 0;
  config.robots = RobotPolicy::kOff;
  config.quota_per_second = 0;
  Ingest checker(config, nullptr);
  FunctionSink nowhere([](const Event&) { return Status(); });
  return items ? checker.items(body, ItemChange::kUpsert, door, nowhere, kind)
               : checker.events(body, door, nowhere, kind);
}
Result<Accepted> Engine::item(std::string_view id, std::string_view body, ItemChange change,
                              const Door& door) {
  return take([&](EventSink& sink) { return ingest_->item(id, body, change, door, sink); });
}
Result<Accepted> Engine::delete_item(std::string_view id, const Door& door) {
  return take([&](EventSink& sink) { return ingest_->delete_item(id, door, sink); });
}
Result<Accepted> Engine::event(Event& event, const Door& door) {
  return take([&](EventSink& sink) { return ingest_->event(event, door, sink); });
}
Result<Accepted> Engine::replay_letter(uint64_t letter, TimeMs now_ms) {
  return take([&](EventSink& sink) { return ingest_->replay(letter, now_ms, sink); });
}
Status Engine::import_file(const std::string& path, const FileOptions& options, const Door& door,
                           IngestResult& result, const Ingest::Progress& progress) {
  LogSink sink(*log_);
  TRY_STATUS(ingest_->import_file(path, options, door, sink, result, progress));
  return sink.appended() ? log_->commit(sink.end()) : Status();
}

void Engine::commit(Offset end, std::function<void(Status)> done) {
  log_->commit(end, [this, end, done = std::move(done)](Status durable) {
    if (durable.ok()) acknowledge(end);
    done(std::move(durable));
  });
}

Status Engine::commit(Offset end) {
  TRY_STATUS(log_->commit(end));
  acknowledge(end);
  return {};
}

// ---- freshness: from acknowledgement to visible in an answer

void Engine::observe_freshness(std::function<void(double seconds)> observer) {
  const std::lock_guard lock(acknowledged_->mutex);
  acknowledged_->observer = std::move(observer);
  acknowledged_->marks.clear();
  acknowledged_->first.store(UINT64_MAX, std::memory_order_release);
}

void Engine::observe_events(std::function<void(Offset, const Event&)> observer) {
  const std::lock_guard lock(on_event_mutex_);
  on_event_ = std::move(observer);
  events_observed_.store(on_event_ != nullptr, std::memory_order_release);
}

void Engine::acknowledge(Offset end) {
  const std::lock_guard lock(acknowledged_->mutex);
  if (!acknowledged_->observer || end == 0) return;
  if (applied() >= end) return acknowledged_->observer(0);
  if (acknowledged_->marks.size() >= Acknowledged::kMarksMax) return;
  // Commits may call back out of order; the ring stays sorted so that its front is the next to become
  // visible.
  auto at = acknowledged_->marks.end();
  while (at != acknowledged_->marks.begin() && std::prev(at)->end > end) --at;
  acknowledged_->marks.insert(at, {end, monotonic_ns()});
  acknowledged_->first.store(acknowledged_->marks.front().end, std::memory_order_release);
}

void Engine::applied_one(Offset at, const Event& event) {
  if (events_observed_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(on_event_mutex_);
    if (on_event_) on_event_(at, event);
  }
  if (event.type == EventType::kEraseUser) {
    const std::lock_guard lock(erase_mutex_);
    Ids& all = erase_waiting_[event.user];
    all.insert(event.user);
    if (auto with = erased_with_.extract(event.user)) all.merge(with.mapped());
    erase_changed_.notify_all();
  }
  // applied() still says `at` here; what request threads read of the state already contains the event.
  if (at + 1 < acknowledged_->first.load(std::memory_order_acquire)) return;
  const uint64_t now = monotonic_ns();
  const std::lock_guard lock(acknowledged_->mutex);
  auto& marks = acknowledged_->marks;
  for (; !marks.empty() && marks.front().end <= at + 1; marks.pop_front()) {
    // A mark of an earlier event came just after this function had looked for it: there was no delay.
    const bool in_time = marks.front().end == at + 1;
    acknowledged_->observer(in_time ? static_cast<double>(now - marks.front().at_ns) * 1e-9 : 0);
  }
  acknowledged_->first.store(marks.empty() ? UINT64_MAX : marks.front().end, std::memory_order_release);
}

// ---- answers

// A page of another time is an event of that time: the door's bounds hold.
Status Engine::check_time(TimeMs time_ms) const {
  if (time_ms == kNoTime) return {};
  const TimeMs age = now_ms() - time_ms;
  const TimeMs late = config_.cleaner.late_ms_max, ahead = config_.cleaner.future_ms_max;
  const bool old = late > 0 && age > late;
  if (!old && (ahead == 0 || -age <= ahead)) return {};
  return invalid("time_ms: expected a time that an action may have now, got one too far " +
                 std::string(old ? "back" : "ahead"));
}

Result<RecommendPage> Engine::recommend(const RecommendRequest& asked, bool record) {
  TRY_STATUS(check_time(asked.now_ms));
  const std::shared_ptr<Live> current = live();
  RecommendPage page;
  page.query_id = next_query_id();
  RecommendRequest request = asked;
  request.explore = record ? std::max<uint64_t>(1, hash_bytes(page.query_id)) : 0;
  page.state_offset = current->runner->applied();
  const uint64_t begun = monotonic_ns();
  const TimeMs event_now = current->state->entry().now_ms();
  TRY(page.answer, recommend_as_part(*current, request, event_now, page.query_id, page.experiment));
  page.took_us = (monotonic_ns() - begun) / 1000;
  recommended_.fetch_add(1, std::memory_order_relaxed);
  if (record && !page.answer.items.empty()) record_impression(request, page);
  return page;
}

std::string Engine::next_query_id() {
  const uint64_t number = queries_.fetch_add(1, std::memory_order_relaxed);
  char id[33];
  std::snprintf(id, sizeof(id), "%016llx%016llx", static_cast<unsigned long long>(nonce_),
                static_cast<unsigned long long>(number));
  return id;
}

Event Engine::event_of_page(EventType type, const std::string& query_id, const std::string& user,
                            const std::string& session, std::string surface) const {
  Event event;
  event.type = type;
  event.time_ms = event.received_ms = now_ms();
  event.id = std::string(event_type_name(type)) + "-" + query_id;
  event.source = "freshet";
  event.user = user;
  event.session = session;
  event.query_id = query_id;
  event.surface = std::move(surface);
  return event;
}

void Engine::record(const EventBatch& page) {
  if (auto appended = log_->append(page); !appended.ok())
    log_warn("engine: a page shown is not recorded: {}", describe(appended.error()));
}

void Engine::record_impression(const RecommendRequest& request, const RecommendPage& page) {
  Event event = event_of_page(EventType::kImpression, page.query_id, request.user, request.session,
                              std::string(surface_name(request.surface)));
  if (request.now_ms != kNoTime) event.time_ms = request.now_ms;
  event.region = request.region;
  if (!request.device.empty()) event.attributes.push_back({"device", request.device});
  put_shown(page.answer, event);
  note_part(page.experiment, page.took_us, event);
  EventBatch batch;
  batch.add(event);
  record(batch);
}

std::vector<TrendingFacet> Engine::trending_facets(size_t k) const {
  return live()->service->trending_facets(k);
}

Result<ItemView> Engine::item(std::string_view id) const {
  const std::shared_ptr<Live> current = live();
  const ShopState& state = *current->state;
  const EpochGuard guard;
  const ItemRecord* record = state.catalog().item(state.catalog().find(id));
  if (record == nullptr) return not_found("item \"" + std::string(id.substr(0, 64)) + "\" is not known");
  ItemView view{*record, {}, state.counters().read(Scope::kItem, record->key, state.entry().now_ms())};
  for (const uint32_t facet : record->facets) view.facets.emplace_back(state.catalog().facet_name(facet));
  return view;
}

Result<UserView> Engine::user(std::string_view id) const {
  const std::shared_ptr<Live> current = live();
  const ShopState& state = *current->state;
  const EpochGuard guard;
  const Profiles& profiles = state.profiles();
  const ShopperSlot shopper = profiles.find(id);
  if (shopper == kNoShopper)
    return not_found("shopper \"" + std::string(id.substr(0, 64)) + "\" is not known");
  UserView view;
  view.id = profiles.id(shopper);
  view.last_ms = profiles.last_ms(shopper);
  const Sequence sequence = profiles.sequence(shopper);
  const auto item_id = [&](ItemSlot slot) {
    const ItemRecord* item = state.catalog().item(slot);
    return item == nullptr ? std::string() : item->id;
  };
  for (size_t i = 0; i < sequence.steps.size(); ++i) {
    const Step& step = sequence.steps[i];
    view.actions.push_back({item_id(step.item), step.type, step.time_ms, i >= sequence.session_begin});
  }
  if (const ProfileExtras* extras = profiles.extras(shopper)) {
    for (const ItemSlot slot : extras->dismissed)  // Once, also where a linked identity dismissed it, too.
      if (std::string id_of = item_id(slot);
          std::find(view.dismissed.begin(), view.dismissed.end(), id_of) == view.dismissed.end())
        view.dismissed.push_back(std::move(id_of));
    for (const std::string& link : extras->links)  // Of one that was unlinked the place stays.
      if (profiles.find(link) == shopper) view.linked.push_back(link);
    view.attributes = extras->attributes;
  }
  view.counts = state.counters().read(Scope::kShopper, hash_bytes(view.id), state.entry().now_ms());
  return view;
}

// ---- care

Offset Engine::applied() const {
  return live()->runner->applied();
}

bool Engine::ready() const {
  if (ready_.load(std::memory_order_acquire)) return true;
  if (applied() < ready_at_) return false;
  ready_.store(true, std::memory_order_release);
  return true;
}

// What folds may be exchanged meanwhile (an erasure, a catalogue): then it has stopped before its time, and
// who waits goes on waiting for what comes after it.
bool Engine::wait_applied(Offset upto, std::chrono::milliseconds timeout) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point until = Clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    if (live()->runner->wait_applied(upto, std::max(left, std::chrono::milliseconds(0)))) return true;
    if (Clock::now() >= until) return false;
    {
      const std::lock_guard lock(erase_mutex_);
      if (closing_) return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

Result<SnapshotInfo> Engine::snapshot() {
  return live()->runner->snapshot();
}

// What the oldest kept snapshot contains may go: should a newer one be damaged, the log still continues an
// older. A pinned one may be any age; it does not hold the log.
Status Engine::retain_log() {
  if (config_.retention.age_ms_max == 0 && config_.retention.bytes_max == 0) return {};
  const std::unique_lock replacing(replace_mutex_, std::try_to_lock);
  if (!replacing.owns_lock())
    return {};  // A second state reads the log from its start; the next snapshot is soon.
  TRY(std::vector<SnapshotInfo> kept, snapshots_->list());
  std::erase_if(kept, [](const SnapshotInfo& info) { return info.pinned; });
  if (kept.size() < std::min<size_t>(config_.snapshots_kept, 2)) return {};
  const Offset before = log_->begin();
  TRY(const Offset begin, log_->retain(config_.retention, kept.back().offset, now_ms()));
  if (begin != before) log_info("engine: retention: the log begins at offset {}", begin);
  return {};
}

uint64_t Engine::state_hash(Offset* at) {
  return live()->runner->state_hash(at);
}

namespace {

ClickStats click_stats(const ClickModel& model) {
  const EpochGuard guard;
  const ClickModel::Parameters& now = model.parameters();
  ClickStats stats{.clicks = now.clicks,
                   .ready = now.ready,
                   .doubt = now.doubt,
                   .strength = now.strength,
                   .trust = now.trust};
  std::copy_n(now.theta.begin(), ClickStats::kPlaces, stats.examined.begin());
  return stats;
}

}  // namespace

EngineStats Engine::stats() const {
  const std::shared_ptr<Live> current = live();
  const ShopState& state = *current->state;
  EngineStats stats;
  stats.log_begin = log_->begin();
  stats.log_end = log_->end();
  stats.log_durable = log_->durable();
  stats.applied = current->runner->applied();
  stats.ready = ready();
  stats.now_ms = state.entry().now_ms();
  stats.events_counted = state.entry().counted();
  stats.duplicates_folded = state.entry().duplicates();
  stats.items = state.catalog().items();
  stats.items_evicted = state.catalog().evicted();
  stats.items_max = config_.state.catalog.items_max;
  stats.facets = state.catalog().facets() - 1;  // 0 is none.
  stats.facets_max = config_.state.catalog.facets_max - 1;
  stats.facets_refused = state.catalog().facets_refused();
  stats.shoppers = state.profiles().shoppers();
  stats.shoppers_evicted = state.profiles().evicted();
  stats.shoppers_max = config_.state.profiles.shoppers_max;
  stats.counter_rows = state.counters().rows();
  {
    const std::lock_guard lock(current->report_mutex);
    stats.memory = current->memory;
    stats.sources = current->sources;
    stats.search = current->search_stats;
    // Who has changed the settings waits for this.
    stats.search.rebuilding = state.search().rebuilding();
  }
  stats.clicks = click_stats(state.clicks());
  stats.impressions = state.joiner().waiting();
  stats.impressions_lost = state.joiner().lost();
  stats.notes_lost = state.ranker().notes_lost();
  stats.memory.push_back({"door", ingest_->bytes()});
  stats.ingested = ingest_->totals();
  stats.recommended = recommended_.load(std::memory_order_relaxed);
  stats.searched = searched_.load(std::memory_order_relaxed);
  stats.snapshot = current->runner->last_snapshot();
  stats.fold = current->runner->status();
  {
    const std::lock_guard lock(erase_mutex_);
    stats.erasing = erasing_ || !erase_waiting_.empty();
  }
  return stats;
}

}  // namespace freshet
