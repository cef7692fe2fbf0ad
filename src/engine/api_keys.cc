#include "engine/api_keys.h"

#include <algorithm>
#include <tuple>

#include "base/bytes.h"
#include "env/secret.h"

namespace freshet {
namespace {

constexpr size_t kKeysMax = 1000;
constexpr size_t kNameMax = 100;
constexpr size_t kKeyMin = 16;
constexpr size_t kLimitsMax = 4096;

std::string encode(const ApiKeyInfo& info) {
  Writer out;
  out.u8(2);  // Version of this record.
  out.u8(static_cast<uint8_t>(info.role));
  out.i64(info.created_ms);
  out.str(info.name);
  out.str(info.limits);
  out.str(info.hmac);
  return out.take();
}

bool decode(std::string_view digest, std::string_view bytes, ApiKeyInfo& info) {
  Reader in(bytes);
  const uint8_t version = in.u8();
  if (version != 1 && version != 2) return false;
  const uint8_t role = in.u8();
  if (role < 1 || role > 3) return false;
  info.id = digest.substr(0, 12);
  info.role = static_cast<Role>(role);
  info.created_ms = in.i64();
  info.name = in.str();
  if (version >= 2) {
    info.limits = in.str();
    info.hmac = in.str();
  }
  return in.ok() && in.done();
}

}  // namespace

std::string_view role_name(Role role) {
  return role == Role::kAdmin ? "admin" : role == Role::kWrite ? "write" : "read";
}

Result<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::kRead, Role::kWrite, Role::kAdmin})
    if (role_name(role) == text) return role;
  return invalid("role: expected read, write or admin, got \"" + std::string(text.substr(0, 32)) + "\"");
}

Result<std::unique_ptr<ApiKeys>> ApiKeys::open(const std::string& folder) {
  TRY(std::unique_ptr<KeyValueStore> store, KeyValueStore::open(folder));
  std::unique_ptr<ApiKeys> keys(new ApiKeys(std::move(store)));
  std::string damaged;
  TRY_STATUS(keys->store_->scan("", "", [&](std::string_view digest, std::string_view bytes) {
    ApiKeyInfo info;
    if (!decode(digest, bytes, info)) {
      damaged = digest.substr(0, 12);
      return false;
    }
    keys->by_digest_.emplace(digest, std::move(info));
    return true;
  }));
  if (!damaged.empty())
    return corrupt(folder + ": record of key " + damaged + " is not one this version wrote");
  return keys;
}

Result<std::string> ApiKeys::create(const std::string& name, Role role, TimeMs now_ms,
                                    const std::string& limits) {
  std::string key = "fk_" + random_hex(24);
  TRY_STATUS(put(key, name, role, now_ms, limits));
  return key;
}

Status ApiKeys::put(const std::string& key, const std::string& name, Role role, TimeMs now_ms,
                    const std::string& limits) {
  if (name.empty() || name.size() > kNameMax) return invalid("name: expected 1 to 100 bytes");
  if (key.size() < kKeyMin) return invalid("key: expected at least 16 bytes");
  if (limits.size() > kLimitsMax) return invalid("limits: expected at most 4096 bytes");
  const std::string digest = sha256_hex(key);
  const std::lock_guard lock(mutex_);
  if (by_digest_.size() >= kKeysMax && !by_digest_.contains(digest))
    return exhausted("there are 1000 keys already: remove one first");
  ApiKeyInfo info{digest.substr(0, 12), name, role, now_ms, limits, hmac_state(key)};
  TRY_STATUS(store_->put(digest, encode(info), WriteMode::kSync));
  by_digest_[digest] = std::move(info);
  return {};
}

Status ApiKeys::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto at =
      std::find_if(by_digest_.begin(), by_digest_.end(), [&](const auto& e) { return e.second.id == id; });
  if (at == by_digest_.end()) return not_found("there is no key with id " + id.substr(0, 32));
  TRY_STATUS(store_->remove(at->first, WriteMode::kSync));
  by_digest_.erase(at);
  return {};
}

std::vector<ApiKeyInfo> ApiKeys::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<ApiKeyInfo> all;
  for (const auto& [digest, info] : by_digest_) all.push_back(info);
  std::sort(all.begin(), all.end(), [](const ApiKeyInfo& a, const ApiKeyInfo& b) {
    return std::tie(a.name, a.id) < std::tie(b.name, b.id);
  });
  return all;
}

std::optional<ApiKeyInfo> ApiKeys::find_signer(std::string_view mac, std::string_view message) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [digest, info] : by_digest_)
    if (!info.hmac.empty() && equal_in_constant_time(hmac_sha256_hex(info.hmac, message), mac)) return info;
  return std::nullopt;
}

std::optional<ApiKeyInfo> ApiKeys::find(std::string_view key) const {
  const std::string digest = sha256_hex(key);
  const std::lock_guard lock(mutex_);
  // The map compares digests, not keys: what its timing gives away is of no use without a preimage.
  const auto at = by_digest_.find(digest);
  if (at == by_digest_.end()) return std::nullopt;
  return at->second;
}

}  // namespace freshet
