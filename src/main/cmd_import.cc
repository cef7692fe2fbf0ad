// freshet import FILES --data DIR: event files onto the log of a data directory, at disk speed. Nothing is
// learned here: the server, or freshet replay --data, folds what is on the log.
#include <cstdio>
#include <memory>

#include "base/json_writer.h"
#include "base/text_table.h"
#include "env/clock.h"
#include "env/process.h"
#include "env/progress.h"
#include "ingest/ingest.h"
#include "log/file_log.h"
#include "log/log_tools.h"
#include "main/command.h"
#include "main/file_flags.h"

namespace freshet {
namespace {

struct ImportFlags {
  std::string data = "data";
  std::string missing;
  std::string robots = "off";
  uint64_t duplicate_window = 1 << 20;
  std::string catalogue;
  bool items = false;
  bool swap = false;
  bool no_letters = false;
  bool future = false;
  bool json = false;
  std::shared_ptr<FileFlags> files;
};

Result<CleanerConfig> cleaner_of(const ImportFlags& flags) {
  CleanerConfig config = CleanerConfig::history();
  config.duplicate_window = flags.duplicate_window;
  if (!flags.future) config.latest_ms = now_ms() + kDayMs;  // A day: of zones that a file does not name.
  TRY(config.robots, parse_robot_policy(flags.robots));
  TRY(std::vector<MissingPolicy> missing, parse_missing_policies(flags.missing));
  config.missing.insert(config.missing.begin(), missing.begin(),
                        missing.end());  // The first of a field holds.
  return config;
}

// The ids at the end of the log: what is imported again counts once.
Status remember_tail(FileLog& log, Ingest& ingest, uint64_t count) {
  const Offset from = std::max(log.begin(), log.end() - std::min<Offset>(log.end(), count));
  TRY([[maybe_unused]] const uint64_t seen, export_log(log, from, log.end(), [&](Offset, const Event& event) {
        if (event.type != EventType::kErased) ingest.remember(event);
        return true;
      }));
  return {};
}

void print_result(const ImportFlags& flags, const IngestResult& result, const FileLog& log, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(result.accepted) / seconds : 0;
  if (flags.json) {
    JsonWriter json(2);
    json.object().field("received", result.received).field("accepted", result.accepted);
    json.field("duplicates", result.duplicates).field("rejected", result.rejected);
    json.field("filtered", result.filtered).field("marked", result.marked).key("reasons").object();
    for (int i = 0; i < kReasonCount; ++i)
      if (result.reasons[i] > 0) json.field(reason_name(static_cast<RejectReason>(i)), result.reasons[i]);
    json.end().field("log_end", log.end()).field("seconds", seconds).field("events_per_second", rate).end();
    std::printf("%s\n", json.text().c_str());
    return;
  }
  std::printf("%s events taken from %s rows in %s (%s/s); the log ends at %s\n",
              format_count(result.accepted).c_str(), format_count(result.received).c_str(),
              format_seconds(seconds).c_str(), format_count(static_cast<uint64_t>(rate)).c_str(),
              format_count(log.end()).c_str());
  if (result.filtered > 0)
    std::printf("%s rows left out: --where, or nothing the log has a word for\n",
                format_count(result.filtered).c_str());
  if (result.duplicates > 0)
    std::printf("%s events known already\n", format_count(result.duplicates).c_str());
  if (result.marked > 0) std::printf("%s marked as robot-like\n", format_count(result.marked).c_str());
  if (result.rejected == 0) return;
  std::printf("%s rows refused:\n", format_count(result.rejected).c_str());
  for (int i = 0; i < kReasonCount; ++i)
    if (result.reasons[i] > 0)
      std::printf("  %-18s %s\n", std::string(reason_name(static_cast<RejectReason>(i))).c_str(),
                  format_count(result.reasons[i]).c_str());
  for (size_t i = 0; i < std::min<size_t>(3, result.errors.size()); ++i)
    std::printf("  e.g. %s\n", result.errors[i].message().c_str());
  if (!flags.no_letters)
    std::printf("they are dead letters: freshet deadletters list --data %s\n", flags.data.c_str());
}

// Whoever folds the log next puts the catalogue in the place of the live one.
Status swap(FileLog& log, const std::string& catalogue) {
  Event event;
  event.type = EventType::kCatalogSwap;
  event.catalogue = catalogue;
  event.time_ms = event.received_ms = now_ms();
  event.id = "swap-" + std::to_string(log.end());
  event.source = "import";
  EventBatch batch;
  batch.add(event);
  TRY([[maybe_unused]] const Offset at, log.append(batch));
  return {};
}

Status import(const ImportFlags& flags) {
  TRY(FileOptions options, flags.files->options());
  if (flags.items) options.set.push_back({"type", "item-upsert"});
  TRY_STATUS(check_catalogue(flags.catalogue));
  if (flags.swap && flags.catalogue.empty()) return invalid("--swap: expected --catalogue NAME too");
  options.catalogue = flags.catalogue;
  // An item that is known from another catalogue, or from one that was discarded, is no duplicate.
  if (!flags.catalogue.empty()) options.source += "/" + flags.catalogue + "@" + std::to_string(now_ms());
  TRY(const CleanerConfig config, cleaner_of(flags));
  TRY_STATUS(real_files().make_dirs(flags.data));
  auto opened = FileLog::open(real_files(), flags.data + "/log", {.durability = Durability::kNone});
  if (!opened.ok() && opened.error().code == Code::kUnavailable)
    return unavailable(opened.error().what + "; while a server runs, send events to POST /api/v1/events");
  if (!opened.ok()) return opened.error();
  const std::unique_ptr<FileLog> log = std::move(opened).value();
  std::unique_ptr<DeadLetters> letters;
  if (!flags.no_letters) {
    TRY(letters, DeadLetters::open(flags.data + "/letters"));
  }
  Ingest ingest(config, letters.get());
  TRY_STATUS(remember_tail(*log, ingest, config.duplicate_window));
  LogSink sink(*log);
  IngestResult result;
  const double begun = wall_seconds();
  Status failed;
  for (const std::string& path : flags.files->files) {
    std::unique_ptr<Progress> progress;
    IngestResult of_file;
    const std::string door = "file:" + path;
    failed = ingest.import_file(path, options, {.door = door, .letter_ms = now_ms()}, sink, of_file,
                                [&](const FileProgress& now) {
                                  if (progress == nullptr)
                                    progress = std::make_unique<Progress>("import " + path, now.bytes_total);
                                  progress->at(now.bytes_read, now.events);
                                });
    progress.reset();
    result.merge(of_file);
    if (!failed.ok()) break;
  }
  if (failed.ok() && flags.swap && result.accepted > 0) failed = swap(*log, flags.catalogue);
  // What was taken before an error is on the log, and stays.
  const Status durable = log->sync();
  if (failed.ok() || result.received > 0) print_result(flags, result, *log, wall_seconds() - begun);
  return failed.ok() ? durable : failed;
}

}  // namespace

Run add_import(FlagSet app) {
  auto flags = std::make_shared<ImportFlags>();
  flags->files = add_file_flags(app);
  app.add_option("--data", flags->data, "Data directory; made when it is not there").capture_default_str();
  app.add_option("--missing", flags->missing,
                 "What to do when a field is absent, e.g. price=previous,currency=default:EUR,rating=reject");
  app.add_option("--robots", flags->robots, "Bursts no shopper makes: off, mark or dead-letter")
      .capture_default_str();
  app.add_option("--duplicate-window", flags->duplicate_window, "Event ids remembered; 0: none")
      .capture_default_str()
      .check(number_within(uint64_t{0}, uint64_t{1} << 28));
  app.add_flag("--items", flags->items, "The files hold items: the same as --set type=item-upsert");
  app.add_option("--catalogue", flags->catalogue,
                 "Items go into a catalogue of this name that waits beside the live one");
  app.add_flag("--swap", flags->swap,
               "Then it takes the place of the live one: items it does not have leave the shop");
  app.add_flag("--no-letters", flags->no_letters, "Only count what is refused, keep nothing of it");
  app.add_flag("--future", flags->future,
               "Take events that lie more than a day ahead of this machine's clock");
  app.add_flag("--json", flags->json, "The result as JSON");
  return [flags] { return import(*flags); };
}

}  // namespace freshet
