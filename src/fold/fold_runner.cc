#include "fold/fold_runner.h"

#include "env/clock.h"
#include "env/log.h"

namespace freshet {
namespace {

constexpr int kEventsAtOnce = 64;   // Between two looks at commands and snapshots.
constexpr int kEventsByTwo = 4096;  // The same while two threads fold.
constexpr Offset kWorthTwo =
    2 * StagedFolds::kPlaces;                   // So many events to go, and a second thread is worth it.
constexpr std::chrono::milliseconds kIdle(10);  // Longest wait at the tail before the next look.

}  // namespace

FoldRunner::FoldRunner(EventLog& log, SnapshotStore* snapshots, std::vector<Fold*> folds,
                       FoldRunnerOptions options)
    : log_(log), snapshots_(snapshots), folds_(std::move(folds)), options_(std::move(options)) {}

FoldRunner::~FoldRunner() {
  stop();
  if (snapshot_thread_.joinable()) snapshot_thread_.join();
}

Status FoldRunner::recover() {
  const uint64_t begun = monotonic_ns();
  std::optional<SnapshotInfo> loaded;
  if (snapshots_ != nullptr) {
    TRY(loaded, snapshots_->load_newest(folds_, log_.begin(), log_.end(), options_.loading));
  }
  if (!loaded && log_.begin() > 0)
    return corrupt("no usable snapshot, and the log begins at offset " + std::to_string(log_.begin()) +
                   ": the events before it cannot be folded again");
  next_ = snapshot_offset_ = loaded ? loaded->offset : 0;
  applied_ = next_;
  if (loaded) {
    log_info("fold: snapshot {} loaded in {} ms, {} events of the log to fold", loaded->file,
             (monotonic_ns() - begun) / 1000000, log_.end() - next_);
    std::lock_guard lock(mutex_);
    last_snapshot_ = std::move(loaded);
  } else {
    log_info("fold: no snapshot, {} events of the log to fold", log_.end());
  }
  return {};
}

void FoldRunner::begin_at(Offset from) {
  next_ = snapshot_offset_ = from;
  applied_ = from;
}

void FoldRunner::start() {
  std::lock_guard lock(mutex_);
  CHECK(!running_ && !thread_.joinable());
  stop_ = false;
  running_ = true;
  thread_ = std::thread([this] { loop(); });
}

void FoldRunner::stop() {
  stop_ = true;
  {
    std::lock_guard lock(mutex_);
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void FoldRunner::loop() {
  snapshot_begun_ns_ = monotonic_ns();
  auto cursor = log_.read(next_);
  if (!cursor.ok()) fail(cursor.error());
  const Offset behind = log_.end();
  while (!stop_.load(std::memory_order_relaxed) && cursor.ok()) {
    if (commands_waiting_.load(std::memory_order_acquire)) do_commands();
    begin_snapshot_if_due();
    const Status status =
        worth_two(behind) ? fold_by_two(**cursor, behind) : fold_some(**cursor, kIdle, UINT64_MAX);
    if (!status.ok()) {
      fail(status.error());
      break;
    }
    if (options_.between) options_.between();
  }
  pair_.reset();
  // The child that writes a snapshot must not outlive the thread that forked it.
  if (snapshot_thread_.joinable()) snapshot_thread_.join();
  std::deque<std::function<void()>> left;
  {
    std::lock_guard lock(mutex_);
    running_ = false;
    left.swap(commands_);
  }
  for (auto& command : left) command();
  if (snapshot_thread_.joinable()) snapshot_thread_.join();
  std::lock_guard lock(mutex_);
  changed_.notify_all();
}

// Applies what is there, a few events at most, waiting up to `timeout` for the first.
Status FoldRunner::fold_some(Cursor& cursor, std::chrono::milliseconds timeout, Offset upto) {
  for (int i = 0; i < kEventsAtOnce && next_ < upto; ++i) {
    TRY(const bool more, cursor.next(i == 0 ? timeout : std::chrono::milliseconds(0)));
    if (!more) return {};
    const Offset at = cursor.offset();
    CHECK(at == next_);
    if (Status decoded = cursor.decode(event_); !decoded.ok())
      return corrupt("log offset " + std::to_string(at) + ": " + decoded.error().what);
    for (Fold* fold : folds_) fold->apply(at, event_);
    next_ = at + 1;
    if (options_.applied) options_.applied(at, event_);  // First: who waits for the offset sees what it did.
    publish_applied(next_);
  }
  return {};
}

// The same by two threads, until the end, `upto`, a command, or many events. Then the second one stands
// still, and goes home when few are left.
Status FoldRunner::fold_by_two(Cursor& cursor, Offset upto) {
  if (pair_ == nullptr) pair_ = std::make_unique<FoldPair>(*options_.staged, options_.applied);
  const auto fold_next = [&]() -> Result<bool> {
    TRY(const bool more, cursor.next());
    if (!more) return false;
    CHECK(cursor.offset() == next_);
    Event& event = pair_->place();
    if (Status decoded = cursor.decode(event); !decoded.ok())
      return corrupt("log offset " + std::to_string(next_) + ": " + decoded.error().what);
    pair_->fold(next_++);
    return true;
  };
  Result<bool> more = true;
  for (int i = 0; i < kEventsByTwo && next_ < upto && more.ok() && *more; ++i) {
    more = fold_next();
    if (stop_.load(std::memory_order_relaxed) || commands_waiting_.load(std::memory_order_relaxed)) break;
  }
  pair_->settle();
  if (!worth_two(upto)) pair_.reset();
  publish_applied(next_);
  return more.ok() ? Status() : Status(more.error());
}

bool FoldRunner::worth_two(Offset upto) const {
  return options_.staged != nullptr && next_ + kWorthTwo <= upto && std::thread::hardware_concurrency() > 1;
}

Status FoldRunner::fold_until(Offset upto) {
  TRY(auto cursor, log_.read(next_));
  while (next_ < upto) {
    const Offset before = next_;
    const Status status =
        worth_two(upto) ? fold_by_two(*cursor, upto) : fold_some(*cursor, std::chrono::milliseconds(0), upto);
    if (options_.between) options_.between();
    if (!status.ok() || next_ == before) pair_.reset();
    TRY_STATUS(Status(status));
    if (next_ == before)
      return not_found("the log ends at offset " + std::to_string(next_) + ", before " +
                       std::to_string(upto));
  }
  return {};
}

// The waiter announces itself before it looks, the fold thread publishes before it looks for waiters.
void FoldRunner::publish_applied(Offset applied) {
  applied_.store(applied, std::memory_order_seq_cst);
  if (waiters_.load(std::memory_order_seq_cst) == 0) return;
  { std::lock_guard lock(mutex_); }
  changed_.notify_all();
}

bool FoldRunner::wait_applied(Offset upto, std::chrono::milliseconds timeout) {
  if (applied() >= upto) return true;
  std::unique_lock lock(mutex_);
  waiters_.fetch_add(1, std::memory_order_seq_cst);
  changed_.wait_for(lock, timeout,
                    [&] { return applied_.load(std::memory_order_seq_cst) >= upto || !running_; });
  waiters_.fetch_sub(1, std::memory_order_seq_cst);
  return applied() >= upto;
}

void FoldRunner::pause() {
  std::unique_lock lock(mutex_);
  ++paused_;
  commands_waiting_.store(true, std::memory_order_release);
  changed_.notify_all();
  changed_.wait(lock, [&] { return standing_ || !running_; });
}

void FoldRunner::resume() {
  std::lock_guard lock(mutex_);
  CHECK(paused_ > 0);
  --paused_;
  changed_.notify_all();
}

void FoldRunner::run(std::function<void()> work) {
  std::unique_lock lock(mutex_);
  if (!running_) {
    lock.unlock();
    work();
    return;
  }
  bool done = false;
  commands_.push_back([&] {
    work();
    std::lock_guard inner(mutex_);
    done = true;
    changed_.notify_all();
  });
  commands_waiting_.store(true, std::memory_order_release);
  changed_.notify_all();
  changed_.wait(lock, [&] { return done; });
}

// Runs what other threads asked for, and stands still while paused.
void FoldRunner::do_commands() {
  std::unique_lock lock(mutex_);
  for (;;) {
    while (!commands_.empty()) {
      const auto command = std::move(commands_.front());
      commands_.pop_front();
      lock.unlock();
      command();
      lock.lock();
    }
    if (paused_ == 0 || stop_) break;
    standing_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return paused_ == 0 || !commands_.empty() || stop_; });
  }
  standing_ = false;
  commands_waiting_.store(false, std::memory_order_release);
}

uint64_t FoldRunner::state_hash(Offset* at) {
  uint64_t hash = 0;
  run([&] {
    hash = freshet::state_hash(folds_);
    if (at != nullptr) *at = next_;
  });
  return hash;
}

Result<SnapshotInfo> FoldRunner::snapshot() {
  if (snapshots_ == nullptr) return unavailable("no directory for snapshots is configured");
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !snapshot_busy_; });
    snapshot_busy_ = true;
  }
  auto result = std::make_shared<SnapshotResult>();
  auto info = result->get_future();
  run([&] { begin_snapshot(result); });
  return info.get();
}

void FoldRunner::begin_snapshot_if_due() {
  if (snapshots_ == nullptr || next_ == snapshot_offset_) return;
  const bool by_events =
      options_.snapshot_every_events > 0 && next_ - snapshot_offset_ >= options_.snapshot_every_events;
  const bool by_time =
      options_.snapshot_every_ms > 0 &&
      monotonic_ns() - snapshot_begun_ns_ >= static_cast<uint64_t>(options_.snapshot_every_ms) * 1000000;
  if (!by_events && !by_time) return;
  {
    std::lock_guard lock(mutex_);
    if (snapshot_busy_) return;
    snapshot_busy_ = true;
  }
  begin_snapshot(std::make_shared<SnapshotResult>());
}

// The fold thread only forks; another thread waits for the child. A snapshot is published after the log is
// durable up to its offset: it must never contain an event that the log could lose.
void FoldRunner::begin_snapshot(const std::shared_ptr<SnapshotResult>& result) {
  snapshot_offset_ = next_;
  snapshot_begun_ns_ = monotonic_ns();
  if (snapshot_thread_.joinable()) snapshot_thread_.join();  // It has ended, or is about to.
  if (options_.fork_snapshots) {
    auto begun = snapshots_->begin(next_, folds_);
    if (begun.ok()) {
      auto writing = std::make_shared<SnapshotStore::Writing>(std::move(*begun));
      snapshot_thread_ = std::thread([this, writing, result] {
        const Status durable = log_.sync();
        end_snapshot(
            durable.ok() ? snapshots_->finish(std::move(*writing)) : Result<SnapshotInfo>(durable.error()),
            *result);
      });
      return;
    }
    log_warn("fold: snapshot at offset {} is written without a fork: {}", next_, describe(begun.error()));
  }
  const Status durable = log_.sync();
  end_snapshot(durable.ok() ? snapshots_->write(next_, folds_) : Result<SnapshotInfo>(durable.error()),
               *result);
}

void FoldRunner::end_snapshot(Result<SnapshotInfo> info, SnapshotResult& result) {
  if (info.ok()) {
    log_debug("fold: snapshot {} of {} bytes written", info->file, info->bytes);
    if (options_.snapshot_taken) options_.snapshot_taken(*info);
  } else {
    log_error("fold: no snapshot could be written: {}", describe(info.error()));
  }
  {
    std::lock_guard lock(mutex_);
    if (info.ok()) last_snapshot_ = *info;
    snapshot_busy_ = false;
    changed_.notify_all();
  }
  result.set_value(std::move(info));
}

std::optional<SnapshotInfo> FoldRunner::last_snapshot() const {
  std::lock_guard lock(mutex_);
  return last_snapshot_;
}

void FoldRunner::fail(Error error) {
  log_error("fold: stopped at offset {}: {}", next_, describe(error));
  std::lock_guard lock(mutex_);
  status_ = std::move(error);
}

Status FoldRunner::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace freshet
