// How fast the server answers and acknowledges, and how soon an answer shows an event, all over HTTP on
// loopback.
//
//   build/release/bench/http_load [--items N] [--shoppers N] [--events N] [--rate R] [--seconds S] [--json]
//   ...
//
// A server is started in this process on an empty directory, filled with a made-up shop (items in clusters,
// Zipf within; shoppers who keep to a few clusters), and then:
//
//   recommend, idle      pages at `rate` a second, Poisson arrivals, nothing else going on
//   recommend, learning  the same while events arrive as fast as the fold takes them
//   freshness            a shopper acts; from the acknowledgement until an answer to that shopper shows it
//   durable append       batches of 100 events at `append` events a second, policy sync
//
// Open loop: a request counts from the moment it was due, whether or not a connection was free to send it
// then (so a slow server cannot hide behind its own slowness). Clients, server and learning share this
// machine.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "base/json_writer.h"
#include "base/text_table.h"
#include "engine/engine.h"
#include "env/clock.h"
#include "env/log.h"
#include "env/process.h"
#include "http/api.h"
#include "http/client.h"

namespace freshet {
namespace {

struct Flags {
  uint64_t items = 100'000;
  uint64_t shoppers = 100'000;
  uint64_t events = 400'000;  // Before measuring.
  double rate = 500;          // Pages a second.
  double append = 20'000;     // Events a second of the append phase.
  double seconds = 20;        // Each phase.
  int connections = 16;
  int threads = 0;  // Of the server that answer; 0: as many as by default.
  std::string data = "/tmp/freshet-http-load";
  std::string sources;  // With commas; empty: all.
  bool json = false;
};

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "http_load: %s\n", what.c_str());
  std::exit(1);
}

template <class T>
T need(Result<T> result) {
  if (!result.ok()) die(result.error().what);
  return std::move(result).value();
}
void need(const Status& status) {
  if (!status.ok()) die(status.error().what);
}

double ms_since(uint64_t begun_ns) {
  return static_cast<double>(monotonic_ns() - begun_ns) * 1e-6;
}

struct Latencies {
  std::vector<double> ms;
  uint64_t failed = 0;
  double at(double p) {
    if (ms.empty()) return kNoNumber;
    const size_t place = std::min(ms.size() - 1, static_cast<size_t>(p * static_cast<double>(ms.size())));
    std::nth_element(ms.begin(), ms.begin() + static_cast<ptrdiff_t>(place), ms.end());
    return ms[place];
  }
  void merge(const Latencies& other) {
    ms.insert(ms.end(), other.ms.begin(), other.ms.end());
    failed += other.failed;
  }
};

// ---- the shop

class Shop {
 public:
  explicit Shop(const Flags& flags) : flags_(flags), clusters_(std::max<uint64_t>(1, flags.items / 100)) {}

  std::string item_json(uint64_t item) const {
    return R"({"id":"i)" + std::to_string(item) + R"(","title":"Item )" + std::to_string(item) +
           R"(","category":"C)" + std::to_string(cluster_of(item) % 40) + " > C" +
           std::to_string(cluster_of(item)) + R"(","brand":"B)" + std::to_string(item % 500) +
           R"(","price":)" + std::to_string(1 + item % 300) + "}";
  }
  std::string shopper(uint64_t number) const { return "s" + std::to_string(number % flags_.shoppers); }
  std::string item_for(uint64_t shopper, Draw& draw) const {
    const uint64_t taste = mix64(shopper, draw.below(3)) % clusters_;
    const double u = draw.uniform();
    const auto rank = static_cast<uint64_t>(std::pow(100.0, u)) - 1;  // Zipf, 0..99
    return "i" + std::to_string((taste * 100 + rank) % flags_.items);
  }
  // Number `n` of all events: one of a few shoppers at a time goes from item to item.
  void append_event(uint64_t n, std::string& out) const {
    Draw draw(mix64(n, 77));
    const uint64_t visit = n / 40 * 8 + n % 8;  // Eight visits of five steps are interleaved.
    const uint64_t number = mix64(visit) % flags_.shoppers;
    const uint64_t kind = draw.below(20);
    out += R"({"id":"e)" + std::to_string(n) + R"(","type":")" +
           (kind == 0  ? "purchase"
            : kind < 3 ? "add-to-cart"
                       : "view") +
           R"(","user":")" + shopper(number) + R"(","item":")" + item_for(number, draw) + "\"}";
  }
  std::string batch(uint64_t first, uint64_t count) const {
    std::string body;
    for (uint64_t n = first; n < first + count; ++n) {
      append_event(n, body);
      body += '\n';
    }
    return body;
  }
  std::string page_path(uint64_t n) const {
    Draw draw(mix64(n, 99));
    const uint64_t number = draw.below(flags_.shoppers);
    const std::string user = "user=" + shopper(number);
    const uint64_t kind = draw.below(10);
    if (kind < 6) return "/api/v1/recommend?k=20&surface=for-you&" + user;
    if (kind < 8) return "/api/v1/recommend?k=20&surface=next&" + user;
    return "/api/v1/recommend?k=20&surface=related&item=" + item_for(number, draw) + "&" + user;
  }

 private:
  uint64_t cluster_of(uint64_t item) const { return item / 100; }
  const Flags& flags_;
  const uint64_t clusters_;
};

// ---- the server and what is done to it

struct Bench {
  Flags flags;
  Shop shop{flags};
  std::unique_ptr<Engine> engine;
  std::unique_ptr<ApiServer> api;
  std::string url;
  std::atomic<uint64_t> next_event{0};

  std::unique_ptr<Client> client() { return need(Client::connect({.url = url})); }
  Offset lag() { return engine->log().end() - std::min(engine->applied(), engine->log().end()); }
};

void start(Bench& bench) {
  std::filesystem::remove_all(bench.flags.data);
  EngineConfig config;
  config.data_dir = bench.flags.data;
  for (std::string_view rest = bench.flags.sources; !rest.empty();) {
    const size_t comma = std::min(rest.find(','), rest.size());
    config.state.recommender.sources.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  bench.engine = need(Engine::open(config));
  ApiOptions options;
  options.server.port = 0;
  if (bench.flags.threads > 0) options.server.threads = static_cast<size_t>(bench.flags.threads);
  options.guard.keys_required = false;
  bench.api = need(ApiServer::start(options, *bench.engine));
  bench.url = "http://127.0.0.1:" + std::to_string(bench.api->port());
}

void fill(Bench& bench) {
  const Door door{.door = "bench", .source = "bench", .now_ms = now_ms()};
  constexpr uint64_t kBatch = 2000;
  Offset end = 0;
  for (uint64_t first = 0; first < bench.flags.items; first += kBatch) {
    std::string body;
    for (uint64_t i = first; i < std::min(first + kBatch, bench.flags.items); ++i)
      body += bench.shop.item_json(i) + "\n";
    end = need(bench.engine->items(body, ItemChange::kUpsert, door)).end;
  }
  const uint64_t begun = monotonic_ns();
  while (bench.next_event < bench.flags.events) {
    const uint64_t first = bench.next_event.fetch_add(kBatch);
    end = need(bench.engine->events(bench.shop.batch(first, kBatch), door)).end;
  }
  while (!bench.engine->wait_applied(end, std::chrono::milliseconds(1000))) {
  }
  if (!bench.flags.json) {
    std::printf(
        "%s items, %s shoppers; learned %s events at %s a second; resident %s\n",
        format_count(bench.flags.items).c_str(), format_count(bench.flags.shoppers).c_str(),
        format_count(bench.flags.events).c_str(),
        format_count(static_cast<uint64_t>(static_cast<double>(bench.flags.events) / ms_since(begun) * 1e3))
            .c_str(),
        format_bytes(rss_bytes()).c_str());
  }
}

// Sends `send(n)` for n = 0, 1, ... at Poisson arrivals of `rate` a second over `connections` connections.
Latencies open_loop(Bench& bench, double rate, int connections,
                    const std::function<Status(Client&, uint64_t)>& send) {
  std::vector<uint64_t> due;
  Draw draw(4711);
  for (double at_s = 0; at_s < bench.flags.seconds; at_s += -std::log(1 - draw.uniform()) / rate)
    due.push_back(static_cast<uint64_t>(at_s * 1e9));
  std::atomic<uint64_t> next{0};
  std::vector<Latencies> each(static_cast<size_t>(connections));
  std::vector<std::thread> threads;
  const uint64_t begun = monotonic_ns() + 50'000'000;
  for (Latencies& mine : each) {
    threads.emplace_back([&] {
      run_in_short_slices();  // As if from another machine: who asks does not wait for who learns here.
      const auto client = bench.client();
      for (uint64_t n = next++; n < due.size(); n = next++) {
        const uint64_t at = begun + due[n], now = monotonic_ns();
        if (at > now) std::this_thread::sleep_for(std::chrono::nanoseconds(at - now));
        if (!send(*client, n).ok()) ++mine.failed;
        mine.ms.push_back(ms_since(at));
      }
    });
  }
  Latencies all;
  for (size_t i = 0; i < threads.size(); ++i) {
    threads[i].join();
    all.merge(each[i]);
  }
  return all;
}

Latencies pages(Bench& bench) {
  return open_loop(bench, bench.flags.rate, bench.flags.connections,
                   [&](Client& client, uint64_t n) -> Status {
                     TRY(const std::string page, client.request("GET", bench.shop.page_path(n), ""));
                     return page.empty() ? Status(unavailable("empty")) : Status();
                   });
}

// Keeps the fold busy without letting a backlog grow, until destroyed.
class Learning {
 public:
  explicit Learning(Bench& bench) : bench_(bench), from_(bench.engine->applied()), begun_(monotonic_ns()) {
    for (int i = 0; i < 4; ++i) threads_.emplace_back([this] { feed(); });
  }
  ~Learning() { stop(); }
  double stop() {  // Events folded a second while it ran.
    if (threads_.empty()) return rate_;
    rate_ = static_cast<double>(bench_.engine->applied() - from_) / ms_since(begun_) * 1e3;
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    return rate_;
  }

 private:
  void feed() {
    constexpr uint64_t kBatch = 100;
    const auto client = bench_.client();
    while (!stopping_) {
      if (bench_.lag() > kBatch) {
        std::this_thread::sleep_for(std::chrono::microseconds(500));
        continue;
      }
      const uint64_t first = bench_.next_event.fetch_add(kBatch);
      (void)client->post_events(bench_.shop.batch(first, kBatch));
    }
  }
  Bench& bench_;
  const Offset from_;
  const uint64_t begun_;
  double rate_ = 0;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

// One shopper at a time views an item; asked right after the acknowledgement, and again, until the state that
// answers contains the event.
Latencies freshness(Bench& bench) {
  Latencies seen;
  run_in_short_slices();
  const auto client = bench.client();
  const uint64_t begun = monotonic_ns();
  for (uint64_t n = 0; ms_since(begun) < bench.flags.seconds * 1e3; ++n) {
    const std::string user = bench.shop.shopper(mix64(n, 5));
    const std::string item = "i" + std::to_string(mix64(n, 6) % bench.flags.items);
    const std::string event = R"({"id":"f)" + std::to_string(n) + R"(","type":"view","user":")" + user +
                              R"(","item":")" + item + "\"}";
    const auto end = client->post_events(event);
    const uint64_t acknowledged = monotonic_ns();
    const std::string ask =
        R"({"surface":"for-you","k":20,"record":false,"explain":true,"user":")" + user + "\"}";
    bool visible = false;
    while (end.ok() && !visible && ms_since(acknowledged) < 5000) {
      const auto page = client->recommend(ask);
      visible = page.ok() && page->state_offset >= *end;
    }
    if (!visible) ++seen.failed;
    seen.ms.push_back(ms_since(acknowledged));
  }
  return seen;
}

Latencies durable_append(Bench& bench) {
  constexpr uint64_t kBatch = 100;
  return open_loop(bench, bench.flags.append / kBatch, bench.flags.connections,
                   [&](Client& client, uint64_t) -> Status {
                     const uint64_t first = bench.next_event.fetch_add(kBatch);
                     const auto end = client.post_events(bench.shop.batch(first, kBatch));
                     return end.ok() ? Status() : Status(end.error());
                   });
}

// ---- report

struct Row {
  std::string name;
  Latencies latencies;
  double per_second = 0;  // Requests.
  double learned = 0;     // Events a second folded meanwhile.
  double cpu_share = 0;   // CPU seconds a second: server, learning and clients.
};

void print(const Flags& flags, std::vector<Row>& rows) {
  if (flags.json) {
    JsonWriter json(1);
    json.object().field("items", flags.items).field("shoppers", flags.shoppers).key("rows").array();
    for (Row& row : rows) {
      json.object().field("name", std::string_view(row.name)).field("requests", row.latencies.ms.size());
      json.field("failed", row.latencies.failed).field("per_second", row.per_second);
      json.field("p50_ms", row.latencies.at(0.5)).field("p99_ms", row.latencies.at(0.99));
      json.field("max_ms", row.latencies.at(1))
          .field("learned_per_second", row.learned)
          .field("cpu_share", row.cpu_share)
          .end();
    }
    json.end().end();
    std::printf("%s\n", json.text().c_str());
    return;
  }
  TextTable table({"", "requests", "failed", "per s", "p50 ms", "p90 ms", "p99 ms", "max ms",
                   "events learned/s", "cores used"});
  for (Row& row : rows) {
    table.row({row.name, format_count(row.latencies.ms.size()), format_count(row.latencies.failed),
               format_number(row.per_second, 0), format_number(row.latencies.at(0.5), 2),
               format_number(row.latencies.at(0.9), 2), format_number(row.latencies.at(0.99), 2),
               format_number(row.latencies.at(1), 2), format_count(static_cast<uint64_t>(row.learned)),
               format_number(row.cpu_share, 2)});
  }
  std::fputs(table.text().c_str(), stdout);
}

template <class Run>
Row measure(const char* name, Run run, Learning* learning = nullptr) {
  const uint64_t begun = monotonic_ns();
  const double cpu = cpu_seconds();
  Row row{.name = name, .latencies = run()};
  row.cpu_share = (cpu_seconds() - cpu) / ms_since(begun) * 1e3;
  row.per_second = static_cast<double>(row.latencies.ms.size()) / ms_since(begun) * 1e3;
  if (learning != nullptr) row.learned = learning->stop();
  return row;
}

// Where the server itself says the time of a page and of a batch went: means, from /metrics.
void print_stages(Bench& bench) {
  const std::string text = need(bench.client()->request("GET", "/metrics", ""));
  const auto number = [&text](const std::string& series) {
    const size_t at = text.find(series);
    return at == std::string::npos ? 0.0 : std::atof(text.c_str() + at + series.size());
  };
  for (const std::string route : {"/api/v1/recommend", "/api/v1/events"}) {
    std::printf("%s, mean ms by stage:", route.c_str());
    for (const char* stage : {"read", "queue", "handle", "durable", "write"}) {
      const std::string labels = "{route=\"" + route + "\",stage=\"" + stage + "\"} ";
      const double count = number("freshet_http_stage_seconds_count" + labels);
      std::printf("  %s %.3f", stage,
                  count > 0 ? 1e3 * number("freshet_http_stage_seconds_sum" + labels) / count : 0);
    }
    std::printf("\n");
  }
}

Flags parse(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--json") {
      flags.json = true;
      continue;
    }
    if (i + 1 == argc) die(name + ": expected a value");
    const std::string value = argv[++i];
    const double number = std::atof(value.c_str());
    if (name == "--items")
      flags.items = static_cast<uint64_t>(number);
    else if (name == "--shoppers")
      flags.shoppers = static_cast<uint64_t>(number);
    else if (name == "--events")
      flags.events = static_cast<uint64_t>(number);
    else if (name == "--rate")
      flags.rate = number;
    else if (name == "--append")
      flags.append = number;
    else if (name == "--seconds")
      flags.seconds = number;
    else if (name == "--connections")
      flags.connections = static_cast<int>(number);
    else if (name == "--threads")
      flags.threads = static_cast<int>(number);
    else if (name == "--data")
      flags.data = value;
    else if (name == "--sources")
      flags.sources = value;
    else
      die(name +
          ": expected --items, --shoppers, --events, --rate, --append, --seconds, --connections, --threads, "
          "--data, "
          "--sources or --json");
  }
  if (flags.items < 100 || flags.shoppers < 1 || flags.rate <= 0 || flags.connections < 1)
    die("numbers out of range");
  return flags;
}

// Measured all the time against the exact scan, on sampled queries.
void print_recall(const Bench& bench) {
  for (const SourceStats& source : bench.engine->stats().sources)
    if (has_number(source.index_recall))
      std::printf("%s, recall@100 of its index against the exact scan: %.3f\n",
                  std::string(source.name).c_str(), source.index_recall);
}

int run(int argc, char** argv) {
  Bench bench{.flags = parse(argc, argv)};
  set_log_level(LogLevel::kWarn);
  start(bench);
  fill(bench);
  std::vector<Row> rows;
  rows.push_back(measure("recommend, idle", [&] { return pages(bench); }));
  {
    Learning learning(bench);
    rows.push_back(measure(
        "recommend, learning", [&] { return pages(bench); }, &learning));
  }
  {
    Learning learning(bench);
    Latencies background;
    std::thread load([&] { background = pages(bench); });
    rows.push_back(measure(
        "freshness, same load", [&] { return freshness(bench); }, &learning));
    load.join();
  }
  const Offset before = bench.engine->applied();
  rows.push_back(measure("durable append of 100", [&] { return durable_append(bench); }));
  rows.back().learned = static_cast<double>(bench.engine->applied() - before) / bench.flags.seconds;
  print(bench.flags, rows);
  if (!bench.flags.json) print_stages(bench), print_recall(bench);
  bench.api->stop();
  need(bench.engine->close());
  bench.api.reset();
  bench.engine.reset();
  std::filesystem::remove_all(bench.flags.data);
  return 0;
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  return freshet::run(argc, argv);
}
