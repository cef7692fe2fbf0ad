#include "text/internal/compose.h"

#include <algorithm>

#include <unicode/utf8.h>

#include "text/internal/units.h"
#include "text/stemmer.h"

namespace freshet {
namespace {

constexpr size_t kJoinPartsMax = 3;
constexpr size_t kJoinBytesMax = 24;
constexpr size_t kNumberBytesMax = 12;
constexpr size_t kCompoundMin = 7;      // letters of a word that may be one
constexpr uint32_t kHeadWordsMax = 40;  // Longer texts are prose.

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// What the composer walks over: a piece, or a part of one ("10" and "ft" of "10ft").
struct Atom {
  std::string_view text, accented;
  uint32_t begin = 0, end = 0;
  PieceKind kind = PieceKind::kLetters;
  bool ascii = true;
  std::string_view gap;  // What stands between it and the atom before; all before it for the first.
};

// A number read from one or several atoms.
struct Number {
  std::string term;     // its form: "10", "0.5", "1/2"
  std::string decimal;  // of a fraction: "0.5"; else empty
  std::string whole;    // of a mixed number, all of it: "1-1/2"; else empty
  size_t atoms = 0;
};

class Composer {
 public:
  Composer(std::string_view source, const std::vector<Piece>& pieces, const ComposeOptions& options,
           std::vector<Token>& out)
      : source_(source), options_(options), out_(out) {
    out_.clear();
    make_atoms(pieces);
  }

  void run() {
    while (at_ < atoms_.size() && out_.size() < options_.tokens_max) {
      const Atom& atom = atoms_[at_];
      switch (atom.kind) {
        case PieceKind::kDigits:
        case PieceKind::kFraction:
          number();
          break;
        case PieceKind::kUnspaced:
          unspaced();
          break;
        case PieceKind::kMixed:
          mixed();
          break;
        default:
          word();
      }
    }
    emit_head();
    std::stable_sort(out_.begin(), out_.end(),
                     [](const Token& a, const Token& b) { return a.position < b.position; });
    if (out_.size() > options_.tokens_max) out_.resize(options_.tokens_max);
  }

 private:
  // --- atoms ---

  void make_atoms(const std::vector<Piece>& pieces) {
    thread_local std::vector<Atom> atoms;
    atoms.clear();
    uint32_t last_end = 0;
    for (const Piece& piece : pieces) {
      Atom atom{piece.text,
                piece.accented,
                piece.begin,
                piece.end,
                piece.kind,
                piece.ascii,
                source_.substr(last_end, piece.begin - last_end)};
      last_end = piece.end;
      if (piece.kind != PieceKind::kMixed || !piece.ascii || !split_measure(atom, atoms))
        atoms.push_back(atom);
    }
    atoms_.swap(atoms);
    scratch_ = &atoms;
  }

  // "10ft", "2x4x8", "53x6ft" become numbers, crosses and units; model numbers stay whole.
  static bool split_measure(const Atom& atom, std::vector<Atom>& atoms) {
    const std::string_view text = atom.text;
    // "53'x6ft": what follows a mark may begin with the cross.
    const bool goes_on = text.front() == 'x' && !atoms.empty() && !atom.gap.empty() && atom.gap.size() <= 3 &&
                         atom.gap != " " && atoms.back().kind == PieceKind::kDigits;
    if (!is_digit(text.front()) && !goes_on) return false;
    const bool same_bytes = atom.end - atom.begin == text.size();  // Else parts stand where the whole stands.
    const size_t size_before = atoms.size();
    bool number_before = false;
    for (size_t i = 0; i < text.size();) {
      const size_t from = i;
      const bool digits = is_digit(text[i]);
      while (i < text.size() && is_digit(text[i]) == digits) i++;
      const std::string_view run = text.substr(from, i - from);
      const bool fits =
          digits || (run == "x" && i < text.size()) || (number_before && !unit_form(run, true).empty());
      if (!fits || (digits && run.size() > kNumberBytesMax)) {
        atoms.resize(size_before);
        return false;
      }
      number_before = digits;
      const auto begin = same_bytes ? atom.begin + static_cast<uint32_t>(from) : atom.begin;
      const auto end = same_bytes ? atom.begin + static_cast<uint32_t>(i) : atom.end;
      atoms.push_back({run,
                       {},
                       begin,
                       end,
                       digits ? PieceKind::kDigits : PieceKind::kLetters,
                       true,
                       from == 0 ? atom.gap : std::string_view()});
    }
    return true;
  }

  const Atom* atom(size_t i) const { return i < atoms_.size() ? &atoms_[i] : nullptr; }

  // --- tokens ---

  void add(std::string_view term, uint32_t position, const Atom& first, const Atom& last, TokenKind kind,
           size_t span = 1) {
    if (term.empty()) return;
    if (term.size() > options_.term_bytes_max) {
      size_t cut = options_.term_bytes_max;
      while (cut > 0 && (static_cast<unsigned char>(term[cut]) & 0xc0) == 0x80) cut--;
      term = term.substr(0, cut);
    }
    for (size_t i = out_.size(); i-- > 0 && out_[i].position + 4 > position;)
      if (out_[i].position == position && out_[i].term == term) return;  // An alternative already.
    Token& token = out_.emplace_back();
    token.term = term;
    token.position = position;
    token.begin = first.begin;
    token.end = last.end;
    token.kind = kind;
    token.span = static_cast<uint8_t>(std::min<size_t>(span, 255));
  }

  // --- numbers ---

  // Digits with decimals or groups of thousands, from atom i.
  Number read_digits(size_t i) const {
    Number number;
    const Atom& first = atoms_[i];
    number.atoms = 1;
    if (first.kind == PieceKind::kFraction) {
      number.term = first.text;
      return number;
    }
    std::string digits(first.text);
    const Atom* next = atom(i + 1);
    while (next != nullptr && next->kind == PieceKind::kDigits && next->gap == "," &&
           next->text.size() == 3 && first.text.size() <= 3 && digits.size() + 3 <= kNumberBytesMax) {
      digits += next->text;
      next = atom(i + ++number.atoms);
    }
    const bool leading_point = number.atoms == 1 && first.gap.ends_with('.') &&
                               (first.gap.size() == 1 ? i == 0 : first.gap[first.gap.size() - 2] == ' ');
    if (leading_point) {
      number.term = "0." + digits;
    } else if (next != nullptr && next->kind == PieceKind::kDigits && next->gap == "." &&
               next->text.size() <= 4) {
      number.term = digits + "." + std::string(next->text);
      number.atoms++;
    } else {
      number.term = digits;
      return number;
    }
    while (number.term.ends_with('0')) number.term.pop_back();
    if (number.term.ends_with('.')) number.term.pop_back();
    return number;
  }

  // A fraction at atom i: "1/2" of two atoms or one character; nothing (atoms == 0) else.
  Number read_fraction(size_t i) const {
    Number number;
    const Atom* const over = atom(i);
    if (over == nullptr) return number;
    if (over->kind == PieceKind::kFraction) {
      number = read_digits(i);
    } else if (const Atom* under = atom(i + 1); over->kind == PieceKind::kDigits && under != nullptr &&
                                                under->kind == PieceKind::kDigits && under->gap == "/" &&
                                                over->text.size() <= 2 && under->text.size() <= 2 &&
                                                (atom(i + 2) == nullptr || atom(i + 2)->gap != "/")) {
      number.term = std::string(over->text) + "/" + std::string(under->text);
      number.atoms = 2;
    } else {
      return number;
    }
    number.decimal = decimal_of(number.term);
    return number;
  }

  static std::string decimal_of(const std::string& fraction) {
    int over = 0, under = 0;
    size_t i = 0;
    for (; i < fraction.size() && is_digit(fraction[i]); i++) over = over * 10 + (fraction[i] - '0');
    for (i++; i < fraction.size() && is_digit(fraction[i]); i++) under = under * 10 + (fraction[i] - '0');
    if (under == 0) return {};
    const int thousandths = (over * 10'000 + under / 2) / under;
    std::string tail = std::to_string(10'000 + thousandths % 10'000).substr(1);
    while (tail.ends_with('0')) tail.pop_back();
    return std::to_string(thousandths / 10'000) + (tail.empty() ? "" : "." + tail);
  }

  Number read_number(size_t i) const {
    if (Number fraction = read_fraction(i); fraction.atoms > 0) return fraction;
    return read_digits(i);
  }

  // The unit behind a number that ended before atom i: its form, and how many atoms spell it.
  struct UnitAt {
    std::string_view form;
    size_t atoms = 0;
    bool mark = false;  // an inch or foot mark in the gap
  };
  UnitAt read_unit(size_t i) const {
    const Atom* const next = atom(i);
    const std::string_view gap = next != nullptr ? next->gap : source_.substr(atoms_[i - 1].end);
    if (gap.starts_with('"') || gap.starts_with("''") || gap.starts_with("″") || gap.starts_with("”"))
      return {"in", 0, true};
    if (gap.starts_with('\'') || gap.starts_with("′") || gap.starts_with("’")) return {"ft", 0, true};
    if (next == nullptr || next->kind != PieceKind::kLetters) return {};
    const bool attached = gap.empty();
    if (!attached && gap != " " && gap != "-" && gap != ". ") return {};
    const std::string_view form = unit_form(next->text, attached);
    if (form.empty()) return {};
    // "3 in 1": a preposition. "2 in. 4 ft." is not.
    const Atom* const after = atom(i + 1);
    if (next->text == "in" && !attached && after != nullptr && after->kind == PieceKind::kDigits &&
        (after->gap == " " || after->gap == "-"))
      return {};
    return {form, 1, false};
  }

  bool is_cross(size_t i) const {
    const Atom* const cross = atom(i);
    if (cross == nullptr || (cross->text != "x" && cross->text != "by")) return false;
    const Atom* const after = atom(i + 1);
    return after != nullptr && (after->kind == PieceKind::kDigits || after->kind == PieceKind::kFraction) &&
           cross->gap.size() <= 3 && after->gap.size() <= 2;
  }

  // A number, its unit, and sizes: "2 in. x 4 in. x 8 ft."
  void number() {
    std::string before;  // The number before a cross.
    uint32_t before_position = 0;
    size_t before_atom = 0;
    while (at_ < atoms_.size()) {
      const size_t first = at_;
      const uint32_t position = position_;
      std::string value = one_number();
      if (!before.empty())
        add(before + "x" + value, before_position, atoms_[before_atom], atoms_[first], TokenKind::kJoin,
            position - before_position + 1);
      const bool times = at_ < atoms_.size() && atoms_[at_].gap == "×" &&
                         (atoms_[at_].kind == PieceKind::kDigits || atoms_[at_].kind == PieceKind::kFraction);
      if (!times && !is_cross(at_)) return;
      if (!times) at_++;
      before = std::move(value);
      before_position = position;
      before_atom = first;
    }
  }

  // Emits one number with its unit; returns its form.
  std::string one_number() {
    const size_t first = at_;
    Number number = read_number(first);
    size_t next = first + number.atoms;
    // "1-1/2", "1 1/2", "1½": the whole and the fraction.
    Number fraction;
    if (number.decimal.empty() && number.term.size() <= 3 && next < atoms_.size() &&
        (atoms_[next].gap == "-" || atoms_[next].gap == " " || atoms_[next].gap.empty()))
      fraction = read_fraction(next);
    const Atom& head = atoms_[first];
    std::string value = number.term;
    emit_number(number, first);
    if (fraction.atoms > 0) {
      value = number.term + "-" + fraction.term;
      add(value, position_ - 1, head, atoms_[next + fraction.atoms - 1], TokenKind::kJoin, 2);
      if (!fraction.decimal.empty())
        add(number.term + fraction.decimal.substr(1), position_ - 1, head, atoms_[next + fraction.atoms - 1],
            TokenKind::kStem);
      emit_number(fraction, next);
      next += fraction.atoms;
    }
    at_ = next;
    const UnitAt unit = read_unit(next);
    if (!unit.form.empty()) {
      const Atom& last = unit.mark ? atoms_[next - 1] : atoms_[next];
      const uint32_t start = position_ - (fraction.atoms > 0 ? 2 : 1);
      add(value + std::string(unit.form), start, head, last, TokenKind::kJoin, fraction.atoms > 0 ? 3 : 2);
      if (!unit.mark && unit_form(last.text, false).empty()) {  // "20a": the letter alone is no word
        add(unit.form, position_, last, last, TokenKind::kWord);
      } else {
        add(unit.mark ? unit.form : last.text, position_, last, last, TokenKind::kWord);
        add(unit.form, position_, last, last, TokenKind::kStem);
        if (!unit.mark) stems(last, position_);
      }
      position_++;
      at_ += unit.atoms;
    } else {
      hyphen_join(first, next);
    }
    return value;
  }

  void emit_number(const Number& number, size_t first) {
    const Atom& last = atoms_[first + number.atoms - 1];
    add(number.term, position_, atoms_[first], last, TokenKind::kNumber);
    if (!number.decimal.empty()) add(number.decimal, position_, atoms_[first], last, TokenKind::kStem);
    position_++;
  }

  // --- the head ---

  // A product's name ends with what it is, before a preposition or a mark ("Ceiling Fan in White, 52 in."):
  // noun phrases are head-final in the Germanic languages and in Chinese, which is most of what shops write.
  static bool ends_name(std::string_view gap) {
    return gap.find_first_of(",;(|:/") != std::string_view::npos || gap.find(" - ") != std::string_view::npos;
  }

  void note_head(const Atom& atom, bool stop) {
    if (head_closed_) return;
    if (head_ != nullptr &&
        (ends_name(atom.gap) || (stop && atom.text != "of" && atom.text != "and" && atom.text != "the" &&
                                 atom.text != "a" && atom.text != "an"))) {
      head_closed_ = true;
      return;
    }
    if (stop || atom.kind == PieceKind::kMixed || letters_of(atom.text) < 3) return;
    head_ = &atom;
    head_position_ = position_;
  }

  static size_t letters_of(std::string_view text) {
    return static_cast<size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  }

  void emit_head() {
    if (!options_.heads || head_ == nullptr || position_ > kHeadWordsMax) return;
    add(kHeadMark + folded_stem(*head_), head_position_, *head_, *head_, TokenKind::kHead);
  }

  std::string folded_stem(const Atom& word) const {
    const std::string_view spelled = word.accented.empty() ? word.text : word.accented;
    Stemmer& stemmer = thread_stemmer();
    const std::string_view stem = options_.cached ? stemmer.stem(options_.language, spelled)
                                                  : stemmer.stem_slowly(options_.language, spelled);
    return word.accented.empty() ? std::string(stem) : fold_text(stem);
  }

  // --- words ---

  void stems(const Atom& word, uint32_t position) {
    Stemmer& stemmer = thread_stemmer();
    const std::string_view spelled = word.accented.empty() ? word.text : word.accented;
    const auto add_stem = [&](Language language) {
      if (language == Language::kNone) return;
      const std::string_view stem =
          options_.cached ? stemmer.stem(language, spelled) : stemmer.stem_slowly(language, spelled);
      if (stem == spelled) return;
      if (word.accented.empty()) {
        add(stem, position, word, word, TokenKind::kStem);
      } else {
        add(fold_text(stem), position, word, word, TokenKind::kStem);
      }
    };
    add_stem(options_.language);
    add_stem(options_.also);
    for (const Language language : options_.shop) add_stem(language);
  }

  // "ä" is also written "ae" where it cannot be typed (German and its neighbours).
  void digraphs(const Atom& word, uint32_t position) {
    if (word.accented.empty() || !word.ascii) return;
    std::string spelled;
    bool changed = false;
    for (size_t i = 0; i < word.accented.size(); i++) {
      const std::string_view two = word.accented.substr(i, 2);
      const char* to = two == "ä"   ? "ae"
                       : two == "ö" ? "oe"
                       : two == "ü" ? "ue"
                       : two == "å" ? "aa"
                                    : nullptr;
      if (to == nullptr && (static_cast<unsigned char>(word.accented[i]) & 0x80) != 0) return;
      if (to == nullptr) {
        spelled.push_back(word.accented[i]);
      } else {
        spelled += to;
        changed = true;
        i++;
      }
    }
    if (changed) add(spelled, position, word, word, TokenKind::kStem);
  }

  void word() {
    const size_t first = at_;
    const Atom& atom = atoms_[first];
    at_++;
    // The possessive's s goes; "don't" is joined below.
    if (atom.text == "s" && first > 0 && is_apostrophe(atom.gap) &&
        atoms_[first - 1].kind == PieceKind::kLetters)
      return;
    const size_t before = out_.size();
    const bool stop = is_stop(atom.text);
    note_head(atom, stop);
    add(atom.text, position_, atom, atom, TokenKind::kWord);
    if (out_.size() > before) out_[before].stop_word = stop;
    stems(atom, position_);
    digraphs(atom, position_);
    if (options_.backward && atom.kind == PieceKind::kLetters && letters_of(atom.text) >= kCompoundMin) {
      add(backward_term(atom.text), position_, atom, atom, TokenKind::kBackward);
      add(backward_term(folded_stem(atom)), position_, atom, atom, TokenKind::kBackward);
    }
    if (atom.kind == PieceKind::kHangul) bigrams(atom, position_, false);
    if (options_.transliterate && !atom.ascii) weak(atom, position_);
    position_++;
    hyphen_join(first, at_);
  }

  bool is_stop(std::string_view text) const {
    return is_stop_word(options_.language, text) ||
           (options_.also != Language::kNone && is_stop_word(options_.also, text));
  }

  static bool is_apostrophe(std::string_view gap) { return gap == "'" || gap == "’"; }

  static bool joins(std::string_view gap) {
    return gap == "-" || gap == "." || gap == "_" || gap == "&" || gap == "‑" || gap == "+" ||
           is_apostrophe(gap);
  }

  // If atoms [first, next) end a chain such as "wd-40" or "t-shirt", the whole chain as one term at its
  // start. Joins are given for chains of two and three parts that end here.
  void hyphen_join(size_t first, size_t next) {
    if (next != first + 1) return;  // A number of several atoms is no part.
    std::string joined(atoms_[first].text);
    size_t from = first;
    for (size_t parts = 2; parts <= kJoinPartsMax; parts++) {
      if (from == 0 || !joins(atoms_[from].gap)) return;
      from--;
      const Atom& part = atoms_[from];
      if (part.kind == PieceKind::kUnspaced || part.kind == PieceKind::kHangul ||
          part.kind == PieceKind::kFraction)
        return;
      joined.insert(0, part.text);
      if (joined.size() > kJoinBytesMax || position_ < parts) return;
      const bool digits_only = std::all_of(joined.begin(), joined.end(), is_digit);
      if (digits_only && joined.size() < 6) continue;
      if (is_apostrophe(atoms_[first].gap) && atoms_[first].text == "s") continue;
      const uint32_t start = position_ - static_cast<uint32_t>(parts);
      add(joined, start, part, atoms_[first], TokenKind::kJoin, parts);
    }
  }

  // Letters and digits that are no measure: a model number, whole and in parts.
  void mixed() {
    const Atom& whole = atoms_[at_];
    at_++;
    const std::string_view text = whole.text;
    size_t runs = 0;
    for (size_t i = 0; i < text.size(); i++) runs += i == 0 || is_digit(text[i]) != is_digit(text[i - 1]);
    const bool in_parts = whole.ascii && runs <= kJoinPartsMax;
    add(text, position_, whole, whole, TokenKind::kWord, in_parts ? runs : 1);
    if (in_parts) {
      uint32_t position = position_;
      for (size_t i = 0; i < text.size();) {
        const size_t from = i;
        while (i < text.size() && is_digit(text[i]) == is_digit(text[from])) i++;
        add(text.substr(from, i - from), position++, whole, whole, TokenKind::kPart);
      }
    }
    position_ += in_parts ? static_cast<uint32_t>(runs) : 1;
    hyphen_join_whole(at_ - 1);
  }

  // "ab-12cd": only with its neighbour, as the parts already took positions.
  void hyphen_join_whole(size_t at) {
    if (at == 0 || !joins(atoms_[at].gap) || position_ < 2) return;
    const Atom& part = atoms_[at - 1];
    if (part.kind == PieceKind::kUnspaced || part.kind == PieceKind::kHangul) return;
    const std::string joined = std::string(part.text) + std::string(atoms_[at].text);
    if (joined.size() <= kJoinBytesMax) add(joined, position_ - 1, part, atoms_[at], TokenKind::kJoin, 1);
  }

  // --- unspaced scripts ---

  // A run of touching pieces: words as the dictionary cut them, characters, and bigrams across the cuts.
  void unspaced() {
    const size_t first = at_;
    while (at_ < atoms_.size() && atoms_[at_].kind == PieceKind::kUnspaced &&
           (at_ == first || atoms_[at_].gap.empty()))
      at_++;
    std::string previous;
    for (size_t i = first; i < at_; i++) {
      const Atom& word = atoms_[i];
      const size_t before = out_.size();
      add(word.text, position_, word, word, TokenKind::kWord);
      if (out_.size() > before) out_[before].stop_word = is_stop(word.text);
      if (!previous.empty() && position_ > 0)
        add(previous + std::string(first_character(word.text)), position_ - 1, atoms_[i - 1], word,
            TokenKind::kBigram, 2);
      bigrams(word, position_, true);
      previous = last_character(word.text);
      if (options_.transliterate) weak(word, position_);
      position_++;
    }
  }

  static std::string_view first_character(std::string_view text) {
    int32_t i = 0;
    U8_FWD_1(reinterpret_cast<const uint8_t*>(text.data()), i, static_cast<int32_t>(text.size()));
    return text.substr(0, static_cast<size_t>(i));
  }
  static std::string_view last_character(std::string_view text) {
    auto i = static_cast<int32_t>(text.size());
    if (i > 0) U8_BACK_1(reinterpret_cast<const uint8_t*>(text.data()), 0, i);
    return text.substr(static_cast<size_t>(i));
  }

  void bigrams(const Atom& word, uint32_t position, bool singles) {
    std::string_view previous;
    for (size_t i = 0; i < word.text.size();) {
      const std::string_view one = first_character(word.text.substr(i));
      if (singles) add(one, position, word, word, TokenKind::kBigram);
      if (!previous.empty())
        add(std::string_view(previous.data(), previous.size() + one.size()), position, word, word,
            TokenKind::kBigram);
      previous = one;
      i += std::max<size_t>(one.size(), 1);
    }
  }

  void weak(const Atom& word, uint32_t position) {
    const std::string latin = romanise(word.text);
    if (latin.size() > 1) add(std::string(1, kWeakMark) + latin, position, word, word, TokenKind::kWeak);
  }

  const std::string_view source_;
  const ComposeOptions& options_;
  std::vector<Token>& out_;
  std::vector<Atom> atoms_;
  std::vector<Atom>* scratch_ = nullptr;
  size_t at_ = 0;
  uint32_t position_ = 0;
  const Atom* head_ = nullptr;  // The last candidate for the head, until something ends the name.
  uint32_t head_position_ = 0;
  bool head_closed_ = false;

 public:
  ~Composer() { atoms_.swap(*scratch_); }
  Composer(const Composer&) = delete;
  Composer& operator=(const Composer&) = delete;
};

}  // namespace

std::string backward_term(std::string_view stem) {
  std::string out(1, kBackwardMark);
  for (size_t end = stem.size(); end > 0;) {
    size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(stem[begin]) & 0xc0) == 0x80) begin--;
    out.append(stem.substr(begin, end - begin));
    end = begin;
  }
  return out;
}

void compose(std::string_view source, const std::vector<Piece>& pieces, const ComposeOptions& options,
             std::vector<Token>& out) {
  Composer(source, pieces, options, out).run();
}

}  // namespace freshet
