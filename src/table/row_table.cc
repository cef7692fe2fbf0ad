#include "table/row_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "model/row_step.h"

namespace freshet {
namespace {

constexpr size_t kBlock = 32;      // Rows of a batch whose records are read or stepped together.
constexpr size_t kEvictAmong = 8;  // Records under the hand.
constexpr uint64_t kSightsASweep = 4;
constexpr uint32_t kPieceShift = 16;  // Rows a piece: records of a multiple of 32 bytes fill large pages.

size_t padded(size_t bytes) {
  return bytes <= 64 ? (bytes + 15) / 16 * 16 : (bytes + 31) / 32 * 32;
}

uint32_t shift_for(size_t rows) {
  return std::min<uint32_t>(kPieceShift, static_cast<uint32_t>(std::bit_width(rows / 16)));
}

size_t bytes_of(WeightType type) {
  return type == WeightType::kF32 ? sizeof(float) : sizeof(uint16_t);
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

// The lines of the index.
void RowTable::ask_lines(std::span<const uint64_t> keys, Stage& stage) const {
  stage.count = keys.size();
  for (size_t i = 0; i < keys.size(); ++i) {
    stage.hashes[i] = hash(keys[i]);
    stage.lines[i] = index_.prefetch(stage.hashes[i]);
  }
}

// Every record of the tag; the first is the guess.
void RowTable::ask_records(Stage& stage) const {
  stage.in_spares = false;
  for (size_t i = 0; i < stage.count; ++i) {
    char* first = nullptr;
    const auto soon = [&](uint32_t row) __attribute__((always_inline)) {
      char* const at = prefetch_record(row);
      first = first == nullptr ? at : first;
    };
    stage.guesses[i] = index_.guess(stage.lines[i], stage.hashes[i], soon);
    stage.records[i] = first;
    stage.in_spares |= stage.guesses[i] == RowIndex::kInSpares;
  }
}

void RowTable::ask_in_spares(Stage& stage) const {
  for (size_t i = 0; i < stage.count; ++i) {
    if (stage.guesses[i] != RowIndex::kInSpares) continue;
    const auto soon = [&](uint32_t row) { prefetch_record(row); };
    stage.guesses[i] = index_.guess_in_spares(stage.hashes[i], soon);
    stage.records[i] = stage.guesses[i] == kNone ? nullptr : records_.at(stage.guesses[i]);
  }
}

// Visits keys in order, a stage of them at a time, when all that has to be read for it is on its way: lines
// of the index were asked for three stages before, records of the tag two, those that a spare names one.
// Guesses are the rows most likely the keys' own, or kNone.
template <class Begin, class Visit>
void RowTable::in_stages(std::span<const uint64_t> keys, Begin begin, Visit visit) const {
  Stage ring[4];
  const size_t stages = (keys.size() + kAhead - 1) / kAhead;
  for (size_t n = 0; n < stages + 3; ++n) {
    if (n < stages) {
      ask_lines(keys.subspan(n * kAhead, std::min(kAhead, keys.size() - n * kAhead)), ring[n % 4]);
      begin(ring[n % 4]);
    }
    if (n - 1 < stages) ask_records(ring[(n - 1) % 4]);  // Below 0: beyond the end.
    if (n - 2 < stages && ring[(n - 2) % 4].in_spares) ask_in_spares(ring[(n - 2) % 4]);
    if (n - 3 < stages) visit((n - 3) * kAhead, ring[(n - 3) % 4]);
  }
}

void RowTable::find(std::span<const uint64_t> keys, std::span<uint32_t> rows) const {
  in_stages(
      keys, [](const Stage&) {},
      [&](size_t at, const Stage& stage) {
        for (size_t i = 0; i < stage.count; ++i) {
          const uint64_t key = keys[at + i];
          const uint32_t guess = stage.guesses[i];
          const bool right = guess != kNone && record(guess)->key == key;
          const uint32_t row = right || guess == kNone ? guess : stored(key, stage.hashes[i]);
          rows[at + i] = row != kNone && idle(*record(row)) ? kNone : row;
        }
      });
}

uint32_t RowTable::sight(uint64_t key) {
  return sight_known(key, hash(key), kNone);
}

void RowTable::sight(std::span<const uint64_t> keys, std::span<uint32_t> rows, float* weights) {
  const uint64_t gone = evicted_;
  if (config_.cold != nullptr && config_.cold->rows() > 0) fetch(keys);
  in_stages(
      keys,
      [this](const Stage& stage) {
        for (size_t i = 0; config_.admit > 1 && i < stage.count; ++i) candidates_.prefetch(stage.hashes[i]);
      },
      [&](size_t at, const Stage& stage) {
        char* records[kAhead];
        sight_stage(keys.data() + at, stage, rows.data() + at, records);
        if (weights != nullptr)
          read_rows(config_.type, records, stage.count, weights_at_, weights + at * config_.dim, config_.dim);
      });
  if (evicted_ == gone) return;
  for (size_t i = 0; i < keys.size(); ++i)
    if (rows[i] != kNone && (record(rows[i])->key != keys[i] || record(rows[i])->value < 0)) rows[i] = kNone;
  if (weights != nullptr) gather(rows.first(keys.size()), weights);
}

// records[i]: of rows[i], null when there is none.
void RowTable::sight_stage(const uint64_t* keys, const Stage& stage, uint32_t* rows, char** records) {
  const bool plain = config_.idle_max == 0;  // No row expires, no hand sweeps.
  const uint32_t now = now_;
  const uint32_t boundary = boundary_;
  uint64_t seen = 0;
  for (size_t i = 0; i < stage.count; ++i) {
    auto* const r = reinterpret_cast<Record*>(stage.records[i]);
    // The usual case, in line: known, and nothing is due.
    if (r != nullptr && plain && r->key == keys[i] && r->last >= boundary && r->value >= 0) {
      ++seen;
      r->value += 1;
      r->last = now;
      rows[i] = stage.guesses[i];
      records[i] = stage.records[i];
      continue;
    }
    rows[i] = sight_known(keys[i], stage.hashes[i], stage.guesses[i]);
    records[i] = rows[i] == kNone ? nullptr : records_.at(rows[i]);
  }
  sights_ += seen;  // Not asked for in between: nothing is swept when `plain`.
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
  if (config_.type == WeightType::kF32)
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

void RowTable::restore(std::span<const uint64_t> keys, std::span<uint32_t> rows) {
  constexpr int kTries = 8;
  find(keys, rows);
  if (config_.cold == nullptr || config_.cold->rows() == 0) return;
  if (std::find(rows.begin(), rows.end(), kNone) == rows.end()) return;
  fetch(keys);
  for (int left = kTries; left > 0; --left) {
    const uint64_t gone = evicted_;
    for (size_t i = 0; i < keys.size(); ++i)
      if (rows[i] == kNone && from_disk(keys[i])) rows[i] = make(keys[i], hash(keys[i]), true);
    find(keys, rows);  // One of them may have made room for another.
    if (evicted_ == gone) return;
  }
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

// Visits blocks of rows, null where there is none; the next block is on its way meanwhile.
template <class Visit>
void RowTable::in_blocks(std::span<const uint32_t> rows, Visit visit) const {
  char* at[2][kBlock];
  for (size_t begin = 0; begin < rows.size() + kBlock; begin += kBlock) {
    char** const next = at[begin / kBlock % 2];
    for (size_t i = begin; i < std::min(rows.size(), begin + kBlock); ++i)
      next[i - begin] = rows[i] == kNone ? nullptr : prefetch_record(rows[i]);
    if (begin == 0) continue;
    const size_t now = begin - kBlock;
    visit(now, at[now / kBlock % 2], std::min(kBlock, rows.size() - now));
  }
}

void RowTable::gather(std::span<const uint32_t> rows, float* out) const {
  in_blocks(rows, [&](size_t begin, char* const* at, size_t count) {
    read_rows(config_.type, at, count, weights_at_, out + begin * config_.dim, config_.dim);
  });
}

void RowTable::step(uint32_t row, const float* gradient) {
  Record& r = *record(row);
  const size_t n = config_.dim;
  if (config_.type == WeightType::kF32)
    return optimizer_step(config_.optimizer, reinterpret_cast<float*>(weights(row)), gradient, r.state, n);
  auto* w = reinterpret_cast<uint16_t*>(weights(row));
  const uint32_t chance = chance_of(r, gradient);
  widen_bf16(w, scratch_.data(), n);
  optimizer_step(config_.optimizer, scratch_.data(), gradient, r.state, n);
  narrow_bf16_by_chance(scratch_.data(), w, chance, n);
}

void RowTable::update(std::span<const uint32_t> rows, const float* gradients) {
  const bool fast = config_.optimizer.kind == Optimizer::kRowwiseAdagrad && config_.dim % 16 == 0;
  in_blocks(rows, [&](size_t begin, char* const* at, size_t count) {
    const float* g = gradients + begin * config_.dim;
    if (fast) return rowwise_steps(config_.optimizer, config_.type, at, count, weights_at_, g, config_.dim);
    for (size_t i = 0; i < count; ++i)
      if (at[i] != nullptr) step(rows[begin + i], g + i * config_.dim);
  });
}

}  // namespace freshet
