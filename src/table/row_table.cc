#include "table/row_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "table/row_step.h"

namespace freshet {
namespace {

constexpr size_t kBlock = 32;      // Rows of a batch whose records are read or stepped together.
constexpr size_t kAhead = 16;      // Keys between one stage of a batch and the next.
constexpr size_t kEvictAmong = 8;  // Records under the hand.
constexpr uint64_t kSightsASweep = 4;
constexpr uint32_t kPieceShift = 16;  // Rows a piece: records of a multiple of 32 bytes fill large pages.

size_t padded(size_t bytes) {
  return bytes <= 64 ? (bytes + 15) / 16 * 16 : (bytes + 31) / 32 * 32;
}

uint32_t shift_for(size_t rows) {
  return std::min<uint32_t>(kPieceShift, static_cast<uint32_t>(std::bit_width(rows / 16)));
}

size_t bytes_of(RowType type) {
  return type == RowType::kF32 ? sizeof(float) : sizeof(uint16_t);
}

}  // namespace

RowTable::RowTable(const RowTableConfig& config)
    : config_(config),
      weights_at_(kHeader + optimizer_state(config.optimizer.kind, config.dim) * sizeof(float)),
      stride_(padded(weights_at_ + config.dim * bytes_of(config.type))),
      rows_max_(std::min<size_t>(config.bytes_max / (stride_ + 8), kNone - 1)),
      records_(stride_, shift_for(rows_max_)),
      index_(1),
      candidates_(config.admit > 1 ? config.candidates : 0),
      scratch_(config.dim) {
  CHECK(config.dim > 0 && config.bytes_max >= (size_t{1} << 20) && config.half_life > 0);
  size_t low = 0;
  while (low + 1 < rows_max_) {  // The most rows whose memory, at worst, is within the bound.
    const size_t middle = low + (rows_max_ - low) / 2;
    (bytes_for(middle) <= config.bytes_max ? low : rows_max_) = middle;
  }
  rows_max_ = low;
  CHECK(rows_max_ >= kEvictAmong);  // bytes_max is too small for these rows and candidates.
  index_ = RowIndex(rows_max_);
}

size_t RowTable::bytes_for(size_t rows) const {
  return records_.bytes_for(rows) + RowIndex::bytes_for(rows) + candidates_.bytes();
}

float RowTable::value_of(const Record& r) const {
  if (idle(r)) return 0;
  if (r.last >= boundary_) return r.value;  // The usual case: no division.
  const uint32_t halvings = now_ / config_.half_life - r.last / config_.half_life;
  return halvings > 126 ? 0 : r.value * std::bit_cast<float>((127 - halvings) << 23);
}

uint32_t RowTable::stored(uint64_t key, uint64_t hash) const {
  return index_.find(hash, [&](uint32_t row) { return record(row)->key == key; });
}

uint32_t RowTable::find(uint64_t key) const {
  const uint32_t row = stored(key, hash(key));
  return row != kNone && idle(*record(row)) ? kNone : row;
}

// Visits each key in order, with its hash and the row that is most likely its own (or kNone), when all that
// has to be read for it is on its way: the line of the index three stages before, a spare of it two, every
// record of the tag two or one.
template <class Begin, class Visit>
void RowTable::in_stages(std::span<const uint64_t> keys, Begin begin, Visit visit) const {
  constexpr size_t kRing = 4 * kAhead;
  uint64_t hashes[kRing];
  const void* lines[kRing];
  uint32_t guesses[kRing];
  const auto soon = [this](uint32_t row) __attribute__((always_inline)) {
    prefetch_record(row);
  };
  for (size_t i = 0; i < keys.size() + 3 * kAhead; ++i) {
    if (i < keys.size()) {
      const uint64_t h = hashes[i % kRing] = hash(keys[i]);
      lines[i % kRing] = index_.prefetch(h);
      begin(h);
    }
    if (const size_t at = i - kAhead; at < keys.size())  // Below 0: beyond the end.
      guesses[at % kRing] = index_.guess(lines[at % kRing], hashes[at % kRing], soon);
    if (const size_t at = i - 2 * kAhead; at < keys.size() && guesses[at % kRing] == RowIndex::kInSpares)
      guesses[at % kRing] = index_.guess_in_spares(hashes[at % kRing], soon);
    if (const size_t at = i - 3 * kAhead; at < keys.size())
      visit(at, hashes[at % kRing], guesses[at % kRing]);
  }
}

void RowTable::find(std::span<const uint64_t> keys, std::span<uint32_t> rows) const {
  in_stages(
      keys, [](uint64_t) {},
      [&](size_t i, uint64_t hash, uint32_t guess) {
        const bool right = guess != kNone && record(guess)->key == keys[i];
        const uint32_t row = right || guess == kNone ? guess : stored(keys[i], hash);
        rows[i] = row != kNone && idle(*record(row)) ? kNone : row;
      });
}

uint32_t RowTable::sight(uint64_t key) {
  return sight_known(key, hash(key), kNone);
}

void RowTable::sight(std::span<const uint64_t> keys, std::span<uint32_t> rows) {
  const uint64_t gone = evicted_;
  const bool plain = config_.idle_max == 0;  // No row expires, no hand sweeps.
  if (config_.cold != nullptr && config_.cold->rows() > 0) fetch(keys);
  in_stages(
      keys, [this](uint64_t h) { candidates_.prefetch(h); },
      [&](size_t i, uint64_t h, uint32_t guess) {
        if (guess != kNone && plain) {  // The usual case, in line: known, and nothing is due.
          Record& r = *record(guess);
          if (r.key == keys[i] && r.last >= boundary_ && r.value >= 0) {
            ++sights_;
            r.value += 1;
            r.last = now_;
            rows[i] = guess;
            return;
          }
        }
        rows[i] = sight_known(keys[i], h, guess);
      });
  if (evicted_ == gone) return;
  for (size_t i = 0; i < keys.size(); ++i)
    if (rows[i] != kNone && (record(rows[i])->key != keys[i] || record(rows[i])->value < 0)) rows[i] = kNone;
}

// `guess`: a row that may be the key's, or kNone.
uint32_t RowTable::sight_known(uint64_t key, uint64_t hash, uint32_t guess) {
  if (++sights_ % kSightsASweep == 0 && config_.idle_max > 0 && made_ > 0) sweep();
  const bool right = guess != kNone && record(guess)->key == key && record(guess)->value >= 0;
  uint32_t row = right ? guess : stored(key, hash);
  if (row != kNone && idle(*record(row))) {
    drop(row);
    ++expired_;
    row = kNone;
  }
  if (row == kNone) {
    const bool was_cold = from_disk(key);
    if (config_.admit > 1 && !was_cold) {
      if (candidates_.sight(key, hash) < config_.admit) return kNone;
      candidates_.forget(key, hash);
    }
    row = make(key, hash, was_cold);
  }
  Record& r = *record(row);
  r.value = value_of(r) + 1;
  r.last = now_;
  return row;
}

// `was_cold`: its record is in cold_record_.
uint32_t RowTable::make(uint64_t key, uint64_t hash, bool was_cold) {
  if (free_ == kNone && made_ == rows_max_) evict();
  uint32_t row = free_;
  if (row != kNone) {
    free_ = static_cast<uint32_t>(record(row)->key);
  } else {
    row = static_cast<uint32_t>(made_);
    records_.grow_to(++made_);
    index_.grow(
        made_, 2, [this](uint32_t r) { return this->hash(record(r)->key); },
        [this](uint32_t r) { __builtin_prefetch(record(r), 0, 3); });
  }
  if (was_cold) {
    std::memcpy(records_.at(row), cold_record_.data(), stride_);
  } else {
    std::memset(records_.at(row), 0, stride_);
    Record& r = *record(row);
    r.key = key;
    r.last = now_;
    Draw draw(mix64(config_.seed, key));
    for (float& w : scratch_) w = static_cast<float>(draw.uniform() * 2 - 1) * config_.init;
    put(row, scratch_.data());
  }
  while (!index_.insert(hash, row)) evict_from_bucket(hash);
  ++live_;
  return row;
}

void RowTable::put(uint32_t row, const float* from) {
  if (config_.type == RowType::kF32)
    std::memcpy(weights(row), from, config_.dim * sizeof(float));
  else
    narrow_bf16(from, reinterpret_cast<uint16_t*>(weights(row)), config_.dim);
}

void RowTable::drop(uint32_t row) {
  Record& r = *record(row);
  index_.erase(hash(r.key), row);
  r.key = free_;
  r.value = -1;
  free_ = row;
  --live_;
}

void RowTable::to_disk(uint32_t row) {
  if (config_.cold != nullptr && !idle(*record(row)))
    config_.cold->put(record(row)->key, {records_.at(row), stride_});
}

// True: the row's record is in cold_record_ and on disk no more. One idle for too long is as good as erased.
bool RowTable::from_disk(uint64_t key) {
  if (config_.cold == nullptr || !config_.cold->take(key, cold_record_) || cold_record_.size() != stride_)
    return false;
  Record r;
  std::memcpy(&r, cold_record_.data(), sizeof r);
  ++(idle(r) ? expired_ : returned_);
  return !idle(r);
}

// Of what has no row, that which is on disk is read at once.
void RowTable::fetch(std::span<const uint64_t> keys) {
  absent_.clear();
  for (size_t i = 0; i < keys.size() + kAhead; ++i) {
    if (i < keys.size()) index_.prefetch(hash(keys[i]));
    if (i < kAhead) continue;
    const uint64_t key = keys[i - kAhead];
    if (stored(key, hash(key)) == kNone) absent_.push_back(key);
  }
  config_.cold->fetch(absent_);
}

bool RowTable::erase(uint64_t key) {
  const uint64_t h = hash(key);
  candidates_.forget(key, h);
  const bool was_cold = config_.cold != nullptr && config_.cold->take(key, cold_record_);
  const uint32_t row = stored(key, h);
  if (row == kNone) return was_cold;
  drop(row);
  return true;
}

// All records are in use.
void RowTable::evict() {
  uint32_t worst = kNone;
  for (size_t i = 0; i < kEvictAmong; ++i) {
    if (++hand_ >= made_) hand_ = 0;
    if (worst == kNone || value_of(*record(hand_)) < value_of(*record(worst))) worst = hand_;
  }
  to_disk(worst);
  drop(worst);
  ++evicted_;
}

// Hashes that collide on purpose: their bucket pays, whatever else there is.
void RowTable::evict_from_bucket(uint64_t hash) {
  uint32_t worst = kNone;
  index_.each_in_bucket(hash, [&](uint32_t row) {
    const float value = value_of(*record(row));
    const float least = worst == kNone ? 0 : value_of(*record(worst));
    if (worst == kNone || value < least || (value == least && record(row)->key < record(worst)->key))
      worst = row;
  });
  to_disk(worst);
  drop(worst);
  ++evicted_;
}

void RowTable::sweep() {
  if (++hand_ >= made_) hand_ = 0;
  const Record& r = *record(hand_);
  __builtin_prefetch(records_.at(hand_ + 2 < made_ ? hand_ + 2 : 0), 0, 3);
  if (r.value < 0 || !idle(r)) return;
  drop(hand_);
  ++expired_;
}

// The next block is on its way while one is read.
void RowTable::gather(std::span<const uint32_t> rows, float* out) const {
  const char* at[2][kBlock];
  for (size_t begin = 0; begin < rows.size() + kBlock; begin += kBlock) {
    const char** const next = at[begin / kBlock % 2];
    for (size_t i = begin; i < std::min(rows.size(), begin + kBlock); ++i) {
      next[i - begin] = rows[i] == kNone ? nullptr : weights(rows[i]);
      if (rows[i] != kNone) prefetch_record(rows[i]);
    }
    if (begin == 0) continue;
    const size_t read = begin - kBlock;
    read_rows(config_.type, at[read / kBlock % 2], std::min(kBlock, rows.size() - read),
              out + read * config_.dim, config_.dim);
  }
}

void RowTable::step(uint32_t row, const float* gradient) {
  Record& r = *record(row);
  const size_t n = config_.dim;
  if (config_.type == RowType::kF32)
    return optimizer_step(config_.optimizer, reinterpret_cast<float*>(weights(row)), gradient, r.state, n);
  auto* w = reinterpret_cast<uint16_t*>(weights(row));
  const uint32_t chance = chance_of(r, gradient);
  widen_bf16(w, scratch_.data(), n);
  optimizer_step(config_.optimizer, scratch_.data(), gradient, r.state, n);
  narrow_bf16_by_chance(scratch_.data(), w, chance, n);
}

void RowTable::update(std::span<const uint32_t> rows, const float* gradients) {
  const bool fast = config_.optimizer.kind == Optimizer::kRowwiseAdagrad && config_.dim % 16 == 0;
  char* at[kBlock];
  for (size_t begin = 0; begin < rows.size(); begin += kBlock) {
    const size_t count = std::min(kBlock, rows.size() - begin);
    const float* g = gradients + begin * config_.dim;
    for (size_t i = 0; i < count; ++i) {
      at[i] = rows[begin + i] == kNone ? nullptr : records_.at(rows[begin + i]);
      if (at[i] != nullptr) prefetch_record(rows[begin + i]);
    }
    if (fast) {
      rowwise_steps(config_.optimizer, config_.type, at, count, weights_at_, g, config_.dim);
      continue;
    }
    for (size_t i = 0; i < count; ++i)
      if (at[i] != nullptr) step(rows[begin + i], g + i * config_.dim);
  }
}

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
