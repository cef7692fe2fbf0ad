// API keys and their roles. Of a key its SHA-256 is stored, and what checks codes made with it (hmac_state);
// the key itself is shown once, when it is made.
//
// Threads: any. Cost of role_of(): one digest and one look into memory.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "store/key_value_store.h"

namespace freshet {

// Each may do what those before it may.
enum class Role : uint8_t { kRead = 1, kWrite = 2, kAdmin = 3 };
std::string_view role_name(Role role);
Result<Role> parse_role(std::string_view text);

struct ApiKeyInfo {
  std::string id;    // First 12 hex digits of the digest: names the key without giving it away.
  std::string name;  // For people: "storefront".
  Role role = Role::kRead;
  TimeMs created_ms = 0;
  std::string limits;  // What the door that made it binds it to, in that door's own words; empty: nothing.
  std::string hmac;    // env/secret.h's hmac_state() of the key; empty: made by a version that kept none.
};

class ApiKeys {
 public:
  static Result<std::unique_ptr<ApiKeys>> open(const std::string& folder);

  // A new random key "fk_<48 hex digits>". kInvalid: empty or too long name. kExhausted: 1000 keys exist.
  Result<std::string> create(const std::string& name, Role role, TimeMs now_ms,
                             const std::string& limits = "");
  // Takes a key given from outside (configuration); the same one again changes its role. At least 16 bytes.
  Status put(const std::string& key, const std::string& name, Role role, TimeMs now_ms,
             const std::string& limits = "");
  Status remove(const std::string& id);                        // kNotFound
  std::vector<ApiKeyInfo> list() const;                        // By name, then id.
  std::optional<ApiKeyInfo> find(std::string_view key) const;  // nullopt: no such key.
  // The key with which `mac`, the HMAC-SHA256 of `message` in hex, was made. Cost: one code for each key.
  std::optional<ApiKeyInfo> find_signer(std::string_view mac, std::string_view message) const;

 private:
  explicit ApiKeys(std::unique_ptr<KeyValueStore> store) : store_(std::move(store)) {}
  const std::unique_ptr<KeyValueStore> store_;
  mutable std::mutex mutex_;
  std::map<std::string, ApiKeyInfo> by_digest_;
};

}  // namespace freshet
