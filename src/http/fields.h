// The arguments of a request, from the query string (GET) or a JSON object (POST), read one by one by name.
//
//   Fields fields = ...; fields.text("surface", surface); fields.whole("k", k, 1, 100);
//   if (auto wrong = fields.finish()) return problem(*wrong);
//
// A getter leaves its `out` as it is when the field is absent, and remembers the first thing that is wrong;
// so does finish() with a name nobody asked for, listing those that exist. In a query string a list is given
// by repeating the name or by commas. Limits: 64 names, 1000 values a list, 8 levels, texts as each getter
// says.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace freshet {

class Fields {
 public:
  static Fields from_query(const Request& request);
  static Fields from_json(std::string_view body);  // A failure to parse is what finish() gives.
  static Fields of(const Request& request);        // By the method; an empty body: no fields.

  void text(std::string_view name, std::string& out, size_t bytes_max = 256);
  void texts(std::string_view name, std::vector<std::string>& out, size_t count_max, size_t bytes_max = 256);
  void whole(std::string_view name, uint64_t& out, uint64_t min, uint64_t max);
  void flag(std::string_view name, bool& out);             // true, false; in a query string also 1, 0
  void wrong(std::string_view name, std::string message);  // The caller's own finding.
  std::optional<Problem> finish();

 private:
  enum class Kind : uint8_t { kNull, kText, kNumber, kFlag, kList, kOther };
  struct Given {
    std::string name;
    Kind kind = Kind::kNull;
    std::string text;  // Of a number too, as written in a query string.
    double number = 0;
    bool flag = false;
    std::vector<std::string> list;
    bool asked = false;
  };
  friend struct FieldsReader;
  Given* find(std::string_view name);

  std::vector<Given> given_;
  std::vector<std::string> known_;
  std::optional<Problem> problem_;
  bool query_ = false;
};

}  // namespace freshet
