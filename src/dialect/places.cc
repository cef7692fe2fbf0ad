#include <algorithm>
#include <charconv>
#include <cmath>

#include "dialect/internal/filters.h"
#include "search/search.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kBoxesMax = 100;

// The numbers of a list of lists, or of a text "1.5, 2, ...". False: something else stands among them.
bool read_numbers(const Json& given, std::vector<double>& out) {
  if (const Json::List* list = given.list())
    return std::all_of(list->begin(), list->end(), [&](const Json& one) { return read_numbers(one, out); });
  double value = 0;
  if (given.number(value)) return out.push_back(value), true;
  const std::string* text = given.text();
  if (text == nullptr) return false;
  const char* at = text->data();
  const char* const end = at + text->size();
  const auto skip = [&] {
    while (at != end && (*at == ' ' || *at == '[' || *at == ']' || *at == ',')) ++at;
  };
  for (skip(); at != end; skip()) {
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error != std::errc()) return false;
    out.push_back(value);
    at = stop;
  }
  return true;
}

bool on_earth(double latitude, double longitude) {
  return std::abs(latitude) <= 90 && std::abs(longitude) <= 180;
}

}  // namespace

Result<std::string> from_boxes(const Json& given) {
  std::vector<double> at;
  if (!read_numbers(given, at) || at.empty() || at.size() % 4 != 0 || at.size() > 4 * kBoxesMax)
    return invalid(
        "insideBoundingBox: expected 1 to 100 boxes of four numbers: latitude and longitude of two "
        "opposite corners");
  std::string out;
  for (size_t i = 0; i < at.size(); i += 4) {
    if (!on_earth(at[i], at[i + 1]) || !on_earth(at[i + 2], at[i + 3]))
      return invalid("insideBoundingBox: box " + std::to_string(i / 4 + 1) +
                     ": expected latitudes from -90 to 90 and longitudes from -180 to 180");
    const auto [south, north] = std::minmax(at[i], at[i + 2]);
    auto [west, east] = std::minmax(at[i + 1], at[i + 3]);
    // Clients name the corners in either order; a box wider than half the earth is meant the other way round.
    const bool crosses = east - west > 180;
    out += (out.empty() ? "GEO_BOX(" : " OR GEO_BOX(") + std::to_string(south) + ", " +
           std::to_string(crosses ? east : west) + ", " + std::to_string(north) + ", " +
           std::to_string(crosses ? west : east) + ")";
  }
  return at.size() > 4 ? "(" + out + ")" : out;
}

Result<std::optional<Around>> read_around(const Params& params) {
  const Json* given = params.find("aroundLatLng");
  if (given == nullptr) return std::optional<Around>();
  std::vector<double> at;
  if (!read_numbers(*given, at) || (!at.empty() && (at.size() != 2 || !on_earth(at[0], at[1]))))
    return invalid("aroundLatLng: expected \"latitude, longitude\" in degrees");
  if (at.empty()) return std::optional<Around>();
  Around out{at[0], at[1], ""};
  const auto radius = params.whole("aroundRadius");
  if (radius && *radius > 0 && params.find("insideBoundingBox") == nullptr)  // A box replaces the radius.
    out.filter = "GEO_RADIUS(" + std::to_string(at[0]) + ", " + std::to_string(at[1]) + ", " +
                 std::to_string(*radius) + ")";
  return std::optional<Around>(std::move(out));
}

Status read_place(const Params& params, SearchRequest& out) {
  const auto narrow = [&out](const std::string& filter) {
    if (!filter.empty()) out.filter = out.filter.empty() ? filter : "(" + out.filter + ") AND " + filter;
  };
  TRY(const std::optional<Around> place, read_around(params));
  if (place) {
    out.around = GeoPoint{place->latitude, place->longitude};
    narrow(place->filter);
  }
  if (const Json* boxes = params.find("insideBoundingBox"); boxes != nullptr) {
    const std::string* text = boxes->text();
    if (text != nullptr && text->empty()) return {};
    TRY(const std::string inside, from_boxes(*boxes));
    narrow(inside);
  }
  return {};
}

}  // namespace freshet::dialect_internal
