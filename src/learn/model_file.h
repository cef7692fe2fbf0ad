// What `freshet learn --save` writes: the settings a model was made with, and the trainer's state. Settings
// are named as their flags are, so that a run which goes on with others can be told which one. Format:
// docs/formats/learned_model.md.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "learn/trainer.h"

namespace freshet {

using ModelSettings = std::vector<std::pair<std::string, std::string>>;  // Flag without its dashes, value.

// Everything that what is learned depends on; in the order in which it is printed.
ModelSettings settings_of(const TrainerConfig& config);

std::string write_model_file(const ModelSettings& settings, std::string_view state);
// The state. kCorrupt: not such a file, or damaged. kInvalid, naming each flag and both values: it was made
// with other settings. Columns told (--numeric, --categorical, --ignore) need not be told again.
Result<std::string_view> read_model_file(std::string_view bytes, const ModelSettings& settings);

}  // namespace freshet
