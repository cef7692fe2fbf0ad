// The search index alone, on one core: a million made-up products, plain BM25 top 10.
//
//   build/release/bench/search_speed --files DIR [products]   writes DIR/corpus.txt and DIR/queries.txt
//   build/release/bench/search_speed DIR                      reads them; prints what bench/search_peers.py
//   reads build/release/bench/search_speed --updates [products] [updates/s] [seconds]   visibility under
//   query load build/release/bench/search_speed --dictionary [terms]     prefix and fuzzy enumeration
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <thread>

#include "base/epoch.h"
#include "base/text_table.h"
#include "env/process.h"
#include "index/search_index.h"
#include "search_corpus.h"

namespace freshet {
namespace {

using Clock = std::chrono::steady_clock;

// What this thread has used of a core: the machine may have other work.
double cpu_us() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double us_since(Clock::time_point from) {
  return std::chrono::duration<double, std::micro>(Clock::now() - from).count();
}

double at(std::vector<double>& sorted, double share) {
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(share * static_cast<double>(sorted.size())))];
}

// ASCII words: the least analysis there is. Lower-cases in place.
void tokens_of(std::string& text, std::vector<IndexToken>& out) {
  out.clear();
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    for (; i < text.size() && text[i] != ' '; ++i)
      if (text[i] >= 'A' && text[i] <= 'Z') text[i] = static_cast<char>(text[i] | 32);
    if (i > begin) out.push_back({{text.data() + begin, i - begin}, static_cast<uint32_t>(out.size())});
    ++i;
  }
}

void put(SearchIndex& index, uint32_t slot, std::string& text, std::vector<IndexToken>& tokens) {
  tokens_of(text, tokens);
  const FieldText fields[] = {{0, tokens}};
  CHECK(index.update(slot, fields).ok());
}

QueryPlan plan_of(const std::vector<std::string>& words, bool required) {
  QueryPlan plan;
  for (const std::string& word : words) {
    Clause clause;
    clause.required = required;
    clause.alternatives.push_back({{word}});
    plan.clauses.push_back(clause);
  }
  return plan;
}

int write_files(const std::string& directory, uint64_t products) {
  const bench::Corpus corpus;
  std::ofstream items(directory + "/corpus.txt"), queries(directory + "/queries.txt");
  for (uint64_t n = 0; n < products; ++n) items << corpus.text(n) << '\n';
  for (uint64_t n = 0; n < 1000; ++n)
    for (uint32_t terms = 1; terms <= 3; ++terms)
      for (const char* mode : {"AND", "OR"}) {
        if (terms == 1 && mode[0] == 'O') continue;
        queries << mode << ' ' << terms;
        for (const std::string& word : corpus.query(n, terms, products)) queries << ' ' << word;
        queries << '\n';
      }
  return items && queries ? 0 : 1;
}

struct Asked {
  std::string group;
  QueryPlan plan;
};

std::vector<Asked> read_queries(const std::string& path) {
  std::ifstream in(path);
  std::vector<Asked> out;
  std::string mode;
  for (size_t terms = 0; in >> mode >> terms;) {
    std::vector<std::string> words(terms);
    for (std::string& word : words) in >> word;
    out.push_back({mode + " " + std::to_string(terms), plan_of(words, mode == "AND")});
  }
  return out;
}

int measure(const std::string& directory) {
  std::ifstream in(directory + "/corpus.txt");
  std::vector<std::string> texts;
  for (std::string line; std::getline(in, line);) texts.push_back(line);
  SearchIndex index;
  std::vector<IndexToken> tokens;
  const auto start = Clock::now();
  for (uint32_t slot = 0; slot < texts.size(); ++slot) put(index, slot, texts[slot], tokens);
  const double fold_s = us_since(start) / 1e6;
  index.settle();
  const double index_s = us_since(start) / 1e6;
  index.merge_all();
  std::printf("index %.3f\n", index_s);
  std::fprintf(
      stderr,
      "indexed %.0f products/s (fold thread alone %.0f/s), merged into one segment after %.2f s more\n",
      static_cast<double>(texts.size()) / index_s, static_cast<double>(texts.size()) / fold_s,
      us_since(start) / 1e6 - index_s);
  const SearchIndexStats stats = index.stats();
  const auto each = [&](uint64_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(stats.items);
  };
  std::fprintf(stderr,
               "bytes a product: records %.0f, postings %.0f, probes %.0f, dictionary %.0f, slots %.0f, head "
               "%.0f, all %.0f\n",
               each(stats.records), each(stats.postings), each(stats.probes), each(stats.dictionary),
               each(stats.slots), each(stats.head), each(stats.bytes()));
  auto queries = read_queries(directory + "/queries.txt");
  std::map<std::string, std::vector<double>> times;
  std::vector<Hit> hits;
  uint64_t found = 0;
  for (int round = 0; round < 3; ++round)
    for (const Asked& asked : queries) {
      const double from = cpu_us();
      {
        const EpochGuard guard;
        index.top(asked.plan, nullptr, 10, hits);
      }
      if (round > 0) times[asked.group].push_back(cpu_us() - from);
      found += hits.size();
    }
  for (auto& [group, all] : times) {
    std::sort(all.begin(), all.end());
    std::printf("%s %.2f %.2f %zu\n", group.c_str(), at(all, 0.5), at(all, 0.99), all.size());
  }
  // Facets count what matches() gives.
  double match_us = 0;
  uint64_t matched = 0;
  for (size_t i = 0; i < queries.size() && i < 500; ++i) {
    const EpochGuard guard;
    const auto from = Clock::now();
    matched += index.matches(queries[i].plan).size();
    match_us += us_since(from);
  }
  std::fprintf(stderr, "matches(): %.2f ns a matched product; hits seen %llu\n",
               match_us * 1e3 / static_cast<double>(std::max<uint64_t>(matched, 1)),
               static_cast<unsigned long long>(found));
  return 0;
}

int updates(uint32_t products, double per_second, double seconds) {
  const bench::Corpus corpus;
  SearchIndex index({.worker_begins = lower_thread_priority});  // As the server has it.
  std::vector<IndexToken> tokens;
  for (uint32_t slot = 0; slot < products; ++slot) {
    std::string text = corpus.text(slot);
    put(index, slot, text, tokens);
  }
  index.merge_all();
  std::atomic<bool> done{false};
  std::vector<double> query_us;
  std::thread reader([&] {
    std::vector<Hit> hits;
    for (uint64_t n = 0; !done.load(); ++n) {
      const QueryPlan plan = plan_of(corpus.query(n, 1 + n % 3, products), n % 2 == 0);
      const auto from = Clock::now();
      const EpochGuard guard;
      index.top(plan, nullptr, 10, hits);
      query_us.push_back(us_since(from));
    }
  });
  // Due times are fixed in advance; an update counts as visible when a query for a word only it has finds it.
  std::vector<double> visible_us, call_us;
  const auto start = Clock::now();
  std::vector<Hit> hits;
  const auto count = static_cast<uint64_t>(per_second * seconds);
  for (uint64_t n = 0; n < count; ++n) {
    const double due = static_cast<double>(n) / per_second * 1e6;
    while (us_since(start) < due) std::this_thread::yield();
    const auto slot = static_cast<uint32_t>(mix64(n) % products);
    const std::string own = "own" + std::to_string(n % 1000);
    std::string text = corpus.text(n) + " " + own;
    const auto from = Clock::now();
    put(index, slot, text, tokens);
    call_us.push_back(us_since(from));
    if (n % 16 == 0) {
      const EpochGuard guard;
      index.top(plan_of({own}, true), nullptr, 100, hits);
      CHECK(std::any_of(hits.begin(), hits.end(), [&](const Hit& hit) { return hit.slot == slot; }));
      visible_us.push_back(us_since(start) - due);
    }
  }
  const double took = us_since(start) / 1e6;
  done = true;
  reader.join();
  TextTable table({"", "p50 us", "p99 us", "n"});
  for (auto& [name, all] : {std::pair<const char*, std::vector<double>*>{"update call", &call_us},
                            {"due until found by a query", &visible_us},
                            {"query meanwhile (other thread)", &query_us}}) {
    std::sort(all->begin(), all->end());
    table.row(
        {name, format_number(at(*all, 0.5), 1), format_number(at(*all, 0.99), 1), format_count(all->size())});
  }
  std::printf("%.0f updates/s for %.1f s over %u products\n%s", static_cast<double>(count) / took, took,
              products, table.text().c_str());
  return 0;
}

int dictionary(uint32_t terms) {
  const bench::Corpus corpus(terms);
  SearchIndex index;
  for (uint32_t n = 0; n < terms; ++n) {
    const IndexToken token[] = {{corpus.words()[n], 0}};
    const FieldText fields[] = {{0, token}};
    CHECK(index.update(n, fields).ok());
  }
  index.merge_all();
  TextTable table({"", "p50 us", "p99 us", "terms found"});
  std::vector<TermInfo> out;
  const auto row = [&](const char* name, auto&& ask) {
    std::vector<double> times;
    double found = 0;
    for (uint64_t n = 0; n < 2000; ++n) {
      const std::string& word = corpus.words()[mix64(n) % terms];
      const double from = cpu_us();
      const EpochGuard guard;
      ask(word);
      times.push_back(cpu_us() - from);
      found += static_cast<double>(out.size());
    }
    std::sort(times.begin(), times.end());
    table.row({name, format_number(at(times, 0.5), 1), format_number(at(times, 0.99), 1),
               format_number(found / 2000, 1)});
  };
  const auto changed = [](std::string word) {
    word[word.size() / 2] = 'q';
    return word;
  };
  row("prefix of 2 letters", [&](const std::string& word) { index.prefix(word.substr(0, 2), 20, out); });
  row("prefix of 4 letters", [&](const std::string& word) { index.prefix(word.substr(0, 4), 20, out); });
  row("1 edit", [&](const std::string& word) { index.fuzzy(changed(word), 1, 20, out); });
  row("2 edits", [&](const std::string& word) { index.fuzzy(changed(word), 2, 20, out); });
  row("prefix of 6 letters, 1 edit",
      [&](const std::string& word) { index.fuzzy_prefix(changed(word).substr(0, 6), 1, 20, out); });
  std::printf("%u terms\n%s", terms, table.text().c_str());
  return 0;
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  const auto number = [&](int i, double otherwise) { return argc > i ? std::atof(argv[i]) : otherwise; };
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "--files" && argc > 2)
    return freshet::write_files(argv[2], static_cast<uint64_t>(number(3, 1e6)));
  if (mode == "--updates")
    return freshet::updates(static_cast<uint32_t>(number(2, 1e6)), number(3, 5000), number(4, 5));
  if (mode == "--dictionary") return freshet::dictionary(static_cast<uint32_t>(number(2, 200'000)));
  if (!mode.empty() && mode[0] != '-') return freshet::measure(mode);
  std::fprintf(stderr, "usage: see the head of bench/search_speed.cc\n");
  return 2;
}
