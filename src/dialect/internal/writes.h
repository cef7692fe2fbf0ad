// The writes of one request to one index, in their order: lines for Engine::items(), and deletions between
// them.
//
// Holds Parts::writing from its making until its end, so that what is read, changed and written back is
// whole. A record that was written earlier in the same request is changed as it was written.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "dialect/internal/parts.h"

namespace freshet::dialect_internal {

class RecordWrites {
 public:
  RecordWrites(Parts& parts, const Index& index, std::string_view by);

  Status put(const std::string& id, const Json& record);
  Status change(const std::string& id, const Json& changes, bool create);
  Status remove(const std::string& id);
  Status remove_matching(const std::string& filter);  // Of the catalogue as it is.
  Status clear();
  // Everything is on the log (not waited for the disk); one past its last event, or the log's end.
  // kInvalid: some records were not taken; the message names the first, all others were.
  Result<Offset> finish();

 private:
  Status flush();
  bool is_staged() const { return index_.kind == IndexKind::kStaged; }

  Parts& parts_;
  const Index& index_;
  const std::string by_;
  const std::lock_guard<std::mutex> lock_;
  const std::string source_;
  std::string lines_;
  std::map<std::string, Json::Object> written_;  // Of this request; an empty object: removed.
  Offset end_ = 0;
  size_t refused_ = 0;
  std::string first_refusal_;
};

}  // namespace freshet::dialect_internal
