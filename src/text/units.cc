#include "text/internal/units.h"

#include <unordered_map>

namespace freshet {
namespace {

struct Unit {
  std::string_view form;
  std::string_view spellings;  // besides the form itself
};

constexpr Unit kUnits[] = {
    {"in", "inch inches zoll pouce pouces pulgada pulgadas"},
    {"ft", "foot feet"},
    {"yd", "yard yards yds"},
    {"mm", "millimeter millimeters millimetre millimetres"},
    {"cm", "centimeter centimeters centimetre centimetres"},
    {"km", "kilometer kilometers kilometre kilometres"},
    {"oz", "ounce ounces"},
    {"lb", "lbs pound pounds"},
    {"kg", "kgs kilo kilos kilogram kilograms"},
    {"mg", "milligram milligrams"},
    {"gr", "gram grams gramm gramme grammes"},
    {"gal", "gallon gallons gals"},
    {"qt", "quart quarts qts"},
    {"pt", "pint pints"},
    {"ltr", "liter liters litre litres"},
    {"ml", "milliliter milliliters millilitre millilitres"},
    {"cl", "centiliter centilitre"},
    {"watt", "watts"},
    {"volt", "volts"},
    {"amp", "amps ampere amperes"},
    {"kw", "kilowatt kilowatts"},
    {"hz", "hertz"},
    {"khz", ""},
    {"mhz", ""},
    {"ghz", ""},
    {"kb", ""},
    {"mb", ""},
    {"gb", "gig gigs gigabyte gigabytes"},
    {"tb", "terabyte terabytes"},
    {"mah", ""},
    {"btu", "btus"},
    {"psi", ""},
    {"hp", "horsepower"},
    {"gpm", ""},
    {"gpf", ""},
    {"cfm", ""},
    {"rpm", ""},
    {"mp", "megapixel megapixels"},
    {"ga", "gauge"},
    {"cu", "cubic"},
    {"sq", "square"},
    {"sqft", ""},
    {"pk", "pack packs"},
    {"pc", "pcs piece pieces"},
    {"ct", "count"},
};

// Directly behind a number only: alone they are words.
constexpr Unit kAttached[] = {
    {"watt", "w"}, {"volt", "v"}, {"amp", "a"}, {"ltr", "l"}, {"gr", "g"}, {"m", "m"}, {"dpi", "dpi"},
};

using UnitNames = std::unordered_map<std::string_view, std::string_view>;

void add(UnitNames& table, const Unit& unit) {
  table.emplace(unit.form, unit.form);
  for (size_t at = 0; at < unit.spellings.size();) {
    const size_t end = std::min(unit.spellings.find(' ', at), unit.spellings.size());
    table.emplace(unit.spellings.substr(at, end - at), unit.form);
    at = end + 1;
  }
}

}  // namespace

std::string_view unit_form(std::string_view word, bool attached) {
  static const UnitNames everywhere = [] {
    UnitNames table;
    for (const Unit& unit : kUnits) add(table, unit);
    return table;
  }();
  static const UnitNames behind = [] {
    UnitNames table;
    for (const Unit& unit : kAttached) add(table, unit);
    return table;
  }();
  if (const auto found = everywhere.find(word); found != everywhere.end()) return found->second;
  if (!attached) return {};
  const auto found = behind.find(word);
  return found != behind.end() ? found->second : std::string_view();
}

}  // namespace freshet
