#include "engine/model_versions.h"

#include "env/log.h"

namespace freshet {

Result<std::unique_ptr<ModelVersions>> ModelVersions::open(FileSystem& files, const std::string& dir,
                                                           size_t keep, std::string code) {
  TRY(VersionStore store, VersionStore::open(files, dir, keep));
  std::unique_ptr<ModelVersions> out(new ModelVersions(std::move(store), std::move(code)));
  out->thread_ = std::thread([versions = out.get()] { versions->loop(); });
  return out;
}

ModelVersions::~ModelVersions() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ModelVersions::take(RankVersion version) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(version));
  if (waiting_.size() > kWaiting) waiting_.pop_front();
  changed_.notify_all();
}

void ModelVersions::settle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return waiting_.empty() && !writing_; });
}

void ModelVersions::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return closing_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const RankVersion version = std::move(waiting_.front());
    waiting_.pop_front();
    writing_ = true;
    lock.unlock();
    if (const Status written = write(version); !written.ok())
      log_warn("models: version {}: {}", version.number, describe(written.error()));
    lock.lock();
    writing_ = false;
    changed_.notify_all();
  }
}

Status ModelVersions::write(const RankVersion& version) {
  TRY(const std::string frame, version_frame(version));
  TRY(const FrameHeader header, read_header(frame));
  std::map<std::string, std::string> facts = version.facts;
  facts["code"] = code_;
  facts["model"] = kRankModel;
  facts["time_ms"] = std::to_string(version.time_ms);
  const std::lock_guard lock(store_mutex_);
  again_.insert(version.number);
  if (const auto there = store_.find(std::to_string(version.number));
      there.ok() && there->header.after == header.after)
    return {};
  return store_.save_as(version.number, frame, facts);
}

Result<std::vector<VersionInfo>> ModelVersions::list() {
  const std::lock_guard lock(store_mutex_);
  return store_.list();
}

Result<VersionInfo> ModelVersions::find(const std::string& name) {
  const std::lock_guard lock(store_mutex_);
  return store_.find(name);
}

Result<std::vector<VersionPart>> ModelVersions::parts(uint64_t number, std::span<const PartShape> shape) {
  const std::lock_guard lock(store_mutex_);
  TRY(const std::string frame, store_.frame(number));
  return parts_of(frame, shape);
}

Result<ModelDiff> ModelVersions::diff(uint64_t a, uint64_t b) {
  ModelDiff out;
  {
    const std::lock_guard lock(store_mutex_);
    TRY(out.rows, store_.diff(a, b));
  }
  TRY(const std::vector<VersionPart> parts_a, parts(a));
  TRY(const std::vector<VersionPart> parts_b, parts(b));
  out.weights = weights_apart(parts_a, parts_b);
  return out;
}

Status ModelVersions::pin(uint64_t number, const std::string& name) {
  const std::lock_guard lock(store_mutex_);
  return store_.pin(number, name);
}

Result<std::string> ModelVersions::export_bytes(uint64_t number) {
  const std::lock_guard lock(store_mutex_);
  return store_.export_bytes(number);
}

Result<uint64_t> ModelVersions::import_bytes(std::string_view bytes) {
  const std::lock_guard lock(store_mutex_);
  TRY(const std::vector<uint64_t> numbers, store_.numbers());
  if (numbers.size() >= kImportedMax && numbers[kImportedMax - 1] >= kImported)
    return exhausted("models: there are " + std::to_string(kImportedMax) +
                     " imported versions, which is the limit; unpin those that are not needed");
  TRY(const uint64_t number, store_.import_bytes(bytes, kImported));
  TRY_STATUS(store_.pin(number, "imported-" + std::to_string(number - kImported + 1)));
  return number;
}

Status ModelVersions::remove(uint64_t number) {
  const std::lock_guard lock(store_mutex_);
  return store_.remove(number);
}

void ModelVersions::begin_again() {
  settle();
  const std::lock_guard lock(store_mutex_);
  again_.clear();
}

Status ModelVersions::end_again() {
  settle();
  const std::lock_guard lock(store_mutex_);
  TRY(const std::vector<uint64_t> numbers, store_.numbers());
  for (const uint64_t number : numbers)
    if (number < kImported && !again_.contains(number)) TRY_STATUS(store_.remove(number));
  return {};
}

}  // namespace freshet
