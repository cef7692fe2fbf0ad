// The feedback dialect: items, users, feedback and recommendations below /api/item, /api/users,
// /api/recommend and so on, as the clients of the Gorse recommender speak it, answered from the engine.
// docs/feedback.md says for people what of it there is.
//
// Translates and decides nothing, as its sibling in dialect.h. Threads: as Mount.
#pragma once

#include <memory>

#include "http/mount.h"

namespace freshet {

std::unique_ptr<Mount> make_feedback_dialect(const MountParts& parts);

}  // namespace freshet
