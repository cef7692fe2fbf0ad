// Versions of served parameters on disk: a folder with a file for each, docs/formats/parameters.md.
//
//   00000000000000000012.version   what it is (name = value), its full frame, a checksum; never changed
//   00000000000000000012.name      pinned under the name in it: kept however old
//   live                           numbers that were live, one a line, the last one is live now
//
// Kept: the newest `keep`, pinned ones, the live one and the one it would be rolled back to. Threads and
// processes: one writer. Errors: kNotFound names what there is, kCorrupt the file and what is wrong with it.
#pragma once

#include <map>

#include "env/file.h"
#include "publish/delta.h"

namespace freshet {

struct VersionInfo {
  uint64_t number = 0;
  std::string name;  // Pinned under it; empty: not pinned.
  bool live = false;
  uint64_t bytes = 0;  // Of the file.
  FrameHeader header;
  std::map<std::string, std::string> facts;  // code, configuration, offset, metrics: what was known of it.
};

struct VersionDiff {
  std::map<std::string, std::pair<std::string, std::string>> facts;  // Those that differ.
  struct Table {
    std::string name;
    size_t rows_a = 0, rows_b = 0, only_a = 0, only_b = 0, changed = 0;
    double greatest = 0, rms = 0;  // Of the weights of rows in both.
  };
  std::vector<Table> tables;  // Empty: their tables are others.
  bool equal = false;
};

class VersionStore {
 public:
  static Result<VersionStore> open(FileSystem& files, std::string dir, size_t keep = 10);

  // Puts a full frame there as the live version; gives its number.
  Result<uint64_t> save(std::string_view full_frame, const std::map<std::string, std::string>& facts);
  // The same under a number that the caller gives, in the place of what has it; not live.
  Status save_as(uint64_t number, std::string_view full_frame,
                 const std::map<std::string, std::string>& facts);
  Status remove(uint64_t number);                 // Pinned or not.
  Result<std::vector<uint64_t>> numbers() const;  // Newest first.
  Result<std::vector<VersionInfo>> list() const;  // Newest first; those that cannot be read are left out.
  Result<VersionInfo> find(
      const std::string& name) const;  // A number, a name, "live" or "newest"; checked whole.
  Result<std::string> frame(uint64_t number) const;
  Result<VersionDiff> diff(uint64_t a, uint64_t b) const;
  Status pin(uint64_t number, const std::string& name);  // An empty name: no longer pinned.
  Status promote(uint64_t number);                       // It is live from now on.
  Result<uint64_t> roll_back();                          // What was live before is live again.
  Result<std::string> export_bytes(uint64_t number) const;
  // Not live; gives the number it got here: one more than all others, at least `from`.
  Result<uint64_t> import_bytes(std::string_view bytes, uint64_t from = 1);

 private:
  VersionStore(FileSystem& files, std::string dir, size_t keep)
      : files_(&files), dir_(std::move(dir)), keep_(keep) {}
  std::string file(uint64_t number) const;
  Result<std::vector<uint64_t>> lives() const;
  Status set_lives(std::vector<uint64_t> lives) const;
  Result<VersionInfo> read(uint64_t number, std::string* frame) const;
  Status write(uint64_t number, std::string_view bytes) const;
  Status prune() const;

  FileSystem* files_;
  std::string dir_;
  size_t keep_;
};

}  // namespace freshet
