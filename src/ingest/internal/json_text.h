// JSON as text, before it is parsed: where one value ends and the next begins, and where a broken one is
// broken. A body is cut into its objects first, each is parsed alone, so that one bad object among a thousand
// costs only itself and memory stays that of one object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/body_kind.h"

namespace freshet {

struct JsonPiece {
  std::string_view text;  // One object, or whatever stands in its place.
  uint64_t line = 0;      // From 1; 0: not line based.
};

struct JsonFault {
  size_t at = 0;         // Byte, from 0.
  std::string expected;  // "',' or ']'"
};

// Cuts `body` into pieces: one object, the elements of an array, the elements of the array under `list_name`
// in an object that is nothing else ({"events": [...]}), or one a line. False: it is none of these.
bool split_body(std::string_view body, BodyKind kind, std::string_view list_name,
                std::vector<JsonPiece>& pieces, JsonFault& fault);

// The first place where `json` stops being one JSON value (RFC 8259). False: it is one.
bool find_fault(std::string_view json, JsonFault& fault);

// "line 3, column 17"
std::string place_in(std::string_view text, size_t at);

}  // namespace freshet
