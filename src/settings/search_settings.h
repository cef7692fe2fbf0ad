// How a shop wants to be searched: one value, with defaults that work without tuning, its JSON form, and its
// limits.
//
// Values; no thread rules. docs/search.md lists every name for people; settings_json.cc reads and writes it
// from one table, so that the two cannot disagree. What needs the index built anew when it changes is marked
// (rebuild): everything else is read by each request and holds from the moment it is published.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "settings/ranker_settings.h"

namespace freshet {

// An attribute whose text is searched. "title", "brand" and "category" mean the attributes that the catalogue
// takes for these (feature/catalog.h); "*" is every text attribute that no other entry names, as one field.
struct SearchableField {
  std::string name;
  double weight = 1;  // Of a match here against one elsewhere: the field weight of BM25F. 0.01..100
  std::string language =
      "auto";         // (rebuild) ISO 639-1, "none", or "auto": that of the settings, else detected
  bool typos = true;  // May a word with an edit match here?
  bool operator==(const SearchableField&) const = default;
};

enum class FacetOrder : uint8_t { kCount, kAlpha };

struct FacetField {
  std::string name;
  FacetOrder order = FacetOrder::kCount;
  uint32_t values_max = 100;       // Shown when the request does not say.
  std::vector<std::string> first;  // Values that stand before all others, in this order.
  bool operator==(const FacetField&) const = default;
};

// Breaks ties of text relevance, in the order given; and orders what is browsed without words.
struct RankingAttribute {
  std::string name;  // A numeric attribute, "price", "created", or "popularity" (what shoppers did lately).
  bool descending = true;
  bool operator==(const RankingAttribute&) const = default;
};

struct TypoPolicy {
  bool enabled = true;
  uint32_t one_edit_from = 4;               // Letters of a word from which one edit is forgiven,
  uint32_t two_edits_from = 8;              // and from which two are.
  bool numbers = false;                     // Words with digits: "256gb" is not "255gb".
  std::vector<std::string> words_excluded;  // Never corrected, however they are written (case, accents).
  bool operator==(const TypoPolicy&) const = default;
};

struct HighlightDefaults {
  std::vector<std::string> fields = {"title"};  // Marked when the request does not say.
  std::vector<std::string> snippets;            // Shortened around the words found.
  uint32_t snippet_words = 20;
  std::string before = "<em>";
  std::string after = "</em>";
  bool escape_html = true;  // & < > " ' of the text become entities: what the tags stand in is HTML.
  bool operator==(const HighlightDefaults&) const = default;
};

// What is done when no item has all the words.
enum class Relaxation : uint8_t {
  kNone,        // Nothing is found.
  kWords,       // Most of the words are enough; the rarer a word, the more it counts (the default).
  kLastWords,   // The last word is dropped, then the one before, and so on.
  kFirstWords,  // The first word is dropped, and so on.
  kAny,         // One word is enough.
};

enum class SynonymKind : uint8_t {
  kSame,        // Each of `words` also finds the others.
  kOneWay,      // `from` also finds `words`; not the other way round.
  kCorrection,  // `from` is taken for a misspelling of `words`: found, but worth less than the word itself.
};

struct Synonym {
  std::string id;  // 1 to 64 bytes; chosen by the shop.
  SynonymKind kind = SynonymKind::kSame;
  std::string from;                // kOneWay, kCorrection; one to ten words
  std::vector<std::string> words;  // Each one to ten words.
  double weight = 0;  // Against the word itself; 0: 0.9 for kSame and kOneWay, 0.6 for kCorrection
  bool operator==(const Synonym&) const = default;
};

struct SearchSettings {
  std::vector<SearchableField> searchable = {{"title", 5},  {"brand", 3},       {"category", 2},
                                             {"tags", 1.5}, {"description", 1}, {"*", 0.7}};
  std::string language = "auto";  // (rebuild) Of fields that say "auto"; "auto": detected for each text
  // (rebuild) What texts and queries may be in when it is to be detected; the first when nothing tells. Other
  // scripts than the Latin tell by themselves.
  std::vector<std::string> languages = {"en"};
  std::vector<FacetField> facets = {{"category"}, {"brand"}, {"price"}};  // What facets: ["*"] means.
  std::vector<std::string> filterable = {"*"};  // Attributes that may be in a filter; "*": all.
  std::vector<RankingAttribute> ranking = {{"popularity"}};
  TypoPolicy typo;
  std::vector<std::string> stop_words;  // In addition to those of the language.
  bool language_stop_words = true;      // Words like "the" count little, and need not be found.
  bool prefix = true;                   // The last word may be the beginning of one.
  HighlightDefaults highlight;
  uint32_t pagination_max = 1000;  // The last place that pages reach; browse goes on beyond.
  std::string distinct;          // The attribute whose equal values make variants of one product; empty: none
  uint32_t distinct_count = 1;   // Variants shown of each.
  double semantic_weight = 0.3;  // Of vectors against words when a request says "auto". 0..1
  double popularity_weight = 0.1;  // Of popularity within the score, against relevance 1. 0..1
  double intent_weight = 0.1;      // Of the category and brand that a query is after, the same. 0..1
  // Of what clicks on earlier pages teach, the same; 0: off. 0..1
  double click_weight = 1;
  // Share of searches whose page exchanges pairs of its first ten, to measure how often each place is looked
  // at; four times as many until that is known well enough. 0: never. 0..1
  double click_swaps = 0.05;
  // Of the doubt about an item's clicks, how much lifts it, more or less by chance, when a page is served.
  // 0..1
  double click_exploration = 0.25;
  RankerSettings ranker;  // Of searches and of recommendations.
  Relaxation relaxation = Relaxation::kWords;
  std::vector<std::string> suggestions_hidden;  // Words no suggestion may contain, besides the built-in list.
  bool operator==(const SearchSettings&) const = default;
};

struct SettingsLimits {
  static constexpr size_t kJsonBytes = 256 << 10;
  static constexpr size_t kSearchable = 16, kFacets = 64, kFilterable = 256, kRanking = 8;
  static constexpr size_t kLanguages = 8;
  static constexpr size_t kStopWords = 5000, kNameBytes = 128, kHidden = 5000;
  static constexpr size_t kSynonyms = 20'000, kSynonymWords = 64, kWordBytes = 256;
  static constexpr size_t kVersions = 100;  // Kept; the oldest goes.
  static constexpr uint32_t kPaginationMax = 10'000;
};

// kInvalid: the field ("typo.one_edit_from"), what was expected, what came. Names nobody knows are errors.
// What is absent keeps its default.
Result<SearchSettings> parse_settings(std::string_view json);
std::string settings_json(const SearchSettings& settings, int indent = 0);
Result<Synonym> parse_synonym(std::string_view json);
Result<std::vector<Synonym>> parse_synonyms(std::string_view json);  // An array; ids must differ.
std::string synonym_json(const Synonym& synonym);

// The names of what differs, with both values as JSON: [{"searchable", "[...]", "[...]"}].
struct SettingsChange {
  std::string name;
  std::string before, after;
};
std::vector<SettingsChange> diff_settings(const SearchSettings& before, const SearchSettings& after);

// True: the postings of one cannot serve the other.
bool needs_rebuild(const SearchSettings& before, const SearchSettings& after);

bool is_language(std::string_view code);  // One that settings may name: "en", "pt-BR", "auto", "none".
std::string_view relaxation_name(Relaxation relaxation);  // "words"
Result<Relaxation> parse_relaxation(std::string_view text);

}  // namespace freshet
