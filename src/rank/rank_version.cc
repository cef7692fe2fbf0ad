#include "rank/rank_version.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/hash.h"
#include "rank/gauss_weights.h"
#include "settings/settings.h"

namespace freshet {
namespace {

constexpr size_t kWordBytes = 8;
// Of all parts: of the largest ranker (rank/ranker.h), weights and vectors of 2^24 cells each, and a little.
constexpr size_t kWordsMax = (size_t{2} << 24) + (size_t{1} << 20);
constexpr size_t kPartsMax = 16;

std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char c : bytes) {
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

bool from_hex(std::string_view text, std::string& out) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (text.size() % 2 != 0) return false;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high * 16 + low);
  }
  return true;
}

// "hash number count": of the whole, of the chunk, of all.
std::string chunk_name(uint64_t hash, uint64_t number, uint64_t count) {
  return std::to_string(hash) + " " + std::to_string(number) + " " + std::to_string(count);
}

bool read_chunk_name(std::string_view text, uint64_t (&out)[3]) {
  for (size_t i = 0; i < 3; ++i) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out[i]);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (i < 2 && (text.empty() || text[0] != ' ')) return false;
    if (i < 2) text.remove_prefix(1);
  }
  return text.empty();
}

// No shape is expected: no more than any ranker has.
Status check_size(std::span<const PartShape> given, std::span<const PartShape> expected) {
  if (!expected.empty()) return check_shape(given, expected);
  size_t left = kWordsMax;
  if (given.size() > kPartsMax) return invalid("model: more parts than there are");
  for (const PartShape& part : given) {
    if (part.words > left) return invalid("model: more words than any ranker has");
    left -= part.words;
  }
  return {};
}

// A table's name is that of its part and how many words it has: "weights:1048576".
Result<PartShape> shape_of(const ImageTable& table) {
  PartShape out;
  const size_t colon = table.name.rfind(':');
  const char* const end = table.name.data() + table.name.size();
  if (colon == std::string::npos || table.dim != kWordBytes ||
      std::from_chars(table.name.data() + colon + 1, end, out.words).ec != std::errc())
    return invalid("model: table \"" + table.name.substr(0, 80) + "\" is none of the ranker's");
  out.name = std::string_view(table.name).substr(0, colon);
  return out;
}

}  // namespace

Status check_shape(std::span<const PartShape> given, std::span<const PartShape> expected) {
  if (given.size() != expected.size()) return invalid("model: its parts are others than the ranker has");
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i].name != expected[i].name)
      return invalid("model: expected part \"" + std::string(expected[i].name) + "\", got \"" +
                     std::string(given[i].name.substr(0, 80)) + "\"");
    if (given[i].words != expected[i].words)
      return invalid("model: part \"" + std::string(given[i].name) + "\" has " +
                     std::to_string(given[i].words) + " words, expected " +
                     std::to_string(expected[i].words));
  }
  return {};
}

Result<std::string> version_frame(const RankVersion& version) {
  std::vector<ImageTable> tables;
  for (const VersionPart& part : version.parts)
    tables.push_back(
        {.name = part.name + ":" + std::to_string(part.words.size()), .dim = kWordBytes, .step = 1});
  TRY(const std::shared_ptr<const Image> empty, Image::make(std::move(tables)));
  ImageEdit edit(empty);
  for (size_t table = 0; table < version.parts.size(); ++table) {
    uint32_t row = 0;
    const std::vector<uint64_t>& words = version.parts[table].words;
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i] == 0) continue;
      int8_t codes[kWordBytes];
      std::memcpy(codes, &words[i], kWordBytes);
      CHECK(edit.add(table, row, i));
      edit.set(table, row++, 0, codes);
    }
  }
  return encode_full({.model = hash_bytes(kRankModel), .base = version.number}, *edit.take());
}

Result<std::vector<VersionPart>> parts_of(std::string_view frame, std::span<const PartShape> shape) {
  TRY(const FrameHeader header, read_header(frame));
  if (header.model != hash_bytes(kRankModel)) return invalid("model: not a version of the server's ranker");
  Reader in(frame.substr(FrameHeader::kBytes, header.payload));
  TRY(const std::shared_ptr<const Image> image, load_image(in));
  if (image->hash() != header.after) return corrupt("parameters: do not make the image their header names");
  std::vector<PartShape> named;
  for (const ImageTable& table : image->tables()) {
    TRY(const PartShape part, shape_of(table));
    named.push_back(part);
  }
  TRY_STATUS(check_size(named, shape));
  std::vector<VersionPart> out;
  for (size_t table = 0; table < image->tables().size(); ++table) {
    const size_t size = named[table].words;
    VersionPart part{std::string(named[table].name), std::vector<uint64_t>(size)};
    for (uint32_t row = 0; row < image->rows_end(table); ++row) {
      if (!image->used(table, row)) continue;
      const uint64_t key = image->key(table, row);
      if (key >= size || image->shift(table, row) != 0)
        return invalid("model: row " + std::to_string(key) + " of \"" + part.name +
                       "\" is outside its table");
      std::memcpy(&part.words[key], image->codes(table, row), kWordBytes);
    }
    out.push_back(std::move(part));
  }
  return out;
}

std::string bundle_of(const std::vector<VersionPart>& parts) {
  Writer out;
  out.varint(parts.size());
  for (const VersionPart& part : parts) {
    out.str(part.name);
    out.varint(part.words.size());
    size_t last = 0;
    for (size_t i = 0; i < part.words.size(); ++i) {
      if (part.words[i] == 0) continue;
      out.varint(i + 1 - last);
      out.u64(part.words[i]);
      last = i + 1;
    }
    out.varint(0);
  }
  return out.take();
}

Result<std::vector<VersionPart>> read_bundle(std::string_view bytes, std::span<const PartShape> shape) {
  Reader in(bytes);
  std::vector<VersionPart> out;
  std::vector<PartShape> named;
  const uint64_t count = in.varint();
  if (count > kPartsMax) return corrupt("model: more parts than there are");
  for (uint64_t n = 0; n < count; ++n) {
    const std::string_view name = in.str();
    const uint64_t size = in.varint();
    if (!in.ok()) return corrupt("model: cut short");
    named.push_back({name, size});
    TRY_STATUS(check_size(named, shape.first(std::min(named.size(), shape.size()))));
    VersionPart part{std::string(name), std::vector<uint64_t>(size)};
    uint64_t at = 0;
    for (uint64_t gap = in.varint(); gap != 0; gap = in.varint()) {
      if (gap > size - at) return corrupt("model: a word outside its part");
      at += gap;
      part.words[at - 1] = in.u64();
    }
    out.push_back(std::move(part));
  }
  if (!in.ok() || !in.done()) return corrupt("model: cut short");
  return out;
}

std::vector<Event> promote_events(const std::string& bundle, std::string_view label, std::string_view by,
                                  size_t chunk_bytes) {
  std::vector<Event> out;
  const uint64_t hash = hash_bytes(bundle), count = (bundle.size() + chunk_bytes - 1) / chunk_bytes;
  for (uint64_t n = 0; n < count; ++n) {
    const std::string_view chunk = std::string_view(bundle).substr(n * chunk_bytes, chunk_bytes);
    out.push_back(settings_event("model-part", to_hex(chunk), by));
    out.back().surface = chunk_name(hash, n, count);
  }
  out.push_back(settings_event("model-promote", std::string(label), by));
  return out;
}

bool BundleParts::add(const Event& event) {
  uint64_t name[3] = {};
  const bool reads = read_chunk_name(event.surface, name);
  if (reads && name[1] == 0) {
    bytes_.clear();
    hash_ = name[0];
    next_ = 0;
    count_ = name[2];
  }
  if (!reads || name[0] != hash_ || name[1] != next_ || name[2] != count_ || next_ >= count_ ||
      bytes_.size() + event.value.size() / 2 > kBundleBytesMax || !from_hex(event.value, bytes_)) {
    *this = {};
    return false;
  }
  ++next_;
  return true;
}

Result<std::string> BundleParts::take() {
  const BundleParts all = std::exchange(*this, {});
  if (all.count_ == 0 || all.next_ != all.count_) return invalid("model: not all of its parts have come");
  if (hash_bytes(all.bytes_) != all.hash_) return corrupt("model: the checksum does not fit");
  return all.bytes_;
}

void BundleParts::save(Writer& out) const {
  out.str(bytes_);
  for (const uint64_t number : {hash_, next_, count_}) out.u64(number);
}

void BundleParts::load(Reader& in) {
  bytes_ = in.str();
  for (uint64_t* number : {&hash_, &next_, &count_}) *number = in.u64();
}

WeightsApart weights_apart(const std::vector<VersionPart>& a, const std::vector<VersionPart>& b) {
  WeightsApart out;
  const auto weights = [](const std::vector<VersionPart>& parts) -> const VersionPart* {
    const auto at =
        std::find_if(parts.begin(), parts.end(), [](const auto& part) { return part.name == "weights"; });
    return at == parts.end() ? nullptr : &*at;
  };
  const VersionPart *of_a = weights(a), *of_b = weights(b);
  if (of_a == nullptr || of_b == nullptr || of_a->words.size() != of_b->words.size()) return out;
  double squares = 0;
  size_t n = 0;
  for (size_t i = 0; i < of_a->words.size(); ++i) {
    const uint64_t one = of_a->words[i], other = of_b->words[i];
    if (one == 0 && other == 0) continue;
    out.changed += one != other ? 1 : 0;
    for (size_t head = 0; head < GaussWeights::kHeads; ++head, ++n) {
      const auto apart = static_cast<double>(
          std::fabs(GaussWeights::weight_of(one, head).mean - GaussWeights::weight_of(other, head).mean));
      out.greatest = std::max(out.greatest, apart);
      squares += apart * apart;
    }
  }
  if (n > 0) out.rms = std::sqrt(squares / static_cast<double>(n));
  return out;
}

}  // namespace freshet
