#include "text/analyzer.h"

#include <algorithm>
#include <span>
#include <utility>

#include "text/internal/compose.h"
#include "text/internal/segment.h"
#include "text/normalize.h"

namespace freshet {
namespace {

constexpr size_t kStemLanguages = 4;  // of a query's words, besides its own

void run(const AnalyzerConfig& config, std::string_view text, Language language, bool query, bool slowly,
         std::vector<Token>& out) {
  thread_local std::vector<Piece> pieces;
  const Language shop = config.languages.empty() ? Language::kNone : config.languages.front();
  ComposeOptions options;
  options.language = language;
  if (language == Language::kAuto) {
    // One language and plain letters: nothing to find out.
    options.language =
        config.languages.size() <= 1 && is_ascii(text) ? shop : detect_language(text, config.languages, shop);
  }
  if (query && options.language != shop && language != Language::kNone) options.also = shop;
  // So few words do not say which of the shop's languages they are in, and items may be in any.
  if (query && language != Language::kNone)
    options.shop = std::span(config.languages).first(std::min(config.languages.size(), kStemLanguages));
  options.transliterate = config.transliterate;
  options.cached = !slowly;
  options.heads = options.language != Language::kNone;
  // A short title seldom says its language: in a shop with such a language it may be a compound of that one.
  options.backward = !query && options.heads &&
                     (writes_compounds(options.language) ||
                      std::any_of(config.languages.begin(), config.languages.end(), writes_compounds));
  options.tokens_max = config.tokens_max;
  options.term_bytes_max = config.term_bytes_max;
  segment(text, config.text_bytes_max, config.tokens_max, slowly, pieces);
  compose(text, pieces, options, out);
}

}  // namespace

Analyzer::Analyzer(AnalyzerConfig config) : config_(std::move(config)) {}

void Analyzer::analyze(std::string_view text, Language language, bool query, std::vector<Token>& out) const {
  run(config_, text, language, query, false, out);
}

void Analyzer::analyze_slowly(std::string_view text, Language language, bool query,
                              std::vector<Token>& out) const {
  run(config_, text, language, query, true, out);
}

std::string Analyzer::backward(std::string_view stem) {
  return backward_term(stem);
}

std::string Analyzer::fold(std::string_view word) const {
  return fold_text(word);
}

}  // namespace freshet
