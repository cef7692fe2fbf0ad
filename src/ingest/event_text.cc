#include "ingest/internal/event_text.h"

#include "event/value_json.h"
#include "ingest/internal/fields.h"

namespace freshet {

std::string event_as_json(const Event& event) {
  Event& same = const_cast<Event&>(event);  // text_of and number_of only find the member.
  JsonWriter json;
  json.object();
  json.field("type", event_type_name(event.type));
  if (event.time_ms != kNoTime) json.field("time_ms", event.time_ms);
  if (event.until_ms != kNoTime) json.field("until_ms", event.until_ms);
  for (int i = static_cast<int>(Field::kId); i <= static_cast<int>(Field::kResultCount); ++i) {
    const auto field = static_cast<Field>(i);
    if (const std::string* const text = text_of(same, field); text != nullptr && !text->empty())
      json.field(field_name(field), *text);
    if (const double* const number = number_of(same, field); number != nullptr && has_number(*number))
      json.field(field_name(field), *number);
  }
  if (!event.shown.empty()) {
    json.key("items").array();
    for (const ShownItem& shown : event.shown) {
      json.object().field("item", shown.item);
      if (shown.propensity == shown.propensity) json.field("propensity", shown.propensity);
      json.end();
    }
    json.end();
  }
  if (!event.attributes.empty()) {
    json.key("attributes").object();
    for (const Attribute& attribute : event.attributes) {
      json.key(attribute.name);
      write_value(json, attribute.value);
    }
    json.end();
  }
  json.end();
  return json.take();
}

}  // namespace freshet
