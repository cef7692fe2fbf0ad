// Settings of an index, as far as they are the catalogue's search settings here.
#pragma once

#include "dialect/internal/params.h"
#include "settings/search_settings.h"

namespace freshet::dialect_internal {

// What `given` says, over `current`; null and [] bring a default back. Names that are no search setting of
// ours change nothing: they are stored and echoed, and some hold for each query (query.cc).
// kInvalid: names the setting and what was expected.
Result<SearchSettings> apply_settings(const Json& given, const SearchSettings& current);

// "unordered(name)", "filterOnly(brand)" -> the name, and the word before it (empty: none).
std::string without_modifier(std::string_view text, std::string* modifier = nullptr);

}  // namespace freshet::dialect_internal
