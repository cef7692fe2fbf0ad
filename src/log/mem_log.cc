#include "log/mem_log.h"

namespace freshet {

class MemCursor : public Cursor {
 public:
  MemCursor(MemLog& log, Offset from) : log_(log), next_(from) {}

  Result<bool> next(std::chrono::milliseconds timeout) override {
    std::unique_lock lock(log_.mutex_);
    const auto there = [&] { return next_ - log_.begin_ < log_.records_.size(); };
    if (!there() && timeout.count() > 0)
      log_.appended_.wait_for(lock, timeout, [&] { return there() || log_.closed_; });
    if (!there()) return false;
    record_ = log_.records_[next_ - log_.begin_];
    at_ = next_++;
    return true;
  }
  Offset offset() const override { return at_; }
  std::string_view record() const override { return record_; }

 private:
  MemLog& log_;
  Offset next_;
  Offset at_ = 0;
  std::string_view record_;
};

Result<Offset> MemLog::append(const EventBatch& batch) {
  std::lock_guard lock(mutex_);
  if (closed_) return unavailable("the log is closed");
  const Offset first = begin_ + records_.size();
  Reader in(batch.framed());
  while (!in.done()) records_.emplace_back(in.str());
  appended_.notify_all();
  return first;
}

void MemLog::commit(Offset, std::function<void(Status)> done) {
  done(sync());
}

Status MemLog::sync() {
  return {};
}

Result<std::unique_ptr<Cursor>> MemLog::read(Offset from) {
  if (from < begin_ || from > end())
    return not_found("offset " + std::to_string(from) + " is not in the log: it has " +
                     std::to_string(begin_) + " to " + std::to_string(end()));
  return std::unique_ptr<Cursor>(std::make_unique<MemCursor>(*this, from));
}

Offset MemLog::begin() const {
  return begin_;
}

Offset MemLog::end() const {
  std::lock_guard lock(mutex_);
  return begin_ + records_.size();
}

Status MemLog::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  appended_.notify_all();
  return {};
}

}  // namespace freshet
