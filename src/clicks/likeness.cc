#include "clicks/likeness.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "model/math.h"
#include "text/words.h"

namespace freshet {
namespace {

constexpr size_t kTitleBytes = 256;

}  // namespace

void TitleLikeness::start(size_t titles_max) {
  titles_ = 0;
  words_.clear();
  words_.reserve(16 * titles_max);
}

void TitleLikeness::add(std::string_view title) {
  fold_words(title, folded_, kTitleBytes);
  split_words(folded_, split_);
  for (const std::string_view word : split_)
    words_.push_back({hash_bytes(word), static_cast<uint32_t>(titles_)});
  ++titles_;
}

void TitleLikeness::finish() {
  std::sort(words_.begin(), words_.end(), [](const Word& a, const Word& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.title < b.title;
  });
  const auto same = [](const Word& a, const Word& b) { return a.hash == b.hash && a.title == b.title; };
  words_.erase(std::unique(words_.begin(), words_.end(), same), words_.end());
  cosine_.assign(titles_ * titles_, 0);
  for (size_t begin = 0, end = 0; begin < words_.size(); begin = end) {
    while (end < words_.size() && words_[end].hash == words_[begin].hash) ++end;
    const float weight = log_f32(static_cast<float>(titles_ + 1) / static_cast<float>(end - begin)),
                square = weight * weight;
    for (size_t a = begin; a < end; ++a) {
      float* row = cosine_.data() + words_[a].title * titles_;
      for (size_t b = begin; b < end; ++b) row[words_[b].title] += square;
    }
  }
  length_.resize(titles_);
  for (size_t i = 0; i < titles_; ++i) length_[i] = std::sqrt(cosine_[i * titles_ + i]);
  for (size_t i = 0; i < titles_; ++i)
    for (size_t j = 0; j < titles_; ++j) {
      float& both = cosine_[i * titles_ + j];
      both = i == j ? 1 : both == 0 ? 0 : both / (length_[i] * length_[j]);
    }
}

}  // namespace freshet
