// The storefront dialect: the REST interface that the shops' existing search and event libraries speak
// (multi-index queries, record batches, settings, click events, recommendations), answered from the native
// API. docs/storefront.md says for people what of it there is, and how a shop points its libraries here.
//
// This room translates and decides nothing: whatever can be asked here can be asked at /api/v1 too. Works
// with the Algolia API clients; not affiliated with or endorsed by Algolia. Their names stand here only where
// the wire has them.
//
// Threads: as Mount. Cost of a request over the native one: docs/benchmarks.md.
#pragma once

#include <memory>

#include "http/mount.h"

namespace freshet {

// Serves everything below /1/ (and nothing else).
std::unique_ptr<Mount> make_storefront_dialect(const MountParts& parts);

}  // namespace freshet
