#include "query/query_parser.h"

#include <algorithm>
#include <utility>

#include "query/internal/alternatives.h"
#include "query/internal/plan_weights.h"
#include "query/internal/query_text.h"
#include "text/normalize.h"

namespace freshet {
namespace {

// A whole that stands besides its parts: "10ft", "2x4", "wd40".
struct Whole {
  std::string term;
  uint32_t position = 0, span = 1;
};

bool is_number(std::string_view term) {
  return std::all_of(term.begin(), term.end(),
                     [](char c) { return (c >= '0' && c <= '9') || c == '.' || c == '/' || c == '-'; });
}

// Tokens -> words. A model number's parts become part of it; everything else is one word a position.
void gather(const std::vector<Token>& tokens, uint32_t offset, std::vector<WordTokens>& words,
            std::vector<Whole>& wholes) {
  uint32_t part_until = 0;  // Positions before it belong to the model number before.
  const size_t first = words.size();
  for (const Token& token : tokens) {
    if (token.kind == TokenKind::kJoin) {
      wholes.push_back({token.term, token.position, token.span});
      continue;
    }
    if (token.kind == TokenKind::kPart) {
      if (words.size() > first) words.back().parts.push_back(token.term);
      continue;
    }
    const bool fresh = words.size() == first || words.back().position != token.position;
    if (fresh) {
      if (token.position < part_until) continue;
      WordTokens& word = words.emplace_back();
      word.term = token.term;
      word.position = token.position;
      word.begin = token.begin + offset;
      word.end = token.end + offset;
      word.stop_word = token.stop_word;
      word.number = token.kind == TokenKind::kNumber || is_number(token.term);
      word.has_digit =
          std::any_of(token.term.begin(), token.term.end(), [](char c) { return c >= '0' && c <= '9'; });
      word.latin = is_ascii(token.term);
      part_until = token.position + token.span;
      continue;
    }
    WordTokens& word = words.back();
    if (token.kind == TokenKind::kBigram) {
      word.grams.push_back(token.term);
    } else if (token.kind == TokenKind::kHead) {
      word.head = true;
    } else if (token.kind == TokenKind::kBackward) {
      continue;  // Of items only.
    } else if (token.kind == TokenKind::kWeak) {
      word.weak.push_back(token.term);
    } else if (token.term != word.term) {
      word.stems.push_back(token.term);
    }
  }
}

class PlanMaker {
 public:
  PlanMaker(std::string_view text, const Analyzer& analyzer, const SynonymTable* synonyms,
            const QueryOptions& options, const Vocabulary& vocabulary)
      : text_(text),
        analyzer_(analyzer),
        synonyms_(synonyms),
        options_(options),
        vocabulary_(vocabulary),
        finder_(analyzer, vocabulary, options) {}

  ParsedQuery make() {
    query_.plan.scoring = options_.scoring;
    query_.language = language();
    const std::vector<QueryPart> parts = split_query(text_);
    for (const QueryPart& part : parts) {
      if (clauses_left() == 0) break;
      const std::string_view words = text_.substr(part.begin, part.end - part.begin);
      switch (part.kind) {
        case QueryPart::Kind::kPlain:
          plain(words, part.begin, &part == &parts.back());
          break;
        case QueryPart::Kind::kPhrase:
          phrase(words, part, true);
          break;
        default:
          phrase(words, part, false);
      }
    }
    drop_stop_words();
    finish();
    return std::move(query_);
  }

 private:
  Language language() const {
    if (options_.language != Language::kAuto) return options_.language;
    const std::vector<Language>& shop = analyzer_.config().languages;
    const Language otherwise = shop.empty() ? Language::kNone : shop.front();
    return shop.size() <= 1 && is_ascii(text_) ? otherwise : detect_language(text_, shop, otherwise);
  }

  // Items may be in any of the shop's languages, whatever the query's is taken for.
  bool compounds() const {
    const std::vector<Language>& shop = analyzer_.config().languages;
    return writes_compounds(query_.language) || std::any_of(shop.begin(), shop.end(), writes_compounds);
  }

  size_t clauses_left() const {
    return query_.plan.clauses.size() >= kClausesMax - 1 ? 0 : kClausesMax - 1 - query_.plan.clauses.size();
  }

  bool is_stop(const WordTokens& word) const {
    return (options_.language_stop_words && word.stop_word) ||
           std::binary_search(options_.stop_words.begin(), options_.stop_words.end(), word.term);
  }

  // --- words ---

  void plain(std::string_view text, uint32_t offset, bool last_part) {
    analyzer_.analyze(text, query_.language, true, tokens_);
    std::vector<WordTokens> words;
    std::vector<Whole> wholes;
    gather(tokens_, offset, words, wholes);
    const size_t room = QueryLimits::kWords - std::min(QueryLimits::kWords, query_.words.size());
    if (words.size() > room) {
      query_.words_ignored += static_cast<uint32_t>(words.size() - room);
      words.resize(room);
      last_part = false;
    }
    const size_t first_clause = query_.plan.clauses.size();
    for (size_t i = 0; i < words.size(); i++) {
      const bool last = last_part && i + 1 == words.size();
      // The last word may be unfinished unless something was typed after it.
      word(words[i], last && options_.prefix && words[i].end == text_.size());
    }
    for (size_t i = 0; i + 1 < words.size(); i++) {
      Clause both;
      if (!finder_.joined(words[i], words[i + 1], both)) continue;
      for (const size_t at : {i, i + 1}) {
        for (const Alternative& one : both.alternatives)
          AlternativeFinder::add(query_.plan.clauses[first_clause + at], one);
        mark_known(first_clause + at);
      }
    }
    add_synonyms(words, first_clause);
    for (const Whole& whole : wholes) add_whole(whole, words, first_clause);
  }

  void word(const WordTokens& word, bool unfinished) {
    Clause clause;
    const bool stop = is_stop(word);
    const uint32_t df = finder_.known(word);
    finder_.add_word(word, clause);
    QueryWord& told = query_.words.emplace_back();
    told.text = word.term;
    told.begin = word.begin;
    told.end = word.end;
    told.clause = static_cast<uint32_t>(query_.plan.clauses.size());
    told.stop_word = stop;
    const auto any_found = [&] {
      return std::any_of(clause.alternatives.begin(), clause.alternatives.end(),
                         [&](const Alternative& one) { return found(one); });
    };
    told.known = df > 0 || any_found();
    if (!stop) {
      std::string split = finder_.add_split(word, df, clause);
      if (compounds()) {
        finder_.add_compounds(word, df, clause);
        told.known = told.known || any_found();
      }
      const std::string meant = finder_.add_typos(word, df, clause);
      const size_t before = clause.alternatives.size();
      if (unfinished) finder_.add_completions(word, df, clause);
      const bool completed = clause.alternatives.size() > before;
      if (!told.known && !completed && split.empty() && meant.empty())
        split = finder_.add_misspelt_split(word, clause);
      std::string like;
      if (!told.known && !completed && meant.empty() && !word.has_digit) {
        if (!split.empty()) {
          finder_.add_ending(word, split, clause);
        } else if (similar_left_ > 0) {
          --similar_left_;
          like = finder_.add_similar(word, clause);
        }
      }
      if (!told.known && !split.empty()) {
        told.correction = split;
      } else if (!told.known && !completed) {
        told.correction = meant.empty() ? like : meant;
      }
      told.known = told.known || completed;
    }
    if (word.number) clause.weight = plan_weights.number;
    clause.combine = Combine::kSaturatingSum;
    query_.plan.clauses.push_back(std::move(clause));
  }

  bool found(const Alternative& alternative) const {
    return std::all_of(alternative.terms.begin(), alternative.terms.end(),
                       [&](const std::string& term) { return vocabulary_.df(term) > 0; });
  }

  void mark_known(size_t clause) {
    for (QueryWord& word : query_.words)
      if (word.clause == clause && !word.excluded) {
        word.known = true;
        word.correction.clear();
      }
  }

  // A measure or a number with separators is worth something as a whole.
  void add_whole(const Whole& whole, const std::vector<WordTokens>& words, size_t first_clause) {
    if (vocabulary_.df(whole.term) == 0) return;
    Alternative alternative;
    alternative.terms.push_back(whole.term);
    alternative.kind = MatchKind::kJoin;
    alternative.weight = plan_weights.join;
    // A model number ("wd-40"): also found where it is written as one word. A measure's parts are always
    // there.
    const bool measure = whole.term.front() >= '0' && whole.term.front() <= '9';
    if (!measure) {
      for (size_t i = 0; i < words.size(); i++)
        if (words[i].position >= whole.position && words[i].position < whole.position + whole.span) {
          AlternativeFinder::add(query_.plan.clauses[first_clause + i], alternative);
          mark_known(first_clause + i);
        }
      return;
    }
    if (extra_.size() >= 8) return;
    Clause clause;
    clause.weight = plan_weights.measure;
    alternative.weight = 1;
    clause.alternatives.push_back(std::move(alternative));
    extra_.push_back(std::move(clause));
  }

  // --- synonyms ---

  void add_synonyms(const std::vector<WordTokens>& words, size_t first_clause) {
    if (synonyms_ == nullptr || synonyms_->empty()) return;
    for (size_t i = 0; i < words.size(); i++) {
      for (size_t n = std::min(synonyms_->longest(), words.size() - i); n >= 1; n--) {
        std::string key, with_hash, number;
        for (size_t j = i; j < i + n; j++) {
          key += (j > i ? " " : "") + words[j].term;
          with_hash += (j > i ? " " : "") + (words[j].number ? std::string("#") : words[j].term);
          if (words[j].number) number = words[j].term;
        }
        std::vector<SynonymTable::Target> targets = synonyms_->find(key);
        if (targets.empty() && !number.empty()) targets = synonyms_->find(with_hash);
        if (targets.empty()) continue;
        for (const SynonymTable::Target& target : targets) add_target(target, number, first_clause + i, n);
        break;
      }
    }
  }

  void add_target(const SynonymTable::Target& target, const std::string& number, size_t clause, size_t n) {
    Alternative alternative;
    alternative.kind = target.correction ? MatchKind::kTypo : MatchKind::kSynonym;
    alternative.weight = target.weight;
    for (const std::string& word : *target.words) alternative.terms.push_back(word == "#" ? number : word);
    for (size_t at = clause; at < clause + n; at++) {
      Clause& into = query_.plan.clauses[at];
      if (alternative.terms.size() == 1) {
        finder_.add_with_stems(alternative.terms.front(), false, alternative.weight, alternative.kind, 0,
                               into);
      } else {
        AlternativeFinder::add(into, alternative);
      }
      if (!found(alternative)) continue;
      mark_known(at);  // and not a misspelling of something else
      std::erase_if(into.alternatives, [](const Alternative& one) { return one.edits > 0; });
    }
  }

  // --- phrases and exclusions ---

  void phrase(std::string_view text, const QueryPart& part, bool wanted) {
    const bool quoted = part.kind != QueryPart::Kind::kExcluded;
    analyzer_.analyze(text, query_.language, true, tokens_);
    Clause clause;
    clause.required = wanted;
    clause.excluded = !wanted;
    std::vector<WordTokens> words;
    std::vector<Whole> wholes;
    gather(tokens_, part.begin, words, wholes);
    if (words.empty()) return;
    Alternative alternative;
    for (const WordTokens& word : words) {
      if (alternative.terms.size() == kPhraseTermsMax) break;
      alternative.terms.push_back(word.term);
    }
    if (!quoted && words.size() == 1) {  // "-light" excludes lights too
      finder_.add_word(words.front(), clause);
      std::erase_if(clause.alternatives, [](const Alternative& one) { return one.kind == MatchKind::kWeak; });
    } else {
      clause.alternatives.push_back(std::move(alternative));
    }
    for (const Whole& whole : wholes)
      if (!quoted && whole.span == words.size()) {
        Alternative joined;
        joined.terms.push_back(whole.term);
        joined.kind = MatchKind::kJoin;
        AlternativeFinder::add(clause, std::move(joined));
      }
    QueryWord& told = query_.words.emplace_back();
    told.text = std::string(text);
    told.begin = part.begin;
    told.end = part.end;
    told.clause = static_cast<uint32_t>(query_.plan.clauses.size());
    told.phrase = quoted;
    told.excluded = !wanted;
    clause.weight = wanted ? static_cast<float>(words.size()) : 1;
    query_.plan.clauses.push_back(std::move(clause));
  }

  // --- the whole ---

  // Words like "for" have no clause when there are others: they are in half of the items and say nothing.
  void drop_stop_words() {
    const bool others = std::any_of(query_.words.begin(), query_.words.end(),
                                    [](const QueryWord& word) { return !word.stop_word && !word.excluded; });
    if (!others) {
      for (QueryWord& word : query_.words) word.stop_word = false;
      return;
    }
    std::vector<Clause> kept;
    for (QueryWord& word : query_.words) {
      if (word.stop_word && !word.phrase) continue;
      Clause& clause = query_.plan.clauses[word.clause];
      word.clause = static_cast<uint32_t>(kept.size());
      kept.push_back(std::move(clause));
    }
    query_.plan.clauses = std::move(kept);
  }

  void finish() {
    QueryPlan& plan = query_.plan;
    size_t wanted = 0;
    for (const Clause& clause : plan.clauses) {
      if (clause.excluded) continue;
      // What no item has cannot be asked of items.
      wanted += std::any_of(clause.alternatives.begin(), clause.alternatives.end(),
                            [&](const Alternative& one) { return found(one); });
    }
    for (Clause& clause : extra_)
      if (plan.clauses.size() < kClausesMax) plan.clauses.push_back(std::move(clause));
    for (Clause& clause : plan.clauses)
      for (Alternative& one : clause.alternatives)
        if (one.edits > 0) one.fields = options_.typo_fields;
    // Strict strategies want every word; relax() asks for less when nothing is found.
    const bool strict = options_.relaxation != Relaxation::kWords && options_.relaxation != Relaxation::kAny;
    for (const QueryWord& word : query_.words)
      if (strict && !word.stop_word && !word.excluded) plan.clauses[word.clause].required = true;
    plan.minimum_match = options_.relaxation == Relaxation::kWords ? words_minimum(wanted) : 1;
    plan.proximity = plan_weights.proximity;
    plan.exact = plan_weights.exact;
    plan.begins = plan_weights.begins;
    did_you_mean();
  }

  // A third of the words, at least one: more would hide what the catalogue calls otherwise.
  static uint32_t words_minimum(size_t words) {
    return static_cast<uint32_t>(std::max<size_t>(1, (words * plan_weights.minimum_percent) / 100));
  }

  void did_you_mean() {
    std::string better;
    size_t at = 0;
    bool changed = false;
    for (const QueryWord& word : query_.words) {
      if (word.known || word.correction.empty() || word.begin < at) continue;
      better.append(text_.substr(at, word.begin - at)).append(word.correction);
      at = word.end;
      changed = true;
    }
    if (!changed) return;
    better.append(text_.substr(at));
    query_.did_you_mean = std::move(better);
  }

  const std::string_view text_;
  const Analyzer& analyzer_;
  const SynonymTable* const synonyms_;
  const QueryOptions& options_;
  const Vocabulary& vocabulary_;
  const AlternativeFinder finder_;
  std::vector<Token> tokens_;
  std::vector<Clause> extra_;
  int similar_left_ = 2;  // Words of a query that may be looked for among all of the vocabulary.
  ParsedQuery query_;
};

}  // namespace

Result<ParsedQuery> QueryParser::parse(std::string_view text, const QueryOptions& options,
                                       const Vocabulary& vocabulary) const {
  if (text.size() > QueryLimits::kBytes)
    return invalid("query: expected at most " + std::to_string(QueryLimits::kBytes) + " bytes, got " +
                   std::to_string(text.size()));
  if (!is_utf8(text)) return invalid("query: expected UTF-8");
  return PlanMaker(text, analyzer_, synonyms_, options, vocabulary).make();
}

bool relax(const ParsedQuery& query, Relaxation relaxation, uint32_t step, QueryPlan& plan,
           std::string& dropped) {
  std::vector<const QueryWord*> words;  // that may be dropped: with a clause, neither quoted nor excluded
  for (const QueryWord& word : query.words)
    if (!word.stop_word && !word.phrase && !word.excluded) words.push_back(&word);
  if (relaxation == Relaxation::kNone || step == 0 || step >= words.size()) return false;
  dropped.clear();
  plan = query.plan;
  if (relaxation == Relaxation::kAny) return false;  // One word was enough from the beginning.
  if (relaxation == Relaxation::kWords) {
    if (plan.minimum_match <= step) return false;
    plan.minimum_match -= step;
    return true;
  }
  std::vector<uint32_t> gone;
  for (uint32_t i = 0; i < step; i++) {
    const QueryWord& word =
        relaxation == Relaxation::kLastWords ? *words[words.size() - step + i] : *words[i];
    gone.push_back(word.clause);
    dropped += (dropped.empty() ? "" : " ") + word.text;
  }
  plan.clauses.clear();
  for (uint32_t i = 0; i < query.plan.clauses.size(); i++)
    if (std::find(gone.begin(), gone.end(), i) == gone.end()) plan.clauses.push_back(query.plan.clauses[i]);
  return true;
}

}  // namespace freshet
