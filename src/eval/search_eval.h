// What a search is worth on judged queries (protocol in docs/benchmarks.md): the whole catalogue is ordered,
// what is not judged has gain 0.
//
//   ndcg10     sum of gain / log2(rank + 1) over the first ten, by that of the judged items in ideal order
//              (Järvelin, Kekäläinen 2002); mean over queries with a gain above 0
//   recall100  share of the relevant judged items among the first hundred; mean over queries that have any
//   mrr        1 / rank of the first relevant one within the first hundred, else 0; the same queries
//   pairs      over judged pairs of one query whose gains differ by at least 0.3: share that the scores order
//              right, equal scores (or both not found) count half; over all pairs of all queries
//   zero_results  queries that found nothing, those that the search refused (too long, not UTF-8) among them
//   p50_us, p99_us  of a page of 20, as shoppers ask; the deep ranking that is scored is not timed
//
// tools/score_search.py computes the same from the rankings (--dump) and the label file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "eval/search_data.h"

namespace freshet {

struct RankedItem {
  uint32_t item = 0;
  double score = 0;
};

struct QueryScores {
  double ndcg10 = 0, mrr = 0, recall100 = 0;
  bool has_gain = false, has_relevant = false;
  double pairs_right = 0;
  uint64_t pairs = 0;
};

QueryScores score_query(const JudgedQuery& query, const SearchData& data,
                        const std::vector<RankedItem>& ranked);

struct QueryReport {
  std::string id, text, asked;  // asked: the text with edits put in (--typos)
  QueryScores scores;
  size_t found = 0;
  double us = 0;
  std::string refused;  // Why; empty: it was not.
  std::vector<RankedItem> ranked;
};

struct SearchReport {
  double ndcg10 = 0, mrr = 0, recall100 = 0, pairs = 0;
  uint64_t zero_results = 0, queries = 0, pair_count = 0, refused = 0;
  double p50_us = 0, p99_us = 0;
  std::vector<QueryReport> by_query;
};

// Answers one query: the best `k` of the catalogue, best first.
using SearchAnswerer = std::function<Result<std::vector<RankedItem>>(const std::string& query, size_t k)>;

struct SearchEvalOptions {
  uint32_t typos = 0;  // Edits put into one word of each query: 0, 1 or 2.
  uint64_t seed = 1;
};

// Judged queries only; a query that is refused as invalid has found nothing. Other errors end it, naming the
// query. The first query is asked once before, untimed: a server has long been warm.
Result<SearchReport> evaluate_search(const SearchData& data, const SearchEvalOptions& options,
                                     const SearchAnswerer& answer);

// `edits` random edits (deletion, insertion, substitution, transposition of neighbours, each as likely;
// letters a-z) in one word of four letters or more (of eight or more when edits is 2), drawn by (seed, text).
// The text itself when it has no such word.
std::string with_typos(const std::string& text, uint32_t edits, uint64_t seed);

std::string search_report_json(const SearchReport& report);
std::string search_report_text(const SearchReport& report, size_t queries_max);
// The queries whose nDCG changed most, with both values.
std::string search_diff_text(const SearchReport& before, const SearchReport& after, size_t queries_max);

}  // namespace freshet
