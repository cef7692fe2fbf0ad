// Product feeds in formats that shops already have, brought to items as this program's own JSON has them:
//
//   kMerchant  Google Merchant Center: tab-separated with a header, or RSS 2.0 / Atom with the g: namespace
//   kJsonLd    schema.org Product: JSON-LD documents, one or one a line, or the pages they stand in
//
// docs/search.md has the table of names. XML is read as a stream; document types, and with them all entities
// but the five of XML itself, are refused, so nothing can expand.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ingest/ingest.h"
#include "ingest/internal/input.h"

namespace freshet {

// Takes one item as a JSON object (what could not be read is handed on as it came: the door refuses it and
// keeps it); `line`: where it begins in the file, 0: not known.
using TakeItem = std::function<Status(std::string_view json, uint64_t line)>;

// kInvalid: not such a feed, naming line and column; items before that were taken.
Status read_merchant_feed(Input& input, const TakeItem& take);
Status read_json_ld(Input& input, const TakeItem& take);

bool is_feed(FileFormat format);
// The door as feeds use it: the source of the options, and a clock.
Door feed_door(const Door& door, const FileOptions& options);
// Products of a feed, in portions, through the door for items.
Status import_feed(Ingest& ingest, Input& input, FileFormat format, const Door& door, EventSink& sink,
                   IngestResult& result, const Ingest::Progress& progress);

// A product as read: names as the feed has them, each with its values in order.
struct FeedProduct {
  std::vector<std::pair<std::string, std::vector<std::string>>> fields;
  void add(std::string_view name, std::string_view value);
  const std::string* first(std::string_view name) const;  // nullptr: absent
};
std::string merchant_item_json(const FeedProduct& product);

// "12.00 EUR", "EUR 1,299.00", "12,50 €" -> number and currency as written. False: no number in it.
bool parse_price(std::string_view text, double& amount, std::string& currency);

}  // namespace freshet
