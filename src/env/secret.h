// Random secrets and their digests (OpenSSL's libcrypto).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet {

std::string random_hex(size_t bytes);  // From the system's generator; 2 characters a byte.
std::string sha256_hex(std::string_view text);
// Takes the same time wherever the first difference is.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace freshet
