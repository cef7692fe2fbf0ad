// What settings a trainer takes (trainer.h).
#include <algorithm>

#include "learn/trainer.h"

namespace freshet {
namespace {

std::string learners_with(bool (*has)(const LearnerEntry&)) {
  std::string names;
  for (const LearnerEntry& entry : learners())
    if (has(entry)) names += (names.empty() ? "" : ", ") + std::string(entry.name);
  return names;
}

Error lacks(const TrainerConfig& config, const std::string& flag, bool (*has)(const LearnerEntry&)) {
  return invalid(flag + ": --learner " + config.learner + " has no such setting; expected one of " +
                 learners_with(has));
}

Status check_learner(const TrainerConfig& config) {
  const LearnerEntry* const entry = find_learner(config.learner);
  if (entry == nullptr)
    return invalid("--learner " + config.learner + ": expected one of " +
                   learners_with([](const LearnerEntry&) { return true; }));
  if (config.knobs.rate != 1 && !entry->rate)
    return lacks(config, "--rate", [](const LearnerEntry& one) { return one.rate; });
  if (config.knobs.shrink != 1 && !entry->shrink)
    return lacks(config, "--shrink", [](const LearnerEntry& one) { return one.shrink; });
  if (config.search.configurations > 0 && !entry->rate && !entry->shrink)
    return lacks(config, "--search", [](const LearnerEntry& one) { return one.rate || one.shrink; });
  if (config.served.publish_every > 0 && !entry->served)
    return invalid("--publish-every: --learner " + config.learner +
                   " has no parameters that can be served apart; expected --learner " +
                   learners_with([](const LearnerEntry& one) { return one.served; }));
  return {};
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Status check_columns(const EncoderConfig& encoder) {
  const std::pair<const char*, const std::vector<std::string>*> lists[] = {
      {"--numeric", &encoder.numeric},
      {"--categorical", &encoder.categorical},
      {"--ignore", &encoder.ignore}};
  for (const auto& [flag, names] : lists)
    if (has(*names, encoder.label))
      return invalid(std::string(flag) + " " + encoder.label + ": is the --label, which is no feature");
  for (const std::string& name : encoder.ignore)
    if (has(encoder.numeric, name) || has(encoder.categorical, name))
      return invalid("--ignore " + name + ": is in --numeric or --categorical, too; expected one of them");
  for (const auto& [flag, name] : {std::pair{"--time", &encoder.time}, {"--label-at", &encoder.label_at}})
    if (!name->empty() && *name == encoder.label)
      return invalid(std::string(flag) + " " + *name + ": is the --label; expected another column");
  return {};
}

Status check_rows(const TrainerConfig& config) {
  const RowsConfig& rows = config.rows;
  if (!(rows == RowsConfig{}) && !find_learner(config.learner)->rows)
    return lacks(config, "--optimizer, --bf16, --admit, --expire, --row-bytes, --cold",
                 [](const LearnerEntry& one) { return one.rows; });
  if (!rows.cold.empty() && config.served.publish_every > 0)
    return invalid(
        "--cold: is for a learner alone, without --publish-every: what is served is in memory whole");
  return {};
}

Status check_served(const TrainerConfig& config) {
  const ServedConfig& served = config.served;
  if (served.publish_every == 0 && !config.segment.empty())
    return invalid("--segment needs --publish-every: drift by segment is watched in what is served");
  if (served.publish_every == 0 && (served.gate || served.control || served.compare))
    return invalid(
        "--gate, --control and --compare-raw need --publish-every: they are about published versions");
  if (!served.gate && served.quarantine > 0)
    return invalid("--quarantine needs --gate: without it labels are given on at once");
  if (!served.gate && served.control)
    return invalid("--control needs --gate: it moves what the gate measures");
  return {};
}

}  // namespace

Status Trainer::check(const TrainerConfig& config) {
  TRY_STATUS(check_learner(config));
  TRY_STATUS(check_columns(config.encoder));
  if (!config.encoder.label_at.empty() && config.encoder.time.empty())
    return invalid("--label-at needs --time: labels are learned when the rows' time reaches theirs");
  if (!config.positive.empty() && config.encoder.task == Task::kRegression)
    return invalid("--positive " + config.positive +
                   ": --task regression learns numbers as they are; expected --task binary");
  TRY_STATUS(check_rows(config));
  return check_served(config);
}

}  // namespace freshet
