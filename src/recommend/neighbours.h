// Where sessions like this one went: nearest sessions by shared items, the newer the item and the session the
// more it counts (Ludewig, Jannach 2018, V-SKNN; Garg et al. 2019, STAN; Kersbergen et al. 2022, VMIS-kNN).
//
// learn() writes one item into a ring of sessions and one number into the item's ring of sessions: about 0.1
// us, whatever was learned before. The work is done by the request: collect() costs about 30 to 80 us.
#pragma once

#include <memory>

#include "recommend/source.h"

namespace freshet {

std::unique_ptr<Source> make_neighbours(size_t bytes_max);

}  // namespace freshet
