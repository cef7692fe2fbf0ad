// state(n + 1) = apply(state(n), event n).
//
// Deterministic: no clock, no random generator, no I/O, no map iteration order in any result; time is the
// event's. Two folds of the same log give the same bytes from save(), whatever the batch sizes and wherever
// they were stopped. Threads: apply, save and load on the fold thread only. What a fold shows to requests is
// its own affair; it shows it through atomic words and pointers guarded by base/epoch.h.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "event/event.h"

namespace freshet {

class Fold {
 public:
  virtual ~Fold() = default;
  virtual std::string_view name() const = 0;              // A section of the snapshot bears this name.
  virtual void apply(Offset at, const Event& event) = 0;  // Offsets strictly increase.
  virtual void save(Writer& out) const = 0;               // load(save(s)) == s
  virtual Status load(Reader& in) = 0;                    // kCorrupt: not what save() of this version wrote.
  // kCorrupt: load() does not read sections of that version. Changes nothing; asked of all folds before any
  // is loaded, since some load into a fresh state only.
  virtual Status readable(Reader /*section*/) const { return {}; }
  virtual size_t bytes() const = 0;  // Memory held; asked on the fold thread too.
};

}  // namespace freshet
