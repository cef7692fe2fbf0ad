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

struct ExperimentFlags {
  std::string server = "http://127.0.0.1:8080", key;
  std::string name, file, reason;
  bool json = false;
};
using Body = Status (*)(const ExperimentFlags&);

constexpr size_t kAnswerBytes = 8 << 20;
constexpr std::string_view kPath = "/api/v1/experiments";

std::string time_of(const Json& from, std::string_view name) {
  const double ms = from.number_at(name);
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
  const double value = metric.number_at(arm);
  const std::string unit = metric.text_at("unit");
  return unit == "share" ? percent(value) : format_number(value, unit == "ms" ? 2 : 4);
}

std::string metric_remark(const Json& metric, const Json& difference) {
  if (metric.flag_at("broken")) return "worse: a broken guardrail";
  if (difference.object() == nullptr) return "too early";
  if (!difference.flag_at("significant")) return "";
  const bool more = difference.number_at("value") > 0;
  return more == (metric.text_at("better") == "more") ? "better" : "worse";
}

// What an A/B split counts: "searches" or "recommendations".
std::string pages_of(const Json& one) {
  return std::string(
      pages_name(one.text_at("on") == "search" ? ExperimentOn::kSearch : ExperimentOn::kRecommendations));
}

void show_split(const Json& results, const std::string& pages) {
  TextTable table({"", "control", "variant", "difference", "low", "high", "p", ""});
  for (const std::string& name : {pages, std::string("shoppers")})
    table.row({name, whole(results.at(name).number_at("control")),
               whole(results.at(name).number_at("variant")), "", "", "", "", ""});
  table.rule();
  for (const Json& metric : results.list_at("metrics")) {
    const Json& found = metric.at("difference");
    const std::string mark = metric.flag_at("goal") ? " (goal)" : "";
    table.row({metric.text_at("name") + mark, value_text(metric, "control"), value_text(metric, "variant"),
               percent_signed(found.number_at("relative")), percent_signed(found.number_at("relative_low")),
               percent_signed(found.number_at("relative_high")), format_number(found.number_at("p"), 3),
               metric_remark(metric, found)});
  }
  std::printf("\n%s", table.text().c_str());
  const Json& ratio = results.at("sample_ratio");
  std::printf("shoppers in the variant: %s of %s expected%s\n", percent(ratio.number_at("observed")).c_str(),
              percent(ratio.number_at("expected")).c_str(),
              ratio.flag_at("mismatch") ? ": NOT AS DEFINED, the results cannot be trusted" : "");
}

void show_drafted(const Json& results) {
  const Json &wins = results.at("wins"), &preference = results.at("preference");
  TextTable table({"pages", "answered", "control wins", "variant wins", "preference", "low", "high", "p"});
  table.row({whole(results.number_at("pages")), whole(results.number_at("answered")),
             whole(wins.number_at("control")), whole(wins.number_at("variant")),
             percent(preference.number_at("value"), 1), percent(preference.number_at("low"), 1),
             percent(preference.number_at("high"), 1), format_number(preference.number_at("p"), 3)});
  std::printf("\n%s", table.text().c_str());
}

// Of an object, the members that differ.
void show_change(const std::string& name, const Json& before, const Json& after) {
  JsonWriter was, is;
  write_json(was, before);
  write_json(is, after);
  if (was.text() == is.text()) return;
  if (before.object() == nullptr || after.object() == nullptr) {
    std::printf("  %s: %s -> %s\n", name.c_str(), was.text().c_str(), is.text().c_str());
    return;
  }
  for (const Json::Member& member : *after.object())
    show_change(name + "." + member.name, before.at(member.name), member.value);
}

void show_one(const Json& one) {
  const bool split = one.text_at("kind") == "ab";
  const std::string pages = pages_of(one);
  std::printf("%s: %s of %s, %s\n", one.text_at("name").c_str(), split ? "A/B split" : "interleaving",
              pages.c_str(), one.text_at("state").c_str());
  if (const std::string note = one.text_at("note"); !note.empty()) std::printf("%s\n", note.c_str());
  const Json &control = one.at("control"), &variant = one.at("variant");
  std::printf("settings %.0f (control) against %.0f (variant); %s of shoppers take part%s\n",
              control.number_at("settings_version"), variant.number_at("settings_version"),
              percent(one.number_at("traffic"), 0).c_str(),
              split ? (", of them " + percent(one.number_at("share"), 0) + " get the variant").c_str() : "");
  for (const Json& change : one.list_at("changes"))
    show_change(change.text_at("name"), change.at("before"), change.at("after"));
  if (one.number_at("run") > 0) std::printf("started %s", time_of(one, "started_ms").c_str());
  if (one.find("stopped_ms") != nullptr) std::printf(", ended %s", time_of(one, "stopped_ms").c_str());
  if (one.number_at("run") > 0) std::printf(" (UTC)\n");
  if (const std::string why = one.text_at("stopped_because"); !why.empty())
    std::printf("ended because: %s\n", why.c_str());
  const Json* results = one.find("results");
  if (results == nullptr) return;
  split ? show_split(*results, pages) : show_drafted(*results);
  const Json& needed = results->at("needed");
  if (needed.object() != nullptr)
    std::printf("to find a relative difference of %s: about %s %s\n",
                percent(needed.number_at("minimum_effect"), 1).c_str(),
                whole(needed.number_at(split ? pages : "answered")).c_str(),
                split ? pages.c_str() : "answered pages");
  std::printf("\n%s: %s\n", results->text_at("verdict").c_str(), results->text_at("reason").c_str());
}

// ---- the commands

Result<Json> ask(const ExperimentFlags& flags, std::string_view method, const std::string& path,
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

std::string path_of(const ExperimentFlags& flags, const char* what = "") {
  return std::string(kPath) + "/" + flags.name + what;
}

Status shown(const ExperimentFlags& flags, const Result<Json>& answer) {
  if (!answer.ok()) return answer.error();
  if (flags.json) {
    print_json(*answer);
  } else {
    show_one(*answer);
  }
  return {};
}

Status list(const ExperimentFlags& flags) {
  TRY(const Json all, ask(flags, "GET", std::string(kPath)));
  if (flags.json) {
    print_json(all);
    return {};
  }
  TextTable table({"name", "kind", "on", "state", "started", "seen", "verdict"});
  for (const Json& one : all.list_at("experiments")) {
    const Json& results = one.at("results");
    const Json& pages = results.at(pages_of(one));
    const double seen = pages.object() != nullptr ? pages.number_at("control") + pages.number_at("variant")
                                                  : results.number_at("pages");
    table.row({one.text_at("name"), one.text_at("kind"), one.text_at("on"), one.text_at("state"),
               time_of(one, "started_ms"), whole(seen), results.text_at("verdict")});
  }
  if (all.list_at("experiments").empty()) {
    std::printf("there is no experiment; `freshet experiment define` makes one\n");
  } else {
    std::printf("%s", table.text().c_str());
  }
  return {};
}

Status show(const ExperimentFlags& flags) {
  return shown(flags, ask(flags, "GET", path_of(flags)));
}

Status define(const ExperimentFlags& flags) {
  TRY(const auto file, real_files().open_read(flags.file));
  if (file->size() > ExperimentLimits::kJsonBytes)
    return invalid(flags.file + ": too large for a definition");
  TRY(const std::string body, read_file(real_files(), flags.file));
  return shown(flags, ask(flags, "PUT", path_of(flags), body));
}

Status start(const ExperimentFlags& flags) {
  return shown(flags, ask(flags, "POST", path_of(flags, "/start"), "{}"));
}

Status stop(const ExperimentFlags& flags) {
  JsonWriter body;
  body.object();
  if (!flags.reason.empty()) body.field("reason", flags.reason);
  body.end();
  return shown(flags, ask(flags, "POST", path_of(flags, "/stop"), body.text()));
}

Status ship(const ExperimentFlags& flags) {
  return shown(flags, ask(flags, "POST", path_of(flags, "/ship"), "{}"));
}

Status remove(const ExperimentFlags& flags) {
  TRY(const Json answer, ask(flags, "DELETE", path_of(flags)));
  if (flags.json) print_json(answer);
  if (!flags.json) std::printf("%s is deleted\n", flags.name.c_str());
  return {};
}

}  // namespace

Run add_experiment(FlagSet app) {
  auto flags = std::make_shared<ExperimentFlags>();
  auto chosen = std::make_shared<Body>(nullptr);
  app.require_subcommand();
  const auto add = [&](const char* name, const char* what, Body body) {
    const FlagSet sub = app.add_subcommand(name, what);
    sub.add_option("--server", flags->server, "Of the running server").capture_default_str();
    sub.add_option("--key", flags->key, "API key: of role read to look, of role admin to change")
        .envname("FRESHET_KEY");
    sub.add_flag("--json", flags->json, "The answer as the API gives it");
    sub.callback([chosen, body] { *chosen = body; });
    return sub;
  };
  const auto with_name = [&](FlagSet sub) {
    sub.add_option("name", flags->name, "Of the experiment").required();
    return sub;
  };
  add("list", "All experiments, newest first", list);
  with_name(add("show", "Definition, results and verdict of one", show));
  with_name(add("define", "Define one, from a file of JSON", define))
      .add_option("file", flags->file, "The definition: docs/experiments.md")
      .required();
  with_name(add("start", "Shoppers take part from now on", start));
  with_name(add("stop", "Everybody gets what is live again", stop))
      .add_option("--reason", flags->reason, "Why, for the history");
  with_name(add("ship", "The variant's settings go live", ship));
  with_name(add("delete", "Forget one that does not run", remove));
  return [flags, chosen]() -> Status {
    if (!flags->name.empty()) TRY_STATUS(check_experiment_name(flags->name));
    return (*chosen)(*flags);
  };
}

}  // namespace freshet
