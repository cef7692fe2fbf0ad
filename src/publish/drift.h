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
      : delta_(delta), segments_max_(segments_max), all_(delta) {}

  // loss: about within 0..1. Alarms of this example, of losses that grew, go to `alarms`.
  void add(const std::string& segment, double loss, std::vector<DriftAlarm>& alarms) {
    ++n_;
    if (all_.add(loss) && all_.mean() > all_.mean_before())
      alarms.push_back({"all", all_.mean_before(), all_.mean(), n_});
    if (segment.empty()) return;
    auto found = segments_.find(segment);
    if (found == segments_.end()) {
      const std::string& name = segments_.size() < segments_max_ ? segment : kOther;
      found = segments_.try_emplace(name, delta_).first;
    }
    Adwin& own = found->second;
    if (own.add(loss) && own.mean() > own.mean_before())
      alarms.push_back({found->first, own.mean_before(), own.mean(), n_});
  }

  uint64_t n() const { return n_; }
  void save(Writer& out) const {
    out.u64(n_);
    all_.save(out);
    out.varint(segments_.size());
    for (const auto& [name, own] : segments_) {
      out.str(name);
      own.save(out);
    }
  }
  void load(Reader& in) {
    n_ = in.u64();
    all_.load(in);
    segments_.clear();
    for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      std::string name(in.str());
      segments_.try_emplace(std::move(name), delta_).first->second.load(in);
    }
  }

 private:
  inline static const std::string kOther = "other";
  double delta_;
  size_t segments_max_;
  Adwin all_;
  std::map<std::string, Adwin> segments_;
  uint64_t n_ = 0;
};

}  // namespace freshet
