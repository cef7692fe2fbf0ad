// freshet features: what each feature of a running server's ranker is worth. docs/ranking.md.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

#include "base/text_table.h"
#include "http/client.h"
#include "json/json.h"
#include "main/command.h"

namespace freshet {
namespace {

struct FeaturesFlags {
  std::string server = "http://127.0.0.1:8080", key;
  bool json = false;
};

void show(const Json& answer) {
  const double whole = answer.number_at("whole");
  std::vector<const Json*> features;
  for (const Json& one : answer.list_at("features")) features.push_back(&one);
  std::stable_sort(features.begin(), features.end(), [](const Json* a, const Json* b) {
    return a->number_at("ablation") > b->number_at("ablation");
  });
  TextTable table({"feature", "group", "state", "lost without it", "of all", "by itself", "seen in"});
  for (const Json* one : features) {
    const double ablation = one->number_at("ablation");
    table.row(
        {one->text_at("name"), one->text_at("group"), one->text_at("state"),
         format_number(1000 * ablation, 3) + " +-" + format_number(1000 * one->number_at("deviation"), 3),
         whole > 0 ? format_number(100 * ablation / whole, 1) + " %" : "-",
         format_number(1000 * one->number_at("gain"), 3),
         format_count(static_cast<uint64_t>(std::max(0.0, one->number_at("looked"))))});
  }
  std::printf(
      "%s%.0f examples; with all of them the model gains %.3f over the score alone (all in 1/1000 nats)\n",
      table.text().c_str(), answer.number_at("examples"), 1000 * whole);
  for (const Json& change : answer.list_at("changes"))
    std::printf("%s: %s after %.0f examples\n", change.text_at("name").c_str(),
                change.flag_at("retired") ? "left out" : "given another chance",
                change.number_at("examples"));
  if (!answer.flag_at("retire")) std::printf("nothing is left out by itself: ranker.retire is false\n");
}

}  // namespace

Run add_features(FlagSet app) {
  auto flags = std::make_shared<FeaturesFlags>();
  app.add_option("--server", flags->server, "Of the running server").capture_default_str();
  app.add_option("--key", flags->key, "API key of role read").envname("FRESHET_KEY");
  app.add_flag("--json", flags->json, "The answer as the API gives it");
  return [flags]() -> Status {
    TRY(const auto client, Client::connect({.url = flags->server, .key = flags->key}));
    TRY(const std::string answer, client->request("GET", "/api/v1/ranker/features", ""));
    if (flags->json) {
      std::printf("%s\n", answer.c_str());
      return {};
    }
    TRY(const Json read, parse_json(answer));
    show(read);
    return {};
  };
}

}  // namespace freshet
