// What the handlers of the dialect share, and their routes, a file for each subject.
#pragma once

#include <mutex>
#include <string>

#include "dialect/internal/analytics.h"
#include "dialect/internal/background.h"
#include "dialect/internal/index_book.h"
#include "dialect/internal/params.h"
#include "dialect/internal/served.h"
#include "engine/engine.h"
#include "http/mount.h"
#include "ingest/time_text.h"

namespace freshet::dialect_internal {

struct Parts {
  explicit Parts(const MountParts& from)
      : engine(from.engine),
        metrics(from.metrics),
        guard(from.guard),
        body_bytes_max(from.body_bytes_max),
        book(from.engine),
        analytics(from.engine) {}

  Engine& engine;
  ServerMetrics& metrics;
  Guard& guard;
  const size_t body_bytes_max;
  IndexBook book;
  ServedPages served;
  Background background;
  SearchAnalytics analytics;
  std::mutex writing;  // Of records: what is read, changed and written back.
};

using Answer = Response (*)(Parts&, const Request&);
inline Route route(Parts& parts, Method method, std::string pattern, Access access, size_t body_bytes_max,
                   bool waits, Answer answer) {
  return {method, std::move(pattern),
          access, body_bytes_max,
          waits,  [&parts, answer](const Request& request) { return answer(parts, request); }};
}

void add_search_routes(Router& router, Parts& parts);  // queries, facet values, objects, recommendations
void add_record_routes(Router& router, Parts& parts);  // records, batches, browse
void add_merchandising_routes(Router& router, Parts& parts);  // synonyms, rules
void add_key_routes(Router& router, Parts& parts);            // API keys
void add_index_routes(Router& router, Parts& parts);          // settings, tasks, list, copy and move
void add_event_routes(Router& router, Parts& parts);          // insights events, users' erasure
void add_analytics_routes(Router& router, Parts& parts);      // what was searched for, and what came of it

// {"message": ..., "status": ...}: the shape of every error here.
Response refusal(int status, std::string_view message);
Response refusal(const Error& error);
Response json_answer(JsonWriter& json, int status = 200);

// One search, already merged with the index's name; writes one object of "results".
Status answer_query(Parts& parts, const Index& index, const Params& params, JsonWriter& json);
Status answer_facet_values(Parts& parts, const Index& index, const std::string& facet, const Params& params,
                           JsonWriter& json);
Status answer_recommendation(Parts& parts, const Params& params, JsonWriter& json);
Status answer_suggestions(Parts& parts, const Params& params, JsonWriter& json);

constexpr size_t kQueryBody = 1 << 20;

}  // namespace freshet::dialect_internal
