#include "ingest/internal/input.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include <zlib.h>
#include <zstd.h>

namespace freshet {
namespace {

constexpr size_t kBlockBytes = 256 << 10;

// The bytes as stored.
class Stored {
 public:
  virtual ~Stored() = default;
  virtual Result<size_t> read(char* out, size_t size) = 0;
  virtual uint64_t total() const = 0;
  uint64_t done = 0;
};

class StoredFile : public Stored {
 public:
  StoredFile(std::string path, std::FILE* file, uint64_t total)
      : path_(std::move(path)), file_(file), total_(total) {
    std::setvbuf(file_, nullptr, _IONBF, 0);  // The blocks are ours.
  }
  ~StoredFile() override {
    if (file_ != stdin) std::fclose(file_);
  }
  Result<size_t> read(char* out, size_t size) override {
    const size_t count = std::fread(out, 1, size, file_);
    if (count == 0 && std::ferror(file_))
      return unavailable(path_ + ": " + std::generic_category().message(errno));
    done += count;
    return count;
  }
  uint64_t total() const override { return total_; }

 private:
  const std::string path_;
  std::FILE* const file_;
  const uint64_t total_;
};

class StoredText : public Stored {
 public:
  explicit StoredText(std::string_view text) : text_(text) {}
  Result<size_t> read(char* out, size_t size) override {
    const size_t count = std::min(size, text_.size() - static_cast<size_t>(done));
    std::memcpy(out, text_.data() + done, count);
    done += count;
    return count;
  }
  uint64_t total() const override { return text_.size(); }

 private:
  const std::string_view text_;
};

// Stored bytes with the first few looked at already.
class Head {
 public:
  Head(std::unique_ptr<Stored> stored, std::string head)
      : stored_(std::move(stored)), head_(std::move(head)) {}
  Result<size_t> read(char* out, size_t size) {
    if (at_ == head_.size()) return stored_->read(out, size);
    const size_t count = std::min(size, head_.size() - at_);
    std::memcpy(out, head_.data() + at_, count);
    at_ += count;
    return count;
  }
  uint64_t done() const { return stored_->done - (head_.size() - at_); }
  uint64_t total() const { return stored_->total(); }

 private:
  std::unique_ptr<Stored> stored_;
  std::string head_;
  size_t at_ = 0;
};

class InputBase : public Input {
 public:
  InputBase(std::string name, Head head) : name_(std::move(name)), stored_(std::move(head)) {}
  uint64_t bytes_read() const override { return stored_.done(); }
  uint64_t bytes_total() const override { return stored_.total(); }

 protected:
  Error damaged(std::string_view format, std::string_view what) const {
    return corrupt(name_ + ": damaged " + std::string(format) + " before byte " +
                   std::to_string(stored_.done()) + ": " + std::string(what));
  }
  const std::string name_;
  Head stored_;
};

class PlainInput : public InputBase {
 public:
  using InputBase::InputBase;
  Result<size_t> read(char* out, size_t size) override { return stored_.read(out, size); }
};

class GzipInput : public InputBase {
 public:
  GzipInput(std::string name, Head head) : InputBase(std::move(name), std::move(head)), block_(kBlockBytes) {
    CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK);  // 16: the gzip wrapper, with its checksum.
  }
  ~GzipInput() override { inflateEnd(&stream_); }

  Result<size_t> read(char* out, size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size) {
      if (stream_.avail_in == 0) {
        TRY(const size_t count, stored_.read(block_.data(), block_.size()));
        if (count == 0) {
          if (member_open_) return damaged("gzip", "it ends in the middle");
          return size_t{0};
        }
        stream_.next_in = reinterpret_cast<Bytef*>(block_.data());
        stream_.avail_in = static_cast<uInt>(count);
      }
      if (!member_open_) {
        if (members_ > 0 &&
            *stream_.next_in == 0) {  // Padding after the last member, as tapes and tar leave.
          ++stream_.next_in;
          --stream_.avail_in;
          continue;
        }
        inflateReset(&stream_);
        member_open_ = true;
        ++members_;
      }
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        member_open_ = false;  // Another member may follow.
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        return damaged("gzip", stream_.msg != nullptr ? stream_.msg : "wrong data");
      }
    }
    return size - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  std::vector<char> block_;
  bool member_open_ = false;
  uint64_t members_ = 0;
};

class ZstdInput : public InputBase {
 public:
  ZstdInput(std::string name, Head head)
      : InputBase(std::move(name), std::move(head)), block_(kBlockBytes), stream_(ZSTD_createDStream()) {
    CHECK(stream_ != nullptr);
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, 27);  // 128 MB: what `zstd --ultra` writes.
  }
  ~ZstdInput() override { ZSTD_freeDStream(stream_); }

  Result<size_t> read(char* out, size_t size) override {
    ZSTD_outBuffer into{out, size, 0};
    while (into.pos == 0) {
      if (from_.pos == from_.size) {
        TRY(const size_t count, stored_.read(block_.data(), block_.size()));
        if (count == 0) {
          if (frame_open_) return damaged("zstd", "it ends in the middle");
          return size_t{0};
        }
        from_ = {block_.data(), count, 0};
      }
      const size_t left = ZSTD_decompressStream(stream_, &into, &from_);
      if (ZSTD_isError(left)) return damaged("zstd", ZSTD_getErrorName(left));
      frame_open_ = left != 0;
    }
    return into.pos;
  }

 private:
  std::vector<char> block_;
  ZSTD_DStream* stream_;
  ZSTD_inBuffer from_{nullptr, 0, 0};
  bool frame_open_ = false;
};

Result<std::unique_ptr<Input>> open_stored(std::string name, std::unique_ptr<Stored> stored) {
  std::string head(4, '\0');
  size_t have = 0;
  while (have < head.size()) {
    TRY(const size_t count, stored->read(head.data() + have, head.size() - have));
    if (count == 0) break;
    have += count;
  }
  head.resize(have);
  const std::string_view first(head);
  const bool is_gzip = first.substr(0, 2) == "\x1f\x8b";
  const bool is_zstd = first == "\x28\xb5\x2f\xfd";
  const bool is_utf16 = first.substr(0, 2) == "\xff\xfe" || first.substr(0, 2) == "\xfe\xff";
  const bool is_zip = first == "PK\x03\x04";
  if (is_utf16) return invalid(name + ": is UTF-16; expected UTF-8 (convert it: iconv -f UTF-16 -t UTF-8)");
  if (is_zip)
    return invalid(name + ": is a zip archive; expected plain text, gzip or zstd (unzip -p " + name + ")");
  Head rest(std::move(stored), std::move(head));
  std::unique_ptr<Input> input;
  if (is_gzip) {
    input = std::make_unique<GzipInput>(std::move(name), std::move(rest));
  } else if (is_zstd) {
    input = std::make_unique<ZstdInput>(std::move(name), std::move(rest));
  } else {
    input = std::make_unique<PlainInput>(std::move(name), std::move(rest));
  }
  return input;
}

}  // namespace

Result<std::unique_ptr<Input>> open_input(const std::string& path) {
  if (path == "-") return open_stored("standard input", std::make_unique<StoredFile>(path, stdin, 0));
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return invalid(path + ": is a folder; expected a file");
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    const std::string what = path + ": " + std::generic_category().message(errno);
    if (errno == ENOENT) return not_found(what);
    return unavailable(what);
  }
  const uintmax_t bytes = std::filesystem::file_size(path, error);  // Fails for pipes and devices.
  return open_stored(path,
                     std::make_unique<StoredFile>(path, file, error ? 0 : static_cast<uint64_t>(bytes)));
}

Result<std::unique_ptr<Input>> open_text(std::string_view text) {
  return open_stored("text", std::make_unique<StoredText>(text));
}

}  // namespace freshet
