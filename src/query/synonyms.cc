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
  for (const Synonym& synonym : synonyms) {
    std::vector<std::vector<std::string>> words;
    for (const std::string& text : synonym.words) words.push_back(synonym_words(analyzer, text));
    const bool correction = synonym.kind == SynonymKind::kCorrection;
    double weight = synonym.weight;
    if (weight <= 0) weight = correction ? kCorrectionWeight : kSameWeight;
    if (synonym.kind == SynonymKind::kSame) {
      for (size_t i = 0; i < words.size(); i++)
        for (size_t j = 0; j < words.size(); j++)
          if (i != j) add(words[i], {words[j], static_cast<float>(weight), false});
    } else {
      const std::vector<std::string> from = synonym_words(analyzer, synonym.from);
      for (auto& to : words) add(from, {std::move(to), static_cast<float>(weight), correction});
    }
  }
}

void SynonymTable::add(const std::vector<std::string>& from, Target target) {
  if (from.empty() || target.words.empty() || from.size() > kWordsMax || target.words.size() > kWordsMax)
    return;
  if (from == target.words) return;
  std::string key;
  for (const std::string& word : from) key += (key.empty() ? "" : " ") + word;
  std::vector<Target>& targets = targets_[key];
  if (targets.size() >= kTargetsMax) return;
  targets.push_back(std::move(target));
  longest_ = std::max(longest_, from.size());
}

const std::vector<SynonymTable::Target>* SynonymTable::find(const std::string& words) const {
  const auto found = targets_.find(words);
  return found == targets_.end() ? nullptr : &found->second;
}

}  // namespace freshet
