// Search settings in a file, for the commands that play with others than a server's.
#pragma once

#include <string>

#include "base/result.h"

namespace freshet {

// The JSON (docs/search.md), checked; "" for the path "": the defaults. A pipe is read as well. Errors begin
// with the path. kInvalid: no such settings, or more than SettingsLimits::kJsonBytes.
Result<std::string> read_settings_file(const std::string& path);

}  // namespace freshet
