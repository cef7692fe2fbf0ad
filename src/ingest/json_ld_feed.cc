#include <algorithm>

#include "base/json_writer.h"
#include "ingest/internal/feed.h"
#include "json/json.h"

namespace freshet {
namespace {

constexpr size_t kFileBytesMax = 256 << 20;
constexpr size_t kDocumentBytesMax = 64 << 20;
constexpr int kDepthMax = 12;

// Of a text, a number, an object with "name" or "@id" or "url", or the first of a list of these.
std::string text_of(const Json* json) {
  if (json == nullptr) return {};
  if (const std::string* text = json->text()) return *text;
  if (const Json::List* list = json->list()) return list->empty() ? std::string() : text_of(&list->front());
  if (json->object() != nullptr) {
    for (const char* name : {"name", "url", "@id", "value"})
      if (std::string text = text_of(json->find(name)); !text.empty()) return text;
    return {};
  }
  double number = 0;
  if (!json->number(number)) return {};
  JsonWriter out;
  write_json(out, *json);
  return out.take();
}

bool is_type(const Json& json, std::string_view wanted) {
  const auto same = [&](std::string_view type) {
    const size_t slash = type.find_last_of("/:");
    return type.substr(slash == std::string_view::npos ? 0 : slash + 1) == wanted;
  };
  const Json* type = json.find("@type");
  if (type == nullptr) return false;
  if (const std::string* text = type->text()) return same(*text);
  if (const Json::List* list = type->list())
    return std::any_of(list->begin(), list->end(),
                       [&](const Json& one) { return one.text() != nullptr && same(*one.text()); });
  return false;
}

const Json* first_of(const Json* json) {
  if (json == nullptr || json->list() == nullptr) return json;
  return json->list()->empty() ? nullptr : &json->list()->front();
}

// The value of `name` in the product, else in the group it is a variant of.
const Json* inherited(const Json& product, const Json* group, std::string_view name) {
  const Json* own = product.find(name);
  return own != nullptr || group == nullptr ? own : group->find(name);
}

std::string id_of(const Json& product) {
  for (const char* name :
       {"sku", "productID", "gtin", "gtin13", "gtin12", "gtin14", "gtin8", "mpn", "@id", "url"})
    if (std::string id = text_of(product.find(name)); !id.empty()) return id;
  return {};
}

void write_offer(JsonWriter& json, const Json& offer) {
  double amount = 0;
  std::string currency;
  for (const char* name : {"price", "lowPrice"}) {
    if (!parse_price(text_of(offer.find(name)), amount, currency)) continue;
    json.field("price", amount);
    break;
  }
  if (const std::string text = text_of(offer.find("priceCurrency")); !text.empty())
    json.field("currency", std::string_view(text));
  std::string available = text_of(offer.find("availability"));
  if (const size_t slash = available.rfind('/'); slash != std::string::npos) available.erase(0, slash + 1);
  if (!available.empty()) json.field("availability", std::string_view(available));
}

std::string item_json(const Json& product, const Json* group) {
  JsonWriter json;
  json.object();
  const auto put = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) json.field(name, std::string_view(text));
  };
  put("id", id_of(product));
  put("title", text_of(inherited(product, group, "name")));
  static constexpr std::string_view kSame[] = {"description", "brand", "color", "size",   "material",
                                               "pattern",     "mpn",   "gtin",  "gtin13", "url"};
  for (const std::string_view name : kSame) put(name, text_of(inherited(product, group, name)));
  put("image", text_of(inherited(product, group, "image")));
  const Json* category = inherited(product, group, "category");
  if (category != nullptr && category->list() != nullptr) {
    json.key("category").array();
    for (const Json& one : *category->list()) json.value(std::string_view(text_of(&one)));
    json.end();
  } else {
    put("category", text_of(category));
  }
  if (const Json* offer = first_of(inherited(product, group, "offers"))) write_offer(json, *offer);
  if (const Json* rating = inherited(product, group, "aggregateRating")) {
    double number = 0;
    std::string ignored;
    if (parse_price(text_of(rating->find("ratingValue")), number, ignored)) json.field("rating", number);
    if (parse_price(text_of(rating->find("reviewCount")), number, ignored)) json.field("reviews", number);
  }
  std::string group_id = text_of(product.find("inProductGroupWithID"));
  if (const Json* of = product.find("isVariantOf"); group_id.empty() && of != nullptr)
    group_id = of->object() == nullptr ? text_of(of) : text_of(of->find("productGroupID"));
  if (group_id.empty() && group != nullptr) group_id = text_of(group->find("productGroupID"));
  put("item_group_id", group_id);
  json.end();
  return json.take();
}

Status walk(const Json& json, int depth, uint64_t line, const TakeItem& take) {
  if (depth > kDepthMax) return {};
  if (const Json::List* list = json.list()) {
    for (const Json& one : *list) TRY_STATUS(walk(one, depth + 1, line, take));
    return {};
  }
  if (json.object() == nullptr) return {};
  if (is_type(json, "ProductGroup")) {
    const Json* variants = json.find("hasVariant");
    if (variants == nullptr) return take(item_json(json, nullptr), line);
    const Json::List one = {*variants};
    for (const Json& variant : variants->list() != nullptr ? *variants->list() : one)
      if (variant.object() != nullptr) TRY_STATUS(take(item_json(variant, &json), line));
    return {};
  }
  if (is_type(json, "Product") || is_type(json, "ProductModel") || is_type(json, "IndividualProduct"))
    return take(item_json(json, nullptr), line);
  for (const char* name : {"@graph", "itemListElement", "item", "mainEntity"})
    if (const Json* inner = json.find(name)) TRY_STATUS(walk(*inner, depth + 1, line, take));
  return {};
}

uint64_t line_of(std::string_view text, size_t at) {
  return 1 + static_cast<uint64_t>(
                 std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

// What does not parse is handed on as it is, to be refused where everything else is.
Status read_document(std::string_view text, uint64_t line, const TakeItem& take) {
  const auto json = parse_json(text, {.bytes_max = kDocumentBytesMax, .depth_max = 32});
  return json.ok() ? walk(*json, 0, line, take) : take(text, line);
}

bool contains_no_case(std::string_view text, std::string_view what) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::search(text.begin(), text.end(), what.begin(), what.end(),
                     [&](char a, char b) { return lower(a) == b; }) != text.end();
}

Status read_page(std::string_view page, const TakeItem& take) {
  size_t at = 0;
  while ((at = page.find("<script", at)) != std::string_view::npos) {
    const size_t open = page.find('>', at);
    if (open == std::string_view::npos) return {};
    const size_t close = page.find("</script", open);
    const bool ours = contains_no_case(page.substr(at, open - at), "application/ld+json");
    if (close == std::string_view::npos) return {};
    if (ours) TRY_STATUS(read_document(page.substr(open + 1, close - open - 1), line_of(page, open), take));
    at = close;
  }
  return {};
}

}  // namespace

Status read_json_ld(Input& input, const TakeItem& take) {
  std::string text;
  std::string buffer(256 << 10, '\0');
  for (;;) {
    TRY(const size_t got, input.read(buffer.data(), buffer.size()));
    if (got == 0) break;
    text.append(buffer, 0, got);
    if (text.size() > kFileBytesMax)
      return exhausted("expected at most " + std::to_string(kFileBytesMax) + " bytes of JSON-LD");
  }
  const size_t first = text.find_first_not_of("\xef\xbb\xbf \t\r\n");
  if (first == std::string::npos) return {};
  if (text[first] == '<') return read_page(text, take);
  const std::string_view body = std::string_view(text).substr(first);
  if (const auto whole = parse_json(body, {.bytes_max = kDocumentBytesMax, .depth_max = 32}); whole.ok())
    return walk(*whole, 0, 1, take);
  uint64_t line = 1;
  for (size_t at = 0; at < body.size(); ++line) {
    const size_t end = std::min(body.find('\n', at), body.size());
    const std::string_view one = body.substr(at, end - at);
    at = end + 1;
    if (one.find_first_not_of(" \t\r") != std::string_view::npos) TRY_STATUS(read_document(one, line, take));
  }
  return {};
}

}  // namespace freshet
