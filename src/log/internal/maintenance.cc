// Retention and erasure: the only two operations that take events out of the log.
#include <algorithm>

#include "base/hash.h"
#include "env/log.h"
#include "event/codec.h"
#include "log/internal/file_log_impl.h"

namespace freshet {
namespace {

// Moves `reader` through its segment; each(reader) for every block.
template <class Each>
Status for_each_block(const std::shared_ptr<Segment>& segment, Each each) {
  BlockReader reader(segment);
  const uint64_t limit = segment->bytes();
  for (;;) {
    TRY(const bool more, reader.next(limit));
    if (!more) return {};
    if (Status status = each(reader); !status.ok()) return status;
  }
}

bool is_named(const Event& event, const NamesPerson& names) {
  return event.type != EventType::kErased && names(event);
}

Status count_in_block(std::string_view payload, const NamesPerson& names, Event* event, uint64_t* count) {
  for (Reader in(payload); !in.done();) {
    TRY_STATUS(decode_event(in.str(), *event));
    *count += is_named(*event, names) ? 1 : 0;
  }
  return {};
}

Result<uint64_t> count_in_segment(const std::shared_ptr<Segment>& segment, const NamesPerson& names) {
  uint64_t count = 0;
  Event event;
  TRY_STATUS(for_each_block(segment, [&](const BlockReader& block) {
    return count_in_block(block.payload(), names, &event, &count);
  }));
  return count;
}

// The same block with placeholders for the events that name the person, appended to `file`.
Status copy_block(const BlockReader& block, const NamesPerson& names, File* file, Event* event,
                  EventBatch* batch) {
  Event placeholder;
  placeholder.type = EventType::kErased;
  batch->clear();
  for (Reader in(block.payload()); !in.done();) {
    const std::string_view record = in.str();
    TRY_STATUS(decode_event(record, *event));
    if (is_named(*event, names)) {
      batch->add(placeholder);
    } else {
      batch->add_record(record);
    }
  }
  BlockHeader header = block.header();
  header.payload_bytes = static_cast<uint32_t>(batch->bytes());
  header.payload_hash = hash_bytes(batch->framed());
  char head[kBlockHeaderBytes];
  encode_block_header(header, head);
  return file->append({head, sizeof(head)}, batch->framed());
}

}  // namespace

NamesPerson names_person(std::string user, std::vector<std::string> sessions) {
  std::sort(sessions.begin(), sessions.end());
  return [user = std::move(user), sessions = std::move(sessions)](const Event& event) {
    if (!user.empty() && (event.user == user || event.user_to == user)) return true;
    return !event.session.empty() && std::binary_search(sessions.begin(), sessions.end(), event.session);
  };
}

std::vector<std::shared_ptr<Segment>> FileLogImpl::list_segments() const {
  std::lock_guard lock(segments_mutex_);
  return segments_;
}

std::vector<SegmentInfo> FileLogImpl::segments() const {
  std::vector<SegmentInfo> list;
  for (const auto& segment : list_segments())
    list.push_back(
        {segment->file_name, segment->base, segment->end(), segment->bytes(), segment->created_ms});
  return list;
}

Result<Offset> FileLogImpl::retain(const RetentionPolicy& policy, Offset snapshot, int64_t now_ms) {
  if (options_.read_only) return unavailable("the log is open for reading only");
  std::lock_guard maintenance(maintenance_mutex_);
  auto segments = list_segments();
  uint64_t bytes = 0;
  for (const auto& segment : segments) bytes += segment->bytes();
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    const Segment& oldest = *segments[i];
    // Its newest event is as old as the segment that followed it.
    const bool too_old = policy.age_ms_max > 0 && segments[i + 1]->created_ms < now_ms - policy.age_ms_max;
    const bool too_much = policy.bytes_max > 0 && bytes > policy.bytes_max;
    if (oldest.end() > snapshot || !(too_old || too_much)) break;
    {
      std::scoped_lock lock(append_mutex_, segments_mutex_);
      segments_.erase(segments_.begin());
      begin_ = oldest.end();
    }
    TRY_STATUS(files_.remove(dir_ + "/" + oldest.file_name));
    TRY_STATUS(files_.sync_dir(dir_));  // One by one: what is left after a crash has no hole.
    log_info("log: segment {} with events {} to {} dropped by retention", oldest.file_name, oldest.base,
             oldest.end());
    bytes -= oldest.bytes();
  }
  return begin();
}

// Writes the segment again with placeholders for the events that name the person, and puts it in place of the
// old. False: there was none.
Result<bool> FileLogImpl::rewrite(const std::shared_ptr<Segment>& segment, const NamesPerson& names,
                                  EraseReport* report) {
  TRY(const uint64_t named, count_in_segment(segment, names));
  if (named == 0) return false;
  const std::string path = dir_ + "/" + segment->file_name;
  const std::string temporary = path + ".tmp";
  if (Status removed = files_.remove(temporary); !removed.ok() && removed.error().code != Code::kNotFound)
    return removed.error();
  const SegmentHeader segment_header{segment->base, segment->created_ms};
  TRY(auto file, files_.create(temporary));
  TRY_STATUS(file->append(encode_segment_header(segment_header)));
  Event event;
  EventBatch batch;
  TRY_STATUS(for_each_block(segment, [&](const BlockReader& block) {
    return copy_block(block, names, file.get(), &event, &batch);
  }));
  TRY_STATUS(file->sync());
  auto replacement = std::make_shared<Segment>(std::move(file), segment->file_name, segment_header);
  replacement->publish(replacement->file->size(), segment->end());
  TRY(const uint64_t left, count_in_segment(replacement, names));
  CHECK(left == 0);
  TRY_STATUS(files_.rename(temporary, path));
  std::scoped_lock lock(append_mutex_, segments_mutex_);
  *std::find(segments_.begin(), segments_.end(), segment) = replacement;
  report->events_erased += named;
  return true;
}

Result<EraseReport> FileLogImpl::erase(const NamesPerson& names) {
  if (options_.read_only) return unavailable("the log is open for reading only");
  std::lock_guard maintenance(maintenance_mutex_);
  {
    std::lock_guard lock(append_mutex_);
    if (closed_) return unavailable("the log is closed");
    TRY_STATUS(failure());
    if (segments_.back()->end() > segments_.back()->base) TRY_STATUS(begin_segment());
  }
  auto segments = list_segments();
  segments.pop_back();  // The active one: begun just now, or since.
  EraseReport report;
  for (const auto& segment : segments) {
    TRY(const bool rewritten, rewrite(segment, names, &report));
    ++report.segments_scanned;
    report.segments_rewritten += rewritten ? 1 : 0;
  }
  TRY_STATUS(files_.sync_dir(dir_));  // Even if nothing was rewritten: an earlier call may have failed here.
  log_info("log: {} events of one person erased in {} of {} segments", report.events_erased,
           report.segments_rewritten, report.segments_scanned);
  return report;
}

Result<uint64_t> FileLogImpl::count_named(const NamesPerson& names) {
  uint64_t count = 0;
  for (const auto& segment : list_segments()) {
    TRY(const uint64_t here, count_in_segment(segment, names));
    count += here;
  }
  return count;
}

}  // namespace freshet
