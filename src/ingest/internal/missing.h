// What becomes of fields that are absent: the declared policies and the running values they need.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "event/event.h"
#include "ingest/cleaner.h"
#include "ingest/internal/fields.h"

namespace freshet {

class MissingValues {
 public:
  explicit MissingValues(const std::vector<MissingPolicy>& policies);

  // Fills absent fields of `event`. False: one is refused; `field` names it.
  bool fill(Event& event, std::string_view& field);
  // Learns from the values that the sender gave (those fill() found present in the same event).
  void learn(const Event& event);
  size_t bytes() const;

 private:
  struct Running {  // Of one item; of all in `overall`.
    uint64_t item = 0;
    double last = kNoNumber;
    double sum = 0;
    uint64_t count = 0;
    void add(double value) {
      last = value;
      sum += value;
      ++count;
    }
  };
  struct Rule {
    Field field;
    MissingAction action;
    std::string text;  // kDefault; kPrevious of a text field: the last one.
    double number = kNoNumber;
    TimeMs time = kNoTime;
    Running overall;
    std::vector<Running> by_item;  // Direct-mapped by hash of the item: a newcomer replaces.
    bool filled = false;           // By the last fill().
  };
  static bool concerns(const Rule& rule, EventType type);
  bool fill_number(Rule& rule, Event& event, double& number);
  Running* of_item(Rule& rule, const Event& event);

  std::vector<Rule> rules_;
};

}  // namespace freshet
