// What the search knew of an item when it was shown: written by the ranking step into the impression, read by
// the fold that learns from it. One object for both, so that they cannot disagree.
//
// In the impression's attribute "features": for each place kMatchFeatures numbers of two characters, each a
// number from 0 to 4095 in base 64 (A-Z a-z 0-9 - _), high part first: value = number / 1024. So features are
// from 0 to just below 4, in steps of 2^-10, and the ranking uses the rounded ones too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace freshet {

// Each against the best of its search, so that queries compare.
enum class MatchFeature : uint8_t {
  kScore,       // The whole score without what clicks taught: 1 = the best by words
  kLexical,     // Its parts: by words,
  kLetters,     // closeness of the wording (search/internal/closeness.h): letters,
  kWords,       // words,
  kPairs,       // neighbours,
  kNumbers,     // numbers;
  kSemantic,    // vectors,
  kIntent,      // category and brand,
  kPopularity,  // and popularity.
  kGap,         // How far the score is below the best score of the page's window.
  kPlace,       // log2(place without clicks) / 2
  kFound,       // log2(1 + items found) / 6
  kLength,      // Words of the query / 4
};
constexpr size_t kMatchFeatures = 13;
using MatchFeatures = std::array<float, kMatchFeatures>;

inline float& at(MatchFeatures& features, MatchFeature which) {
  return features[static_cast<size_t>(which)];
}

void round_features(MatchFeatures& features);  // To what can be written; what is no number becomes 0.
void append_features(const MatchFeatures& features, std::string& out);
// False: there are none of that place, or they are not of this form.
bool read_features(std::string_view text, size_t place, MatchFeatures& out);

}  // namespace freshet
