// Versions of served parameters on disk: a folder with a file for each, docs/formats/parameters.md.
//
//   00000000000000000012.version   what it is (name = value), its full frame, a checksum; never changed
//   00000000000000000012.name      pinned under the name in it: kept however old
//   live                           numbers that were live, one a line, the last one is live now
//
// Numbers from kImported on were made elsewhere and taken in under a name of their own: they go with that
// name, and are not counted among the store's own.
//
// Kept of its own: the newest `keep`, pinned ones, the live one and the one it would be rolled back to.
// Threads and processes: one writer. Errors: kNotFound names what there is, kCorrupt the file and what is
// wrong with it.
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
  std::string damage;  // What is wrong with its file, which then says nothing else; empty: nothing.
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
  static constexpr uint64_t kImported = 1'000'000'000;

  static Result<VersionStore> open(FileSystem& files, std::string dir, size_t keep = 10);

  // Puts a full frame there as the live version; gives its number.
  Result<uint64_t> save(std::string_view full_frame, const std::map<std::string, std::string>& facts);
  // The same under a number that the caller gives, in the place of what has it; not live.
  Status save_as(uint64_t number, std::string_view full_frame,
                 const std::map<std::string, std::string>& facts);
  Status remove(uint64_t number);                 // Pinned or not.
  Result<std::vector<uint64_t>> numbers() const;  // Newest first, what was imported before all others.
  Result<std::vector<VersionInfo>> list() const;  // In that order; those that cannot be read say why.
  // A number, a name, "live" or "newest", which is of its own; checked whole.
  Result<VersionInfo> find(const std::string& name) const;
  Result<uint64_t> number_of(const std::string& name) const;  // The same, not looked into.
  VersionInfo look(uint64_t number) const;                    // With `damage` in the place of an error.
  Result<std::string> frame(uint64_t number) const;
  Result<VersionDiff> diff(uint64_t a, uint64_t b) const;
  Status pin(uint64_t number, const std::string& name);
  Status unpin(uint64_t number);    // It goes when it is old; what was imported goes now.
  Status promote(uint64_t number);  // It is live from now on.
  Result<uint64_t> roll_back();     // What was live before is live again.
  Result<std::string> export_bytes(uint64_t number) const;
  static Result<VersionInfo> inspect(std::string_view bytes);  // What an exported one says it is.
  // Not live; gives the number it got here: one more than its own newest. kInvalid: of another model.
  Result<uint64_t> import_bytes(std::string_view bytes);
  // The same of what was made elsewhere: from kImported on, pinned as "imported-1" and so on.
  Result<uint64_t> import_pinned(std::string_view bytes);
  Status clean() const;  // What a crash or a full disk left half done. Nobody else may be writing.

 private:
  VersionStore(FileSystem& files, std::string dir, size_t keep)
      : files_(&files), dir_(std::move(dir)), keep_(keep) {}
  static uint64_t newest_own(const std::vector<uint64_t>& there);
  std::string file(uint64_t number) const;
  Result<std::vector<uint64_t>> lives() const;
  Status set_lives(std::vector<uint64_t> lives) const;
  Result<VersionInfo> read(uint64_t number, std::string* frame) const;
  Status write(uint64_t number, std::string_view bytes) const;
  std::string name_of(uint64_t number) const;  // Empty: not pinned.
  Status write_name(uint64_t number, const std::string& name) const;
  Status prune() const;

  FileSystem* files_;
  std::string dir_;
  size_t keep_;
};

}  // namespace freshet
