// API keys and their roles. Only the SHA-256 of a key is stored; the key itself is shown once, when it is
// made.
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
};

class ApiKeys {
 public:
  static Result<std::unique_ptr<ApiKeys>> open(const std::string& folder);

  // A new random key "fk_<48 hex digits>". kInvalid: empty or too long name. kExhausted: 1000 keys exist.
  Result<std::string> create(const std::string& name, Role role, TimeMs now_ms);
  // Takes a key given from outside (configuration); the same one again changes its role. At least 16 bytes.
  Status put(const std::string& key, const std::string& name, Role role, TimeMs now_ms);
  Status remove(const std::string& id);                        // kNotFound
  std::vector<ApiKeyInfo> list() const;                        // By name, then id.
  std::optional<ApiKeyInfo> find(std::string_view key) const;  // nullopt: no such key.

 private:
  explicit ApiKeys(std::unique_ptr<KeyValueStore> store) : store_(std::move(store)) {}
  const std::unique_ptr<KeyValueStore> store_;
  mutable std::mutex mutex_;
  std::map<std::string, ApiKeyInfo> by_digest_;
};

}  // namespace freshet
