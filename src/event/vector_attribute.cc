#include "event/vector_attribute.h"

#include <charconv>
#include <cmath>

namespace freshet {
namespace {

std::string at(std::string_view field, size_t element) {
  return std::string(field) + " element " + std::to_string(element);
}

Status append_number(std::string_view text, std::string_view field, std::vector<float>& out) {
  if (out.size() == kVectorDimMax)
    return invalid(std::string(field) + ": more than " + std::to_string(kVectorDimMax) + " elements");
  const size_t element = out.size();
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  float x = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return invalid(at(field, element) + ": '" + std::string(text.substr(0, 40)) + "', expected a number");
  out.push_back(x);
  return {};
}

Status append_text(std::string_view text, std::string_view field, std::vector<float>& out) {
  constexpr std::string_view kBetween = " \t\n\r,;[]()";
  for (size_t from = text.find_first_not_of(kBetween); from != std::string_view::npos;
       from = text.find_first_not_of(kBetween, from)) {
    const size_t to = std::min(text.find_first_of(kBetween, from), text.size());
    TRY_STATUS(append_number(text.substr(from, to - from), field, out));
    from = to;
  }
  return {};
}

}  // namespace

Status check_vector(std::span<const float> vector, std::string_view field, uint32_t dim) {
  const std::string name(field);
  if (vector.empty())
    return invalid(name + ": empty, expected " + (dim ? std::to_string(dim) : "1 to 4096") + " numbers");
  if (vector.size() > kVectorDimMax)
    return invalid(name + ": " + std::to_string(vector.size()) + " elements, expected at most " +
                   std::to_string(kVectorDimMax));
  if (dim != 0 && vector.size() != dim)
    return invalid(name + ": " + std::to_string(vector.size()) + " elements, expected " +
                   std::to_string(dim) + " as in the vectors that are there");
  bool zero = true;
  for (size_t i = 0; i < vector.size(); ++i) {
    if (!std::isfinite(vector[i])) return invalid(at(field, i) + ": expected a finite number");
    zero = zero && !(std::abs(vector[i]) > 1e-30f);
  }
  if (zero) return invalid(name + ": all elements are zero, expected a direction");
  return {};
}

Result<std::vector<float>> parse_vector(const Value& value, std::string_view field, uint32_t dim) {
  std::vector<float> out;
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    for (const std::string& text : *list) TRY_STATUS(append_number(text, field, out));
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    TRY_STATUS(append_text(*text, field, out));
  } else if (const auto* number = std::get_if<double>(&value)) {
    out.push_back(static_cast<float>(*number));
  } else if (const auto* whole = std::get_if<int64_t>(&value)) {
    out.push_back(static_cast<float>(*whole));
  } else {
    return invalid(std::string(field) + ": expected a list of numbers");
  }
  TRY_STATUS(check_vector(out, field, dim));
  return out;
}

}  // namespace freshet
