// Records, which are any JSON object, and items, whose attributes are flat and typed.
//
// Nested objects become names with dots and lists of objects names with positions (ingest does that), and are
// put together again here. What does not come back the same that way (null, lists of numbers, empty objects,
// line ends, names with dots) is kept beside as it came: the members of the record that need it, as JSON, in
// the attribute kKept.
//
// Values; no thread rules. Cost: a pass over the record.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "event/event.h"
#include "json/json.h"

namespace freshet::dialect_internal {

constexpr std::string_view kKept = "_kept";

// A line for Engine::items(). kInvalid: the record is no object. `object_id` names the item; a member
// "objectID" of the record is not one of its attributes.
Result<std::string> item_line(const Json& record, std::string_view object_id);

// Does `value` come back from its flat form as it was?
bool comes_back(const Json& value);

// Which members of a record to show: names, {"*"}: all, "-name": all but it. By top member or dotted path.
class Selection {
 public:
  Selection() = default;  // Everything.
  explicit Selection(const std::vector<std::string>& names);
  bool has(std::string_view name) const;
  bool everything() const { return all_ && without_.empty(); }

 private:
  bool all_ = true;
  std::vector<std::string> names_, without_;
};

// The members of the open object that `attributes` (sorted by name) stand for, but "objectID".
void write_record(JsonWriter& json, const std::vector<Attribute>& attributes, const Selection& selection);
Json::Object record_of(const std::vector<Attribute>& attributes);

// Members of the open object from leaves with dotted names, sorted: "a.b", "a.c" -> {"a": {"b": .., "c":
// ..}}; positions "a.0", "a.1" make a list. write(i) writes the value of leaf i.
template <class Write>
void write_nested(JsonWriter& json, const std::vector<std::string_view>& names, const Write& write);

// Changes of one record. kInvalid: names the attribute and what was expected of it.
// A value may be {"_operation": o, "value": v}: Increment, Decrement, Add, Remove, AddUnique, IncrementFrom,
// IncrementSet.
Status change_record(const Json& changes, Json::Object& record);

// ---- implementation of the template

struct NestedSpan {
  size_t begin, end, depth;  // Leaves begin..end share the first `depth` bytes.
};
std::string_view nested_key(std::string_view name, size_t depth);
bool nested_is_list(const std::vector<std::string_view>& names, const NestedSpan& span);
std::vector<NestedSpan> nested_children(const std::vector<std::string_view>& names, const NestedSpan& span,
                                        bool list);

template <class Write>
void write_nested_span(JsonWriter& json, const std::vector<std::string_view>& names, const NestedSpan& span,
                       bool list, const Write& write) {
  for (const NestedSpan& child : nested_children(names, span, list)) {
    const std::string_view key = nested_key(names[child.begin], span.depth);
    if (child.depth == 0) {  // A leaf.
      if (!list) json.key(names[child.begin].substr(span.depth));
      write(child.begin);
      continue;
    }
    if (!list) json.key(key);
    const bool inner = nested_is_list(names, child);
    if (inner) {
      json.array();
    } else {
      json.object();
    }
    write_nested_span(json, names, child, inner, write);
    json.end();
  }
}

template <class Write>
void write_nested(JsonWriter& json, const std::vector<std::string_view>& names, const Write& write) {
  write_nested_span(json, names, {0, names.size(), 0}, false, write);
}

}  // namespace freshet::dialect_internal
