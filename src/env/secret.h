// Random secrets and their digests (OpenSSL's libcrypto).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet {

std::string random_hex(size_t bytes);  // From the system's generator; 2 characters a byte.
std::string sha256_hex(std::string_view text);

// HMAC-SHA256 (RFC 2104) in two halves: what the two hashes have become after the key's own blocks (64
// bytes), and the code of a message from that. Who has the first half can make and check codes, but does not
// have the key.
std::string hmac_state(std::string_view key);
std::string hmac_sha256_hex(std::string_view state, std::string_view message);
// Takes the same time wherever the first difference is.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace freshet
