#include <algorithm>

#include "ingest/ingest.h"
#include "ingest/internal/feed.h"
#include "ingest/internal/workspace.h"

namespace freshet {

Status import_feed(Ingest& ingest, Input& input, FileFormat format, const Door& door, EventSink& sink,
                   IngestResult& result, const Ingest::Progress& progress) {
  std::string body;
  std::vector<uint64_t> lines;
  const auto flush = [&]() -> Status {
    if (lines.empty()) return {};
    auto taken = ingest.items(body, ItemChange::kUpsert, door, sink, BodyKind::kJsonLines);
    if (!taken.ok()) return taken.error();
    for (Rejection& error : taken->errors)  // Where it stands in the feed, not in the portion.
      if (error.line > 0 && error.line <= lines.size()) error.line = lines[error.line - 1];
    result.merge(*taken);
    body.clear();
    lines.clear();
    if (progress) progress({input.bytes_read(), input.bytes_total(), result.received, result.accepted});
    return {};
  };
  const TakeItem take = [&](std::string_view json, uint64_t line) -> Status {
    const size_t at = body.size();
    body.append(json);
    std::replace_if(
        body.begin() + static_cast<std::ptrdiff_t>(at), body.end(),
        [](char c) { return c == '\n' || c == '\r'; }, ' ');
    body.push_back('\n');
    lines.push_back(line);
    return lines.size() >= kPortion || body.size() >= kPortionBytes ? flush() : Status();
  };
  const Status read =
      format == FileFormat::kMerchant ? read_merchant_feed(input, take) : read_json_ld(input, take);
  TRY_STATUS(flush());  // What came before an error is good.
  return read;
}

bool is_feed(FileFormat format) {
  return format == FileFormat::kMerchant || format == FileFormat::kJsonLd;
}

Door feed_door(const Door& door, const FileOptions& options) {
  Door out = door;
  if (out.source.empty()) out.source = options.source;
  if (out.now_ms == kNoTime) out.now_ms = door.letter_ms;
  return out;
}

}  // namespace freshet
