#include "main/learn_compare.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <system_error>

#include "base/json_writer.h"
#include "base/text_table.h"
#include "env/file.h"
#include "env/output_file.h"
#include "eval/freshness_rows.h"
#include "ingest/compression.h"
#include "main/command.h"

namespace freshet {
namespace {

constexpr uint64_t kBadSaid = 5;

void say_left_out(uint64_t rows) {
  std::fprintf(stderr, "%llu rows left out\n", static_cast<unsigned long long>(rows));
}

Status read_rows(const std::string& file, RowReader& reader, std::vector<Row>& rows) {
  uint64_t line_number = 0, bad = 0;
  TRY_STATUS(each_line(file, [&](std::string_view line) -> Status {
    ++line_number;
    Row row;
    const Result<bool> read = reader.read(line, row);
    if (!read.ok() && ++bad <= kBadSaid)
      std::fprintf(stderr, "%s: line %llu: %s\n", file.c_str(), static_cast<unsigned long long>(line_number),
                   read.error().what.c_str());
    if (!read.ok() && read.error().code == Code::kCorrupt)
      return invalid(file + ": line " + std::to_string(line_number) + ": " + read.error().what);
    if (read.ok() && *read) rows.push_back(std::move(row));
    return {};
  }));
  if (const Status end = reader.end(); !end.ok()) {
    std::fprintf(stderr, "%s: line %llu: %s\n", file.c_str(), static_cast<unsigned long long>(line_number),
                 end.error().what.c_str());
    ++bad;
  }
  if (bad > 0) say_left_out(bad);
  if (rows.empty()) return invalid(file + ": no rows");
  return {};
}

}  // namespace

Status each_line(const std::string& path, const std::function<Status(std::string_view)>& take) {
  std::string line;
  const auto all_of = [&](std::istream& in, const std::string& name) -> Status {
    while (std::getline(in, line)) TRY_STATUS(take(line));
    return in.bad() ? unavailable(name + ": cannot be read to its end") : Status();
  };
  const auto unpacked = [&](const std::string& packed, const std::string& name) -> Status {
    auto text = gunzip(packed, size_t{8} << 30);
    if (!text.ok()) return Error{text.error().code, name + ": " + text.error().what};
    for (size_t at = 0; at < text->size();) {
      const size_t end = std::min(text->find('\n', at), text->size());
      TRY_STATUS(take(std::string_view(*text).substr(at, end - at)));
      at = end + 1;
    }
    return {};
  };
  if (path == "-") {
    constexpr int kGzip = 0x1f;  // No text begins with it.
    if (std::cin.peek() != kGzip) return all_of(std::cin, "standard input");
    return unpacked({std::istreambuf_iterator<char>(std::cin), {}}, "standard input");
  }
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    return invalid(path + ": is a directory; expected a file of rows");
  if (!path.ends_with(".gz")) {
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    if (!in)
      return not_found(path + ": cannot be opened: " + std::generic_category().message(errno) +
                       "; check the path");
    return all_of(in, path);
  }
  TRY(const std::string packed, read_file(real_files(), path));
  return unpacked(packed, path);
}

Status compare_freshness(const std::string& file, RowFormat format, const TrainerConfig& config,
                         const FreshnessFlags& flags, bool json) {
  std::optional<OutputFile> plot;
  if (!flags.plot.empty()) {
    auto drawing = OutputFile::open(flags.plot);
    if (!drawing.ok()) return Error{drawing.error().code, "--plot " + drawing.error().what};
    plot.emplace(std::move(*drawing));
  }
  RowReader reader(format);
  std::vector<Row> rows;
  TRY_STATUS(read_rows(file, reader, rows));
  RowFreshnessOptions options{.trainer = config,
                              .hour = flags.hour,
                              .hours = flags.hours,
                              .first_rows = kRowsFirst,
                              .progress = [](std::string_view what) {
                                std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
                              }};
  TRY(FreshnessReport report, freshness_of_rows(reader, rows, options));
  report.title = file;
  std::fputs((json ? freshness_json(report) : freshness_text(report)).c_str(), stdout);
  std::fflush(stdout);
  if (plot)
    if (const Status drawn = plot->write(freshness_svg(report)); !drawn.ok())
      return Error{drawn.error().code, "--plot " + drawn.error().what};
  return {};
}

Status compare_late_labels(const std::string& file, RowFormat format, const TrainerConfig& config,
                           bool json) {
  RowReader reader(format);
  std::vector<Row> rows;
  TRY_STATUS(read_rows(file, reader, rows));
  constexpr std::pair<LateLabels, const char*> kArms[] = {{LateLabels::kAtOnce, "oracle"},
                                                          {LateLabels::kExpect, "ours"},
                                                          {LateLabels::kWait, "waiting"},
                                                          {LateLabels::kWeighted, "weighted"},
                                                          {LateLabels::kNegative, "ignoring"}};
  TextTable table({"labels", "log loss", "auc", "calibration"});
  JsonWriter out;
  out.object();
  for (const auto& [late, name] : kArms) {
    TrainerConfig own = config;
    own.late = late;
    Trainer trainer(own);
    const Status started = trainer.start(reader, std::span(rows).first(std::min(rows.size(), kRowsFirst)));
    if (!started.ok() && started.error().code == Code::kInvalid)
      usage_error(file + ": " + started.error().what);
    TRY_STATUS(Status(started));
    double score = 0;
    uint64_t bad = 0;
    for (const Row& row : rows) {
      const Status step = trainer.step(row, &score);
      if (!step.ok() && late == LateLabels::kAtOnce && ++bad <= kBadSaid)
        std::fprintf(stderr, "%s: %s\n", file.c_str(), step.error().what.c_str());
    }
    if (bad > 0) say_left_out(bad);
    if (late == LateLabels::kAtOnce)
      for (const std::string& warning : trainer.warnings())
        std::fprintf(stderr, "warning: %s\n", warning.c_str());
    const Progressive& judged = trainer.judged();
    table.row({name, format_number(judged.log_loss(), 4), format_number(judged.auc(), 4),
               format_number(judged.calibration(), 3)});
    if (late == LateLabels::kAtOnce) out.field("n", judged.n());
    out.key(name).object();
    out.field("log_loss", judged.log_loss()).field("auc", judged.auc());
    out.field("calibration", judged.calibration()).end();
  }
  out.end();
  std::fputs((json ? out.take() + "\n" : table.text()).c_str(), stdout);
  return {};
}

}  // namespace freshet
