#include "publish/delta.h"

#include <algorithm>

#include "base/hash.h"
#include "publish/range_coder.h"

namespace freshet {
namespace {

constexpr uint32_t kMagic = 0x544c4446;  // "FDLT"
constexpr uint16_t kFormat = 1;
constexpr uint32_t kUnary = 14;  // Sizes of a difference below this are coded bit by bit.

enum Change : uint8_t { kChanged, kAdded, kRemoved };

// What the coder has learned of one table. Both sides keep the same.
struct Contexts {
  NumberContext gap;
  BitContext fresh, removed, shift_moved;
  BitContext nonzero[3][3];  // By how many of the two before, and of the row's number of nonzeros so far.
  BitContext negative;
  BitContext size[3][kUnary];
  NumberContext beyond;
};

size_t crowd(size_t nonzeros, size_t seen) {
  return nonzeros == 0 ? 0 : nonzeros * 4 < seen ? 1 : 2;
}

void encode_codes(RangeEncoder& out, Contexts& c, const int8_t* from, uint8_t from_shift, const int8_t* to,
                  uint8_t to_shift, size_t dim) {
  size_t nonzeros = 0;
  size_t last = 0;  // Nonzeros of the last two.
  bool before = false;
  for (size_t d = 0; d < dim; ++d) {
    const int expected = from == nullptr ? 0 : rescale_code(from[d], from_shift, to_shift);
    const int difference = to[d] - expected;
    const size_t many = crowd(nonzeros, d);
    out.bit(difference != 0, c.nonzero[last][many]);
    last = (before ? 1 : 0) + (difference != 0 ? 1 : 0);
    before = difference != 0;
    if (difference == 0) continue;
    ++nonzeros;
    out.bit(difference < 0, c.negative);
    const auto size = static_cast<uint32_t>(std::abs(difference)) - 1;
    for (uint32_t i = 0; i < std::min(size, kUnary); ++i) out.bit(true, c.size[many][i]);
    if (size < kUnary)
      out.bit(false, c.size[many][size]);
    else
      encode_number(out, size - kUnary, c.beyond);
  }
}

bool decode_codes(RangeDecoder& in, Contexts& c, const int8_t* from, uint8_t from_shift, int8_t* to,
                  uint8_t to_shift, size_t dim) {
  size_t nonzeros = 0;
  size_t last = 0;
  bool before = false;
  for (size_t d = 0; d < dim; ++d) {
    int code = from == nullptr ? 0 : rescale_code(from[d], from_shift, to_shift);
    const size_t many = crowd(nonzeros, d);
    const bool nonzero = in.bit(c.nonzero[last][many]);
    last = (before ? 1 : 0) + (nonzero ? 1 : 0);
    before = nonzero;
    if (nonzero) {
      ++nonzeros;
      const bool negative = in.bit(c.negative);
      uint64_t size = 0;
      while (size < kUnary && in.bit(c.size[many][size])) ++size;
      if (size == kUnary) size += decode_number(in, c.beyond);
      if (size > 255) return false;
      code += negative ? -static_cast<int>(size + 1) : static_cast<int>(size + 1);
    }
    if (code < -127 || code > 127) return false;
    to[d] = static_cast<int8_t>(code);
  }
  return true;
}

// True: the row is another one in `to`, or is there only, or is there no more.
bool differs(const Image& from, const Image& to, size_t table, uint32_t row) {
  const bool was = from.used(table, row);
  const bool is = to.used(table, row);
  if (!was || !is) return was != is;
  const size_t dim = to.tables()[table].dim;
  return from.key(table, row) != to.key(table, row) || from.shift(table, row) != to.shift(table, row) ||
         !std::equal(from.codes(table, row), from.codes(table, row) + dim, to.codes(table, row));
}

// A number that goes to another key: removed in one step, added in the next.
bool another_key(const Image& from, const Image& to, size_t table, uint32_t row) {
  return from.used(table, row) && to.used(table, row) && from.key(table, row) != to.key(table, row);
}

class DeltaEncoder {
 public:
  explicit DeltaEncoder(RangeEncoder& out) : out_(out) {}

  void table(const Image& from, const Image& to, size_t table) {
    contexts_ = Contexts();
    const uint32_t end = std::max(from.rows_end(table), to.rows_end(table));
    std::vector<uint32_t> removed;
    std::vector<uint32_t> rest;
    for (uint32_t row = 0; row < end; ++row) {
      if (row % Image::kPageRows == 0 && from.same_page(to, table, row)) {
        row += Image::kPageRows - 1;
        continue;
      }
      if (!differs(from, to, table, row)) continue;
      if (!to.used(table, row) || another_key(from, to, table, row)) removed.push_back(row);
      if (to.used(table, row)) rest.push_back(row);
    }
    rows_ += removed.size() + rest.size();
    list(removed, [](uint32_t) {});
    list(rest, [&](uint32_t row) { one(from, to, table, row); });
  }
  uint64_t rows() const { return rows_; }

 private:
  template <class Each>
  void list(const std::vector<uint32_t>& rows, Each each) {
    out_.raw(rows.size(), 32);
    uint32_t next = 0;
    for (const uint32_t row : rows) {
      encode_number(out_, row - next, contexts_.gap);
      next = row + 1;
      each(row);
    }
  }

  void one(const Image& from, const Image& to, size_t table, uint32_t row) {
    const bool fresh = !from.used(table, row) || another_key(from, to, table, row);
    const uint8_t shift = to.shift(table, row);
    const uint8_t shift_before = fresh ? 0 : from.shift(table, row);
    out_.bit(fresh, contexts_.fresh);
    if (fresh) out_.raw(to.key(table, row), 64);
    out_.bit(shift != shift_before, contexts_.shift_moved);
    if (shift != shift_before) out_.raw(shift, 5);
    encode_codes(out_, contexts_, fresh ? nullptr : from.codes(table, row), shift_before,
                 to.codes(table, row), shift, to.tables()[table].dim);
  }

  RangeEncoder& out_;
  Contexts contexts_;
  uint64_t rows_ = 0;
};

class DeltaDecoder {
 public:
  DeltaDecoder(RangeDecoder& in, ImageEdit& edit) : in_(in), edit_(edit) {}

  // False: the bytes are no delta of this image.
  bool table(size_t table) {
    contexts_ = Contexts();
    codes_.resize(edit_.now().tables()[table].dim);
    end_ = edit_.now().rows_end(table);
    return list([&](uint32_t row) { return edit_.remove(table, row); }) &&
           list([&](uint32_t row) { return one(table, row); });
  }
  uint64_t rows() const { return rows_; }

 private:
  template <class Each>
  bool list(Each each) {
    uint64_t next = 0;
    for (uint64_t left = in_.raw(32); left > 0; --left) {
      next += decode_number(in_, contexts_.gap);
      if (!in_.ok() || next > end_ + rows_ || !each(static_cast<uint32_t>(next))) return false;
      ++next;
      ++rows_;
    }
    return in_.ok();
  }

  bool one(size_t table, uint32_t row) {
    const bool fresh = in_.bit(contexts_.fresh);
    if (fresh ? !edit_.add(table, row, in_.raw(64)) : !edit_.now().used(table, row)) return false;
    const uint8_t before = edit_.now().shift(table, row);
    uint8_t shift = before;
    if (in_.bit(contexts_.shift_moved)) shift = static_cast<uint8_t>(in_.raw(5));
    if (shift > Image::kShiftMax) return false;
    if (!decode_codes(in_, contexts_, fresh ? nullptr : edit_.now().codes(table, row), before, codes_.data(),
                      shift, codes_.size()))
      return false;
    edit_.set(table, row, shift, codes_.data());
    return true;
  }

  RangeDecoder& in_;
  ImageEdit& edit_;
  Contexts contexts_;
  std::vector<int8_t> codes_;
  uint64_t end_ = 0;
  uint64_t rows_ = 0;
};

std::string frame(const FrameHeader& header, std::string_view payload) {
  Writer out;
  out.u32(kMagic);
  out.u16(kFormat);
  out.u8(static_cast<uint8_t>(header.kind));
  out.u8(0);
  for (const uint64_t each : {header.model, header.base, header.sequence, header.before, header.after})
    out.u64(each);
  out.u32(header.rows);
  out.u32(static_cast<uint32_t>(payload.size()));
  out.u32(static_cast<uint32_t>(hash_bytes(out.bytes())));
  out.append(payload);
  out.u64(hash_bytes(out.bytes()));
  return out.take();
}

std::string number(uint64_t value) {
  return std::to_string(value);
}

}  // namespace

std::string encode_delta(FrameHeader header, const Image& from, const Image& to) {
  CHECK(from.tables() == to.tables());
  RangeEncoder out;
  DeltaEncoder encoder(out);
  for (size_t table = 0; table < to.tables().size(); ++table) encoder.table(from, to, table);
  header.kind = FrameKind::kDelta;
  header.before = from.hash();
  header.after = to.hash();
  header.rows = static_cast<uint32_t>(encoder.rows());
  return frame(header, out.take());
}

std::string encode_full(FrameHeader header, const Image& image) {
  Writer out;
  save_image(image, out);
  header.kind = FrameKind::kFull;
  header.before = 0;
  header.after = image.hash();
  header.rows = 0;
  for (size_t table = 0; table < image.tables().size(); ++table)
    header.rows += static_cast<uint32_t>(image.rows(table));
  return frame(header, out.bytes());
}

Result<FrameHeader> read_header(std::string_view frame) {
  if (frame.size() < FrameHeader::kBytes + 8)
    return corrupt("parameter frame: " + number(frame.size()) + " bytes, cut short");
  Reader in(frame);
  if (in.u32() != kMagic) return corrupt("parameter frame: does not begin with FDLT");
  if (const uint16_t format = in.u16(); format != kFormat)
    return corrupt("parameter frame: format " + number(format) + ", this program reads 1");
  FrameHeader header;
  const uint8_t kind = in.u8();
  in.u8();
  for (uint64_t* each : {&header.model, &header.base, &header.sequence, &header.before, &header.after})
    *each = in.u64();
  header.rows = in.u32();
  header.payload = in.u32();
  in.u32();
  if (frame.size() != FrameHeader::kBytes + header.payload + 8)
    return corrupt("parameter frame: " + number(frame.size()) + " bytes, its header says " +
                   number(FrameHeader::kBytes + header.payload + 8));
  Reader sum(frame.substr(frame.size() - 8));
  if (sum.u64() != hash_bytes(frame.substr(0, frame.size() - 8)))
    return corrupt("parameter frame: the checksum does not fit: damaged");
  if (kind > 1) return corrupt("parameter frame: kind " + number(kind) + ", expected 0 or 1");
  header.kind = static_cast<FrameKind>(kind);
  return header;
}

Replica::~Replica() {
  delete shown_.load();
}

void Replica::show(std::shared_ptr<const Image> image) {
  image_ = std::move(image);
  const Holder* before = shown_.exchange(new Holder{image_}, std::memory_order_acq_rel);
  retired_.retire(before);
}

Status Replica::take(std::string_view frame) {
  const auto refuse = [this](Error error) -> Status {
    ++refused_;
    return error;
  };
  const Result<FrameHeader> header = read_header(frame);
  if (!header.ok()) {  // What it was is not known: perhaps the next delta.
    needs_base_ = true;
    return refuse(header.error());
  }
  if (header->model != model_)
    return refuse(
        invalid("parameter frame: of model " + number(header->model) + ", this is " + number(model_)));
  const std::string_view payload = frame.substr(FrameHeader::kBytes, header->payload);
  const Status status =
      header->kind == FrameKind::kFull ? take_full(*header, payload) : take_delta(*header, payload);
  return status.ok() ? status : refuse(status.error());
}

Status Replica::take_full(const FrameHeader& header, std::string_view payload) {
  if (image_ && header.version() < version())
    return invalid("parameter base: version " + number(header.version()) + " is older than " +
                   number(version()));
  Reader in(payload);
  TRY(std::shared_ptr<const Image> image, load_image(in));
  if (!in.done() || image->hash() != header.after)
    return corrupt("parameter base: does not make the image its header names");
  base_ = header.base;
  sequence_ = header.sequence;
  needs_base_ = false;
  show(std::move(image));
  return {};
}

Status Replica::take_delta(const FrameHeader& header, std::string_view payload) {
  if (!image_) return invalid("parameter delta: there is no base yet; send a full frame");
  if (header.base != base_) {
    needs_base_ = needs_base_ || header.version() > version();
    return invalid("parameter delta: for base " + number(header.base) + ", this is base " + number(base_) +
                   "; send a full frame");
  }
  if (header.sequence <= sequence_)
    return invalid("parameter delta: number " + number(header.sequence) + " was there before; the last was " +
                   number(sequence_));
  if (header.sequence != sequence_ + 1) {
    needs_base_ = true;
    return invalid("parameter delta: number " + number(header.sequence) + " after " + number(sequence_) +
                   ": deltas are missing; send a full frame");
  }
  if (header.before != image_->hash()) {
    needs_base_ = true;
    return invalid("parameter delta: number " + number(header.sequence) +
                   " was made from another image; send a full frame");
  }
  ImageEdit edit(image_);
  RangeDecoder in(payload);
  DeltaDecoder decoder(in, edit);
  bool whole = true;
  for (size_t table = 0; table < image_->tables().size() && whole; ++table) whole = decoder.table(table);
  if (!whole || !in.done() || decoder.rows() != header.rows || edit.now().hash() != header.after) {
    needs_base_ = true;
    return corrupt("parameter delta: number " + number(header.sequence) +
                   " does not make the image its header names");
  }
  sequence_ = header.sequence;
  show(edit.take());
  return {};
}

}  // namespace freshet
