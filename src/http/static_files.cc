#include "http/static_files.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "base/hash.h"
#include "http/coding.h"
#include "ingest/compression.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

std::string_view content_type_of(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".webp", "image/webp"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"},
      {".map", "application/json"},
      {".yaml", "application/yaml"},
  };
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

bool is_text(std::string_view type) {
  return type.starts_with("text/") || type == "application/json" || type == "image/svg+xml";
}

// "index-B2dF9a1c.js": eight or more letters, digits or _ with at least one digit or capital, after a "-" or
// ".".
bool bears_hash(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  const size_t dash = name.substr(0, dot).find_last_of("-.");
  if (dash == std::string_view::npos || dot - dash - 1 < 8) return false;
  bool telling = false;
  for (const char c : name.substr(dash + 1, dot - dash - 1)) {
    const bool digit_or_capital = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
    if (!digit_or_capital && !(c >= 'a' && c <= 'z') && c != '_') return false;
    telling = telling || digit_or_capital;
  }
  return telling;
}

bool is_hidden(const fs::path& relative) {
  for (const fs::path& part : relative) {
    if (part.string().starts_with('.')) return true;
  }
  return false;
}

std::string joined(const Request& request) {
  std::string path;
  for (const std::string& segment : request.segments) path += (path.empty() ? "" : "/") + segment;
  return path;
}

}  // namespace

Result<StaticFiles> StaticFiles::load(const std::string& folder) {
  std::error_code error;
  fs::recursive_directory_iterator walk(folder, error);
  if (error) return not_found("console folder " + folder + ": " + error.message());
  StaticFiles files;
  size_t bytes = 0;
  for (const auto end = fs::recursive_directory_iterator(); walk != end; walk.increment(error)) {
    if (error) return unavailable("console folder " + folder + ": " + error.message());
    if (walk->is_symlink(error) || !walk->is_regular_file(error)) continue;
    const fs::path relative = walk->path().lexically_relative(folder);
    if (is_hidden(relative)) continue;
    bytes += walk->file_size(error);
    if (error || bytes > kBytesMax || files.files_.size() >= kFilesMax)
      return exhausted("console folder " + folder + ": expected at most " + std::to_string(kFilesMax) +
                       " files and " + std::to_string(kBytesMax >> 20) + " MB");
    std::ifstream in(walk->path(), std::ios::binary);
    StaticFile file;
    file.body.assign(std::istreambuf_iterator<char>(in), {});
    if (!in.good() && !in.eof())
      return unavailable("console file " + walk->path().string() + ": cannot be read");
    const std::string name = relative.generic_string();
    file.content_type = content_type_of(name);
    if (is_text(file.content_type) && file.body.size() > 1024) file.body_gzip = gzip(file.body);
    file.etag = "\"" + std::to_string(hash_bytes(file.body)) + "\"";
    file.immutable = bears_hash(relative.filename().string());
    files.files_.emplace(name, std::move(file));
  }
  return files;
}

const StaticFiles::StaticFile* StaticFiles::find(const Request& request) const {
  for (const std::string& segment : request.segments)
    if (segment.find('/') != std::string::npos) return nullptr;
  const std::string path = joined(request);
  auto found = files_.find(path);
  if (found == files_.end()) found = files_.find(path.empty() ? "index.html" : path + "/index.html");
  return found == files_.end() ? nullptr : &found->second;
}

Response StaticFiles::answer(const Request& request) const {
  const StaticFile* file = find(request);
  if (file == nullptr) return problem(Problem{404, "not_found", "nothing is at this path"});
  Response response;
  // Pages name their files from where they stand: "/console" would look for them one folder too high.
  const bool is_folder = files_.count(joined(request)) == 0;
  if (is_folder && !request.path.ends_with('/')) {
    response.status = 308;
    response.headers = {{"location", request.path.substr(request.path.rfind('/') + 1) + "/"}};
    return response;
  }
  response.content_type = file->content_type;
  response.headers = {
      {"etag", file->etag},
      {"cache-control", file->immutable ? "public, max-age=31536000, immutable" : "no-cache"},
      {"vary", "accept-encoding"},
      {"x-content-type-options", "nosniff"},
      {"x-frame-options", "DENY"},
  };
  if (request.header("if-none-match") == file->etag) {
    response.status = 304;
  } else if (!file->body_gzip.empty() && accepts_gzip(request)) {
    response.headers.emplace_back("content-encoding", "gzip");
    response.body = file->body_gzip;
  } else {
    response.body = file->body;
  }
  return response;
}

}  // namespace freshet
