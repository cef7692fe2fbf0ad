#include "experiment/draft.h"

#include <algorithm>

namespace freshet {

std::vector<Drafted> draft(std::span<const uint32_t> control, std::span<const uint32_t> variant, size_t count,
                           Draw coins) {
  std::vector<Drafted> page;
  std::vector<uint32_t> taken;
  uint32_t next[2] = {0, 0};
  size_t picked[2] = {0, 0};
  const std::span<const uint32_t> rankings[2] = {control, variant};
  const auto is_taken = [&](uint32_t item) {
    return std::find(taken.begin(), taken.end(), item) != taken.end();
  };
  const size_t shared = std::min({control.size(), variant.size(), count});
  for (; page.size() < shared && control[next[0]] == variant[next[0]]; ++next[0]) {
    page.push_back({next[0], Team::kNone});
    taken.push_back(control[next[0]]);
  }
  next[1] = next[0];
  while (page.size() < count) {
    for (size_t team : {0u, 1u})
      while (next[team] < rankings[team].size() && is_taken(rankings[team][next[team]])) ++next[team];
    const bool left[2] = {next[0] < control.size(), next[1] < variant.size()};
    if (!left[0] && !left[1]) break;
    size_t team = picked[0] == picked[1] ? coins.below(2) : (picked[0] < picked[1] ? 0u : 1u);
    if (!left[team]) team = 1 - team;
    page.push_back({next[team], team == 0 ? Team::kControl : Team::kVariant});
    taken.push_back(rankings[team][next[team]]);
    ++picked[team];
  }
  return page;
}

char team_letter(Team team) {
  constexpr char kLetters[] = {'-', 'c', 'v'};
  return kLetters[static_cast<size_t>(team)];
}

Team team_of(char letter) {
  return letter == 'c' ? Team::kControl : letter == 'v' ? Team::kVariant : Team::kNone;
}

}  // namespace freshet
