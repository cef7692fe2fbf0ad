// freshet models list|show|diff|pin|unpin|rollback|promote|export|import: versions of served parameters in
// the folder that `freshet learn --models` fills (docs/learn.md), or of a running server (docs/roll-back.md).
#include <cstdio>
#include <memory>

#include "base/json_writer.h"
#include "base/text_table.h"
#include "main/command.h"
#include "main/models_folder.h"
#include "main/models_remote.h"

namespace freshet {
namespace {

using Body = Status (*)(const ModelsFlags&);

constexpr size_t kImportMax = size_t{1} << 32;

// To look into: a folder that is not there is an error, not a new one.
Result<VersionStore> open_store(const ModelsFlags& flags) {
  if (!real_files().list(flags.models).ok())
    return not_found("no folder " + flags.models +
                     "; name the one of `freshet learn --models` with --models");
  return VersionStore::open(real_files(), flags.models);
}

// What is live in the folder of a server, and what it takes in, its log says; a file there would be nobody's.
Result<VersionStore> open_own(const ModelsFlags& flags) {
  TRY(VersionStore store, open_store(flags));
  TRY(const auto versions, store.list());
  for (const VersionInfo& info : versions)
    if (is_servers(info))
      return invalid(flags.models + ": the folder of a server, which alone decides there; give its --server");
  return store;
}

std::string hex(uint64_t hash) {
  char text[17];
  std::snprintf(text, sizeof text, "%016lx", static_cast<unsigned long>(hash));
  return text;
}

std::string fact(const VersionInfo& info, const char* name) {
  const auto found = info.facts.find(name);
  return found == info.facts.end() ? "-" : found->second;
}

void write_info(const VersionInfo& info, JsonWriter& json) {
  json.object().field("version", info.number);
  if (!info.name.empty()) json.field("name", info.name);
  json.field("live", info.live).field("imported", info.number >= VersionStore::kImported);
  json.field("bytes", info.bytes).field("rows", uint64_t{info.header.rows});
  json.field("model", hex(info.header.model)).field("hash", hex(info.header.after));
  if (!info.damage.empty()) json.field("damage", info.damage);
  json.key("facts").object();
  for (const auto& [name, value] : info.facts) json.field(name, value);
  json.end().end();
}

void print_json(const JsonWriter& json) {
  std::printf("%s\n", json.text().c_str());
}

Status list(const ModelsFlags& flags) {
  TRY(const VersionStore store, open_store(flags));
  TRY(const auto versions, store.list());
  if (flags.json) {
    JsonWriter json(2);
    json.object().key("versions").array();
    for (const VersionInfo& info : versions) write_info(info, json);
    json.end().end();
    print_json(json);
    return {};
  }
  TextTable table({"version", "name", "rows", "size", "offset", "log loss", "auc", "hash", ""});
  for (const VersionInfo& info : versions)
    table.row({std::to_string(info.number), info.name, format_count(info.header.rows),
               format_bytes(info.bytes), fact(info, "offset"), fact(info, "log_loss"), fact(info, "auc"),
               hex(info.header.after), (info.live ? "live" : "") + info.damage});
  std::printf("%s", table.text().c_str());
  return {};
}

Status show(const ModelsFlags& flags) {
  TRY(const VersionStore store, open_store(flags));
  TRY(const VersionInfo info, store.find(flags.name));
  if (flags.json) {
    JsonWriter json(2);
    write_info(info, json);
    print_json(json);
    return {};
  }
  TextTable table({"version", std::to_string(info.number)});
  if (!info.name.empty()) table.row({"name", info.name});
  table.row({"live", info.live ? "yes" : "no"});
  table.row({"rows", format_count(info.header.rows)});
  table.row({"size", format_bytes(info.bytes)});
  table.row({"hash", hex(info.header.after)});
  for (const auto& [name, value] : info.facts) table.row({name, value});
  std::printf("%s", table.text().c_str());
  return {};
}

Status diff(const ModelsFlags& flags) {
  TRY(const VersionStore store, open_store(flags));
  TRY(const VersionInfo a, store.find(flags.name));
  TRY(const VersionInfo b, store.find(flags.other));
  TRY(const VersionDiff diff, store.diff(a.number, b.number));
  if (flags.json) {
    JsonWriter json(2);
    json.object().field("a", a.number).field("b", b.number).field("equal", diff.equal);
    json.key("facts").object();
    for (const auto& [name, values] : diff.facts)
      json.key(name).array().value(values.first).value(values.second).end();
    json.end().key("tables").array();
    for (const VersionDiff::Table& table : diff.tables)
      json.object()
          .field("name", table.name)
          .field("rows_a", uint64_t{table.rows_a})
          .field("rows_b", uint64_t{table.rows_b})
          .field("only_a", uint64_t{table.only_a})
          .field("only_b", uint64_t{table.only_b})
          .field("changed", uint64_t{table.changed})
          .field("greatest", table.greatest)
          .field("rms", table.rms)
          .end();
    json.end().end();
    print_json(json);
    return {};
  }
  TextTable facts({"", std::to_string(a.number), std::to_string(b.number)});
  for (const auto& [name, values] : diff.facts) facts.row({name, values.first, values.second});
  std::printf("%s\n", facts.text().c_str());
  TextTable tables({"table", "rows", "rows", "only first", "only second", "changed", "greatest", "rms"});
  for (const VersionDiff::Table& table : diff.tables)
    tables.row({table.name, format_count(table.rows_a), format_count(table.rows_b),
                format_count(table.only_a), format_count(table.only_b), format_count(table.changed),
                format_number(table.greatest, 4), format_number(table.rms, 5)});
  std::printf("%s%s", tables.text().c_str(), diff.equal ? "their parameters are equal\n" : "");
  return {};
}

// Says which version it is about now, or what is known of it.
Status said(const ModelsFlags& flags, const VersionInfo& info, const char* what) {
  if (flags.json) {
    JsonWriter json(2);
    write_info(info, json);
    print_json(json);
  } else {
    std::printf("version %llu %s\n", static_cast<unsigned long long>(info.number), what);
  }
  return {};
}

Status pin(const ModelsFlags& flags) {
  TRY(VersionStore store, open_store(flags));
  TRY(const VersionInfo info, store.find(flags.name));
  TRY_STATUS(store.pin(info.number, flags.other));
  return said(flags, store.look(info.number), "is kept under its name");
}

Status unpin(const ModelsFlags& flags) {
  TRY(VersionStore store, open_store(flags));
  TRY(const uint64_t number, store.number_of(flags.name));
  VersionInfo info = store.look(number);
  TRY_STATUS(store.unpin(number));
  info.name.clear();
  return said(flags, info, number < VersionStore::kImported ? "goes when it is old" : "is removed");
}

Status rollback(const ModelsFlags& flags) {
  TRY(VersionStore store, open_own(flags));
  TRY(const uint64_t version, store.roll_back());
  return said(flags, store.look(version), "is live again");
}

Status promote(const ModelsFlags& flags) {
  if (!flags.challenger.empty())
    return invalid("--challenger: challengers learn in a running server; give its --server");
  if (flags.name.empty()) return invalid("version: expected a version to make live, or --challenger");
  TRY(VersionStore store, open_own(flags));
  TRY(const VersionInfo info, store.find(flags.name));
  TRY_STATUS(store.promote(info.number));
  return said(flags, store.look(info.number), "is live");
}

Status export_version(const ModelsFlags& flags) {
  TRY(const VersionStore store, open_store(flags));
  TRY(const VersionInfo info, store.find(flags.name));
  TRY(const std::string bytes, store.export_bytes(info.number));
  const size_t slash = flags.to.rfind('/');
  const std::string dir = slash == std::string::npos ? "." : flags.to.substr(0, slash);
  TRY_STATUS(write_file_atomically(real_files(), dir,
                                   flags.to.substr(slash == std::string::npos ? 0 : slash + 1), bytes));
  return said(flags, info, "is exported");
}

Status import_version(const ModelsFlags& flags) {
  TRY(const auto file, real_files().open_read(flags.name));
  if (file->size() > kImportMax) return invalid(flags.name + ": more than 4 GiB, not a version");
  TRY(const std::string bytes, read_file(real_files(), flags.name));
  TRY(const VersionInfo given, VersionStore::inspect(bytes));
  if (is_servers(given))
    return invalid(flags.name + ": a version of a server's ranker; give a --server that takes it in");
  if (given.facts.contains("learner")) TRY_STATUS(check_versions_of(flags.models, fact(given, "learner")));
  TRY(VersionStore store, VersionStore::open(real_files(), flags.models));
  TRY(const uint64_t version, store.import_bytes(bytes));
  return said(flags, store.look(version), "is imported; `freshet models promote` makes it live");
}

std::string not_empty(const std::string& value) {
  return value.empty() ? "expected a number or a name, got nothing" : "";
}

}  // namespace

Run add_models(FlagSet app) {
  auto flags = std::make_shared<ModelsFlags>();
  auto chosen = std::make_shared<Body>(nullptr);
  app.require_subcommand();
  const auto add = [&](const char* name, const char* what, Body body, Body of_server) {
    const FlagSet sub = app.add_subcommand(name, what);
    const Flag folder =
        sub.add_option("--models", flags->models, "The folder of versions").capture_default_str();
    sub.add_option("--server,--url", flags->server, "Of a running server, instead of a folder")
        .excludes(folder);
    sub.add_option("--key", flags->key, "API key of role admin").envname("FRESHET_KEY");
    sub.add_flag("--json", flags->json, "The result as JSON");
    sub.callback([chosen, flags, body, of_server] { *chosen = flags->server.empty() ? body : of_server; });
    return sub;
  };
  const char* const kVersion = "Number, name, newest, live, or (of a server) good";
  const auto with_version = [&](FlagSet sub) {
    sub.add_option("version", flags->name, kVersion).required().check(not_empty);
    return sub;
  };
  add("list", "All versions, newest first", list, remote_list);
  with_version(add("show", "What is known of a version", show, remote_show));
  with_version(add("diff", "Compare two versions: facts, rows, weights", diff, remote_diff))
      .add_option("other", flags->other, kVersion)
      .required()
      .check(not_empty);
  with_version(add("pin", "Keep a version under a name, however old it gets", pin, remote_pin))
      .add_option("name", flags->other, "The name")
      .required();
  with_version(add("unpin", "Let a version go when it is old, an imported one of a server at once", unpin,
                   remote_unpin));
  add("rollback", "To the last good version; of a folder: to what was live before", rollback,
      remote_rollback);
  const FlagSet promoting = add("promote", "Make a version live, or a challenger", promote, remote_promote);
  const Flag promoted = promoting.add_option("version", flags->name, kVersion).check(not_empty);
  promoting.add_option("--challenger", flags->challenger, "Name of the challenger that takes the place")
      .excludes(promoted);
  with_version(add("export", "Write a version to a file", export_version, remote_export))
      .add_option("--to", flags->to, "The file")
      .required();
  add("import", "Take a version from a file", import_version, remote_import)
      .add_option("file", flags->name, "The file")
      .required();
  return [flags, chosen] { return (*chosen)(*flags); };
}

}  // namespace freshet
