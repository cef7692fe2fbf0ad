// The versions of what the server's ranker serves, kept in the data directory: models/ranker/, a file each
// (publish/version_store.h, docs/formats/parameters.md). The fold hands over words; a thread of its own makes
// frames of them. A version that is there already with the same parameters is not written again, so a fold of
// the same log leaves the same files. Kept: the newest `keep`, and those that are pinned: as they are, also
// when another fold of the log (other sizes, another program) makes something else of the same number.
//
// Imported versions have numbers from kImported on, are pinned as "imported-N", and go when they are
// unpinned; the others are not fewer for them. Threads: any; take() never waits for the disk. When versions
// come faster than they can be written, the oldest of those that wait gives way.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "publish/version_store.h"
#include "rank/rank_version.h"

namespace freshet {

struct ModelDiff {
  VersionDiff rows;
  WeightsApart weights;
};

class ModelVersions {
 public:
  static constexpr uint64_t kImported = VersionStore::kImported;
  static constexpr size_t kImportedMax = 20;
  static constexpr size_t kWaiting = 3;

  // code: the program's version, as versions name it.
  static Result<std::unique_ptr<ModelVersions>> open(FileSystem& files, const std::string& dir, size_t keep,
                                                     std::string code);
  ~ModelVersions();

  void take(RankVersion version);
  void settle();  // Returns when all that was taken is on disk, or has failed (which is logged).

  Result<std::vector<VersionInfo>> list();            // Newest first.
  Result<VersionInfo> find(const std::string& name);  // A number, a name, or "newest".
  Result<uint64_t> number_of(const std::string& name);
  VersionInfo look(uint64_t number);  // What is damaged says so in the place of an error.
  Result<std::vector<VersionPart>> parts(uint64_t number, std::span<const PartShape> shape = {});
  Result<ModelDiff> diff(uint64_t a, uint64_t b);
  Status pin(uint64_t number, const std::string& name);
  Status unpin(uint64_t number);
  Result<std::string> export_bytes(uint64_t number);
  Result<uint64_t> import_bytes(std::string_view bytes);
  Status remove(uint64_t number);

  // Around a fold that begins anew without what was erased: what it does not make again goes, pinned or not,
  // but for what was imported.
  void begin_again();
  Status end_again();

 private:
  ModelVersions(VersionStore store, std::string code) : store_(std::move(store)), code_(std::move(code)) {}
  void loop();
  Status write(const RankVersion& version);

  VersionStore store_;
  const std::string code_;
  std::mutex store_mutex_;  // Of store_ and the next two; held while files are read and written.
  std::set<uint64_t> again_;
  bool beginning_ = false;  // Between begin_again() and end_again().
  std::mutex mutex_;        // Of the rest.
  std::condition_variable changed_;
  std::deque<RankVersion> waiting_;
  bool writing_ = false, closing_ = false;
  std::thread thread_;
};

}  // namespace freshet
