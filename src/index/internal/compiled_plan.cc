#include "index/internal/compiled_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "index/internal/length.h"

namespace freshet::index {
namespace {

float idf_of(uint32_t items, uint32_t df) {
  const double n = std::max(items, df), d = df;
  return static_cast<float>(std::log1p((n - d + 0.5) / (d + 0.5)));
}

void compile(const Clause& from, const Dictionary& dictionary, uint32_t items, float k1, CompiledClause& to) {
  uint32_t df_most = 0;
  std::vector<uint32_t> dfs;
  for (uint32_t i = 0; i < from.alternatives.size(); ++i) {
    const Alternative& alternative = from.alternatives[i];
    CompiledAlternative compiled;
    compiled.index = i;
    compiled.fields = alternative.fields;
    uint32_t least = ~0u;
    for (const std::string& term : alternative.terms) {
      const uint32_t number = dictionary.find(term);
      least = std::min(least, number == kNoTerm ? 0 : dictionary.df(number));
      compiled.terms.push_back(number);
    }
    if (least == 0 || compiled.terms.empty()) continue;
    df_most = std::max(df_most, least);
    dfs.push_back(least);
    to.alternatives.push_back(std::move(compiled));
  }
  to.idf = df_most == 0 ? 0 : idf_of(items, df_most);
  for (size_t i = 0; i < to.alternatives.size(); ++i) {
    const float idf = from.shared_df ? to.idf : idf_of(items, dfs[i]);
    to.alternatives[i].gain = from.alternatives[to.alternatives[i].index].weight * idf * (k1 + 1);
  }
}

}  // namespace

CompiledPlan::CompiledPlan(const QueryPlan& plan, const Dictionary& dictionary, const Statistics& statistics)
    : minimum_match(plan.minimum_match),
      k1(plan.scoring.k1),
      proximity(plan.proximity),
      exact(plan.exact),
      begins(plan.begins) {
  clauses.resize(plan.clauses.size());
  uint32_t possible = 0;
  const CompiledClause* before = nullptr;
  for (uint32_t i = 0; i < clauses.size(); ++i) {
    const Clause& from = plan.clauses[i];
    CompiledClause& clause = clauses[i];
    clause.required = from.required && !from.excluded;
    clause.excluded = from.excluded;
    clause.weight = from.weight;
    clause.combine = from.combine;
    clause.fields = from.fields;
    clause.index = i;
    compile(from, dictionary, statistics.items, k1, clause);
    if (clause.excluded) continue;
    ++positive;
    if (!clause.alternatives.empty()) ++possible;
    if (clause.required && clause.alternatives.empty()) hopeless = true;
    idf_sum += clause.idf;
    if (before != nullptr) {
      pair_bonus.push_back(proximity * std::min(before->idf, clause.idf));
      bonus_max += pair_bonus.back();
    }
    before = &clause;
  }
  if (possible == 0 || possible < minimum_match) hopeless = true;
  bonus_max += std::max(exact, begins) * idf_sum;
  for (uint32_t f = 0; f < kSearchFields; ++f) {
    const float weight = plan.scoring.weight[f], b = plan.scoring.b[f], mean = statistics.mean_length[f];
    if (!(weight > 0) || !(mean > 0)) continue;
    searched |= 1u << f;
    for (uint32_t code = 0; code < 256; ++code)
      per_tf[f][code] =
          weight / (1 - b + b * static_cast<float>(decode_length(static_cast<uint8_t>(code))) / mean);
  }
  for (CompiledClause& clause : clauses) {
    clause.fields &= searched;
    for (CompiledAlternative& alternative : clause.alternatives) alternative.fields &= clause.fields;
  }
}

float CompiledPlan::bonus_of(uint64_t there, bool whole, bool begin) const {
  float out = 0;
  for (uint64_t pairs = there & there >> 1; pairs != 0; pairs &= pairs - 1)
    out += pair_bonus[static_cast<size_t>(std::countr_zero(pairs))];
  const uint64_t all = positive < 64 ? (uint64_t{1} << positive) - 1 : ~uint64_t{0};
  if (there != all) return out;
  return out + std::max(whole ? exact : 0, begin ? begins : 0) * idf_sum;
}

float term_weight(const CompiledPlan& plan, uint32_t fields, const Record& record, uint32_t term,
                  uint32_t* where) {
  const uint32_t at = record.find(term);
  if (at == record.term_count) return -1;
  float w = 0;
  uint32_t seen = 0;
  for (EntryReader in(record.entry(at)); in.next(); in.skip_positions()) {
    if ((fields >> in.field & 1) == 0) continue;
    seen |= 1u << in.field;
    w += static_cast<float>(std::min(in.tf, 255u)) * plan.per_tf[in.field][record.length_code(in.field)];
  }
  if (where != nullptr) *where = seen;
  return seen != 0 ? w : -1;
}

namespace {

using Positions = std::vector<uint32_t>;

// Positions of a term in one field, ascending.
void positions_of(const Record& record, uint32_t term, uint32_t field, Positions& out) {
  out.clear();
  const uint32_t at = record.find(term);
  if (at == record.term_count) return;
  for (EntryReader in(record.entry(at)); in.next();) {
    if (in.field == field) return in.positions([&](uint32_t p) { out.push_back(p); });
    in.skip_positions();
  }
}

// Where a phrase begins in one field, ascending.
void phrase_positions(const Record& record, const std::vector<uint32_t>& terms, uint32_t field,
                      Positions& out) {
  positions_of(record, terms[0], field, out);
  Positions next;
  for (uint32_t i = 1; i < terms.size() && !out.empty(); ++i) {
    positions_of(record, terms[i], field, next);
    std::erase_if(out, [&](uint32_t p) { return !std::binary_search(next.begin(), next.end(), p + i); });
  }
}

}  // namespace

float phrase_weight(const CompiledPlan& plan, uint32_t fields, const Record& record,
                    const std::vector<uint32_t>& terms, uint32_t* where) {
  for (const uint32_t term : terms)
    if (record.find(term) == record.term_count) return -1;
  float w = 0;
  uint32_t seen = 0;
  Positions begins;
  for (const Record::Field& f : record.fields()) {
    if ((fields >> f.field & 1) == 0) continue;
    phrase_positions(record, terms, f.field, begins);
    if (begins.empty()) continue;
    seen |= 1u << f.field;
    w += static_cast<float>(std::min<size_t>(begins.size(), 255)) * plan.per_tf[f.field][f.code];
  }
  if (where != nullptr) *where = seen;
  return seen != 0 ? w : -1;
}

ClauseScore clause_score(const CompiledPlan& plan, const CompiledClause& clause, const Record& record) {
  ClauseScore out;
  ClauseSum sum;
  float best = -1;
  for (const CompiledAlternative& alternative : clause.alternatives) {
    uint32_t where = 0;
    const float w = alternative.terms.size() == 1
                        ? term_weight(plan, alternative.fields, record, alternative.terms[0], &where)
                        : phrase_weight(plan, alternative.fields, record, alternative.terms, &where);
    if (w < 0) continue;
    const float score = alternative.gain * plan.saturate(w);
    sum.add(score);
    if (score > best) {
      best = score;
      out.alternative = alternative.index;
      out.fields = where;
    }
  }
  out.matched = sum.any();
  out.score = sum.score(clause);
  return out;
}

namespace {

constexpr uint32_t kProximityMax = 8;

bool has_term(uint32_t fields, const Record& record, uint32_t term) {
  const uint32_t at = record.find(term);
  if (at == record.term_count) return false;
  for (EntryReader in(record.entry(at)); in.next(); in.skip_positions())
    if ((fields >> in.field & 1) != 0) return true;
  return false;
}

// Where clause matches stand in one field, ascending.
void clause_positions(const CompiledClause& clause, const Record& record, uint32_t field, Positions& out) {
  out.clear();
  Positions some;
  for (const CompiledAlternative& alternative : clause.alternatives) {
    if ((alternative.fields >> field & 1) == 0) continue;
    phrase_positions(record, alternative.terms, field, some);
    out.insert(out.end(), some.begin(), some.end());
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
}

// Least distance: 1 when b follows a directly, 2 when a follows b directly; 0: none within the limit.
uint32_t nearest(const Positions& a, const Positions& b) {
  uint32_t least = 0;
  for (const uint32_t p : a) {
    auto after = std::upper_bound(b.begin(), b.end(), p);
    if (after != b.end() && (least == 0 || *after - p < least)) least = *after - p;
    if (after != b.begin() && *(after - 1) == p && after - 1 != b.begin()) --after;
    if (after != b.begin() && *(after - 1) < p && (least == 0 || p - *(after - 1) + 1 < least))
      least = p - *(after - 1) + 1;
  }
  return least <= kProximityMax ? least : 0;
}

// The words of the clauses in order from some place: 2 when they are the whole field, 1 when they begin it.
int whole_or_begin(const std::vector<Positions>& positions, uint32_t length) {
  int found = 0;
  for (const uint32_t first : positions[0]) {
    bool all = true;
    for (uint32_t i = 1; i < positions.size() && all; ++i)
      all = std::binary_search(positions[i].begin(), positions[i].end(), first + i);
    if (!all) continue;
    if (length == positions.size()) return 2;
    if (first == 0) found = 1;
  }
  return found;
}

}  // namespace

void add_bonus(const CompiledPlan& plan, const Record& record, float& score, std::vector<ScorePart>* parts) {
  if (!(plan.bonus_max > 0)) return;
  std::vector<const CompiledClause*> clauses;
  for (const CompiledClause& clause : plan.clauses)
    if (!clause.excluded) clauses.push_back(&clause);
  std::vector<uint32_t> near(clauses.size());
  std::vector<Positions> positions(clauses.size());
  int whole = 0;
  for (const Record::Field& f : record.fields()) {
    if ((plan.searched >> f.field & 1) == 0) continue;
    for (size_t i = 0; i < clauses.size(); ++i) {
      clause_positions(*clauses[i], record, f.field, positions[i]);
    }
    for (size_t i = 0; i + 1 < clauses.size(); ++i) {
      const uint32_t d = nearest(positions[i], positions[i + 1]);
      if (d != 0 && (near[i] == 0 || d < near[i])) near[i] = d;
    }
    whole = std::max(whole, whole_or_begin(positions, f.length));
  }
  const auto add = [&](ScorePart::What what, uint32_t clause, float part) {
    if (!(part > 0)) return;
    score += part;
    if (parts != nullptr) parts->push_back({what, clause, 0, 0, part});
  };
  for (size_t i = 0; i + 1 < clauses.size(); ++i)
    if (near[i] != 0)
      add(ScorePart::What::kProximity, clauses[i]->index,
          plan.proximity * std::min(clauses[i]->idf, clauses[i + 1]->idf) / static_cast<float>(near[i]));
  if (whole == 2) {
    add(ScorePart::What::kExact, 0, plan.exact * plan.idf_sum);
  } else if (whole == 1) {
    add(ScorePart::What::kBegins, 0, plan.begins * plan.idf_sum);
  }
}

bool record_matches(const CompiledPlan& plan, const Record& record) {
  if (plan.hopeless) return false;
  uint32_t matched = 0;
  for (const CompiledClause& clause : plan.clauses) {
    const bool found = std::any_of(
        clause.alternatives.begin(), clause.alternatives.end(), [&](const CompiledAlternative& alternative) {
          return alternative.terms.size() == 1
                     ? has_term(alternative.fields, record, alternative.terms[0])
                     : phrase_weight(plan, alternative.fields, record, alternative.terms) >= 0;
        });
    if (clause.excluded ? found : clause.required && !found) return false;
    matched += found && !clause.excluded ? 1 : 0;
  }
  return matched >= std::max(1u, plan.minimum_match);
}

bool record_score(const CompiledPlan& plan, const Record& record, float& score,
                  std::vector<ScorePart>* parts) {
  bool match = !plan.hopeless;
  uint32_t matched = 0;
  score = 0;
  for (const CompiledClause& clause : plan.clauses) {
    const ClauseScore found = clause_score(plan, clause, record);
    if (clause.excluded) {
      match &= !found.matched;
      continue;
    }
    if (clause.required) match &= found.matched;
    if (!found.matched) continue;
    ++matched;
    score += found.score;
    if (parts != nullptr)
      parts->push_back(
          {ScorePart::What::kClause, clause.index, found.alternative, found.fields, found.score});
  }
  add_bonus(plan, record, score, parts);
  return match && matched >= std::max(1u, plan.minimum_match);
}

}  // namespace freshet::index
