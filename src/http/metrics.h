// What /metrics says, in the Prometheus text format. Every metric is listed in docs/metrics.md.
//
// Two kinds: what requests observe as they pass (histograms here), and what is read when somebody asks (a
// Gauge or counter given as a number by a `Source`). Threads: any. Prometheus stays behind this header.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace freshet {

// One number at the moment of asking.
struct MetricSample {
  enum class Kind : uint8_t { kGauge, kCounter };
  std::string name;
  Kind kind = Kind::kGauge;
  std::string help;
  std::vector<Header> labels;
  double value = 0;
};

class ServerMetrics {
 public:
  ServerMetrics();
  ~ServerMetrics();
  ServerMetrics(const ServerMetrics&) = delete;
  ServerMetrics& operator=(const ServerMetrics&) = delete;

  // `route` is a pattern ("/api/v1/items/{id}"), never what a client sent: labels stay few.
  void request(std::string_view route, std::string_view method, int status, size_t bytes_in, size_t bytes_out,
               const Timing& timing);
  void search(uint64_t us, bool nothing_found);
  // From acknowledgement until an answer could show the event. `at_ns`: monotonic_ns() then.
  void freshness(double seconds, uint64_t at_ns);
  // Over the last minute (to 5 s): upper edge of the quantile's bucket, in seconds; 0: nothing seen in it.
  double freshness_quantile(double q, uint64_t at_ns) const;

  // Asked at each scrape. Samples of one name must follow each other.
  using Source = std::function<void(std::vector<MetricSample>&)>;
  void add_source(Source source);
  std::string text() const;

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace freshet
