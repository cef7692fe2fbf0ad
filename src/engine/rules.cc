// Rules over searches: checked here, kept as documents, parsed once a revision.
#include "rules/rules.h"

#include "engine/engine.h"

namespace freshet {

std::shared_ptr<const RuleBook> Engine::rules() const {
  const auto documents = this->documents(kRules);
  const std::lock_guard lock(rules_mutex_);
  if (rules_ == nullptr || rules_->revision() != documents->revision)
    rules_ = std::make_shared<const RuleBook>(*documents);
  return rules_;
}

Status Engine::put_rules(const std::vector<std::string>& rules, std::string_view by, bool replace) {
  std::vector<Document> all;
  for (const std::string& json : rules) {
    TRY(const Rule rule, parse_rule(json));
    all.push_back({rule.id, json});
  }
  if (all.size() > RuleLimits::kRules)
    return exhausted("rules: expected at most " + std::to_string(RuleLimits::kRules));
  return put_documents(kRules, all, by, replace);
}

}  // namespace freshet
