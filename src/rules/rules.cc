#include "rules/rules.h"

#include <algorithm>

#include "column/filter.h"
#include "text/words.h"

namespace freshet {
namespace {

constexpr std::string_view kAnyRecommendations = "recommendations";

std::string folded(std::string_view text) {
  std::string out;
  fold_words(text, out);
  return out;
}

Result<RuleCondition> read_condition(const Json& json, const std::string& path) {
  RuleCondition out;
  JsonFields fields(json, path);
  std::string query, match = "contains";
  fields.text("query", query, 0, SearchRequest::kQueryBytesMax);
  fields.text("match", match, 1, 16);
  fields.text("page", out.page, 1, 32);
  if (!out.page.empty() && out.page != "search" && out.page != kAnyRecommendations &&
      !parse_surface(out.page).ok())
    fields.wrong("page", "search, recommendations, or a surface of recommendations");
  fields.text("context", out.context, 0, 128);
  fields.text("filter", out.filter, 0, 1024);
  out.any_query = !fields.has("query");
  out.query = folded(query);
  static constexpr std::string_view kNames[] = {"is", "starts", "ends", "contains"};
  const auto* at = std::find(std::begin(kNames), std::end(kNames), match);
  if (at == std::end(kNames)) fields.wrong("match", "is, starts, ends or contains");
  out.match = static_cast<RuleMatch>(at - std::begin(kNames));
  TRY_STATUS(fields.finish());
  return out;
}

Status read_pins(JsonFields& fields, const std::string& path, Rule& out) {
  const Json::List* list = fields.list("pin", RuleLimits::kPins);
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    RulePin pin;
    JsonFields inner((*list)[i], path + ".pin[" + std::to_string(i) + "]");
    inner.text("item", pin.item, 1, 256);
    if (!inner.has("item")) inner.wrong("item", "the id of an item");
    inner.whole("position", pin.position, 0u, 999u);
    TRY_STATUS(inner.finish());
    out.pins.push_back(std::move(pin));
  }
  return {};
}

std::string json_of(const Json* value) {
  if (value == nullptr) return {};
  JsonWriter json;
  write_json(json, *value);
  return json.take();
}

Status check_filter(JsonFields& fields, std::string_view name, const std::string& filter) {
  const auto parsed = Filter::parse(filter);
  if (parsed.ok()) return {};
  return invalid(fields.path(name) + ": " + parsed.error().what);
}

Status read_consequence(const Json& json, Rule& out) {
  JsonFields fields(json, "then");
  fields.text("query", out.query, 0, SearchRequest::kQueryBytesMax);
  out.replace_query = fields.has("query");
  fields.texts("remove_words", out.remove_words, RuleLimits::kWords, 128);
  for (std::string& word : out.remove_words) word = folded(word);
  fields.text("filter", out.filter, 0, 1024);
  fields.text("lift", out.lift, 0, 1024);
  fields.flag("pins_follow_filters", out.pins_follow_filters);
  fields.texts("hide", out.hide, RuleLimits::kHidden, 256);
  fields.text("redirect", out.redirect, 0, 2048);
  TRY_STATUS(read_pins(fields, "then", out));
  out.data = json_of(fields.any("data"));
  out.rendering = json_of(fields.any("rendering"));
  TRY_STATUS(check_filter(fields, "filter", out.filter));
  TRY_STATUS(check_filter(fields, "lift", out.lift));
  size_t bytes = 0;
  for (const RulePin& pin : out.pins) bytes += pin.item.size() + 4;
  for (const std::string& item : out.hide) bytes += item.size() + 4;
  if (bytes > RuleLimits::kIdBytes)
    fields.wrong("pin", "with hide at most " + std::to_string(RuleLimits::kIdBytes) + " bytes of ids");
  return fields.finish();
}

bool same_words(const RuleCondition& condition, std::string_view query) {
  const std::string_view words = condition.query;
  if (words.empty()) return query.empty();
  if (condition.match == RuleMatch::kIs) return query == words;
  const std::string within = " " + std::string(query) + " ", sought = " " + std::string(words) + " ";
  if (condition.match == RuleMatch::kStarts) return within.starts_with(sought);
  if (condition.match == RuleMatch::kEnds) return within.ends_with(sought);
  return within.find(sought) != std::string::npos;
}

bool holds(const RuleCondition& condition, const RulePage& page, std::string_view query) {
  if (!condition.any_query && (page.query == nullptr || !same_words(condition, query))) return false;
  if (!condition.page.empty() && condition.page != page.name &&
      !(condition.page == kAnyRecommendations && page.query == nullptr))
    return false;
  const auto& contexts = page.contexts;
  if (!condition.context.empty() &&
      std::find(contexts.begin(), contexts.end(), condition.context) == contexts.end())
    return false;
  return condition.filter.empty() || page.filter.find(condition.filter) != std::string::npos;
}

bool is_valid(const Rule& rule, TimeMs wall_ms) {
  return rule.valid.empty() || std::any_of(rule.valid.begin(), rule.valid.end(), [&](const auto& span) {
           return span.first <= wall_ms && wall_ms < span.second;
         });
}

}  // namespace

Result<Rule> parse_rule(std::string_view text) {
  TRY(const Json json, parse_json(text, {DocumentLimits::kJsonBytes, 40}));
  Rule out;
  JsonFields fields(json, "");
  std::string description;
  fields.text("id", out.id, 1, 256);
  if (!fields.has("id")) fields.wrong("id", "a text, 1 to 256 bytes");
  fields.flag("enabled", out.enabled);
  fields.text("description", description, 0, 1024);
  fields.any("origin");
  const Json::List* when = fields.list("when", RuleLimits::kConditions);
  for (size_t i = 0; when != nullptr && i < when->size(); ++i) {
    TRY(RuleCondition condition, read_condition((*when)[i], "when[" + std::to_string(i) + "]"));
    out.when.push_back(std::move(condition));
  }
  const Json::List* valid = fields.list("valid", RuleLimits::kConditions);
  for (size_t i = 0; valid != nullptr && i < valid->size(); ++i) {
    uint64_t from = 0, until = uint64_t{1} << 53;
    JsonFields span((*valid)[i], "valid[" + std::to_string(i) + "]");
    span.whole("from_ms", from, uint64_t{0}, uint64_t{1} << 53);
    span.whole("until_ms", until, uint64_t{0}, uint64_t{1} << 53);
    TRY_STATUS(span.finish());
    out.valid.emplace_back(static_cast<TimeMs>(from), static_cast<TimeMs>(until));
  }
  if (const Json* then = fields.any("then")) TRY_STATUS(read_consequence(*then, out));
  TRY_STATUS(fields.finish());
  return out;
}

RuleBook::RuleBook(const DocumentCollection& documents) : revision_(documents.revision) {
  for (const auto& document : documents.documents) {
    Result<Rule> rule = parse_rule(document->json);
    if (rule.ok() && rule->enabled) rules_.push_back(std::move(rule).value());
  }
}

std::vector<const Rule*> RuleBook::match(const RulePage& page, TimeMs wall_ms) const {
  std::vector<const Rule*> out;
  const std::string query = page.query == nullptr ? std::string() : folded(*page.query);
  for (const Rule& rule : rules_) {
    if (!is_valid(rule, wall_ms)) continue;
    const bool met =
        rule.when.empty() || std::any_of(rule.when.begin(), rule.when.end(),
                                         [&](const auto& one) { return holds(one, page, query); });
    if (met) out.push_back(&rule);
  }
  return out;
}

void add_lift(const std::string& lift, std::string& lifts) {
  if (lift.empty()) return;
  std::string all = lifts + (lifts.empty() ? "(" : " OR (") + lift + ")";
  if (all.size() <= RuleLimits::kLiftsBytes && Filter::parse(all).ok()) lifts = std::move(all);
}

}  // namespace freshet
