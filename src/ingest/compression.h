// Compressed bodies, bounded: what a few bytes can grow to is the caller's limit, not the sender's choice.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet {

// Decompresses a whole gzip body (RFC 1952; several members are one text) for `Content-Encoding: gzip`.
// kInvalid: not gzip, damaged or cut short. kExhausted: more than bytes_max when decompressed.
Result<std::string> gunzip(std::string_view body, size_t bytes_max);

// For tests and for answers.
std::string gzip(std::string_view text, int level = 6);
std::string zstd(std::string_view text, int level = 3);

}  // namespace freshet
