#include "query/synonyms.h"

#include <algorithm>
#include <utility>

namespace freshet {

std::vector<std::string> synonym_words(const Analyzer& analyzer, std::string_view text) {
  std::vector<std::string> words;
  std::vector<Token> tokens;
  const auto add_run = [&](std::string_view run) {
    analyzer.analyze(run, Language::kNone, true, tokens);
    uint32_t next = 0;
    for (const Token& token : tokens) {
      if (token.kind != TokenKind::kWord && token.kind != TokenKind::kNumber) continue;
      if (token.position < next) continue;
      words.push_back(token.term);
      next = token.position + token.span;
    }
  };
  for (size_t at = 0; at <= text.size();) {
    const size_t hash = std::min(text.find('#', at), text.size());
    add_run(text.substr(at, hash - at));
    if (hash < text.size()) words.emplace_back("#");
    at = hash + 1;
  }
  return words;
}

SynonymTable::SynonymTable(std::span<const Synonym> synonyms, const Analyzer& analyzer) {
  sets_.reserve(synonyms.size());
  for (const Synonym& synonym : synonyms) {
    Set& set = sets_.emplace_back();
    const auto number = static_cast<uint32_t>(sets_.size() - 1);
    set.correction = synonym.kind == SynonymKind::kCorrection;
    double weight = synonym.weight;
    if (weight <= 0) weight = set.correction ? kCorrectionWeight : kSameWeight;
    set.weight = static_cast<float>(weight);
    const bool same = synonym.kind == SynonymKind::kSame;
    if (!same) set.phrases.push_back(synonym_words(analyzer, synonym.from));
    for (const std::string& text : synonym.words) set.phrases.push_back(synonym_words(analyzer, text));
    for (uint32_t i = 0; i < (same ? set.phrases.size() : 1); i++) add_place(number, i);
  }
}

void SynonymTable::add_place(uint32_t set, uint32_t phrase) {
  const Phrase& from = sets_[set].phrases[phrase];
  if (from.empty() || from.size() > kWordsMax) return;
  std::string key;
  for (const std::string& word : from) key += (key.empty() ? "" : " ") + word;
  std::vector<Place>& places = places_[key];
  if (places.size() >= kTargetsMax) return;
  places.push_back({set, phrase});
  longest_ = std::max(longest_, from.size());
}

std::vector<SynonymTable::Target> SynonymTable::find(const std::string& words) const {
  std::vector<Target> targets;
  const auto found = places_.find(words);
  if (found == places_.end()) return targets;
  for (const Place& place : found->second) {
    const Set& set = sets_[place.set];
    for (const Phrase& phrase : set.phrases) {
      if (phrase.empty() || phrase.size() > kWordsMax || phrase == set.phrases[place.phrase]) continue;
      targets.push_back({&phrase, set.weight, set.correction});
      if (targets.size() == kTargetsMax) return targets;
    }
  }
  return targets;
}

}  // namespace freshet
