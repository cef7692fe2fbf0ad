// The fields of an event by name: one table for JSON, column maps and dead letters. docs/events.md lists it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "event/event.h"

namespace freshet {

enum class Field : uint8_t {
  kNone,  // Not a field of events: an attribute.
  kType,
  kTime,
  kTimeMs,  // "time_ms": the name gives the unit.
  kId,
  kSource,
  kUser,
  kUserTo,
  kSession,
  kItem,
  kQuery,
  kQueryId,
  kSurface,
  kOrderId,
  kCurrency,
  kRegion,
  kName,
  kValue,
  kUntil,
  kUntilMs,
  kPrice,
  kQuantity,
  kRating,
  kResultCount,
  kPropensity,  // Inside an impression's list.
  kItems,       // An impression's list, an order's lines, a session's items.
  kPropensities,
  kAttributes,
  kCount,
};

// The field of a name or synonym; case, "_", "-" and spaces do not count ("userId" is "user_id").
Field field_of(std::string_view name);
std::string_view field_name(Field field);  // "order_id"

// Null: not a text (number) field.
std::string* text_of(Event& event, Field field);
double* number_of(Event& event, Field field);
inline bool is_text(Field field) {
  return field >= Field::kId && field <= Field::kValue;
}
inline bool is_number(Field field) {
  return field >= Field::kPrice && field <= Field::kResultCount;
}

// Numbers, as senders write them: "12", "-3.5", "1e3", spaces around. Locale-free.
bool parse_number(std::string_view text, double& number);
// The shortest text that reads back as `number`; integers without a fraction.
void append_number(double number, std::string& out);

// What dead letters and rejections show of a value: at most 64 bytes, cut at a character, controls replaced.
std::string shown_value(std::string_view text);

}  // namespace freshet
