// Erasing a person: out of answers at once, out of the log and of everything learned by a second fold.
#include <algorithm>
#include <charconv>
#include <set>

#include "engine/engine.h"
#include "env/clock.h"
#include "env/log.h"
#include "env/secret.h"
#include "log/log_tools.h"

namespace freshet {
namespace {

// "version 12": one that was learned here, from everybody.
bool is_own_version(std::string_view label) {
  constexpr std::string_view kBefore = "version ";
  if (!label.starts_with(kBefore)) return true;
  uint64_t number = 0;
  const char* const end = label.data() + label.size();
  const auto [at, error] = std::from_chars(label.data() + kBefore.size(), end, number);
  return error != std::errc() || at != end || number < ModelVersions::kImported;
}

}  // namespace

Status Engine::erase_user(const std::string& id) {
  if (id.empty() || id.size() > 256) return invalid("user: expected 1 to 256 bytes");
  // A marker outlives a crash: from before the first byte changes until the proof stands. It has all who are
  // one with this id: the profiles that say so go with the event, the links with the log.
  TRY_STATUS(mark_erasure(id, one_with(id)));
  Event event;
  event.type = EventType::kEraseUser;
  event.user = id;
  event.time_ms = event.received_ms = now_ms();
  event.id = "erase-" + random_hex(8);
  event.source = "freshet";
  EventBatch batch;
  batch.add(event);
  TRY(const Offset at, log_->append(batch));
  TRY_STATUS(log_->commit(at + 1));
  if (!wait_applied(at + 1, std::chrono::seconds(30)))
    return unavailable("the erasure is on the log but not folded yet: the fold is behind or has stopped");
  return {};  // The fold thread, having met the event, has put it on the list of the erasing thread.
}

Ids Engine::one_with(const std::string& id) {
  std::vector<std::string> all;
  const std::shared_ptr<Live> now = live();
  now->runner->run([&] { all = now->state->profiles().all_of(id); });
  return {all.begin(), all.end()};
}

// On the thread that folds profiles, before applied_one() is told of the event.
void Engine::erased_together(const std::string& id, const std::vector<std::string>& all) {
  const std::lock_guard lock(erase_mutex_);
  erased_with_[id].insert(all.begin(), all.end());
}

void Engine::wait_erasures() {
  std::unique_lock lock(erase_mutex_);
  erase_changed_.wait(lock, [&] { return closing_ || (erase_waiting_.empty() && !erasing_); });
}

void Engine::erase_loop() {
  std::unique_lock lock(erase_mutex_);
  for (;;) {
    erase_changed_.wait(lock, [&] { return closing_ || !erase_waiting_.empty(); });
    if (closing_) return;  // The markers are found again at the next start.
    Erasures erasures;
    erasures.swap(erase_waiting_);
    erasing_ = true;
    lock.unlock();
    if (Status done = erase_now(erasures); !done.ok())
      log_error("erasure: not finished, it will be tried again at the next start: {}",
                describe(done.error()));
    lock.lock();
    erasing_ = false;
    erase_changed_.notify_all();
  }
}

Status Engine::erase_now(const Erasures& erasures) {
  Ids ids;
  {
    const std::lock_guard replacing(replace_mutex_);  // Retention does not remove what is read here.
    TRY(const IdentityLinks links, IdentityLinks::read(*log_));
    for (const auto& [id, known] : erasures) {
      TRY(const Ids all, links.with(known));
      TRY_STATUS(mark_erasure(id, all));
      ids.insert(all.begin(), all.end());
    }
  }
  ids.erase("");  // It would name everybody who has no id.
  TRY_STATUS(erase_from_log(erasures.size(), ids));
  TRY_STATUS(erase_letters(ids));
  TRY_STATUS(replace_live());
  for (const auto& [id, known] : erasures) TRY_STATUS(erasures_->remove(id, WriteMode::kSync));
  return {};
}

// A marker that is there already keeps what it has: once profiles and events are gone nobody else knows.
Status Engine::mark_erasure(const std::string& id, Ids all) {
  const std::lock_guard lock(mark_mutex_);
  if (const Result<std::string> there = erasures_->get(id); there.ok()) {
    TRY(Ids before, read_erasure(id, *there));
    all.merge(before);
  } else if (there.error().code != Code::kNotFound) {
    return there.error();
  }
  return erasures_->put(id, write_erasure(all), WriteMode::kSync);
}

// The events of these people, the requests to erase them included.
Status Engine::erase_from_log(size_t people, const Ids& ids) {
  const auto named = [&](const std::string& text) { return ids.contains(text); };
  const NamesPerson names = [&](const Event& event) {
    return named(event.user) || named(event.user_to) || (event.user.empty() && named(event.session));
  };
  {
    const std::lock_guard lock(administer_mutex_);  // From here on promote_model() sees that we are at work.
  }
  TRY_STATUS(erase_bundles(names));  // First: by their events it knows which bundles came after them.
  TRY(const EraseReport report, log_->erase(names));
  log_info("erasure: {} request(s), {} identities, {} events in {} of {} segments", people, ids.size(),
           report.events_erased, report.segments_rewritten, report.segments_scanned);
  return {};
}

// The weights of a version of our own that was promoted after the first event of these people: they were
// learned from them, too. What says who promoted what stays, and does nothing any more; a note of it goes to
// the audit before the first byte changes, so that none is lost in a crash.
Status Engine::erase_bundles(const NamesPerson& names) {
  bool met = log_->begin() > 0;    // What retention removed may have been theirs.
  std::vector<std::string> parts;  // Of the promotion that follows.
  std::set<std::string> dropped;
  EventBatch notes;
  TRY([[maybe_unused]] const uint64_t read,
      export_log(*log_, log_->begin(), log_->end(), [&](Offset, const Event& event) {
        met = met || (event.type != EventType::kErased && names(event));
        if (event.type != EventType::kSettings) return true;
        if (event.name == "model-part") parts.push_back(event.id);
        if (event.name != "model-promote") return true;
        if (met && !parts.empty() && is_own_version(event.value)) {
          dropped.insert(parts.begin(), parts.end());
          Event note = settings_event("model-erased", event.value, "");
          note.time_ms = note.received_ms = now_ms();
          note.id = "erase-" + random_hex(8);
          notes.add(note);
          log_info("erasure: the weights of {}, which was promoted, go with what they were learned from",
                   event.value);
        }
        parts.clear();
        return true;
      }));
  if (dropped.empty()) return {};
  TRY(const Offset at, log_->append(notes));
  TRY_STATUS(log_->commit(at + notes.count()));
  TRY(const EraseReport report, log_->erase([&](const Event& event) {
    return event.type == EventType::kSettings && event.name == "model-part" && dropped.contains(event.id);
  }));
  log_info("erasure: {} pieces of promoted versions in {} segments", report.events_erased,
           report.segments_rewritten);
  return {};
}

// Refused bodies that name them.
Status Engine::erase_letters(const Ids& ids) {
  std::vector<uint64_t> letters;
  TRY_STATUS(letters_->list(0, nullptr, [&](const DeadLetter& letter) {
    const bool names = std::any_of(ids.begin(), ids.end(), [&](const std::string& id) {
      return letter.raw.find(id) != std::string::npos || letter.body.find(id) != std::string::npos;
    });
    if (names) letters.push_back(letter.number);
    return true;
  }));
  for (const uint64_t letter : letters) TRY_STATUS(letters_->remove(letter));
  return {};
}

Engine::ShopsOwn Engine::shops_own(Live& live) {
  ShopsOwn own;
  live.runner->run([&] {
    own.at = live.runner->applied();
    ShopState& state = *live.state;
    Writer settings, documents, audit, experiments;
    state.settings().save(settings);
    state.documents().save(documents);
    state.audit().save(audit);
    state.experiments().save(experiments);
    own.settings = settings.bytes();
    own.documents = documents.bytes();
    own.audit = audit.bytes();
    own.experiments = experiments.bytes();
    const EpochGuard guard;
    for (ItemSlot slot = 0; slot < state.catalog().slots(); ++slot) {
      const ItemRecord* record = state.catalog().item(slot);
      if (record == nullptr || !record->listed) continue;
      Event event;
      event.type = EventType::kItemUpsert;
      event.source = "freshet";
      event.item = record->id;
      event.time_ms = record->created_ms;
      event.attributes = record->attributes;
      own.items.push_back(std::move(event));
    }
  });
  return own;
}

// Retention has removed events of the shop itself with those of its shoppers: the catalogue, settings, rules,
// experiments (whose results begin anew).
// They concern no person and are taken over as they are. The items stand before the tail, so that it is
// learned with their attributes, and again behind it, where it left one otherwise (part of a catalogue that
// was swapped in).
Status Engine::begin_with(const ShopsOwn& own, Live& next) {
  ShopState& state = *next.state;
  Reader settings(own.settings), documents(own.documents), audit(own.audit), experiments(own.experiments);
  TRY_STATUS(state.settings().load(settings));
  TRY_STATUS(state.documents().load(documents));
  TRY_STATUS(state.audit().load(audit));
  TRY_STATUS(state.experiments().load(experiments));
  state.experiments().forget_results();
  const Offset begin = log_->begin();
  TRY(std::unique_ptr<Cursor> cursor, log_->read(begin));
  Event event;
  TimeMs first_ms = kNoTime;
  uint64_t number = 0;
  const auto put = [&](const Event& item) {
    Event upsert = item;
    upsert.id = "own-" + std::to_string(own.at) + "-" + std::to_string(number++);
    if (first_ms != kNoTime) upsert.time_ms = std::min(item.time_ms, first_ms);
    state.apply(begin, upsert);
  };
  const auto put_all = [&] {
    for (const Event& item : own.items) {
      const ItemRecord* record = nullptr;
      const EpochGuard guard;
      const ItemSlot slot = state.catalog().find(item.item);
      if (slot != kNoItem) record = state.catalog().item(slot);
      if (record == nullptr || !record->listed || record->attributes != item.attributes) put(item);
    }
  };
  for (Offset at = begin; at < own.at; ++at) {
    TRY(const bool more, cursor->next());
    if (!more)
      return corrupt("the log ends at offset " + std::to_string(at) + ", expected " + std::to_string(own.at));
    TRY_STATUS(cursor->decode(event));
    if (first_ms == kNoTime && event.type != EventType::kErased) {
      first_ms = event.time_ms;
      put_all();
    }
    if (event.type == EventType::kSettings)
      event.type = EventType::kErased;  // They are in what was taken over.
    state.apply(at, event);
  }
  put_all();
  return {};
}

// Folds what the log still holds again, beside the live state, and swaps when it has caught up. Snapshots
// that were taken before are removed once the new one is on disk.
Status Engine::replace_live() {
  const std::lock_guard replacing(replace_mutex_);
  models_->begin_again();
  TRY(std::shared_ptr<Live> next, make_live());
  Offset from = 0;
  if (log_->begin() > 0) {
    const std::shared_ptr<Live> now = live();
    const ShopsOwn own = shops_own(*now);
    TRY_STATUS(begin_with(own, *next));
    from = own.at;
  }
  next->runner->begin_at(from);
  TRY_STATUS(next->runner->fold_until(log_->end()));
  std::shared_ptr<Live> old = live();
  old->runner->stop();
  TRY_STATUS(next->runner->fold_until(old->runner->applied()));  // What the live one saw meanwhile.
  next->report();
  next->observed = true;
  next->runner->start();
  {
    const std::unique_lock lock(live_mutex_);
    live_ = next;
  }
  while (old.use_count() > 1)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // Requests in flight.
  old.reset();
  TRY(const SnapshotInfo taken, next->runner->snapshot());
  TRY(const std::vector<SnapshotInfo> all, snapshots_->list());
  for (const SnapshotInfo& info : all)
    if (info.file != taken.file)
      TRY_STATUS(real_files().remove(config_.data_dir + "/snapshots/" + info.file));
  TRY_STATUS(models_->end_again());
  log_info("erasure: a fold that never saw the erased is live; snapshot at offset {}, state {:016x}",
           taken.offset, taken.state_hash);
  return {};
}

}  // namespace freshet
