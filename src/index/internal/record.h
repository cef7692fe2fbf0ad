// One item's text as the index keeps it: the truth that everything else is derived from.
//
//   terms      uint32[terms]     numbers of its different terms, ascending
//   at         uint32[terms]     where each term's entry begins in the stream
//   fields     Field[fields]     the fields that have tokens, ascending
//   stream     per term, per field that has it: field | 0x80 if it is the term's last, varint tf, varints:
//   first
//              position and differences
//
// Immutable once made; one allocation. Cost: 8 bytes a term and about 3 a token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

namespace freshet::index {

struct alignas(8) Record {
  struct Field {
    uint8_t field;
    uint8_t code;  // encode_length(length)
    uint32_t length;
  };

  uint32_t version;  // Of its slot: which update made it.
  uint32_t bytes;    // Of the whole allocation.
  uint32_t term_count;
  uint32_t field_count;

  std::span<const uint32_t> terms() const { return {words(), term_count}; }
  std::span<const Field> fields() const {
    return {reinterpret_cast<const Field*>(words() + 2 * size_t{term_count}), field_count};
  }
  const uint8_t* entry(uint32_t i) const { return stream() + words()[term_count + i]; }
  // Place of a term in terms(); term_count when the item does not have it.
  uint32_t find(uint32_t term) const;
  uint8_t length_code(uint32_t field) const {
    for (const Field& f : fields())
      if (f.field == field) return f.code;
    return 0;
  }
  uint32_t length(uint32_t field) const {
    for (const Field& f : fields())
      if (f.field == field) return f.length;
    return 0;
  }

 private:
  const uint32_t* words() const { return reinterpret_cast<const uint32_t*>(this + 1); }
  const uint8_t* stream() const { return reinterpret_cast<const uint8_t*>(fields().data() + field_count); }
};

inline uint32_t read_varint(const uint8_t*& at) {
  uint32_t value = *at & 127, shift = 7;
  while (*at++ & 128) {
    value |= static_cast<uint32_t>(*at & 127) << shift;
    shift += 7;
  }
  return value;
}

// Walks the fields of one term of a record. Either skip_positions() or all positions are read before next().
//   for (EntryReader in(record.entry(i)); in.next();) { in.field, in.tf; in.positions(out); }
class EntryReader {
 public:
  explicit EntryReader(const uint8_t* at) : at_(at) {}
  bool next() {
    if (last_) return false;
    field = *at_ & 127;
    last_ = (*at_++ & 128) != 0;
    tf = read_varint(at_);
    return true;
  }
  // Does the field begin with the term? Before positions are read.
  bool begins() const { return *at_ == 0; }
  void skip_positions() {
    for (uint32_t i = 0; i < tf; ++i)
      while (*at_++ & 128) {
      }
  }
  template <class Visit>
  void positions(Visit&& visit) {
    uint32_t position = 0;
    for (uint32_t i = 0; i < tf; ++i) visit(position += read_varint(at_));
  }

  uint32_t field = 0, tf = 0;

 private:
  const uint8_t* at_;
  bool last_ = false;
};

// One token with its term's number: sorted by (term, field, position), without repeats, they make a record.
struct NumberedToken {
  uint32_t term, field, position;
  auto operator<=>(const NumberedToken&) const = default;
};

// Makes records; keeps its workspace. `tokens` is sorted by the call.
class RecordMaker {
 public:
  // `lengths`: for each field its number of different positions, 0: absent.
  const Record* make(std::vector<NumberedToken>& tokens, std::span<const uint32_t> lengths, uint32_t version);

 private:
  std::vector<uint32_t> terms_, at_;
  std::vector<uint8_t> stream_;
};

inline void free_record(void* record) {
  std::free(record);
}

}  // namespace freshet::index
