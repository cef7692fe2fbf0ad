// The only place that knows all commands.
#include "main/command.h"

namespace freshet {

Run add_replay(CLI::App& app);  // cmd_replay.cc

std::span<const Command> commands() {
  static const Command kCommands[] = {
      {"replay", "Fold event files from an empty state; with --eval, test then learn", add_replay},
  };
  return kCommands;
}

}  // namespace freshet
