#include "http/guard.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace freshet {
namespace {

class GuardTest : public testing::Test {
 protected:
  GuardTest() {
    folder_ = testing::TempDir() + "/guard-" +
              std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    keys_ = std::move(ApiKeys::open(folder_)).value();
  }
  ~GuardTest() override {
    keys_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::string key(Role role) { return keys_->create("k-" + std::string(role_name(role)), role, 0).value(); }

  std::string folder_;
  std::unique_ptr<ApiKeys> keys_;
};

Request with(std::vector<Header> headers) {
  Request request;
  request.headers = std::move(headers);
  return request;
}

int status_of(const std::optional<Response>& refusal) {
  return refusal ? refusal->status : 200;
}

TEST_F(GuardTest, RolesAllowWhatIsBelowThem) {
  Guard guard({}, keys_.get());
  const std::string read = key(Role::kRead), write = key(Role::kWrite), admin = key(Role::kAdmin);
  const struct {
    const char* what;
    std::vector<Header> headers;
    int open, read, write, admin;  // Status by access.
  } rows[] = {
      {"nothing", {}, 200, 401, 401, 401},
      {"unknown key",
       {{"x-api-key", "fk_000000000000000000000000000000000000000000000000"}},
       200,
       401,
       401,
       401},
      {"another scheme", {{"authorization", "Basic " + read}}, 200, 401, 401, 401},
      {"a key cut short", {{"x-api-key", read.substr(0, 20)}}, 200, 401, 401, 401},
      {"read", {{"x-api-key", read}}, 200, 200, 403, 403},
      {"write", {{"authorization", "Bearer " + write}}, 200, 200, 200, 403},
      {"admin, scheme in lower case", {{"authorization", "bearer " + admin}}, 200, 200, 200, 200},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    const std::pair<Access, int> wants[] = {{Access::kOpen, row.open},
                                            {Access::kRead, row.read},
                                            {Access::kWrite, row.write},
                                            {Access::kAdmin, row.admin}};
    for (const auto& [access, want] : wants) {
      Request request = with(row.headers);
      const auto refusal = guard.check(request, access, 0);
      EXPECT_EQ(status_of(refusal), want);
      if (refusal) {
        EXPECT_EQ(refusal->body.find(read), std::string::npos);
      }
    }
  }
  Request request = with({{"x-api-key", write}});
  EXPECT_FALSE(guard.check(request, Access::kWrite, 0));
  EXPECT_EQ(request.caller, "k-write");
}

TEST_F(GuardTest, ARemovedKeyStopsWorking) {
  Guard guard({}, keys_.get());
  const std::string read = key(Role::kRead);
  Request request = with({{"x-api-key", read}});
  EXPECT_EQ(status_of(guard.check(request, Access::kRead, 0)), 200);
  ASSERT_TRUE(keys_->remove(keys_->find(read)->id).ok());
  EXPECT_EQ(status_of(guard.check(request, Access::kRead, 0)), 401);
}

TEST_F(GuardTest, EachKeyHasItsOwnRate) {
  Guard guard({.requests_per_second = 2, .burst = 3}, keys_.get());
  Request one = with({{"x-api-key", key(Role::kRead)}});
  Request other = with({{"x-api-key", key(Role::kWrite)}});
  const uint64_t second = 1'000'000'000;
  const struct {
    Request& request;
    uint64_t at_ns;
    int status;
  } rows[] = {
      {one, 0, 200},
      {one, 0, 200},
      {one, 0, 200},
      {one, 0, 429},
      {other, 0, 200},
      {one, second / 4, 429},
      {one, second, 200},
      {one, second, 200},
      {one, second, 429},
      {one, 100 * second, 200},
      {one, 100 * second, 200},
      {one, 100 * second, 200},
      {one, 100 * second, 429},
  };
  for (size_t i = 0; i < std::size(rows); ++i) {
    const auto refusal = guard.check(rows[i].request, Access::kRead, rows[i].at_ns);
    EXPECT_EQ(status_of(refusal), rows[i].status) << "row " << i;
    if (refusal) {
      EXPECT_EQ(refusal->headers.back(), (Header{"retry-after", "1"}));
    }
  }
}

TEST(Guard, TheOpenDoorIsForThisMachineAndItsOwnPages) {
  Guard guard({.keys_required = false, .cors_origins = {"https://shop.example"}}, nullptr);
  const struct {
    std::string host;
    std::string origin;
    int status;
  } rows[] = {
      {"127.0.0.1:8080", "", 200},
      {"localhost:8080", "", 200},
      {"[::1]:8080", "", 200},
      {"127.0.0.1:8080", "http://127.0.0.1:8080", 200},
      {"127.0.0.1:8080", "https://shop.example", 200},
      {"127.0.0.1:8080", "https://evil.example", 403},
      {"127.0.0.1:8080", "http://127.0.0.1:9999", 403},
      {"127.0.0.1:8080", "null", 403},
      {"evil.example:8080", "", 403},
      {"127.0.0.1.evil.example", "", 403},
      {"localhost.evil.example", "", 403},
  };
  for (const auto& row : rows) {
    Request request = with({{"host", row.host}, {"origin", row.origin}});
    EXPECT_EQ(status_of(guard.check(request, Access::kAdmin, 0)), row.status)
        << row.host << " " << row.origin;
  }
}

TEST(Guard, OriginsAreNamedOneByOne) {
  const Guard guard({.keys_required = false, .cors_origins = {"https://shop.example"}}, nullptr);
  const std::pair<std::string, bool> rows[] = {
      {"https://shop.example", true}, {"https://shop.example.evil", false}, {"http://shop.example", false}};
  for (const auto& [origin, allowed] : rows) {
    Response response;
    guard.allow_origin(with({{"origin", origin}}), response);
    std::string named;
    for (const Header& header : response.headers) {
      if (header.first == "access-control-allow-origin") named = header.second;
    }
    EXPECT_EQ(named, allowed ? origin : "");
    const Response preflight = guard.preflight(with({{"origin", origin}}), "GET, OPTIONS");
    EXPECT_EQ(preflight.status, 204);
    EXPECT_EQ(preflight.headers.size() > 1, allowed);
  }
}

}  // namespace
}  // namespace freshet
