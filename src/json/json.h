// JSON read into a tree of values: for documents that people write (settings, search requests), not for bulk
// data, which ingest/ reads in place.
//
// Values; no thread rules. Cost: one allocation a value and name. The library stays behind json.cc.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/json_writer.h"
#include "base/result.h"

namespace freshet {

struct Json {
  using List = std::vector<Json>;
  struct Member;
  using Object = std::vector<Member>;  // In the order written; names are distinct.
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Object> value;

  bool is_null() const { return value.index() == 0; }
  const bool* flag() const { return std::get_if<bool>(&value); }
  const std::string* text() const { return std::get_if<std::string>(&value); }
  const List* list() const { return std::get_if<List>(&value); }
  const Object* object() const { return std::get_if<Object>(&value); }
  bool number(double& out) const;                 // Whole numbers too.
  const Json* find(std::string_view name) const;  // Of an object; nullptr: absent, or no object.
  std::string_view kind() const;                  // "a text", "a number", ...: for messages

  // A member of an object, for answers of our own that need no checking; absent or of another kind: "", NaN,
  // false, an empty list, null.
  std::string text_at(std::string_view name) const;
  double number_at(std::string_view name) const;
  bool flag_at(std::string_view name) const;
  const List& list_at(std::string_view name) const;
  const Json& at(std::string_view name) const;
};

struct Json::Member {
  std::string name;
  Json value;
};

struct JsonLimits {
  size_t bytes_max = 1 << 20;
  size_t depth_max = 16;
};

// One JSON value (RFC 8259) and nothing after it. kInvalid: the byte where it stops being that, and why;
// kExhausted: beyond the limits.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

void write_json(JsonWriter& out, const Json& value);

// RFC 7396: members of an object are set one by one, null removes one; whatever is no object replaces.
void merge_patch(Json& target, const Json& patch);

// Reads the members of an object by name, and remembers the first thing that is wrong, with its path:
//
//   JsonFields fields(json, "typo");
//   fields.flag("enabled", out.enabled);
//   fields.whole("one_edit_from", out.one_edit_from, 1, 100);
//   TRY_STATUS(fields.finish());      // typo.one_edit_from: expected a whole number from 1 to 100, got "x"
//
// A getter leaves `out` alone when the member is absent or null. finish() fails on members nobody asked for,
// and says which there are.
class JsonFields {
 public:
  JsonFields(const Json& object, std::string path);

  bool has(std::string_view name);
  const Json* any(std::string_view name);  // Whatever it is; nullptr: absent or null.
  void flag(std::string_view name, bool& out);
  void text(std::string_view name, std::string& out, size_t bytes_min, size_t bytes_max);
  void texts(std::string_view name, std::vector<std::string>& out, size_t count_max, size_t bytes_max);
  void number(std::string_view name, double& out, double min, double max);
  void whole(std::string_view name, uint64_t& out, uint64_t min, uint64_t max);
  void whole(std::string_view name, uint32_t& out, uint32_t min, uint32_t max);
  const Json::List* list(std::string_view name, size_t count_max);
  // One of the names of an enumeration, in its order.
  template <class Enum>
  void one_of(std::string_view name, Enum& out, std::span<const std::string_view> names) {
    const size_t at = place_of(name, names);
    if (at < names.size()) out = static_cast<Enum>(at);
  }

  void wrong(std::string_view name, std::string_view expected, const Json* got = nullptr);
  void fail(const Status& status);  // An error of something inside, whose message has its path already.
  std::string path(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
  }
  Status finish();

 private:
  const Json* find(std::string_view name);
  size_t place_of(std::string_view name, std::span<const std::string_view> names);

  const Json& object_;
  const std::string path_;
  std::vector<std::string> known_;
  Status problem_;
};

// A value as a message shows it: `"abc..."`, `12`, `a list`.
std::string shown(const Json& value);

}  // namespace freshet
