// Sort, group, page.
#include <algorithm>

#include "search/internal/context.h"

namespace freshet::search_internal {

Status arrange(Context& c) {
  c.answer.found = c.matched.size();
  const size_t from = std::min<size_t>(c.request.from, c.pool.size());
  const size_t end = std::min<size_t>(from + c.request.count, c.pool.size());
  c.pool.erase(c.pool.begin() + static_cast<std::ptrdiff_t>(end), c.pool.end());
  c.pool.erase(c.pool.begin(), c.pool.begin() + static_cast<std::ptrdiff_t>(from));
  return {};
}

}  // namespace freshet::search_internal
