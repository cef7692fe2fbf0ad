// A disk in memory that fails on command and forgets what was not made durable.
//
//   FaultFileSystem disk(seed);
//   disk.fail_at(7, Fault::kShortWrite);   // the 7th change from now: half of it happens, then an error
//   disk.cut_power_at(9);                  // from the 9th change on everything fails...
//   disk.restart();                        // ...and this is what a restart finds
//
// A change is a create, append, overwrite, sync, truncate, rename, remove or directory sync. restart() keeps
// what was synced; of the rest it keeps what the seed says: any prefix of the appended bytes, sometimes with
// a sector of them never written (zeros), and some of the directory's unsynced entries. After kill_process()
// instead everything written is still there, in the cache, and nothing more of it durable. After a failed
// sync the bytes it covered read as written and never become durable by another sync, as Linux does.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/hash.h"
#include "env/file.h"

namespace freshet {

enum class Fault : uint8_t { kError, kShortWrite };

class FaultFileSystem : public FileSystem {
 public:
  explicit FaultFileSystem(uint64_t seed = 1) : draw_(seed) {}

  void fail_at(uint64_t nth, Fault fault) {
    std::lock_guard lock(mutex_);
    fail_at_ = changes_ + nth;
    fault_ = fault;
  }
  void cut_power_at(uint64_t nth) {
    std::lock_guard lock(mutex_);
    power_off_at_ = changes_ + nth;
  }
  void fail_syncs(bool on) {
    std::lock_guard lock(mutex_);
    fail_syncs_ = on;
  }
  void fill_up(bool full) {  // Appends write half and fail.
    std::lock_guard lock(mutex_);
    full_ = full;
  }
  uint64_t changes() const {
    std::lock_guard lock(mutex_);
    return changes_;
  }
  bool power_is_off() const {
    std::lock_guard lock(mutex_);
    return changes_ >= power_off_at_;
  }

  void restart() {
    std::lock_guard lock(mutex_);
    power_off_at_ = fail_at_ = kNever;
    locks_.clear();
    const bool in_order = draw_.below(2) == 0;
    const size_t kept = draw_.below(pending_names_.size() + 1);
    for (size_t i = 0; i < pending_names_.size(); ++i)
      if (in_order ? i < kept : draw_.below(2) == 0) pending_names_[i].apply(&durable_names_);
    pending_names_.clear();
    names_ = durable_names_;
    std::set<Inode*> done;
    for (auto& [path, inode] : names_)
      if (done.insert(inode.get()).second) lose_unsynced(inode.get());
  }

  void kill_process() {
    std::lock_guard lock(mutex_);
    power_off_at_ = fail_at_ = kNever;
    locks_.clear();
  }

  void flip_bit(const std::string& path, uint64_t bit) {
    std::lock_guard lock(mutex_);
    Inode& inode = *names_.at(path);
    inode.data.at(bit / 8) ^= static_cast<char>(1 << (bit % 8));
    inode.durable = inode.data;
  }
  std::string bytes_of(const std::string& path) const {
    std::lock_guard lock(mutex_);
    return names_.at(path)->data;
  }
  void set_bytes(const std::string& path, std::string bytes) {
    std::lock_guard lock(mutex_);
    Inode& inode = *names_.at(path);
    inode.data = inode.durable = std::move(bytes);
  }

  Result<std::unique_ptr<File>> create(const std::string& path) override {
    std::lock_guard lock(mutex_);
    TRY_STATUS(change(path));
    if (names_.contains(path)) return invalid(path + ": create: file exists");
    auto inode = std::make_shared<Inode>();
    rename_pending({"", path, inode});
    return std::unique_ptr<File>(std::make_unique<OpenFile>(*this, path, inode));
  }
  Result<std::unique_ptr<File>> open(const std::string& path) override {
    std::lock_guard lock(mutex_);
    const auto found = names_.find(path);
    if (found == names_.end()) return not_found(path + ": open: no such file");
    return std::unique_ptr<File>(std::make_unique<OpenFile>(*this, path, found->second));
  }
  Result<std::unique_ptr<File>> open_read(const std::string& path) override { return open(path); }
  Result<std::unique_ptr<FileView>> map(const std::string& path) override {
    std::lock_guard lock(mutex_);
    const auto found = names_.find(path);
    if (found == names_.end()) return not_found(path + ": open: no such file");
    return std::unique_ptr<FileView>(std::make_unique<View>(found->second->data));
  }
  Status rename(const std::string& from, const std::string& to) override {
    std::lock_guard lock(mutex_);
    TRY_STATUS(change(from));
    const auto found = names_.find(from);
    if (found == names_.end()) return not_found(from + ": rename: no such file");
    rename_pending({from, to, found->second});
    return {};
  }
  Status remove(const std::string& path) override {
    std::lock_guard lock(mutex_);
    if (!names_.contains(path)) return not_found(path + ": remove: no such file");
    TRY_STATUS(change(path));
    rename_pending({path, "", nullptr});
    return {};
  }
  Status make_dirs(const std::string&) override { return {}; }
  Result<std::vector<std::string>> list(const std::string& dir) override {
    std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [path, inode] : names_)
      if (path.size() > dir.size() && path.starts_with(dir + "/"))
        names.push_back(path.substr(dir.size() + 1));
    return names;
  }
  Status sync_dir(const std::string& dir) override {
    std::lock_guard lock(mutex_);
    TRY_STATUS(change(dir));
    for (const NameChange& pending : pending_names_) pending.apply(&durable_names_);
    pending_names_.clear();
    return {};
  }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    std::lock_guard guard(mutex_);
    if (!locks_.insert(path).second) return unavailable(path + ": locked by this process already");
    return std::unique_ptr<FileLock>(std::make_unique<Lock>(*this, path));
  }
  Result<uint64_t> free_bytes(const std::string&) override { return uint64_t{1} << 40; }
  bool shared_with_children() const override { return false; }

 private:
  static constexpr uint64_t kNever = UINT64_MAX;
  static constexpr size_t kSector = 64;  // Small, as the blocks in tests are.

  struct Inode {
    std::string data;     // What readers see.
    std::string durable;  // What survives a restart for certain.
    bool lost = false;    // A sync failed: `data` beyond `durable` will not become durable by a sync.
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  struct NameChange {
    std::string from, to;  // Empty: none.
    std::shared_ptr<Inode> inode;
    void apply(Names* names) const {
      if (!from.empty()) names->erase(from);
      if (!to.empty()) (*names)[to] = inode;
    }
  };

  class OpenFile : public File {
   public:
    OpenFile(FaultFileSystem& disk, std::string path, std::shared_ptr<Inode> inode)
        : disk_(disk), path_(std::move(path)), inode_(std::move(inode)) {
      size_ = inode_->data.size();
    }
    Status append(std::string_view head, std::string_view body) override {
      std::lock_guard lock(disk_.mutex_);
      const std::string bytes = std::string(head) + std::string(body);
      const Status status = disk_.change(path_);
      if (!status.ok() || disk_.full_) {
        const bool at_the_cut = disk_.changes_ == disk_.power_off_at_;
        const bool some = disk_.full_ || disk_.fault_ == Fault::kShortWrite || at_the_cut;
        if (some && (!disk_.off() || at_the_cut)) inode_->data += bytes.substr(0, bytes.size() / 2);
        return status.ok() ? Status(unavailable(path_ + ": write: no space left")) : status;
      }
      inode_->data += bytes;
      size_ = inode_->data.size();
      return {};
    }
    Result<size_t> read(uint64_t at, char* out, size_t size) const override {
      std::lock_guard lock(disk_.mutex_);
      if (at >= inode_->data.size()) return size_t{0};
      const size_t got = std::min<size_t>(size, inode_->data.size() - at);
      std::copy_n(inode_->data.data() + at, got, out);
      return got;
    }
    Status sync() override {
      std::lock_guard lock(disk_.mutex_);
      Status status = disk_.change(path_);
      if (status.ok() && disk_.fail_syncs_) status = unavailable(path_ + ": fdatasync: injected");
      if (!status.ok()) {
        inode_->lost = inode_->lost || !disk_.off();
        return status;
      }
      if (!inode_->lost) inode_->durable = inode_->data;
      return {};
    }
    Status truncate(uint64_t size) override {
      std::lock_guard lock(disk_.mutex_);
      TRY_STATUS(disk_.change(path_));
      inode_->data.resize(size);
      size_ = size;
      return {};
    }
    Status overwrite(uint64_t at, std::string_view bytes) override {
      std::lock_guard lock(disk_.mutex_);
      TRY_STATUS(disk_.change(path_));
      inode_->data.replace(at, bytes.size(), bytes);
      if (at <= inode_->durable.size()) inode_->lost = false;  // All that was lost is dirty again.
      return {};
    }
    uint64_t size() const override {
      std::lock_guard lock(disk_.mutex_);
      return size_;
    }

   private:
    FaultFileSystem& disk_;
    const std::string path_;
    const std::shared_ptr<Inode> inode_;
    uint64_t size_ = 0;
  };

  class View : public FileView {
   public:
    explicit View(std::string bytes) : bytes_(std::move(bytes)) {}
    std::string_view bytes() const override { return bytes_; }

   private:
    const std::string bytes_;
  };

  class Lock : public FileLock {
   public:
    Lock(FaultFileSystem& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
    ~Lock() override {
      std::lock_guard lock(disk_.mutex_);
      disk_.locks_.erase(path_);
    }

   private:
    FaultFileSystem& disk_;
    const std::string path_;
  };

  bool off() const { return changes_ >= power_off_at_; }
  // Counts a change; an error when it is the one that fails, or the power is off.
  Status change(const std::string& path) {
    ++changes_;
    if (changes_ >= power_off_at_) return unavailable(path + ": the power is off");
    if (changes_ == fail_at_) return unavailable(path + ": injected fault");
    return {};
  }
  void rename_pending(NameChange name_change) {
    name_change.apply(&names_);
    pending_names_.push_back(std::move(name_change));
  }
  void lose_unsynced(Inode* inode) {
    const bool grew = inode->data.starts_with(inode->durable);
    if (!grew) {  // A truncation or overwrite that was not synced: it happened or not.
      if (draw_.below(2) == 0) inode->data = inode->durable;
    } else {
      const size_t extra = inode->lost ? 0 : inode->data.size() - inode->durable.size();
      const size_t kept = draw_.below(3) == 0 ? extra : draw_.below(extra + 1);
      inode->data.resize(inode->durable.size() + kept);
      if (kept > 0 && draw_.below(3) == 0) {
        const size_t hole = inode->durable.size() + draw_.below(kept);
        const size_t size = std::min(kSector, inode->data.size() - hole);
        std::fill_n(inode->data.begin() + static_cast<ptrdiff_t>(hole), size, '\0');
      }
    }
    inode->durable = inode->data;
    inode->lost = false;
  }

  mutable std::mutex mutex_;
  Draw draw_;
  Names names_;
  Names durable_names_;
  std::vector<NameChange> pending_names_;
  std::set<std::string> locks_;
  uint64_t changes_ = 0;
  uint64_t fail_at_ = kNever;
  uint64_t power_off_at_ = kNever;
  Fault fault_ = Fault::kError;
  bool fail_syncs_ = false;
  bool full_ = false;
};

}  // namespace freshet
