// freshet simulate: a generated shop, as files of events, or as shoppers that play against a running server.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <thread>

#include "base/json_writer.h"
#include "env/clock.h"
#include "env/progress.h"
#include "eval/event_json.h"
#include "eval/simulate_judge.h"
#include "http/client.h"
#include "main/command.h"

namespace freshet {

namespace {

struct SimulateFlags {
  uint64_t events = 100'000;
  uint32_t items = 2000;
  uint32_t shoppers = 1000;
  uint64_t seed = 1;
  double days = 60;
  double taste_days = 60;
  double fashion_days = 0;
  std::string start;
  std::string out = "-";
  std::string catalog;

  std::string server;
  std::string key;
  uint64_t visits = 2000;
  size_t k = 10;
  bool taste_change = false;
  bool live = false;
  double rate = 20;
  bool json = false;
  std::string plot;
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

// Days since 1970-01-01 of a civil date (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
int64_t days_of(int year, int month, int day) {
  const int y = year - (month <= 2 ? 1 : 0);
  const int era = y / 400, of_era = y % 400;
  const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097ll + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

// A game is a number of visits: how much longer than its span that may take, four deviations.
double longer_at_most(const SimulateFlags& flags) {
  return 1 + 4 / std::sqrt(static_cast<double>(std::max<uint64_t>(1, flags.visits)));
}

Result<simulate::Options> shop_options(const SimulateFlags& flags) {
  simulate::Options options{.seed = flags.seed,
                            .items = flags.items,
                            .shoppers = flags.shoppers,
                            .days = flags.days,
                            .taste_days = flags.taste_days,
                            .fashion_days = flags.fashion_days};
  int year = 0, month = 0, day = 0;
  if (flags.start == "now") {  // The span ends with the day that has begun.
    const bool game = !flags.server.empty() && !flags.live;
    const double days = game ? 1 + std::ceil(flags.days * longer_at_most(flags)) : flags.days;
    options.start_ms = (now_ms() / kDayMs - static_cast<TimeMs>(days)) * kDayMs;
  } else if (std::sscanf(flags.start.c_str(), "%d-%d-%d", &year, &month, &day) == 3 && month >= 1 &&
             month <= 12 && day >= 1 && day <= 31 && year >= 1971 && year <= 9999) {
    options.start_ms = days_of(year, month, day) * kDayMs;
  } else if (!flags.start.empty()) {
    return invalid("--start \"" + flags.start + "\": expected a date as 2025-01-31, or now");
  }
  return options;
}

// The items of the first day, in portions of lines: each as `append` writes it.
Status each_catalog_portion(const simulate::Shop& shop, size_t bytes,
                            void (*append)(const Event& upsert, std::string& out),
                            const std::function<Status(std::string&)>& take) {
  Event event;
  std::string lines;
  for (uint32_t item = 0; item < shop.items().size(); ++item) {
    if (shop.items()[item].born_ms > shop.options().start_ms) continue;  // It arrives with the events.
    shop.describe(item, shop.options().start_ms, event);
    append(event, lines);
    lines.push_back('\n');
    if (lines.size() < bytes) continue;
    TRY_STATUS(take(lines));
    lines.clear();
  }
  return lines.empty() ? Status() : take(lines);
}

Status write_catalog(const simulate::Shop& shop, const std::string& path) {
  Output out;
  TRY_STATUS(out.open(path));
  return each_catalog_portion(shop, 1 << 20, append_item_json, [&](std::string& lines) {
    out.pending.swap(lines);
    return out.flush();
  });
}

double visits_per_day(const SimulateFlags& flags) {
  return static_cast<double>(flags.events) / simulate::kEventsPerVisit / flags.days;
}

Status write_events(const simulate::Shop& shop, const SimulateFlags& flags) {
  Output out;
  TRY_STATUS(out.open(flags.out));
  simulate::Stream stream(shop,
                          {.visits_per_day = visits_per_day(flags), .catalogue = flags.catalog.empty()});
  // With --start now the span is what counts: the stream runs up to this moment, not to a number of events.
  const TimeMs end = flags.start == "now" ? now_ms() : 0;
  Progress progress("simulate", flags.events);
  Event event;
  for (uint64_t n = 1; end != 0 || n <= flags.events; ++n) {
    stream.next(event);
    if (end != 0 && event.time_ms > end) break;
    append_event_json(event, out.pending);
    out.pending.push_back('\n');
    if (out.pending.size() > 1 << 20) TRY_STATUS(out.flush());
    progress.at(n);
  }
  return out.flush();
}

// A server, as the judge plays against it. After each step it waits until answers know of what was sent: a
// shopper takes seconds from one look to the next, this loop does not.
class ServerRecommending : public simulate::Recommending {
 public:
  ServerRecommending(Client& client, bool live) : client_(client), live_(live) {}

  Status send(const std::vector<Event>& events) override {
    lines_.clear();
    for (const Event& event : events) {
      append_event_json(event, lines_);
      lines_.push_back('\n');
    }
    TRY(const uint64_t offset, client_.post_events(lines_));
    sent_ = std::max(sent_, offset);
    return {};
  }

  Result<List> recommend(const Question& asked) override {
    if (!live_) TRY_STATUS(wait_folded());
    JsonWriter ask;
    ask.object().field("surface", asked.surface).field("user", asked.user).field("session", asked.session);
    ask.field("region", asked.region).field("k", asked.k);
    if (!live_) ask.field("time_ms", asked.now);  // The page is of the game's time, as what follows it.
    ask.end();
    TRY(ClientPage page, client_.recommend(ask.text()));
    return List{std::move(page.query_id), std::move(page.items)};
  }

 private:
  // Asks for pages that nobody sees, and which therefore are not recorded.
  Status wait_folded() {
    for (int tries = 0; known_ < sent_; ++tries) {
      TRY(const ClientPage page, client_.recommend(R"({"k": 1, "explain": true, "record": false})"));
      known_ = page.state_offset;
      if (known_ >= sent_) break;
      if (tries > 2000) return unavailable("the server has not folded what it acknowledged for a long time");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {};
  }

  Client& client_;
  const bool live_;  // As of now, and at its own pace.
  std::string lines_;
  uint64_t sent_ = 0, known_ = 0;  // Offsets: of what was sent, and of what answers know.
};

Status play(const simulate::Options& options, const SimulateFlags& flags) {
  simulate::Shop shop(options);
  TRY(const std::unique_ptr<Client> client, Client::connect({.url = flags.server, .key = flags.key}));
  // As events: they have the game's time, where documents would set the shop's clock to now.
  if (!flags.live)
    TRY_STATUS(each_catalog_portion(shop, 1 << 20, append_event_json, [&](std::string& lines) -> Status {
      const auto taken = client->post_events(lines);
      return taken.ok() ? Status() : taken.error();
    }));
  Progress progress("simulate", flags.live ? 0 : flags.visits, "steps");
  uint64_t steps = 0;
  simulate::JudgeOptions judging{
      .visits = flags.visits,
      .visits_per_day = static_cast<double>(flags.visits) / flags.days,
      .k = flags.k,
      .taste_change = flags.taste_change,
      .name = "game-" + std::to_string(flags.seed) + "-" + std::to_string(options.start_ms)};
  if (flags.live) {  // Until it is ended.
    judging.visits = ~0ull >> 8;
    judging.now = [] { return now_ms(); };
    judging.name = "live-" + std::to_string(now_ms());
  }
  judging.pause = [&] {
    progress.at(++steps);
    if (flags.live) std::this_thread::sleep_for(std::chrono::duration<double>(1 / flags.rate));
    return true;
  };
  ServerRecommending recommending(*client, flags.live);
  TRY(const simulate::Verdict verdict, simulate::judge(shop, judging, recommending));
  progress.done();
  if (!flags.plot.empty()) {
    Output out;
    TRY_STATUS(out.open(flags.plot));
    out.pending = simulate::verdict_svg(verdict);
    TRY_STATUS(out.flush());
  }
  std::fputs((flags.json ? simulate::verdict_json(verdict) : simulate::verdict_text(verdict)).c_str(),
             stdout);
  return {};
}

}  // namespace

Run add_simulate(FlagSet app) {
  auto flags = std::make_shared<SimulateFlags>();
  app.add_option("--items", flags->items, "Items in the catalogue")
      .capture_default_str()
      .check(number_within(100, 100'000'000));
  app.add_option("--shoppers", flags->shoppers, "Shoppers")
      .capture_default_str()
      .check(number_within(1, 100'000'000));
  app.add_option("--seed", flags->seed, "The same seed gives the same shop, on every machine")
      .capture_default_str();
  app.add_option("--days", flags->days, "Days that the events span, about")
      .capture_default_str()
      .check(number_within(0.01, 36500.0));
  app.add_option("--taste-days", flags->taste_days, "Mean days between abrupt changes of a taste; 0: none")
      .capture_default_str()
      .check(number_within(0.0, 36500.0));
  app.add_option("--fashion-days", flags->fashion_days,
                 "Days in which what all shoppers like goes over into something else; 0: no fashion")
      .capture_default_str()
      .check(number_within(0.0, 36500.0));
  app.add_option("--start", flags->start, "First day, as 2025-01-31; now: so that the span ends now");
  const std::string files = "Write files";
  app.add_option("--events", flags->events, "How many events; about so many with --start now")
      .capture_default_str()
      .group(files);
  app.add_option("--out", flags->out, "Events as JSON lines; -: standard output")
      .capture_default_str()
      .group(files);
  app.add_option("--catalog", flags->catalog,
                 "Items of the first day as JSON lines; without it they are the first events")
      .group(files);
  const std::string game = "Play against a server, and judge its lists";
  const Flag server = app.add_option("--server", flags->server, "Its URL").group(game);
  app.add_option("--key", flags->key, "API key (write)").group(game).needs(server);
  app.add_option("--visits", flags->visits, "Visits to play")
      .capture_default_str()
      .check(number_within(1, 1'000'000'000))
      .group(game);
  app.add_option("--k", flags->k, "Length of the lists")
      .capture_default_str()
      .check(number_within(1, 100))
      .group(game);
  app.add_flag("--taste-change", flags->taste_change, "Half way a third of the shoppers like something else")
      .group(game)
      .needs(server);
  const Flag live =
      app.add_flag("--live", flags->live, "No end and no judgement: traffic as of now, catalogue as it is")
          .group(game)
          .needs(server);
  app.add_option("--rate", flags->rate, "Live: steps a second")
      .capture_default_str()
      .check(number_within(0.01, 100000.0))
      .group(game)
      .needs(live);
  app.add_flag("--json", flags->json, "The verdict as JSON").group(game).needs(server);
  app.add_option("--plot", flags->plot, "The curve as an SVG file").group(game).needs(server);
  return [flags]() -> Status {
    // A door that takes events as they happen refuses those a month old, and those of the future: a game
    // spans the last days.
    if (!flags->server.empty() && flags->start.empty()) flags->start = "now";
    if (!flags->server.empty() && !flags->live)
      flags->days = std::min(flags->days, std::floor(28 / longer_at_most(*flags)));
    TRY(const simulate::Options options, shop_options(*flags));
    if (!flags->server.empty()) return play(options, *flags);
    const simulate::Shop shop(options);
    if (!flags->catalog.empty()) TRY_STATUS(write_catalog(shop, flags->catalog));
    return write_events(shop, *flags);
  };
}

}  // namespace freshet
