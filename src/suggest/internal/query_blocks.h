// The sorted blocks of Suggestions: one query, a block of them, the directory of blocks.
#pragma once

#include <array>
#include <cstring>
#include <memory>

#include "suggest/suggestions.h"

namespace freshet {

constexpr uint32_t kShoppersMax = 4;
constexpr double kNotShown = -1;

// What was typed after a query that got nowhere. Immutable; replaced as a whole.
struct Suggestions::Instead {
  struct Entry {
    std::string text;
    float count = 0;
    uint64_t last_shopper = 0;
    uint32_t shoppers = 0;  // Different ones in a row.
  };
  std::vector<Entry> entries;  // At most kInsteadMax
  float total = 0;
};

struct Suggestions::Query {
  explicit Query(std::string_view t) : text(t) {}
  ~Query() { delete instead.load(std::memory_order_relaxed); }
  const std::string text;
  std::atomic<double> weight{0}, trend{0};  // Forward decay
  std::array<uint64_t, kShoppersMax> shoppers{};
  uint8_t shopper_count = 0;
  bool shown = false;
  bool trending = false;  // In trends_.
  double results = kNoNumber;
  std::atomic<const Instead*> instead{nullptr};
};

// Sorted by text. The queries are constant once published; the shown weights change in place.
struct Suggestions::Block {
  static constexpr uint32_t kMax = 256;
  uint32_t count = 0;
  Query* queries[kMax];
  std::atomic<double> shown[kMax];

  double best() const {
    double most = kNotShown;
    for (uint32_t i = 0; i < count; ++i) most = std::max(most, shown[i].load(std::memory_order_relaxed));
    return most;
  }
};

// Blocks in the order of their texts. `head` is the first 16 bytes of a block's first text when the block was
// made, so that most comparisons stay in one array; the first block holds whatever comes before it, too.
struct Suggestions::Directory {
  explicit Directory(size_t blocks)
      : size(blocks),
        block(new std::atomic<Block*>[blocks]),
        best(new std::atomic<double>[blocks]),
        head(blocks),
        first(blocks) {}
  size_t size;
  std::unique_ptr<std::atomic<Block*>[]> block;
  std::unique_ptr<std::atomic<double>[]> best;
  std::vector<std::array<char, 16>> head;
  std::vector<const Query*> first;

  void put(size_t at, Block* b, double most) {
    block[at].store(b, std::memory_order_release);
    best[at].store(most, std::memory_order_relaxed);
    first[at] = b->count > 0 ? b->queries[0] : nullptr;
    head[at] = {};
    if (first[at] != nullptr)
      std::memcpy(head[at].data(), first[at]->text.data(), std::min<size_t>(16, first[at]->text.size()));
  }
  bool starts_after(size_t at, std::string_view text) const {  // Is the block's first text > `text`?
    std::array<char, 16> other{};
    std::memcpy(other.data(), text.data(), std::min<size_t>(16, text.size()));
    const int order = std::memcmp(head[at].data(), other.data(), 16);
    return order != 0 ? order > 0 : first[at] != nullptr && first[at]->text > text;
  }
};

}  // namespace freshet
