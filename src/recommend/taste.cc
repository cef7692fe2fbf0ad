#include "recommend/taste.h"

#include <algorithm>

#include "model/sequence_model.h"
#include "recommend/numeric.h"
#include "recommend/set_aside.h"
#include "recommend/slots.h"

namespace freshet {

namespace {

constexpr size_t kProposed = 100;
constexpr size_t kSteps = 128;
constexpr size_t kLike = 3;                       // A new item starts near the last items seen before it.
constexpr TimeMs kSessionGapMs = 30 * kMinuteMs;  // Opens a session where none is marked.
constexpr float kLogLeast = 14;                   // exp(-14): below it all are the same

constexpr SourceColumn kColumns[] = {{"taste", SourceColumn::Kind::kProbability, 1e-5f},
                                     {"taste_log", SourceColumn::Kind::kPlain, 1, 0.15f}};

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
  std::span<const SourceColumn> columns() const override { return kColumns; }

  void learn(const Lesson& lesson, const Context& context) override {
    Pending& pending = pending_.next(Work{*this});
    pending.item = lesson.step.item;
    pending.item_key = facts_.key(lesson.step.item);
    pending.key = lesson.key;
    pending.like_count = std::min(kLike, context.recents.size());
    for (size_t r = 0; r < pending.like_count; ++r) pending.like[r] = context.recents[r].item;
    const SequenceContext asked = question(context);
    pending.steps.assign(asked.steps.begin(), asked.steps.end());
    pending.new_session = asked.new_session;
    if (!pending.steps.empty()) ++batch_;
    const bool complete = batch_ >= kBatch;
    if (complete) batch_ = 0;
    pending_.put(complete);
    if (!set_aside_) settle();
  }
  void set_aside(bool allowed) override {
    settle();
    set_aside_ = allowed;
  }
  bool help() override { return pending_.help(Work{*this}); }
  bool help_waits() const override { return pending_.waits(); }

  void collect(const Context& context, size_t first, Slate& slate) const override {
    if (context.steps.empty() || context.brief) return;
    settle(context);
    const SequenceModel::View view = view_for(context);
    const SequenceQuery& query = encoded(view, context);
    if (query.empty()) return;
    for (const ScoredItem& item : view.top(query, kProposed, {}, !context.learning))
      if (float* x = slate.row(item.item)) x[first] = numeric::exp(item.log_p);
  }

  void fill(const Context& context, size_t first, std::span<const uint32_t> chosen,
            Slate& slate) const override {
    if (context.steps.empty()) return;
    settle(context);
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

  void evict(const ForgottenItems& gone) override {
    settle();
    for (ItemSlot item = 0; item < facts_.slots(); ++item)
      if (gone.contains(item)) model_.remove(item);
    publish();
  }
  void save(Writer& out) const override {
    settle();
    model_.save(out);
  }
  Status load(Reader& in) override {
    settle();
    TRY_STATUS(model_.load(in));
    put(bytes_, model_.bytes());
    return {};
  }
  size_t bytes() const override { return get(bytes_); }
  double index_recall() const override { return model_.index_recall(); }

 private:
  // A lesson as the model takes it.
  struct Pending {
    std::vector<SequenceStep> steps;
    bool new_session = false;
    ItemSlot item = kNoItem;
    uint64_t key = 0, item_key = 0;
    size_t like_count = 0;
    ItemSlot like[kLike];
  };
  struct Work {
    Taste& taste;
    void operator()(const Pending& lesson) const { taste.learn(lesson); }
  };
  static constexpr uint64_t kPendingMax = 64;
  static constexpr uint32_t kBatch = 16;  // Of the model: only one lesson in so many takes long.

  static SequenceOptions options(uint64_t seed, size_t bytes_max) {
    SequenceOptions out;
    // A row is learned as floats, shown in three copies as bytes, and stands in the index: 768 bytes at most.
    constexpr size_t kRowBytes = 768;
    out.rows_max = static_cast<uint32_t>(std::clamp<size_t>(bytes_max / kRowBytes, 256, out.rows_max));
    out.seed = seed;
    out.negatives = 256;
    out.batch = kBatch;
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

  // All that changes the model when something is learned.
  void learn(const Pending& lesson) {
    // What is shown must be what save() holds, or a state loaded between two micro-batches would show more
    // than one that was never stopped: so a new item is shown at once.
    bool changed = !model_.live(lesson.item);
    if (changed) model_.add(lesson.item, lesson.item_key, {lesson.like, lesson.like_count});
    if (!lesson.steps.empty())
      changed |=
          model_.learn({.steps = lesson.steps, .new_session = lesson.new_session}, lesson.item, lesson.key);
    if (changed) publish();
  }
  // The model as the lessons so far left it. Readers say so too: they are const, what is done for them is
  // not.
  void settle() const {
    Taste* self = const_cast<Taste*>(this);
    self->pending_.finish(Work{*self});
    self->batch_ = model_.pending();
  }
  void settle(const Context& context) const {
    if (context.learning) settle();
  }

  const ItemFacts& facts_;
  SequenceModel model_;
  SetAside<Pending, kPendingMax> pending_;
  uint32_t batch_ = 0;  // Lessons that the model waits with, had all been learned; near enough.
  bool set_aside_ = false;
  std::atomic<size_t> bytes_{0};  // The model tells its size to the fold thread only.
};

}  // namespace

std::unique_ptr<Source> make_taste(const ItemFacts& facts, uint64_t seed, size_t bytes_max) {
  return std::make_unique<Taste>(facts, seed, bytes_max);
}

}  // namespace freshet
