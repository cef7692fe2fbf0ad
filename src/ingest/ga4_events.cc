// GA4: https://developers.google.com/analytics/devguides/collection/protocol/ga4 (bodies of the Measurement
// Protocol), https://support.google.com/analytics/answer/7029846 (rows of the BigQuery export, as JSON).
#include <algorithm>
#include <charconv>

#include "ingest/internal/foreign.h"

namespace freshet::foreign {
namespace {

struct Meaning {
  std::string_view event, type;
};
constexpr Meaning kEvents[] = {
    {"search", "search"},
    {"view_search_results", "search"},
    {"view_item_list", "impression"},
    {"select_item", "click"},
    {"view_item", "view"},
    {"add_to_cart", "add-to-cart"},
    {"remove_from_cart", "remove-from-cart"},
    {"add_to_wishlist", "wishlist"},
    {"purchase", "purchase"},
    {"refund", "refund"},
};

// What all events of a body, or a row, share.
struct Sender {
  std::string user, time;
};

void write_items(Line& line, const Json::List& items, bool numbers) {
  line.json().key("items").array();
  for (const Json& one : items) {
    line.json().object().field("item", text(one, {"item_id", "id"}));
    if (numbers) {
      for (const std::string_view name : {"price", "quantity"})
        if (const std::string number = text(one, {name}); !number.empty())
          line.json().field(name, std::string_view(number));
    }
    line.json().end();
  }
  line.json().end();
}

// Places count from 0 there, from 1 here.
void put_position(Line& line, const Json& item) {
  const std::string index = text(item, {"index", "item_list_index"});
  int64_t at = 0;
  const auto [end, error] = std::from_chars(index.data(), index.data() + index.size(), at);
  if (index.empty() || error != std::errc() || end != index.data() + index.size() || at < 0 || at > 1'000'000)
    return;
  line.json().key("attributes").object().field("position", at + 1).end();
}

size_t one_event(const Sender& sender, const std::string& name, const Json& params, const Json::List& items,
                 std::string& lines) {
  const auto* meaning = std::find_if(std::begin(kEvents), std::end(kEvents),
                                     [&](const Meaning& one) { return one.event == name; });
  if (meaning == std::end(kEvents)) return 0;
  const std::string_view type = meaning->type;
  if (items.empty() && (type == "impression" || type == "refund")) return 0;
  const bool order = type == "purchase" || type == "refund";
  Line line(type);
  line.put("user", sender.user).put("time", sender.time).put("source", "ga4");
  line.put("session", text(params, {"session_id", "ga_session_id"}));
  line.put("surface", text(params, {"item_list_id", "item_list_name"}));
  line.put("query_id", text(params, {"query_id"})).put("currency", text(params, {"currency"}));
  const std::string transaction = text(params, {"transaction_id"});
  if (order) line.put("order_id", transaction);
  // An order reported by the page and by the server is one order.
  if (order && !transaction.empty()) line.put("id", std::string(type) + "|" + transaction);
  if (type == "search") {
    line.put("query", text(params, {"search_term"}));
  } else if (type == "click" && items.size() == 1) {
    line.put("item", text(items[0], {"item_id", "id"}));
    put_position(line, items[0]);
  } else if (!items.empty()) {
    write_items(line, items, type != "impression");
  }
  line.end(lines);
  return 1;
}

// [{"key": "k", "value": {"string_value": "v"}}, ...] -> {"k": "v"}
Json flat_params(const Json::List& params) {
  Json::Object out;
  for (const Json& one : params) {
    const Json* value = one.find("value");
    const std::string key = text(one, {"key"});
    if (value == nullptr || key.empty()) continue;
    if (const Json* typed = member(*value, {"string_value", "int_value", "double_value", "float_value"}))
      out.push_back({key, *typed});
  }
  Json json;
  json.value = std::move(out);
  return json;
}

size_t exported_row(const Json& row, std::string& lines) {
  const std::string anonymous = text(row, {"user_pseudo_id"}), known = text(row, {"user_id"});
  const size_t linked = link("ga4", anonymous, known, lines);
  Json params = flat_params(list(member(row, {"event_params"})));
  if (const Json* commerce = member(row, {"ecommerce"}))
    if (const Json* transaction = member(*commerce, {"transaction_id"}))
      if (params.find("transaction_id") == nullptr)
        std::get<Json::Object>(params.value).push_back({"transaction_id", *transaction});
  const Sender sender{known.empty() ? anonymous : known, text(row, {"event_timestamp"})};
  return linked + one_event(sender, text(row, {"event_name"}), params, list(member(row, {"items"})), lines);
}

}  // namespace

size_t ga4_event(const Json& event, std::string& lines) {
  static const Json kNothing;
  if (member(event, {"event_name"}) != nullptr) return exported_row(event, lines);
  const std::string anonymous = text(event, {"client_id", "app_instance_id"}),
                    known = text(event, {"user_id"});
  size_t count = link("ga4", anonymous, known, lines);
  for (const Json& one : list(member(event, {"events"}))) {
    const Json* params = member(one, {"params"});
    std::string time = text(one, {"timestamp_micros"});
    if (time.empty()) time = text(event, {"timestamp_micros"});
    const Json::List& items = params == nullptr ? list(nullptr) : list(member(*params, {"items"}));
    count += one_event({known.empty() ? anonymous : known, time}, text(one, {"name"}),
                       params == nullptr ? kNothing : *params, items, lines);
  }
  return count;
}

}  // namespace freshet::foreign
