// The sequence model as a source: what comes next after this whole sequence, by vectors learned online
// (model/sequence_model.h has the mathematics).
//
// learn() costs about 10 us, publishing included; collect() encodes the sequence and scans the vectors of all
// items.
#pragma once

#include <memory>

#include "recommend/source.h"

namespace freshet {

std::unique_ptr<Source> make_taste(const ItemFacts& facts, uint64_t seed, size_t bytes_max);

}  // namespace freshet
