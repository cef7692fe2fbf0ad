#include "http/client.h"

#include <array>
#include <cstdlib>

#include <boost/json.hpp>
#include <curl/curl.h>

namespace freshet {

namespace {

namespace json = boost::json;

constexpr size_t kAnswerBytesMax = 64 << 20;

// http(s)://host[:port], without what may follow it.
Result<std::string> checked_url(std::string_view url) {
  const auto wrong = [&] {
    return invalid("\"" + std::string(url) + "\": expected a URL as http://127.0.0.1:8080");
  };
  if (!url.starts_with("http://") && !url.starts_with("https://")) return wrong();
  while (url.ends_with('/')) url.remove_suffix(1);
  std::string out(url);
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), curl_url_cleanup);
  CHECK(parts);
  if (curl_url_set(parts.get(), CURLUPART_URL, out.c_str(), 0) != CURLUE_OK) return wrong();
  // The program adds paths of its own to it.
  if (out.find_first_of("/?#@", out.find("//") + 2) != std::string::npos) return wrong();
  return out;
}

// The "message" of an error body, or the body itself.
std::string what_it_said(const std::string& body) {
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  if (error || !value.is_object()) return body.substr(0, 300);
  const json::object* problem = &value.as_object();  // The message stands in it, or in its "error".
  if (const auto* inner = problem->if_contains("error"); inner != nullptr && inner->is_object())
    problem = &inner->as_object();
  const auto* message = problem->if_contains("message");
  return message != nullptr && message->is_string() ? std::string(message->as_string()) : body.substr(0, 300);
}

const char* environment(const char* name) {
  return std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here writes to the environment
}

// One easy handle of libcurl, which keeps its connection, and opens it once more when the server has closed
// it meanwhile.
class CurlClient : public Client {
 public:
  explicit CurlClient(ClientOptions options)
      : options_(std::move(options)),
        handle_(curl_easy_init(), curl_easy_cleanup),
        headers_(nullptr, curl_slist_free_all) {
    CHECK(handle_);
    add_header("content-type: application/json");
    add_header("expect:");  // A body is sent at once.
    if (!options_.key.empty()) add_header("x-api-key: " + options_.key);
    for (const auto& [name, value] : options_.headers) add_header(name + ": " + value);
    set(CURLOPT_HTTPHEADER, headers_.get());
    set(CURLOPT_USERAGENT, "freshet");
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    set(CURLOPT_PROXY, "");
    set(CURLOPT_PATH_AS_IS, 1L);  // An item may be called "..".
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout_ms_max));
    set(CURLOPT_ERRORBUFFER, said_.data());
    set(CURLOPT_WRITEFUNCTION, &CurlClient::take);
    set(CURLOPT_WRITEDATA, this);
    // Certificates that the system trusts, made for this host; TLS 1.2 and later.
    set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
    if (const char* file = environment("SSL_CERT_FILE"); file != nullptr) set(CURLOPT_CAINFO, file);
    if (const char* folder = environment("SSL_CERT_DIR"); folder != nullptr) set(CURLOPT_CAPATH, folder);
  }

  Result<std::string> request(std::string_view method, std::string_view path,
                              std::string_view body) override {
    set(CURLOPT_URL, (options_.url + std::string(path)).c_str());
    const bool sends = !body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
    set(CURLOPT_HTTPGET, 1L);  // Forgets the body of the request before.
    if (sends) {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
      set(CURLOPT_POSTFIELDS, body.empty() ? "" : body.data());
    }
    set(CURLOPT_CUSTOMREQUEST, std::string(method).c_str());
    answer_.clear();
    said_[0] = '\0';
    if (const CURLcode code = curl_easy_perform(handle_.get()); code != CURLE_OK)
      return unavailable(options_.url + ": " + what_went_wrong(code) + "; is the server running there?");
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 == 2) return std::move(answer_);
    std::string what = std::string(method) + " " + options_.url + std::string(path) + " was answered " +
                       std::to_string(status) + ": " + what_it_said(answer_);
    return status >= 500 || status == 429 ? unavailable(std::move(what)) : invalid(std::move(what));
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    CHECK(curl_easy_setopt(handle_.get(), option, value) == CURLE_OK);
  }

  void add_header(const std::string& line) {
    curl_slist* more = curl_slist_append(headers_.get(), line.c_str());
    CHECK(more != nullptr);
    static_cast<void>(headers_.release());  // The first one, which the longer list begins with.
    headers_.reset(more);
  }

  static size_t take(const char* bytes, size_t, size_t n, void* client) {
    std::string& answer = static_cast<CurlClient*>(client)->answer_;
    if (answer.size() + n > kAnswerBytesMax) return 0;  // Ends it.
    answer.append(bytes, n);
    return n;
  }

  std::string what_went_wrong(CURLcode code) const {
    if (code == CURLE_WRITE_ERROR)
      return "an answer of more than " + std::to_string(kAnswerBytesMax) + " bytes";
    return said_[0] != '\0' ? std::string(said_.data()) : curl_easy_strerror(code);
  }

  const ClientOptions options_;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_;
  std::string answer_;
  std::array<char, CURL_ERROR_SIZE> said_{};
};

Result<json::object> parse_object(const std::string& body) {
  boost::system::error_code error;
  json::value value = json::parse(body, error);
  if (error || !value.is_object())
    return invalid("the server's answer is no JSON object: " + body.substr(0, 200));
  return std::move(value.as_object());
}

uint64_t number_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains({name.data(), name.size()});
  boost::system::error_code error;
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
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) return unavailable(std::string("libcurl: ") + curl_easy_strerror(started));
  ClientOptions asked = options;
  TRY(asked.url, checked_url(options.url));
  // It stands in a line of the request, and what follows a line break would be another line.
  if (options.key.find_first_of("\r\n") != std::string::npos)
    return invalid("the API key has a line break; expected it without");
  std::unique_ptr<Client> client = std::make_unique<CurlClient>(std::move(asked));
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
