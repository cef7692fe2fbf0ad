// Events of other programs, through the door: a table of what each becomes.
#include "ingest/foreign_events.h"

#include <gtest/gtest.h>

#include "ingest/ingest.h"
#include "ingest/sink.h"

namespace freshet {
namespace {

struct Outcome {
  std::vector<std::string> events;  // "type user item ..." in the order taken
  IngestResult result;
};

std::string told(const Event& event) {
  std::string out(event_type_name(event.type));
  const auto put = [&](const char* name, const std::string& value) {
    if (!value.empty()) out += std::string(" ") + name + "=" + value;
  };
  const auto put_number = [&](const char* name, double value) {
    if (has_number(value)) put(name, std::to_string(value).substr(0, 5));
  };
  put("user", event.user);
  put("to", event.user_to);
  put("item", event.item);
  put("query", event.query);
  put("order", event.order_id);
  put_number("price", event.price);
  put_number("n", event.quantity);
  put_number("rating", event.rating);
  put("in", event.query_id);
  put("on", event.surface);
  put("session", event.session);
  std::string shown;
  for (const ShownItem& one : event.shown) shown += (shown.empty() ? "" : ",") + one.item;
  put("shown", shown);
  for (const Attribute& one : event.attributes)
    if (const auto* text = std::get_if<std::string>(&one.value)) put(one.name.c_str(), *text);
  return out;
}

Outcome import(const std::string& text, FileFormat format = FileFormat::kAuto) {
  Ingest ingest(CleanerConfig::history(), nullptr);
  VectorSink sink;
  FileOptions options;
  options.format = format;
  Outcome out;
  const Status done = ingest.import_text(text, options, {.door = "test"}, sink, out.result);
  if (!done.ok()) out.events.push_back("error: " + done.error().what);
  for (const Event& event : sink.events) out.events.push_back(told(event));
  return out;
}

using Lines = std::vector<std::string>;
struct Row {
  const char* json;
  Lines events;
};

TEST(ForeignEvents, BecomeOurs) {
  const Row rows[] = {
      // ---- Segment
      {R"({"type":"track","messageId":"m1","anonymousId":"a","timestamp":"2026-01-02T03:04:05Z","event":"Product Viewed","properties":{"product_id":"p1","price":9.5}})",
       {"view user=a item=p1 price=9.500"}},
      {R"({"type":"track","messageId":"m2","userId":"u","anonymousId":"a","event":"product_added","properties":{"sku":"p1","quantity":2,"query_id":"q7"}})",
       {"identity-link user=a to=u", "add-to-cart user=u item=p1 n=2.000 in=q7"}},
      {R"({"type":"track","messageId":"m3","userId":"u","event":"Order Completed","properties":{"order_id":"o1","currency":"eur","products":[{"product_id":"p1","price":5},{"product_id":"p2","price":"7","quantity":3}]}})",
       {"purchase user=u item=p1 order=o1 price=5.000 n=1.000",
        "purchase user=u item=p2 order=o1 price=7.000 n=3.000"}},
      {R"({"type":"track","messageId":"m4","userId":"u","event":"Product List Viewed","properties":{"list_id":"home","products":[{"product_id":"p1"},{"product_id":"p2"}]}})",
       {"impression user=u on=home shown=p1,p2"}},
      {R"({"type":"track","messageId":"m5","userId":"u","event":"Products Searched","properties":{"query":"red kettle"}})",
       {"search user=u query=red kettle"}},
      {R"({"type":"track","messageId":"m6","userId":"u","event":"Product Clicked","properties":{"product_id":"p1","position":3}})",
       {"click user=u item=p1 position=3"}},
      {R"({"type":"track","messageId":"m7","userId":"u","event":"Product Reviewed","properties":{"product_id":"p1","rating":4}})",
       {"rating user=u item=p1 rating=4.000"}},
      {R"({"type":"identify","messageId":"m8","userId":"u","anonymousId":"a","traits":{"plan":"gold","address":{"city":"Ulm"}}})",
       {"identity-link user=a to=u", "user-upsert user=u plan=gold address.city=Ulm"}},
      {R"({"type":"alias","messageId":"m9","userId":"u","previousId":"a"})", {"identity-link user=a to=u"}},
      {R"({"type":"page","messageId":"m10","userId":"u","name":"Home"})", {}},
      {R"({"type":"track","messageId":"m11","userId":"u","event":"Checkout Started","properties":{}})", {}},
      // ---- GA4
      {R"({"client_id":"c","timestamp_micros":1767323045000000,"events":[{"name":"view_item","params":{"session_id":"s","items":[{"item_id":"p1","price":3}]}},{"name":"page_view"},{"name":"select_item","params":{"item_list_id":"home","items":[{"item_id":"p2","index":0}]}}]})",
       {"view user=c item=p1 price=3.000 session=s", "click user=c item=p2 on=home"}},
      {R"({"client_id":"c","user_id":"u","events":[{"name":"purchase","params":{"transaction_id":"t1","currency":"EUR","items":[{"item_id":"p1","price":3,"quantity":2}]}}]})",
       {"identity-link user=c to=u", "purchase user=u item=p1 order=t1 price=3.000 n=2.000"}},
      {R"({"client_id":"c","events":[{"name":"search","params":{"search_term":"boot"}},{"name":"view_item_list","params":{"item_list_id":"sale","items":[{"item_id":"p1"},{"item_id":"p2"}]}}]})",
       {"search user=c query=boot", "impression user=c on=sale shown=p1,p2"}},
      {R"({"event_name":"add_to_cart","event_timestamp":"1767323045000000","user_pseudo_id":"c","event_params":[{"key":"ga_session_id","value":{"int_value":"77"}},{"key":"currency","value":{"string_value":"EUR"}}],"items":[{"item_id":"p1","price":4.5,"quantity":1}]})",
       {"add-to-cart user=c item=p1 price=4.500 n=1.000 session=77"}},
      // ---- Retail
      {R"({"eventType":"detail-page-view","visitorId":"v","eventTime":"2026-01-02T03:04:05Z","productDetails":[{"product":{"id":"p1"}}]})",
       {"view user=v item=p1"}},
      {R"({"eventType":"search","visitorId":"v","userInfo":{"userId":"u"},"searchQuery":"boot","productDetails":[{"product":{"id":"p1"}},{"product":{"name":"projects/x/products/p2"}}]})",
       {"identity-link user=v to=u", "search user=u query=boot", "impression user=u on=search shown=p1,p2"}},
      {R"({"event_type":"purchase-complete","visitor_id":"v","product_details":[{"product":{"id":"p1"},"quantity":2}],"purchase_transaction":{"id":"t","revenue":9,"currency_code":"EUR"}})",
       {"purchase user=v item=p1 order=t n=2.000"}},
      {R"({"eventType":"shopping-cart-page-view","visitorId":"v"})", {}},
      {R"({"inputConfig":{"userEventInlineSource":{"userEvents":[{"eventType":"add-to-cart","visitorId":"v","productDetails":[{"product":{"id":"p1"},"quantity":1}]},{"eventType":"home-page-view","visitorId":"v"}]}}})",
       {"add-to-cart user=v item=p1 n=1.000"}},
      {R"({"id":"p1","title":"Kettle","categories":["Home > Kitchen"],"brands":["Acme"],"priceInfo":{"price":39.5,"currencyCode":"EUR"},"attributes":{"volume":{"numbers":[1.7]},"colour":{"text":["red"]}}})",
       {"item-upsert item=p1 title=Kettle currency=EUR colour=red"}},
      // ---- UBI
      {R"({"query_id":"q1","client_id":"c","user_query":"boot","timestamp":"2026-01-02T03:04:05Z","query_response_hit_ids":["p1","p2"]})",
       {"search user=c query=boot in=q1 on=search", "impression user=c in=q1 on=search shown=p1,p2"}},
      {R"({"action_name":"item_click","query_id":"q1","client_id":"c","session_id":"s","timestamp":"2026-01-02T03:04:06Z","event_attributes":{"object":{"object_id":"p2"},"position":{"ordinal":2}}})",
       {"click user=c item=p2 in=q1 session=s position=2"}},
      {R"({"action_name":"add_to_cart","query_id":"q1","client_id":"c","timestamp":"2026-01-02T03:04:07Z","event_attributes":{"object":{"object_id":"p2"}}})",
       {"add-to-cart user=c item=p2 n=1.000 in=q1"}},
      {R"({"action_name":"mouse_over","query_id":"q1","client_id":"c","timestamp":"2026-01-02T03:04:07Z"})",
       {}},
      // ---- Metarank
      {R"({"event":"item","id":"e1","item":"p1","timestamp":"1767323045000","fields":[{"name":"price","value":69},{"name":"color","value":"white"}]})",
       {"item-update item=p1 color=white"}},
      {R"({"event":"user","id":"e2","user":"u","timestamp":"1767323045000","fields":[{"name":"sex","value":"m"}]})",
       {"user-upsert user=u sex=m"}},
      {R"({"event":"ranking","id":"r1","user":"u","session":"s","timestamp":"1767323046000","fields":[{"name":"query","value":"boot"}],"items":[{"id":"p1"},{"id":"p2","fields":[]}]})",
       {"search user=u query=boot in=r1 session=s",
        "impression user=u in=r1 on=search session=s shown=p1,p2"}},
      {R"({"event":"interaction","id":"i1","ranking":"r1","type":"purchase","user":"u","session":"s","timestamp":"1767323047000","item":"p2"})",
       {"purchase user=u item=p2 n=1.000 in=r1 session=s"}},
      {R"({"event":"interaction","id":"i2","type":"scrolled","user":"u","timestamp":"1767323047000","item":"p2"})",
       {}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.json);
    const Outcome out = import(row.json);
    EXPECT_EQ(out.events, row.events);
    EXPECT_EQ(out.result.rejected, 0u);
    EXPECT_EQ(out.result.filtered, row.events.empty() ? 1u : 0u);
  }
}

TEST(ForeignEvents, WhatLacksSomethingIsRefusedAndNamed) {
  const struct {
    FileFormat format;
    const char* json;
    const char* why;
  } rows[] = {
      {FileFormat::kSegment, R"({"type":"track","userId":"u","event":"Product Viewed","properties":{}})",
       "item"},
      {FileFormat::kSegment,
       R"({"type":"track","userId":"u","event":"Product Viewed","timestamp":"noon","properties":{"product_id":"p"}})",
       "time"},
      {FileFormat::kGa4, R"({"client_id":"c","events":[{"name":"view_item","params":{}}]})", "item"},
      {FileFormat::kRetail, R"({"eventType":"add-to-cart","visitorId":"v"})", "item"},
      {FileFormat::kRetail,
       R"({"eventType":"add-to-cart","visitorId":"v","productDetails":[{"product":{"id":"p"},"quantity":-1}]})",
       "quantity"},
      {FileFormat::kUbi, R"({"action_name":"click","client_id":"c","event_attributes":{}})", "item"},
      {FileFormat::kUbi, R"({"query_id":"q","client_id":"c"})", "query"},
      {FileFormat::kMetarank, R"({"event":"interaction","type":"click","user":"u","timestamp":"1"})", "item"},
      {FileFormat::kMetarank, R"({"event":"ranking","id":"r","user":"u","items":[]})", "items"},
      {FileFormat::kMetarank, R"({"event":)", "body"},
      {FileFormat::kMetarank, R"([1])", "body"},
      {FileFormat::kSegment, R"("text")", "body"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.json);
    const Outcome out = import(row.json, row.format);
    EXPECT_EQ(out.events, Lines());
    ASSERT_EQ(out.result.rejected, 1u);
    ASSERT_EQ(out.result.errors.size(), 1u);
    if (std::string(row.why) != "body") {
      EXPECT_EQ(out.result.errors[0].field, row.why) << out.result.errors[0].message();
    }
  }
}

TEST(ForeignEvents, TheSameFileTwiceAddsNothing) {
  const std::string text =
      R"({"event":"ranking","id":"r1","user":"u","timestamp":"1767323046000","items":[{"id":"p1"}]}
{"event":"interaction","ranking":"r1","type":"click","user":"u","timestamp":"1767323047000","item":"p1"}
)";
  Ingest ingest(CleanerConfig::history(), nullptr);
  VectorSink sink;
  IngestResult first, second;
  ASSERT_TRUE(ingest.import_text(text, {}, {.door = "test"}, sink, first).ok());
  ASSERT_TRUE(ingest.import_text(text, {}, {.door = "test"}, sink, second).ok());
  EXPECT_EQ(first.accepted, 2u);
  EXPECT_EQ(second.accepted, 0u);
  EXPECT_EQ(second.duplicates, 2u);
}

TEST(ForeignEvents, OurOwnAreNotTakenForOthers) {
  for (const char* json :
       {R"({"type":"view","user":"u","item":"p","id":"1"})",
        R"({"event":"click","user":"u","item":"p","timestamp":"2026-01-02"})",
        R"({"type":"item-upsert","item":"p","title":"t","price":3})", R"([1,2])", R"("text")"}) {
    const auto parsed = parse_json(json);
    ASSERT_TRUE(parsed.ok());
    EXPECT_FALSE(guess_dialect(*parsed)) << json;
  }
}

}  // namespace
}  // namespace freshet
