// Filters, facets, sorting and changes over the columns of made-up products. Prints one table.
//
//   build/release/bench/column_bench [items, default 1000000]
//
// One thread; each time is the median processor time of nine runs (of a change: wall time). ns/found divides
// by the items found, where that says more. Before timing, the fast answers are compared with their slow
// twins.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>

#include "base/text_table.h"
#include "column/facets.h"
#include "column/sort.h"
#include "column/testing/small_shop.h"
#include "env/clock.h"

namespace freshet {
namespace {

// Numbers below `n`, small ones far more often (about Zipf's law with exponent 1).
uint64_t skewed(Draw& draw, uint64_t n) {
  return std::min<uint64_t>(
      n - 1, static_cast<uint64_t>(std::exp(draw.uniform() * std::log(static_cast<double>(n) + 1)) - 1));
}

std::vector<Attribute> product(uint64_t i) {
  Draw draw(mix64(i, 21));
  const auto name = [&](const char* stem, uint64_t n) { return stem + std::to_string(skewed(draw, n)); };
  std::vector<std::string> colors;
  for (uint64_t n = 1 + draw.below(3); n > 0; --n) colors.push_back(name("color", 24));
  const std::string top = name("department", 12), middle = name("range", 10), leaf = name("kind", 8);
  std::vector<Attribute> out = {{"available", draw.below(10) != 0},
                                {"brand", name("brand", 5000)},
                                {"category", top + " > " + top + middle + " > " + top + middle + leaf},
                                {"color", colors},
                                {"parent", "p" + std::to_string(i / 3)},
                                {"price", std::round(std::exp(draw.uniform() * 7) * 100) / 100},
                                {"rating", static_cast<double>(draw.below(41)) / 10 + 1},
                                {"size", std::to_string(30 + draw.below(20))}};
  if (draw.below(10) == 0) {
    out.insert(out.begin(), {"_geo.lng", draw.uniform() * 20 - 5});
    out.insert(out.begin(), {"_geo.lat", draw.uniform() * 20 + 40});
  }
  return out;
}

class Bench {
 public:
  void time(const std::string& what, uint64_t found, const std::function<void()>& work) {
    std::vector<double> us;
    for (int run = 0; run < 9; ++run) {
      const std::clock_t begin = std::clock();
      work();
      us.push_back(static_cast<double>(std::clock() - begin) * 1e6 / CLOCKS_PER_SEC);
    }
    std::sort(us.begin(), us.end());
    const double each = found == 0 ? std::nan("") : us[4] * 1000 / static_cast<double>(found);
    table_.row({what, format_count(found), format_number(us[4], 1), format_number(each, 2)});
  }
  void print() const { std::fputs(table_.text().c_str(), stdout); }

 private:
  TextTable table_{{"", "found", "us", "ns/found"}};
};

void bench_filters(Bench& bench, const ColumnSet& columns) {
  for (const char* text :
       {"brand:brand3", "brand:brand4000", "category:department1", "price:10 TO 20", "price < 100",
        "price >= 5.01 AND price <= 500",
        "brand IN (brand0, brand1, brand2) AND price < 100 AND available = true",
        "NOT color:color0 AND rating >= 4", "(color:color1 OR color:color2) AND size:41 AND NOT brand:brand0",
        "GEO_RADIUS(48.85, 2.35, 50000)", "color EXISTS"}) {
    const auto filter = Filter::parse(text);
    CHECK(filter.ok());
    const uint64_t found = filter->evaluate(columns).size();
    bench.time(std::string("filter  ") + text, found,
               [&] { CHECK(filter->evaluate(columns).size() == found); });
  }
}

void bench_facets(Bench& bench, const ColumnSet& columns) {
  for (const char* text :
       {"", "price < 30", "brand:brand1", "brand:brand1 AND price < 10", "brand:brand900"}) {
    const SlotSet found = Filter::parse(text)->evaluate(columns);
    for (const char* name : {"color", "size", "brand", "category", "price"}) {
      const FacetSpec spec{.name = name, .values_max = 20};
      const FacetCounts fast = count_facet(columns, spec, found),
                        slow = count_facet_slowly(columns, spec, found);
      CHECK(fast.distinct == slow.distinct && fast.values.size() == slow.values.size());
      for (size_t i = 0; i < fast.values.size(); ++i) CHECK(fast.values[i].count == slow.values[i].count);
      bench.time(std::string("facet   ") + name + " of {" + text + "}", found.size(),
                 [&] { (void)count_facet(columns, spec, found); });
    }
  }
  const SlotSet found = Filter::parse("category:department0")->evaluate(columns);
  const FacetSpec specs[] = {{.name = "brand"}, {.name = "color"}, {.name = "category"}};
  const FacetChoice choices[] = {{"brand", Filter::one_of("brand", {"brand1", "brand2"})},
                                 {"color", Filter::one_of("color", {"color3"})}};
  bench.time("facets  3, two of them chosen (disjunctive)", found.size(),
             [&] { (void)count_facets(columns, found, specs, choices); });
  const GroupKey key(columns, "parent");
  bench.time("facets  color by group", found.size(),
             [&] { (void)count_facet(columns, specs[1], found, &key); });
  bench.time("groups  counted", found.size(), [&] { (void)key.count_groups(found); });
}

void bench_sort(Bench& bench, const ColumnSet& columns) {
  const std::vector<SortBy> orders[] = {{{"price"}},
                                        {{"rating", true}, {"price"}},
                                        {{"brand"}, {"price", true}},
                                        {{"distance", false, 48.85, 2.35}}};
  for (const char* text : {"", "brand:brand1"}) {
    const SlotSet found = Filter::parse(text)->evaluate(columns);
    for (const auto& keys : orders)
      bench.time("sort    top 100 by " + keys[0].name + (keys.size() > 1 ? ", " + keys[1].name : "") +
                     " of {" + text + "}",
                 found.size(), [&] { (void)top_sorted(columns, found, keys, 100); });
  }
}

void run(uint64_t items) {
  SmallShop shop;
  Event event;
  event.type = EventType::kItemUpsert;
  for (uint64_t i = 0; i < items; ++i) {
    event.item = "i" + std::to_string(i);
    event.attributes = product(i);
    shop.catalog.apply(i, event);
  }
  ColumnSet columns(shop.catalog);
  const std::clock_t started = std::clock();
  columns.rebuild();
  const double rebuild_ns = static_cast<double>(std::clock() - started) * 1e9 / CLOCKS_PER_SEC;
  const EpochGuard guard;
  Bench bench;
  bench_filters(bench, columns);
  bench_facets(bench, columns);
  bench_sort(bench, columns);
  bench.print();

  std::vector<double> change_us;
  for (uint64_t n = 0; n < 20'000; ++n) {
    Draw draw(n);
    const auto slot = static_cast<ItemSlot>(draw.below(items));
    const ItemRecord before = *shop.catalog.item(slot);
    ItemRecord now = before;
    const double price = static_cast<double>(draw.below(50'000)) / 100;
    now.price = price;
    for (Attribute& attribute : now.attributes)
      if (attribute.name == "price") attribute.value = price;
    const uint64_t begin = monotonic_ns();
    columns.update(slot, &before, &now);
    change_us.push_back(static_cast<double>(monotonic_ns() - begin) / 1000);
  }
  std::sort(change_us.begin(), change_us.end());
  std::printf(
      "\nrebuild from the catalogue: %.2f us an item (%.1f s); a new price: median %.2f us, p99 %.2f us\n\n",
      rebuild_ns / 1000 / static_cast<double>(items), rebuild_ns / 1e9, change_us[change_us.size() / 2],
      change_us[change_us.size() * 99 / 100]);
  TextTable memory({"column", "items", "texts", "bytes", "bytes/product"});
  size_t sum = 0;
  for (const ColumnSize& size : columns.sizes()) {
    sum += size.bytes;
    memory.row({size.name, format_count(size.items), format_count(size.distinct_texts),
                format_count(size.bytes),
                format_number(static_cast<double>(size.bytes) / static_cast<double>(items), 1)});
  }
  memory.row({"all", format_count(items), "", format_count(sum),
              format_number(static_cast<double>(sum) / static_cast<double>(items), 1)});
  std::fputs(memory.text().c_str(), stdout);
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  const uint64_t items = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  freshet::run(std::max<uint64_t>(items, 1000));
}
