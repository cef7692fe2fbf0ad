#include "eval/event_json.h"

#include <charconv>
#include <cmath>

#include "ingest/cleaner.h"

namespace freshet {

namespace {

void put_text(std::string_view text, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  size_t plain = 0;  // Start of what needs no escape and is not yet written.
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    if (c >= 0x20) {
      out.push_back('\\');
      out.push_back(static_cast<char>(c));
    } else {
      out.append("\\u00").push_back(kHex[c >> 4]);
      out.push_back(kHex[c & 15]);
    }
  }
  out.append(text, plain, std::string_view::npos);
  out.push_back('"');
}

template <class T>
void put_number(T number, std::string& out) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

void put_name(std::string_view name, std::string& out) {
  if (out.back() != '{') out.push_back(',');
  out.push_back('"');
  out.append(name);
  out.append("\":");
}

void field(std::string_view name, std::string_view text, std::string& out) {
  if (text.empty()) return;
  put_name(name, out);
  put_text(text, out);
}

void field(std::string_view name, double number, std::string& out) {
  if (!has_number(number)) return;
  put_name(name, out);
  if (std::abs(number) < 1e15 && number == std::floor(number))
    put_number(static_cast<int64_t>(number), out);
  else
    put_number(number, out);
}

// `time`, where its size says that it is milliseconds; else `time_ms`, which says so itself.
void time_field(std::string_view name, TimeMs time, std::string& out) {
  if (time == kNoTime) return;
  constexpr TimeMs kPlain = 100'000'000'000;
  put_name(time >= kPlain ? std::string(name) : std::string(name) + "_ms", out);
  put_number(time, out);
}

// Whole numbers keep a fraction, so that they are read as what they were.
void put_float(double number, std::string& out) {
  const size_t begin = out.size();
  put_number(number, out);
  if (out.find_first_not_of("-0123456789", begin) == std::string::npos) out += ".0";
}

struct PutValue {
  std::string& out;
  void operator()(std::monostate) const { out.append("null"); }
  void operator()(bool v) const { out.append(v ? "true" : "false"); }
  void operator()(int64_t v) const { put_number(v, out); }
  void operator()(double v) const { std::isfinite(v) ? put_float(v, out) : void(out.append("null")); }
  void operator()(const std::string& v) const { put_text(v, out); }
  void operator()(const std::vector<std::string>& list) const {
    out.push_back('[');
    for (size_t i = 0; i < list.size(); ++i) {
      if (i > 0) out.push_back(',');
      put_text(list[i], out);
    }
    out.push_back(']');
  }
};

void put_shown(const ShownItem& shown, std::string& out) {
  if (std::isnan(shown.propensity)) return put_text(shown.item, out);
  out.push_back('{');
  field("item", shown.item, out);
  put_name("propensity", out);
  put_number(shown.propensity, out);
  out.push_back('}');
}

void put_attributes(const Event& event, std::string& out) {
  for (const Attribute& attribute : event.attributes) {
    if (out.back() != '{') out.push_back(',');
    put_text(attribute.name, out);
    out.push_back(':');
    std::visit(PutValue{out}, attribute.value);
  }
}

}  // namespace

void append_event_json(const Event& event, std::string& out) {
  out.push_back('{');
  field("type", event_type_name(event.type), out);
  time_field("time", event.time_ms, out);
  field("id", event.id, out);
  field("source", event.source, out);
  field("user", event.user, out);
  field("user_to", event.user_to, out);
  field("session", event.session, out);
  field("item", event.item, out);
  field("query", event.query, out);
  field("query_id", event.query_id, out);
  field("surface", event.surface, out);
  field("order_id", event.order_id, out);
  field("currency", event.currency, out);
  field("region", event.region, out);
  field("name", event.name, out);
  field("value", event.value, out);
  time_field("until", event.until_ms, out);
  field("price", event.price, out);
  field("quantity", event.quantity, out);
  field("rating", event.rating, out);
  field("result_count", event.result_count, out);
  if (!event.shown.empty()) {
    put_name("items", out);
    out.push_back('[');
    for (size_t i = 0; i < event.shown.size(); ++i) {
      if (i > 0) out.push_back(',');
      put_shown(event.shown[i], out);
    }
    out.push_back(']');
  }
  field(kCatalogueMark, event.catalogue, out);
  if (!event.attributes.empty()) {
    put_name("attributes", out);
    out.push_back('{');
    put_attributes(event, out);
    out.push_back('}');
  }
  out.push_back('}');
}

void append_item_json(const Event& upsert, std::string& out) {
  out.push_back('{');
  field("id", upsert.item, out);
  put_attributes(upsert, out);
  out.push_back('}');
}

}  // namespace freshet
