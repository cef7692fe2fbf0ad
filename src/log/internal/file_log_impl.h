// FileLog behind its front: members by who may touch them. open is in open.cc, appending, committing and
// reading in file_log.cc, retention and erasure in maintenance.cc.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "log/file_log.h"
#include "log/internal/segment.h"

namespace freshet {

class FileLogImpl : public FileLog {
 public:
  FileLogImpl(FileSystem& files, std::string dir, const FileLogOptions& options)
      : files_(files), dir_(std::move(dir)), options_(options) {}
  ~FileLogImpl() override;
  Status open();

  Result<Offset> append(const EventBatch& batch) override;
  void commit(Offset upto, std::function<void(Status)> done) override;
  Status commit(Offset upto) override;
  Status sync() override;
  Result<std::unique_ptr<Cursor>> read(Offset from) override;
  Offset begin() const override { return begin_.load(std::memory_order_acquire); }
  Offset end() const override { return end_.load(std::memory_order_seq_cst); }
  Offset durable() const override { return durable_.load(std::memory_order_acquire); }
  Status close() override;

  std::vector<SegmentInfo> segments() const override;
  Result<Offset> retain(const RetentionPolicy& policy, Offset snapshot, int64_t now_ms) override;
  Result<EraseReport> erase(const NamesPerson& names) override;
  Result<uint64_t> count_named(const NamesPerson& names) override;
  uint64_t syncs() const override { return syncs_.load(std::memory_order_relaxed); }

  // For cursors. The segment that holds `at`, which is below end(); null: dropped by retention.
  std::shared_ptr<const Segment> segment_of(Offset at) const;
  // Waits until end() > at. False: not within `timeout`, or closed.
  bool wait_beyond(Offset at, std::chrono::milliseconds timeout);

 private:
  struct Waiting {
    Offset upto;
    std::function<void(Status)> done;
  };

  // open.cc
  Status open_segments(const std::vector<std::string>& names);
  Status recover_last(const std::shared_ptr<Segment>& segment);
  Status write_again(Segment& segment, uint64_t from);
  Status cut_torn_tail(Segment& segment, uint64_t at, Offset next, const Error& damage);
  Result<bool> damage_was_durable(const Segment& segment, uint64_t at, Offset next) const;
  Result<std::shared_ptr<Segment>> open_segment(const std::string& name);
  void refresh_read_only();

  // file_log.cc
  Status write_block(const EventBatch& batch, uint64_t payload_hash);
  Status begin_segment();       // Holds append_mutex_.
  Status sync_to(Offset upto);  // Leader or follower of a shared fdatasync.
  Status sync_active(Offset* synced);
  void committer();
  void fail(Error error);
  Status failure() const;
  void wake_cursors();

  // maintenance.cc
  Result<bool> rewrite(const std::shared_ptr<Segment>& segment, const NamesPerson& names,
                       EraseReport* report);
  std::vector<std::shared_ptr<Segment>> list_segments() const;

  FileSystem& files_;
  const std::string dir_;
  const FileLogOptions options_;
  std::unique_ptr<FileLock> lock_;  // Constant after open().

  std::mutex
      append_mutex_;  // Writing to the active segment. Needed, with segments_mutex_, to change segments_.
  std::mutex maintenance_mutex_;  // One retain() or erase() at a time. Taken before append_mutex_.

  bool mark_needed_ = false;  // Guarded by append_mutex_: the last block does not say that all is durable.

  mutable std::mutex segments_mutex_;               // Taken last.
  std::vector<std::shared_ptr<Segment>> segments_;  // By base; the last is the active one.

  std::atomic<Offset> begin_{0};
  std::atomic<Offset> end_{0};      // Stored by the appender, after the bytes are in the file.
  std::atomic<Offset> durable_{0};  // Only grows.
  std::atomic<uint64_t> syncs_{0};
  std::atomic<bool> closed_{false};

  std::mutex sync_mutex_;
  std::condition_variable synced_;
  bool syncing_ = false;  // Guarded by sync_mutex_: a leader is inside fdatasync.

  mutable std::mutex failure_mutex_;
  std::atomic<bool> failed_{false};
  Status failure_;  // Guarded by failure_mutex_.

  std::mutex commit_mutex_;
  std::condition_variable commit_asked_;
  std::deque<Waiting> waiting_;  // Guarded by commit_mutex_.
  bool committer_stop_ = false;  // Guarded by commit_mutex_.
  std::thread committer_;

  std::unique_ptr<BlockReader> follower_;  // Read-only logs: how far the last segment was read.

  std::mutex tail_mutex_;
  std::condition_variable tail_moved_;
  std::atomic<int> tail_waiters_{0};
};

}  // namespace freshet
