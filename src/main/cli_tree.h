// The commands and flags as data: what --help prints is what completions and the manual page are made from.
//
//   CommandHelp all = cli_tree(app.whole_program());
//   std::fputs(bash_completion(all).c_str(), stdout);
#pragma once

#include <string>
#include <vector>

#include "main/flags.h"

namespace freshet {

struct OptionHelp {
  std::string long_name, short_name;  // "--data", "-h"; both empty: a positional
  std::string positional;             // "FILES"
  std::string value;                  // "TEXT", "UINT"; empty: a flag
  std::string summary, standard;      // `standard`: the default
  bool required = false, many = false;
};

struct CommandHelp {
  std::vector<std::string> path;  // {"log", "verify"}; empty: the program
  std::string summary;
  std::vector<OptionHelp> options;  // In the order of --help.
  std::vector<CommandHelp> commands;
};

CommandHelp cli_tree(FlagSet program);

std::string bash_completion(const CommandHelp& program);
std::string zsh_completion(const CommandHelp& program);
std::string fish_completion(const CommandHelp& program);
std::string manual_page(const CommandHelp& program);  // troff -man, section 1

}  // namespace freshet
