// The tracking doors: events as web shops' tag managers and server libraries already send them, by the
// Segment HTTP tracking spec below /v1/ and as GA4 Measurement Protocol bodies at /mp/collect.
// docs/tracking.md says for people which of their events mean what.
//
// Translates and decides nothing, as its siblings. Threads: as Mount.
#pragma once

#include <memory>

#include "http/mount.h"

namespace freshet {

std::unique_ptr<Mount> make_tracking_doors(const MountParts& parts);

}  // namespace freshet
