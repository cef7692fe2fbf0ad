// How long a server takes to be back: newest snapshot, then the tail of the log, all candidate sources
// learning.
//
//   build/release/bench/recovery [directory] [events in the snapshot] [events in the tail] [keep] [one]
//
// The events are a generated shop's (20,000 items, 100,000 shoppers). The log is written and folded up to the
// snapshot first; what is measured is a new process's work from opening the directory on. With
// "keep", the name of another directory, the prepared one is measured as it is found there (made when there
// is none). "one": by one thread, to compare.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "base/text_table.h"
#include "engine/engine.h"
#include "env/log.h"
#include "env/process.h"
#include "eval/simulate_stream.h"

namespace freshet {
namespace {

void append_events(EventLog& log, simulate::Stream& stream, uint64_t count) {
  Event event;
  EventBatch batch;
  for (uint64_t n = 0; n < count; ++n) {
    event.clear();
    stream.next(event);
    batch.add(event);
    if (batch.count() == 1000 || n + 1 == count) {
      CHECK(log.append(batch).ok());
      batch.clear();
    }
  }
  CHECK(log.sync().ok());
}

// A data directory as a server leaves it when it is killed `tail` events after its last snapshot.
void prepare(const EngineConfig& config, uint64_t before, uint64_t tail) {
  const simulate::Shop shop({.items = 20000, .shoppers = 100000});
  simulate::Stream stream(shop, {.visits_per_day = 20000});
  auto log = FileLog::open(real_files(), config.data_dir + "/log", {.durability = Durability::kNone}).value();
  auto snapshots = SnapshotStore::open(real_files(), config.data_dir + "/snapshots").value();
  auto state = ShopState::open(config.state).value();
  append_events(*log, stream, before);
  FoldRunner runner(*log, snapshots.get(), state->folds());
  CHECK(runner.fold_until(before).ok());
  CHECK(runner.snapshot().ok());
  append_events(*log, stream, tail);
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  using namespace freshet;
  set_log_level(LogLevel::kWarn);
  EngineConfig config;
  config.data_dir = std::string(argc > 1 ? argv[1] : "/tmp") + "/freshet-bench-recovery";
  const uint64_t before = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 500000;
  const uint64_t tail = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1000000;
  config.recover_by_two = argc <= 5 || std::string_view(argv[5]) != "one";
  std::filesystem::remove_all(config.data_dir);
  const std::string prepared = argc > 4 ? argv[4] : "";
  if (!prepared.empty() && std::filesystem::exists(prepared)) {
    std::filesystem::copy(prepared, config.data_dir, std::filesystem::copy_options::recursive);
  } else {
    prepare(config, before, tail);
    if (!prepared.empty())
      std::filesystem::copy(config.data_dir, prepared, std::filesystem::copy_options::recursive);
  }

  const double begun = wall_seconds();
  const double cpu = cpu_seconds();
  auto engine = Engine::open(config).value();  // Loads the snapshot; the tail is folded in the background.
  const double loaded = wall_seconds() - begun;
  const SnapshotInfo snapshot = engine->stats().snapshot.value();
  while (!engine->ready()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const double ready = wall_seconds() - begun;
  std::printf(
      "snapshot of %s events, %s: loaded in %s; tail of %s events folded in %s (%s/s); back after %s\n"
      "processor time %s, resident %s\n",
      format_count(snapshot.offset).c_str(), format_bytes(snapshot.bytes).c_str(),
      format_seconds(loaded).c_str(), format_count(tail).c_str(), format_seconds(ready - loaded).c_str(),
      format_count(static_cast<uint64_t>(static_cast<double>(tail) / (ready - loaded))).c_str(),
      format_seconds(ready).c_str(), format_seconds(cpu_seconds() - cpu).c_str(),
      format_bytes(rss_bytes()).c_str());
  CHECK(engine->close().ok());
  std::filesystem::remove_all(config.data_dir);
  return 0;
}
