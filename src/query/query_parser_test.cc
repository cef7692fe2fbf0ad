#include "query/query_parser.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "query/testing/toy_catalogue.h"

namespace freshet {
namespace {

ToyCatalogue& shop() {
  static ToyCatalogue catalogue({
      "Kenmore Ice Maker White",       // 0
      "Countertop Icemaker",           // 1
      "Laminate Countertop 8 ft",      // 2
      "WD-40 Lubricant Spray",         // 3
      "10 ft. Aluminum Ladder",        // 4
      "Ladder Stabilizer",             // 5
      "1/2 in. Copper Pipe",           // 6
      "Red Sofa Bed",                  // 7
      "Bed for a Red Sofa",            // 8
      "Leather Sofa",                  // 9
      "Ceiling Fan with Lights",       // 10
      "手机壳 硅胶",                   // 11
      "The Who Live Album",            // 12
      "2 in. x 4 in. x 8 ft. Lumber",  // 13
  });
  return catalogue;
}

bool has(const std::vector<std::string>& found, std::string_view title) {
  return std::find(found.begin(), found.end(), title) != found.end();
}

struct Row {
  const char* query;
  const char* first;  // the best title
};

TEST(QueryParser, FindsWhatIsMeant) {
  const Row rows[] = {
      {"ice maker kenmore", "Kenmore Ice Maker White"},
      {"icemaker countertop", "Countertop Icemaker"},
      {"wd40", "WD-40 Lubricant Spray"},
      {"wd 40", "WD-40 Lubricant Spray"},
      {"WD-40", "WD-40 Lubricant Spray"},
      {"10ft ladder", "10 ft. Aluminum Ladder"},
      {"10 foot ladders", "10 ft. Aluminum Ladder"},
      {"1/2\" copper pipe", "1/2 in. Copper Pipe"},
      {"0.5 inch copper", "1/2 in. Copper Pipe"},
      {"laminite counter top", "Laminate Countertop 8 ft"},
      {"ceeling fan", "Ceiling Fan with Lights"},
      {"ceiling light", "Ceiling Fan with Lights"},
      {"red sofa bed", "Red Sofa Bed"},
      {"\"red sofa\" bed", "Bed for a Red Sofa"},
      {"手机", "手机壳 硅胶"},
      {"机壳", "手机壳 硅胶"},
      {"手機殼", "手机壳 硅胶"},
      {"shouji", "手机壳 硅胶"},
      {"2x4x8 lumber", "2 in. x 4 in. x 8 ft. Lumber"},
      {"the who", "The Who Live Album"},
      {"stabiliz", "Ladder Stabilizer"},
      {"Ladder stabli", "Ladder Stabilizer"},
  };
  for (const Row& row : rows) {
    const auto found = shop().search(row.query);
    ASSERT_FALSE(found.empty()) << row.query;
    if (std::string_view(row.query) == "\"red sofa\" bed") {
      EXPECT_TRUE(has(found, row.first)) << row.query;
    } else {
      EXPECT_EQ(found.front(), row.first) << row.query;
    }
  }
  EXPECT_TRUE(has(shop().search("ice maker"), "Countertop Icemaker"));
  EXPECT_TRUE(has(shop().search("icemaker"), "Kenmore Ice Maker White"));
}

// What a word that the catalogue lacks may be: one letter short, over-stemmed, two words in one with an edit.
TEST(QueryParser, UnknownWordsAreLookedForFurther) {
  ToyCatalogue tools({"Pet Screen Door", "Sledge Hammer 3 lb", "USB Charger", "Shower Heads", "Shower Head",
                      "Head Lamp", "Ha Ha Bird", "Oak Bookcase", "Book of Cases", "Bookcase in Oak",
                      "Thermostat", "Deck Stain", "Light Under Cabinets"});
  const Row rows[] = {
      {"petsreen", "Pet Screen Door"}, {"sledgehamer", "Sledge Hammer 3 lb"},
      {"ubs", "USB Charger"},          {"shower haeds", "Shower Heads"},
      {"book cases", "Oak Bookcase"},  {"tomostat", "Thermostat"},  // three edits, five trigrams of eight
      {"underdeck", "Deck Stain"}};                                 // two words that stand nowhere together
  for (const Row& row : rows) EXPECT_TRUE(has(tools.search(row.query), row.first)) << row.query;
  EXPECT_EQ(tools.parse("petsreen")->did_you_mean, "pet screen");
  EXPECT_EQ(tools.parse("tomostat")->did_you_mean, "thermostat");
  EXPECT_TRUE(tools.search("tomastique").empty());         // Too little is the same.
  EXPECT_FALSE(has(tools.search("scr "), "USB Charger"));  // The beginning of a word is none to correct.
  QueryOptions options;
  options.typo.enabled = false;
  EXPECT_TRUE(tools.search("petsreen", options).empty());
  EXPECT_TRUE(tools.search("ubs", options).empty());
  EXPECT_TRUE(tools.search("tomostat", options).empty());
  options.typo.enabled = true;
  const std::string kept[] = {"tomostat"};
  options.never_corrected = kept;
  EXPECT_TRUE(tools.search("tomostat", options).empty());
}

// "fahrrad" stands in "Kinderfahrrad"; what stands before must be a word of the catalogue too.
TEST(QueryParser, WordsAreFoundInsideCompounds) {
  AnalyzerConfig config;
  config.languages = {Language::kGerman};
  ToyCatalogue shop({"Kinderfahrrad 20 Zoll", "Fahrrad in Rot", "Rote Kinder Jacke", "Arbeitstisch Buche",
                     "Tisch", "Arbeit und Recht", "Drahtfahrrad", "Küchenschrank", "Küche weiß", "Schrank"},
                    config);
  QueryOptions options;
  options.language = Language::kGerman;
  const auto found = [&](const char* query) { return shop.search(query, options); };
  EXPECT_EQ(found("fahrrad").front(), "Fahrrad in Rot");
  EXPECT_TRUE(has(found("fahrrad"), "Kinderfahrrad 20 Zoll"));
  EXPECT_TRUE(has(found("Fahrräder"), "Kinderfahrrad 20 Zoll"));
  EXPECT_FALSE(has(found("fahrrad"), "Drahtfahrrad"));  // "draht" is no word of this catalogue.
  EXPECT_TRUE(has(found("tisch"), "Arbeitstisch Buche"));
  EXPECT_TRUE(has(found("schrank"), "Küchenschrank"));
  EXPECT_TRUE(has(found("kinder fahrrad"), "Kinderfahrrad 20 Zoll"));
  EXPECT_TRUE(has(found("arbeitsschrank"), "Schrank"));  // Not there: what it ends in.
  EXPECT_TRUE(shop.parse("arbeitsschrank", options)->words.at(0).known);
}

// One way and the other, and less than the word itself.
TEST(QueryParser, ScriptsFindEachOtherWeakly) {
  ToyCatalogue scripts({"Настольная лампа", "Lampa Studio", "Κρεβάτι", "Krebati King", "デスクランプ ランプ",
                        "Ranpu Desk", "Kettle"});
  const Row rows[] = {{"lampa", "Настольная лампа"},    {"лампа", "Lampa Studio"},
                      {"krebati", "Κρεβάτι"},           {"κρεβάτι", "Krebati King"},
                      {"ranpu", "デスクランプ ランプ"}, {"ランプ", "Ranpu Desk"}};
  for (const Row& row : rows) {
    EXPECT_TRUE(has(scripts.search(row.query), row.first)) << row.query;
    EXPECT_NE(scripts.search(row.query).front(), row.first) << row.query;
  }
}

TEST(QueryParser, PhrasesAndExclusions) {
  EXPECT_EQ(shop().search("\"sofa bed\"").size(), 1u);
  EXPECT_FALSE(has(shop().search("sofa -leather"), "Leather Sofa"));
  EXPECT_TRUE(has(shop().search("sofa -leather"), "Red Sofa Bed"));
  EXPECT_FALSE(has(shop().search("sofa -\"sofa bed\""), "Red Sofa Bed"));
  EXPECT_FALSE(has(shop().search("fan -light"), "Ceiling Fan with Lights"));
  EXPECT_TRUE(has(shop().search("-leather"), "Leather Sofa"));  // Nothing else is asked: read as a word.
}

TEST(QueryParser, TyposCanBeSwitchedOff) {
  QueryOptions options;
  options.typo.enabled = false;
  options.prefix = false;
  EXPECT_TRUE(shop().search("ceeling", options).empty());
  options.typo.enabled = true;
  EXPECT_FALSE(shop().search("ceeling", options).empty());
  const std::vector<std::string> right = {"ceeling"};
  options.never_corrected = right;
  EXPECT_TRUE(shop().search("ceeling", options).empty());
  EXPECT_TRUE(shop().search("wd41").empty());  // Numbers are meant as they stand.
}

TEST(QueryParser, DidYouMean) {
  const Row rows[] = {{"laminite countertop", "laminate countertop"},
                      {"ceeling  fan", "ceiling  fan"},
                      {"ceiling fan", ""},
                      {"zzzzqqq fan", ""}};
  for (const Row& row : rows) EXPECT_EQ(shop().parse(row.query)->did_you_mean, row.first) << row.query;
}

TEST(QueryParser, SynonymsOfEveryKind) {
  const std::vector<Synonym> list = {
      {"1", SynonymKind::kSame, "", {"couch", "sofa"}},
      {"2", SynonymKind::kOneWay, "folding stairs", {"ladder"}},
      {"3", SynonymKind::kCorrection, "ceilng blower", {"ceiling fan"}},
      {"4", SynonymKind::kOneWay, "# foot stairs", {"# ft ladder"}},
  };
  const SynonymTable table(list, shop().analyzer);
  QueryOptions options;
  options.prefix = false;
  EXPECT_TRUE(has(shop().search("couch", options, &table), "Leather Sofa"));
  EXPECT_TRUE(has(shop().search("folding stairs", options, &table), "Ladder Stabilizer"));
  EXPECT_FALSE(has(shop().search("couch", options), "Leather Sofa"));
  EXPECT_EQ(shop().search("ceilng blower", options, &table).front(), "Ceiling Fan with Lights");
  const auto measured = shop().parse("10 foot stairs", options, &table);
  bool placed = false;
  for (const Clause& clause : measured->plan.clauses)
    for (const Alternative& one : clause.alternatives)
      placed = placed || one.terms == std::vector<std::string>{"10", "ft", "ladder"};
  EXPECT_TRUE(placed);
}

TEST(QueryParser, RelaxesByTheDeclaredStrategy) {
  struct Case {
    Relaxation relaxation;
    const char* query;
    std::vector<std::string> dropped;
  };
  const Case cases[] = {
      {Relaxation::kNone, "red velvet sofa", {}},
      {Relaxation::kLastWords, "red sofa velvet", {"velvet", "sofa velvet"}},
      {Relaxation::kFirstWords, "velvet red sofa", {"velvet", "velvet red"}},
      {Relaxation::kAny, "velvet red sofa", {}},
  };
  for (const Case& one : cases) {
    QueryOptions options;
    options.relaxation = one.relaxation;
    options.prefix = false;
    options.typo.enabled = false;
    const auto parsed = shop().parse(one.query, options);
    std::vector<std::string> dropped;
    QueryPlan plan;
    std::string words;
    for (uint32_t step = 1; step < 10 && relax(*parsed, one.relaxation, step, plan, words); step++) {
      dropped.push_back(words);
      EXPECT_TRUE(SearchIndex::check(plan).ok());
    }
    EXPECT_EQ(dropped, one.dropped) << one.query;
  }
}

TEST(QueryParser, HostileTextsAreBounded) {
  std::string words;
  for (int i = 0; i < 500; i++) words += "w" + std::to_string(i) + " ";
  const auto many = shop().parse(words);
  ASSERT_TRUE(many.ok());
  EXPECT_LE(many->words.size(), QueryLimits::kWords);
  EXPECT_EQ(many->words.size() + many->words_ignored, 500u);
  EXPECT_TRUE(SearchIndex::check(many->plan).ok());

  std::string long_text;
  for (int i = 0; i < 10'000; i++) long_text += "word ";
  const auto refused = shop().parse(long_text);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().what.find("at most 4096 bytes"), std::string::npos);
  EXPECT_FALSE(shop().parse("\xff\xfe").ok());
  EXPECT_TRUE(shop().parse(std::string(4000, 'a')).ok());
}

TEST(QueryParser, AnyTextGivesAPlanTheIndexTakes) {
  const std::string_view parts[] = {"\"",       "-",   " ", "red",  "sofa", "ladr", "手", "机", "10",
                                    "ft",       "1/2", "'", "wd40", "é",    ".",    "x",  "*",  "#",
                                    "icemaker", "\t",  "(", "AND",  "～",   "ß",    "가", "7"};
  QueryOptions options;
  for (uint64_t seed = 0; seed < 4000; seed++) {
    Draw draw(seed);
    std::string text;
    for (uint64_t n = draw.below(30); n > 0; n--) text += parts[draw.below(std::size(parts))];
    options.relaxation = static_cast<Relaxation>(draw.below(5));
    options.prefix = draw.below(2) == 0;
    const auto parsed = shop().parse(text, options);
    ASSERT_TRUE(parsed.ok()) << text;
    ASSERT_TRUE(SearchIndex::check(parsed->plan).ok())
        << text << SearchIndex::check(parsed->plan).error().what;
    for (const Clause& clause : parsed->plan.clauses)
      ASSERT_LE(clause.alternatives.size(), QueryLimits::kAlternatives);
    for (const QueryWord& word : parsed->words) ASSERT_LE(word.end, text.size());
  }
}

}  // namespace
}  // namespace freshet
