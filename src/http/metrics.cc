#include "http/metrics.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace freshet {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Histogram;
using Buckets = Histogram::BucketBoundaries;

// Seconds; dense around the targets: 2 and 8 ms for an answer, 25 ms for an acknowledgement, 50 ms for
// freshness.
const Buckets kLatency = {0.0001, 0.00025, 0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.008,
                          0.012,  0.016,   0.025,  0.05,  0.1,    0.25,  0.5,   1,     2.5,   10};
const Buckets kFreshness = {0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                            0.05,   0.1,    0.25,  0.5,    1,     5,    30};

constexpr double kNanosecond = 1e-9;

// The buckets of kFreshness over the last kSlices slices of time, the one at hand included.
class RecentFreshness {
 public:
  void add(double seconds, uint64_t at_ns) {
    const auto bucket = std::lower_bound(kFreshness.begin(), kFreshness.end(), seconds);
    const uint64_t slice = at_ns / kSliceNs;
    const std::lock_guard lock(mutex_);
    Slice& now = slices_[slice % kSlices];
    if (now.number != slice || now.counts.empty())
      now = {slice, std::vector<uint64_t>(kFreshness.size() + 1)};
    ++now.counts[static_cast<size_t>(bucket - kFreshness.begin())];
  }
  double quantile(double q, uint64_t at_ns) const {
    const uint64_t newest = at_ns / kSliceNs;
    std::vector<uint64_t> counts(kFreshness.size() + 1);
    uint64_t all = 0;
    {
      const std::lock_guard lock(mutex_);
      for (const Slice& slice : slices_) {
        if (slice.counts.empty() || slice.number + kSlices <= newest) continue;
        for (size_t i = 0; i < counts.size(); ++i) {
          counts[i] += slice.counts[i];
          all += slice.counts[i];
        }
      }
    }
    if (all == 0) return 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < kFreshness.size(); ++i)
      if (static_cast<double>(sum += counts[i]) >= q * static_cast<double>(all)) return kFreshness[i];
    return kFreshness.back();
  }

 private:
  static constexpr uint64_t kSlices = 12, kSliceNs = 5'000'000'000;
  struct Slice {
    uint64_t number = 0;  // Of all slices since the clock's beginning.
    std::vector<uint64_t> counts;
  };
  mutable std::mutex mutex_;
  std::array<Slice, kSlices> slices_;
};

prometheus::MetricFamily family_of(const MetricSample& sample) {
  prometheus::MetricFamily family;
  family.name = sample.name;
  family.help = sample.help;
  family.type = sample.kind == MetricSample::Kind::kCounter ? prometheus::MetricType::Counter
                                                            : prometheus::MetricType::Gauge;
  return family;
}

void append(const MetricSample& sample, std::vector<prometheus::MetricFamily>& families) {
  if (families.empty() || families.back().name != sample.name) families.push_back(family_of(sample));
  prometheus::ClientMetric metric;
  for (const Header& label : sample.labels) metric.label.push_back({label.first, label.second});
  metric.gauge.value = sample.value;
  metric.counter.value = sample.value;
  families.back().metric.push_back(std::move(metric));
}

}  // namespace

struct ServerMetrics::Rep {
  prometheus::Registry registry;
  prometheus::Family<Counter>& requests = BuildCounter()
                                              .Name("freshet_http_requests_total")
                                              .Help("Requests answered, by route, method and status")
                                              .Register(registry);
  prometheus::Family<Histogram>& seconds =
      BuildHistogram()
          .Name("freshet_http_request_seconds")
          .Help("From a request's first byte to its answer's last, by route")
          .Register(registry);
  prometheus::Family<Histogram>& stages =
      BuildHistogram()
          .Name("freshet_http_stage_seconds")
          .Help(
              "The same by stage: read, queue (for a worker), handle, durable (waiting for the disk), write")
          .Register(registry);
  prometheus::Family<Counter>& bytes = BuildCounter()
                                           .Name("freshet_http_body_bytes_total")
                                           .Help("Bytes of bodies, by route and direction")
                                           .Register(registry);
  Histogram& freshness =
      BuildHistogram()
          .Name("freshet_freshness_seconds")
          .Help("From an event's acknowledgement until an answer could show what was learned from it")
          .Register(registry)
          .Add({}, kFreshness);

  Histogram& search = BuildHistogram()
                          .Name("freshet_search_seconds")
                          .Help("Time of one search inside the engine, without HTTP")
                          .Register(registry)
                          .Add({}, kLatency);
  Counter& nothing_found = BuildCounter()
                               .Name("freshet_search_nothing_found_total")
                               .Help("Searches that found nothing, after all relaxation")
                               .Register(registry)
                               .Add({});
  RecentFreshness recent_freshness;

  // What one route observes, found once.
  struct OfRoute {
    Histogram* seconds;
    Histogram* read;
    Histogram* queue;
    Histogram* handle;
    Histogram* durable;
    Histogram* write;
    Counter* in;
    Counter* out;
    std::map<std::pair<std::string, int>, Counter*> requests;
  };
  OfRoute& of_route(std::string_view route) {
    const auto found = routes.find(route);
    if (found != routes.end()) return found->second;
    const std::string name(route);
    const auto stage = [&](const char* which) {
      return &stages.Add({{"route", name}, {"stage", which}}, kLatency);
    };
    OfRoute made{&seconds.Add({{"route", name}}, kLatency),
                 stage("read"),
                 stage("queue"),
                 stage("handle"),
                 stage("durable"),
                 stage("write"),
                 &bytes.Add({{"route", name}, {"direction", "in"}}),
                 &bytes.Add({{"route", name}, {"direction", "out"}}),
                 {}};
    return routes.emplace(name, std::move(made)).first->second;
  }

  mutable std::mutex mutex;  // Guards the two below.
  std::map<std::string, OfRoute, std::less<>> routes;
  std::vector<Source> sources;
};

ServerMetrics::ServerMetrics() : rep_(std::make_unique<Rep>()) {}
ServerMetrics::~ServerMetrics() = default;

void ServerMetrics::request(std::string_view route, std::string_view method, int status, size_t bytes_in,
                            size_t bytes_out, const Timing& timing) {
  Rep::OfRoute* of = nullptr;
  Counter* counter = nullptr;
  {
    std::lock_guard lock(rep_->mutex);
    of = &rep_->of_route(route);
    Counter*& known = of->requests[{std::string(method), status}];
    if (known == nullptr)
      known = &rep_->requests.Add({{"route", std::string(route)},
                                   {"method", std::string(method)},
                                   {"status", std::to_string(status)}});
    counter = known;
  }
  counter->Increment();
  of->in->Increment(static_cast<double>(bytes_in));
  of->out->Increment(static_cast<double>(bytes_out));
  const int64_t all = timing.read_ns + timing.queue_ns + timing.handle_ns + timing.later_ns + timing.write_ns;
  of->seconds->Observe(static_cast<double>(all) * kNanosecond);
  const std::pair<Histogram*, int64_t> stages[] = {{of->read, timing.read_ns},
                                                   {of->queue, timing.queue_ns},
                                                   {of->handle, timing.handle_ns},
                                                   {of->durable, timing.later_ns},
                                                   {of->write, timing.write_ns}};
  for (const auto& [histogram, ns] : stages) histogram->Observe(static_cast<double>(ns) * kNanosecond);
}

void ServerMetrics::search(uint64_t us, bool nothing_found) {
  rep_->search.Observe(static_cast<double>(us) * 1e-6);
  if (nothing_found) rep_->nothing_found.Increment();
}

void ServerMetrics::freshness(double seconds, uint64_t at_ns) {
  rep_->freshness.Observe(seconds);
  rep_->recent_freshness.add(seconds, at_ns);
}

double ServerMetrics::freshness_quantile(double q, uint64_t at_ns) const {
  return rep_->recent_freshness.quantile(q, at_ns);
}

void ServerMetrics::add_source(Source source) {
  std::lock_guard lock(rep_->mutex);
  rep_->sources.push_back(std::move(source));
}

std::string ServerMetrics::text() const {
  std::vector<MetricSample> samples;
  std::vector<Source> sources;
  {
    std::lock_guard lock(rep_->mutex);
    sources = rep_->sources;
  }
  for (const Source& source : sources) source(samples);
  std::vector<prometheus::MetricFamily> families = rep_->registry.Collect();
  for (const MetricSample& sample : samples) append(sample, families);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace freshet
