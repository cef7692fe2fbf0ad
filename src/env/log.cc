#include "env/log.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace freshet {
namespace {

constexpr size_t kSecretBytesMin = 4;

std::mutex mutex;
std::vector<std::string> secrets;    // Guarded by mutex.
std::vector<std::string*> captures;  // Guarded by mutex; the last one gets the lines.

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made =
        std::make_shared<spdlog::logger>("freshet", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %^%-5l%$ %v",
                                                                    spdlog::pattern_time_type::utc));
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

std::string without_secrets(std::string text) {
  for (const std::string& secret : secrets) {
    for (size_t at = 0; (at = text.find(secret, at)) != std::string::npos;)
      text.replace(at, secret.size(), "[secret]"), at += 8;
  }
  return text;
}

// One call, one line: what comes from outside cannot forge another.
std::string one_line(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

Result<LogLevel> parse_log_level(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warn") return LogLevel::kWarn;
  if (text == "error") return LogLevel::kError;
  return invalid(fmt::format("log level \"{}\": expected debug, info, warn or error", text));
}

void set_log_level(LogLevel level) {
  logger().set_level(spdlog_level(level));
}

void keep_secret(std::string secret) {
  if (secret.size() < kSecretBytesMin) return;
  std::lock_guard lock(mutex);
  if (std::find(secrets.begin(), secrets.end(), secret) == secrets.end())
    secrets.push_back(std::move(secret));
}

void write_log_line(LogLevel level, std::string_view text) {
  std::string line;
  {
    std::lock_guard lock(mutex);
    line = one_line(without_secrets(std::string(text)));
    if (!captures.empty()) {
      captures.back()->append(line).push_back('\n');
      return;
    }
  }
  logger().log(spdlog_level(level), "{}", line);
}

std::string describe(const Error& error) {
  return fmt::format("{}: {}", code_name(error.code), error.what);
}

LogCapture::LogCapture() : text_(std::make_unique<std::string>()) {
  std::lock_guard lock(mutex);
  captures.push_back(text_.get());
}

LogCapture::~LogCapture() {
  std::lock_guard lock(mutex);
  std::erase(captures, text_.get());
}

std::string LogCapture::text() const {
  std::lock_guard lock(mutex);
  return *text_;
}

}  // namespace freshet
