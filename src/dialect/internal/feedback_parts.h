// What the handlers of the feedback dialect share. Errors are plain text, writes answer {"RowAffected": n}.
#pragma once

#include <mutex>
#include <string>

#include "dialect/internal/params.h"
#include "engine/engine.h"
#include "http/mount.h"

namespace freshet::dialect_internal {

struct FeedbackParts {
  explicit FeedbackParts(const MountParts& from) : engine(from.engine), body_bytes_max(from.body_bytes_max) {}
  Engine& engine;
  const size_t body_bytes_max;
  std::mutex writing;  // Of what is read, changed and written back.
};

using FeedbackAnswer = Response (*)(FeedbackParts&, const Request&);
struct FeedbackRoutes {
  Router& router;
  FeedbackParts& parts;
  void add(Method method, std::string pattern, Access access, size_t body, FeedbackAnswer answer) const;
};

void add_object_routes(const FeedbackRoutes& routes);       // items and users
void add_feedback_routes(const FeedbackRoutes& routes);     // feedback
void add_recommended_routes(const FeedbackRoutes& routes);  // recommendations, neighbours, health

Response text_refusal(int status, std::string_view message);
Response text_refusal(const Error& error);
Response rows_affected(size_t rows);
// When everything below `end` is durable and in force. Waits: for routes that do.
Response when_in_force(FeedbackParts& parts, Offset end, Response answer);
// The list or object of a body; an object is a list of one.
Result<Json::List> listed_body(const Request& request, size_t bytes_max, size_t count_max);
// A whole number of the query string. kInvalid: names it and the range.
Result<size_t> whole_argument(const Request& request, std::string_view name, size_t otherwise, size_t max);
// A text or a number as text; empty: absent or neither.
std::string text_member(const Json& object, std::string_view name);

}  // namespace freshet::dialect_internal
