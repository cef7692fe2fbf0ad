// Every setting of the server, in the order of docs/config.md.
#include "main/settings.h"

#include <charconv>
#include <limits>

namespace freshet {
namespace {

using Kind = ConfigValue::Kind;

std::string number_text(double x) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, x).ptr;
  return {digits, static_cast<size_t>(end - digits)};
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// From a ServeConfig to the setting's variable. A plain pointer: a lambda of its own for each of them would
// be a function of its own in everything that follows.
template <class T>
using FieldOf = T& (*)(ServeConfig&);

template <class T>
Setting whole(std::string key, std::string doc, FieldOf<T> field, int64_t min, int64_t max) {
  return {std::move(key), std::move(doc),
          "a whole number from " + std::to_string(min) + " to " + std::to_string(max),
          [=](const ConfigValue& value, ServeConfig& config) -> Status {
            if (value.kind != Kind::kWhole || value.whole < min || value.whole > max) return invalid("");
            field(config) = static_cast<T>(value.whole);
            return {};
          },
          [=](ServeConfig& config) { return std::to_string(field(config)); }};
}

template <class T>
Setting number(std::string key, std::string doc, FieldOf<T> field, double min, double max) {
  return {std::move(key), std::move(doc), "a number from " + number_text(min) + " to " + number_text(max),
          [=](const ConfigValue& value, ServeConfig& config) -> Status {
            const bool is_number = value.kind == Kind::kWhole || value.kind == Kind::kNumber;
            if (!is_number || !(value.number >= min) || !(value.number <= max)) return invalid("");
            field(config) = value.number;
            return {};
          },
          [=](ServeConfig& config) { return number_text(field(config)); }};
}

template <class T>
Setting flag(std::string key, std::string doc, FieldOf<T> field) {
  return {std::move(key), std::move(doc), "true or false",
          [=](const ConfigValue& value, ServeConfig& config) -> Status {
            if (value.kind != Kind::kFlag) return invalid("");
            field(config) = value.flag;
            return {};
          },
          [=](ServeConfig& config) { return std::string(field(config) ? "true" : "false"); }};
}

template <class T>
Setting text(std::string key, std::string doc, FieldOf<T> field, std::string expected = "a text") {
  return {std::move(key), std::move(doc), std::move(expected),
          [=](const ConfigValue& value, ServeConfig& config) -> Status {
            if (value.kind != Kind::kText) return invalid("");
            field(config) = value.text;
            return {};
          },
          [=](ServeConfig& config) { return in_quotes(field(config)); }};
}

template <class T>
Setting texts(std::string key, std::string doc, FieldOf<T> field) {
  return {std::move(key), std::move(doc), "a list of texts",
          [=](const ConfigValue& value, ServeConfig& config) -> Status {
            if (value.kind != Kind::kTexts) return invalid("");
            field(config) = value.texts;
            return {};
          },
          [=](ServeConfig& config) {
            std::string list;
            for (const std::string& one : field(config)) list += (list.empty() ? "" : ", ") + in_quotes(one);
            return "[" + list + "]";
          }};
}

// A word that `parse` understands; `show` gives it back.
template <class T, class Parse, class Show>
Setting word(std::string key, std::string doc, std::string expected, FieldOf<T> field, Parse parse,
             Show show) {
  return {std::move(key), std::move(doc), std::move(expected),
          [=](const ConfigValue& value, ServeConfig& config) -> Status {
            if (value.kind != Kind::kText) return invalid("");
            auto parsed = parse(value.text);
            if (!parsed.ok()) return parsed.error();
            field(config) = std::move(parsed).value();
            return {};
          },
          [=](ServeConfig& config) { return in_quotes(show(field(config))); }};
}

#define FIELD(path)               \
  +[](ServeConfig & c) -> auto& { \
    return c.path;                \
  }

constexpr int64_t kAny = std::numeric_limits<int64_t>::max();
constexpr int64_t kGiga = int64_t{1} << 30;
constexpr int64_t kHour = kHourMs;

std::vector<Setting> server_settings() {
  return {
      text("server.host", "Address to listen on: an IPv4 or IPv6 address, not a name.",
           FIELD(api.server.host)),
      whole("server.port", "Port to listen on; 0: any free one, printed at start.", FIELD(api.server.port), 0,
            65535),
      whole("server.threads",
            "Threads that read requests and answer them; 0: one for each processor, at least two.",
            FIELD(api.server.threads), 0, 256),
      whole("server.workers", "Threads for requests that may wait: events, items, dead letters, snapshots.",
            FIELD(api.server.workers), 1, 1024),
      whole("server.worker_queue_max", "Requests that may wait for a worker; the next is answered 503.",
            FIELD(api.server.worker_queue_max), 1, 1 << 20),
      whole("server.connections_max", "Open connections; the next is answered 503 and closed.",
            FIELD(api.server.connections_max), 1, 1 << 20),
      whole("server.header_bytes_max", "Bytes of a request line and header; beyond: 431.",
            FIELD(api.server.header_bytes_max), 512, 1 << 20),
      whole("server.body_bytes_max", "Bytes of a body of events or items, compressed or not; beyond: 413.",
            FIELD(api.body_bytes_max), 1024, kGiga),
      whole("server.body_bytes_in_flight_max", "Bytes of all bodies being read or handled; beyond: 503.",
            FIELD(api.server.body_bytes_in_flight_max), 1024, 64 * kGiga),
      whole("server.idle_ms_max", "How long a connection may be silent between requests.",
            FIELD(api.server.idle_ms_max), 1, kHour),
      whole("server.header_ms_max", "How long a client may take to send a header.",
            FIELD(api.server.header_ms_max), 1, kHour),
      whole("server.body_ms_max", "How long a client may take to send a body.", FIELD(api.server.body_ms_max),
            1, kHour),
      whole("server.write_ms_max", "How long a client may take to receive an answer.",
            FIELD(api.server.write_ms_max), 1, kHour),
      whole("server.drain_ms_max", "How long a stopping server waits for requests in hand.",
            FIELD(api.server.drain_ms_max), 0, kHour),
      text("server.console_dir", "Folder of files served at \"/\" (the web console); empty: none.",
           FIELD(api.console_dir)),
      texts("server.cors_origins",
            "Origins whose pages may use the API (\"https://shop.example\"); \"*\": all.",
            FIELD(api.guard.cors_origins)),
      word(
          "keys.mode", "Whether requests need an API key; off only on a loopback address.", "required or off",
          FIELD(api.guard.keys_required),
          [](const std::string& mode) -> Result<bool> {
            if (mode != "required" && mode != "off") return invalid("");
            return mode == "required";
          },
          [](bool required) { return std::string(required ? "required" : "off"); }),
      number("keys.requests_per_second", "Requests a second and key; beyond: 429. 0: no limit.",
             FIELD(api.guard.requests_per_second), 0, 1e9),
      number("keys.burst", "Requests a key may make at once before that limit counts.",
             FIELD(api.guard.burst), 1, 1e9),
  };
}

std::vector<Setting> storage_settings() {
  return {
      text("data.dir", "The one folder that holds everything: log, snapshots, dead letters, keys.",
           FIELD(engine.data_dir)),
      word("log.durability",
           "What an acknowledgement promises: sync (survives loss of power), interval, none.",
           "sync, interval or none", FIELD(engine.log.durability), parse_durability,
           [](Durability durability) {
             return std::string(durability == Durability::kSync       ? "sync"
                                : durability == Durability::kInterval ? "interval"
                                                                      : "none");
           }),
      whole("log.sync_interval_ms", "With durability interval: how often the disk is made to write.",
            FIELD(engine.log.sync_interval_ms), 1, kHour),
      whole("log.segment_bytes", "A segment file that has reached this is closed and the next begun.",
            FIELD(engine.log.segment_bytes), 4096, 16 * kGiga),
      whole("log.retention_age_ms",
            "Segments whose newest event is older may go, once all kept snapshots have them. 0: keep.",
            FIELD(engine.retention.age_ms_max), 0, kAny),
      whole("log.retention_bytes",
            "Oldest segments go beyond this much log, once all kept snapshots have them. 0: keep.",
            FIELD(engine.retention.bytes_max), 0, kAny),
      whole("snapshots.every_events", "A snapshot is taken after so many events.",
            FIELD(engine.snapshot_every_events), 1, kAny),
      whole("snapshots.every_ms", "... or after so long, when something has happened.",
            FIELD(engine.snapshot_every_ms), 1000, kAny),
      whole("snapshots.kept", "The newest so many stay.", FIELD(engine.snapshots_kept), 1, 1000),
      flag("snapshots.fork", "Write snapshots from a forked child: learning goes on meanwhile.",
           FIELD(engine.fork_snapshots)),
      whole("models.kept",
            "Of the learned ranker's versions the newest so many stay, and those that are pinned.",
            FIELD(engine.models_kept), 2, 1000),
      whole("dead_letters.letters_max", "Dead letters kept.", FIELD(engine.dead_letters.letters_max), 0,
            kAny),
      whole("dead_letters.bytes_max", "Bytes of all dead letters.", FIELD(engine.dead_letters.bytes_max), 0,
            kAny),
      whole("dead_letters.raw_bytes_max", "Bytes kept of one.", FIELD(engine.dead_letters.raw_bytes_max), 0,
            kGiga),
  };
}

std::vector<Setting> ingest_settings() {
  return {
      whole("ingest.batch_events_max", "Events in one request.",
            FIELD(engine.cleaner.limits.batch_events_max), 1, 100'000'000),
      whole("ingest.line_bytes_max", "Bytes of one line of JSONL.",
            FIELD(engine.cleaner.limits.line_bytes_max), 64, kGiga),
      whole("ingest.event_bytes_max", "Bytes of one event as JSON.",
            FIELD(engine.cleaner.limits.event_bytes_max), 64, 1 << 20),
      whole("ingest.fields_max", "Names in one object, nested ones included.",
            FIELD(engine.cleaner.limits.fields_max), 1, 4096),
      whole("ingest.attributes_max", "Attributes of one event.", FIELD(engine.cleaner.limits.attributes_max),
            0, 4096),
      whole("ingest.depth_max", "Nesting of one event.", FIELD(engine.cleaner.limits.depth_max), 1, 64),
      whole("ingest.id_bytes_max", "Bytes of any id.", FIELD(engine.cleaner.limits.id_bytes_max), 1, 1024),
      whole("ingest.text_bytes_max", "Bytes of an attribute's text.",
            FIELD(engine.cleaner.limits.text_bytes_max), 1, 1 << 20),
      whole("ingest.list_max", "Items of an impression or order, values of a list.",
            FIELD(engine.cleaner.limits.list_max), 1, 10'000),
      word("ingest.missing",
           "What to do for absent fields, as \"price=previous,quantity=default:1\": keep, reject, "
           "default:<value>, "
           "previous, mean.",
           "a list of field=action", FIELD(engine.cleaner.missing), parse_missing_policies,
           [](const std::vector<MissingPolicy>& policies) {
             static constexpr std::string_view kNames[] = {"keep", "reject", "default:", "previous", "mean"};
             std::string list;
             for (const MissingPolicy& policy : policies)
               list += (list.empty() ? "" : ",") + policy.field + "=" +
                       std::string(kNames[static_cast<size_t>(policy.action)]) + policy.value;
             return list;
           }),
      flag("ingest.require_shopper", "Actions need a user or a session.",
           FIELD(engine.cleaner.require_shopper)),
      number("ingest.price_max", "Prices above are refused.", FIELD(engine.cleaner.price_max), 0, 1e15),
      number("ingest.quantity_max", "Quantities above are refused.", FIELD(engine.cleaner.quantity_max), 0,
             1e15),
      whole("ingest.late_ms_max", "Events older than this by the server's clock are refused. 0: none are.",
            FIELD(engine.cleaner.late_ms_max), 0, kAny),
      whole("ingest.future_ms_max", "Events ahead of the server's clock by more are refused. 0: none are.",
            FIELD(engine.cleaner.future_ms_max), 0, kAny),
      whole("ingest.duplicate_window", "Event ids remembered to recognise a retry.",
            FIELD(engine.cleaner.duplicate_window), 0, 1 << 28),
      number("ingest.quota_per_second",
             "Events a second and source; beyond: refused with reason quota. 0: no quota.",
             FIELD(engine.cleaner.quota_per_second), 0, 1e9),
      number("ingest.quota_burst", "Events a source may send at once before its quota counts.",
             FIELD(engine.cleaner.quota_burst), 1, 1e9),
      word("ingest.robots", "What to do with bursts no shopper makes: off, mark, dead-letter.",
           "off, mark or dead-letter", FIELD(engine.cleaner.robots), parse_robot_policy,
           [](RobotPolicy policy) {
             return std::string(policy == RobotPolicy::kOff    ? "off"
                                : policy == RobotPolicy::kMark ? "mark"
                                                               : "dead-letter");
           }),
      whole("ingest.robot_events", "Item events within robot_window_ms that make a burst.",
            FIELD(engine.cleaner.robot_events), 2, 1'000'000),
      whole("ingest.robot_window_ms", "Event time in which they must fall.",
            FIELD(engine.cleaner.robot_window_ms), 1, kDayMs),
  };
}

std::vector<Setting> state_settings() {
  return {
      whole("state.items_max", "Items held; the least valuable sixteenth makes room.",
            FIELD(engine.state.catalog.items_max), 16, 100'000'000),
      whole("state.facets_max", "Categories and brands that there ever were: numbers are not used twice.",
            FIELD(engine.state.catalog.facets_max), 16, 100'000'000),
      whole("state.facet_bytes_max", "Memory of their names.", FIELD(engine.state.catalog.facet_bytes_max),
            1 << 16, 1024 * kGiga),
      whole("state.shoppers_max", "Shoppers held.", FIELD(engine.state.profiles.shoppers_max), 16,
            1'000'000'000),
      whole("state.steps_max", "Actions remembered of a shopper.", FIELD(engine.state.profiles.steps_max), 2,
            4096),
      whole("state.session_gap_ms", "A pause this long begins a new session.",
            FIELD(engine.state.profiles.session_gap_ms), 1000, 30 * kDayMs),
      whole("state.counter_rows_max", "Counted things held: items, facets, queries, shoppers.",
            FIELD(engine.state.counters.rows_max), 16, 1'000'000'000),
      whole("state.learning_bytes_max", "Memory of everything learned.",
            FIELD(engine.state.recommender.memory_bytes), 1 << 20, 1024 * kGiga),
      whole("state.joiner_impressions_max", "Shown pages that wait for what follows.",
            FIELD(engine.state.joiner.impressions_max), 16, 1'000'000'000),
      whole("state.joiner_bytes_max", "Memory of them.", FIELD(engine.state.joiner.bytes_max), 1 << 20,
            1024 * kGiga),
      whole("state.ranker_weight_bits", "The learned ranker has 2^n weights of 48 bytes.",
            FIELD(engine.state.ranker.weight_bits), 10, 24),
      whole("state.ranker_deep_bits", "Its deep learner, if asked for, has 2^n vectors of 60 bytes.",
            FIELD(engine.state.ranker.deep_bits), 10, 24),
      whole("state.ranker_notes_bytes_max", "Memory of the features of those pages.",
            FIELD(engine.state.ranker.notes_bytes_max), 1 << 20, 1024 * kGiga),
      texts("state.sources", "Candidate sources; empty: all.", FIELD(engine.state.recommender.sources)),
      word("state.vector_precision",
           "How the shop's own item vectors are kept: int8, or bf16 (twice the memory, finer).",
           "int8 or bf16", FIELD(engine.state.vectors.supplied_rows), parse_row_type,
           [](RowType type) { return std::string(type == RowType::kBf16 ? "bf16" : "int8"); }),
      whole("state.vector_lists_from", "Item vectors from which on the nearest are found through lists.",
            FIELD(engine.state.vectors.nearest.rows_min), 1, 1'000'000'000),
      whole("state.seed", "Every random draw of learning is keyed by it.",
            FIELD(engine.state.recommender.seed), 0, kAny),
      word("diary.level", "What is written to standard error: debug, info, warn, error.",
           "debug, info, warn or error", FIELD(log_level), parse_log_level,
           [](LogLevel level) {
             static constexpr const char* kNames[] = {"debug", "info", "warn", "error"};
             return std::string(kNames[static_cast<size_t>(level)]);
           }),
  };
}

}  // namespace

std::span<const Setting> settings() {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> list;
    for (auto part : {server_settings(), storage_settings(), ingest_settings(), state_settings()})
      list.insert(list.end(), part.begin(), part.end());
    return list;
  }();
  return all;
}

}  // namespace freshet
