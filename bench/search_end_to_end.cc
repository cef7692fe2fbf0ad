// Whole searches on one core: typing errors forgiven, the last word a beginning, three facets and a filter.
//
//   build/release/bench/search_end_to_end [products, default 1000000] [queries a kind, default 2000] [--json]
//
// The titles are those of search_corpus.h; each product also has a brand (5,000), a category three levels
// deep (960 leaves), one to three colours and a price. Every query has 1 to 3 words of one product and one of
// five filters, from half of the items to a few. Kinds: as written; with one edit in one word of four letters
// or more; with the last word cut short; with both; browsed without words. Wall time, and the thread's own
// CPU time, because machines have other work; each query's answer is made whole (20 hits, marked titles).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <string>

#include "base/epoch.h"
#include "base/json_writer.h"
#include "base/text_table.h"
#include "env/clock.h"
#include "env/process.h"
#include "feature/entry.h"
#include "search/search_service.h"
#include "search_corpus.h"

namespace freshet {
namespace {

double cpu_us() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// The folds that search reads, as the engine wires them.
struct Shop {
  Shop() {
    settings.on_change(
        [this](const SettingsBook& a, const SettingsBook& b) { state.settings_changed(a, b); });
    catalog.on_change([this](ItemSlot slot, const ItemRecord* before, const ItemRecord* now) {
      state.record_changed(slot, before, now);
    });
    catalog.on_evict([this](std::span<const ItemSlot> slots) { state.evict(slots); });
  }
  void apply(const Event& event) {
    const auto at = static_cast<Offset>(++applied);
    entry.apply(at, event);
    settings.apply(at, event);
    catalog.apply(at, event);
    state.apply(at, event);
  }
  SearchConfig config;
  Moment moment;
  Entry entry{moment, 1000};
  Settings settings{moment};
  Catalog catalog{moment};
  SearchState state{moment, catalog, settings, config};
  SearchService service{catalog, settings, state, config};
  uint64_t applied = 0;
};

// Numbers below `n`, small ones far more often (about Zipf's law with exponent 1).
uint64_t skewed(Draw& draw, uint64_t n) {
  const double x = std::exp(draw.uniform() * std::log(static_cast<double>(n) + 1)) - 1;
  return std::min<uint64_t>(n - 1, static_cast<uint64_t>(x));
}

Event product(const bench::Corpus& corpus, uint64_t n) {
  Draw draw(mix64(n, 22));
  const auto name = [&](const char* stem, uint64_t of) { return stem + std::to_string(skewed(draw, of)); };
  std::vector<std::string> colors;
  for (uint64_t i = 1 + draw.below(3); i > 0; --i) colors.push_back(name("color", 24));
  const std::string top = name("department", 12), middle = top + name("range", 10);
  Event event;
  event.type = EventType::kItemUpsert;
  event.id = "e" + std::to_string(n);
  event.time_ms = 1'760'000'000'000 + static_cast<TimeMs>(n);
  event.item = "p" + std::to_string(n);
  event.attributes = {{"brand", name("brand", 5000)},
                      {"category", top + " > " + middle + " > " + middle + name("kind", 8)},
                      {"color", colors},
                      {"price", std::round(std::exp(draw.uniform() * 7) * 100) / 100},
                      {"title", corpus.text(n)}};
  return event;
}

std::string misspelled(std::string word, Draw& draw) {
  const size_t at = 1 + draw.below(word.size() - 1);
  const char letter = static_cast<char>('a' + draw.below(26));
  switch (draw.below(4)) {
    case 0:
      word[at] = letter;
      return word;
    case 1:
      return word.erase(at, 1);
    case 2:
      return word.insert(at, 1, letter);
    default:
      if (at + 1 < word.size()) std::swap(word[at], word[at + 1]);
      return word;
  }
}

enum class Kind { kWritten, kTypo, kBeginning, kBoth, kBrowse };
constexpr std::pair<Kind, const char*> kKinds[] = {{Kind::kWritten, "as written"},
                                                   {Kind::kTypo, "one typing error"},
                                                   {Kind::kBeginning, "last word cut short"},
                                                   {Kind::kBoth, "both"},
                                                   {Kind::kBrowse, "no words"}};
constexpr const char* kFilters[] = {"price < 30", "category:department0 OR category:department1",
                                    "price:10 TO 200 AND NOT color:color0",
                                    "brand IN (brand0, brand1, brand2)", "brand:brand40 AND price > 5"};

SearchRequest request(const bench::Corpus& corpus, uint64_t products, uint64_t n, Kind kind) {
  Draw draw(mix64(n, 23));
  SearchRequest out;
  out.filter = kFilters[n % std::size(kFilters)];
  out.facets = {
      {"brand", "", 0, std::nullopt}, {"category", "", 0, std::nullopt}, {"color", "", 0, std::nullopt}};
  out.budget_ms = 10'000;
  if (kind == Kind::kBrowse) return out;
  std::vector<std::string> words = corpus.query(n, static_cast<uint32_t>(1 + n / 5 % 3), products);
  if (kind == Kind::kTypo || kind == Kind::kBoth) {
    std::string& word = words[draw.below(words.size())];
    if (word.size() >= 4) word = misspelled(word, draw);
  }
  if (kind == Kind::kBeginning || kind == Kind::kBoth)
    words.back().resize(std::max<size_t>(2, words.back().size() - 1 - draw.below(3)));
  for (const std::string& word : words) out.query += (out.query.empty() ? "" : " ") + word;
  return out;
}

struct Seen {
  std::vector<double> wall, cpu;
  std::map<std::string, std::vector<double>> steps;
  uint64_t found = 0, empty = 0;
};

double at(std::vector<double> all, double share) {
  if (all.empty()) return 0;
  std::sort(all.begin(), all.end());
  return all[std::min(all.size() - 1, static_cast<size_t>(share * static_cast<double>(all.size())))];
}

Seen measure(const Shop& shop, const bench::Corpus& corpus, uint64_t products, uint64_t queries, Kind kind) {
  Seen seen;
  for (uint64_t n = 0; n < queries; ++n) {
    const SearchRequest asked = request(corpus, products, n, kind);
    const uint64_t wall = monotonic_ns();
    const double cpu = cpu_us();
    const auto answer = shop.service.search(asked, shop.moment.now_ms);
    seen.cpu.push_back(cpu_us() - cpu);
    seen.wall.push_back(static_cast<double>(monotonic_ns() - wall) / 1e3);
    CHECK(answer.ok());
    for (const StepTime& step : answer->steps) seen.steps[step.step].push_back(step.us);
    seen.found += answer->found;
    seen.empty += answer->found == 0;
  }
  return seen;
}

void add(Seen& sum, const Seen& one) {
  sum.wall.insert(sum.wall.end(), one.wall.begin(), one.wall.end());
  sum.cpu.insert(sum.cpu.end(), one.cpu.begin(), one.cpu.end());
  for (const auto& [step, all] : one.steps)
    sum.steps[step].insert(sum.steps[step].end(), all.begin(), all.end());
  sum.found += one.found;
  sum.empty += one.empty;
}

int run(uint64_t products, uint64_t queries, bool as_json) {
  const bench::Corpus corpus;
  Shop shop;
  const uint64_t rss = rss_bytes();
  const double from = cpu_us();
  for (uint64_t n = 0; n < products; ++n) shop.apply(product(corpus, n));
  const double fold_s = (cpu_us() - from) / 1e6;
  {
    const EpochGuard guard;
    const_cast<SearchIndex&>(shop.state.generation().index).merge_all();
  }
  std::fprintf(stderr, "folded\n");  // A profiler may be attached now.
  TextTable table({"queries", "n", "wall p50 us", "p99", "cpu p50 us", "p99", "found", "none"});
  TextTable steps({"step", "p50 us", "p99 us"});
  JsonWriter json(2);
  json.object().field("products", products);
  json.field("fold_products_per_cpu_second", static_cast<double>(products) / fold_s);
  json.field("resident_bytes", rss_bytes() - rss);
  json.key("queries").object();
  const auto report = [&](const char* name, const Seen& seen) {
    const auto n = static_cast<double>(seen.wall.size());
    table.row({name, std::to_string(seen.wall.size()), format_number(at(seen.wall, 0.5), 0),
               format_number(at(seen.wall, 0.99), 0), format_number(at(seen.cpu, 0.5), 0),
               format_number(at(seen.cpu, 0.99), 0), format_number(static_cast<double>(seen.found) / n, 0),
               format_number(static_cast<double>(seen.empty) / n, 3)});
    json.key(name).object();
    json.field("n", seen.wall.size()).field("wall_p50_us", at(seen.wall, 0.5));
    json.field("wall_p99_us", at(seen.wall, 0.99)).field("cpu_p50_us", at(seen.cpu, 0.5));
    json.field("cpu_p99_us", at(seen.cpu, 0.99)).field("found", static_cast<double>(seen.found) / n);
    json.field("share_empty", static_cast<double>(seen.empty) / n).end();
  };
  (void)measure(shop, corpus, products, queries / 4, Kind::kBoth);  // Warm.
  Seen words;
  for (const auto& [kind, name] : kKinds) {
    const Seen seen = measure(shop, corpus, products, queries, kind);
    report(name, seen);
    if (kind != Kind::kBrowse) add(words, seen);
  }
  report("all with words", words);
  json.end().key("steps_with_words").object();
  for (const auto& [step, all] : words.steps) {
    steps.row({step, format_number(at(all, 0.5), 0), format_number(at(all, 0.99), 0)});
    json.key(step).object().field("p50_us", at(all, 0.5)).field("p99_us", at(all, 0.99)).end();
  }
  json.end().end();
  if (as_json) {
    std::printf("%s\n", json.text().c_str());
    return 0;
  }
  std::printf("%s products folded, %.0f a CPU second, %.0f bytes of memory each\n%s%s",
              format_count(products).c_str(), static_cast<double>(products) / fold_s,
              static_cast<double>(rss_bytes() - rss) / static_cast<double>(products), table.text().c_str(),
              steps.text().c_str());
  return 0;
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  uint64_t numbers[2] = {1'000'000, 2000};
  size_t given = 0;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) {
      json = true;
    } else if (given < 2 && std::atoll(argv[i]) > 0) {
      numbers[given++] = static_cast<uint64_t>(std::atoll(argv[i]));
    } else {
      std::fprintf(stderr, "usage: search_end_to_end [products] [queries a kind] [--json]\n");
      return 2;
    }
  }
  return freshet::run(numbers[0], numbers[1], json);
}
