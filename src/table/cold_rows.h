// Rows that had no room in memory, on disk until their next sight (store/key_value_store.h).
//
// A row is in one place only: put() brings it here, take() away again, to the bit. Changes are collected and
// written many at a time; fetch() reads many at a time. It is working space of one process: it begins empty,
// and what it holds is part of RowTable::save(). What is where depends on the calls only, never on when the
// disk was written.
//
// Errors: a disk that cannot be written or read makes status() an error for good; from then on rows that come
// here are lost, as without a disk, and counted. Threads: one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "store/key_value_store.h"

namespace freshet {

struct ColdRowsConfig {
  uint64_t cache_bytes = 32 << 20;  // Memory for blocks read; as much for what is not in a file yet.
  size_t batch = 4096;              // Changes written together.
};

class ColdRows {
 public:
  // In a folder of its own, which is emptied.
  static Result<std::unique_ptr<ColdRows>> open(const std::string& folder, const ColdRowsConfig& config = {});

  // Those of `keys` that are here will soon be taken: they are read together.
  void fetch(std::span<const uint64_t> keys);
  void put(uint64_t key, std::string_view record);  // The key is not here.
  bool take(uint64_t key, std::string& record);     // False: it is not here.
  void clear();

  size_t rows() const { return rows_; }
  uint64_t lost() const { return lost_; }
  const Status& status() const { return status_; }
  uint64_t bytes_on_disk() const { return store_->bytes_on_disk(); }
  // By ascending key.
  Status each(const std::function<void(uint64_t key, std::string_view record)>& visit);

 private:
  ColdRows(std::unique_ptr<KeyValueStore> store, const ColdRowsConfig& config)
      : store_(std::move(store)), config_(config) {}
  Status flush();
  void keep(Status status) {
    if (status_.ok() && !status.ok()) status_ = std::move(status);
  }

  std::unique_ptr<KeyValueStore> store_;
  const ColdRowsConfig config_;
  std::unordered_map<uint64_t, std::optional<std::string>> changes_;  // Not written yet; nothing: taken.
  std::unordered_map<uint64_t, std::string> fetched_;                 // On disk, and not changed since.
  std::unordered_set<uint64_t> looked_for_;                           // What is on disk of these was fetched.
  size_t rows_ = 0;
  uint64_t lost_ = 0;
  Status status_;
};

}  // namespace freshet
