#include "ingest/internal/missing.h"

#include "base/hash.h"
#include "ingest/time_text.h"

namespace freshet {
namespace {

constexpr size_t kItemsRemembered = 1 << 14;

Result<MissingPolicy> parse_one(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    return invalid("missing policy \"" + std::string(text) +
                   "\": expected field=reject|default:VALUE|previous|mean|keep");
  MissingPolicy policy;
  const Field field = field_of(text.substr(0, equals));
  std::string_view action = text.substr(equals + 1);
  const bool number = is_number(field);
  if (!number && field != Field::kCurrency && field != Field::kRegion && field != Field::kSource &&
      field != Field::kSurface && field != Field::kSession && field != Field::kTime)
    return invalid("missing policy \"" + std::string(text) +
                   "\": expected one of price, quantity, rating, result_count, currency, region, source, "
                   "surface, session, time");
  policy.field = field_name(field);
  if (action == "keep") {
    policy.action = MissingAction::kKeep;
  } else if (action == "reject") {
    policy.action = MissingAction::kReject;
  } else if (action == "previous") {
    policy.action = MissingAction::kPrevious;
  } else if (action == "mean" && number) {
    policy.action = MissingAction::kMean;
  } else if (action.substr(0, 8) == "default:" && action.size() > 8) {
    policy.action = MissingAction::kDefault;
    policy.value = action.substr(8);
    double ignored = 0;
    TimeMs time = 0;
    if (number && !parse_number(policy.value, ignored))
      return invalid("missing policy \"" + std::string(text) + "\": expected a number after default:");
    if (field == Field::kTime && !time_from_text(policy.value, TimeUnit::kAuto, time))
      return invalid("missing policy \"" + std::string(text) + "\": expected a time after default:");
  } else {
    return invalid("missing policy \"" + std::string(text) +
                   "\": expected reject, default:VALUE, previous, keep or (numbers only) mean");
  }
  return policy;
}

}  // namespace

Result<std::vector<MissingPolicy>> parse_missing_policies(std::string_view text) {
  std::vector<MissingPolicy> policies;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    TRY(MissingPolicy policy, parse_one(text.substr(0, comma)));
    policies.push_back(std::move(policy));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return policies;
}

MissingValues::MissingValues(const std::vector<MissingPolicy>& policies) {
  for (const MissingPolicy& policy : policies) {
    if (policy.action == MissingAction::kKeep) continue;
    Rule rule{field_of(policy.field), policy.action, policy.value};
    if (is_number(rule.field)) {
      parse_number(policy.value, rule.number);
      if (policy.action == MissingAction::kPrevious || policy.action == MissingAction::kMean)
        rule.by_item.resize(kItemsRemembered);
    } else if (rule.field == Field::kTime && !policy.value.empty()) {
      time_from_text(policy.value, TimeUnit::kAuto, rule.time);
    }
    rules_.push_back(std::move(rule));
  }
}

bool MissingValues::concerns(const Rule& rule, EventType type) {
  const bool cart = type == EventType::kAddToCart || type == EventType::kRemoveFromCart ||
                    type == EventType::kPurchase || type == EventType::kRefund;
  switch (rule.field) {
    case Field::kPrice:
    case Field::kCurrency:
      return cart || type == EventType::kView || type == EventType::kClick || type == EventType::kWishlist;
    case Field::kQuantity:
      return cart;
    case Field::kRating:
      return type == EventType::kRating;
    case Field::kResultCount:
      return type == EventType::kSearch;
    case Field::kTime:
      return true;
    default:
      return is_item_action(type) || type == EventType::kImpression || type == EventType::kSearch;
  }
}

MissingValues::Running* MissingValues::of_item(Rule& rule, const Event& event) {
  if (rule.by_item.empty() || event.item.empty()) return nullptr;
  const uint64_t key = hash_bytes(event.item, static_cast<uint64_t>(event.type)) | 1;
  Running& slot = rule.by_item[key >> 50];  // The high 14 bits.
  if (slot.item != key) {
    slot = Running();
    slot.item = key;
  }
  return &slot;
}

bool MissingValues::fill_number(Rule& rule, Event& event, double& number) {
  if (rule.action == MissingAction::kDefault) {
    number = rule.number;
    return true;
  }
  const Running* const item = of_item(rule, event);
  const Running& known = item != nullptr && item->count > 0 ? *item : rule.overall;
  if (known.count == 0) return true;  // Nothing to go by: it stays absent.
  number = rule.action == MissingAction::kMean ? known.sum / static_cast<double>(known.count) : known.last;
  return true;
}

bool MissingValues::fill(Event& event, std::string_view& field) {
  for (Rule& rule : rules_) {
    if (!concerns(rule, event.type)) continue;
    double* const number = number_of(event, rule.field);
    std::string* const text = text_of(event, rule.field);
    rule.filled = number != nullptr ? !has_number(*number)
                  : text != nullptr ? text->empty()
                                    : event.time_ms == kNoTime;
    if (!rule.filled) continue;
    if (rule.action == MissingAction::kReject) {
      field = field_name(rule.field);
      return false;
    }
    if (number != nullptr) {
      fill_number(rule, event, *number);
    } else if (text != nullptr) {
      *text = rule.text;
    } else {
      event.time_ms = rule.time;
    }
  }
  return true;
}

void MissingValues::learn(const Event& event) {
  for (Rule& rule : rules_) {
    if (rule.filled || !concerns(rule, event.type)) continue;
    if (rule.action != MissingAction::kPrevious && rule.action != MissingAction::kMean) continue;
    Event& same = const_cast<Event&>(event);  // number_of and text_of only find the member.
    if (const double* const number = number_of(same, rule.field)) {
      rule.overall.add(*number);
      if (Running* const item = of_item(rule, event)) item->add(*number);
    } else if (const std::string* const text = text_of(same, rule.field)) {
      rule.text = *text;
    } else {
      rule.time = event.time_ms;
    }
  }
}

size_t MissingValues::bytes() const {
  size_t bytes = 0;
  for (const Rule& rule : rules_) bytes += sizeof(Rule) + rule.by_item.capacity() * sizeof(Running);
  return bytes;
}

}  // namespace freshet
