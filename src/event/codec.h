// Event <-> bytes, as they stand in the log. Format: docs/formats/event.md (version 1).
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "event/event.h"

namespace freshet {

// Appends the record of `event`: no length prefix, the container has it. Cost: one pass, no allocation but
// the writer's.
void encode_event(const Event& event, Writer& out);

// Decodes one whole record into `event` (reusing its capacity). kCorrupt: unknown type or field, short or
// long bytes.
Status decode_event(std::string_view record, Event& event);

// A list of attributes as it stands inside a record; snapshot sections use the same bytes. false: malformed.
void encode_attributes(const std::vector<Attribute>& attributes, Writer& out);
bool decode_attributes(Reader& in, std::vector<Attribute>& attributes);

}  // namespace freshet
