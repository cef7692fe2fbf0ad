// The event log in memory, for tests and for `replay` without a data directory. Nothing outlives the process.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

#include "log/event_log.h"

namespace freshet {

class MemLog : public EventLog {
 public:
  explicit MemLog(Offset begin = 0) : begin_(begin) {}
  Result<Offset> append(const EventBatch& batch) override;
  using EventLog::commit;
  void commit(Offset upto, std::function<void(Status)> done) override;
  Status sync() override;
  Result<std::unique_ptr<Cursor>> read(Offset from) override;
  Offset begin() const override;
  Offset end() const override;
  Offset durable() const override { return end(); }
  Status close() override;

 private:
  friend class MemCursor;
  const Offset begin_;
  mutable std::mutex mutex_;
  std::condition_variable appended_;
  std::deque<std::string> records_;  // A deque: records never move, so a cursor's view stays valid.
  bool closed_ = false;
};

}  // namespace freshet
