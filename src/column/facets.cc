#include "column/facets.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/hash.h"

namespace freshet {
namespace {

struct Counted {
  std::string_view text;  // empty with a number
  double number = kNoNumber;
  uint64_t count = 0;
  double read = kNoNumber;  // What the text reads as.
};

std::string number_text(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number + 0.0).ptr};
}

// Visits the non-zero word of every item found. Where few are, words lie far from each other: a block of them
// is read before the first is visited, so that nothing done with one keeps the next from being fetched.
template <class Visit>
void for_each_word(const TextColumn& texts, const SlotSet& found, Visit&& visit) {
  constexpr uint32_t kBlock = TextColumn::kTogether, kBlocks = SlotSet::kChunkSlots / kBlock, kAhead = 256;
  constexpr uint32_t kMany = SlotSet::kChunkSlots / 4;
  static const std::atomic<uint16_t> kAbsent[kBlock] = {};
  const auto put = [&](uint16_t narrow, uint32_t slot) {
    const uint32_t word = narrow == TextColumn::kWide ? texts.word(slot) : TextColumn::widened(narrow);
    if (word != 0) visit(word, slot);
  };
  thread_local std::vector<uint16_t> opened(SlotSet::kChunkSlots + SlotSet::kLowsRoom);
  uint16_t read[kAhead];
  for (size_t i = 0; i < found.chunks(); ++i) {
    const SlotSet::Chunk chunk = found.chunk(i);
    const uint32_t base = chunk.number * SlotSet::kChunkSlots;
    const std::atomic<uint16_t>* blocks[kBlocks];
    for (uint32_t b = 0; b < kBlocks; ++b) {
      blocks[b] = texts.narrow_at(base + b * kBlock);
      if (blocks[b] == nullptr) blocks[b] = kAbsent;
    }
    if (chunk.size >= kMany) {
      for (uint32_t w = 0; w < SlotSet::kChunkWords; ++w) {
        const std::atomic<uint16_t>* from = blocks[w / (kBlock / 64)] + 64 * w % kBlock;
        for (uint64_t bits = chunk.words[w]; bits != 0; bits &= bits - 1) {
          const auto bit = static_cast<uint32_t>(std::countr_zero(bits));
          put(from[bit].load(std::memory_order_relaxed), base + 64 * w + bit);
        }
      }
      continue;
    }
    const uint16_t* lows = chunk.values;
    if (lows == nullptr) {
      SlotSet::lows_of(chunk.words, opened.data());
      lows = opened.data();
    }
    for (uint32_t from = 0; from < chunk.size; from += kAhead) {
      const uint32_t n = std::min(kAhead, chunk.size - from);
      for (uint32_t j = 0; j < n; ++j)
        read[j] = blocks[lows[from + j] / kBlock][lows[from + j] % kBlock].load(std::memory_order_relaxed);
      for (uint32_t j = 0; j < n; ++j) put(read[j], base + lows[from + j]);
    }
  }
}

void take(const TextColumn& texts, uint32_t code, uint64_t count, std::vector<Counted>& out) {
  const auto* value = count == 0 ? nullptr : texts.value(code);
  if (value != nullptr) out.push_back({value->text, kNoNumber, count, value->number});
}

// Is intersection cheaper than so many nanoseconds? As measured: 350 for 65,536 slots of a frequent value,
// and 1.2 a slot where they lie one by one.
bool lists_are_cheaper(const TextColumn& texts, const SlotSet& found, double limit) {
  const auto chunks = static_cast<double>(found.chunks());
  double cost = 350 * chunks * texts.distinct();
  if (cost >= limit) return false;
  const double all = texts.size() / static_cast<double>(SlotSet::kChunkSlots) + 1;
  for (uint32_t code = 0; code < texts.codes() && cost < limit; ++code) {
    const auto* value = texts.value(code);
    const double slots = value == nullptr ? 0 : value->slots.size() / all;  // of a chunk
    if (slots <= SlotList::Container::kArrayMax) cost += chunks * std::max(0.0, 1.2 * slots - 350);
  }
  return cost < limit;
}

// By intersection, value after value.
void count_by_lists(const TextColumn& texts, const SlotSet& found, std::vector<Counted>& out) {
  std::vector<SlotSet::Chunk> chunks;
  for (size_t i = 0; i < found.chunks(); ++i) chunks.push_back(found.chunk(i));
  for (uint32_t code = 0; code < texts.codes(); ++code) {
    const auto* value = texts.value(code);
    if (value == nullptr) continue;
    uint64_t n = 0;
    for (const SlotSet::Chunk& chunk : chunks) n += value->slots.and_size(chunk);
    if (n != 0) out.push_back({value->text, kNoNumber, n, value->number});
  }
}

using CodeCounts = std::vector<std::pair<uint32_t, uint64_t>>;  // code, count

// By reading the word of every item found. Values and lists are counted in one array, values first, so that
// nothing is asked of a word but where it counts.
void count_by_words(const TextColumn& texts, const SlotSet& found, CodeCounts& out) {
  // A list or value that enters while we count has a number beyond these; it is left out.
  const uint32_t values = texts.codes() + 1, lists = texts.lists();
  thread_local std::vector<uint32_t> counts;
  counts.assign(size_t{values} + lists + 1, 0);
  uint32_t* const at = counts.data();
  for_each_word(texts, found, [&](uint32_t word, uint32_t) {
    const uint32_t list = word >> 31, number = word & ~TextColumn::kListBit;
    const uint32_t first = list * values, room = list != 0 ? lists : values;
    ++at[number < room ? first + number : values + lists];
  });
  thread_local std::vector<uint32_t> counted;  // lists
  counted.resize(lists);
  uint32_t some = 0;
  for (uint32_t n = 0; n < lists; ++n) {
    counted[some] = n;
    some += at[values + n] != 0 ? 1 : 0;
  }
  for (const uint32_t n : std::span(counted).first(some)) {
    const uint32_t times = at[values + n];
    if (uint64_t packed = texts.packed(n); packed != 0) {
      for (; packed != 0; packed >>= 16)
        if ((packed & 0xffff) < values) at[packed & 0xffff] += times;
      continue;
    }
    const auto* list = texts.list(n);
    if (list == nullptr) continue;
    for (const uint32_t code : *list)
      if (code + 1 < values) at[code + 1] += times;
  }
  for (uint32_t word = 1; word < values; ++word)
    if (at[word] != 0 && texts.value(word - 1) != nullptr) out.emplace_back(word - 1, at[word]);
}

// Few items found of an attribute with very many values: their words are gathered and sorted.
void count_by_sorting(const TextColumn& texts, const SlotSet& found, std::vector<Counted>& out) {
  std::vector<uint32_t> codes;
  for_each_word(texts, found, [&](uint32_t word, uint32_t) {
    uint32_t room = 0;
    for (const uint32_t code : texts.codes_of(word, room)) codes.push_back(code);
  });
  std::sort(codes.begin(), codes.end());
  for (size_t i = 0; i < codes.size();) {
    size_t end = i;
    while (end < codes.size() && codes[end] == codes[i]) ++end;
    take(texts, codes[i], end - i, out);
    i = end;
  }
}

// (group, value) seen once counts once: items are brought together by group (a counting sort over groups
// numbered as they come), and within a group a value is marked with the group's number when it is counted.
void count_groups(const TextColumn& texts, const SlotSet& found, const GroupKey& groups,
                  std::vector<Counted>& out) {
  std::vector<uint32_t> group_of, word_of;
  GroupNumbers numbers;
  for_each_word(texts, found, [&](uint32_t word, uint32_t slot) {
    group_of.push_back(numbers.of(groups(slot)));
    word_of.push_back(word);
  });
  std::vector<uint32_t> end(numbers.size() + 1), sorted(word_of.size());
  for (const uint32_t group : group_of) ++end[group + 1];
  for (size_t g = 1; g < end.size(); ++g) end[g] += end[g - 1];
  std::vector<uint32_t> at(end.begin(), end.end() - 1);
  for (size_t i = 0; i < word_of.size(); ++i) sorted[at[group_of[i]]++] = word_of[i];
  std::vector<uint32_t> counts(texts.codes()), last(texts.codes(), 0xffffffffu);
  for (uint32_t g = 0; g + 1 < end.size(); ++g)
    for (uint32_t i = end[g]; i < end[g + 1]; ++i) {
      uint32_t room = 0;
      for (const uint32_t code : texts.codes_of(sorted[i], room)) {
        if (code >= counts.size() || last[code] == g) continue;
        last[code] = g;
        ++counts[code];
      }
    }
  for (uint32_t code = 0; code < counts.size(); ++code) take(texts, code, counts[code], out);
}

// Only those that can be among the `most` most frequent, equals with the last of them included: the texts of
// the others need not be looked at. Gives how many are left out.
uint64_t keep_frequent(CodeCounts& counts, size_t most) {
  const size_t all = counts.size();
  if (all <= 2 * most + 16 || most == 0) return 0;
  std::vector<uint64_t> sizes;
  sizes.reserve(all);
  for (const auto& [code, count] : counts) sizes.push_back(count);
  const auto last = sizes.begin() + static_cast<std::ptrdiff_t>(most - 1);
  std::nth_element(sizes.begin(), last, sizes.end(), std::greater<>());
  std::erase_if(counts, [&](const auto& one) { return one.second < *last; });
  return all - counts.size();
}

// `most`: only so many of the most frequent are wanted; 0: all. Gives how many others there are.
uint64_t count_texts(const TextColumn& texts, const SlotSet& found, uint64_t n, const GroupKey* groups,
                     size_t most, std::vector<Counted>& out) {
  if (texts.size() == 0) return 0;
  if (groups != nullptr) {
    count_groups(texts, found, *groups, out);
    return 0;
  }
  // In nanoseconds, as measured: an item's word costs more when the counts outgrow the nearest cache.
  const uint32_t kinds = texts.codes() + texts.lists();
  const double by_words = (kinds > 8192 ? 5.0 : 1.5) * static_cast<double>(n) + 0.5 * kinds;
  if (lists_are_cheaper(texts, found, by_words)) {
    count_by_lists(texts, found, out);
    return 0;
  }
  if (n * 32 < texts.codes() + texts.lists()) {
    count_by_sorting(texts, found, out);
    return 0;
  }
  CodeCounts counts;
  count_by_words(texts, found, counts);
  const uint64_t others = keep_frequent(counts, most);
  for (const auto& [code, count] : counts) take(texts, code, count, out);
  return others;
}

// Number -> count, open addressing; and the statistics on the way.
class NumberCounts {
 public:
  void add(double number) {
    const uint64_t bits = std::bit_cast<uint64_t>(number + 0.0);
    if ((used_ + 1) * 2 > table_.size()) grow();
    Place& place = find(bits);
    used_ += place.count == 0 ? 1 : 0;
    place.bits = bits;
    ++place.count;
  }
  void append_to(std::vector<Counted>& out) const {
    for (const Place& place : table_)
      if (place.count != 0) out.push_back({{}, std::bit_cast<double>(place.bits), place.count});
  }

 private:
  struct Place {
    uint64_t bits = 0, count = 0;
  };
  Place& find(uint64_t bits) {
    size_t at = mix64(bits) & (table_.size() - 1);
    while (table_[at].count != 0 && table_[at].bits != bits) at = (at + 1) & (table_.size() - 1);
    return table_[at];
  }
  void grow() {
    std::vector<Place> old(std::max<size_t>(64, 2 * table_.size()));
    old.swap(table_);
    for (const Place& place : old)
      if (place.count != 0) find(place.bits) = place;
  }
  std::vector<Place> table_;
  size_t used_ = 0;
};

void add_number(FacetCounts& counts, double number, uint64_t times) {
  if (!counts.has_numbers) counts.min = counts.max = number;
  counts.has_numbers = true;
  counts.min = std::min(counts.min, number);
  counts.max = std::max(counts.max, number);
  counts.sum += number * static_cast<double>(times);
}

void count_numbers(const NumberColumn& numbers, const SlotSet& found, const GroupKey* groups,
                   FacetCounts& counts, uint64_t& with, std::vector<Counted>& out) {
  if (numbers.size() == 0) return;
  NumberCounts table;
  std::vector<std::pair<double, uint64_t>> pairs;
  found.for_each([&](uint32_t slot) {
    const double number = numbers.value(slot);
    if (!has_number(number)) return;
    ++with;
    add_number(counts, number, 1);
    if (groups != nullptr)
      pairs.emplace_back(number + 0.0, (*groups)(slot));
    else
      table.add(number);
  });
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  for (const auto& pair : pairs) table.add(pair.first);
  table.append_to(out);
}

bool below(const FacetSpec& spec, std::string_view value) {
  if (!spec.hierarchical) return true;
  if (!spec.under.empty()) {
    if (!value.starts_with(spec.under)) return false;
    value.remove_prefix(spec.under.size());
    if (!value.starts_with(spec.separator)) return false;
    value.remove_prefix(spec.separator.size());
  }
  return spec.separator.empty() || value.find(spec.separator) == std::string_view::npos;
}

// Numbers by size, before texts, which go by their bytes.
bool alphabetically(const Counted& a, const Counted& b) {
  const bool a_number = has_number(a.number), b_number = has_number(b.number);
  if (a_number != b_number) return a_number;
  return a_number ? a.number < b.number : a.text < b.text;
}

void choose(const FacetSpec& spec, std::vector<Counted>& all, FacetCounts& counts) {
  const auto by_count = [](const Counted& a, const Counted& b) {
    return a.count != b.count ? a.count > b.count : alphabetically(a, b);
  };
  std::map<std::string_view, size_t> rank;
  for (const std::string& value : spec.declared) rank.try_emplace(value, rank.size());
  const auto rank_of = [&](const Counted& value) {
    const auto at = has_number(value.number) ? rank.find(number_text(value.number)) : rank.find(value.text);
    return at == rank.end() ? rank.size() : at->second;
  };
  const auto otherwise = [&](const Counted& a, const Counted& b) {
    return spec.order == ValueOrder::kCount ? by_count(a, b) : alphabetically(a, b);
  };
  const auto declared = [&](const Counted& a, const Counted& b) {
    const size_t x = rank_of(a), y = rank_of(b);
    return x != y ? x < y : otherwise(a, b);
  };
  const auto shown = static_cast<std::ptrdiff_t>(std::min<size_t>(spec.values_max, all.size()));
  if (rank.empty()) {
    std::partial_sort(all.begin(), all.begin() + shown, all.end(), otherwise);
  } else {
    std::partial_sort(all.begin(), all.begin() + shown, all.end(), declared);
  }
  counts.distinct = all.size();
  for (auto it = all.begin(); it != all.begin() + shown; ++it) {
    FacetCount& out = counts.values.emplace_back();
    out.value = has_number(it->number) ? number_text(it->number) : std::string(it->text);
    out.count = it->count;
    if (!spec.search.empty()) (void)value_fits(spec, out.value, &out.highlighted);
  }
}

uint64_t present_in(const SlotBits& present, const SlotSet& found) {
  uint64_t n = 0;
  for (size_t i = 0; i < found.chunks(); ++i) n += present.and_size(found.chunk(i));
  return n;
}

void finish(const FacetSpec& spec, std::vector<Counted>& all, uint64_t numbers, FacetCounts& counts) {
  // Texts that read as numbers take part in the statistics, each as often as it was counted; by size, so that
  // the sum does not depend on the way of counting.
  std::vector<std::pair<double, uint64_t>> read;
  for (const Counted& value : all)
    if (std::isfinite(value.read)) read.emplace_back(value.read, value.count);
  std::sort(read.begin(), read.end());
  for (const auto& [number, count] : read) {
    add_number(counts, number, count);
    numbers += count;
  }
  if (numbers != 0) counts.mean = counts.sum / static_cast<double>(numbers);
  std::erase_if(all, [&](const Counted& value) {
    if (has_number(value.number))
      return spec.hierarchical ||
             (!spec.search.empty() && !value_fits(spec, number_text(value.number), nullptr));
    return !below(spec, value.text) || (!spec.search.empty() && !value_fits(spec, value.text, nullptr));
  });
  choose(spec, all, counts);
}

}  // namespace

FacetCounts count_facet(const ColumnSet& columns, const FacetSpec& spec, const SlotSet& found,
                        const GroupKey* groups) {
  FacetCounts counts;
  counts.name = spec.name;
  const Column* column = columns.find(spec.name);
  if (column == nullptr) return counts;
  std::vector<Counted> all;
  uint64_t numbers = 0;
  count_numbers(column->numbers, found, groups, counts, numbers, all);
  // Everything else looks at the text of every value.
  const bool by_count = spec.order == ValueOrder::kCount && spec.declared.empty() && spec.search.empty() &&
                        !spec.hierarchical && !column->texts.numeric() && column->numbers.size() == 0;
  const uint64_t others =
      count_texts(column->texts, found, found.size(), groups, by_count ? spec.values_max : 0, all);
  if (spec.count_items) counts.items = present_in(column->present, found);
  finish(spec, all, numbers, counts);
  counts.distinct += others;
  return counts;
}

FacetCounts count_facet_slowly(const ColumnSet& columns, const FacetSpec& spec, const SlotSet& found) {
  FacetCounts counts;
  counts.name = spec.name;
  const Column* column = columns.find(spec.name);
  if (column == nullptr) return counts;
  std::map<std::string, uint64_t> texts;
  std::map<double, uint64_t> by_number;
  uint64_t numbers = 0;
  found.for_each([&](uint32_t slot) {
    counts.items += column->present.test(slot) ? 1 : 0;
    uint32_t room = 0;
    for (const uint32_t code : column->texts.codes_of(column->texts.word(slot), room))
      if (const auto* value = column->texts.value(code)) ++texts[value->text];
    const double number = column->numbers.value(slot);
    if (!has_number(number)) return;
    ++numbers;
    ++by_number[number];
    add_number(counts, number, 1);
  });
  std::vector<Counted> all;
  all.reserve(by_number.size() + texts.size());
  for (const auto& [number, count] : by_number) all.push_back({{}, number, count});
  for (const auto& [text, count] : texts) {
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto got = std::from_chars(text.data(), end, number);
    const bool whole = got.ec == std::errc() && got.ptr == end;
    all.push_back({text, kNoNumber, count, whole ? number : kNoNumber});
  }
  finish(spec, all, numbers, counts);
  return counts;
}

Faceted count_facets(const ColumnSet& columns, const SlotSet& found, std::span<const FacetSpec> specs,
                     std::span<const FacetChoice> choices, const GroupKey* groups,
                     const std::function<bool()>& stop) {
  std::vector<SlotSet> passing;
  for (const FacetChoice& choice : choices) passing.push_back(choice.filter.evaluate(columns, found));
  Faceted out;
  out.matches = found;
  for (const SlotSet& set : passing) out.matches &= set;
  for (const FacetSpec& spec : specs) {
    if (stop && stop()) break;
    const bool chosen = std::any_of(choices.begin(), choices.end(),
                                    [&](const FacetChoice& choice) { return choice.facet == spec.name; });
    if (!chosen) {
      out.counts.push_back(count_facet(columns, spec, out.matches, groups));
      continue;
    }
    SlotSet others = found;
    for (size_t i = 0; i < choices.size(); ++i)
      if (choices[i].facet != spec.name) others &= passing[i];
    out.counts.push_back(count_facet(columns, spec, others, groups));
  }
  return out;
}

}  // namespace freshet
