#include "index/search_index.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/epoch.h"
#include "index/internal/best.h"
#include "index/internal/head_search.h"
#include "index/internal/state.h"

namespace freshet {

using index::CompiledPlan;
using index::Record;

SearchIndex::State::State(const SearchIndexConfig& c)
    : config(c), dictionary(c.terms_max), scoring(c.scoring) {
  auto* first = new index::View;
  first->heads = head = new index::Head(config.head_items, config.head_items * 16);
  view.store(first, std::memory_order_release);
  if (config.background) worker = std::thread([this] { run_worker(); });
}

SearchIndex::State::~State() {
  {
    const std::lock_guard lock(mutex);
    stop = true;
  }
  wake.notify_all();
  if (worker.joinable()) worker.join();
  const index::View* last = view.load(std::memory_order_relaxed);
  for (const index::Segment* segment : last->segments) delete segment;
  for (index::Head* at = last->heads; at != nullptr;) {
    index::Head* next = at->next.load(std::memory_order_relaxed);
    delete at;
    at = next;
  }
  delete last;
  for (uint32_t slot = 0; slot < table.size(); ++slot)
    index::free_record(const_cast<Record*>(table.record(slot)));
}

SearchIndex::SearchIndex(const SearchIndexConfig& config) : state_(std::make_unique<State>(config)) {}
SearchIndex::~SearchIndex() = default;

// ---- writing: the fold thread

namespace {

Status check_fields(std::span<const FieldText> fields) {
  uint32_t seen = 0;
  size_t tokens = 0;
  for (const FieldText& text : fields) {
    const std::string where = "field " + std::to_string(text.field);
    if (text.field >= kSearchFields)
      return invalid(where + ": expected a number below " + std::to_string(kSearchFields));
    if ((seen >> text.field & 1) != 0) return invalid(where + ": given twice, expected once");
    seen |= 1u << text.field;
    tokens += text.tokens.size();
    if (tokens > kItemTokensMax)
      return invalid(where + ": the item has more than " + std::to_string(kItemTokensMax) + " tokens");
    for (size_t i = 0; i < text.tokens.size(); ++i) {
      const IndexToken& token = text.tokens[i];
      if (token.term.empty() || token.term.size() > kTermBytesMax)
        return invalid(where + " token " + std::to_string(i) + ": a term of " +
                       std::to_string(token.term.size()) + " bytes, expected 1 to " +
                       std::to_string(kTermBytesMax));
      if (token.position >= kPositionsMax)
        return invalid(where + " token " + std::to_string(i) + ": position " +
                       std::to_string(token.position) + ", expected below " + std::to_string(kPositionsMax));
    }
  }
  return {};
}

uint32_t count_positions(std::span<const IndexToken> tokens) {
  uint32_t count = 0, last = ~0u;
  bool ascending = true;
  for (const IndexToken& token : tokens) {
    if (token.position == last) continue;
    ascending &= last == ~0u || token.position > last;
    last = token.position;
    ++count;
  }
  if (ascending) return count;
  std::vector<uint32_t> positions;
  for (const IndexToken& token : tokens) positions.push_back(token.position);
  std::sort(positions.begin(), positions.end());
  return static_cast<uint32_t>(std::unique(positions.begin(), positions.end()) - positions.begin());
}

}  // namespace

void SearchIndex::State::add_tokens(std::span<const FieldText> fields,
                                    std::array<uint32_t, kSearchFields>& lengths) {
  for (const FieldText& text : fields) {
    lengths[text.field] = count_positions(text.tokens);
    for (const IndexToken& token : text.tokens)
      if (const uint32_t term = dictionary.intern(token.term); term != index::kNoTerm)
        tokens.push_back({term, text.field, token.position});
  }
}

void SearchIndex::State::account(const Record& record, int sign) {
  for (const uint32_t term : record.terms()) dictionary.add_df(term, sign);
  for (const Record::Field& f : record.fields()) {
    auto& sum = length_sum[f.field];
    auto& count = length_items[f.field];
    sum.store(sum.load(std::memory_order_relaxed) + static_cast<uint64_t>(sign) * f.length,
              std::memory_order_relaxed);
    count.store(count.load(std::memory_order_relaxed) + static_cast<uint32_t>(sign),
                std::memory_order_relaxed);
  }
  items.store(items.load(std::memory_order_relaxed) + static_cast<uint32_t>(sign), std::memory_order_relaxed);
  record_bytes += static_cast<size_t>(sign) * record.bytes;
}

void SearchIndex::State::append(uint32_t slot, const Record& record) {
  if (!head->has_room(record.term_count)) next_head(record.term_count);
  head->append(slot, record, [&](uint32_t i) {
    uint32_t tf = 0, shortest = 255;
    for (index::EntryReader in(record.entry(i)); in.next(); in.skip_positions()) {
      tf += std::min(in.tf, 255u);
      shortest = std::min<uint32_t>(shortest, record.length_code(in.field));
    }
    return tf << 8 | shortest;
  });
}

void SearchIndex::State::put(uint32_t slot, const Record* next) {
  if (next != nullptr) {
    append(slot, *next);
    account(*next, 1);
  }
  // Counted before and after: who sees the same even count twice has seen no item change.
  const auto count = [this] {
    removals.store(removals.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  };
  const bool present = table.record(slot) != nullptr;
  if (present) count();
  const Record* old = table.set(slot, next);
  if (!present) return;
  count();
  account(*old, -1);
  retired.add(const_cast<Record*>(old), index::free_record);
}

Status SearchIndex::update(uint32_t slot, std::span<const FieldText> fields) {
  TRY_STATUS(check_fields(fields));
  std::array<uint32_t, kSearchFields> lengths{};
  state_->tokens.clear();
  state_->add_tokens(fields, lengths);
  state_->put(slot, state_->maker.make(state_->tokens, lengths, ++state_->version));
  return {};
}

Status SearchIndex::update_fields(uint32_t slot, std::span<const FieldText> fields) {
  const Record* old = state_->table.record(slot);
  if (old == nullptr) return update(slot, fields);
  TRY_STATUS(check_fields(fields));
  std::array<uint32_t, kSearchFields> lengths{};
  uint32_t changed = 0;
  for (const FieldText& text : fields) changed |= 1u << text.field;
  auto& tokens = state_->tokens;
  tokens.clear();
  for (const Record::Field& f : old->fields())
    if ((changed >> f.field & 1) == 0) lengths[f.field] = f.length;
  for (uint32_t i = 0; i < old->term_count; ++i)
    for (index::EntryReader in(old->entry(i)); in.next();) {
      const uint32_t field = in.field;
      in.positions([&](uint32_t position) {
        if ((changed >> field & 1) == 0) tokens.push_back({old->terms()[i], field, position});
      });
    }
  state_->add_tokens(fields, lengths);
  if (tokens.size() > kItemTokensMax)
    return invalid("the item has more than " + std::to_string(kItemTokensMax) + " tokens in all fields");
  state_->put(slot, state_->maker.make(tokens, lengths, ++state_->version));
  return {};
}

void SearchIndex::remove(uint32_t slot) {
  if (state_->table.record(slot) != nullptr) state_->put(slot, nullptr);
}

void SearchIndex::set_scoring(const Scoring& scoring) {
  const std::lock_guard lock(state_->mutex);
  state_->scoring = scoring;
}

void SearchIndex::merge_all() {
  if (state_->head->items() > 0) state_->next_head(0);
  if (!state_->config.background) {
    state_->merge_some(true);
    state_->dictionary.refresh();
    return;
  }
  {
    const std::lock_guard lock(state_->mutex);
    state_->everything = true;
  }
  state_->wait_idle();
}

void SearchIndex::settle() {
  state_->wait_idle();
}

// ---- reading: any thread under an EpochGuard

Status SearchIndex::check(const QueryPlan& plan) {
  const auto in = [](float x, float most) { return x >= 0 && x <= most; };
  if (plan.clauses.size() > kClausesMax)
    return invalid("plan: " + std::to_string(plan.clauses.size()) + " clauses, expected at most " +
                   std::to_string(kClausesMax));
  if (!in(plan.proximity, 16) || !in(plan.exact, 16) || !in(plan.begins, 16))
    return invalid("plan: a bonus is not in [0, 16]");
  if (!in(plan.scoring.k1, 100)) return invalid("plan: k1 is not in [0, 100]");
  for (uint32_t f = 0; f < kSearchFields; ++f) {
    if (!in(plan.scoring.weight[f], 1000))
      return invalid("plan: the weight of field " + std::to_string(f) + " is not in [0, 1000]");
    if (!in(plan.scoring.b[f], 1))
      return invalid("plan: b of field " + std::to_string(f) + " is not in [0, 1]");
  }
  for (size_t c = 0; c < plan.clauses.size(); ++c) {
    const Clause& clause = plan.clauses[c];
    const std::string where = "clause " + std::to_string(c);
    if (clause.alternatives.size() > kAlternativesMax)
      return invalid(where + ": " + std::to_string(clause.alternatives.size()) +
                     " alternatives, expected at most " + std::to_string(kAlternativesMax));
    if (!in(clause.weight, 16)) return invalid(where + ": the weight is not in [0, 16]");
    for (const Alternative& alternative : clause.alternatives) {
      if (!in(alternative.weight, 16)) return invalid(where + ": an alternative's weight is not in [0, 16]");
      if (alternative.terms.empty() || alternative.terms.size() > kPhraseTermsMax)
        return invalid(where + ": an alternative has " + std::to_string(alternative.terms.size()) +
                       " terms, expected 1 to " + std::to_string(kPhraseTermsMax));
    }
  }
  return {};
}

index::Statistics SearchIndex::State::statistics() const {
  index::Statistics out;
  out.items = items.load(std::memory_order_relaxed);
  for (uint32_t f = 0; f < kSearchFields; ++f) {
    const uint32_t count = length_items[f].load(std::memory_order_relaxed);
    const uint64_t sum = length_sum[f].load(std::memory_order_relaxed);
    if (count > 0) out.mean_length[f] = static_cast<float>(static_cast<double>(sum) / count);
  }
  return out;
}

namespace {

struct Workspace {
  index::SegmentSearch segments;
  index::HeadSearch heads;
};

Workspace& workspace() {
  thread_local Workspace mine;
  return mine;
}

bool has_twins(std::vector<Hit> hits) {
  std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.slot < b.slot; });
  return std::adjacent_find(hits.begin(), hits.end(),
                            [](const Hit& a, const Hit& b) { return a.slot == b.slot; }) != hits.end();
}

void drop_twins(std::vector<Hit>& hits) {  // Keeps the better of two hits of one item.
  for (size_t i = 0; i < hits.size(); ++i)
    hits.erase(std::remove_if(hits.begin() + static_cast<ptrdiff_t>(i) + 1, hits.end(),
                              [&](const Hit& hit) { return hit.slot == hits[i].slot; }),
               hits.end());
}

}  // namespace

void SearchIndex::State::top_once(const index::Query& query, uint32_t k, std::vector<Hit>& out) const {
  Workspace& mine = workspace();
  const index::View& now = *view.load(std::memory_order_acquire);
  index::Best best(k, out);
  for (const index::Segment* segment : now.segments)
    mine.segments.top(query, *segment, removals.load(std::memory_order_acquire) != segment->removals, best);
  mine.heads.top(query, now.heads, best);
  best.finish();
}

void SearchIndex::top(const QueryPlan& plan, const SlotSet* filter, uint32_t k, std::vector<Hit>& out,
                      const StopCheck& stop) const {
  out.clear();
  const index::Statistics statistics = state_->statistics();
  const CompiledPlan compiled(plan, state_->dictionary, statistics);
  if (compiled.hopeless || k == 0) return;
  index::Query query{&compiled, &plan.scoring, &statistics, &state_->table, &stop};
  std::optional<SlotSet::Probe> allowed;
  if (filter != nullptr) {
    allowed.emplace(*filter);
    query.filter = filter;
    query.allowed = &*allowed;
    query.filter_size = filter->size();
  }
  // An item that changes while we search may be met twice, old in a segment and new in the head.
  for (int attempt = 0; attempt < 4; ++attempt) {
    const uint64_t before = state_->removals.load(std::memory_order_acquire);
    state_->top_once(query, k, out);
    const bool quiet = before % 2 == 0 && state_->removals.load(std::memory_order_acquire) == before;
    if (quiet || !has_twins(out)) return;
  }
  drop_twins(out);
}

void SearchIndex::top_exhaustive(const QueryPlan& plan, const SlotSet* filter, uint32_t k,
                                 std::vector<Hit>& out) const {
  const CompiledPlan compiled(plan, state_->dictionary, state_->statistics());
  index::Best best(k, out);
  const uint32_t slots = state_->table.size();
  for (uint32_t slot = 0; slot < slots && k > 0; ++slot) {
    const Record* record = state_->table.record(slot);
    float score = 0;
    if (record == nullptr || (filter != nullptr && !filter->contains(slot))) continue;
    if (index::record_score(compiled, *record, score)) best.add({slot, score});
  }
  best.finish();
}

SlotSet SearchIndex::matches(const QueryPlan& plan, const StopCheck& stop) const {
  const index::Statistics statistics = state_->statistics();
  const CompiledPlan compiled(plan, state_->dictionary, statistics);
  if (compiled.hopeless) return {};
  const index::Query query{&compiled, &plan.scoring, &statistics, &state_->table, &stop};
  Workspace& mine = workspace();
  const index::View& now = *state_->view.load(std::memory_order_acquire);
  std::vector<uint64_t> words((size_t{state_->table.size()} + 63) / 64);
  for (const index::Segment* segment : now.segments) {
    const bool changed = state_->removals.load(std::memory_order_acquire) != segment->removals;
    mine.segments.matches(query, *segment, changed, words);
  }
  mine.heads.matches(query, now.heads, words);
  return SlotSet::of_words(words);
}

bool SearchIndex::contains(uint32_t slot) const {
  return state_->table.record(slot) != nullptr;
}

SlotSet SearchIndex::slots() const {
  const size_t size = state_->table.size();
  std::vector<uint64_t> words(size / 64 + 1);
  for (uint32_t slot = 0; slot < size; ++slot)
    if (state_->table.record(slot) != nullptr) words[slot / 64] |= uint64_t{1} << (slot % 64);
  return SlotSet::of_words(words);
}

float SearchIndex::score(const QueryPlan& plan, uint32_t slot) const {
  const Record* record = state_->table.record(slot);
  if (record == nullptr) return 0;
  float score = 0;
  index::record_score({plan, state_->dictionary, state_->statistics()}, *record, score);
  return score;
}

std::function<float(uint32_t)> SearchIndex::scorer(const QueryPlan& plan) const {
  struct Compiled {
    Compiled(const QueryPlan& from, const State& state) : plan(from, state.dictionary, state.statistics()) {
      records.start(plan);
    }
    const CompiledPlan plan;
    index::RecordScorer records;
  };
  return [this, compiled = std::make_shared<Compiled>(plan, *state_)](uint32_t slot) {
    const Record* record = state_->table.record(slot);
    float score = 0;
    return record != nullptr && compiled->records.score(*record, score) ? score : 0;
  };
}

float SearchIndex::explain(const QueryPlan& plan, uint32_t slot, std::vector<ScorePart>& parts) const {
  parts.clear();
  const Record* record = state_->table.record(slot);
  if (record == nullptr) return 0;
  float score = 0;
  index::record_score({plan, state_->dictionary, state_->statistics()}, *record, score, &parts);
  return score;
}

uint32_t SearchIndex::df(std::string_view term) const {
  const uint32_t number = state_->dictionary.find(term);
  return number == index::kNoTerm ? 0 : state_->dictionary.df(number);
}

void SearchIndex::prefix(std::string_view prefix, uint32_t limit, std::vector<TermInfo>& out) const {
  state_->dictionary.prefix(prefix, limit, out);
}

void SearchIndex::fuzzy(std::string_view term, uint32_t edits, uint32_t limit,
                        std::vector<TermInfo>& out) const {
  state_->dictionary.fuzzy(term, std::min(edits, 2u), limit, out);
}

void SearchIndex::fuzzy_prefix(std::string_view prefix, uint32_t edits, uint32_t limit,
                               std::vector<TermInfo>& out) const {
  state_->dictionary.fuzzy_prefix(prefix, std::min(edits, 2u), limit, out);
}

void SearchIndex::similar(std::string_view term, uint32_t limit, std::vector<TermInfo>& out) const {
  state_->dictionary.similar(term, limit, out);
}

uint32_t SearchIndex::items() const {
  return state_->items.load(std::memory_order_relaxed);
}

double SearchIndex::mean_length(uint32_t field) const {
  return field < kSearchFields ? static_cast<double>(state_->statistics().mean_length[field]) : 0;
}

SearchIndexStats SearchIndex::stats() const {
  SearchIndexStats out;
  out.items = items();
  out.terms = state_->dictionary.size();
  out.terms_refused = state_->dictionary.refused();
  out.records = state_->record_bytes;
  out.dictionary = state_->dictionary.bytes();
  out.slots = state_->table.bytes();
  const EpochGuard guard;
  const index::View& now = *state_->view.load(std::memory_order_acquire);
  for (const index::Segment* segment : now.segments) {
    out.postings += segment->posting_bytes();
    out.probes += segment->probe_bytes();
    out.slots += segment->item_bytes();
  }
  out.segments = now.segments.size();
  for (const index::Head* at = now.heads; at != nullptr; at = at->next.load(std::memory_order_acquire)) {
    out.head += at->bytes();
    out.head_items += at->items();
  }
  const std::lock_guard lock(state_->mutex);
  out.merges = state_->merges;
  return out;
}

}  // namespace freshet
