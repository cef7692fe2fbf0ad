// What else is known of the candidates: popularity and the shop's ranking attributes; and the order of all.
#include <algorithm>
#include <cmath>

#include "rank/objective.h"
#include "search/internal/context.h"
#include "search/internal/spelling.h"
#include "search/popularity.h"

namespace freshet::search_internal {
namespace {

// Scores are whole multiples of this, so that sums of parts are exact in any order (below 2^32).
constexpr double kStep = 1.0 / (1 << 20);

// Half of the largest part that popularity may add is reached at so much of it.
constexpr double kPopularityHalf = 20;

// Chances below this lift nothing: they say little, and there are many of them.
constexpr float kChanceMin = 0.05f;
// Of what intent may add, the category's share; the brand has the rest.
constexpr double kCategoryShare = 0.7;

void learn_intent(SearchContext& c) {
  if (c.intent == nullptr || !c.words || c.settings.intent_weight <= 0) return;
  c.intent->categories(c.request.query, kChanceMin, c.categories);
  c.intent->brands(c.request.query, kChanceMin, c.brands);
}

// weight * best * (0.7 P(category | query) + 0.3 P(brand | query)): soft, at most `intent_weight` of the
// best.
double intent_part(const SearchContext& c, ItemSlot slot) {
  if (c.categories.empty() && c.brands.empty()) return 0;
  const ItemRecord* item = c.catalog.item(slot);
  if (item == nullptr) return 0;
  const auto category = static_cast<double>(Intent::chance_of(c.categories, item->facets));
  const auto brand = static_cast<double>(Intent::chance_of(c.brands, item->facets));
  return c.settings.intent_weight * static_cast<double>(c.best_lexical) *
         (kCategoryShare * category + (1 - kCategoryShare) * brand);
}

// "category:Kettles 62%, brand:Acme 20%": the chances of the item's own.
std::string intent_detail(const SearchContext& c, ItemSlot slot) {
  const ItemRecord* item = c.catalog.item(slot);
  std::string out;
  for (const std::vector<FacetChance>* chances : {&c.categories, &c.brands})
    for (const FacetChance& chance : *chances) {
      const std::vector<uint32_t>& own = item->facets;
      if (std::find(own.begin(), own.end(), chance.facet) == own.end()) continue;
      const int percent = static_cast<int>(std::lround(chance.chance * 100));
      out += (out.empty() ? "" : ", ") + std::string(c.catalog.facet_name(chance.facet)) + " " +
             std::to_string(percent) + "%";
    }
  return out;
}

double by_id_part(const SearchContext& c, ItemSlot slot) {
  return slot == c.by_id ? in_steps(c.best_lexical + spelling_scale(c) + 1) : 0;
}

// The value of a ranking attribute, ascending is worse; absent is worst.
double ranking_value(const SearchContext& c, const RankingAttribute& by, ItemSlot slot) {
  double value = kNoNumber;
  if (by.name == "popularity") {
    value = c.state.popularity_key(slot);
    return by.descending ? value : -value;
  }
  const ItemRecord* item = c.catalog.item(slot);
  if (item != nullptr) value = number_of(*item, by.name);
  if (!has_number(value)) return -std::numeric_limits<double>::infinity();
  return by.descending ? value : -value;
}

}  // namespace

double popularity_part(const SearchContext& c, ItemSlot slot) {
  if (c.popularity_scale <= 0) return 0;
  const double count = c.state.popularity(slot, c.now_ms);
  return in_steps(c.popularity_scale * count / (count + kPopularityHalf));
}

double number_of(const ItemRecord& item, std::string_view name) {
  if (name == "price") return item.price;
  if (name == "created") return static_cast<double>(item.created_ms);
  const Value* value = item.attribute(name);
  if (value == nullptr) return kNoNumber;
  if (const auto* whole = std::get_if<int64_t>(value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(value)) return *real;
  if (const auto* flag = std::get_if<bool>(value)) return *flag ? 1 : 0;
  return kNoNumber;
}

double in_steps(double score) {
  return std::nearbyint(score / kStep) * kStep;
}

std::vector<double> ranking_key(const SearchContext& c, ItemSlot slot) {
  std::vector<double> key;
  key.reserve(c.settings.ranking.size());
  for (const RankingAttribute& by : c.settings.ranking) key.push_back(ranking_value(c, by, slot));
  return key;
}

namespace {

// Asks for what scoring reads of candidates [from, to) ahead of its use: each look is far away from the last.
void fetch(const SearchContext& c, size_t from, size_t to, std::vector<const ItemRecord*>& items) {
  items.clear();
  for (size_t i = from; i < to; ++i) c.catalog.fetch(c.pool[i].slot);
  for (size_t i = from; i < to; ++i) items.push_back(c.catalog.item(c.pool[i].slot));
  for (const ItemRecord* item : items)
    if (item != nullptr)
      for (size_t at = 0; at < sizeof(ItemRecord); at += 64)
        __builtin_prefetch(reinterpret_cast<const char*>(item) + at);
  for (const ItemRecord* item : items) {
    if (item == nullptr) continue;
    __builtin_prefetch(item->title.data());
    for (size_t at = 0; at < std::min<size_t>(item->attributes.size(), 4); ++at)
      __builtin_prefetch(&item->attributes[at]);
  }
}

// Does the first stand before the second? Ranking attributes count only when scores are equal.
bool stands_before(const SearchContext& c, double score, ItemSlot slot, double other_score, ItemSlot other) {
  if (score != other_score) return score > other_score;
  const std::vector<double> key = ranking_key(c, slot), other_key = ranking_key(c, other);
  return key != other_key ? key > other_key : slot < other;
}

// Gives the candidates their scores. `shown`: only so many of the best are wanted in the end; the titles of
// those that cannot be among them, however close their wording, are not looked at.
void score_pool(SearchContext& c, size_t shown) {
  constexpr size_t kTogether = 32;
  Spelling spelling(c);
  const bool prune = shown < c.pool.size();
  std::vector<const ItemRecord*> items;  // of the candidates from `fetched` on
  size_t fetched = SIZE_MAX;
  std::vector<size_t> best;  // A heap of candidates, the last of them on top.
  const auto before = [&](size_t a, size_t b) {
    return stands_before(c, c.pool[a].score, c.pool[a].slot, c.pool[b].score, c.pool[b].slot);
  };
  for (size_t i = 0; i < c.pool.size(); ++i) {
    Candidate& one = c.pool[i];
    one.intent = intent_part(c, one.slot);
    one.score = in_steps(c.lexical_scale * one.lexical) + in_steps(one.semantic) +
                popularity_part(c, one.slot) + by_id_part(c, one.slot) + in_steps(one.intent);
    const bool full = prune && best.size() == shown;
    if (i < Spelling::kCandidates) {
      const Candidate* last = full ? &c.pool[best.front()] : nullptr;
      if (full && !stands_before(c, one.score + spelling.most(), one.slot, last->score, last->slot)) continue;
      if (const size_t from = i - i % kTogether; fetched != from) {
        fetched = from;
        fetch(c, from, std::min(from + kTogether, c.pool.size()), items);
      }
      one.spelling = spelling.part(one, items[i - fetched]);
      one.score += one.spelling;
    }
    if (!prune || (full && !before(i, best.front()))) continue;
    if (full) {
      std::pop_heap(best.begin(), best.end(), before);
      best.back() = i;
    } else {
      best.push_back(i);
    }
    std::push_heap(best.begin(), best.end(), before);
  }
}

}  // namespace

void rank(SearchContext& c) {
  std::vector<SortKey> keys = c.request.sort;
  if (keys.empty() && !c.words && c.pool.empty())  // Browsed: in the order of the ranking attributes.
    for (const RankingAttribute& by : c.settings.ranking) keys.push_back({by.name, by.descending});
  const bool browsed = !c.words && c.pool.empty();
  if (!keys.empty() || browsed) order_by(c, keys);
  for (const Candidate& candidate : c.pool) c.best_lexical = std::max(c.best_lexical, candidate.lexical);
  c.popularity_scale = c.settings.popularity_weight * c.best_lexical;

  learn_intent(c);
  const bool by_score = keys.empty() && !browsed;
  // Groups are made of all candidates.
  const size_t page_end = size_t{c.request.from} + c.request.count;
  const bool window =
      (c.clicks != nullptr && c.clicks->parameters().ready) || asks_ranker(c) || spreads(c.settings.ranker);
  const size_t least = window ? kClickWindow : 1;
  const bool some = by_score && group_attribute(c).empty() && c.steps.size() < 2;
  const size_t shown = some ? std::max(least, page_end) : SIZE_MAX;
  score_pool(c, shown);
  if (!by_score) return;
  const auto before = [&](const Candidate& a, const Candidate& b) { return stands_before(c, a, b); };
  auto from = c.pool.begin();
  for (const size_t step : c.steps) {
    const auto to = c.pool.begin() + static_cast<std::ptrdiff_t>(step);
    if (some) {
      std::partial_sort(from, std::min(from + static_cast<std::ptrdiff_t>(std::min(shown, step)), to), to,
                        before);
    } else {
      std::sort(from, to, before);
    }
    from = to;
  }
  c.ranked = std::min(shown, c.pool.size());
}

bool stands_before(const SearchContext& c, const Candidate& one, const Candidate& other) {
  return stands_before(c, one.score, one.slot, other.score, other.slot);
}

std::vector<HitPart> parts_of(const SearchContext& c, const Candidate& candidate) {
  std::vector<HitPart> out;
  std::vector<ScorePart> parts;
  static constexpr const char* kNames[] = {"word", "proximity", "exact", "begins"};
  if (candidate.lexical != 0) c.generation.index.explain(c.query.plan, candidate.slot, parts);
  double sum = 0;
  for (const ScorePart& part : parts) {
    HitPart one{kNames[static_cast<size_t>(part.what)], "", in_steps(c.lexical_scale * part.score)};
    if (part.what == ScorePart::What::kClause) one.detail = clause_detail(c, part);
    sum += one.value;
    out.push_back(std::move(one));
  }
  // Rounding each part to steps may differ from rounding their sum: the largest takes the difference.
  if (const double rest = in_steps(c.lexical_scale * candidate.lexical) - sum; !out.empty() && rest != 0) {
    const auto largest = std::max_element(
        out.begin(), out.end(), [](const HitPart& a, const HitPart& b) { return a.value < b.value; });
    largest->value += rest;
  }
  const auto add = [&](const char* name, double value) {
    if (value != 0) out.push_back({name, "", value});
  };
  add("spelling", candidate.spelling);
  add("semantic", in_steps(candidate.semantic));
  add("intent", in_steps(candidate.intent));
  if (candidate.intent != 0 && !out.empty() && out.back().name == "intent")
    out.back().detail = intent_detail(c, candidate.slot);
  add("popularity", popularity_part(c, candidate.slot));
  add("id", by_id_part(c, candidate.slot));
  add("clicks", candidate.clicks);
  add("trial", candidate.trial);
  ranker_parts(candidate, out);
  return out;
}

// "title, brand: kettle (typo)"
std::string clause_detail(const SearchContext& c, const ScorePart& part) {
  static constexpr const char* kKinds[] = {"exact",   "stem",  "prefix", "typo",
                                           "synonym", "split", "join",   "weak"};
  std::string out;
  for (uint32_t f = 0; f < c.generation.fields.size(); ++f)
    if (part.fields >> f & 1) out += (out.empty() ? "" : ", ") + std::string(c.generation.fields.name(f));
  const Alternative& alternative = c.query.plan.clauses[part.clause].alternatives[part.alternative];
  out += ":";
  for (const std::string& term : alternative.terms) out += " " + term;
  return out + " (" + kKinds[static_cast<size_t>(alternative.kind)] + ")";
}

}  // namespace freshet::search_internal
