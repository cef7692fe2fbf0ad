// Which items come after which: decayed sequential rules over several steps back (Kamehkhosh, Jannach,
// Ludewig 2017, weight 1 / gap), with the backward direction beside them, read as conditional shares and as
// cosines.
//
// learn() costs at most kWindow rows there and back: about 2 us. In a stream of orders one order counts as
// one step.
#pragma once

#include <memory>

#include "recommend/source.h"

namespace freshet {

std::unique_ptr<Source> make_covisitation(size_t bytes_max);

}  // namespace freshet
