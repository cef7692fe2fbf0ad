#include "log/file_log.h"

#include <algorithm>

#include "base/hash.h"
#include "env/clock.h"
#include "env/log.h"
#include "env/process.h"
#include "log/internal/file_log_impl.h"

namespace freshet {
namespace {

constexpr std::chrono::milliseconds kRefreshEvery(50);  // Read-only logs have nobody to wake them.

class FileCursor : public Cursor {
 public:
  FileCursor(FileLogImpl& log, Offset from) : log_(log), next_(from) {}

  Result<bool> next(std::chrono::milliseconds timeout) override {
    while (rest_.done()) {
      if (next_ >= log_.end() && !log_.wait_beyond(next_, timeout)) return false;
      TRY_STATUS(next_block());
    }
    record_ = rest_.str();
    if (!rest_.ok()) return corrupt(where() + ": a record is longer than its block");
    at_ = next_++;
    return true;
  }
  Offset offset() const override { return at_; }
  std::string_view record() const override { return record_; }

 private:
  std::string where() const {
    return "log segment " + reader_->segment().file_name + " byte " +
           std::to_string(reader_->block_position());
  }

  // Moves to the block that holds next_, which is below the log's end.
  Status next_block() {
    if (!reader_ || next_ >= reader_->segment().end()) {
      if (reader_) TRY_STATUS(expect_nothing_more());
      auto segment = log_.segment_of(next_);
      if (!segment) return not_found("offset " + std::to_string(next_) + " was dropped by retention");
      reader_ = std::make_unique<BlockReader>(std::move(segment));
    }
    const Segment& segment = reader_->segment();
    TRY(const bool more, reader_->next(segment.bytes(), next_));
    if (!more)
      return corrupt("log segment " + segment.file_name + " byte " + std::to_string(segment.bytes()) +
                     ": it ends before offset " + std::to_string(next_) + ", the next segment begins at " +
                     std::to_string(segment.end()));
    rest_ = Reader(reader_->payload());
    for (Offset skip = reader_->header().first; skip < next_; ++skip) rest_.str();
    return {};
  }

  Status expect_nothing_more() {
    const uint64_t at = reader_->position();
    TRY(const bool more, reader_->next(reader_->segment().bytes()));
    if (!more) return {};
    return corrupt("log segment " + reader_->segment().file_name + " byte " + std::to_string(at) +
                   ": events beyond the beginning of the next segment");
  }

  FileLogImpl& log_;
  Offset next_;
  Offset at_ = 0;
  std::unique_ptr<BlockReader> reader_;
  Reader rest_{{}};  // Records of the current block not yet yielded.
  std::string_view record_;
};

}  // namespace

Result<Durability> parse_durability(std::string_view text) {
  if (text == "sync") return Durability::kSync;
  if (text == "interval") return Durability::kInterval;
  if (text == "none") return Durability::kNone;
  return invalid("durability \"" + std::string(text) + "\": expected sync, interval or none");
}

FileLogImpl::~FileLogImpl() {
  if (const Status status = close(); !status.ok()) log_error("log: closing: {}", describe(status.error()));
}

Result<Offset> FileLogImpl::append(const EventBatch& batch) {
  if (options_.read_only) return unavailable("the log is open for reading only");
  if (batch.largest() > options_.event_bytes_max)
    return invalid("an event of " + std::to_string(batch.largest()) + " bytes, the limit is " +
                   std::to_string(options_.event_bytes_max));
  if (batch.bytes() > options_.batch_bytes_max)
    return invalid("a batch of " + std::to_string(batch.bytes()) + " bytes, the limit is " +
                   std::to_string(options_.batch_bytes_max));
  if (batch.empty()) return end();
  const uint64_t payload_hash = hash_bytes(batch.framed());
  Offset first;
  {
    std::lock_guard lock(append_mutex_);
    if (closed_) return unavailable("the log is closed");
    TRY_STATUS(failure());
    first = end_.load(std::memory_order_relaxed);
    // What this version writes may hold what an older one could not read: it begins a segment of its own.
    const Segment& active = *segments_.back();
    const bool older = active.version < kLogVersion && active.end() > active.base;
    if (older || active.bytes() >= options_.segment_bytes) TRY_STATUS(begin_segment());
    TRY_STATUS(write_block(batch, payload_hash));
  }
  wake_cursors();
  return first;
}

// Writes one block at the end of the active segment, or leaves it as it was. Holds append_mutex_.
Status FileLogImpl::write_block(const EventBatch& batch, uint64_t payload_hash) {
  Segment& active = *segments_.back();
  BlockHeader header;
  header.payload_bytes = static_cast<uint32_t>(batch.bytes());
  header.first = end_.load(std::memory_order_relaxed);
  header.count = static_cast<uint32_t>(batch.count());
  header.durable = durable();
  header.payload_hash = payload_hash;
  char head[kBlockHeaderBytes];
  encode_block_header(header, head);
  if (Status written = active.file->append({head, sizeof(head)}, batch.framed()); !written.ok()) {
    if (Status back = active.file->truncate(active.bytes()); !back.ok()) fail(back.error());
    return unavailable(written.error().what);
  }
  mark_needed_ = header.count > 0;
  active.publish(active.file->size(), header.first + header.count);
  end_.store(header.first + header.count, std::memory_order_seq_cst);
  return {};
}

// Makes the active segment durable and begins the next: so only the last can have a torn tail.
Status FileLogImpl::begin_segment() {
  const Offset base = end_.load(std::memory_order_relaxed);
  if (!segments_.empty()) {
    if (Status status = segments_.back()->file->sync(); !status.ok()) {
      fail(status.error());
      return failure();
    }
    ++syncs_;
    durable_ = base;
  }
  const SegmentHeader header{base, now_ms()};
  const std::string name = segment_name(base);
  const std::string path = dir_ + "/" + name;
  const auto make = [&]() -> Result<std::unique_ptr<File>> {
    TRY(auto file, files_.create(path));
    TRY_STATUS(file->append(encode_segment_header(header)));
    TRY_STATUS(file->sync());
    TRY_STATUS(files_.sync_dir(dir_));
    return file;
  };
  auto file = make();
  if (!file.ok()) {
    // Nothing was acknowledged in it. If even this fails, a later attempt or the next open() meets the name.
    if (Status removed = files_.remove(path); !removed.ok() && removed.error().code != Code::kNotFound)
      fail(removed.error());
    return unavailable(file.error().what);
  }
  auto segment = std::make_shared<Segment>(std::move(*file), name, header);
  segment->publish(kSegmentHeaderBytes, base);
  std::lock_guard lock(segments_mutex_);
  segments_.push_back(std::move(segment));
  return {};
}

void FileLogImpl::fail(Error error) {
  {
    std::lock_guard lock(failure_mutex_);
    if (failed_) return;
    failure_ = unavailable("the log takes no more events until it is opened again, after: " + error.what);
    failed_ = true;
  }
  log_error("log: {}: no more events are taken until the log is opened again", error.what);
}

Status FileLogImpl::failure() const {
  if (!failed_.load(std::memory_order_acquire)) return {};
  std::lock_guard lock(failure_mutex_);
  return failure_;
}

Status FileLogImpl::sync_active(Offset* synced) {
  std::shared_ptr<Segment> active;
  {
    std::lock_guard lock(append_mutex_);  // A roll makes all before it durable, so one file is enough.
    TRY_STATUS(failure());
    active = segments_.back();
    *synced = end_.load(std::memory_order_relaxed);
  }
  ++syncs_;
  if (Status status = active->file->sync(); !status.ok()) {
    fail(status.error());
    return failure();
  }
  return {};
}

Status FileLogImpl::sync_to(Offset upto) {
  std::unique_lock lock(sync_mutex_);
  while (durable() < upto) {
    TRY_STATUS(failure());
    if (syncing_) {
      synced_.wait(lock);
      continue;
    }
    syncing_ = true;
    lock.unlock();
    Offset synced = 0;
    const Status status = sync_active(&synced);
    lock.lock();
    syncing_ = false;
    if (status.ok() && synced > durable()) durable_ = synced;
    synced_.notify_all();
    if (!status.ok()) return status;
  }
  return {};
}

Status FileLogImpl::sync() {
  return sync_to(end());
}

Status FileLogImpl::commit(Offset upto) {
  if (options_.durability == Durability::kSync) return sync_to(upto);
  return failure();
}

void FileLogImpl::commit(Offset upto, std::function<void(Status)> done) {
  if (options_.durability != Durability::kSync || durable() >= upto || !committer_.joinable()) {
    done(durable() >= upto ? Status() : failure());
    return;
  }
  {
    std::lock_guard lock(commit_mutex_);
    if (!committer_stop_) {
      waiting_.push_back({upto, std::move(done)});
      commit_asked_.notify_one();
      return;
    }
  }
  done(unavailable("the log is closed"));
}

// The thread that syncs for commits with a callback, and every interval if the policy says so.
void FileLogImpl::committer() {
  run_in_short_slices();
  const bool by_interval = options_.durability == Durability::kInterval;
  const std::chrono::milliseconds interval(options_.sync_interval_ms);
  std::deque<Waiting> batch;
  for (;;) {
    {
      std::unique_lock lock(commit_mutex_);
      const auto asked = [&] { return committer_stop_ || !waiting_.empty(); };
      if (by_interval) {
        commit_asked_.wait_for(lock, interval, asked);
      } else {
        commit_asked_.wait(lock, asked);
      }
      if (committer_stop_ && waiting_.empty()) return;
      batch.swap(waiting_);
    }
    Offset upto = by_interval ? end() : 0;
    for (const Waiting& waiting : batch) upto = std::max(upto, waiting.upto);
    const Status status = sync_to(upto);
    for (Waiting& waiting : batch) waiting.done(status);
    batch.clear();
  }
}

Result<std::unique_ptr<Cursor>> FileLogImpl::read(Offset from) {
  if (from < begin())
    return not_found("offset " + std::to_string(from) + " was dropped by retention, the log begins at " +
                     std::to_string(begin()));
  if (from > end())
    return not_found("offset " + std::to_string(from) + " lies beyond the log's end, " +
                     std::to_string(end()));
  return std::unique_ptr<Cursor>(std::make_unique<FileCursor>(*this, from));
}

std::shared_ptr<const Segment> FileLogImpl::segment_of(Offset at) const {
  std::lock_guard lock(segments_mutex_);
  for (auto segment = segments_.rbegin(); segment != segments_.rend(); ++segment)
    if ((*segment)->base <= at) return *segment;
  return nullptr;
}

// The waiter announces itself before it looks at end_, the appender moves end_ before it looks for waiters
// (both sequentially consistent): one of them sees the other.
void FileLogImpl::wake_cursors() {
  if (tail_waiters_.load(std::memory_order_seq_cst) == 0) return;
  { std::lock_guard lock(tail_mutex_); }
  tail_moved_.notify_all();
}

bool FileLogImpl::wait_beyond(Offset at, std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  std::unique_lock lock(tail_mutex_);
  tail_waiters_.fetch_add(1, std::memory_order_seq_cst);
  while (end() <= at && !closed_) {
    if (options_.read_only) {
      lock.unlock();
      refresh_read_only();
      lock.lock();
      if (end() > at || std::chrono::steady_clock::now() >= until) break;
      tail_moved_.wait_until(lock, std::min(until, std::chrono::steady_clock::now() + kRefreshEvery));
    } else if (tail_moved_.wait_until(lock, until) == std::cv_status::timeout) {
      break;
    }
  }
  tail_waiters_.fetch_sub(1, std::memory_order_seq_cst);
  return end() > at;
}

Status FileLogImpl::close() {
  Status status;
  {
    std::lock_guard lock(append_mutex_);
    if (closed_.exchange(true)) return {};
  }
  if (committer_.joinable()) {
    {
      std::lock_guard lock(commit_mutex_);
      committer_stop_ = true;
      commit_asked_.notify_all();
    }
    committer_.join();
  }
  if (!options_.read_only && !segments_.empty()) {
    status = sync();
    // A mark that everything before it was durable: from now on damage there cannot pass for a torn tail.
    if (status.ok() && mark_needed_ && !failed_) {
      const EventBatch nothing;
      status = write_block(nothing, hash_bytes(nothing.framed()));
      if (status.ok()) status = segments_.back()->file->sync();
    }
  }
  { std::lock_guard lock(tail_mutex_); }
  tail_moved_.notify_all();
  return status;
}

}  // namespace freshet
