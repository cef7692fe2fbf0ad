#include "ingest/cleaner.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "event/vector_attribute.h"
#include "ingest/internal/fields.h"
#include "ingest/internal/json_reader.h"
#include "ingest/internal/missing.h"
#include "ingest/internal/windows.h"
#include "ingest/time_text.h"
#include "text/normalize.h"

namespace freshet {
namespace {

constexpr char kDigits[] = "0123456789abcdefghjkmnpqrstvwxyz";  // Base 32 without i, l, o, u.
constexpr size_t kContentDigits = 13;

// What an event must bear.
enum : uint32_t {
  kNeedsItem = 1,
  kNeedsUser = 2,
  kNeedsUserTo = 4,
  kNeedsShopper = 8,  // User or session.
  kNeedsQuery = 16,
  kNeedsName = 32,
  kNeedsRating = 64,
  kNeedsShown = 128,
};

uint32_t needs_of(EventType type) {
  switch (type) {
    case EventType::kItemUpsert:
    case EventType::kItemUpdate:
    case EventType::kItemDelete:
      return kNeedsItem;
    case EventType::kUserUpsert:
    case EventType::kEraseUser:
      return kNeedsUser;
    case EventType::kIdentityLink:
    case EventType::kIdentityUnlink:
      return kNeedsUser | kNeedsUserTo;
    case EventType::kImpression:
      return kNeedsShown | kNeedsShopper;
    case EventType::kRating:
      return kNeedsItem | kNeedsShopper | kNeedsRating;
    case EventType::kSearch:
      return kNeedsQuery | kNeedsShopper;
    case EventType::kContext:
      return kNeedsName;
    default:
      return kNeedsItem | kNeedsShopper;
  }
}

// What a shopper does, as against what the shop or the world says: only this can be late, or a mere retry.
bool is_behaviour(EventType type) {
  return is_item_action(type) || type == EventType::kImpression || type == EventType::kSearch;
}

// Actions a program can do faster than a person. An order's lines come together by nature.
bool can_be_burst(EventType type) {
  return type == EventType::kView || type == EventType::kClick || type == EventType::kAddToCart ||
         type == EventType::kWishlist;
}

bool reject(Rejection& out, RejectReason reason, std::string_view field, std::string expected,
            std::string_view got = {}) {
  out.reason = reason;
  out.field = field;
  out.expected = std::move(expected);
  out.got = shown_value(got);
  return false;
}

std::string number_text(double number) {
  std::string out;
  append_number(number, out);
  return out;
}

void trim_spaces(std::string& text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) {
    text.clear();
    return;
  }
  const size_t last = text.find_last_not_of(' ');
  if (last + 1 < text.size()) text.resize(last + 1);
  if (first > 0) text.erase(0, first);
}

uint64_t id_key(std::string_view source, std::string_view id) {
  return hash_bytes(id, hash_bytes(source));
}

// What our own export says of the catalogue that an item, or a swap, belongs to.
void take_catalogue(Event& event) {
  const auto mark = std::find_if(event.attributes.begin(), event.attributes.end(),
                                 [](const Attribute& one) { return one.name == kCatalogueMark; });
  if (mark == event.attributes.end()) return;
  if (auto* const text = std::get_if<std::string>(&mark->value)) event.catalogue = std::move(*text);
  event.attributes.erase(mark);
}

// Content and place, in this or the last span of retry_ms: two keys that a retry meets one of.
uint64_t retry_key(std::string_view source, uint64_t content, TimeMs span) {
  return mix64(mix64(content, hash_bytes(source)), static_cast<uint64_t>(span));
}

TimeMs span_of(TimeMs now, TimeMs retry_ms) {
  return retry_ms > 0 ? now / retry_ms : now;
}

void append_base32(uint64_t number, size_t digits, std::string& out) {
  for (size_t i = digits; i-- > 0;) out.push_back(kDigits[(number >> (5 * i)) & 31]);
}

// "~" content, and "-" time when the content alone does not tell it from a true repetition.
void derive_id(uint64_t content, bool timeless, TimeMs now, std::string& id) {
  id.assign(1, '~');
  append_base32(content, kContentDigits, id);
  if (!timeless) return;
  id.push_back('-');
  append_base32(static_cast<uint64_t>(now), 9, id);
}

bool content_of_id(std::string_view id, uint64_t& content) {
  if (id.size() != kContentDigits + 11 || id[0] != '~' || id[kContentDigits + 1] != '-') return false;
  content = 0;
  for (const char c : id.substr(1, kContentDigits)) {
    const auto* digit = std::char_traits<char>::find(kDigits, 32, c);
    if (digit == nullptr) return false;
    content = content << 5 | static_cast<uint64_t>(digit - kDigits);
  }
  return true;
}

}  // namespace

struct Cleaner::Rep {
  explicit Rep(CleanerConfig given)
      : config(std::move(given)),
        missing(config.missing),
        seen(config.duplicate_window),
        robots(config.robots == RobotPolicy::kOff ? 0 : config.shoppers_watched, config.robot_events,
               config.robot_window_ms, config.robot_distinct_share),
        quotas(config.quota_per_second, config.quota_burst) {}

  bool tidy_id(std::string& text, std::string_view field, Rejection& rejection) const;
  bool tidy_text(std::string& text, size_t bytes_max, std::string_view field, Rejection& rejection) const;
  bool check_texts(Event& event, Rejection& rejection) const;
  bool check_lists(Event& event, Rejection& rejection) const;
  bool check_attribute(Attribute& attribute, Rejection& rejection) const;
  bool check_item_vector(const Value& value, Rejection& rejection) const;
  bool check_needs(const Event& event, Rejection& rejection) const;
  bool check_numbers(const Event& event, Rejection& rejection) const;
  bool check_times(const Event& event, TimeMs now, bool any_age, Rejection& rejection) const;

  const CleanerConfig config;
  MissingValues missing;
  DuplicateWindow seen;
  RobotWatch robots;
  Quotas quotas;
  uint64_t marked = 0;
};

bool Cleaner::Rep::tidy_id(std::string& text, std::string_view field, Rejection& rejection) const {
  if (!is_plain(text)) {
    if (!normalize_nfc(text)) return reject(rejection, RejectReason::kEncoding, field, "valid UTF-8", text);
    trim_spaces(text);
    if (has_control(text))
      return reject(rejection, RejectReason::kControl, field, "no control character", text);
  } else if (!text.empty() && (text.front() == ' ' || text.back() == ' ')) {
    trim_spaces(text);
  }
  if (text.size() <= config.limits.id_bytes_max) return true;
  return reject(rejection, RejectReason::kTooLong, field,
                "at most " + std::to_string(config.limits.id_bytes_max) + " bytes", text);
}

bool Cleaner::Rep::tidy_text(std::string& text, size_t bytes_max, std::string_view field,
                             Rejection& rejection) const {
  if (!normalize_nfc(text)) return reject(rejection, RejectReason::kEncoding, field, "valid UTF-8", text);
  replace_controls(text);
  if (text.size() <= bytes_max) return true;
  return reject(rejection, RejectReason::kTooLong, field, "at most " + std::to_string(bytes_max) + " bytes",
                text);
}

bool Cleaner::Rep::check_texts(Event& event, Rejection& rejection) const {
  for (int i = static_cast<int>(Field::kId); i <= static_cast<int>(Field::kValue); ++i) {
    const auto field = static_cast<Field>(i);
    std::string& text = *text_of(event, field);
    if (text.empty()) continue;
    const bool free_text = field == Field::kQuery || field == Field::kName || field == Field::kValue;
    const bool good = free_text ? tidy_text(text, config.limits.query_bytes_max, field_name(field), rejection)
                                : tidy_id(text, field_name(field), rejection);
    if (!good) return false;
  }
  if (event.currency.empty()) return true;
  for (char& c : event.currency) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  const bool letters = event.currency.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
  if (letters && event.currency.size() == 3) return true;
  return reject(rejection, RejectReason::kUnknown, "currency", "three letters (ISO 4217)", event.currency);
}

// An item's own vector; null takes it away.
bool Cleaner::Rep::check_item_vector(const Value& value, Rejection& rejection) const {
  if (std::holds_alternative<std::monostate>(value)) return true;
  const uint32_t dim = config.vector_dim ? config.vector_dim() : 0;
  const Result<std::vector<float>> vector = parse_vector(value, kVectorAttribute, dim);
  if (vector.ok()) return true;
  const std::string length = dim == 0 ? "1 to " + std::to_string(kVectorDimMax) : std::to_string(dim);
  return reject(rejection, RejectReason::kRange, kVectorAttribute, length + " numbers, not all zero",
                vector.error().what);
}

bool Cleaner::Rep::check_attribute(Attribute& attribute, Rejection& rejection) const {
  if (!tidy_text(attribute.name, config.limits.name_bytes_max, "attribute name", rejection)) return false;
  if (attribute.name.empty()) return reject(rejection, RejectReason::kMissing, "attribute name", "a name");
  if (attribute.name.compare(0, 8, "freshet.") == 0 && !config.take_reserved)
    return reject(rejection, RejectReason::kReserved, attribute.name,
                  "a name that does not begin with freshet.");
  if (attribute.name == kVectorAttribute) return check_item_vector(attribute.value, rejection);
  if (auto* const text = std::get_if<std::string>(&attribute.value))
    return tidy_text(*text, config.limits.text_bytes_max, attribute.name, rejection);
  if (const auto* const number = std::get_if<double>(&attribute.value); number && !std::isfinite(*number))
    return reject(rejection, RejectReason::kRange, attribute.name, "a finite number");
  if (auto* const list = std::get_if<std::vector<std::string>>(&attribute.value)) {
    if (list->size() > config.limits.list_max)
      return reject(rejection, RejectReason::kTooMany, attribute.name,
                    "at most " + std::to_string(config.limits.list_max) + " values");
    for (std::string& text : *list)
      if (!tidy_text(text, config.limits.text_bytes_max, attribute.name, rejection)) return false;
  }
  return true;
}

bool Cleaner::Rep::check_lists(Event& event, Rejection& rejection) const {
  if (event.shown.size() > config.limits.list_max)
    return reject(rejection, RejectReason::kTooMany, "items",
                  "at most " + std::to_string(config.limits.list_max) + " items");
  for (size_t i = 0; i < event.shown.size(); ++i) {
    ShownItem& shown = event.shown[i];
    const auto path = [&](const char* what) { return "items[" + std::to_string(i) + "]." + what; };
    if (shown.item.empty()) return reject(rejection, RejectReason::kMissing, path("item"), "an item");
    if (!tidy_id(shown.item, "items", rejection)) {
      rejection.field = path("item");
      return false;
    }
    const float p = shown.propensity;
    if (!std::isnan(p) && !(p > 0 && p <= 1))
      return reject(rejection, RejectReason::kRange, path("propensity"), "a number above 0, at most 1",
                    number_text(static_cast<double>(p)));
  }
  if (event.attributes.size() > config.limits.attributes_max)
    return reject(rejection, RejectReason::kTooMany, "attributes",
                  "at most " + std::to_string(config.limits.attributes_max) + " attributes");
  for (Attribute& attribute : event.attributes)
    if (!check_attribute(attribute, rejection)) return false;
  return true;
}

bool Cleaner::Rep::check_needs(const Event& event, Rejection& rejection) const {
  const uint32_t needs = needs_of(event.type);
  const std::string_view type = event_type_name(event.type);
  const auto missing_field = [&](std::string_view field, std::string expected) {
    return reject(rejection, RejectReason::kMissing, field,
                  std::move(expected) + " for " + std::string(type));
  };
  if ((needs & kNeedsItem) && event.item.empty()) return missing_field("item", "an item");
  if ((needs & kNeedsUser) && event.user.empty()) return missing_field("user", "a user");
  if ((needs & kNeedsUserTo) && event.user_to.empty()) return missing_field("user_to", "the known user");
  if ((needs & kNeedsShopper) && config.require_shopper && event.user.empty() && event.session.empty())
    return missing_field("user", "a user or a session");
  if ((needs & kNeedsQuery) && event.query.empty()) return missing_field("query", "the query");
  if ((needs & kNeedsName) && event.name.empty()) return missing_field("name", "the kind of context");
  if ((needs & kNeedsRating) && !has_number(event.rating)) return missing_field("rating", "a rating");
  if ((needs & kNeedsShown) && event.shown.empty()) return missing_field("items", "the items shown");
  if ((needs & kNeedsUserTo) && event.user == event.user_to)
    return reject(rejection, RejectReason::kRange, "user_to", "another user than user", event.user_to);
  return true;
}

bool Cleaner::Rep::check_numbers(const Event& event, Rejection& rejection) const {
  const auto within = [&](std::string_view field, double number, double low, double high) {
    if (!has_number(number) || (number >= low && number <= high)) return true;
    return reject(rejection, RejectReason::kRange, field,
                  "a number from " + number_text(low) + " to " + number_text(high), number_text(number));
  };
  if (!within("price", event.price, 0, config.price_max) ||
      !within("rating", event.rating, config.rating_min, config.rating_max) ||
      !within("result_count", event.result_count, 0, 1e12))
    return false;
  if (!has_number(event.quantity) || (event.quantity > 0 && event.quantity <= config.quantity_max))
    return true;
  return reject(rejection, RejectReason::kRange, "quantity",
                "a number above 0, at most " + number_text(config.quantity_max), number_text(event.quantity));
}

bool Cleaner::Rep::check_times(const Event& event, TimeMs now, bool any_age, Rejection& rejection) const {
  if (event.until_ms != kNoTime && event.until_ms < event.time_ms)
    return reject(rejection, RejectReason::kRange, "until", "a time after " + iso_time(event.time_ms),
                  iso_time(event.until_ms));
  // A forecast or a planned promotion may lie ahead, and an item may have changed long ago.
  const bool may_lie_ahead = event.type == EventType::kContext;
  TimeMs latest = config.latest_ms;
  if (now != kNoTime && config.future_ms_max > 0) latest = now + config.future_ms_max;
  if (latest != kNoTime && !may_lie_ahead && event.time_ms > latest)
    return reject(rejection, RejectReason::kFuture, "time", "a time up to " + iso_time(latest),
                  iso_time(event.time_ms));
  if (now == kNoTime || any_age) return true;
  if (config.late_ms_max > 0 && is_behaviour(event.type) && now - event.time_ms > config.late_ms_max)
    return reject(rejection, RejectReason::kTooOld, "time",
                  "a time from " + iso_time(now - config.late_ms_max) + " on", iso_time(event.time_ms));
  return true;
}

CleanerConfig CleanerConfig::live() {
  return {};
}

CleanerConfig CleanerConfig::history() {
  CleanerConfig config;
  config.require_shopper = false;
  config.late_ms_max = 0;
  config.future_ms_max = 0;
  config.robots = RobotPolicy::kOff;
  config.take_reserved = true;
  // Our own export writes what the door, or the server itself, has added to an event.
  config.limits.event_bytes_max = config.limits.line_bytes_max;
  config.limits.fields_max += 16;
  return config;
}

Result<RobotPolicy> parse_robot_policy(std::string_view text) {
  if (text == "off") return RobotPolicy::kOff;
  if (text == "mark") return RobotPolicy::kMark;
  if (text == "dead-letter") return RobotPolicy::kDeadLetter;
  return invalid("robots: expected off, mark or dead-letter, got \"" + std::string(text) + "\"");
}

Cleaner::Cleaner(CleanerConfig config) : rep_(std::make_unique<Rep>(std::move(config))) {}
Cleaner::~Cleaner() = default;

bool Cleaner::check(Event& event, TimeMs now_ms, Rejection& rejection, bool any_age) {
  std::string_view refused;
  if (!rep_->missing.fill(event, refused)) {
    const std::string expected = std::string(refused) + " (policy: reject)";
    return reject(rejection, RejectReason::kMissing, refused, expected);
  }
  event.received_ms = now_ms;
  if (event.time_ms == kNoTime) event.time_ms = now_ms;
  if (event.time_ms == kNoTime) return reject(rejection, RejectReason::kMissing, "time", "a time");
  if (rep_->config.take_reserved) take_catalogue(event);
  if (is_administration(event.type)) {  // As it was checked when it was done: no text of it is an id.
    if (!rep_->config.take_reserved)
      return reject(rejection, RejectReason::kUnknown, "type", event_type_list(),
                    event_type_name(event.type));
    return rep_->check_times(event, now_ms, any_age, rejection);
  }
  if (!rep_->check_texts(event, rejection) || !rep_->check_needs(event, rejection) ||
      !rep_->check_numbers(event, rejection) || !rep_->check_lists(event, rejection) ||
      !rep_->check_times(event, now_ms, any_age, rejection))
    return false;
  rep_->missing.learn(event);
  return true;
}

Verdict Cleaner::admit(Event& event, uint64_t content, TimeMs now_ms, Rejection& rejection) {
  const CleanerConfig& config = rep_->config;
  const bool timeless = event.id.empty() && now_ms != kNoTime && event.time_ms == now_ms;
  uint64_t key = 0;
  bool check_duplicate = true;
  if (event.id.empty()) derive_id(content, timeless, now_ms, event.id);
  if (timeless) {
    const TimeMs span = span_of(now_ms, config.retry_ms);
    key = retry_key(event.source, content, span);
    check_duplicate = is_behaviour(event.type) && config.retry_ms > 0;
    if (check_duplicate && rep_->seen.contains(retry_key(event.source, content, span - 1)))
      return Verdict::kDuplicate;
  } else {
    key = id_key(event.source, event.id);
  }
  if (check_duplicate && rep_->seen.contains(key)) return Verdict::kDuplicate;
  if (now_ms != kNoTime && !rep_->quotas.take(event.source, now_ms)) {
    reject(rejection, RejectReason::kQuota, "source",
           "at most " + number_text(config.quota_per_second) + " events a second", event.source);
    return Verdict::kReject;
  }
  if (config.robots != RobotPolicy::kOff && can_be_burst(event.type)) {
    const std::string& shopper = event.user.empty() ? event.session : event.user;
    if (!shopper.empty() &&
        rep_->robots.is_robot(hash_bytes(shopper), hash_bytes(event.item), event.time_ms)) {
      if (config.robots == RobotPolicy::kDeadLetter) {
        reject(rejection, RejectReason::kRobot, event.user.empty() ? "session" : "user",
               "fewer than " + std::to_string(config.robot_events) + " events within " +
                   std::to_string(config.robot_window_ms / 1000) + " s",
               shopper);
        return Verdict::kReject;
      }
      event.attributes.push_back({std::string(kRobotMark), true});
      ++rep_->marked;
    }
  }
  if (check_duplicate) rep_->seen.insert(key);
  return Verdict::kTake;
}

void Cleaner::settle(bool appended) {
  if (appended) {
    rep_->seen.keep();
  } else {
    rep_->seen.take_back();
  }
}

void Cleaner::remember(const Event& event) {
  uint64_t content = 0;
  if (event.id.empty()) return;
  if (content_of_id(event.id, content) && event.received_ms != kNoTime) {
    rep_->seen.insert(retry_key(event.source, content, span_of(event.received_ms, rep_->config.retry_ms)));
  } else {
    rep_->seen.insert(id_key(event.source, event.id));
  }
  rep_->seen.keep();
}

uint64_t Cleaner::marked() const {
  return rep_->marked;
}
TimeMs Cleaner::retry_after_ms() const {
  return rep_->quotas.retry_after_ms();
}
size_t Cleaner::bytes() const {
  return rep_->seen.bytes() + rep_->robots.bytes() + rep_->missing.bytes();
}
const CleanerConfig& Cleaner::config() const {
  return rep_->config;
}

}  // namespace freshet
