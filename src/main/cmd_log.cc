// freshet log verify|tail|export|stats|fold: looking at the event log of a data directory, also while a
// server has it open. Nothing here changes it.
#include <cstdio>
#include <memory>

#include "base/json_writer.h"
#include "base/text_table.h"
#include "env/clock.h"
#include "env/process.h"
#include "env/progress.h"
#include "eval/event_json.h"
#include "log/log_tools.h"
#include "main/command.h"

namespace freshet {

Run add_log_fold(FlagSet app);  // cmd_log_fold.cc

namespace {

struct LogFlags {
  std::string data = "data";
  bool json = false;
  bool offsets = false;
  bool follow = false;
  uint64_t count = 10;
  uint64_t from = 0;
  uint64_t to = UINT64_MAX;
  std::string out = "-";
};

std::string log_dir(const LogFlags& flags) {
  return flags.data + "/log";
}

Result<std::unique_ptr<FileLog>> open_log(const LogFlags& flags) {
  FileLogOptions options;
  options.read_only = true;
  auto log = FileLog::open(real_files(), log_dir(flags), options);
  if (!log.ok() && log.error().code == Code::kNotFound)
    return not_found("no event log in " + log_dir(flags) + "; name the server's data directory with --data");
  return log;
}

// Bytes after the last whole block: an append in progress, or what a crash left.
uint64_t bytes_after_end(const LogFlags& flags, const SegmentInfo& last) {
  const auto file = real_files().open_read(log_dir(flags) + "/" + last.file);
  return file.ok() && (*file)->size() > last.bytes ? (*file)->size() - last.bytes : 0;
}

Result<LogStats> read_whole(FileLog& log, const char* what) {
  Progress progress(what, log.end() - log.begin());
  auto stats = verify_log(log, [&](uint64_t done, uint64_t) { progress.at(done); });
  progress.done();
  return stats;
}

Status verify(const LogFlags& flags) {
  TRY(auto log, open_log(flags));
  const double begun = wall_seconds();
  TRY(const LogStats stats, read_whole(*log, "verify"));
  const uint64_t torn = bytes_after_end(flags, stats.segments.back());
  if (flags.json) {
    JsonWriter json;
    json.object().field("ok", true).field("begin", stats.begin).field("end", stats.end);
    json.field("events", stats.events).field("segments", stats.segments.size());
    json.field("file_bytes", stats.file_bytes).field("bytes_after_end", torn);
    json.field("seconds", wall_seconds() - begun).end();
    std::printf("%s\n", json.text().c_str());
    return {};
  }
  std::printf("%s events in %zu segments, %s: every checksum is right (%s)\n",
              format_count(stats.events).c_str(), stats.segments.size(),
              format_bytes(stats.file_bytes).c_str(), format_seconds(wall_seconds() - begun).c_str());
  if (torn > 0)
    std::printf("%s bytes after the last whole block: an append in progress, or one a crash interrupted\n",
                format_count(torn).c_str());
  return {};
}

void print_stats_json(const LogStats& stats) {
  JsonWriter json(2);
  json.object().field("begin", stats.begin).field("end", stats.end).field("events", stats.events);
  json.field("file_bytes", stats.file_bytes).field("record_bytes", stats.record_bytes);
  const bool timed = stats.time_ms_min != kNoTime;
  json.key("time_ms_min");
  timed ? json.value(stats.time_ms_min) : json.null();
  json.key("time_ms_max");
  timed ? json.value(stats.time_ms_max) : json.null();
  json.key("by_type").object();
  for (int i = 0; i < kEventTypeCount; ++i)
    if (stats.by_type[i] > 0) json.field(event_type_name(static_cast<EventType>(i)), stats.by_type[i]);
  json.end().key("segments").array();
  for (const SegmentInfo& segment : stats.segments) {
    json.object().field("file", segment.file).field("begin", segment.begin).field("end", segment.end);
    json.field("bytes", segment.bytes).field("created_ms", segment.created_ms).end();
  }
  json.end().end();
  std::printf("%s\n", json.text().c_str());
}

Status print_stats(const LogFlags& flags) {
  TRY(auto log, open_log(flags));
  TRY(const LogStats stats, read_whole(*log, "stats"));
  if (flags.json) {
    print_stats_json(stats);
    return {};
  }
  TextTable types({"type", "events", "share"});
  for (int i = 0; i < kEventTypeCount; ++i) {
    if (stats.by_type[i] == 0) continue;
    const double share = 100.0 * static_cast<double>(stats.by_type[i]) / static_cast<double>(stats.events);
    types.row({std::string(event_type_name(static_cast<EventType>(i))), format_count(stats.by_type[i]),
               format_number(share, 1) + " %"});
  }
  types.rule();
  types.row({"all", format_count(stats.events), ""});
  std::printf(
      "offsets %lu to %lu in %zu segments, %s (%.0f bytes an event)\n\n%s",
      static_cast<unsigned long>(stats.begin), static_cast<unsigned long>(stats.end), stats.segments.size(),
      format_bytes(stats.file_bytes).c_str(),
      stats.events == 0 ? 0.0 : static_cast<double>(stats.file_bytes) / static_cast<double>(stats.events),
      types.text().c_str());
  return {};
}

// Writes events as JSON lines; false when the reader is gone or the disk full.
class EventPrinter {
 public:
  EventPrinter(std::FILE* out, bool offsets) : out_(out), offsets_(offsets) {}
  bool print(Offset at, const Event& event) {
    line_.clear();
    append_event_json(event, line_);
    if (offsets_) line_.insert(1, "\"offset\":" + std::to_string(at) + (line_.size() > 2 ? "," : ""));
    line_.push_back('\n');
    return std::fwrite(line_.data(), 1, line_.size(), out_) == line_.size();
  }

 private:
  std::FILE* const out_;
  const bool offsets_;
  std::string line_;
};

Status tail(const LogFlags& flags) {
  TRY(auto log, open_log(flags));
  const Offset end = log->end();
  const Offset from = end - std::min<Offset>(flags.count, end - log->begin());
  EventPrinter printer(stdout, flags.offsets);
  TRY(auto cursor, log->read(from));
  Event event;
  for (;;) {
    TRY(const bool more, cursor->next(std::chrono::milliseconds(flags.follow ? 500 : 0)));
    if (!more && !flags.follow) break;
    if (!more) {
      if (std::fflush(stdout) != 0) break;
      continue;
    }
    TRY_STATUS(cursor->decode(event));
    if (!printer.print(cursor->offset(), event)) break;
  }
  std::fflush(stdout);
  return {};
}

Status export_events(const LogFlags& flags) {
  TRY(auto log, open_log(flags));
  const Offset from = std::max(flags.from, log->begin());
  const Offset to = std::min(flags.to, log->end());
  if (from > to)
    return invalid("--from " + std::to_string(from) + " lies after the end, " + std::to_string(to));
  std::FILE* out = flags.out == "-" ? stdout : std::fopen(flags.out.c_str(), "wb");
  if (out == nullptr) return unavailable("cannot write " + flags.out + "; check that its folder exists");
  EventPrinter printer(out, flags.offsets);
  Progress progress("export", to - from);
  uint64_t written = 0;
  bool fine = true;
  const auto exported = export_log(*log, from, to, [&](Offset at, const Event& event) {
    if (event.type != EventType::kErased) fine = printer.print(at, event);  // Nothing to say of what is gone.
    progress.at(++written);
    return fine;
  });
  progress.done();
  fine = (out == stdout ? std::fflush(out) : std::fclose(out)) == 0 && fine;
  if (!exported.ok()) return exported.error();
  if (!fine) return unavailable("cannot write to " + flags.out + "; is the disk full, or its reader gone?");
  return {};
}

}  // namespace

Run add_log(FlagSet app) {
  auto flags = std::make_shared<LogFlags>();
  auto chosen = std::make_shared<Run>();
  app.require_subcommand();
  const auto add = [&](const char* name, const char* what, Status (*body)(const LogFlags&)) {
    const FlagSet sub = app.add_subcommand(name, what);
    sub.add_option("--data", flags->data, "The data directory").capture_default_str();
    sub.callback([chosen, body, flags] { *chosen = [flags, body] { return body(*flags); }; });
    return sub;
  };
  const FlagSet verify_app = add("verify", "Check every checksum and decode every event", verify);
  verify_app.add_flag("--json", flags->json, "The result as JSON");
  const FlagSet stats_app = add("stats", "Events by type, bytes, time range, segments", print_stats);
  stats_app.add_flag("--json", flags->json, "The result as JSON");
  const FlagSet tail_app = add("tail", "The newest events as JSON lines", tail);
  tail_app.add_option("-n,--count", flags->count, "How many").capture_default_str();
  tail_app.add_flag("-f,--follow", flags->follow, "Go on with what comes, until interrupted");
  tail_app.add_flag("--offsets", flags->offsets, "With each event's offset");
  const FlagSet export_app = add("export", "Events as JSON lines, which the doors take again", export_events);
  export_app.add_option("--from", flags->from, "First offset");
  export_app.add_option("--to", flags->to, "One past the last offset");
  export_app.add_option("--out", flags->out, "File to write, - for standard output").capture_default_str();
  export_app.add_flag("--offsets", flags->offsets, "With each event's offset");
  const FlagSet fold_app =
      app.add_subcommand("fold", "Fold the log from its start and print the state's hash");
  fold_app.callback([chosen, fold = add_log_fold(fold_app)] { *chosen = fold; });
  return [chosen] { return (*chosen)(); };
}

}  // namespace freshet
