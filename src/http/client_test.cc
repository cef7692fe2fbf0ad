#include "http/client.h"

#include <atomic>

#include <gtest/gtest.h>

#include "http/server.h"

namespace freshet {
namespace {

// Answers every request with `status` and `body`; remembers the last.
class Canned : public Handler {
 public:
  Plan plan(Request&) override {
    Plan plan;
    plan.body_bytes_max = 1 << 20;
    return plan;
  }
  Response answer(Request& request, const Plan&) override {
    seen = std::string(method_name(request.method)) + " " + request.path + "|" + request.body;
    key = request.header("x-api-key");
    Response response;
    if (request.path == "/healthz") return response;
    response.status = status;
    response.body = body;
    return response;
  }
  std::string seen, key, body;
  int status = 200;
};

TEST(Client, RefusesWhatIsNoUrlOrKey) {
  for (const char* url :
       {"", "127.0.0.1:80", "ftp://127.0.0.1", "http://", "http://a:b", "http://a:99999", "http://a/b"})
    EXPECT_EQ(Client::connect({.url = url}).error().code, Code::kInvalid) << url;
  for (const char* key : {"fk_1\n", "fk_1\r\nx-other: 1"})
    EXPECT_EQ(Client::connect({.url = "http://127.0.0.1:1", .key = key}).error().code, Code::kInvalid) << key;
}

TEST(Client, SaysWhenNobodyAnswers) {
  Canned handler;
  uint16_t port = 0;
  {
    auto server = Server::start({.port = 0}, handler);
    ASSERT_TRUE(server.ok());
    port = (*server)->port();
  }
  const auto client = Client::connect({.url = "http://127.0.0.1:" + std::to_string(port)});
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().code, Code::kUnavailable);
  EXPECT_NE(client.error().what.find("is the server running"), std::string::npos);
}

TEST(Client, SpeaksTheApi) {
  Canned handler;
  auto server = Server::start({.port = 0}, handler);
  ASSERT_TRUE(server.ok());
  auto connected =
      Client::connect({.url = "http://127.0.0.1:" + std::to_string((*server)->port()), .key = "fk_1"});
  ASSERT_TRUE(connected.ok());
  Client& client = **connected;

  handler.body = R"({"accepted":2,"rejected":0,"offset":17})";
  const auto offset = client.post_events("{}\n{}\n");
  ASSERT_TRUE(offset.ok());
  EXPECT_EQ(*offset, 17u);
  EXPECT_EQ(handler.seen, "POST /api/v1/events|{}\n{}\n");
  EXPECT_EQ(handler.key, "fk_1");

  handler.body = R"({"accepted":1,"rejected":1,"errors":[{"reason":"type"}]})";
  EXPECT_EQ(client.post_events("{}").error().code, Code::kInvalid);

  handler.body = R"({"query_id":"q1","items":[{"item":"a","score":1},{"item":"b"}],"state_offset":9})";
  const auto page = client.recommend("{}");
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->items, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(page->query_id, "q1");
  EXPECT_EQ(page->state_offset, 9u);

  for (const char* bad : {"", "[]", "{}", R"({"items":[{}]})", R"({"items":3})"}) {
    handler.body = bad;
    EXPECT_FALSE(client.recommend("{}").ok()) << bad;
  }
}

TEST(Client, PassesOnWhatTheServerSaid) {
  Canned handler;
  auto server = Server::start({.port = 0}, handler);
  ASSERT_TRUE(server.ok());
  auto client = Client::connect({.url = "http://127.0.0.1:" + std::to_string((*server)->port())});
  ASSERT_TRUE(client.ok());
  const struct {
    int status;
    Code code;
  } rows[] = {
      {400, Code::kInvalid}, {404, Code::kInvalid}, {429, Code::kUnavailable}, {503, Code::kUnavailable}};
  handler.body = R"({"error":{"message":"the reason why"}})";
  for (const auto& row : rows) {
    handler.status = row.status;
    const auto answer = (*client)->request("GET", "/x", "");
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, row.code) << row.status;
    EXPECT_NE(answer.error().what.find("the reason why"), std::string::npos);
  }
}

TEST(Client, ConnectsAgainWhenTheServerCameBack) {
  Canned handler;
  handler.body = "{}";
  auto server = Server::start({.port = 0}, handler);
  ASSERT_TRUE(server.ok());
  const uint16_t port = (*server)->port();
  auto client = Client::connect({.url = "http://127.0.0.1:" + std::to_string(port)});
  ASSERT_TRUE(client.ok());
  (*server)->stop();
  server = Server::start({.port = port}, handler);
  ASSERT_TRUE(server.ok());
  EXPECT_TRUE((*client)->request("GET", "/again", "").ok());
}

}  // namespace
}  // namespace freshet
