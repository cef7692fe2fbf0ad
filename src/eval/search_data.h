// Judged search data from files: items, queries, labels. TSV, CSV (RFC 4180; also with ; or |) or JSON
// (lines, or one list), plain or gzip, told apart by their first bytes; a header line names the columns, in
// any order, of any case.
//
//   items    id (or product_id, product_uid, doc_id, item, sku, ...; else the first column), attributes by
//   name queries  query_id (or id, qid; else the first column), query (or text, search_term; else the second)
//   labels   query_id, item id (else those columns in which most values are known ids), and a number:
//            relevance, label, rating, gain, ... (else the last column); others for --gain expressions
//
// A pair that is labelled twice keeps the last label. Labels of unknown queries or items, those without a
// value, and items without an id are counted and left out; of items with the same id the last counts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace freshet {

// A file as rows of texts; JSON values that are no texts are written as JSON, lists with "\n" between texts.
struct SearchTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // each as long as columns

  // The first of `names` that is a column, whatever its case and separators; -1: none.
  int column(std::initializer_list<std::string_view> names) const;
};

// kInvalid names file, line and what was expected; kNotFound: no such file; kExhausted: over 4 GB.
Result<SearchTable> read_table(const std::string& path);
Result<SearchTable> parse_table(std::string_view bytes, const std::string& name);

// An arithmetic expression over numbers: + - * / ^, parentheses, names, min max pow exp log.
//   "(relevance-1)/2", "pow(2,label)-1"
class GainExpression {
 public:
  // kInvalid: the place in the text and what was expected. Names must be in `names` (or "x": the label).
  static Result<GainExpression> parse(std::string_view text, const std::vector<std::string>& names);
  double value(const std::vector<double>& values, double x) const;

  struct Step {
    enum class Op : uint8_t {
      kNumber,
      kName,
      kLabel,
      kAdd,
      kSubtract,
      kMultiply,
      kDivide,
      kPower,
      kNegate,
      kMin,
      kMax,
      kExp,
      kLog
    };
    Op op;
    double number = 0;
    size_t name = 0;
  };

 private:
  std::vector<Step> steps_;  // postfix
};

struct JudgedItem {
  uint32_t item = 0;  // index into items
  double label = 0;   // as in the file
  double gain = 0;
};

struct JudgedQuery {
  std::string id, text;
  std::vector<JudgedItem> judged;  // by item
};

struct SearchDataOptions {
  std::string items, queries, labels;  // paths
  std::string gain;                    // expression; empty: from gain_min, gain_max
  double gain_min = 0, gain_max = 0;   // label -> (label - min) / (max - min); equal: those of the file
  double relevant_min = 0;             // a label from which an item is relevant
  bool has_relevant_min = false;       // else: a gain of at least 2/3
};

struct SearchData {
  SearchTable items;
  int item_id = 0;                   // column
  std::vector<JudgedQuery> queries;  // in file order; all, judged or not
  double relevant_min = 0;
  bool by_gain = true;  // relevant_min is of the gain, else of the label
  uint64_t labels_unknown = 0, labels_empty = 0;

  bool relevant(const JudgedItem& item) const {
    return (by_gain ? item.gain : item.label) >= relevant_min - 1e-9;
  }
};

Result<SearchData> read_search_data(const SearchDataOptions& options);

}  // namespace freshet
