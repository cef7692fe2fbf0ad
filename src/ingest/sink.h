// Where a door puts the events it took: the log (LogSink), a fold being replayed, a vector in a test.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "event/event.h"

namespace freshet {

class EventSink {
 public:
  virtual ~EventSink() = default;

  // `event` is reused by the caller: encode, apply or copy it before returning. An error ends the door's
  // work; what was added since the last append() counts as not taken.
  virtual Status add(const Event& event) = 0;

  // Everything added since the last append() becomes one unit of the log, or none of it. The door holds its
  // lock meanwhile, so that the order of the log is the order of duplicate checks: do not wait for the disk
  // here. Who answers a client waits for durability afterwards, without that lock.
  virtual Status append() = 0;
};

// Hands each event to a function: replay, tests.
class FunctionSink : public EventSink {
 public:
  explicit FunctionSink(std::function<Status(const Event&)> take) : take_(std::move(take)) {}
  Status add(const Event& event) override { return take_(event); }
  Status append() override { return {}; }

 private:
  std::function<Status(const Event&)> take_;
};

// Keeps what was appended.
class VectorSink : public EventSink {
 public:
  Status add(const Event& event) override {
    pending_.push_back(event);
    return {};
  }
  Status append() override {
    events.insert(events.end(), pending_.begin(), pending_.end());
    pending_.clear();
    return {};
  }
  std::vector<Event> events;

 private:
  std::vector<Event> pending_;
};

}  // namespace freshet
