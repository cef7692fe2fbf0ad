// What the shopper had before: repeats within a session, returns to earlier items, buying again.
//
// The probability of a return is counted, not modelled: hits over chances by how many items ago it was, how
// often, and how long ago. Everything about the shopper comes with the context; state is two small tables and
// a rate of returns for each item. learn() costs the shopper's distinct recent items: about 0.1 us in
// sessions.
#pragma once

#include <memory>

#include "recommend/source.h"

namespace freshet {

std::unique_ptr<Source> make_history();

}  // namespace freshet
