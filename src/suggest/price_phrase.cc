#include "suggest/price_phrase.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace freshet {
namespace {

constexpr size_t kPhrasesMax = 4, kTokensMax = 64;

enum class Bound { kBelow, kAtMost, kAbove, kAtLeast };

struct Keyword {
  std::string_view words;  // Lower case, single spaces.
  Bound bound;
  bool weak = false;  // Says too little without a currency or a unit: "pro max 128", "von 2020".
};
constexpr Keyword kKeywords[] = {
    {"less than", Bound::kBelow},
    {"cheaper than", Bound::kBelow},
    {"lower than", Bound::kBelow},
    {"under", Bound::kBelow},
    {"below", Bound::kBelow},
    {"weniger als", Bound::kBelow},
    {"billiger als", Bound::kBelow},
    {"unter", Bound::kBelow},
    {"moins de", Bound::kBelow},
    {"menos de", Bound::kBelow},
    {"meno di", Bound::kBelow},
    {"<", Bound::kBelow},
    {"up to", Bound::kAtMost},
    {"at most", Bound::kAtMost},
    {"no more than", Bound::kAtMost},
    {"bis zu", Bound::kAtMost},
    {"höchstens", Bound::kAtMost},
    {"jusqu'à", Bound::kAtMost},
    {"hasta", Bound::kAtMost},
    {"fino a", Bound::kAtMost},
    {"<=", Bound::kAtMost},
    {"max", Bound::kAtMost, true},
    {"maximum", Bound::kAtMost, true},
    {"bis", Bound::kAtMost, true},
    {"more than", Bound::kAbove},
    {"over", Bound::kAbove},
    {"above", Bound::kAbove},
    {"mehr als", Bound::kAbove},
    {"über", Bound::kAbove},
    {"plus de", Bound::kAbove},
    {"más de", Bound::kAbove},
    {"mas de", Bound::kAbove},
    {"più di", Bound::kAbove},
    {">", Bound::kAbove},
    {"at least", Bound::kAtLeast},
    {"no less than", Bound::kAtLeast},
    {"starting at", Bound::kAtLeast},
    {"mindestens", Bound::kAtLeast},
    {"à partir de", Bound::kAtLeast},
    {"a partir de", Bound::kAtLeast},
    {">=", Bound::kAtLeast},
    {"from", Bound::kAtLeast, true},
    {"ab", Bound::kAtLeast, true},
    {"min", Bound::kAtLeast, true},
    {"minimum", Bound::kAtLeast, true},
    {"desde", Bound::kAtLeast, true},
};

struct Range {
  std::string_view first, between;
  bool weak = false;
};
constexpr Range kRanges[] = {{"between", "and"}, {"zwischen", "und"}, {"entre", "et"}, {"entre", "y"},
                             {"tra", "e"},       {"from", "to"},      {"von", "bis"},  {"desde", "hasta"},
                             {"de", "à", true},  {"da", "a", true}};

constexpr std::string_view kCurrencySigns[] = {"$", "€", "£", "¥", "￥", "₹", "us$"};
constexpr std::string_view kCurrencyWords[] = {
    "usd", "eur", "euro", "euros", "dollar", "dollars", "bucks", "gbp", "chf", "cny", "rmb", "yuan",
    "jpy", "yen", "inr",  "元",    "块",     "人民币",  "$",     "€",   "£",   "¥",   "￥"};

struct Token {
  size_t begin = 0, end = 0;
  std::string lower;
};

std::vector<Token> split(std::string_view query) {
  std::vector<Token> tokens;
  for (size_t at = 0; at < query.size() && tokens.size() < kTokensMax;) {
    if (query[at] == ' ' || query[at] == '\t') {
      ++at;
      continue;
    }
    Token token{at, at, {}};
    // "<50" and "< 50" are the same two tokens.
    const bool sign = query[at] == '<' || query[at] == '>';
    while (at < query.size() && query[at] != ' ' && query[at] != '\t') {
      if (sign && query[at] != '<' && query[at] != '>' && query[at] != '=') break;
      token.lower.push_back(query[at] >= 'A' && query[at] <= 'Z' ? static_cast<char>(query[at] | 0x20)
                                                                 : query[at]);
      ++at;
    }
    token.end = at;
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// "1,000.50", "1.000,50", "12,5", "50": how many bytes, and the number.
struct Number {
  double value = 0;
  size_t bytes = 0;
};
std::optional<Number> read_number(std::string_view text) {
  size_t end = 0;
  while (end < text.size() &&
         ((text[end] >= '0' && text[end] <= '9') || text[end] == '.' || text[end] == ','))
    ++end;
  while (end > 0 && (text[end - 1] == '.' || text[end - 1] == ',')) --end;
  if (end == 0 || text[0] == '.' || text[0] == ',' || end > 15) return std::nullopt;
  const std::string_view digits = text.substr(0, end);
  const size_t last = digits.find_last_of(".,");
  std::string plain;
  // The last separator is the decimal one unless it stands before exactly three digits and no other kind
  // does.
  const bool other = last != std::string_view::npos &&
                     digits.find(digits[last] == '.' ? ',' : '.') != std::string_view::npos;
  const bool repeated = last != std::string_view::npos && digits.find(digits[last]) != last;
  const bool decimal =
      last != std::string_view::npos && !repeated && (other || digits.size() - last - 1 != 3);
  for (size_t i = 0; i < digits.size(); ++i) {
    if (digits[i] >= '0' && digits[i] <= '9') plain.push_back(digits[i]);
    if (i == last && decimal) plain.push_back('.');
  }
  Number number;
  number.bytes = end;
  std::from_chars(plain.data(), plain.data() + plain.size(), number.value);
  return number;
}

// An amount at token `at`: "$50", "50", "50 euros", "1kg", "1 kg"; `next` is the token behind it.
struct Amount {
  double value = 0;
  bool currency = false;
  const UnitAttribute* unit = nullptr;
  size_t next = 0;
};

class PhraseReader {
 public:
  PhraseReader(std::string_view query, const std::vector<UnitAttribute>& units)
      : query_(query), units_(units), tokens_(split(query)) {}

  PricePhrases run() {
    PricePhrases out;
    std::vector<std::pair<size_t, size_t>> used;  // Bytes taken.
    for (size_t at = 0; at < tokens_.size();) {
      PricePhrase phrase;
      size_t next = at;
      if (out.phrases.size() < kPhrasesMax &&
          (range(at, phrase, next) || bound(at, phrase, next) || han(at, phrase))) {
        if (next == at) {  // Part of a token.
          used.push_back(han_bytes_);
          next = at + 1;
        } else {
          used.emplace_back(tokens_[at].begin, tokens_[next - 1].end);
        }
        phrase.text = query_.substr(used.back().first, used.back().second - used.back().first);
        finish(phrase);
        out.phrases.push_back(std::move(phrase));
      }
      at = next == at ? at + 1 : next;
    }
    out.rest = rest(used);
    return out;
  }

 private:
  bool words_at(size_t at, std::string_view words, size_t& next) const {
    for (next = at; !words.empty(); ++next) {
      const size_t space = words.find(' ');
      if (next >= tokens_.size() || tokens_[next].lower != words.substr(0, space)) return false;
      words.remove_prefix(space == std::string_view::npos ? words.size() : space + 1);
    }
    return true;
  }

  const UnitAttribute* unit_of(std::string_view text) const {
    const auto found = std::find_if(units_.begin(), units_.end(), [&](auto& u) { return u.unit == text; });
    return found == units_.end() ? nullptr : &*found;
  }

  bool is_currency(std::string_view text) const {
    return std::find(std::begin(kCurrencyWords), std::end(kCurrencyWords), text) != std::end(kCurrencyWords);
  }

  std::optional<Amount> amount(size_t at) const {
    if (at >= tokens_.size()) return std::nullopt;
    Amount out;
    std::string_view text = tokens_[at].lower;
    out.next = at + 1;
    const auto take_sign = [&] {
      for (const std::string_view sign : kCurrencySigns)
        if (text.starts_with(sign)) {
          text.remove_prefix(sign.size());
          return out.currency = true;
        }
      return false;
    };
    if (take_sign() && text.empty() && out.next < tokens_.size()) text = tokens_[out.next++].lower;
    while (!text.empty() && (text.back() == ',' || text.back() == ';')) text.remove_suffix(1);
    const std::optional<Number> number = read_number(text);
    if (!number) return std::nullopt;
    out.value = number->value;
    text.remove_prefix(number->bytes);
    if (!text.empty()) {
      out.unit = unit_of(text);
      if (out.unit == nullptr && !is_currency(text)) return std::nullopt;  // "90s", "15th", "2x4"
      out.currency = out.currency || out.unit == nullptr;
    } else if (!out.currency && out.next < tokens_.size()) {
      if (is_currency(tokens_[out.next].lower)) {
        out.currency = true;
        ++out.next;
      } else if ((out.unit = unit_of(tokens_[out.next].lower)) != nullptr) {
        ++out.next;
      }
    }
    return out;
  }

  void set_unit(const Amount& amount, PricePhrase& phrase) const {
    phrase.attribute = amount.unit == nullptr ? "price" : amount.unit->attribute;
  }

  bool bound(size_t at, PricePhrase& phrase, size_t& next) const {
    for (const Keyword& keyword : kKeywords) {
      size_t behind = 0;
      if (!words_at(at, keyword.words, behind)) continue;
      const std::optional<Amount> limit = amount(behind);
      if (!limit || (keyword.weak && !limit->currency && limit->unit == nullptr)) continue;
      const double value = limit->value * (limit->unit == nullptr ? 1 : limit->unit->factor);
      set_unit(*limit, phrase);
      const bool high = keyword.bound == Bound::kBelow || keyword.bound == Bound::kAtMost;
      (high ? phrase.high : phrase.low) = value;
      phrase.high_open = keyword.bound == Bound::kBelow;
      phrase.low_open = keyword.bound == Bound::kAbove;
      next = limit->next;
      return true;
    }
    return false;
  }

  bool range(size_t at, PricePhrase& phrase, size_t& next) const {
    for (const Range& range : kRanges) {
      size_t behind = 0;
      if (!words_at(at, range.first, behind)) continue;
      std::optional<Amount> low = amount(behind);
      if (!low || !words_at(low->next, range.between, behind)) continue;
      const std::optional<Amount> high = amount(behind);
      if (!high || (range.weak && !low->currency && !high->currency && high->unit == nullptr)) continue;
      if (low->unit == nullptr && !low->currency) low->unit = high->unit;  // "between 1 and 2 kg"
      const bool same = (low->unit == nullptr) == (high->unit == nullptr) &&
                        (low->unit == nullptr || low->unit->attribute == high->unit->attribute);
      if (!same) continue;
      set_unit(*high, phrase);
      phrase.low = low->value * (low->unit == nullptr ? 1 : low->unit->factor);
      phrase.high = high->value * (high->unit == nullptr ? 1 : high->unit->factor);
      if (phrase.low > phrase.high) std::swap(phrase.low, phrase.high);
      next = high->next;
      return true;
    }
    return false;
  }

  // "手机100元以下": the number stands before its word, without spaces.
  bool han(size_t at, PricePhrase& phrase) {
    const struct {
      std::string_view word;
      bool high;
    } rows[] = {{"以下", true}, {"以内", true}, {"以上", false}};
    const std::string& text = tokens_[at].lower;
    for (const auto& row : rows) {
      const size_t word = text.find(row.word);
      if (word == std::string::npos) continue;
      size_t end = word;
      for (const std::string_view currency : {std::string_view("元"), std::string_view("块")})
        if (std::string_view(text).substr(0, end).ends_with(currency)) end -= currency.size();
      size_t begin = end;
      while (begin > 0 && text[begin - 1] >= '0' && text[begin - 1] <= '9') --begin;
      const std::optional<Number> number = read_number(std::string_view(text).substr(begin, end - begin));
      if (!number) continue;
      phrase.attribute = "price";
      (row.high ? phrase.high : phrase.low) = number->value;
      han_bytes_ = {tokens_[at].begin + begin, tokens_[at].begin + word + row.word.size()};
      return true;
    }
    return false;
  }

  static std::string number_text(double x) {
    char text[40];
    return std::string(text, std::to_chars(text, text + sizeof text, x).ptr);
  }

  static void finish(PricePhrase& phrase) {
    if (std::isfinite(phrase.low))
      phrase.filter = phrase.attribute + (phrase.low_open ? " > " : " >= ") + number_text(phrase.low);
    if (!std::isfinite(phrase.high)) return;
    if (!phrase.filter.empty()) phrase.filter += " AND ";
    phrase.filter += phrase.attribute + (phrase.high_open ? " < " : " <= ") + number_text(phrase.high);
  }

  std::string rest(const std::vector<std::pair<size_t, size_t>>& used) const {
    std::string out;
    size_t from = 0;
    const auto add = [&](std::string_view part) {
      for (const Token& token : split(part)) {
        if (!out.empty()) out.push_back(' ');
        out.append(part.substr(token.begin, token.end - token.begin));
      }
    };
    for (const auto& [begin, end] : used) {
      add(query_.substr(from, begin - from));
      from = end;
    }
    add(query_.substr(from));
    return out;
  }

  const std::string_view query_;
  const std::vector<UnitAttribute>& units_;
  const std::vector<Token> tokens_;
  std::pair<size_t, size_t> han_bytes_;
};

}  // namespace

const std::vector<UnitAttribute>& default_units() {
  static const std::vector<UnitAttribute> units = {
      {"kg", "weight_kg", 1},
      {"kilo", "weight_kg", 1},
      {"kilos", "weight_kg", 1},
      {"g", "weight_kg", 0.001},
      {"gram", "weight_kg", 0.001},
      {"grams", "weight_kg", 0.001},
      {"lb", "weight_kg", 0.45359237},
      {"lbs", "weight_kg", 0.45359237},
      {"oz", "weight_kg", 0.028349523125},
      {"cm", "length_cm", 1},
      {"mm", "length_cm", 0.1},
      {"m", "length_cm", 100},
      {"inch", "length_cm", 2.54},
      {"inches", "length_cm", 2.54},
      {"ft", "length_cm", 30.48},
      {"l", "volume_l", 1},
      {"liter", "volume_l", 1},
      {"litre", "volume_l", 1},
      {"ml", "volume_l", 0.001},
      {"w", "power_w", 1},
      {"watt", "power_w", 1},
      {"kw", "power_w", 1000},
  };
  return units;
}

PricePhrases find_price_phrases(std::string_view query, const std::vector<UnitAttribute>& units) {
  return PhraseReader(query.substr(0, 1024), units).run();
}

}  // namespace freshet
