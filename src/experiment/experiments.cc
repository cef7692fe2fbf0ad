#include "experiment/experiments.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/hash.h"
#include "experiment/draft.h"
#include "json/json.h"

namespace freshet {
namespace {

constexpr uint32_t kVersion = 2;
constexpr size_t kChainMax = 16;  // Searches of a shopper looked through for an item.
constexpr TimeMs kWindow = 30 * kMinuteMs, kLate = 7 * kDayMs;

std::string_view text_of(const Event& event, std::string_view name) {
  const auto* text = event.attribute_as<std::string>(name);
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

uint64_t number_of(const Event& event, std::string_view name) {
  const auto* number = event.attribute_as<int64_t>(name);
  return number == nullptr ? 0 : static_cast<uint64_t>(*number);
}

const std::string& shopper_of(const Event& event) {
  return event.user.empty() ? event.session : event.user;
}

uint32_t item_hash(std::string_view item) {
  return static_cast<uint32_t>(hash_bytes(item));
}

uint8_t bit(Goal goal) {
  return static_cast<uint8_t>(1u << static_cast<unsigned>(goal));
}

void forget(std::unordered_map<uint64_t, uint64_t>& map, uint64_t key, uint64_t number) {
  const auto found = map.find(key);
  if (found != map.end() && found->second == number) map.erase(found);
}

auto place_of(ExperimentBook& book, std::string_view name) {
  return std::lower_bound(book.all.begin(), book.all.end(), name,
                          [](const auto& one, std::string_view wanted) { return one->of.name < wanted; });
}

// A copy of it in its place, to be changed.
Experiment& changed(ExperimentBook& book, std::string_view name) {
  auto& place = *place_of(book, name);
  auto copy = std::make_shared<Experiment>(*place);
  Experiment& out = *copy;
  place = std::move(copy);
  return out;
}

void end(ExperimentBook& book, std::string_view name, ExperimentState state, TimeMs now,
         std::string because) {
  Experiment& one = changed(book, name);
  if (one.state == ExperimentState::kRunning) {
    --book.running;
    one.ended_ms = now;
  }
  one.state = state;
  one.ended_because = std::move(because);
}

}  // namespace

const Experiment* ExperimentBook::find(std::string_view name) const {
  const auto at =
      std::lower_bound(all.begin(), all.end(), name,
                       [](const auto& one, std::string_view wanted) { return one->of.name < wanted; });
  return at != all.end() && (*at)->of.name == name ? at->get() : nullptr;
}

const Experiment* ExperimentBook::of_shopper(std::string_view shopper, ExperimentOn on) const {
  if (running == 0 || shopper.empty()) return nullptr;
  const double place = shopper_place(shopper);
  for (const auto& one : all)
    if (one->state == ExperimentState::kRunning && one->of.on == on && place >= one->from &&
        place < one->from + one->of.traffic)
      return one.get();
  return nullptr;
}

Experiments::Experiments(const Moment& moment, const Settings& settings)
    : moment_(moment), settings_(settings), book_(new ExperimentBook) {}

Experiments::~Experiments() {
  delete book_.load();
}

void Experiments::publish(ExperimentBook* next) {
  const ExperimentBook* old = book_.load(std::memory_order_relaxed);
  book_.store(next, std::memory_order_release);
  retired_.retire(old);
}

void Experiments::apply(Offset, const Event& event) {
  if (moment_.skip) return;
  if (event.type == EventType::kSettings) {
    auto next = std::make_unique<ExperimentBook>(book());
    const bool asked = change(event, *next);
    if (end_unsettled(*next) || asked) publish(next.release());
    published_ = settings_.book().published->number;
    return;
  }
  if (tallies_.empty()) return;
  if (event.type == EventType::kSearch) {
    searched(event);
  } else if (event.type == EventType::kImpression) {
    shown(event);
  } else if (!exposures_.empty() && is_positive_action(event.type) && !event.item.empty()) {
    answered(event);
  }
}

// ---- what the shop says

bool Experiments::change(const Event& event, ExperimentBook& next) {
  const SettingsBook& settings = settings_.book();
  if (event.name == "experiment-define") {
    std::string name;
    const auto json = parse_json(event.value, {.bytes_max = ExperimentLimits::kJsonBytes, .depth_max = 12});
    if (const Json* given = json.ok() ? json->find("name") : nullptr)
      if (const std::string* text = given->text()) name = *text;
    auto asked = parse_experiment(name, event.value);
    if (!asked.ok() || !asked->variant_settings.empty() || !check_define(next, settings, asked->of).ok())
      return false;
    auto made = std::make_shared<Experiment>();
    made->of = std::move(asked->of);
    made->created_ms = moment_.time_ms;
    made->by = event.source;
    const auto at = place_of(next, name);
    if (const Experiment* there = next.find(name)) {
      tallies_.erase(there->run);
      *at = std::move(made);
    } else {
      next.all.insert(at, std::move(made));
    }
    return true;
  }
  const std::string& name = event.value;
  if (event.name == "experiment-start") {
    double from = 0;
    if (!check_start(next, settings, name, from).ok()) return false;
    Experiment& one = changed(next, name);
    tallies_.erase(one.run);
    one.state = ExperimentState::kRunning;
    one.run = ++runs_;
    one.from = from;
    one.started_ms = moment_.time_ms;
    one.ended_ms = 0;
    one.ended_because.clear();
    ++next.running;
    tallies_.emplace(one.run, ExperimentTally(one.of));
    return true;
  }
  if (event.name == "experiment-stop") {
    if (!check_stop(next, name).ok()) return false;
    end(next, name, ExperimentState::kStopped, moment_.time_ms, event.surface);
    return true;
  }
  if (event.name == "experiment-ship") {
    if (!check_ship(next, settings, name).ok()) return false;
    end(next, name, ExperimentState::kShipped, moment_.time_ms, "the variant was published");
    return true;
  }
  if (event.name == "experiment-delete") {
    if (!check_delete(next, name).ok()) return false;
    const auto at = place_of(next, name);
    tallies_.erase((*at)->run);
    next.all.erase(at);
    return true;
  }
  return false;
}

bool Experiments::end_unsettled(ExperimentBook& next) const {
  const SettingsBook& settings = settings_.book();
  const uint64_t live = settings.published->number;
  bool any = false;
  for (size_t i = 0; i < next.all.size() && next.running > 0; ++i) {
    const Experiment& one = *next.all[i];
    if (one.state != ExperimentState::kRunning) continue;
    std::string because;
    if (live != published_)
      because = "version " + std::to_string(live) + " of the settings was published";
    else if (settings.version(one.of.control) == nullptr || settings.version(one.of.variant) == nullptr)
      because = "a version of the settings that it compares is gone";
    if (because.empty()) continue;
    end(next, std::string(one.of.name), ExperimentState::kStopped, moment_.time_ms, std::move(because));
    any = true;
  }
  return any;
}

// ---- what shoppers do

// What the event takes part in, if that runs.
ExperimentTally* Experiments::of_event(const Event& event, const Experiment*& experiment) {
  const uint64_t run = number_of(event, "experiment_run");
  if (run == 0) return nullptr;
  experiment = book().find(text_of(event, "experiment"));
  if (experiment == nullptr || experiment->run != run || experiment->state != ExperimentState::kRunning)
    return nullptr;
  const auto found = tallies_.find(run);
  return found == tallies_.end() ? nullptr : &found->second;
}

void Experiments::searched(const Event& event) {
  const Experiment* experiment = nullptr;
  ExperimentTally* tally = of_event(event, experiment);
  if (tally == nullptr || experiment->of.kind != ExperimentKind::kSplit ||
      experiment->of.on != ExperimentOn::kSearch)
    return;
  Exposure exposure;
  const bool empty = has_number(event.result_count) && event.result_count <= 0;
  if (!count_page(event, *experiment, *tally, exposure, empty)) return;
  if (!empty && !event.query_id.empty()) expose(std::move(exposure));
}

bool Experiments::count_page(const Event& event, const Experiment& experiment, ExperimentTally& tally,
                             Exposure& exposure, bool empty) const {
  const std::string& shopper = shopper_of(event);
  const std::string_view arm = text_of(event, "arm");
  if (shopper.empty() || (arm != "control" && arm != "variant")) return false;
  exposure.query_id = hash_bytes(event.query_id);
  exposure.shopper = hash_bytes(shopper);
  exposure.run = experiment.run;
  exposure.arm = arm == "variant" ? Arm::kVariant : Arm::kControl;
  exposure.bucket = static_cast<uint16_t>(shopper_bucket(shopper, ExperimentTally::kBuckets));
  tally.search(exposure.arm, exposure.bucket, exposure.shopper, empty,
               static_cast<double>(number_of(event, "took_us")) / 1000, moment_.time_ms);
  return true;
}

void Experiments::shown(const Event& event) {
  const Experiment* experiment = nullptr;
  ExperimentTally* tally = of_event(event, experiment);
  if (tally == nullptr || event.query_id.empty()) return;
  std::vector<uint32_t> items;
  items.reserve(std::min(event.shown.size(), kPlaces));
  for (size_t i = 0; i < std::min(event.shown.size(), kPlaces); ++i)
    items.push_back(item_hash(event.shown[i].item));
  const uint64_t query_id = hash_bytes(event.query_id);
  if (experiment->of.kind == ExperimentKind::kSplit && experiment->of.on == ExperimentOn::kRecommendations) {
    Exposure exposure;
    if (!count_page(event, *experiment, *tally, exposure, items.empty()) || items.empty()) return;
    exposure.items = std::move(items);
    return expose(std::move(exposure));
  }
  if (experiment->of.kind == ExperimentKind::kSplit) {
    const auto searched = by_query_id_.find(query_id);
    if (searched != by_query_id_.end()) exposures_[searched->second - first_].items = std::move(items);
    return;
  }
  const std::string_view teams = text_of(event, "teams");
  const std::string& shopper = shopper_of(event);
  Exposure exposure;
  exposure.query_id = query_id;
  exposure.shopper = shopper.empty() ? 0 : hash_bytes(shopper);
  exposure.run = experiment->run;
  for (size_t i = 0; i < std::min(teams.size(), items.size()); ++i) {
    const Team team = team_of(teams[i]);
    if (team == Team::kControl) exposure.control_places |= uint64_t{1} << i;
    if (team == Team::kVariant) exposure.variant_places |= uint64_t{1} << i;
  }
  exposure.items = std::move(items);
  if (teams.empty() || !tally->page(number_of(event, "draft"))) return;
  if ((exposure.control_places | exposure.variant_places) != 0) expose(std::move(exposure));
}

void Experiments::expose(Exposure exposure) {
  if (exposures_.size() == kExposures) forget_first();
  const uint64_t number = first_ + exposures_.size();
  exposure.time_ms = moment_.time_ms;
  by_query_id_[exposure.query_id] = number;
  if (exposure.shopper != 0) {
    const auto [last, fresh] = by_shopper_.try_emplace(exposure.shopper, number);
    if (!fresh) exposure.before = std::exchange(last->second, number) + 1;
  }
  exposures_.push_back(std::move(exposure));
}

void Experiments::forget_first() {
  forget(by_query_id_, exposures_.front().query_id, first_);
  forget(by_shopper_, exposures_.front().shopper, first_);
  exposures_.pop_front();
  ++first_;
}

Experiments::Answer Experiments::find_at(uint64_t number, uint32_t item, TimeMs age_max) {
  if (number < first_) return {};
  Exposure& exposure = exposures_[number - first_];
  if (std::abs(moment_.time_ms - exposure.time_ms) > age_max) return {};
  const auto at = std::find(exposure.items.begin(), exposure.items.end(), item);
  if (at == exposure.items.end()) return {};
  return {&exposure, static_cast<size_t>(at - exposure.items.begin())};
}

Experiments::Answer Experiments::find(const Event& event) {
  const uint32_t item = item_hash(event.item);
  if (!event.query_id.empty()) {  // Of another page: it is no answer to one of these.
    const auto named = by_query_id_.find(hash_bytes(event.query_id));
    return named == by_query_id_.end() ? Answer{} : find_at(named->second, item, kLate);
  }
  const std::string& shopper = shopper_of(event);
  const auto last = by_shopper_.find(shopper.empty() ? 0 : hash_bytes(shopper));
  if (last == by_shopper_.end()) return {};
  uint64_t number = last->second;
  for (size_t looked = 0; looked < kChainMax && number >= first_; ++looked) {
    const Answer found = find_at(number, item, event.type == EventType::kPurchase ? kLate : kWindow);
    if (found.exposure != nullptr) return found;
    const uint64_t before = exposures_[number - first_].before;
    if (before == 0) break;
    number = before - 1;
  }
  return {};
}

void Experiments::answered(const Event& event) {
  const Answer answer = find(event);
  if (answer.exposure == nullptr) return;
  if (event.type == EventType::kPurchase) {
    count(answer, Goal::kPurchaseRate, 1);
    const double many = has_number(event.quantity) ? event.quantity : 1;
    if (has_number(event.price) && event.price > 0 && many > 0)
      count(answer, Goal::kRevenue, event.price * many);
  } else {
    count(answer, event.type == EventType::kAddToCart ? Goal::kCartRate : Goal::kClickThrough, 1);
  }
}

void Experiments::count(const Answer& answer, Goal goal, double value) {
  Exposure& exposure = *answer.exposure;
  const auto found = tallies_.find(exposure.run);
  if (found == tallies_.end()) return;
  ExperimentTally& tally = found->second;
  const bool first = (exposure.answered & bit(goal)) == 0;
  if ((exposure.control_places | exposure.variant_places) == 0) {
    if (first || goal == Goal::kRevenue) tally.answer(exposure.arm, exposure.bucket, measure_of(goal), value);
    exposure.answered |= bit(goal);
    return;
  }
  const uint64_t place = uint64_t{1} << answer.place;
  const bool variant = (exposure.variant_places & place) != 0;
  if (!first || goal != tally.goal() || !(variant || (exposure.control_places & place) != 0)) return;
  tally.win(variant ? Arm::kVariant : Arm::kControl, moment_.time_ms);
  exposure.answered |= bit(goal);
}

const ExperimentTally* Experiments::tally(uint64_t run) const {
  const auto found = tallies_.find(run);
  return found == tallies_.end() ? nullptr : &found->second;
}

// ---- snapshots

void Experiments::forget_results() {
  for (const auto& one : book().all)
    if (const auto found = tallies_.find(one->run); found != tallies_.end())
      found->second = ExperimentTally(one->of);
  exposures_.clear();
  by_query_id_.clear();
  by_shopper_.clear();
}

void Experiments::save(Writer& out) const {
  out.u32(kVersion);
  out.varint(runs_);
  out.varint(published_);
  out.varint(book().all.size());
  for (const auto& one : book().all) {
    out.str(one->of.name);
    out.str(experiment_json(one->of));
    out.u8(static_cast<uint8_t>(one->state));
    out.varint(one->run);
    out.f64(one->from);
    for (const TimeMs time : {one->created_ms, one->started_ms, one->ended_ms}) out.i64(time);
    out.str(one->by);
    out.str(one->ended_because);
    const ExperimentTally* counted = tally(one->run);
    out.u8(counted == nullptr ? 0 : 1);
    if (counted != nullptr) counted->save(out);
  }
  out.u64(first_);
  out.varint(exposures_.size());
  for (const Exposure& one : exposures_) {
    out.u64(one.query_id);
    out.u64(one.shopper);
    out.varint(one.run);
    out.varint(one.before);
    out.i64(one.time_ms);
    out.varint(one.control_places);
    out.varint(one.variant_places);
    out.u16(one.bucket);
    out.u8(static_cast<uint8_t>(one.arm));
    out.u8(one.answered);
    out.varint(one.items.size());
    out.array(one.items.data(), one.items.size());
  }
}

Result<std::shared_ptr<Experiment>> Experiments::read_experiment(
    Reader& in, std::map<uint64_t, ExperimentTally>& tallies) {
  auto one = std::make_shared<Experiment>();
  const std::string_view name = in.str(), json = in.str();
  auto read = parse_experiment(name, json);
  if (!read.ok()) return corrupt("experiments: a definition that is none: " + read.error().what);
  one->of = std::move(read->of);
  const uint8_t state = in.u8();
  if (state > static_cast<uint8_t>(ExperimentState::kShipped)) return corrupt("experiments: no such state");
  one->state = static_cast<ExperimentState>(state);
  one->run = in.varint();
  one->from = in.f64();
  for (TimeMs* time : {&one->created_ms, &one->started_ms, &one->ended_ms}) *time = in.i64();
  one->by = in.str();
  one->ended_because = in.str();
  if (in.u8() == 0) return one;
  ExperimentTally counted(one->of);
  TRY_STATUS(counted.load(in));
  tallies.emplace(one->run, std::move(counted));
  return one;
}

Result<Experiments::Exposure> Experiments::read_exposure(Reader& in) {
  Exposure one;
  one.query_id = in.u64();
  one.shopper = in.u64();
  one.run = in.varint();
  one.before = in.varint();
  one.time_ms = in.i64();
  one.control_places = in.varint();
  one.variant_places = in.varint();
  one.bucket = in.u16();
  one.arm = in.u8() != 0 ? Arm::kVariant : Arm::kControl;
  one.answered = in.u8();
  const uint64_t items = in.varint();
  if (one.bucket >= ExperimentTally::kBuckets || items > kPlaces)
    return corrupt("experiments: a search that cannot be");
  one.items.resize(items);
  in.array(one.items.data(), items);
  return one;
}

// What is not kept: where each of them is.
void Experiments::find_exposures() {
  by_query_id_.clear();
  by_shopper_.clear();
  for (size_t i = 0; i < exposures_.size(); ++i) {
    by_query_id_[exposures_[i].query_id] = first_ + i;
    if (exposures_[i].shopper != 0) by_shopper_[exposures_[i].shopper] = first_ + i;
  }
}

Status Experiments::load(Reader& in) {
  if (in.u32() != kVersion) return corrupt("experiments: not of this version");
  auto next = std::make_unique<ExperimentBook>();
  std::map<uint64_t, ExperimentTally> tallies;
  const uint64_t runs = in.varint(), published = in.varint(), count = in.varint();
  if (count > ExperimentLimits::kExperiments) return corrupt("experiments: more than there can be");
  for (uint64_t i = 0; i < count; ++i) {
    TRY(auto one, read_experiment(in, tallies));
    next->running += one->state == ExperimentState::kRunning ? 1 : 0;
    next->all.push_back(std::move(one));
  }
  const uint64_t first = in.u64(), exposures = in.varint();
  std::deque<Exposure> waiting;
  for (uint64_t i = 0; i < exposures && in.ok(); ++i) {
    TRY(Exposure one, read_exposure(in));
    waiting.push_back(std::move(one));
  }
  if (!in.ok()) return corrupt("experiments: cut short");
  runs_ = runs;
  published_ = published;
  tallies_ = std::move(tallies);
  exposures_ = std::move(waiting);
  first_ = first;
  find_exposures();
  publish(next.release());
  return {};
}

size_t Experiments::bytes() const {
  constexpr size_t kItems = 10 * sizeof(uint32_t), kOfMap = 40;  // Of most pages; of an entry.
  size_t bytes = sizeof *this + exposures_.size() * (sizeof(Exposure) + kItems) +
                 (by_query_id_.size() + by_shopper_.size()) * kOfMap;
  for (const auto& [run, counted] : tallies_) bytes += counted.bytes();
  for (const auto& one : book().all) bytes += sizeof *one + one->of.note.capacity();
  return bytes;
}

}  // namespace freshet
