#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include <expat.h>

#include "base/json_writer.h"
#include "ingest/internal/feed.h"
#include "ingest/internal/fields.h"
#include "ingest/internal/rows.h"

namespace freshet {
namespace {

constexpr size_t kDepthMax = 32;
constexpr size_t kFieldsMax = 256;
constexpr size_t kProductBytesMax = 256 << 10;
constexpr size_t kLineMax = 1 << 20;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

// "Image Link", "g:image_link" -> "image_link"
std::string field_key(std::string_view name) {
  name = trimmed(name);
  if (name.starts_with("g:")) name.remove_prefix(2);
  std::string out;
  for (const char c : name)
    out.push_back(c == ' ' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
  return out;
}

void write_values(JsonWriter& json, std::string_view name, const std::vector<std::string>& values) {
  if (values.size() == 1) {
    json.field(name, std::string_view(values[0]));
    return;
  }
  json.key(name).array();
  for (const std::string& value : values) json.value(std::string_view(value));
  json.end();
}

}  // namespace

void FeedProduct::add(std::string_view name, std::string_view value) {
  value = trimmed(value);
  if (value.empty()) return;
  for (auto& [known, values] : fields) {
    if (known != name) continue;
    values.emplace_back(value);
    return;
  }
  fields.push_back({std::string(name), {std::string(value)}});
}

const std::string* FeedProduct::first(std::string_view name) const {
  for (const auto& [known, values] : fields)
    if (known == name) return &values.front();
  return nullptr;
}

bool parse_price(std::string_view text, double& amount, std::string& currency) {
  const size_t begin = text.find_first_of("0123456789");
  if (begin == std::string_view::npos) return false;
  size_t end = text.find_last_of("0123456789") + 1;
  std::string digits(text.substr(begin, end - begin));
  // The last of "," and "." is the decimal sign, unless it stands before three digits and nothing else says
  // so.
  const size_t sign = digits.find_last_of(",.");
  if (sign != std::string::npos) {
    const bool groups = digits.size() - sign - 1 == 3 && digits[sign] == ',';
    const char decimal = groups ? '\0' : digits[sign];
    std::string plain;
    for (size_t i = 0; i < digits.size(); ++i) {
      const char c = digits[i];
      if (c == decimal && i == sign) plain.push_back('.');
      if (c >= '0' && c <= '9') plain.push_back(c);
    }
    digits = std::move(plain);
  }
  if (!parse_number(digits, amount)) return false;
  const std::string_view before = trimmed(text.substr(0, begin)), after = trimmed(text.substr(end));
  currency = after.empty() ? before : after;
  return true;
}

std::string merchant_item_json(const FeedProduct& product) {
  static constexpr std::pair<std::string_view, std::string_view> kRenamed[] = {
      {"link", "url"}, {"image_link", "image"}, {"additional_image_link", "images"}};
  JsonWriter json;
  json.object();
  bool has_category = false;
  const std::vector<std::string>* google_category = nullptr;
  for (const auto& [name, values] : product.fields) {
    if (name == "price" || name == "sale_price") {
      double amount = 0;
      std::string currency;
      if (!parse_price(values[0], amount, currency)) {
        write_values(json, name, values);
        continue;
      }
      json.field(name, amount);
      if (name == "price" && !currency.empty()) json.field("currency", std::string_view(currency));
    } else if (name == "product_type") {
      write_values(json, "category", values);
      has_category = true;
    } else {
      if (name == "google_product_category") google_category = &values;
      const auto renamed =
          std::find_if(std::begin(kRenamed), std::end(kRenamed),
                       [&, &wanted = name](const auto& pair) { return pair.first == wanted; });
      write_values(json, renamed == std::end(kRenamed) ? std::string_view(name) : renamed->second, values);
    }
  }
  if (!has_category && google_category != nullptr) write_values(json, "category", *google_category);
  json.end();
  return json.take();
}

namespace {

// ---- RSS and Atom

class XmlFeed {
 public:
  XmlFeed(Input& input, const TakeItem& take) : input_(input), take_(take) {}

  Status run(std::string_view begun) {
    parser_.reset(XML_ParserCreateNS(nullptr, ' '));
    if (!parser_) return unavailable("no memory for an XML parser");
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(parser_.get(), &XmlFeed::on_begin, &XmlFeed::on_end);
    XML_SetCharacterDataHandler(parser_.get(), &XmlFeed::on_text);
    XML_SetStartDoctypeDeclHandler(parser_.get(), &XmlFeed::on_doctype);
    TRY_STATUS(parse(begun.data(), begun.size(), false));
    std::string buffer(64 << 10, '\0');
    for (;;) {
      TRY(const size_t got, input_.read(buffer.data(), buffer.size()));
      TRY_STATUS(parse(buffer.data(), got, got == 0));
      if (got == 0) break;
    }
    return items_ > 0 || seen_feed_ ? Status() : invalid("no <item> or <entry> in it: expected RSS or Atom");
  }

 private:
  Status parse(const char* bytes, size_t size, bool last) {
    const XML_Status parsed = XML_Parse(parser_.get(), bytes, static_cast<int>(size), last ? 1 : 0);
    if (!failed_.ok()) return failed_;
    if (parsed != XML_STATUS_ERROR) return {};
    return invalid(place() + ": " + XML_ErrorString(XML_GetErrorCode(parser_.get())) +
                   "; expected an XML feed");
  }
  std::string place() const {
    return "line " + std::to_string(XML_GetCurrentLineNumber(parser_.get())) + ", column " +
           std::to_string(XML_GetCurrentColumnNumber(parser_.get()) + 1);
  }
  void stop(Status why) {
    if (failed_.ok()) failed_ = std::move(why);
    XML_StopParser(parser_.get(), XML_FALSE);
  }

  static std::string_view local(const char* name) {
    const char* space = std::strrchr(name, ' ');
    return space == nullptr ? name : space + 1;
  }
  static void on_doctype(void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    auto* feed = static_cast<XmlFeed*>(self);
    feed->stop(invalid(feed->place() + ": a document type declaration; expected a feed without one"));
  }
  static void on_begin(void* self, const XML_Char* name, const XML_Char** attributes) {
    static_cast<XmlFeed*>(self)->begin(local(name), attributes);
  }
  static void on_end(void* self, const XML_Char*) { static_cast<XmlFeed*>(self)->end(); }
  static void on_text(void* self, const XML_Char* text, int size) {
    static_cast<XmlFeed*>(self)->text({text, static_cast<size_t>(size)});
  }

  void begin(std::string_view name, const XML_Char** attributes) {
    if (++depth_ > kDepthMax)
      return stop(invalid(place() + ": nested deeper than " + std::to_string(kDepthMax) + " elements"));
    seen_feed_ |= name == "rss" || name == "feed" || name == "channel";
    if (item_depth_ == 0) {
      if (name != "item" && name != "entry") return;
      item_depth_ = depth_;
      line_ = XML_GetCurrentLineNumber(parser_.get());
      product_.fields.clear();
      bytes_ = 0;
      path_.clear();
      return;
    }
    path_.push_back(field_key(name));
    text_.clear();
    has_children_ = false;
    if (name != "link") return;
    for (; *attributes != nullptr; attributes += 2)  // Atom: <link href="..."/>
      if (std::strcmp(attributes[0], "href") == 0) product_.add("link", attributes[1]);
  }
  void text(std::string_view more) {
    if (item_depth_ == 0 || path_.empty()) return;
    bytes_ += more.size();
    if (bytes_ > kProductBytesMax)
      return stop(invalid("line " + std::to_string(line_) + ": a product of more than " +
                          std::to_string(kProductBytesMax) + " bytes"));
    text_.append(more);
  }
  void end() {
    const bool item_ends = item_depth_ == depth_;
    --depth_;
    if (item_depth_ == 0) return;
    if (item_ends) {
      item_depth_ = 0;
      ++items_;
      if (Status taken = take_(merchant_item_json(product_), line_); !taken.ok()) stop(std::move(taken));
      return;
    }
    if (!has_children_ && product_.fields.size() < kFieldsMax) {
      std::string name;
      for (const std::string& part : path_) name += (name.empty() ? "" : ".") + part;
      product_.add(name, text_);
    }
    has_children_ = true;  // Of the one around it.
    path_.pop_back();
  }

  struct Free {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
  };
  Input& input_;
  const TakeItem& take_;
  std::unique_ptr<XML_ParserStruct, Free> parser_;
  Status failed_;
  size_t depth_ = 0, item_depth_ = 0, bytes_ = 0;
  uint64_t items_ = 0, line_ = 0;
  bool seen_feed_ = false, has_children_ = false;
  std::vector<std::string> path_;
  std::string text_;
  FeedProduct product_;
};

// ---- tab-separated

// Gives what was read already, then the rest.
class Resumed : public Input {
 public:
  Resumed(std::string begun, Input& rest) : begun_(std::move(begun)), rest_(rest) {}
  Result<size_t> read(char* out, size_t size) override {
    if (at_ == begun_.size()) return rest_.read(out, size);
    const size_t give = std::min(size, begun_.size() - at_);
    std::memcpy(out, begun_.data() + at_, give);
    at_ += give;
    return give;
  }
  uint64_t bytes_read() const override { return rest_.bytes_read(); }
  uint64_t bytes_total() const override { return rest_.bytes_total(); }

 private:
  const std::string begun_;
  size_t at_ = 0;
  Input& rest_;
};

Status read_table(Input& input, const TakeItem& take) {
  TableRowReader rows(input, kLineMax, kFieldsMax);
  rows.set_delimiter('\t');
  TRY(const RowState state, rows.next_row());
  if (state != RowState::kRow) return invalid("line 1: expected the names of the columns, separated by tabs");
  std::vector<std::string> names;
  for (const std::string_view name : rows.fields()) names.push_back(field_key(name));
  if (std::find(names.begin(), names.end(), "id") == names.end())
    return invalid("line 1: expected a column named id among the names, separated by tabs");
  for (;;) {
    TRY(const RowState next, rows.next_row());
    if (next == RowState::kEnd) return {};
    if (next == RowState::kBad || rows.fields().size() > names.size()) {
      TRY_STATUS(take(rows.line_text(), rows.line()));  // Refused and kept as it came.
      continue;
    }
    FeedProduct product;
    for (size_t i = 0; i < rows.fields().size(); ++i) product.add(names[i], rows.fields()[i]);
    if (!product.fields.empty()) TRY_STATUS(take(merchant_item_json(product), rows.line()));
  }
}

}  // namespace

Status read_merchant_feed(Input& input, const TakeItem& take) {
  std::string begun(4096, '\0');
  TRY(const size_t got, input.read(begun.data(), begun.size()));
  begun.resize(got);
  const size_t first = begun.find_first_not_of("\xef\xbb\xbf \t\r\n");
  if (first != std::string::npos && begun[first] == '<') return XmlFeed(input, take).run(begun);
  Resumed whole(std::move(begun), input);
  return read_table(whole, take);
}

}  // namespace freshet
