// Team-draft interleaving: one page from two rankings, so that a shopper's clicks choose between them.
//
// In each round a coin says which team picks first; each picks the best of its ranking that is not taken yet.
// A click on an item credits the team that picked it. Radlinski, Kurup, Joachims 2008, "How does clickthrough
// data reflect retrieval quality?" (CIKM), algorithm 2. What both rankings begin with belongs to no team:
// there the coin alone would decide who is credited.
//
// Values; no thread rules. Cost: linear in the page, for rankings of at most a few hundred.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"

namespace freshet {

enum class Team : uint8_t { kNone, kControl, kVariant };

struct Drafted {
  uint32_t place = 0;  // In the ranking of the team; of the control where there is no team.
  Team team = Team::kNone;
  bool operator==(const Drafted&) const = default;
};

// At most `count` items of the two rankings, each given once; `Draw` makes the coins. Items are compared by
// their numbers, and distinct within a ranking.
std::vector<Drafted> draft(std::span<const uint32_t> control, std::span<const uint32_t> variant, size_t count,
                           Draw coins);

// One character a place for the impression: '-' no team, 'c', 'v'.
char team_letter(Team team);
Team team_of(char letter);

}  // namespace freshet
