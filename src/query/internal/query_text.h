// The syntax of a query: quoted phrases, excluded words, and the plain rest.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace freshet {

struct QueryPart {
  enum class Kind : uint8_t { kPlain, kPhrase, kExcluded, kExcludedPhrase };
  Kind kind = Kind::kPlain;
  uint32_t begin = 0, end = 0;  // Bytes of the text, without quotes and minus.
};

// A quote opens a phrase at the start of a word when a closing one follows (else it is an inch mark or
// noise); a minus excludes when it begins a word and a letter or quote follows. A text with nothing but
// exclusions is read as plain: there would be nothing to find.
std::vector<QueryPart> split_query(std::string_view text);

}  // namespace freshet
