// What is bought together: decayed counts of pairs within one order, read as cosines.
//
// learn() costs the lines of the order so far, at most kLines rows there and back; nothing outside orders.
#pragma once

#include <memory>

#include "recommend/source.h"

namespace freshet {

std::unique_ptr<Source> make_together(size_t bytes_max);

}  // namespace freshet
