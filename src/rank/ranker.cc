#include "rank/ranker.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/hash.h"
#include "rank/ranker_math.h"

namespace freshet {

using namespace ranker_math;

namespace {

// 4: without what was lost of notes; 5: one challenger at most; 6: searches judged by all that is known;
// 7: who is heard followed from what is believed; 8: poor answers tested anew in each window.
constexpr uint32_t kVersion = 10, kOldest = 4;
constexpr float kPairWeight = 0.25f;  // Of a choice without a page: against whom is a guess.
// Pages that wait for answers: with more, zeros that come when their window has passed are too far behind the
// ones (docs/decisions/0184-zeros-at-once-where-many-pages-are-open.md).
constexpr uint64_t kOpenMany = 100;
constexpr uint64_t kInVain = 0x7661696e, kItem = 0x6974656d, kCategory = 0x63617465;
constexpr uint32_t kInVainHours = 14 * 24, kLatelyHours = 3 * 24;
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

PlainPart::Table first_table() {
  PlainPart::Table out;
  for (size_t k = 0; k < kRankKinds; ++k) out[k] = first_plain(k);
  return out;
}

uint32_t category_of(const ItemRecord& item) {
  return item.facets.empty() ? 0 : item.facets[0];
}

}  // namespace

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
  set(RankGroup::kContext, 0.08f);
  set(RankGroup::kScenario, 0.1f);
  return out;
}

Ranker::Ranker(const Moment& moment, const Catalog& catalog, const Profiles& profiles, const Joiner& joiner,
               const ClickModel& clicks, const Contexts& contexts, const Settings& settings,
               RankerConfig config)
    : moment_(moment),
      catalog_(catalog),
      profiles_(profiles),
      joiner_(joiner),
      clicks_(clicks),
      contexts_(contexts),
      settings_(settings),
      config_(config),
      weights_(weights_config(config)),
      plain_(first_table()),
      deep_({.bits = config.deep_bits}),
      publication_(parts(), [this](double drift) { weights_.set_drift(static_cast<float>(drift)); }),
      in_vain_(config.memory_bits, kInVainHours),
      lately_(config.memory_bits, kLatelyHours) {
  publication_.on_good([this](uint64_t number, Publication::When) { keep_version(number); });
  start();
}

Ranker::~Ranker() {
  delete parameters_.load();
}

void Ranker::start() {
  now_.importance = std::make_shared<const Importance>();
  publish();
}

void Ranker::publish() {
  for (size_t k = 0; k < kRankKinds; ++k) {
    now_.kinds[k].plain = plain_.table(RankCopy::kLive)[k];
    RankBelief::Voices& voices = now_.kinds[k].voices;
    voices = beliefs_.table(RankCopy::kLive)[k].voices(asked_of(static_cast<RankKind>(k)), voices.heard);
  }
  retired_.retire(parameters_.exchange(new Parameters(now_), std::memory_order_acq_rel));
}

void Ranker::apply(Offset at, const Event& event) {
  if (moment_.skip) return;
  at_ = at;
  while (!notes_.empty() && first_note_ < joiner_.first()) drop_note();  // Nothing comes for them any more.
  if (event.type == EventType::kSettings) {
    heed_settings();
    operate(event);
  }
  if (!frozen_) {
    if (const ShownPage* page = joiner_.followed(); page != nullptr && joiner_.clicked())
      judge(*page, joiner_.place());
    for (const LabelledExample& example : joiner_.examples())
      example.pairwise ? learn_pair(event, example) : learn(example);
    deep_.settle();  // Before the zeros of a page that nobody had time to answer.
    if (publication_.tick(when())) replay_at_ = 0;
    if (publication_.suspect())
      counted_.forget(lately_);
    else if (publication_.standing())
      counted_.doubt(lately_);
    else if (publication_.calm())
      counted_.believe(lately_);
    replay();
  }
  if (const ShownPage* page = joiner_.followed(); page != nullptr && joiner_.first_answer())
    clicked(*page, joiner_.place());
  if (const ShownPage* page = joiner_.shown()) {
    note(event, *page);
    if (!frozen_) learn_zeros(*page);
    deep_.settle();
  }
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
  const RankAsked asked = asked_by(event, page);
  note.kind = asked.kind;
  note.shopper = asked.shopper;
  note.known = !asked.steps.empty();
  const bool* ranked = event.attribute_as<bool>("ranked");
  note.ranked = ranked != nullptr && *ranked;
  note_places(event, page, asked, note);
  count_shown(page, note);  // After all are made: the order of a page is no feature.
  notes_bytes_ += note.bytes();
  while (notes_bytes_ > config_.notes_bytes_max && !notes_.empty()) {
    notes_lost_.fetch_add(1, std::memory_order_relaxed);
    drop_note();
  }
}

// The request that the impression answered, as far as the event tells. Lives as long as the event.
RankAsked Ranker::asked_by(const Event& event, const ShownPage& page) const {
  const Sequence sequence = profiles_.before(event, moment_.time_ms);
  const auto* device = event.attribute_as<std::string>("device");
  return {.kind = rank_kind(event.surface, page.search),
          .shopper = page.shopper == 0       ? 0
                     : sequence.shopper != 0 ? sequence.shopper
                                             : page.shopper,
          .now_ms = moment_.time_ms,
          .steps = sequence.steps,
          .region = event.region,
          .device = device == nullptr ? std::string_view() : std::string_view(*device)};
}

void Ranker::note_places(const Event& event, const ShownPage& page, const RankAsked& asked, Note& note) {
  now_.active = features_made();
  page_.assign(catalog_, contexts_.active(event.region, moment_.time_ms), asked, now_.active,
               weights_.mask());
  RankRow row;
  page_.page_cells(row);
  const uint32_t common = row.count;
  const auto* given = event.attribute_as<std::string>("base");
  const std::string_view bases = given == nullptr ? std::string_view() : *given;
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
  note.cells.shrink_to_fit();
}

// Who was shown what, and the clicks that are expected of it.
void Ranker::count_shown(const ShownPage& page, const Note& note) {
  Kind& kind = now_.kinds[static_cast<size_t>(note.kind)];
  ++kind.pages;
  for (size_t i = 0; i < page.places.size(); ++i) {
    const ItemSlot slot = page.places[i].item;
    const ItemRecord* item = slot == kNoItem ? nullptr : catalog_.item(slot);
    if (item == nullptr) continue;
    const auto place = static_cast<uint32_t>(i);
    const auto expected = static_cast<float>(sigmoid(kind.plain[0].logit(plain_row(note, page, place))) *
                                             looked_at(note.kind, page, place));
    if (note.shopper != 0)
      in_vain_.add(mix64(mix64(kInVain, note.shopper), item->key), 1, 0, moment_.time_ms);
    count(*item, 0, expected);
  }
}

void Ranker::count(const ItemRecord& item, float clicks, float expected) {
  if (frozen_ || publication_.suspect()) return;  // Of answers that are not trusted nothing is counted.
  for (const uint64_t key : {mix64(kItem, item.key), mix64(kCategory, category_of(item))})
    counted_.add(lately_, key, clicks, expected, moment_.time_ms);
}

void Ranker::drop_note() {
  notes_bytes_ -= notes_.front().bytes();
  notes_.pop_front();
  ++first_note_;
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
  count(*item, 1, 0);
  const Note* note = note_of(page);
  if (note == nullptr || note->shopper == 0) return;
  const uint64_t mine = mix64(mix64(kInVain, note->shopper), item->key);
  in_vain_.add(mine, -in_vain_.read(mine, moment_.time_ms).a, 0, moment_.time_ms);
}

void Ranker::learn(const LabelledExample& example) {
  if (example.task == SampleTask::kRevenue || example.page == nullptr) return;
  const ShownPage& page = *example.page;
  const Note* note = note_of(page);
  if (note == nullptr || example.place >= note->ends.size()) return;
  const std::span<const uint32_t> row = note->row(example.place);
  if (row.empty()) return;
  const float looked = example.firm ? 1 : static_cast<float>(looked_at(note->kind, page, example.place));
  RankLesson lesson{.kind = note->kind,
                    .head = static_cast<uint8_t>(example.task),
                    .plain = plain_row(*note, page, example.place),
                    .row = row,
                    .label = example.label > 0 ? 1.0f : 0.0f,
                    .weight = example.weight * (example.label > 0 ? 1.0f : looked),
                    .taken = example.taken,
                    .drawn = note->drawn.empty() ? std::nanf("") : note->drawn[example.place]};
  if (lesson.head == 0 && lesson.taken == 0) {
    weigh(lesson);
    if (!std::isnan(lesson.drawn)) {
      const double plain =
          plain_.table(RankCopy::kTrained)[static_cast<size_t>(lesson.kind)][0].logit(lesson.plain);
      count(lesson.kind, loss_of(lesson, plain), loss_of(lesson, plain + static_cast<double>(lesson.drawn)));
    }
  }
  if (!note->drawn.empty() && lesson.taken == 0) {  // Its zero has been learned,
    const auto zero = static_cast<float>(looked_at(note->kind, page, example.place));
    if (lesson.label > 0) {
      if (!example.late) {  // When the window has passed, the zero was true for long enough: 0159.
        lesson.weight = 1;
        lesson.taken = zero;
      }
    } else if (example.firm) {  // as if it had perhaps not been looked at.
      lesson.weight = 1 - zero;
    } else {
      return;
    }
  }
  teach(lesson);
}

// What was chosen without having been shown, against something that was shown to somebody: there is no place
// and no page, so only which of the two it was says something. What was found by words says nothing: somebody
// asked for it, so that a pair tells what is searched for, not what is preferred to what
// (docs/decisions/0183-what-was-searched-for-is-no-alternative.md).
void Ranker::learn_pair(const Event& event, const LabelledExample& example) {
  const ItemRecord *item = catalog_.item(example.item), *other = catalog_.item(example.against);
  if (item == nullptr || other == nullptr || example.against_found || publication_.suspect()) return;
  const Sequence sequence = profiles_.before(event, moment_.time_ms);
  const RankAsked asked{.kind = RankKind::kOther,
                        .shopper = sequence.shopper,
                        .now_ms = moment_.time_ms,
                        .steps = sequence.steps,
                        .region = event.region};
  page_.assign(catalog_, contexts_.active(event.region, moment_.time_ms), asked, now_.active,
               weights_.mask());
  const auto row_of = [&](ItemSlot slot, const ItemRecord& record, RankRow& out) {
    page_.item_cells(record, slot, std::nanf(""), nullptr, counts_of(asked.shopper, record, asked.now_ms),
                     out);
    const auto begin = out.cells.begin();
    std::sort(begin, begin + out.count);
    out.count = static_cast<uint32_t>(std::unique(begin, begin + out.count) - begin);
    return out.all();
  };
  RankRow chosen, passed;
  const auto a = row_of(example.item, *item, chosen), b = row_of(example.against, *other, passed);
  if (challenged())
    for (Challenger& one : challengers_) one.learn_pair(a, b, kPairWeight);
  weights_.learn_pair(a, b, 0, kPairWeight);
}

// Every place of a search, and of a list where many pages are open, is a zero as soon as it is shown.
void Ranker::learn_zeros(const ShownPage& page) {
  if (notes_.empty() || note_of(page) != &notes_.back()) return;
  Note& note = notes_.back();
  if (note.kind != RankKind::kSearch && joiner_.open() <= kOpenMany) return;
  notes_bytes_ -= note.bytes();
  note.drawn.assign(note.ends.size(), std::nanf(""));
  keep_said(note, page);
  notes_bytes_ += note.bytes();
  for (uint32_t place = 0; place < note.ends.size(); ++place) {
    const std::span<const uint32_t> row = note.row(place);
    if (row.empty()) continue;
    const auto weight = static_cast<float>(looked_at(note.kind, page, place));
    const PlainModel::Row plain = plain_row(note, page, place);
    for (uint8_t head = 0; head < kHeads; ++head) {
      const Logits before = teach({.kind = note.kind,
                                   .head = head,
                                   .plain = plain,
                                   .row = row,
                                   .label = 0,
                                   .weight = weight,
                                   .open = true});
      if (head == 0) note.drawn[place] = static_cast<float>(before.full - before.plain);
    }
  }
}

// A lesson of the log: kept, learned.
Ranker::Logits Ranker::teach(const RankLesson& lesson) {
  if (publication_.updates().mode == RankerUpdates::Mode::kHybrid && !publication_.suspect())
    reservoir_.add(lesson);
  return study(lesson);
}

std::string Ranker::describe() const {
  const Parameters& now = parameters();
  std::string out = std::to_string(now.examples) + " examples";
  for (size_t k = 0; k < kRankKinds; ++k) {
    const Kind& kind = now.kinds[k];
    if (kind.pages == 0) continue;
    char text[160];
    std::snprintf(text, sizeof text, "; %s: %llu pages, %llu clicks, slope %.2f, %s, loss %.4f to %.4f",
                  rank_kind_name(static_cast<RankKind>(k)).data(),
                  static_cast<unsigned long long>(kind.pages), static_cast<unsigned long long>(kind.clicks),
                  kind.plain[0].slope(), kind.voices.heard ? "heard" : "not heard", kind.plain_loss,
                  kind.full_loss);
    out += text;
    if (now.learner == RankLearner::kLinear) continue;
    std::snprintf(text, sizeof text, ", believed: linear %.2f, deep %.2f, their sum %.2f",
                  kind.voices.weight[0], kind.voices.weight[1], kind.voices.weight[2]);
    out += text;
  }
  return out;
}

void Ranker::save(Writer& out) const {
  out.u32(kVersion);
  weights_.save(out);
  plain_.save(out);
  deep_.save(out);
  beliefs_.save(out);
  publication_.save(out);
  out.f64(now_.prior);
  out.f64(now_.caution);
  out.u8(static_cast<uint8_t>(now_.learner));
  out.u8(static_cast<uint8_t>(now_.searches));
  challengers_.save(out);
  reservoir_.save(out);
  out.u64(replay_at_);
  coming_.save(out);
  out.i64(versioned_ms_);
  in_vain_.save(out);
  lately_.save(out);
  importance_.save(out);
  now_.scenarios.save(out);
  out.u64(now_.active);
  out.u64(now_.examples);
  for (size_t k = 0; k < kRankKinds; ++k) {
    const Kind& kind = now_.kinds[k];
    out.u64(kind.clicks);
    out.u64(kind.pages);
    out.f64(kind.plain_loss);
    out.f64(kind.full_loss);
    out.u8(kind.voices.heard ? 1 : 0);
  }
  save_notes(out);
  counted_.save(out);
}

void Ranker::save_notes(Writer& out) const {
  out.u64(notes_lost());
  out.u64(first_note_);
  out.varint(notes_.size());
  for (const Note& note : notes_) {
    out.u8(static_cast<uint8_t>(note.kind));
    out.u8(static_cast<uint8_t>((note.ranked ? 1 : 0) | (note.known ? 2 : 0)));
    out.u64(note.shopper);
    out.varint(note.ends.size());
    out.array(note.ends.data(), note.ends.size());
    out.array(note.bases.data(), note.bases.size());
    out.varint(note.drawn.size());
    out.array(note.drawn.data(), note.drawn.size());
    out.varint(note.said.size());
    for (const RankOpinion& one : note.said) {
      out.f64(one.plain);
      out.f64(one.linear);
      out.f64(one.deep);
    }
    out.varint(note.cells.size());
    out.array(note.cells.data(), note.cells.size());
  }
}

Status Ranker::readable(Reader section) const {
  const uint32_t version = section.u32();
  if (version >= kOldest && version <= kVersion) return {};
  return corrupt("ranker: section of version " + std::to_string(version) + ", this program reads " +
                 std::to_string(kOldest) + " to " + std::to_string(kVersion));
}

Status Ranker::load(Reader& in) {
  TRY_STATUS(readable(in));
  const uint32_t version = in.u32();
  TRY_STATUS(weights_.load(in));
  plain_.load(in);
  TRY_STATUS(deep_.load(in));
  TRY_STATUS(beliefs_.load(in));
  TRY_STATUS(publication_.load(in, version < 9 ? 1 : version < 10 ? 2 : 3));
  now_.prior = in.f64();
  now_.caution = in.f64();
  const uint8_t learner = in.u8();
  if (learner > static_cast<uint8_t>(RankLearner::kEnsemble))
    return corrupt("ranker: a learner that does not exist");
  now_.learner = static_cast<RankLearner>(learner);
  now_.searches = version < 7 || in.u8() == 0 ? RankHeard::kAll : RankHeard::kShopper;
  if (version < 7) heed_settings();
  if (!in.ok() || !(now_.prior > 0) || !(now_.caution > 0)) return corrupt("ranker: cut short");
  weights_.assume(challenger_config(weights_config(config_), {.prior = now_.prior, .caution = now_.caution}));
  TRY_STATUS(version < 6 ? challengers_.load_one(in, weights_config(config_),
                                                 settings_.book().published->settings.ranker.challengers)
                         : challengers_.load(in, weights_config(config_)));
  tell_of_challengers();
  TRY_STATUS(reservoir_.load(in, weights_.mask()));
  replay_at_ = in.u64();
  coming_.load(in);
  versioned_ms_ = in.i64();
  TRY_STATUS(in_vain_.load(in));
  TRY_STATUS(lately_.load(in));
  TRY_STATUS(importance_.load(in));
  if (!now_.scenarios.load(in)) return corrupt("ranker: scenarios cut short");
  now_.active = in.u64() & kAllFeatures;
  now_.importance = std::make_shared<const Importance>(importance_);
  now_.examples = in.u64();
  for (size_t k = 0; k < kRankKinds; ++k) {
    Kind& kind = now_.kinds[k];
    kind.clicks = in.u64();
    kind.pages = in.u64();
    kind.plain_loss = in.f64();
    kind.full_loss = in.f64();
    kind.voices.heard = version >= 8 && in.u8() != 0;
  }
  TRY_STATUS(load_notes(in, version));
  if (!in.ok()) return corrupt("ranker: cut short");
  if (version >= 9) TRY_STATUS(counted_.load(in));
  publish();
  return {};
}

Status Ranker::load_notes(Reader& in, uint32_t version) {
  notes_.clear();
  notes_bytes_ = 0;
  notes_lost_ = version < 5 ? 0 : in.u64();
  first_note_ = in.u64();
  const uint64_t notes = in.varint();
  for (uint64_t n = 0; n < notes && in.ok(); ++n) {
    Note note;
    note.kind = static_cast<RankKind>(std::min<uint8_t>(in.u8(), kRankKinds - 1));
    const uint8_t flags = in.u8();
    note.ranked = (flags & 1) != 0;
    note.known = (flags & 2) != 0;
    note.shopper = in.u64();
    const uint64_t places = in.varint();
    if (places > in.remaining()) return corrupt("ranker: an impression cut short");
    note.ends.resize(places);
    note.bases.resize(places);
    in.array(note.ends.data(), places);
    in.array(note.bases.data(), places);
    if (const uint64_t drawn = in.varint(); drawn == places)
      note.drawn.resize(places);
    else if (drawn != 0)
      return corrupt("ranker: an impression of two lengths");
    in.array(note.drawn.data(), note.drawn.size());
    const uint64_t said = version < 7 ? 0 : in.varint();
    if (said > in.remaining()) return corrupt("ranker: an impression cut short");
    note.said.resize(said);
    for (RankOpinion& one : note.said) {
      one.plain = in.f64();
      one.linear = in.f64();
      one.deep = in.f64();
    }
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
      if (static_cast<size_t>(feature_of(cell)) >= kRankFeatures || index_of(cell) > weights_.mask())
        return corrupt("ranker: an impression with a feature that does not exist");
    notes_bytes_ += note.bytes();
    notes_.push_back(std::move(note));
  }
  return {};
}

size_t Ranker::bytes() const {
  return weights_.bytes() + deep_.bytes() + challengers_.bytes() + reservoir_.bytes() + in_vain_.bytes() +
         lately_.bytes() + counted_.bytes() + notes_bytes_ + coming_.bytes();
}

}  // namespace freshet
