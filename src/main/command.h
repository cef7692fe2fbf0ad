// The commands of the program: one file cmd_<name>.cc each, one line each in commands.cc.
//
//   // cmd_hello.cc
//   Run add_hello(FlagSet app) {
//     auto name = std::make_shared<std::string>("you");
//     app.add_option("--name", *name, "Whom to greet");
//     return [name]() -> Status { std::printf("hello %s\n", name->c_str()); return {}; };
//   }
//
// Exit codes: 0 ok, 1 failed, 2 usage. Results go to standard output, everything else (progress, logs,
// errors) to standard error. An error is printed as "freshet <command>: what; what to do next": write `what`
// so. Nested commands (freshet log verify) are subcommands the function adds to `app` itself.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "main/flags.h"

namespace freshet {

using Run = std::function<Status()>;

struct Command {
  std::string_view name;
  std::string_view summary;  // One line for `freshet --help`.
  Run (*add)(FlagSet app);   // Declares the flags; what it returns runs after they were read.
};

std::span<const Command> commands();

// Ends the command with exit code 2: flags that are well-formed alone but make no sense together. Only from a
// Run or a callback of a FlagSet. (It throws the library's own exception, which stays in this room.)
[[noreturn]] void usage_error(std::string what);
void check_usage(const Status& status);  // The same when it is an error.

// From the arguments to the exit code.
int run_command_line(int argc, const char* const* argv);

}  // namespace freshet
