#include "env/output_file.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace freshet {
namespace {

Error error_by(const std::string& path, const char* doing, int why) {
  std::string what = path + ": " + doing + ": " + std::generic_category().message(why);
  return why == ENOENT ? not_found(std::move(what)) : unavailable(std::move(what));
}

// Ok: it may be the name of a file.
Status check_name(const std::string& path) {
  if (path.empty()) return invalid(": an empty name; expected the name of a file");
  struct stat info {};
  if (path.ends_with('/') || (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)))
    return invalid(path + ": is a directory; expected the name of a file");
  return {};
}

// A new file beside `target`, of a name that nothing has; -1: by errno.
int make_beside(const std::string& target, std::string& name) {
  name = target + ".XXXXXX";
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return fd;
  const mode_t mask =
      ::umask(0);  // Not private, as mkostemp makes it; there is no other way to ask for the mask.
  ::umask(mask);
  (void)::fchmod(fd, 0666 & ~mask);
  return fd;
}

}  // namespace

Status OutputFile::fail(const char* doing) const {
  return error_by(path_, doing, errno);
}

Result<OutputFile> OutputFile::open(const std::string& path) {
  TRY_STATUS(check_name(path));
  struct stat info {};
  const bool there = ::stat(path.c_str(), &info) == 0;
  std::error_code error;
  std::filesystem::path target = std::filesystem::weakly_canonical(path, error);
  OutputFile out(path, error ? path : target.string(), there && !S_ISREG(info.st_mode));
  if (there && ::access(path.c_str(), W_OK) != 0) return out.fail("cannot be written").error();
  if (out.direct_) return out;
  // The directory must take a file; it is taken away again until there is something to keep.
  std::string probe;
  const int fd = make_beside(out.target_, probe);
  if (fd < 0) return out.fail("cannot be written").error();
  ::close(fd);
  ::unlink(probe.c_str());
  return out;
}

Status OutputFile::write_all(int fd, std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail("write");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Status OutputFile::write(std::string_view bytes) const {
  if (!direct_) return replace(bytes);
  const int fd = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fail("open");
  const Status written = write_all(fd, bytes);
  if (::close(fd) != 0 && written.ok()) return fail("close");
  return written;
}

Status OutputFile::replace(std::string_view bytes) const {
  struct stat info {};
  const mode_t mode = ::stat(target_.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  std::string temporary;
  const int fd = make_beside(target_, temporary);
  if (fd < 0) return fail("cannot be written");
  Status written = write_all(fd, bytes);
  if (mode != 0) (void)::fchmod(fd, mode);
  if (written.ok() && ::fsync(fd) != 0) written = fail("fsync");
  if (::close(fd) != 0 && written.ok()) written = fail("close");
  if (written.ok() && ::rename(temporary.c_str(), target_.c_str()) != 0) written = fail("rename");
  if (!written.ok()) ::unlink(temporary.c_str());
  return written;
}

Status check_output_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return error_by(path, "cannot be made", error.value());
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return error_by(path, "cannot be looked at", errno);
  if (!S_ISDIR(info.st_mode)) return invalid(path + ": is a file; expected a folder");
  std::string probe;
  const int fd = make_beside(path + "/probe", probe);
  if (fd < 0) return error_by(path, "cannot be written to", errno);
  ::close(fd);
  ::unlink(probe.c_str());
  return {};
}

Result<OutputStream> OutputStream::open(std::string path) {
  TRY_STATUS(check_name(path));
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return error_by(path, "cannot be written", errno);
  return OutputStream(std::move(path), file);
}

OutputStream::OutputStream(OutputStream&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, nullptr)), error_(other.error_) {}

OutputStream::~OutputStream() {
  if (file_ != nullptr) std::fclose(file_);
}

void OutputStream::keep_error() {
  if (error_ == 0) error_ = errno;
}

void OutputStream::write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) keep_error();
}

Status OutputStream::close() {
  if (std::fclose(std::exchange(file_, nullptr)) != 0) keep_error();
  if (error_ != 0) return error_by(path_, "write", error_);
  return {};
}

}  // namespace freshet
