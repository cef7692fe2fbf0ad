// freshet top: a running server, live in a terminal.
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include "env/clock.h"
#include "env/process.h"
#include "http/client.h"
#include "main/command.h"
#include "main/top.h"

namespace freshet {
namespace {

struct TopFlags {
  std::string server = "http://127.0.0.1:8080";
  std::string key;
  double every = 1;
  uint64_t times = 0;
  bool json = false;
};

constexpr size_t kAnswerBytes = 4 << 20;

Status run(const TopFlags& flags) {
  TRY(const auto client, Client::connect({.url = flags.server, .key = flags.key}));
  Json before;
  uint64_t before_ns = 0;
  // On a terminal each page takes the place of the one before.
  const bool live = stdout_is_terminal() && !flags.json;
  for (uint64_t shown = 0; flags.times == 0 || shown < flags.times; ++shown) {
    if (shown > 0) std::this_thread::sleep_for(std::chrono::duration<double>(flags.every));
    TRY(const std::string answer, client->request("GET", "/api/v1/status", ""));
    const uint64_t now_ns = monotonic_ns();
    if (flags.json) {
      std::printf("%s\n", answer.substr(0, answer.find('\n')).c_str());
      std::fflush(stdout);
      continue;
    }
    TRY(Json now, parse_json(answer, {kAnswerBytes, 16}));
    const double seconds = before_ns == 0 ? 0 : static_cast<double>(now_ns - before_ns) / 1e9;
    TRY(const std::string versions, client->request("GET", "/api/v1/models", ""));
    TRY(const Json models, parse_json(versions, {kAnswerBytes, 16}));
    std::printf("%s%s%s",
                live        ? "\x1b[H\x1b[2J"
                : shown > 0 ? "\n"
                            : "",
                top_page(now, before, seconds, flags.server).c_str(), top_models(models).c_str());
    std::fflush(stdout);
    before = std::move(now);
    before_ns = now_ns;
  }
  return {};
}

}  // namespace

Run add_top(FlagSet app) {
  auto flags = std::make_shared<TopFlags>();
  app.add_option("--server", flags->server, "Of the running server").capture_default_str();
  app.add_option("--key", flags->key, "API key of role read").envname("FRESHET_KEY");
  app.add_option("--every", flags->every, "Seconds between two looks")
      .capture_default_str()
      .check(number_within(0.05, 3600.0));
  app.add_option("--times", flags->times, "How many looks; 0: until it is interrupted");
  app.add_flag("--json", flags->json, "The status as it is, a line each time");
  return [flags] { return run(*flags); };
}

}  // namespace freshet
