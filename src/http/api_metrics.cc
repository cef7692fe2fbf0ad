// What /metrics reads of the engine and the server when it is asked. Listed in docs/metrics.md.
#include <algorithm>

#include "env/process.h"
#include "http/internal/api_parts.h"

namespace freshet::http_internal {
namespace {

class Samples {
 public:
  explicit Samples(std::vector<MetricSample>& out) : out_(out) {}
  void gauge(const char* name, const char* help, double value, std::vector<Header> labels = {}) {
    out_.push_back({name, MetricSample::Kind::kGauge, help, std::move(labels), value});
  }
  void counter(const char* name, const char* help, uint64_t value, std::vector<Header> labels = {}) {
    out_.push_back({name, MetricSample::Kind::kCounter, help, std::move(labels), static_cast<double>(value)});
  }

 private:
  std::vector<MetricSample>& out_;
};

double number(uint64_t count) {
  return static_cast<double>(count);
}

void sample_ingest(Samples& out, const IngestResult& ingested) {
  const char* name = "freshet_ingest_events_total";
  const char* help = "Events that came through the doors, by result";
  out.counter(name, help, ingested.accepted, {{"result", "accepted"}});
  out.counter(name, help, ingested.duplicates, {{"result", "duplicate"}});
  out.counter(name, help, ingested.rejected, {{"result", "rejected"}});
  out.counter("freshet_ingest_marked_total", "Accepted events marked as robot-like", ingested.marked);
  for (int i = 0; i < kReasonCount; ++i) {
    out.counter("freshet_ingest_rejected_total", "Refused events, by reason", ingested.reasons[i],
                {{"reason", std::string(reason_name(static_cast<RejectReason>(i)))}});
  }
}

void sample_log(Samples& out, const EngineStats& stats) {
  const char* name = "freshet_log_offset";
  const char* help = "Places in the event log: begin (kept), end, durable, applied (folded)";
  out.gauge(name, help, number(stats.log_begin), {{"place", "begin"}});
  out.gauge(name, help, number(stats.log_end), {{"place", "end"}});
  out.gauge(name, help, number(stats.log_durable), {{"place", "durable"}});
  out.gauge(name, help, number(stats.applied), {{"place", "applied"}});
  out.gauge("freshet_fold_lag_events", "Events on the log that are not folded yet",
            number(stats.log_end - std::min(stats.applied, stats.log_end)));
  out.gauge("freshet_fold_failed", "1 when the fold has stopped for an error", stats.fold.ok() ? 0 : 1);
  out.gauge("freshet_ready", "1 when the fold has reached the end the log had at start", stats.ready ? 1 : 0);
  out.gauge("freshet_erasing", "1 while a person's erasure is being proven", stats.erasing ? 1 : 0);
}

void sample_memory(Samples& out, const EngineStats& stats) {
  for (const PartBytes& part : stats.memory)
    out.gauge("freshet_memory_bytes", "Memory held, by part of the state", number(part.bytes),
              {{"part", part.name}});
  out.gauge("freshet_resident_bytes", "Resident memory of the process", number(rss_bytes()));
  const char* held = "freshet_entries";
  const char* held_help = "Entries held, by kind";
  out.gauge(held, held_help, number(stats.items), {{"kind", "item"}});
  out.gauge(held, held_help, number(stats.shoppers), {{"kind", "shopper"}});
  out.gauge(held, held_help, number(stats.counter_rows), {{"kind", "counter_row"}});
  out.gauge(held, held_help, number(stats.facets), {{"kind", "facet"}});
  const char* bound = "freshet_entries_max";
  const char* bound_help = "The configured bound of freshet_entries";
  out.gauge(bound, bound_help, number(stats.items_max), {{"kind", "item"}});
  out.gauge(bound, bound_help, number(stats.shoppers_max), {{"kind", "shopper"}});
  out.gauge(bound, bound_help, number(stats.facets_max), {{"kind", "facet"}});
  const char* evicted = "freshet_evicted_total";
  const char* evicted_help = "Entries that made room, by kind";
  out.counter(evicted, evicted_help, stats.items_evicted, {{"kind", "item"}});
  out.counter(evicted, evicted_help, stats.shoppers_evicted, {{"kind", "shopper"}});
  out.counter("freshet_facets_refused_total", "Categories and brands that are no facets, for want of room",
              stats.facets_refused);
}

void sample_impressions(Samples& out, const EngineStats& stats) {
  out.gauge("freshet_impressions_waiting", "Shown pages that wait for what follows them",
            number(stats.impressions));
  const char* lost = "freshet_impressions_lost_total";
  const char* help = "What bounds have cost of shown pages since the beginning of the log, by what was lost";
  out.counter(lost, help, stats.impressions_lost.open, {{"what", "open"}});
  out.counter(lost, help, stats.impressions_lost.late, {{"what", "late"}});
  out.counter(lost, help, stats.impressions_lost.places, {{"what", "places"}});
  out.counter(lost, help, stats.impressions_lost.features, {{"what", "features"}});
  out.counter(lost, help, stats.notes_lost, {{"what", "notes"}});
}

void sample_learning(Samples& out, const EngineStats& stats) {
  for (const SourceStats& source : stats.sources)
    out.gauge("freshet_source_log_loss", "Progressive log loss of a candidate source", source.log_loss,
              {{"source", std::string(source.name)}});
  for (const SourceStats& source : stats.sources)
    out.gauge("freshet_source_share", "Share of a candidate source in the mixture", source.share,
              {{"source", std::string(source.name)}});
  for (const SourceStats& source : stats.sources)
    if (has_number(source.index_recall))
      out.gauge("freshet_index_recall", "recall@100 of a source's approximate index against an exact scan",
                source.index_recall, {{"source", std::string(source.name)}});
}

void sample_ranker(Samples& out, const PublicationReport& ranker) {
  out.gauge("freshet_model_version", "Version of the learned ranker's parameters, by what it is",
            number(ranker.live), {{"version", "live"}});
  out.gauge("freshet_model_version", "Version of the learned ranker's parameters, by what it is",
            number(ranker.good), {{"version", "good"}});
  out.gauge("freshet_model_held", "1 while nothing that is learned goes live", ranker.held ? 1 : 0);
  out.counter("freshet_model_pages_total", "Clicked pages the ranker was judged by", ranker.pages);
  out.counter("freshet_model_published_total", "Versions that went live", ranker.published);
  out.counter("freshet_model_refused_total", "Candidates held, and times that live was made to stand still",
              ranker.held_count);
  out.counter("freshet_model_discarded_total", "Candidates that stayed undecided too long", ranker.discarded);
  out.counter("freshet_model_rollbacks_total", "Times the last good version was made live again",
              ranker.rollbacks);
  out.counter("freshet_model_suspicions_total", "Times that answers taught nothing any more",
              ranker.suspicions);
  out.counter("freshet_model_drifts_total", "Drift alarms", ranker.drifts);
}

}  // namespace

void sample_engine(const Engine& engine, std::vector<MetricSample>& samples) {
  const EngineStats stats = engine.stats();
  Samples out(samples);
  sample_ingest(out, stats.ingested);
  sample_log(out, stats);
  sample_memory(out, stats);
  sample_learning(out, stats);
  sample_impressions(out, stats);
  // While the log is folded again these would count up from 0, and what happened long ago would look new.
  if (engine.ready()) sample_ranker(out, engine.ranker_publication());
  out.counter("freshet_searched_total", "Searches answered", stats.searched);
  out.gauge("freshet_search_items", "Items in the search index", number(stats.search.indexed));
  for (const auto& [part, bytes] : stats.search.bytes)
    out.gauge("freshet_search_bytes", "Memory of search, by part", number(bytes), {{"part", part}});
  out.gauge("freshet_search_rebuilding",
            "1 while a generation of the index is being built beside the live one",
            stats.search.rebuilding ? 1 : 0);
  out.counter("freshet_recommended_total", "Recommendation pages answered", stats.recommended);
  out.gauge("freshet_snapshot_offset", "Log offset of the newest snapshot; 0: there is none",
            stats.snapshot ? number(stats.snapshot->offset) : 0);
}

void sample_server(const ServerStats& stats, std::vector<MetricSample>& samples) {
  Samples out(samples);
  out.gauge("freshet_http_connections", "Open connections", number(stats.connections));
  out.gauge("freshet_http_body_bytes_in_flight", "Request bodies being read or handled",
            number(stats.body_bytes_in_flight));
  out.gauge("freshet_http_waiting_for_worker", "Requests that wait for a worker",
            number(stats.workers_waiting));
  out.counter("freshet_http_connections_total", "Connections accepted", stats.accepted);
  const char* refused = "freshet_http_refused_total";
  const char* refused_help = "Refused for want of room, by what was full";
  out.counter(refused, refused_help, stats.refused_connections, {{"full", "connections"}});
  out.counter(refused, refused_help, stats.refused_overload, {{"full", "workers_or_bodies"}});
  out.counter("freshet_http_malformed_total", "Requests that were not HTTP as it should be", stats.malformed);
  out.counter("freshet_http_timeouts_total", "Clients too slow to send or to take", stats.timeouts);
}

}  // namespace freshet::http_internal
