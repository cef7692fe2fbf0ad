// Snowball stems (Porter 2001; libstemmer) behind a cache by word: catalogues repeat their words.
//
// Not for several threads at once: each thread has its own (thread_stemmer). Deterministic: the cache only
// saves time. Cost: 40 ns a word seen before, 0.5 us else; the cache holds at most 32,768 words.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "text/language.h"

struct sb_stemmer;

namespace freshet {

class Stemmer {
 public:
  Stemmer();
  ~Stemmer();
  Stemmer(const Stemmer&) = delete;
  Stemmer& operator=(const Stemmer&) = delete;

  // The stem of `word` (lower case, diacritics kept: the algorithms use them). The word itself when the
  // language has none, or it is shorter than three letters or has a digit. Valid until the next call.
  std::string_view stem(Language language, std::string_view word);
  std::string_view stem_slowly(Language language, std::string_view word);  // Without the cache.

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Cache = std::unordered_map<std::string, std::string, Hash, std::equal_to<>>;
  struct Free {
    void operator()(sb_stemmer* stemmer) const;
  };

  std::array<std::unique_ptr<sb_stemmer, Free>, kLanguages> stemmers_;
  std::array<Cache, kLanguages> caches_;
  std::string last_;
};

// The calling thread's own.
Stemmer& thread_stemmer();

}  // namespace freshet
