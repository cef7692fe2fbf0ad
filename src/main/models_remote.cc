#include "main/models_remote.h"

#include <cmath>
#include <cstdio>

#include "base/text_table.h"
#include "env/file.h"
#include "http/client.h"
#include "json/json.h"

namespace freshet {
namespace {

constexpr size_t kAnswerBytes = 8 << 20, kImportMax = 64 << 20;
const std::string kModel = "/api/v1/models/ranker";

Result<std::string> ask_bytes(const ModelsFlags& flags, std::string_view method, const std::string& path,
                              std::string_view body = "") {
  TRY(const auto client, Client::connect({.url = flags.server, .key = flags.key}));
  return client->request(method, path, body);
}

Result<Json> ask(const ModelsFlags& flags, std::string_view method, const std::string& path,
                 std::string_view body = "") {
  TRY(const std::string answer, ask_bytes(flags, method, path, body));
  return parse_json(answer, {kAnswerBytes, 32});
}

// A part of a path, whatever is in it.
std::string percent_encode(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain.find(c) != std::string_view::npos)
      out += c;
    else
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

std::string path_of(const std::string& version, const char* action = "") {
  return kModel + "/versions/" + percent_encode(version) + action;
}

const Json& inside(const Json& from, std::string_view name) {
  static const Json kNothing;
  const Json* value = from.find(name);
  return value == nullptr ? kNothing : *value;
}

// A member as people read it: texts and numbers.
std::string text_of(const Json& from, std::string_view name) {
  const Json& value = inside(from, name);
  if (value.text() != nullptr) return *value.text();
  if (value.flag() != nullptr) return *value.flag() ? "yes" : "no";
  double number = 0;
  if (!value.number(number)) return "-";
  return number == std::floor(number) && std::fabs(number) < 1e15
             ? std::to_string(static_cast<int64_t>(number))
             : format_number(number, 5);
}

const Json::List& list_of(const Json& from, std::string_view name) {
  static const Json::List kNone;
  const Json& value = inside(from, name);
  return value.list() == nullptr ? kNone : *value.list();
}

void print_json(const Json& json) {
  JsonWriter out(2);
  write_json(out, json);
  std::printf("%s\n", out.text().c_str());
}

void show_version(const Json& version) {
  TextTable table({"version", text_of(version, "version")});
  for (const char* name : {"name", "live", "good", "imported", "rows", "bytes", "hash", "damage", "removed"})
    if (version.find(name) != nullptr) table.row({name, text_of(version, name)});
  if (const Json::Object* facts = inside(version, "facts").object(); facts != nullptr)
    for (const auto& [name, value] : *facts)
      table.row({name, value.text() == nullptr ? std::string() : *value.text()});
  std::printf("%s", table.text().c_str());
}

// "ensemble, prior 2, caution 1.3"
std::string learner_text(const Json& of) {
  double prior = 0, caution = 0;
  inside(of, "prior").number(prior);
  inside(of, "caution").number(caution);
  char text[64];
  std::snprintf(text, sizeof text, ", prior %g, caution %g", prior, caution);
  return text_of(of, "learner") + text;
}

void show_model(const Json& model) {
  const Json& test = inside(model, "test");
  std::printf(
      "%s: mode %s, live %s, last good %s%s; judged by %s pages, %s published, %s refused, %s rolled back\n",
      text_of(model, "name").c_str(), text_of(model, "mode").c_str(), text_of(model, "live").c_str(),
      text_of(model, "good").c_str(), text_of(model, "held") == "yes" ? ", HELD: nothing new goes live" : "",
      text_of(model, "pages").c_str(), text_of(model, "published").c_str(), text_of(model, "refused").c_str(),
      text_of(model, "rollbacks").c_str());
  std::printf("asked: %s", learner_text(model).c_str());
  if (model.find("promoted") != nullptr)
    std::printf(" of challenger %s, which has taken the place; the settings say %s",
                text_of(model, "promoted").c_str(), learner_text(inside(model, "declared")).c_str());
  std::printf("\n");
  std::printf(
      "test: page %s of %s; evidence that the candidate is worse e^%s, that live is e^%s, proof at e^%s\n",
      text_of(test, "pages").c_str(), text_of(test, "of").c_str(), text_of(test, "candidate_worse").c_str(),
      text_of(test, "live_worse").c_str(), text_of(test, "proof_at").c_str());
  TextTable kinds({"pages", "shown", "clicks", "heard", "evidence", "linear", "deep", "sum"});
  for (const Json& one : list_of(model, "kinds")) {
    const Json& believed = inside(one, "believed");
    const std::string heard = text_of(one, "heard");
    kinds.row({text_of(one, "name"), text_of(one, "pages"), text_of(one, "clicks"),
               heard == "yes" && text_of(one, "of") == "shopper" ? "of the shopper" : heard,
               "e^" + text_of(one, "evidence"), text_of(believed, "linear"), text_of(believed, "deep"),
               text_of(believed, "sum")});
  }
  std::printf("%s", kinds.text().c_str());
  for (const Json& one : list_of(model, "challengers"))
    std::printf("challenger %s: %s; on %s pages %s nats better a page; evidence e^%s, proof at e^%s: %s\n",
                text_of(one, "name").c_str(), learner_text(one).c_str(), text_of(one, "pages").c_str(),
                text_of(one, "difference").c_str(), text_of(one, "better").c_str(),
                text_of(one, "proof_at").c_str(), text_of(one, "verdict").c_str());
  size_t shown = 0;
  for (const Json& note : list_of(model, "notes")) {
    if (++shown > 8) break;
    std::printf("  offset %s: %s %s\n", text_of(note, "offset").c_str(), text_of(note, "what").c_str(),
                note.find("text") == nullptr ? "" : text_of(note, "text").c_str());
  }
}

Status said(const ModelsFlags& flags, const Result<Json>& answer, void (*show)(const Json&)) {
  if (!answer.ok()) return answer.error();
  if (flags.json) {
    print_json(*answer);
  } else {
    show(*answer);
  }
  return {};
}

}  // namespace

Status remote_list(const ModelsFlags& flags) {
  TRY(const Json models, ask(flags, "GET", "/api/v1/models"));
  TRY(const Json versions, ask(flags, "GET", kModel + "/versions"));
  if (flags.json) {
    print_json(versions);
    return {};
  }
  for (const Json& model : list_of(models, "models")) show_model(model);
  TextTable table({"version", "name", "rows", "bytes", "offset", "log loss", "hash", ""});
  for (const Json& one : list_of(versions, "versions")) {
    const Json& facts = inside(one, "facts");
    table.row({text_of(one, "version"), one.find("name") == nullptr ? "" : text_of(one, "name"),
               text_of(one, "rows"), text_of(one, "bytes"), text_of(facts, "offset"),
               text_of(facts, "log_loss"), text_of(one, "hash"),
               std::string(text_of(one, "live") == "yes" ? "live" : "") +
                   (text_of(one, "good") == "yes" ? " good" : "") + one.text_at("damage")});
  }
  std::printf("%s", table.text().c_str());
  return {};
}

Status remote_show(const ModelsFlags& flags) {
  return said(flags, ask(flags, "GET", path_of(flags.name)), show_version);
}

Status remote_diff(const ModelsFlags& flags) {
  return said(flags, ask(flags, "GET", path_of(flags.name, "/diff?with=") + percent_encode(flags.other)),
              [](const Json& diff) {
                const Json& weights = inside(diff, "weights");
                if (const Json::Object* facts = inside(diff, "facts").object(); facts != nullptr) {
                  TextTable told({"", text_of(diff, "a"), text_of(diff, "b")});
                  for (const auto& [name, values] : *facts)
                    if (const Json::List* both = values.list(); both != nullptr && both->size() == 2)
                      told.row({name, *(*both)[0].text(), *(*both)[1].text()});
                  std::printf("%s\n", told.text().c_str());
                }
                TextTable table({"part", "rows", "rows", "only first", "only second", "changed"});
                for (const Json& one : list_of(diff, "tables"))
                  table.row({text_of(one, "name"), text_of(one, "rows_a"), text_of(one, "rows_b"),
                             text_of(one, "only_a"), text_of(one, "only_b"), text_of(one, "changed")});
                std::printf("%sweights: %s changed, by %s at most, %s rms\n", table.text().c_str(),
                            text_of(weights, "changed").c_str(), text_of(weights, "greatest").c_str(),
                            text_of(weights, "rms").c_str());
              });
}

Status remote_pin(const ModelsFlags& flags) {
  JsonWriter body;
  body.object().field("name", flags.other).end();
  return said(flags, ask(flags, "POST", path_of(flags.name, "/pin"), body.text()), show_version);
}

Status remote_unpin(const ModelsFlags& flags) {
  return said(flags, ask(flags, "POST", path_of(flags.name, "/unpin"), "{}"), show_version);
}

Status remote_rollback(const ModelsFlags& flags) {
  return said(flags, ask(flags, "POST", kModel + "/rollback", "{}"), show_model);
}

Status remote_promote(const ModelsFlags& flags) {
  if (!flags.challenger.empty()) {
    JsonWriter name;
    name.object().field("name", std::string_view(flags.challenger)).end();
    return said(flags, ask(flags, "POST", kModel + "/challenger/promote", name.text()), show_model);
  }
  if (flags.name.empty()) return invalid("version: expected a version to make live, or --challenger");
  return said(flags, ask(flags, "POST", path_of(flags.name, "/promote"), "{}"), show_model);
}

Status remote_export(const ModelsFlags& flags) {
  TRY(const std::string bytes, ask_bytes(flags, "GET", path_of(flags.name, "/export")));
  const size_t slash = flags.to.rfind('/');
  const std::string dir = slash == std::string::npos ? "." : flags.to.substr(0, slash);
  TRY_STATUS(write_file_atomically(real_files(), dir,
                                   flags.to.substr(slash == std::string::npos ? 0 : slash + 1), bytes));
  if (flags.json) return remote_show(flags);
  std::printf("version %s is exported to %s\n", flags.name.c_str(), flags.to.c_str());
  return {};
}

Status remote_import(const ModelsFlags& flags) {
  TRY(const auto file, real_files().open_read(flags.name));
  if (file->size() > kImportMax)
    return invalid(flags.name + ": more than 64 MiB, not a version of the ranker");
  TRY(const std::string bytes, read_file(real_files(), flags.name));
  return said(flags, ask(flags, "POST", kModel + "/import", bytes), show_version);
}

}  // namespace freshet
