// Analytics reads below /2/: what was searched for, day by day, and what came of it.
#include <algorithm>
#include <charconv>

#include "dialect/internal/parts.h"
#include "env/clock.h"

namespace freshet::dialect_internal {
namespace {

constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
constexpr size_t kLimitMax = 1000;
constexpr Day kUsualDays = 8;  // The last week, with today.

std::string date_text(Day day) {
  return iso_time(int64_t{day} * kDayMs).substr(0, 10);
}

Result<Day> read_date(const Request& request, std::string_view name, Day otherwise) {
  const std::string text(request.argument(name).value_or(""));
  TimeMs time = 0;
  if (text.empty()) return otherwise;
  if (text.size() != 10 || !time_from_iso(text, time))
    return invalid(std::string(name) + ": expected a date as 2026-01-31, got \"" + text.substr(0, 40) + "\"");
  return static_cast<Day>(time / kDayMs);
}

Result<size_t> read_count(const Request& request, std::string_view name, size_t otherwise, size_t max) {
  const std::string_view text = request.argument(name).value_or("");
  size_t out = 0;
  if (text.empty()) return otherwise;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out > max)
    return invalid(std::string(name) + ": expected a whole number from 0 to " + std::to_string(max) +
                   ", got \"" + std::string(text.substr(0, 40)) + "\"");
  return out;
}

struct Asked {
  AnalyticsSpan span;
  size_t limit = 10, offset = 0;
  bool clicks = false;
  std::string order = "searchCount";
  bool ascending = false;
};

Result<Asked> read(Parts& parts, const Request& request) {
  const std::string index(request.argument("index").value_or(""));
  if (index.empty()) return invalid("index: expected the name of an index");
  TRY(const Index known, parts.book.find(index));
  (void)known;
  // Days are those of the events: with imported history the newest may lie in the past.
  const Day today = parts.analytics.read([](const SearchCounts& counts) {
    return static_cast<Day>((counts.empty() ? now_ms() : std::max(counts.last_ms(), TimeMs{0})) / kDayMs);
  });
  Asked out;
  TRY(out.span.last, read_date(request, "endDate", today));
  TRY(out.span.first, read_date(request, "startDate", out.span.last - kUsualDays + 1));
  if (out.span.first > out.span.last) return invalid("startDate: expected a day not after endDate");
  TRY(out.limit, read_count(request, "limit", out.limit, kLimitMax));
  TRY(out.offset, read_count(request, "offset", 0, 1'000'000));
  out.clicks = request.argument("clickAnalytics").value_or("") == "true";
  if (const auto order = request.argument("orderBy"); order && !order->empty()) out.order = *order;
  out.ascending = request.argument("direction").value_or("desc") == "asc";
  return out;
}

// null when there was no traffic.
void write_rate(JsonWriter& json, std::string_view name, uint64_t part, uint64_t of) {
  if (of == 0) {
    json.key(name).null();
  } else {
    json.field(name, static_cast<double>(part) / static_cast<double>(of));
  }
}

template <class Use>
Response answer(Parts& parts, const Request& request, const Use& use) {
  const Result<Asked> asked = read(parts, request);
  if (!asked.ok()) return refusal(asked.error());
  JsonWriter json;
  json.object();
  parts.analytics.read([&](const SearchCounts& counts) { use(counts, *asked, json); });
  json.end();
  return json_answer(json);
}

// The same of the whole span, and of each day under "dates".
template <class One>
void write_span(const SearchCounts& counts, const Asked& asked, JsonWriter& json, const One& one) {
  one(counts.totals(asked.span), json);
  json.key("dates").array();
  for (const auto& [day, totals] : counts.by_day(asked.span)) {
    json.object().field("date", date_text(day));
    one(totals, json);
    json.end();
  }
  json.end();
}

double measure(const QueryRow& row, std::string_view order) {
  const SearchTotals& of = row.totals;
  const auto rate = [&](uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
  };
  if (order == "clickThroughRate") return rate(of.clicked, of.searches);
  if (order == "conversionRate") return rate(of.converted, of.searches);
  if (order == "averageClickPosition") return rate(of.position_sum, of.placed_clicks);
  if (order == "noResultCount") return static_cast<double>(of.without_results);
  return static_cast<double>(of.searches);
}

template <class Keep, class Write>
void write_queries(const SearchCounts& counts, const Asked& asked, JsonWriter& json, const Keep& keep,
                   const Write& write) {
  std::vector<QueryRow> rows = counts.queries(asked.span);
  std::erase_if(rows, [&](const QueryRow& row) { return !keep(row.totals); });
  std::stable_sort(rows.begin(), rows.end(), [&](const QueryRow& a, const QueryRow& b) {
    const double left = measure(a, asked.order), right = measure(b, asked.order);
    return asked.ascending ? left < right : left > right;
  });
  json.key("searches").array();
  for (size_t i = asked.offset; i < std::min(rows.size(), asked.offset + asked.limit); ++i) {
    json.object().field("search", valid_utf8(rows[i].query));
    write(rows[i]);
    json.end();
  }
  json.end();
}

Response searches(Parts& parts, const Request& request) {
  return answer(parts, request, [](const SearchCounts& counts, const Asked& asked, JsonWriter& json) {
    write_queries(
        counts, asked, json, [](const SearchTotals&) { return true; },
        [&](const QueryRow& row) {
          const SearchTotals& of = row.totals;
          json.field("count", of.searches).field("nbHits", static_cast<uint64_t>(row.last_found));
          if (!asked.clicks) return;
          write_rate(json, "clickThroughRate", of.clicked, of.searches);
          write_rate(json, "averageClickPosition", of.position_sum, of.placed_clicks);
          write_rate(json, "conversionRate", of.converted, of.searches);
          json.field("trackedSearchCount", of.searches).field("clickCount", of.clicks);
          json.field("conversionCount", of.converted);
        });
  });
}

Response without_results(Parts& parts, const Request& request) {
  return answer(parts, request, [](const SearchCounts& counts, const Asked& given, JsonWriter& json) {
    Asked asked = given;
    if (asked.order == "searchCount") asked.order = "noResultCount";
    write_queries(
        counts, asked, json, [](const SearchTotals& of) { return of.without_results > 0; },
        [&](const QueryRow& row) {
          json.field("count", row.totals.without_results).field("withFilterCount", 0);
        });
  });
}

Response without_clicks(Parts& parts, const Request& request) {
  return answer(parts, request, [](const SearchCounts& counts, const Asked& asked, JsonWriter& json) {
    write_queries(
        counts, asked, json,
        [](const SearchTotals& of) { return of.clicked == 0 && of.searches > of.without_results; },
        [&](const QueryRow& row) {
          json.field("count", row.totals.searches - row.totals.without_results);
          json.field("nbHits", static_cast<uint64_t>(row.last_found)).field("withFilterCount", 0);
        });
  });
}

// A part of all searches: its names, and which part it is.
struct Share {
  std::string_view rate, part, whole;
  uint64_t SearchTotals::*counted;
};

Response share(Parts& parts, const Request& request, const Share& of) {
  return answer(parts, request, [&](const SearchCounts& counts, const Asked& asked, JsonWriter& json) {
    write_span(counts, asked, json, [&](const SearchTotals& totals, JsonWriter& out) {
      write_rate(out, of.rate, totals.*of.counted, totals.searches);
      out.field(of.part, totals.*of.counted).field(of.whole, totals.searches);
    });
  });
}

Response search_count(Parts& parts, const Request& request) {
  return answer(parts, request, [](const SearchCounts& counts, const Asked& asked, JsonWriter& json) {
    write_span(counts, asked, json,
               [](const SearchTotals& of, JsonWriter& out) { out.field("count", of.searches); });
  });
}

Response no_click_rate(Parts& parts, const Request& request) {
  return answer(parts, request, [](const SearchCounts& counts, const Asked& asked, JsonWriter& json) {
    write_span(counts, asked, json, [](const SearchTotals& of, JsonWriter& out) {
      write_rate(out, "rate", of.searches - of.clicked, of.searches);
      out.field("noClickCount", of.searches - of.clicked).field("count", of.searches);
    });
  });
}

Response click_position(Parts& parts, const Request& request) {
  return answer(parts, request, [](const SearchCounts& counts, const Asked& asked, JsonWriter& json) {
    write_span(counts, asked, json, [](const SearchTotals& of, JsonWriter& out) {
      write_rate(out, "average", of.position_sum, of.placed_clicks);
      out.field("clickCount", of.placed_clicks);
    });
  });
}

Response click_positions(Parts& parts, const Request& request) {
  return answer(parts, request, [](const SearchCounts& counts, const Asked& asked, JsonWriter& json) {
    const std::array<uint64_t, 21> at = counts.positions(asked.span);
    const auto write = [&](int64_t from, int64_t to, uint64_t clicks) {
      json.object().key("position").array().value(from).value(to).end().field("clickCount", clicks).end();
    };
    json.key("positions").array();
    for (size_t i = 1; i <= 4; ++i) write(static_cast<int64_t>(i), static_cast<int64_t>(i), at[i]);
    const auto sum = [&](size_t from, size_t to) {
      uint64_t clicks = 0;
      for (size_t i = from; i <= to; ++i) clicks += at[i];
      return clicks;
    };
    write(5, 8, sum(5, 8));
    write(9, 16, sum(9, 16));
    write(17, 20, sum(17, 20));
    write(21, -1, at[0]);
    json.end();
  });
}

Response revenue(Parts& parts, const Request& request) {
  return answer(parts, request, [](const SearchCounts& counts, const Asked& asked, JsonWriter& json) {
    const auto write = [&](AnalyticsSpan span) {
      json.key("currencies").object();
      for (const auto& [currency, sum] : counts.revenue(span))
        json.key(currency).object().field("currency", std::string_view(currency)).field("revenue", sum).end();
      json.end();
    };
    write(asked.span);
    json.key("dates").array();
    for (const auto& [day, totals] : counts.by_day(asked.span)) {
      json.object().field("date", date_text(day));
      write({day, day});
      json.end();
    }
    json.end();
  });
}

Response user_count(Parts& parts, const Request& request) {
  return answer(parts, request, [](const SearchCounts& counts, const Asked& asked, JsonWriter& json) {
    json.field("count", counts.users(asked.span)).key("dates").array();
    for (const auto& [day, totals] : counts.by_day(asked.span))
      json.object().field("date", date_text(day)).field("count", counts.users({day, day})).end();
    json.end();
  });
}

Response updated(Parts& parts, const Request& request) {
  return answer(parts, request, [](const SearchCounts& counts, const Asked&, JsonWriter& json) {
    if (counts.empty()) {
      json.key("updatedAt").null();
    } else {
      json.field("updatedAt", iso_time(counts.last_ms()));
    }
  });
}

template <const Share& kShare>
Response share_of(Parts& parts, const Request& request) {
  return share(parts, request, kShare);
}
constexpr Share kNoResults{"rate", "noResultCount", "count", &SearchTotals::without_results};
constexpr Share kClicked{"rate", "clickCount", "trackedSearchCount", &SearchTotals::clicked};
constexpr Share kConverted{"rate", "conversionCount", "trackedSearchCount", &SearchTotals::converted};
constexpr Share kCarted{"rate", "addToCartCount", "trackedSearchCount", &SearchTotals::carted};
constexpr Share kBought{"rate", "purchaseCount", "trackedSearchCount", &SearchTotals::bought};

}  // namespace

void add_analytics_routes(Router& router, Parts& parts) {
  const std::pair<std::string_view, Answer> routes[] = {
      {"/2/status", updated},
      {"/2/searches", searches},
      {"/2/searches/count", search_count},
      {"/2/searches/noResults", without_results},
      {"/2/searches/noResultRate", share_of<kNoResults>},
      {"/2/searches/noClicks", without_clicks},
      {"/2/searches/noClickRate", no_click_rate},
      {"/2/clicks/clickThroughRate", share_of<kClicked>},
      {"/2/clicks/averageClickPosition", click_position},
      {"/2/clicks/positions", click_positions},
      {"/2/conversions/conversionRate", share_of<kConverted>},
      {"/2/conversions/addToCartRate", share_of<kCarted>},
      {"/2/conversions/purchaseRate", share_of<kBought>},
      {"/2/conversions/revenue", revenue},
      {"/2/users/count", user_count},
  };
  for (const auto& [path, how] : routes)  // What people typed is for the shop's own eyes.
    router.add(route(parts, Method::kGet, std::string(path), Access::kAdmin, 0, true, how));
}

}  // namespace freshet::dialect_internal
