// Files, as far as durable state needs them: append, read at a place, make durable, replace atomically.
//
// One interface, so that tests can run the same code on a disk that fails (env/testing/fault_file_system.h).
// Errors: kNotFound (no such file), kUnavailable (everything the outside world does: disk full, I/O error,
// permission), each naming the path and the system's reason.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freshet {

// Threads: one writer at a time; read() and size() from any thread at any time.
class File {
 public:
  virtual ~File() = default;
  // Appends `head` then `body` at the end of the file. On error some part of them may have been written: the
  // caller truncates back.
  virtual Status append(std::string_view head, std::string_view body = {}) = 0;
  // Reads up to `size` bytes at `at`; fewer only at the end of the file.
  virtual Result<size_t> read(uint64_t at, char* out, size_t size) const = 0;
  // Returns when all bytes appended before the call survive loss of power (fdatasync). After an error
  // nothing is known about what is durable: the same call may succeed later without having written a thing.
  virtual Status sync() = 0;
  virtual Status truncate(uint64_t size) = 0;
  // Writes `bytes` over what stands at `at`; the file does not grow.
  virtual Status overwrite(uint64_t at, std::string_view bytes) = 0;
  virtual uint64_t size() const = 0;
};

// The bytes of a whole file, mapped: paged in as they are touched, dropped with the object.
class FileView {
 public:
  virtual ~FileView() = default;
  virtual std::string_view bytes() const = 0;
};

// Held until destroyed (or until the process ends, however it ends).
class FileLock {
 public:
  virtual ~FileLock() = default;
};

// Threads: any.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> create(const std::string& path) = 0;  // kInvalid: it exists already.
  virtual Result<std::unique_ptr<File>> open(const std::string& path) = 0;    // For reading and appending.
  virtual Result<std::unique_ptr<File>> open_read(const std::string& path) = 0;
  virtual Result<std::unique_ptr<FileView>> map(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;  // Replaces `to` atomically.
  virtual Status remove(const std::string& path) = 0;
  virtual Status make_dirs(const std::string& dir) = 0;  // With parents; existing is fine.
  // Names in `dir`, sorted, without the path.
  virtual Result<std::vector<std::string>> list(const std::string& dir) = 0;
  // Creations, renames and removals in `dir` survive loss of power after this.
  virtual Status sync_dir(const std::string& dir) = 0;
  // Takes the lock file `path` for this process. kUnavailable: another process (or this one) holds it.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
  virtual Result<uint64_t> free_bytes(const std::string& dir) = 0;
  // False: files live in this process only, a forked child cannot write them.
  virtual bool shared_with_children() const = 0;
};

FileSystem& real_files();

// Writes `path` whole or not at all: temporary file, sync, rename, directory sync.
Status write_file_atomically(FileSystem& files, const std::string& dir, const std::string& name,
                             std::string_view bytes);
Result<std::string> read_file(FileSystem& files, const std::string& path);

}  // namespace freshet
