#include "search/internal/spelling.h"

#include <algorithm>

namespace freshet::search_internal {
namespace {

std::string_view text_of(const ItemRecord& item, const std::vector<std::string>& attributes) {
  for (const std::string& name : attributes)
    if (const Value* value = item.attribute(name); value != nullptr)
      if (const auto* text = std::get_if<std::string>(value)) return *text;
  return {};
}

// The query without its excluded words.
std::string wanted_text(const SearchContext& c) {
  std::string text = c.request.query;
  for (const QueryWord& word : c.query.words)
    if (word.excluded)
      for (size_t i = word.begin; i < std::min<size_t>(word.end, text.size()); ++i) text[i] = ' ';
  return text;
}

}  // namespace

double spelling_scale(const SearchContext& c) {
  return Closeness::kMost * c.lexical_scale * c.best_lexical;
}

Spelling::Spelling(const SearchContext& c)
    : c_(c),
      query_(wanted_text(c)),
      scale_(c.lexical_scale * c.best_lexical),
      wanted_(c.words && c.generation.fields.find("title") >= 0 && !query_.empty()),
      brands_(c.generation.fields.find("brand") >= 0) {
  if (wanted_) most_ = in_steps(scale_ * query_.most().value());
}

double Spelling::part(Candidate& candidate, const ItemRecord* item) {
  if (!wanted_ || item == nullptr || candidate.lexical == 0) return 0;
  std::string_view text = item->title;
  const std::string_view brand = brands_ ? text_of(*item, c_.catalog.config().brand) : std::string_view();
  if (!brand.empty()) {
    both_.assign(brand).append(" , ").append(text);
    text = both_;
  }
  candidate.wording = query_.parts(text);
  return in_steps(scale_ * candidate.wording.value());
}

}  // namespace freshet::search_internal
