// Which items may be shown: a condition over the attributes of items, written as text.
//
//   category:"Shoes > Running" AND price < 100 AND NOT brand:Acme
//   color IN (red, "dark blue") OR rating >= 4.5
//   available = true
//
// Names: id, price, available, category, brand, created (milliseconds since 1970), or any attribute of the
// catalogue. name:value and name = value mean the same: a number compares as a number, a list attribute
// matches when one of its values does, category also matches every category above the item's own. Text
// compares exactly. != is NOT =. An absent attribute fails every comparison (so NOT brand:Acme keeps an item
// without a brand). Precedence: NOT, AND, OR; parentheses group. Limits: 4096 bytes, 100 conditions, 20
// levels deep.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "feature/catalog.h"

namespace freshet {

class Filter {
 public:
  // kInvalid: names the position (byte, from 0) and what was expected there. Empty text: everything passes.
  static Result<Filter> parse(std::string_view text);

  bool passes(const ItemRecord& item, const Catalog& catalog) const;
  bool empty() const { return root_ == nullptr; }

  struct Node;  // In filter.cc

 private:
  std::shared_ptr<const Node> root_;
};

}  // namespace freshet
