// Experiments: what an administrator does with them is checked here and becomes events; which pages take
// part, and what these show.
#include <algorithm>
#include <unordered_map>

#include "base/epoch.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "engine/engine.h"
#include "experiment/draft.h"
#include "json/json.h"

namespace freshet {
namespace {

constexpr uint64_t kCoins = 0x636f696e73;  // Purpose of the draws of a draft.

// The settings with those members of `differing` in the place of their own.
Result<std::string> with_members(const SearchSettings& settings, const std::string& differing) {
  TRY(Json all,
      parse_json(settings_json(settings), {.bytes_max = SettingsLimits::kJsonBytes, .depth_max = 8}));
  TRY(const Json given, parse_json(differing, {.bytes_max = SettingsLimits::kJsonBytes, .depth_max = 8}));
  auto* members = std::get_if<Json::Object>(&all.value);
  for (const Json::Member& one : *given.object()) {
    const auto there = std::find_if(members->begin(), members->end(),
                                    [&](const Json::Member& member) { return member.name == one.name; });
    if (there == members->end()) return invalid("variant.settings: nobody knows \"" + one.name + "\"");
    there->value = one.value;
  }
  JsonWriter text;
  write_json(text, all);
  return text.take();
}

bool may_be_drafted(const SearchRequest& request) {
  return request.sort.empty() && (request.group_by.empty() || request.group_by == "-") && request.count > 0 &&
         uint64_t{request.from} + request.count <= ExperimentLimits::kDraftMax;
}

std::vector<uint32_t> slots_of(const SearchAnswer& answer) {
  std::vector<uint32_t> slots;
  slots.reserve(answer.hits.size());
  for (const SearchHit& hit : answer.hits) slots.push_back(hit.slot);
  return slots;
}

}  // namespace

// ---- searches

Result<SearchAnswer> Engine::search_as_part(const Live& live, const SearchRequest& asked, TimeMs now_ms,
                                            const std::string& query_id, ExperimentPart& part) const {
  const std::string& who = asked.user.empty() ? asked.session : asked.user;
  std::optional<ExperimentDefinition> of;
  if (asked.explore != 0 && asked.settings_version == UINT64_MAX)
    of = experiment_of(live, ExperimentOn::kSearch, who, query_id, part);
  if (!of) return answer_search(live, asked, now_ms);
  if (of->kind == ExperimentKind::kInterleaving)
    return search_drafted(live, asked, now_ms, *of, who.empty() ? query_id : who, part);
  SearchRequest request = asked;
  request.settings_version = part.arm == Arm::kVariant ? of->variant : of->control;
  return answer_search(live, request, now_ms);
}

std::optional<ExperimentDefinition> Engine::experiment_of(const Live& live, ExperimentOn on,
                                                          const std::string& who, const std::string& query_id,
                                                          ExperimentPart& part) {
  const EpochGuard guard;
  // Who is not known is somebody new at each page: a split needs to know, interleaving does not.
  const Experiment* experiment =
      live.state->experiments().book().of_shopper(who.empty() ? query_id : who, on);
  if (experiment == nullptr || (who.empty() && experiment->of.kind == ExperimentKind::kSplit))
    return std::nullopt;
  part.name = experiment->of.name;
  part.run = experiment->run;
  if (experiment->of.kind == ExperimentKind::kSplit) part.arm = arm_of(who, experiment->of);
  return experiment->of;
}

Result<SearchAnswer> Engine::search_drafted(const Live& live, const SearchRequest& asked, TimeMs now_ms,
                                            const ExperimentDefinition& of, std::string_view shopper,
                                            ExperimentPart& part) const {
  SearchRequest request = asked;
  request.settings_version = of.control;
  const bool drafted = may_be_drafted(request);
  if (drafted) {
    request.page_ends = page_ends(asked);
    request.from = 0;
    request.count = asked.from + asked.count;
    request.exchanges = false;
  }
  TRY(SearchAnswer control, answer_search(live, request, now_ms));
  if (!drafted) {
    part = {};
    return control;
  }
  std::vector<SearchHit> page;
  const auto keep = [&](SearchHit& hit) { page.push_back(std::move(hit)); };
  if (!control.rules_applied.empty()) {  // Pins and lifts have their places already.
    part = {};
    for (size_t i = asked.from; i < control.hits.size(); ++i) keep(control.hits[i]);
  } else {
    request.settings_version = of.variant;
    request.facets.clear();
    TRY(SearchAnswer variant, answer_search(live, request, now_ms));
    part.draft = mix64(hash_bytes(part.name), mix64(search_key(asked, shopper), part.run));
    const std::vector<Drafted> all =
        draft(slots_of(control), slots_of(variant), request.count, Draw(mix64(part.draft, kCoins)));
    for (size_t i = asked.from; i < all.size(); ++i) {
      keep((all[i].team == Team::kVariant ? variant : control).hits[all[i].place]);
      part.teams.push_back(team_letter(all[i].team));
    }
  }
  control.hits = std::move(page);
  return control;
}

// ---- recommendations

Result<RecommendAnswer> Engine::recommend_as_part(const Live& live, const RecommendRequest& asked,
                                                  TimeMs now_ms, const std::string& query_id,
                                                  ExperimentPart& part) const {
  const std::string& who = asked.user.empty() ? asked.session : asked.user;
  std::optional<ExperimentDefinition> of;
  if (asked.explore != 0 && asked.settings_version == UINT64_MAX && !is_own_list(asked.surface))
    of = experiment_of(live, ExperimentOn::kRecommendations, who, query_id, part);
  if (!of) return answer_recommend(live, asked, now_ms);
  if (of->kind == ExperimentKind::kInterleaving)
    return recommend_drafted(live, asked, now_ms, *of, query_id, part);
  RecommendRequest request = asked;
  request.settings_version = part.arm == Arm::kVariant ? of->variant : of->control;
  return answer_recommend(live, request, now_ms);
}

// Each page has its own coins: there is no next page that would have to go on with them.
Result<RecommendAnswer> Engine::recommend_drafted(const Live& live, const RecommendRequest& asked,
                                                  TimeMs now_ms, const ExperimentDefinition& of,
                                                  const std::string& query_id, ExperimentPart& part) const {
  RecommendRequest request = asked;
  request.settings_version = of.control;
  TRY(RecommendAnswer control, answer_recommend(live, request, now_ms));
  if (!control.rules_applied.empty()) {  // Pins and lifts have their places already.
    part = {};
    return control;
  }
  request.settings_version = of.variant;
  TRY(RecommendAnswer variant, answer_recommend(live, request, now_ms));
  std::unordered_map<std::string, uint32_t> numbers;
  const auto numbers_of = [&](const RecommendAnswer& answer) {
    std::vector<uint32_t> out;
    for (const RecommendedItem& item : answer.items)
      out.push_back(numbers.try_emplace(item.id, static_cast<uint32_t>(numbers.size())).first->second);
    return out;
  };
  const std::vector<uint32_t> first = numbers_of(control), second = numbers_of(variant);
  part.draft = mix64(hash_bytes(part.name), mix64(hash_bytes(query_id), part.run));
  std::vector<RecommendedItem> page;
  for (const Drafted& one : draft(first, second, request.k, Draw(mix64(part.draft, kCoins)))) {
    page.push_back(std::move((one.team == Team::kVariant ? variant : control).items[one.place]));
    part.teams.push_back(team_letter(one.team));
  }
  control.items = std::move(page);
  control.ranked = control.ranked || variant.ranked;
  return control;
}

void Engine::note_part(const ExperimentPart& part, std::optional<uint64_t> took_us, Event& event) {
  if (part.run == 0) return;
  event.attributes.push_back({"experiment", part.name});
  event.attributes.push_back({"experiment_run", static_cast<int64_t>(part.run)});
  if (part.draft != 0) {
    if (event.type != EventType::kImpression) return;
    event.attributes.push_back({"teams", part.teams});
    event.attributes.push_back({"draft", static_cast<int64_t>(part.draft)});
    return;
  }
  event.attributes.push_back({"arm", std::string(part.arm == Arm::kVariant ? "variant" : "control")});
  if (took_us) event.attributes.push_back({"took_us", static_cast<int64_t>(*took_us)});
}

// ---- administration

ExperimentBook Engine::experiment_book() const {
  const std::shared_ptr<Live> current = live();
  const EpochGuard guard;
  return current->state->experiments().book();
}

Status Engine::define_experiment(std::string_view name, std::string_view json, std::string_view by) {
  TRY(AskedExperiment asked, parse_experiment(name, json));
  const std::lock_guard lock(administer_mutex_);
  SettingsBook settings = this->settings();
  if (!asked.control_given) asked.of.control = settings.published->number;
  std::vector<Event> events;
  if (!asked.variant_settings.empty()) {
    const auto control = settings.version(asked.of.control);
    if (control == nullptr)
      return invalid("control.settings_version: " + std::to_string(asked.of.control) +
                     " is not known (any more)");
    TRY(const std::string merged, with_members(control->settings, asked.variant_settings));
    auto read = parse_settings(merged);
    if (read.ok()) TRY_STATUS(check_features(read->ranker));
    if (!read.ok()) return Error{read.error().code, "variant.settings." + read.error().what};
    asked.of.variant = settings.next;
    auto staged = std::make_shared<SettingsVersion>();
    staged->number = settings.next;
    staged->settings = *read;
    settings.versions.push_back(std::move(staged));
    events.push_back(stage_event(*read, by, "experiment " + std::string(name)));
  }
  TRY_STATUS(check_define(experiment_book(), settings, asked.of));
  TRY_STATUS(check_asked(settings, asked.of));
  events.push_back(settings_event("experiment-define", experiment_json(asked.of), by));
  return administer(std::move(events));
}

Status Engine::start_experiment(const std::string& name, std::string_view by) {
  const std::lock_guard lock(administer_mutex_);
  double from = 0;
  const ExperimentBook book = experiment_book();
  TRY_STATUS(check_start(book, settings(), name, from));
  TRY_STATUS(check_asked(settings(), book.find(name)->of));
  return administer({settings_event("experiment-start", name, by)});
}

Status Engine::stop_experiment(const std::string& name, std::string_view reason, std::string_view by) {
  if (reason.size() > ExperimentLimits::kNoteBytes) return invalid("reason: expected at most 1024 bytes");
  const std::lock_guard lock(administer_mutex_);
  TRY_STATUS(check_stop(experiment_book(), name));
  Event event = settings_event("experiment-stop", name, by);
  event.surface = reason;
  return administer({event});
}

Status Engine::ship_experiment(const std::string& name, std::string_view by) {
  const std::lock_guard lock(administer_mutex_);
  const ExperimentBook book = experiment_book();
  TRY_STATUS(check_ship(book, settings(), name));
  return administer({settings_event("experiment-ship", name, by),
                     settings_event("publish", std::to_string(book.find(name)->of.variant), by)});
}

Status Engine::delete_experiment(const std::string& name, std::string_view by) {
  const std::lock_guard lock(administer_mutex_);
  TRY_STATUS(check_delete(experiment_book(), name));
  return administer({settings_event("experiment-delete", name, by)});
}

// Holds administer_mutex_.
Status Engine::check_unused(uint64_t version) const {
  for (const auto& one : experiment_book().all)
    if (one->state == ExperimentState::kRunning && (one->of.control == version || one->of.variant == version))
      return invalid("version " + std::to_string(version) + " is compared by the running experiment \"" +
                     one->of.name + "\"");
  return {};
}

// Newest first. What was counted is read on the fold thread, between two events.
std::vector<ExperimentView> Engine::experiments() {
  const std::shared_ptr<Live> current = live();
  std::vector<ExperimentView> out;
  current->runner->run([&] {
    const ShopState& state = *current->state;
    for (const auto& one : state.experiments().book().all) {
      ExperimentView view{*one, {}, {}};
      if (const ExperimentTally* tally = state.experiments().tally(one->run))
        view.results = results_of(one->of, *tally);
      const SettingsBook& settings = state.settings().book();
      const auto control = settings.version(one->of.control), variant = settings.version(one->of.variant);
      if (control != nullptr && variant != nullptr)
        view.changes = diff_settings(control->settings, variant->settings);
      out.push_back(std::move(view));
    }
  });
  std::stable_sort(out.begin(), out.end(), [](const ExperimentView& a, const ExperimentView& b) {
    return a.experiment.created_ms > b.experiment.created_ms;
  });
  return out;
}

Result<ExperimentView> Engine::experiment(std::string_view name) {
  for (ExperimentView& one : experiments())
    if (one.experiment.of.name == name) return std::move(one);
  return not_found("experiment \"" + std::string(name.substr(0, 64)) + "\" is not known");
}

}  // namespace freshet
