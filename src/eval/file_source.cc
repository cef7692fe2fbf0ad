#include "eval/file_source.h"

#include <algorithm>

#include "ingest/ingest.h"

namespace freshet {

Status FileSource::each(const Take& take) {
  ingested_ = {};
  position_ = {};
  Ingest ingest(cleaner_, nullptr);
  FunctionSink sink(take);
  const Door door{.door = "file", .source = options_.source, .now_ms = kNoTime};
  uint64_t files_done = 0;
  for (const std::string& file : files_) {
    IngestResult result;
    const Status status =
        ingest.import_file(file, options_, door, sink, result, [&](const FileProgress& now) {
          // Several files: each counts the same, so that the share done needs no look ahead.
          constexpr uint64_t kParts = 1 << 20;
          position_.total = now.bytes_total == 0 ? 0 : files_.size() * kParts;
          if (now.bytes_total > 0)
            position_.done =
                files_done * kParts + static_cast<uint64_t>(static_cast<double>(now.bytes_read) /
                                                            static_cast<double>(now.bytes_total) * kParts);
        });
    ingested_.merge(result);
    if (!status.ok()) return status;
    files_done++;
  }
  return {};
}

bool FileSource::repeatable() const {
  return std::find(files_.begin(), files_.end(), "-") == files_.end();
}

}  // namespace freshet
