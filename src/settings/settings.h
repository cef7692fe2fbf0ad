// The shop's search settings and synonyms as folded state: every change is an event on the log, so that a
// restart or a replay brings back the same settings with the same history.
//
// A kSettings event says what is done in `name`, and with what in `value`:
//
//   stage            settings as JSON     makes the next version, checked but not used
//   publish          a version's number   that version is what requests use from now on (rolling back, too)
//   discard          a version's number   removes a version that was never published
//   synonym-put      a synonym as JSON    adds it, or replaces the one of its id
//   synonyms-put     a list of them       the same for many: one copy of all, not one for each
//   synonym-delete   an id
//   synonyms-clear
//
// What does not parse, or names what is not there, changes nothing: the door checks first and tells the
// sender; the fold only has to be deterministic.
//
// Threads: fold thread writes; book() on any thread under an EpochGuard. Cost of a change: a copy of the list
// of versions (pointers) and, for synonyms, of all of them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/epoch.h"
#include "feature/moment.h"
#include "fold/fold.h"
#include "settings/search_settings.h"

namespace freshet {

struct SettingsVersion {
  uint64_t number = 0;  // 1, 2, ...; 0: the defaults, which no version precedes
  SearchSettings settings;
  TimeMs staged_ms = 0;
  TimeMs published_ms = 0;  // Last time; 0: never
  std::string by;           // Name of the key that staged it.
  std::string note;         // For people: why.
};

// All there is at one moment: immutable.
struct SettingsBook {
  std::shared_ptr<const SettingsVersion> published;              // Never null.
  std::shared_ptr<const SettingsVersion> before;                 // Published before this one; null: none was.
  std::vector<std::shared_ptr<const SettingsVersion>> versions;  // Ascending; the defaults are not in it.
  std::shared_ptr<const std::vector<Synonym>> synonyms;          // By id. Never null.
  uint64_t next = 1;               // The number that the next staged version gets.
  uint64_t synonyms_revision = 0;  // Changes when synonyms do.

  std::shared_ptr<const SettingsVersion> version(uint64_t number) const;  // Null: not known (any more)
};

class Settings final : public Fold {
 public:
  explicit Settings(const Moment& moment);
  ~Settings() override;

  std::string_view name() const override { return "settings"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override;

  // Any thread, under an EpochGuard: lives as long as that guard.
  const SettingsBook& book() const { return *book_.load(std::memory_order_acquire); }

  // Fold thread; called before the book changes.
  void before_change(std::function<void()> listener) { before_change_ = std::move(listener); }
  // Fold thread; called after the book has changed. Set once, before the first event.
  void on_change(std::function<void(const SettingsBook& before, const SettingsBook& after)> listener) {
    on_change_ = std::move(listener);
  }

 private:
  bool change(const Event& event, SettingsBook& next) const;  // False: nothing changes.
  void publish(SettingsBook* next);

  const Moment& moment_;
  std::function<void()> before_change_;
  std::function<void(const SettingsBook&, const SettingsBook&)> on_change_;
  std::atomic<const SettingsBook*> book_;
  RetireList retired_;
};

// Events for the log; what they bear has been checked.
Event stage_event(const SearchSettings& settings, std::string_view by, std::string_view note);
Event settings_event(std::string_view action, std::string value, std::string_view by);

}  // namespace freshet
