#include "eval/event_source.h"

#include <algorithm>

#include "event/codec.h"
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
    if (!status.ok()) return Error{status.error().code, file + ": " + status.error().what};
    files_done++;
  }
  return {};
}

bool FileSource::repeatable() const {
  return std::find(files_.begin(), files_.end(), "-") == files_.end();
}

void EventBuffer::add(const Event& event) {
  begins_.push_back(bytes_.size());
  encode_event(event, bytes_);
}

Status EventBuffer::get(size_t index, Event& event) const {
  const size_t begin = begins_[index];
  const size_t end = index + 1 < begins_.size() ? begins_[index + 1] : bytes_.size();
  return decode_event(std::string_view(bytes_.bytes()).substr(begin, end - begin), event);
}

Status EventBuffer::each(const Take& take) {
  Event event;
  const size_t count = order_.empty() ? size() : order_.size();
  for (done_ = 0; done_ < count; done_++) {
    TRY_STATUS(get(order_.empty() ? done_ : order_[done_], event));
    TRY_STATUS(take(event));
  }
  return {};
}

}  // namespace freshet
