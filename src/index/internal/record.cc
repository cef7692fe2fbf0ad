#include "index/internal/record.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/result.h"
#include "index/internal/length.h"

namespace freshet::index {

static_assert(sizeof(Record) == 16 && sizeof(Record::Field) == 8);

uint32_t Record::find(uint32_t term) const {
  const auto all = terms();
  if (all.size() <= 32) {
    for (uint32_t i = 0; i < all.size(); ++i)
      if (all[i] >= term) return all[i] == term ? i : term_count;
    return term_count;
  }
  const auto found = std::lower_bound(all.begin(), all.end(), term);
  return found != all.end() && *found == term ? static_cast<uint32_t>(found - all.begin()) : term_count;
}

namespace {

void put_varint(std::vector<uint8_t>& out, uint32_t value) {
  for (; value >= 128; value >>= 7) out.push_back(static_cast<uint8_t>(value | 128));
  out.push_back(static_cast<uint8_t>(value));
}

void sort_tokens(std::vector<NumberedToken>& tokens) {
  if (tokens.size() > 24) {
    std::sort(tokens.begin(), tokens.end());
  } else {  // The usual product name: insertion is faster.
    for (size_t i = 1; i < tokens.size(); ++i) {
      const NumberedToken token = tokens[i];
      size_t j = i;
      for (; j > 0 && token < tokens[j - 1]; --j) tokens[j] = tokens[j - 1];
      tokens[j] = token;
    }
  }
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
}

}  // namespace

const Record* RecordMaker::make(std::vector<NumberedToken>& tokens, std::span<const uint32_t> lengths,
                                uint32_t version) {
  sort_tokens(tokens);
  terms_.clear();
  at_.clear();
  stream_.clear();
  size_t last_flag = 0;  // Where the current term's latest field byte stands.
  for (size_t i = 0; i < tokens.size();) {
    const auto [term, field, first] = tokens[i];
    size_t end = i + 1;
    while (end < tokens.size() && tokens[end].term == term && tokens[end].field == field) ++end;
    if (terms_.empty() || terms_.back() != term) {
      if (!terms_.empty()) stream_[last_flag] |= 128;
      terms_.push_back(term);
      at_.push_back(static_cast<uint32_t>(stream_.size()));
    }
    last_flag = stream_.size();
    stream_.push_back(static_cast<uint8_t>(field));
    put_varint(stream_, static_cast<uint32_t>(end - i));
    for (uint32_t before = 0; i < end; before = tokens[i++].position)
      put_varint(stream_, tokens[i].position - before);
  }
  if (!terms_.empty()) stream_[last_flag] |= 128;

  std::array<Record::Field, 16> fields;
  uint32_t field_count = 0;
  for (uint32_t f = 0; f < lengths.size() && field_count < fields.size(); ++f)
    if (lengths[f] > 0)
      fields[field_count++] = {static_cast<uint8_t>(f), encode_length(lengths[f]), lengths[f]};

  const auto n = static_cast<uint32_t>(terms_.size());
  const size_t bytes = sizeof(Record) + 8 * size_t{n} + sizeof(Record::Field) * field_count + stream_.size();
  auto* record = static_cast<Record*>(std::malloc(bytes));
  CHECK(record != nullptr);
  *record = {version, static_cast<uint32_t>(bytes), n, field_count};
  auto* to = reinterpret_cast<uint8_t*>(record + 1);
  const auto put = [&to](const void* from, size_t size) {
    if (size > 0) std::memcpy(to, from, size);
    to += size;
  };
  put(terms_.data(), 4 * size_t{n});
  put(at_.data(), 4 * size_t{n});
  put(fields.data(), sizeof(Record::Field) * field_count);
  put(stream_.data(), stream_.size());
  return record;
}

}  // namespace freshet::index
