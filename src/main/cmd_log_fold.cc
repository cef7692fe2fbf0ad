// freshet log fold: folds a log from its start, uninterrupted, and prints the hash of the state at the
// offsets asked for. A snapshot of the same offset must bear the same hash, whatever happened in between.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/json_writer.h"
#include "engine/shop_state.h"
#include "env/log.h"
#include "env/process.h"
#include "env/progress.h"
#include "fold/fold_runner.h"
#include "log/file_log.h"
#include "main/command.h"
#include "main/serve_config.h"

namespace freshet {

namespace {

constexpr Offset kStep = 4096;  // Events between two looks at the progress bar.

struct FoldFlags {
  std::string data = "data";
  std::string config;
  std::vector<std::string> set;
  std::vector<uint64_t> at;
  bool json = false;
};

Status fold_to(FoldRunner& runner, Offset upto, Progress& progress) {
  for (Offset next = runner.applied(); next < upto;) {
    next = std::min(upto, next + kStep);
    TRY_STATUS(runner.fold_until(next));
    progress.at(next);
  }
  return {};
}

Status fold_log(const FoldFlags& flags) {
  ServeConfig config;
  if (!flags.config.empty()) TRY_STATUS(read_config_file(flags.config, config));
  for (const std::string& assignment : flags.set) TRY_STATUS(set_config(assignment, config));
  FileLogOptions options;
  options.read_only = true;
  TRY(auto log, FileLog::open(real_files(), flags.data + "/log", options));
  if (log->begin() > 0)
    return invalid("the log begins at offset " + std::to_string(log->begin()) +
                   ": what retention removed cannot be folded again");
  std::vector<uint64_t> offsets = flags.at;
  if (offsets.empty()) offsets.push_back(log->end());
  std::sort(offsets.begin(), offsets.end());
  TRY(auto state, ShopState::open(config.engine.state));
  FoldRunner runner(*log, nullptr, state->folds());
  Progress progress("fold", offsets.back());
  const double begun = wall_seconds();
  JsonWriter json(2);
  json.object().key("states").array();
  for (const uint64_t at : offsets) {
    TRY_STATUS(fold_to(runner, at, progress));
    char hash[17];
    std::snprintf(hash, sizeof hash, "%016lx", static_cast<unsigned long>(runner.state_hash()));
    if (flags.json) {
      json.object().field("offset", at).field("state_hash", std::string_view(hash)).end();
    } else {
      std::printf("%lu %s\n", static_cast<unsigned long>(at), hash);
    }
  }
  progress.done();
  json.end().field("seconds", wall_seconds() - begun).end();
  if (flags.json) std::printf("%s\n", json.text().c_str());
  return {};
}

}  // namespace

// A subcommand of cmd_log.cc.
Run add_log_fold(CLI::App& app) {
  auto flags = std::make_shared<FoldFlags>();
  app.add_option("--data", flags->data, "The data directory")->capture_default_str();
  app.add_option("--config", flags->config, "The server's TOML file: state depends on it");
  app.add_option("--set", flags->set, "section.key=value, as for freshet serve")->take_all();
  app.add_option("--at", flags->at, "Offsets to print the hash at; by default the end")->delimiter(',');
  app.add_flag("--json", flags->json, "The result as JSON");
  return [flags] { return fold_log(*flags); };
}

}  // namespace freshet
