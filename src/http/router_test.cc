#include "http/router.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(Router, FindsTheMostLiteralRoute) {
  Router router;
  const std::pair<Method, std::string> routes[] = {{Method::kGet, "/a/{x}"},
                                                   {Method::kGet, "/a/all"},
                                                   {Method::kPut, "/a/{x}"},
                                                   {Method::kPost, "/a/{x}/go"}};
  for (const auto& [method, pattern] : routes) router.add({.method = method, .pattern = pattern});
  const struct {
    Method method;
    std::vector<std::string> segments;
    int route;
    std::vector<std::string> params;
    std::string allow;
  } rows[] = {
      {Method::kGet, {"a", "1"}, 0, {"1"}, "GET, HEAD, OPTIONS, PUT"},
      {Method::kHead, {"a", "1"}, 0, {"1"}, "GET, HEAD, OPTIONS, PUT"},
      {Method::kGet, {"a", "all"}, 1, {}, "GET, HEAD, OPTIONS, PUT"},
      {Method::kPut, {"a", "all"}, 2, {"all"}, "GET, HEAD, OPTIONS, PUT"},
      {Method::kPost, {"a", "x/y", "go"}, 3, {"x/y"}, "OPTIONS, POST"},
      {Method::kDelete, {"a", "1"}, -1, {}, "GET, HEAD, OPTIONS, PUT"},
      {Method::kGet, {"a", ""}, -1, {}, ""},
      {Method::kGet, {"a"}, -1, {}, ""},
      {Method::kGet, {"b", "1"}, -1, {}, ""},
  };
  for (const auto& row : rows) {
    const Router::Match match = router.match(row.method, row.segments);
    EXPECT_EQ(match.route, row.route);
    EXPECT_EQ(match.params, row.params);
    EXPECT_EQ(match.allow, row.allow);
  }
}

}  // namespace
}  // namespace freshet
