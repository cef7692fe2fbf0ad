#include "query/internal/query_text.h"

#include <algorithm>

namespace freshet {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (static_cast<unsigned char>(c) & 0x80) != 0;
}

using Kind = QueryPart::Kind;

}  // namespace

std::vector<QueryPart> split_query(std::string_view text) {
  std::vector<QueryPart> parts;
  const auto add = [&](Kind kind, size_t begin, size_t end) {
    if (begin < end) parts.push_back({kind, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
  };
  size_t plain = 0;
  for (size_t i = 0; i < text.size();) {
    const bool starts = i == 0 || is_space(text[i - 1]);
    const bool minus =
        starts && text[i] == '-' && i + 1 < text.size() && (is_letter(text[i + 1]) || text[i + 1] == '"');
    const size_t at = minus ? i + 1 : i;
    if (starts && text[at] == '"') {
      const size_t close = text.find('"', at + 1);
      if (close != std::string_view::npos) {
        add(Kind::kPlain, plain, i);
        add(minus ? Kind::kExcludedPhrase : Kind::kPhrase, at + 1, close);
        i = plain = close + 1;
        continue;
      }
    } else if (minus) {
      add(Kind::kPlain, plain, i);
      size_t end = at;
      while (end < text.size() && !is_space(text[end])) end++;
      add(Kind::kExcluded, at, end);
      i = plain = end;
      continue;
    }
    i++;
  }
  add(Kind::kPlain, plain, text.size());
  const bool finds = std::any_of(parts.begin(), parts.end(), [&](const QueryPart& part) {
    const std::string_view words = text.substr(part.begin, part.end - part.begin);
    return (part.kind == Kind::kPlain || part.kind == Kind::kPhrase) &&
           std::any_of(words.begin(), words.end(),
                       [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
  });
  if (!finds)
    for (QueryPart& part : parts) part.kind = Kind::kPlain;
  return parts;
}

}  // namespace freshet
