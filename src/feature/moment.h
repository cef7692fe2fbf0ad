// What the folds of one event tell each other. Entry (first in the list) fills it anew for every event;
// Catalog adds the item's slot; everyone after reads it. Fold thread only.
#pragma once

#include "feature/sequence.h"

namespace freshet {

struct Moment {
  bool skip = true;          // A duplicate, or what erasure left: nothing happens.
  uint64_t key = 0;          // Hash of source and event id.
  TimeMs time_ms = 0;        // When the event happened.
  TimeMs now_ms = 0;         // The newest event time so far: it never goes back.
  ItemSlot item = kNoItem;   // Of the item that the event names.
  bool first_sight = false;  // Nobody knew that item before this event.
};

}  // namespace freshet
