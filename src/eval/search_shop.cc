#include "eval/search_shop.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr TimeMs kStartMs = 1'700'000'000'000;
constexpr size_t kPage = 10;

// Several values of a cell are lines (JSON lists); a price is a number.
Value value_of(const std::string& column, const std::string& text) {
  if (column == "price") {
    double price = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), price);
    if (error == std::errc() && end == text.data() + text.size()) return price;
  }
  if (text.find('\n') == std::string::npos) return text;
  std::vector<std::string> list;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    list.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return list;
}

CatalogConfig catalog_config(size_t items) {
  CatalogConfig config;
  config.items_max = std::max<uint32_t>(config.items_max, static_cast<uint32_t>(items) + 1);
  return config;
}

}  // namespace

SearchShop::SearchShop()
    : config_{.background = false, .budget_ms = 60'000},
      entry_(moment_, 1000),
      settings_(moment_),
      catalog_(moment_, catalog_config(4'000'000)),
      joiner_(moment_, catalog_),
      clicks_(moment_, catalog_, joiner_),
      profiles_(moment_),
      contexts_(moment_),
      ranker_(moment_, catalog_, profiles_, joiner_, clicks_, contexts_, settings_),
      state_(moment_, catalog_, settings_, config_),
      service_(catalog_, settings_, state_, config_, nullptr, nullptr, nullptr, &clicks_) {
  service_.rank_with(ranker_, profiles_);
  clicks_.heed([this] { return ranker_.answers(); });
  settings_.on_change([this](const SettingsBook& before, const SettingsBook& after) {
    state_.settings_changed(before, after);
    ranker_.settings_changed(before.published->settings.ranker, after.published->settings.ranker);
  });
}

SearchShop::~SearchShop() {
  state_.stop();
}

void SearchShop::apply(Event event) {
  event.id = std::to_string(++events_);
  if (event.time_ms == kNoTime) event.time_ms = kStartMs;
  Fold* const folds[] = {&entry_,    &settings_, &catalog_,  &joiner_, &clicks_,
                         &contexts_, &ranker_,   &profiles_, &state_};
  for (Fold* fold : folds) fold->apply(events_, event);
}

Result<std::unique_ptr<SearchShop>> SearchShop::open(const SearchData& data,
                                                     const std::string& settings_json) {
  std::unique_ptr<SearchShop> shop(new SearchShop);
  if (!settings_json.empty()) {
    TRY(const SearchSettings settings, parse_settings(settings_json));
    shop->apply(stage_event(settings, "", ""));
    shop->apply(settings_event("publish", std::to_string(shop->settings_.book().next - 1), ""));
  }
  shop->fill(data);
  return shop;
}

void SearchShop::fill(const SearchData& data) {
  const auto id_column = static_cast<size_t>(data.item_id);
  for (size_t i = 0; i < data.items.rows.size(); i++) {
    const std::vector<std::string>& row = data.items.rows[i];
    ids_.push_back(row[id_column]);
    if (row[id_column].empty()) {
      items_unnamed_++;
      continue;
    }
    if (!numbers_.emplace(row[id_column], static_cast<uint32_t>(i)).second) items_replaced_++;
    Event event;
    event.type = EventType::kItemUpsert;
    event.item = row[id_column];
    for (size_t c = 0; c < row.size(); c++)
      if (c != id_column && !row[c].empty())
        event.attributes.push_back({data.items.columns[c], value_of(data.items.columns[c], row[c])});
    std::sort(event.attributes.begin(), event.attributes.end(),
              [](const Attribute& a, const Attribute& b) { return a.name < b.name; });
    apply(std::move(event));
  }
}

Result<SearchAnswer> SearchShop::answer(const std::string& query, const std::string& shopper, size_t k,
                                        uint64_t explore) const {
  SearchRequest request;
  request.query = query;
  request.count = static_cast<uint32_t>(std::min<size_t>(k, SearchRequest::kCountMax));
  request.highlight = std::vector<std::string>();
  request.snippets = std::vector<std::string>();
  request.explore = explore;
  request.user = shopper;
  return service_.search(request, moment_.now_ms);
}

std::vector<RankedItem> SearchShop::ranked(const SearchAnswer& answer) const {
  std::vector<RankedItem> ranked;
  for (const SearchHit& hit : answer.hits)
    if (const auto found = numbers_.find(hit.id); found != numbers_.end())
      ranked.push_back({found->second, hit.score});
  return ranked;
}

Result<std::vector<RankedItem>> SearchShop::search(const std::string& query, size_t k) const {
  TRY(const SearchAnswer answer, this->answer(query, "", k, 0));
  return ranked(answer);
}

Result<std::vector<RankedItem>> SearchShop::serve(const std::string& query, const std::string& shopper,
                                                  TimeMs time_ms) {
  Event event;
  event.type = EventType::kImpression;
  event.query = query;
  event.query_id = "page-" + std::to_string(++pages_);
  event.user = shopper_ = shopper;
  event.surface = "search";
  event.time_ms = kStartMs + time_ms;
  TRY(const SearchAnswer answer, this->answer(query, shopper, kPage, hash_bytes(event.query_id)));
  put_shown(answer, event);
  apply(std::move(event));
  return ranked(answer);
}

void SearchShop::click(uint32_t item, TimeMs time_ms) {
  Event event;
  event.type = EventType::kClick;
  event.item = ids_[item];
  event.query_id = "page-" + std::to_string(pages_);
  event.user = shopper_;
  event.time_ms = kStartMs + time_ms;
  apply(std::move(event));
}

}  // namespace freshet
