// The made-up shop that search engines are compared on: products of 5 to 12 words, word frequencies by Zipf's
// law (exponent 1) over a vocabulary of 200,000, the same bytes on every machine. Queries take 1 to 3
// different words of one product, so frequent words are asked for as often as they stand there.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "base/hash.h"

namespace freshet::bench {

class Corpus {
 public:
  explicit Corpus(uint32_t vocabulary = 200'000) {
    words_.reserve(vocabulary);
    for (uint32_t rank = 0; rank < vocabulary; ++rank) words_.push_back(word(rank));
    double sum = 0;
    for (uint32_t rank = 0; rank < vocabulary; ++rank) cumulated_.push_back(sum += 1.0 / (rank + 1));
    for (double& c : cumulated_) c /= sum;
  }

  std::vector<uint32_t> product(uint64_t number) const {
    Draw draw(mix64(1, number));
    std::vector<uint32_t> out(5 + draw.below(8));
    for (uint32_t& rank : out)
      rank = static_cast<uint32_t>(std::lower_bound(cumulated_.begin(), cumulated_.end(), draw.uniform()) -
                                   cumulated_.begin());
    return out;
  }
  std::string text(uint64_t number) const {
    std::string out;
    for (const uint32_t rank : product(number)) out.append(out.empty() ? "" : " ").append(words_[rank]);
    return out;
  }
  // The n-th query of `terms` words over `products` products.
  std::vector<std::string> query(uint64_t n, uint32_t terms, uint64_t products) const {
    Draw draw(mix64(2, n, terms));
    while (true) {
      const auto words = product(draw.below(products));
      std::vector<std::string> out;
      for (uint64_t tries = 0; out.size() < terms && tries < 20; ++tries) {
        const std::string& w = words_[words[draw.below(words.size())]];
        if (std::find(out.begin(), out.end(), w) == out.end()) out.push_back(w);
      }
      if (out.size() == terms) return out;
    }
  }
  const std::vector<std::string>& words() const { return words_; }

 private:
  static uint64_t mix64(uint64_t a, uint64_t b, uint64_t c = 0) {
    return freshet::mix64(freshet::mix64(a, b), c);
  }
  // Different for different ranks: the rank in a scrambled order, written in syllables.
  static std::string word(uint32_t rank) {
    static const char* const kSyllables[] = {"ba",  "ce",  "di",  "fo",  "gu",  "ha",  "ke",  "li",
                                             "mo",  "nu",  "pa",  "re",  "si",  "to",  "vu",  "wa",
                                             "xe",  "zi",  "bro", "cla", "dre", "fli", "gro", "pla",
                                             "sta", "tre", "sho", "thi", "qua", "ran", "ton", "ler"};
    uint32_t x = (rank * 0x9e3779b1u) & 0x3ffff;
    x ^= x >> 9;
    std::string out;
    for (int i = 0; i < 4 && (i < 2 || x != 0); ++i, x >>= 5) out += kSyllables[x & 31];
    return out;
  }

  std::vector<std::string> words_;
  std::vector<double> cumulated_;
};

}  // namespace freshet::bench
