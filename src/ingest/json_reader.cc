#include "ingest/internal/json_reader.h"

#include <cstring>

#include <simdjson.h>

#include "event/vector_attribute.h"
#include "ingest/internal/json_text.h"
#include "ingest/time_text.h"

namespace freshet {
namespace {

namespace dom = simdjson::dom;
using dom::element_type;

bool reject(Rejection& out, RejectReason reason, std::string_view field, std::string_view expected,
            std::string_view got = {}) {
  out.reason = reason;
  out.field = field;
  out.expected = expected;
  out.got = shown_value(got);
  return false;
}

bool reject(Rejection& out, RejectReason reason, std::string_view field, std::string_view expected,
            dom::element got) {
  return reject(out, reason, field, expected, simdjson::minify(got));
}

// By value: a loop over a temporary's inside would outlive it.
dom::object object_of(dom::element value) {
  dom::object object;
  CHECK(value.get_object().get(object) == simdjson::SUCCESS);
  return object;
}
dom::array array_of(dom::element value) {
  dom::array array;
  CHECK(value.get_array().get(array) == simdjson::SUCCESS);
  return array;
}

bool is_upsert(EventType type) {
  return type == EventType::kItemUpsert || type == EventType::kItemUpdate || type == EventType::kUserUpsert;
}

// Texts may come as numbers: ids of many shops are numbers. False: neither.
bool text_from(dom::element value, std::string& out) {
  switch (value.type()) {
    case element_type::STRING:
      out = value.get_string().value_unsafe();
      return true;
    case element_type::INT64:
      out = std::to_string(value.get_int64().value_unsafe());
      return true;
    case element_type::UINT64:
      out = std::to_string(value.get_uint64().value_unsafe());
      return true;
    case element_type::DOUBLE:
      out.clear();
      append_number(value.get_double().value_unsafe(), out);
      return true;
    case element_type::NULL_VALUE:
      out.clear();
      return true;
    default:
      return false;
  }
}

bool number_from(dom::element value, double& out) {
  switch (value.type()) {
    case element_type::INT64:
    case element_type::UINT64:
    case element_type::DOUBLE:
      return value.get_double().get(out) == simdjson::SUCCESS;
    case element_type::STRING: {
      const std::string_view text = value.get_string().value_unsafe();
      if (!text.empty()) return parse_number(text, out);
      out = kNoNumber;
      return true;
    }
    case element_type::NULL_VALUE:
      out = kNoNumber;
      return true;
    default:
      return false;
  }
}

bool time_from(dom::element value, TimeUnit unit, TimeMs& out) {
  switch (value.type()) {
    case element_type::INT64:
      return time_from_integer(value.get_int64().value_unsafe(), unit, out);
    case element_type::UINT64:
    case element_type::DOUBLE: {
      double number = 0;
      return value.get_double().get(number) == simdjson::SUCCESS && time_from_number(number, unit, out);
    }
    case element_type::STRING: {
      const std::string_view text = value.get_string().value_unsafe();
      return text.empty() || time_from_text(text, unit, out);
    }
    case element_type::NULL_VALUE:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct JsonReader::Rep {
  explicit Rep(const IngestLimits& given) : limits(given) {}

  bool parse(std::string_view json, dom::object& object, Rejection& rejection);
  bool set(Event& event, Field field, std::string_view path, dom::element value, TimeUnit unit,
           Rejection& rejection);
  bool flatten(Event& event, std::string& name, dom::element value, size_t depth, Rejection& rejection);
  bool add_attribute(Event& event, std::string_view name, Value value, Rejection& rejection);
  bool read_list(Event& event, const std::string& path, dom::element value, Rejection& rejection);
  bool read_shown(Event& event, dom::element list, Rejection& rejection);
  bool read_propensities(Event& event, dom::element list, Rejection& rejection);
  bool read_lines(dom::element list, EventPool& out, size_t base, Rejection& rejection);
  bool read_line(Event& event, size_t number, dom::element line, Rejection& rejection);

  struct Member {
    std::string_view key;
    dom::element value;
    Field field;
  };
  bool collect(dom::object object, const JsonPlan& plan, Rejection& rejection);
  const Member* find(Field field) const {
    for (const Member& member : members)
      if (member.field == field) return &member;
    return nullptr;
  }
  bool find_type(const JsonPlan& plan, EventType& type, Rejection& rejection) const;

  const IngestLimits limits;
  dom::parser parser;
  std::string padded;
  std::vector<Member> members;
  size_t names = 0;
};

bool JsonReader::Rep::parse(std::string_view json, dom::object& object, Rejection& rejection) {
  if (json.size() > limits.event_bytes_max)
    return reject(rejection, RejectReason::kTooLong, "",
                  "at most " + std::to_string(limits.event_bytes_max) + " bytes",
                  std::to_string(json.size()) + " bytes");
  if (padded.size() < json.size() + simdjson::SIMDJSON_PADDING)
    padded.resize(2 * json.size() + simdjson::SIMDJSON_PADDING);
  std::memcpy(padded.data(), json.data(), json.size());
  std::memset(padded.data() + json.size(), 0, simdjson::SIMDJSON_PADDING);
  dom::element root;
  const simdjson::error_code error = parser.parse(padded.data(), json.size(), false).get(root);
  names = 0;
  if (error == simdjson::SUCCESS) {
    if (root.get_object().get(object) == simdjson::SUCCESS) return true;
    return reject(rejection, RejectReason::kMalformed, "", "an object", root);
  }
  if (error == simdjson::UTF8_ERROR) return reject(rejection, RejectReason::kEncoding, "", "valid UTF-8");
  if (error == simdjson::DEPTH_ERROR)
    return reject(rejection, RejectReason::kTooDeep, "",
                  "at most " + std::to_string(limits.depth_max) + " levels");
  JsonFault fault;
  if (find_fault(json, fault))
    return reject(rejection, RejectReason::kMalformed, "byte " + std::to_string(fault.at), fault.expected,
                  json.substr(std::min(fault.at, json.size())));
  if (error == simdjson::NUMBER_ERROR)
    return reject(rejection, RejectReason::kRange, "", "numbers that a 64-bit float or integer can hold");
  return reject(rejection, RejectReason::kMalformed, "", "JSON", simdjson::error_message(error));
}

bool JsonReader::Rep::collect(dom::object object, const JsonPlan& plan, Rejection& rejection) {
  members.clear();
  for (const dom::key_value_pair pair : object) {
    if (++names > limits.fields_max)
      return reject(rejection, RejectReason::kTooMany, "",
                    "at most " + std::to_string(limits.fields_max) + " names");
    Field field = field_of(pair.key);
    bool mapped = false;
    for (const auto& [key, target] : plan.keys) {
      if (key == pair.key) {
        field = target;
        mapped = true;
      }
    }
    if (field != Field::kNone && field != Field::kAttributes) {
      for (Member& other : members) {
        if (other.key == pair.key)
          return reject(rejection, RejectReason::kMalformed, pair.key, "each name once");
        if (other.field != field) continue;
        // Two synonyms of one field: a mapped name wins, then the field's own; the other is an attribute.
        if (mapped || pair.key == field_name(field)) {
          other.field = Field::kNone;
        } else {
          field = Field::kNone;
        }
        break;
      }
    }
    members.push_back({pair.key, pair.value, field});
  }
  return true;
}

bool JsonReader::Rep::find_type(const JsonPlan& plan, EventType& type, Rejection& rejection) const {
  std::string text;
  const Member* const member = find(Field::kType);
  if (member != nullptr && !text_from(member->value, text))
    return reject(rejection, RejectReason::kType, member->key, "text", member->value);
  if (text.empty()) {
    for (const auto& [field, value] : plan.set)
      if (field == Field::kType) text = value;
  }
  if (text.empty()) return reject(rejection, RejectReason::kMissing, "type", event_type_list());
  for (const auto& [name, mapped] : plan.types) {
    if (name != text) continue;
    type = mapped;
    return true;
  }
  std::optional<EventType> parsed = parse_event_type(text);
  if (!parsed) parsed = parse_administration(text);  // Whether it may be taken is the cleaner's to say.
  if (!parsed) return reject(rejection, RejectReason::kUnknown, "type", event_type_list(), text);
  type = *parsed;
  return true;
}

bool JsonReader::Rep::set(Event& event, Field field, std::string_view path, dom::element value, TimeUnit unit,
                          Rejection& rejection) {
  if (std::string* const text = text_of(event, field))
    return text_from(value, *text) || reject(rejection, RejectReason::kType, path, "text", value);
  if (double* const number = number_of(event, field))
    return number_from(value, *number) || reject(rejection, RejectReason::kType, path, "a number", value);
  if (field == Field::kTimeMs || field == Field::kUntilMs) unit = TimeUnit::kMillis;
  const bool is_until = field == Field::kUntil || field == Field::kUntilMs;
  return time_from(value, unit, is_until ? event.until_ms : event.time_ms) ||
         reject(rejection, RejectReason::kTime, path, "a time: seconds, ms, us or ns since 1970, or ISO 8601",
                value);
}

bool JsonReader::Rep::add_attribute(Event& event, std::string_view name, Value value, Rejection& rejection) {
  if (event.attributes.size() >= limits.attributes_max)
    return reject(rejection, RejectReason::kTooMany, name,
                  "at most " + std::to_string(limits.attributes_max) + " attributes");
  event.attributes.push_back({std::string(name), std::move(value)});
  return true;
}

bool JsonReader::Rep::read_list(Event& event, const std::string& path, dom::element value,
                                Rejection& rejection) {
  const dom::array array = array_of(value);
  const size_t values_max = path == kVectorAttribute ? kVectorDimMax : limits.list_max;
  if (array.size() > values_max)
    return reject(rejection, RejectReason::kTooMany, path,
                  "at most " + std::to_string(values_max) + " values", std::to_string(array.size()));
  std::vector<std::string> list;
  list.reserve(array.size());
  for (const dom::element entry : array) {
    std::string text;
    if (entry.is<bool>()) {
      text = entry.get_bool().value_unsafe() ? "true" : "false";
    } else if (!text_from(entry, text)) {
      return reject(rejection, RejectReason::kType, path, "a list of texts and numbers", entry);
    }
    list.push_back(std::move(text));
  }
  return add_attribute(event, path, std::move(list), rejection);
}

bool JsonReader::Rep::flatten(Event& event, std::string& name, dom::element value, size_t depth,
                              Rejection& rejection) {
  if (depth > limits.depth_max)
    return reject(rejection, RejectReason::kTooDeep, name,
                  "at most " + std::to_string(limits.depth_max) + " levels");
  const size_t length = name.size();
  const auto below = [&](std::string_view key, dom::element inner) {
    if (++names > limits.fields_max)
      return reject(rejection, RejectReason::kTooMany, name,
                    "at most " + std::to_string(limits.fields_max) + " names");
    if (!name.empty()) name.push_back('.');
    name.append(key);
    const bool good = flatten(event, name, inner, depth + 1, rejection);
    if (good) name.resize(length);
    return good;
  };
  switch (value.type()) {
    case element_type::OBJECT:
      for (const dom::key_value_pair pair : object_of(value))
        if (!below(pair.key, pair.value)) return false;
      return true;
    case element_type::ARRAY: {
      const dom::array array = array_of(value);
      bool nested = false;
      for (const dom::element entry : array) nested |= entry.is_object() || entry.is_array();
      if (!nested) return read_list(event, name, value, rejection);
      size_t index = 0;
      for (const dom::element entry : array)
        if (!below(std::to_string(index++), entry)) return false;
      return true;
    }
    case element_type::STRING:
      return add_attribute(event, name, std::string(value.get_string().value_unsafe()), rejection);
    case element_type::INT64:
      return add_attribute(event, name, value.get_int64().value_unsafe(), rejection);
    case element_type::UINT64:
    case element_type::DOUBLE:
      return add_attribute(event, name, value.get_double().value_unsafe(), rejection);
    case element_type::BOOL:
      return add_attribute(event, name, value.get_bool().value_unsafe(), rejection);
    case element_type::NULL_VALUE:
      return add_attribute(event, name, std::monostate{}, rejection);
  }
  return true;
}

bool JsonReader::Rep::read_shown(Event& event, dom::element list, Rejection& rejection) {
  dom::array array;
  if (list.get_array().get(array) != simdjson::SUCCESS)
    return reject(rejection, RejectReason::kType, "items", "a list", list);
  if (array.size() > limits.list_max)
    return reject(rejection, RejectReason::kTooMany, "items",
                  "at most " + std::to_string(limits.list_max) + " items", std::to_string(array.size()));
  size_t index = 0;
  for (const dom::element entry : array) {
    const std::string path = "items[" + std::to_string(index++) + "]";
    ShownItem& shown = event.shown.emplace_back();
    if (!entry.is_object()) {
      if (!text_from(entry, shown.item))
        return reject(rejection, RejectReason::kType, path, "an item", entry);
      continue;
    }
    for (const dom::key_value_pair pair : object_of(entry)) {
      const Field field = field_of(pair.key);
      double number = kNoNumber;
      if (field == Field::kItem || field == Field::kId) {
        if (!text_from(pair.value, shown.item))
          return reject(rejection, RejectReason::kType, path + ".item", "text", pair.value);
      } else if (field == Field::kPropensity) {
        if (!number_from(pair.value, number))
          return reject(rejection, RejectReason::kType, path + ".propensity", "a number", pair.value);
        shown.propensity = static_cast<float>(number);
      }
    }
  }
  return true;
}

bool JsonReader::Rep::read_propensities(Event& event, dom::element list, Rejection& rejection) {
  dom::array array;
  if (list.get_array().get(array) != simdjson::SUCCESS || array.size() != event.shown.size())
    return reject(rejection, RejectReason::kType, "propensities", "a list as long as the items", list);
  size_t index = 0;
  for (const dom::element entry : array) {
    double number = kNoNumber;
    if (!number_from(entry, number))
      return reject(rejection, RejectReason::kType, "propensities", "numbers", entry);
    event.shown[index++].propensity = static_cast<float>(number);
  }
  return true;
}

bool JsonReader::Rep::read_line(Event& event, size_t number, dom::element line, Rejection& rejection) {
  const std::string path = "items[" + std::to_string(number) + "]";
  event.item.clear();
  if (!line.is_object())
    return text_from(line, event.item) || reject(rejection, RejectReason::kType, path, "an item", line);
  for (const dom::key_value_pair pair : object_of(line)) {
    Field field = field_of(pair.key);
    if (field == Field::kId) field = Field::kItem;
    if (field == Field::kItem || field == Field::kCurrency || is_number(field)) {
      if (!set(event, field, path + "." + std::string(pair.key), pair.value, TimeUnit::kAuto, rejection))
        return false;
    } else {
      std::string name(pair.key);
      if (!flatten(event, name, pair.value, 2, rejection)) return false;
    }
  }
  return true;
}

// Each line becomes an event of its own: a copy of what the object says of all, with its own item and
// numbers.
bool JsonReader::Rep::read_lines(dom::element list, EventPool& out, size_t base, Rejection& rejection) {
  dom::array array;
  if (list.get_array().get(array) != simdjson::SUCCESS)
    return reject(rejection, RejectReason::kType, "items", "a list", list);
  if (array.size() == 0) return reject(rejection, RejectReason::kMissing, "items", "at least one item");
  if (array.size() > limits.list_max)
    return reject(rejection, RejectReason::kTooMany, "items",
                  "at most " + std::to_string(limits.list_max) + " items", std::to_string(array.size()));
  const Event whole = out[base];
  // A small body must not become a large log by repeating one long attribute a thousand times.
  if (repeated_bytes(whole) * array.size() > kRepeatedBytesMax)
    return reject(rejection, RejectReason::kTooLong, "items",
                  "at most " + std::to_string(kRepeatedBytesMax) + " bytes of what all lines repeat");
  size_t number = 0;
  for (const dom::element line : array) {
    Event& event = number == 0 ? out[base] : out.add();
    if (number > 0) event = whole;
    if (!whole.id.empty()) event.id = whole.id + "#" + std::to_string(number + 1);
    if (!read_line(event, number, line, rejection)) return false;
    ++number;
  }
  return true;
}

JsonReader::JsonReader(const IngestLimits& limits) : rep_(std::make_unique<Rep>(limits)) {}
JsonReader::~JsonReader() = default;

bool JsonReader::read_event(std::string_view json, const JsonPlan& plan, EventPool& out,
                            Rejection& rejection) {
  dom::object object;
  const size_t base = out.size();
  EventType type = EventType::kView;
  if (!rep_->parse(json, object, rejection) || !rep_->collect(object, plan, rejection) ||
      !rep_->find_type(plan, type, rejection))
    return false;
  Event& event = out.add();
  event.type = type;
  const bool upsert = is_upsert(type);
  const dom::element* list = nullptr;
  const dom::element* propensities = nullptr;
  bool good = true;
  for (const Rep::Member& member : rep_->members) {
    Field field = member.field;
    if (field == Field::kType) continue;
    if (field == Field::kResultCount && member.value.is_array()) field = Field::kItems;
    // Of an item or a shopper everything is an attribute but who, when and whence.
    const bool known = field == Field::kTime || field == Field::kTimeMs || field == Field::kId ||
                       field == Field::kSource || field == Field::kAttributes ||
                       (field == Field::kItem && type != EventType::kUserUpsert) ||
                       (field == Field::kUser && type == EventType::kUserUpsert);
    std::string name(member.key);
    if (field == Field::kAttributes && member.value.is_object()) {
      name.clear();
      good = rep_->flatten(event, name, member.value, 1, rejection);
    } else if (field == Field::kNone || field == Field::kAttributes || field == Field::kPropensity ||
               (upsert && !known)) {
      good = rep_->flatten(event, name, member.value, 1, rejection);
    } else if (field == Field::kItems) {
      list = &member.value;
    } else if (field == Field::kPropensities) {
      propensities = &member.value;
    } else {
      good = rep_->set(event, field, member.key, member.value, plan.time_unit, rejection);
    }
    if (!good) break;
  }
  for (const auto& [field, value] : plan.set) {
    if (good && field != Field::kType && rep_->find(field) == nullptr)
      good = set_field(event, field, value, plan.time_unit, rejection);
  }
  if (good && type == EventType::kItemUpsert && event.item.empty()) std::swap(event.item, event.id);
  if (good && type == EventType::kImpression) {
    if (list != nullptr) good = rep_->read_shown(event, *list, rejection);
    if (good && list == nullptr && !event.item.empty()) event.shown.push_back({std::move(event.item)});
    if (good && propensities != nullptr) good = rep_->read_propensities(event, *propensities, rejection);
    event.item.clear();
  } else if (good && list != nullptr) {
    good = rep_->read_lines(*list, out, base, rejection);
  }
  if (!good) out.drop_to(base);
  return good;
}

bool JsonReader::read_item(std::string_view json, EventType type, std::string_view id, EventPool& out,
                           Rejection& rejection) {
  dom::object object;
  const size_t base = out.size();
  if (!rep_->parse(json, object, rejection) || !rep_->collect(object, {}, rejection)) return false;
  Event& event = out.add();
  event.type = type;
  event.item = id;
  const Rep::Member* naming = nullptr;
  for (const Rep::Member& member : rep_->members) {
    if (member.key == "id") naming = &member;
    if (member.field == Field::kItem && (naming == nullptr || naming->key != "id")) naming = &member;
  }
  bool good = true;
  if (naming != nullptr) {
    std::string named;
    good = text_from(naming->value, named) ||
           reject(rejection, RejectReason::kType, naming->key, "text", naming->value);
    if (good && !id.empty() && named != id)
      good = reject(rejection, RejectReason::kRange, naming->key, "the id of the path, " + std::string(id),
                    named);
    if (good) event.item = std::move(named);
  }
  for (const Rep::Member& member : rep_->members) {
    if (!good) break;
    if (&member == naming) continue;
    std::string name(member.key == "attributes" && member.value.is_object() ? std::string_view()
                                                                            : member.key);
    good = rep_->flatten(event, name, member.value, 1, rejection);
  }
  if (!good) out.drop_to(base);
  return good;
}

bool set_field(Event& event, Field field, std::string_view text, TimeUnit unit, Rejection& rejection) {
  if (std::string* const target = text_of(event, field)) {
    target->assign(text);
    return true;
  }
  if (text.empty()) return true;
  if (double* const target = number_of(event, field))
    return parse_number(text, *target) ||
           reject(rejection, RejectReason::kType, field_name(field), "a number", text);
  if (field == Field::kTimeMs || field == Field::kUntilMs) unit = TimeUnit::kMillis;
  const bool is_until = field == Field::kUntil || field == Field::kUntilMs;
  return time_from_text(text, unit, is_until ? event.until_ms : event.time_ms) ||
         reject(rejection, RejectReason::kTime, field_name(field),
                "a time: seconds, ms, us or ns since 1970, or ISO 8601", text);
}

size_t repeated_bytes(const Event& event) {
  size_t bytes = 64;
  Event& same = const_cast<Event&>(event);  // text_of only finds the member.
  for (int i = static_cast<int>(Field::kId); i <= static_cast<int>(Field::kValue); ++i)
    bytes += text_of(same, static_cast<Field>(i))->size();
  for (const Attribute& attribute : event.attributes) {
    bytes += attribute.name.size() + 10;
    if (const auto* const text = std::get_if<std::string>(&attribute.value)) bytes += text->size();
    if (const auto* const list = std::get_if<std::vector<std::string>>(&attribute.value))
      for (const std::string& text : *list) bytes += text.size() + 2;
  }
  return bytes;
}

std::string event_type_list() {
  std::string out = "one of";
  for (int i = 1; i < static_cast<int>(EventType::kSettings); ++i) {
    out += i == 1 ? " " : ", ";
    out += event_type_name(static_cast<EventType>(i));
  }
  return out;
}

}  // namespace freshet
