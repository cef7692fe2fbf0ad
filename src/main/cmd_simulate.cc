// freshet simulate: the events of a generated shop, as files.
#include <cstdio>
#include <memory>

#include "env/clock.h"
#include "env/progress.h"
#include "eval/event_json.h"
#include "eval/simulate_stream.h"
#include "main/command.h"

namespace freshet {

namespace {

struct Flags {
  uint64_t events = 100'000;
  uint32_t items = 2000;
  uint32_t shoppers = 1000;
  uint64_t seed = 1;
  double days = 60;
  double taste_days = 60;
  std::string start;
  std::string out = "-";
  std::string catalog;
};

// A C stream that is closed when it goes away; "-": standard output.
struct Output {
  std::FILE* file = nullptr;
  std::string path;
  std::string pending;

  Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() {
    if (file != nullptr && file != stdout) std::fclose(file);
  }
  Status open(const std::string& name) {
    path = name == "-" ? "standard output" : name;
    file = name == "-" ? stdout : std::fopen(name.c_str(), "wb");
    if (file == nullptr)
      return unavailable("cannot write " + name + "; check that its folder exists and may be written");
    return {};
  }
  Status flush() {
    const bool ok =
        std::fwrite(pending.data(), 1, pending.size(), file) == pending.size() && std::fflush(file) == 0;
    pending.clear();
    if (!ok) return unavailable("cannot write to " + path + "; is the disk full, or its reader gone?");
    return {};
  }
};

Result<simulate::Options> shop_options(const Flags& flags) {
  simulate::Options options{.seed = flags.seed,
                            .items = flags.items,
                            .shoppers = flags.shoppers,
                            .days = flags.days,
                            .taste_days = flags.taste_days};
  if (flags.start == "now") {  // The history ends with the day that has begun.
    options.start_ms = (now_ms() / kDayMs - static_cast<TimeMs>(flags.days)) * kDayMs;
  } else if (!flags.start.empty()) {
    int year = 0, month = 0, day = 0;
    if (std::sscanf(flags.start.c_str(), "%d-%d-%d", &year, &month, &day) != 3 || month < 1 || month > 12 ||
        day < 1 || day > 31 || year < 1971 || year > 9999)
      return invalid("--start \"" + flags.start + "\": expected a date as 2025-01-31, or now");
    // Days since 1970-01-01 of a civil date (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    const int y = year - (month <= 2 ? 1 : 0);
    const int era = y / 400, of_era = y % 400;
    const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    options.start_ms =
        (era * 146097ll + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468) * kDayMs;
  }
  return options;
}

Status write_catalog(const simulate::Shop& shop, const std::string& path) {
  Output out;
  TRY_STATUS(out.open(path));
  Event event;
  for (uint32_t item = 0; item < shop.items().size(); ++item) {
    if (shop.items()[item].born_ms > shop.options().start_ms) continue;  // It arrives with the events.
    shop.describe(item, shop.options().start_ms, event);
    append_item_json(event, out.pending);
    out.pending.push_back('\n');
    if (out.pending.size() > 1 << 20) TRY_STATUS(out.flush());
  }
  return out.flush();
}

Status write_events(const simulate::Shop& shop, const Flags& flags) {
  Output out;
  TRY_STATUS(out.open(flags.out));
  simulate::StreamOptions options;
  options.visits_per_day = static_cast<double>(flags.events) / simulate::kEventsPerVisit / flags.days;
  options.catalogue = flags.catalog.empty();
  simulate::Stream stream(shop, options);
  Progress progress("simulate", flags.events);
  Event event;
  for (uint64_t n = 1; n <= flags.events; ++n) {
    stream.next(event);
    append_event_json(event, out.pending);
    out.pending.push_back('\n');
    if (out.pending.size() > 1 << 20) TRY_STATUS(out.flush());
    progress.at(n);
  }
  return out.flush();
}

}  // namespace

Run add_simulate(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("--events", flags->events, "How many events to write")->capture_default_str();
  app.add_option("--items", flags->items, "Items in the catalogue")
      ->capture_default_str()
      ->check(CLI::Range(100, 100'000'000));
  app.add_option("--shoppers", flags->shoppers, "Shoppers")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000'000));
  app.add_option("--seed", flags->seed, "The same seed gives the same shop, on every machine")
      ->capture_default_str();
  app.add_option("--days", flags->days, "Days that the events span, about")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 36500.0));
  app.add_option("--taste-days", flags->taste_days, "Mean days between abrupt changes of a taste; 0: none")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 36500.0));
  app.add_option("--start", flags->start, "First day, as 2025-01-31; now: so that the span ends today");
  app.add_option("--out", flags->out, "Events as JSON lines; -: standard output")->capture_default_str();
  app.add_option("--catalog", flags->catalog,
                 "Items of the first day as JSON lines; without it they are the first events");
  return [flags]() -> Status {
    TRY(const simulate::Options options, shop_options(*flags));
    const simulate::Shop shop(options);
    if (!flags->catalog.empty()) TRY_STATUS(write_catalog(shop, flags->catalog));
    return write_events(shop, *flags);
  };
}

}  // namespace freshet
