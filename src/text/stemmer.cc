#include "text/stemmer.h"

#include <algorithm>

#include <libstemmer.h>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr size_t kCachePlaces = 32'768;  // A power of two.
constexpr size_t kShortest = 3;
constexpr size_t kLongest = 64;

const char* algorithm(Language language) {
  switch (language) {
    case Language::kEnglish:
      return "english";
    case Language::kGerman:
      return "german";
    case Language::kDutch:
      return "dutch";
    case Language::kSwedish:
      return "swedish";
    case Language::kNorwegian:
      return "norwegian";
    case Language::kDanish:
      return "danish";
    case Language::kFinnish:
      return "finnish";
    case Language::kFrench:
      return "french";
    case Language::kSpanish:
      return "spanish";
    case Language::kItalian:
      return "italian";
    case Language::kPortuguese:
      return "portuguese";
    case Language::kRomanian:
      return "romanian";
    case Language::kHungarian:
      return "hungarian";
    case Language::kTurkish:
      return "turkish";
    case Language::kRussian:
      return "russian";
    case Language::kGreek:
      return "greek";
    case Language::kArabic:
      return "arabic";
    default:
      return nullptr;
  }
}

}  // namespace

void Stemmer::Free::operator()(sb_stemmer* stemmer) const {
  sb_stemmer_delete(stemmer);
}

Stemmer::Stemmer() = default;
Stemmer::~Stemmer() = default;

std::string_view Stemmer::stem_slowly(Language language, std::string_view word) {
  if (word.size() < kShortest || word.size() > kLongest) return word;
  if (std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; })) return word;
  auto& stemmer = stemmers_[static_cast<size_t>(language)];
  if (stemmer == nullptr) {
    const char* const name = algorithm(language);
    if (name == nullptr) return word;
    stemmer.reset(sb_stemmer_new(name, "UTF_8"));
    if (stemmer == nullptr) return word;  // Built without this language.
  }
  const sb_symbol* out = sb_stemmer_stem(stemmer.get(), reinterpret_cast<const sb_symbol*>(word.data()),
                                         static_cast<int>(word.size()));
  if (out == nullptr) return word;
  last_.assign(reinterpret_cast<const char*>(out), static_cast<size_t>(sb_stemmer_length(stemmer.get())));
  return last_.empty() ? word : std::string_view(last_);
}

std::string_view Stemmer::stem(Language language, std::string_view word) {
  if (word.size() < kShortest || algorithm(language) == nullptr) return word;
  std::vector<Known>& cache = caches_[static_cast<size_t>(language)];
  if (cache.empty()) cache.resize(kCachePlaces);
  Known& known = cache[hash_bytes(word) % kCachePlaces];
  if (known.word != word) {
    known.stem = stem_slowly(language, word);
    known.word = word;
  }
  return known.stem;
}

Stemmer& thread_stemmer() {
  thread_local Stemmer stemmer;
  return stemmer;
}

}  // namespace freshet
