#include "main/migrate.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/json_writer.h"
#include "json/json.h"

namespace freshet {
namespace {

// Of records, which may be 100 KB each: a page stays below what the client takes as one answer.
constexpr size_t kBrowsePage = 500;
constexpr size_t kPage = 1000, kBatchBytes = 4 << 20, kAnswerBytes = 64 << 20;
constexpr int kTries = 4, kWaits = 600;
constexpr size_t kPagesMax = 10'000'000;

std::string escaped(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    if (plain) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

std::string at_index(std::string_view index, std::string_view rest) {
  return "/1/indexes/" + escaped(index) + std::string(rest);
}

std::string text_of(const Json& object, std::string_view name) {
  const Json* value = object.find(name);
  return value != nullptr && value->text() != nullptr ? *value->text() : std::string();
}

uint64_t number_of(const Json& object, std::string_view name) {
  double number = 0;
  const Json* value = object.find(name);
  return value != nullptr && value->number(number) && number > 0 ? static_cast<uint64_t>(number) : 0;
}

const Json::List& list_of(const Json& object, std::string_view name) {
  static const Json::List kNone;
  const Json* value = object.find(name);
  return value != nullptr && value->list() != nullptr ? *value->list() : kNone;
}

std::string json_of(const Json& value) {
  JsonWriter json;
  write_json(json, value);
  return json.take();
}

// What an answer adds to a record, or to a synonym or rule it lists.
Json without_answer(const Json& hit) {
  static constexpr std::string_view kAdded[] = {"_highlightResult", "_snippetResult", "_rankingInfo",
                                                "_distinctSeqID",   "_metadata",      "_score"};
  Json out;
  Json::Object kept;
  if (hit.object() != nullptr)
    for (const Json::Member& one : *hit.object())
      if (std::find(std::begin(kAdded), std::end(kAdded), one.name) == std::end(kAdded)) kept.push_back(one);
  out.value = std::move(kept);
  return out;
}

class Migration {
 public:
  Migration(Client& from, Client& to, const MigrationPlan& plan, MigrationReport& report,
            const std::function<void(uint64_t, uint64_t)>& progress)
      : from_(from), to_(to), plan_(plan), report_(report), progress_(progress) {}

  Status run() {
    TRY_STATUS(look_around());
    TRY_STATUS(settings());
    TRY_STATUS(records());
    TRY_STATUS(listed("synonyms", "synonym", "replaceExistingSynonyms", report_.synonyms));
    TRY_STATUS(listed("rules", "rule", "clearExistingRules", report_.rules));
    if (plan_.dry) return {};
    TRY(const Json all,
        ask(to_, "POST", at_index(plan_.to_index, "/query"), R"({"hitsPerPage":0,"analytics":false})"));
    report_.here = number_of(all, "nbHits");
    return {};
  }

 private:
  Result<Json> ask(Client& client, std::string_view method, const std::string& path,
                   const std::string& body) {
    TRY(const std::string answer, client.request(method, path, body));
    Result<Json> json = parse_json(answer, {kAnswerBytes, 60});
    if (!json.ok() || json->object() == nullptr)
      return invalid(std::string(method) + " " + path + ": expected an answer that is a JSON object");
    return json;
  }

  // The other server may be busy, or limit how often it is asked.
  Result<Json> read(std::string_view method, const std::string& path, const std::string& body) {
    auto pause = std::chrono::milliseconds(plan_.pause_ms);
    for (int tries = 1;; ++tries, pause *= 2) {
      Result<Json> answer = ask(from_, method, path, body);
      if (answer.ok() || answer.error().code != Code::kUnavailable || tries == kTries) return answer;
      std::this_thread::sleep_for(pause);
    }
  }

  void leave(std::string what, const Error& why) {
    ++report_.left_count;
    if (report_.left.size() < MigrationReport::kLeftMax) report_.left.push_back({std::move(what), why.what});
  }

  // Is there a catalogue here, and is it the one that is meant?
  Status look_around() {
    if (plan_.dry) return {};
    TRY(const Json indexes, ask(to_, "GET", "/1/indexes", ""));
    if (const auto found =
            ask(to_, "POST", at_index(plan_.to_index, "/query"), R"({"hitsPerPage":0,"analytics":false})");
        found.ok()) {
      replaces_ = number_of(*found, "nbHits") > 0;
      return {};
    }
    for (const Json& one : list_of(indexes, "items"))
      if (one.find("primary") == nullptr && text_of(one, "name") != plan_.to_index)
        return invalid("the catalogue here is called \"" + text_of(one, "name") + "\"; give --to-index " +
                       text_of(one, "name"));
    return {};
  }

  // Reads settings and puts them; `count` counts them.
  Status one_settings(const std::string& there, const std::string& here, MigrationReport::Count& count,
                      std::vector<std::string>* replicas) {
    TRY(Json given, read("GET", at_index(there, "/settings?getVersion=2"), ""));
    auto& members = std::get<Json::Object>(given.value);
    std::erase_if(members, [](const Json::Member& one) {  // Facts about it, not settings.
      return one.name == "version" || one.name == "primary";
    });
    ++count.read;
    if (replicas != nullptr)
      for (const Json& one : list_of(given, "replicas"))
        if (one.text() != nullptr) replicas->push_back(*one.text());
    if (plan_.dry) return {};
    const auto put = ask(to_, "PUT", at_index(here, "/settings"), json_of(given));
    if (put.ok()) {
      ++count.written;
    } else if (put.error().code == Code::kInvalid) {
      leave("settings of " + there, put.error());
    } else {
      return put.error();
    }
    return {};
  }

  Status settings() {
    std::vector<std::string> replicas;
    TRY_STATUS(one_settings(plan_.index, plan_.to_index, report_.settings, &replicas));
    for (std::string& name : replicas) {
      if (name.starts_with("virtual(") && name.ends_with(')')) name = name.substr(8, name.size() - 9);
      const Status done = one_settings(name, name, report_.replicas, nullptr);
      if (!done.ok() && done.error().code != Code::kInvalid) return done;
      if (!done.ok()) leave("replica " + name, done.error());
    }
    return {};
  }

  // One request of records; what one of them is refused for is told, the others are taken.
  Status put_records(const std::string& index, std::string& requests, uint64_t& count) {
    if (count == 0) return {};
    const auto done = ask(to_, "POST", at_index(index, "/batch"), R"({"requests":[)" + requests + "]}");
    if (done.ok()) {
      report_.records.written += count;
      task_ = number_of(*done, "taskID");
    } else if (done.error().code == Code::kInvalid) {
      leave("among " + std::to_string(count) + " records up to the " + std::to_string(report_.records.read) +
                "th",
            done.error());
    } else {
      return done.error();
    }
    requests.clear();
    count = 0;
    return {};
  }

  Status records() {
    const std::string index = replaces_ ? plan_.to_index + "_migration" : plan_.to_index;
    if (replaces_ && !plan_.dry)  // What an earlier try left; kInvalid: there was none.
      if (const auto cleared = ask(to_, "POST", at_index(index, "/clear"), "{}");
          !cleared.ok() && cleared.error().code != Code::kInvalid)
        return cleared.error();
    std::string cursor, requests;
    uint64_t waiting = 0;
    for (size_t pages = 0; pages < kPagesMax; ++pages) {
      JsonWriter body;
      body.object().field("hitsPerPage", kBrowsePage);
      body.key("attributesToRetrieve").array().value("*").end();
      if (!cursor.empty()) body.field("cursor", std::string_view(cursor));
      body.end();
      TRY(const Json page, read("POST", at_index(plan_.index, "/browse"), body.take()));
      if (page.find("hits") == nullptr || page.find("hits")->list() == nullptr)
        return invalid("browse: expected hits in its answer");
      for (const Json& hit : list_of(page, "hits")) {
        ++report_.records.read;
        if (!plan_.dry) {
          requests += (waiting == 0 ? "" : ",") +
                      (R"({"action":"addObject","body":)" + json_of(without_answer(hit))) + "}";
          ++waiting;
        }
        if (requests.size() >= kBatchBytes) TRY_STATUS(put_records(index, requests, waiting));
        if (report_.records.read == plan_.records_max) break;
      }
      if (waiting >= kPage) TRY_STATUS(put_records(index, requests, waiting));
      if (progress_) progress_(report_.records.read, number_of(page, "nbHits"));
      const std::string next = text_of(page, "cursor");
      if (next.empty() || report_.records.read == plan_.records_max) break;
      if (next == cursor && list_of(page, "hits").empty())
        return invalid("browse: it gives the same page for ever");
      cursor = next;
    }
    TRY_STATUS(put_records(index, requests, waiting));
    if (plan_.dry) return {};
    if (replaces_) {
      if (report_.records.written == 0)
        return invalid("no record was taken, so the catalogue here stays as it is");
      JsonWriter move;
      move.object().field("operation", "move").field("destination", std::string_view(plan_.to_index)).end();
      TRY(const Json moving, ask(to_, "POST", at_index(index, "/operation"), move.take()));
      task_ = number_of(moving, "taskID");
    }
    return wait_for_task();
  }

  Status wait_for_task() {
    for (int i = 0; i < kWaits && task_ > 0; ++i) {
      TRY(const Json state, ask(to_, "GET", at_index(plan_.to_index, "/task/" + std::to_string(task_)), ""));
      if (text_of(state, "status") == "published") return {};
      std::this_thread::sleep_for(std::chrono::milliseconds(i < 20 ? 50 : 1000));
    }
    return task_ == 0 ? Status() : unavailable("the records were sent but are not in force yet");
  }

  // Synonyms or rules: all at once, and one by one when one of them is refused.
  Status listed(const std::string& kind, const std::string& one_of_them, const std::string& replaces,
                MigrationReport::Count& count) {
    std::vector<Json> all;
    for (size_t page = 0; page < kPage; ++page) {
      JsonWriter body;
      body.object().field("query", "").field("page", page).field("hitsPerPage", kPage).end();
      TRY(const Json answer, read("POST", at_index(plan_.index, "/" + kind + "/search"), body.take()));
      const Json::List& hits = list_of(answer, "hits");
      for (const Json& hit : hits) all.push_back(without_answer(hit));
      if (hits.size() < kPage) break;
    }
    count.read = all.size();
    if (plan_.dry || all.empty()) return {};
    JsonWriter whole;
    whole.array();
    for (const Json& one : all) write_json(whole, one);
    whole.end();
    const std::string path = at_index(plan_.to_index, "/" + kind);
    const auto done = ask(to_, "POST", path + "/batch?" + replaces + "=true", whole.take());
    if (done.ok()) {
      count.written = all.size();
      return {};
    }
    if (done.error().code != Code::kInvalid) return done.error();
    TRY([[maybe_unused]] const Json cleared, ask(to_, "POST", path + "/clear", "{}"));
    for (const Json& one : all) {
      const std::string id = text_of(one, "objectID");
      const auto put = ask(to_, "PUT", path + "/" + escaped(id), json_of(one));
      if (put.ok()) {
        ++count.written;
      } else if (put.error().code == Code::kInvalid) {
        leave(one_of_them + " " + id, put.error());
      } else {
        return put.error();
      }
    }
    return {};
  }

  Client& from_;
  Client& to_;
  const MigrationPlan& plan_;
  MigrationReport& report_;
  const std::function<void(uint64_t, uint64_t)>& progress_;
  bool replaces_ = false;  // There are records here: the new ones wait beside them.
  uint64_t task_ = 0;      // Of the last write.
};

}  // namespace

Status migrate(Client& from, Client& to, const MigrationPlan& plan, MigrationReport& report,
               const std::function<void(uint64_t, uint64_t)>& progress) {
  return Migration(from, to, plan, report, progress).run();
}

}  // namespace freshet
