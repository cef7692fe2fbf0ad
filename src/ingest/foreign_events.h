// Events as other programs write them, brought to this program's own JSON (docs/events.md), so that every
// door can take them and what is refused is kept as something that can be mended and sent again:
//
//   kSegment   the HTTP tracking spec with its e-commerce events (track, identify, alias; page and group say
//              nothing a shop's log has a word for)
//   kGa4       Measurement Protocol bodies, or rows of the BigQuery export
//   kRetail    user events of Google's retail API, alone or in the body of an import; its products too
//   kUbi       User Behavior Insights: queries and events
//   kMetarank  item, user, ranking and interaction events
//
// docs/tracking.md has the tables. Values; threads: any. Cost: a pass over the value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "json/json.h"

namespace freshet {

enum class EventDialect : uint8_t { kSegment, kGa4, kRetail, kUbi, kMetarank };

// Adds to `lines` what `event` says, an object a line; returns how many. 0: nothing the log has a word for.
// What lacks something becomes a line that lacks it: the door says what, and keeps it.
size_t translate_event(EventDialect dialect, const Json& event, std::string& lines);

// Which dialect an object is of, by the names of its members; nullopt: none, so it is our own or nobody's.
std::optional<EventDialect> guess_dialect(const Json& event);

}  // namespace freshet
