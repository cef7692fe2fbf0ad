// The HTTP tracking spec: https://segment.com/docs/connections/spec/ (messages) and its ecommerce/v2
// (events).
#include <algorithm>

#include "ingest/internal/foreign.h"

namespace freshet::foreign {
namespace {

struct Meaning {
  std::string_view event;  // As plain() makes it.
  std::string_view type;
};
constexpr Meaning kEvents[] = {
    {"products searched", "search"},
    {"product list viewed", "impression"},
    {"product list filtered", "impression"},
    {"product clicked", "click"},
    {"product viewed", "view"},
    {"product added", "add-to-cart"},
    {"product removed", "remove-from-cart"},
    {"product added to wishlist", "wishlist"},
    {"wishlist product added to cart", "add-to-cart"},
    {"product reviewed", "rating"},
    {"order completed", "purchase"},
    {"order refunded", "refund"},
    {"order cancelled", "refund"},
};

std::string product_id(const Json& product) {
  return text(product, {"product_id", "productId", "sku", "id"});
}

void write_products(Line& line, const Json::List& products, bool numbers) {
  line.json().key("items").array();
  for (const Json& one : products) {
    line.json().object().field("item", product_id(one));
    if (numbers) {
      for (const std::string_view name : {"price", "quantity"})
        if (const std::string number = text(one, {name}); !number.empty())
          line.json().field(name, std::string_view(number));
    }
    line.json().end();
  }
  line.json().end();
}

void put_common(Line& line, const Json& event, const std::string& user) {
  line.put("user", user).put("time", text(event, {"timestamp", "originalTimestamp", "sentAt"}));
  line.put("source", "segment");
}

size_t track(const Json& event, const std::string& user, std::string& lines) {
  static const Json kNothing;
  const std::string name = plain(text(event, {"event"}));
  const auto* meaning = std::find_if(std::begin(kEvents), std::end(kEvents),
                                     [&](const Meaning& one) { return one.event == name; });
  if (meaning == std::end(kEvents)) return 0;
  const Json* given = member(event, {"properties"});
  const Json& properties = given == nullptr ? kNothing : *given;
  const Json::List& products = list(member(properties, {"products"}));
  const std::string_view type = meaning->type;
  // A list without products shows nothing; an order that is refunded whole names none.
  if (products.empty() && (type == "impression" || (type == "refund" && product_id(properties).empty())))
    return 0;
  Line line(type);
  put_common(line, event, user);
  const std::string order = text(properties, {"order_id", "orderId"});
  // An order reported by the page and by the server is one order.
  const bool by_order = (type == "purchase" || type == "refund") && !order.empty();
  line.put("id", by_order ? std::string(type) + "|" + order : text(event, {"messageId"}));
  line.put("order_id", order).put("currency", text(properties, {"currency"}));
  line.put("query_id", text(properties, {"query_id", "queryID"}))
      .put("session", text(properties, {"session_id"}));
  line.put("surface", text(properties, {"surface", "list_id", "list"}));
  if (type == "search") {
    line.put("query", text(properties, {"query"})).put("result_count", text(properties, {"results"}));
  } else if (!products.empty()) {
    write_products(line, products, type != "impression");
  } else {
    line.put("item", product_id(properties)).put("price", text(properties, {"price"}));
    line.put("quantity", text(properties, {"quantity"}));
    if (type == "rating") line.put("rating", text(properties, {"rating"}));
    if (const std::string position = text(properties, {"position"}); !position.empty())
      line.json().key("attributes").object().field("position", std::string_view(position)).end();
  }
  line.end(lines);
  return 1;
}

}  // namespace

size_t segment_event(const Json& event, std::string& lines) {
  const std::string type = text(event, {"type"}), known = text(event, {"userId", "user_id"}),
                    anonymous = text(event, {"anonymousId", "anonymous_id"});
  if (type == "alias") {
    const std::string before = text(event, {"previousId", "previous_id"});
    return link("segment", before.empty() ? anonymous : before, known, lines);
  }
  const size_t linked = link("segment", anonymous, known, lines);
  const std::string& user = known.empty() ? anonymous : known;
  if (type == "track") return linked + track(event, user, lines);
  if (type != "identify") return linked;  // page, screen, group
  const Json* traits = member(event, {"traits"});
  if (traits == nullptr || traits->object() == nullptr || traits->object()->empty()) return linked;
  Line line("user-upsert");
  put_common(line, event, user);
  line.put("id", text(event, {"messageId"})).put("attributes", traits);
  line.end(lines);
  return linked + 1;
}

}  // namespace freshet::foreign
