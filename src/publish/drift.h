// Which segment moved: one ADWIN (model/adwin.h) for each segment's losses and one for all. Bounded: segments
// beyond `segments_max` are counted as "other". Threads: one. Twin of ADWIN, over the numbers themselves: in
// the test.
#pragma once

#include <map>
#include <string>

#include "model/adwin.h"

namespace freshet {

struct DriftAlarm {
  std::string segment;  // "all": the stream as a whole.
  double before = 0, after = 0;
  uint64_t at = 0;  // Examples seen.
};

class DriftMonitor {
 public:
  explicit DriftMonitor(double delta = 0.0005, size_t segments_max = 256)
      : delta_(delta), segments_max_(segments_max), all_{Adwin(delta), {}} {}

  // loss: about within 0..1. Alarms of this example, of losses that grew, go to `alarms`.
  void add(const std::string& segment, double loss, std::vector<DriftAlarm>& alarms) {
    ++n_;
    all_.add("all", loss, n_, alarms);
    if (segment.empty()) return;
    auto found = segments_.find(segment);
    if (found == segments_.end()) {
      const std::string& name = segments_.size() < segments_max_ ? segment : kOther;
      found = segments_.try_emplace(name, Watch{Adwin(delta_), {}}).first;
    }
    found->second.add(found->first, loss, n_, alarms);
  }

  uint64_t n() const { return n_; }
  void save(Writer& out) const {
    out.u64(n_ | kWithSaid);
    all_.save(out);
    out.varint(segments_.size());
    for (const auto& [name, own] : segments_) {
      out.str(name);
      own.save(out);
    }
  }
  void load(Reader& in) {
    n_ = in.u64();
    const bool with_said = (n_ & kWithSaid) != 0;
    n_ &= ~kWithSaid;
    all_.load(in, with_said);
    segments_.clear();
    for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      std::string name(in.str());
      segments_.try_emplace(std::move(name), Watch{Adwin(delta_), {}}).first->second.load(in, with_said);
    }
  }

 private:
  // In n as it is saved: alarms say when they were said. Older states do not.
  static constexpr uint64_t kWithSaid = uint64_t{1} << 63;
  struct Watch {
    Adwin losses;
    RiseAlarm alarm;
    void add(const std::string& name, double loss, uint64_t n, std::vector<DriftAlarm>& alarms) {
      if (losses.add(loss) && alarm.risen(losses))
        alarms.push_back({name, losses.mean_before(), losses.mean(), n});
    }
    void save(Writer& out) const {
      losses.save(out);
      out.u64(alarm.said());
    }
    void load(Reader& in, bool with_said) {
      losses.load(in);
      alarm.set_said(with_said ? in.u64() : 0);
    }
  };
  inline static const std::string kOther = "other";
  double delta_;
  size_t segments_max_;
  Watch all_;
  std::map<std::string, Watch> segments_;
  uint64_t n_ = 0;
};

}  // namespace freshet
