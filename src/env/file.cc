#include "env/file.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <set>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

namespace freshet {
namespace {

Error system_error(const std::string& path, const char* doing) {
  const int why = errno;
  std::string what = path + ": " + doing + ": " + std::generic_category().message(why);
  if (why == ENOENT) return not_found(std::move(what));
  if (why == EEXIST) return invalid(std::move(what));
  return unavailable(std::move(what));
}

class RealFile : public File {
 public:
  RealFile(int fd, std::string path, uint64_t size) : fd_(fd), path_(std::move(path)), size_(size) {}
  ~RealFile() override { ::close(fd_); }

  Status append(std::string_view head, std::string_view body) override {
    uint64_t at = size_.load(std::memory_order_relaxed);
    while (!head.empty() || !body.empty()) {
      iovec parts[2] = {{const_cast<char*>(head.data()), head.size()},
                        {const_cast<char*>(body.data()), body.size()}};
      const ssize_t written = ::pwritev(fd_, parts, 2, static_cast<off_t>(at));
      if (written < 0) {
        if (errno == EINTR) continue;
        return system_error(path_, "write");
      }
      at += static_cast<uint64_t>(written);
      const size_t of_head = std::min(head.size(), static_cast<size_t>(written));
      head.remove_prefix(of_head);
      body.remove_prefix(static_cast<size_t>(written) - of_head);
    }
    size_.store(at, std::memory_order_release);
    return {};
  }

  Result<size_t> read(uint64_t at, char* out, size_t size) const override {
    size_t got = 0;
    while (got < size) {
      const ssize_t n = ::pread(fd_, out + got, size - got, static_cast<off_t>(at + got));
      if (n < 0) {
        if (errno == EINTR) continue;
        return system_error(path_, "read");
      }
      if (n == 0) break;
      got += static_cast<size_t>(n);
    }
    return got;
  }

  Status sync() override {
    if (::fdatasync(fd_) != 0) return system_error(path_, "fdatasync");
    return {};
  }

  Status truncate(uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return system_error(path_, "truncate");
    size_.store(size, std::memory_order_release);
    return {};
  }

  Status overwrite(uint64_t at, std::string_view bytes) override {
    CHECK(at + bytes.size() <= size());
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (written < 0 && errno != EINTR) return system_error(path_, "write");
      if (written < 0) continue;
      at += static_cast<uint64_t>(written);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }

  uint64_t size() const override { return size_.load(std::memory_order_acquire); }

 private:
  const int fd_;
  const std::string path_;
  std::atomic<uint64_t> size_;
};

class RealView : public FileView {
 public:
  RealView(void* at, size_t size) : at_(at), size_(size) {}
  ~RealView() override {
    if (size_ > 0) ::munmap(at_, size_);
  }
  std::string_view bytes() const override { return {static_cast<const char*>(at_), size_}; }

 private:
  void* const at_;
  const size_t size_;
};

// A POSIX record lock: unlike flock it is not inherited by a forked child that outlives us for a moment. It
// does not guard a process against itself, so the names held here are kept too.
std::mutex held_mutex;
std::set<std::pair<dev_t, ino_t>> held;

class RealLock : public FileLock {
 public:
  RealLock(int fd, std::pair<dev_t, ino_t> id) : fd_(fd), id_(id) {}
  ~RealLock() override {
    std::lock_guard lock(held_mutex);
    held.erase(id_);
    ::close(fd_);
  }

 private:
  const int fd_;
  const std::pair<dev_t, ino_t> id_;
};

class RealFiles : public FileSystem {
 public:
  Result<std::unique_ptr<File>> create(const std::string& path) override {
    return open_file(path, O_RDWR | O_CREAT | O_EXCL);
  }
  Result<std::unique_ptr<File>> open(const std::string& path) override { return open_file(path, O_RDWR); }
  Result<std::unique_ptr<File>> open_read(const std::string& path) override {
    return open_file(path, O_RDONLY);
  }

  Result<std::unique_ptr<FileView>> map(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return system_error(path, "open");
    struct stat info {};
    Result<std::unique_ptr<FileView>> result = unavailable("");
    if (::fstat(fd, &info) != 0) {
      result = system_error(path, "stat");
    } else if (info.st_size == 0) {
      result = std::unique_ptr<FileView>(std::make_unique<RealView>(nullptr, 0));
    } else {
      const size_t size = static_cast<size_t>(info.st_size);
      void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
      if (at == MAP_FAILED) {
        result = system_error(path, "map");
      } else {
        ::madvise(at, size, MADV_SEQUENTIAL);
        result = std::unique_ptr<FileView>(std::make_unique<RealView>(at, size));
      }
    }
    ::close(fd);
    return result;
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return system_error(from, "rename");
    return {};
  }

  Status remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return system_error(path, "remove");
    return {};
  }

  Status make_dirs(const std::string& dir) override {
    for (size_t at = 1; at <= dir.size(); ++at) {
      if (at != dir.size() && dir[at] != '/') continue;
      const std::string part = dir.substr(0, at);
      if (::mkdir(part.c_str(), 0777) != 0 && errno != EEXIST) return system_error(part, "make directory");
    }
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& dir) override {
    std::error_code error;
    std::filesystem::directory_iterator entry(dir, error);
    std::vector<std::string> names;
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
      names.push_back(entry->path().filename().string());
    if (error) {
      errno = error.value();
      return system_error(dir, "list");
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  Status sync_dir(const std::string& dir) override {
    const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return system_error(dir, "open");
    Status status;
    if (::fsync(fd) != 0) status = system_error(dir, "fsync");
    ::close(fd);
    return status;
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    std::lock_guard guard(held_mutex);
    // Asked before opening: closing any descriptor of a file drops the process's locks on it.
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && held.contains({info.st_dev, info.st_ino}))
      return unavailable(path + ": locked by this process already");
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return system_error(path, "open");
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(fd, F_SETLK, &whole) != 0 || ::fstat(fd, &info) != 0) {
      const bool busy = errno == EAGAIN || errno == EACCES;
      const Error error =
          busy ? unavailable(path + ": locked by another process") : system_error(path, "lock");
      ::close(fd);
      return error;
    }
    const std::pair<dev_t, ino_t> id{info.st_dev, info.st_ino};
    held.insert(id);
    return std::unique_ptr<FileLock>(std::make_unique<RealLock>(fd, id));
  }

  Result<uint64_t> free_bytes(const std::string& dir) override {
    struct statvfs info {};
    if (::statvfs(dir.c_str(), &info) != 0) return system_error(dir, "statvfs");
    return uint64_t{info.f_bavail} * info.f_frsize;
  }

  bool shared_with_children() const override { return true; }

 private:
  static Result<std::unique_ptr<File>> open_file(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    if (fd < 0) return system_error(path, "open");
    struct stat info {};
    if (::fstat(fd, &info) != 0) {
      const Error error = system_error(path, "stat");
      ::close(fd);
      return error;
    }
    return std::unique_ptr<File>(std::make_unique<RealFile>(fd, path, static_cast<uint64_t>(info.st_size)));
  }
};

}  // namespace

FileSystem& real_files() {
  static RealFiles files;
  return files;
}

Status write_file_atomically(FileSystem& files, const std::string& dir, const std::string& name,
                             std::string_view bytes) {
  const std::string temporary = dir + "/" + name + ".tmp";
  if (Status removed = files.remove(temporary); !removed.ok() && removed.error().code != Code::kNotFound)
    return removed;
  {
    TRY(auto file, files.create(temporary));
    TRY_STATUS(file->append(bytes));
    TRY_STATUS(file->sync());
  }
  TRY_STATUS(files.rename(temporary, dir + "/" + name));
  return files.sync_dir(dir);
}

Result<std::string> read_file(FileSystem& files, const std::string& path) {
  TRY(auto file, files.open_read(path));
  std::string bytes(file->size(), '\0');
  TRY(const size_t got, file->read(0, bytes.data(), bytes.size()));
  bytes.resize(got);
  return bytes;
}

}  // namespace freshet
