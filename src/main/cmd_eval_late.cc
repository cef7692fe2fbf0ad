// freshet eval late: conversions that come days later, on the delays of a shop's own orders.
// docs/benchmarks.md.
#include <cstdio>
#include <memory>

#include "eval/file_source.h"
#include "eval/late_eval.h"
#include "eval/protocol.h"
#include "main/command.h"
#include "main/file_flags.h"

namespace freshet {
namespace {

struct EvalLateFlags {
  std::shared_ptr<FileFlags> files;
  std::string window = "1d", late = "30d", after = "3d";
  double drift = 1e-4;
  bool json = false;
};

TimeMs duration_of(const char* flag, const std::string& text) {
  const Result<TimeMs> duration = parse_duration(text);
  if (!duration.ok()) usage_error(std::string(flag) + ": " + duration.error().what);
  return *duration;
}

Status run(const EvalLateFlags& flags) {
  LateEvalOptions options;
  options.window_ms = duration_of("--window", flags.window);
  options.late_ms = duration_of("--late", flags.late);
  options.after_ms = duration_of("--after", flags.after);
  options.drift = flags.drift;
  if (options.late_ms < options.window_ms) usage_error("--late: expected at least --window");
  const Result<FileOptions> reading = flags.files->options();
  if (!reading.ok()) usage_error("files: " + reading.error().what);
  FileSource source(flags.files->files, *reading);
  if (!source.repeatable()) return invalid("-: standard input cannot be read twice; name a file");
  TRY(const LateEvalReport report, evaluate_late(source, options));
  std::fputs((flags.json ? late_report_json(report) : late_report_text(report)).c_str(), stdout);
  return {};
}

}  // namespace

Run add_eval_late(FlagSet app) {
  auto flags = std::make_shared<EvalLateFlags>();
  flags->files = add_file_flags(app);
  app.add_option("--window", flags->window,
                 "How long what was not bought again is waited for before it is a 0")
      .capture_default_str();
  app.add_option("--late", flags->late, "How long after it was shown a purchase still belongs to a page")
      .capture_default_str();
  app.add_option("--after", flags->after,
                 "How long after an order its page is shown: half to one and a half times")
      .capture_default_str();
  app.add_option("--drift", flags->drift, "As ranker.updates.drift of the settings")
      .capture_default_str()
      .check(number_within(0.0, 0.1));
  app.add_flag("--json", flags->json, "The report as JSON");
  return [flags] { return run(*flags); };
}

}  // namespace freshet
