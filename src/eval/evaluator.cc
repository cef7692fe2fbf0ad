#include "eval/evaluator.h"

#include <algorithm>
#include <cmath>

#include "base/epoch.h"
#include "base/id_order.h"
#include "env/process.h"

namespace freshet {
namespace {

constexpr uint64_t kSampleSeed = 0x5a3b1e;
constexpr size_t kSmallerKs[] = {1, 5, 10, 20, 50, 100};

}  // namespace

size_t rank_of(std::span<const Recommended> items, ItemSlot target) {
  if (target == kNoItem) return 0;
  for (size_t i = 0; i < items.size(); i++)
    if (items[i].item == target) return i + 1;
  return 0;
}

Evaluator::Evaluator(const Protocol& protocol, ReplayModel& model, uint64_t warmup_groups)
    : protocol_(protocol), model_(model), warmup_groups_(warmup_groups), servers_(protocol.updates.size()) {
  for (const UpdatePolicy& policy : protocol_.updates) result_.updates.push_back({policy.name, {}, {}, {}});
  for (const std::string_view name : model_.source_names())
    result_.sources.push_back({std::string(name), {}, {}, 0, 0, 0});
  for (const size_t k : kSmallerKs)
    if (k <= protocol_.k) result_.at_k.push_back({k, {}});
}

int64_t Evaluator::period_of(const UpdatePolicy& policy, TimeMs time_ms) {
  return time_ms / policy.every_ms - (time_ms % policy.every_ms < 0);
}

void Evaluator::publish_due(TimeMs time_ms) {
  for (size_t i = 0; i < servers_.size(); i++) {
    const UpdatePolicy& policy = protocol_.updates[i];
    if (policy.kind != UpdatePolicy::Kind::kEvery) continue;
    const int64_t period = period_of(policy, time_ms);
    if (period <= servers_[i].period) continue;  // A late event publishes nothing.
    if (period < period_of(policy, publish_from_ms_)) continue;
    servers_[i].period = period;
    servers_[i].learned = model_.save_learned();
    servers_[i].published = true;
  }
}

void Evaluator::freeze() {
  for (size_t i = 0; i < servers_.size(); i++) {
    if (protocol_.updates[i].kind == UpdatePolicy::Kind::kLive ||
        protocol_.updates[i].kind == UpdatePolicy::Kind::kGiven || servers_[i].published)
      continue;
    servers_[i].learned = model_.save_learned();
    servers_[i].published = true;
  }
}

bool Evaluator::evaluated(const EventGroup* group, TimeMs time_ms) {
  if (!evaluating_ || group == nullptr || group->targets == 0 || group->index < warmup_groups_) return false;
  if (targets_ < protocol_.warmup.events || time_ms < protocol_.eval_from_ms) return false;
  freeze();
  result_.eligible++;
  return sampled();
}

bool Evaluator::sampled() const {
  return mix64(kSampleSeed, targets_) % protocol_.sample.of < protocol_.sample.keep;
}

Result<const Answerer*> Evaluator::answerer(size_t update) {
  if (protocol_.updates[update].kind == UpdatePolicy::Kind::kLive) return &model_.live();
  Server& server = servers_[update];
  if (protocol_.updates[update].kind == UpdatePolicy::Kind::kGiven) return server.given;
  if (server.copy == nullptr || !server.learned.empty()) {
    TRY(server.copy, model_.open_copy(server.learned));
    server.learned.clear();
    server.learned.shrink_to_fit();
  }
  return server.copy.get();
}

void Evaluator::mark_had(const EventGroup& group, bool had) {
  for (const ItemSlot item : group.items) {
    if (item >= had_.size()) had_.resize(item + 1024, 0);
    had_[item] = had;
  }
}

RecommendQuery Evaluator::query(const Event& event, const EventGroup&, bool allow_repeats, TimeMs now_ms) {
  RecommendQuery query;
  query.surface = protocol_.task != EvalTask::kBasket && protocol_.group == Grouping::kSession
                      ? Surface::kNext
                      : Surface::kForYou;
  query.sequence = model_.before(event);
  query.now_ms = now_ms;
  query.k = protocol_.k;
  query.allow_repeats = allow_repeats;
  query.action = protocol_.task == EvalTask::kBasket ? EventType::kPurchase : usual_type_;
  if (!allow_repeats) query.allow = [this](ItemSlot item) { return item >= had_.size() || had_[item] == 0; };
  return query;
}

// Equal scores: the smaller id first, as the protocol says.
void Evaluator::sort_ties(std::vector<Recommended>& items) const {
  std::stable_sort(items.begin(), items.end(), [this](const Recommended& a, const Recommended& b) {
    if (a.score != b.score) return a.score > b.score;
    return smaller_id(model_.item_id(a.item), model_.item_id(b.item));
  });
}

void Evaluator::record(size_t update, const Outcome& outcome) {
  UpdateScores& scores = result_.updates[update];
  scores.all.add(outcome.all);
  if (outcome.has_novel) scores.novel.add(outcome.novel);
  scores.outcomes.push_back(outcome);
  if (update == 0) recent_ += (outcome.all.recall - recent_) / std::min<double>(2000, scores.all.n());
}

// Each source's own list, alone, and which of the mixture's hits it spoke loudest for.
void Evaluator::score_sources(const Inspection& seen, std::span<const ItemSlot> wanted, size_t relevant,
                              std::span<const size_t> ranks, MeanScores SourceScores::*mean) {
  for (size_t s = 0; s < result_.sources.size() && s < seen.by_source.size(); s++) {
    SourceScores& source = result_.sources[s];
    std::vector<size_t> own;
    const std::vector<ItemSlot>& items = seen.by_source[s].items;
    for (size_t i = 0; i < items.size(); i++)
      if (std::find(wanted.begin(), wanted.end(), items[i]) != wanted.end()) own.push_back(i + 1);
    (source.*mean).add(score_ranks(own, relevant, protocol_.k));
    for (const size_t rank : ranks)
      if (rank > 0 && seen.items[rank - 1].reason.source == s) source.credited++;
  }
}

void Evaluator::score_losses(const Inspection& seen, ItemSlot target) {
  for (size_t s = 0; s < result_.sources.size() && s < seen.by_source.size(); s++) {
    const Inspection::View& view = seen.by_source[s];
    if (target == kNoItem || view.probability <= 0) continue;
    result_.sources[s].log_loss_sum -= std::log(static_cast<double>(view.probability));
    result_.sources[s].log_loss_n++;
  }
  if (target != kNoItem && seen.probability > 0) {
    result_.log_loss_sum -= std::log(static_cast<double>(seen.probability));
    result_.log_loss_n++;
  }
}

void Evaluator::score_at_k(std::span<const size_t> ranks, size_t relevant) {
  for (auto& [k, mean] : result_.at_k) mean.add(score_ranks(ranks, relevant, k));
}

// One target, one list for each update policy.
Status Evaluator::judge_single(const Event& event, const EventGroup& group, TimeMs now_ms) {
  const EpochGuard guard;
  const ItemSlot target = model_.find(event.item);
  const bool novel = target == kNoItem || !group.has(target);
  if (target == kNoItem) result_.unseen++;
  if (!protocol_.allow_repeats) mark_had(group, true);
  const RecommendQuery asked = query(event, group, protocol_.allow_repeats, now_ms);
  Inspection seen;
  for (size_t update = 0; update < servers_.size(); update++) {
    TRY(const Answerer* from, answerer(update));
    if (from == nullptr) continue;
    if (update == 0) {
      seen = from->inspect(asked, target);
    } else {
      seen.items = from->recommend(asked);
    }
    sort_ties(seen.items);
    const size_t rank = rank_of(seen.items, target);
    const Scores scores = score_rank(rank, protocol_.k);
    record(update, {targets_ + 1, scores, scores, novel});
    if (update > 0) continue;
    const size_t ranks[] = {rank};
    const ItemSlot wanted[] = {target};
    const std::span<const ItemSlot> known(wanted, target == kNoItem ? 0 : 1);
    score_sources(seen, known, 1, ranks, &SourceScores::all);
    if (novel) score_sources(seen, known, 1, {}, &SourceScores::novel);
    score_losses(seen, target);
    score_at_k(ranks, 1);
    if (listener_) listener_({targets_ + 1, &event, group.targets + 1, {event.item}, &seen.items, nullptr});
  }
  if (!protocol_.allow_repeats) mark_had(group, false);
  return {};
}

Status Evaluator::next_item(const Event& event, uint64_t group_key) {
  publish_due(event.time_ms);
  const EventGroup* group = group_key == 0 ? nullptr : groups_.find(group_key);
  if (!evaluated(group, event.time_ms)) return {};
  const double begin = wall_seconds();
  // The clock of the request: the newest event folded. The target's own time would tell how long the shopper
  // looked.
  TRY_STATUS(judge_single(event, *group, model_.now_ms()));
  result_.predict_seconds += wall_seconds() - begin;
  return {};
}

Status Evaluator::last_item(const Event& event, uint64_t group_key) {
  const EventGroup* group = group_key == 0 ? nullptr : groups_.find(group_key);
  const double begin = wall_seconds();
  if (evaluated(group, event.time_ms)) TRY_STATUS(judge_single(event, *group, model_.now_ms()));
  result_.predict_seconds += wall_seconds() - begin;
  targets_++;  // Nothing is learned of it, but the next one has the next number.
  return {};
}

Status Evaluator::basket(std::span<const Event> lines, uint64_t group_key) {
  const Event& first = lines.front();
  publish_due(first.time_ms);
  const EventGroup* group = group_key == 0 ? nullptr : groups_.find(group_key);
  if (!evaluated(group, first.time_ms)) return {};
  const double begin = wall_seconds();
  const EpochGuard guard;
  std::vector<std::string_view> targets;  // Distinct.
  for (const Event& line : lines)
    if (std::find(targets.begin(), targets.end(), line.item) == targets.end()) targets.push_back(line.item);
  std::vector<ItemSlot> slots, fresh;
  size_t fresh_relevant = 0;
  for (const std::string_view target : targets) {
    const ItemSlot slot = model_.find(target);
    if (slot == kNoItem) result_.unseen++;
    if (slot != kNoItem) slots.push_back(slot);
    if (slot == kNoItem || !group->has(slot)) fresh_relevant++;
    if (slot != kNoItem && !group->has(slot)) fresh.push_back(slot);
  }
  const auto ranks_in = [](std::span<const Recommended> items, const std::vector<ItemSlot>& wanted) {
    std::vector<size_t> ranks;
    for (size_t i = 0; i < items.size(); i++)
      if (std::find(wanted.begin(), wanted.end(), items[i].item) != wanted.end()) ranks.push_back(i + 1);
    return ranks;
  };
  mark_had(*group, true);
  const TimeMs now_ms = std::max(model_.now_ms(), first.time_ms);  // The visit is known when it begins.
  const RecommendQuery asked = query(first, *group, protocol_.allow_repeats, now_ms);
  const RecommendQuery asked_new = query(first, *group, false, now_ms);
  for (size_t update = 0; update < servers_.size(); update++) {
    TRY(const Answerer* from, answerer(update));
    if (from == nullptr) continue;
    Inspection seen, seen_new;
    const auto ask = [&](const RecommendQuery& question, Inspection& answer) {
      if (update == 0) {
        answer = from->inspect(question, kNoItem);
      } else {
        answer.items = from->recommend(question);
      }
      sort_ties(answer.items);
    };
    ask(asked, seen);
    const std::vector<ItemSlot>& wanted = protocol_.allow_repeats ? slots : fresh;
    const std::vector<size_t> ranks = ranks_in(seen.items, wanted);
    const size_t relevant = protocol_.allow_repeats ? targets.size() : fresh_relevant;
    Outcome outcome{targets_ + 1, score_ranks(ranks, relevant, protocol_.k), {}, fresh_relevant > 0};
    if (fresh_relevant > 0) {
      ask(asked_new, seen_new);
      outcome.novel = score_ranks(ranks_in(seen_new.items, fresh), fresh_relevant, protocol_.k);
    }
    if (relevant == 0) continue;
    record(update, outcome);
    if (update > 0) continue;
    score_at_k(ranks, relevant);
    score_sources(seen, wanted, relevant, ranks, &SourceScores::all);
    if (fresh_relevant > 0) score_sources(seen_new, fresh, fresh_relevant, {}, &SourceScores::novel);
    if (listener_)
      listener_({targets_ + 1, &first, group->targets + 1, targets, &seen.items, &seen_new.items});
  }
  mark_had(*group, false);
  result_.predict_seconds += wall_seconds() - begin;
  return {};
}

void Evaluator::learned(const Event& event, uint64_t group_key) {
  targets_++;
  const auto type = static_cast<size_t>(event.type);
  if (++type_counts_[type] > type_counts_[static_cast<size_t>(usual_type_)]) usual_type_ = event.type;
  if (group_key == 0) return;
  EventGroup& group = groups_.at(group_key);
  group.targets++;
  const EpochGuard guard;
  const ItemSlot item = model_.find(event.item);
  if (item != kNoItem) group.add(item);
}

}  // namespace freshet
