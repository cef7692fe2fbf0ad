// What the translators of foreign events share.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "json/json.h"

namespace freshet::foreign {

// The first of these members that is there and not null.
const Json* member(const Json& object, std::initializer_list<std::string_view> names);
// A text, or a number as text; empty: absent or neither.
std::string text_of(const Json* value);
inline std::string text(const Json& object, std::initializer_list<std::string_view> names) {
  return text_of(member(object, names));
}
const Json::List& list(const Json* value);  // Empty when it is none.
// "Product_Added" -> "product added"
std::string plain(std::string_view name);

// One line of native JSON. Empty texts are left out.
class Line {
 public:
  explicit Line(std::string_view type) { json_.object().field("type", type); }
  Line& put(std::string_view name, const std::string& value) {
    if (!value.empty()) json_.field(name, std::string_view(value));
    return *this;
  }
  // A value as it is; of no interest when absent.
  Line& put(std::string_view name, const Json* value) {
    if (value != nullptr && !value->is_null()) write_json(json_.key(name), *value);
    return *this;
  }
  JsonWriter& json() { return json_; }
  void end(std::string& lines) {
    json_.end();
    lines += json_.take();
    lines.push_back('\n');
  }

 private:
  JsonWriter json_;
};

// The person behind an anonymous id, once for each pair. Nothing when either is missing. Returns the lines
// added.
size_t link(std::string_view source, const std::string& anonymous, const std::string& known,
            std::string& lines);

size_t segment_event(const Json& event, std::string& lines);
size_t ga4_event(const Json& event, std::string& lines);
size_t retail_event(const Json& event, std::string& lines);
size_t ubi_event(const Json& event, std::string& lines);
size_t metarank_event(const Json& event, std::string& lines);

}  // namespace freshet::foreign
