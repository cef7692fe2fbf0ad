// Little-endian encoding of numbers and strings into bytes and back. Used by every format under
// docs/formats/.
//
// Writer appends to a string it owns. Reader never reads past its end: after the first short or malformed
// read it is !ok() and every further read gives zero, so a decoder reads a whole record and asks once.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace freshet {

static_assert(std::endian::native == std::endian::little, "formats are little-endian and written by memcpy");

class Writer {
 public:
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void raw(const T& value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T)); }
  void u8(uint8_t v) { bytes_.push_back(static_cast<char>(v)); }
  void u16(uint16_t v) { raw(v); }
  void u32(uint32_t v) { raw(v); }
  void u64(uint64_t v) { raw(v); }
  void i64(int64_t v) { raw(v); }
  void f32(float v) { raw(v); }
  void f64(double v) { raw(v); }
  // LEB128: 7 bits a byte, low bits first.
  void varint(uint64_t v) {
    while (v >= 0x80) {
      u8(static_cast<uint8_t>(v) | 0x80);
      v >>= 7;
    }
    u8(static_cast<uint8_t>(v));
  }
  void zigzag(int64_t v) { varint((static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63)); }
  void str(std::string_view v) {
    varint(v.size());
    bytes_.append(v);
  }
  void append(std::string_view v) { bytes_.append(v); }
  // An array of trivially copyable values without its length.
  template <class T>
  void array(const T* data, size_t count) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(data), count * sizeof(T));
  }

  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }
  size_t size() const { return bytes_.size(); }
  void clear() { bytes_.clear(); }
  char* data() { return bytes_.data(); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  template <class T>
  requires std::is_trivially_copyable_v<T> T raw() {
    T value{};
    if (!take(sizeof(T))) return value;
    std::memcpy(&value, at_ - sizeof(T), sizeof(T));
    return value;
  }
  uint8_t u8() { return raw<uint8_t>(); }
  uint16_t u16() { return raw<uint16_t>(); }
  uint32_t u32() { return raw<uint32_t>(); }
  uint64_t u64() { return raw<uint64_t>(); }
  int64_t i64() { return raw<int64_t>(); }
  float f32() { return raw<float>(); }
  double f64() { return raw<double>(); }
  uint64_t varint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) break;
      const uint8_t byte = static_cast<uint8_t>(*at_++);
      v |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    fail();
    return 0;
  }
  int64_t zigzag() {
    const uint64_t v = varint();
    return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
  }
  std::string_view str() {
    const uint64_t size = varint();
    if (!take(size)) return {};
    return {at_ - size, size};
  }
  std::string_view bytes(size_t size) {
    if (!take(size)) return {};
    return {at_ - size, size};
  }
  template <class T>
  bool array(T* data, size_t count) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (count > remaining() / sizeof(T)) {
      fail();
      return false;
    }
    if (count == 0) return true;  // An empty vector has no data(): not even nothing is copied there.
    std::memcpy(data, at_, count * sizeof(T));
    at_ += count * sizeof(T);
    return true;
  }

  bool ok() const { return ok_; }
  bool done() const { return at_ == end_; }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  void fail() {
    ok_ = false;
    at_ = end_;
  }

 private:
  bool take(uint64_t size) {
    if (size > remaining()) {
      fail();
      return false;
    }
    at_ += size;
    return true;
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace freshet
