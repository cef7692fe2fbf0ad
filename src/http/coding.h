// Content codings: gzip out, when the client takes it. (Bodies that come in are ingest/compression.h's.)
#pragma once

#include "http/message.h"

namespace freshet {

// True when accept-encoding names gzip (or *) without q=0 (RFC 9110, section 12.5.3).
bool accepts_gzip(const Request& request);
// Compresses the body in place when it is large, not yet coded, and the client accepts it.
void compress(const Request& request, Response& response);

}  // namespace freshet
