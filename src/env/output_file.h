// A file that a person named for results. Whether it can be written is known before the work that makes them;
// errors name the path as it was given, and the system's reason.
//
//   a regular file, or nothing yet   replaced whole or not at all (a temporary file beside it, renamed); what
//                                    a link points to is replaced, not the link
//   a device, a pipe                 written to
//   a directory                      refused
//
// Threads: one.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet {

class OutputFile {
 public:
  // kInvalid: a directory. kUnavailable, kNotFound: it could not be written now.
  static Result<OutputFile> open(const std::string& path);

  Status write(std::string_view bytes) const;
  const std::string& path() const { return path_; }

 private:
  OutputFile(std::string path, std::string target, bool direct)
      : path_(std::move(path)), target_(std::move(target)), direct_(direct) {}
  Status fail(const char* doing) const;  // By errno.
  Status write_all(int fd, std::string_view bytes) const;
  Status replace(std::string_view bytes) const;

  std::string path_, target_;  // As given; where links lead.
  bool direct_;
};

// A folder for results is there, made when it was not, and takes files. Errors name it as it was given.
Status check_output_folder(const std::string& path);

// Lines that are written while they are made: a pipe may read along. Threads: one.
class OutputStream {
 public:
  // The file is there, and empty, after this.
  static Result<OutputStream> open(std::string path);
  OutputStream(OutputStream&& other) noexcept;
  OutputStream& operator=(OutputStream&&) = delete;
  ~OutputStream();

  void write(std::string_view text);  // An error is kept for close().
  Status close();                     // What went wrong first.

 private:
  OutputStream(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  void keep_error();

  std::string path_;
  std::FILE* file_;
  int error_ = 0;
};

}  // namespace freshet
