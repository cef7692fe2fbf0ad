#include "dialect/internal/writes.h"

#include "dialect/internal/records.h"
#include "env/clock.h"
#include "env/secret.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kLinesBytes = 8 << 20;  // Flushed before they grow larger.
constexpr std::chrono::seconds kWait{10};

}  // namespace

// A source of its own for every request: the same record may come again, and is no duplicate then.
RecordWrites::RecordWrites(Parts& parts, const Index& index, std::string_view by)
    : parts_(parts), index_(index), by_(by), lock_(parts.writing), source_("storefront-" + random_hex(8)) {}

Status RecordWrites::put(const std::string& id, const Json& record) {
  TRY(std::string line, item_line(record, id));
  lines_ += line;
  lines_.push_back('\n');
  written_[id] = record.object() == nullptr ? Json::Object() : *record.object();
  return lines_.size() > kLinesBytes ? flush() : Status();
}

Status RecordWrites::change(const std::string& id, const Json& changes, bool create) {
  Json record;
  record.value = Json::Object();
  auto& members = std::get<Json::Object>(record.value);
  bool there = false;
  if (const auto earlier = written_.find(id); earlier != written_.end()) {
    there = !earlier->second.empty();
    members = earlier->second;
  } else if (!is_staged()) {
    if (!parts_.engine.wait_applied(parts_.engine.log().end(), kWait))
      return unavailable("earlier writes are not in force yet");
    const Result<ItemView> found = parts_.engine.item(id);
    there = found.ok() && found->record.listed;
    if (there) members = record_of(found->record.attributes);
  }
  if (!there && !create) return {};
  TRY_STATUS(change_record(changes, members));
  if (members.empty()) members.push_back({"objectID", json_text(id)});
  return put(id, record);
}

Status RecordWrites::remove(const std::string& id) {
  if (is_staged())
    return invalid("objectID: a record of a staged index cannot be deleted before it is moved");
  TRY_STATUS(flush());
  Event event;
  event.type = EventType::kItemDelete;
  event.item = id;
  event.id = random_hex(8);
  TRY(const Accepted taken,
      parts_.engine.event(event, {.door = "storefront", .source = source_, .now_ms = now_ms()}));
  end_ = std::max(end_, taken.end);
  written_[id] = {};
  return {};
}

Status RecordWrites::remove_matching(const std::string& filter) {
  TRY_STATUS(flush());
  if (!parts_.engine.wait_applied(parts_.engine.log().end(), kWait))
    return unavailable("earlier writes are not in force yet");
  std::vector<std::string> ids;
  BrowseRequest request{filter, "", 1000, {}};
  do {
    TRY(const BrowseAnswer page, parts_.engine.browse(request));
    for (const SearchHit& hit : page.hits) ids.push_back(hit.id);
    request.cursor = page.cursor;
  } while (!request.cursor.empty());
  for (const std::string& id : ids) TRY_STATUS(remove(id));
  return {};
}

Status RecordWrites::clear() {
  if (!is_staged()) return remove_matching("");
  lines_.clear();
  const Status done = parts_.engine.discard_catalogue(index_.catalogue, by_);
  return done.ok() || done.error().code == Code::kNotFound ? Status() : done;
}

Status RecordWrites::flush() {
  if (lines_.empty()) return {};
  const Door door{.door = "storefront", .source = source_, .now_ms = now_ms()};
  TRY(const Accepted taken, parts_.engine.items(lines_, ItemChange::kUpsert, door, BodyKind::kJsonLines,
                                                is_staged() ? index_.catalogue : std::string()));
  lines_.clear();
  end_ = std::max(end_, taken.end);
  if (taken.result.rejected > 0 && refused_ == 0 && !taken.result.errors.empty())
    first_refusal_ = taken.result.errors.front().message();
  refused_ += taken.result.rejected;
  return {};
}

Result<Offset> RecordWrites::finish() {
  TRY_STATUS(flush());
  if (refused_ > 0)
    return invalid(std::to_string(refused_) + " of the records were not taken; the first: " + first_refusal_);
  return end_ == 0 ? parts_.engine.log().end() : end_;
}

}  // namespace freshet::dialect_internal
