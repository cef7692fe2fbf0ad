// The bytes of a file or of standard input, decompressed on the way: plain, gzip or zstd, told apart by their
// first bytes. Reads in big blocks; memory is bounded whatever the file says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet {

class Input {
 public:
  virtual ~Input() = default;

  // Up to `size` decompressed bytes; 0: the end. kCorrupt: damaged or cut short compressed data, naming the
  // byte of the file. kUnavailable: the file cannot be read.
  virtual Result<size_t> read(char* out, size_t size) = 0;

  virtual uint64_t bytes_read() const = 0;   // Of the file as stored.
  virtual uint64_t bytes_total() const = 0;  // 0: not known.
};

// `path`: "-" is standard input. kNotFound: no such file; kUnavailable: cannot be opened.
Result<std::unique_ptr<Input>> open_input(const std::string& path);
// Over bytes in memory, which must outlive it.
Result<std::unique_ptr<Input>> open_text(std::string_view text);

}  // namespace freshet
