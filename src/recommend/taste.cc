#include "recommend/taste.h"

#include <algorithm>

#include "model/sequence_model.h"
#include "recommend/numeric.h"
#include "recommend/slots.h"

namespace freshet {

namespace {

constexpr size_t kProposed = 100;
constexpr size_t kSteps = 128;
constexpr size_t kLike = 3;                       // A new item starts near the last items seen before it.
constexpr TimeMs kSessionGapMs = 30 * kMinuteMs;  // Opens a session where none is marked.
constexpr float kLogLeast = 14;                   // exp(-14): below it all are the same

constexpr Column kColumns[] = {{"taste", Column::Kind::kProbability, 1e-5f},
                               {"taste_log", Column::Kind::kPlain, 1, 0.15f}};

std::vector<SequenceStep>& steps_of(const Context& context) {
  static thread_local std::vector<SequenceStep> out;
  out.clear();
  const std::span<const Step> steps = context.steps.last(std::min(kSteps, context.steps.size()));
  const Step* session = context.session.data();
  for (size_t i = 0; i < steps.size(); ++i) {
    SequenceStep step{.item = steps[i].item, .type = static_cast<uint8_t>(steps[i].type)};
    if (i == 0) {
      step.first = 1;
    } else {
      const Step& before = steps[i - 1];
      const bool timed = steps[i].time_ms != 0 && before.time_ms != 0;
      if (timed) step.gap = gap_bucket(steps[i].time_ms - before.time_ms);
      step.first = &steps[i] == session || steps[i].order != before.order ||
                   (timed && steps[i].time_ms - before.time_ms > kSessionGapMs);
    }
    out.push_back(step);
  }
  return out;
}

class Taste final : public Source {
 public:
  Taste(const ItemFacts& facts, uint64_t seed, size_t bytes_max)
      : facts_(facts), model_(options(seed, bytes_max)) {}
  std::string_view name() const override { return "sequence"; }
  std::span<const Column> columns() const override { return kColumns; }

  void learn(const Lesson& lesson, const Context& context) override {
    const ItemSlot item = lesson.step.item;
    // What is shown must be what save() holds, or a state loaded between two micro-batches would show more
    // than one that was never stopped: so a new item is shown at once.
    bool changed = !model_.live(item);
    if (changed) {
      ItemSlot like[kLike];
      const size_t count = std::min(kLike, context.recents.size());
      for (size_t r = 0; r < count; ++r) like[r] = context.recents[r].item;
      model_.add(item, facts_.key(item), {like, count});
    }
    if (!context.steps.empty()) changed |= model_.learn(question(context), item, lesson.key);
    if (changed) publish();
  }

  void collect(const Context& context, size_t first, Slate& slate) const override {
    if (context.steps.empty() || context.brief) return;
    const SequenceModel::View view = view_for(context);
    const SequenceQuery& query = encoded(view, context);
    if (query.empty()) return;
    for (const ScoredItem& item : view.top(query, kProposed, {}, !context.learning))
      if (float* x = slate.row(item.item)) x[first] = numeric::exp(item.log_p);
  }

  void fill(const Context& context, size_t first, std::span<const uint32_t> chosen,
            Slate& slate) const override {
    if (context.steps.empty()) return;
    const SequenceModel::View view = view_for(context);
    const SequenceQuery& query = encoded(view, context);
    if (query.empty()) return;
    static thread_local std::vector<float> log_p;
    log_p.resize(chosen.size());
    view.score(query, slate.items_of(chosen), log_p);
    for (size_t i = 0; i < chosen.size(); ++i) {
      float* x = slate.columns(chosen[i]) + first;
      if (!(log_p[i] > -kLogLeast)) continue;
      x[0] = numeric::exp(std::min(0.0f, log_p[i]));
      x[1] = log_p[i] + kLogLeast;
    }
  }

  RecommendReason reason(const Context&, ItemSlot) const override { return {RecommendReason::Kind::kTaste}; }

  void evict(const SlotSet& gone) override {
    for (ItemSlot item = 0; item < facts_.slots(); ++item)
      if (gone.contains(item)) model_.remove(item);
    publish();
  }
  void save(Writer& out) const override { model_.save(out); }
  Status load(Reader& in) override {
    TRY_STATUS(model_.load(in));
    put(bytes_, model_.bytes());
    return {};
  }
  size_t bytes() const override { return get(bytes_); }
  double index_recall() const override { return model_.index_recall(); }

 private:
  static SequenceOptions options(uint64_t seed, size_t bytes_max) {
    SequenceOptions out;
    // A row is learned as floats, shown in three copies as bytes, and stands in the index: 768 bytes at most.
    constexpr size_t kRowBytes = 768;
    out.rows_max = static_cast<uint32_t>(std::clamp<size_t>(bytes_max / kRowBytes, 256, out.rows_max));
    out.seed = seed;
    out.negatives = 256;
    return out;
  }
  static SequenceContext question(const Context& context) {
    return {.steps = steps_of(context), .new_session = context.basket || context.session.empty()};
  }

  // The fold learns from what was published, requests read what they are shown.
  SequenceModel::View view_for(const Context& context) const {
    return context.learning ? model_.own_view() : model_.view();
  }
  // collect() and fill() ask the same. Valid until the thread's next call.
  const SequenceQuery& encoded(const SequenceModel::View& view, const Context& context) const {
    struct Asked {
      const SequenceModel* model = nullptr;
      uint64_t version = 0, serial = 0;
      SequenceQuery query;
    };
    static thread_local Asked last;
    if (last.model == &model_ && last.version == view.version() && last.serial == context.serial)
      return last.query;
    last = {&model_, view.version(), context.serial, view.encode(question(context))};
    return last.query;
  }
  void publish() {
    model_.publish();
    put(bytes_, model_.bytes());
  }

  const ItemFacts& facts_;
  SequenceModel model_;
  std::atomic<size_t> bytes_{0};  // The model tells its size to the fold thread only.
};

}  // namespace

std::unique_ptr<Source> make_taste(const ItemFacts& facts, uint64_t seed, size_t bytes_max) {
  return std::make_unique<Taste>(facts, seed, bytes_max);
}

}  // namespace freshet
