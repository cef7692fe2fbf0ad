// freshet eval policy: what other search settings would have earned, from a data directory's log.
// docs/experiments.md.
#include <cstdio>
#include <memory>

#include "env/file.h"
#include "eval/policy_eval.h"
#include "eval/settings_file.h"
#include "log/file_log.h"
#include "main/command.h"
#include "main/serve_config.h"

namespace freshet {
namespace {

struct EvalPolicyFlags {
  std::string data = "data", settings, config;
  std::vector<std::string> set;
  double share = 1;
  bool json = false;
};

Status run(const EvalPolicyFlags& flags) {
  ServeConfig config;
  if (!flags.config.empty()) TRY_STATUS(read_config_file(flags.config, config));
  for (const std::string& assignment : flags.set) TRY_STATUS(set_config(assignment, config));
  PolicyEvalOptions options;
  options.state = config.engine.state;
  options.share = flags.share;
  TRY(options.settings, read_settings_file(flags.settings));
  FileLogOptions reading;
  reading.read_only = true;
  TRY(const auto log, FileLog::open(real_files(), flags.data + "/log", reading));
  auto report = evaluate_policy(*log, options, [](uint64_t done, uint64_t all) {
    std::fprintf(stderr, "%llu of %llu events\n", static_cast<unsigned long long>(done),
                 static_cast<unsigned long long>(all));
  });
  if (!report.ok()) return report.error();
  if (report->policy.pages == 0)
    return invalid("no page of a search by words is on this log: there is nothing to learn from");
  std::fputs((flags.json ? policy_report_json(*report) : policy_report_text(*report)).c_str(), stdout);
  return {};
}

}  // namespace

Run add_eval_policy(FlagSet app) {
  auto flags = std::make_shared<EvalPolicyFlags>();
  app.add_option("--data", flags->data, "A data directory, read only: a server may be running")
      .capture_default_str();
  app.add_option("--settings", flags->settings, "The candidate: search settings as JSON").required();
  app.add_option("--share", flags->share, "Of the pages, drawn at random")
      .capture_default_str()
      .check(number_within(0.0001, 1.0));
  app.add_option("--config", flags->config, "The server's TOML file: state depends on it");
  app.add_option("--set", flags->set, "section.key=value, as for freshet serve").repeated();
  app.add_flag("--json", flags->json, "The report as JSON");
  return [flags] { return run(*flags); };
}

}  // namespace freshet
