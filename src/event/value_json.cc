#include "event/value_json.h"

namespace freshet {

void write_value(JsonWriter& json, const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    json.value(*flag);
  } else if (const auto* whole = std::get_if<int64_t>(&value)) {
    json.value(*whole);
  } else if (const auto* number = std::get_if<double>(&value)) {
    json.value(*number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    json.value(std::string_view(*text));
  } else if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    json.array();
    for (const std::string& one : *list) json.value(std::string_view(one));
    json.end();
  } else {
    json.null();
  }
}

}  // namespace freshet
