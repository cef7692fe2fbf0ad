// The one error idiom of the project.
//
// A function that can fail for reasons outside the program returns Status (nothing but success) or Result<T>.
// Both are
// [[nodiscard]]. TRY passes an error on to the caller. CHECK is for our own bugs and stays on in release;
// data from outside must never reach it. Exceptions are not thrown by our code; those of libraries are caught
// at the library's own room.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace freshet {

// One code per reaction of the caller, not per cause.
enum class Code : uint8_t {
  kInvalid,      // The input is wrong: tell the sender what and where; do not retry.
  kNotFound,     // The thing named does not exist.
  kCorrupt,      // Stored bytes are not what was written: use another copy.
  kUnavailable,  // The outside world failed (disk full, I/O error): retry later.
  kExhausted,    // A configured limit is reached.
};

constexpr std::string_view code_name(Code code) {
  switch (code) {
    case Code::kInvalid:
      return "invalid";
    case Code::kNotFound:
      return "not_found";
    case Code::kCorrupt:
      return "corrupt";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kExhausted:
      return "exhausted";
  }
  return "unknown";
}

struct Error {
  Code code;
  std::string what;  // For a person: what, where, what was expected. "log/000042 offset 8192: checksum 9f3a,
                     // want 11c0"
};

inline Error invalid(std::string what) {
  return {Code::kInvalid, std::move(what)};
}
inline Error not_found(std::string what) {
  return {Code::kNotFound, std::move(what)};
}
inline Error corrupt(std::string what) {
  return {Code::kCorrupt, std::move(what)};
}
inline Error unavailable(std::string what) {
  return {Code::kUnavailable, std::move(what)};
}
inline Error exhausted(std::string what) {
  return {Code::kExhausted, std::move(what)};
}

[[noreturn]] inline void check_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, what);
  std::abort();
}

#define CHECK(condition) \
  (__builtin_expect(!!(condition), 1) ? (void)0 : ::freshet::check_failed(#condition, __FILE__, __LINE__))

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & {
    CHECK(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    CHECK(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    CHECK(ok());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const {
    CHECK(!ok());
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Error> state_;
};

struct Ok {};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Ok) {}                                                     // NOLINT: implicit by design
  Status(Error error) : failed_(true), error_(std::move(error)) {}  // NOLINT: implicit by design
  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    CHECK(failed_);
    return error_;
  }

 private:
  bool failed_ = false;
  Error error_{Code::kInvalid, {}};
};

#define FRESHET_CONCAT_(a, b) a##b
#define FRESHET_CONCAT(a, b) FRESHET_CONCAT_(a, b)

// TRY(File file, open_file(path)); returns the error to the caller, or names the value.
#define TRY(declaration, expression)                                                       \
  auto FRESHET_CONCAT(try_, __LINE__) = (expression);                                      \
  if (!FRESHET_CONCAT(try_, __LINE__).ok()) return FRESHET_CONCAT(try_, __LINE__).error(); \
  declaration = std::move(FRESHET_CONCAT(try_, __LINE__)).value()

// TRY_STATUS(file.sync()); returns the error to the caller, or goes on.
#define TRY_STATUS(expression)                                                       \
  do {                                                                               \
    if (auto try_status = (expression); !try_status.ok()) return try_status.error(); \
  } while (false)

}  // namespace freshet
