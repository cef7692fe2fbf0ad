#include "dialect/internal/background.h"

#include "env/log.h"

namespace freshet::dialect_internal {

Result<uint64_t> Background::start(std::string what, std::function<Status()> work) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return unavailable("the server is stopping");
  if (waiting_.size() >= kWaitingMax)
    return exhausted("at most " + std::to_string(kWaitingMax) + " copies and moves may wait");
  if (!thread_.joinable()) thread_ = std::thread([this] { loop(); });
  waiting_.push_back({std::move(what), std::move(work)});
  changed_.notify_all();
  return next_++;
}

bool Background::done(uint64_t task) const {
  const std::lock_guard lock(mutex_);
  return task < finished_;
}

void Background::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    Work work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    if (const Status done = work.run(); !done.ok())
      log_error("storefront: {}: {}", work.what, done.error().what);
    lock.lock();
    ++finished_;
  }
}

void Background::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace freshet::dialect_internal
