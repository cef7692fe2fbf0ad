// What the server says from the moment it listens until everything on the log is folded.
#include <filesystem>

#include <gtest/gtest.h>

#include "env/secret.h"
#include "http/api.h"
#include "http/dispatcher.h"
#include "http/testing/raw_client.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

RawResponse ask(uint16_t port, const std::string& line, const std::string& body = "") {
  RawClient client(port);
  client.send(line + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
  return client.receive();
}

TEST(Starting, ListensAliveAndNotReadyBeforeThereIsAnEngine) {
  const fs::path dir = fs::temp_directory_path() / ("freshet-starting-" + random_hex(6));
  ApiOptions options;
  options.server.port = 0;
  options.guard.keys_required = false;
  Opening opening;
  std::unique_ptr<Engine> engine;
  auto api = std::move(ApiServer::listen(options, [&] { return opening.step(); })).value();
  opening.at("loading the snapshot: catalog, 2 of 11 parts done");
  const struct {
    const char *line, *body;
    int before, after;
  } rows[] = {
      {"GET /healthz", "", 200, 200},
      {"GET /readyz", "", 503, 200},
      {"GET /api/v1/status", "", 503, 200},
      {"GET /nowhere", "", 503, 404},
      {"POST /healthz", "", 503, 405},
      {"POST /api/v1/events", R"({"type":"view","user":"u","item":"i"})", 503, 200},
      {"GET /api/v1/recommend?user=u", "", 503, 200},
  };
  for (const auto& row : rows) {
    const RawResponse answer = ask(api->port(), row.line, row.body);
    EXPECT_EQ(answer.status, row.before) << row.line;
    if (row.before != 503) continue;
    EXPECT_EQ(answer.header("retry-after"), "1") << row.line;
    EXPECT_NE(answer.body.find("catalog, 2 of 11 parts done"), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("\"not_ready\""), std::string::npos) << answer.body;
  }
  EngineConfig config;
  config.data_dir = dir.string();
  engine = std::move(Engine::open(config, &opening)).value();
  ASSERT_TRUE(api->open(*engine).ok());
  for (const auto& row : rows) EXPECT_EQ(ask(api->port(), row.line, row.body).status, row.after) << row.line;
  api->stop();
  api.reset();
  engine.reset();
  fs::remove_all(dir);
}

TEST(Starting, WhatAnswersFromStateWaitsForTheFoldAndTheRestDoesNot) {
  Router router;
  const auto answer = [](const Request&) { return Response(); };
  router.add({Method::kGet, "/state", Access::kRead, 0, false, answer});
  router.add({Method::kPost, "/events", Access::kWrite, 10, false, answer, true});
  Guard guard({.keys_required = false}, nullptr);
  ServerMetrics metrics;
  const StaticFiles files;
  std::atomic<bool> folding{true};
  Dispatcher dispatcher(router, guard, metrics, files, 1000, [&]() -> std::optional<std::string> {
    if (folding) return "folding the log, 3 of 9 events";
    return std::nullopt;
  });
  ServerOptions options;
  options.port = 0;
  const auto server = std::move(Server::start(options, dispatcher)).value();
  const RawResponse early = ask(server->port(), "GET /state");
  EXPECT_EQ(early.status, 503);
  EXPECT_EQ(early.header("retry-after"), "1");
  EXPECT_NE(early.body.find("3 of 9 events"), std::string::npos) << early.body;
  EXPECT_EQ(ask(server->port(), "POST /events", "x").status, 200);
  folding = false;
  EXPECT_EQ(ask(server->port(), "GET /state").status, 200);
  server->stop();
}

}  // namespace
}  // namespace freshet
