#include "http/dispatcher.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "http/guard.h"
#include "http/testing/raw_client.h"
#include "ingest/compression.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

// A server with an echo route, a route that answers much, and a folder of files.
class DispatcherTest : public testing::Test {
 protected:
  DispatcherTest() {
    folder_ =
        testing::TempDir() + "/dispatcher-" + testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    write("index.html", "<html>home</html>");
    write("sub/index.html", "sub");
    write("assets/app-B2dF9a1c.js", std::string(5000, 'j'));
    write(".secret", "hidden");
    write(".git/config", "hidden");
    std::ofstream(folder_ + ".outside") << "outside";
    fs::create_symlink(folder_ + ".outside", folder_ + "/link.txt");
    files_ = std::move(StaticFiles::load(folder_)).value();

    router_.add({Method::kPost, "/echo", Access::kWrite, 1000, false, [](const Request& request) {
                   Response response;
                   response.body = request.body;
                   return response;
                 }});
    router_.add({Method::kGet, "/much", Access::kRead, 0, false, [](const Request&) {
                   Response response;
                   response.body = std::string(20000, 'm');
                   return response;
                 }});
    ServerOptions options;
    options.port = 0;
    server_ = std::move(Server::start(options, dispatcher_)).value();
  }
  ~DispatcherTest() override {
    server_->stop();
    fs::remove_all(folder_);
    fs::remove(folder_ + ".outside");
  }
  void write(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(folder_ + "/" + name).parent_path());
    std::ofstream(folder_ + "/" + name) << text;
  }
  RawResponse ask(std::string_view line, std::string_view headers = "", std::string_view body = "") {
    RawClient client(server_->port());
    std::string text(line);
    text += " HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers);
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    client.send(text + "\r\n" + std::string(body));
    return client.receive(!line.starts_with("HEAD"));
  }

  std::string folder_;
  Router router_;
  Guard guard_{{.keys_required = false, .cors_origins = {"https://shop.example"}}, nullptr};
  ServerMetrics metrics_;
  StaticFiles files_;
  Dispatcher dispatcher_{router_, guard_, metrics_, files_, 1000};
  std::unique_ptr<Server> server_;
};

TEST_F(DispatcherTest, RoutesMethodsAndFiles) {
  const struct {
    const char* line;
    int status;
    const char* body;  // Must be contained.
    const char* allow;
  } rows[] = {
      {"GET /much", 200, "mmm", ""},
      {"HEAD /much", 200, "", ""},
      {"OPTIONS /much", 204, "", "GET, HEAD, OPTIONS"},
      {"POST /much", 405, "GET, HEAD, OPTIONS", "GET, HEAD, OPTIONS"},
      {"BREW /much", 405, "GET", "GET, HEAD, OPTIONS"},
      {"GET /nothing", 404, "openapi", ""},
      {"GET /", 200, "home", ""},
      {"GET /index.html", 200, "home", ""},
      {"GET /sub", 308, "", ""},
      {"GET /sub/", 200, "sub", ""},
      {"HEAD /", 200, "", ""},
      {"POST /index.html", 405, "", "GET, HEAD, OPTIONS"},
      {"GET /.secret", 404, "", ""},
      {"GET /.git/config", 404, "", ""},
      {"GET /link.txt", 404, "", ""},
      {"GET /sub%2Findex.html", 404, "", ""},
      {"GET /../dispatcher.outside", 400, "", ""},
      {"GET /%2e%2e/dispatcher.outside", 400, "", ""},
      {"GET /..%2fdispatcher.outside", 404, "", ""},
      {"GET //etc/passwd", 404, "", ""},
      {"GET /assets", 404, "", ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.line);
    const RawResponse response = ask(row.line);
    EXPECT_EQ(response.status, row.status);
    EXPECT_NE(response.body.find(row.body), std::string::npos) << response.body;
    EXPECT_EQ(response.header("allow"), row.allow);
  }
}

TEST_F(DispatcherTest, AFolderIsSentToItsSlash) {
  EXPECT_EQ(ask("GET /sub").header("location"), "sub/");
}

TEST_F(DispatcherTest, FilesAreCachedByTheirTag) {
  const RawResponse first = ask("GET /");
  EXPECT_EQ(first.header("cache-control"), "no-cache");
  EXPECT_EQ(first.header("content-type"), "text/html; charset=utf-8");
  const RawResponse again = ask("GET /", "If-None-Match: " + first.header("etag") + "\r\n");
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.header("content-length"), "");
  EXPECT_NE(ask("GET /assets/app-B2dF9a1c.js").header("cache-control").find("immutable"), std::string::npos);
}

TEST_F(DispatcherTest, GzipComesInAndGoesOut) {
  const struct {
    const char* what;
    std::string headers;
    std::string body;
    int status;
    std::string answer;
  } rows[] = {
      {"gzip", "Content-Encoding: gzip\r\n", gzip("hello"), 200, "hello"},
      {"identity", "Content-Encoding: identity\r\n", "hello", 200, "hello"},
      {"up to the limit", "Content-Encoding: gzip\r\n", gzip(std::string(1000, 'x')), 200,
       std::string(1000, 'x')},
      {"a bomb", "Content-Encoding: gzip\r\n", gzip(std::string(100'000, 'x')), 413, ""},
      {"cut short", "Content-Encoding: gzip\r\n", gzip("hello").substr(0, 15), 400, ""},
      {"not gzip", "Content-Encoding: gzip\r\n", "hello", 400, ""},
      {"unknown", "Content-Encoding: br\r\n", "hello", 415, ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    const RawResponse response = ask("POST /echo", row.headers, row.body);
    EXPECT_EQ(response.status, row.status) << response.body;
    if (row.status == 200) {
      EXPECT_EQ(response.body, row.answer);
    }
  }
  const std::pair<const char*, bool> accepts[] = {{"gzip", true},   {"br, gzip;q=0.5", true},
                                                  {"*", true},      {"gzip;q=0", false},
                                                  {"br", false},    {"", false},
                                                  {"*;q=0", false}, {"*, gzip;q=0.0", false},
                                                  {"xgzip", false}};
  for (const auto& [value, packed] : accepts) {
    const RawResponse response = ask("GET /much", "Accept-Encoding: " + std::string(value) + "\r\n");
    EXPECT_EQ(response.header("content-encoding"), packed ? "gzip" : "") << value;
    const std::string text = packed ? gunzip(response.body, 1 << 20).value() : response.body;
    EXPECT_EQ(text, std::string(20000, 'm')) << value;
  }
}

TEST_F(DispatcherTest, RefusalsToPagesOfOthersAreReadableByTheirs) {
  const std::string shop = "Origin: https://shop.example\r\n";
  const char* lines[] = {"GET /much", "GET /nothing", "POST /much", "OPTIONS /echo"};
  for (const char* line : lines)
    EXPECT_EQ(ask(line, shop).header("access-control-allow-origin"), "https://shop.example") << line;
  EXPECT_EQ(ask("GET /much", "Origin: https://evil.example\r\n").status, 403);
}

TEST_F(DispatcherTest, EveryAnswerIsCountedByItsRoute) {
  ask("GET /much");
  ask("GET /nothing/secret-id");
  ask("POST /echo", "", std::string(1001, 'x'));
  server_->stop();
  const std::string text = metrics_.text();
  for (const char* row : {"route=\"/much\",status=\"200\"} 1", "route=\"(none)\",status=\"404\"} 1",
                          "route=\"/echo\",status=\"413\"} 1"})
    EXPECT_NE(text.find(row), std::string::npos) << row << "\n" << text;
  EXPECT_EQ(text.find("secret-id"), std::string::npos);
}

// An API with manners of its own beside the native one, told apart by the first segment of the path.
class OtherManners : public RequestGate {
 public:
  std::optional<Response> check(Request& request, Access, uint64_t) override {
    if (request.argument("key") == "right") return std::nullopt;
    return refusal(Problem{403, "forbidden", "wrong key"});
  }
  void allow_origin(const Request&, Response& response) const override {
    response.headers.emplace_back("access-control-allow-origin", "*");
  }
  Response preflight(const Request&, const std::string&) const override { return Response{.status = 299}; }
  Response refusal(const Problem& what) const override {
    Response response;
    response.status = what.status;
    response.body = "other: " + what.message;
    return response;
  }
};

TEST_F(DispatcherTest, AMountedApiHasItsOwnRoutesErrorsAndOrigins) {
  Router routes;
  routes.add({Method::kGet, "/1/much", Access::kRead, 0, false, [](const Request&) {
                Response response;
                response.body = "mounted";
                return response;
              }});
  routes.add({Method::kGet, "/api/much/{id}", Access::kRead, 0, false, [](const Request& request) {
                Response response;
                response.body = "two deep: " + request.params[0];
                return response;
              }});
  OtherManners manners;
  const StaticFiles none{};
  Dispatcher mounted(routes, manners, metrics_, none, 1000);
  Switchboard switchboard(dispatcher_);
  switchboard.add("1", mounted);
  switchboard.add("api/much", mounted);
  ServerOptions options;
  options.port = 0;
  const auto both = std::move(Server::start(options, switchboard)).value();
  const struct {
    const char* line;
    int status;
    const char* body;
    const char* origin;
  } rows[] = {
      {"GET /1/much?key=right", 200, "mounted", "*"},
      {"GET /1/much", 403, "other: wrong key", "*"},
      {"GET /1/nothing?key=right", 404, "other: nothing", "*"},
      {"POST /1/much?key=right", 405, "other: this path", "*"},
      {"OPTIONS /1/much", 299, "", "*"},
      {"GET /much", 200, "mmm", ""},
      {"GET /1x", 404, "\"error\"", ""},
      {"GET /api/much/x?key=right", 200, "two deep: x", "*"},
      {"GET /api/much/x/?key=right", 200, "two deep: x", "*"},
      {"GET /api/much?key=right", 404, "other: nothing", "*"},
      {"GET /api", 404, "\"error\"", ""},
      {"GET /api/muchmore", 404, "\"error\"", ""},
      {"GET /", 200, "home", ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.line);
    RawClient client(both->port());
    client.send(std::string(row.line) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const RawResponse response = client.receive(true);
    EXPECT_EQ(response.status, row.status);
    EXPECT_NE(response.body.find(row.body), std::string::npos) << response.body;
    EXPECT_EQ(response.header("access-control-allow-origin"), row.origin);
  }
  both->stop();
}

}  // namespace
}  // namespace freshet
