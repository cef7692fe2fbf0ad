// Ordered keys and values on disk: durable state that is looked up by key. (Events live in log/, not here.)
//
// Keys and values are arbitrary bytes; keys are ordered by unsigned byte. A batch is applied whole or not at
// all, also across a crash. Durability: a write returns when it is in the operating system's hands; with
// WriteMode::kSync, when it survives loss of power.
//
// Threads: any thread may call anything. Errors: kUnavailable (I/O, locked by another process), kCorrupt
// (checksum), kNotFound (get, open of a missing store read-only).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freshet {

enum class WriteMode : uint8_t { kNoSync, kSync };

struct StoreOptions {
  bool create = true;                     // Make the folder and the store when missing.
  bool read_only = false;                 // Looks without locking: works beside a running writer.
  uint64_t write_buffer_bytes = 8 << 20;  // Memory for writes not yet in a file.
  uint64_t cache_bytes = 8 << 20;         // Memory for blocks read.
  uint32_t filter_bits = 0;               // Of a Bloom filter, for each key; 0: none.
  bool scratch = false;                   // Begins empty whatever is there, and need not survive a crash.
};

// Changes applied together.
class WriteBatch {
 public:
  void put(std::string_view key, std::string_view value) {
    changes_.push_back({std::string(key), std::string(value), false});
  }
  void remove(std::string_view key) { changes_.push_back({std::string(key), {}, true}); }
  bool empty() const { return changes_.empty(); }
  size_t size() const { return changes_.size(); }
  void clear() { changes_.clear(); }

 private:
  friend class KeyValueStore;
  struct Change {
    std::string key;
    std::string value;
    bool removed;
  };
  std::vector<Change> changes_;
};

class KeyValueStore {
 public:
  static Result<std::unique_ptr<KeyValueStore>> open(const std::string& folder,
                                                     const StoreOptions& options = {});
  ~KeyValueStore();
  KeyValueStore(const KeyValueStore&) = delete;
  KeyValueStore& operator=(const KeyValueStore&) = delete;

  Status put(std::string_view key, std::string_view value, WriteMode mode = WriteMode::kNoSync);
  Result<std::string> get(std::string_view key) const;  // kNotFound: no such key.
  // The same of many: values[i] of keys[i], nothing: no such key. Ascending keys are read faster.
  Status get_many(std::span<const std::string> keys, std::vector<std::optional<std::string>>& values) const;
  Status remove(std::string_view key, WriteMode mode = WriteMode::kNoSync);  // A missing key is no error.
  Status write(const WriteBatch& batch, WriteMode mode = WriteMode::kNoSync);

  // Calls `visit` for each key in [from, to) in order until it returns false; an empty `to` means the end.
  // Sees the store as it was when scan began.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  Status scan(std::string_view from, std::string_view to, const Visit& visit) const;
  // The same backwards, from the last key below `to`.
  Status scan_back(std::string_view from, std::string_view to, const Visit& visit) const;

  Status sync();                   // Returns when every earlier write survives loss of power.
  uint64_t bytes_on_disk() const;  // Estimate, for metrics.

 private:
  KeyValueStore();
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace freshet
