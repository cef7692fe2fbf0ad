// What is believed of the ranker's experts (rank/experts.h), by kind of page, as the publication moves it:
// clicks that are not trusted must not make the ranker unheard, nor another voice heard. Words of a version:
// the doubles of the beliefs, kind by kind. Threads: one.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "rank/copied_part.h"
#include "rank/experts.h"
#include "rank/features.h"

namespace freshet {

class BeliefPart final : public CopiedPart<std::array<RankBelief, kRankKinds>> {
 public:
  void learn(size_t kind, const RankBelief::Losses& losses) {
    at(RankCopy::kTrained)[kind].learn(losses);
    if (direct_) at(RankCopy::kLive)[kind] = at(RankCopy::kTrained)[kind];
  }
  void restart(RankKind kind) {  // It is about another opinion from now on.
    for (Table& table : tables_) table[static_cast<size_t>(kind)] = {};
    marked_[static_cast<size_t>(kind)] = {};
  }

  std::string_view part() const override { return "experts"; }
  size_t words() const override { return kRankKinds * kRankExperts; }
  std::vector<uint64_t> version() const override {
    std::vector<uint64_t> out;
    for (const RankBelief& belief : table(RankCopy::kGood))
      for (const double sum : belief.sums()) out.push_back(std::bit_cast<uint64_t>(sum));
    return out;
  }
  void replace(std::span<const uint64_t> words) override {
    size_t word = 0;
    for (RankBelief& belief : at(RankCopy::kTrained)) {
      RankBelief::Losses sums;
      for (double& sum : sums) sum = std::bit_cast<double>(words[word++]);
      belief.assume(sums);
    }
    lives(at(RankCopy::kCandidate) = at(RankCopy::kTrained));
  }
  // Could these words be sums of losses?
  static bool fits(std::span<const uint64_t> words) {
    for (const uint64_t word : words)
      if (const double sum = std::bit_cast<double>(word); !(sum >= 0 && std::isfinite(sum))) return false;
    return true;
  }

  void save(Writer& out) const {
    const auto one = [&](const Table& table) {
      for (const RankBelief& belief : table) out.array(belief.sums().data(), kRankExperts);
    };
    for (const Table& table : tables_) one(table);
    save_marks(out, one);
  }
  Status load(Reader& in) {
    bool sound = true;
    const auto one = [&](Table& table) {
      for (RankBelief& belief : table) {
        RankBelief::Losses sums{};
        in.array(sums.data(), sums.size());
        for (const double sum : sums) sound = sound && sum >= 0 && std::isfinite(sum);
        if (sound) belief.assume(sums);
      }
    };
    for (Table& table : tables_) one(table);
    load_marks(in, one);
    if (!sound) return corrupt("ranker: a loss of an expert that is none");
    return in.ok() ? Status() : Status(corrupt("ranker: beliefs cut short"));
  }
};

}  // namespace freshet
