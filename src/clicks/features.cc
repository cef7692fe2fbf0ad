#include "clicks/features.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace freshet {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr float kSteps = 1024;
constexpr uint32_t kMost = 4095;

int digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '-' ? 62 : c == '_' ? 63 : -1;
}

uint32_t number_of(float value) {
  if (!(value > 0)) return 0;
  return value >= 4 ? kMost : std::min(kMost, static_cast<uint32_t>(std::lround(value * kSteps)));
}

}  // namespace

void round_features(MatchFeatures& features) {
  for (float& value : features) value = static_cast<float>(number_of(value)) / kSteps;
}

void append_features(const MatchFeatures& features, std::string& out) {
  for (const float value : features) {
    const uint32_t number = number_of(value);
    out += kDigits[number / 64];
    out += kDigits[number % 64];
  }
}

bool read_features(std::string_view text, size_t place, MatchFeatures& out) {
  constexpr size_t kBytes = 2 * kMatchFeatures;
  if (text.size() / kBytes <= place) return false;
  text = text.substr(place * kBytes, kBytes);
  for (size_t i = 0; i < kMatchFeatures; ++i) {
    const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<float>(high * 64 + low) / kSteps;
  }
  return true;
}

}  // namespace freshet
