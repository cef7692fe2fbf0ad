// One connection: a coroutine that reads a request, has it handled, writes the answer, and begins again.
#include "http/internal/connection.h"

#include <array>
#include <ctime>
#include <exception>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include "env/clock.h"

namespace freshet::http_internal {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using ErrorCode = boost::system::error_code;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr size_t kReadBytes = 16 << 10;
constexpr size_t kLingerBytesMax = 64 << 20;  // Of a body nobody reads, so that the client sees the answer.
constexpr milliseconds kLingerMax{2000};
constexpr milliseconds kHeartbeat{10'000};  // Of a silent event stream.

int64_t ns_since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
}

Method method_of(bhttp::verb verb) {
  switch (verb) {
    case bhttp::verb::get:
      return Method::kGet;
    case bhttp::verb::head:
      return Method::kHead;
    case bhttp::verb::post:
      return Method::kPost;
    case bhttp::verb::put:
      return Method::kPut;
    case bhttp::verb::patch:
      return Method::kPatch;
    case bhttp::verb::delete_:
      return Method::kDelete;
    case bhttp::verb::options:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

// The Date header, made once a second and thread.
std::string_view date_now() {
  thread_local std::time_t made = 0;
  thread_local char text[40];
  thread_local size_t size = 0;
  const std::time_t now = now_ms() / kSecondMs;
  if (now != made) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    made = now;
  }
  return {text, size};
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// What a parse error is answered with; nullopt: the client is gone, there is nobody to answer.
std::optional<Problem> problem_of(const ErrorCode& error, const ServerOptions& options) {
  if (error == bhttp::error::end_of_stream) return std::nullopt;
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow)
    return Problem{431, "header_too_large",
                   "the request line and header are larger than header_bytes_max = " +
                       std::to_string(options.header_bytes_max) + " bytes"};
  if (error == bhttp::error::partial_message)
    return Problem{400, "truncated", "the connection was closed before the request was complete"};
  if (error == bhttp::error::bad_version)
    return Problem{505, "http_version", "expected HTTP/1.1 or HTTP/1.0"};
  if (error.category() == bhttp::make_error_code(bhttp::error::bad_method).category())
    return Problem{400, "malformed", "malformed HTTP request: " + error.message()};
  return std::nullopt;
}

Problem body_too_large(size_t bytes_max) {
  return {413, "body_too_large",
          "the body is larger than the " + std::to_string(bytes_max) + " bytes that this path takes"};
}

Response overloaded(std::string message) {
  Response response = problem(Problem{503, "overloaded", std::move(message)});
  response.headers.emplace_back("retry-after", "1");
  return response;
}

// The share of body_bytes_in_flight_max that one request holds.
class Lease {
 public:
  explicit Lease(Shared& shared) : shared_(shared) {}
  ~Lease() { shared_.stats.body_bytes_in_flight -= held_; }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  bool grow_to(size_t bytes) {
    if (bytes <= held_) return true;
    const size_t more = bytes - held_;
    held_ = bytes;
    const uint64_t before = shared_.stats.body_bytes_in_flight.fetch_add(more);
    return before + more <= shared_.options.body_bytes_in_flight_max;
  }

 private:
  Shared& shared_;
  size_t held_ = 0;
};

}  // namespace

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Shared> shared, asio::ip::tcp::socket socket)
      : shared_(std::move(shared)),
        stream_(std::move(socket)),
        buffer_(shared_->options.header_bytes_max + (64 << 10)),
        wake_(stream_.get_executor()) {}

  static asio::awaitable<void> run(std::shared_ptr<Connection> self);
  asio::any_io_executor executor() { return stream_.get_executor(); }
  void drain(bool now);  // On the strand.

  std::list<std::weak_ptr<Connection>>::iterator place;  // In Shared::open, under its mutex.

 private:
  using Parser = bhttp::request_parser<bhttp::string_body>;

  asio::awaitable<bool> one_request();  // False: the connection is over.
  asio::awaitable<bool> read_head();
  asio::awaitable<std::optional<Response>> read_body(Lease& lease);
  asio::awaitable<bool> respond(Response response, bool keep_alive);
  asio::awaitable<bool> stream_events(Response response);
  asio::awaitable<void> linger();
  asio::awaitable<Response> handle();
  asio::awaitable<Response> wait_for(Response response);
  std::optional<Response> check_head();
  std::string head_text(const Response& response, bool keep_alive) const;
  bool failed(const ErrorCode& error);  // Counts it.

  const std::shared_ptr<Shared> shared_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  asio::steady_timer wake_;  // Cancelled when an event stream has something to send.
  std::optional<Parser> parser_;
  std::shared_ptr<PushStream> events_;
  bool idle_ = false;
  bool unread_body_ = false;  // What follows in the connection is not a request: close it.
  size_t body_bytes_ = 0;

  // The request in hand.
  Request request_;
  Plan plan_;
  Timing timing_;
};

asio::awaitable<void> Connection::run(std::shared_ptr<Connection> self) {
  ErrorCode ignored;
  self->stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  bool more = true;
  while (more) more = co_await self->one_request();
  if (self->unread_body_) co_await self->linger();
  self->stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  self->stream_.socket().close(ignored);
}

void Connection::drain(bool now) {
  if (events_) events_->close();
  ErrorCode ignored;
  if (now || idle_) stream_.socket().close(ignored);
}

bool Connection::failed(const ErrorCode& error) {
  if (error == beast::error::timeout) ++shared_->stats.timeouts;
  return static_cast<bool>(error);
}

asio::awaitable<bool> Connection::one_request() {
  const bool have_head = co_await read_head();
  if (!have_head) co_return false;
  const auto began = Clock::now();
  const bool body_expected = !parser_->is_done();
  bool keep_alive = parser_->keep_alive();

  timing_ = {};
  body_bytes_ = 0;
  Lease lease(*shared_);
  std::optional<Response> answer = check_head();
  if (!answer) {
    plan_ = shared_->handler.plan(request_);
    answer = std::move(plan_.refuse);
  } else {
    plan_ = {};
    unread_body_ = true;  // Where such a request ends cannot be trusted.
  }
  if (answer) {
    unread_body_ = unread_body_ || body_expected;
  } else if (body_expected) {
    answer = co_await read_body(lease);
    if (!answer && unread_body_) co_return false;  // The client is gone or too slow.
  }
  body_bytes_ = request_.body.size();
  timing_.read_ns = ns_since(began);
  if (!answer) answer = co_await handle();
  if (answer->later) answer = co_await wait_for(std::move(*answer));

  keep_alive = keep_alive && !unread_body_ && !shared_->draining;
  const int status = answer->status;
  const size_t bytes_out = answer->body.size();
  const auto writing = Clock::now();
  bool sent = false;
  if (answer->stream) {
    sent = co_await stream_events(std::move(*answer));
    keep_alive = false;
  } else {
    sent = co_await respond(std::move(*answer), keep_alive);
  }
  timing_.write_ns = ns_since(writing);
  shared_->handler.done(plan_, sent ? status : 0, body_bytes_, bytes_out, timing_);
  co_return sent&& keep_alive;
}

asio::awaitable<bool> Connection::read_head() {
  if (buffer_.size() == 0) {
    if (shared_->draining) co_return false;
    if (buffer_.capacity() > kReadBytes) buffer_.shrink_to_fit();
    request_ = {};
    idle_ = true;
    stream_.expires_after(milliseconds(shared_->options.idle_ms_max));
    auto [error, size] = co_await stream_.async_read_some(buffer_.prepare(kReadBytes), kTuple);
    idle_ = false;
    if (error) co_return false;
    buffer_.commit(size);
  }
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(shared_->options.header_bytes_max));
  parser_->body_limit(boost::none);  // Known once the header is.
  stream_.expires_after(milliseconds(shared_->options.header_ms_max));
  auto [error, size] = co_await bhttp::async_read_header(stream_, buffer_, *parser_, kTuple);
  (void)size;
  if (!failed(error)) co_return true;
  const std::optional<Problem> what = problem_of(error, shared_->options);
  if (what) {
    ++shared_->stats.malformed;
    unread_body_ = true;
    request_ = {};
    co_await respond(problem(*what), false);
  }
  co_return false;
}

// Turns the parsed header into request_, or says what is wrong with it.
std::optional<Response> Connection::check_head() {
  const auto& head = parser_->get();
  request_ = {};
  request_.method = method_of(head.method());
  int hosts = 0;
  for (const auto& field : head) {
    request_.headers.emplace_back(lower(field.name_string()), field.value());
    if (field.name() == bhttp::field::host) ++hosts;
  }
  ErrorCode ignored;
  request_.remote = stream_.socket().remote_endpoint(ignored).address().to_string(ignored);

  Problem what;
  if (const Status parsed = parse_target(head.target(), request_); !parsed.ok()) {
    what = {400, "bad_url", parsed.error().what};
  } else if (head.version() == 11 && hosts != 1) {
    what = {400, "malformed", "an HTTP/1.1 request has exactly one Host header"};
  } else if (const auto coding = request_.header("transfer-encoding");
             !coding.empty() && lower(coding) != "chunked") {
    what = {501, "transfer_encoding", "the only transfer-encoding understood is chunked"};
  } else if (const auto expect = request_.header("expect");
             !expect.empty() && lower(expect) != "100-continue") {
    what = {417, "expectation", "the only expectation understood is 100-continue"};
  } else {
    return std::nullopt;
  }
  ++shared_->stats.malformed;
  return problem(what);
}

// nullopt and !unread_body_: the body is in request_.
asio::awaitable<std::optional<Response>> Connection::read_body(Lease& lease) {
  unread_body_ = true;  // Until it has been read.
  const size_t bytes_max = plan_.body_bytes_max;
  if (parser_->content_length().value_or(0) > bytes_max) co_return problem(body_too_large(bytes_max));
  parser_->body_limit(bytes_max);
  parser_->eager(true);
  stream_.expires_after(milliseconds(shared_->options.body_ms_max));
  if (!request_.header("expect").empty()) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    auto [error, size] = co_await asio::async_write(stream_, asio::buffer(kContinue), kTuple);
    (void)size;
    if (failed(error)) co_return std::nullopt;
  }
  while (!parser_->is_done()) {
    auto [error, size] = co_await bhttp::async_read_some(stream_, buffer_, *parser_, kTuple);
    (void)size;
    if (error == bhttp::error::body_limit) co_return problem(body_too_large(bytes_max));
    if (failed(error)) {
      const std::optional<Problem> what = problem_of(error, shared_->options);
      if (!what) co_return std::nullopt;
      ++shared_->stats.malformed;
      co_return problem(*what);
    }
    if (!lease.grow_to(parser_->get().body().size())) {
      ++shared_->stats.refused_overload;
      co_return overloaded(
          "body_bytes_in_flight_max = " + std::to_string(shared_->options.body_bytes_in_flight_max) +
          " bytes of request bodies are in hand; try again");
    }
  }
  unread_body_ = false;
  request_.body = std::move(parser_->get().body());
  co_return std::nullopt;
}

Response guarded_answer(Handler& handler, Request& request, const Plan& plan) {
  try {
    return handler.answer(request, plan);
  } catch (const std::exception& thrown) {  // A library's: out of memory, most likely.
    return problem(Problem{500, "internal", std::string("internal error: ") + thrown.what()});
  }
}

asio::awaitable<Response> Connection::handle() {
  auto began = Clock::now();
  if (!plan_.waits) {
    Response response = guarded_answer(shared_->handler, request_, plan_);
    timing_.handle_ns = ns_since(began);
    co_return response;
  }
  if (shared_->stats.workers_waiting.fetch_add(1) >= shared_->options.worker_queue_max) {
    --shared_->stats.workers_waiting;
    ++shared_->stats.refused_overload;
    co_return overloaded("worker_queue_max = " + std::to_string(shared_->options.worker_queue_max) +
                         " requests are waiting; try again");
  }
  // Hops to a worker and back to the strand; this frame, and what it refers to, stays alive meanwhile.
  stream_.expires_never();
  Response response;
  auto work = [this, &response, began](auto resume) {
    asio::post(shared_->workers, [this, &response, began, resume = std::move(resume)]() mutable {
      --shared_->stats.workers_waiting;
      timing_.queue_ns = ns_since(began);
      response = guarded_answer(shared_->handler, request_, plan_);
      timing_.handle_ns = ns_since(began) - timing_.queue_ns;
      auto strand = asio::get_associated_executor(resume);
      asio::post(strand, std::move(resume));
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(work), asio::use_awaitable);
  co_return response;
}

asio::awaitable<Response> Connection::wait_for(Response response) {
  const auto began = Clock::now();
  stream_.expires_never();
  const auto later = std::move(response.later);
  Response known;
  auto wait = [&later, &known](auto resume) {
    auto strand = asio::get_associated_executor(resume);
    auto shared_resume = std::make_shared<decltype(resume)>(std::move(resume));
    later([&known, strand, shared_resume](Response given) {
      known = std::move(given);
      asio::post(strand, std::move(*shared_resume));
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(wait), asio::use_awaitable);
  timing_.later_ns = ns_since(began);
  co_return known;
}

std::string Connection::head_text(const Response& response, bool keep_alive) const {
  std::string text;
  text.reserve(256);
  text.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  text.append(reason_phrase(response.status)).append("\r\ndate: ").append(date_now()).append("\r\n");
  const bool no_content = response.status == 204 || response.status == 304;
  if (!response.content_type.empty() && !no_content)
    text.append("content-type: ").append(response.content_type).append("\r\n");
  if (!response.stream && !no_content)
    text.append("content-length: ").append(std::to_string(response.body.size())).append("\r\n");
  for (const Header& header : response.headers)
    text.append(header.first).append(": ").append(header.second).append("\r\n");
  text.append(keep_alive ? "connection: keep-alive\r\n\r\n" : "connection: close\r\n\r\n");
  return text;
}

asio::awaitable<bool> Connection::respond(Response response, bool keep_alive) {
  const std::string head = head_text(response, keep_alive);
  const bool no_body = request_.method == Method::kHead || response.status == 204 || response.status == 304;
  const std::array<asio::const_buffer, 2> parts = {
      asio::buffer(head), no_body ? asio::const_buffer() : asio::buffer(response.body)};
  stream_.expires_after(milliseconds(shared_->options.write_ms_max));
  auto [error, size] = co_await asio::async_write(stream_, parts, kTuple);
  (void)size;
  co_return !failed(error);
}

// Sends what is pushed until either side closes; the end of the connection is the end of the answer.
asio::awaitable<bool> Connection::stream_events(Response response) {
  events_ = response.stream;
  const std::string head = head_text(response, false);
  stream_.expires_after(milliseconds(shared_->options.write_ms_max));
  auto [error, size] = co_await asio::async_write(stream_, asio::buffer(head), kTuple);
  std::weak_ptr<Connection> weak = weak_from_this();
  events_->listen([weak, alive = std::weak_ptr<Shared>(shared_)] {
    const auto shared = alive.lock();  // The stream may outlive the server.
    const auto self = weak.lock();
    if (shared && self) asio::post(self->executor(), [self] { self->wake_.cancel(); });
  });
  // A client of a stream has nothing more to say: what becomes readable is its end.
  stream_.socket().async_wait(asio::ip::tcp::socket::wait_read, [weak](ErrorCode) {
    if (auto self = weak.lock(); self && self->events_) self->events_->close();
  });
  std::string batch;
  while (!error && events_->take(batch)) {
    if (shared_->draining) events_->close();
    if (batch.empty()) {
      stream_.expires_never();
      wake_.expires_after(kHeartbeat);
      auto [cancelled] = co_await wake_.async_wait(kTuple);
      if (cancelled) continue;
      batch = ": still here\n\n";
    }
    stream_.expires_after(milliseconds(shared_->options.write_ms_max));
    auto [failure, written] = co_await asio::async_write(stream_, asio::buffer(batch), kTuple);
    (void)written;
    error = failure;
  }
  failed(error);
  events_->listen(nullptr);
  events_->close();
  events_.reset();
  (void)size;
  co_return true;
}

// Takes what the client is still sending, within bounds: closing with unread bytes would reset the connection
// and could destroy the answer before the client has read it.
asio::awaitable<void> Connection::linger() {
  ErrorCode ignored;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  stream_.expires_after(kLingerMax);
  std::array<char, 16384> sink;
  for (size_t taken = 0; taken < kLingerBytesMax;) {
    auto [error, size] = co_await stream_.async_read_some(asio::buffer(sink), kTuple);
    if (error) co_return;
    taken += size;
  }
}

void serve(const std::shared_ptr<Shared>& shared, asio::ip::tcp::socket socket) {
  auto connection = std::make_shared<Connection>(shared, std::move(socket));
  {
    std::lock_guard lock(shared->mutex);
    connection->place = shared->open.insert(shared->open.end(), connection);
  }
  auto strand = connection->executor();
  auto ended = [shared, connection](const std::exception_ptr&) {
    std::lock_guard lock(shared->mutex);
    shared->open.erase(connection->place);
    --shared->stats.connections;
    shared->changed.notify_all();
  };
  asio::co_spawn(strand, Connection::run(connection), ended);
}

void drain(Shared& shared, bool now) {
  std::lock_guard lock(shared.mutex);
  for (const auto& weak : shared.open) {
    if (auto connection = weak.lock())
      asio::post(connection->executor(), [connection, now] { connection->drain(now); });
  }
}

}  // namespace freshet::http_internal
