// One setting: its key, what it means, and how it is read from and shown as TOML text.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "main/serve_config.h"

namespace freshet {

// A TOML value, as far as settings use it.
struct ConfigValue {
  enum class Kind : uint8_t { kText, kWhole, kNumber, kFlag, kTexts, kOther };
  Kind kind = Kind::kOther;
  std::string text;
  int64_t whole = 0;
  double number = 0;  // Of a whole number too.
  bool flag = false;
  std::vector<std::string> texts;
  std::string shown;  // As written, cut, for errors.
};

struct Setting {
  std::string key;                                              // "server.port"
  std::string doc;                                              // One sentence.
  std::string expected;                                         // "a whole number from 0 to 65535"
  std::function<Status(const ConfigValue&, ServeConfig&)> set;  // kInvalid: its `what` may be empty.
  std::function<std::string(ServeConfig&)> show;                // As TOML.
};

std::span<const Setting> settings();

}  // namespace freshet
