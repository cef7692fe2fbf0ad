// Lines for the operator, on standard error: "2026-01-02T03:04:05.678Z warn  log: torn tail ...".
//
// (The diary of the process, not the event log: that is log/event_log.h.) One line per call: control
// characters in it are escaped. A text given to keep_secret() is replaced by "[secret]" in every line, so a
// key cannot be logged by accident. Threads: any.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/result.h"

namespace freshet {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };

// kInvalid: not one of debug, info, warn, error, naming it.
Result<LogLevel> parse_log_level(std::string_view text);
void set_log_level(LogLevel level);  // Default: info.

// `secret` must not appear in any line from now on. Texts shorter than 4 bytes are ignored.
void keep_secret(std::string secret);

void write_log_line(LogLevel level, std::string_view text);

// What a line says of an error: "kind: what".
std::string describe(const Error& error);

template <class... Args>
void log_debug(fmt::format_string<Args...> text, Args&&... args) {
  write_log_line(LogLevel::kDebug, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> text, Args&&... args) {
  write_log_line(LogLevel::kInfo, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void log_warn(fmt::format_string<Args...> text, Args&&... args) {
  write_log_line(LogLevel::kWarn, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> text, Args&&... args) {
  write_log_line(LogLevel::kError, fmt::format(text, std::forward<Args>(args)...));
}

// Sees every line (after escaping and hiding secrets) instead of standard error, until destroyed. For tests.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  std::string text() const;

 private:
  const std::unique_ptr<std::string> text_;
};

}  // namespace freshet
