// What `freshet top` shows of a server: two answers of /api/v1/status, and what happened between them.
#pragma once

#include <string>

#include "json/json.h"

namespace freshet {

// A page for a terminal. `before`: the answer `seconds` earlier; null at first, then rates are left out.
std::string top_page(const Json& now, const Json& before, double seconds, const std::string& url);

}  // namespace freshet
