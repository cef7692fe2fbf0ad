// How fast the doors take events: parse, clean, encode for the log. No fold, no learning, no network.
//
//   build/release/bench/ingest_bench [megabytes of input]
//
// Files are made in a temporary directory (a shop's history: time, user, type, item, order), read with one
// thread, and appended to an event log on disk without waiting for the disk, as `freshet import` does it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/text_table.h"
#include "env/clock.h"
#include "env/process.h"
#include "ingest/compression.h"
#include "ingest/ingest.h"
#include "log/file_log.h"

namespace freshet {
namespace {

const char* const kTypes[] = {"view", "view", "view", "view", "view", "view", "addtocart", "transaction"};

std::string make_csv(size_t bytes, uint64_t& rows) {
  std::string text = "timestamp,visitorid,event,itemid,transactionid\n";
  for (rows = 0; text.size() < bytes; ++rows) {
    Draw draw(rows);
    const char* const type = kTypes[draw.below(8)];
    text += std::to_string(1433221332000 + rows * 37) + "," + std::to_string(draw.below(1'400'000)) + "," +
            type + "," + std::to_string(draw.below(235'000)) + "," +
            (type[0] == 't' ? std::to_string(draw.below(20'000)) : "") + "\n";
  }
  return text;
}

std::string make_jsonl(size_t bytes, uint64_t& rows) {
  std::string text;
  for (rows = 0; text.size() < bytes; ++rows) {
    Draw draw(rows);
    text += "{\"type\":\"" + std::string(kTypes[draw.below(8)]) +
            "\",\"time\":" + std::to_string(1433221332000 + rows * 37) + ",\"id\":\"e-" +
            std::to_string(rows) + "\",\"user\":\"u" + std::to_string(draw.below(1'400'000)) +
            "\",\"session\":\"s" + std::to_string(draw.below(9'000'000)) + "\",\"item\":\"i" +
            std::to_string(draw.below(235'000)) + "\",\"surface\":\"search\",\"price\":19.9}\n";
  }
  return text;
}

struct Measured {
  double cpu_s = 0;
  double wall_s = 0;
  uint64_t events = 0;
};

Measured import_once(const std::string& path, const FileOptions& options, const std::string& log_dir) {
  std::filesystem::remove_all(log_dir);
  auto log = FileLog::open(real_files(), log_dir, {.durability = Durability::kNone});
  CHECK(log.ok());
  LogSink sink(**log);
  Ingest ingest(CleanerConfig::history(), nullptr);
  IngestResult result;
  const double cpu = thread_cpu_seconds(), wall = wall_seconds();
  const Status status = ingest.import_file(path, options, {.door = "file"}, sink, result);
  CHECK(status.ok());
  CHECK(result.rejected == 0);
  return {thread_cpu_seconds() - cpu, wall_seconds() - wall, result.accepted};
}

Measured bodies_once(const std::string& text, size_t lines_a_body) {
  std::vector<std::string_view> bodies;
  size_t begin = 0, lines = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\n' || ++lines % lines_a_body != 0) continue;
    bodies.push_back(std::string_view(text).substr(begin, at + 1 - begin));
    begin = at + 1;
  }
  Ingest ingest(CleanerConfig::history(), nullptr);
  class NullLog : public EventSink {
   public:
    Status add(const Event& event) override {
      batch_.add(event);
      return {};
    }
    Status append() override {
      batch_.clear();
      return {};
    }

   private:
    EventBatch batch_;
  } sink;
  Measured out;
  const double cpu = thread_cpu_seconds(), wall = wall_seconds();
  for (const std::string_view body : bodies) {
    const Result<IngestResult> result = ingest.events(body, {.now_ms = kNoTime}, sink);
    CHECK(result.ok() && result->rejected == 0);
    out.events += result->accepted;
  }
  out.cpu_s = thread_cpu_seconds() - cpu;
  out.wall_s = wall_seconds() - wall;
  return out;
}

int run(int argc, char** argv) {
  const size_t bytes = static_cast<size_t>(argc > 1 ? std::atoi(argv[1]) : 64) << 20;
  const std::string dir = std::filesystem::temp_directory_path() / "freshet_ingest_bench";
  std::filesystem::create_directories(dir);
  uint64_t csv_rows = 0, json_rows = 0;
  const std::string csv = make_csv(bytes, csv_rows), jsonl = make_jsonl(bytes, json_rows);
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(dir + "/" + name, std::ios::binary) << text;
    return dir + "/" + name;
  };
  FileOptions mapped;
  mapped.map = parse_map("user=visitorid,item=itemid,type=event,time=timestamp,order=transactionid").value();

  TextTable table({"input", "events", "cpu s", "events/s of cpu", "events/s", "MB/s"});
  const auto row = [&](const char* name, size_t size, const auto& once) {
    std::vector<Measured> runs;
    for (int i = 0; i < 3; ++i) runs.push_back(once());
    std::sort(runs.begin(), runs.end(),
              [](const Measured& a, const Measured& b) { return a.cpu_s < b.cpu_s; });
    const Measured& m = runs[1];
    char text[4][32];
    std::snprintf(text[0], 32, "%.2f", m.cpu_s);
    std::snprintf(text[1], 32, "%.0f", static_cast<double>(m.events) / m.cpu_s);
    std::snprintf(text[2], 32, "%.0f", static_cast<double>(m.events) / m.wall_s);
    std::snprintf(text[3], 32, "%.0f", static_cast<double>(size) / m.cpu_s / 1e6);
    table.row({name, std::to_string(m.events), text[0], text[1], text[2], text[3]});
  };
  const auto file = [&](const std::string& path, const FileOptions& options) {
    return [&, path, options] { return import_once(path, options, dir + "/log"); };
  };
  row("CSV", csv.size(), file(write("events.csv", csv), mapped));
  row("CSV, gzip", csv.size(), file(write("events.csv.gz", gzip(csv, 1)), mapped));
  row("CSV, zstd", csv.size(), file(write("events.csv.zst", zstd(csv, 1)), mapped));
  row("JSON lines", jsonl.size(), file(write("events.jsonl", jsonl), {}));
  row("bodies of 100 (no log)", jsonl.size(), [&] { return bodies_once(jsonl, 100); });
  std::fputs(table.text().c_str(), stdout);
  std::filesystem::remove_all(dir);
  return 0;
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  return freshet::run(argc, argv);
}
