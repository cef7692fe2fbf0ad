// freshet experiment list|show|define|start|stop|ship|delete: of a running server. docs/experiments.md.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <memory>

#include "base/text_table.h"
#include "env/file.h"
#include "experiment/experiment.h"
#include "http/client.h"
#include "json/json.h"
#include "main/command.h"

namespace freshet {
namespace {

struct Flags {
  std::string server = "http://127.0.0.1:8080", key;
  std::string name, file, reason;
  bool json = false;
};
using Body = Status (*)(const Flags&);

constexpr size_t kAnswerBytes = 8 << 20;
constexpr std::string_view kPath = "/api/v1/experiments";

std::string text_of(const Json& from, std::string_view name) {
  const Json* value = from.find(name);
  const std::string* text = value == nullptr ? nullptr : value->text();
  return text == nullptr ? std::string() : *text;
}

double number_of(const Json& from, std::string_view name) {
  double number = std::nan("");
  if (const Json* value = from.find(name)) value->number(number);
  return number;
}

bool flag_of(const Json& from, std::string_view name) {
  const Json* value = from.find(name);
  return value != nullptr && value->flag() != nullptr && *value->flag();
}

const Json& inside(const Json& from, std::string_view name) {
  static const Json kNothing;
  const Json* value = from.find(name);
  return value == nullptr ? kNothing : *value;
}

const Json::List& list_of(const Json& from, std::string_view name) {
  static const Json::List kNone;
  const Json* value = from.find(name);
  return value == nullptr || value->list() == nullptr ? kNone : *value->list();
}

std::string time_of(const Json& from, std::string_view name) {
  const double ms = number_of(from, name);
  if (std::isnan(ms)) return "-";
  const auto seconds = static_cast<time_t>(ms / 1000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
  return text;
}

std::string whole(double x) {
  return std::isnan(x) ? "-" : format_count(static_cast<uint64_t>(std::max(x, 0.0)));
}

std::string percent(double share, int decimals = 2) {
  return std::isnan(share) ? "-" : format_number(100 * share, decimals) + " %";
}

std::string percent_signed(double share) {
  return std::isnan(share) ? "-" : (share >= 0 ? "+" : "") + percent(share, 1);
}

// ---- one experiment, for people

std::string value_text(const Json& metric, std::string_view arm) {
  const double value = number_of(metric, arm);
  const std::string unit = text_of(metric, "unit");
  return unit == "share" ? percent(value) : format_number(value, unit == "ms" ? 2 : 4);
}

std::string metric_remark(const Json& metric, const Json& difference) {
  if (flag_of(metric, "broken")) return "worse: a broken guardrail";
  if (difference.object() == nullptr) return "too early";
  if (!flag_of(difference, "significant")) return "";
  const bool more = number_of(difference, "value") > 0;
  return more == (text_of(metric, "better") == "more") ? "better" : "worse";
}

void show_split(const Json& results) {
  TextTable table({"", "control", "variant", "difference", "low", "high", "p", ""});
  for (const char* name : {"searches", "shoppers"})
    table.row({name, whole(number_of(inside(results, name), "control")),
               whole(number_of(inside(results, name), "variant")), "", "", "", "", ""});
  table.rule();
  for (const Json& metric : list_of(results, "metrics")) {
    const Json& found = inside(metric, "difference");
    const std::string mark = flag_of(metric, "goal") ? " (goal)" : "";
    table.row({text_of(metric, "name") + mark, value_text(metric, "control"), value_text(metric, "variant"),
               percent_signed(number_of(found, "relative")), percent_signed(number_of(found, "relative_low")),
               percent_signed(number_of(found, "relative_high")), format_number(number_of(found, "p"), 3),
               metric_remark(metric, found)});
  }
  std::printf("\n%s", table.text().c_str());
  const Json& ratio = inside(results, "sample_ratio");
  std::printf("shoppers in the variant: %s of %s expected%s\n", percent(number_of(ratio, "observed")).c_str(),
              percent(number_of(ratio, "expected")).c_str(),
              flag_of(ratio, "mismatch") ? ": NOT AS DEFINED, the results cannot be trusted" : "");
}

void show_drafted(const Json& results) {
  const Json &wins = inside(results, "wins"), &preference = inside(results, "preference");
  TextTable table({"pages", "answered", "control wins", "variant wins", "preference", "low", "high", "p"});
  table.row({whole(number_of(results, "pages")), whole(number_of(results, "answered")),
             whole(number_of(wins, "control")), whole(number_of(wins, "variant")),
             percent(number_of(preference, "value"), 1), percent(number_of(preference, "low"), 1),
             percent(number_of(preference, "high"), 1), format_number(number_of(preference, "p"), 3)});
  std::printf("\n%s", table.text().c_str());
}

void show_one(const Json& one) {
  const bool split = text_of(one, "kind") == "ab";
  std::printf("%s: %s of search settings, %s\n", text_of(one, "name").c_str(),
              split ? "A/B split" : "interleaving", text_of(one, "state").c_str());
  if (const std::string note = text_of(one, "note"); !note.empty()) std::printf("%s\n", note.c_str());
  const Json &control = inside(one, "control"), &variant = inside(one, "variant");
  std::printf("settings %.0f (control) against %.0f (variant); %s of shoppers take part%s\n",
              number_of(control, "settings_version"), number_of(variant, "settings_version"),
              percent(number_of(one, "traffic"), 0).c_str(),
              split ? (", of them " + percent(number_of(one, "share"), 0) + " get the variant").c_str() : "");
  for (const Json& change : list_of(one, "changes")) {
    JsonWriter before, after;
    write_json(before, inside(change, "before"));
    write_json(after, inside(change, "after"));
    std::printf("  %s: %s -> %s\n", text_of(change, "name").c_str(), before.text().c_str(),
                after.text().c_str());
  }
  if (number_of(one, "run") > 0) std::printf("started %s", time_of(one, "started_ms").c_str());
  if (one.find("stopped_ms") != nullptr) std::printf(", ended %s", time_of(one, "stopped_ms").c_str());
  if (number_of(one, "run") > 0) std::printf(" (UTC)\n");
  if (const std::string why = text_of(one, "stopped_because"); !why.empty())
    std::printf("ended because: %s\n", why.c_str());
  const Json* results = one.find("results");
  if (results == nullptr) return;
  split ? show_split(*results) : show_drafted(*results);
  const Json& needed = inside(*results, "needed");
  if (needed.object() != nullptr)
    std::printf("to find a relative difference of %s: about %s %s\n",
                percent(number_of(needed, "minimum_effect"), 1).c_str(),
                whole(number_of(needed, split ? "searches" : "answered")).c_str(),
                split ? "searches" : "answered pages");
  std::printf("\n%s: %s\n", text_of(*results, "verdict").c_str(), text_of(*results, "reason").c_str());
}

// ---- the commands

Result<Json> ask(const Flags& flags, std::string_view method, const std::string& path,
                 const std::string& body = "") {
  TRY(const auto client, Client::connect({.url = flags.server, .key = flags.key}));
  TRY(const std::string answer, client->request(method, path, body));
  return parse_json(answer, {kAnswerBytes, 32});
}

void print_json(const Json& json) {
  JsonWriter out(2);
  write_json(out, json);
  std::printf("%s\n", out.text().c_str());
}

std::string path_of(const Flags& flags, const char* what = "") {
  return std::string(kPath) + "/" + flags.name + what;
}

Status shown(const Flags& flags, const Result<Json>& answer) {
  if (!answer.ok()) return answer.error();
  if (flags.json) {
    print_json(*answer);
  } else {
    show_one(*answer);
  }
  return {};
}

Status list(const Flags& flags) {
  TRY(const Json all, ask(flags, "GET", std::string(kPath)));
  if (flags.json) {
    print_json(all);
    return {};
  }
  TextTable table({"name", "kind", "state", "started", "seen", "verdict"});
  for (const Json& one : list_of(all, "experiments")) {
    const Json& results = inside(one, "results");
    const Json& searches = inside(results, "searches");
    const double seen = searches.object() != nullptr
                            ? number_of(searches, "control") + number_of(searches, "variant")
                            : number_of(results, "pages");
    table.row({text_of(one, "name"), text_of(one, "kind"), text_of(one, "state"), time_of(one, "started_ms"),
               whole(seen), text_of(results, "verdict")});
  }
  if (list_of(all, "experiments").empty()) {
    std::printf("there is no experiment; `freshet experiment define` makes one\n");
  } else {
    std::printf("%s", table.text().c_str());
  }
  return {};
}

Status show(const Flags& flags) {
  return shown(flags, ask(flags, "GET", path_of(flags)));
}

Status define(const Flags& flags) {
  TRY(const auto file, real_files().open_read(flags.file));
  if (file->size() > ExperimentLimits::kJsonBytes)
    return invalid(flags.file + ": too large for a definition");
  TRY(const std::string body, read_file(real_files(), flags.file));
  return shown(flags, ask(flags, "PUT", path_of(flags), body));
}

Status start(const Flags& flags) {
  return shown(flags, ask(flags, "POST", path_of(flags, "/start"), "{}"));
}

Status stop(const Flags& flags) {
  JsonWriter body;
  body.object();
  if (!flags.reason.empty()) body.field("reason", flags.reason);
  body.end();
  return shown(flags, ask(flags, "POST", path_of(flags, "/stop"), body.text()));
}

Status ship(const Flags& flags) {
  return shown(flags, ask(flags, "POST", path_of(flags, "/ship"), "{}"));
}

Status remove(const Flags& flags) {
  TRY(const Json answer, ask(flags, "DELETE", path_of(flags)));
  if (flags.json) print_json(answer);
  if (!flags.json) std::printf("%s is deleted\n", flags.name.c_str());
  return {};
}

}  // namespace

Run add_experiment(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  auto chosen = std::make_shared<Body>(nullptr);
  app.require_subcommand(1);
  const auto add = [&](const char* name, const char* what, Body body) {
    CLI::App* sub = app.add_subcommand(name, what);
    sub->add_option("--server", flags->server, "Of the running server")->capture_default_str();
    sub->add_option("--key", flags->key, "API key: of role read to look, of role admin to change")
        ->envname("FRESHET_KEY");
    sub->add_flag("--json", flags->json, "The answer as the API gives it");
    sub->callback([chosen, body] { *chosen = body; });
    return sub;
  };
  const auto with_name = [&](CLI::App* sub) {
    sub->add_option("name", flags->name, "Of the experiment")->required();
    return sub;
  };
  add("list", "All experiments, newest first", list);
  with_name(add("show", "Definition, results and verdict of one", show));
  with_name(add("define", "Define one, from a file of JSON", define))
      ->add_option("file", flags->file, "The definition: docs/experiments.md")
      ->required();
  with_name(add("start", "Shoppers take part from now on", start));
  with_name(add("stop", "Everybody gets what is live again", stop))
      ->add_option("--reason", flags->reason, "Why, for the history");
  with_name(add("ship", "The variant's settings go live", ship));
  with_name(add("delete", "Forget one that does not run", remove));
  return [flags, chosen]() -> Status {
    if (!flags->name.empty()) TRY_STATUS(check_experiment_name(flags->name));
    return (*chosen)(*flags);
  };
}

}  // namespace freshet
