// What the server and its connections share. Asio and Beast stay behind this header: server.cc and
// connection.cc are the only two files that compile them.
#pragma once

#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>

#include "http/server.h"

namespace freshet::http_internal {

class Connection;

struct Shared {
  Shared(const ServerOptions& o, Handler& h)
      : options(o), handler(h), io(o.threads), workers(static_cast<size_t>(o.workers)) {}

  const ServerOptions options;
  Handler& handler;
  ServerStats stats;
  std::atomic<bool> draining{false};
  boost::asio::io_context io;
  boost::asio::thread_pool workers;

  std::mutex mutex;                 // Guards `open`.
  std::condition_variable changed;  // A connection has ended.
  std::list<std::weak_ptr<Connection>> open;
};

// Takes a connected socket and serves it until either side ends it. The socket's executor is its strand.
void serve(const std::shared_ptr<Shared>& shared, boost::asio::ip::tcp::socket socket);
// Any thread: every connection that is between requests closes, and every stream ends; with `now`, all close.
void drain(Shared& shared, bool now);

}  // namespace freshet::http_internal
