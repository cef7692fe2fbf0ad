// What each way of saying a word is worth against the word itself, and the other constants of a plan. Chosen
// on half of the queries of two judged sets and checked on the other half
// (docs/decisions/0044-plan-weights.md).
#pragma once

#include <cstdint>

namespace freshet {

struct PlanWeights {
  float stem = 0.95f;
  float head = 1.12f;                      // what the item is called for, against a word somewhere in it
  float typo_one = 0.8f, typo_two = 0.6f;  // by edits
  float typo_first_letter = 0.8f;          // times, when the first letter is touched
  float typo_of_known = 0.4f;              // times, when the catalogue has the word as typed
  float known_ratio = 20;  // A word is suspected when a neighbour is so many times as frequent,
  float stem_ratio = 2;  // and one of which only the stem is known ("haeds": "ha") when it is so many times.
  float prefix_known = 0.1f, prefix_unknown = 0.7f, prefix_typo = 0.4f;
  float split = 0.85f, join = 0.9f;
  float compound = 0.75f;  // a compound that ends in the word
  float ending = 0.4f;     // what an unknown compound ends in
  float bigram = 0.5f, character = 0.15f, weak = 0.4f;
  float stop_word = 0.15f;
  float measure = 0.5f;   // A whole measure or size ("10ft", "2x4") besides its parts.
  float number = 0.8f;    // A bare number against a word.
  float similar = 0.4f;   // a word that only looks like an unknown one
  uint32_t far_from = 5;  // letters from which an unknown word without neighbours is looked for at two edits
  uint32_t minimum_percent = 34;  // of the words, under Relaxation::kWords
  float proximity = 0.15f, exact = 0.2f, begins = 0.05f;
};
inline constexpr PlanWeights plan_weights;

}  // namespace freshet
