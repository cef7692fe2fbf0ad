#include "dialect/internal/index_book.h"

#include <algorithm>
#include <cstdio>
#include <tuple>

#include "base/hash.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kNameBytes = 256;

// "virtual(name)" -> name
std::string replica_name(std::string_view text, bool& is_virtual) {
  is_virtual = text.starts_with("virtual(") && text.ends_with(')');
  return std::string(is_virtual ? text.substr(8, text.size() - 9) : text);
}

std::string catalogue_name(const std::string& index) {
  char digits[17];
  std::snprintf(digits, sizeof(digits), "%016llx", static_cast<unsigned long long>(hash_bytes(index)));
  return std::string("index-") + digits;
}

Index read_index(const Document& document) {
  Index index;
  index.name = document.id;
  index.created_ms = document.created_ms;
  index.updated_ms = document.updated_ms;
  index.settings.value = Json::Object{};
  const Result<Json> json = parse_json(document.json, {document.json.size(), 64});
  if (!json.ok()) return index;
  if (const Json* settings = json->find("settings"); settings != nullptr && settings->object() != nullptr)
    index.settings = *settings;
  const Json* kind = json->find("kind");
  if (kind != nullptr && kind->text() != nullptr && *kind->text() == "staged") {
    index.kind = IndexKind::kStaged;
    index.catalogue = catalogue_name(index.name);
  }
  if (kind != nullptr && kind->text() != nullptr && *kind->text() == "replica")
    index.kind = IndexKind::kReplica;
  return index;
}

std::string_view kind_name(IndexKind kind) {
  return kind == IndexKind::kStaged ? "staged" : kind == IndexKind::kReplica ? "replica" : "primary";
}

Index made(const std::string& name, IndexKind kind) {
  Index index;
  index.name = name;
  index.kind = kind;
  index.settings.value = Json::Object{};
  if (kind == IndexKind::kStaged) index.catalogue = catalogue_name(name);
  return index;
}

}  // namespace

std::shared_ptr<const IndexBook::Book> IndexBook::book() const {
  const auto documents = engine_.documents(kIndexes);
  const std::lock_guard lock(mutex_);
  if (book_ != nullptr && book_->revision == documents->revision) return book_;
  auto next = std::make_shared<Book>();
  next->revision = documents->revision;
  for (const auto& document : documents->documents) {
    Index index = read_index(*document);
    if (index.kind == IndexKind::kPrimary) {
      next->primary = index.name;
      Params settings = Params::of(index.settings).value();
      for (const std::string& text : settings.texts("replicas").value_or(std::vector<std::string>())) {
        bool is_virtual = false;
        const std::string name = replica_name(text, is_virtual);
        next->replica_of[name] = {index.name, is_virtual};
      }
    }
    next->by_name.emplace(index.name, std::move(index));
  }
  book_ = next;
  return next;
}

std::string IndexBook::primary() const {
  return book()->primary;
}

std::vector<std::string> IndexBook::replicas(const Index& primary) const {
  std::vector<std::string> names;
  const auto from = book();
  for (const auto& [name, of] : from->replica_of)
    if (of.first == primary.name) names.push_back(name);
  return names;
}

Result<Index> IndexBook::find(const std::string& name) const {
  const auto from = book();
  const auto at = from->by_name.find(name);
  if (const auto replica = from->replica_of.find(name); replica != from->replica_of.end()) {
    Index index = at == from->by_name.end() ? made(name, IndexKind::kReplica) : at->second;
    index.kind = IndexKind::kReplica;
    index.catalogue.clear();
    std::tie(index.primary, index.is_virtual) = replica->second;
    return index;
  }
  if (at != from->by_name.end() && at->second.kind != IndexKind::kReplica) return at->second;
  if (means_suggestions(name)) return made(name, IndexKind::kSuggestions);
  if (from->primary.empty() && engine_.stats().items > 0) return made(name, IndexKind::kPrimary);
  return not_found("index \"" + name.substr(0, 100) + "\" does not exist");
}

Result<Index> IndexBook::find_to_write(const std::string& name, std::string_view by) {
  if (name.empty() || name.size() > kNameBytes || name == "*")
    return invalid("indexName: expected 1 to 256 bytes");
  const auto from = book();
  if (from->replica_of.contains(name))
    return invalid("index \"" + name + "\" is a replica: write to " + from->replica_of.at(name).first);
  const auto at = from->by_name.find(name);
  if (at != from->by_name.end() && at->second.kind != IndexKind::kReplica) return at->second;
  if (means_suggestions(name))
    return invalid("index \"" + name + "\": suggestions are learned from searches, not written");
  Index index = made(name, from->primary.empty() ? IndexKind::kPrimary : IndexKind::kStaged);
  TRY_STATUS(put(index, by));
  return index;
}

std::vector<Index> IndexBook::all() const {
  std::vector<Index> out;
  const auto from = book();
  for (const auto& [name, index] : from->by_name)
    if (index.kind != IndexKind::kReplica) out.push_back(index);
  for (const auto& [name, of] : from->replica_of) {
    auto replica = find(name);
    if (replica.ok()) out.push_back(std::move(replica).value());
  }
  return out;
}

Status IndexBook::put(const Index& index, std::string_view by) {
  JsonWriter json;
  json.object().field("kind", kind_name(index.kind)).key("settings");
  write_json(json, index.settings);
  json.end();
  return engine_.put_documents(kIndexes, {{index.name, json.take()}}, by);
}

Status IndexBook::remove(const std::string& name, std::string_view by) {
  if (!book()->by_name.contains(name)) return {};
  return engine_.delete_documents(kIndexes, {name}, by);
}

}  // namespace freshet::dialect_internal
