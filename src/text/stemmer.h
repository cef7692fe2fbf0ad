// Snowball stems (Porter 2001; libstemmer) behind a cache by word: catalogues repeat their words.
//
// Not for several threads at once: each thread has its own (thread_stemmer). Deterministic: the cache only
// saves time. Cost: 20 ns a word seen lately, 0.5 us else; the cache has room for 32,768 words of a language,
// each in one place: a newer word takes it from an older one.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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
  struct Known {
    std::string word, stem;
  };
  struct Free {
    void operator()(sb_stemmer* stemmer) const;
  };

  std::array<std::unique_ptr<sb_stemmer, Free>, kLanguages> stemmers_;
  std::array<std::vector<Known>, kLanguages> caches_;  // by hash of the word; empty until asked for
  std::string last_;
};

// The calling thread's own.
Stemmer& thread_stemmer();

}  // namespace freshet
