// freshet migrate --host URL --app ID --key-file FILE --index NAME: a shop's index from elsewhere into a
// running server.
#include <cstdio>
#include <memory>

#include "base/json_writer.h"
#include "base/text_table.h"
#include "env/file.h"
#include "env/log.h"
#include "env/progress.h"
#include "main/command.h"
#include "main/migrate.h"

namespace freshet {
namespace {

struct MigrateFlags {
  std::string host, app, key_file, index;
  std::string to = "http://127.0.0.1:8080", to_key_file, to_index;
  uint64_t records = 0;
  bool dry = false;
  bool json = false;
};

constexpr size_t kKeyBytesMax = 4096;

// The first line of a file; never part of a message.
Result<std::string> read_key(std::string_view flag, const std::string& path) {
  if (path.empty()) return std::string();
  Result<std::string> text = read_file(real_files(), path);
  if (!text.ok()) return Error{text.error().code, std::string(flag) + ": " + text.error().what};
  std::string key = text->substr(0, text->find_first_of("\r\n"));
  if (key.empty() || key.size() > kKeyBytesMax)
    return invalid(std::string(flag) + ": expected an API key in the first line of " + path);
  keep_secret(key);
  return key;
}

void print_json(const MigrationReport& report, bool dry) {
  JsonWriter json(2);
  json.object().field("dry_run", dry);
  const auto count = [&](std::string_view name, const MigrationReport::Count& one) {
    json.key(name).object().field("read", one.read).field("written", one.written).end();
  };
  count("records", report.records);
  count("settings", report.settings);
  count("replicas", report.replicas);
  count("synonyms", report.synonyms);
  count("rules", report.rules);
  json.field("here", report.here).field("left_out", report.left_count).key("left").array();
  for (const Left& one : report.left)
    json.object().field("what", std::string_view(one.what)).field("why", std::string_view(one.why)).end();
  json.end().end();
  std::printf("%s\n", json.text().c_str());
}

void print_table(const MigrationReport& report, bool dry) {
  TextTable table({"", "read", "written"});
  const auto row = [&](const char* name, const MigrationReport::Count& one) {
    table.row({name, format_count(one.read), dry ? "-" : format_count(one.written)});
  };
  row("records", report.records);
  row("settings", report.settings);
  row("replicas", report.replicas);
  row("synonyms", report.synonyms);
  row("rules", report.rules);
  std::fputs(table.text().c_str(), stdout);
  if (!dry) std::printf("%s records can be found here\n", format_count(report.here).c_str());
  if (report.left_count > 0) std::printf("%s left out:\n", format_count(report.left_count).c_str());
  constexpr size_t kShown = 20;
  for (size_t i = 0; i < std::min(report.left.size(), kShown); ++i)
    std::printf("  %s: %s\n", report.left[i].what.c_str(), report.left[i].why.c_str());
  if (report.left.size() > kShown) std::printf("  ...; --json lists them\n");
}

Status run(const MigrateFlags& flags) {
  TRY(const std::string key, read_key("--key-file", flags.key_file));
  TRY(const std::string to_key, read_key("--to-key-file", flags.to_key_file));
  const std::string app = flags.app.empty() ? "shop" : flags.app;
  const auto options = [&](const std::string& url, const std::string& secret) {
    ClientOptions out;
    out.url = url;
    out.timeout_ms_max = 60'000;
    out.probe = false;
    out.headers = {{"x-algolia-application-id", app}};
    if (!secret.empty()) out.headers.emplace_back("x-algolia-api-key", secret);
    return out;
  };
  TRY(const auto from, Client::connect(options(flags.host, key)));
  TRY(const auto to, Client::connect(options(flags.to, to_key)));
  MigrationPlan plan;
  plan.index = flags.index;
  plan.to_index = flags.to_index.empty() ? flags.index : flags.to_index;
  plan.dry = flags.dry;
  plan.records_max = flags.records;
  MigrationReport report;
  Progress bar("migrate", 0, "records");
  const Status done = migrate(*from, *to, plan, report, [&](uint64_t records, uint64_t of) {
    bar.total(of);
    bar.at(records);
  });
  bar.done();
  if (!done.ok()) return done;
  if (flags.json) {
    print_json(report, flags.dry);
  } else {
    print_table(report, flags.dry);
  }
  if (report.left_count > 0)
    return invalid("not everything could be taken: see above; what is not named is here");
  return {};
}

}  // namespace

Run add_migrate(FlagSet app) {
  auto flags = std::make_shared<MigrateFlags>();
  app.add_option("--host", flags->host, "Where the index is: https://..., a server of the storefront dialect")
      .required();
  app.add_option("--index", flags->index, "Its name there").required();
  app.add_option("--app", flags->app, "Application id there");
  app.add_option("--key-file", flags->key_file, "File with a key that may browse and read settings there");
  app.add_option("--to", flags->to, "The running server that takes it").capture_default_str();
  app.add_option("--to-key-file", flags->to_key_file,
                 "File with a key of role admin; without: an open server");
  app.add_option("--to-index", flags->to_index, "Its name here, if another");
  app.add_option("--records", flags->records, "Stop after so many records; 0: all");
  app.add_flag("--dry-run", flags->dry, "Read and count, write nothing");
  app.add_flag("--json", flags->json, "The report as JSON");
  return [flags] { return run(*flags); };
}

}  // namespace freshet
