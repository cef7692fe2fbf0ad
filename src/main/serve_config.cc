#include "main/serve_config.h"

#define TOML_EXCEPTIONS 0
#include <algorithm>
#include <sstream>

#include <toml++/toml.h>

#include "env/file.h"
#include "main/settings.h"

namespace freshet {
namespace {

ConfigValue value_of(const toml::node& node) {
  ConfigValue value;
  std::ostringstream shown;
  node.visit([&shown](const auto& one) { shown << one; });
  value.shown = shown.str().substr(0, 64);
  if (const auto text = node.value_exact<std::string>()) {
    value.kind = ConfigValue::Kind::kText;
    value.text = *text;
  } else if (const auto whole = node.value_exact<int64_t>()) {
    value.kind = ConfigValue::Kind::kWhole;
    value.whole = *whole;
    value.number = static_cast<double>(*whole);
  } else if (const auto number = node.value_exact<double>()) {
    value.kind = ConfigValue::Kind::kNumber;
    value.number = *number;
  } else if (const auto flag = node.value_exact<bool>()) {
    value.kind = ConfigValue::Kind::kFlag;
    value.flag = *flag;
  } else if (const toml::array* list = node.as_array()) {
    value.kind = ConfigValue::Kind::kTexts;
    for (const toml::node& one : *list) {
      const auto element = one.value_exact<std::string>();
      if (!element) value.kind = ConfigValue::Kind::kOther;
      if (element) value.texts.push_back(*element);
    }
  }
  return value;
}

std::string section_of(std::string_view key) {
  return std::string(key.substr(0, key.find('.')));
}

// The names that could have been meant: the keys of the section, or the sections.
std::string known_names(const std::string& section) {
  std::vector<std::string> names;
  for (const Setting& setting : settings()) {
    if (section_of(setting.key) == section) names.push_back(setting.key);
  }
  if (names.empty()) {
    for (const Setting& setting : settings()) {
      const std::string name = "[" + section_of(setting.key) + "]";
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

Status set_one(const std::string& where, const std::string& key, const ConfigValue& value,
               ServeConfig& config) {
  for (const Setting& setting : settings()) {
    if (setting.key != key) continue;
    const Status set = setting.set(value, config);
    if (set.ok()) return {};
    const std::string more = set.error().what.empty() ? "" : " (" + set.error().what + ")";
    return invalid(where + ": " + key + ": expected " + setting.expected + ", got " + value.shown + more);
  }
  return invalid(where + ": " + key + ": there is no such setting; expected one of " +
                 known_names(section_of(key)));
}

Status set_table(const std::string& name, const std::string& prefix, const toml::table& table,
                 ServeConfig& config) {
  for (const auto& [key, node] : table) {
    const std::string full = prefix + std::string(key.str());
    const std::string where = name + ":" + std::to_string(key.source().begin.line);
    if (const toml::table* inner = node.as_table()) {
      TRY_STATUS(set_table(name, full + ".", *inner, config));
    } else {
      TRY_STATUS(set_one(where, full, value_of(node), config));
    }
  }
  return {};
}

}  // namespace

Status read_config_text(std::string_view text, const std::string& name, ServeConfig& config) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const auto& at = parsed.error().source().begin;
    return invalid(name + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": " +
                   std::string(parsed.error().description()) + "; expected TOML, see docs/config.md");
  }
  return set_table(name, "", parsed.table(), config);
}

Status read_config_file(const std::string& path, ServeConfig& config) {
  TRY(const std::string text, read_file(real_files(), path));
  return read_config_text(text, path, config);
}

Status set_config(std::string_view assignment, ServeConfig& config) {
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos)
    return invalid("--set " + std::string(assignment) + ": expected section.key=value");
  const std::string key(assignment.substr(0, equals));
  const std::string raw(assignment.substr(equals + 1));
  const toml::parse_result parsed = toml::parse("value = " + raw);
  ConfigValue value;
  if (parsed && parsed.table().size() == 1) {
    value = value_of(*parsed.table().get("value"));
  } else {  // A bare word.
    value.kind = ConfigValue::Kind::kText;
    value.text = value.shown = raw;
  }
  return set_one("--set", key, value, config);
}

std::string config_reference() {
  ServeConfig defaults;
  std::string out =
      "# Configuration\n\n"
      "`freshet serve --config freshet.toml` reads a [TOML](https://toml.io) file. What it does not name "
      "keeps the "
      "default\nshown here; a name that is not here is an error. `--set section.key=value` overrides one "
      "setting.\n\n"
      "(This page is printed by `freshet serve --config-reference`; a test compares the two.)\n";
  std::string section;
  for (const Setting& setting : settings()) {
    if (section_of(setting.key) != section) {
      section = section_of(setting.key);
      out += "\n## [" + section + "]\n\n| key | default | expected | meaning |\n|---|---|---|---|\n";
    }
    out += "| `" + setting.key.substr(section.size() + 1) + "` | `" + setting.show(defaults) + "` | " +
           setting.expected + " | " + setting.doc + " |\n";
  }
  return out;
}

std::string config_example() {
  ServeConfig defaults;
  std::string out;
  std::string section;
  for (const Setting& setting : settings()) {
    if (section_of(setting.key) != section) {
      section = section_of(setting.key);
      out += (out.empty() ? "[" : "\n[") + section + "]\n";
    }
    out += "# " + setting.doc + "\n" + setting.key.substr(section.size() + 1) + " = " +
           setting.show(defaults) + "\n";
  }
  return out;
}

}  // namespace freshet
