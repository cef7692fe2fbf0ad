#include "main/command.h"

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "main/version.h"

namespace freshet {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

void print_error(std::string_view command, std::string_view what) {
  std::fprintf(stderr, "freshet%s%.*s: %.*s\n", command.empty() ? "" : " ", static_cast<int>(command.size()),
               command.data(), static_cast<int>(what.size()), what.data());
}

// The library takes -1 for the greatest number there is.
void refuse_below_zero(CLI::App& app) {
  const auto not_below_zero = [](const std::string& text) {
    return text.starts_with('-') ? "expected a whole number, not below 0, got " + text : std::string();
  };
  for (CLI::Option* option : app.get_options())
    if (option->get_type_name().starts_with("UINT")) option->check(not_below_zero);
  for (CLI::App* command : app.get_subcommands(nullptr)) refuse_below_zero(*command);
}

int print_usage_error(std::string_view command, const std::string& what) {
  std::string text = what;
  while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
  const std::string help = command.empty() ? "freshet --help" : "freshet " + std::string(command) + " --help";
  print_error(command, text + "; see `" + help + "`");
  return kUsage;
}

}  // namespace

void check_usage(const Status& status) {
  if (!status.ok()) usage_error(status.error().what);
}

void usage_error(std::string what) {
  throw CLI::ValidationError(std::move(what), CLI::ExitCodes::ValidationError);
}

int run_command_line(int argc, const char* const* argv) {
  CLI::App app("Freshet: recommendations that learn from every event, seconds after it happened.", "freshet");
  app.set_version_flag("--version", "freshet " + std::string(version()));
  app.require_subcommand(0, 1);
  app.get_formatter()->column_width(34);

  std::string_view chosen;  // For the error message: the command named, as soon as it is known.
  Run run;
  for (const Command& command : commands()) {
    CLI::App* sub = app.add_subcommand(std::string(command.name), std::string(command.summary));
    sub->get_formatter()->column_width(34);
    sub->preparse_callback([&chosen, &command](size_t) { chosen = command.name; });
    auto body = std::make_shared<Run>(command.add(FlagSet(sub)));
    sub->final_callback([&run, body] { run = *body; });
  }
  refuse_below_zero(app);
  try {
    app.parse(argc, argv);
    if (!run) {
      std::fputs(app.help().c_str(), stdout);
      return argc > 1 ? kUsage : 0;
    }
    if (const Status status = run(); !status.ok()) {
      print_error(chosen, status.error().what);
      return kFailed;
    }
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ConversionError& error) {
    return print_usage_error(chosen,
                             std::string(error.what()) + ", expected a number (UINT: whole, not below 0)");
  } catch (const CLI::Error& error) {
    return print_usage_error(chosen, error.what());
  }
  return 0;
}

}  // namespace freshet
