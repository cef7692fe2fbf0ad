// Product feeds: what of each format becomes of an item, and what nobody may do with XML.
#include "ingest/internal/feed.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "ingest/ingest.h"

namespace freshet {
namespace {

struct Outcome {
  std::vector<Event> events;
  IngestResult result;
  std::string error;
};

Outcome import(std::string_view text, FileFormat format, const std::string& catalogue = "") {
  Ingest ingest(CleanerConfig::history(), nullptr);
  VectorSink sink;
  Outcome out;
  FileOptions options;
  options.format = format;
  options.catalogue = catalogue;
  const Status status = ingest.import_text(
      text, options, {.door = "file:test", .letter_ms = 1'760'000'000'000}, sink, out.result);
  if (!status.ok()) out.error = status.error().what;
  out.events = std::move(sink.events);
  return out;
}

// "id: name=value, ..." of each item
std::string brief(const Outcome& out) {
  std::string text;
  for (const Event& event : out.events) {
    text += event.item + ":";
    std::vector<Attribute> sorted = event.attributes;
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (const Attribute& attribute : sorted) {
      text += " " + attribute.name + "=";
      if (const auto* one = std::get_if<std::string>(&attribute.value)) text += *one;
      if (const auto* real = std::get_if<double>(&attribute.value))
        text += std::to_string(*real).substr(0, 5);
      if (const auto* whole = std::get_if<int64_t>(&attribute.value)) text += std::to_string(*whole);
      if (const auto* list = std::get_if<std::vector<std::string>>(&attribute.value))
        for (const std::string& one : *list) text += one + "|";
    }
    text += "\n";
  }
  return text + out.error;
}

TEST(Feeds, ReadWhatShopsHave) {
  const struct {
    FileFormat format;
    const char* text;
    const char* want;
  } rows[] = {
      {FileFormat::kMerchant,
       "id\ttitle\tprice\timage link\tproduct_type\tavailability\n"
       "k1\tKettle\t12.50 EUR\thttp://x/k.jpg\tHome > Kitchen\tin stock\n",
       "k1: availability=in stock category=Home > Kitchen currency=EUR image=http://x/k.jpg price=12.50 "
       "title=Kettle\n"},
      {FileFormat::kMerchant,
       R"(<?xml version="1.0"?><rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>
          <item><g:id>k1</g:id><title>Kettle &amp; lid</title><g:price>USD 1,299.00</g:price><link>http://x/1</link>
          <g:additional_image_link>a</g:additional_image_link><g:additional_image_link>b</g:additional_image_link>
          <g:google_product_category>Home</g:google_product_category>
          <g:shipping><g:country>DE</g:country><g:price>4.90 EUR</g:price></g:shipping></item></channel></rss>)",
       "k1: category=Home currency=USD google_product_category=Home images=a|b| price=1299 "
       "shipping.country=DE "
       "shipping.price=4.90 EUR title=Kettle & lid url=http://x/1\n"},
      {FileFormat::kMerchant,
       R"(<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><entry><g:id>7</g:id>
          <title>Pan</title><link href="http://x/7"/></entry></feed>)",
       "7: title=Pan url=http://x/7\n"},
      {FileFormat::kJsonLd,
       R"({"@context":"https://schema.org","@graph":[{"@type":"Product","sku":"p1","name":"Pan","brand":{"@type":"Brand","name":"Acme"},
          "image":["a.jpg","b.jpg"],"offers":[{"@type":"Offer","price":"19.90","priceCurrency":"EUR",
          "availability":"https://schema.org/InStock"}],"aggregateRating":{"ratingValue":4.5,"reviewCount":12}}]})",
       "p1: availability=InStock brand=Acme currency=EUR image=a.jpg price=19.90 rating=4.500 reviews=12 "
       "title=Pan\n"},
      {FileFormat::kJsonLd,
       R"(<html><script type="text/javascript">var x = "<b>";</script>
          <script type="application/ld+json">[{"@type":["ProductGroup"],"productGroupID":"g","name":"Shirt","hasVariant":[
          {"@type":"Product","sku":"s-red","color":"red"},{"@type":"Product","sku":"s-blue","color":"blue"}]}]</script></html>)",
       "s-red: color=red item_group_id=g title=Shirt\ns-blue: color=blue item_group_id=g title=Shirt\n"},
      {FileFormat::kJsonLd, "{\"@type\":\"Product\",\"sku\":\"1\"}\n{\"@type\":\"Product\",\"sku\":\"2\"}\n",
       "1:\n2:\n"},
  };
  for (const auto& row : rows) EXPECT_EQ(brief(import(row.text, row.format)), row.want) << row.text;
}

TEST(Feeds, BadRowsAreRefusedByThemselvesWithTheirLine) {
  const Outcome table =
      import("id\ttitle\nk1\tKettle\n\tNo id\nk2\tPan\ttoo many\nk3\tPot\n", FileFormat::kMerchant);
  EXPECT_EQ(table.result.accepted, 2u);
  EXPECT_EQ(table.result.rejected, 2u);
  ASSERT_EQ(table.result.errors.size(), 2u);
  EXPECT_EQ(table.result.errors[0].line, 3u);
  EXPECT_EQ(table.result.errors[0].field, "item");
  EXPECT_EQ(table.result.errors[1].line, 4u);
  const Outcome lines = import("{\"@type\":\"Product\",\"sku\":\"1\"}\n{broken\n", FileFormat::kJsonLd);
  EXPECT_EQ(lines.result.accepted, 1u);
  ASSERT_EQ(lines.result.errors.size(), 1u);
  EXPECT_EQ(lines.result.errors[0].line, 2u);
}

TEST(Feeds, XmlCanNeitherExpandNorNestNorReachOut) {
  std::string bomb = "<?xml version=\"1.0\"?><!DOCTYPE rss [<!ENTITY a \"aaaaaaaaaa\">";
  for (char c = 'b'; c <= 'j'; ++c) {
    const std::string before(1, static_cast<char>(c - 1));
    bomb += "<!ENTITY " + std::string(1, c) + " \"";
    for (int i = 0; i < 10; ++i) bomb += "&" + before + ";";
    bomb += "\">";
  }
  bomb += "]><rss><channel><item><id>&j;</id></item></channel></rss>";
  EXPECT_NE(import(bomb, FileFormat::kMerchant).error.find("document type declaration"), std::string::npos);
  const char* outside = "<!DOCTYPE rss SYSTEM \"file:///etc/passwd\"><rss/>";
  EXPECT_NE(import(outside, FileFormat::kMerchant).error.find("document type declaration"),
            std::string::npos);
  std::string deep = "<rss>";
  for (int i = 0; i < 10'000; ++i) deep += "<a>";
  EXPECT_NE(import(deep, FileFormat::kMerchant).error.find("nested deeper"), std::string::npos);
  const std::string large =
      "<rss><item><description>" + std::string(1 << 20, 'x') + "</description></item></rss>";
  EXPECT_NE(import(large, FileFormat::kMerchant).error.find("a product of more than"), std::string::npos);
  EXPECT_NE(import("<rss><item><id>1</id></item>", FileFormat::kMerchant).error.find("line 1"),
            std::string::npos);
  EXPECT_EQ(import("<rss><item><id>1</id></item>", FileFormat::kMerchant).result.accepted, 1u);
}

TEST(Feeds, GoIntoTheCatalogueNamed) {
  const Outcome out = import("id\ttitle\nk1\tKettle\n", FileFormat::kMerchant, "next");
  ASSERT_EQ(out.events.size(), 1u);
  EXPECT_EQ(out.events[0].catalogue, "next");
}

TEST(Feeds, PricesAsPeopleWriteThem) {
  const struct {
    const char* text;
    double amount;
    const char* currency;
  } rows[] = {{"12.00 EUR", 12, "EUR"},    {"EUR 12,50", 12.5, "EUR"}, {"1,299.00 USD", 1299, "USD"},
              {"1.299,50 €", 1299.5, "€"}, {"$1,299", 1299, "$"},      {"7", 7, ""}};
  for (const auto& row : rows) {
    double amount = 0;
    std::string currency;
    EXPECT_TRUE(parse_price(row.text, amount, currency)) << row.text;
    EXPECT_DOUBLE_EQ(amount, row.amount) << row.text;
    EXPECT_EQ(currency, row.currency) << row.text;
  }
  double amount = 0;
  std::string currency;
  EXPECT_FALSE(parse_price("on request", amount, currency));
}

}  // namespace
}  // namespace freshet
