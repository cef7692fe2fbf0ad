#include "http/server.h"

#include <algorithm>
#include <thread>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "env/process.h"
#include "http/internal/connection.h"

namespace freshet {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using http_internal::Shared;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

Status check(const ServerOptions& options) {
  const std::pair<const char*, int64_t> positive[] = {
      {"workers", options.workers},
      {"worker_queue_max", static_cast<int64_t>(options.worker_queue_max)},
      {"connections_max", static_cast<int64_t>(options.connections_max)},
      {"idle_ms_max", options.idle_ms_max},
      {"header_ms_max", options.header_ms_max},
      {"body_ms_max", options.body_ms_max},
      {"write_ms_max", options.write_ms_max},
  };
  for (const auto& [name, value] : positive) {
    if (value <= 0) return invalid(std::string("server ") + name + ": expected a number greater than 0");
  }
  if (options.threads < 0) return invalid("server threads: expected 0 (one for each processor) or more");
  if (options.header_bytes_max < 512 || options.header_bytes_max > (1 << 20))
    return invalid("server header_bytes_max: expected 512 to 1048576");
  return {};
}

// More threads than processors wait for each other (docs/decisions/0093).
ServerOptions with_threads(ServerOptions options) {
  const auto processors = static_cast<int>(std::thread::hardware_concurrency());
  if (options.threads == 0) options.threads = std::max(2, processors);
  return options;
}

class BeastServer : public Server {
 public:
  BeastServer(const ServerOptions& options, Handler& handler)
      : shared_(std::make_shared<Shared>(options, handler)),
        acceptor_(asio::make_strand(shared_->io)),
        work_(asio::make_work_guard(shared_->io)) {}
  ~BeastServer() override { stop(); }

  Status listen();
  uint16_t port() const override { return port_; }
  const ServerStats& stats() const override { return shared_->stats; }
  void stop() override;

 private:
  asio::awaitable<void> accept();
  bool wait_for_connections(std::chrono::milliseconds at_most);

  const std::shared_ptr<Shared> shared_;
  tcp::acceptor acceptor_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
  uint16_t port_ = 0;
};

Status BeastServer::listen() {
  ErrorCode error;
  const ServerOptions& options = shared_->options;
  const auto address = asio::ip::make_address(options.host, error);
  if (error) return invalid("server host '" + options.host + "': expected an IPv4 or IPv6 address");
  const tcp::endpoint endpoint(address, options.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return unavailable("cannot listen on " + options.host + " port " + std::to_string(options.port) + ": " +
                       error.message());
  }
  port_ = acceptor_.local_endpoint().port();
  asio::co_spawn(acceptor_.get_executor(), accept(), asio::detached);
  for (int i = 0; i < options.threads; ++i)
    threads_.emplace_back([this] {
      run_in_short_slices();
      shared_->io.run();
    });
  return {};
}

// Says no to a connection beyond connections_max, without reading it.
asio::awaitable<void> turn_away(tcp::socket socket, size_t connections_max) {
  const Response response = problem(Problem{
      503, "too_many_connections", "connections_max = " + std::to_string(connections_max) + " are open"});
  std::string text = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n";
  text += "retry-after: 1\r\nconnection: close\r\ncontent-length: " + std::to_string(response.body.size());
  text += "\r\n\r\n" + response.body;
  co_await asio::async_write(socket, asio::buffer(text), kTuple);
  ErrorCode ignored;
  socket.shutdown(tcp::socket::shutdown_both, ignored);
}

asio::awaitable<void> BeastServer::accept() {
  while (!shared_->draining) {
    auto [error, socket] = co_await acceptor_.async_accept(asio::make_strand(shared_->io), kTuple);
    if (shared_->draining) co_return;
    if (error) {  // Out of file descriptors, most likely: let some be closed.
      asio::steady_timer pause(acceptor_.get_executor(), std::chrono::milliseconds(100));
      co_await pause.async_wait(kTuple);
      continue;
    }
    ServerStats& stats = shared_->stats;
    if (stats.connections >= shared_->options.connections_max) {
      ++stats.refused_connections;
      auto strand = socket.get_executor();
      asio::co_spawn(strand, turn_away(std::move(socket), shared_->options.connections_max), asio::detached);
      continue;
    }
    ++stats.accepted;
    ++stats.connections;
    http_internal::serve(shared_, std::move(socket));
  }
}

bool BeastServer::wait_for_connections(std::chrono::milliseconds at_most) {
  std::unique_lock lock(shared_->mutex);
  return shared_->changed.wait_for(lock, at_most, [this] { return shared_->open.empty(); });
}

void BeastServer::stop() {
  if (shared_->draining.exchange(true)) return;
  asio::post(acceptor_.get_executor(), [this] {
    ErrorCode ignored;
    acceptor_.close(ignored);
  });
  http_internal::drain(*shared_, false);
  if (!wait_for_connections(std::chrono::milliseconds(shared_->options.drain_ms_max))) {
    http_internal::drain(*shared_, true);
    shared_->workers.join();  // An answer that is being made is made.
    wait_for_connections(std::chrono::milliseconds(1000));
  }
  shared_->workers.join();
  work_.reset();
  shared_->io.stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Handler& handler) {
  TRY_STATUS(check(options));
  auto server = std::make_unique<BeastServer>(with_threads(options), handler);
  TRY_STATUS(server->listen());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace freshet
