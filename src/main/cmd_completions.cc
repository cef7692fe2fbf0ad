// freshet completions bash|zsh|fish, freshet manual: made from the same table as --help.
#include <cstdio>
#include <memory>

#include "main/cli_tree.h"
#include "main/command.h"

namespace freshet {

Run add_completions(FlagSet app) {
  auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "bash, zsh or fish").required().check(one_of({"bash", "zsh", "fish"}));
  return [shell, app]() -> Status {
    const CommandHelp program = cli_tree(app.whole_program());
    const std::string script = *shell == "bash"  ? bash_completion(program)
                               : *shell == "zsh" ? zsh_completion(program)
                                                 : fish_completion(program);
    std::fputs(script.c_str(), stdout);
    return {};
  };
}

Run add_manual(FlagSet app) {
  return [app]() -> Status {
    std::fputs(manual_page(cli_tree(app.whole_program())).c_str(), stdout);
    return {};
  };
}

}  // namespace freshet
