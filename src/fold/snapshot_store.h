// Snapshots of the folded state, each naming the log offset it contains. Format: docs/formats/snapshot.md.
//
// Snapshot at offset N = the state after events 0 .. N-1: folding goes on with event N. Written atomically
// (temporary file, fsync, rename, directory fsync), one checksummed section per fold. The newest `keep` and
// all pinned ones stay; older ones are removed.
//
// Threads: any; calls are serialised.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "env/child_task.h"
#include "env/file.h"
#include "fold/fold.h"

namespace freshet {

struct SnapshotSection {
  std::string name;
  uint64_t bytes = 0;
  uint64_t hash = 0;  // XXH3 of the section's bytes
  bool operator==(const SnapshotSection&) const = default;
};

struct SnapshotInfo {
  std::string file;  // Name within the directory.
  Offset offset = 0;
  TimeMs created_ms = 0;  // Wall clock.
  uint64_t bytes = 0;
  uint64_t state_hash = 0;  // Over names and hashes of the sections, not over offset and time.
  bool pinned = false;
  std::vector<SnapshotSection> sections;
};

struct SectionDiff {
  std::string name;
  bool equal = false;
  uint64_t bytes_a = 0;  // 0 and absent_a: the section is not there.
  uint64_t bytes_b = 0;
  bool absent_a = false;
  bool absent_b = false;
  uint64_t first_difference = 0;  // Byte; when one is a prefix of the other: the length of the shorter.
};

class SnapshotStore {
 public:
  static Result<std::unique_ptr<SnapshotStore>> open(FileSystem& files, const std::string& dir,
                                                     size_t keep = 3);
  // For tools, beside a running server: cleans nothing up, and nothing it does removes a snapshot.
  static Result<std::unique_ptr<SnapshotStore>> open_to_look(FileSystem& files, const std::string& dir);

  // Writes a snapshot now, on this thread. A snapshot of the same offset is replaced.
  Result<SnapshotInfo> write(Offset offset, std::span<Fold* const> folds);

  // The same in two steps, for a forked child: begin() in the parent starts the child, which writes the
  // temporary file from its copy of the memory; finish() waits for it, checks what it wrote, and publishes
  // it.
  struct Writing {
    std::string temporary;
    ChildTask child;
  };
  Result<Writing> begin(Offset offset, std::span<Fold* const> folds);
  Result<SnapshotInfo> finish(Writing writing);

  // All snapshots, newest first, from their headers (a damaged header: left out, with a line in the diary).
  Result<std::vector<SnapshotInfo>> list();

  // Checks every checksum. kCorrupt: names the section and byte. kNotFound.
  Result<SnapshotInfo> verify(const std::string& file);

  // Loads the newest snapshot whose bytes are sound, whose offset is within [at_least, at_most] and whose
  // sections the folds read (Fold::readable); another one is named in the diary and the next older is tried.
  // nullopt: there is none, and the folds are untouched. kCorrupt: a fold found fault with its section while
  // it loaded (made for other sizes, say). What the folds hold then is of no use: again with fresh ones
  // (with_fresh_folds), which will pass over that snapshot.
  // `loading`: called before each section with its name, how many are loaded, and of how many.
  using Loading = std::function<void(std::string_view section, size_t loaded, size_t of)>;
  Result<std::optional<SnapshotInfo>> load_newest(std::span<Fold* const> folds, Offset at_least = 0,
                                                  Offset at_most = UINT64_MAX, const Loading& loading = {});

  // Section by section, in the order of `a`, then what only `b` has.
  Result<std::vector<SectionDiff>> diff(const std::string& a, const std::string& b);

  // Snapshots that load_newest() passes over because a fold found fault with them.
  size_t refused() const {
    const std::lock_guard lock(mutex_);
    return refused_.size();
  }

  Status pin(const std::string& file, bool pinned);

 private:
  SnapshotStore(FileSystem& files, std::string dir, size_t keep)
      : files_(files), dir_(std::move(dir)), keep_(keep) {}
  Result<SnapshotInfo> publish(const std::string& temporary);
  Result<SnapshotInfo> read_info(const std::string& file);
  Result<std::vector<SnapshotInfo>> list_locked();
  Status load(const std::string& file, std::span<Fold* const> folds, const Loading& loading);
  std::string next_temporary(Offset offset);
  void remove_old();

  FileSystem& files_;
  const std::string dir_;
  const size_t keep_;
  mutable std::mutex mutex_;
  uint64_t temporaries_ = 0;       // Guarded by mutex_.
  std::set<std::string> refused_;  // The same.
};

// Hash of the folded state: names and bytes of the sections in order. Equals SnapshotInfo::state_hash.
uint64_t state_hash(std::span<Fold* const> folds);

// attempt() makes folds and loads the newest snapshot into them: a Result. Again as long as that ends with
// one more snapshot refused.
template <class Attempt>
auto with_fresh_folds(const SnapshotStore& snapshots, Attempt attempt) {
  for (;;) {
    const size_t refused = snapshots.refused();
    auto result = attempt();
    if (result.ok() || snapshots.refused() == refused) return result;
  }
}

}  // namespace freshet
