// What a key binds its requests to: a URL-encoded text of restrictions, of the key itself and of a key
// derived from it.
//
//   restrictIndices   names, with "*" for any letters; others are refused
//   validUntil        seconds since 1970; restrictSources: addresses (whole, no ranges)
//   filters           held besides the request's own
//   maxHitsPerQuery   no more hits than these
//   acl               what the key is for, as its maker said: for showing
//   anything else     a parameter of the query, instead of what the request says
//
// The gate puts it into a header that no client can send. Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "dialect/internal/params.h"
#include "http/message.h"

namespace freshet::dialect_internal {

constexpr std::string_view kBoundHeader = "\nbound";  // No name of HTTP's.

// base64(hex(HMAC-SHA256(parent key, restrictions)) + restrictions), as clients make it on their own.
struct DerivedKey {
  std::string mac, restrictions;
};
bool read_derived_key(std::string_view key, DerivedKey& out);

// Has its time passed, or does it come from elsewhere? Empty: neither.
std::string not_now(std::string_view restrictions, std::string_view remote, TimeMs wall_ms);

// Binds one query of `request` to its key. `params` has "indexName". kNotFound: an index the key may not use.
Status bind_query(const Request& request, Params& params);
// The same of a recommendation: its queryParameters and fallbackParameters.
Status bind_recommendation(const Request& request, Params& params);
bool is_bound_by_filters(const Request& request);
bool index_allowed(const Request& request, std::string_view index);

}  // namespace freshet::dialect_internal
