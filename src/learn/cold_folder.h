// Cold rows of one table (table/cold_rows.h), in a folder of their own below the one that was named; it goes
// with them. Threads: one.
#pragma once

#include <memory>
#include <string>

#include "table/cold_rows.h"

namespace freshet {

class ColdFolder {
 public:
  explicit ColdFolder(const std::string& below);  // Empty: none, rows() is null.
  ~ColdFolder();
  ColdFolder(const ColdFolder&) = delete;
  ColdFolder& operator=(const ColdFolder&) = delete;

  ColdRows* rows() const { return rows_.get(); }
  Status status() const;  // It could not be opened, written or read: rows are lost.

 private:
  std::string below_, folder_;
  Status opened_;
  std::unique_ptr<ColdRows> rows_;
};

}  // namespace freshet
