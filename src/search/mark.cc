// What of an item's texts the query found: whole fields with tags, and snippets of long ones.
#include <algorithm>

#include "search/internal/context.h"

namespace freshet::search_internal {
namespace {

// The values of one field and how they are to be read.
struct Texts {
  std::vector<std::string_view> values;
  bool list = false;
};

// A field of the index by its role ("title" may be the attribute "name"), else an attribute of that name.
Texts texts_of(const SearchContext& c, const ItemRecord& item, const std::string& name) {
  Texts out;
  const Value* value = item.attribute(name);
  if (value == nullptr) {
    const int field = name == "*" ? -1 : c.generation.fields.find(name);
    std::vector<DocumentText> all;
    if (field >= 0) c.generation.fields.texts(item, all);
    for (const DocumentText& one : all)
      if (one.field == static_cast<uint32_t>(field)) out.values.push_back(one.text);
    out.list = out.values.size() > 1;
    return out;
  }
  if (const auto* one = std::get_if<std::string>(value)) out.values = {*one};
  if (const auto* several = std::get_if<std::vector<std::string>>(value)) {
    out.list = true;
    out.values.assign(several->begin(), several->end());
  }
  return out;
}

Language language_of(const SearchContext& c, const std::string& name) {
  int field = c.generation.fields.find(name);
  if (field < 0) field = c.generation.fields.find("*");
  return field < 0 ? Language::kAuto : c.generation.fields.language(static_cast<uint32_t>(field));
}

void put_field(const SearchContext& c, const ItemRecord& item, const std::string& name, bool shortened,
               const HighlightOptions& options, std::vector<Marked>& out) {
  const Texts texts = texts_of(c, item, name);
  const Language language = language_of(c, name);
  thread_local std::vector<Token> tokens;
  for (const std::string_view text : texts.values) {
    c.generation.analyzer.analyze(text, language, false, tokens);
    Highlighted marked =
        shortened ? snippet(text, tokens, c.sought, options) : highlight(text, tokens, c.sought, options);
    out.push_back({name, texts.list, std::move(marked.text), marked.level, std::move(marked.matched_words)});
  }
}

void put_fields(const SearchContext& c, const ItemRecord& item, const std::vector<std::string>& names,
                bool shortened, const HighlightOptions& options, std::vector<Marked>& out) {
  std::vector<std::string_view> done;
  const auto put = [&](const std::string& name) {
    if (std::find(done.begin(), done.end(), name) != done.end()) return;
    done.push_back(name);
    put_field(c, item, name, shortened, options, out);
  };
  for (const std::string& name : names) {
    if (name != "*") {
      put(name);
      continue;
    }
    for (const Attribute& attribute : item.attributes) put(attribute.name);
  }
}

}  // namespace

std::vector<SoughtWord> sought_words(std::string_view text, const ParsedQuery& query) {
  std::vector<SoughtWord> out;
  for (const QueryWord& word : query.words) {
    if (word.stop_word && !word.phrase) continue;  // Has no clause.
    if (word.excluded || word.clause >= query.plan.clauses.size()) continue;
    const Clause& clause = query.plan.clauses[word.clause];
    if (clause.excluded) continue;
    const size_t begin = std::min<size_t>(word.begin, text.size());
    SoughtWord sought;
    sought.word = text.substr(begin, std::max<size_t>(word.end, begin) - begin);
    for (const Alternative& alternative : clause.alternatives) {
      // Of a completion only what was typed is marked.
      const bool completes = alternative.kind == MatchKind::kPrefix && alternative.terms.size() == 1 &&
                             alternative.terms[0].starts_with(word.text);
      if (completes) {
        sought.prefix = word.text;
      } else {
        sought.terms.push_back(alternative.terms);
      }
    }
    out.push_back(std::move(sought));
  }
  return out;
}

HighlightOptions highlight_options(const SearchContext& c) {
  const HighlightDefaults& defaults = c.settings.highlight;
  HighlightOptions options;
  options.pre_tag = c.request.highlight_before.value_or(defaults.before);
  options.post_tag = c.request.highlight_after.value_or(defaults.after);
  options.escape_html = c.request.escape_html.value_or(defaults.escape_html);
  options.snippet_words = c.request.snippet_words != 0 ? c.request.snippet_words : defaults.snippet_words;
  return options;
}

void append_html(char c, std::string& out) {
  constexpr std::pair<char, std::string_view> kEntities[] = {
      {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
  for (const auto& [plain, entity] : kEntities)
    if (c == plain) {
      out += entity;
      return;
    }
  out.push_back(c);
}

void put_marks(const SearchContext& c, const ItemRecord& item, SearchHit& hit) {
  // Without words there is nothing to mark: only what was asked for is given.
  const HighlightDefaults& defaults = c.settings.highlight;
  const std::vector<std::string> none;
  const auto wanted = [&](const std::optional<std::vector<std::string>>& asked,
                          const std::vector<std::string>& otherwise) -> const std::vector<std::string>& {
    return asked ? *asked : c.words ? otherwise : none;
  };
  const HighlightOptions options = highlight_options(c);
  put_fields(c, item, wanted(c.request.highlight, defaults.fields), false, options, hit.highlights);
  put_fields(c, item, wanted(c.request.snippets, defaults.snippets), true, options, hit.snippets);
}

}  // namespace freshet::search_internal
