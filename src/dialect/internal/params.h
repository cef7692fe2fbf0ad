// The parameters of one query: members of a JSON object, or a URL-encoded text in its member "params", whose
// lists and objects are JSON; or both, and then the object's own win. Unknown names are of no interest, and a
// number may come as a text.
//
// Values; no thread rules.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace freshet::dialect_internal {

class Params {
 public:
  // kInvalid: not an object, or "params" cannot be decoded.
  static Result<Params> of(const Json& object);
  static Result<Params> of_body(std::string_view body, size_t bytes_max);  // An empty body: no parameters.

  const Json* find(std::string_view name) const;  // nullptr: absent or null
  std::string text(std::string_view name, std::string_view otherwise = "") const;
  std::optional<int64_t> whole(std::string_view name) const;
  std::optional<double> number(std::string_view name) const;
  std::optional<bool> flag(std::string_view name) const;
  // A list of texts, or one text with commas between. nullopt: absent.
  std::optional<std::vector<std::string>> texts(std::string_view name) const;

  // Adds what `defaults` has and this has not.
  void merge(const Json& defaults);
  void set(std::string_view name, Json value);
  const Json::Object& members() const { return members_; }

 private:
  Json::Object members_;
};

Json json_text(std::string_view text);
std::string json_line(const Json& value);

}  // namespace freshet::dialect_internal
