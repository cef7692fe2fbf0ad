#include "http/client.h"

#include <charconv>
#include <chrono>
#include <optional>
#include <type_traits>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/json.hpp>

namespace freshet {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace json = boost::json;
namespace ssl = boost::asio::ssl;

constexpr size_t kAnswerBytesMax = 64 << 20;

struct Address {
  std::string host, port;
  bool tls = false;
};

Result<Address> parse_url(const std::string& url) {
  const auto wrong = [&] { return invalid("\"" + url + "\": expected a URL as http://127.0.0.1:8080"); };
  std::string_view rest(url);
  const bool tls = rest.starts_with("https://");
  if (!tls && !rest.starts_with("http://")) return wrong();
  rest.remove_prefix(tls ? 8 : 7);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  Address address{std::string(rest), tls ? "443" : "80", tls};
  if (const size_t colon = rest.rfind(':'); colon != std::string_view::npos && !rest.ends_with(']')) {
    address.host = rest.substr(0, colon);
    address.port = rest.substr(colon + 1);
    uint16_t port = 0;
    const char* end = address.port.data() + address.port.size();
    const auto [at, error] = std::from_chars(address.port.data(), end, port);
    if (error != std::errc() || at != end) return wrong();
  }
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  if (address.host.empty() || address.host.find('/') != std::string::npos) return wrong();
  return address;
}

// The "message" of an error body, or the body itself.
std::string what_it_said(const std::string& body) {
  beast::error_code error;
  const json::value value = json::parse(body, error);
  if (error || !value.is_object()) return body.substr(0, 300);
  const json::object* problem = &value.as_object();  // The message stands in it, or in its "error".
  if (const auto* inner = problem->if_contains("error"); inner != nullptr && inner->is_object())
    problem = &inner->as_object();
  const auto* message = problem->if_contains("message");
  return message != nullptr && message->is_string() ? std::string(message->as_string()) : body.substr(0, 300);
}

using Plain = beast::tcp_stream;
using Tls = beast::ssl_stream<beast::tcp_stream>;

template <class Stream>
class StreamClient : public Client {
 public:
  StreamClient(ClientOptions options, Address address)
      : options_(std::move(options)), address_(std::move(address)), tls_(ssl::context::tls_client) {}

  // Certificates that the system trusts (SSL_CERT_FILE and SSL_CERT_DIR may say which), TLS 1.2 and later.
  Status trust() {
    beast::error_code error;
    tls_.set_default_verify_paths(error);
    if (!error) tls_.set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1, error);
    return error ? unavailable("TLS: " + error.message()) : Status();
  }

  Result<std::string> request(std::string_view method, std::string_view path,
                              std::string_view body) override {
    http::request<http::string_body> request;
    request.method_string({method.data(), method.size()});
    request.target({path.data(), path.size()});
    request.version(11);
    request.set(http::field::host, address_.host + ":" + address_.port);
    request.set(http::field::user_agent, "freshet");
    request.set(http::field::content_type, "application/json");
    if (!options_.key.empty()) request.set("x-api-key", options_.key);
    for (const auto& [name, value] : options_.headers) request.set(name, value);
    request.body().assign(body);
    request.prepare_payload();
    // A connection that was idle may have been closed by the server: then once more on a new one.
    for (const bool again : {true, false}) {
      const bool fresh = !open_;
      beast::error_code error = fresh ? open() : beast::error_code();
      http::response_parser<http::string_body> answer;
      answer.body_limit(kAnswerBytesMax);
      if (!error) error = exchange(request, answer);
      if (error) {
        close();
        if (again && !fresh && error != beast::error::timeout) continue;
        return unavailable(options_.url + ": " + error.message() + "; is the server running there?");
      }
      if (!answer.get().keep_alive()) close();
      const unsigned status = answer.get().result_int();
      if (status / 100 == 2) return std::move(answer.get().body());
      std::string what = std::string(method) + " " + options_.url + std::string(path) + " was answered " +
                         std::to_string(status) + ": " + what_it_said(answer.get().body());
      return status >= 500 || status == 429 ? unavailable(std::move(what)) : invalid(std::move(what));
    }
    return unavailable(options_.url + ": closed the connection twice");
  }

 private:
  void run() {
    context_.restart();
    context_.run();
  }

  beast::tcp_stream& socket() { return beast::get_lowest_layer(*stream_); }

  void close() {
    open_ = false;
    if (stream_) socket().close();
  }

  beast::error_code open() {
    beast::error_code result;
    asio::ip::tcp::resolver resolver(context_);
    const auto found = resolver.resolve(address_.host, address_.port, result);
    if (result) return result;
    if constexpr (std::is_same_v<Stream, Tls>) {
      stream_.emplace(context_, tls_);
    } else {
      stream_.emplace(context_);
    }
    socket().expires_after(std::chrono::milliseconds(options_.timeout_ms_max));
    socket().async_connect(found, [&](beast::error_code error, const auto&) { result = error; });
    run();
    if (!result) socket().socket().set_option(asio::ip::tcp::no_delay(true), result);
    if constexpr (std::is_same_v<Stream, Tls>) {
      if (!result) result = shake_hands();
    }
    if (result) return result;
    buffer_.clear();
    open_ = true;
    return {};
  }

  // The certificate must be one the system trusts, and made for this host.
  beast::error_code shake_hands() {
    beast::error_code result;
    if (SSL_set_tlsext_host_name(stream_->native_handle(), address_.host.c_str()) != 1)
      return asio::error::invalid_argument;
    stream_->set_verify_mode(ssl::verify_peer, result);
    if (!result) stream_->set_verify_callback(ssl::host_name_verification(address_.host), result);
    if (result) return result;
    stream_->async_handshake(ssl::stream_base::client, [&](beast::error_code error) { result = error; });
    run();
    return result;
  }

  template <class Request, class Answer>
  beast::error_code exchange(Request& request, Answer& answer) {
    beast::error_code result;
    socket().expires_after(std::chrono::milliseconds(options_.timeout_ms_max));
    http::async_write(*stream_, request, [&](beast::error_code error, size_t) {
      result = error;
      if (error) return;
      http::async_read(*stream_, buffer_, answer,
                       [&](beast::error_code read_error, size_t) { result = read_error; });
    });
    run();
    return result;
  }

  const ClientOptions options_;
  const Address address_;
  asio::io_context context_;
  ssl::context tls_;
  std::optional<Stream> stream_;  // Made anew for each connection.
  beast::flat_buffer buffer_;
  bool open_ = false;
};

Result<json::object> parse_object(const std::string& body) {
  beast::error_code error;
  json::value value = json::parse(body, error);
  if (error || !value.is_object())
    return invalid("the server's answer is no JSON object: " + body.substr(0, 200));
  return std::move(value.as_object());
}

uint64_t number_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains({name.data(), name.size()});
  beast::error_code error;
  const auto number = value == nullptr ? 0 : value->to_number<uint64_t>(error);
  return error ? 0 : number;
}

Result<uint64_t> offset_of(const Result<std::string>& body) {
  if (!body.ok()) return body.error();
  TRY(const json::object answer, parse_object(*body));
  if (const uint64_t rejected = number_of(answer, "rejected"); rejected > 0)
    return invalid("the server refused " + std::to_string(rejected) +
                   " of what was sent: " + body->substr(0, 400));
  return number_of(answer, "offset");
}

}  // namespace

Result<std::unique_ptr<Client>> Client::connect(const ClientOptions& options) {
  TRY(Address address, parse_url(options.url));
  std::unique_ptr<Client> client;
  if (address.tls) {
    auto secure = std::make_unique<StreamClient<Tls>>(options, std::move(address));
    TRY_STATUS(secure->trust());
    client = std::move(secure);
  } else {
    client = std::make_unique<StreamClient<Plain>>(options, std::move(address));
  }
  if (!options.probe) return client;
  if (const auto alive = client->request("GET", "/healthz", ""); !alive.ok()) return alive.error();
  return client;
}

Result<uint64_t> Client::post_events(std::string_view lines) {
  return offset_of(request("POST", "/api/v1/events", lines));
}

Result<uint64_t> Client::post_items(std::string_view lines) {
  return offset_of(request("POST", "/api/v1/items", lines));
}

Result<ClientPage> Client::recommend(std::string_view ask) {
  TRY(const std::string body, request("POST", "/api/v1/recommend", ask));
  TRY(const json::object answer, parse_object(body));
  ClientPage page;
  if (const auto* id = answer.if_contains("query_id"); id != nullptr && id->is_string())
    page.query_id = std::string(id->as_string());
  page.state_offset = number_of(answer, "state_offset");
  const auto* items = answer.if_contains("items");
  if (items == nullptr || !items->is_array()) return invalid("the server's answer has no list of items");
  for (const json::value& item : items->as_array()) {
    const auto* id = item.is_object() ? item.as_object().if_contains("item") : nullptr;
    if (id == nullptr || !id->is_string()) return invalid("an item of the server's answer has no id");
    page.items.emplace_back(id->as_string());
  }
  return page;
}

}  // namespace freshet
