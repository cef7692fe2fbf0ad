#include "http/coding.h"

#include <algorithm>

#include "ingest/compression.h"

namespace freshet {
namespace {

constexpr size_t kWorthCompressing = 4096;
constexpr int kQuick = 1;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_zero(std::string_view quality) {
  return quality.starts_with("q=0") && quality.find_first_not_of("0.", 2) == std::string_view::npos;
}

}  // namespace

bool accepts_gzip(const Request& request) {
  std::string_view rest = request.header("accept-encoding");
  bool accepted = false;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view one = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const size_t semicolon = std::min(one.find(';'), one.size());
    const std::string_view coding = trim(one.substr(0, semicolon));
    const bool refused = semicolon < one.size() && is_zero(trim(one.substr(semicolon + 1)));
    if (coding == "gzip") return !refused;
    if (coding == "*") accepted = !refused;
  }
  return accepted;
}

void compress(const Request& request, Response& response) {
  if (response.body.size() < kWorthCompressing || !accepts_gzip(request)) return;
  for (const Header& header : response.headers) {
    if (header.first == "content-encoding") return;
  }
  response.body = gzip(response.body, kQuick);
  response.headers.emplace_back("content-encoding", "gzip");
  response.headers.emplace_back("vary", "accept-encoding");
}

}  // namespace freshet
