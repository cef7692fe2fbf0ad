// What goes on around the shop: weather, holidays, promotions, scenarios. Context events say a name and a
// value, in which region they hold, from when and until when; busy hours are found from the events
// themselves.
//
//   region     "DE" holds for "DE" and "DE-BY"; none holds everywhere
//   span       from its time until `until`, or for a day; the clock that it waits for is that of what happens
//              (entry.h): an announcement moves nothing
//   one value  of a name and region holds, that which began last; of holidays, promotions and scenarios any
//              number hold together
//   scenario   a stretch in which shoppers may choose by other rules: the declared scenario, else the holiday
//              that began last, else "busy": what shoppers did in the last half hour or so is `kBusyFrom`
//              times what they usually do in such a time, until it is `kBusyUntil`. Of promotions there is
//              always one; whoever has a rare one declares it.
//
// A span is met by its key (name and value; a number by its first two digits), so that features need no list
// of what there is. Bounded: kSpans; those that ended go first, then those that began first.
//
// Threads: apply(), save(), load() by the fold thread; active(), book() on any thread under an EpochGuard.
// Cost: active() looks at the spans that have not ended.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "base/epoch.h"
#include "feature/moment.h"
#include "fold/fold.h"

namespace freshet {

struct ContextSpan {
  std::string name, value, region;
  TimeMs from_ms = 0, until_ms = 0;
  uint64_t key = 0;      // Of name and value
  uint8_t scenario = 0;  // 2: declared as one, 1: holiday, 0: none
  bool operator==(const ContextSpan&) const = default;
  bool holds(std::string_view in_region, TimeMs now_ms) const;
};

struct ActiveContexts {
  static constexpr size_t kMost = 6;
  std::array<uint64_t, kMost> keys{};
  size_t count = 0;
  uint64_t scenario = 0;  // Key; 0: as usual
};

class Contexts final : public Fold {
 public:
  static constexpr size_t kSpans = 1024;
  static constexpr double kBusyFrom = 4, kBusyUntil = 2;
  static constexpr uint64_t kBusy = 0x62757379;  // Key of the scenario that is found.

  explicit Contexts(const Moment& moment);
  ~Contexts() override { delete book_.load(); }

  std::string_view name() const override { return "contexts"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override;

  struct Book {                      // Immutable.
    std::vector<ContextSpan> spans;  // By name, region and start.
    bool busy = false;
  };
  const Book& book() const { return *book_.load(std::memory_order_acquire); }
  ActiveContexts active(std::string_view region, TimeMs now_ms) const;

 private:
  void add(const Event& event);
  bool count();  // True: a busy time began or ended.
  void publish(Book book);

  const Moment& moment_;
  double lately_ = 0, usually_ = 0;  // Actions, halved every kLately and kUsually.
  TimeMs counted_ms_ = kNoTime, first_ms_ = kNoTime;
  std::atomic<const Book*> book_;
  RetireList retired_;
};

}  // namespace freshet
