// Labels as they are written: numbers; or of two kinds, 0 and 1 by themselves (1, true, yes, ...: any case)
// or any two texts. Threads: one.
#pragma once

#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "learn/learner.h"
#include "learn/row_reader.h"

namespace freshet {

// The number in a cell. kInvalid, naming it `name`: there is none, or it is beyond 1e20.
Status read_row_number(const Row& row, size_t cell, const std::string& name, double& out);

class LabelReader {
 public:
  // positive: the label that is 1, all others being 0; empty: found out.
  LabelReader(Task task, std::string name, std::string positive)
      : task_(task), name_(std::move(name)), positive_(std::move(positive)) {}

  // Which of two texts is 1, from the first rows: the greater, numbers by value. kInvalid: neither 0 and 1
  // nor two values, or `positive` beside a yes and a no that are not it.
  Status plan(std::span<const Row> rows, size_t cell);
  // The label of a row; `there`: it has one. kInvalid: what it has is none.
  Status read(const Row& row, size_t cell, double& label, bool& there) const;
  // A warning: no first row has the label that was told to be 1; empty: one has.
  std::string unseen() const;
  std::string describe() const;  // "'good' is 1, 'bad' is 0"; empty: they say so themselves.

  void save(Writer& out) const;
  void load(Reader& in);

 private:
  Task task_;
  std::string name_, positive_;
  bool unseen_ = false;
  std::string seen_;      // Then: what the first rows have.
  std::string yes_, no_;  // Labels that are not 0 and 1 by themselves; no_ empty: all others.
};

}  // namespace freshet
