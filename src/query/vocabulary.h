// The words of the catalogue as the query side sees them.
//
// A SearchIndex is one (IndexVocabulary); tests have small ones. Threads: as the index; an EpochGuard is
// held.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "index/search_index.h"

namespace freshet {

class Vocabulary {
 public:
  virtual ~Vocabulary() = default;
  virtual uint32_t items() const = 0;
  virtual uint32_t df(std::string_view term) const = 0;  // 0: no item has it
  // As the functions of SearchIndex of the same names.
  virtual void prefix(std::string_view prefix, uint32_t limit, std::vector<TermInfo>& out) const = 0;
  virtual void fuzzy(std::string_view term, uint32_t edits, uint32_t limit,
                     std::vector<TermInfo>& out) const = 0;
  virtual void fuzzy_prefix(std::string_view prefix, uint32_t edits, uint32_t limit,
                            std::vector<TermInfo>& out) const = 0;
  virtual void similar(std::string_view term, uint32_t limit, std::vector<TermInfo>& out) const = 0;
};

class IndexVocabulary final : public Vocabulary {
 public:
  explicit IndexVocabulary(const SearchIndex& index) : index_(index) {}
  uint32_t items() const override { return index_.items(); }
  uint32_t df(std::string_view term) const override { return index_.df(term); }
  void prefix(std::string_view prefix, uint32_t limit, std::vector<TermInfo>& out) const override {
    index_.prefix(prefix, limit, out);
  }
  void fuzzy(std::string_view term, uint32_t edits, uint32_t limit,
             std::vector<TermInfo>& out) const override {
    index_.fuzzy(term, edits, limit, out);
  }
  void fuzzy_prefix(std::string_view prefix, uint32_t edits, uint32_t limit,
                    std::vector<TermInfo>& out) const override {
    index_.fuzzy_prefix(prefix, edits, limit, out);
  }
  void similar(std::string_view term, uint32_t limit, std::vector<TermInfo>& out) const override {
    index_.similar(term, limit, out);
  }

 private:
  const SearchIndex& index_;
};

}  // namespace freshet
