// freshet completions bash|zsh|fish, freshet manual: made from the same table as --help.
#include <cstdio>
#include <memory>

#include "main/cli_tree.h"
#include "main/command.h"

namespace freshet {
namespace {

CommandHelp whole_program(const CLI::App* app) {
  while (app->get_parent() != nullptr) app = app->get_parent();
  return cli_tree(*app);
}

}  // namespace

Run add_completions(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  return [shell, &app]() -> Status {
    const CommandHelp program = whole_program(&app);
    const std::string script = *shell == "bash"  ? bash_completion(program)
                               : *shell == "zsh" ? zsh_completion(program)
                                                 : fish_completion(program);
    std::fputs(script.c_str(), stdout);
    return {};
  };
}

Run add_manual(CLI::App& app) {
  return [&app]() -> Status {
    std::fputs(manual_page(whole_program(&app)).c_str(), stdout);
    return {};
  };
}

}  // namespace freshet
