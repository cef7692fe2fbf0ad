#include "dialect/internal/served.h"

#include <algorithm>

namespace freshet::dialect_internal {
namespace {

constexpr size_t kPagesOfUser = 32;

uint64_t touch_key(std::string_view user, std::string_view item) {
  return mix64(hash_bytes(user), hash_bytes(item));
}

}  // namespace

void ServedPages::served(const std::string& query_id, std::string_view user,
                         const std::vector<std::string>& items) {
  if (user.empty() || items.empty()) return;
  Page page{query_id, hash_bytes(user), {}};
  for (const std::string& item : items) page.items.push_back(hash_bytes(item));
  std::sort(page.items.begin(), page.items.end());
  const std::lock_guard lock(mutex_);
  const auto place = static_cast<uint32_t>(next_page_);
  next_page_ = (next_page_ + 1) % kPagesMax;
  if (place < pages_.size()) {
    const auto old = by_user_.find(pages_[place].user);
    if (old != by_user_.end()) {
      std::erase(old->second, place);
      if (old->second.empty()) by_user_.erase(old);
    }
  } else {
    pages_.emplace_back();
  }
  std::vector<uint32_t>& of_user = by_user_[page.user];
  if (of_user.size() >= kPagesOfUser) of_user.erase(of_user.begin());
  of_user.push_back(place);
  pages_[place] = std::move(page);
}

std::string ServedPages::page_of(std::string_view user, const std::vector<std::string>& items) const {
  const std::lock_guard lock(mutex_);
  const auto at = by_user_.find(hash_bytes(user));
  if (at == by_user_.end()) return {};
  for (auto place = at->second.rbegin(); place != at->second.rend(); ++place) {
    const Page& page = pages_[*place];
    const bool all = std::all_of(items.begin(), items.end(), [&](const std::string& item) {
      return std::binary_search(page.items.begin(), page.items.end(), hash_bytes(item));
    });
    if (all) return page.query_id;
  }
  return {};
}

void ServedPages::clicked(std::string_view user, std::string_view item, const std::string& query_id) {
  if (user.empty() || item.empty() || query_id.empty()) return;
  const uint64_t key = touch_key(user, item);
  const std::lock_guard lock(mutex_);
  if (touched_.insert_or_assign(key, query_id).second) {
    if (touched_ring_.size() < kTouchedMax) {
      touched_ring_.push_back(key);
    } else {
      touched_.erase(touched_ring_[next_touched_]);
      touched_ring_[next_touched_] = key;
      next_touched_ = (next_touched_ + 1) % kTouchedMax;
    }
  }
}

std::string ServedPages::last_touch(std::string_view user, std::string_view item) const {
  const std::lock_guard lock(mutex_);
  const auto at = touched_.find(touch_key(user, item));
  return at == touched_.end() ? std::string() : at->second;
}

}  // namespace freshet::dialect_internal
