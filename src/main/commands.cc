// The only place that knows all commands.
#include "main/command.h"

namespace freshet {

Run add_log(CLI::App& app);       // cmd_log.cc
Run add_replay(CLI::App& app);    // cmd_replay.cc
Run add_simulate(CLI::App& app);  // cmd_simulate.cc
Run add_snapshot(CLI::App& app);  // cmd_snapshot.cc

std::span<const Command> commands() {
  static const Command kCommands[] = {
      {"log", "Verify, watch, export or count the events of a log", add_log},
      {"replay", "Fold event files from an empty state; with --eval, test then learn", add_replay},
      {"simulate", "A generated shop whose truth is known: its catalogue and events", add_simulate},
      {"snapshot", "List, verify, compare or pin snapshots", add_snapshot},
  };
  return kCommands;
}

}  // namespace freshet
