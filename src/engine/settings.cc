// Changes of the search settings: checked here, so that the sender hears what is wrong; then an event like
// any other.
#include <algorithm>

#include "base/epoch.h"
#include "engine/engine.h"
#include "env/clock.h"
#include "env/log.h"
#include "env/secret.h"
#include "json/json.h"

namespace freshet {

constexpr std::chrono::seconds kFoldWait{30};
constexpr size_t kSynonymsOfAnEvent = 512 << 10;  // bytes

SettingsBook Engine::settings() const {
  const std::shared_ptr<Live> current = live();
  const EpochGuard guard;
  return current->state->settings().book();
}

// Holds administer_mutex_. All of `events` or none.
Status Engine::administer(std::vector<Event> events) {
  EventBatch batch;
  for (Event& event : events) {
    event.time_ms = event.received_ms = now_ms();
    event.id = "admin-" + random_hex(8);
    batch.add(event);
  }
  TRY(const Offset first, log_->append(batch));
  const Offset end = first + events.size();
  TRY_STATUS(log_->commit(end));
  if (!wait_applied(end, kFoldWait))
    return unavailable("the change is on the log but not in force yet: the fold is behind or has stopped");
  return {};
}

Result<uint64_t> Engine::stage_settings(std::string_view json, std::string_view by, std::string_view note) {
  if (note.size() > 1024) return invalid("note: expected at most 1024 bytes");
  TRY(const SearchSettings checked, parse_settings(json));
  TRY_STATUS(check_features(checked.ranker));
  const std::lock_guard lock(administer_mutex_);
  const uint64_t number = settings().next;
  TRY_STATUS(administer({stage_event(checked, by, note)}));
  return number;
}

Result<uint64_t> Engine::patch_settings(std::string_view patch, std::string_view by, std::string_view note) {
  if (note.size() > 1024) return invalid("note: expected at most 1024 bytes");
  const JsonLimits limits{.bytes_max = SettingsLimits::kJsonBytes, .depth_max = 8};
  TRY(const Json changes, parse_json(patch, limits));
  if (changes.object() == nullptr)
    return invalid("settings: expected an object, got " + std::string(changes.kind()));
  const std::lock_guard lock(administer_mutex_);
  const SettingsBook book = settings();
  TRY(Json all, parse_json(settings_json(book.published->settings), limits));
  merge_patch(all, changes);
  JsonWriter merged;
  write_json(merged, all);
  TRY(const SearchSettings checked, parse_settings(merged.text()));
  TRY_STATUS(check_features(checked.ranker));
  TRY_STATUS(
      administer({stage_event(checked, by, note), settings_event("publish", std::to_string(book.next), by)}));
  return book.next;
}

Status Engine::publish_settings(uint64_t version, std::string_view by) {
  const std::lock_guard lock(administer_mutex_);
  const SettingsBook book = settings();
  if (book.version(version) == nullptr)
    return not_found("version " + std::to_string(version) + " of the settings is not known (any more)");
  if (book.published->number == version) return {};
  return administer({settings_event("publish", std::to_string(version), by)});
}

Status Engine::discard_settings(uint64_t version, std::string_view by) {
  const std::lock_guard lock(administer_mutex_);
  const auto found = settings().version(version);
  if (found == nullptr || version == 0)
    return not_found("version " + std::to_string(version) + " of the settings is not known (any more)");
  if (found->published_ms != 0)
    return invalid("version " + std::to_string(version) + " has been published: it stays in the history");
  TRY_STATUS(check_unused(version));
  return administer({settings_event("discard", std::to_string(version), by)});
}

Status Engine::put_synonym(std::string_view json, std::string_view by) {
  TRY(const Synonym synonym, parse_synonym(json));
  const std::lock_guard lock(administer_mutex_);
  const SettingsBook book = settings();
  const bool there = std::any_of(book.synonyms->begin(), book.synonyms->end(),
                                 [&](const Synonym& one) { return one.id == synonym.id; });
  if (!there && book.synonyms->size() >= SettingsLimits::kSynonyms)
    return exhausted("synonyms: there are " + std::to_string(SettingsLimits::kSynonyms) +
                     ", which is the limit");
  return administer({settings_event("synonym-put", synonym_json(synonym), by)});
}

Status Engine::delete_synonym(const std::string& id, std::string_view by) {
  const std::lock_guard lock(administer_mutex_);
  const SettingsBook book = settings();
  if (std::none_of(book.synonyms->begin(), book.synonyms->end(),
                   [&](const Synonym& one) { return one.id == id; }))
    return not_found("synonym \"" + id.substr(0, 64) + "\" is not known");
  return administer({settings_event("synonym-delete", id, by)});
}

Result<size_t> Engine::replace_synonyms(std::string_view json, std::string_view by) {
  TRY(const std::vector<Synonym> synonyms, parse_synonyms(json));
  const std::lock_guard lock(administer_mutex_);
  std::vector<Event> events = {settings_event("synonyms-clear", "", by)};
  // Few events with many: the fold copies and looks through all synonyms at each.
  std::string list = "[";
  for (const Synonym& synonym : synonyms) {
    if (list.size() > 1) list += ',';
    list += synonym_json(synonym);
    if (list.size() < kSynonymsOfAnEvent && &synonym != &synonyms.back()) continue;
    events.push_back(settings_event("synonyms-put", list + "]", by));
    list = "[";
  }
  TRY_STATUS(administer(std::move(events)));
  return synonyms.size();
}

std::vector<AuditEntry> Engine::audit(size_t count, Offset below) const {
  return live()->state->audit().newest(count, below);
}

void Engine::note_key(std::string_view action, std::string_view key_name, std::string_view by) {
  const std::lock_guard lock(administer_mutex_);
  if (const Status noted = administer({key_event(action, key_name, by)}); !noted.ok())
    log_warn("engine: {} of \"{}\" is not noted in the audit: {}", action, key_name, describe(noted.error()));
}

std::shared_ptr<const DocumentCollection> Engine::documents(std::string_view collection) const {
  const std::shared_ptr<Live> current = live();
  const EpochGuard guard;
  return current->state->documents().find(collection);
}

Status Engine::put_documents(std::string_view collection, const std::vector<Document>& all,
                             std::string_view by, bool replace) {
  TRY_STATUS(check_documents(all));
  const std::lock_guard lock(administer_mutex_);
  const auto there = documents(collection);
  size_t count = all.size();
  if (!replace)
    for (const auto& one : there->documents)
      count +=
          std::none_of(all.begin(), all.end(), [&](const Document& d) { return d.id == one->id; }) ? 1 : 0;
  if (count > DocumentLimits::kDocuments)
    return exhausted(std::string(collection) + ": expected at most " +
                     std::to_string(DocumentLimits::kDocuments) + " in all, got " + std::to_string(count));
  std::vector<Event> events;
  if (replace && !there->documents.empty()) events.push_back(clear_documents_event(collection, by));
  for (Event& one : put_documents_events(collection, all, by)) events.push_back(std::move(one));
  return events.empty() ? Status() : administer(std::move(events));
}

Status Engine::delete_documents(std::string_view collection, const std::vector<std::string>& ids,
                                std::string_view by) {
  const std::lock_guard lock(administer_mutex_);
  const auto there = documents(collection);
  for (const std::string& id : ids)
    if (there->find(id) == nullptr)
      return not_found(std::string(collection) + ": there is none with id \"" + id.substr(0, 64) + "\"");
  if (ids.empty()) return {};
  return administer({delete_documents_event(collection, ids, by)});
}

}  // namespace freshet
