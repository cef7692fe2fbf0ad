#include "fold/snapshot_store.h"

#include <algorithm>
#include <cstdio>

#include "base/hash.h"
#include "env/clock.h"
#include "env/log.h"

namespace freshet {
namespace {

constexpr std::string_view kMagic = "FRESHSNP";
constexpr std::string_view kEndMagic = "SNAPDONE";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 40;
constexpr size_t kTrailerBytes = 32;
constexpr std::string_view kSuffix = ".snap";
constexpr std::string_view kPinSuffix = ".pin";
constexpr std::string_view kTemporaryMark = ".tmp";

struct Section {
  SnapshotSection info;
  uint64_t at = 0;  // Position in the file.
};

std::string snapshot_name(Offset offset) {
  char name[40];
  std::snprintf(name, sizeof(name), "%020llu%s", static_cast<unsigned long long>(offset), kSuffix.data());
  return name;
}

std::string encode_header(Offset offset) {
  Writer out;
  out.append(kMagic);
  out.u32(kVersion);
  out.u32(0);
  out.u64(offset);
  out.i64(now_ms());
  out.u64(hash_bytes(out.bytes()));
  return out.take();
}

std::string encode_table(const std::vector<Section>& sections) {
  Writer out;
  out.varint(sections.size());
  for (const Section& section : sections) {
    out.str(section.info.name);
    out.u64(section.at);
    out.u64(section.info.bytes);
    out.u64(section.info.hash);
  }
  return out.take();
}

std::string encode_trailer(uint64_t table_at, std::string_view table) {
  Writer out;
  out.u64(table_at);
  out.u64(table.size());
  out.u64(hash_bytes(table));
  out.append(kEndMagic);
  return out.take();
}

uint64_t hash_of_sections(const std::vector<SnapshotSection>& sections) {
  Writer out;
  for (const SnapshotSection& section : sections) {
    out.str(section.name);
    out.u64(section.bytes);
    out.u64(section.hash);
  }
  return hash_bytes(out.bytes());
}

// Writes all of it to a new file and syncs it. Runs in the forked child too: no logging, no locks.
Status write_snapshot_file(FileSystem& files, const std::string& path, Offset offset,
                           std::span<Fold* const> folds) {
  TRY(auto file, files.create(path));
  TRY_STATUS(file->append(encode_header(offset)));
  std::vector<Section> sections;
  for (const Fold* fold : folds) {
    Writer out;
    fold->save(out);
    sections.push_back({{std::string(fold->name()), out.size(), hash_bytes(out.bytes())}, file->size()});
    TRY_STATUS(file->append(out.bytes()));
  }
  const std::string table = encode_table(sections);
  const uint64_t table_at = file->size();
  TRY_STATUS(file->append(table, encode_trailer(table_at, table)));
  return file->sync();
}

struct Parsed {
  SnapshotInfo info;
  std::vector<Section> sections;
};

Error damaged(const std::string& file, uint64_t at, const std::string& what) {
  return corrupt("snapshot " + file + " byte " + std::to_string(at) + ": " + what);
}

Status parse_header(const std::string& file, std::string_view bytes, SnapshotInfo* info) {
  Reader in(bytes);
  if (in.bytes(kMagic.size()) != kMagic) return damaged(file, 0, "not a snapshot");
  const uint32_t version = in.u32();
  in.u32();
  info->offset = in.u64();
  info->created_ms = in.i64();
  if (in.u64() != hash_bytes(bytes.substr(0, kHeaderBytes - 8)) || !in.ok())
    return damaged(file, 0, "header: wrong checksum");
  if (version != kVersion)
    return damaged(
        file, 8,
        "format version " + std::to_string(version) + ", this program reads " + std::to_string(kVersion));
  return {};
}

// Header, trailer and table of sections; not the sections' bytes.
Result<Parsed> parse_snapshot(const std::string& file, std::string_view bytes) {
  Parsed parsed;
  parsed.info.file = file;
  parsed.info.bytes = bytes.size();
  if (bytes.size() < kHeaderBytes + kTrailerBytes)
    return damaged(file, bytes.size(), "the file ends too early");
  TRY_STATUS(parse_header(file, bytes.substr(0, kHeaderBytes), &parsed.info));
  const uint64_t trailer_at = bytes.size() - kTrailerBytes;
  Reader trailer(bytes.substr(trailer_at));
  const uint64_t table_at = trailer.u64();
  const uint64_t table_bytes = trailer.u64();
  const uint64_t table_hash = trailer.u64();
  if (trailer.bytes(kEndMagic.size()) != kEndMagic || table_at < kHeaderBytes || table_at > trailer_at ||
      table_bytes != trailer_at - table_at)
    return damaged(file, trailer_at, "its end is missing or damaged");
  const std::string_view table = bytes.substr(table_at, table_bytes);
  if (hash_bytes(table) != table_hash) return damaged(file, table_at, "table of sections: wrong checksum");
  Reader in(table);
  uint64_t at = kHeaderBytes;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    Section section;
    section.info.name = in.str();
    section.at = in.u64();
    section.info.bytes = in.u64();
    section.info.hash = in.u64();
    if (section.at != at || section.info.bytes > table_at - at)
      return damaged(file, table_at, "table of sections: section " + section.info.name + " lies elsewhere");
    at += section.info.bytes;
    parsed.info.sections.push_back(section.info);
    parsed.sections.push_back(std::move(section));
  }
  if (!in.ok() || !in.done() || at != table_at)
    return damaged(file, table_at, "table of sections: malformed");
  parsed.info.state_hash = hash_of_sections(parsed.info.sections);
  return parsed;
}

Status check_sections(const Parsed& parsed, std::string_view bytes) {
  for (const Section& section : parsed.sections)
    if (hash_bytes(bytes.substr(section.at, section.info.bytes)) != section.info.hash)
      return damaged(parsed.info.file, section.at, "section " + section.info.name + ": wrong checksum");
  return {};
}

std::string_view bytes_of(const Section& section, std::string_view bytes) {
  return bytes.substr(section.at, section.info.bytes);
}

Error of_section(const Parsed& parsed, const Section& section, const std::string& what) {
  return damaged(parsed.info.file, section.at, "section " + section.info.name + ": " + what);
}

Status load_section(const Parsed& parsed, const Section& section, std::string_view bytes, Fold* fold) {
  Reader in(bytes_of(section, bytes));
  const Status status = fold->load(in);
  if (status.ok() && in.ok() && in.done()) return {};
  return of_section(parsed, section,
                    status.ok() ? "not read to its end by this program" : status.error().what);
}

}  // namespace

uint64_t state_hash(std::span<Fold* const> folds) {
  std::vector<SnapshotSection> sections;
  for (const Fold* fold : folds) {
    Writer out;
    fold->save(out);
    sections.push_back({std::string(fold->name()), out.size(), hash_bytes(out.bytes())});
  }
  return hash_of_sections(sections);
}

Result<std::unique_ptr<SnapshotStore>> SnapshotStore::open(FileSystem& files, const std::string& dir,
                                                           size_t keep) {
  TRY_STATUS(files.make_dirs(dir));
  TRY(const auto names, files.list(dir));
  for (const std::string& name : names) {
    if (name.find(kTemporaryMark) == std::string::npos) continue;
    const std::string path = dir + "/" + name;
    TRY_STATUS(files.remove(path));
  }
  return std::unique_ptr<SnapshotStore>(new SnapshotStore(files, dir, std::max<size_t>(1, keep)));
}

Result<std::unique_ptr<SnapshotStore>> SnapshotStore::open_to_look(FileSystem& files,
                                                                   const std::string& dir) {
  if (const auto names = files.list(dir); !names.ok()) return names.error();
  return std::unique_ptr<SnapshotStore>(new SnapshotStore(files, dir, SIZE_MAX));
}

Result<SnapshotInfo> SnapshotStore::write(Offset offset, std::span<Fold* const> folds) {
  std::lock_guard lock(mutex_);
  const std::string temporary = next_temporary(offset);
  if (Status written = write_snapshot_file(files_, dir_ + "/" + temporary, offset, folds); !written.ok()) {
    (void)files_.remove(dir_ + "/" + temporary).ok();
    return written.error();
  }
  return publish(temporary);
}

Result<SnapshotStore::Writing> SnapshotStore::begin(Offset offset, std::span<Fold* const> folds) {
  if (!files_.shared_with_children()) return unavailable("a forked child cannot write these files");
  std::string temporary;
  {
    std::lock_guard lock(mutex_);
    temporary = next_temporary(offset);
  }
  const std::string path = dir_ + "/" + temporary;
  TRY(ChildTask child,
      ChildTask::start([&]() -> Status { return write_snapshot_file(files_, path, offset, folds); }));
  return Writing{std::move(temporary), std::move(child)};
}

Result<SnapshotInfo> SnapshotStore::finish(Writing writing) {
  const Status written = writing.child.wait();
  std::lock_guard lock(mutex_);
  if (!written.ok()) {
    (void)files_.remove(dir_ + "/" + writing.temporary).ok();
    return written.error();
  }
  return publish(writing.temporary);
}

std::string SnapshotStore::next_temporary(Offset offset) {
  return snapshot_name(offset) + std::string(kTemporaryMark) + std::to_string(++temporaries_);
}

Result<SnapshotInfo> SnapshotStore::publish(const std::string& temporary) {
  TRY(SnapshotInfo info, read_info(temporary));
  info.file = snapshot_name(info.offset);
  TRY_STATUS(files_.rename(dir_ + "/" + temporary, dir_ + "/" + info.file));
  TRY_STATUS(files_.sync_dir(dir_));
  refused_.erase(info.file);  // Another of the same name.
  remove_old();
  return info;
}

Result<SnapshotInfo> SnapshotStore::read_info(const std::string& file) {
  TRY(const auto view, files_.map(dir_ + "/" + file));
  TRY(Parsed parsed, parse_snapshot(file, view->bytes()));
  return std::move(parsed.info);
}

Result<std::vector<SnapshotInfo>> SnapshotStore::list() {
  std::lock_guard lock(mutex_);
  return list_locked();
}

Result<std::vector<SnapshotInfo>> SnapshotStore::list_locked() {
  TRY(const auto names, files_.list(dir_));
  std::vector<SnapshotInfo> snapshots;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (!name->ends_with(kSuffix)) continue;
    auto info = read_info(*name);
    if (!info.ok()) {
      log_warn("snapshot: {} cannot be used: {}", *name, describe(info.error()));
      continue;
    }
    info->pinned = std::binary_search(names.begin(), names.end(), *name + std::string(kPinSuffix));
    snapshots.push_back(std::move(*info));
  }
  return snapshots;
}

void SnapshotStore::remove_old() {
  const auto snapshots = list_locked();
  if (!snapshots.ok()) return;
  size_t kept = 0;
  for (const SnapshotInfo& info : *snapshots) {
    if (info.pinned || kept++ < keep_) continue;
    if (Status removed = files_.remove(dir_ + "/" + info.file); !removed.ok())
      log_warn("snapshot: {} is old but stays: {}", info.file, describe(removed.error()));
  }
}

Result<SnapshotInfo> SnapshotStore::verify(const std::string& file) {
  std::lock_guard lock(mutex_);
  TRY(const auto view, files_.map(dir_ + "/" + file));
  TRY(Parsed parsed, parse_snapshot(file, view->bytes()));
  TRY_STATUS(check_sections(parsed, view->bytes()));
  return std::move(parsed.info);
}

Status SnapshotStore::load(const std::string& file, std::span<Fold* const> folds, const Loading& loading) {
  TRY(const auto view, files_.map(dir_ + "/" + file));
  TRY(const Parsed parsed, parse_snapshot(file, view->bytes()));
  TRY_STATUS(check_sections(parsed, view->bytes()));
  const bool same_folds =
      std::equal(folds.begin(), folds.end(), parsed.sections.begin(), parsed.sections.end(),
                 [](const Fold* fold, const Section& section) { return fold->name() == section.info.name; });
  if (!same_folds) return damaged(file, 0, "its sections are not those of this configuration");
  for (size_t i = 0; i < folds.size(); ++i) {
    const Section& section = parsed.sections[i];
    if (const Status read = folds[i]->readable(Reader(bytes_of(section, view->bytes()))); !read.ok())
      return of_section(parsed, section, read.error().what);
  }
  refused_.insert(file);  // Until all have taken it.
  for (size_t i = 0; i < folds.size(); ++i) {
    if (loading) loading(folds[i]->name(), i, folds.size());
    TRY_STATUS(load_section(parsed, parsed.sections[i], view->bytes(), folds[i]));
  }
  refused_.erase(file);
  return {};
}

Result<std::optional<SnapshotInfo>> SnapshotStore::load_newest(std::span<Fold* const> folds, Offset at_least,
                                                               Offset at_most, const Loading& loading) {
  std::lock_guard lock(mutex_);
  TRY(const auto snapshots, list_locked());
  for (const SnapshotInfo& info : snapshots) {
    if (info.offset < at_least || info.offset > at_most) {
      log_warn("snapshot: {} passed over: the log has offsets {} to {}", info.file, at_least, at_most);
      continue;
    }
    if (refused_.contains(info.file)) continue;
    const Status loaded = load(info.file, folds, loading);
    if (loaded.ok()) return std::optional(info);
    const bool whole = refused_.contains(info.file);  // Its checksums fit: it is the folds that are others.
    log_error("snapshot: {} is not used, trying an older one{}: {}", info.file,
              whole ? " (it was made for other sizes, state.*, or by another program)" : "",
              describe(loaded.error()));
    if (whole) return loaded.error();
  }
  return std::optional<SnapshotInfo>();
}

Result<std::vector<SectionDiff>> SnapshotStore::diff(const std::string& a, const std::string& b) {
  std::lock_guard lock(mutex_);
  TRY(const auto view_a, files_.map(dir_ + "/" + a));
  TRY(const auto view_b, files_.map(dir_ + "/" + b));
  TRY(const Parsed parsed_a, parse_snapshot(a, view_a->bytes()));
  TRY(const Parsed parsed_b, parse_snapshot(b, view_b->bytes()));
  std::vector<SectionDiff> diffs;
  for (const Section& in_a : parsed_a.sections) {
    SectionDiff diff{.name = in_a.info.name, .bytes_a = in_a.info.bytes, .absent_b = true};
    for (const Section& in_b : parsed_b.sections) {
      if (in_b.info.name != diff.name) continue;
      const auto bytes_a = view_a->bytes().substr(in_a.at, in_a.info.bytes);
      const auto bytes_b = view_b->bytes().substr(in_b.at, in_b.info.bytes);
      const auto different = std::mismatch(bytes_a.begin(), bytes_a.end(), bytes_b.begin(), bytes_b.end());
      diff.absent_b = false;
      diff.bytes_b = in_b.info.bytes;
      diff.equal = bytes_a == bytes_b;
      diff.first_difference = static_cast<uint64_t>(different.first - bytes_a.begin());
    }
    diffs.push_back(std::move(diff));
  }
  for (const Section& in_b : parsed_b.sections) {
    const bool known = std::any_of(diffs.begin(), diffs.end(),
                                   [&](const SectionDiff& diff) { return diff.name == in_b.info.name; });
    if (!known) diffs.push_back({.name = in_b.info.name, .bytes_b = in_b.info.bytes, .absent_a = true});
  }
  return diffs;
}

Status SnapshotStore::pin(const std::string& file, bool pinned) {
  std::lock_guard lock(mutex_);
  if (!file.ends_with(kSuffix)) return invalid("\"" + file + "\" is not the name of a snapshot");
  TRY_STATUS(read_info(file));
  const std::string mark = file + std::string(kPinSuffix);
  if (pinned) return write_file_atomically(files_, dir_, mark, "");
  if (Status removed = files_.remove(dir_ + "/" + mark);
      !removed.ok() && removed.error().code != Code::kNotFound)
    return removed;
  return files_.sync_dir(dir_);
}

}  // namespace freshet
