#include <algorithm>
#include <unordered_set>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "engine/erasure.h"

namespace freshet {
namespace {

constexpr uint8_t kVersion = 1;
constexpr int kHopsMax = 4096;  // Nobody has so many ids, one linked to the other; but it can be sent.

}  // namespace

std::string write_erasure(const Ids& ids) {
  Writer out;
  out.u8(kVersion);
  out.varint(ids.size());
  for (const std::string& id : ids) out.str(id);
  return out.take();
}

Result<Ids> read_erasure(const std::string& id, std::string_view marker) {
  Ids ids = {id};
  if (marker.empty()) return ids;  // Version 0 had the key only.
  Reader in(marker);
  const uint8_t version = in.u8();
  if (version != kVersion)
    return corrupt("erasures: marker of version " + std::to_string(version) + ", this program knows " +
                   std::to_string(kVersion));
  const uint64_t count = in.varint();
  for (uint64_t n = 0; n < count && in.ok(); ++n) ids.emplace(in.str());
  if (!in.ok()) return corrupt("erasures: a marker ends too early");
  return ids;
}

// A link that is sent twice is one: the later copy must not undo an unlink between them.
Result<IdentityLinks> IdentityLinks::read(EventLog& log) {
  IdentityLinks links(log);
  std::unordered_set<uint64_t> seen;
  TRY(std::unique_ptr<Cursor> cursor, log.read(log.begin()));
  Event event;
  for (;;) {
    TRY(const bool more, cursor->next());
    if (!more) return links;
    TRY_STATUS(cursor->decode(event));
    if (event.type != EventType::kIdentityLink && event.type != EventType::kIdentityUnlink) continue;
    if (event.id.empty() || seen.insert(mix64(hash_bytes(event.source), hash_bytes(event.id))).second)
      links.apply(cursor->offset(), event);
  }
}

void IdentityLinks::apply(Offset at, const Event& event) {
  const uint64_t from = hash_bytes(event.user), to = hash_bytes(event.user_to);
  if (event.user.empty()) return;
  if (event.type == EventType::kIdentityUnlink) {
    links_.erase(from);
    return;
  }
  if (event.user_to.empty() || links_.contains(from) || root(to) == from) return;  // Unlink first; a circle.
  links_[from] = {to, at};
}

uint64_t IdentityLinks::root(uint64_t id) const {
  auto at = links_.find(id);
  for (int hops = 0; at != links_.end() && hops < kHopsMax; ++hops) {
    id = at->second.to;
    at = links_.find(id);
  }
  return id;
}

Result<Ids> IdentityLinks::with(const Ids& ids) const {
  std::unordered_set<uint64_t> roots;
  for (const std::string& id : ids) roots.insert(root(hash_bytes(id)));
  std::vector<Offset> where;
  for (const auto& [from, link] : links_)
    if (roots.contains(root(from))) where.push_back(link.at);
  std::sort(where.begin(), where.end());
  Ids all = ids;
  Event event;
  for (const Offset at : where) {
    TRY(std::unique_ptr<Cursor> cursor, log_->read(at));
    TRY(const bool more, cursor->next());
    if (!more) return corrupt("log offset " + std::to_string(at) + ": not there any more");
    TRY_STATUS(cursor->decode(event));
    all.insert({event.user, event.user_to});
  }
  return all;
}

}  // namespace freshet
