#include "main/top.h"

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "base/text_table.h"

namespace freshet {
namespace {

// A number deep inside; 0: not there.
double at(const Json& json, std::initializer_list<std::string_view> path) {
  const Json* value = &json;
  for (const std::string_view name : path) {
    value = value->find(name);
    if (value == nullptr) return 0;
  }
  double number = 0;
  return value->number(number) ? number : 0;
}

std::string count(double x) {
  return format_count(static_cast<uint64_t>(std::max(x, 0.0)));
}

std::string duration(double seconds) {
  const auto whole = static_cast<uint64_t>(seconds);
  char text[64];
  std::snprintf(text, sizeof text, "%llu:%02llu:%02llu", static_cast<unsigned long long>(whole / 3600),
                static_cast<unsigned long long>(whole / 60 % 60),
                static_cast<unsigned long long>(whole % 60));
  return text;
}

bool flag(const Json& json, std::string_view name) {
  const Json* value = json.find(name);
  return value != nullptr && value->flag() != nullptr && *value->flag();
}

std::string text(const Json& json, std::string_view name) {
  const Json* value = json.find(name);
  return value != nullptr && value->text() != nullptr ? *value->text() : "";
}

std::string state_of(const Json& now) {
  if (!flag(now, "ready")) return "starting";
  return flag(now, "erasing") ? "ready, erasing" : "ready";
}

// Of a model: does what it learns go live?
std::string going(const Json& model) {
  if (flag(model, "suspect")) return "answers teach nothing";
  if (flag(model, "held")) return "held";
  return at(model, {"candidate"}) > 0 ? "judging " + count(at(model, {"candidate"})) : "learning";
}

std::string sources_table(const Json& now) {
  const Json* list = now.find("sources");
  if (list == nullptr || list->list() == nullptr || list->list()->empty()) return "";
  std::vector<const Json*> sources;
  for (const Json& one : *list->list()) sources.push_back(&one);
  std::stable_sort(sources.begin(), sources.end(),
                   [](const Json* a, const Json* b) { return at(*a, {"share"}) > at(*b, {"share"}); });
  TextTable table({"learner", "share", "log loss", "memory"});
  for (const Json* one : sources) {
    table.row({text(*one, "name"), format_number(100 * at(*one, {"share"}), 1) + " %",
               format_number(at(*one, {"log_loss"}), 3),
               format_bytes(static_cast<uint64_t>(at(*one, {"bytes"})))});
  }
  return "\n" + table.text();
}

}  // namespace

std::string top_page(const Json& now, const Json& before, double seconds, const std::string& url) {
  const bool rates = before.object() != nullptr && seconds > 0;
  const auto rate = [&](std::initializer_list<std::string_view> path) {
    return rates ? count((at(now, path) - at(before, path)) / seconds) : std::string("-");
  };
  std::string out =
      "freshet " + url + "  " + state_of(now) + "  up " + duration(at(now, {"uptime_s"})) + "\n\n";
  TextTable traffic({"", "total", "a second"});
  traffic.row({"events", count(at(now, {"log", "end"})), rate({"log", "end"})});
  traffic.row({"searches", count(at(now, {"search", "searched"})), rate({"search", "searched"})});
  traffic.row({"recommendations", count(at(now, {"recommended"})), rate({"recommended"})});
  traffic.row({"refused", count(at(now, {"ingested", "rejected"})), rate({"ingested", "rejected"})});
  traffic.row({"not folded yet", count(at(now, {"log", "lag"})), ""});
  out += traffic.text() + "\n";
  TextTable state({"", "", "of"});
  state.row({"items", count(at(now, {"state", "items"})), count(at(now, {"state", "items_max"}))});
  state.row({"shoppers", count(at(now, {"state", "shoppers"})), count(at(now, {"state", "shoppers_max"}))});
  state.row({"memory", format_bytes(static_cast<uint64_t>(at(now, {"memory", "resident_bytes"}))), ""});
  state.row({"freshness p50", format_number(at(now, {"freshness_ms", "p50"}), 2) + " ms", ""});
  state.row({"freshness p99", format_number(at(now, {"freshness_ms", "p99"}), 2) + " ms", ""});
  return out + state.text() + sources_table(now);
}

std::string top_models(const Json& models) {
  const Json* list = models.find("models");
  if (list == nullptr || list->list() == nullptr || list->list()->empty()) return "";
  TextTable table({"model", "version", "good", "updates", "learner", "state", "rolled back", "last"});
  for (const Json& one : *list->list()) {
    const Json* notes = one.find("notes");
    const bool noted = notes != nullptr && notes->list() != nullptr && !notes->list()->empty();
    table.row({text(one, "name"), count(at(one, {"live"})), count(at(one, {"good"})), text(one, "mode"),
               text(one, "learner"), going(one), count(at(one, {"rollbacks"})),
               noted ? text(notes->list()->front(), "what") : "-"});
  }
  return "\n" + table.text();
}

}  // namespace freshet
