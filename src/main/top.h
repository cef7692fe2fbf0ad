// What `freshet top` shows of a server: two answers of /api/v1/status, and what happened between them; which
// versions of its models are live.
#pragma once

#include <string>

#include "json/json.h"

namespace freshet {

// A page for a terminal. `before`: the answer `seconds` earlier; null at first, then rates are left out.
std::string top_page(const Json& now, const Json& before, double seconds, const std::string& url);

// What goes below it: an answer of /api/v1/models, with the newest note of each. Empty: there are none.
std::string top_models(const Json& models);

}  // namespace freshet
