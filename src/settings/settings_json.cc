// Settings and synonyms to JSON and back: the two functions of a type stand beside each other, name by name.
#include <algorithm>
#include <set>
#include <span>

#include "json/json.h"
#include "settings/search_settings.h"
#include "text/language.h"

namespace freshet {
namespace {

using Limits = SettingsLimits;

constexpr std::string_view kLearners[] = {"linear", "deep", "ensemble"};
constexpr std::string_view kRelaxations[] = {"none", "words", "last-words", "first-words", "any"};
constexpr std::string_view kSynonymKinds[] = {"same", "one-way", "correction"};
constexpr std::string_view kFacetOrders[] = {"count", "alpha"};

template <class Enum>
std::string_view name_of(Enum value, std::span<const std::string_view> names) {
  return names[static_cast<size_t>(value)];
}

// A list whose entries are objects, or texts that stand for an object with only that name.
template <class T, class ReadOne>
void read_list(JsonFields& fields, std::string_view name, std::vector<T>& out, size_t count_max,
               const ReadOne& read_one) {
  const Json::List* list = fields.list(name, count_max);
  if (list == nullptr) return;
  std::vector<T> read;
  std::set<std::string> names;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string path = fields.path(name) + "[" + std::to_string(i) + "]";
    T one;
    if (const std::string* text = (*list)[i].text()) {
      one.name = *text;
      if (text->empty() || text->size() > Limits::kNameBytes)
        fields.fail(invalid(path + ": expected the name of an attribute, 1 to 128 bytes"));
    } else {
      JsonFields inner((*list)[i], path);
      inner.text("name", one.name, 1, Limits::kNameBytes);
      if (!inner.has("name")) inner.wrong("name", "the name of an attribute");
      read_one(inner, one);
      fields.fail(inner.finish());
    }
    if (!names.insert(one.name).second)
      fields.fail(invalid(path + ": expected each name once, got \"" + one.name + "\" again"));
    read.push_back(std::move(one));
  }
  out = std::move(read);
}

// What no analyser knows would be refused by every search.
void check_language(JsonFields& fields, std::string_view name, const std::string& language) {
  constexpr std::string_view kPrefix = "language";  // Of the error; its place is known better here.
  const auto known = parse_language(language);
  if (!known.ok()) fields.fail(invalid(fields.path(name) + known.error().what.substr(kPrefix.size())));
}

void check_languages(JsonFields& fields, const std::vector<std::string>& languages) {
  if (languages.empty()) fields.wrong("languages", "at least one language");
  for (size_t i = 0; i < languages.size(); ++i) {
    const std::string name = "languages[" + std::to_string(i) + "]";
    check_language(fields, name, languages[i]);
    if (languages[i] == "auto" || languages[i] == "none") fields.wrong(name, "a language");
  }
}

void read_searchable(JsonFields& in, SearchableField& out) {
  in.number("weight", out.weight, 0.01, 100);
  in.text("language", out.language, 2, 8);
  check_language(in, "language", out.language);
  in.flag("typos", out.typos);
}
void write(JsonWriter& out, const SearchableField& field) {
  out.object().field("name", std::string_view(field.name)).field("weight", field.weight);
  out.field("language", std::string_view(field.language)).field("typos", field.typos).end();
}

void read_facet(JsonFields& in, FacetField& out) {
  in.one_of("order", out.order, kFacetOrders);
  in.whole("values_max", out.values_max, 1u, 1000u);
  in.texts("first", out.first, 100, Limits::kWordBytes);
}
void write(JsonWriter& out, const FacetField& facet) {
  out.object().field("name", std::string_view(facet.name)).field("order", name_of(facet.order, kFacetOrders));
  out.field("values_max", facet.values_max);
  if (!facet.first.empty()) {
    out.key("first").array();
    for (const std::string& value : facet.first) out.value(std::string_view(value));
    out.end();
  }
  out.end();
}

void read_ranking(JsonFields& in, RankingAttribute& out) {
  in.flag("descending", out.descending);
}
void write(JsonWriter& out, const RankingAttribute& ranking) {
  out.object().field("name", std::string_view(ranking.name)).field("descending", ranking.descending).end();
}

template <class T>
void write_list(JsonWriter& out, const std::vector<T>& list) {
  out.array();
  for (const T& one : list) {
    if constexpr (std::is_same_v<T, std::string>) {
      out.value(std::string_view(one));
    } else {
      write(out, one);
    }
  }
  out.end();
}

void read(JsonFields& in, TypoPolicy& out) {
  in.flag("enabled", out.enabled);
  in.whole("one_edit_from", out.one_edit_from, 1u, 100u);
  in.whole("two_edits_from", out.two_edits_from, 1u, 100u);
  in.flag("numbers", out.numbers);
  in.texts("words_excluded", out.words_excluded, Limits::kStopWords, Limits::kWordBytes);
  if (out.two_edits_from < out.one_edit_from)
    in.wrong("two_edits_from", "at least one_edit_from (" + std::to_string(out.one_edit_from) + ")");
}
void write(JsonWriter& out, const TypoPolicy& typo) {
  out.object().field("enabled", typo.enabled).field("one_edit_from", typo.one_edit_from);
  out.field("two_edits_from", typo.two_edits_from).field("numbers", typo.numbers).key("words_excluded");
  write_list(out, typo.words_excluded);
  out.end();
}

void read(JsonFields& in, HighlightDefaults& out) {
  in.texts("fields", out.fields, 32, Limits::kNameBytes);
  in.texts("snippets", out.snippets, 32, Limits::kNameBytes);
  in.whole("snippet_words", out.snippet_words, 1u, 200u);
  in.text("before", out.before, 0, 64);
  in.text("after", out.after, 0, 64);
  in.flag("escape_html", out.escape_html);
}
void write(JsonWriter& out, const HighlightDefaults& highlight) {
  out.object().key("fields");
  write_list(out, highlight.fields);
  out.key("snippets");
  write_list(out, highlight.snippets);
  out.field("snippet_words", highlight.snippet_words).field("before", std::string_view(highlight.before));
  out.field("after", std::string_view(highlight.after)).field("escape_html", highlight.escape_html).end();
}

constexpr std::string_view kUpdateModes[] = {"event", "batch", "interval", "nightly", "hybrid"};

void read(JsonFields& in, RankerUpdates& out) {
  in.one_of("mode", out.mode, kUpdateModes);
  in.whole("pages", out.pages, 10u, 1'000'000u);
  in.whole("seconds", out.seconds, 10u, 30u * 86400);
  in.whole("hour", out.hour, 0u, 23u);
  in.flag("gate", out.gate);
  in.flag("adapt", out.adapt);
  in.number("drift", out.drift, 0, 0.1);
  in.number("replay", out.replay, 0, 1);
}
void write(JsonWriter& out, const RankerUpdates& updates) {
  out.object().field("mode", name_of(updates.mode, kUpdateModes)).field("pages", updates.pages);
  out.field("seconds", updates.seconds).field("hour", updates.hour).field("gate", updates.gate);
  out.field("adapt", updates.adapt).field("drift", updates.drift).field("replay", updates.replay).end();
}

void read(JsonFields& in, RankerAttribution& out) {
  in.whole("window_seconds", out.window_seconds, 10u, 30u * 86400);
  in.whole("late_seconds", out.late_seconds, 10u, 180u * 86400);
  if (out.late_seconds < out.window_seconds)
    in.wrong("late_seconds", "at least window_seconds (" + std::to_string(out.window_seconds) + ")");
}
void write(JsonWriter& out, const RankerAttribution& attribution) {
  out.object().field("window_seconds", attribution.window_seconds);
  out.field("late_seconds", attribution.late_seconds).end();
}

template <class T>
void read_object(JsonFields& fields, std::string_view name, T& out);

void read(JsonFields& in, RankerChallenger& out) {
  in.text("name", out.name, 0, 64);
  in.one_of("learner", out.learner, kLearners);
  in.number("prior", out.prior, 0.01, 100);
  in.number("caution", out.caution, 0.1, 100);
  in.flag("promote", out.promote);
}
void write(JsonWriter& out, const RankerChallenger& challenger) {
  out.object().field("name", std::string_view(challenger.name));
  out.field("learner", rank_learner_name(challenger.learner)).field("prior", challenger.prior);
  out.field("caution", challenger.caution).field("promote", challenger.promote).end();
}

// `challenger`, one of them, is what settings had before there could be several; without a name it is none.
void read_challengers(JsonFields& in, std::vector<RankerChallenger>& out) {
  RankerChallenger alone;
  read_object(in, "challenger", alone);
  if (!alone.name.empty()) out.push_back(std::move(alone));
  const Json::List* list = in.list("challengers", kChallengersMax);
  if (list == nullptr) return;
  if (in.has("challenger")) in.wrong("challenger", "to be one of challengers");
  std::set<std::string> names;
  for (size_t i = 0; i < list->size(); ++i) {
    JsonFields inner((*list)[i], in.path("challengers") + "[" + std::to_string(i) + "]");
    read(inner, out.emplace_back());
    if (out.back().name.empty()) inner.wrong("name", "a name of 1 to 64 bytes");
    if (!names.insert(out.back().name).second) inner.wrong("name", "a name that no other challenger has");
    in.fail(inner.finish());
  }
}

void read(JsonFields& in, RankerSettings& out) {
  constexpr double kMost = 1000;
  in.number("weight", out.weight, 0, 1);
  in.number("search_weight", out.search_weight, 0, 1);
  in.number("personal_weight", out.personal_weight, 0, 1);
  in.one_of("learner", out.learner, kLearners);
  in.number("prior", out.prior, 0.01, 100);
  in.number("caution", out.caution, 0.1, 100);
  in.number("click", out.click, 0, kMost);
  in.number("cart", out.cart, 0, kMost);
  in.number("purchase", out.purchase, 0, kMost);
  in.text("value", out.value, 0, Limits::kNameBytes);
  in.whole("candidates", out.candidates, 10u, 1000u);
  in.number("diversity", out.diversity, 0, 1);
  in.whole("category_cap", out.category_cap, 0u, 1000u);
  in.number("exploration", out.exploration, 0, 1);
  in.number("control", out.control, 0, 1);
  in.flag("retire", out.retire);
  in.texts("keep", out.keep, 64, Limits::kNameBytes);
  in.texts("drop", out.drop, 64, Limits::kNameBytes);
  read_object(in, "attribution", out.attribution);
  read_object(in, "updates", out.updates);
  read_challengers(in, out.challengers);
  if (out.click + out.cart + out.purchase <= 0)
    in.wrong("click", "click, cart or purchase above 0: pages are ordered for something");
}
void write(JsonWriter& out, const RankerSettings& ranker) {
  out.object().field("weight", ranker.weight).field("search_weight", ranker.search_weight);
  out.field("personal_weight", ranker.personal_weight);
  out.field("learner", rank_learner_name(ranker.learner)).field("prior", ranker.prior);
  out.field("caution", ranker.caution);
  out.field("click", ranker.click).field("cart", ranker.cart);
  out.field("purchase", ranker.purchase).field("value", std::string_view(ranker.value));
  out.field("candidates", ranker.candidates).field("diversity", ranker.diversity);
  out.field("category_cap", ranker.category_cap).field("exploration", ranker.exploration);
  out.field("control", ranker.control).field("retire", ranker.retire).key("keep");
  write_list(out, ranker.keep);
  out.key("drop");
  write_list(out, ranker.drop);
  out.key("attribution");
  write(out, ranker.attribution);
  out.key("updates");
  write(out, ranker.updates);
  out.key("challengers").array();
  for (const RankerChallenger& one : ranker.challengers) write(out, one);
  out.end().end();
}

template <class T>
void read_object(JsonFields& fields, std::string_view name, T& out) {
  const Json* given = fields.any(name);
  if (given == nullptr) return;
  JsonFields inner(*given, fields.path(name));
  if (given->object() != nullptr) read(inner, out);
  fields.fail(inner.finish());
}

// Every member of SearchSettings, once: its name, how it is read, how it is written, whether two differ.
struct Member {
  std::string_view name;
  void (*read)(JsonFields&, std::string_view, SearchSettings&);
  void (*write)(JsonWriter&, const SearchSettings&);
  bool (*same)(const SearchSettings&, const SearchSettings&);
};

#define FRESHET_SAME(member) \
  [](const SearchSettings& a, const SearchSettings& b) { return a.member == b.member; }
#define FRESHET_MEMBER(member, reading, writing)                                                         \
  Member {                                                                                               \
#member, [](JsonFields & in, std::string_view name,                                                  \
                SearchSettings &                                                                         \
                    out) { reading; }, [](JsonWriter & out,                                              \
                                          const SearchSettings& from) { writing; }, FRESHET_SAME(member) \
  }
#define FRESHET_TEXT(member, max) \
  FRESHET_MEMBER(member, in.text(name, out.member, 0, max), out.value(std::string_view(from.member)))
#define FRESHET_TEXTS(member, count) \
  FRESHET_MEMBER(member, in.texts(name, out.member, count, Limits::kWordBytes), write_list(out, from.member))
#define FRESHET_FLAG(member) FRESHET_MEMBER(member, in.flag(name, out.member), out.value(from.member))
#define FRESHET_WHOLE(member, min, max) \
  FRESHET_MEMBER(member, in.whole(name, out.member, min, max), out.value(from.member))
#define FRESHET_SHARE(member) \
  FRESHET_MEMBER(member, in.number(name, out.member, 0, 1), out.value(from.member))

const Member kMembers[] = {
    FRESHET_MEMBER(searchable, read_list(in, name, out.searchable, Limits::kSearchable, read_searchable),
                   write_list(out, from.searchable)),
    FRESHET_TEXT(language, 8),
    FRESHET_TEXTS(languages, Limits::kLanguages),
    FRESHET_MEMBER(facets, read_list(in, name, out.facets, Limits::kFacets, read_facet),
                   write_list(out, from.facets)),
    FRESHET_TEXTS(filterable, Limits::kFilterable),
    FRESHET_MEMBER(ranking, read_list(in, name, out.ranking, Limits::kRanking, read_ranking),
                   write_list(out, from.ranking)),
    FRESHET_MEMBER(typo, read_object(in, name, out.typo), write(out, from.typo)),
    FRESHET_TEXTS(stop_words, Limits::kStopWords),
    FRESHET_FLAG(language_stop_words),
    FRESHET_FLAG(prefix),
    FRESHET_MEMBER(highlight, read_object(in, name, out.highlight), write(out, from.highlight)),
    FRESHET_WHOLE(pagination_max, 1u, Limits::kPaginationMax),
    FRESHET_TEXT(distinct, Limits::kNameBytes),
    FRESHET_WHOLE(distinct_count, 1u, 100u),
    FRESHET_SHARE(semantic_weight),
    FRESHET_SHARE(popularity_weight),
    FRESHET_SHARE(intent_weight),
    FRESHET_SHARE(click_weight),
    FRESHET_SHARE(click_swaps),
    FRESHET_SHARE(click_exploration),
    FRESHET_MEMBER(ranker, read_object(in, name, out.ranker), write(out, from.ranker)),
    FRESHET_MEMBER(relaxation, in.one_of(name, out.relaxation, kRelaxations),
                   out.value(name_of(from.relaxation, kRelaxations))),
    FRESHET_TEXTS(suggestions_hidden, Limits::kHidden),
};

std::string value_json(const Member& member, const SearchSettings& settings) {
  JsonWriter json;
  member.write(json, settings);
  return json.take();
}

Status read_synonym(const Json& json, const std::string& path, Synonym& out) {
  JsonFields in(json, path);
  if (json.object() == nullptr) return in.finish();
  in.text("id", out.id, 1, 64);
  if (!in.has("id")) in.wrong("id", "a text of 1 to 64 bytes");
  in.one_of("kind", out.kind, kSynonymKinds);
  in.text("from", out.from, 1, Limits::kWordBytes);
  in.texts("words", out.words, Limits::kSynonymWords, Limits::kWordBytes);
  in.number("weight", out.weight, 0, 1);
  if (out.kind == SynonymKind::kSame) {
    if (out.words.size() < 2) in.wrong("words", "at least two texts that mean the same");
    if (!out.from.empty()) in.wrong("from", "nothing: it belongs to \"one-way\" and \"correction\"");
  } else {
    if (out.words.empty()) in.wrong("words", "at least one text");
    if (out.from.empty()) in.wrong("from", "a text");
  }
  return in.finish();
}

void write(JsonWriter& out, const Synonym& synonym) {
  out.object().field("id", std::string_view(synonym.id)).field("kind", name_of(synonym.kind, kSynonymKinds));
  if (!synonym.from.empty()) out.field("from", std::string_view(synonym.from));
  out.key("words");
  write_list(out, synonym.words);
  if (synonym.weight > 0) out.field("weight", synonym.weight);
  out.end();
}

}  // namespace

bool is_language(std::string_view code) {
  return parse_language(code).ok();
}

std::string_view relaxation_name(Relaxation relaxation) {
  return name_of(relaxation, kRelaxations);
}

Result<Relaxation> parse_relaxation(std::string_view text) {
  const auto at = std::find(std::begin(kRelaxations), std::end(kRelaxations), text);
  if (at != std::end(kRelaxations)) return static_cast<Relaxation>(at - std::begin(kRelaxations));
  std::string names;
  for (const std::string_view one : kRelaxations)
    names += (names.empty() ? "\"" : ", \"") + std::string(one) + "\"";
  return invalid("relaxation: expected one of " + names + ", got \"" + std::string(text.substr(0, 40)) +
                 "\"");
}

std::string_view rank_learner_name(RankLearner learner) {
  return name_of(learner, kLearners);
}

std::string_view update_mode_name(RankerUpdates::Mode mode) {
  return name_of(mode, kUpdateModes);
}

std::string_view learns_otherwise(const RankerSettings& a, const RankerSettings& b) {
  if (a.learner != b.learner) return "learner";
  if (a.prior != b.prior) return "prior";
  if (a.caution != b.caution) return "caution";
  if (a.attribution != b.attribution) return "attribution";
  if (a.updates != b.updates) return "updates";
  return a.challengers != b.challengers ? "challengers" : "";
}

Result<SearchSettings> parse_settings(std::string_view text) {
  TRY(const Json json, parse_json(text, {.bytes_max = Limits::kJsonBytes, .depth_max = 8}));
  SearchSettings settings;
  JsonFields fields(json, "");
  if (json.object() != nullptr) {
    for (const Member& member : kMembers) member.read(fields, member.name, settings);
    check_language(fields, "language", settings.language);
    check_languages(fields, settings.languages);
    if (settings.searchable.empty()) fields.wrong("searchable", "at least one field");
  }
  TRY_STATUS(fields.finish());
  return settings;
}

std::string settings_json(const SearchSettings& settings, int indent) {
  JsonWriter json(indent);
  json.object();
  for (const Member& member : kMembers) {
    json.key(member.name);
    member.write(json, settings);
  }
  json.end();
  return json.take();
}

std::vector<SettingsChange> diff_settings(const SearchSettings& before, const SearchSettings& after) {
  std::vector<SettingsChange> changes;
  for (const Member& member : kMembers)
    if (!member.same(before, after))
      changes.push_back({std::string(member.name), value_json(member, before), value_json(member, after)});
  return changes;
}

bool needs_rebuild(const SearchSettings& before, const SearchSettings& after) {
  if (before.language != after.language || before.languages != after.languages ||
      before.searchable.size() != after.searchable.size())
    return true;
  for (size_t i = 0; i < before.searchable.size(); ++i)
    if (before.searchable[i].name != after.searchable[i].name ||
        before.searchable[i].language != after.searchable[i].language)
      return true;
  return false;
}

Result<Synonym> parse_synonym(std::string_view text) {
  TRY(const Json json, parse_json(text, {.bytes_max = 64 << 10, .depth_max = 4}));
  Synonym synonym;
  TRY_STATUS(read_synonym(json, "", synonym));
  return synonym;
}

Result<std::vector<Synonym>> parse_synonyms(std::string_view text) {
  TRY(const Json json, parse_json(text, {.bytes_max = 8 << 20, .depth_max = 5}));
  const Json::List* list = json.list();
  if (list == nullptr) return invalid("synonyms: expected a list, got " + shown(json));
  if (list->size() > Limits::kSynonyms)
    return exhausted("synonyms: expected at most " + std::to_string(Limits::kSynonyms) + ", got " +
                     std::to_string(list->size()));
  std::vector<Synonym> synonyms(list->size());
  std::set<std::string_view> ids;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string path = "[" + std::to_string(i) + "]";
    TRY_STATUS(read_synonym((*list)[i], path, synonyms[i]));
    if (!ids.insert(synonyms[i].id).second)
      return invalid(path + ".id: expected each id once, got \"" + synonyms[i].id + "\" again");
  }
  return synonyms;
}

std::string synonym_json(const Synonym& synonym) {
  JsonWriter json;
  write(json, synonym);
  return json.take();
}

}  // namespace freshet
