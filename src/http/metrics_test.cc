#include "http/metrics.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(ServerMetrics, SayWhatWasObserved) {
  ServerMetrics metrics;
  Timing timing;
  timing.read_ns = 1'000'000;
  timing.handle_ns = 2'000'000;
  metrics.request("/a/{x}", "GET", 200, 10, 20, timing);
  metrics.request("/a/{x}", "GET", 404, 0, 5, timing);
  metrics.freshness(0.02);
  metrics.add_source([](std::vector<MetricSample>& out) {
    out.push_back({"freshet_things", MetricSample::Kind::kGauge, "Things", {{"kind", "a"}}, 3});
    out.push_back({"freshet_things", MetricSample::Kind::kGauge, "Things", {{"kind", "b"}}, 4});
    out.push_back({"freshet_done_total", MetricSample::Kind::kCounter, "Done", {}, 5});
  });
  const std::string text = metrics.text();
  const char* rows[] = {
      "freshet_http_requests_total{method=\"GET\",route=\"/a/{x}\",status=\"200\"} 1",
      "freshet_http_requests_total{method=\"GET\",route=\"/a/{x}\",status=\"404\"} 1",
      "freshet_http_request_seconds_count{route=\"/a/{x}\"} 2",
      "freshet_http_request_seconds_bucket{route=\"/a/{x}\",le=\"0.003\"} 2",
      "freshet_http_request_seconds_bucket{route=\"/a/{x}\",le=\"0.002\"} 0",
      "freshet_http_stage_seconds_bucket{route=\"/a/{x}\",stage=\"read\",le=\"0.001\"} 2",
      "freshet_http_body_bytes_total{direction=\"out\",route=\"/a/{x}\"} 25",
      "freshet_freshness_seconds_bucket{le=\"0.025\"} 1",
      "# TYPE freshet_things gauge",
      "freshet_things{kind=\"b\"} 4",
      "# TYPE freshet_done_total counter",
      "freshet_done_total 5",
  };
  for (const char* row : rows) EXPECT_NE(text.find(row), std::string::npos) << row << "\n" << text;
  EXPECT_EQ(text.find("# TYPE freshet_things gauge"), text.rfind("# TYPE freshet_things gauge"));
  EXPECT_DOUBLE_EQ(metrics.freshness_quantile(0.99), 0.025);
}

}  // namespace
}  // namespace freshet
