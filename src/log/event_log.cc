#include "log/event_log.h"

#include <condition_variable>
#include <mutex>
#include <optional>

#include "event/codec.h"

namespace freshet {

void EventBatch::add(const Event& event) {
  scratch_.clear();
  encode_event(event, scratch_);
  add_record(scratch_.bytes());
}

void EventBatch::add_record(std::string_view record) {
  framed_.str(record);
  ++count_;
  largest_ = std::max(largest_, record.size());
}

void EventBatch::clear() {
  framed_.clear();
  count_ = 0;
  largest_ = 0;
}

Status Cursor::decode(Event& event) const {
  return decode_event(record(), event);
}

Status EventLog::commit(Offset upto) {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Status> result;
  commit(upto, [&](Status status) {
    std::lock_guard lock(mutex);  // Notified under the lock: the waiter may be gone right after it.
    result = std::move(status);
    changed.notify_one();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return result.has_value(); });
  return *result;
}

}  // namespace freshet
