// freshet snapshot list|verify|diff|pin|unpin: the snapshots of a data directory.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/json_writer.h"
#include "base/text_table.h"
#include "fold/snapshot_store.h"
#include "main/command.h"

namespace freshet {

namespace {

struct SnapshotFlags {
  std::string data = "data";
  bool json = false;
  std::vector<std::string> names;
};

Result<std::unique_ptr<SnapshotStore>> open_store(const SnapshotFlags& flags) {
  const std::string dir = flags.data + "/snapshots";
  auto store = SnapshotStore::open_to_look(real_files(), dir);
  if (!store.ok() && store.error().code == Code::kNotFound)
    return not_found("no snapshots in " + dir + "; name the server's data directory with --data");
  return store;
}

std::string hex(uint64_t hash) {
  char text[17];
  std::snprintf(text, sizeof text, "%016lx", static_cast<unsigned long>(hash));
  return text;
}

// The file of a snapshot named by file, by offset, or by "newest".
Result<std::string> find(SnapshotStore& store, const std::string& name) {
  TRY(const auto snapshots, store.list());
  if (name == "newest" && !snapshots.empty()) return snapshots.front().file;
  for (const SnapshotInfo& info : snapshots)
    if (info.file == name || std::to_string(info.offset) == name) return info.file;
  if (name.ends_with(".snap")) return name;  // Perhaps damaged: verify says how.
  return not_found("no snapshot \"" + name + "\"; `freshet snapshot list` shows what there is");
}

void write_info(const SnapshotInfo& info, JsonWriter& json) {
  json.object().field("file", info.file).field("offset", info.offset).field("created_ms", info.created_ms);
  json.field("bytes", info.bytes).field("state_hash", hex(info.state_hash)).field("pinned", info.pinned);
  json.key("sections").array();
  for (const SnapshotSection& section : info.sections)
    json.object()
        .field("name", section.name)
        .field("bytes", section.bytes)
        .field("hash", hex(section.hash))
        .end();
  json.end().end();
}

Status list(const SnapshotFlags& flags) {
  TRY(auto store, open_store(flags));
  TRY(const auto snapshots, store->list());
  if (flags.json) {
    JsonWriter json(2);
    json.array();
    for (const SnapshotInfo& info : snapshots) write_info(info, json);
    json.end();
    std::printf("%s\n", json.text().c_str());
    return {};
  }
  TextTable table({"snapshot", "offset", "size", "state", ""});
  for (const SnapshotInfo& info : snapshots)
    table.row({info.file, format_count(info.offset), format_bytes(info.bytes), hex(info.state_hash),
               info.pinned ? "pinned" : ""});
  std::printf("%s", table.text().c_str());
  return {};
}

Status verify(const SnapshotFlags& flags) {
  TRY(auto store, open_store(flags));
  std::vector<std::string> files;
  for (const std::string& name : flags.names) {
    TRY(std::string file, find(*store, name));
    files.push_back(std::move(file));
  }
  if (files.empty()) {
    TRY(files, real_files().list(flags.data + "/snapshots"));
    std::erase_if(files, [](const std::string& file) { return !file.ends_with(".snap"); });
  }
  JsonWriter json(2);
  json.array();
  size_t damaged = 0;
  for (const std::string& file : files) {
    const auto info = store->verify(file);
    damaged += info.ok() ? 0 : 1;
    json.object().field("file", file).field("ok", info.ok());
    if (!info.ok()) json.field("error", info.error().what);
    json.end();
    if (!flags.json)
      std::printf("%s: %s\n", file.c_str(),
                  info.ok() ? "every checksum is right" : info.error().what.c_str());
  }
  json.end();
  if (flags.json) std::printf("%s\n", json.text().c_str());
  if (damaged > 0)
    return corrupt(std::to_string(damaged) + " of " + std::to_string(files.size()) +
                   " snapshots damaged; a start uses the newest sound one");
  return {};
}

const char* verdict(const SectionDiff& diff) {
  if (diff.absent_a) return "only in the second";
  if (diff.absent_b) return "only in the first";
  return diff.equal ? "equal" : "differ";
}

Status diff(const SnapshotFlags& flags) {
  TRY(auto store, open_store(flags));
  TRY(const std::string a, find(*store, flags.names.at(0)));
  TRY(const std::string b, find(*store, flags.names.at(1)));
  TRY(const auto diffs, store->diff(a, b));
  if (flags.json) {
    JsonWriter json(2);
    json.object().field("a", a).field("b", b);
    json.field("equal",
               std::all_of(diffs.begin(), diffs.end(), [](const SectionDiff& d) { return d.equal; }));
    json.key("sections").array();
    for (const SectionDiff& d : diffs) {
      json.object().field("name", d.name).field("equal", d.equal).field("verdict", verdict(d));
      json.field("bytes_a", d.bytes_a).field("bytes_b", d.bytes_b);
      if (!d.equal && !d.absent_a && !d.absent_b) json.field("first_difference", d.first_difference);
      json.end();
    }
    json.end().end();
    std::printf("%s\n", json.text().c_str());
    return {};
  }
  TextTable table({"section", "first", "second", "first difference", ""});
  for (const SectionDiff& d : diffs) {
    const bool both = !d.equal && !d.absent_a && !d.absent_b;
    table.row({d.name, format_count(d.bytes_a), format_count(d.bytes_b),
               both ? "byte " + format_count(d.first_difference) : "", verdict(d)});
  }
  std::printf("%s", table.text().c_str());
  return {};
}

Status pin_as(const SnapshotFlags& flags, bool pinned) {
  TRY(auto store, open_store(flags));
  for (const std::string& name : flags.names) {
    TRY(const std::string file, find(*store, name));
    TRY_STATUS(store->pin(file, pinned));
    std::printf("%s %s\n", file.c_str(), pinned ? "pinned" : "no longer pinned");
  }
  return {};
}
Status pin(const SnapshotFlags& flags) {
  return pin_as(flags, true);
}
Status unpin(const SnapshotFlags& flags) {
  return pin_as(flags, false);
}

}  // namespace

Run add_snapshot(FlagSet app) {
  auto flags = std::make_shared<SnapshotFlags>();
  auto chosen = std::make_shared<Status (*)(const SnapshotFlags&)>(nullptr);
  app.require_subcommand();
  const auto add = [&](const char* name, const char* what, Status (*body)(const SnapshotFlags&)) {
    const FlagSet sub = app.add_subcommand(name, what);
    sub.add_option("--data", flags->data, "The data directory").capture_default_str();
    sub.callback([chosen, body] { *chosen = body; });
    return sub;
  };
  const char* const kName = "File, offset, or newest";
  add("list", "All snapshots, newest first", list).add_flag("--json", flags->json, "The result as JSON");
  const FlagSet verify_app = add("verify", "Check every checksum, of the snapshots named or of all", verify);
  verify_app.add_option("snapshots", flags->names, kName);
  verify_app.add_flag("--json", flags->json, "The result as JSON");
  const FlagSet diff_app = add("diff", "Compare two snapshots section by section", diff);
  diff_app.add_option("snapshots", flags->names, kName).required().expected(2);
  diff_app.add_flag("--json", flags->json, "The result as JSON");
  add("pin", "Keep snapshots however old they get", pin)
      .add_option("snapshots", flags->names, kName)
      .required();
  add("unpin", "Let snapshots go when they are old", unpin)
      .add_option("snapshots", flags->names, kName)
      .required();
  return [flags, chosen] { return (*chosen)(*flags); };
}

}  // namespace freshet
