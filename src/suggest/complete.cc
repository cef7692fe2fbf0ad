// The read side of Suggestions.
#include <algorithm>

#include "base/decay.h"
#include "suggest/internal/query_blocks.h"
#include "text/words.h"

namespace freshet {
namespace {

constexpr size_t kTypoBytesMin = 4;  // Shorter prefixes are near everything.
constexpr size_t kProbesMax = 1500;  // Looks into the directory for one completion with a typo.
constexpr size_t kVariantsMax = 64;
constexpr uint32_t kCountMax = 1000;

// As typed to as kept: a separator at the end means that the word is complete.
std::string fold_prefix(std::string_view typed) {
  std::string folded;
  fold_words(typed, folded);
  const auto last = typed.empty() ? ' ' : static_cast<unsigned char>(typed.back());
  if (!folded.empty() && (last == ' ' || last == '\t' || last == '-' || last == ',')) folded.push_back(' ');
  return folded;
}

}  // namespace

// The best so far, each query once: a heap with the worst on top.
class Suggestions::Top {
 public:
  Top(uint32_t count, const Suggestions& owner, std::span<const std::string> hidden)
      : count_(count), owner_(owner), hidden_(hidden) {}

  struct Found {
    double weight;
    const Query* query;
    bool typo;
  };
  static bool before(const Found& a, const Found& b) {
    if (a.typo != b.typo) return b.typo;
    return a.weight != b.weight ? a.weight > b.weight : a.query->text < b.query->text;
  }
  bool wants(double weight) const {
    return weight >= 0 && (heap_.size() < count_ || heap_.front().typo > typo ||
                           (heap_.front().typo == typo && weight >= heap_.front().weight));
  }
  void offer(double weight, const Query* query) {
    if (!wants(weight) || owner_.hides_folded(query->text, hidden_)) return;
    const Found next{weight, query, typo};
    const auto same = [&](const Found& f) { return f.query == query; };
    if (typo && std::any_of(heap_.begin(), heap_.end(), same)) return;
    if (heap_.size() == count_) {
      if (!before(next, heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end(), before);
      heap_.pop_back();
    }
    heap_.push_back(next);
    std::push_heap(heap_.begin(), heap_.end(), before);
  }
  size_t size() const { return heap_.size(); }
  std::vector<Found>& sorted() {
    std::sort_heap(heap_.begin(), heap_.end(), before);
    return heap_;
  }
  bool typo = false;  // Of what is offered now.

 private:
  const uint32_t count_;
  const Suggestions& owner_;
  std::span<const std::string> hidden_;
  std::vector<Found> heap_;
};

// Blocks of the prefix by falling best weight, until none can hold anything better.
void Suggestions::collect(const Directory& directory, std::string_view prefix, Top& top) {
  const Place begin = lower_bound(directory, prefix);
  std::vector<std::pair<double, size_t>> blocks;
  for (size_t b = begin.block; b < directory.size; ++b) {
    if (b > begin.block && directory.first[b] != nullptr && !directory.first[b]->text.starts_with(prefix))
      break;
    const double best = directory.best[b].load(std::memory_order_relaxed);
    if (top.wants(best)) blocks.emplace_back(best, b);
  }
  const auto lower = [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second > b.second;
  };
  std::make_heap(blocks.begin(), blocks.end(), lower);
  while (!blocks.empty() && top.wants(blocks.front().first)) {
    const size_t b = blocks.front().second;
    std::pop_heap(blocks.begin(), blocks.end(), lower);
    blocks.pop_back();
    const Block& block = *directory.block[b].load(std::memory_order_acquire);
    // Inside, all texts have the prefix, except in the first and the last block.
    for (uint32_t i = 0; i < block.count; ++i) {
      const double weight = block.shown[i].load(std::memory_order_relaxed);
      if (top.wants(weight) && block.queries[i]->text.starts_with(prefix))
        top.offer(weight, block.queries[i]);
    }
  }
}

void Suggestions::collect_typos(const Directory& directory, std::string_view prefix, Top& top) {
  size_t probes = 0;
  std::vector<std::string> variants;
  const auto exists = [&](const std::string& text) {
    if (++probes > kProbesMax) return false;
    const Query* query = at(directory, lower_bound(directory, text));
    return query != nullptr && query->text.starts_with(text);
  };
  const auto try_variant = [&](std::string text) {
    if (variants.size() < kVariantsMax && text != prefix && exists(text)) variants.push_back(std::move(text));
  };
  // The last letter is not replaced or dropped: that would find whatever begins alike.
  for (size_t i = 1; i < prefix.size() && probes < kProbesMax; ++i) {
    const std::string base(prefix.substr(0, i));
    const std::string rest(prefix.substr(i)), behind(prefix.substr(i + 1));
    if (i + 1 < prefix.size()) {
      try_variant(base + behind);
      try_variant(base + prefix[i + 1] + prefix[i] + std::string(prefix.substr(i + 2)));
    }
    // Each letter that some query has after `base`, found by leaping from one to the next.
    if (++probes > kProbesMax) break;
    const Query* query = at(directory, lower_bound(directory, base + '\x01'));
    while (query != nullptr && query->text.size() > i && query->text.starts_with(base)) {
      const char letter = query->text[i];
      if (letter != ' ' && letter != prefix[i] && i + 1 < prefix.size()) try_variant(base + letter + behind);
      if (letter != ' ') try_variant(base + letter + rest);
      if (static_cast<unsigned char>(letter) == 0xff || ++probes > kProbesMax) break;
      query = at(directory, lower_bound(directory, base + static_cast<char>(letter + 1)));
    }
    // Nobody ever typed this far: later places cannot match either.
    if (query == nullptr && !exists(base)) break;
  }
  top.typo = true;
  for (const std::string& variant : variants) collect(directory, variant, top);
}

void Suggestions::complete(std::string_view typed, uint32_t count, bool typos,
                           std::span<const std::string> hidden, std::vector<Suggestion>& out) const {
  out.clear();
  count = std::min(count, kCountMax);
  const std::string prefix = fold_prefix(typed);
  if (count == 0 || prefix.size() > config_.query_bytes_max) return;
  const Directory& directory = *directory_.load(std::memory_order_acquire);
  Top top(count, *this, hidden);
  collect(directory, prefix, top);
  if (typos && top.size() < count && prefix.size() >= kTypoBytesMin) collect_typos(directory, prefix, top);
  const double x = std::clamp(static_cast<double>(now_ms_.load(std::memory_order_relaxed) -
                                                  begin_ms_.load(std::memory_order_relaxed)) /
                                  static_cast<double>(config_.half_life_ms),
                              0.0, 1000.0);
  for (const Top::Found& found : top.sorted())
    out.push_back({found.query->text, found.weight * decayed(x), found.typo});
}

void Suggestions::complete_slowly(std::string_view typed, uint32_t count, std::span<const std::string> hidden,
                                  std::vector<Suggestion>& out) const {
  const std::string prefix = fold_prefix(typed);
  std::vector<Query*> queries = all();
  std::erase_if(queries, [&](const Query* q) {
    return !may_show(*q) || !q->text.starts_with(prefix) || hides_folded(q->text, hidden);
  });
  std::stable_sort(queries.begin(), queries.end(), [](const Query* a, const Query* b) {
    return a->weight.load(std::memory_order_relaxed) > b->weight.load(std::memory_order_relaxed);
  });
  out.clear();
  for (size_t i = 0; i < std::min<size_t>(count, queries.size()); ++i)
    out.push_back({queries[i]->text, queries[i]->weight.load(std::memory_order_relaxed), false});
}

void Suggestions::trending(uint32_t count, std::span<const std::string> hidden,
                           std::vector<Suggestion>& out) const {
  out.clear();
  const std::vector<Query*>* candidates = published_trends_.load(std::memory_order_acquire);
  if (candidates == nullptr) return;
  const Worth now = worth();
  for (const Query* query : *candidates)
    if (const double strength = trend(*query, now); strength > 1 && !hides_folded(query->text, hidden))
      out.push_back({query->text, strength, false});
  std::sort(out.begin(), out.end(), [](const Suggestion& a, const Suggestion& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.text < b.text;
  });
  if (out.size() > count) out.resize(count);
}

void Suggestions::instead(std::string_view typed, uint32_t count, std::span<const std::string> hidden,
                          std::vector<Suggestion>& out) const {
  out.clear();
  std::string text;
  fold_words(typed, text);
  const Query* query = find(text);
  const Instead* instead = query == nullptr ? nullptr : query->instead.load(std::memory_order_acquire);
  if (instead == nullptr) return;
  for (const Instead::Entry& entry : instead->entries)
    if (entry.shoppers >= 2 && !hides_folded(entry.text, hidden))
      out.push_back({entry.text, static_cast<double>(entry.count / instead->total), false});
  std::sort(out.begin(), out.end(), [](const Suggestion& a, const Suggestion& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.text < b.text;
  });
  if (out.size() > count) out.resize(count);
}

}  // namespace freshet
