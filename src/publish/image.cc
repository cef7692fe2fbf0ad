#include "publish/image.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr size_t kRowsPerBucket = 16;
constexpr uint64_t kRoomFirst = uint64_t{16} << 20;  // Bytes that any image may take,
constexpr uint64_t kRoomTimes = 64;                  // and of the bytes it came in.

size_t bucket_of(uint64_t key, size_t buckets) {
  return mix64(key) & (buckets - 1);
}

uint32_t tag_of(uint64_t key) {
  return static_cast<uint32_t>(mix64(key) >> 32);
}

bool power_of_two(float step) {
  int exponent = 0;
  return std::isfinite(step) && step > 0 && std::frexp(step, &exponent) == 0.5f && exponent > -40 &&
         exponent < 40;
}

}  // namespace

Result<std::shared_ptr<const Image>> Image::make(std::vector<ImageTable> tables) {
  if (tables.empty() || tables.size() > kTablesMax)
    return invalid("parameters: expected 1 to 64 tables, got " + std::to_string(tables.size()));
  for (const ImageTable& table : tables) {
    if (table.dim == 0 || table.dim > kDimMax)
      return invalid("parameters: table " + table.name + ": expected a dim of 1 to 4096, got " +
                     std::to_string(table.dim));
    if (!power_of_two(table.step))
      return invalid("parameters: table " + table.name + ": expected a step that is a power of two");
  }
  auto image = std::make_shared<Image>();
  image->states_.resize(tables.size());
  for (State& state : image->states_) state.buckets.resize(16);
  image->tables_ = std::move(tables);
  return std::shared_ptr<const Image>(image);
}

uint32_t Image::find(size_t table, uint64_t key) const {
  const State& state = states_[table];
  const Bucket* bucket = state.buckets[bucket_of(key, state.buckets.size())].get();
  if (bucket == nullptr) return kNone;
  const uint32_t tag = tag_of(key);
  for (const Entry& entry : *bucket)
    if (entry.tag == tag && this->key(table, entry.row) == key) return entry.row;
  return kNone;
}

bool Image::used(size_t table, uint32_t row) const {
  return row < states_[table].end && shift(table, row) != kFree;
}

void Image::read(size_t table, uint32_t row, float* out) const {
  const size_t dim = tables_[table].dim;
  if (row == kNone) {
    std::fill_n(out, dim, 0.0f);
    return;
  }
  const float scale = std::ldexp(tables_[table].step, shift(table, row));
  const int8_t* code = codes(table, row);
  for (size_t d = 0; d < dim; ++d) out[d] = static_cast<float>(code[d]) * scale;
}

void Image::gather(size_t table, std::span<const uint64_t> keys, float* out) const {
  for (const uint64_t key : keys) {
    read(table, find(table, key), out);
    out += tables_[table].dim;
  }
}

size_t Image::bytes() const {
  size_t sum = 0;
  for (size_t table = 0; table < tables_.size(); ++table) {
    const State& state = states_[table];
    sum += state.pages.size() * (kPageRows * (tables_[table].dim + 9) + sizeof(Page) + 16);
    sum += state.buckets.size() * (sizeof(Bucket) + 32) + state.live * sizeof(Entry);
  }
  return sum;
}

ImageEdit::ImageEdit(const std::shared_ptr<const Image>& base) : image_(std::make_shared<Image>(*base)) {
  const size_t tables = image_->tables_.size();
  own_pages_.resize(tables);
  own_buckets_.resize(tables);
  freed_.resize(tables);
  for (size_t table = 0; table < tables; ++table) {
    const Image::State& state = image_->states_[table];
    own_pages_[table].resize(state.pages.size());
    own_buckets_[table].resize(state.buckets.size());
    if (state.live == state.end) continue;
    for (uint32_t row = state.end; row-- > 0;) {
      if (image_->used(table, row)) continue;
      auto& freed = freed_[table];
      if (!freed.empty() && freed.back().from == row + 1)
        freed.back().from = row;
      else
        freed.push_back({row, row + 1});
    }
  }
}

Image::Page& ImageEdit::writable(size_t table, uint32_t row) {
  const size_t at = row / Image::kPageRows;
  auto& page = image_->states_[table].pages[at];
  if (own_pages_[table][at] == 0) {
    page = std::make_shared<Image::Page>(*page);
    own_pages_[table][at] = 1;
  }
  return const_cast<Image::Page&>(*page);  // NOLINT: made by this edit, nobody else has it yet
}

Image::Bucket& ImageEdit::bucket(size_t table, uint64_t key) {
  auto& buckets = image_->states_[table].buckets;
  const size_t at = bucket_of(key, buckets.size());
  if (own_buckets_[table][at] == 0) {
    buckets[at] =
        buckets[at] ? std::make_shared<Image::Bucket>(*buckets[at]) : std::make_shared<Image::Bucket>();
    own_buckets_[table][at] = 1;
  }
  return const_cast<Image::Bucket&>(*buckets[at]);  // NOLINT: as above
}

uint64_t ImageEdit::row_hash(size_t table, uint32_t row) const {
  const uint64_t place = mix64(mix64(table, row), image_->key(table, row));
  return hash_bytes(image_->codes(table, row), image_->tables_[table].dim,
                    mix64(place, image_->shift(table, row)));
}

void ImageEdit::grow_index(size_t table) {
  Image::State& state = image_->states_[table];
  std::vector<std::shared_ptr<Image::Bucket>> grown(state.buckets.size() * 2);
  for (uint32_t row = 0; row < state.end; ++row) {
    if (!image_->used(table, row)) continue;
    const uint64_t key = image_->key(table, row);
    auto& bucket = grown[bucket_of(key, grown.size())];
    if (!bucket) bucket = std::make_shared<Image::Bucket>();
    bucket->push_back({tag_of(key), row});
  }
  state.buckets.assign(grown.begin(), grown.end());
  own_buckets_[table].assign(grown.size(), 1);
  for (size_t at = 0; at < grown.size(); ++at) own_buckets_[table][at] = grown[at] ? 1 : 0;
}

uint32_t ImageEdit::free_row(size_t table) {
  auto& freed = freed_[table];
  const uint32_t end = image_->states_[table].end;
  while (!freed.empty()) {
    Free& last = freed.back();
    while (last.from < std::min(last.to, end) && image_->used(table, last.from)) ++last.from;
    if (last.from < std::min(last.to, end)) return last.from;
    freed.pop_back();
  }
  return end;
}

void ImageEdit::make_pages(size_t table, uint32_t end) {
  Image::State& state = image_->states_[table];
  while (state.pages.size() * Image::kPageRows < end) {
    auto page = std::make_shared<Image::Page>();
    page->keys.resize(Image::kPageRows);
    page->shifts.assign(Image::kPageRows, Image::kFree);
    page->codes.resize(size_t{Image::kPageRows} * image_->tables_[table].dim);
    state.pages.push_back(std::move(page));
    own_pages_[table].push_back(1);
  }
}

bool ImageEdit::add(size_t table, uint32_t row, uint64_t key) {
  Image::State& state = image_->states_[table];
  if (row >= Image::kRowsMax || image_->used(table, row) || image_->find(table, key) != Image::kNone)
    return false;
  make_pages(table, row + 1);
  Image::Page& page = writable(table, row);
  page.keys[row % Image::kPageRows] = key;
  page.shifts[row % Image::kPageRows] = 0;
  if (row > state.end) freed_[table].push_back({state.end, row});
  state.end = std::max(state.end, row + 1);
  ++state.live;
  bucket(table, key).push_back({tag_of(key), row});
  image_->hash_ += row_hash(table, row);
  if (state.live > kRowsPerBucket * state.buckets.size()) grow_index(table);
  return true;
}

bool ImageEdit::remove(size_t table, uint32_t row) {
  if (!image_->used(table, row)) return false;
  Image::State& state = image_->states_[table];
  const uint64_t key = image_->key(table, row);
  image_->hash_ -= row_hash(table, row);
  std::erase_if(bucket(table, key), [&](const Image::Entry& entry) { return entry.row == row; });
  Image::Page& page = writable(table, row);
  const size_t dim = image_->tables_[table].dim;
  page.keys[row % Image::kPageRows] = 0;
  page.shifts[row % Image::kPageRows] = Image::kFree;
  std::fill_n(page.codes.begin() + static_cast<ptrdiff_t>(row % Image::kPageRows * dim), dim, int8_t{0});
  freed_[table].push_back({row, row + 1});
  --state.live;
  while (state.end > 0 && !image_->used(table, state.end - 1)) --state.end;
  return true;
}

void ImageEdit::set(size_t table, uint32_t row, uint8_t shift, const int8_t* codes) {
  CHECK(image_->used(table, row) && shift <= Image::kShiftMax);
  image_->hash_ -= row_hash(table, row);
  Image::Page& page = writable(table, row);
  const size_t dim = image_->tables_[table].dim;
  page.shifts[row % Image::kPageRows] = shift;
  std::copy_n(codes, dim, page.codes.begin() + static_cast<ptrdiff_t>(row % Image::kPageRows * dim));
  image_->hash_ += row_hash(table, row);
}

std::shared_ptr<const Image> ImageEdit::take() {
  return std::move(image_);
}

bool quantize_row(std::span<const float> weights, float step, uint8_t& shift, int8_t* codes) {
  float most = 0;
  for (const float w : weights) {
    if (!std::isfinite(w)) return false;
    most = std::max(most, std::fabs(w));
  }
  uint8_t need = 0;
  while (need < Image::kShiftMax && most > 127.49f * std::ldexp(step, need)) ++need;
  if (most > 127.49f * std::ldexp(step, need)) return false;
  if (need > shift || (need < shift && most < 60.0f * std::ldexp(step, shift - 1))) shift = need;
  const float scale = 1 / std::ldexp(step, shift);
  for (size_t d = 0; d < weights.size(); ++d)
    codes[d] = static_cast<int8_t>(std::clamp(std::round(weights[d] * scale), -127.0f, 127.0f));
  return true;
}

int rescale_code(int code, uint8_t from, uint8_t to) {
  if (to <= from) return std::clamp(code * (1 << std::min(from - to, 8)), -127, 127);
  const int by = std::min(to - from, 16);
  const int half = (std::abs(code) + (1 << (by - 1))) >> by;
  return code < 0 ? -half : half;
}

void save_image(const Image& image, Writer& out) {
  out.varint(image.tables().size());
  for (const ImageTable& table : image.tables()) {
    out.str(table.name);
    out.varint(table.dim);
    out.f32(table.step);
  }
  for (size_t table = 0; table < image.tables().size(); ++table) {
    out.varint(image.rows(table));
    uint32_t next = 0;
    for (uint32_t row = 0; row < image.rows_end(table); ++row) {
      if (!image.used(table, row)) continue;
      out.varint(row - next);
      next = row + 1;
      out.u64(image.key(table, row));
      out.u8(image.shift(table, row));
      out.array(image.codes(table, row), image.tables()[table].dim);
    }
  }
}

Result<std::shared_ptr<const Image>> load_image(Reader& in) {
  const uint64_t size = in.remaining();
  std::vector<ImageTable> tables(std::min<uint64_t>(in.varint(), Image::kTablesMax + 1));
  for (ImageTable& table : tables) {
    table.name = in.str();
    table.dim = static_cast<uint32_t>(std::min<uint64_t>(in.varint(), UINT32_MAX));
    table.step = in.f32();
  }
  if (!in.ok()) return corrupt("parameters: the list of tables ends early");
  TRY(std::shared_ptr<const Image> empty, Image::make(tables));
  ImageEdit edit(empty);
  std::vector<int8_t> codes;
  uint64_t room = kRoomFirst + kRoomTimes * size;
  for (size_t table = 0; table < tables.size(); ++table) {
    const auto wrong = [&](uint64_t row, const char* what) {
      return corrupt("parameters: table " + tables[table].name + ": row " + std::to_string(row) + what);
    };
    codes.resize(tables[table].dim);
    uint64_t next = 0;
    for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      const uint64_t row = next + std::min<uint64_t>(in.varint(), Image::kRowsMax);
      const uint64_t key = in.u64();
      const uint8_t shift = in.u8();
      if (!in.array(codes.data(), codes.size())) break;
      const uint64_t asked = (row + 1 - next) * (codes.size() + 9);
      if (row >= Image::kRowsMax || asked > room || shift > Image::kShiftMax)
        return wrong(row, " or its shift is out of range");
      room -= asked;
      next = row + 1;
      if (!edit.add(table, static_cast<uint32_t>(row), key)) return wrong(row, " has the key of another");
      edit.set(table, static_cast<uint32_t>(row), shift, codes.data());
    }
  }
  if (!in.ok()) return corrupt("parameters: rows end early");
  return edit.take();
}

}  // namespace freshet
