#include "dialect/internal/bound.h"

#include <algorithm>

#include "dialect/internal/filters.h"
#include "dialect/internal/key_gate.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kDerivedBytesMax = 8192;

int sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  return c == '/' || c == '_' ? 63 : -1;
}

Json::Object restrictions_of(std::string_view text) {
  Json object;
  object.value = Json::Object{{"params", json_text(text)}};
  Result<Params> params = Params::of(object);
  return params.ok() ? params->members() : Json::Object();
}

// "prod_*" against "prod_shoes".
bool fits(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*')
    return fits(pattern.substr(1), name) || (!name.empty() && fits(pattern, name.substr(1)));
  return !name.empty() && pattern[0] == name[0] && fits(pattern.substr(1), name.substr(1));
}

std::vector<std::string> texts_of(const Json& value) {
  Params one;
  one.set("value", value);
  return one.texts("value").value_or(std::vector<std::string>());
}

}  // namespace

bool from_base64(std::string_view text, std::string& out) {
  uint32_t bits = 0;
  int count = 0;
  out.clear();
  while (text.ends_with('=')) text.remove_suffix(1);
  for (const char c : text) {
    const int value = sextet(c);
    if (value < 0) return false;
    bits = (bits << 6 | static_cast<uint32_t>(value)) & 0xffffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return true;
}

bool read_derived_key(std::string_view key, DerivedKey& out) {
  static constexpr size_t kMacDigits = 64;
  std::string plain;
  if (key.size() > kDerivedBytesMax || !from_base64(key, plain) || plain.size() < kMacDigits) return false;
  out.mac = plain.substr(0, kMacDigits);
  out.restrictions = plain.substr(kMacDigits);
  return out.mac.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string not_now(std::string_view restrictions, std::string_view remote, TimeMs wall_ms) {
  for (const Json::Member& one : restrictions_of(restrictions)) {
    Params params;
    params.set(one.name, one.value);
    if (one.name == "validUntil" && params.whole(one.name).value_or(0) * 1000 <= wall_ms)
      return "the API key is no longer valid";
    if (one.name != "restrictSources") continue;
    const std::vector<std::string> sources = texts_of(one.value);
    if (std::find(sources.begin(), sources.end(), remote) == sources.end())
      return "the API key is not valid for this address";
  }
  return {};
}

bool index_allowed(const Request& request, std::string_view index) {
  const std::string_view bound = request.header(kBoundHeader);
  if (bound.empty()) return true;
  for (const Json::Member& one : restrictions_of(bound)) {
    if (one.name != "restrictIndices") continue;
    const std::vector<std::string> names = texts_of(one.value);
    if (std::none_of(names.begin(), names.end(), [&](const std::string& name) { return fits(name, index); }))
      return false;
  }
  return true;
}

bool is_bound_by_filters(const Request& request) {
  const std::string_view bound = request.header(kBoundHeader);
  if (bound.empty()) return false;
  const Json::Object all = restrictions_of(bound);
  return std::any_of(all.begin(), all.end(), [](const Json::Member& one) {
    return one.name == "filters" || one.name == "facetFilters" || one.name == "numericFilters" ||
           one.name == "tagFilters" || one.name == "unretrievableAttributes" ||
           one.name == "attributesToRetrieve";
  });
}

Status bind_query(const Request& request, Params& params) {
  const std::string_view bound = request.header(kBoundHeader);
  if (bound.empty()) return {};
  if (is_bound_by_filters(request)) {  // A pinned item may be one that filters refuse.
    Json no;
    no.value = false;
    params.set("enableRules", std::move(no));
  }
  if (!index_allowed(request, params.text("indexName")))
    return not_found("index \"" + params.text("indexName").substr(0, 100) + "\" is not one this key may use");
  for (const Json::Member& one : restrictions_of(bound)) {
    if (one.name == "filters" && one.value.text() != nullptr) {
      const std::string own = params.text("filters");
      TRY([[maybe_unused]] const std::string alone, from_filters(own));  // No ") OR (" that reaches outside.
      params.set("filters", json_text(own.empty() ? *one.value.text()
                                                  : "(" + own + ") AND (" + *one.value.text() + ")"));
    } else if (one.name == "maxHitsPerQuery") {
      Params most;
      most.set("most", one.value);
      const int64_t hits = most.whole("most").value_or(0);
      Json json;
      json.value = std::min(hits, params.whole("hitsPerPage").value_or(20));
      if (hits > 0) params.set("hitsPerPage", json);
      json.value = std::min(hits, params.whole("length").value_or(hits));
      if (hits > 0 && params.find("length") != nullptr) params.set("length", json);
    } else if (one.name == "facetFilters" || one.name == "numericFilters" || one.name == "tagFilters") {
      const Json* own = params.find(one.name);
      Json both;
      both.value = Json::List();
      auto& list = std::get<Json::List>(both.value);  // Outer lists are AND: the key's and the request's.
      for (const Json* part : {static_cast<const Json*>(&one.value), own}) {
        if (part == nullptr) continue;
        if (part->list() != nullptr) {
          list.insert(list.end(), part->list()->begin(), part->list()->end());
        } else {
          list.push_back(*part);
        }
      }
      params.set(one.name, std::move(both));
    } else if (one.name != "restrictIndices" && one.name != "validUntil" && one.name != "restrictSources" &&
               one.name != "acl" && one.name != "indexName") {
      params.set(one.name, one.value);
    }
  }
  return {};
}

Status bind_recommendation(const Request& request, Params& params) {
  if (request.header(kBoundHeader).empty()) return {};
  if (is_bound_by_filters(request) && params.text("model") == "trending-facets")
    return invalid("model: trending-facets cannot be filtered, which this key asks for");
  for (const std::string_view name : {"queryParameters", "fallbackParameters"}) {
    if (name == "fallbackParameters" && params.find(name) == nullptr) continue;
    Params inner;
    if (const Json* given = params.find(name); given != nullptr && given->object() != nullptr) {
      TRY(inner, Params::of(*given));
    }
    inner.set("indexName", json_text(params.text("indexName")));
    TRY_STATUS(bind_query(request, inner));
    Json object;
    object.value = inner.members();
    params.set(name, std::move(object));
  }
  return {};
}

}  // namespace freshet::dialect_internal
