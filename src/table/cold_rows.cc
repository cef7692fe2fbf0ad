#include "table/cold_rows.h"

#include <algorithm>

namespace freshet {
namespace {

constexpr uint32_t kFilterBits = 10;  // One in a hundred keys that are not here is looked for on disk.

// Big-endian: the order of the bytes is that of the numbers.
std::string bytes_of(uint64_t key) {
  std::string out(8, '\0');
  for (int i = 7; i >= 0; --i, key >>= 8) out[static_cast<size_t>(i)] = static_cast<char>(key & 0xff);
  return out;
}

uint64_t key_in(std::string_view bytes) {
  uint64_t key = 0;
  for (const char byte : bytes) key = key << 8 | static_cast<uint8_t>(byte);
  return key;
}

}  // namespace

Result<std::unique_ptr<ColdRows>> ColdRows::open(const std::string& folder, const ColdRowsConfig& config) {
  TRY(auto store, KeyValueStore::open(folder, {.write_buffer_bytes = config.cache_bytes,
                                               .cache_bytes = config.cache_bytes,
                                               .filter_bits = kFilterBits,
                                               .scratch = true}));
  return std::unique_ptr<ColdRows>(new ColdRows(std::move(store), config));
}

void ColdRows::fetch(std::span<const uint64_t> keys) {
  fetched_.clear();
  looked_for_.clear();
  if (rows_ == 0) return;
  std::vector<uint64_t> wanted;
  for (const uint64_t key : keys)
    if (!changes_.contains(key)) wanted.push_back(key);
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  std::vector<std::string> asked;
  asked.reserve(wanted.size());
  for (const uint64_t key : wanted) asked.push_back(bytes_of(key));
  std::vector<std::optional<std::string>> found;
  keep(store_->get_many(asked, found));
  looked_for_.insert(wanted.begin(), wanted.end());
  for (size_t i = 0; i < found.size(); ++i)
    if (found[i]) fetched_.emplace(wanted[i], std::move(*found[i]));
}

void ColdRows::put(uint64_t key, std::string_view record) {
  if (!status_.ok()) {
    ++lost_;
    return;
  }
  changes_[key] = std::string(record);
  ++rows_;
  if (changes_.size() >= config_.batch) keep(flush());
}

bool ColdRows::take(uint64_t key, std::string& record) {
  if (rows_ == 0) return false;
  if (const auto change = changes_.find(key); change != changes_.end()) {
    if (!change->second) return false;
    record = std::move(*change->second);
    change->second.reset();
    --rows_;
    return true;
  }
  if (const auto found = fetched_.find(key); found != fetched_.end()) {
    record = std::move(found->second);
    fetched_.erase(found);
  } else if (looked_for_.contains(key)) {
    return false;
  } else {
    auto read = store_->get(bytes_of(key));
    if (!read.ok()) {
      if (read.error().code != Code::kNotFound) keep(read.error());
      return false;
    }
    record = std::move(*read);
  }
  changes_[key].reset();
  --rows_;
  if (changes_.size() >= config_.batch) keep(flush());
  return true;
}

Status ColdRows::flush() {
  WriteBatch batch;
  for (const auto& [key, record] : changes_) {  // Any order: each key once.
    if (record)
      batch.put(bytes_of(key), *record);
    else
      batch.remove(bytes_of(key));
    fetched_.erase(key);
  }
  changes_.clear();
  looked_for_.clear();
  return store_->write(batch);
}

void ColdRows::clear() {
  std::vector<std::string> keys;
  keep(store_->scan("", "", [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  }));
  WriteBatch batch;
  for (const std::string& key : keys) batch.remove(key);
  keep(store_->write(batch));
  changes_.clear();
  fetched_.clear();
  looked_for_.clear();
  rows_ = 0;
}

Status ColdRows::each(const std::function<void(uint64_t key, std::string_view record)>& visit) {
  TRY_STATUS(flush());
  return store_->scan("", "", [&](std::string_view key, std::string_view record) {
    visit(key_in(key), record);
    return true;
  });
}

}  // namespace freshet
