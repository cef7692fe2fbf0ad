// Small JSON documents that the shop's doors keep with it, by collection and id, as folded state: each change
// is an event on the log, so that a restart or a replay brings back the same.
//
// A kSettings event says what is done in `name`, and with what in `value`, which is JSON:
//
//   documents-put      {"collection": c, "documents": [{"id": i, "value": v}, ...]}   adds, or replaces by id
//   documents-delete   {"collection": c, "ids": [i, ...]}
//   documents-clear    {"collection": c}
//
// What does not parse, or exceeds the limits, changes nothing: the door checks first and tells the sender.
//
// Threads: fold thread writes; find() on any thread under an EpochGuard, and what it returns is immutable and
// lives on. Cost of a change: a copy of the pointers of its collection.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/epoch.h"
#include "base/result.h"
#include "feature/moment.h"
#include "fold/fold.h"

namespace freshet {

struct Document {
  std::string id;    // 1 to 256 bytes
  std::string json;  // One value, as it was put.
  TimeMs created_ms = 0;
  TimeMs updated_ms = 0;
};

struct DocumentCollection {
  uint64_t revision = 0;                                   // Changes when a document does.
  std::vector<std::shared_ptr<const Document>> documents;  // By id, ascending.

  const Document* find(std::string_view id) const;  // nullptr: not there
};

struct DocumentLimits {
  static constexpr size_t kCollections = 64, kDocuments = 20'000;
  static constexpr size_t kIdBytes = 256, kJsonBytes = 256 << 10;
};

class Documents final : public Fold {
 public:
  explicit Documents(const Moment& moment);
  ~Documents() override;

  std::string_view name() const override { return "documents"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override;

  // Any thread, under an EpochGuard. Never null: a collection nobody wrote is empty.
  std::shared_ptr<const DocumentCollection> find(std::string_view collection) const;

 private:
  using Book = std::map<std::string, std::shared_ptr<const DocumentCollection>, std::less<>>;
  bool change(const Event& event, Book& next) const;  // False: nothing changes.
  void publish(Book* next);

  const Moment& moment_;
  std::atomic<const Book*> book_;
  RetireList retired_;
};

// kInvalid: an id or a value beyond the limits, or a value that is no JSON; names the document.
Status check_documents(const std::vector<Document>& documents);
// Events for the log; several when the documents are many. What they bear has been checked.
std::vector<Event> put_documents_events(std::string_view collection, const std::vector<Document>& documents,
                                        std::string_view by);
Event delete_documents_event(std::string_view collection, const std::vector<std::string>& ids,
                             std::string_view by);
Event clear_documents_event(std::string_view collection, std::string_view by);

}  // namespace freshet
