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
  uint64_t stop_every = 0;
  bool json = false;
};

// A state and the loop that folds into it.
struct Folding {
  std::unique_ptr<ShopState> state;
  std::unique_ptr<FoldRunner> runner;
};

Result<Folding> begin_folding(EventLog& log, const StateConfig& config) {
  Folding folding;
  TRY(folding.state, ShopState::open(config));
  folding.runner = std::make_unique<FoldRunner>(log, nullptr, folding.state->folds());
  return folding;
}

// As a stop and a start do: everything saved, and a new state made from it.
Result<Folding> stop_and_start(EventLog& log, const StateConfig& config, Folding before) {
  TRY(Folding after, begin_folding(log, config));
  const auto from = before.state->folds();
  const auto to = after.state->folds();
  for (size_t i = 0; i < from.size(); ++i) {
    Writer bytes;
    from[i]->save(bytes);
    Reader in(bytes.bytes());
    TRY_STATUS(to[i]->load(in));
    if (!in.done()) return corrupt("fold " + std::string(to[i]->name()) + " does not read all it saved");
  }
  after.runner->begin_at(before.runner->applied());
  return after;
}

Status fold_to(EventLog& log, const ServeConfig& config, const FoldFlags& flags, Offset upto,
               Folding& folding, Progress& progress) {
  for (Offset next = folding.runner->applied(); next < upto;) {
    const Offset step = flags.stop_every > 0 ? flags.stop_every - next % flags.stop_every : kStep;
    next = std::min(upto, next + step);
    TRY_STATUS(folding.runner->fold_until(next));
    if (flags.stop_every > 0 && next % flags.stop_every == 0) {
      TRY(folding, stop_and_start(log, config.engine.state, std::move(folding)));
    }
    progress.at(next);
  }
  return {};
}

Result<std::unique_ptr<FileLog>> open_whole_log(const std::string& data) {
  FileLogOptions options;
  options.read_only = true;
  TRY(auto log, FileLog::open(real_files(), data + "/log", options));
  if (log->begin() > 0)
    return invalid("the log begins at offset " + std::to_string(log->begin()) +
                   ": what retention removed cannot be folded again");
  return log;
}

Status fold_log(const FoldFlags& flags) {
  ServeConfig config;
  if (!flags.config.empty()) TRY_STATUS(read_config_file(flags.config, config));
  for (const std::string& assignment : flags.set) TRY_STATUS(set_config(assignment, config));
  TRY(const auto log, open_whole_log(flags.data));
  std::vector<uint64_t> offsets = flags.at;
  if (offsets.empty()) offsets.push_back(log->end());
  std::sort(offsets.begin(), offsets.end());
  TRY(Folding folding, begin_folding(*log, config.engine.state));
  Progress progress("fold", offsets.back());
  const double begun = wall_seconds();
  JsonWriter json(2);
  json.object().key("states").array();
  for (const uint64_t at : offsets) {
    TRY_STATUS(fold_to(*log, config, flags, at, folding, progress));
    char hash[17];
    std::snprintf(hash, sizeof hash, "%016lx", static_cast<unsigned long>(folding.runner->state_hash()));
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
Run add_log_fold(FlagSet app) {
  auto flags = std::make_shared<FoldFlags>();
  app.add_option("--data", flags->data, "The data directory").capture_default_str();
  app.add_option("--config", flags->config, "The server's TOML file: state depends on it");
  app.add_option("--set", flags->set, "section.key=value, as for freshet serve").repeated();
  app.add_option("--at", flags->at, "Offsets to print the hash at; by default the end").delimiter(',');
  app.add_option("--stop-every", flags->stop_every,
                 "Save, start anew and load after so many events; 0: never");
  app.add_flag("--json", flags->json, "The result as JSON");
  return [flags] { return fold_log(*flags); };
}

}  // namespace freshet
