#include "dialect/internal/records.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "dialect/internal/params.h"
#include "event/value_json.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kKeptBytes = 60'000;  // Of JSON kept beside; more is not, and comes back flattened.

bool is_position(std::string_view key, size_t& position) {
  const auto [stop, error] = std::from_chars(key.data(), key.data() + key.size(), position);
  return error == std::errc() && stop == key.data() + key.size() && std::to_string(position) == key;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
}

bool name_comes_back(std::string_view name) {
  return !name.empty() && name.find('.') == std::string_view::npos && !has_control(name);
}

bool list_comes_back(const Json::List& list) {
  const bool texts =
      std::all_of(list.begin(), list.end(), [](const Json& one) { return one.text() != nullptr; });
  const bool objects =
      std::all_of(list.begin(), list.end(), [](const Json& one) { return one.object() != nullptr; });
  return (texts || objects) &&
         std::all_of(list.begin(), list.end(), [](const Json& one) { return comes_back(one); });
}

// A list with a null in it has no flat form: it is only kept.
bool lists_nothing(const Json& value) {
  if (const Json::List* list = value.list())
    return std::any_of(list->begin(), list->end(),
                       [](const Json& one) { return one.is_null() || lists_nothing(one); });
  if (const Json::Object* object = value.object())
    return std::any_of(object->begin(), object->end(),
                       [](const Json::Member& one) { return lists_nothing(one.value); });
  return false;
}

Json::Object kept_of(const std::vector<Attribute>& attributes) {
  for (const Attribute& one : attributes) {
    const auto* text = std::get_if<std::string>(&one.value);
    if (one.name != kKept || text == nullptr) continue;
    Result<Json> json = parse_json(*text, {text->size(), 24});
    if (json.ok() && json->object() != nullptr) return std::get<Json::Object>(std::move(json->value));
  }
  return {};
}

std::string_view top_of(std::string_view name) {
  return name.substr(0, name.find('.'));
}

bool is_kept(const Json::Object& kept, std::string_view top) {
  return std::any_of(kept.begin(), kept.end(), [&](const Json::Member& m) { return m.name == top; });
}

}  // namespace

bool comes_back(const Json& value) {
  if (value.is_null()) return false;
  if (const std::string* text = value.text())
    return !has_control(*text) && !text->starts_with(' ') && !text->ends_with(' ');
  if (const Json::List* list = value.list()) return list_comes_back(*list);
  if (const Json::Object* object = value.object()) {
    size_t position = 0;
    if (object->empty() || is_position(object->front().name, position)) return false;
    return std::all_of(object->begin(), object->end(), [](const Json::Member& one) {
      return name_comes_back(one.name) && comes_back(one.value);
    });
  }
  return true;
}

Result<std::string> item_line(const Json& record, std::string_view object_id) {
  const Json::Object* members = record.object();
  if (members == nullptr) return invalid("body: expected an object, got " + std::string(record.kind()));
  JsonWriter json, kept;
  json.object().field("id", object_id).key("attributes").object();
  kept.object();
  bool any = false;
  for (const auto& [name, value] : *members) {
    if (name == "objectID" || name == kKept || name.empty()) continue;
    if (!name_comes_back(name) || !comes_back(value)) {
      write_json(kept.key(name), value);
      any = true;
    }
    if (!value.is_null() && !lists_nothing(value)) write_json(json.key(name), value);
  }
  kept.end();
  if (any && kept.text().size() <= kKeptBytes) json.field(kKept, std::string_view(kept.text()));
  json.end().end();
  return json.take();
}

Selection::Selection(const std::vector<std::string>& names) {
  all_ = false;
  for (const std::string& name : names) {
    if (name == "*") {
      all_ = true;
    } else if (name.starts_with('-')) {
      without_.push_back(name.substr(1));
    } else {
      names_.push_back(name);
    }
  }
  if (!names.empty() && names_.empty()) all_ = true;  // Exclusions only.
}

bool Selection::has(std::string_view name) const {
  const auto covers = [&](const std::string& one) {
    return name == one || (name.starts_with(one) && name[one.size()] == '.');
  };
  if (std::any_of(without_.begin(), without_.end(), covers)) return false;
  return all_ || std::any_of(names_.begin(), names_.end(), covers);
}

std::string_view nested_key(std::string_view name, size_t depth) {
  const std::string_view rest = name.substr(depth);
  return rest.substr(0, rest.find('.'));
}

// A list: every child is a position, and none is missing.
bool nested_is_list(const std::vector<std::string_view>& names, const NestedSpan& span) {
  size_t highest = 0, distinct = 0;
  std::string_view before;
  for (size_t i = span.begin; i < span.end; ++i) {
    const std::string_view key = nested_key(names[i], span.depth);
    size_t position = 0;
    if (!is_position(key, position)) return false;
    highest = std::max(highest, position);
    distinct += i == span.begin || key != before ? 1 : 0;
    before = key;
  }
  return distinct == highest + 1;
}

std::vector<NestedSpan> nested_children(const std::vector<std::string_view>& names, const NestedSpan& span,
                                        bool list) {
  std::vector<NestedSpan> children;
  for (size_t i = span.begin; i < span.end;) {
    const std::string_view key = nested_key(names[i], span.depth);
    if (names[i].size() == span.depth + key.size()) {
      children.push_back({i, i + 1, 0});
      ++i;
      // Leaves below a name that is itself a leaf keep their dots.
      for (; i < span.end && names[i].starts_with(names[children.back().begin]) &&
             names[i][span.depth + key.size()] == '.';
           ++i)
        children.push_back({i, i + 1, 0});
      continue;
    }
    size_t end = i + 1;
    while (end < span.end && nested_key(names[end], span.depth) == key) ++end;
    children.push_back({i, end, span.depth + key.size() + 1});
    i = end;
  }
  if (list) {
    std::sort(children.begin(), children.end(), [&](const NestedSpan& a, const NestedSpan& b) {
      size_t left = 0, right = 0;
      is_position(nested_key(names[a.begin], span.depth), left);
      is_position(nested_key(names[b.begin], span.depth), right);
      return left < right;
    });
  }
  return children;
}

void write_record(JsonWriter& json, const std::vector<Attribute>& attributes, const Selection& selection) {
  const Json::Object kept = kept_of(attributes);
  std::vector<std::string_view> names;
  std::vector<const Value*> values;
  for (const Attribute& one : attributes) {
    if (one.name == kKept || !selection.has(one.name)) continue;
    if (!kept.empty() && is_kept(kept, top_of(one.name))) continue;
    if (!kept.empty() && is_kept(kept, one.name)) continue;
    names.push_back(one.name);
    values.push_back(&one.value);
  }
  write_nested(json, names, [&](size_t i) { write_value(json, *values[i]); });
  for (const Json::Member& one : kept)
    if (selection.has(one.name)) write_json(json.key(one.name), one.value);
}

Json::Object record_of(const std::vector<Attribute>& attributes) {
  JsonWriter json;
  json.object();
  write_record(json, attributes, Selection());
  json.end();
  Result<Json> parsed = parse_json(json.text(), {json.text().size(), 64});
  if (!parsed.ok() || parsed->object() == nullptr) return {};
  return std::get<Json::Object>(std::move(parsed->value));
}

namespace {

double number_of(const Json* value) {
  double out = 0;
  if (value != nullptr) value->number(out);
  return out;
}

Json json_number(double value) {
  Json out;
  if (value == std::floor(value) && std::abs(value) < 9e15) {
    out.value = static_cast<int64_t>(value);
  } else {
    out.value = value;
  }
  return out;
}

// What a built-in operation makes of `old` (null: absent). nullopt: the attribute stays as it is.
Result<std::optional<Json>> operate(const std::string& name, const std::string& operation, const Json* old,
                                    const Json& by) {
  double amount = 0;
  const bool number = by.number(amount);
  const auto need = [&](bool holds, std::string_view what) -> Status {
    if (holds) return {};
    return invalid(name + ".value: expected " + std::string(what) + " for " + operation + ", got " +
                   shown(by));
  };
  if (operation == "Increment" || operation == "Decrement") {
    TRY_STATUS(need(number, "a number"));
    return {json_number(number_of(old) + (operation == "Increment" ? amount : -amount))};
  }
  if (operation == "IncrementFrom") {
    TRY_STATUS(need(number, "a number"));
    if (old == nullptr ? amount != 0 : number_of(old) != amount) return std::optional<Json>();
    return {json_number(amount + 1)};
  }
  if (operation == "IncrementSet") {
    TRY_STATUS(need(number, "a number"));
    if (old != nullptr && number_of(old) >= amount) return std::optional<Json>();
    return {json_number(amount)};
  }
  if (operation != "Add" && operation != "Remove" && operation != "AddUnique")
    return invalid(name +
                   "._operation: expected Increment, Decrement, Add, Remove, AddUnique, IncrementFrom or "
                   "IncrementSet, got \"" +
                   operation.substr(0, 40) + "\"");
  TRY_STATUS(need(number || by.text() != nullptr, "a number or a text"));
  Json::List list;
  if (old != nullptr && old->list() != nullptr) list = *old->list();
  if (old != nullptr && old->list() == nullptr && !old->is_null()) list.push_back(*old);
  const std::string wanted = json_line(by);
  const auto same = [&](const Json& one) { return json_line(one) == wanted; };
  if (operation == "Remove") {
    list.erase(std::remove_if(list.begin(), list.end(), same), list.end());
  } else if (operation == "Add" || std::none_of(list.begin(), list.end(), same)) {
    list.push_back(by);
  }
  Json out;
  out.value = std::move(list);
  return {std::move(out)};
}

}  // namespace

Status change_record(const Json& changes, Json::Object& record) {
  const Json::Object* members = changes.object();
  if (members == nullptr) return invalid("body: expected an object, got " + std::string(changes.kind()));
  for (const auto& [name, value] : *members) {
    if (name == "objectID") continue;
    const auto at = std::find_if(record.begin(), record.end(),
                                 [&n = name](const Json::Member& m) { return m.name == n; });
    std::optional<Json> next = value;
    const Json* operation = value.find("_operation");
    if (operation != nullptr && operation->text() != nullptr) {
      static const Json kNothing;
      const Json* by = value.find("value");
      TRY(next, operate(name, *operation->text(), at == record.end() ? nullptr : &at->value,
                        by == nullptr ? kNothing : *by));
    }
    if (!next) continue;
    if (at != record.end()) {
      at->value = std::move(*next);
    } else {
      record.push_back({name, std::move(*next)});
    }
  }
  return {};
}

}  // namespace freshet::dialect_internal
