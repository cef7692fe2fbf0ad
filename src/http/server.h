// An asynchronous HTTP/1.1 server (RFC 9112) that knows nothing of what it serves: a Handler does.
//
//   a few io threads       read requests, run quick handlers, write answers
//   a few worker threads   run handlers that wait (for fsync); their queue is bounded, beyond it: 503
//
// Keep-alive, and pipelining with answers in order (a connection has one request in hand at a time; the rest
// waits in its buffer or in the kernel). Chunked and fixed-length bodies, Expect: 100-continue. What a client
// can make the server hold is bounded: connections, header bytes, body bytes each and in all, time to send a
// header, a body, or to take an answer. A body that will be refused (wrong route, no key, too large) is
// refused from its header, unread. Malformed input is answered with a 4xx that names the limit or the fault,
// and the connection closed.
//
// Threads: start, stop and the destructor on the owner's thread; Handler methods on io and worker threads at
// once.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace freshet {

struct ServerOptions {
  std::string host = "127.0.0.1";  // An address, not a name.
  uint16_t port = 8080;            // 0: any free one; Server::port() says which.
  int threads = 0;                 // That read and answer; 0: one for each processor, two at least.
  int workers = 16;
  size_t worker_queue_max = 512;  // Requests that wait for a worker; the next is answered 503.
  size_t connections_max = 1024;  // The next is answered 503 and closed.
  size_t header_bytes_max = 16 << 10;
  size_t body_bytes_in_flight_max = 256 << 20;  // All bodies that are being read or handled; beyond it: 503.
  int idle_ms_max = 75'000;                     // Between requests.
  int header_ms_max = 10'000;                   // From a request's first byte to the end of its header.
  int body_ms_max = 60'000;                     // From there to the end of its body.
  int write_ms_max = 30'000;  // For the client to take an answer (of a stream: one message).
  int drain_ms_max = 10'000;  // stop() waits this long for requests in hand.
};

// What the handler wants done with a request whose header has arrived.
struct Plan {
  std::optional<Response> refuse;  // Set: this is the answer, and the body stays unread.
  size_t body_bytes_max = 0;
  bool waits = false;                // answer() may block: run it on a worker.
  int route = -1;                    // The handler's own; comes back in answer() and done().
  class Handler* handler = nullptr;  // Of a handler that hands on: to which.
};

// Where the time of one request went, in nanoseconds.
struct Timing {
  int64_t read_ns = 0;    // First byte of the header to last byte of the body.
  int64_t queue_ns = 0;   // Waiting for a worker.
  int64_t handle_ns = 0;  // answer()
  int64_t later_ns = 0;   // From there until the answer was known (Response::later).
  int64_t write_ns = 0;   // Until the kernel has taken the last byte.
};

class Handler {
 public:
  virtual ~Handler() = default;
  // `head` has everything but the body, and may be changed (params, caller). io thread: must not wait.
  virtual Plan plan(Request& head) = 0;
  // io thread, or a worker when the plan says `waits`.
  virtual Response answer(Request& request, const Plan& plan) = 0;
  // The answer is on its way, or the client is gone. `status` 0: it left before the answer was made.
  virtual void done(const Plan& plan, int status, size_t bytes_in, size_t bytes_out, const Timing& timing) {
    (void)plan, (void)status, (void)bytes_in, (void)bytes_out, (void)timing;
  }
};

struct ServerStats {  // Counts since start, but the first two, which are now.
  std::atomic<uint64_t> connections{0};
  std::atomic<uint64_t> body_bytes_in_flight{0};
  std::atomic<uint64_t> accepted{0};
  std::atomic<uint64_t> refused_connections{0};  // connections_max
  std::atomic<uint64_t> refused_overload{0};     // worker_queue_max, body_bytes_in_flight_max
  std::atomic<uint64_t> malformed{0};
  std::atomic<uint64_t> timeouts{0};  // In a header, a body or a write; an idle connection's end is none.
  std::atomic<uint64_t> workers_waiting{0};
};

class Server {
 public:
  // Listens and serves when this returns. kInvalid: host is no address. kUnavailable: the port is taken, ...
  // The handler must outlive the server.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler& handler);
  virtual ~Server() = default;  // stop()s.
  virtual uint16_t port() const = 0;
  // Accepts nothing more, closes idle connections, lets requests in hand finish (drain_ms_max), returns when
  // all threads have ended. Idempotent.
  virtual void stop() = 0;
  virtual const ServerStats& stats() const = 0;
};

// One client that listens to server-sent events (HTML Living Standard, section 9.2). The handler keeps a
// reference and pushes; the connection takes. A client that falls behind loses messages, never memory.
class PushStream {
 public:
  explicit PushStream(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Any thread. `event` and `data` become one message; false: closed, or too far behind (it is dropped).
  bool push(std::string_view event, std::string_view data);
  void close();  // The connection ends once what is queued has been sent.
  bool closed() const;

  // The connection's side. wake is called, outside the lock, whenever take() would give something.
  void listen(std::function<void()> wake);
  bool take(std::string& out);  // Everything queued; false: closed and nothing left.

 private:
  const size_t bytes_max_;
  mutable std::mutex mutex_;
  std::string queued_;
  bool closed_ = false;
  std::function<void()> wake_;
};

}  // namespace freshet
