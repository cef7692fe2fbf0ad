// Which page was served under which query id, and to whom: so that what a shopper does with it finds its way
// back, also when the client does not say.
//
// Views bear no query id at all, and purchases often none. A page is found by its id, or as the newest one
// that was served to a shopper and shows an item; what a shopper clicked with a query id is remembered by
// item, so that a purchase days later belongs to the search it came from.
//
// In memory, bounded, and lost with the process: the log has every page and every click with its query id
// anyway. Threads: any. Cost: a hash and a lock.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"

namespace freshet::dialect_internal {

class ServedPages {
 public:
  static constexpr size_t kPagesMax = 20'000, kTouchedMax = 100'000;

  void served(const std::string& query_id, std::string_view user, const std::vector<std::string>& items);
  // The newest page served to `user` that shows all of `items`; empty: none is known.
  std::string page_of(std::string_view user, const std::vector<std::string>& items) const;

  void clicked(std::string_view user, std::string_view item, const std::string& query_id);
  std::string last_touch(std::string_view user, std::string_view item) const;  // Empty: none is known.

 private:
  struct Page {
    std::string query_id;
    uint64_t user = 0;
    std::vector<uint64_t> items;  // Hashes, ascending.
  };
  mutable std::mutex mutex_;
  std::vector<Page> pages_;  // A ring of kPagesMax.
  size_t next_page_ = 0;
  std::unordered_map<uint64_t, std::vector<uint32_t>> by_user_;  // Places in the ring, oldest first.
  std::unordered_map<uint64_t, std::string> touched_;            // By user and item.
  std::vector<uint64_t> touched_ring_;
  size_t next_touched_ = 0;
};

}  // namespace freshet::dialect_internal
