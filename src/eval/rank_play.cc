#include "eval/rank_play.h"

#include <algorithm>

#include "base/hash.h"
#include "settings/settings.h"

namespace freshet {

using simulate::Shop;

RankEvalOptions of_game(const RankEvalOptions& options, int game, int games) {
  RankEvalOptions out = options;
  if (options.progress)
    out.progress = [&options, game, games](double share) { options.progress((game + share) / games); };
  return out;
}

Status RankPlay::open(bool with_ranker) {
  StateConfig config;
  config.search = search_config_;
  TRY(state_, ShopState::open(config));
  SearchSettings settings;
  settings.ranker = options_.settings;
  if (!with_ranker)
    settings.ranker.weight = settings.ranker.search_weight = settings.ranker.personal_weight = 0;
  apply(stage_event(settings, "", ""));
  apply(settings_event("publish", std::to_string(state_->settings().book().next - 1), ""));
  service_.emplace(state_->catalog(), state_->profiles(), state_->recommender());
  service_->rank_with(state_->ranker(), state_->settings());
  search_.emplace(state_->catalog(), state_->settings(), state_->search(), search_config_, &state_->vectors(),
                  &state_->intent(), &state_->suggestions(), &state_->clicks());
  search_->rank_with(state_->ranker(), state_->profiles());
  return {};
}

Result<simulate::Verdict> RankPlay::play() {
  simulate::JudgeOptions judging{.visits = options_.visits,
                                 .visits_per_day = options_.visits_per_day,
                                 .k = options_.k,
                                 .searches = options_.searches};
  judging.looked = [this](const Shop&, const simulate::Visit& visit, double best) { looked(visit, best); };
  return simulate::judge(shop_, judging, *this);
}

Status RankPlay::send(const std::vector<Event>& events) {
  for (const Event& event : events) apply(as_sent(event));
  return {};
}

Result<RankPlay::List> RankPlay::recommend(const Question& asked) {
  now_ = asked.now;
  if (options_.progress) options_.progress(static_cast<double>(now_ - start_ms()) / span_ms());
  stock(asked.now);
  List list;
  list.query_id = "page-" + std::to_string(pages_++);
  Event event;
  event.type = EventType::kImpression;
  event.time_ms = asked.now;
  event.id = list.query_id;
  event.source = "freshet";
  event.user = asked.user;
  event.session = asked.session;
  event.region = asked.region;
  event.query_id = list.query_id;
  event.surface = asked.surface;
  TRY_STATUS(options_.searches ? put_found(asked, list, event) : put_recommended(asked, list, event));
  for (const ShownItem& one : event.shown) list.items.push_back(one.item);
  shown(list);
  if (!event.shown.empty()) apply(event);
  return list;
}

Status RankPlay::put_recommended(const Question& asked, List& list, Event& impression) {
  RecommendRequest request;
  TRY(request.surface, parse_surface(asked.surface));
  request.user = asked.user;
  request.session = asked.session;
  request.region = asked.region;
  request.k = asked.k;
  request.now_ms = asked.now;
  TRY_STATUS(ask_others(request));
  request.explore = std::max<uint64_t>(1, hash_bytes(list.query_id));
  TRY(const RecommendAnswer answer, service_->recommend(request, asked.now));
  put_shown(answer, impression);
  return {};
}

Status RankPlay::put_found(const Question& asked, List& list, Event& impression) {
  SearchRequest request;
  request.query = asked.words;
  request.count = static_cast<uint32_t>(asked.k);
  request.user = asked.user;
  request.session = asked.session;
  request.region = asked.region;
  request.include_unavailable = false;
  TRY_STATUS(ask_others(request));
  request.explore = std::max<uint64_t>(1, hash_bytes(list.query_id));
  TRY(const SearchAnswer answer, search_->search(request, asked.now));
  impression.query = asked.words;
  put_shown(answer, impression);
  return {};
}

void RankPlay::apply(Event event) {
  if (event.id.empty()) event.id = "shop-" + std::to_string(next_);
  if (event.source.empty()) event.source = "shop";
  if (event.time_ms == kNoTime) event.time_ms = start_ms();
  state_->apply(next_++, event);
  for (Ranker* ranker : followers()) ranker->apply(next_, event);
}

// The shop's feed: everything there is, once a day.
void RankPlay::stock(TimeMs now) {
  if (now / kDayMs == day_) return;
  const bool first = day_ < 0;
  day_ = now / kDayMs;
  for (Event& event : simulate::context_events(shop_, day_ * kDayMs, first)) {
    event.time_ms = std::max(event.time_ms, start_ms());
    apply(std::move(event));
  }
  Event event;
  for (uint32_t item = 0; item < shop_.items().size(); ++item) {
    if (shop_.items()[item].born_ms > now) continue;
    shop_.describe(item, now, event);
    event.time_ms = now;
    event.source.clear();
    apply(event);
  }
}

std::unique_ptr<Ranker> RankPlay::copy_of_live() const {
  Writer out;
  state_->ranker().save(out);
  auto copy =
      std::make_unique<Ranker>(state_->moment(), state_->catalog(), state_->profiles(), state_->joiner(),
                               state_->clicks(), state_->contexts(), state_->settings());
  Reader in(out.bytes());
  CHECK(copy->load(in).ok());
  return copy;
}

std::unique_ptr<ClickModel> RankPlay::copy_of_clicks() const {
  Writer out;
  state_->clicks().save(out);
  auto copy = std::make_unique<ClickModel>(state_->moment(), state_->catalog(), state_->joiner());
  Reader in(out.bytes());
  CHECK(copy->load(in).ok());
  return copy;
}

Result<std::vector<std::string>> RankPlay::list_of(const Ranker* ranker, const Request& request,
                                                   const ClickModel* clicks) const {
  std::vector<std::string> ids;
  if (const auto* asked = std::get_if<SearchRequest>(&request)) {
    SearchService service(state_->catalog(), state_->settings(), state_->search(), search_config_,
                          &state_->vectors(), &state_->intent(), &state_->suggestions(),
                          clicks == nullptr ? &state_->clicks() : clicks);
    if (ranker != nullptr) service.rank_with(*ranker, state_->profiles());
    TRY(const SearchAnswer answer, service.search(*asked, now_));
    for (const SearchHit& hit : answer.hits) ids.push_back(hit.id);
    return ids;
  }
  RecommendService service(state_->catalog(), state_->profiles(), state_->recommender());
  if (ranker != nullptr) service.rank_with(*ranker, state_->settings());
  TRY(const RecommendAnswer answer, service.recommend(std::get<RecommendRequest>(request), now_));
  for (const RecommendedItem& item : answer.items) ids.push_back(item.id);
  return ids;
}

double RankPlay::clicks_of(const std::vector<std::string>& list, const simulate::Visit& visit) const {
  std::vector<uint32_t> items;
  for (const std::string& id : list)
    if (const auto number = Shop::item_number(id)) items.push_back(*number);
  return expected_clicks(shop_, visit, items);
}

double RankPlay::span_ms() const {
  return static_cast<double>(options_.visits) / options_.visits_per_day * static_cast<double>(kDayMs);
}

}  // namespace freshet
