#include "eval/replay.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "base/id_order.h"
#include "env/process.h"

namespace freshet {
namespace {

struct GroupCounts {
  struct Count {
    uint64_t index = 0;
    uint64_t targets = 0;
  };
  std::unordered_map<uint64_t, Count> groups;  // Only looked up.
  std::vector<TimeMs> second_ms;               // By index: when the group's second target came, if it did.

  void add(uint64_t group, TimeMs time_ms) {
    const auto [found, added] = groups.try_emplace(group);
    if (added) {
      found->second.index = second_ms.size();
      second_ms.push_back(INT64_MAX);
    }
    if (++found->second.targets == 2) second_ms[found->second.index] = time_ms;
  }
  // No target before this time is evaluated when the first `warmup` groups are not.
  TimeMs first_evaluated_ms(uint64_t warmup) const {
    TimeMs first = INT64_MAX;
    for (size_t index = warmup; index < second_ms.size(); index++) first = std::min(first, second_ms[index]);
    return first;
  }
};

// Events that go together through the evaluator: one event, or the lines of a basket.
struct Unit {
  TimeMs time_ms = 0;
  std::string order;  // Empty: not a basket
  std::vector<uint32_t> events;
};

class ReplayRun {
 public:
  ReplayRun(ReplayModel& model, const ReplayOptions& options, ReplayReport& report)
      : model_(model), options_(options), protocol_(options.protocol), report_(report) {}

  Status all(EventSource& source);

 private:
  GroupKeys keys() const { return {protocol_.group, protocol_.session_gap_ms}; }
  bool needs_counts() const { return protocol_.warmup.percent > 0 || protocol_.task == EvalTask::kLastItem; }
  Status keep(EventSource& source);
  Status count(EventSource& source, GroupCounts& counts);
  Status order_by_group();
  Status stream(EventSource& source);
  Status baskets();
  Status last_items(EventSource& source, const GroupCounts& counts);
  Status fold(const Event& event, uint64_t group);
  void tick(std::string_view phase, const EventSource& source);

  ReplayModel& model_;
  const ReplayOptions& options_;
  const Protocol& protocol_;
  ReplayReport& report_;
  std::unique_ptr<Evaluator> evaluator_;  // null: no evaluation
  EventBuffer kept_;
  uint64_t steps_ = 0;
  uint64_t counted_ = 0;  // Events in the source; 0: not counted.
};

void ReplayRun::tick(std::string_view phase, const EventSource& source) {
  if (!options_.progress || (++steps_ & 63) != 0) return;
  const bool any = evaluator_ != nullptr && evaluator_->result().eligible > 0;
  // The events were counted: a finer measure than the blocks that files are read in.
  const EventSource::Position position =
      counted_ > 0 && phase == "replay" ? EventSource::Position{steps_, counted_} : source.position();
  options_.progress(phase, position, steps_,
                    any ? evaluator_->recent_recall() : std::numeric_limits<double>::quiet_NaN());
}

Status ReplayRun::keep(EventSource& source) {
  TRY_STATUS(source.each([&](const Event& event) -> Status {
    tick("read", source);
    kept_.add(event);
    return {};
  }));
  report_.ingested = source.ingested();
  return {};
}

Status ReplayRun::count(EventSource& source, GroupCounts& counts) {
  GroupKeys key = keys();
  return source.each([&](const Event& event) -> Status {
    tick("count", source);
    counted_++;
    if (!is_target(event)) return {};
    const uint64_t group = key(event);
    if (group != 0) counts.add(group, event.time_ms);
    return {};
  });
}

// Groups whole, in order of first appearance; what belongs to no group stays where it was.
Status ReplayRun::order_by_group() {
  GroupKeys key = keys();
  std::vector<std::vector<uint32_t>> units;
  std::unordered_map<uint64_t, size_t> unit_of;  // Only looked up.
  uint32_t index = 0;
  TRY_STATUS(kept_.each([&](const Event& event) -> Status {
    const uint64_t group = is_target(event) ? key(event) : 0;
    const auto [found, added] =
        group == 0 ? std::pair(unit_of.end(), true) : unit_of.try_emplace(group, units.size());
    if (added) units.emplace_back();
    (group == 0 ? units.back() : units[found->second]).push_back(index++);
    return {};
  }));
  std::vector<uint32_t> order;
  order.reserve(index);
  for (const auto& unit : units) order.insert(order.end(), unit.begin(), unit.end());
  kept_.order(std::move(order));
  return {};
}

Status ReplayRun::fold(const Event& event, uint64_t group) {
  TRY_STATUS(model_.apply(event));
  report_.events++;
  if (!is_target(event)) return {};
  report_.targets++;
  if (evaluator_ != nullptr) evaluator_->learned(event, group);
  return {};
}

Status ReplayRun::stream(EventSource& source) {
  GroupKeys key = keys();
  return source.each([&](const Event& event) -> Status {
    tick("replay", source);
    uint64_t group = 0;
    if (evaluator_ != nullptr && is_target(event)) {
      group = key(event);
      if (options_.before) TRY_STATUS(options_.before(event.time_ms, *evaluator_));
      TRY_STATUS(evaluator_->next_item(event, group));
    }
    return fold(event, group);
  });
}

// Lines grouped into baskets by order id; a basket stands at its first timestamp; baskets in order of
// (timestamp, order id). Other events keep their place in time.
Status ReplayRun::baskets() {
  std::vector<Unit> units;
  std::unordered_map<std::string, size_t> unit_of;  // Only looked up.
  uint32_t index = 0;
  TRY_STATUS(kept_.each([&](const Event& event) -> Status {
    const std::string& order = event.order_id;
    const bool line = is_target(event) && !order.empty();
    const auto [found, added] =
        line ? unit_of.try_emplace(order, units.size()) : std::pair(unit_of.end(), true);
    if (added) units.push_back({event.time_ms, line ? order : "", {}});
    Unit& unit = line ? units[found->second] : units.back();
    unit.time_ms = std::min(unit.time_ms, event.time_ms);
    unit.events.push_back(index++);
    return {};
  }));
  std::stable_sort(units.begin(), units.end(), [](const Unit& a, const Unit& b) {
    if (a.time_ms != b.time_ms) return a.time_ms < b.time_ms;
    return !a.order.empty() && !b.order.empty() && smaller_id(a.order, b.order);
  });
  GroupKeys key = keys();
  std::vector<Event> lines;
  for (const Unit& unit : units) {
    lines.resize(unit.events.size());
    for (size_t i = 0; i < lines.size(); i++) TRY_STATUS(kept_.get(unit.events[i], lines[i]));
    const uint64_t group = unit.order.empty() ? 0 : key(lines.front());
    if (options_.before && group != 0) TRY_STATUS(options_.before(unit.time_ms, *evaluator_));
    if (group != 0) TRY_STATUS(evaluator_->basket(lines, group));
    for (const Event& line : lines) {
      tick("replay", kept_);
      TRY_STATUS(fold(line, group));
    }
  }
  return {};
}

Status ReplayRun::last_items(EventSource& source, const GroupCounts& counts) {
  GroupKeys key = keys();
  EventBuffer last;
  std::vector<uint64_t> last_group;
  std::unordered_map<uint64_t, uint64_t> met;  // Only looked up.
  TRY_STATUS(source.each([&](const Event& event) -> Status {
    tick("replay", source);
    if (!is_target(event)) return fold(event, 0);
    const uint64_t group = key(event);
    if (group == 0 || ++met[group] < counts.groups.at(group).targets) return fold(event, group);
    last.add(event);
    last_group.push_back(group);
    return {};
  }));
  size_t at = 0;
  return last.each([&](const Event& event) -> Status {
    tick("evaluate", last);
    return evaluator_->last_item(event, last_group[at++]);
  });
}

Status ReplayRun::all(EventSource& source) {
  const bool evaluate = protocol_.task != EvalTask::kNone;
  const bool in_memory = evaluate && (protocol_.by_group || protocol_.task == EvalTask::kBasket ||
                                      (needs_counts() && !source.repeatable()));
  if (in_memory) TRY_STATUS(keep(source));
  EventSource& from = in_memory ? static_cast<EventSource&>(kept_) : source;
  GroupCounts counts;
  if (evaluate && needs_counts()) TRY_STATUS(count(from, counts));
  if (evaluate && protocol_.by_group && protocol_.task != EvalTask::kBasket) TRY_STATUS(order_by_group());
  const auto share = static_cast<uint64_t>(
      std::floor(static_cast<double>(counts.groups.size()) * protocol_.warmup.percent / 100 + 1e-9));
  report_.warmup_groups = std::max(protocol_.warmup.groups, share);
  if (evaluate) {
    evaluator_ = std::make_unique<Evaluator>(protocol_, model_, report_.warmup_groups);
    if (counted_ > 0) evaluator_->publish_from(counts.first_evaluated_ms(report_.warmup_groups));
    if (options_.judgement) evaluator_->on_judgement(options_.judgement);
  }

  steps_ = 0;
  const double wall = wall_seconds(), cpu = cpu_seconds();
  switch (protocol_.task) {
    case EvalTask::kNone:
    case EvalTask::kNextItem:
      TRY_STATUS(stream(from));
      break;
    case EvalTask::kBasket:
      TRY_STATUS(baskets());
      break;
    case EvalTask::kLastItem:
      TRY_STATUS(last_items(from, counts));
      break;
  }
  report_.seconds = wall_seconds() - wall;
  report_.cpu_seconds = cpu_seconds() - cpu;
  if (!in_memory) report_.ingested = source.ingested();
  if (evaluator_ != nullptr && options_.after) TRY_STATUS(options_.after(*evaluator_));
  if (evaluator_ != nullptr) {
    report_.evaluation = evaluator_->result();
    report_.groups = evaluator_->groups().size();
  }
  report_.state_hash = model_.state_hash();
  report_.peak_rss_bytes = peak_rss_bytes();
  return {};
}

}  // namespace

Status replay(EventSource& source, ReplayModel& model, const ReplayOptions& options, ReplayReport& report) {
  report.protocol = options.protocol;
  return ReplayRun(model, options, report).all(source);
}

}  // namespace freshet
