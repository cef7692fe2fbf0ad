// Names of indexes, and what they stand for here. A shop has one catalogue; around it the dialect knows
//
//   primary      the catalogue: the name that was written to or given settings first; until there is one,
//   every
//                name is (so that a catalogue filled through another door can be searched at once)
//   replica      named by the primary's setting "replicas": the same catalogue, sorted as its settings say
//   staged       any other name that is written to: a catalogue that waits beside the live one until it is
//                moved over the primary
//   suggestions  a name that ends in "query_suggestions": completions of queries, as records
//
// What is not the native API's (the settings as they were put, kinds and names) is kept in the collection
// kIndexes of the shop's documents. Threads: any. Cost of find(): a look at the collection's revision; the
// documents are parsed once a revision.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "dialect/internal/params.h"
#include "engine/engine.h"

namespace freshet::dialect_internal {

constexpr std::string_view kIndexes = "storefront-indexes";

inline bool means_suggestions(std::string_view name) {
  return name.ends_with("query_suggestions");
}

enum class IndexKind : uint8_t { kPrimary, kReplica, kStaged, kSuggestions };

struct Index {
  std::string name;
  IndexKind kind = IndexKind::kPrimary;
  std::string primary;  // Of a replica.
  bool is_virtual = false;
  Json settings;  // As put; an object.
  TimeMs created_ms = 0, updated_ms = 0;
  std::string catalogue;  // Of a staged one: its name at the native API.
};

class IndexBook {
 public:
  explicit IndexBook(Engine& engine) : engine_(engine) {}

  // kNotFound. Of the primary, its replicas, a staged one or suggestions.
  Result<Index> find(const std::string& name) const;
  // For writing records: makes the name the primary or a staged index when it is new. kInvalid: a replica.
  Result<Index> find_to_write(const std::string& name, std::string_view by);
  std::vector<Index> all() const;
  std::string primary() const;  // Empty: none has a name yet.
  std::vector<std::string> replicas(const Index& primary) const;

  // Stores the settings of an index as they were put. A new name becomes the primary or a staged index.
  Status put(const Index& index, std::string_view by);
  Status remove(const std::string& name, std::string_view by);

 private:
  struct Book {
    uint64_t revision = 0;
    std::map<std::string, Index> by_name;
    std::string primary;
    std::map<std::string, std::pair<std::string, bool>> replica_of;  // name -> primary, virtual
  };
  std::shared_ptr<const Book> book() const;

  Engine& engine_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Book> book_;
};

}  // namespace freshet::dialect_internal
