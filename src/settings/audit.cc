#include "settings/audit.h"

#include <algorithm>

#include "json/json.h"
#include "settings/settings.h"

namespace freshet {
namespace {

constexpr size_t kNamesShown = 5;
constexpr std::string_view kNobody = "freshet";  // What settings_event() says when there was no key.
const JsonLimits kLimits{1 << 20, 64};

std::string cut(std::string text) {
  if (text.size() <= Audit::kWhatBytes) return text;
  size_t end = Audit::kWhatBytes - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // Not within a character.
  text.resize(end);
  return text + "…";
}

// "a, b, c and 4 more"
std::string names_of(const Json::List& list, std::string_view member) {
  std::string out;
  for (size_t i = 0; i < std::min(list.size(), kNamesShown); ++i)
    out += (i == 0 ? "" : ", ") + (list[i].text() == nullptr ? list[i].text_at(member) : *list[i].text());
  if (list.size() > kNamesShown) out += " and " + std::to_string(list.size() - kNamesShown) + " more";
  return out;
}

std::string of_documents(const Json& json) {
  std::string out = json.text_at("collection");
  for (const auto* member : {"documents", "ids"}) {
    const Json* list = json.find(member);
    if (list != nullptr && list->list() != nullptr) out += ": " + names_of(*list->list(), "id");
  }
  return out;
}

std::string what_of(const Event& event) {
  if (event.type == EventType::kCatalogSwap) return event.catalogue;
  const std::string& action = event.name;
  if (action == "stage") return event.surface;  // The note.
  if (action == "publish" || action == "discard") return "version " + event.value;
  if (action == "synonym-delete" || action.starts_with("key-") || action.starts_with("model-"))
    return event.value;
  if (action.starts_with("experiment-") && action != "experiment-define") return event.value;
  const Result<Json> json = parse_json(event.value, kLimits);
  if (!json.ok()) return {};
  if (action.starts_with("documents-")) return of_documents(*json);
  if (action == "experiment-define") return json->text_at("name");
  if (action == "synonym-put") return json->text_at("id");
  if (action == "synonyms-put" && json->list() != nullptr) return names_of(*json->list(), "id");
  return {};
}

}  // namespace

void Audit::apply(Offset at, const Event& event) {
  const bool swap = event.type == EventType::kCatalogSwap;
  if (moment_.skip || (!swap && event.type != EventType::kSettings)) return;
  if (event.name == "model-part") return;  // Of what "model-promote" says.
  AuditEntry entry;
  entry.offset = at;
  entry.time_ms = event.received_ms == kNoTime ? moment_.time_ms : event.received_ms;
  if (event.source != kNobody) entry.by = event.source;
  entry.action = event.name;
  entry.what = cut(what_of(event));
  if (swap) entry.action = event.name == "discard" ? "catalogue-discard" : "catalogue-swap";
  const std::lock_guard lock(mutex_);
  entries_.push_back(std::move(entry));
  if (entries_.size() > kEntries) entries_.pop_front();
}

std::vector<AuditEntry> Audit::newest(size_t count, Offset below) const {
  std::vector<AuditEntry> out;
  const std::lock_guard lock(mutex_);
  for (auto at = entries_.rbegin(); at != entries_.rend() && out.size() < count; ++at)
    if (at->offset < below) out.push_back(*at);
  return out;
}

void Audit::save(Writer& out) const {
  out.varint(entries_.size());
  for (const AuditEntry& one : entries_) {
    out.varint(one.offset);
    out.i64(one.time_ms);
    out.str(one.by);
    out.str(one.action);
    out.str(one.what);
  }
}

Status Audit::load(Reader& in) {
  std::deque<AuditEntry> next;
  const uint64_t count = in.varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    AuditEntry one;
    one.offset = in.varint();
    one.time_ms = in.i64();
    one.by = in.str();
    one.action = in.str();
    one.what = in.str();
    next.push_back(std::move(one));
  }
  if (!in.ok() || count > kEntries) return corrupt("audit section: ends too early or is malformed");
  const std::lock_guard lock(mutex_);
  entries_ = std::move(next);
  return {};
}

size_t Audit::bytes() const {
  size_t bytes = 0;
  for (const AuditEntry& one : entries_)
    bytes += sizeof one + one.by.capacity() + one.action.capacity() + one.what.capacity();
  return bytes;
}

Event key_event(std::string_view action, std::string_view key_name, std::string_view by) {
  return settings_event(action, std::string(key_name), by);
}

}  // namespace freshet
