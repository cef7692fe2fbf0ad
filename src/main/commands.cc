// The only place that knows all commands.
#include "main/command.h"

namespace freshet {

Run add_completions(FlagSet app);  // cmd_completions.cc
Run add_deadletters(FlagSet app);  // cmd_deadletters.cc
Run add_eval(FlagSet app);         // cmd_eval.cc
Run add_experiment(FlagSet app);   // cmd_experiment.cc
Run add_features(FlagSet app);     // cmd_features.cc
Run add_import(FlagSet app);       // cmd_import.cc
Run add_key(FlagSet app);          // cmd_serve.cc
Run add_learn(FlagSet app);        // cmd_learn.cc
Run add_log(FlagSet app);          // cmd_log.cc
Run add_manual(FlagSet app);       // cmd_completions.cc
Run add_migrate(FlagSet app);      // cmd_migrate.cc
Run add_models(FlagSet app);       // cmd_models.cc
Run add_replay(FlagSet app);       // cmd_replay.cc
Run add_search(FlagSet app);       // cmd_search.cc
Run add_serve(FlagSet app);        // cmd_serve.cc
Run add_simulate(FlagSet app);     // cmd_simulate.cc
Run add_snapshot(FlagSet app);     // cmd_snapshot.cc
Run add_top(FlagSet app);          // cmd_top.cc

std::span<const Command> commands() {
  static const Command kCommands[] = {
      {"completions", "What a shell needs to complete commands and flags", add_completions},
      {"deadletters", "What the doors refused: count, look, fix, send again", add_deadletters},
      {"eval", "Rankings judged: by judged queries, by simulated clicks, by a log", add_eval},
      {"experiment", "Compare settings on live traffic: define, start, look, ship", add_experiment},
      {"features", "What each feature of a running server's ranker is worth", add_features},
      {"import", "Put event files on the log, at disk speed", add_import},
      {"key", "Create, list and remove API keys of a server that is not running", add_key},
      {"learn", "Labelled rows from a file through an online learner: predict, then learn", add_learn},
      {"log", "Verify, watch, export or count the events of a log", add_log},
      {"manual", "The manual page, as troff: freshet manual | man -l -", add_manual},
      {"migrate", "An index of another search service into a running server", add_migrate},
      {"models", "Versions of served parameters: list, compare, pin, go back, export", add_models},
      {"replay", "Fold event files from an empty state; with --eval, test then learn", add_replay},
      {"search", "A query against a running server or a data directory: hits, facets, reasons", add_search},
      {"serve", "The server: events in, recommendations out, over HTTP", add_serve},
      {"simulate", "A generated shop whose truth is known: its catalogue and events", add_simulate},
      {"snapshot", "List, verify, compare or pin snapshots", add_snapshot},
      {"top", "A running server, live: traffic, freshness, memory, learners", add_top},
  };
  return kCommands;
}

}  // namespace freshet
