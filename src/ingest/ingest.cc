#include "ingest/ingest.h"

#include "base/hash.h"
#include "ingest/internal/event_text.h"
#include "ingest/internal/workspace.h"

namespace freshet {

std::unique_ptr<Workspace> Ingest::Rep::borrow() {
  const std::lock_guard<std::mutex> lock(spare_mutex);
  if (spare.empty()) return std::make_unique<Workspace>(cleaner.config().limits);
  std::unique_ptr<Workspace> workspace = std::move(spare.back());
  spare.pop_back();
  workspace->clear();
  workspace->keeps_letters = true;
  return workspace;
}

void Ingest::Rep::give_back(std::unique_ptr<Workspace> workspace) {
  workspace->pieces.clear();
  workspace->pieces.shrink_to_fit();  // As many as the largest body had objects.
  const std::lock_guard<std::mutex> lock(spare_mutex);
  spare.push_back(std::move(workspace));
}

// True: all its events are with the sink or known already. False: refused (staged.why), or `failed`.
bool Ingest::Rep::take_one(Workspace& work, Staged& staged, const Door& door, EventSink& sink,
                           IngestResult& result, Status& failed) {
  if (staged.refused) return false;
  for (size_t i = 0; i < staged.count; ++i)
    if (!cleaner.check(work.events[staged.first + i], door.now_ms, staged.why, door.history)) return false;
  bool all = true;
  for (size_t i = 0; i < staged.count; ++i) {
    Event& event = work.events[staged.first + i];
    switch (cleaner.admit(event, mix64(staged.content, i), door.now_ms, staged.why)) {
      case Verdict::kTake:
        failed = sink.add(event);
        if (!failed.ok()) return false;
        ++result.accepted;
        break;
      case Verdict::kDuplicate:
        ++result.duplicates;
        break;
      case Verdict::kReject:
        all = false;  // The letter keeps the whole; of a replay only what was refused is new.
        break;
    }
  }
  return all;
}

void Ingest::Rep::set_aside(Workspace& work, const Staged& staged, std::string_view texts,
                            std::string_view kind, const Door& door) {
  if (letters == nullptr || !work.keeps_letters) return;
  DeadLetter& letter = work.letters.emplace_back();
  letter.reason = staged.why.reason;
  letter.field = staged.why.field;
  letter.expected = staged.why.expected;
  letter.got = staged.why.got;
  letter.door = door.door;
  letter.kind = kind;
  letter.source = door.source;
  letter.index = staged.index;
  letter.line = staged.line;
  const TimeMs time = door.now_ms == kNoTime ? door.letter_ms : door.now_ms;
  letter.time_ms = time == kNoTime ? 0 : time;
  letter.raw = texts.substr(staged.raw_at, staged.raw_size);
  if (kind != "row") return;
  letter.kind = "event";
  letter.body = staged.refused || staged.count == 0 ? staged.body : event_as_json(work.events[staged.first]);
}

Status Ingest::Rep::take(Workspace& work, std::string_view texts, std::string_view kind, const Door& door,
                         EventSink& sink, IngestResult& result) {
  IngestResult portion;
  Status failed;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    const uint64_t marked = cleaner.marked();
    for (size_t i = 0; i < work.used && failed.ok(); ++i) {
      Staged& staged = work.staged[i];
      ++portion.received;
      if (take_one(work, staged, door, sink, portion, failed) || !failed.ok()) continue;
      staged.why.index = staged.index;
      staged.why.line = staged.line;
      portion.add(staged.why);
      if (staged.why.reason == RejectReason::kQuota) portion.retry_after_ms = cleaner.retry_after_ms();
      set_aside(work, staged, texts, kind, door);
    }
    if (failed.ok() && portion.accepted > 0) failed = sink.append();
    cleaner.settle(failed.ok());
    portion.marked = cleaner.marked() - marked;
    if (failed.ok()) totals.merge(portion);
  }
  // A refusal that cannot be kept fails the call: the sender comes again, and what was taken is known by its
  // id.
  if (failed.ok() && !work.letters.empty()) failed = letters->put(work.letters);
  work.clear();
  if (!failed.ok()) return failed;
  result.merge(portion);
  return {};
}

Result<IngestResult> Ingest::Rep::take_body(std::string_view body, BodyKind kind, const Door& door,
                                            EventSink& sink, std::string_view letter_kind,
                                            std::string_view list_name, EventType item_type, Letters keep) {
  const IngestLimits& limits = cleaner.config().limits;
  if (body.size() > limits.body_bytes_max)
    return exhausted("body: " + std::to_string(body.size()) + " bytes; expected at most " +
                     std::to_string(limits.body_bytes_max));
  std::unique_ptr<Workspace> work = borrow();
  work->keeps_letters = keep == Letters::kKeep;
  JsonFault fault;
  IngestResult result;
  static const JsonPlan kNoPlan;
  const uint64_t content = hash_bytes(body);
  const bool split = split_body(body, kind, list_name, work->pieces, fault);
  const size_t count = work->pieces.size();
  Status status;
  if (!split) {
    // Not one object of it can be trusted: it is refused whole.
    Staged& whole = work->stage();
    whole.refused = true;
    whole.raw_at = 0;
    whole.raw_size = body.size();
    whole.index = whole.line = 0;
    whole.why = {0, 0, RejectReason::kMalformed, place_in(body, fault.at), fault.expected, {}};
    status = take(*work, body, letter_kind, door, sink, result);
    if (status.ok()) status = invalid("body: " + place_in(body, fault.at) + ": expected " + fault.expected);
  } else if (count > limits.batch_events_max) {
    status = exhausted("body: " + std::to_string(count) + " objects; expected at most " +
                       std::to_string(limits.batch_events_max));
  }
  for (size_t i = 0; split && status.ok() && i < count; ++i) {
    const JsonPiece piece = work->pieces[i];
    Staged& staged = work->stage();
    staged.first = work->events.size();
    staged.content = mix64(content, i);
    staged.index = i;
    staged.line = piece.line;
    staged.raw_at = static_cast<size_t>(piece.text.data() - body.data());
    staged.raw_size = piece.text.size();
    staged.refused = letter_kind == "event"
                         ? !work->reader.read_event(piece.text, kNoPlan, work->events, staged.why)
                         : !work->reader.read_item(piece.text, item_type, {}, work->events, staged.why);
    staged.count = work->events.size() - staged.first;
    default_source(work->events, staged.first, door.source);
    if (work->used == kPortion || i + 1 == count) status = take(*work, body, letter_kind, door, sink, result);
  }
  give_back(std::move(work));
  if (!status.ok()) return status.error();
  return result;
}

Ingest::Ingest(CleanerConfig config, DeadLetters* letters)
    : rep_(std::make_unique<Rep>(std::move(config), letters)) {}
Ingest::~Ingest() = default;

Result<IngestResult> Ingest::events(std::string_view body, const Door& door, EventSink& sink, BodyKind kind) {
  return rep_->take_body(body, kind, door, sink, "event", "events", EventType::kView, Letters::kKeep);
}

Result<IngestResult> Ingest::items(std::string_view body, ItemChange change, const Door& door,
                                   EventSink& sink, BodyKind kind) {
  const bool upsert = change == ItemChange::kUpsert;
  return rep_->take_body(body, kind, door, sink, upsert ? "item" : "item-update", "items",
                         upsert ? EventType::kItemUpsert : EventType::kItemUpdate, Letters::kKeep);
}

Result<IngestResult> Ingest::item(std::string_view id, std::string_view body, ItemChange change,
                                  const Door& door, EventSink& sink) {
  const bool upsert = change == ItemChange::kUpsert;
  const IngestLimits& limits = rep_->cleaner.config().limits;
  if (body.size() > limits.body_bytes_max)
    return exhausted("body: " + std::to_string(body.size()) + " bytes; expected at most " +
                     std::to_string(limits.body_bytes_max));
  std::unique_ptr<Workspace> work = rep_->borrow();
  IngestResult result;
  Staged& staged = work->stage();
  staged.first = 0;
  staged.content = mix64(hash_bytes(body), hash_bytes(id));
  staged.index = staged.line = 0;
  staged.raw_at = 0;
  staged.raw_size = body.size();
  staged.refused = !work->reader.read_item(body, upsert ? EventType::kItemUpsert : EventType::kItemUpdate, id,
                                           work->events, staged.why);
  staged.count = work->events.size();
  default_source(work->events, 0, door.source);
  const Status status = rep_->take(*work, body, upsert ? "item" : "item-update", door, sink, result);
  rep_->give_back(std::move(work));
  if (!status.ok()) return status.error();
  return result;
}

Result<IngestResult> Ingest::delete_item(std::string_view id, const Door& door, EventSink& sink) {
  Event event;
  event.type = EventType::kItemDelete;
  event.item = id;
  return this->event(event, door, sink);
}

Result<IngestResult> Ingest::event(Event& event, const Door& door, EventSink& sink) {
  std::unique_ptr<Workspace> work = rep_->borrow();
  IngestResult result;
  const std::string raw = event_as_json(event);
  Staged& staged = work->stage();
  staged.first = 0;
  staged.count = 1;
  staged.content = hash_bytes(raw);
  staged.index = staged.line = 0;
  staged.raw_at = 0;
  staged.raw_size = raw.size();
  work->events.add() = event;
  default_source(work->events, 0, door.source);
  const Status status = rep_->take(*work, raw, "event", door, sink, result);
  rep_->give_back(std::move(work));
  if (!status.ok()) return status.error();
  return result;
}

Result<IngestResult> Ingest::replay(uint64_t number, TimeMs now_ms, EventSink& sink) {
  if (rep_->letters == nullptr) return not_found("dead letters: none are kept here");
  TRY(const DeadLetter letter, rep_->letters->get(number));
  if (letter.truncated && letter.body.empty())
    return invalid("dead letter " + std::to_string(number) + ": was cut to " +
                   std::to_string(letter.raw.size()) + " bytes when it was stored; fix it first");
  const Door door{.door = letter.door, .source = letter.source, .now_ms = now_ms};
  const bool is_event = letter.kind == "event";
  const EventType type = letter.kind == "item" ? EventType::kItemUpsert : EventType::kItemUpdate;
  Result<IngestResult> result =
      rep_->take_body(letter.replayable(), BodyKind::kAuto, door, sink, is_event ? "event" : "item",
                      is_event ? "events" : "items", type, Letters::kNone);
  if (result.ok() && result->rejected == 0) {
    TRY_STATUS(rep_->letters->remove(number));
    return result;
  }
  if (!result.ok() && result.error().code == Code::kUnavailable) return result;
  Rejection why;
  if (result.ok() && !result->errors.empty()) {
    why = result->errors.front();
  } else if (!result.ok()) {
    why.expected = result.error().what;
  }
  TRY_STATUS(rep_->letters->failed_again(number, why));
  return result;
}

void Ingest::remember(const Event& event) {
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  rep_->cleaner.remember(event);
}

IngestResult Ingest::totals() const {
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  return rep_->totals;
}

size_t Ingest::bytes() const {
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  return rep_->cleaner.bytes();
}

const CleanerConfig& Ingest::config() const {
  return rep_->cleaner.config();
}

Status LogSink::add(const Event& event) {
  batch_.add(event);
  return {};
}

Status LogSink::append() {
  const size_t count = batch_.count();
  Result<Offset> first = log_.append(batch_);
  batch_.clear();
  if (!first.ok()) return first.error();
  if (count > 0) end_ = *first + count;
  return {};
}

}  // namespace freshet
