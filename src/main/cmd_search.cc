// freshet search: asks a running server, or a data directory by itself, and shows hits, facets and reasons.
#include <cstdio>
#include <memory>

#include "base/json_writer.h"
#include "base/text_table.h"
#include "engine/shop_state.h"
#include "env/clock.h"
#include "fold/fold_runner.h"
#include "fold/snapshot_store.h"
#include "http/client.h"
#include "http/search_json.h"
#include "json/json.h"
#include "log/file_log.h"
#include "main/command.h"
#include "main/serve_config.h"

namespace freshet {

namespace {

constexpr size_t kTitleShown = 60;

struct SearchFlags {
  std::string query;
  std::string data = "data", config;
  std::vector<std::string> set;
  std::string server, key;
  std::string filter, group_by, language;
  std::vector<std::string> refine, facets, sort, attributes;
  uint32_t from = 0, count = 10;
  bool no_typos = false, no_prefix = false, explain = false, json = false;
};

void put_texts(JsonWriter& out, std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  out.key(name).array();
  for (const std::string& text : texts) out.value(std::string_view(text));
  out.end();
}

// The request as the API takes it, so that there is one way to ask.
std::string body_of(const SearchFlags& flags) {
  JsonWriter out;
  out.object().field("query", std::string_view(flags.query)).field("record", false);
  out.field("from", flags.from).field("count", flags.count).field("explain", flags.explain);
  for (const auto& [name, text] : {std::pair<std::string_view, const std::string*>{"filter", &flags.filter},
                                   {"group_by", &flags.group_by},
                                   {"language", &flags.language}})
    if (!text->empty()) out.field(name, std::string_view(*text));
  if (flags.no_typos) out.field("typos", false);
  if (flags.no_prefix) out.field("prefix", false);
  put_texts(out, "facets", flags.facets);
  put_texts(out, "sort", flags.sort);
  put_texts(out, "attributes", flags.attributes);
  std::vector<std::pair<std::string, std::vector<std::string>>> chosen;
  for (const std::string& one : flags.refine) {
    const size_t at = one.find('=');
    if (at == std::string::npos || at == 0)
      usage_error("--refine: expected name=value, as brand=Acme, got '" + one + "'");
    const std::string name = one.substr(0, at);
    if (chosen.empty() || chosen.back().first != name) chosen.push_back({name, {}});
    chosen.back().second.push_back(one.substr(at + 1));
  }
  if (!chosen.empty()) out.key("refine").object();
  for (const auto& [name, values] : chosen) put_texts(out, name, values);
  if (!chosen.empty()) out.end();
  out.end();
  return out.take();
}

// Loads the newest snapshot and folds the rest of the log; nothing is written. A server may be running.
Result<std::string> ask_directory(const SearchFlags& flags, const std::string& body) {
  ServeConfig config;
  if (!flags.config.empty()) TRY_STATUS(read_config_file(flags.config, config));
  for (const std::string& assignment : flags.set) TRY_STATUS(set_config(assignment, config));
  TRY(const AskedSearch asked, parse_search(body));
  FileLogOptions options;
  options.read_only = true;
  TRY(const auto log, FileLog::open(real_files(), flags.data + "/log", options));
  std::unique_ptr<ShopState> state;
  Offset from = 0;
  if (auto snapshots = SnapshotStore::open_to_look(real_files(), flags.data + "/snapshots"); snapshots.ok()) {
    TRY(from, with_fresh_folds(**snapshots, [&]() -> Result<Offset> {
          TRY(state, ShopState::open(config.engine.state));
          TRY(const auto loaded, (*snapshots)->load_newest(state->folds(), log->begin(), log->end()));
          return loaded ? loaded->offset : 0;
        }));
  } else {
    TRY(state, ShopState::open(config.engine.state));
  }
  FoldRunner runner(*log, nullptr, state->folds());
  runner.begin_at(from);
  if (runner.applied() < log->begin())
    return unavailable("no snapshot in " + flags.data + " holds what retention removed of the log");
  TRY_STATUS(runner.fold_until(log->end()));
  const SearchService service(state->catalog(), state->settings(), state->search(),
                              config.engine.state.search, &state->vectors(), &state->intent(),
                              &state->suggestions(), &state->clicks());
  SearchPage page;
  page.state_offset = runner.applied();
  const uint64_t begun = monotonic_ns();
  TRY(page.answer, service.search(asked.request, state->entry().now_ms()));
  page.took_us = (monotonic_ns() - begun) / 1000;
  JsonWriter out;
  write_search_answer(out, asked.request, page);
  return out.take();
}

Result<std::string> ask_server(const SearchFlags& flags, const std::string& body) {
  TRY(const auto client, Client::connect({.url = flags.server, .key = flags.key}));
  return client->request("POST", "/api/v1/search", body);
}

// ---- showing

std::string cut(std::string text) {
  if (text.size() <= kTitleShown) return text;
  size_t end = kTitleShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

void show_hits(const Json& answer, bool explain) {
  const Json::List& items = answer.list_at("items");
  if (items.empty()) return;
  TextTable table({"item", "score", "price", "title"});
  for (const Json& item : items)
    table.row({item.text_at("item"), format_number(item.number_at("score"), 3),
               format_number(item.number_at("price"), 2), cut(item.text_at("title"))});
  std::fputs(table.text().c_str(), stdout);
  if (!explain) return;
  for (const Json& item : items) {
    std::printf("\n%s\n", item.text_at("item").c_str());
    for (const Json& part : item.list_at("explain"))
      std::printf("  %9.3f  %-10s %s\n", part.number_at("value"), part.text_at("part").c_str(),
                  part.text_at("detail").c_str());
  }
}

void show_facets(const Json& answer) {
  for (const Json& facet : answer.list_at("facets")) {
    std::printf("\n%s (%.0f)\n", facet.text_at("name").c_str(), facet.number_at("distinct"));
    for (const Json& value : facet.list_at("values"))
      std::printf("  %9.0f  %s%s\n", value.number_at("count"), value.text_at("value").c_str(),
                  value.find("chosen") != nullptr ? "  (chosen)" : "");
    if (const Json* numbers = facet.find("numbers"))
      std::printf("  from %g to %g, mean %g\n", numbers->number_at("min"), numbers->number_at("max"),
                  numbers->number_at("mean"));
  }
}

void show(const Json& answer, const SearchFlags& flags) {
  show_hits(answer, flags.explain);
  std::printf("%.0f found in %.1f ms\n", answer.number_at("found"), answer.number_at("took_us") / 1000);
  for (const auto& [name, words] :
       {std::pair<const char*, const char*>{"did_you_mean", "did you mean"}, {"relaxed", "without"}})
    if (const std::string text = answer.text_at(name); !text.empty())
      std::printf("%s: %s\n", words, text.c_str());
  for (const Json& one : answer.list_at("suggested_filters"))
    std::printf("'%s' may be asked as --filter '%s'\n", one.text_at("text").c_str(),
                one.text_at("filter").c_str());
  if (answer.find("out_of_time") != nullptr)
    std::printf("the time was over before everything was looked at\n");
  show_facets(answer);
}

Status search(const SearchFlags& flags) {
  const std::string body = body_of(flags);
  TRY(const std::string text, flags.server.empty() ? ask_directory(flags, body) : ask_server(flags, body));
  TRY(const Json answer, parse_json(text, {64 << 20, 32}));
  if (flags.json) {
    JsonWriter out(2);
    write_json(out, answer);
    std::printf("%s\n", out.text().c_str());
  } else {
    show(answer, flags);
  }
  return {};
}

}  // namespace

Run add_search(FlagSet app) {
  auto flags = std::make_shared<SearchFlags>();
  app.add_option("query", flags->query, "The words; without them everything is browsed");
  const Flag data =
      app.add_option("--data", flags->data, "A data directory, read only: a server may be running")
          .capture_default_str();
  app.add_option("--server", flags->server, "Ask a running server instead: http://127.0.0.1:8080")
      .excludes(data);
  app.add_option("--key", flags->key, "API key for --server");
  app.add_option("--filter", flags->filter, "Conditions: 'price < 50 AND NOT brand:Acme'");
  app.add_option("--refine", flags->refine, "name=value chosen of a facet; several").repeated();
  app.add_option("--facets", flags->facets, "Facets to count: brand,category; '*': those of the settings")
      .delimiter(',');
  app.add_option("--sort", flags->sort, "Keys: price,-rating").delimiter(',');
  app.add_option("--group-by", flags->group_by, "Variants of one product as one hit, by this attribute");
  app.add_option("--attributes", flags->attributes, "Returned with --json; '*': all").delimiter(',');
  app.add_option("--language", flags->language, "Of the query: ISO 639-1");
  app.add_option("--from", flags->from, "Place of the first hit").capture_default_str();
  app.add_option("--count", flags->count, "Hits").capture_default_str().check(number_within(0, 1000));
  app.add_flag("--no-typos", flags->no_typos, "Forgive no typing errors");
  app.add_flag("--no-prefix", flags->no_prefix, "The last word is whole");
  app.add_flag("--explain", flags->explain, "The parts of each score");
  app.add_flag("--json", flags->json, "The answer as the API gives it");
  app.add_option("--config", flags->config, "The server's TOML file: with --data, state depends on it");
  app.add_option("--set", flags->set, "section.key=value, as for freshet serve").repeated();
  return [flags] { return search(*flags); };
}

}  // namespace freshet
