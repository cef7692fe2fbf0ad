// Opening a directory of segments: which files belong to it, and what a crash left at the end of the last.
#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "env/clock.h"
#include "env/log.h"
#include "log/internal/file_log_impl.h"

namespace freshet {
namespace {

constexpr std::string_view kTemporary = ".tmp";

}  // namespace

Result<std::unique_ptr<FileLog>> FileLog::open(FileSystem& files, const std::string& dir,
                                               const FileLogOptions& options) {
  auto log = std::make_unique<FileLogImpl>(files, dir, options);
  TRY_STATUS(log->open());
  return std::unique_ptr<FileLog>(std::move(log));
}

Status FileLogImpl::open() {
  if (!options_.read_only) {
    TRY_STATUS(files_.make_dirs(dir_));
    TRY(lock_, files_.lock(dir_ + "/LOCK"));
  }
  TRY(const auto names, files_.list(dir_));
  std::vector<std::string> segment_names;
  for (const std::string& name : names) {
    if (parse_segment_name(name)) segment_names.push_back(name);
    // What a rewrite left when it was interrupted: the segment it was made from is still there.
    if (name.ends_with(kTemporary) && !options_.read_only) TRY_STATUS(files_.remove(dir_ + "/" + name));
  }
  TRY_STATUS(open_segments(segment_names));
  if (options_.read_only) {
    if (segments_.empty()) return not_found(dir_ + ": no event log here");
  } else {
    if (segments_.empty()) TRY_STATUS(begin_segment());
    // What recovery read may still have been in the cache only: from here on it counts as durable.
    TRY_STATUS(segments_.back()->file->sync());
    TRY_STATUS(files_.sync_dir(dir_));
  }
  begin_ = segments_.front()->base;
  durable_ = end_.load();
  if (!options_.read_only) committer_ = std::thread([this] { committer(); });
  return {};
}

Status FileLogImpl::open_segments(const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i) {
    auto opened = open_segment(names[i]);
    if (!opened.ok() && opened.error().code == Code::kExhausted) {  // A begun segment without a header.
      if (i + 1 != names.size())
        return corrupt("log segment " + names[i] + " byte 0: the file ends inside its header");
      if (!options_.read_only) {
        log_warn("log: segment {} was begun and never used, removing it", names[i]);
        TRY_STATUS(files_.remove(dir_ + "/" + names[i]));
      }
      break;
    }
    TRY(auto segment, std::move(opened));
    if (!segments_.empty()) segments_.back()->publish(segments_.back()->file->size(), segment->base);
    segments_.push_back(std::move(segment));
  }
  if (segments_.empty()) return {};
  TRY_STATUS(recover_last(segments_.back()));
  end_ = segments_.back()->end();
  return {};
}

// kExhausted: the file is shorter than a header (a crash between creating and using it).
Result<std::shared_ptr<Segment>> FileLogImpl::open_segment(const std::string& name) {
  const std::string path = dir_ + "/" + name;
  TRY(auto file, options_.read_only ? files_.open_read(path) : files_.open(path));
  std::string bytes(kSegmentHeaderBytes, '\0');
  TRY(const size_t got, file->read(0, bytes.data(), bytes.size()));
  bytes.resize(got);
  const auto header = decode_segment_header(bytes);
  if (!header.ok()) {
    // No block is written before the header is durable, so a file of this size holds no event.
    if (file->size() <= kSegmentHeaderBytes) return exhausted("no header");
    return corrupt("log segment " + name + " byte 0: " + header.error().what);
  }
  if (header->base != *parse_segment_name(name))
    return corrupt("log segment " + name + " byte 0: its header says offset " + std::to_string(header->base));
  auto segment = std::make_shared<Segment>(std::move(file), name, *header);
  segment->publish(kSegmentHeaderBytes, header->base);
  return segment;
}

// Reads the last segment whole and finds where it ends.
Status FileLogImpl::recover_last(const std::shared_ptr<Segment>& segment) {
  BlockReader reader(segment);
  const uint64_t size = segment->file->size();
  std::deque<std::pair<uint64_t, Offset>> not_durable;  // Position and end of blocks not said to be durable.
  auto more = reader.next(size);
  for (; more.ok() && *more; more = reader.next(size)) {
    not_durable.emplace_back(reader.block_position(), reader.expected());
    while (!not_durable.empty() && not_durable.front().second <= reader.durable()) not_durable.pop_front();
  }
  if (!more.ok() && more.error().code != Code::kCorrupt) return more.error();
  segment->publish(reader.position(), reader.expected());
  if (!more.ok()) TRY_STATUS(cut_torn_tail(*segment, reader.position(), reader.expected(), more.error()));
  mark_needed_ = reader.durable() < reader.expected();
  if (options_.read_only) return {};
  if (reader.durable() <= segment->base) return write_again(*segment, 0);
  return not_durable.empty() ? Status() : write_again(*segment, not_durable.front().first);
}

// Writes [from, end) over itself. If an fdatasync failed before, the system may hold these bytes in its
// cache, marked as written, with nothing on the disk: written again they are certain to be in the next sync.
Status FileLogImpl::write_again(Segment& segment, uint64_t from) {
  std::string bytes(1 << 20, '\0');
  while (from < segment.bytes()) {
    const size_t size = std::min<uint64_t>(bytes.size(), segment.bytes() - from);
    TRY(const size_t got, segment.file->read(from, bytes.data(), size));
    if (got < size) return unavailable("log segment " + segment.file_name + ": cannot be read again");
    TRY_STATUS(segment.file->overwrite(from, std::string_view(bytes).substr(0, size)));
    from += size;
  }
  return {};
}

Status FileLogImpl::cut_torn_tail(Segment& segment, uint64_t at, Offset next, const Error& damage) {
  TRY(const bool was_durable, damage_was_durable(segment, at, next));
  if (was_durable) return damage;
  if (options_.read_only) return {};  // Perhaps its owner is writing there right now.
  log_warn(
      "log: torn tail of segment {} at byte {}: {} bytes of appends that were never acknowledged cut off, "
      "the next offset is {} ({})",
      segment.file_name, at, segment.file->size() - at, next, damage.what);
  TRY_STATUS(segment.file->truncate(at));
  return segment.file->sync();
}

// Whether the damaged block at `at`, which should begin with event `next`, had been made durable: then it is
// not a torn append but damage. A sound block further on that was written when events beyond `next` were
// durable proves it.
Result<bool> FileLogImpl::damage_was_durable(const Segment& segment, uint64_t at, Offset next) const {
  std::string bytes(segment.file->size() - at, '\0');
  TRY(const size_t got, segment.file->read(at, bytes.data(), bytes.size()));
  const std::string_view rest(bytes.data(), got);
  const std::string_view magic(reinterpret_cast<const char*>(&kBlockMagic), sizeof(kBlockMagic));
  for (size_t found = rest.find(magic, 1); found != std::string_view::npos;
       found = rest.find(magic, found + 1)) {
    const auto header = decode_block_header(rest.substr(found));
    if (header.ok() && header->first >= next && header->durable > next) return true;
  }
  return false;
}

// For tools that follow a log which another process writes: sees what came since.
void FileLogImpl::refresh_read_only() {
  std::lock_guard lock(append_mutex_);
  const auto last = list_segments().back();
  const auto names = files_.list(dir_);
  const auto opened = files_.open_read(dir_ + "/" + last->file_name);
  if (!names.ok() || !opened.ok()) return;
  if (!follower_) follower_ = std::make_unique<BlockReader>(last);
  const uint64_t size = (*opened)->size();
  for (auto more = follower_->next(size); more.ok() && *more;) more = follower_->next(size);
  last->publish(follower_->position(), follower_->expected());
  const std::string next_name = segment_name(follower_->expected());
  if (next_name > last->file_name && std::binary_search(names->begin(), names->end(), next_name)) {
    if (auto segment = open_segment(next_name); segment.ok()) {
      std::lock_guard segments_lock(segments_mutex_);
      segments_.push_back(*segment);
      follower_.reset();
    }
  }
  end_ = durable_ = last->end();
}

}  // namespace freshet
