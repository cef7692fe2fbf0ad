// An immutable part of the index: postings of some items, items numbered by ascending slot.
//
// A posting is where the term stands in one item. What a posting is worth depends on the item only through
// its class: term frequency and length code in each field (and whether the field begins with the term).
// Classes are ranked by worth under the index's own scoring, and a posting's code is the rank of its class,
// the best 0. So a scan of the codes alone finds the postings that can still matter (all others cost a
// sixteenth of an instruction), and the score of a posting is one look into a table of at most 255 numbers
// made for the query. With more than 255 classes the most frequent ones have codes of their own, and the
// others share: such a code gives a bound, and the item's record the score.
//
//   list    a term's postings, cut into chunks of 65,536 item numbers
//   chunk   low[n]   uint16, the lower half of the item number, ascending
//           code[n]  uint8
//           best[ceil(n / 128)]  the least code of each 128 (block maxima: Ding and Suel 2011, "Faster top-k
//           document
//                    retrieval using block-max indexes")
//           probe    for n >= 512: 65,536 bits and a rank every 64, to look one item up in two steps
//
// Cost: 3 bytes a posting, 24 a chunk, 20 a term, 8 an item; probes 10 KB each.
// Threads: immutable.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "index/internal/compiled_plan.h"

namespace freshet::index {

inline constexpr uint32_t kChunkItems = 65536;
inline constexpr uint32_t kChunkWords = kChunkItems / 64;
inline constexpr uint32_t kBlock = 128;
inline constexpr uint32_t kProbeMin = 512;
inline constexpr uint32_t kAbsent = ~0u;

struct Chunk {
  uint32_t number;  // Of the 65,536 items.
  uint32_t size;    // Postings, 1 to 65,536.
  uint32_t begin;   // In lows and codes.
  uint32_t block;   // In best.
  uint32_t probe;   // In probes; kAbsent: none.
  uint8_t best_code;
};

struct ClassPart {
  uint8_t field, tf, length, begins;  // begins: 1 when the field begins with the term
  auto operator<=>(const ClassPart&) const = default;
};

struct Segment {
  struct List {
    uint32_t term, begin, end;  // Chunks.
  };
  struct Probe {
    std::array<uint64_t, kChunkWords> bits;
    std::array<uint16_t, kChunkWords> rank;  // Postings before the word.
  };

  std::vector<uint32_t> slots, versions;  // by item number
  std::vector<uint32_t> table;            // hash of the term -> list + 1, 0: free; a power of two
  std::vector<List> lists;
  std::vector<Chunk> chunks;
  std::vector<uint16_t> lows;
  std::vector<uint8_t> codes, best;
  std::vector<Probe> probes;

  bool exact = true;                  // Every code is one class.
  std::vector<uint32_t> class_begin;  // of a code of one class: parts [class_begin[c], class_begin[c + 1])
  std::vector<ClassPart> class_parts;
  std::vector<float> code_weight;  // w of the code's best class under `scoring` and `mean_length`
  std::vector<float> code_share;   // of all postings
  // By code: may a field begin with the term; bit min(n, 63): may a field with it have n words.
  std::vector<uint8_t> code_begins;
  std::vector<uint64_t> code_lengths;
  // By code: fields of some of its classes, and fields of every one of them.
  std::vector<uint16_t> code_fields_some, code_fields_every;
  Scoring scoring;
  std::array<float, kSearchFields> mean_length{};
  uint64_t removals = 0;  // Of the index, before the items were chosen.

  uint32_t items() const { return static_cast<uint32_t>(slots.size()); }
  uint32_t code_count() const { return static_cast<uint32_t>(code_weight.size()); }
  bool one_class(uint32_t code) const { return class_begin[code] != class_begin[code + 1]; }
  const List* find(uint32_t term) const {
    const uint32_t mask = static_cast<uint32_t>(table.size()) - 1;
    for (uint32_t at = term * 0x9e3779b1u >> 5 & mask;; at = (at + 1) & mask) {
      if (table[at] == 0) return nullptr;
      if (lists[table[at] - 1].term == term) return &lists[table[at] - 1];
    }
  }
  // Index of a posting within its chunk; kAbsent: the item does not have the term.
  uint32_t look_up(const Chunk& chunk, uint32_t low) const {
    if (chunk.probe != kAbsent) {
      const Probe& probe = probes[chunk.probe];
      const uint64_t word = probe.bits[low / 64];
      if ((word >> (low % 64) & 1) == 0) return kAbsent;
      return probe.rank[low / 64] +
             static_cast<uint32_t>(std::popcount(word & ((uint64_t{1} << low % 64) - 1)));
    }
    const uint16_t* from = lows.data() + chunk.begin;
    uint32_t at = 0;
    for (uint32_t n = chunk.size; n > 1;) {
      const uint32_t half = n / 2;
      at = from[at + half] <= low ? at + half : at;
      n -= half;
    }
    return from[at] == low ? at : kAbsent;
  }

  size_t posting_bytes() const;
  size_t probe_bytes() const { return probes.capacity() * sizeof(Probe); }
  size_t item_bytes() const { return 4 * (slots.capacity() + versions.capacity()); }
};

struct SegmentItem {
  uint32_t slot;
  const Record* record;
};

// Builds segments; keeps its workspace between builds.
class SegmentBuilder {
 public:
  // `items` by ascending slot, each slot once. `plan`: the index's own scoring with live statistics.
  Segment* build(std::span<const SegmentItem> items, uint32_t terms, const CompiledPlan& plan,
                 const Scoring& scoring, const Statistics& statistics);

 private:
  struct Posting {
    uint32_t item, cls;
  };

  void collect(std::span<const SegmentItem> items, uint32_t terms, Segment& out);
  uint32_t class_of(const ClassPart* parts, uint32_t count);
  void grow_classes();
  void rank_classes(const CompiledPlan& plan, Segment& out);
  void add_code(uint32_t cls, float weight, bool alone, Segment& out);
  void add_to_code(uint32_t cls, Segment& out);
  void scatter(Segment& out);
  void write_list(std::span<const Posting> postings, Segment& out);
  void add_probe(Chunk& chunk, Segment& out);

  std::vector<uint32_t> list_of_;                      // [term]: list + 1
  std::vector<uint32_t> counts_;                       // [list]
  std::vector<std::pair<uint32_t, uint32_t>> stream_;  // list, class: in item order
  std::vector<uint32_t> item_end_;                     // [item]: end of its postings in stream_
  std::vector<Posting> postings_;                      // by list, then item
  std::vector<ClassPart> parts_;
  std::vector<uint32_t> class_begin_;
  std::vector<uint32_t> class_table_;
  std::vector<uint64_t> class_count_;  // postings of each class
  std::vector<uint8_t> class_code_;
};

// The most by which w can be larger under the plan than under what the segment was built with.
float inflation(const Segment& segment, const CompiledPlan& plan, const Scoring& scoring,
                const Statistics& statistics);

}  // namespace freshet::index
