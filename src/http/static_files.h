// Files of the web console, served from memory.
//
// The folder is read once: what is not in the table does not exist, so no path can lead out of it. Hidden
// files and symbolic links are left out. Files whose name bears a hash (as bundlers write them:
// index-B2dF9a1c.js) may be cached for ever; everything else is revalidated by its ETag.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace freshet {

class StaticFiles {
 public:
  static constexpr size_t kFilesMax = 2000;
  static constexpr size_t kBytesMax = 64 << 20;

  // kNotFound: no such folder. kExhausted: more than kFilesMax files or kBytesMax bytes.
  static Result<StaticFiles> load(const std::string& folder);

  bool has(const Request& request) const { return find(request) != nullptr; }
  Response answer(const Request& request) const;  // GET, HEAD; a folder answers its index.html,
                                                  // and is sent to its "/" without one.
  size_t size() const { return files_.size(); }

 private:
  struct StaticFile {
    std::string content_type;
    std::string body;
    std::string body_gzip;  // Empty: not worth it.
    std::string etag;
    bool immutable = false;
  };
  const StaticFile* find(const Request& request) const;
  std::map<std::string, StaticFile> files_;  // By path relative to the folder, "/" between.
};

}  // namespace freshet
