// Rules over searches and recommendations: checked here, kept as documents, parsed once a revision.
#include "rules/rules.h"

#include <algorithm>

#include "engine/engine.h"
#include "env/clock.h"

namespace freshet {
namespace {

void drop_below(double share, std::vector<RecommendedItem>& items) {
  if (share <= 0) return;
  float best = 0;
  for (const RecommendedItem& one : items) best = std::max(best, one.score);
  std::erase_if(items, [&](const RecommendedItem& one) {
    return one.reason_kind != "rule" && static_cast<double>(one.score) < share * static_cast<double>(best);
  });
}

}  // namespace

std::shared_ptr<const RuleBook> Engine::rules() const {
  const auto documents = this->documents(kRules);
  const std::lock_guard lock(rules_mutex_);
  if (rules_ == nullptr || rules_->revision() != documents->revision)
    rules_ = std::make_shared<const RuleBook>(*documents);
  return rules_;
}

Result<RecommendAnswer> Engine::answer_recommend(const Live& live, const RecommendRequest& request,
                                                 TimeMs event_now) const {
  const std::shared_ptr<const RuleBook> book = request.rules ? rules() : nullptr;
  std::vector<const Rule*> met;
  if (book != nullptr && !book->empty()) met = book->match(rule_page(request), now_ms());
  TRY(RecommendAnswer answer, met.empty() ? live.service->recommend(request, event_now)
                                          : recommend_with_rules(*live.service, request, met, event_now));
  drop_below(request.least_share, answer.items);
  return answer;
}

// Those of the shop with this one, in the place of the one of its id; made for one search.
Result<std::shared_ptr<const RuleBook>> Engine::rules_with(const std::string& json) const {
  const Result<Rule> rule = parse_rule(json);
  if (!rule.ok()) return Error{rule.error().code, "try_rule." + rule.error().what};
  DocumentCollection all = *documents(kRules);
  std::erase_if(all.documents, [&](const auto& one) { return one->id == rule->id; });
  const auto at = std::find_if(all.documents.begin(), all.documents.end(),
                               [&](const auto& one) { return one->id > rule->id; });
  all.documents.insert(at, std::make_shared<const Document>(Document{rule->id, json}));
  return std::make_shared<const RuleBook>(all);
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
