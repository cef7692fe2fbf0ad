#include "http/server.h"

#include <condition_variable>
#include <thread>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "http/testing/raw_client.h"

namespace freshet {
namespace {

// Answers with what it saw: "METHOD path|body". /slow waits until let_go(), on a worker.
class Echo : public Handler {
 public:
  Plan plan(Request& head) override {
    Plan plan;
    plan.body_bytes_max = 1000;
    if (head.path == "/forbidden") plan.refuse = problem(Problem{403, "forbidden", "no"});
    plan.waits = head.path == "/slow" || head.path == "/worker";
    return plan;
  }
  Response answer(Request& request, const Plan&) override {
    if (request.path == "/slow") {
      std::unique_lock lock(mutex_);
      ++slow_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return released_; });
    }
    if (request.path == "/throw") throw std::runtime_error("bug");
    Response response;
    response.content_type = "text/plain";
    if (request.path == "/large") response.body.assign(8 << 20, 'x');
    if (request.path == "/later") {
      response.later = [body = request.body](std::function<void(Response)> answer) {
        std::thread([body, answer] {
          Response known;
          known.body = "later " + body;
          answer(known);
        }).detach();
      };
    }
    if (request.path == "/at-once") {
      response.later = [](const std::function<void(Response)>& answer) { answer(Response{.status = 201}); };
    }
    if (request.path == "/stream") {
      response.content_type = "text/event-stream";
      response.stream = stream = std::make_shared<PushStream>(1000);
      stream->push("hello", "first\nsecond");
    }
    if (response.body.empty() && !response.stream)
      response.body = std::string(method_name(request.method)) + " " + request.path + "|" + request.body;
    return response;
  }
  void done(const Plan&, int status, size_t, size_t, const Timing& timing) override {
    std::lock_guard lock(mutex_);
    statuses.push_back(status);
    EXPECT_GE(timing.read_ns, 0);
  }
  void wait_for_slow(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return slow_ >= count; });
  }
  void let_go() {
    std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }

  std::shared_ptr<PushStream> stream;
  std::vector<int> statuses;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int slow_ = 0;
  bool released_ = false;
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    options_.port = 0;
    options_.header_bytes_max = 2048;
    options_.workers = 2;
  }
  ~ServerTest() override { echo_.let_go(); }
  uint16_t start() {
    auto server = Server::start(options_, echo_);
    EXPECT_TRUE(server.ok()) << server.error().what;
    server_ = std::move(server).value();
    return server_->port();
  }

  ServerOptions options_;
  Echo echo_;
  std::unique_ptr<Server> server_;
};

std::string get(std::string_view path, std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(more) + "\r\n";
}
std::string post(std::string_view path, std::string_view body, std::string_view more = "") {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more) + "\r\n" + std::string(body);
}

TEST_F(ServerTest, AnswersWhatIsSent) {
  const uint16_t port = start();
  const std::string chunked = "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const struct {
    const char* what;
    std::string sent;
    int status;
    std::string body;  // "": not compared
    bool stays_open;
  } rows[] = {
      {"plain", get("/a?x=1"), 200, "GET /a|", true},
      {"body", post("/a", "hello"), 200, "POST /a|hello", true},
      {"empty body", post("/a", ""), 200, "POST /a|", true},
      {"on a worker", post("/worker", "w"), 200, "POST /worker|w", true},
      {"answered later", post("/later", "x"), 200, "later x", true},
      {"answered later, at once", post("/at-once", "x"), 201, "", true},
      {"line break before the request", "\r\n" + get("/a"), 400, "", false},
      {"chunked", chunked + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", 200, "POST /c|abcde", true},
      {"chunked with trailer", chunked + "1\r\na\r\n0\r\nX-T: 1\r\n\r\n", 200, "POST /c|a", true},
      {"bad chunk size", chunked + "zz\r\nabc\r\n", 400, "", false},
      {"chunks beyond the limit", chunked + "3e9\r\n" + std::string(1001, 'x') + "\r\n0\r\n\r\n", 413, "",
       false},
      {"close asked", get("/a", "Connection: close\r\n"), 200, "GET /a|", false},
      {"HTTP/1.0", "GET /a HTTP/1.0\r\n\r\n", 200, "GET /a|", false},
      {"body at the limit", post("/a", std::string(1000, 'x')), 200, "POST /a|" + std::string(1000, 'x'),
       true},
      {"body above it", post("/a", std::string(1001, 'x')), 413, "", false},
      {"huge length claimed", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999\r\n\r\n", 413,
       "", false},
      {"length not a number", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1x\r\n\r\n", 400, "", false},
      {"negative length", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400, "", false},
      {"two lengths", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400,
       "", false},
      {"length and chunked",
       "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
       "", false},
      {"chunked not last", "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 501, "",
       false},
      {"refused by its header", post("/forbidden", "x"), 403, "", false},
      {"refused without a body", get("/forbidden"), 403, "", true},
      {"no Host", "GET /a HTTP/1.1\r\n\r\n", 400, "", false},
      {"two Hosts", get("/a", "Host: i\r\n"), 400, "", false},
      {"header too large", get("/a", "X: " + std::string(3000, 'x') + "\r\n"), 431, "", false},
      {"not HTTP", "hello\r\n\r\n", 400, "", false},
      {"HTTP/3.7", "GET /a HTTP/3.7\r\nHost: h\r\n\r\n", 505, "", false},
      {"space in a header name", get("/a", "X y: 1\r\n"), 400, "", false},
      {"bad escape", get("/%zz"), 400, "", false},
      {"NUL escape", get("/a%00"), 400, "", false},
      {"not UTF-8", get("/%ff"), 400, "", false},
      {"dot segments", get("/a/../b"), 400, "", false},
      {"escaped dot segments", get("/a/%2e%2e/b"), 400, "", false},
      {"unknown expectation", post("/a", "x", "Expect: coffee\r\n"), 417, "", false},
      {"handler throws", get("/throw"), 500, "", true},
      {"truncated header", "GET /a HTTP/1.1\r\nHos", 400, "", false},
      {"truncated body", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", 400, "", false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    RawClient client(port);
    EXPECT_TRUE(client.send(row.sent));
    if (std::string_view(row.what).starts_with("truncated")) client.half_close();
    const RawResponse response = client.receive();
    EXPECT_EQ(response.status, row.status) << response.body;
    if (row.status >= 400) {
      EXPECT_TRUE(response.body.starts_with(R"({"error":{"code":")")) << response.body;
    }
    if (!row.body.empty()) {
      EXPECT_EQ(response.body, row.body);
    }
    if (row.stays_open) {
      EXPECT_EQ(response.header("connection"), "keep-alive");
      client.send(get("/again"));
      EXPECT_EQ(client.receive().body, "GET /again|");
    } else {
      EXPECT_EQ(response.header("connection"), "close");
      client.half_close();
      EXPECT_TRUE(client.closed_by_server());
    }
  }
}

TEST_F(ServerTest, LimitsAreNamed) {
  const uint16_t port = start();
  const std::pair<std::string, std::string> rows[] = {
      {post("/a", std::string(1001, 'x')), "1000 bytes"},
      {get("/a", "X: " + std::string(3000, 'x') + "\r\n"), "header_bytes_max = 2048"},
  };
  for (const auto& [sent, named] : rows) {
    RawClient client(port);
    client.send(sent);
    EXPECT_NE(client.receive().body.find(named), std::string::npos);
  }
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  const uint16_t port = start();
  std::string sent;
  std::vector<std::string> want;
  for (int i = 0; i < 200; ++i) {
    const std::string n = std::to_string(i);
    sent += i % 3 == 0 ? get("/" + n) : post(i % 3 == 1 ? "/worker" : "/p", n);
    want.push_back(i % 3 == 0 ? "GET /" + n + "|" : (i % 3 == 1 ? "POST /worker|" : "POST /p|") + n);
  }
  const size_t cuts[] = {sent.size(), 7, 1000};
  for (const size_t cut : cuts) {  // The same bytes in pieces of any size.
    RawClient client(port);
    std::thread sender([&] {
      for (size_t at = 0; at < sent.size(); at += cut) client.send(std::string_view(sent).substr(at, cut));
    });
    for (const std::string& body : want) EXPECT_EQ(client.receive().body, body);
    sender.join();
  }
}

TEST_F(ServerTest, ContinueIsSentOnlyWhenTheBodyIsWanted) {
  const uint16_t port = start();
  RawClient client(port);
  client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  client.send("ok");
  EXPECT_EQ(client.receive().body, "POST /a|ok");

  RawClient refused(port);
  refused.send("POST /forbidden HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(refused.receive().status, 403);
}

TEST_F(ServerTest, HeadHasTheHeaderOfGetAndNoBody) {
  const uint16_t port = start();
  RawClient client(port);
  client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.receive(false).header("content-length"), "8");
  client.send(get("/b"));
  EXPECT_EQ(client.receive().body, "GET /b|");
}

TEST_F(ServerTest, SlowClientsAreClosedAndCounted) {
  options_.header_ms_max = options_.body_ms_max = options_.write_ms_max = 100;
  const uint16_t port = start();
  const std::string starts[] = {"GET /a HT", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"};
  uint64_t timeouts = 0;
  for (const std::string& start : starts) {
    RawClient client(port);
    client.send(start);
    EXPECT_TRUE(client.closed_by_server());
    ++timeouts;
    while (server_->stats().timeouts < timeouts) std::this_thread::yield();
  }
  RawClient deaf(port);  // Asks for far more than fits between us and never reads it.
  for (int i = 0; i < 4; ++i) deaf.send(get("/large"));
  while (server_->stats().timeouts == timeouts) std::this_thread::yield();
}

TEST_F(ServerTest, IdleConnectionsEnd) {
  options_.idle_ms_max = 50;
  const uint16_t port = start();
  RawClient client(port);
  client.send(get("/a"));
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_EQ(server_->stats().timeouts, 0u);
}

TEST_F(ServerTest, ConnectionsBeyondTheLimitAreTurnedAway) {
  options_.connections_max = 2;
  const uint16_t port = start();
  RawClient a(port);
  a.send(get("/a"));
  EXPECT_EQ(a.receive().status, 200);
  {
    RawClient b(port);
    b.send(get("/b"));
    EXPECT_EQ(b.receive().status, 200);
    RawClient c(port);
    const RawResponse refused = c.receive();
    EXPECT_EQ(refused.status, 503);
    EXPECT_NE(refused.body.find("connections_max = 2"), std::string::npos);
    EXPECT_TRUE(c.closed_by_server());
  }
  while (server_->stats().connections > 1) std::this_thread::yield();
  RawClient d(port);
  d.send(get("/d"));
  EXPECT_EQ(d.receive().status, 200);
}

TEST_F(ServerTest, AFullWorkerQueueIsAnsweredWhileQuickRequestsGoOn) {
  options_.workers = 1;
  options_.worker_queue_max = 1;
  const uint16_t port = start();
  RawClient working(port);
  working.send(get("/slow"));
  echo_.wait_for_slow(1);
  RawClient queued(port);
  queued.send(get("/slow"));
  while (server_->stats().workers_waiting == 0) std::this_thread::yield();
  RawClient refused(port);
  refused.send(get("/slow"));
  const RawResponse response = refused.receive();
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.header("retry-after"), "1");
  RawClient quick(port);
  quick.send(get("/quick"));
  EXPECT_EQ(quick.receive().status, 200);
  echo_.let_go();
  EXPECT_EQ(working.receive().status, 200);
  EXPECT_EQ(queued.receive().status, 200);
}

TEST_F(ServerTest, BodiesInFlightAreBounded) {
  options_.body_bytes_in_flight_max = 1500;
  const uint16_t port = start();
  RawClient working(port);
  working.send(post("/slow", std::string(900, 'x')));
  echo_.wait_for_slow(1);
  RawClient refused(port);
  refused.send(post("/a", std::string(900, 'x')));
  EXPECT_EQ(refused.receive().status, 503);
  EXPECT_TRUE(refused.closed_by_server());
  echo_.let_go();
  EXPECT_EQ(working.receive().status, 200);
  while (server_->stats().body_bytes_in_flight > 0) std::this_thread::yield();
  RawClient client(port);
  client.send(post("/a", std::string(900, 'x')));
  EXPECT_EQ(client.receive().status, 200);
}

TEST_F(ServerTest, StopLetsRequestsInHandFinish) {
  const uint16_t port = start();
  RawClient idle(port);
  idle.send(get("/a"));
  EXPECT_EQ(idle.receive().status, 200);
  RawClient working(port);
  working.send(get("/slow") + get("/never"));
  echo_.wait_for_slow(1);
  std::thread stopper([this] { server_->stop(); });
  EXPECT_TRUE(idle.closed_by_server());
  echo_.let_go();
  const RawResponse response = working.receive();
  EXPECT_EQ(response.body, "GET /slow|");
  EXPECT_EQ(response.header("connection"), "close");
  EXPECT_TRUE(working.closed_by_server());
  stopper.join();
  EXPECT_EQ(server_->stats().connections, 0u);
  EXPECT_FALSE(RawClient(port).connected());
}

TEST_F(ServerTest, StreamsSendWhatIsPushedAndDropWhatDoesNotFit) {
  const uint16_t port = start();
  RawClient client(port);
  client.send(get("/stream"));
  const std::string text = client.receive_until("second\n\n");
  EXPECT_NE(text.find("content-type: text/event-stream"), std::string::npos);
  EXPECT_NE(text.find("event: hello\ndata: first\ndata: second\n\n"), std::string::npos);
  EXPECT_TRUE(echo_.stream->push("more", "x"));
  EXPECT_NE(client.receive_until("data: x").find("event: more\n"), std::string::npos);
  EXPECT_FALSE(echo_.stream->push("large", std::string(1001, 'x')));
  client.close();
  while (!echo_.stream->closed()) std::this_thread::yield();
  EXPECT_FALSE(echo_.stream->push("late", "x"));

  RawClient other(port);
  other.send(get("/stream"));
  other.receive_until("second\n\n");
  server_->stop();
  EXPECT_TRUE(other.closed_by_server());
}

// Valid requests with bytes changed, cut, doubled: every one is answered or closed, and the server lives.
TEST_F(ServerTest, RandomDamageIsSurvived) {
  options_.header_ms_max = options_.body_ms_max = 50;
  const uint16_t port = start();
  const std::string seeds[] = {
      get("/a/b?c=d&e=%20f", "Accept: */*\r\nX-Y: z\r\n"), post("/p", "{\"a\":1}"),
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"};
  Draw draw(20260101);
  for (int round = 0; round < 400; ++round) {
    std::string bytes = seeds[draw.below(std::size(seeds))];
    for (uint64_t edits = 1 + draw.below(4); edits > 0; --edits) {
      const size_t at = draw.below(bytes.size());
      switch (draw.below(4)) {
        case 0:
          bytes[at] = static_cast<char>(draw.below(256));
          break;
        case 1:
          bytes.erase(at, 1 + draw.below(5));
          break;
        case 2:
          bytes.insert(at, bytes.substr(at, 1 + draw.below(20)));
          break;
        default:
          bytes.insert(at, 1 + draw.below(3), "\r\n:\0 ;%"[draw.below(7)]);
      }
      if (bytes.empty()) bytes = "x";
    }
    RawClient client(port);
    client.send(bytes);
    client.half_close();
    EXPECT_TRUE(client.closed_by_server()) << "round " << round;
  }
  RawClient client(port);
  client.send(get("/alive"));
  EXPECT_EQ(client.receive().body, "GET /alive|");
}

TEST(Server, BadOptionsAreNamed) {
  Echo echo;
  ServerOptions host;
  host.host = "localhost.example";
  ServerOptions threads;
  threads.threads = -1;
  const std::pair<ServerOptions, const char*> rows[] = {{host, "localhost.example"}, {threads, "threads"}};
  for (const auto& [options, named] : rows) {
    const auto server = Server::start(options, echo);
    ASSERT_FALSE(server.ok());
    EXPECT_NE(server.error().what.find(named), std::string::npos);
  }
  ServerOptions taken;
  taken.port = 0;
  auto first = Server::start(taken, echo);
  taken.port = first.value()->port();
  EXPECT_EQ(Server::start(taken, echo).error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace freshet
