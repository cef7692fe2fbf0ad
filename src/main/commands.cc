// The only place that knows all commands.
#include "main/command.h"

namespace freshet {

Run add_replay(CLI::App& app);    // cmd_replay.cc
Run add_simulate(CLI::App& app);  // cmd_simulate.cc

std::span<const Command> commands() {
  static const Command kCommands[] = {
      {"replay", "Fold event files from an empty state; with --eval, test then learn", add_replay},
      {"simulate", "A generated shop whose truth is known: its catalogue and events", add_simulate},
  };
  return kCommands;
}

}  // namespace freshet
