#include "main/poison.h"

#include <algorithm>
#include <charconv>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr size_t kLabelsKept = 1000;
constexpr std::string_view kKinds[] = {"shuffle-labels", "flip-labels", "bots", "nan", "huge", "bad-config"};

bool number_in(std::string_view text, uint64_t& out) {
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  return end.ec == std::errc{} && end.ptr == text.data() + text.size();
}

}  // namespace

Result<Poison> Poison::parse(std::string_view text) {
  Poison poison;
  const size_t at = text.find('@');
  const size_t colon = text.find(':', at == std::string_view::npos ? 0 : at);
  bool known = false;
  for (size_t kind = 0; kind < std::size(kKinds); ++kind)
    if (text.substr(0, at) == kKinds[kind]) known = true, poison.kind_ = static_cast<Kind>(kind);
  if (!known || at == std::string_view::npos || colon == std::string_view::npos ||
      !number_in(text.substr(at + 1, colon - at - 1), poison.from_) ||
      !number_in(text.substr(colon + 1), poison.to_))
    return invalid(
        "--poison: expected KIND@FROM:TO with a KIND of shuffle-labels, flip-labels, bots, nan, huge or "
        "bad-config, got "
        "'" +
        std::string(text) + "'");
  return poison;
}

void Poison::apply(uint64_t row, size_t label, const std::vector<size_t>& spared, Row& cells) {
  const std::string own = label < cells.cells.size() ? cells.cells[label] : "";
  if (active(row)) spoil(row, label, spared, cells);
  labels_.push_back(own);
  if (labels_.size() > kLabelsKept) labels_.pop_front();
}

void Poison::spoil(uint64_t row, size_t label, const std::vector<size_t>& spared, Row& cells) const {
  if (label >= cells.cells.size()) return;
  Draw draw(mix64(row, 0x9015));
  std::string& cell = cells.cells[label];
  switch (kind_) {
    case Kind::kShuffle:
      if (!labels_.empty()) cell = labels_[draw.below(labels_.size())];
      return;
    case Kind::kFlip:
      cell = cell == "1" || cell == "true" || cell == "UP" ? "0" : "1";
      return;
    case Kind::kBots:
      if (row % 2 == 0) cell = "1";
      return;
    case Kind::kBadConfig:
      return;
    case Kind::kNan:
    case Kind::kHuge:
      if (row % 2 != 0) return;
      for (size_t c = 0; c < cells.cells.size(); ++c) {
        double value = 0;
        const std::string& text = cells.cells[c];
        const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
        if (c == label || std::find(spared.begin(), spared.end(), c) != spared.end() || text.empty() ||
            end.ptr != text.data() + text.size())
          continue;
        cells.cells[c] = kind_ == Kind::kNan ? "nan" : draw.below(2) == 0 ? "1e30" : "-1e30";
      }
      return;
  }
}

}  // namespace freshet
