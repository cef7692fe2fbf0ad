#include "query/internal/alternatives.h"

#include <algorithm>
#include <cmath>

#include "query/internal/plan_weights.h"

namespace freshet {
namespace {

constexpr size_t kShortMin = 3;      // letters
constexpr size_t kSplitPartMin = 3;  // letters
constexpr size_t kEndingMin = 4;     // of what a compound ends in
constexpr size_t kSplitWordMin = 6;
constexpr size_t kSplitWordMax = 40;
constexpr size_t kMisspeltSplitMin = 8, kMisspeltSplitMax = 20, kMisspeltPartMin = 4;
constexpr size_t kSimilarTaken = 3;
constexpr uint32_t kFuzzyLook = 32;      // candidates asked of the dictionary
constexpr uint32_t kFuzzyBytesMax = 40;  // longer words are codes; a search near them finds nothing

Alternative one(std::string term, float weight, MatchKind kind, uint8_t edits = 0) {
  Alternative alternative;
  alternative.terms.push_back(std::move(term));
  alternative.weight = weight;
  alternative.kind = kind;
  alternative.edits = edits;
  return alternative;
}

bool is_marked(std::string_view term) {
  return term.starts_with(kWeakMark) || term.starts_with(kHeadMark) || term.starts_with(kBackwardMark);
}

bool has_digit(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

size_t letters(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

AlternativeFinder::AlternativeFinder(const Analyzer& analyzer, const Vocabulary& vocabulary,
                                     const QueryOptions& options)
    : analyzer_(analyzer), vocabulary_(vocabulary), options_(options) {}

void AlternativeFinder::add(Clause& clause, Alternative alternative) {
  if (clause.alternatives.size() >= QueryLimits::kAlternatives) return;
  for (Alternative& there : clause.alternatives) {
    if (there.terms != alternative.terms) continue;
    if (there.weight < alternative.weight) there = std::move(alternative);
    return;
  }
  clause.alternatives.push_back(std::move(alternative));
}

uint32_t AlternativeFinder::known(const WordTokens& word) const {
  uint32_t df = vocabulary_.df(word.term);
  for (const std::string& stem : word.stems) df = std::max(df, vocabulary_.df(stem));
  return df;
}

std::string AlternativeFinder::stem_of(std::string_view word) const {
  std::vector<Token> tokens;
  analyzer_.analyze(word, options_.language, true, tokens);
  for (const Token& token : tokens)
    if (token.kind == TokenKind::kStem) return token.term;
  return {};
}

void AlternativeFinder::add_with_stems(std::string_view word, bool head, float weight, MatchKind kind,
                                       uint8_t edits, Clause& clause) const {
  add(clause, one(std::string(word), weight, kind, edits));
  std::string stem = stem_of(word);
  if (head) add_head(stem.empty() ? word : stem, weight, kind, edits, clause);
  if (!stem.empty()) add(clause, one(std::move(stem), weight * plan_weights.stem, kind, edits));
}

void AlternativeFinder::add_head(std::string_view stem, float weight, MatchKind kind, uint8_t edits,
                                 Clause& clause) const {
  std::string term(1, kHeadMark);
  term += stem;
  if (vocabulary_.df(term) > 0) add(clause, one(std::move(term), weight * plan_weights.head, kind, edits));
}

void AlternativeFinder::add_word(const WordTokens& word, Clause& clause) const {
  const PlanWeights& weights = plan_weights;
  add(clause, one(word.term, 1, MatchKind::kExact));
  for (const std::string& stem : word.stems) add(clause, one(stem, weights.stem, MatchKind::kStem));
  if (word.head)
    add_head(word.stems.empty() ? word.term : word.stems.front(), 1, MatchKind::kExact, 0, clause);
  if (word.parts.size() > 1) {
    Alternative apart;
    apart.terms = word.parts;
    apart.weight = weights.split;
    apart.kind = MatchKind::kSplit;
    add(clause, std::move(apart));
  }
  for (const std::string& gram : word.grams)
    add(clause, one(gram, letters(gram) > 1 ? weights.bigram : weights.character, MatchKind::kSplit));
  for (const std::string& weak : word.weak) {
    add(clause, one(weak, weights.weak * 0.75f, MatchKind::kWeak));
    if (vocabulary_.df(weak.substr(1)) > 0) add(clause, one(weak.substr(1), weights.weak, MatchKind::kWeak));
  }
  if (word.latin && word.weak.empty() && !word.number) {
    std::string weak = kWeakMark + word.term;
    if (vocabulary_.df(weak) > 0) add(clause, one(std::move(weak), weights.weak, MatchKind::kWeak));
  }
}

uint32_t AlternativeFinder::edits_allowed(const WordTokens& word, bool unknown) const {
  const TypoPolicy& typo = options_.typo;
  if (!typo.enabled || options_.typo_fields == 0 || word.number || word.stop_word) return 0;
  if (word.has_digit && !typo.numbers) return 0;
  if (!word.grams.empty() || word.term.size() > kFuzzyBytesMax) return 0;
  const size_t n = letters(word.term);
  uint32_t edits = n >= typo.two_edits_from ? 2 : n >= typo.one_edit_from ? 1 : 0;
  // What is a letter short of that and neither a word nor the beginning of one finds nothing as it stands.
  if (edits == 0 && unknown && n >= kShortMin && n + 1 == typo.one_edit_from && !begins_a_word(word.term))
    edits = 1;
  if (edits > 0 &&
      std::binary_search(options_.never_corrected.begin(), options_.never_corrected.end(), word.term))
    return 0;
  return edits;
}

bool AlternativeFinder::begins_a_word(std::string_view beginning) const {
  std::vector<TermInfo> found;
  vocabulary_.prefix(beginning, 1, found);
  return !found.empty();
}

std::string AlternativeFinder::add_typos(const WordTokens& word, uint32_t df, Clause& clause) const {
  const PlanWeights& weights = plan_weights;
  const uint32_t edits = edits_allowed(word, df == 0);
  if (edits == 0) return {};
  // A frequent word is what it says; of a rare one, only a much more frequent neighbour is thought of.
  const auto often = static_cast<uint32_t>(std::max(8.0, 1e-3 * vocabulary_.items()));
  if (df > often) return {};
  std::vector<TermInfo> found;
  vocabulary_.fuzzy(word.term, df > 0 ? 1 : edits, kFuzzyLook, found);
  const auto is_misspelling = [&](const TermInfo& info) {
    return info.edits > 0 && !is_marked(info.term) && !has_digit(info.term);
  };
  // Nothing near an unknown word: look further. It finds nothing as it stands, so there is nothing to lose.
  const size_t far_from = plan_weights.far_from;
  if (df == 0 && edits == 1 && letters(word.term) >= far_from &&
      std::none_of(found.begin(), found.end(), is_misspelling))
    vocabulary_.fuzzy(word.term, 2, kFuzzyLook, found);
  const float ratio = vocabulary_.df(word.term) > 0 ? weights.known_ratio : weights.stem_ratio;
  struct Candidate {
    const TermInfo* info;
    double value;
    float weight;
  };
  std::vector<Candidate> candidates;
  for (const TermInfo& info : found) {
    if (info.edits == 0 || info.term == word.term || is_marked(info.term) || has_digit(info.term)) continue;
    if (std::find(word.stems.begin(), word.stems.end(), info.term) != word.stems.end()) continue;
    if (df > 0 && static_cast<float>(info.df) < ratio * static_cast<float>(df)) continue;
    float weight = info.edits == 1 ? weights.typo_one : weights.typo_two;
    if (info.first_letter) weight *= weights.typo_first_letter;
    if (df > 0) weight *= weights.typo_of_known;
    // An edit is about as unlikely as a word is a hundred times less frequent (noisy channel: Kernighan,
    // Church, Gale 1990).
    const double value = std::log(1.0 + info.df) - 4.6 * info.edits - (info.first_letter ? 2.3 : 0);
    candidates.push_back({&info, value, weight});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.value > b.value; });
  if (candidates.size() > QueryLimits::kTypos) candidates.resize(QueryLimits::kTypos);
  for (const Candidate& candidate : candidates) {
    // What is much less likely than the best is worth less.
    const auto share = static_cast<float>(std::exp(0.15 * (candidate.value - candidates.front().value)));
    const float weight = candidate.weight * std::max(0.3f, share);
    if (&candidate == candidates.data()) {
      add_with_stems(candidate.info->term, word.head, weight, MatchKind::kTypo, candidate.info->edits,
                     clause);
    } else {
      add(clause, one(std::string(candidate.info->term), weight, MatchKind::kTypo, candidate.info->edits));
    }
  }
  return candidates.empty() ? std::string() : std::string(candidates.front().info->term);
}

std::string AlternativeFinder::known_form(const std::string& word) const {
  if (vocabulary_.df(word) > 0) return word;
  std::string stem = stem_of(word);
  return !stem.empty() && vocabulary_.df(stem) > 0 ? stem : std::string();
}

std::string AlternativeFinder::add_split(const WordTokens& word, uint32_t df, Clause& clause) const {
  const std::string& term = word.term;
  if (word.has_digit || !word.grams.empty() || term.size() < kSplitWordMin || term.size() > kSplitWordMax)
    return {};
  const auto often = static_cast<uint32_t>(std::max(8.0, 1e-3 * vocabulary_.items()));
  double best = 0;
  std::string first, second;
  for (size_t at = kSplitPartMin; at + kSplitPartMin <= term.size(); at++) {
    if ((static_cast<unsigned char>(term[at]) & 0xc0) == 0x80) continue;
    const std::string left = term.substr(0, at), right = term.substr(at);
    if (letters(left) < kSplitPartMin || letters(right) < kSplitPartMin) continue;
    const uint32_t left_df = vocabulary_.df(left);
    if (left_df == 0) continue;
    const std::string right_form = known_form(right);
    if (right_form.empty()) continue;
    const double value = std::min(left_df, vocabulary_.df(right_form));
    if (value > best) best = value, first = left, second = right_form;
  }
  if (best == 0) return {};
  if (df > often && best < df) return {};
  Alternative apart;
  apart.terms = {first, second};
  apart.weight = plan_weights.split;
  apart.kind = MatchKind::kSplit;
  add(clause, std::move(apart));
  return first + " " + second;
}

// Linking letters between the parts of a compound: "arbeit-s-tisch", "kuche-n-schrank".
bool AlternativeFinder::is_modifier(std::string_view beginning) const {
  if (letters(beginning) < kSplitPartMin) return false;
  if (!known_form(std::string(beginning)).empty()) return true;
  for (const std::string_view link : {"s", "n", "en", "es", "er", "e", "-"})
    if (beginning.ends_with(link) && letters(beginning) >= kSplitPartMin + link.size() &&
        vocabulary_.df(beginning.substr(0, beginning.size() - link.size())) > 0)
      return true;
  return false;
}

void AlternativeFinder::add_compounds(const WordTokens& word, uint32_t df, Clause& clause) const {
  if (word.has_digit || !word.grams.empty() || letters(word.term) < kEndingMin) return;
  if (word.term.size() > kSplitWordMax) return;
  std::vector<std::string> endings = {word.term};
  if (!word.stems.empty() && letters(word.stems.front()) >= kEndingMin) endings.push_back(word.stems.front());
  std::vector<TermInfo> found;
  for (const std::string& ending : endings) {
    vocabulary_.prefix(Analyzer::backward(ending), QueryLimits::kCompletions, found);
    for (const TermInfo& info : found) {
      const std::string whole = Analyzer::backward(info.term.substr(1)).substr(1);
      if (whole.size() > ending.size() &&
          is_modifier(std::string_view(whole).substr(0, whole.size() - ending.size())))
        add(clause, one(std::string(info.term), plan_weights.compound, MatchKind::kSplit));
    }
  }
  if (df > 0) return;
  // Longest ending first: of "damenkinderfahrrad" rather "kinderfahrrad" than "fahrrad".
  for (size_t at = kSplitPartMin; at + kEndingMin <= word.term.size(); at++) {
    if ((static_cast<unsigned char>(word.term[at]) & 0xc0) == 0x80) continue;
    const std::string form = known_form(word.term.substr(at));
    if (form.empty() || !is_modifier(std::string_view(word.term).substr(0, at))) continue;
    add_with_stems(form, word.head, plan_weights.ending, MatchKind::kSplit, 0, clause);
    return;
  }
}

std::string AlternativeFinder::add_misspelt_split(const WordTokens& word, Clause& clause) const {
  const std::string& term = word.term;
  if (!word.latin || word.has_digit || edits_allowed(word, true) == 0) return {};
  if (term.size() < kMisspeltSplitMin || term.size() > kMisspeltSplitMax) return {};
  uint32_t best = 0;
  std::string first, second;
  std::vector<TermInfo> found;
  for (size_t at = kSplitPartMin; at + kSplitPartMin <= term.size(); at++) {
    const std::string parts[] = {term.substr(0, at), term.substr(at)};
    for (const size_t right : {0, 1}) {  // Which of the two is written right.
      const std::string& wrong = parts[1 - right];
      const uint32_t df = vocabulary_.df(parts[right]);
      if (df <= best || wrong.size() < kMisspeltPartMin) continue;
      vocabulary_.fuzzy(wrong, 1, kFuzzyLook, found);
      for (const TermInfo& info : found) {
        if (is_marked(info.term) || has_digit(info.term) || info.first_letter ||
            std::min(info.df, df) <= best)
          continue;
        best = std::min(info.df, df);
        first = right == 0 ? parts[0] : std::string(info.term);
        second = right == 0 ? std::string(info.term) : parts[1];
      }
    }
  }
  if (best == 0) return {};
  Alternative apart;
  apart.terms = {first, second};
  apart.weight = plan_weights.split * plan_weights.typo_one;
  apart.kind = MatchKind::kTypo;
  apart.edits = 1;
  add(clause, std::move(apart));
  return first + " " + second;
}

std::string AlternativeFinder::add_similar(const WordTokens& word, Clause& clause) const {
  if (word.has_digit || edits_allowed(word, true) == 0) return {};
  std::vector<TermInfo> found;
  vocabulary_.similar(word.term, kFuzzyLook, found);
  std::erase_if(found, [](const TermInfo& info) { return is_marked(info.term) || has_digit(info.term); });
  if (found.size() > kSimilarTaken) found.resize(kSimilarTaken);
  for (const TermInfo& info : found)
    add_with_stems(info.term, word.head, plan_weights.similar, MatchKind::kTypo, info.edits, clause);
  return found.empty() ? std::string() : std::string(found.front().term);
}

void AlternativeFinder::add_ending(const WordTokens& word, std::string_view split, Clause& clause) const {
  const std::string_view second = split.substr(split.find(' ') + 1);
  add_with_stems(second, word.head, plan_weights.ending, MatchKind::kSplit, 0, clause);
}

bool AlternativeFinder::joined(const WordTokens& first, const WordTokens& second, Clause& out) const {
  if (first.number && second.number) return false;
  if (!first.grams.empty() || !second.grams.empty()) return false;
  if (first.term.size() + second.term.size() > kSplitWordMax) return false;
  const std::string both = first.term + second.term;
  if (known_form(both).empty()) return false;
  add_with_stems(both, second.head, plan_weights.join, MatchKind::kJoin, 0, out);
  return true;
}

void AlternativeFinder::add_completions(const WordTokens& word, uint32_t df, Clause& clause) const {
  if (letters(word.term) < 2 && word.latin) return;
  const PlanWeights& weights = plan_weights;
  std::vector<TermInfo> found;
  vocabulary_.prefix(word.term, QueryLimits::kCompletions, found);
  const float weight = df > 0 ? weights.prefix_known : weights.prefix_unknown;
  for (const TermInfo& info : found)
    if (info.term != word.term) add(clause, one(std::string(info.term), weight, MatchKind::kPrefix));
  if (df > 0 || !found.empty()) return;
  const uint32_t edits = edits_allowed(word, false);
  if (edits == 0 || letters(word.term) < 4) return;
  vocabulary_.fuzzy_prefix(word.term, 1, QueryLimits::kCompletions, found);
  for (const TermInfo& info : found)
    if (!is_marked(info.term))
      add(clause, one(std::string(info.term), weights.prefix_typo, MatchKind::kPrefix, 1));
}

}  // namespace freshet
