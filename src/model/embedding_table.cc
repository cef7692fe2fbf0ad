#include "model/embedding_table.h"

#include <algorithm>

#include "base/hash.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr size_t kCandidates = 8;
constexpr size_t kMovesPerTouch = 8;

}  // namespace

EmbeddingTable::EmbeddingTable(const EmbeddingConfig& config)
    : config_(config), stride_(config.dim + optimizer_state(config.optimizer.kind, config.dim)) {
  CHECK(config.dim > 0);
  index_.entries.resize(64);
  if (config.admit > 1) sketch_.resize(1 << 16);
}

EmbeddingTable::Entry* EmbeddingTable::find_in(Index& index, uint64_t key) {
  if (index.entries.empty()) return nullptr;
  const size_t mask = index.entries.size() - 1;
  for (size_t i = mix64(key) & mask;; i = (i + 1) & mask) {
    Entry& entry = index.entries[i];
    if (entry.row == kNone) return nullptr;
    if (entry.key == key) return &entry;
  }
}

void EmbeddingTable::insert_into(Index& index, Entry entry) {
  const size_t mask = index.entries.size() - 1;
  size_t i = mix64(entry.key) & mask;
  while (index.entries[i].row != kNone) i = (i + 1) & mask;
  index.entries[i] = entry;
  ++index.used;
}

// Backward shift: no tombstones.
bool EmbeddingTable::erase_from(Index& index, uint64_t key) {
  Entry* entry = find_in(index, key);
  if (entry == nullptr) return false;
  const size_t mask = index.entries.size() - 1;
  size_t hole = static_cast<size_t>(entry - index.entries.data());
  for (size_t i = (hole + 1) & mask; index.entries[i].row != kNone; i = (i + 1) & mask) {
    const size_t home = mix64(index.entries[i].key) & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    index.entries[hole] = index.entries[i];
    hole = i;
  }
  index.entries[hole] = {};
  --index.used;
  return true;
}

uint32_t EmbeddingTable::find(uint64_t key) const {
  auto* self = const_cast<EmbeddingTable*>(this);  // NOLINT: find_in reads only
  if (const Entry* entry = find_in(self->index_, key)) return entry->row;
  if (const Entry* entry = find_in(self->old_, key)) return entry->row;
  return kNone;
}

void EmbeddingTable::prefetch_key(uint64_t key) const {
  __builtin_prefetch(&index_.entries[mix64(key) & (index_.entries.size() - 1)], 0, 3);
}

// Entries leave old_ from its end backwards, erased one by one: what is not moved yet stays findable.
void EmbeddingTable::grow_a_little() {
  if (old_.entries.empty() && index_.used * 2 >= index_.entries.size()) {
    old_ = std::move(index_);
    index_ = {};
    index_.entries.resize(old_.entries.size() * 2);
    moved_ = 0;
  }
  for (size_t n = 0; n < kMovesPerTouch && !old_.entries.empty(); ++n) {
    if (old_.used == 0 || moved_ >= old_.entries.size()) {
      old_ = {};
      return;
    }
    if (const Entry entry = old_.entries[moved_]; entry.row != kNone) {
      erase_from(old_, entry.key);  // May shift another entry into this place: look at it again.
      insert_into(index_, entry);
    } else {
      ++moved_;
    }
    if (moved_ == old_.entries.size() && old_.used > 0) moved_ = 0;  // One that had wrapped around.
  }
}

bool EmbeddingTable::admitted(uint64_t key) {
  if (config_.admit <= 1) return true;
  const uint64_t h = mix64(key, config_.seed);
  uint16_t& a = sketch_[h & (sketch_.size() - 1)];
  uint16_t& b = sketch_[(h >> 32) & (sketch_.size() - 1)];
  const uint16_t sights = static_cast<uint16_t>(std::min<uint32_t>(std::min(a, b) + 1u, 65535));
  a = std::max(a, sights);
  b = std::max(b, sights);
  return sights >= config_.admit;
}

double EmbeddingTable::value(const Meta& meta) const {
  const double age = static_cast<double>(tick_ - meta.last) / config_.half_life;
  return meta.sights * exp_f32(static_cast<float>(-0.69314718 * std::min(age, 120.0)));
}

uint32_t EmbeddingTable::evict() {
  Draw draw(mix64(config_.seed, tick_));
  uint32_t worst = kNone;
  double least = 0;
  for (size_t i = 0; i < kCandidates; ++i) {
    const auto row = static_cast<uint32_t>(draw.below(meta_.size()));
    const double worth = value(meta_[row]);
    if (worst == kNone || worth < least) {
      worst = row;
      least = worth;
    }
  }
  if (!erase_from(index_, meta_[worst].key)) erase_from(old_, meta_[worst].key);
  --live_;
  ++evicted_;
  return worst;
}

uint32_t EmbeddingTable::new_row(uint64_t key) {
  uint32_t row = static_cast<uint32_t>(meta_.size());
  constexpr size_t kIndexWorst = 6 * sizeof(Entry);  // Of a row, while the index grows.
  const size_t then = (meta_.size() + kChunk) * (stride_ * sizeof(float) + sizeof(Meta) + kIndexWorst);
  const bool chunk_fits = meta_.size() % kChunk != 0 || then + sketch_.size() * 2 <= config_.bytes_max;
  if (chunk_fits || meta_.empty()) {
    if (row % kChunk == 0) chunks_.push_back(std::make_unique<float[]>(kChunk * stride_));
    meta_.emplace_back();
  } else {
    row = evict();
  }
  meta_[row] = {.key = key, .last = tick_, .sights = 0};
  float* w = at(row);
  Draw draw(mix64(config_.seed, key));
  for (size_t i = 0; i < config_.dim; ++i) w[i] = static_cast<float>(draw.uniform() * 2 - 1) * config_.init;
  std::fill(w + config_.dim, w + stride_, 0.0f);
  insert_into(index_, {key, row});
  ++live_;
  return row;
}

uint32_t EmbeddingTable::touch(uint64_t key) {
  ++tick_;
  grow_a_little();
  uint32_t row = find(key);
  if (row == kNone) {
    if (!admitted(key)) return kNone;
    row = new_row(key);
  }
  Meta& meta = meta_[row];
  meta.sights = static_cast<float>(value(meta)) + 1;
  meta.last = tick_;
  return row;
}

void EmbeddingTable::gather(std::span<const uint64_t> keys, float* out) const {
  constexpr size_t kAhead = 16;
  uint32_t rows[kAhead];
  for (size_t begin = 0; begin < keys.size(); begin += kAhead) {
    const size_t count = std::min(kAhead, keys.size() - begin);
    for (size_t i = begin + kAhead; i < std::min(begin + 2 * kAhead, keys.size()); ++i) prefetch_key(keys[i]);
    for (size_t i = 0; i < count; ++i)
      if ((rows[i] = find(keys[begin + i])) != kNone) prefetch_row(rows[i]);
    for (size_t i = 0; i < count; ++i) {
      float* to = out + (begin + i) * config_.dim;
      if (rows[i] == kNone)
        std::fill_n(to, config_.dim, 0.0f);
      else
        std::copy_n(row(rows[i]), config_.dim, to);
    }
  }
}

size_t EmbeddingTable::bytes() const {
  return chunks_.size() * kChunk * stride_ * sizeof(float) + meta_.size() * sizeof(Meta) +
         (index_.entries.size() + old_.entries.size()) * sizeof(Entry) + sketch_.size() * sizeof(uint16_t);
}

void EmbeddingTable::save(Writer& out) const {
  out.varint(config_.dim);
  out.varint(stride_);
  out.u64(tick_);
  out.u64(evicted_);
  out.varint(meta_.size());
  for (uint32_t row = 0; row < meta_.size(); ++row) {
    const Meta& meta = meta_[row];
    out.u64(meta.key);
    out.u64(meta.last);
    out.f32(meta.sights);
    out.array(at(row), stride_);
  }
  out.varint(sketch_.size());
  out.array(sketch_.data(), sketch_.size());
}

void EmbeddingTable::load(Reader& in) {
  *this = EmbeddingTable(config_);
  if (in.varint() != config_.dim || in.varint() != stride_) return in.fail();
  tick_ = in.u64();
  evicted_ = in.u64();
  const uint64_t rows = in.varint();
  if (rows > in.remaining() / (20 + stride_ * 4)) return in.fail();
  while (rows > 0 && index_.entries.size() < 2 * rows + 64) index_.entries.resize(index_.entries.size() * 2);
  for (uint32_t row = 0; row < rows; ++row) {
    if (row % kChunk == 0) chunks_.push_back(std::make_unique<float[]>(kChunk * stride_));
    Meta& meta = meta_.emplace_back();
    meta.key = in.u64();
    meta.last = in.u64();
    meta.sights = in.f32();
    in.array(at(row), stride_);
    if (find(meta.key) != kNone) return in.fail();
    insert_into(index_, {meta.key, row});
    ++live_;
  }
  if (in.varint() != sketch_.size()) return in.fail();
  in.array(sketch_.data(), sketch_.size());
}

}  // namespace freshet
