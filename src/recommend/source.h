// One kind of evidence about what comes next. Each source is one file; recommend/recommender.cc has the one
// list of them.
//
// A query goes through a source in two steps: collect() puts the items it knows of into the slate, with what
// it knows of them in the source's own columns; later fill() completes its columns for the few candidates
// that were chosen from everybody's proposals. Column 0 of a source is its own probability for the item,
// unnormalised over the slate.
#pragma once

#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "recommend/context.h"
#include "recommend/recommender.h"
#include "recommend/slate.h"

namespace freshet {

// How a raw column becomes an input of the mixture.
struct SourceColumn {
  enum class Kind : uint8_t {
    kProbability,  // x >= 0 -> ln(1 + x / unit) * scale
    kPlain,        // x -> x * scale
  };
  std::string_view name;
  Kind kind = Kind::kProbability;
  float unit = 1e-4f;
  float scale = 0.25f;
};

// Which items are to be forgotten.
class ForgottenItems {
 public:
  explicit ForgottenItems(std::span<const ItemSlot> items) {
    for (const ItemSlot item : items) {
      if (item / 64 >= words_.size()) words_.resize(item / 64 + 1);
      words_[item / 64] |= uint64_t{1} << item % 64;
    }
  }
  bool contains(ItemSlot item) const {
    return item / 64 < words_.size() && (words_[item / 64] >> item % 64 & 1) != 0;
  }

 private:
  std::vector<uint64_t> words_;
};

class Source {
 public:
  virtual ~Source() = default;
  virtual std::string_view name() const = 0;
  virtual std::span<const SourceColumn> columns() const = 0;

  // Fold thread. `context` is made of lesson.before, as a query's would be.
  virtual void learn(const Lesson& lesson, const Context& context) = 0;
  // As Recommender::set_aside() and help() say.
  virtual void set_aside(bool) {}
  virtual bool help() { return false; }
  virtual bool help_waits() const { return false; }
  virtual void evict(const ForgottenItems& items) = 0;
  virtual void save(Writer& out) const = 0;
  virtual Status load(Reader& in) = 0;

  // Any thread, under an EpochGuard. `first`: index of the source's column 0 in the slate's rows.
  virtual void collect(const Context& context, size_t first, Slate& slate) const = 0;
  virtual void fill(const Context& context, size_t first, std::span<const uint32_t> chosen,
                    Slate& slate) const;
  virtual RecommendReason reason(const Context& context, ItemSlot item) const = 0;
  virtual size_t bytes() const = 0;
  // Of a source that looks items up in an approximate index: recall@100 against an exact scan, measured all
  // the time on sampled queries. NaN: it has no such index.
  virtual double index_recall() const { return kNoNumber; }
};

inline void Source::fill(const Context&, size_t, std::span<const uint32_t>, Slate&) const {}

}  // namespace freshet
