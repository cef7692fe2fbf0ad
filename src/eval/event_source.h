// Where a replay's events come from: files through the door, or memory.
#pragma once

#include <functional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "event/event.h"
#include "ingest/report.h"

namespace freshet {

class EventSource {
 public:
  using Take = std::function<Status(const Event&)>;
  struct Position {
    uint64_t done = 0, total = 0;  // Bytes, or events; total 0: not known
  };
  virtual ~EventSource() = default;
  // Hands over every event, in order; the event is reused. An error of `take` ends it. May be called again,
  // and then gives the same events, if repeatable().
  virtual Status each(const Take& take) = 0;
  virtual bool repeatable() const { return true; }
  virtual Position position() const { return {}; }      // Within each().
  virtual IngestResult ingested() const { return {}; }  // What the door said in the last each().
};

// Events kept encoded, about 100 bytes each, in any order the caller wants.
class EventBuffer final : public EventSource {
 public:
  void add(const Event& event);
  size_t size() const { return begins_.size(); }
  Status get(size_t index, Event& event) const;  // kCorrupt: a bug in the codec

  // The order in which each() gives them; by default the order of add().
  void order(std::vector<uint32_t> order) { order_ = std::move(order); }
  Status each(const Take& take) override;
  Position position() const override { return {done_, order_.empty() ? size() : order_.size()}; }

 private:
  Writer bytes_;
  std::vector<size_t> begins_;
  std::vector<uint32_t> order_;
  size_t done_ = 0;
};

}  // namespace freshet
