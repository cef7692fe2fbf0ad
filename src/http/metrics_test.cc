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
  metrics.freshness(0.02, 0);
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
}

TEST(ServerMetrics, FreshnessIsThatOfTheLastMinute) {
  constexpr uint64_t kSecond = 1'000'000'000;
  ServerMetrics metrics;
  for (int n = 0; n < 100; ++n) metrics.freshness(0.2, 100 * kSecond);   // a slow start...
  for (int n = 0; n < 50; ++n) metrics.freshness(0.004, 140 * kSecond);  // ...and quick ones later
  const struct {
    double q;
    uint64_t at_s;
    double want;
  } rows[] = {{0.5, 141, 0.25},  {0.1, 141, 0.005}, {0.99, 154, 0.25}, {0.99, 161, 0.005},
              {0.5, 199, 0.005}, {0.5, 201, 0},     {0.5, 100000, 0}};
  for (const auto& row : rows)
    EXPECT_DOUBLE_EQ(metrics.freshness_quantile(row.q, row.at_s * kSecond), row.want) << row.at_s;
  metrics.freshness(99, 300 * kSecond);
  EXPECT_DOUBLE_EQ(metrics.freshness_quantile(0.5, 300 * kSecond), 30);
}

}  // namespace
}  // namespace freshet
