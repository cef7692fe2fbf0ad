#include "main/cli_tree.h"

#include <CLI/CLI.hpp>

namespace freshet {
namespace {

OptionHelp option_help(const CLI::Option& option) {
  OptionHelp out;
  if (!option.get_lnames().empty()) out.long_name = "--" + option.get_lnames().front();
  if (!option.get_snames().empty()) out.short_name = "-" + option.get_snames().front();
  if (out.long_name.empty() && out.short_name.empty()) out.positional = option.get_name(true);
  if (option.get_expected_max() > 0) out.value = option.get_type_name();
  // "UINT:UINT in [0 - 9]" -> "UINT"
  if (const size_t colon = out.value.find(':'); colon != std::string::npos) out.value.resize(colon);
  out.summary = option.get_description();
  out.standard = option.get_default_str();
  out.required = option.get_required();
  out.many = option.get_expected_max() > 1;
  return out;
}

CommandHelp command_help(const CLI::App& app, std::vector<std::string> path) {
  CommandHelp out;
  out.path = std::move(path);
  out.summary = app.get_description();
  for (const CLI::Option* option : app.get_options()) out.options.push_back(option_help(*option));
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    std::vector<std::string> below = out.path;
    below.push_back(sub->get_name());
    out.commands.push_back(command_help(*sub, std::move(below)));
  }
  return out;
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : std::string(between)) + word;
  return out;
}

// For a text between single quotes in a shell.
std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

template <class Each>
void for_commands(const CommandHelp& command, const Each& each) {
  each(command);
  for (const CommandHelp& below : command.commands) for_commands(below, each);
}

std::vector<std::string> flag_names(const CommandHelp& command) {
  std::vector<std::string> out;
  for (const OptionHelp& option : command.options)
    for (const std::string& name : {option.short_name, option.long_name})
      if (!name.empty()) out.push_back(name);
  return out;
}

// The first sentence or clause: completions have one line.
std::string brief(const std::string& summary) {
  return summary.substr(0, summary.find_first_of(";\n"));
}

}  // namespace

CommandHelp cli_tree(FlagSet program) {
  return command_help(*program.app(), {});
}

std::string bash_completion(const CommandHelp& program) {
  std::string out = R"(# bash completion of freshet; in ~/.bashrc: source <(freshet completions bash)
_freshet() {
  local cur=${COMP_WORDS[COMP_CWORD]} path="" word commands="" flags=""
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path/$word" in
)";
  for_commands(program, [&](const CommandHelp& command) {
    if (!command.path.empty())
      out += "      /" + joined(command.path, "/") + ") path=/" + joined(command.path, "/") + " ;;\n";
  });
  out += "    esac\n  done\n  case \"$path\" in\n";
  for_commands(program, [&](const CommandHelp& command) {
    std::vector<std::string> below;
    for (const CommandHelp& one : command.commands) below.push_back(one.path.back());
    out += "    " + (command.path.empty() ? std::string("\"\"") : "/" + joined(command.path, "/")) +
           ") commands=\"" + joined(below, " ") + "\" flags=\"" + joined(flag_names(command), " ") +
           "\" ;;\n";
  });
  return out + R"(  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  elif [[ -n $commands ]]; then
    COMPREPLY=($(compgen -W "$commands" -- "$cur"))
  else
    COMPREPLY=($(compgen -f -- "$cur"))
  fi
}
complete -o filenames -F _freshet freshet
)";
}

std::string zsh_completion(const CommandHelp& program) {
  std::string out = R"(#compdef freshet
# zsh completion of freshet; in ~/.zshrc, after compinit: source <(freshet completions zsh)
_freshet() {
  local line_path="" word
  local -a commands flags
  for word in "${(@)words[2,CURRENT-1]}"; do
    case "$line_path/$word" in
)";
  for_commands(program, [&](const CommandHelp& command) {
    if (!command.path.empty())
      out += "      /" + joined(command.path, "/") + ") line_path=/" + joined(command.path, "/") + " ;;\n";
  });
  out += "    esac\n  done\n  case \"$line_path\" in\n";
  const auto entry = [](const std::string& name, const std::string& summary) {
    std::string text = name + ":";
    for (const char c : brief(summary)) text += c == ':' ? std::string("\\:") : std::string(1, c);
    return " " + in_quotes(text);
  };
  for_commands(program, [&](const CommandHelp& command) {
    out += "    " + (command.path.empty() ? std::string("\"\"") : "/" + joined(command.path, "/")) + ")\n";
    out += "      commands=(";
    for (const CommandHelp& one : command.commands) out += entry(one.path.back(), one.summary);
    out += ")\n      flags=(";
    for (const OptionHelp& option : command.options)
      if (!option.long_name.empty()) out += entry(option.long_name, option.summary);
    out += ") ;;\n";
  });
  return out + R"(  esac
  if [[ $words[CURRENT] == -* ]]; then
    _describe flag flags
  elif (( ${#commands} )); then
    _describe command commands
  else
    _files
  fi
}
compdef _freshet freshet
)";
}

std::string fish_completion(const CommandHelp& program) {
  std::string out =
      "# fish completion of freshet; freshet completions fish > ~/.config/fish/completions/freshet.fish\n";
  for_commands(program, [&](const CommandHelp& command) {
    std::string when;  // True where this command is the one being written.
    for (const std::string& word : command.path)
      when += (when.empty() ? "" : "; and ") + std::string("__fish_seen_subcommand_from ") + word;
    std::vector<std::string> below;
    for (const CommandHelp& one : command.commands) below.push_back(one.path.back());
    const std::string chosen = below.empty() ? "" : "not __fish_seen_subcommand_from " + joined(below, " ");
    std::string both = when;
    if (!chosen.empty()) both += (both.empty() ? "" : "; and ") + chosen;
    const std::string condition = both.empty() ? "" : " -n " + in_quotes(both);
    for (const CommandHelp& one : command.commands)
      out += "complete -c freshet -f" + condition + " -a " + one.path.back() + " -d " +
             in_quotes(brief(one.summary)) + "\n";
    for (const OptionHelp& option : command.options) {
      if (option.long_name.empty()) continue;
      out += "complete -c freshet" + condition + " -l " + option.long_name.substr(2);
      if (!option.short_name.empty()) out += " -s " + option.short_name.substr(1);
      if (!option.value.empty()) out += " -r";
      out += " -d " + in_quotes(brief(option.summary)) + "\n";
    }
  });
  return out;
}

namespace {

std::string troff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
      out += std::string("\\&") + c;
    } else {
      out += c;
    }
  }
  return out;
}

void write_options(const CommandHelp& command, std::string& out) {
  for (const OptionHelp& option : command.options) {
    out += ".TP\n";
    std::string names = option.short_name;
    if (!option.long_name.empty()) names += (names.empty() ? "" : ", ") + option.long_name;
    out += "\\fB" + troff(names.empty() ? option.positional : names) + "\\fR";
    if (!option.value.empty() && !names.empty()) out += " \\fI" + troff(option.value) + "\\fR";
    out += (option.many ? " ...\n" : "\n") + troff(option.summary);
    if (!option.standard.empty()) out += " (default: " + troff(option.standard) + ")";
    out += option.required ? ". Required.\n" : "\n";
  }
}

}  // namespace

std::string manual_page(const CommandHelp& program) {
  std::string out =
      ".TH FRESHET 1 \"\" \"Freshet\" \"User Commands\"\n.SH NAME\nfreshet \\- " + troff(program.summary) +
      "\n.SH SYNOPSIS\n.B freshet\n.I COMMAND\n[\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n.SH OPTIONS\n";
  write_options(program, out);
  out += ".SH COMMANDS\n";
  for_commands(program, [&](const CommandHelp& command) {
    if (command.path.empty()) return;
    out += ".SS freshet " + troff(joined(command.path, " "));
    for (const OptionHelp& option : command.options)
      if (!option.positional.empty()) out += " " + troff(option.positional) + (option.many ? "..." : "");
    out += "\n" + troff(command.summary) + "\n";
    write_options(command, out);
  });
  return out + ".SH EXIT STATUS\n0: done. 1: it failed; the error says what to do next. 2: wrong flags.\n";
}

}  // namespace freshet
