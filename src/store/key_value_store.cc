#include "store/key_value_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

namespace freshet {
namespace {

Error error_of(const rocksdb::Status& status, std::string_view doing, std::string_view what) {
  std::string text = std::string(doing) + " " + std::string(what) + ": " + status.ToString();
  if (status.IsNotFound()) return not_found(std::move(text));
  if (status.IsCorruption()) return corrupt(std::move(text));
  return unavailable(std::move(text));
}

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view view(const rocksdb::Slice& text) {
  return {text.data(), text.size()};
}

rocksdb::Options options_of(const StoreOptions& options) {
  rocksdb::Options out;
  out.create_if_missing = options.create;
  out.write_buffer_size = options.write_buffer_bytes;
  out.max_open_files = 128;
  out.keep_log_file_num = 2;  // RocksDB's own diary files.
  out.info_log_level = rocksdb::WARN_LEVEL;
  out.paranoid_checks = true;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.cache_bytes);
  if (options.filter_bits > 0) table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(options.filter_bits));
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return out;
}

}  // namespace

struct KeyValueStore::Rep {
  std::string folder;
  std::unique_ptr<rocksdb::DB> db;
  bool scratch = false;

  rocksdb::WriteOptions writing(WriteMode mode) const {
    rocksdb::WriteOptions how;
    how.disableWAL = scratch;
    how.sync = mode == WriteMode::kSync && !scratch;
    return how;
  }
};

KeyValueStore::KeyValueStore() : rep_(std::make_unique<Rep>()) {}
KeyValueStore::~KeyValueStore() = default;

Result<std::unique_ptr<KeyValueStore>> KeyValueStore::open(const std::string& folder,
                                                           const StoreOptions& options) {
  std::unique_ptr<KeyValueStore> store(new KeyValueStore());
  store->rep_->folder = folder;
  rocksdb::DB* db = nullptr;
  const rocksdb::Options how = options_of(options);
  store->rep_->scratch = options.scratch;
  if (options.scratch && !options.read_only) (void)rocksdb::DestroyDB(folder, how);  // Else open() says why.
  const rocksdb::Status status = options.read_only ? rocksdb::DB::OpenForReadOnly(how, folder, &db)
                                                   : rocksdb::DB::Open(how, folder, &db);
  if (!status.ok()) {
    // RocksDB calls a missing store "invalid argument" or an I/O error, depending on how it is opened.
    const std::string text = status.ToString();
    const bool missing =
        text.find("does not exist") != std::string::npos || text.find("No such file") != std::string::npos;
    if (missing) return not_found("store " + folder + ": there is none");
    return error_of(status, "opening store", folder);
  }
  store->rep_->db.reset(db);
  return store;
}

Status KeyValueStore::put(std::string_view key, std::string_view value, WriteMode mode) {
  const rocksdb::Status status = rep_->db->Put(rep_->writing(mode), slice(key), slice(value));
  if (!status.ok()) return error_of(status, "writing to store", rep_->folder);
  return {};
}

Result<std::string> KeyValueStore::get(std::string_view key) const {
  std::string value;
  const rocksdb::Status status = rep_->db->Get(rocksdb::ReadOptions(), slice(key), &value);
  if (!status.ok()) return error_of(status, "reading from store", rep_->folder);
  return value;
}

Status KeyValueStore::get_many(std::span<const std::string> keys,
                               std::vector<std::optional<std::string>>& values) const {
  const std::vector<rocksdb::Slice> asked(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> found(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  rep_->db->MultiGet(rocksdb::ReadOptions(), rep_->db->DefaultColumnFamily(), keys.size(), asked.data(),
                     found.data(), statuses.data());
  values.assign(keys.size(), std::nullopt);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].ok())
      values[i].emplace(view(found[i]));
    else if (!statuses[i].IsNotFound())
      return error_of(statuses[i], "reading from store", rep_->folder);
  }
  return {};
}

Status KeyValueStore::remove(std::string_view key, WriteMode mode) {
  const rocksdb::Status status = rep_->db->Delete(rep_->writing(mode), slice(key));
  if (!status.ok()) return error_of(status, "writing to store", rep_->folder);
  return {};
}

Status KeyValueStore::write(const WriteBatch& batch, WriteMode mode) {
  rocksdb::WriteBatch changes;
  for (const WriteBatch::Change& change : batch.changes_) {
    const rocksdb::Status status = change.removed ? changes.Delete(slice(change.key))
                                                  : changes.Put(slice(change.key), slice(change.value));
    if (!status.ok()) return error_of(status, "writing to store", rep_->folder);
  }
  const rocksdb::Status status = rep_->db->Write(rep_->writing(mode), &changes);
  if (!status.ok()) return error_of(status, "writing to store", rep_->folder);
  return {};
}

Status KeyValueStore::scan(std::string_view from, std::string_view to, const Visit& visit) const {
  const std::unique_ptr<rocksdb::Iterator> it(rep_->db->NewIterator(rocksdb::ReadOptions()));
  for (it->Seek(slice(from)); it->Valid(); it->Next()) {
    if (!to.empty() && view(it->key()) >= to) break;
    if (!visit(view(it->key()), view(it->value()))) break;
  }
  if (!it->status().ok()) return error_of(it->status(), "scanning store", rep_->folder);
  return {};
}

Status KeyValueStore::scan_back(std::string_view from, std::string_view to, const Visit& visit) const {
  const std::unique_ptr<rocksdb::Iterator> it(rep_->db->NewIterator(rocksdb::ReadOptions()));
  if (to.empty()) {
    it->SeekToLast();
  } else {
    it->SeekForPrev(slice(to));
    if (it->Valid() && view(it->key()) == to) it->Prev();  // `to` itself is outside.
  }
  for (; it->Valid() && view(it->key()) >= from; it->Prev())
    if (!visit(view(it->key()), view(it->value()))) break;
  if (!it->status().ok()) return error_of(it->status(), "scanning store", rep_->folder);
  return {};
}

Status KeyValueStore::sync() {
  const rocksdb::Status status = rep_->db->SyncWAL();
  if (!status.ok()) return error_of(status, "syncing store", rep_->folder);
  return {};
}

uint64_t KeyValueStore::bytes_on_disk() const {
  uint64_t bytes = 0;
  for (const char* property : {"rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables"}) {
    uint64_t part = 0;
    if (rep_->db->GetIntProperty(property, &part)) bytes += part;
  }
  return bytes;
}

}  // namespace freshet
