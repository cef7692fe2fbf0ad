// The tree of a filter, as the parser makes it and the two evaluations read it.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "column/filter.h"

namespace freshet {

struct Filter::Node {
  enum class Kind : uint8_t { kAnd, kOr, kNot, kOneOf, kRange, kExists, kRadius, kBox };
  Kind kind = Kind::kOneOf;
  std::vector<std::shared_ptr<const Node>> children;
  std::string name;
  std::vector<std::string> texts;  // kOneOf
  std::vector<double> numbers;     // kOneOf: beside texts; NaN where a text is no number
  double low = -std::numeric_limits<double>::infinity();  // kRange: both included
  double high = std::numeric_limits<double>::infinity();
  double place[4] = {};  // kRadius: latitude, longitude, metres; kBox: south, west, north, east
};

bool passes_node(const Filter::Node& node, const ItemRecord& item, const Catalog& catalog,
                 const std::vector<std::string>& geo);
bool place_matches(const Filter::Node& node, double latitude, double longitude);
double filter_number(std::string_view text);  // kNoNumber: it is none

}  // namespace freshet
