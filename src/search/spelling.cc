// How much of the query's spelling a title contains: the share of the query's distinct character trigrams.
// Words that the analysis takes apart, misspells or never saw ("refridgerator", "12x24", "multi-tool") still
// count by what they look like. Character n-grams as a complement of words: McNamee, Mayfield 2004.
//
//   part = kSpellingShare . best score by words . |trigrams(query) and trigrams(title)| / |trigrams(query)|
//
// Text is bytes: ASCII letters in lower case, digits, and what is not ASCII as it stands; all else is one
// space. Cost: a pass over a title, some 100 ns, for each of the kSpelled best.
#include <algorithm>
#include <array>
#include <bitset>

#include "search/internal/context.h"

namespace freshet::search_internal {
namespace {

constexpr double kSpellingShare = 0.5;
constexpr size_t kSpelled = 256;
constexpr size_t kTitleBytes = 512;  // Looked at.
constexpr size_t kTrigramsMax = 128;
constexpr size_t kTableSize = 1024;

// Calls `visit(trigram)` for each three bytes of " text ", normalised.
template <class Visit>
void each_trigram(std::string_view text, Visit visit) {
  uint32_t window = ' ';
  size_t length = 1;
  const auto push = [&](unsigned char c) {
    if (c == ' ' && (window & 0xff) == ' ') return;
    window = (window << 8 | c) & 0xffffff;
    if (++length >= 3) visit(window);
  };
  for (const char byte : text.substr(0, kTitleBytes)) {
    const unsigned char c = static_cast<unsigned char>(byte);
    if (c >= 'A' && c <= 'Z')
      push(static_cast<unsigned char>(c + 32));
    else
      push((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80 ? c : ' ');
  }
  push(' ');
}

// The query's trigrams, numbered: a small open table.
class Trigrams {
 public:
  explicit Trigrams(std::string_view text) {
    numbers_.fill(-1);
    each_trigram(text, [&](uint32_t trigram) {
      const size_t at = place(trigram);
      if (numbers_[at] >= 0 || count_ == kTrigramsMax) return;
      keys_[at] = trigram;
      numbers_[at] = static_cast<int16_t>(count_++);
    });
  }
  size_t count() const { return count_; }
  size_t shared_with(std::string_view text) const {
    std::bitset<kTrigramsMax> seen;
    each_trigram(text, [&](uint32_t trigram) {
      const size_t at = place(trigram);
      if (numbers_[at] >= 0) seen.set(static_cast<size_t>(numbers_[at]));
    });
    return seen.count();
  }

 private:
  size_t place(uint32_t trigram) const {
    size_t at = trigram * 0x9e3779b1u >> 22;
    while (numbers_[at] >= 0 && keys_[at] != trigram) at = (at + 1) % kTableSize;
    return at;
  }
  std::array<uint32_t, kTableSize> keys_{};
  std::array<int16_t, kTableSize> numbers_;
  size_t count_ = 0;
};

}  // namespace

double spelling_scale(const Context& c) {
  return kSpellingShare * c.lexical_scale * c.best_lexical;
}

void spell(Context& c) {
  if (!c.words || c.generation.fields.find("title") < 0) return;
  const Trigrams query(c.request.query);
  if (query.count() == 0) return;
  const double each = spelling_scale(c) / static_cast<double>(query.count());
  for (size_t i = 0; i < std::min(kSpelled, c.pool.size()); ++i) {
    const ItemRecord* item = c.catalog.item(c.pool[i].slot);
    if (item == nullptr || c.pool[i].lexical == 0) continue;
    c.pool[i].spelling = in_steps(each * static_cast<double>(query.shared_with(item->title)));
  }
}

}  // namespace freshet::search_internal
