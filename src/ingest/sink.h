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

// Passes events on; those of items become part of a catalogue that waits beside the live one.
class CatalogueSink : public EventSink {
 public:
  CatalogueSink(EventSink& to, std::string catalogue) : to_(to), catalogue_(std::move(catalogue)) {}
  Status add(const Event& event) override {
    if (catalogue_.empty()) return to_.add(event);
    copy_ = event;
    copy_.catalogue = catalogue_;
    return to_.add(copy_);
  }
  Status append() override { return to_.append(); }

 private:
  EventSink& to_;
  const std::string catalogue_;
  Event copy_;
};

// The name of a catalogue: letters, digits, "-", "_" and ".", at most 64; or empty for the live one.
inline Status check_catalogue(std::string_view name) {
  const bool good =
      name.size() <= 64 &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
          std::string_view::npos;
  if (good) return {};
  return invalid("catalogue: expected at most 64 letters, digits, -, _ and ., got \"" +
                 std::string(name.substr(0, 80)) + "\"");
}

}  // namespace freshet
