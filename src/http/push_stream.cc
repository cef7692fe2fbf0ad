#include "http/server.h"

namespace freshet {

bool PushStream::push(std::string_view event, std::string_view data) {
  std::function<void()> wake;
  {
    std::lock_guard lock(mutex_);
    if (closed_ || queued_.size() + event.size() + data.size() > bytes_max_) return false;
    queued_.append("event: ").append(event).append("\n");
    while (true) {  // A line of data each.
      const size_t end = std::min(data.find('\n'), data.size());
      queued_.append("data: ").append(data.substr(0, end)).append("\n");
      if (end == data.size()) break;
      data.remove_prefix(end + 1);
    }
    queued_.append("\n");
    wake = wake_;
  }
  if (wake) wake();
  return true;
}

void PushStream::close() {
  std::function<void()> wake;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    wake = wake_;
  }
  if (wake) wake();
}

bool PushStream::closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

void PushStream::listen(std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

bool PushStream::take(std::string& out) {
  std::lock_guard lock(mutex_);
  out.clear();
  out.swap(queued_);
  return !out.empty() || !closed_;
}

}  // namespace freshet
