// The one loop: reads the log in offset order and applies each event to every fold, on a thread of its own.
//
//   FoldRunner runner(log, &snapshots, {&catalog, &profiles, &recommender}, options);
//   TRY_STATUS(runner.recover());   // newest valid snapshot; the tail is folded by the loop
//   runner.start();
//
// Snapshots are taken while folding and serving go on: the fold thread forks, the child writes the state as
// it was at that moment from copy-on-write memory (docs/decisions/0032-fork-snapshots.md). With
// fork_snapshots off the fold thread writes it itself and stands still meanwhile.
//
// Threads: the constructor, recover(), start(), stop() by the owner; everything else from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "fold/fold.h"
#include "fold/fold_pair.h"
#include "fold/snapshot_store.h"
#include "log/event_log.h"

namespace freshet {

struct FoldRunnerOptions {
  bool fork_snapshots = true;
  uint64_t snapshot_every_events = 0;  // 0: only when asked for
  int64_t snapshot_every_ms = 0;       // 0: only when asked for. Skipped when nothing was folded since.
  SnapshotStore::Loading loading;      // Of recover(): see SnapshotStore::load_newest.
  // Called on the fold thread after each event was applied to every fold, before applied() counts it; e.g. to
  // measure freshness. With two threads the folds may be some events ahead of it.
  std::function<void(Offset, const Event&)> applied;
  // Called after a snapshot was published, whoever asked for it; on a thread of the runner.
  std::function<void(const SnapshotInfo&)> snapshot_taken;
  // Called on the fold thread now and then, while no fold is at work: what may be asked on that thread only.
  std::function<void()> between;
  // The folds as two stages (fold/staged_folds.h), or null. If given, and the machine has two processors, two
  // threads fold what the log held at start(), and what fold_until() is asked for; one thread what comes
  // after: it is quicker for a single event, and leaves the other processor to requests.
  StagedFolds* staged = nullptr;
};

class FoldRunner {
 public:
  // `snapshots` may be null: then there are none. Folds, log and store must outlive the runner.
  FoldRunner(EventLog& log, SnapshotStore* snapshots, std::vector<Fold*> folds,
             FoldRunnerOptions options = {});
  ~FoldRunner();  // stop()

  // Loads the newest valid snapshot that the log can continue, or leaves the folds empty to be folded from
  // offset 0. kCorrupt: there is none and the log does not reach back to 0.
  Status recover();
  // Instead: empty folds, from `from` on. For rebuilding from what retention left of the log.
  void begin_at(Offset from);
  void start();
  void stop();  // After the event at hand. start() goes on from there.

  // Folds on the calling thread up to `upto`, instead of start(). For replay and tests.
  Status fold_until(Offset upto);

  void pause();  // Returns when the fold thread stands still between two events.
  void resume();

  // Every event below is in the folds, and requests started after reading this see it.
  Offset applied() const { return applied_.load(std::memory_order_acquire); }
  // Read your writes: waits until applied() >= upto. False: not within `timeout`, or the loop has ended.
  bool wait_applied(Offset upto, std::chrono::milliseconds timeout);

  // Takes a snapshot and waits until it is on disk. kUnavailable: no store, not running, disk trouble.
  Result<SnapshotInfo> snapshot();
  std::optional<SnapshotInfo> last_snapshot() const;

  // Hash of the state between two events (and, if asked, the offset it belongs to).
  uint64_t state_hash(Offset* at = nullptr);

  // Runs `work` on the fold thread between two events, and waits for it. When the loop is not running, on
  // the calling thread. Not from within `work` or `applied`.
  void run(std::function<void()> work);

  // Why the loop ended by itself (damaged log); Ok while all is well.
  Status status() const;

 private:
  using SnapshotResult = std::promise<Result<SnapshotInfo>>;

  void loop();
  Status fold_some(Cursor& cursor, std::chrono::milliseconds timeout, Offset upto);
  Status fold_by_two(Cursor& cursor, Offset upto);
  bool worth_two(Offset upto) const;
  void do_commands();
  void begin_snapshot_if_due();
  void begin_snapshot(
      const std::shared_ptr<SnapshotResult>& result);  // Whoever calls has set snapshot_busy_.
  void end_snapshot(Result<SnapshotInfo> info, SnapshotResult& result);
  void publish_applied(Offset applied);
  void fail(Error error);

  EventLog& log_;
  SnapshotStore* const snapshots_;
  const std::vector<Fold*> folds_;
  const FoldRunnerOptions options_;

  // Fold thread only (the owner's, while the loop is not running).
  Event event_;
  Offset next_ = 0;
  std::unique_ptr<FoldPair> pair_;  // While two threads fold; settled between two calls of fold_by_two().
  Offset snapshot_offset_ = 0;      // Of the last snapshot begun or loaded.
  uint64_t snapshot_begun_ns_ = 0;
  std::thread snapshot_thread_;  // Waits for the child that writes a snapshot, and publishes it.

  std::thread thread_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> commands_waiting_{false};
  std::atomic<int> waiters_{0};
  std::atomic<Offset> applied_{0};

  // Guarded by mutex_.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> commands_;
  bool running_ = false;
  int paused_ = 0;
  bool standing_ = false;
  bool snapshot_busy_ = false;
  Status status_;
  std::optional<SnapshotInfo> last_snapshot_;
};

}  // namespace freshet
