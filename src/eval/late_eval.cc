#include "eval/late_eval.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <vector>

#include "base/hash.h"
#include "base/json_writer.h"
#include "base/text_table.h"
#include "feature/catalog.h"
#include "feature/entry.h"
#include "feature/profiles.h"
#include "rank/ranker.h"
#include "sample/joiner.h"

namespace freshet {
namespace {

using Report = LateEvalReport;
constexpr uint64_t kAfter = 0x6166746572;  // Purpose of the draw of when a page is sent.
constexpr size_t kPurchase = static_cast<size_t>(SampleTask::kPurchase);
constexpr size_t kTrained = static_cast<size_t>(RankCopy::kTrained);

// The folds that a page and what follows it need, and the pages that follow orders.
class Shop {
 public:
  explicit Shop(const LateEvalOptions& options)
      : options_(options),
        entry_(moment_),
        catalog_(moment_),
        profiles_(moment_),
        joiner_(moment_, catalog_,
                {.impressions_max = 100'000'000,
                 .bytes_max = size_t{1} << 40,
                 .windows = {.window_ms = options.window_ms, .late_ms = options.late_ms}},
                &profiles_) {}
  virtual ~Shop() = default;

  Status play(EventSource& source) {
    TRY_STATUS(source.each([&](const Event& event) {
      if (event.type != EventType::kPurchase || event.user.empty()) return Status();
      if (event.user != page_.user || event.order_id != order_ || event.time_ms != ordered_ms_) {
        put_aside();
        page_ = {};
        page_.type = EventType::kImpression;
        page_.surface = "next";
        page_.user = event.user;
        page_.time_ms = event.time_ms;
        order_ = event.order_id;
        ordered_ms_ = event.time_ms;
      }
      const auto same = [&](const ShownItem& one) { return one.item == event.item; };
      if (page_.shown.size() < options_.places_max &&
          std::none_of(page_.shown.begin(), page_.shown.end(), same))
        page_.shown.push_back({event.item, 1.0f});
      send_until(event.time_ms);
      apply(event);
      return Status();
    }));
    put_aside();
    send_until(kForever);
    return {};
  }
  TimeMs now_ms() const { return moment_.now_ms; }

 protected:
  virtual void shown(const ShownPage&) = 0;
  virtual void example(const LabelledExample& example) = 0;  // Of the purchase head.
  virtual void passed() = 0;                                 // Time may have.

  const std::string& user() const { return sent_.user; }  // To whom it is shown.

  const LateEvalOptions& options_;
  Moment moment_;
  Entry entry_;
  Catalog catalog_;
  Profiles profiles_;
  Joiner joiner_;

 private:
  static constexpr TimeMs kForever = std::numeric_limits<TimeMs>::max();
  // The page about an order is sent between half and one and a half times `after_ms` later.
  void put_aside() {
    if (page_.shown.empty()) return;
    Draw draw(mix64(mix64(kAfter, hash_bytes(page_.user)), static_cast<uint64_t>(page_.time_ms)));
    page_.time_ms += static_cast<TimeMs>((0.5 + draw.uniform()) * static_cast<double>(options_.after_ms));
    waiting_.emplace(page_.time_ms, std::move(page_));
  }
  void send_until(TimeMs time_ms) {
    while (!waiting_.empty() && waiting_.begin()->first < time_ms) {
      sent_ = std::move(waiting_.extract(waiting_.begin()).mapped());
      apply(sent_);
    }
  }
  void apply(const Event& event) {
    Event own = event;
    own.source = "late";
    own.id = std::to_string(next_);
    for (Fold* fold : std::initializer_list<Fold*>{&entry_, &catalog_, &joiner_}) fold->apply(next_, own);
    passed();
    for (const LabelledExample& one : joiner_.examples())
      if (one.task == SampleTask::kPurchase && one.page != nullptr) example(one);
    if (joiner_.shown() != nullptr) shown(*joiner_.shown());
    profiles_.apply(next_++, own);
  }
  Event page_, sent_;
  std::multimap<TimeMs, Event> waiting_;
  std::string order_;
  TimeMs ordered_ms_ = kNoTime;
  Offset next_ = 0;
};

struct Page {
  TimeMs time_ms = 0;
  std::vector<bool> bought;  // In the end, by place.
};

// What will have been bought.
class Future final : public Shop {
 public:
  using Shop::Shop;
  std::vector<Page> pages;
  std::vector<TimeMs> delays;

 private:
  void shown(const ShownPage& page) override {
    pages.push_back({page.time_ms, std::vector<bool>(page.places.size())});
  }
  void example(const LabelledExample& one) override {
    if (one.label <= 0) return;
    pages[one.page->number].bought[one.place] = true;
    delays.push_back(moment_.time_ms - one.page->time_ms);
  }
  void passed() override {}
};

class Learners final : public Shop {
 public:
  Learners(const LateEvalOptions& options, const Future& future)
      : Shop(options),
        future_(future),
        end_ms_(future.now_ms()),
        prior_(static_cast<float>(std::log(options.rate / (1 - options.rate)))) {
    RankerConfig config;
    config.weight_bits = options.weight_bits;
    GaussWeights::Config learner = weights_config(config);
    learner.drift = static_cast<float>(options.drift);
    for (size_t arm = 0; arm < Report::kArms; ++arm) arms_.push_back(std::make_unique<GaussWeights>(learner));
    for (const Page& page : future.pages) judged_ += is_judged(page) ? 1 : 0;
  }
  Report report;

 private:
  using Row = std::vector<uint32_t>;
  bool is_judged(const Page& page) const { return page.time_ms + options_.late_ms < end_ms_; }

  void learn(Report::Arm arm, const Row& row, bool label, float weight = 1, float taken = 0) {
    arms_[arm]->learn(row, kPurchase, prior_, label ? 1.0f : 0.0f, weight, taken);
  }
  void shown(const ShownPage& page) override {
    std::vector<Row>& rows = rows_.emplace_back();
    const Sequence sequence = profiles_.sequence(profiles_.find(user()));
    features_.assign(catalog_, {},
                     {.kind = RankKind::kNext,
                      .shopper = page.shopper,
                      .now_ms = page.time_ms,
                      .steps = sequence.steps,
                      .region = {},
                      .device = {}},
                     kAllFeatures, arms_[0]->mask());
    const Page& future = future_.pages[page.number];
    RankRow row;
    for (size_t i = 0; i < page.places.size(); ++i) {
      row.count = 0;
      if (const ItemRecord* item = catalog_.item(page.places[i].item); item != nullptr) {
        features_.page_cells(row);
        features_.item_cells(*item, page.places[i].item, std::nanf(""), nullptr, {}, row);
      }
      rows.emplace_back(row.all().begin(), row.all().end());
      if (is_judged(future)) judge(rows.back(), future.bought[i]);
    }
    if (is_judged(future)) ++report.pages;
    for (size_t i = 0; i < rows.size(); ++i) {
      learn(Report::kOracle, rows[i], future.bought[i]);
      learn(Report::kAtOnce, rows[i], false);
    }
  }
  void judge(const Row& row, bool bought) {
    const bool second = 2 * report.pages >= judged_;
    for (Report::Half* half : {&report.all, second ? &report.second : nullptr}) {
      if (half == nullptr) continue;
      ++half->places;
      half->ones += bought ? 1 : 0;
      for (size_t arm = 0; arm < Report::kArms; ++arm) {
        const auto said = arms_[arm]->say(row, kPurchase, 1u << kTrained)[kTrained];
        const double p = 1 / (1 + std::exp(-static_cast<double>(prior_ + said.all())));
        half->said[arm] += p;
        half->loss[arm] -= std::log(std::max(bought ? p : 1 - p, 1e-9));
      }
    }
  }
  void example(const LabelledExample& one) override {
    const Row& row = rows_[one.page->number][one.place];
    const bool label = one.label > 0;
    learn(Report::kWeighted, row, label, one.weight);
    learn(Report::kBelieving, row, label);
    learn(Report::kTaken, row, label, 1, one.late ? 1.0f : 0.0f);
    if (!label) return;
    learn(Report::kOnes, row, true);
    learn(Report::kAtOnce, row, true, 1, 1);
  }
  void passed() override {
    for (; certain_ < rows_.size(); ++certain_) {
      const Page& page = future_.pages[certain_];
      if (page.time_ms + options_.late_ms >= moment_.now_ms) break;
      for (size_t i = 0; i < page.bought.size(); ++i) {
        learn(Report::kAll, rows_[certain_][i], page.bought[i]);
        if (!page.bought[i]) learn(Report::kOnes, rows_[certain_][i], false);
      }
    }
  }

  const Future& future_;
  const TimeMs end_ms_;
  const float prior_;
  std::vector<std::unique_ptr<GaussWeights>> arms_;
  std::vector<std::vector<Row>> rows_;  // By page and place.
  size_t certain_ = 0;                  // Pages whose late_ms is over.
  uint64_t judged_ = 0;
  RankPage features_;
};

}  // namespace

const char* late_arm_name(size_t arm) {
  static constexpr const char* kNames[] = {"oracle", "all",     "ones",     "weighted",
                                           "taken",  "at-once", "believing"};
  static_assert(std::size(kNames) == LateEvalReport::kArms);
  return kNames[arm];
}

double LateEvalReport::entropy() const {
  const double p = static_cast<double>(all.ones) / static_cast<double>(std::max<uint64_t>(1, all.places));
  return p <= 0 || p >= 1 ? 0 : -p * std::log(p) - (1 - p) * std::log(1 - p);
}

Result<LateEvalReport> evaluate_late(EventSource& source, const LateEvalOptions& options) {
  Future future(options);
  TRY_STATUS(future.play(source));
  Learners learners(options, future);
  TRY_STATUS(learners.play(source));
  LateEvalReport report = learners.report;
  report.options = options;
  if (report.all.places == 0 || future.delays.empty())
    return invalid(
        "no page whose time for what follows is over, or nobody bought again: are these orders of "
        "customers (user, order, time), and is late below their span?");
  report.ones = future.delays.size();
  for (const TimeMs delay : future.delays) report.late += delay > options.window_ms ? 1 : 0;
  std::sort(future.delays.begin(), future.delays.end());
  for (size_t q = 0; q < 3; ++q)
    report.delay_days[q] =
        static_cast<double>(future.delays[(q + 1) * future.delays.size() / 4]) / static_cast<double>(kDayMs);
  return report;
}

std::string late_report_text(const LateEvalReport& report) {
  const auto per = [](double sum, uint64_t n) {
    return n == 0 ? std::nan("") : sum / static_cast<double>(n);
  };
  TextTable table({"", "log loss", "above the oracle", "second half", "says", "is"});
  for (size_t arm = 0; arm < LateEvalReport::kArms; ++arm)
    table.row({late_arm_name(arm), format_number(report.loss(arm), 4),
               format_number(report.loss(arm) - report.loss(LateEvalReport::kOracle), 4),
               format_number(per(report.second.loss[arm], report.second.places), 4),
               format_number(per(report.all.said[arm], report.all.places), 4),
               format_number(per(static_cast<double>(report.all.ones), report.all.places), 4)});
  return table.text() + "who knows only how many are ones: " + format_number(report.entropy(), 4) + "\n" +
         format_count(report.pages) + " pages, " + format_count(report.all.places) + " places judged; of " +
         format_count(report.ones) + " ones " +
         format_number(100 * per(static_cast<double>(report.late), report.ones), 1) +
         " % come after the window; delays of ones, quartiles: " + format_number(report.delay_days[0], 1) +
         ", " + format_number(report.delay_days[1], 1) + ", " + format_number(report.delay_days[2], 1) +
         " days\n";
}

std::string late_report_json(const LateEvalReport& report) {
  JsonWriter json(2);
  json.object().field("pages", report.pages).field("places", report.all.places).field("ones", report.ones);
  json.field("late", report.late).key("delay_days").array();
  for (const double days : report.delay_days) json.value(days);
  json.end().key("arms").object();
  for (size_t arm = 0; arm < LateEvalReport::kArms; ++arm)
    json.key(late_arm_name(arm))
        .object()
        .field("log_loss", report.loss(arm))
        .field("second_half", report.second.places == 0
                                  ? 0
                                  : report.second.loss[arm] / static_cast<double>(report.second.places))
        .field("says", report.all.said[arm] / static_cast<double>(report.all.places))
        .end();
  json.end()
      .field("entropy", report.entropy())
      .field("is", static_cast<double>(report.all.ones) / static_cast<double>(report.all.places))
      .end();
  return json.take() + "\n";
}

}  // namespace freshet
