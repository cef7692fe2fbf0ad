// Who changed what of the shop, and when: settings, synonyms, rules, catalogues, keys; as folded state,
// because every such change is an event on the log (kSettings, kCatalogSwap).
//
// Of what a change bears only a line for people is kept, never the whole: what a rule or a version of the
// settings says is asked of them. Keys are no folded state, so that of them a note stands on the log that
// changes nothing but this list (key_event()). Erasures of persons are not listed: nothing of them may stay.
//
// Threads: fold thread writes; newest() on any thread. Memory: at most kEntries lines of a few hundred bytes.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "feature/moment.h"
#include "fold/fold.h"

namespace freshet {

struct AuditEntry {
  Offset offset = 0;   // On the log.
  TimeMs time_ms = 0;  // The server's clock when it was done.
  std::string by;      // Name of the key; empty: the server asks for none.
  std::string action;  // "publish", "documents-put", "catalogue-swap", "key-create": the event's own word.
  std::string what;    // "version 3", "rules: summer-sale"; at most kWhatBytes
};

class Audit final : public Fold {
 public:
  static constexpr size_t kEntries = 1000;   // The newest stay.
  static constexpr size_t kWhatBytes = 200;  // Longer ones are cut between characters.

  explicit Audit(const Moment& moment) : moment_(moment) {}

  std::string_view name() const override { return "audit"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override;

  // Newest first, at most `count`, of offsets below `below`.
  std::vector<AuditEntry> newest(size_t count, Offset below = UINT64_MAX) const;

 private:
  const Moment& moment_;
  mutable std::mutex mutex_;  // Held for a copy of a few lines; changes are as rare as administrators' work.
  std::deque<AuditEntry> entries_;  // Oldest first.
};

// A note that a key was made, changed or removed: `action` is "key-create", "key-change" or "key-remove".
Event key_event(std::string_view action, std::string_view key_name, std::string_view by);

}  // namespace freshet
