#include "text/highlight.h"

#include <algorithm>
#include <memory>

#include <unicode/brkiter.h>
#include <unicode/utext.h>

#include "text/normalize.h"

namespace freshet {
namespace {

struct Mark {
  uint32_t begin, end;  // bytes
  uint32_t sought;      // which word of the query
};

struct Word {
  uint32_t begin, end;  // bytes that a position of the text covers
};

// Where readers see one character end and the next begin. ASCII needs no library (except that "\r\n" is one).
class Characters {
 public:
  explicit Characters(std::string_view text) : size_(static_cast<uint32_t>(text.size())) {
    if (is_ascii(text)) return;
    UErrorCode error = U_ZERO_ERROR;
    utext_ = utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &error);
    thread_local std::unique_ptr<icu::BreakIterator> prototype(
        icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), error));
    if (U_FAILURE(error) || prototype == nullptr) return;
    breaks_ = prototype.get();
    breaks_->setText(utext_, error);
    if (U_FAILURE(error)) breaks_ = nullptr;
  }
  ~Characters() {
    if (utext_ != nullptr) utext_close(utext_);
  }
  Characters(const Characters&) = delete;
  Characters& operator=(const Characters&) = delete;

  uint32_t down(uint32_t at) {
    if (breaks_ == nullptr || at == 0 || at >= size_ || breaks_->isBoundary(static_cast<int32_t>(at)))
      return at;
    return static_cast<uint32_t>(std::max(0, breaks_->preceding(static_cast<int32_t>(at))));
  }
  uint32_t up(uint32_t at) {
    if (breaks_ == nullptr || at == 0 || at >= size_ || breaks_->isBoundary(static_cast<int32_t>(at)))
      return at;
    const int32_t next = breaks_->following(static_cast<int32_t>(at));
    return next < 0 ? size_ : static_cast<uint32_t>(next);
  }
  // The end of the `n`-th character from `begin`.
  uint32_t after(uint32_t begin, uint32_t n) {
    if (breaks_ == nullptr) return std::min(size_, begin + n);
    auto at = static_cast<int32_t>(begin);
    for (; n > 0 && at >= 0; --n) at = breaks_->following(at);
    return at < 0 ? size_ : static_cast<uint32_t>(at);
  }
  uint32_t count(uint32_t begin, uint32_t end) {
    if (breaks_ == nullptr) return end - begin;
    uint32_t n = 0;
    for (auto at = static_cast<int32_t>(begin); at >= 0 && at < static_cast<int32_t>(end); ++n)
      at = breaks_->following(at);
    return n;
  }

 private:
  const uint32_t size_;
  UText* utext_ = nullptr;
  icu::BreakIterator* breaks_ = nullptr;
};

uint32_t letters(std::string_view text) {
  return static_cast<uint32_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

class Marker {
 public:
  Marker(std::string_view text, std::span<const Token> tokens, std::span<const SoughtWord> sought,
         const HighlightOptions& options)
      : text_(text), sought_(sought), options_(options), characters_(text) {
    for (const Token& token : tokens)
      if (token.begin < token.end && token.end <= text.size()) tokens_.push_back(&token);
    std::stable_sort(tokens_.begin(), tokens_.end(),
                     [](const Token* a, const Token* b) { return a->position < b->position; });
    for (const Token* token : tokens_) {
      if (token->span > 1) continue;
      if (words_.empty() || positions_.back() != token->position) {
        words_.push_back({token->begin, token->end});
        positions_.push_back(token->position);
      } else if (token->kind != TokenKind::kBigram) {
        words_.back().begin = std::min(words_.back().begin, token->begin);
        words_.back().end = std::max(words_.back().end, token->end);
      }
    }
    find();
    settle();
  }

  Highlighted all() { return render(0, static_cast<uint32_t>(text_.size()), false); }

  Highlighted best_piece() {
    const size_t n = std::max<uint32_t>(1, options_.snippet_words);
    if (words_.size() <= n) return all();
    const size_t first = best_window(n);
    const uint32_t begin = first == 0 ? 0 : characters_.down(words_[first].begin);
    const bool last = first + n >= words_.size();
    const auto end = last ? static_cast<uint32_t>(text_.size()) : characters_.up(words_[first + n - 1].end);
    return render(begin, end, true);
  }

 private:
  void find() {
    struct Sought {
      std::string_view first;  // term of an alternative
      uint32_t word;
      const std::vector<std::string>* terms;
    };
    thread_local std::vector<Sought> by_term;
    by_term.clear();
    for (uint32_t s = 0; s < sought_.size(); ++s)
      for (const auto& terms : sought_[s].terms)
        if (!terms.empty()) by_term.push_back({terms.front(), s, &terms});
    const auto less = [](const Sought& a, const Sought& b) { return a.first < b.first; };
    std::sort(by_term.begin(), by_term.end(), less);
    for (size_t i = 0; i < tokens_.size(); ++i) {
      const Token& token = *tokens_[i];
      const Sought key{token.term, 0, nullptr};
      for (auto it = std::lower_bound(by_term.begin(), by_term.end(), key, less);
           it != by_term.end() && it->first == token.term; ++it) {
        if (it->terms->size() == 1)
          marks_.push_back({token.begin, token.end, it->word});
        else
          follow(i, *it->terms, it->word);
      }
      for (uint32_t s = 0; s < sought_.size(); ++s)
        if (!sought_[s].prefix.empty() && token.kind != TokenKind::kStem &&
            token.term.starts_with(sought_[s].prefix))
          mark_beginning(token, s);
    }
  }

  // The rest of a phrase, at the positions that follow.
  void follow(size_t i, const std::vector<std::string>& terms, uint32_t s) {
    std::vector<Mark> marks = {{tokens_[i]->begin, tokens_[i]->end, s}};
    uint32_t position = tokens_[i]->position;
    for (size_t t = 1, j = i + 1; t < terms.size(); ++t) {
      ++position;
      while (j < tokens_.size() && (tokens_[j]->position < position ||
                                    (tokens_[j]->position == position && tokens_[j]->term != terms[t])))
        ++j;
      if (j == tokens_.size() || tokens_[j]->position != position) return;
      marks.push_back({tokens_[j]->begin, tokens_[j]->end, s});
    }
    marks_.insert(marks_.end(), marks.begin(), marks.end());
  }

  // Only the letters typed, when letter stands for letter in the term and in the text.
  void mark_beginning(const Token& token, uint32_t s) {
    const bool surface = token.kind == TokenKind::kWord || token.kind == TokenKind::kPart ||
                         token.kind == TokenKind::kNumber || token.kind == TokenKind::kBigram;
    uint32_t end = token.end;
    if (!options_.whole_words && surface && characters_.count(token.begin, token.end) == letters(token.term))
      end = std::min(end, characters_.after(token.begin, letters(sought_[s].prefix)));
    marks_.push_back({token.begin, end, s});
  }

  // Whole characters only; then one after another, none touching.
  void settle() {
    for (Mark& mark : marks_) {
      mark.begin = characters_.down(mark.begin);
      mark.end = characters_.up(mark.end);
    }
    std::sort(marks_.begin(), marks_.end(), [](const Mark& a, const Mark& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end != b.end ? a.end < b.end : a.sought < b.sought;
    });
    for (const Mark& mark : marks_) {
      if (!spans_.empty() && mark.begin <= spans_.back().end)
        spans_.back().end = std::max(spans_.back().end, mark.end);
      else
        spans_.push_back({mark.begin, mark.end});
    }
  }

  // A mark belongs to the word in which it begins.
  size_t best_window(size_t n) const {
    std::vector<std::vector<uint32_t>> in_word(words_.size());
    for (const Mark& mark : marks_) {
      const auto after = std::upper_bound(words_.begin(), words_.end(), mark.begin,
                                          [](uint32_t at, const Word& word) { return at < word.begin; });
      if (after != words_.begin())
        in_word[static_cast<size_t>(after - words_.begin()) - 1].push_back(mark.sought);
    }
    std::vector<uint32_t> times(sought_.size());
    uint64_t different = 0, marks = 0, best = 0;
    size_t best_at = 0;
    for (size_t i = 0; i < words_.size(); ++i) {
      for (const uint32_t s : in_word[i]) {
        different += times[s]++ == 0 ? 1 : 0;
        ++marks;
      }
      if (i >= n)
        for (const uint32_t s : in_word[i - n]) {
          different -= --times[s] == 0 ? 1 : 0;
          --marks;
        }
      const uint64_t score = different << 32 | marks;
      if (i + 1 < n || score <= best) continue;
      best = score;
      best_at = i + 1 - n;
    }
    return centred(best_at, n, in_word);
  }

  // What was found stands in the middle of the window rather than at its end.
  size_t centred(size_t at, size_t n, const std::vector<std::vector<uint32_t>>& in_word) const {
    size_t first = at, last = at + n - 1;
    while (first < last && in_word[first].empty()) ++first;
    while (last > first && in_word[last].empty()) --last;
    if (in_word[first].empty()) return at;
    const size_t free = n - (last - first + 1);
    const size_t begin = first > free / 2 ? first - free / 2 : 0;
    return std::min(begin, words_.size() - n);
  }

  Highlighted render(uint32_t begin, uint32_t end, bool cut) {
    Highlighted out;
    if (cut && begin > 0) out.text += options_.ellipsis;
    uint32_t at = begin;
    for (const Word& span : spans_) {
      const uint32_t from = std::max(span.begin, begin), to = std::min(span.end, end);
      if (from >= to) continue;
      append(out.text, at, from);
      out.text += options_.pre_tag;
      append(out.text, from, to);
      out.text += options_.post_tag;
      at = to;
    }
    append(out.text, at, end);
    if (cut && end < text_.size()) out.text += options_.ellipsis;

    std::vector<bool> seen(sought_.size());
    for (const Mark& mark : marks_)
      if (mark.begin < end && mark.end > begin) seen[mark.sought] = true;
    for (size_t s = 0; s < sought_.size(); ++s)
      if (seen[s]) out.matched_words.push_back(sought_[s].word);
    const size_t n = out.matched_words.size();
    out.level = n == 0 ? MatchLevel::kNone : n == sought_.size() ? MatchLevel::kFull : MatchLevel::kPartial;
    out.fully_highlighted =
        !words_.empty() && std::all_of(words_.begin(), words_.end(), [&](const Word& word) {
          const auto after =
              std::upper_bound(spans_.begin(), spans_.end(), word.begin,
                               [](uint32_t place, const Word& span) { return place < span.begin; });
          return after != spans_.begin() && std::prev(after)->end >= word.end;
        });
    return out;
  }

  void append(std::string& out, uint32_t begin, uint32_t end) const {
    const std::string_view piece = text_.substr(begin, end - begin);
    if (!options_.escape_html) {
      out += piece;
      return;
    }
    for (const char c : piece) {
      switch (c) {
        case '&':
          out += "&amp;";
          break;
        case '<':
          out += "&lt;";
          break;
        case '>':
          out += "&gt;";
          break;
        case '"':
          out += "&quot;";
          break;
        case '\'':
          out += "&#39;";
          break;
        default:
          out.push_back(c);
      }
    }
  }

  const std::string_view text_;
  const std::span<const SoughtWord> sought_;
  const HighlightOptions& options_;
  Characters characters_;
  std::vector<const Token*> tokens_;  // by position
  std::vector<Word> words_;           // one for each position
  std::vector<uint32_t> positions_;   // of words_
  std::vector<Mark> marks_;
  std::vector<Word> spans_;  // the marks, put together
};

}  // namespace

Highlighted highlight(std::string_view text, std::span<const Token> tokens,
                      std::span<const SoughtWord> sought, const HighlightOptions& options) {
  return Marker(text, tokens, sought, options).all();
}

Highlighted snippet(std::string_view text, std::span<const Token> tokens, std::span<const SoughtWord> sought,
                    const HighlightOptions& options) {
  return Marker(text, tokens, sought, options).best_piece();
}

}  // namespace freshet
