// A replay's events from files, through the door.
#pragma once

#include <string>
#include <vector>

#include "eval/event_source.h"
#include "ingest/cleaner.h"
#include "ingest/file_options.h"

namespace freshet {

// Files read by ingest/, cleaned by the policy for history; "-" is standard input and not repeatable.
class FileSource final : public EventSource {
 public:
  FileSource(std::vector<std::string> files, FileOptions options,
             CleanerConfig cleaner = CleanerConfig::history())
      : files_(std::move(files)), options_(std::move(options)), cleaner_(std::move(cleaner)) {}
  Status each(const Take& take) override;
  bool repeatable() const override;
  Position position() const override { return position_; }
  IngestResult ingested() const override { return ingested_; }

 private:
  const std::vector<std::string> files_;
  const FileOptions options_;
  const CleanerConfig cleaner_;
  Position position_;
  IngestResult ingested_;
};

}  // namespace freshet
