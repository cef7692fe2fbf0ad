// What scores alone are worth (rank/plain_model.h), by kind of page and head, as the publication moves it.
// Words of a version: the doubles of the models, kind by kind, head by head: means, drifts, covariances.
// Threads: one.
#pragma once

#include <algorithm>
#include <array>
#include <bit>

#include "base/result.h"
#include "rank/copied_part.h"
#include "rank/gauss_weights.h"
#include "rank/plain_model.h"

namespace freshet {

class PlainPart final
    : public CopiedPart<std::array<std::array<PlainModel, GaussWeights::kHeads>, kRankKinds>> {
 public:
  explicit PlainPart(const Table& first) : first_(first) { tables_.fill(first); }

  void learn(size_t kind, size_t head, const PlainModel::Row& x, double label, double weight, double taken) {
    PlainModel& model = at(RankCopy::kTrained)[kind][head];
    model.learn(x, label, weight, taken);
    if (direct_) at(RankCopy::kLive)[kind][head] = model;
  }
  void forget() {
    tables_.fill(first_);
    marked_ = first_;
  }

  std::string_view part() const override { return "plain"; }
  size_t words() const override { return kRankKinds * GaussWeights::kHeads * PlainModel::kWords; }
  std::vector<uint64_t> version() const override {
    Writer out;
    for (const auto& kind : table(RankCopy::kGood))
      for (const PlainModel& model : kind) model.save(out);
    std::vector<uint64_t> words(this->words());
    Reader in(out.bytes());
    CHECK(in.array(words.data(), words.size()) && in.done());
    return words;
  }
  void replace(std::span<const uint64_t> words) override {
    Writer out;
    out.array(words.data(), words.size());
    Reader in(out.bytes());
    for (auto& kind : at(RankCopy::kTrained))
      for (PlainModel& model : kind) model.load(in);
    lives(at(RankCopy::kCandidate) = at(RankCopy::kTrained));
  }

  void save(Writer& out) const {
    const auto one = [&](const Table& table) {
      for (const auto& kind : table)
        for (const PlainModel& model : kind) model.save(out);
    };
    for (const Table& table : tables_) one(table);
    save_marks(out, one);
  }
  void load(Reader& in) {
    const auto one = [&](Table& table) {
      for (auto& kind : table)
        for (PlainModel& model : kind) model.load(in);
    };
    for (Table& table : tables_) one(table);
    load_marks(in, one);
  }

 private:
  const Table first_;
};

}  // namespace freshet
