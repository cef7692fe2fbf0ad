// An event as one line of JSON, as the doors take it (docs/events.md): all of it but when it was received.
// What only our own export may say (catalogues, what administrators did) is taken by `freshet import`. Fast:
// about 0.3 us for a view.
#pragma once

#include <string>

#include "event/event.h"

namespace freshet {

// Appends the object without a line end. Absent fields are left out.
void append_event_json(const Event& event, std::string& out);
// An item-upsert as a catalogue document: {"id": ..., attributes}.
void append_item_json(const Event& upsert, std::string& out);

}  // namespace freshet
