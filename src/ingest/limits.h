// The limits of every door. What exceeds one is refused with an error that names it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace freshet {

struct IngestLimits {
  size_t body_bytes_max = 32 << 20;    // One request, decompressed.
  size_t batch_events_max = 100'000;   // Objects in one request.
  size_t line_bytes_max = 1 << 20;     // One line of a file or of a JSONL body.
  size_t event_bytes_max = 256 << 10;  // One event as JSON.
  size_t fields_max = 256;  // Names in one object, nested ones counted too; columns of a row: 4096.
  size_t columns_max = 4096;
  size_t attributes_max = 256;  // Attributes of one event, after flattening.
  size_t depth_max = 16;        // Nesting of one event.
  size_t id_bytes_max = 256;    // Any id: user, item, session, order, event, source, surface, ...
  size_t name_bytes_max = 128;  // Attribute name, after flattening.
  size_t query_bytes_max = 1024;
  size_t text_bytes_max = 64 << 10;  // Attribute text.
  size_t list_max = 1000;            // Items of an impression or order, values of an attribute list.
};

}  // namespace freshet
