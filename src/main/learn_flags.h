// The flags of freshet learn: docs/learn.md.
#pragma once

#include <string>

#include "learn/trainer.h"
#include "main/flags.h"

namespace freshet {

// As typed. Lives as long as the command.
struct LearnFlags {
  std::string file, format = "auto", task = "binary", time_unit = "auto", optimizer = "rowwise", load, save,
                    poison, trace, models;
  uint64_t every = 0;
  size_t keep = 10;
  bool json = false, quiet = false;
  TrainerConfig config;
  size_t fresh_hours = 0;  // 0: freshness is not measured.
  double fresh_hour = 0;
  std::string plot;
  bool late_labels = false;
};

void add_learn_flags(FlagSet app, LearnFlags& flags);

// Brings what was typed into `config`. Ends the command with a usage error (command.h) where flags are no
// values that there are, or make no sense together.
void check_learn_flags(LearnFlags& flags);

}  // namespace freshet
