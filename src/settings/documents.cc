#include "settings/documents.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "json/json.h"
#include "settings/settings.h"

namespace freshet {
namespace {

constexpr size_t kEventBytes = 192 << 10;  // Of documents in one event; a larger one has its own.
const JsonLimits kLimits{2 * DocumentLimits::kJsonBytes + (4 << 10), 64};

using Entries = std::vector<std::shared_ptr<const Document>>;

auto place(const Entries& entries, std::string_view id) {
  return std::lower_bound(entries.begin(), entries.end(), id,
                          [](const auto& entry, std::string_view wanted) { return entry->id < wanted; });
}

bool is_there(const Entries& entries, Entries::const_iterator at, std::string_view id) {
  return at != entries.end() && (*at)->id == id;
}

bool put(const Json& json, TimeMs now, Entries& entries) {
  const Json* list = json.find("documents");
  if (list == nullptr || list->list() == nullptr) return false;
  bool changed = false;
  for (const Json& one : *list->list()) {
    const Json* id = one.find("id");
    const Json* value = one.find("value");
    if (id == nullptr || id->text() == nullptr || value == nullptr) continue;
    auto document = std::make_shared<Document>();
    document->id = *id->text();
    JsonWriter text;
    write_json(text, *value);
    document->json = text.take();
    document->created_ms = document->updated_ms = now;
    const auto at = place(entries, document->id);
    if (is_there(entries, at, document->id)) {
      document->created_ms = (*at)->created_ms;
      entries[static_cast<size_t>(at - entries.begin())] = std::move(document);
    } else if (entries.size() < DocumentLimits::kDocuments) {
      entries.insert(at, std::move(document));
    } else {
      continue;
    }
    changed = true;
  }
  return changed;
}

bool remove(const Json& json, Entries& entries) {
  const Json* ids = json.find("ids");
  if (ids == nullptr || ids->list() == nullptr) return false;
  bool changed = false;
  for (const Json& id : *ids->list()) {
    if (id.text() == nullptr) continue;
    const auto at = place(entries, *id.text());
    if (!is_there(entries, at, *id.text())) continue;
    entries.erase(at);
    changed = true;
  }
  return changed;
}

}  // namespace

const Document* DocumentCollection::find(std::string_view id) const {
  const auto at = place(documents, id);
  return is_there(documents, at, id) ? at->get() : nullptr;
}

Documents::Documents(const Moment& moment) : moment_(moment), book_(new Book) {}

Documents::~Documents() {
  delete book_.load();
}

std::shared_ptr<const DocumentCollection> Documents::find(std::string_view collection) const {
  static const auto kNothing = std::make_shared<const DocumentCollection>();
  const Book& book = *book_.load(std::memory_order_acquire);
  const auto at = book.find(collection);
  return at == book.end() ? kNothing : at->second;
}

void Documents::apply(Offset, const Event& event) {
  if (moment_.skip || event.type != EventType::kSettings || !event.name.starts_with("documents-")) return;
  auto next = std::make_unique<Book>(*book_.load(std::memory_order_relaxed));
  if (change(event, *next)) publish(next.release());
}

bool Documents::change(const Event& event, Book& next) const {
  const Result<Json> json = parse_json(event.value, kLimits);
  if (!json.ok()) return false;
  const Json* collection = json->find("collection");
  if (collection == nullptr || collection->text() == nullptr) return false;
  const auto at = next.find(*collection->text());
  if (at == next.end() && next.size() >= DocumentLimits::kCollections) return false;
  auto changed = std::make_shared<DocumentCollection>();
  if (at != next.end()) *changed = *at->second;
  bool any = false;
  if (event.name == "documents-put") {
    any = put(*json, moment_.time_ms, changed->documents);
  } else if (event.name == "documents-delete") {
    any = remove(*json, changed->documents);
  } else if (event.name == "documents-clear") {
    any = !changed->documents.empty();
    changed->documents.clear();
  }
  if (!any) return false;
  ++changed->revision;
  next[*collection->text()] = std::move(changed);
  return true;
}

void Documents::publish(Book* next) {
  retired_.retire(book_.exchange(next, std::memory_order_acq_rel));
}

void Documents::save(Writer& out) const {
  const Book& book = *book_.load(std::memory_order_relaxed);
  out.varint(book.size());
  for (const auto& [name, collection] : book) {
    out.str(name);
    out.varint(collection->revision);
    out.varint(collection->documents.size());
    for (const auto& one : collection->documents) {
      out.str(one->id);
      out.str(one->json);
      out.i64(one->created_ms);
      out.i64(one->updated_ms);
    }
  }
}

Status Documents::load(Reader& in) {
  auto next = std::make_unique<Book>();
  const uint64_t collections = in.varint();
  for (uint64_t c = 0; c < collections && in.ok(); ++c) {
    const std::string name(in.str());
    auto collection = std::make_shared<DocumentCollection>();
    collection->revision = in.varint();
    const uint64_t count = in.varint();
    for (uint64_t i = 0; i < count && in.ok(); ++i) {
      auto one = std::make_shared<Document>();
      one->id = in.str();
      one->json = in.str();
      one->created_ms = in.i64();
      one->updated_ms = in.i64();
      collection->documents.push_back(std::move(one));
    }
    (*next)[name] = std::move(collection);
  }
  if (!in.ok()) return corrupt("documents section: ends too early or is malformed");
  publish(next.release());
  return {};
}

size_t Documents::bytes() const {
  size_t bytes = 0;
  for (const auto& [name, collection] : *book_.load(std::memory_order_relaxed))
    for (const auto& one : collection->documents)
      bytes += sizeof(Document) + sizeof(one) + one->id.capacity() + one->json.capacity();
  return bytes;
}

Status check_documents(const std::vector<Document>& documents) {
  for (const Document& one : documents) {
    if (one.id.empty() || one.id.size() > DocumentLimits::kIdBytes)
      return invalid("id: expected 1 to " + std::to_string(DocumentLimits::kIdBytes) + " bytes, got " +
                     std::to_string(one.id.size()));
    const Result<Json> json = parse_json(one.json, {DocumentLimits::kJsonBytes, 60});
    if (!json.ok()) return Error{json.error().code, "document \"" + one.id + "\": " + json.error().what};
  }
  return {};
}

std::vector<Event> put_documents_events(std::string_view collection, const std::vector<Document>& documents,
                                        std::string_view by) {
  std::vector<Event> events;
  std::optional<JsonWriter> json;
  const auto finish = [&] {
    if (!json) return;
    json->end().end();
    events.push_back(settings_event("documents-put", json->take(), by));
    json.reset();
  };
  for (const Document& one : documents) {
    if (json && json->text().size() + one.json.size() > kEventBytes) finish();
    if (!json) json.emplace().object().field("collection", collection).key("documents").array();
    json->object().field("id", std::string_view(one.id)).key("value").json(one.json).end();
  }
  finish();
  return events;
}

Event delete_documents_event(std::string_view collection, const std::vector<std::string>& ids,
                             std::string_view by) {
  JsonWriter json;
  json.object().field("collection", collection).key("ids").array();
  for (const std::string& id : ids) json.value(std::string_view(id));
  json.end().end();
  return settings_event("documents-delete", json.take(), by);
}

Event clear_documents_event(std::string_view collection, std::string_view by) {
  JsonWriter json;
  json.object().field("collection", collection).end();
  return settings_event("documents-clear", json.take(), by);
}

}  // namespace freshet
