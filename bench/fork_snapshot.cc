// How long the fold thread stands still for a snapshot: forked, and written in place (the slow twin).
//
//   build/release/bench/fork_snapshot [directory] [state MiB]
//
// A fold with a state of that size folds events all the while; a probe appends one event every 2 ms and waits
// until it is applied. "longest" is the longest such wait: what a shopper would see.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/text_table.h"
#include "env/clock.h"
#include "env/log.h"
#include "env/process.h"
#include "fold/fold_runner.h"
#include "log/file_log.h"

namespace freshet {
namespace {

// Touches random pages as an embedding table does.
class BigFold : public Fold {
 public:
  explicit BigFold(size_t bytes) : words_(bytes / 8, 1) {}
  std::string_view name() const override { return "big"; }
  void apply(Offset at, const Event&) override {
    Draw draw(at);
    for (int i = 0; i < 20; ++i) ++words_[draw.below(words_.size())];
  }
  void save(Writer& out) const override { out.array(words_.data(), words_.size()); }
  Status load(Reader& in) override {
    return in.array(words_.data(), words_.size()) ? Status() : Status(corrupt("big fold"));
  }
  size_t bytes() const override { return words_.size() * 8; }

 private:
  std::vector<uint64_t> words_;
};

double ms_since(uint64_t begun_ns) {
  return static_cast<double>(monotonic_ns() - begun_ns) * 1e-6;
}

struct Waits {
  double snapshot_ms = 0;
  std::vector<double> ms;
  double at(double p) {
    std::sort(ms.begin(), ms.end());
    return ms[std::min(ms.size() - 1, static_cast<size_t>(p * static_cast<double>(ms.size())))];
  }
};

Waits measure(const std::string& root, size_t bytes, bool snapshots, bool fork) {
  std::filesystem::remove_all(root);
  auto log = FileLog::open(real_files(), root + "/log", {.durability = Durability::kNone}).value();
  auto store = SnapshotStore::open(real_files(), root + "/snapshots", 1).value();
  BigFold fold(bytes);
  FoldRunner runner(*log, store.get(), {&fold}, {.fork_snapshots = fork});
  runner.start();
  Event event;
  event.id = "probe";
  EventBatch batch;
  batch.add(event);
  Waits waits;
  std::atomic<bool> done{false};
  std::thread taker([&] {
    const uint64_t begun = monotonic_ns();
    if (snapshots) {
      CHECK(runner.snapshot().ok());
    } else {
      std::this_thread::sleep_for(std::chrono::seconds(2));
    }
    waits.snapshot_ms = ms_since(begun);
    done = true;
  });
  while (!done || waits.ms.size() < 100) {
    const uint64_t begun = monotonic_ns();
    const Offset at = log->append(batch).value();
    CHECK(runner.wait_applied(at + 1, std::chrono::minutes(5)));
    waits.ms.push_back(ms_since(begun));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  taker.join();
  return waits;
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  using namespace freshet;
  set_log_level(LogLevel::kWarn);
  const std::string root = std::string(argc > 1 ? argv[1] : "/tmp") + "/freshet-bench-fork";
  const size_t bytes = static_cast<size_t>(argc > 2 ? std::atoi(argv[2]) : 512) << 20;
  TextTable table({"", "snapshot ms", "wait p50 ms", "wait p99 ms", "longest ms"});
  const auto row = [&](const char* what, Waits waits) {
    table.row({what, format_number(waits.snapshot_ms, 0), format_number(waits.at(0.5), 2),
               format_number(waits.at(0.99), 2), format_number(waits.ms.back(), 1)});
  };
  row("no snapshot", measure(root, bytes, false, true));
  row("forked child", measure(root, bytes, true, true));
  row("in place", measure(root, bytes, true, false));
  std::filesystem::remove_all(root);
  std::printf("state of %s\n%s", format_bytes(bytes).c_str(), table.text().c_str());
  return 0;
}
