// Vectors that a shop supplies itself: the attribute `_vector` of an item (and `vector` of a search).
//
//   "_vector": [0.12, -0.5, ...]      or text of numbers separated by commas or spaces, in brackets or not
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event.h"

namespace freshet {

constexpr std::string_view kVectorAttribute = "_vector";
constexpr uint32_t kVectorDimMax = 4096;

// `field` names the value in errors. dim 0: any from 1 to kVectorDimMax. kInvalid: not numbers, not finite,
// all zero, or of another dimension; says at which element, what stands there and what was expected.
Result<std::vector<float>> parse_vector(const Value& value, std::string_view field, uint32_t dim = 0);
Status check_vector(std::span<const float> vector, std::string_view field, uint32_t dim = 0);

}  // namespace freshet
