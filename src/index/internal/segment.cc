#include "index/internal/segment.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/hash.h"
#include "base/result.h"
#include "index/internal/length.h"

namespace freshet::index {
namespace {

constexpr uint32_t kCodes = 255;
constexpr uint32_t kAlone = 110;  // Classes with a code of their own when there are too many.

float weight_of(const CompiledPlan& plan, const ClassPart* from, const ClassPart* to) {
  float w = 0;
  for (; from != to; ++from) w += static_cast<float>(from->tf) * plan.per_tf[from->field][from->length];
  return w;
}

}  // namespace

size_t Segment::posting_bytes() const {
  return 4 * table.capacity() + sizeof(List) * lists.capacity() + sizeof(Chunk) * chunks.capacity() +
         2 * lows.capacity() + codes.capacity() + best.capacity() + 4 * class_begin.capacity() +
         sizeof(ClassPart) * class_parts.capacity() + 4 * code_weight.capacity();
}

Segment* SegmentBuilder::build(std::span<const SegmentItem> items, uint32_t terms, const CompiledPlan& plan,
                               const Scoring& scoring, const Statistics& statistics) {
  auto* out = new Segment;
  out->scoring = scoring;
  out->mean_length = statistics.mean_length;
  collect(items, terms, *out);
  rank_classes(plan, *out);
  scatter(*out);
  for (const Segment::List& list : out->lists) list_of_[list.term] = 0;
  if (items.size() > 100'000) *this = {};  // A large workspace is not kept.
  return out;
}

void SegmentBuilder::collect(std::span<const SegmentItem> items, uint32_t terms, Segment& out) {
  list_of_.resize(std::max<size_t>(list_of_.size(), terms));
  counts_.clear();
  stream_.clear();
  item_end_.clear();
  parts_.clear();
  class_begin_.assign(1, 0);
  class_table_.assign(1024, 0);
  class_count_.clear();
  out.slots.reserve(items.size());
  out.versions.reserve(items.size());
  std::array<ClassPart, kSearchFields> parts;
  for (const SegmentItem& item : items) {
    const Record& record = *item.record;
    out.slots.push_back(item.slot);
    out.versions.push_back(record.version);
    for (uint32_t i = 0; i < record.term_count; ++i) {
      uint32_t& list = list_of_[record.terms()[i]];
      if (list == 0) {
        out.lists.push_back({record.terms()[i], 0, 0});
        counts_.push_back(0);
        list = static_cast<uint32_t>(out.lists.size());
      }
      ++counts_[list - 1];
      uint32_t count = 0;
      for (EntryReader in(record.entry(i)); in.next(); in.skip_positions())
        parts[count++] = {static_cast<uint8_t>(in.field), static_cast<uint8_t>(std::min(in.tf, 255u)),
                          record.length_code(in.field), static_cast<uint8_t>(in.begins() ? 1 : 0)};
      stream_.emplace_back(list - 1, class_of(parts.data(), count));
    }
    item_end_.push_back(static_cast<uint32_t>(stream_.size()));
  }
}

uint32_t SegmentBuilder::class_of(const ClassPart* parts, uint32_t count) {
  uint64_t hash = count;
  for (uint32_t i = 0; i < count; ++i)
    hash = mix64(hash, (uint64_t{parts[i].begins} << 24) | (uint64_t{parts[i].field} << 16) |
                           (parts[i].tf << 8) | parts[i].length);
  for (size_t at = hash & (class_table_.size() - 1);; at = (at + 1) & (class_table_.size() - 1)) {
    const uint32_t found = class_table_[at];
    if (found == 0) {
      const auto number = static_cast<uint32_t>(class_count_.size());
      class_table_[at] = number + 1;
      parts_.insert(parts_.end(), parts, parts + count);
      class_begin_.push_back(static_cast<uint32_t>(parts_.size()));
      class_count_.push_back(1);
      if (2 * class_count_.size() > class_table_.size()) grow_classes();
      return number;
    }
    const uint32_t begin = class_begin_[found - 1];
    if (class_begin_[found] - begin == count && std::equal(parts, parts + count, parts_.data() + begin)) {
      ++class_count_[found - 1];
      return found - 1;
    }
  }
}

void SegmentBuilder::grow_classes() {
  class_table_.assign(4 * class_table_.size(), 0);
  for (uint32_t c = 0; c < class_count_.size(); ++c) {
    uint64_t hash = class_begin_[c + 1] - class_begin_[c];
    for (uint32_t i = class_begin_[c]; i < class_begin_[c + 1]; ++i)
      hash = mix64(hash, (uint64_t{parts_[i].begins} << 24) | (uint64_t{parts_[i].field} << 16) |
                             (parts_[i].tf << 8) | parts_[i].length);
    size_t at = hash & (class_table_.size() - 1);
    while (class_table_[at] != 0) at = (at + 1) & (class_table_.size() - 1);
    class_table_[at] = c + 1;
  }
}

void SegmentBuilder::rank_classes(const CompiledPlan& plan, Segment& out) {
  const auto n = static_cast<uint32_t>(class_count_.size());
  std::vector<float> weight(n);
  for (uint32_t c = 0; c < n; ++c)
    weight[c] = weight_of(plan, parts_.data() + class_begin_[c], parts_.data() + class_begin_[c + 1]);
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return weight[a] != weight[b] ? weight[a] > weight[b] : a < b; });
  class_code_.assign(n, 0);
  out.exact = n <= kCodes;
  // The most frequent have a code alone; between two of them the others share one, or more, in steps of equal
  // ratio, as long as there are codes.
  std::vector<bool> alone(n, out.exact);
  if (!out.exact) {
    std::vector<uint32_t> frequent = order;
    std::nth_element(frequent.begin(), frequent.begin() + kAlone, frequent.end(),
                     [&](uint32_t a, uint32_t b) {
                       return class_count_[a] != class_count_[b] ? class_count_[a] > class_count_[b] : a < b;
                     });
    for (uint32_t i = 0; i < kAlone; ++i) alone[frequent[i]] = true;
  }
  const float most = n > 0 ? weight[order.front()] : 0;
  float least = most;
  for (const uint32_t c : order)
    if (weight[c] > 0) least = weight[c];
  uint32_t spare = kCodes - 2 * kAlone - 1;  // Codes for steps.
  const float ratio = most > 0 ? std::pow(least / most, 1.0f / static_cast<float>(spare)) : 1;
  bool open = false;  // The last code is shared.
  out.class_begin.assign(1, 0);
  for (const uint32_t c : order) {
    const bool step = open && spare > 0 && weight[c] < ratio * out.code_weight.back();
    if (alone[c] || !open || step) {
      if (step && !alone[c]) --spare;
      add_code(c, weight[c], alone[c], out);
      open = !alone[c];
    }
    add_to_code(c, out);
  }
}

void SegmentBuilder::add_code(uint32_t cls, float weight, bool alone, Segment& out) {
  out.code_weight.push_back(weight);
  out.code_share.push_back(0);
  out.code_fields_some.push_back(0);
  out.code_fields_every.push_back(0xffff);
  out.code_begins.push_back(0);
  out.code_lengths.push_back(0);
  if (alone)
    out.class_parts.insert(out.class_parts.end(), parts_.begin() + class_begin_[cls],
                           parts_.begin() + class_begin_[cls + 1]);
  out.class_begin.push_back(static_cast<uint32_t>(out.class_parts.size()));
}

void SegmentBuilder::add_to_code(uint32_t cls, Segment& out) {
  class_code_[cls] = static_cast<uint8_t>(out.code_count() - 1);
  uint16_t fields = 0;
  for (uint32_t i = class_begin_[cls]; i < class_begin_[cls + 1]; ++i) {
    fields |= static_cast<uint16_t>(1u << parts_[i].field);
    out.code_begins.back() |= parts_[i].begins;
    out.code_lengths.back() |= uint64_t{1} << std::min(decode_length(parts_[i].length), 63u);
  }
  out.code_fields_some.back() |= fields;
  out.code_fields_every.back() &= fields;
  out.code_share.back() += static_cast<float>(class_count_[cls]) / static_cast<float>(stream_.size());
}

void SegmentBuilder::scatter(Segment& out) {
  std::vector<uint32_t> at(counts_.size() + 1);
  std::partial_sum(counts_.begin(), counts_.end(), at.begin() + 1);
  postings_.resize(stream_.size());
  std::vector<uint32_t> next(at.begin(), at.end() - 1);
  uint32_t from = 0;
  for (uint32_t item = 0; item < item_end_.size(); ++item)
    for (; from < item_end_[item]; ++from)
      postings_[next[stream_[from].first]++] = {item, stream_[from].second};

  out.lows.reserve(stream_.size());
  out.codes.reserve(stream_.size() + 64);
  for (uint32_t list = 0; list < out.lists.size(); ++list) {
    out.lists[list].begin = static_cast<uint32_t>(out.chunks.size());
    write_list({postings_.data() + at[list], counts_[list]}, out);
    out.lists[list].end = static_cast<uint32_t>(out.chunks.size());
  }
  out.codes.insert(out.codes.end(), 64, 0xff);  // A scan reads 64 codes at a time.
  out.codes.shrink_to_fit();
  out.chunks.shrink_to_fit();
  out.lists.shrink_to_fit();
  out.best.shrink_to_fit();
  out.probes.shrink_to_fit();
  out.table.assign(std::bit_ceil(2 * out.lists.size() + 2), 0);
  const uint32_t mask = static_cast<uint32_t>(out.table.size()) - 1;
  for (uint32_t list = 0; list < out.lists.size(); ++list) {
    uint32_t place = out.lists[list].term * 0x9e3779b1u >> 5 & mask;
    while (out.table[place] != 0) place = (place + 1) & mask;
    out.table[place] = list + 1;
  }
}

void SegmentBuilder::write_list(std::span<const Posting> postings, Segment& out) {
  for (size_t i = 0; i < postings.size();) {
    Chunk chunk{postings[i].item / kChunkItems,         0,       static_cast<uint32_t>(out.lows.size()),
                static_cast<uint32_t>(out.best.size()), kAbsent, 0xff};
    for (; i < postings.size() && postings[i].item / kChunkItems == chunk.number; ++i) {
      const uint8_t code = class_code_[postings[i].cls];
      if (chunk.size % kBlock == 0) out.best.push_back(0xff);
      out.lows.push_back(static_cast<uint16_t>(postings[i].item % kChunkItems));
      out.codes.push_back(code);
      out.best.back() = std::min(out.best.back(), code);
      chunk.best_code = std::min(chunk.best_code, code);
      ++chunk.size;
    }
    if (chunk.size >= kProbeMin) add_probe(chunk, out);
    out.chunks.push_back(chunk);
  }
}

void SegmentBuilder::add_probe(Chunk& chunk, Segment& out) {
  chunk.probe = static_cast<uint32_t>(out.probes.size());
  Segment::Probe& probe = out.probes.emplace_back();
  probe.bits.fill(0);
  for (uint32_t i = 0; i < chunk.size; ++i) {
    const uint16_t low = out.lows[chunk.begin + i];
    probe.bits[low / 64] |= uint64_t{1} << (low % 64);
  }
  uint32_t rank = 0;
  for (uint32_t w = 0; w < kChunkWords; ++w) {
    probe.rank[w] = static_cast<uint16_t>(rank);
    rank += static_cast<uint32_t>(std::popcount(probe.bits[w]));
  }
}

float inflation(const Segment& segment, const CompiledPlan& plan, const Scoring& scoring,
                const Statistics& statistics) {
  float most = 0;
  for (uint32_t f = 0; f < kSearchFields; ++f) {
    if ((plan.searched >> f & 1) == 0) continue;
    if (!(segment.scoring.weight[f] > 0) || !(segment.mean_length[f] > 0)) return INFINITY;
    // The ratio of the length norms is monotone in the length: its ends are the shortest and the longest
    // field.
    const float b0 = segment.scoring.b[f], b1 = scoring.b[f];
    const float m0 = segment.mean_length[f], m1 = statistics.mean_length[f];
    const float longest = static_cast<float>(decode_length(255));
    const float at_one = (1 - b0 + b0 / m0) / (1 - b1 + b1 / m1);
    const float at_most = (1 - b0 + b0 * longest / m0) / (1 - b1 + b1 * longest / m1);
    most = std::max(most, scoring.weight[f] / segment.scoring.weight[f] * std::max(at_one, at_most));
  }
  return most * 1.0001f;  // Float rounding on both sides.
}

}  // namespace freshet::index
