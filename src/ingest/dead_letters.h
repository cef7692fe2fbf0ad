// What the doors refused, kept to be looked at, counted, fixed and sent again; never silently lost.
//
// Bounded: when full, the oldest letter of the most numerous reason goes, so that one noisy sender cannot
// push out the rest; dropped letters are counted. Values of fields with secret-like names (password, token,
// api_key, authorization, card_number, ...) are replaced by "***" before anything is stored. Format:
// docs/formats/dead_letters.md. Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ingest/report.h"
#include "store/key_value_store.h"

namespace freshet {

struct DeadLetter {
  uint64_t number = 0;  // Given by put(); from 1, never used twice.
  RejectReason reason = RejectReason::kMalformed;
  std::string field;
  std::string expected;
  std::string got;
  std::string door;    // "http", "file:orders.csv.gz"
  std::string kind;    // What replay parses `body` as: "event" or "item", "item-update" (JSON).
  std::string source;  // The door's source, for events that bear none.
  uint64_t index = 0;
  uint64_t line = 0;
  TimeMs time_ms = 0;      // When the door refused it.
  uint32_t attempts = 0;   // Replays that failed.
  bool truncated = false;  // `raw` was cut to raw_bytes_max: fix it before replay.
  std::string raw;         // As received.
  std::string body;        // JSON to replay when that is not `raw` (a row of a CSV); fix() sets it.

  const std::string& replayable() const { return body.empty() ? raw : body; }
};

struct DeadLetterOptions {
  uint64_t letters_max = 100'000;
  uint64_t bytes_max = 256 << 20;
  size_t raw_bytes_max = 64 << 10;  // Of one letter.
};

struct DeadLetterCounts {
  uint64_t letters = 0;
  uint64_t bytes = 0;
  uint64_t dropped = 0;  // Since the store was made, for want of room.
  uint64_t by_reason[kReasonCount] = {};
};

class DeadLetters {
 public:
  static Result<std::unique_ptr<DeadLetters>> open(const std::string& folder,
                                                   const DeadLetterOptions& options = {});
  // For looking beside a running server: list, count, get only.
  static Result<std::unique_ptr<DeadLetters>> open_read_only(const std::string& folder);

  // Stores all of them; `number` of each is set. kUnavailable: the disk refused.
  Status put(std::vector<DeadLetter>& letters);
  Result<DeadLetter> get(uint64_t number) const;  // kNotFound
  // In order of number, from `from` on, until `visit` returns false; only of `reason` if given.
  Status list(uint64_t from, const RejectReason* reason,
              const std::function<bool(const DeadLetter&)>& visit) const;
  DeadLetterCounts counts() const;
  Status fix(uint64_t number, const std::string& body);  // Replaces what will be replayed.
  Status failed_again(uint64_t number, const Rejection& why);
  Status remove(uint64_t number);
  Result<uint64_t> remove_all(const RejectReason* reason);  // How many.

 private:
  DeadLetters(std::unique_ptr<KeyValueStore> store, DeadLetterOptions options);
  Status load();
  Status make_room(uint64_t letters, uint64_t bytes);
  void add_meta(WriteBatch& batch) const;
  void count(const DeadLetter& letter, size_t bytes, int sign);
  Status replace(const DeadLetter& old, const DeadLetter& next);

  const std::unique_ptr<KeyValueStore> store_;
  const DeadLetterOptions options_;
  mutable std::mutex mutex_;
  uint64_t next_ = 1;
  DeadLetterCounts counts_;
  uint64_t oldest_[kReasonCount] =
      {};  // No letter of the reason is older: where to look for the next to drop.
};

// `raw` with the values of secret-like names replaced by "***": JSON, or name=value.
std::string without_secrets(std::string_view raw);
bool is_secret_name(std::string_view name);

}  // namespace freshet
