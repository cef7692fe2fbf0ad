// Whose versions are in a folder that `freshet learn --models` fills and `freshet models` works on
// (publish/version_store.h).
#pragma once

#include <string>

#include "publish/version_store.h"

namespace freshet {

bool is_servers(const VersionInfo& info);  // A version of a server's ranker.

// May versions of this learner go there? kInvalid, naming the folder, what is in it and what was expected: it
// holds those of another learner, or of a server. A folder that is not there or empty takes any; damaged
// versions say nothing.
Status check_versions_of(const std::string& folder, const std::string& learner);

}  // namespace freshet
