#include "index/internal/record_scorer.h"

#include <algorithm>

namespace freshet::index {
namespace {

constexpr uint32_t kProximityMax = 8;

bool has(const std::vector<uint32_t>& sorted, uint32_t key) {
  if (sorted.size() > 16) return std::binary_search(sorted.begin(), sorted.end(), key);
  return std::find(sorted.begin(), sorted.end(), key) != sorted.end();
}

}  // namespace

void RecordScorer::start(const CompiledPlan& plan) {
  plan_ = &plan;
  terms_.clear();
  clause_begin_.clear();
  alternative_begin_.clear();
  places_.clear();
  positive_.clear();
  for (const CompiledClause& clause : plan.clauses)
    for (const CompiledAlternative& alternative : clause.alternatives)
      terms_.insert(terms_.end(), alternative.terms.begin(), alternative.terms.end());
  std::sort(terms_.begin(), terms_.end());
  terms_.erase(std::unique(terms_.begin(), terms_.end()), terms_.end());
  for (size_t c = 0; c < plan.clauses.size(); ++c) {
    if (!plan.clauses[c].excluded) positive_.push_back(c);
    clause_begin_.push_back(static_cast<uint32_t>(alternative_begin_.size()));
    for (const CompiledAlternative& alternative : plan.clauses[c].alternatives) {
      alternative_begin_.push_back(static_cast<uint32_t>(places_.size()));
      for (const uint32_t term : alternative.terms)
        places_.push_back(
            static_cast<uint32_t>(std::lower_bound(terms_.begin(), terms_.end(), term) - terms_.begin()));
    }
  }
  entries_.resize(terms_.size());
  if (keys_.size() < positive_.size()) keys_.resize(positive_.size());
}

void RecordScorer::meet(const Record& record) {
  const std::span<const uint32_t> theirs = record.terms();
  size_t i = 0;
  for (size_t t = 0; t < terms_.size(); ++t) {
    while (i < theirs.size() && theirs[i] < terms_[t]) ++i;
    const bool here = i < theirs.size() && theirs[i] == terms_[t];
    entries_[t] = here ? record.entry(static_cast<uint32_t>(i)) : nullptr;
  }
}

float RecordScorer::term_weight(uint32_t fields, const Record& record, const uint8_t* entry) const {
  float w = 0;
  bool seen = false;
  for (EntryReader in(entry); in.next(); in.skip_positions()) {
    if ((fields >> in.field & 1) == 0) continue;
    seen = true;
    w += static_cast<float>(std::min(in.tf, 255u)) * plan_->per_tf[in.field][record.length_code(in.field)];
  }
  return seen ? w : -1;
}

// Where the words stand one after the other; false: nowhere.
bool RecordScorer::phrase_keys(const uint32_t* places, size_t count, uint32_t fields, Keys& out) {
  out.clear();
  for (size_t i = 0; i < count; ++i)
    if (entries_[places[i]] == nullptr) return false;
  const auto read = [&](uint32_t place, Keys& into) {
    for (EntryReader in(entries_[place]); in.next();) {
      if ((fields >> in.field & 1) == 0) {
        in.skip_positions();
        continue;
      }
      in.positions([&](uint32_t p) { into.push_back(in.field * kFieldStride + p); });
    }
  };
  read(places[0], out);
  for (uint32_t i = 1; i < count && !out.empty(); ++i) {
    next_.clear();
    read(places[i], next_);
    std::erase_if(out, [&](uint32_t key) { return !has(next_, key + i); });
  }
  return !out.empty();
}

float RecordScorer::phrase_weight(const Record& record, const Keys& begins) const {
  float w = 0;
  for (size_t i = 0; i < begins.size();) {
    const uint32_t field = begins[i] / kFieldStride;
    size_t end = i;
    while (end < begins.size() && begins[end] / kFieldStride == field) ++end;
    w += static_cast<float>(std::min<size_t>(end - i, 255)) * plan_->per_tf[field][record.length_code(field)];
    i = end;
  }
  return w;
}

float RecordScorer::clause_score(size_t c, const Record& record, bool& matched) {
  const CompiledClause& clause = plan_->clauses[c];
  ClauseSum sum;
  for (size_t a = 0; a < clause.alternatives.size(); ++a) {
    const CompiledAlternative& alternative = clause.alternatives[a];
    const uint32_t* places = places_.data() + alternative_begin_[clause_begin_[c] + a];
    float w = -1;
    if (alternative.terms.size() == 1) {
      if (entries_[*places] != nullptr) w = term_weight(alternative.fields, record, entries_[*places]);
    } else if (phrase_keys(places, alternative.terms.size(), alternative.fields, phrase_)) {
      w = phrase_weight(record, phrase_);
    }
    if (w >= 0) sum.add(alternative.gain * plan_->saturate(w));
  }
  matched = sum.any();
  return sum.score(clause);
}

// keys_[i]: where the i-th positive clause stands.
void RecordScorer::clause_keys(size_t i) {
  const size_t c = positive_[i];
  const CompiledClause& clause = plan_->clauses[c];
  Keys& out = keys_[i];
  out.clear();
  for (size_t a = 0; a < clause.alternatives.size(); ++a) {
    const uint32_t* places = places_.data() + alternative_begin_[clause_begin_[c] + a];
    const CompiledAlternative& alternative = clause.alternatives[a];
    if (!phrase_keys(places, alternative.terms.size(), alternative.fields, phrase_)) continue;
    out.insert(out.end(), phrase_.begin(), phrase_.end());
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
}

// Least distance: 1 when b follows a directly, 2 when a follows b directly; 0: none within the limit.
uint32_t RecordScorer::nearest(const Keys& a, const Keys& b) const {
  uint32_t least = kProximityMax + 1;
  size_t at = 0;  // Of b: the first not below the key of a.
  for (const uint32_t key : a) {
    while (at < b.size() && b[at] < key) ++at;
    if (at > 0) least = std::min(least, key - b[at - 1] + 1);
    const size_t after = at < b.size() && b[at] == key ? at + 1 : at;
    if (after < b.size()) least = std::min(least, b[after] - key);
  }
  return least <= kProximityMax ? least : 0;
}

// The words of the clauses in order from some place: 2 when they are a whole field, 1 when they begin one.
int RecordScorer::whole_or_begin(const Record& record) const {
  const size_t words = positive_.size();
  int found = 0;
  for (const uint32_t first : keys_[0]) {
    const uint32_t length = record.length(first / kFieldStride);
    const bool begins = first % kFieldStride == 0;
    if (!begins && length != words) continue;
    bool all = true;
    for (uint32_t i = 1; i < words && all; ++i) all = has(keys_[i], first + i);
    if (!all) continue;
    if (length == words) return 2;
    if (begins) found = 1;
  }
  return found;
}

void RecordScorer::add_bonus(const Record& record, uint64_t there, float& score) {
  const size_t words = positive_.size();
  for (size_t i = 0; i < words; ++i)
    if ((there >> i & 1) != 0) clause_keys(i);
  const auto add = [&](float part) {
    if (part > 0) score += part;
  };
  for (size_t i = 0; i + 1 < words; ++i) {
    if ((there >> i & 3) != 3) continue;
    const CompiledClause &a = plan_->clauses[positive_[i]], &b = plan_->clauses[positive_[i + 1]];
    if (const uint32_t d = nearest(keys_[i], keys_[i + 1]); d != 0)
      add(plan_->proximity * std::min(a.idf, b.idf) / static_cast<float>(d));
  }
  const uint64_t all = words < 64 ? (uint64_t{1} << words) - 1 : ~uint64_t{0};
  if (there != all || words == 0) return;
  const int whole = whole_or_begin(record);
  if (whole > 0) add((whole == 2 ? plan_->exact : plan_->begins) * plan_->idf_sum);
}

bool RecordScorer::score(const Record& record, float& score) {
  const CompiledPlan& plan = *plan_;
  if (plan.hopeless) return false;
  meet(record);
  uint32_t matched = 0;
  uint64_t there = 0, bit = 1;
  score = 0;
  for (size_t c = 0; c < plan.clauses.size(); ++c) {
    const CompiledClause& clause = plan.clauses[c];
    bool found = false;
    const float part = clause_score(c, record, found);
    if (clause.excluded) {
      if (found) return false;
      continue;
    }
    if (clause.required && !found) return false;
    if (found) {
      ++matched;
      score += part;
      there |= bit;
    }
    bit <<= 1;
  }
  if (matched < std::max(1u, plan.minimum_match)) return false;
  if (plan.bonus_max > 0 && plan.bonus_of(there) > 0) add_bonus(record, there, score);
  return true;
}

}  // namespace freshet::index
