// The vocabulary: everything that can happen to a shop, as one flat record. docs/events.md says the same for
// people.
//
// An Event is a value. It owns its strings; a door that parses millions reuses one Event (clear() keeps
// capacity). Absent: empty string, empty list, NaN for numbers, kNoTime for times.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"

namespace freshet {

using Offset = uint64_t;  // Position of an event in the log: 0, 1, 2, ... without gaps.

// Numbers are part of the log format: never renumber, only add.
enum class EventType : uint8_t {
  kErased = 0,  // What erasure leaves behind: an offset with nothing in it. Never accepted at a door.
  kItemUpsert = 1,
  kItemUpdate = 2,  // Partial: only the attributes present change; a null attribute is removed.
  kItemDelete = 3,
  kUserUpsert = 4,
  kIdentityLink = 5,    // `user` (anonymous) is from now on `user_to` (known).
  kIdentityUnlink = 6,  // Takes the link back: what was learned under it stays with `user_to`.
  kImpression = 7,
  kView = 8,
  kClick = 9,
  kAddToCart = 10,
  kRemoveFromCart = 11,
  kWishlist = 12,
  kPurchase = 13,
  kRefund = 14,
  kRating = 15,
  kSearch = 16,
  kDismiss = 17,
  kContext = 18,  // External: weather, holiday, promotion; by region and time span.
  kEraseUser = 19,
  // What an administrator does; never accepted at a door for events.
  kSettings = 20,  // `name`: what is done to the search settings, `value`: with what (settings/settings.h).
  kCatalogSwap =
      21,  // `catalogue`, imported beside the live one, takes its place; name "discard": is dropped.
};
constexpr int kEventTypeCount = 22;

std::string_view event_type_name(EventType type);  // "add-to-cart"
// Accepts the name with - _ or space between words in any case, and the usual synonyms ("addtocart", "buy",
// "transaction", "pageview"): the list is in docs/events.md.
std::optional<EventType> parse_event_type(std::string_view text);

// What an administrator did: of these the log tells, and no sender may.
inline bool is_administration(EventType type) {
  return type >= EventType::kSettings;
}
std::optional<EventType> parse_administration(std::string_view text);  // By its exact name.

// True for what a shopper does with one item: view, click, cart, wishlist, purchase, rating, ...
bool is_item_action(EventType type);
// True for those of them that say "I am interested in it" (not remove-from-cart, refund, dismiss).
bool is_positive_action(EventType type);

constexpr TimeMs kNoTime = std::numeric_limits<TimeMs>::min();
constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();
inline bool has_number(double x) {
  return !std::isnan(x);
}

// A typed attribute value. monostate is an explicit null ("remove this attribute").
using Value = std::variant<std::monostate, bool, int64_t, double, std::string, std::vector<std::string>>;

struct Attribute {
  std::string name;  // Nested objects are flattened with dots: "dimensions.width".
  Value value;
  bool operator==(const Attribute&) const = default;
};

// One place in an impression.
struct ShownItem {
  std::string item;
  float propensity = std::numeric_limits<float>::quiet_NaN();  // P(shown here); NaN: not known
};

struct Event {
  EventType type = EventType::kView;
  TimeMs time_ms = kNoTime;      // When it happened, says the sender.
  TimeMs received_ms = kNoTime;  // When a door took it.
  std::string id;  // Unique within `source`; the door makes one from the content when the sender gave none.
  std::string source;   // Platform or feed: "web", "ios", "import".
  std::string user;     // Shopper.
  std::string user_to;  // Identity link and unlink only.
  std::string session;
  std::string item;
  std::string query;
  std::string query_id;  // The search or recommendation answer this belongs to.
  std::string surface;   // Where it was shown: "search", "for-you", "related", ...
  std::string order_id;
  std::string currency;       // ISO 4217
  std::string region;         // Context: where it holds. Actions: where the shopper is.
  std::string name;           // Context: kind, e.g. "weather".
  std::string value;          // Context: value, e.g. "rain".
  std::string catalogue;      // Items: of a catalogue that waits beside the live one; empty: the live one.
  TimeMs until_ms = kNoTime;  // Context: end of the span (time_ms is its start).
  double price = kNoNumber;
  double quantity = kNoNumber;
  double rating = kNoNumber;
  double result_count = kNoNumber;
  std::vector<ShownItem> shown;       // Impression: in the order shown.
  std::vector<Attribute> attributes;  // Upserts and updates; of pages, what only the server knew of them.

  const Value* attribute(std::string_view which) const;  // nullptr: there is none
  template <class T>
  const T* attribute_as(std::string_view which) const {  // nullptr: none, or of another type
    const Value* found = attribute(which);
    return found == nullptr ? nullptr : std::get_if<T>(found);
  }
  void clear();
};

bool operator==(const Event& a, const Event& b);  // NaN equals NaN.

}  // namespace freshet
