// Saving and loading of row_table.h; docs/formats/table.md has the format.
#include <cmath>
#include <cstring>

#include "table/row_table.h"

namespace freshet {

void RowTable::save(Writer& out) const {
  out.varint(config_.dim);
  out.u8(static_cast<uint8_t>(config_.type));
  out.varint(stride_);
  for (const uint64_t each : {sights_, evicted_, expired_}) out.u64(each);
  for (const uint32_t each : {now_, hand_, free_}) out.u32(each);
  out.varint(made_);
  for (uint32_t row = 0; row < made_; ++row)
    out.array(records_.at(row), record(row)->value < 0 ? kHeader : stride_);
  candidates_.save(out);
  if (config_.cold == nullptr) return;
  out.u64(returned_);
  out.varint(config_.cold->rows());
  (void)config_.cold->each(
      [&](uint64_t, std::string_view record) { out.array(record.data(), record.size()); });
}

void RowTable::clear() {
  const RowTableConfig config = config_;
  if (config.cold != nullptr) config.cold->clear();
  *this = RowTable(config);
}

bool RowTable::load_cold(Reader& in) {
  returned_ = in.u64();
  uint64_t last = 0;
  std::string bytes(stride_, '\0');
  const uint64_t count = in.varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    in.array(bytes.data(), stride_);
    Record r;
    std::memcpy(&r, bytes.data(), sizeof r);
    const bool sound = in.ok() && (i == 0 || r.key > last) && std::isfinite(r.value) && r.value >= 0 &&
                       r.last <= now_ && stored(r.key, hash(r.key)) == kNone;
    if (!sound) return false;
    last = r.key;
    config_.cold->put(r.key, bytes);
  }
  return in.ok();
}

void RowTable::load(Reader& in) {
  clear();
  const bool same =
      in.varint() == config_.dim && in.u8() == static_cast<uint8_t>(config_.type) && in.varint() == stride_;
  if (!same) return in.fail();
  for (uint64_t* each : {&sights_, &evicted_, &expired_}) *each = in.u64();
  for (uint32_t* each : {&now_, &hand_, &free_}) *each = in.u32();
  boundary_ = now_ - now_ % config_.half_life;
  const uint64_t made = in.varint();
  bool sound = made <= rows_max_ && made <= in.remaining() / kHeader && (hand_ < made || hand_ == 0);
  if (!sound) return clear(), in.fail();
  const auto hash_of = [this](uint32_t r) { return hash(record(r)->key); };
  records_.grow_to(made);
  index_.grow(made, SIZE_MAX, hash_of, [](uint32_t) {});
  size_t free = 0;
  for (; made_ < made && sound; ++made_) {
    const auto row = static_cast<uint32_t>(made_);
    in.array(records_.at(row), kHeader);
    const Record& r = *record(row);
    if (r.value < 0) {
      sound = in.ok() && (r.key < made || r.key == kNone);
      ++free;
      continue;
    }
    in.array(records_.at(row) + kHeader, stride_ - kHeader);
    sound = in.ok() && std::isfinite(r.value) && r.last <= now_ && stored(r.key, hash(r.key)) == kNone &&
            index_.insert(hash(r.key), row);
    ++live_;
  }
  uint32_t at = free_;
  for (; sound && free > 0; --free) {
    sound = at < made && record(at)->value < 0;
    if (sound) at = static_cast<uint32_t>(record(at)->key);
  }
  candidates_.load(in);
  if (config_.cold != nullptr) sound = load_cold(in) && sound;
  if (!sound || at != kNone || !in.ok()) {
    clear();
    in.fail();
  }
}

}  // namespace freshet
