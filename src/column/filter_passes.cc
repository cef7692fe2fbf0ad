// The slow twin: a filter over one record.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "column/internal/filter_node.h"

namespace freshet {
namespace {

using Node = Filter::Node;

bool number_matches(const Node& node, double have) {
  if (!has_number(have)) return false;
  if (node.kind == Node::Kind::kRange) return have >= node.low && have <= node.high;
  return std::find(node.numbers.begin(), node.numbers.end(), have) != node.numbers.end();
}

bool text_matches(const Node& node, std::string_view have) {
  if (node.kind == Node::Kind::kRange) return number_matches(node, filter_number(have));
  return std::find(node.texts.begin(), node.texts.end(), have) != node.texts.end();
}

bool value_matches(const Node& node, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text_matches(node, *text);
  if (const auto* flag = std::get_if<bool>(&value)) return text_matches(node, *flag ? "true" : "false");
  if (const auto* whole = std::get_if<int64_t>(&value))
    return number_matches(node, static_cast<double>(*whole));
  if (const auto* real = std::get_if<double>(&value)) return number_matches(node, *real);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value))
    return std::any_of(list->begin(), list->end(),
                       [&](const std::string& text) { return text_matches(node, text); });
  return false;
}

bool facet_matches(const Node& node, const ItemRecord& item, const Catalog& catalog, std::string_view kind) {
  return std::any_of(item.facets.begin(), item.facets.end(), [&](uint32_t facet) {
    const std::string_view name = catalog.facet_name(facet);
    return name.substr(0, kind.size()) == kind &&
           (node.kind == Node::Kind::kExists || text_matches(node, name.substr(kind.size())));
  });
}

bool leaf(const Node& node, const ItemRecord& item, const Catalog& catalog) {
  const bool exists = node.kind == Node::Kind::kExists;
  if (node.name == "id") return exists || text_matches(node, item.id);
  if (node.name == "price") return exists ? has_number(item.price) : number_matches(node, item.price);
  if (node.name == "available") return exists || text_matches(node, item.available ? "true" : "false");
  if (node.name == "created") return exists || number_matches(node, static_cast<double>(item.created_ms));
  if (node.name == "category") return facet_matches(node, item, catalog, "category:");
  if (node.name == "brand") return facet_matches(node, item, catalog, "brand:");
  const Value* value = item.attribute(node.name);
  if (value == nullptr) {
    const Value joined = joined_values(item, node.name);
    return !std::get<std::vector<std::string>>(joined).empty() && (exists || value_matches(node, joined));
  }
  if (std::holds_alternative<std::monostate>(*value)) return false;
  return exists || value_matches(node, *value);
}

}  // namespace

double distance_m(double latitude_a, double longitude_a, double latitude_b, double longitude_b) {
  constexpr double kRadius = 6371008.8, kRadian = std::numbers::pi / 180;
  const double dy = std::sin((latitude_b - latitude_a) * kRadian / 2);
  const double dx = std::sin((longitude_b - longitude_a) * kRadian / 2);
  const double h = dy * dy + std::cos(latitude_a * kRadian) * std::cos(latitude_b * kRadian) * dx * dx;
  return 2 * kRadius * std::asin(std::sqrt(std::min(1.0, h)));
}

bool place_matches(const Node& node, double latitude, double longitude) {
  if (!has_number(latitude) || !has_number(longitude)) return false;
  if (node.kind == Node::Kind::kRadius)
    return distance_m(node.place[0], node.place[1], latitude, longitude) <= node.place[2];
  const auto [south, west, north, east] = node.place;
  if (latitude < south || latitude > north) return false;
  return west <= east ? longitude >= west && longitude <= east : longitude >= west || longitude <= east;
}

bool passes_node(const Node& node, const ItemRecord& item, const Catalog& catalog,
                 const std::vector<std::string>& geo) {
  const auto test = [&](const auto& child) { return passes_node(*child, item, catalog, geo); };
  switch (node.kind) {
    case Node::Kind::kAnd:
      return std::all_of(node.children.begin(), node.children.end(), test);
    case Node::Kind::kOr:
      return std::any_of(node.children.begin(), node.children.end(), test);
    case Node::Kind::kNot:
      return !test(node.children.front());
    case Node::Kind::kRadius:
    case Node::Kind::kBox: {
      double latitude = kNoNumber, longitude = kNoNumber;
      return place_of(item, geo, latitude, longitude) && place_matches(node, latitude, longitude);
    }
    default:
      return leaf(node, item, catalog);
  }
}

bool Filter::passes(const ItemRecord& item, const Catalog& catalog) const {
  static const std::vector<std::string> kGeo = ColumnConfig{}.geo;
  return root_ == nullptr || passes_node(*root_, item, catalog, kGeo);
}

}  // namespace freshet
