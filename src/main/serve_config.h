// The configuration of `freshet serve`: one list of settings gives the parser, its errors and docs/config.md.
//
//   ServeConfig config;
//   TRY_STATUS(read_config_file("freshet.toml", config));        // what the file does not name keeps its
//   default TRY_STATUS(set_config("server.port=0", config));             // from the command line
//
// Errors name the file, line, key, what was found and what was expected; an unknown key names those that
// exist.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/engine.h"
#include "env/log.h"
#include "http/api.h"

namespace freshet {

struct ServeConfig {
  EngineConfig engine;
  ApiOptions api;
  LogLevel log_level = LogLevel::kInfo;
};

Status read_config_file(const std::string& path, ServeConfig& config);
Status read_config_text(std::string_view text, const std::string& name, ServeConfig& config);
Status set_config(std::string_view assignment, ServeConfig& config);
// All settings with meaning, default and range.
std::string config_reference();  // As docs/config.md.
std::string config_example();    // As a TOML file, every setting at its default.

}  // namespace freshet
