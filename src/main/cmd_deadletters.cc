// freshet deadletters count|list|show|fix|replay|remove: what the doors refused. Looking works beside a
// running server; changing needs the data directory to itself.
#include <cstdio>
#include <memory>

#include "base/json_writer.h"
#include "base/text_table.h"
#include "env/clock.h"
#include "env/file.h"
#include "ingest/ingest.h"
#include "log/file_log.h"
#include "main/command.h"

namespace freshet {
namespace {

struct LetterFlags {
  std::string data = "data";
  std::string reason;
  std::string body;
  std::vector<uint64_t> numbers;
  uint64_t from = 0;
  uint64_t count = 20;
  bool all = false;
  bool history = false;
  bool json = false;
};

std::string folder_of(const LetterFlags& flags) {
  return flags.data + "/letters";
}

Result<std::unique_ptr<DeadLetters>> open_to_look(const LetterFlags& flags) {
  auto letters = DeadLetters::open_read_only(folder_of(flags));
  if (!letters.ok() && letters.error().code == Code::kNotFound)
    return not_found("no dead letters in " + folder_of(flags) + "; name the data directory with --data");
  return letters;
}

Result<std::unique_ptr<DeadLetters>> open_to_change(const LetterFlags& flags) {
  TRY(const auto there, open_to_look(flags));  // So that a wrong --data makes no store.
  auto letters = DeadLetters::open(folder_of(flags));
  if (!letters.ok() && letters.error().code == Code::kUnavailable)
    return unavailable("the dead letters are in use; while a server runs, change them through its API");
  return letters;
}

// Null: any reason.
Result<std::unique_ptr<RejectReason>> reason_of(const LetterFlags& flags) {
  if (flags.reason.empty()) return std::unique_ptr<RejectReason>();
  auto reason = std::make_unique<RejectReason>();
  if (parse_reason(flags.reason, *reason)) return reason;
  std::string names;
  for (int i = 0; i < kReasonCount; ++i)
    names += (i == 0 ? "" : ", ") + std::string(reason_name(static_cast<RejectReason>(i)));
  return invalid("--reason " + flags.reason + ": expected one of " + names);
}

void write_letter(JsonWriter& json, const DeadLetter& letter) {
  json.object().field("number", letter.number).field("reason", reason_name(letter.reason));
  json.field("field", letter.field).field("expected", letter.expected).field("got", letter.got);
  json.field("door", letter.door).field("kind", letter.kind).field("source", letter.source);
  json.field("index", letter.index).field("line", letter.line).field("time_ms", letter.time_ms);
  json.field("attempts", letter.attempts).field("truncated", letter.truncated);
  json.field("raw", letter.raw).field("body", letter.body).end();
}

std::string one_line(const std::string& text, size_t bytes_max) {
  std::string out = text.substr(0, bytes_max);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return out.size() < text.size() ? out + "..." : out;
}

Status count(const LetterFlags& flags) {
  TRY(const auto letters, open_to_look(flags));
  const DeadLetterCounts counts = letters->counts();
  if (flags.json) {
    JsonWriter json(2);
    json.object()
        .field("letters", counts.letters)
        .field("bytes", counts.bytes)
        .field("dropped", counts.dropped);
    json.key("by_reason").object();
    for (int i = 0; i < kReasonCount; ++i)
      if (counts.by_reason[i] > 0) json.field(reason_name(static_cast<RejectReason>(i)), counts.by_reason[i]);
    json.end().end();
    std::printf("%s\n", json.text().c_str());
    return {};
  }
  TextTable table({"reason", "letters"});
  for (int i = 0; i < kReasonCount; ++i)
    if (counts.by_reason[i] > 0)
      table.row({std::string(reason_name(static_cast<RejectReason>(i))), format_count(counts.by_reason[i])});
  table.rule();
  table.row({"all", format_count(counts.letters)});
  std::printf("%s%s; %s dropped for want of room\n", table.text().c_str(), format_bytes(counts.bytes).c_str(),
              format_count(counts.dropped).c_str());
  return {};
}

Status list(const LetterFlags& flags) {
  TRY(const auto letters, open_to_look(flags));
  TRY(const auto reason, reason_of(flags));
  uint64_t shown = 0;
  TextTable table({"number", "reason", "field", "where", "what came"});
  JsonWriter json(2);
  json.array();
  TRY_STATUS(letters->list(flags.from, reason.get(), [&](const DeadLetter& letter) {
    if (shown == flags.count) return false;
    ++shown;
    const std::string place = letter.line > 0 ? ":" + std::to_string(letter.line) : "";
    if (flags.json) {
      write_letter(json, letter);
    } else {
      table.row({std::to_string(letter.number), std::string(reason_name(letter.reason)), letter.field,
                 letter.door + place, one_line(letter.raw.empty() ? letter.body : letter.raw, 60)});
    }
    return true;
  }));
  json.end();
  std::printf("%s%s", flags.json ? json.text().c_str() : table.text().c_str(), flags.json ? "\n" : "");
  return {};
}

Status show(const LetterFlags& flags) {
  TRY(const auto letters, open_to_look(flags));
  for (const uint64_t number : flags.numbers) {
    TRY(const DeadLetter letter, letters->get(number));
    JsonWriter json(2);
    write_letter(json, letter);
    std::printf("%s\n", json.text().c_str());
  }
  return {};
}

Status fix(const LetterFlags& flags) {
  TRY(const auto letters, open_to_change(flags));
  std::string body = flags.body;
  if (body == "-") {
    body.clear();
    for (int c = std::getchar(); c != EOF && body.size() < (1 << 20); c = std::getchar())
      body.push_back(static_cast<char>(c));
  }
  TRY_STATUS(letters->fix(flags.numbers.front(), body));
  std::printf("fixed; send it with: freshet deadletters replay %llu --data %s\n",
              static_cast<unsigned long long>(flags.numbers.front()), flags.data.c_str());
  return {};
}

// The numbers named, or all (of a reason).
Result<std::vector<uint64_t>> chosen(const LetterFlags& flags, const DeadLetters& letters) {
  if (!flags.numbers.empty()) return flags.numbers;
  if (!flags.all && flags.reason.empty()) usage_error("name letters by number, or give --reason or --all");
  TRY(const auto reason, reason_of(flags));
  std::vector<uint64_t> numbers;
  TRY_STATUS(letters.list(flags.from, reason.get(), [&](const DeadLetter& letter) {
    numbers.push_back(letter.number);
    return true;
  }));
  return numbers;
}

Status replay(const LetterFlags& flags) {
  TRY(const auto letters, open_to_change(flags));
  TRY(const std::vector<uint64_t> numbers, chosen(flags, *letters));
  auto opened = FileLog::open(real_files(), flags.data + "/log", {.durability = Durability::kNone});
  if (!opened.ok()) return opened.error();
  const std::unique_ptr<FileLog> log = std::move(opened).value();
  Ingest live(CleanerConfig::live(), letters.get());
  Ingest history(CleanerConfig::history(), letters.get());
  LogSink sink(*log);
  uint64_t taken = 0, events = 0, stayed = 0;
  for (const uint64_t number : numbers) {
    TRY(const DeadLetter letter, letters->get(number));
    // What came from a file is history still, and has no clock to be late by.
    const bool from_file = flags.history || letter.door.compare(0, 5, "file:") == 0;
    Ingest& ingest = from_file ? history : live;
    auto result = ingest.replay(number, from_file ? kNoTime : now_ms(), sink);
    if (!result.ok() && result.error().code == Code::kUnavailable) return result.error();
    const bool good = result.ok() && result->rejected == 0;
    ++(good ? taken : stayed);
    if (result.ok()) events += result->accepted;
    if (!good)
      std::fprintf(stderr, "%llu stays: %s\n", static_cast<unsigned long long>(number),
                   result.ok() ? result->errors.front().message().c_str() : result.error().what.c_str());
  }
  TRY_STATUS(log->sync());
  std::printf("%s letters taken (%s events), %s stay\n", format_count(taken).c_str(),
              format_count(events).c_str(), format_count(stayed).c_str());
  return {};
}

Status remove(const LetterFlags& flags) {
  TRY(const auto letters, open_to_change(flags));
  TRY(const std::vector<uint64_t> numbers, chosen(flags, *letters));
  for (const uint64_t number : numbers) TRY_STATUS(letters->remove(number));
  std::printf("%s letters removed\n", format_count(numbers.size()).c_str());
  return {};
}

}  // namespace

Run add_deadletters(FlagSet app) {
  auto flags = std::make_shared<LetterFlags>();
  auto run = std::make_shared<Run>();
  app.require_subcommand();
  const auto add = [&](const char* name, const char* what, Status (*work)(const LetterFlags&)) {
    const FlagSet sub = app.add_subcommand(name, what);
    sub.add_option("--data", flags->data, "Data directory").capture_default_str();
    sub.callback([run, flags, work] { *run = [flags, work] { return work(*flags); }; });
    return sub;
  };
  FlagSet sub = add("count", "How many, by reason", count);
  sub.add_flag("--json", flags->json, "As JSON");

  sub = add("list", "The letters, oldest first", list);
  sub.add_option("--reason", flags->reason, "Only of this reason");
  sub.add_option("--from", flags->from, "From this number on");
  sub.add_option("--count", flags->count, "At most so many").capture_default_str();
  sub.add_flag("--json", flags->json, "As JSON, with all there is to know");

  sub = add("show", "Letters as JSON, with what came", show);
  sub.add_option("NUMBERS", flags->numbers, "Numbers of letters").required();

  sub = add("fix", "Replace what will be replayed", fix);
  sub.add_option("NUMBER", flags->numbers, "Number of the letter").required().expected(1);
  sub.add_option("--body", flags->body, "The event or item as JSON; - reads standard input").required();

  for (const bool again : {true, false}) {
    sub = again ? add("replay", "Send letters through the door again; what is taken is removed", replay)
                : add("remove", "Remove letters for good", remove);
    sub.add_option("NUMBERS", flags->numbers, "Numbers of letters");
    sub.add_option("--reason", flags->reason, "All of this reason");
    sub.add_flag("--all", flags->all, "All");
    if (again) sub.add_flag("--history", flags->history, "Without limits on how late an event may be");
  }
  return [run] { return (*run)(); };
}

}  // namespace freshet
