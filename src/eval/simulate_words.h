// The words of the generated shop: departments, categories, colours, styles. All made up for this project;
// brands are made from syllables (simulate_catalog.cc).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace freshet::simulate {

enum class Weather : uint8_t { kMild, kRain, kSnow, kHeat };
inline constexpr std::array<std::string_view, 4> kWeatherNames = {"mild", "rain", "snow", "heat"};
inline constexpr std::array<std::string_view, 5> kRegions = {"north", "south", "east", "west", "coast"};

struct CategoryWords {
  std::string_view department;
  std::string_view name;
  std::string_view noun;     // In a title: "Running Shoes".
  std::string_view variant;  // Another noun of the same category, for half of the titles and some searches.
  double price;              // Median, in the shop's currency.
  double price_sigma;        // Of ln(price).
  double popularity;         // Of the category among all; relative.
  int cycle_days;            // A consumable is bought again after so many days; 0: durable.
  int peak_month;            // 0..11; -1: no season.
  double season;             // Swing of ln(demand) over the year.
  Weather weather;           // Wanted more in this weather; kMild: in any.
  std::array<int8_t, 2> goes_with;  // Categories bought together with it (index into kCategories); -1: none.
};

// The order is part of the generator: items point into this table by index.
inline constexpr CategoryWords kCategories[] = {
    // department, category, noun, variant, price, sigma, popularity, cycle, peak, season, weather, goes with
    {"Shoes",
     "Running shoes",
     "Running Shoes",
     "Trail Runners",
     110,
     .35,
     1.3,
     0,
     3,
     .5,
     Weather::kMild,
     {5, 20}},
    {"Shoes", "Sneakers", "Sneakers", "Low Tops", 85, .4, 1.5, 0, -1, 0, Weather::kMild, {5, 7}},
    {"Shoes", "Boots", "Boots", "Chelsea Boots", 140, .4, .9, 0, 10, 1.0, Weather::kSnow, {5, 8}},
    {"Shoes", "Sandals", "Sandals", "Slides", 45, .4, .7, 0, 5, 1.2, Weather::kHeat, {10, -1}},
    {"Shoes", "Rain boots", "Rain Boots", "Wellingtons", 55, .3, .4, 0, 9, .7, Weather::kRain, {9, 5}},
    {"Fashion", "Socks", "Socks", "Crew Socks", 14, .3, .8, 90, 11, .3, Weather::kMild, {-1, -1}},
    {"Fashion", "T-shirts", "T-Shirt", "Tee", 25, .4, 1.6, 0, 5, .6, Weather::kHeat, {7, -1}},
    {"Fashion", "Jeans", "Jeans", "Denim Trousers", 75, .4, 1.2, 0, -1, 0, Weather::kMild, {6, 1}},
    {"Fashion", "Winter coats", "Winter Coat", "Parka", 180, .4, .8, 0, 10, 1.2, Weather::kSnow, {2, -1}},
    {"Fashion", "Rain jackets", "Rain Jacket", "Shell Jacket", 95, .4, .7, 0, 9, .6, Weather::kRain, {4, -1}},
    {"Fashion", "Sun hats", "Sun Hat", "Bucket Hat", 28, .4, .4, 0, 6, 1.2, Weather::kHeat, {3, 31}},
    {"Fashion", "Backpacks", "Backpack", "Daypack", 70, .45, .8, 0, 8, .7, Weather::kMild, {17, 23}},
    {"Electronics", "Headphones", "Headphones", "Earbuds", 120, .6, 1.6, 0, 11, .5, Weather::kMild, {13, -1}},
    {"Electronics",
     "Phone cases",
     "Phone Case",
     "Flip Case",
     22,
     .4,
     1.1,
     0,
     -1,
     0,
     Weather::kMild,
     {14, -1}},
    {"Electronics", "Chargers", "Charger", "Power Bank", 35, .4, 1.0, 0, -1, 0, Weather::kMild, {13, -1}},
    {"Electronics",
     "Keyboards",
     "Keyboard",
     "Mechanical Keyboard",
     95,
     .5,
     .7,
     0,
     -1,
     0,
     Weather::kMild,
     {16, -1}},
    {"Electronics", "Mice", "Mouse", "Trackball", 48, .5, .7, 0, -1, 0, Weather::kMild, {15, -1}},
    {"Electronics", "Tablets", "Tablet", "E-Reader", 320, .5, .8, 0, 11, .6, Weather::kMild, {14, 13}},
    {"Electronics",
     "Smart lights",
     "Smart Lamp",
     "Light Strip",
     45,
     .5,
     .6,
     0,
     11,
     .5,
     Weather::kMild,
     {26, -1}},
    {"Electronics", "Fans", "Desk Fan", "Tower Fan", 60, .4, .4, 0, 6, 1.4, Weather::kHeat, {-1, -1}},
    {"Sport",
     "Running wear",
     "Running Shirt",
     "Running Tights",
     45,
     .4,
     .9,
     0,
     3,
     .6,
     Weather::kMild,
     {0, 5}},
    {"Sport", "Yoga mats", "Yoga Mat", "Travel Mat", 42, .4, .6, 0, 0, .7, Weather::kMild, {22, -1}},
    {"Sport", "Dumbbells", "Dumbbells", "Kettlebell", 60, .5, .5, 0, 0, .8, Weather::kMild, {21, -1}},
    {"Sport", "Water bottles", "Water Bottle", "Flask", 24, .4, .8, 0, 5, .5, Weather::kHeat, {20, 11}},
    {"Sport", "Tents", "Tent", "Trekking Tent", 190, .5, .4, 0, 5, 1.2, Weather::kMild, {25, -1}},
    {"Sport", "Sleeping bags", "Sleeping Bag", "Quilt", 110, .4, .3, 0, 5, 1.0, Weather::kMild, {24, -1}},
    {"Home", "Lamps", "Table Lamp", "Floor Lamp", 70, .5, .8, 0, 10, .4, Weather::kMild, {18, 27}},
    {"Home", "Cushions", "Cushion", "Throw", 28, .4, .7, 0, 9, .4, Weather::kMild, {28, -1}},
    {"Home", "Bed linen", "Duvet Cover", "Sheet Set", 65, .4, .8, 0, -1, 0, Weather::kMild, {27, -1}},
    {"Home", "Candles", "Scented Candle", "Pillar Candle", 18, .4, .8, 45, 11, .9, Weather::kSnow, {27, -1}},
    {"Home", "Umbrellas", "Umbrella", "Pocket Umbrella", 30, .4, .5, 0, 9, .4, Weather::kRain, {9, -1}},
    {"Beauty", "Sunscreen", "Sunscreen", "Sun Spray", 16, .3, .6, 40, 6, 1.4, Weather::kHeat, {10, -1}},
    {"Beauty", "Shampoo", "Shampoo", "Conditioner", 11, .3, 1.0, 30, -1, 0, Weather::kMild, {33, -1}},
    {"Beauty", "Face care", "Face Cream", "Serum", 32, .5, 1.1, 45, -1, 0, Weather::kMild, {32, -1}},
    {"Beauty", "Perfume", "Eau de Parfum", "Cologne", 75, .5, .7, 0, 11, .8, Weather::kMild, {33, -1}},
    {"Kitchen",
     "Coffee beans",
     "Coffee Beans",
     "Espresso Beans",
     15,
     .3,
     1.3,
     21,
     -1,
     0,
     Weather::kMild,
     {36, 37}},
    {"Kitchen", "Coffee makers", "Coffee Maker", "Moka Pot", 90, .6, .7, 0, 11, .4, Weather::kMild, {35, 37}},
    {"Kitchen", "Mugs", "Mug", "Cup Set", 16, .4, .8, 0, 11, .5, Weather::kMild, {35, 39}},
    {"Kitchen", "Pans", "Frying Pan", "Sauce Pan", 55, .5, .8, 0, -1, 0, Weather::kMild, {40, -1}},
    {"Kitchen", "Tea", "Green Tea", "Herbal Tea", 9, .3, .9, 28, 0, .3, Weather::kRain, {37, -1}},
    {"Kitchen", "Knives", "Chef Knife", "Paring Knife", 65, .5, .6, 0, 11, .4, Weather::kMild, {38, -1}},
    {"Garden", "Seeds", "Seed Mix", "Bulbs", 7, .4, .6, 60, 2, 1.3, Weather::kMild, {42, 43}},
    {"Garden", "Planters", "Planter", "Plant Pot", 26, .5, .6, 0, 3, 1.0, Weather::kMild, {41, -1}},
    {"Garden", "Garden tools", "Pruner", "Trowel", 24, .4, .5, 0, 3, 1.0, Weather::kMild, {41, -1}},
    {"Garden", "Grills", "Charcoal Grill", "Gas Grill", 210, .5, .4, 0, 5, 1.3, Weather::kHeat, {-1, -1}},
    {"Toys", "Building sets", "Building Set", "Brick Box", 48, .6, .8, 0, 11, 1.0, Weather::kMild, {46, -1}},
    {"Toys", "Board games", "Board Game", "Card Game", 32, .4, .8, 0, 11, 1.0, Weather::kRain, {47, -1}},
    {"Toys", "Puzzles", "Puzzle", "3D Puzzle", 22, .3, .6, 0, 11, .8, Weather::kSnow, {46, -1}},
    {"Pets", "Dog food", "Dog Food", "Puppy Food", 38, .3, .9, 28, -1, 0, Weather::kMild, {49, -1}},
    {"Pets", "Dog toys", "Dog Toy", "Chew Toy", 12, .4, .6, 0, -1, 0, Weather::kMild, {48, -1}},
    {"Pets", "Cat food", "Cat Food", "Kitten Food", 30, .3, .9, 25, -1, 0, Weather::kMild, {51, -1}},
    {"Pets", "Cat litter", "Cat Litter", "Clumping Litter", 18, .2, .7, 21, -1, 0, Weather::kMild, {50, -1}},
};
inline constexpr uint32_t kCategoryCount = std::size(kCategories);

inline constexpr std::array<std::string_view, 12> kColours = {
    "Black", "White", "Red", "Navy", "Forest", "Sand", "Coral", "Teal", "Violet", "Mustard", "Grey", "Rose"};

// A style runs through all categories: who likes it in shoes likes it in lamps. It is what makes taste
// transferable.
inline constexpr std::array<std::string_view, 12> kStyles = {"Minimal", "Retro",   "Nordic",  "Urban",
                                                             "Classic", "Sporty",  "Natural", "Bold",
                                                             "Elegant", "Playful", "Rugged",  "Tech"};

inline constexpr std::array<std::string_view, 5> kSizes = {"XS", "S", "M", "L", "XL"};

inline constexpr std::array<std::string_view, 32> kModels = {
    "Kestrel", "Aurora", "Pebble", "Solstice", "Juniper", "Marlin",  "Quartz",  "Willow",
    "Ember",   "Harbor", "Lumen",  "Meadow",   "Nimbus",  "Orchard", "Prairie", "Raven",
    "Saffron", "Tundra", "Vesper", "Zephyr",   "Alder",   "Breeze",  "Cinder",  "Dune",
    "Fjord",   "Glade",  "Heron",  "Indigo",   "Lagoon",  "Maple",   "North",   "Opal"};

struct HolidayWords {
  std::string_view name;
  int month, day, days;         // 0-based month, 1-based day of its start, and how long.
  std::string_view department;  // Wanted more; empty: all.
  double boost;                 // Added to ln(demand) of the department.
};
inline constexpr HolidayWords kHolidays[] = {
    {"fresh-start-week", 0, 2, 10, "Sport", .7},
    {"garden-days", 3, 10, 10, "Garden", .8},
    {"gift-day", 4, 5, 8, "Beauty", .7},
    {"summer-fair", 6, 1, 14, "Fashion", .5},
    {"back-to-school", 7, 20, 18, "Electronics", .6},
    {"big-sale-week", 10, 22, 8, "", .4},
    {"gift-season", 11, 8, 16, "Toys", 1.0},
};

}  // namespace freshet::simulate
