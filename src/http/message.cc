#include "http/message.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace freshet {
namespace {

constexpr size_t kSegmentsMax = 64;
constexpr size_t kArgumentsMax = 256;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Length of the valid UTF-8 sequence at `at`, 0 when there is none (RFC 3629: no overlong forms, no
// surrogates).
size_t utf8_length(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = byte(at + 1);
  if (first == 0xe0 && second < 0xa0) return 0;
  if (first == 0xed && second > 0x9f) return 0;
  if (first == 0xf0 && second < 0x90) return 0;
  if (first == 0xf4 && second > 0x8f) return 0;
  return length;
}

Status parse_query(std::string_view text, std::vector<Header>& out) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    if (out.size() == kArgumentsMax)
      return invalid("more than " + std::to_string(kArgumentsMax) + " arguments in the query string");
    const size_t equals = std::min(pair.find('='), pair.size());
    TRY(std::string name, percent_decode(pair.substr(0, equals), true));
    TRY(std::string value, percent_decode(pair.substr(std::min(equals + 1, pair.size())), true));
    out.emplace_back(std::move(name), std::move(value));
  }
  return {};
}

}  // namespace

std::string_view method_name(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kPatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
    case Method::kOptions:
      return "OPTIONS";
    case Method::kOther:
      break;
  }
  return "OTHER";
}

std::string_view Request::header(std::string_view name) const {
  for (const Header& header : headers) {
    if (header.first == name) return header.second;
  }
  return {};
}

std::optional<std::string_view> Request::argument(std::string_view name) const {
  for (const Header& pair : query) {
    if (pair.first == name) return pair.second;
  }
  return std::nullopt;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text, i);
    out += length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(i, length);
    i += std::max<size_t>(length, 1);
  }
  return out;
}

std::string json_quote(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text, i);
    const char c = text[i];
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += text.substr(i, length);
    }
    i += std::max<size_t>(length, 1);
  }
  out += '"';
  return out;
}

Response problem(const Problem& what) {
  Response response;
  response.status = what.status;
  response.body =
      R"({"error":{"code":)" + json_quote(what.code) + R"(,"message":)" + json_quote(what.message);
  if (!what.field.empty()) response.body += R"(,"field":)" + json_quote(what.field);
  if (what.position >= 0) response.body += R"(,"position":)" + std::to_string(what.position);
  response.body += "}}\n";
  return response;
}

Response not_ready(const std::string& why) {
  Response response = problem(Problem{503, "not_ready", "the server is starting: " + why});
  response.headers.emplace_back("retry-after", "1");
  return response;
}

namespace {

// By custom an error of a request begins with the field it is about, "filter: at byte 12: expected ...": take
// the field and the position out of the text, for programs.
void locate(Problem& what) {
  const std::string_view text = what.message;
  const size_t colon = std::min(text.find(": "), text.size());
  const std::string_view field = text.substr(0, colon);
  const bool named =
      colon < text.size() && !field.empty() &&
      field.find_first_not_of("abcdefghijklmnopqrstuvwxyz_.[]0123456789") == std::string_view::npos;
  if (named) what.field = field;
  static constexpr std::string_view kAtByte = "at byte ";
  const size_t at = text.find(kAtByte);
  if (at == std::string_view::npos) return;
  int64_t position = -1;
  std::from_chars(text.data() + at + kAtByte.size(), text.data() + text.size(), position);
  what.position = position;
}

}  // namespace

Response problem(const Error& error) {
  Problem what;
  what.code = code_name(error.code);
  what.message = error.what;
  switch (error.code) {
    case Code::kInvalid:
      what.status = 400;
      locate(what);
      break;
    case Code::kNotFound:
      what.status = 404;
      break;
    case Code::kCorrupt:
      what.status = 500;
      break;
    case Code::kUnavailable:
      what.status = 503;
      break;
    case Code::kExhausted:
      what.status = 429;
      break;
  }
  return problem(what);
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) c = ' ';
    if (c == '%') {
      const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return invalid("the URL has a '%' that two hex digits do not follow");
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return invalid("the URL contains a NUL byte");
    out.push_back(c);
  }
  for (size_t i = 0; i < out.size();) {
    const size_t length = utf8_length(out, i);
    if (length == 0) return invalid("the URL, percent-decoded, is not valid UTF-8");
    i += length;
  }
  return out;
}

Status parse_target(std::string_view target, Request& out) {
  if (target.empty() || target[0] != '/') return invalid("the request target must begin with '/'");
  const size_t question = std::min(target.find('?'), target.size());
  out.path = target.substr(0, question);
  out.segments.clear();
  out.query.clear();
  std::string_view rest = std::string_view(out.path).substr(1);
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('/'), rest.size());
    TRY(std::string segment, percent_decode(rest.substr(0, end), false));
    if (segment == "." || segment == "..") return invalid("the URL has a '" + segment + "' segment");
    if (out.segments.size() == kSegmentsMax)
      return invalid("more than " + std::to_string(kSegmentsMax) + " segments in the URL");
    out.segments.push_back(std::move(segment));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (question == target.size()) return {};
  return parse_query(target.substr(question + 1), out.query);
}

}  // namespace freshet
