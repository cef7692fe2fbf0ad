// How close the wording of a title (and brand) comes to that of the query: closeness.h has the measure.
//
//   part = best score by words . closeness of the title
//
// Chosen, with what did not help, in docs/decisions/0085-closeness-of-wording.md. Cost: 0.3 us for each of
// the kSpelled best.
#include <algorithm>

#include "search/internal/closeness.h"
#include "search/internal/context.h"

namespace freshet::search_internal {
namespace {

constexpr size_t kSpelled = 256;

std::string_view text_of(const ItemRecord& item, const std::vector<std::string>& attributes) {
  for (const std::string& name : attributes)
    if (const Value* value = item.attribute(name); value != nullptr)
      if (const auto* text = std::get_if<std::string>(value)) return *text;
  return {};
}

// The query without its excluded words.
std::string wanted_text(const Context& c) {
  std::string text = c.request.query;
  for (const QueryWord& word : c.query.words)
    if (word.excluded)
      for (size_t i = word.begin; i < std::min<size_t>(word.end, text.size()); ++i) text[i] = ' ';
  return text;
}

}  // namespace

double spelling_scale(const Context& c) {
  return Closeness::kMost * c.lexical_scale * c.best_lexical;
}

void spell(Context& c) {
  if (!c.words || c.generation.fields.find("title") < 0) return;
  const Closeness query(wanted_text(c));
  if (query.empty()) return;
  const double scale = c.lexical_scale * c.best_lexical;
  const bool brands = c.generation.fields.find("brand") >= 0;
  std::string both;
  for (size_t i = 0; i < std::min(kSpelled, c.pool.size()); ++i) {
    const ItemRecord* item = c.catalog.item(c.pool[i].slot);
    if (item == nullptr || c.pool[i].lexical == 0) continue;
    std::string_view text = item->title;
    if (const std::string_view brand = brands ? text_of(*item, c.catalog.config().brand) : "";
        !brand.empty()) {
      both.assign(brand).append(" , ").append(text);
      text = both;
    }
    c.pool[i].spelling = in_steps(scale * query.parts(text).value());
  }
}

}  // namespace freshet::search_internal
