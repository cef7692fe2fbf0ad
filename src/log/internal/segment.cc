#include "log/internal/segment.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>

#include "base/bytes.h"
#include "base/hash.h"

namespace freshet {
namespace {

constexpr std::string_view kSegmentMagic = "FRESHLOG";
constexpr std::string_view kSuffix = ".log";
constexpr size_t kNameDigits = 20;
constexpr size_t kReadAhead = 256 << 10;

}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
  Writer out;
  out.append(kSegmentMagic);
  out.u32(kLogVersion);
  out.u32(kSegmentHeaderBytes);
  out.u64(header.base);
  out.i64(header.created_ms);
  for (int reserved = 0; reserved < 3; ++reserved) out.u64(0);
  out.u64(hash_bytes(out.bytes()));
  return out.take();
}

Result<SegmentHeader> decode_segment_header(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return corrupt("segment header is cut short");
  bytes = bytes.substr(0, kSegmentHeaderBytes);
  Reader in(bytes);
  if (in.bytes(kSegmentMagic.size()) != kSegmentMagic) return corrupt("not a segment of an event log");
  const uint32_t version = in.u32();
  Reader tail(bytes.substr(kSegmentHeaderBytes - 8));
  if (tail.u64() != hash_bytes(bytes.substr(0, kSegmentHeaderBytes - 8)))
    return corrupt("segment header: wrong checksum");
  if (version < kLogVersionOldest || version > kLogVersion)
    return corrupt("segment has format version " + std::to_string(version) + ", this program reads " +
                   std::to_string(kLogVersionOldest) + " to " + std::to_string(kLogVersion));
  in.u32();
  SegmentHeader header;
  header.base = in.u64();
  header.created_ms = in.i64();
  header.version = version;
  return header;
}

void encode_block_header(const BlockHeader& header, char* out) {
  Writer bytes;
  bytes.u32(kBlockMagic);
  bytes.u32(header.payload_bytes);
  bytes.u64(header.first);
  bytes.u32(header.count);
  bytes.u32(0);
  bytes.u64(header.durable);
  bytes.u64(header.payload_hash);
  bytes.u64(hash_bytes(bytes.bytes()));
  std::memcpy(out, bytes.bytes().data(), kBlockHeaderBytes);
}

Result<BlockHeader> decode_block_header(std::string_view bytes) {
  if (bytes.size() < kBlockHeaderBytes) return corrupt("block header is cut short");
  Reader in(bytes.substr(0, kBlockHeaderBytes));
  if (in.u32() != kBlockMagic) return corrupt("no block begins here");
  BlockHeader header;
  header.payload_bytes = in.u32();
  header.first = in.u64();
  header.count = in.u32();
  in.u32();
  header.durable = in.u64();
  header.payload_hash = in.u64();
  if (in.u64() != hash_bytes(bytes.substr(0, kBlockHeaderBytes - 8)))
    return corrupt("block header: wrong checksum");
  return header;
}

std::string segment_name(Offset base) {
  char name[kNameDigits + kSuffix.size() + 1];
  std::snprintf(name, sizeof(name), "%020llu%s", static_cast<unsigned long long>(base), kSuffix.data());
  return name;
}

std::optional<Offset> parse_segment_name(std::string_view name) {
  if (name.size() != kNameDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  Offset base = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kNameDigits, base);
  if (error != std::errc{} || end != name.data() + kNameDigits) return std::nullopt;
  return base;
}

Error BlockReader::damaged(uint64_t at, const std::string& what) const {
  return corrupt("log segment " + segment_->file_name + " byte " + std::to_string(at) + " (offset " +
                 std::to_string(expected_) + "): " + what);
}

// The bytes [at, at + size) of the file, which end below `limit`; read ahead up to there.
Result<std::string_view> BlockReader::bytes_at(uint64_t at, size_t size, uint64_t limit) {
  if (at >= buffer_at_ && at + size <= buffer_at_ + buffer_.size())
    return std::string_view(buffer_).substr(at - buffer_at_, size);
  buffer_.resize(std::min<uint64_t>(std::max(size, kReadAhead), limit - at));
  buffer_at_ = at;
  TRY(const size_t got, segment_->file->read(at, buffer_.data(), buffer_.size()));
  buffer_.resize(got);
  if (got < size) {
    buffer_.clear();
    return damaged(at, "the file ends too early");
  }
  return std::string_view(buffer_).substr(0, size);
}

Result<bool> BlockReader::next(uint64_t limit, Offset from) {
  while (position_ < limit) {
    if (limit - position_ < kBlockHeaderBytes)
      return damaged(position_, "the file ends inside a block header");
    TRY(const std::string_view head, bytes_at(position_, kBlockHeaderBytes, limit));
    const auto decoded = decode_block_header(head);
    if (!decoded.ok()) return damaged(position_, decoded.error().what);
    const BlockHeader& header = *decoded;
    if (header.first != expected_)
      return damaged(position_, "block begins at offset " + std::to_string(header.first));
    const uint64_t payload_at = position_ + kBlockHeaderBytes;
    if (header.payload_bytes > limit - payload_at) return damaged(position_, "the file ends inside a block");
    const Offset block_end = header.first + header.count;
    durable_ = std::max(durable_, header.durable);
    if (header.count == 0 || block_end <= from) {
      position_ = payload_at + header.payload_bytes;
      expected_ = block_end;
      continue;
    }
    TRY(payload_, bytes_at(payload_at, header.payload_bytes, limit));
    if (hash_bytes(payload_) != header.payload_hash) return damaged(position_, "block: wrong checksum");
    header_ = header;
    block_position_ = position_;
    position_ = payload_at + header.payload_bytes;
    expected_ = block_end;
    return true;
  }
  return false;
}

}  // namespace freshet
