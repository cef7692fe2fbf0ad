#include "eval/search_eval.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/hash.h"
#include "base/json_writer.h"
#include "base/text_table.h"
#include "env/clock.h"

namespace freshet {
namespace {

constexpr size_t kRankMax = 1000;
constexpr size_t kPage = 20;  // What is timed.
constexpr size_t kDiscounted = 10;
constexpr size_t kRecallAt = 100;
constexpr double kPairGap = 0.3;

double discount(size_t rank) {
  return 1 / std::log2(static_cast<double>(rank) + 1);
}

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto at = static_cast<size_t>(std::ceil(q * static_cast<double>(values.size())));
  return values[std::min(values.size() - 1, at == 0 ? 0 : at - 1)];
}

void count_pairs(const JudgedQuery& query, const std::unordered_map<uint32_t, double>& scores,
                 QueryScores& out) {
  const auto score = [&](const JudgedItem& item) {
    const auto found = scores.find(item.item);
    return found == scores.end() ? -HUGE_VAL : found->second;
  };
  for (size_t i = 0; i < query.judged.size(); i++)
    for (size_t j = i + 1; j < query.judged.size(); j++) {
      const JudgedItem* better = &query.judged[i];
      const JudgedItem* worse = &query.judged[j];
      if (better->gain < worse->gain) std::swap(better, worse);
      if (better->gain - worse->gain < kPairGap - 1e-9) continue;
      out.pairs++;
      const double a = score(*better), b = score(*worse);
      out.pairs_right += a > b ? 1 : a == b ? 0.5 : 0;
    }
}

}  // namespace

QueryScores score_query(const JudgedQuery& query, const SearchData& data,
                        const std::vector<RankedItem>& ranked) {
  QueryScores out;
  std::unordered_map<uint32_t, const JudgedItem*> judged;
  std::vector<double> gains;
  size_t relevant = 0;
  for (const JudgedItem& item : query.judged) {
    judged.emplace(item.item, &item);
    gains.push_back(std::max(0.0, item.gain));
    relevant += data.relevant(item) ? 1 : 0;
  }
  std::sort(gains.rbegin(), gains.rend());
  double ideal = 0, got = 0;
  for (size_t i = 0; i < std::min(gains.size(), kDiscounted); i++) ideal += gains[i] * discount(i + 1);
  size_t hits = 0;
  std::unordered_map<uint32_t, double> scores;
  for (size_t i = 0; i < ranked.size(); i++) {
    scores.emplace(ranked[i].item, ranked[i].score);
    const auto found = judged.find(ranked[i].item);
    if (found == judged.end()) continue;
    if (i < kDiscounted) got += std::max(0.0, found->second->gain) * discount(i + 1);
    if (i >= kRecallAt || !data.relevant(*found->second)) continue;
    if (hits++ == 0) out.mrr = 1 / static_cast<double>(i + 1);
  }
  out.has_gain = ideal > 0;
  out.has_relevant = relevant > 0;
  out.ndcg10 = ideal > 0 ? got / ideal : 0;
  out.recall100 = relevant > 0 ? static_cast<double>(hits) / static_cast<double>(relevant) : 0;
  count_pairs(query, scores, out);
  return out;
}

Result<SearchReport> evaluate_search(const SearchData& data, const SearchEvalOptions& options,
                                     const SearchAnswerer& answer) {
  SearchReport report;
  std::vector<double> times;
  uint64_t with_gain = 0, with_relevant = 0;
  double right = 0;
  const auto first = std::find_if(data.queries.begin(), data.queries.end(),
                                  [](const JudgedQuery& query) { return !query.judged.empty(); });
  if (first != data.queries.end()) (void)answer(first->text, kPage);
  for (const JudgedQuery& query : data.queries) {
    if (query.judged.empty()) continue;
    QueryReport& row = report.by_query.emplace_back();
    row.id = query.id;
    row.text = query.text;
    row.asked = options.typos > 0 ? with_typos(query.text, options.typos, options.seed) : query.text;
    const uint64_t start_ns = monotonic_ns();
    const auto page = answer(row.asked, kPage);
    row.us = static_cast<double>(monotonic_ns() - start_ns) / 1e3;
    auto ranked = page.ok() ? answer(row.asked, kRankMax) : page;
    if (!ranked.ok() && ranked.error().code != Code::kInvalid)
      return Error{ranked.error().code, "query " + query.id + ": " + ranked.error().what};
    if (ranked.ok()) {
      row.ranked = std::move(ranked).value();
    } else {
      row.refused = ranked.error().what;
      report.refused++;
    }
    row.found = row.ranked.size();
    row.scores = score_query(query, data, row.ranked);
    times.push_back(row.us);
    report.queries++;
    report.zero_results += row.found == 0 ? 1 : 0;
    if (row.scores.has_gain) with_gain++, report.ndcg10 += row.scores.ndcg10;
    if (row.scores.has_relevant) {
      with_relevant++;
      report.mrr += row.scores.mrr;
      report.recall100 += row.scores.recall100;
    }
    right += row.scores.pairs_right;
    report.pair_count += row.scores.pairs;
  }
  if (with_gain > 0) report.ndcg10 /= static_cast<double>(with_gain);
  if (with_relevant > 0) report.mrr /= static_cast<double>(with_relevant);
  if (with_relevant > 0) report.recall100 /= static_cast<double>(with_relevant);
  report.pairs = report.pair_count > 0 ? right / static_cast<double>(report.pair_count) : 0;
  report.p50_us = quantile(times, 0.5);
  report.p99_us = quantile(times, 0.99);
  return report;
}

std::string with_typos(const std::string& text, uint32_t edits, uint64_t seed) {
  const size_t letters_min = edits >= 2 ? 8 : 4;
  std::vector<std::pair<size_t, size_t>> words;  // begin, end: runs of ASCII letters
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    while (i < text.size() && is_letter(text[i])) i++;
    if (i - begin >= letters_min) words.emplace_back(begin, i);
    if (i == begin) i++;
  }
  if (words.empty() || edits == 0) return text;
  Draw draw(mix64(seed, hash_bytes(text)));
  const auto [begin, end] = words[draw.below(words.size())];
  std::string word = text.substr(begin, end - begin);
  for (uint32_t e = 0; e < edits; e++) {
    const std::string before = word;
    while (word == before) {  // An edit that changes nothing is none.
      const auto letter = static_cast<char>('a' + draw.below(26));
      const size_t at = draw.below(word.size());
      switch (draw.below(4)) {
        case 0:
          word.erase(at, 1);
          break;
        case 1:
          word.insert(draw.below(word.size() + 1), 1, letter);
          break;
        case 2:
          word[at] = letter;
          break;
        default:
          if (at + 1 < word.size()) std::swap(word[at], word[at + 1]);
      }
    }
  }
  return text.substr(0, begin) + word + text.substr(end);
}

std::string search_report_json(const SearchReport& report) {
  JsonWriter out;
  out.object();
  out.field("queries", report.queries);
  out.field("ndcg10", report.ndcg10);
  out.field("mrr", report.mrr);
  out.field("recall100", report.recall100);
  out.field("pairs", report.pairs);
  out.field("pair_count", report.pair_count);
  out.field("zero_results", report.zero_results);
  if (report.refused > 0) out.field("refused", report.refused);
  out.field("p50_us", report.p50_us);
  out.field("p99_us", report.p99_us);
  out.end();
  return out.text() + "\n";
}

namespace {

std::string summary(const SearchReport& report) {
  TextTable table({"queries", "nDCG@10", "MRR", "R@100", "pairs", "zero", "p50 us", "p99 us"});
  table.row({format_count(report.queries), format_number(report.ndcg10, 4), format_number(report.mrr, 4),
             format_number(report.recall100, 4), format_number(report.pairs, 4),
             format_count(report.zero_results), format_number(report.p50_us, 0),
             format_number(report.p99_us, 0)});
  return table.text();
}

std::string shortened(const std::string& text) {
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

}  // namespace

std::string search_report_text(const SearchReport& report, size_t queries_max) {
  std::string out = summary(report);
  if (queries_max == 0) return out;
  std::vector<const QueryReport*> rows;
  for (const QueryReport& row : report.by_query) rows.push_back(&row);
  std::stable_sort(rows.begin(), rows.end(), [](const QueryReport* a, const QueryReport* b) {
    return a->scores.ndcg10 < b->scores.ndcg10;
  });
  TextTable table({"query (worst first)", "id", "found", "nDCG@10", "MRR", "R@100", "us"});
  for (size_t i = 0; i < std::min(queries_max, rows.size()); i++) {
    const QueryReport& row = *rows[i];
    table.row({shortened(row.asked), row.id, format_count(row.found), format_number(row.scores.ndcg10, 4),
               format_number(row.scores.mrr, 4), format_number(row.scores.recall100, 4),
               format_number(row.us, 0)});
  }
  return out + "\n" + table.text();
}

std::string search_diff_text(const SearchReport& before, const SearchReport& after, size_t queries_max) {
  std::string out = "before\n" + summary(before) + "after\n" + summary(after);
  struct Change {
    const QueryReport* before;
    const QueryReport* after;
    double by;
  };
  std::vector<Change> changes;
  size_t better = 0, worse = 0;
  for (size_t i = 0; i < std::min(before.by_query.size(), after.by_query.size()); i++) {
    const double by = after.by_query[i].scores.ndcg10 - before.by_query[i].scores.ndcg10;
    better += by > 1e-9 ? 1 : 0;
    worse += by < -1e-9 ? 1 : 0;
    if (std::abs(by) > 1e-9) changes.push_back({&before.by_query[i], &after.by_query[i], by});
  }
  out += "\n" + format_count(better) + " queries better, " + format_count(worse) + " worse, " +
         format_count(before.by_query.size() - better - worse) + " as before\n";
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Change& a, const Change& b) { return std::abs(a.by) > std::abs(b.by); });
  TextTable table({"query (changed most first)", "id", "before", "after", "change"});
  for (size_t i = 0; i < std::min(queries_max, changes.size()); i++)
    table.row({shortened(changes[i].before->asked), changes[i].before->id,
               format_number(changes[i].before->scores.ndcg10, 4),
               format_number(changes[i].after->scores.ndcg10, 4), format_number(changes[i].by, 4)});
  return changes.empty() ? out : out + "\n" + table.text();
}

}  // namespace freshet
