// What an erasure has to know before anything of it is gone: the marker that outlives a crash
// (docs/formats/erasures.md), and who is one with whom by the log.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "log/event_log.h"

namespace freshet {

using Ids = std::set<std::string>;

std::string write_erasure(const Ids& ids);
// kCorrupt: not a marker, or of a later version.
Result<Ids> read_erasure(const std::string& id, std::string_view marker);

// The links of the whole log that were not taken back, as profiles hold them (feature/profiles.h), but
// without their bounds: the log knows of identities that had to make room.
class IdentityLinks {
 public:
  static Result<IdentityLinks> read(EventLog& log);
  // These and all that are one with any of them.
  Result<Ids> with(const Ids& ids) const;

 private:
  struct Link {
    uint64_t to = 0;  // Hash of the id.
    Offset at = 0;    // Where the ids can be read.
  };
  explicit IdentityLinks(EventLog& log) : log_(&log) {}
  void apply(Offset at, const Event& event);
  uint64_t root(uint64_t id) const;

  EventLog* log_;
  std::unordered_map<uint64_t, Link> links_;  // By hash of the id that was linked.
};

}  // namespace freshet
