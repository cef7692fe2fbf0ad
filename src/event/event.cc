#include "event/event.h"

#include <algorithm>
#include <array>

namespace freshet {
namespace {

constexpr std::array<std::string_view, kEventTypeCount> kNames = {
    "erased",          "item-upsert", "item-update", "item-delete", "user-upsert", "identity-link",
    "identity-unlink", "impression",  "view",        "click",       "add-to-cart", "remove-from-cart",
    "wishlist",        "purchase",    "refund",      "rating",      "search",      "dismiss",
    "context",         "erase-user",  "settings",    "catalog-swap"};

constexpr std::pair<std::string_view, EventType> kSynonyms[] = {
    {"addtocart", EventType::kAddToCart},
    {"cart", EventType::kAddToCart},
    {"carts", EventType::kAddToCart},
    {"basket", EventType::kAddToCart},
    {"removefromcart", EventType::kRemoveFromCart},
    {"buy", EventType::kPurchase},
    {"order", EventType::kPurchase},
    {"orders", EventType::kPurchase},
    {"transaction", EventType::kPurchase},
    {"conversion", EventType::kPurchase},
    {"pageview", EventType::kView},
    {"page-view", EventType::kView},
    {"detail-page-view", EventType::kView},
    {"product-viewed", EventType::kView},
    {"product-clicked", EventType::kClick},
    {"clicks", EventType::kClick},
    {"like", EventType::kWishlist},
    {"favorite", EventType::kWishlist},
    {"favourite", EventType::kWishlist},
    {"rate", EventType::kRating},
    {"review", EventType::kRating},
    {"return", EventType::kRefund},
    {"query", EventType::kSearch},
    {"hide", EventType::kDismiss},
    {"show", EventType::kImpression},
    {"item", EventType::kItemUpsert},
    {"user", EventType::kUserUpsert},
};

bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

}  // namespace

std::string_view event_type_name(EventType type) {
  return kNames[static_cast<size_t>(type)];
}

std::optional<EventType> parse_event_type(std::string_view text) {
  char folded[32];
  if (text.empty() || text.size() > sizeof(folded)) return std::nullopt;
  std::transform(text.begin(), text.end(), folded, [](char c) {
    if (c == '_' || c == ' ') return '-';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  const std::string_view key(folded, text.size());
  // 0 is what erasure leaves, and from kSettings on an administrator's doings: no sender may write them.
  for (int i = 1; i < static_cast<int>(EventType::kSettings); ++i)
    if (kNames[i] == key) return static_cast<EventType>(i);
  for (const auto& [name, type] : kSynonyms)
    if (name == key) return type;
  return std::nullopt;
}

std::optional<EventType> parse_administration(std::string_view text) {
  for (int i = static_cast<int>(EventType::kSettings); i < kEventTypeCount; ++i)
    if (kNames[i] == text) return static_cast<EventType>(i);
  return std::nullopt;
}

bool is_positive_action(EventType type) {
  switch (type) {
    case EventType::kView:
    case EventType::kClick:
    case EventType::kAddToCart:
    case EventType::kWishlist:
    case EventType::kPurchase:
    case EventType::kRating:
      return true;
    default:
      return false;
  }
}

bool is_item_action(EventType type) {
  return is_positive_action(type) || type == EventType::kRemoveFromCart || type == EventType::kRefund ||
         type == EventType::kDismiss;
}

const Value* Event::attribute(std::string_view which) const {
  for (const Attribute& one : attributes)
    if (one.name == which) return &one.value;
  return nullptr;
}

void Event::clear() {
  type = EventType::kView;
  time_ms = received_ms = until_ms = kNoTime;
  for (std::string* text : {&id, &source, &user, &user_to, &session, &item, &query, &query_id, &surface,
                            &order_id, &currency, &region, &name, &value, &catalogue})
    text->clear();
  price = quantity = rating = result_count = kNoNumber;
  shown.clear();
  attributes.clear();
}

bool operator==(const Event& a, const Event& b) {
  const auto same_shown = [](const ShownItem& x, const ShownItem& y) {
    return x.item == y.item && same(x.propensity, y.propensity);
  };
  return a.type == b.type && a.time_ms == b.time_ms && a.received_ms == b.received_ms && a.id == b.id &&
         a.source == b.source && a.user == b.user && a.user_to == b.user_to && a.session == b.session &&
         a.item == b.item && a.query == b.query && a.query_id == b.query_id && a.surface == b.surface &&
         a.order_id == b.order_id && a.currency == b.currency && a.region == b.region && a.name == b.name &&
         a.value == b.value && a.catalogue == b.catalogue && a.until_ms == b.until_ms &&
         same(a.price, b.price) && same(a.quantity, b.quantity) && same(a.rating, b.rating) &&
         same(a.result_count, b.result_count) &&
         std::equal(a.shown.begin(), a.shown.end(), b.shown.begin(), b.shown.end(), same_shown) &&
         a.attributes == b.attributes;
}

}  // namespace freshet
