// Moving a shop here from a search service that speaks the storefront dialect: its records (through browse,
// with the shop's own key), settings, those of its replicas, synonyms and rules, into a server of ours by the
// same dialect. What the server cannot take is left out and named; everything else is there.
//
// Records go beside the live catalogue and take its place at once when there is one already. Reading is safe
// to repeat: an answer that fails is asked for again, four times in all, with a pause that doubles.
//
// Threads: one. Memory: one page of records.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/client.h"

namespace freshet {

struct MigrationPlan {
  std::string index;         // There.
  std::string to_index;      // Here.
  bool dry = false;          // Read and count only; `to` is not asked.
  int pause_ms = 1000;       // Before the second try of a read.
  uint64_t records_max = 0;  // Stop after so many; 0: all.
};

struct Left {
  std::string what;  // "rule summer", "records 2000 to 3000"
  std::string why;   // As the server said it.
};

struct MigrationReport {
  struct Count {
    uint64_t read = 0, written = 0;
  };
  Count records, settings, replicas, synonyms, rules;
  std::vector<Left> left;   // At most kLeftMax.
  uint64_t left_count = 0;  // All of them.
  uint64_t here = 0;        // Records that the index here answers with, at the end.
  static constexpr size_t kLeftMax = 1000;
};

// An error: nothing more was done; `report` says what was. Neither `progress` nor errors ever hold a key.
Status migrate(Client& from, Client& to, const MigrationPlan& plan, MigrationReport& report,
               const std::function<void(uint64_t records, uint64_t of)>& progress = {});

}  // namespace freshet
