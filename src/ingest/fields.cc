#include "ingest/internal/fields.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/hash.h"
#include "text/normalize.h"

namespace freshet {
namespace {

struct Name {
  std::string_view folded;
  Field field;
};

// The first name of each field is its own. Folded: lower case, without "_", "-" and spaces.
constexpr Name kNames[] = {
    {"type", Field::kType},
    {"event", Field::kType},
    {"eventtype", Field::kType},
    {"action", Field::kType},
    {"behavior", Field::kType},
    {"time", Field::kTime},
    {"timestamp", Field::kTime},
    {"ts", Field::kTime},
    {"eventtime", Field::kTime},
    {"datetime", Field::kTime},
    {"occurredat", Field::kTime},
    {"timems", Field::kTimeMs},
    {"tsms", Field::kTimeMs},
    {"timestampms", Field::kTimeMs},
    {"id", Field::kId},
    {"eventid", Field::kId},
    {"messageid", Field::kId},
    {"insertid", Field::kId},
    {"uuid", Field::kId},
    {"source", Field::kSource},
    {"platform", Field::kSource},
    {"channel", Field::kSource},
    {"user", Field::kUser},
    {"userid", Field::kUser},
    {"usertoken", Field::kUser},
    {"visitor", Field::kUser},
    {"visitorid", Field::kUser},
    {"shopper", Field::kUser},
    {"shopperid", Field::kUser},
    {"customer", Field::kUser},
    {"customerid", Field::kUser},
    {"userto", Field::kUserTo},
    {"knownuser", Field::kUserTo},
    {"session", Field::kSession},
    {"sessionid", Field::kSession},
    {"item", Field::kItem},
    {"itemid", Field::kItem},
    {"product", Field::kItem},
    {"productid", Field::kItem},
    {"objectid", Field::kItem},
    {"sku", Field::kItem},
    {"article", Field::kItem},
    {"query", Field::kQuery},
    {"q", Field::kQuery},
    {"searchquery", Field::kQuery},
    {"searchterm", Field::kQuery},
    {"queryid", Field::kQueryId},
    {"requestid", Field::kQueryId},
    {"surface", Field::kSurface},
    {"placement", Field::kSurface},
    {"orderid", Field::kOrderId},
    {"order", Field::kOrderId},
    {"transactionid", Field::kOrderId},
    {"invoice", Field::kOrderId},
    {"invoiceno", Field::kOrderId},
    {"currency", Field::kCurrency},
    {"region", Field::kRegion},
    {"country", Field::kRegion},
    {"name", Field::kName},
    {"value", Field::kValue},
    {"until", Field::kUntil},
    {"end", Field::kUntil},
    {"validuntil", Field::kUntil},
    {"untilms", Field::kUntilMs},
    {"price", Field::kPrice},
    {"unitprice", Field::kPrice},
    {"quantity", Field::kQuantity},
    {"qty", Field::kQuantity},
    {"rating", Field::kRating},
    {"stars", Field::kRating},
    {"resultcount", Field::kResultCount},
    {"results", Field::kResultCount},
    {"nbhits", Field::kResultCount},
    {"propensity", Field::kPropensity},
    {"items", Field::kItems},
    {"shown", Field::kItems},
    {"products", Field::kItems},
    {"itemids", Field::kItems},
    {"objectids", Field::kItems},
    {"lines", Field::kItems},
    {"propensities", Field::kPropensities},
    {"attributes", Field::kAttributes},
    {"properties", Field::kAttributes},
    {"traits", Field::kAttributes},
};

constexpr std::array<std::string_view, static_cast<size_t>(Field::kCount)> kOwnNames = {
    "attribute", "type",    "time",         "time_ms",    "id",       "source",       "user",
    "user_to",   "session", "item",         "query",      "query_id", "surface",      "order_id",
    "currency",  "region",  "name",         "value",      "until",    "until_ms",     "price",
    "quantity",  "rating",  "result_count", "propensity", "items",    "propensities", "attributes"};

constexpr size_t kSlots = 256;  // A power of two, above twice the number of names.

struct Table {
  uint8_t slots[kSlots] = {};  // 1 + index in kNames; 0: free.
  Table() {
    for (size_t i = 0; i < std::size(kNames); ++i) {
      size_t at = hash_bytes(kNames[i].folded) % kSlots;
      while (slots[at] != 0) at = (at + 1) % kSlots;
      slots[at] = static_cast<uint8_t>(i + 1);
    }
  }
};
static_assert(std::size(kNames) < kSlots / 2);

}  // namespace

Field field_of(std::string_view name) {
  static const Table table;
  char folded[24];
  size_t size = 0;
  for (const char c : name) {
    if (c == '_' || c == '-' || c == ' ') continue;
    if (size == sizeof(folded)) return Field::kNone;
    folded[size++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  const std::string_view key(folded, size);
  for (size_t at = hash_bytes(key) % kSlots; table.slots[at] != 0; at = (at + 1) % kSlots) {
    const Name& candidate = kNames[table.slots[at] - 1];
    if (candidate.folded == key) return candidate.field;
  }
  return Field::kNone;
}

std::string_view field_name(Field field) {
  return kOwnNames[static_cast<size_t>(field)];
}

std::string* text_of(Event& event, Field field) {
  switch (field) {
    case Field::kId:
      return &event.id;
    case Field::kSource:
      return &event.source;
    case Field::kUser:
      return &event.user;
    case Field::kUserTo:
      return &event.user_to;
    case Field::kSession:
      return &event.session;
    case Field::kItem:
      return &event.item;
    case Field::kQuery:
      return &event.query;
    case Field::kQueryId:
      return &event.query_id;
    case Field::kSurface:
      return &event.surface;
    case Field::kOrderId:
      return &event.order_id;
    case Field::kCurrency:
      return &event.currency;
    case Field::kRegion:
      return &event.region;
    case Field::kName:
      return &event.name;
    case Field::kValue:
      return &event.value;
    default:
      return nullptr;
  }
}

double* number_of(Event& event, Field field) {
  switch (field) {
    case Field::kPrice:
      return &event.price;
    case Field::kQuantity:
      return &event.quantity;
    case Field::kRating:
      return &event.rating;
    case Field::kResultCount:
      return &event.result_count;
    default:
      return nullptr;
  }
}

bool parse_number(std::string_view text, double& number) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double parsed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || !std::isfinite(parsed))
    return false;
  number = parsed;
  return true;
}

void append_number(double number, std::string& out) {
  char text[40];
  std::to_chars_result end{};
  if (number == std::floor(number) && std::fabs(number) < 9.007199254740992e15) {
    end = std::to_chars(text, text + sizeof(text), static_cast<int64_t>(number));
  } else {
    end = std::to_chars(text, text + sizeof(text), number);
  }
  out.append(text, end.ptr);
}

std::string shown_value(std::string_view text) {
  constexpr size_t kShown = 64;
  std::string out(text.substr(0, kShown));
  if (text.size() > kShown) {
    while (!out.empty() && (out.back() & 0xc0) == 0x80) out.pop_back();  // Inside a character:
    if (!out.empty() && (out.back() & 0x80) != 0) out.pop_back();        // drop all of it.
  }
  if (!is_utf8(out)) {
    for (char& c : out)
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  replace_controls(out);
  if (text.size() > kShown) out += "...";
  return out;
}

}  // namespace freshet
