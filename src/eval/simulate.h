// A generated shop whose truth is known: catalogue, calendar, and shoppers whose hidden tastes drift.
//
// Everything is a pure function of (options, what is asked): two shops with the same options are the same
// shop on every machine (own elementary functions, draws keyed by purpose). The only thing that can be
// changed from outside is taste (change_taste), for scenarios.
//
// The choice model. A shopper in a visit gives item i the utility
//
//   u(i) = category(i) + brand(i) + 2.2 <z, z_i> + colour(i) - 0.3 (price_i - budget)^2 + quality_i +
//   promotion(i)
//          + ownership(i) + opened(i) + fashion(i)
//
//   category   2.0 for the category the visit is about, 1.2 for one that goes with the last thing put into
//   the cart,
//              1.4 / 0.9 / 0.6 for the favourite ones, -1.0 otherwise, and 0.4 ln(demand) of season, holiday,
//              weather
//   z, z_i     unit vectors of 8 hidden dimensions; z_i lies around its style's, z around two styles the
//   shopper likes price      (ln price - ln median of the category) / sigma of the category, against the
//   shopper's budget ownership  -3 for a durable thing already bought, +2.5 for a consumable that has run out
//   fashion     0 unless the shop has one (Options::fashion_days): brand, colour and a slope over the price,
//              the same for everybody, each between -1.5 and 1.5 (colour: -1 and 1)
//
// and looking at place p (0-based) of a list with probability e(p) = 1 / (1 + 0.35 p), clicks it with
// probability e(p) sigmoid(u(i) - 4.5), each place by itself (the position-based model: Craswell et al.
// 2008). So the expected clicks of any list, and the best list there is, can be computed.
//
// Threads: const functions from any thread; change_taste from one, when no other is reading.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "eval/simulate_words.h"
#include "event/event.h"

namespace freshet::simulate {

constexpr int kTasteDims = 8;
using Vector = std::array<float, kTasteDims>;

struct Options {
  uint64_t seed = 1;
  uint32_t items = 2000;            // at least 100
  uint32_t shoppers = 1000;         // at least 1
  TimeMs start_ms = 1735689600000;  // 2025-01-01; a multiple of a day is wise
  double days = 60;                 // The span in which new items arrive; the shop goes on after it.
  double new_items =
      0.1;  // Share of the catalogue that arrives during `days` rather than being there at first.
  double taste_days = 60;   // Mean time between two abrupt changes of a shopper's taste; 0: none.
  double fashion_days = 0;  // In which what all shoppers like goes over into something else; 0: no fashion.
};

struct Item {
  Vector latent;
  float price;    // Without promotion.
  float price_z;  // (ln price - ln median) / sigma of its category
  float quality;
  uint16_t category;  // Index into kCategories.
  uint16_t brand;
  uint8_t colour;
  uint8_t style;
  TimeMs born_ms;  // start_ms for those there from the first.
};

// What a shopper likes at one moment.
struct Taste {
  Vector latent;
  std::array<uint16_t, 3>
      categories;  // Favourite first: the present one, the one before the last change, the lasting.
  std::array<uint16_t, 4> brands;
  std::array<uint8_t, 2> colours;
  float budget;
  uint32_t version;  // Differs when the taste has changed abruptly.
};

// What everybody likes at one moment: on the way from one set of draws to the next.
struct Fashion {
  uint64_t from = 0, to = 0;  // Keys of the draws.
  float along = 0;
  bool there = false;

  float of(uint64_t what) const;     // -1 .. 1
  float of(const Item& item) const;  // The term of the utility.
};

struct Promotion {
  uint16_t category, brand;
  float discount;  // 0.15 .. 0.3
};

class Shop {
 public:
  explicit Shop(const Options& options);

  const Options& options() const { return options_; }
  std::span<const Item> items() const { return items_; }
  // Items of one category, the more popular ones first.
  std::span<const uint32_t> category_items(uint32_t category) const { return by_category_[category]; }
  std::string_view brand_name(uint32_t brand) const { return brands_[brand]; }
  uint32_t brand_of(uint32_t category, uint64_t draw) const;  // One of the category's brands.

  static std::string item_id(uint32_t item);        // "p000123"
  static std::string shopper_id(uint32_t shopper);  // "u000123"
  // The number in such an id; `size()` and more, or not an id: nothing.
  static std::optional<uint32_t> item_number(std::string_view id);
  std::string title(uint32_t item) const;
  // The item as the catalogue tells it at `now`: an item-upsert event without id.
  void describe(uint32_t item, TimeMs now, Event& out) const;

  bool available(uint32_t item, TimeMs now) const;  // Born, and in stock.
  double price(uint32_t item, TimeMs now) const;    // With promotion.
  using Promotions = std::array<Promotion, 6>;
  Promotions promotions(TimeMs now) const;  // This week's.
  // The share taken off the price, 0 for most; `promotions` are those of the week.
  float discount(uint32_t item, const Promotions& promotions, TimeMs now) const;
  static int week(TimeMs now) { return static_cast<int>(now / (7 * kDayMs)); }
  Weather weather(uint32_t region, TimeMs now) const;  // One a day.
  const HolidayWords* holiday(TimeMs now) const;       // nullptr: none
  // ln of how much more than usual the category is wanted now, in this region.
  float demand(uint32_t category, uint32_t region, TimeMs now) const;

  Fashion fashion(TimeMs now) const;
  uint32_t region(uint32_t shopper) const;
  Taste taste(uint32_t shopper, TimeMs now) const;
  // From now on this shopper likes something else, as if an abrupt change had come by itself.
  void change_taste(uint32_t shopper) { ++changed_[shopper]; }
  // A category by popularity.
  uint32_t any_category(uint64_t draw) const;

 private:
  void make_brands();
  void make_items();
  uint16_t main_category(uint32_t shopper, int64_t version) const;

  Options options_;
  std::vector<std::string> brands_;
  std::array<std::vector<uint16_t>, kCategoryCount> category_brands_;
  std::array<std::vector<uint32_t>, kCategoryCount> by_category_;
  std::array<Vector, kStyles.size()> styles_;
  std::array<double, kCategoryCount> popularity_;  // cumulative, ends with 1
  std::vector<Item> items_;
  std::vector<uint16_t> changed_;  // By shopper: how often change_taste was called.
};

// One visit of a shopper: what the truth needs to know of the moment. Fill with begin_visit.
struct Owned {
  uint32_t item;
  uint32_t day;  // Of the purchase: time / kDayMs.
};
struct Visit {
  uint32_t shopper;
  TimeMs now_ms;
  Taste taste;
  uint16_t mission;  // The category this visit is about.
  int goes_with;     // The category that goes with the last thing put into the cart; -1: none.
  std::array<float, kCategoryCount> category;  // The category term of the utility, without goes_with.
  Shop::Promotions promotions;
  Fashion fashion;
  std::span<const Owned> owned;     // Must outlive the visit.
  std::array<uint32_t, 16> opened;  // What was looked at in this visit, the last sixteen.
  uint32_t opened_count = 0;

  void open(uint32_t item) { opened[opened_count++ % opened.size()] = item; }
  bool has_opened(uint32_t item) const;
};

// `draw` decides what the visit is about, given taste, season, weather and what has run out.
Visit begin_visit(const Shop& shop, uint32_t shopper, TimeMs now, std::span<const Owned> owned,
                  uint64_t draw);
// The same with what it is about given.
Visit begin_visit(const Shop& shop, uint32_t shopper, TimeMs now, std::span<const Owned> owned,
                  uint16_t mission, int goes_with);

double utility(const Shop& shop, const Visit& visit, uint32_t item);
double examine(size_t place);                                                   // e(p)
double click_probability(const Shop& shop, const Visit& visit, uint32_t item);  // Once looked at.
double cart_probability(const Shop& shop, const Visit& visit, uint32_t item);   // Once opened.
// sum over places of e(p) click_probability(item)
double expected_clicks(const Shop& shop, const Visit& visit, std::span<const uint32_t> items);
// The k items with the most expected clicks among those available, best first (ties: lower number first).
// Cost: one pass over the catalogue.
std::vector<uint32_t> best_list(const Shop& shop, const Visit& visit, size_t k);
// The same of one category.
std::vector<uint32_t> best_list(const Shop& shop, const Visit& visit, size_t k, uint16_t category);
// What is typed to find something of a category, in lower case: what of it is liked ("" or a colour, a brand)
// and its name, or another word for it.
std::string typed_words(std::string_view liked, uint16_t category, bool variant);
// What a shopper of a judged game types: every third time with a colour he likes.
std::string search_words(const Visit& visit, uint16_t category, uint64_t draw);
// What the shopper opens next by himself, without a list from the recommender: a few things of the category
// are considered, by popularity, and one taken by utility.
uint32_t wander(const Shop& shop, const Visit& visit, uint16_t category, uint64_t draw);

// exp and sigmoid with the same bits on every machine; relative error below 1e-6 for |x| < 80.
double exp_same(double x);
double sigmoid(double x);

}  // namespace freshet::simulate
