// Google's retail API: https://cloud.google.com/retail/docs/reference/rest/v2/UserEvent and .../Product, a
// line each, or the body of an import with a list of them. Names come in camelCase or with underscores.
#include <algorithm>

#include "ingest/internal/foreign.h"

namespace freshet::foreign {
namespace {

struct Meaning {
  std::string_view event, type;
};
constexpr Meaning kEvents[] = {
    {"search", "search"},
    {"category-page-view", "impression"},
    {"home-page-view", "impression"},
    {"detail-page-view", "view"},
    {"add-to-cart", "add-to-cart"},
    {"remove-from-cart", "remove-from-cart"},
    {"purchase-complete", "purchase"},
};

struct Detail {
  std::string item, price, quantity;
};

std::vector<Detail> details_of(const Json& event) {
  std::vector<Detail> out;
  for (const Json& one : list(member(event, {"productDetails", "product_details"}))) {
    Detail detail{"", "", text(one, {"quantity"})};
    if (const Json* product = member(one, {"product"})) {
      detail.item = text(*product, {"id"});
      const std::string name = text(*product, {"name"});  // .../products/ID
      if (detail.item.empty()) detail.item = name.substr(name.rfind('/') + 1);
      if (const Json* price = member(*product, {"priceInfo", "price_info"}))
        detail.price = text(*price, {"price"});
    }
    out.push_back(std::move(detail));
  }
  return out;
}

void write_details(Line& line, const std::vector<Detail>& details, bool numbers) {
  line.json().key("items").array();
  for (const Detail& one : details) {
    line.json().object().field("item", std::string_view(one.item));
    if (numbers && !one.price.empty()) line.json().field("price", std::string_view(one.price));
    if (numbers && !one.quantity.empty()) line.json().field("quantity", std::string_view(one.quantity));
    line.json().end();
  }
  line.json().end();
}

void put_common(Line& line, const Json& event, const std::string& user) {
  line.put("user", user).put("time", text(event, {"eventTime", "event_time"})).put("source", "retail");
  line.put("session", text(event, {"sessionId", "session_id"}));
}

size_t user_event(const Json& event, std::string& lines) {
  const std::string anonymous = text(event, {"visitorId", "visitor_id"});
  std::string known;
  if (const Json* info = member(event, {"userInfo", "user_info"})) known = text(*info, {"userId", "user_id"});
  size_t count = link("retail", anonymous, known, lines);
  const std::string& user = known.empty() ? anonymous : known;
  const std::string name = text(event, {"eventType", "event_type"}),
                    id = text(event, {"eventId", "event_id"});
  const auto* meaning = std::find_if(std::begin(kEvents), std::end(kEvents),
                                     [&](const Meaning& one) { return one.event == name; });
  if (meaning == std::end(kEvents)) return count;
  const std::vector<Detail> details = details_of(event);
  const std::string query = text(event, {"searchQuery", "search_query"});
  if (meaning->type == "search" && !query.empty()) {
    Line line("search");
    put_common(line, event, user);
    line.put("query", query);
    if (!id.empty()) line.put("id", id + "-search");
    line.end(lines);
    ++count;
  }
  const bool shown = meaning->type == "search" || meaning->type == "impression";
  if (shown && details.empty()) return count;
  Line line(shown ? "impression" : meaning->type);
  put_common(line, event, user);
  if (shown) line.put("surface", name == "search" ? "search" : name);
  std::string transaction;
  if (const Json* purchase = member(event, {"purchaseTransaction", "purchase_transaction"})) {
    transaction = text(*purchase, {"id"});
    line.put("order_id", transaction).put("currency", text(*purchase, {"currencyCode", "currency_code"}));
  }
  line.put("id", transaction.empty() ? id : "purchase|" + transaction);
  if (!details.empty()) write_details(line, details, !shown);
  line.end(lines);
  return count + 1;
}

void put_texts(Line& line, std::string_view name, const Json* values) {
  if (const Json::List& texts = list(values); !texts.empty()) line.put(name, values);
}

size_t product(const Json& given, std::string& lines) {
  Line line("item-upsert");
  line.put("item", text(given, {"id"})).put("source", "retail").json().key("attributes").object();
  line.put("title", text(given, {"title"})).put("description", text(given, {"description"}));
  line.put("url", text(given, {"uri"})).put("availability", text(given, {"availability"}));
  line.put("gtin", text(given, {"gtin"}));
  line.put("item_group_id", text(given, {"primaryProductId", "primary_product_id"}));
  put_texts(line, "category", member(given, {"categories"}));
  put_texts(line, "brand", member(given, {"brands"}));
  for (const std::string_view name : {"tags", "sizes", "materials", "patterns"})
    put_texts(line, name, member(given, {name}));
  if (const Json* price = member(given, {"priceInfo", "price_info"})) {
    line.put("price", member(*price, {"price"}))
        .put("currency", text(*price, {"currencyCode", "currency_code"}));
    line.put("original_price", member(*price, {"originalPrice", "original_price"}));
  }
  if (const Json* rating = member(given, {"rating"})) {
    line.put("rating", member(*rating, {"averageRating", "average_rating"}));
    line.put("reviews", member(*rating, {"ratingCount", "rating_count"}));
  }
  if (const Json* color = member(given, {"colorInfo", "color_info"}))
    put_texts(line, "color", member(*color, {"colorFamilies", "color_families", "colors"}));
  if (const Json::List& images = list(member(given, {"images"})); !images.empty())
    line.put("image", text(images.front(), {"uri"}));
  if (const Json* attributes = member(given, {"attributes"});
      attributes != nullptr && attributes->object() != nullptr) {
    for (const Json::Member& one : *attributes->object()) {
      const Json* values = member(one.value, {"text", "numbers"});
      const Json::List& all = list(values);
      if (!all.empty()) line.put(one.name, all.size() == 1 ? &all.front() : values);
    }
  }
  line.json().end();
  line.end(lines);
  return 1;
}

}  // namespace

size_t retail_event(const Json& event, std::string& lines) {
  size_t count = 0;
  if (const Json* config = member(event, {"inputConfig", "input_config"})) {
    for (const std::string_view source : {"userEventInlineSource", "productInlineSource"})
      if (const Json* inline_source = member(*config, {source}))
        for (const Json& one : list(member(*inline_source, {"userEvents", "products"})))
          count += retail_event(one, lines);
    return count;
  }
  return member(event, {"eventType", "event_type"}) == nullptr && member(event, {"title"}) != nullptr
             ? product(event, lines)
             : user_event(event, lines);
}

}  // namespace freshet::foreign
