// freshet serve: the server, until it is told to stop. freshet key: API keys while it is not running.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "base/text_table.h"
#include "dialect/dialect.h"
#include "dialect/feedback.h"
#include "dialect/tracking.h"
#include "engine/engine.h"
#include "env/clock.h"
#include "env/file.h"
#include "http/api.h"
#include "main/command.h"
#include "main/serve_config.h"
#include "main/version.h"

namespace freshet {

namespace {

namespace fs = std::filesystem;

struct ServeFlags {
  std::string config;
  std::string data;
  std::string host;
  int port = -1;
  bool no_keys = false;
  std::vector<std::string> set;
  bool reference = false;
  bool example = false;
};

Status read_config(const ServeFlags& flags, ServeConfig& config) {
  if (!flags.config.empty()) TRY_STATUS(read_config_file(flags.config, config));
  for (const std::string& assignment : flags.set) TRY_STATUS(set_config(assignment, config));
  if (!flags.data.empty()) config.engine.data_dir = flags.data;
  if (!flags.host.empty()) config.api.server.host = flags.host;
  if (flags.port >= 0) config.api.server.port = static_cast<uint16_t>(flags.port);
  if (flags.no_keys) config.api.guard.keys_required = false;
  config.api.version = version();
  config.engine.code = version();
  config.api.mounts = {make_storefront_dialect, make_feedback_dialect, make_tracking_doors};
  config.engine.cleaner.limits.body_bytes_max = config.api.body_bytes_max;
  return {};
}

// Without any key nobody could ever make one: the first is written where only the owner of the process can
// read.
Status make_first_key(Engine& engine, const std::string& data_dir) {
  if (!engine.keys().list().empty()) return {};
  const fs::path path = fs::path(data_dir) / "admin.key";
  std::error_code error;
  { std::ofstream empty(path, std::ios::trunc); }
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, error);
  if (error) return unavailable("cannot protect " + path.string() + ": " + error.message());
  TRY(const std::string key, engine.keys().create("admin", Role::kAdmin, now_ms()));
  keep_secret(key);
  std::ofstream out(path, std::ios::trunc);
  out << key << "\n";
  if (!out.flush()) return unavailable("cannot write the first API key to " + path.string());
  log_info("serve: made the first API key, role admin: see {}", path.string());
  return {};
}

// Signals that end the server, taken by wait_for_stop() and by no other thread. Call before any thread is
// started.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void wait_for_stop(const sigset_t& signals) {
  int which = 0;
  sigwait(&signals, &which);
  log_info("serve: {}: stopping", which == SIGINT ? "interrupted" : "asked to stop");
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // A second one ends the process at once.
}

// Whether such a signal comes before `done`.
bool stopped_before(const std::atomic<bool>& done, const sigset_t& signals) {
  constexpr timespec kLook{.tv_sec = 0, .tv_nsec = 10'000'000};
  while (!done)
    if (sigtimedwait(&signals, nullptr, &kLook) > 0) return true;
  return false;
}

// Opens the engine on a thread of its own, so that a signal is heard meanwhile: large states take seconds.
Result<std::unique_ptr<Engine>> open_engine(const EngineConfig& config, Opening& opening,
                                            const sigset_t& signals) {
  Result<std::unique_ptr<Engine>> engine = unavailable("not opened");
  std::atomic<bool> done{false};
  std::thread opener([&] {
    engine = Engine::open(config, &opening);
    done = true;
  });
  if (stopped_before(done, signals)) {
    log_info("serve: asked to stop while {}", opening.step());
    std::_Exit(0);  // Nothing was taken yet, and what is on disk bears a crash.
  }
  opener.join();
  return engine;
}

Status serve(const ServeFlags& flags) {
  ServeConfig config;
  TRY_STATUS(read_config(flags, config));
  set_log_level(config.log_level);
  const sigset_t signals = block_stop_signals();
  Opening opening;
  std::unique_ptr<Engine> engine;  // Outlives the doors.
  TRY(auto api, ApiServer::listen(config.api, [&opening] { return opening.step(); }));
  const std::string& host = config.api.server.host;
  const std::string shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  std::printf("listening on http://%s:%d\n", shown.c_str(), api->port());
  std::fflush(stdout);
  TRY(engine, open_engine(config.engine, opening, signals));
  if (config.api.guard.keys_required) TRY_STATUS(make_first_key(*engine, config.engine.data_dir));
  TRY_STATUS(api->open(*engine));
  log_info("serve: the doors are open");
  wait_for_stop(signals);
  api->stop();
  TRY_STATUS(engine->close());
  log_info("serve: stopped");
  return {};
}

struct KeyFlags {
  std::string data = "data";
  std::string name;
  std::string role = "read";
  std::string id;
};

Result<std::unique_ptr<ApiKeys>> open_keys(const KeyFlags& flags) {
  auto keys = ApiKeys::open(flags.data + "/keys");
  if (!keys.ok() && keys.error().code == Code::kUnavailable)
    return unavailable(keys.error().what + "; while the server runs use /api/v1/admin/keys");
  return keys;
}

Status create_key(const KeyFlags& flags) {
  TRY(const Role role, parse_role(flags.role));
  TRY_STATUS(real_files().make_dirs(flags.data));
  TRY(auto keys, open_keys(flags));
  TRY(const std::string key, keys->create(flags.name, role, now_ms()));
  std::printf("%s\n", key.c_str());
  return {};
}

Status list_keys(const KeyFlags& flags) {
  TRY(auto keys, open_keys(flags));
  for (const ApiKeyInfo& info : keys->list())
    std::printf("%s  %-5s  %s\n", info.id.c_str(), std::string(role_name(info.role)).c_str(),
                info.name.c_str());
  return {};
}

Status remove_key(const KeyFlags& flags) {
  TRY(auto keys, open_keys(flags));
  return keys->remove(flags.id);
}

}  // namespace

Run add_serve(FlagSet app) {
  auto flags = std::make_shared<ServeFlags>();
  app.add_option("--config", flags->config, "TOML file; docs/config.md lists every setting");
  app.add_option("--set", flags->set, "section.key=value: overrides one setting").repeated();
  app.add_option("--data", flags->data, "Short for --set data.dir=...");
  app.add_option("--host", flags->host, "Short for --set server.host=...");
  app.add_option("--port", flags->port, "Short for --set server.port=...").check(number_within(0, 65535));
  app.add_flag("--no-keys", flags->no_keys, "Short for --set keys.mode=off; only on a loopback address");
  app.add_flag("--config-reference", flags->reference, "Print docs/config.md and end");
  app.add_flag("--config-example", flags->example,
               "Print a configuration with every setting at its default and end");
  return [flags]() -> Status {
    if (flags->reference || flags->example) {
      std::fputs((flags->reference ? config_reference() : config_example()).c_str(), stdout);
      return {};
    }
    return serve(*flags);
  };
}

Run add_key(FlagSet app) {
  auto flags = std::make_shared<KeyFlags>();
  auto run = std::make_shared<Status (*)(const KeyFlags&)>(nullptr);
  app.require_subcommand();
  const auto add = [&](const char* name, const char* summary, Status (*body)(const KeyFlags&)) {
    const FlagSet sub = app.add_subcommand(name, summary);
    sub.add_option("--data", flags->data, "The server's data folder").capture_default_str();
    sub.callback([run, body] { *run = body; });
    return sub;
  };
  const FlagSet create = add("create", "Make a key; it is printed once and never again", create_key);
  create.add_option("--name", flags->name, "Whose it is: \"storefront\"").required();
  create.add_option("--role", flags->role, "read, write or admin").capture_default_str();
  add("list", "List the keys, without the keys themselves", list_keys);
  add("remove", "A key stops working", remove_key).add_option("id", flags->id, "As listed").required();
  return [flags, run]() -> Status { return (*run)(*flags); };
}

}  // namespace freshet
