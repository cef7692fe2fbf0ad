#include "engine/model_versions.h"

#include "env/log.h"

namespace freshet {

Result<std::unique_ptr<ModelVersions>> ModelVersions::open(FileSystem& files, const std::string& dir,
                                                           size_t keep, std::string code) {
  TRY(VersionStore store, VersionStore::open(files, dir, keep));
  TRY_STATUS(store.clean());
  if (const Status stray = files.remove(dir + "/live"); !stray.ok() && stray.error().code != Code::kNotFound)
    return stray.error();  // What is live here the state says, not a file.
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

// "weight_bits 20, now 18": of what the program and its sizes were, not of what was learned.
std::string made_otherwise(const VersionInfo& before, const std::map<std::string, std::string>& now) {
  std::string out;
  for (const char* name : {"code", "weight_bits", "deep_bits", "features"}) {
    const auto was = before.facts.find(name), is = now.find(name);
    if (was == before.facts.end() || is == now.end() || was->second == is->second) continue;
    out += (out.empty() ? "" : "; ") + std::string(name) + " " + was->second + ", now " + is->second;
  }
  return out.empty() ? "the same program, other events" : out;
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
  const auto there = store_.find(std::to_string(version.number));
  if (there.ok() && there->header.after == header.after) return {};
  if (there.ok() && !there->name.empty() && !beginning_) {  // After an erasure none may stay as it was.
    log_warn("models: version {} stays as it was when it was pinned as {}; this fold made another one ({})",
             version.number, there->name, made_otherwise(*there, facts));
    return {};
  }
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

Result<uint64_t> ModelVersions::number_of(const std::string& name) {
  const std::lock_guard lock(store_mutex_);
  return store_.number_of(name);
}

VersionInfo ModelVersions::look(uint64_t number) {
  const std::lock_guard lock(store_mutex_);
  return store_.look(number);
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

Status ModelVersions::unpin(uint64_t number) {
  const std::lock_guard lock(store_mutex_);
  return store_.unpin(number);
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
  return store_.import_pinned(bytes);
}

Status ModelVersions::remove(uint64_t number) {
  const std::lock_guard lock(store_mutex_);
  return store_.remove(number);
}

void ModelVersions::begin_again() {
  settle();
  const std::lock_guard lock(store_mutex_);
  again_.clear();
  beginning_ = true;
}

Status ModelVersions::end_again() {
  settle();
  const std::lock_guard lock(store_mutex_);
  beginning_ = false;
  TRY(const std::vector<uint64_t> numbers, store_.numbers());
  for (const uint64_t number : numbers)
    if (number < kImported && !again_.contains(number)) TRY_STATUS(store_.remove(number));
  return {};
}

}  // namespace freshet
