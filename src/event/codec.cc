#include "event/codec.h"

#include <cstring>

namespace freshet {
namespace {

// Bit of each optional field in the presence mask. Part of the format: never renumber, only add.
enum : uint32_t {
  kTime = 1u << 0,
  kReceived = 1u << 1,
  kId = 1u << 2,
  kSource = 1u << 3,
  kUser = 1u << 4,
  kUserTo = 1u << 5,
  kSession = 1u << 6,
  kItem = 1u << 7,
  kQuery = 1u << 8,
  kQueryId = 1u << 9,
  kSurface = 1u << 10,
  kOrderId = 1u << 11,
  kCurrency = 1u << 12,
  kRegion = 1u << 13,
  kName = 1u << 14,
  kValue = 1u << 15,
  kUntil = 1u << 16,
  kPrice = 1u << 17,
  kQuantity = 1u << 18,
  kRating = 1u << 19,
  kResultCount = 1u << 20,
  kShown = 1u << 21,
  kAttributes = 1u << 22,
  kCatalogue = 1u << 23,
};
constexpr uint32_t kAllFields = (1u << 24) - 1;

// The text fields in the order of their bits, so that encoder and decoder cannot disagree.
constexpr struct {
  uint32_t bit;
  std::string Event::*member;
} kTexts[] = {
    {kId, &Event::id},
    {kSource, &Event::source},
    {kUser, &Event::user},
    {kUserTo, &Event::user_to},
    {kSession, &Event::session},
    {kItem, &Event::item},
    {kQuery, &Event::query},
    {kQueryId, &Event::query_id},
    {kSurface, &Event::surface},
    {kOrderId, &Event::order_id},
    {kCurrency, &Event::currency},
    {kRegion, &Event::region},
    {kName, &Event::name},
    {kValue, &Event::value},
    {kCatalogue, &Event::catalogue},
};
constexpr struct {
  uint32_t bit;
  TimeMs Event::*member;
} kTimes[] = {{kTime, &Event::time_ms}, {kReceived, &Event::received_ms}, {kUntil, &Event::until_ms}};
constexpr struct {
  uint32_t bit;
  double Event::*member;
} kNumbers[] = {{kPrice, &Event::price},
                {kQuantity, &Event::quantity},
                {kRating, &Event::rating},
                {kResultCount, &Event::result_count}};

uint32_t presence(const Event& event) {
  uint32_t mask = 0;
  for (const auto& f : kTexts) mask |= (event.*f.member).empty() ? 0u : f.bit;
  for (const auto& f : kTimes) mask |= (event.*f.member) == kNoTime ? 0u : f.bit;
  for (const auto& f : kNumbers) mask |= has_number(event.*f.member) ? f.bit : 0u;
  if (!event.shown.empty()) mask |= kShown;
  if (!event.attributes.empty()) mask |= kAttributes;
  return mask;
}

void encode_value(const Value& value, Writer& out) {
  out.u8(static_cast<uint8_t>(value.index()));
  switch (value.index()) {
    case 1:
      out.u8(std::get<bool>(value) ? 1 : 0);
      break;
    case 2:
      out.zigzag(std::get<int64_t>(value));
      break;
    case 3:
      out.f64(std::get<double>(value));
      break;
    case 4:
      out.str(std::get<std::string>(value));
      break;
    case 5: {
      const auto& list = std::get<std::vector<std::string>>(value);
      out.varint(list.size());
      for (const auto& text : list) out.str(text);
      break;
    }
    default:
      break;
  }
}

bool decode_value(Reader& in, Value& value) {
  switch (in.u8()) {
    case 0:
      value = std::monostate{};
      return true;
    case 1:
      value = in.u8() != 0;
      return true;
    case 2:
      value = in.zigzag();
      return true;
    case 3:
      value = in.f64();
      return true;
    case 4:
      value = std::string(in.str());
      return true;
    case 5: {
      const uint64_t count = in.varint();
      if (count > in.remaining()) return false;  // Each text takes at least one byte.
      std::vector<std::string> list;
      list.reserve(count);
      for (uint64_t i = 0; i < count; ++i) list.emplace_back(in.str());
      value = std::move(list);
      return true;
    }
    default:
      return false;
  }
}

}  // namespace

void encode_attributes(const std::vector<Attribute>& attributes, Writer& out) {
  out.varint(attributes.size());
  for (const Attribute& attribute : attributes) {
    out.str(attribute.name);
    encode_value(attribute.value, out);
  }
}

bool decode_attributes(Reader& in, std::vector<Attribute>& attributes) {
  const uint64_t count = in.varint();
  if (count > in.remaining()) return false;  // Each attribute takes at least one byte.
  attributes.resize(count);
  for (Attribute& attribute : attributes) {
    attribute.name = in.str();
    if (!decode_value(in, attribute.value)) return false;
  }
  return in.ok();
}

void encode_event(const Event& event, Writer& out) {
  const uint32_t mask = presence(event);
  out.u8(static_cast<uint8_t>(event.type));
  out.varint(mask);
  for (const auto& f : kTimes)
    if (mask & f.bit) out.i64(event.*f.member);
  for (const auto& f : kTexts)
    if (mask & f.bit) out.str(event.*f.member);
  for (const auto& f : kNumbers)
    if (mask & f.bit) out.f64(event.*f.member);
  if (mask & kShown) {
    out.varint(event.shown.size());
    for (const ShownItem& shown : event.shown) {
      out.str(shown.item);
      out.f32(shown.propensity);
    }
  }
  if (mask & kAttributes) encode_attributes(event.attributes, out);
}

Status decode_event(std::string_view record, Event& event) {
  event.clear();
  Reader in(record);
  const uint8_t type = in.u8();
  const uint64_t mask = in.varint();
  if (!in.ok() || type >= kEventTypeCount || (mask & ~uint64_t{kAllFields}) != 0)
    return corrupt("event record: unknown type or field (written by a newer version?)");
  event.type = static_cast<EventType>(type);
  for (const auto& f : kTimes)
    if (mask & f.bit) event.*f.member = in.i64();
  for (const auto& f : kTexts)
    if (mask & f.bit) event.*f.member = in.str();
  for (const auto& f : kNumbers)
    if (mask & f.bit) event.*f.member = in.f64();
  if (mask & kShown) {
    const uint64_t count = in.varint();
    if (count > in.remaining()) return corrupt("event record: impression list longer than the record");
    event.shown.resize(count);
    for (ShownItem& shown : event.shown) {
      shown.item = in.str();
      shown.propensity = in.f32();
    }
  }
  if ((mask & kAttributes) && !decode_attributes(in, event.attributes))
    return corrupt("event record: malformed attribute list");
  if (!in.ok()) return corrupt("event record: ends too early");
  if (!in.done()) return corrupt("event record: bytes left over");
  return {};
}

}  // namespace freshet
