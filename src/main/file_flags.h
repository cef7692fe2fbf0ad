// The flags that say how a file of events is read: the same for every command that reads one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "ingest/file_options.h"
#include "main/flags.h"

namespace freshet {

// As typed; options() checks them. Lives as long as the command.
struct FileFlags {
  std::vector<std::string> files;
  std::vector<std::string> map, set, where, upper;
  std::string types, format = "auto", delimiter, time_unit = "auto", source = "import";
  bool no_header = false;
  uint64_t rows_max = 0;

  Result<FileOptions> options() const;
};

// Declares FILES and the flags on `app`.
std::shared_ptr<FileFlags> add_file_flags(FlagSet app);

}  // namespace freshet
