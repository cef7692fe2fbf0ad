// One segment file: its headers, and reading its blocks. Byte layout: docs/formats/log.md.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "env/file.h"
#include "event/event.h"

namespace freshet {

constexpr uint32_t kLogVersion = 2;  // Written; those from kLogVersionOldest on are read.
constexpr uint32_t kLogVersionOldest = 1;
constexpr size_t kSegmentHeaderBytes = 64;
constexpr size_t kBlockHeaderBytes = 48;
constexpr uint32_t kBlockMagic = 0x4b4c4246;  // "FBLK"

struct SegmentHeader {
  Offset base = 0;
  int64_t created_ms = 0;
  uint32_t version = kLogVersion;  // As read.
};
std::string encode_segment_header(const SegmentHeader& header);
// kCorrupt: says what is wrong with it.
Result<SegmentHeader> decode_segment_header(std::string_view bytes);

struct BlockHeader {
  uint32_t payload_bytes = 0;
  Offset first = 0;
  uint32_t count = 0;  // 0: a mark without events, written by close().
  Offset durable = 0;  // Every event below was durable when this block was written.
  uint64_t payload_hash = 0;
};
void encode_block_header(const BlockHeader& header, char* out);
Result<BlockHeader> decode_block_header(std::string_view bytes);

std::string segment_name(Offset base);  // "00000000000000000042.log"
// The base in a segment's name; nullopt: not the name of a segment.
std::optional<Offset> parse_segment_name(std::string_view name);

// Threads: one writer extends it (publish()), any thread reads.
class Segment {
 public:
  Segment(std::unique_ptr<File> opened, std::string name, const SegmentHeader& header)
      : file(std::move(opened)),
        file_name(std::move(name)),
        base(header.base),
        created_ms(header.created_ms),
        version(header.version) {}

  void publish(uint64_t new_bytes, Offset new_end) {
    bytes_.store(new_bytes, std::memory_order_release);
    end_.store(new_end, std::memory_order_release);
  }
  uint64_t bytes() const { return bytes_.load(std::memory_order_acquire); }  // Valid bytes.
  Offset end() const { return end_.load(std::memory_order_acquire); }

  const std::unique_ptr<File> file;
  const std::string file_name;
  const Offset base;
  const int64_t created_ms;
  const uint32_t version;

 private:
  std::atomic<uint64_t> bytes_{kSegmentHeaderBytes};
  std::atomic<Offset> end_{0};
};

// Reads the blocks of a segment in order, from its first.
class BlockReader {
 public:
  explicit BlockReader(std::shared_ptr<const Segment> segment)
      : segment_(std::move(segment)), expected_(segment_->base) {}

  // Moves to the next block that holds an event at or after `from`; earlier ones are skipped by their
  // headers. False: no more blocks below `limit` bytes. kCorrupt: names segment and byte; calling again says
  // the same.
  Result<bool> next(uint64_t limit, Offset from = 0);

  const BlockHeader& header() const { return header_; }
  std::string_view payload() const { return payload_; }  // Until the next call.
  uint64_t block_position() const { return block_position_; }
  uint64_t position() const { return position_; }  // Of the byte after the current block.
  Offset expected() const { return expected_; }    // First offset of the next block.
  Offset durable() const { return durable_; }      // What the headers so far say was durable.
  const Segment& segment() const { return *segment_; }

 private:
  Result<std::string_view> bytes_at(uint64_t at, size_t size, uint64_t limit);
  Error damaged(uint64_t at, const std::string& what) const;

  std::shared_ptr<const Segment> segment_;
  std::string buffer_;
  uint64_t buffer_at_ = 0;  // File position of buffer_[0].
  uint64_t position_ = kSegmentHeaderBytes;
  uint64_t block_position_ = 0;
  Offset expected_;
  Offset durable_ = 0;
  BlockHeader header_;
  std::string_view payload_;
};

}  // namespace freshet
