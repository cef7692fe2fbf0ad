#include "rank/ranker.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr uint32_t kVersion = 1;
constexpr double kDoubt = 6;         // Nats that any share of its opinion has to bring.
constexpr double kKeeps = 1 - 1e-4;  // Of the losses, at each click: what was long ago counts less.
constexpr double kLossKeeps = 1 - 1e-3;
constexpr double kSlopeMin[kRankKinds] = {0.5, 0.25, 0.25, 0.25,
                                          0.25};            // A base that says nothing orders a little.
constexpr double kUsual[kRankKinds] = {1, -5, -5, -5, -5};  // What a base mostly is.
constexpr uint64_t kInVain = 0x7661696e, kItem = 0x6974656d, kCategory = 0x63617465;
constexpr uint32_t kInVainHours = 14 * 24, kLatelyHours = 3 * 24;
constexpr size_t kTogether = 16;  // Candidates whose weights are fetched at once.

// Groups that are the same for all candidates, or not known when a page is ordered.
constexpr uint32_t kNotOfCandidates =
    1u << static_cast<uint32_t>(RankGroup::kPage) | 1u << static_cast<uint32_t>(RankGroup::kPlace);

GaussWeights::Config weights_config(const RankerConfig& config) {
  GaussWeights::Config out;
  out.bits = config.weight_bits;
  const auto set = [&](RankGroup group, float deviation) {
    out.prior[static_cast<size_t>(group)] = deviation * deviation;
  };
  set(RankGroup::kPage, 0.5f);
  set(RankGroup::kPlace, 0.3f);
  set(RankGroup::kScore, 0.25f);
  set(RankGroup::kItem, 0.4f);
  set(RankGroup::kKind, 0.3f);
  set(RankGroup::kPrice, 0.2f);
  set(RankGroup::kAttribute, 0.2f);
  set(RankGroup::kTaste, 0.3f);
  set(RankGroup::kVisit, 0.3f);
  set(RankGroup::kSeen, 0.5f);
  set(RankGroup::kLately, 0.2f);
  set(RankGroup::kMatch, 0.15f);
  set(RankGroup::kMoment, 0.15f);
  return out;
}

std::string_view text_of(const Event& event, std::string_view name) {
  for (const Attribute& attribute : event.attributes)
    if (attribute.name == name)
      if (const auto* text = std::get_if<std::string>(&attribute.value)) return *text;
  return {};
}

bool flag_of(const Event& event, std::string_view name) {
  for (const Attribute& attribute : event.attributes)
    if (attribute.name == name)
      if (const auto* flag = std::get_if<bool>(&attribute.value)) return *flag;
  return false;
}

double sigmoid(double x) {
  return static_cast<double>(sigmoid_f32(static_cast<float>(std::clamp(x, -30.0, 30.0))));
}
double log_of(double x) {
  return static_cast<double>(log_f32(static_cast<float>(std::max(x, 1e-30))));
}
double log_loss(double logit, double label) {
  const double p = sigmoid(logit);
  return -log_of(label > 0 ? p : 1 - p);
}

double residual(const GaussWeights::Sums& sums) {
  float sum = 0;
  for (size_t g = 0; g < kRankGroups; ++g)
    if ((kNotOfCandidates >> g & 1) == 0) sum += sums.mean[g];
  return static_cast<double>(sum);
}

float at_place(const GaussWeights::Sums& sums) {
  return sums.mean[static_cast<size_t>(RankGroup::kPlace)] + sums.mean[static_cast<size_t>(RankGroup::kPage)];
}

// The usual base and the first place have the usual rate.
std::array<PlainModel, Ranker::kHeads> first_plain(size_t kind) {
  const bool search = kind == static_cast<size_t>(RankKind::kSearch);
  const double slope = search ? 1 : 0.5;
  std::array<PlainModel, Ranker::kHeads> out;
  for (size_t head = 0; head < Ranker::kHeads; ++head) {
    const double rate = -2.5 - 1.5 * static_cast<double>(head);
    out[head] = PlainModel({rate - slope * kUsual[kind], slope, search ? 0 : -0.7},
                           {1.5, 0.5 * slope, search ? 0.1 : 0.4});
  }
  return out;
}

uint32_t category_of(const ItemRecord& item) {
  return item.facets.empty() ? 0 : item.facets[0];
}

}  // namespace

Ranker::Ranker(const Moment& moment, const Catalog& catalog, const Profiles& profiles, const Joiner& joiner,
               const ClickModel& clicks, RankerConfig config)
    : moment_(moment),
      catalog_(catalog),
      profiles_(profiles),
      joiner_(joiner),
      clicks_(clicks),
      config_(config),
      weights_(weights_config(config)),
      in_vain_(config.memory_bits, kInVainHours),
      lately_(config.memory_bits, kLatelyHours) {
  start();
}

Ranker::~Ranker() {
  delete parameters_.load();
}

void Ranker::start() {
  for (size_t k = 0; k < kRankKinds; ++k) {
    now_.kinds[k].plain = first_plain(k);
    for (size_t t = 0; t < kShares.size(); ++t) learning_[k].losses[t] = t == 0 ? 0 : kDoubt;
  }
  publish();
}

void Ranker::publish() {
  retired_.retire(parameters_.exchange(new Parameters(now_), std::memory_order_acq_rel));
}

void Ranker::apply(Offset, const Event& event) {
  if (moment_.skip) return;
  if (!frozen_) {
    if (const ShownPage* page = joiner_.followed(); page != nullptr && joiner_.first_answer())
      judge(*page, joiner_.place());
    for (const LabelledExample& example : joiner_.examples())
      if (!example.pairwise) learn(example);
  }
  if (const ShownPage* page = joiner_.followed(); page != nullptr && joiner_.first_answer())
    clicked(*page, joiner_.place());
  if (const ShownPage* page = joiner_.shown()) note(event, *page);
  // What is published is what a restart would publish.
  if (!joiner_.examples().empty() || joiner_.followed() != nullptr || joiner_.shown() != nullptr) publish();
}

RankCounts Ranker::counts_of(uint64_t shopper, const ItemRecord& item, TimeMs now_ms) const {
  RankCounts out;
  if (shopper != 0)
    out.shown_in_vain = static_cast<uint32_t>(std::lround(
        std::clamp(in_vain_.read(mix64(mix64(kInVain, shopper), item.key), now_ms).a, 0.0f, 1e3f)));
  const RankMemory::Counts one = lately_.read(mix64(kItem, item.key), now_ms);
  const RankMemory::Counts kind = lately_.read(mix64(kCategory, category_of(item)), now_ms);
  out.item_clicks = one.a;
  out.item_expected = one.b;
  out.kind_clicks = kind.a;
  out.kind_expected = kind.b;
  return out;
}

// How the impression's candidates looked when it was shown, and what is counted of it.
void Ranker::note(const Event& event, const ShownPage& page) {
  if (notes_.empty()) first_note_ = page.number;
  Note& note = notes_.emplace_back();
  note.kind = rank_kind(event.surface, page.search);
  const Sequence sequence = profiles_.before(event, moment_.time_ms);
  const RankAsked asked{.kind = note.kind,
                        .shopper = page.shopper == 0       ? 0
                                   : sequence.shopper != 0 ? sequence.shopper
                                                           : page.shopper,
                        .now_ms = moment_.time_ms,
                        .steps = sequence.steps};
  note.shopper = asked.shopper;
  note.ranked = flag_of(event, "ranked");
  page_.assign(catalog_, asked, weights_.mask());
  RankRow row;
  page_.page_cells(row);
  const uint32_t common = row.count;
  const std::string_view bases = text_of(event, "base");
  for (size_t i = 0; i < page.places.size(); ++i) {
    const ItemSlot slot = page.places[i].item;
    const ItemRecord* item = slot == kNoItem ? nullptr : catalog_.item(slot);
    const float base = read_base(bases, i);
    row.count = common;
    if (item != nullptr) {
      MatchFeatures match;
      const bool has_match = note.kind == RankKind::kSearch && read_features(page.features, i, match);
      page_.place_cell(page.from + static_cast<uint32_t>(i), row);
      page_.item_cells(*item, slot, base, has_match ? &match : nullptr,
                       counts_of(asked.shopper, *item, moment_.time_ms), row);
      note.cells.insert(note.cells.end(), row.cells.begin(), row.cells.begin() + row.count);
    }
    note.ends.push_back(static_cast<uint16_t>(note.cells.size()));
    note.bases.push_back(base);
  }
  // Counted after all are made: the order of a page is no feature.
  Kind& kind = now_.kinds[static_cast<size_t>(note.kind)];
  ++kind.pages;
  for (size_t i = 0; i < page.places.size(); ++i) {
    const ItemSlot slot = page.places[i].item;
    const ItemRecord* item = slot == kNoItem ? nullptr : catalog_.item(slot);
    if (item == nullptr) continue;
    const auto place = static_cast<uint32_t>(i);
    const auto expected = static_cast<float>(sigmoid(kind.plain[0].logit(plain_row(note, page, place))) *
                                             looked_at(note.kind, page, place));
    if (asked.shopper != 0)
      in_vain_.add(mix64(mix64(kInVain, asked.shopper), item->key), 1, 0, moment_.time_ms);
    if (frozen_) continue;
    lately_.add(mix64(kItem, item->key), 0, expected, moment_.time_ms);
    lately_.add(mix64(kCategory, category_of(*item)), 0, expected, moment_.time_ms);
  }
  note.cells.shrink_to_fit();
  notes_bytes_ += note.bytes();
  while (notes_bytes_ > config_.notes_bytes_max && !notes_.empty()) {
    notes_bytes_ -= notes_.front().bytes();
    notes_.pop_front();
    ++first_note_;
  }
}

const Ranker::Note* Ranker::note_of(const ShownPage& page) const {
  if (page.number < first_note_ || page.number - first_note_ >= notes_.size()) return nullptr;
  return &notes_[page.number - first_note_];
}

PlainModel::Row Ranker::plain_row(const Note& note, const ShownPage& page, uint32_t place) const {
  const bool search = note.kind == RankKind::kSearch;
  return PlainModel::row(static_cast<double>(note.bases[place]), kUsual[static_cast<size_t>(note.kind)],
                         search ? 0 : static_cast<double>(page.from + place));
}

// Of a search: how often its place is looked at; elsewhere the model learns it.
double Ranker::looked_at(RankKind kind, const ShownPage& page, uint32_t place) const {
  if (kind != RankKind::kSearch) return 1;
  const auto& theta = clicks_.parameters().theta;
  return static_cast<double>(theta[std::min<size_t>(page.from + place, theta.size() - 1)]);
}

void Ranker::clicked(const ShownPage& page, uint32_t place) {
  const ItemRecord* item = catalog_.item(page.places[place].item);
  if (item == nullptr) return;
  if (!frozen_) {
    lately_.add(mix64(kItem, item->key), 1, 0, moment_.time_ms);
    lately_.add(mix64(kCategory, category_of(*item)), 1, 0, moment_.time_ms);
  }
  const Note* note = note_of(page);
  if (note == nullptr || note->shopper == 0) return;
  const uint64_t mine = mix64(mix64(kInVain, note->shopper), item->key);
  in_vain_.add(mine, -in_vain_.read(mine, moment_.time_ms).a, 0, moment_.time_ms);
}

// Of a page with a click: how likely was this place, given that one was clicked?
void Ranker::judge(const ShownPage& page, uint32_t clicked) {
  const Note* note = note_of(page);
  if (note == nullptr || clicked >= note->ends.size()) return;
  Kind& kind = now_.kinds[static_cast<size_t>(note->kind)];
  ++kind.clicks;
  if (note->ranked) return;
  std::array<double, kShares.size()> all{}, that{};
  size_t known = 0;
  for (size_t i = 0; i < note->ends.size(); ++i) {
    if (note->row(i).empty() || std::isnan(note->bases[i])) continue;
    ++known;
    const auto place = static_cast<uint32_t>(i);
    GaussWeights::Sums sums;
    weights_.sum(note->row(i), 0, 0, sums);
    // What scores are worth, bend by bend, is no opinion of its own: all are given it.
    const auto bends = static_cast<double>(sums.mean[static_cast<size_t>(RankGroup::kScore)]);
    const double more = residual(sums) - bends;
    const double plain =
        kind.plain[0].logit(plain_row(*note, page, place)) + static_cast<double>(at_place(sums)) + bends;
    const double looked = looked_at(note->kind, page, place);
    for (size_t t = 0; t < kShares.size(); ++t) {
      const double p = sigmoid(plain + kShares[t] * more) * looked;
      all[t] += p;
      if (i == clicked) that[t] = p;
    }
  }
  if (known < 2 || that[0] == 0) return;
  auto& losses = learning_[static_cast<size_t>(note->kind)].losses;
  size_t best = 0;
  for (size_t t = 0; t < kShares.size(); ++t) {
    const double doubt = t == 0 ? 0 : kDoubt;
    losses[t] = doubt + (losses[t] - doubt) * kKeeps - log_of(that[t] / all[t]);
    if (losses[t] < losses[best]) best = t;
  }
  kind.heard = best > 0;
}

void Ranker::learn(const LabelledExample& example) {
  if (example.task == SampleTask::kRevenue || example.page == nullptr) return;
  const ShownPage& page = *example.page;
  const Note* note = note_of(page);
  if (note == nullptr || example.place >= note->ends.size()) return;
  const std::span<const uint32_t> row = note->row(example.place);
  if (row.empty()) return;
  const auto head = static_cast<size_t>(example.task);
  const double label = example.label > 0 ? 1 : 0;
  double weight = static_cast<double>(example.weight);
  if (label == 0) weight *= looked_at(note->kind, page, example.place);
  study({note->kind, static_cast<uint8_t>(head), plain_row(*note, page, example.place), row,
         static_cast<float>(label), static_cast<float>(weight)});
}

void Ranker::study(const RankLesson& lesson) {
  if (on_lesson_) on_lesson_(lesson);
  Kind& kind = now_.kinds[static_cast<size_t>(lesson.kind)];
  const double plain = kind.plain[lesson.head].logit(lesson.plain);
  const float full =
      weights_.learn(lesson.row, lesson.head, static_cast<float>(plain), lesson.label, lesson.weight);
  const auto label = static_cast<double>(lesson.label), weight = static_cast<double>(lesson.weight);
  if (lesson.head == 0) {
    const double keeps = kLossKeeps, takes = (1 - keeps) * weight;
    kind.plain_loss = kind.plain_loss * keeps + takes * log_loss(plain, label);
    kind.full_loss = kind.full_loss * keeps + takes * log_loss(static_cast<double>(full), label);
  }
  kind.plain[lesson.head].learn(lesson.plain, label, weight);
  ++now_.examples;
}

double Ranker::loss(const RankLesson& lesson) const {
  GaussWeights::Sums sums;
  weights_.sum(lesson.row, lesson.head, 0, sums);
  const double logit = now_.kinds[static_cast<size_t>(lesson.kind)].plain[lesson.head].logit(lesson.plain) +
                       residual(sums) + static_cast<double>(at_place(sums));
  return static_cast<double>(lesson.weight) * log_loss(logit, static_cast<double>(lesson.label));
}

void Ranker::forget() {
  weights_.clear();
  for (size_t k = 0; k < kRankKinds; ++k) now_.kinds[k].plain = first_plain(k);
  publish();
}

std::string Ranker::describe() const {
  static constexpr const char* kNames[] = {"search", "for-you", "next", "related", "other"};
  const Parameters& now = parameters();
  std::string out = std::to_string(now.examples) + " examples";
  for (size_t k = 0; k < kRankKinds; ++k) {
    const Kind& kind = now.kinds[k];
    if (kind.pages == 0) continue;
    char text[160];
    std::snprintf(text, sizeof text, "; %s: %llu pages, %llu clicks, slope %.2f, %s, loss %.4f to %.4f",
                  kNames[k], static_cast<unsigned long long>(kind.pages),
                  static_cast<unsigned long long>(kind.clicks), kind.plain[0].slope(),
                  kind.heard ? "heard" : "not heard", kind.plain_loss, kind.full_loss);
    out += text;
  }
  return out;
}

void Ranker::save(Writer& out) const {
  out.u32(kVersion);
  weights_.save(out);
  in_vain_.save(out);
  lately_.save(out);
  out.u64(now_.examples);
  for (size_t k = 0; k < kRankKinds; ++k) {
    const Kind& kind = now_.kinds[k];
    for (const PlainModel& plain : kind.plain) plain.save(out);
    out.u8(kind.heard ? 1 : 0);
    out.u64(kind.clicks);
    out.u64(kind.pages);
    out.f64(kind.plain_loss);
    out.f64(kind.full_loss);
    out.array(learning_[k].losses.data(), kShares.size());
  }
  out.u64(first_note_);
  out.varint(notes_.size());
  for (const Note& note : notes_) {
    out.u8(static_cast<uint8_t>(note.kind));
    out.u8(note.ranked ? 1 : 0);
    out.u64(note.shopper);
    out.varint(note.ends.size());
    out.array(note.ends.data(), note.ends.size());
    out.array(note.bases.data(), note.bases.size());
    out.varint(note.cells.size());
    out.array(note.cells.data(), note.cells.size());
  }
}

Status Ranker::load(Reader& in) {
  if (in.u32() != kVersion) return corrupt("ranker: not of this version");
  TRY_STATUS(weights_.load(in));
  TRY_STATUS(in_vain_.load(in));
  TRY_STATUS(lately_.load(in));
  now_.examples = in.u64();
  for (size_t k = 0; k < kRankKinds; ++k) {
    Kind& kind = now_.kinds[k];
    for (PlainModel& plain : kind.plain) plain.load(in);
    kind.heard = in.u8() != 0;
    kind.clicks = in.u64();
    kind.pages = in.u64();
    kind.plain_loss = in.f64();
    kind.full_loss = in.f64();
    in.array(learning_[k].losses.data(), kShares.size());
  }
  notes_.clear();
  notes_bytes_ = 0;
  first_note_ = in.u64();
  const uint64_t notes = in.varint();
  for (uint64_t n = 0; n < notes && in.ok(); ++n) {
    Note note;
    note.kind = static_cast<RankKind>(std::min<uint8_t>(in.u8(), kRankKinds - 1));
    note.ranked = in.u8() != 0;
    note.shopper = in.u64();
    const uint64_t places = in.varint();
    if (places > in.remaining()) return corrupt("ranker: an impression cut short");
    note.ends.resize(places);
    note.bases.resize(places);
    in.array(note.ends.data(), places);
    in.array(note.bases.data(), places);
    const uint64_t cells = in.varint();
    if (cells > in.remaining()) return corrupt("ranker: an impression cut short");
    note.cells.resize(cells);
    in.array(note.cells.data(), cells);
    size_t from = 0;
    for (const uint16_t end : note.ends) {
      if (end < from || end > cells) return corrupt("ranker: an impression with wrong ends");
      from = end;
    }
    for (const uint32_t cell : note.cells)
      if (static_cast<size_t>(group_of(cell)) >= kRankGroups || index_of(cell) > weights_.mask())
        return corrupt("ranker: an impression with a feature that does not exist");
    notes_bytes_ += note.bytes();
    notes_.push_back(std::move(note));
  }
  if (!in.ok()) return corrupt("ranker: cut short");
  publish();
  return {};
}

size_t Ranker::bytes() const {
  return weights_.bytes() + in_vain_.bytes() + lately_.bytes() + notes_bytes_;
}

namespace {

RankPage& page_of_thread() {
  static thread_local RankPage page;
  return page;
}

}  // namespace

RankQuery::RankQuery(const Ranker& ranker, const RankAsked& asked)
    : ranker_(ranker),
      asked_(asked),
      kind_(ranker.parameters().kinds[static_cast<size_t>(asked.kind)]),
      heard_(kind_.heard && kind_.clicks >= ranker.config_.clicks_min),
      page_(page_of_thread()) {
  if (ready()) page_.assign(ranker.catalog_, asked, ranker.weights_.mask());
}

void RankQuery::judge(std::span<const RankCandidate> candidates, const RankObjective& objective,
                      std::vector<RankVerdict>& out) const {
  out.assign(candidates.size(), {});
  if (!ready()) return;
  for (const RankCandidate& one : candidates) ranker_.catalog_.fetch(one.item);
  static thread_local std::array<RankRow, kTogether> rows;
  for (size_t from = 0; from < candidates.size(); from += kTogether) {
    const size_t n = std::min(kTogether, candidates.size() - from);
    for (size_t i = 0; i < n; ++i) {
      const RankCandidate& one = candidates[from + i];
      rows[i].count = 0;
      const ItemRecord* item = ranker_.catalog_.item(one.item);
      if (item == nullptr) continue;
      page_.item_cells(*item, one.item, one.base, one.match,
                       ranker_.counts_of(asked_.shopper, *item, asked_.now_ms), rows[i]);
      ranker_.weights_.fetch(rows[i].all());
    }
    for (size_t i = 0; i < n; ++i) judge_one(rows[i].all(), candidates[from + i], objective, out[from + i]);
  }
}

void RankQuery::judge_one(std::span<const uint32_t> row, const RankCandidate& candidate,
                          const RankObjective& objective, RankVerdict& out) const {
  const double slope = std::max(kind_.plain[0].slope(), kSlopeMin[static_cast<size_t>(asked_.kind)]);
  const PlainModel::Row x =
      PlainModel::row(static_cast<double>(candidate.base), kUsual[static_cast<size_t>(asked_.kind)], 0);
  const double weights[Ranker::kHeads] = {objective.click, objective.cart, objective.purchase};
  double full = 0, plain = 0;
  double share[Ranker::kHeads] = {};
  GaussWeights::Sums sums[Ranker::kHeads];
  for (size_t head = 0; head < Ranker::kHeads; ++head) {
    if (weights[head] <= 0) continue;
    ranker_.weights_.sum(row, head, ~kNotOfCandidates, sums[head]);
    const double logit = kind_.plain[head].logit(x);
    const double p = sigmoid(logit + residual(sums[head]));
    const double value = head == 2 ? candidate.value : 1;
    share[head] = weights[head] * value * p;
    full += share[head];
    plain += weights[head] * sigmoid(logit);
  }
  if (full <= 0 || plain <= 0) return;
  out.lift = (log_of(full) - log_of(plain)) / slope;
  for (size_t head = 0; head < Ranker::kHeads; ++head) {
    if (share[head] <= 0) continue;
    const double part = share[head] / full / slope;
    for (size_t g = 0; g < kRankGroups; ++g)
      if ((kNotOfCandidates >> g & 1) == 0) out.parts[g] += part * static_cast<double>(sums[head].mean[g]);
    out.deviation += part * std::sqrt(static_cast<double>(std::max(sums[head].variance, 0.0f)));
  }
}

}  // namespace freshet
