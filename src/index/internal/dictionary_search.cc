#include "index/internal/dictionary.h"

namespace freshet::index {

struct Dictionary::Sorted {};

void Dictionary::free_sorted() {
  delete sorted_.load(std::memory_order_relaxed);
}

void Dictionary::prefix(std::string_view prefix, uint32_t limit, std::vector<TermInfo>& out) const {
  prefix_slowly(prefix, limit, out);
}
void Dictionary::fuzzy(std::string_view term, uint32_t edits, uint32_t limit,
                       std::vector<TermInfo>& out) const {
  fuzzy_slowly(term, edits, limit, out);
}
void Dictionary::fuzzy_prefix(std::string_view prefix, uint32_t edits, uint32_t limit,
                              std::vector<TermInfo>& out) const {
  fuzzy_prefix_slowly(prefix, edits, limit, out);
}
bool Dictionary::wants_refresh(bool) const {
  return false;
}
void Dictionary::refresh() {}
size_t Dictionary::enumeration_bytes() const {
  return 0;
}

}  // namespace freshet::index
