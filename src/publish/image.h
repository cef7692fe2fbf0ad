// Serving parameters of one model: what answers requests, apart from the tables that learn. An image never
// changes; a new one is made from it by ImageEdit and shares every page that is equal, so keeping the served
// image, a candidate and the last good one costs what differs between them.
//
//   table   rows of `dim` weights, named by a key (uint64) and by a row number that stays while the row does
//   row     int8 codes[dim] and a shift: weight = code * step * 2^shift; step: a power of two of the table
//   error   at most step / 2 of a weight, and twice as much with each shift, which a row has only when its
//           greatest weight is above 127 steps
//   hash    sum over rows of the hash of (table, number, key, shift, codes), modulo 2^64: brought up to date
//           by a row's change alone (Clarke et al. 2003, "Incremental multiset hash functions": AdHash). It
//           finds faults, not adversaries.
//
// Bytes a row: dim + 17 and its share of an index of 10 bytes. A new image copies one pointer for each 256
// rows and the pages that changed. Threads: an Image may be read by any number of threads; an ImageEdit
// belongs to one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace freshet {

struct ImageTable {
  std::string name;
  uint32_t dim = 16;
  float step = 1.0f / 128;  // A power of two.
  bool operator==(const ImageTable&) const = default;
};

class Image {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kPageRows = 256;
  static constexpr uint32_t kRowsMax = 1u << 30;
  static constexpr uint8_t kShiftMax = 30;
  static constexpr uint32_t kDimMax = 4096;
  static constexpr size_t kTablesMax = 64;

  // An empty image. kInvalid: what is wrong with the tables.
  static Result<std::shared_ptr<const Image>> make(std::vector<ImageTable> tables);

  const std::vector<ImageTable>& tables() const { return tables_; }
  uint32_t find(size_t table, uint64_t key) const;
  bool used(size_t table, uint32_t row) const;
  uint64_t key(size_t table, uint32_t row) const { return page(table, row).keys[row % kPageRows]; }
  uint8_t shift(size_t table, uint32_t row) const { return page(table, row).shifts[row % kPageRows]; }
  const int8_t* codes(size_t table, uint32_t row) const {
    return &page(table, row).codes[size_t{row % kPageRows} * tables_[table].dim];
  }
  // out: [dim]; zeros for kNone.
  void read(size_t table, uint32_t row, float* out) const;
  // out: [keys.size()][dim]; zeros for keys without a row.
  void gather(size_t table, std::span<const uint64_t> keys, float* out) const;

  size_t rows(size_t table) const { return states_[table].live; }
  uint32_t rows_end(size_t table) const {
    return states_[table].end;
  }  // One more than the greatest row number.
  // The page of this row is the very same one in both.
  bool same_page(const Image& other, size_t table, uint32_t row) const {
    const auto& mine = states_[table].pages;
    const auto& others = other.states_[table].pages;
    const size_t at = row / kPageRows;
    return at < mine.size() && at < others.size() && mine[at] == others[at];
  }
  uint64_t hash() const { return hash_; }
  size_t bytes() const;

 private:
  friend class ImageEdit;
  struct Page {
    std::vector<uint64_t> keys;
    std::vector<uint8_t> shifts;  // kFree: no row.
    std::vector<int8_t> codes;
  };
  static constexpr uint8_t kFree = 255;
  struct Entry {
    uint32_t tag, row;
  };
  using Bucket = std::vector<Entry>;
  struct State {
    std::vector<std::shared_ptr<const Page>> pages;
    std::vector<std::shared_ptr<const Bucket>> buckets;  // A power of two; null: empty.
    uint32_t end = 0;
    size_t live = 0;
  };

  const Page& page(size_t table, uint32_t row) const { return *states_[table].pages[row / kPageRows]; }

  std::vector<ImageTable> tables_;
  std::vector<State> states_;
  uint64_t hash_ = 0;
};

class ImageEdit {
 public:
  explicit ImageEdit(const std::shared_ptr<const Image>& base);

  // What the image would be now, row by row.
  const Image& now() const { return *image_; }
  // False: the row is used, the key has a row, or the number is beyond kRowsMax. Memory: up to the number.
  bool add(size_t table, uint32_t row, uint64_t key);
  bool remove(size_t table, uint32_t row);  // False: there is no such row.
  // The row exists; codes: [dim].
  void set(size_t table, uint32_t row, uint8_t shift, const int8_t* codes);
  uint32_t free_row(size_t table);  // The number add() takes next: a freed one, else a new one.
  std::shared_ptr<const Image> take();

 private:
  void make_pages(size_t table, uint32_t end);
  Image::Page& writable(size_t table, uint32_t row);
  Image::Bucket& bucket(size_t table, uint64_t key);
  uint64_t row_hash(size_t table, uint32_t row) const;
  void grow_index(size_t table);

  std::shared_ptr<Image> image_;
  std::vector<std::vector<uint8_t>> own_pages_, own_buckets_;  // Made by this edit: may be written.
  // A stack of rows that were free when they were put there: [from, to), the least first. Those that have
  // been used since are passed over when they come up.
  struct Free {
    uint32_t from, to;
  };
  std::vector<std::vector<Free>> freed_;
};

// The whole image as bytes and back; docs/formats/parameters.md. The same content gives the same bytes. Rows
// up to the greatest number of each table may take 64 times the bytes they came in and 16 MiB, all tables
// together: a few bytes must not ask for much memory.
void save_image(const Image& image, Writer& out);
Result<std::shared_ptr<const Image>> load_image(Reader& in);

// weights[dim] into codes. `shift` is raised when they do not fit and never lowered but when half would do
// (so that a row does not change its grid with every delta). A weight that is not finite: false.
bool quantize_row(std::span<const float> weights, float step, uint8_t& shift, int8_t* codes);
// A code in the grid of another shift, to the nearest, halves away from zero.
int rescale_code(int code, uint8_t from, uint8_t to);

}  // namespace freshet
