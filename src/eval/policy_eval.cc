#include "eval/policy_eval.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/hash.h"
#include "base/json_writer.h"
#include "base/text_table.h"
#include "search/search_service.h"

namespace freshet {
namespace {

constexpr uint64_t kSample = 0x706f6c696379;  // Purpose of the draw of a page.
constexpr uint64_t kTold = 1 << 16;           // Events between two words of progress.

// Puts in the place of the propensities of a logged page what each item's looks were worth: theta of its
// place, and the mean of both places where a pair of them might have been exchanged.
void weigh(std::vector<LoggedPage::Place>& shown, const std::vector<double>& theta, int design) {
  const auto drawn = [&](uint32_t place) { return std::abs(shown[place].logged - 0.5) < 0.1; };
  std::vector<double> looks = theta;
  if (design >= 0)
    for (const Examination::Pair& pair : Examination::kDesigns[static_cast<size_t>(design)])
      if (pair.lower < shown.size() && drawn(pair.upper) && drawn(pair.lower))
        looks[pair.upper] = looks[pair.lower] = (theta[pair.upper] + theta[pair.lower]) / 2;
  for (size_t k = 0; k < shown.size(); ++k) shown[k].logged = looks[k];
}

class PolicyEvaluation {
 public:
  explicit PolicyEvaluation(const PolicyEvalOptions& options) : options_(options) {}

  Status open() {
    TRY(candidate_, parse_settings(options_.settings.empty() ? "{}" : options_.settings));
    StateConfig config = options_.state;
    config.search.background = false;             // What is found must not depend on how far a thread is.
    config.recommender.sources = {"popularity"};  // Searches ask none of them.
    TRY(state_, ShopState::open(config));
    for (Fold* fold : state_->folds())
      if (fold->name() != "counters") folds_.push_back(fold);
    service_ = std::make_unique<SearchService>(state_->catalog(), state_->settings(), state_->search(),
                                               config.search, &state_->vectors(), &state_->intent(),
                                               &state_->suggestions(), &state_->clicks());
    service_->rank_with(state_->ranker(), state_->profiles());
    Event first = stage_event(candidate_, "freshet eval policy", "");
    first.id = "candidate";
    first.time_ms = 0;
    apply(0, first);
    return {};
  }

  Status take(Offset at, Event& event) {
    if (event.type == EventType::kSettings && !renumber(event)) return {};
    if (event.type == EventType::kSearch) search_ = event;
    if (event.type == EventType::kImpression) TRY_STATUS(show(event));
    apply(at, event);
    for (const LabelledExample& example : state_->joiner().examples())
      if (example.task == SampleTask::kClick && example.label > 0 && example.page != nullptr) click(example);
    return {};
  }

  PolicyEvalReport finish() {
    PolicyEvalReport report;
    const Examination& measured = state_->clicks().examination();
    for (uint32_t k = 0; k < PolicyEvalOptions::kPlaces; ++k) report.examination.push_back(measured.theta(k));
    report.doubt = measured.doubt();
    const auto& theta = report.examination;
    for (size_t p = 0; p < pages_.size(); ++p) weigh(pages_[p].shown, theta, exchanged_[p]);
    report.policy = freshet::evaluate_policy(pages_, theta);
    report.pages_left_out = left_out_;
    return report;
  }

 private:
  void apply(Offset at, const Event& event) {
    for (Fold* fold : folds_) fold->apply(at, event);
  }

  // The candidate is version 1: those of the log are one more. False: not to be folded.
  static bool renumber(Event& event) {
    if (event.name.starts_with("experiment-")) return false;
    if (event.name != "publish" && event.name != "discard") return true;
    if (event.value != "0") event.value = std::to_string(std::strtoull(event.value.c_str(), nullptr, 10) + 1);
    return true;
  }

  Status show(const Event& event) {
    if (event.surface != "search" || event.query.empty() || event.query_id.empty()) return {};
    const bool searched = search_.query_id == event.query_id;
    const bool refined =
        searched && std::any_of(search_.attributes.begin(), search_.attributes.end(),
                                [](const Attribute& a) { return a.name.starts_with("refine."); });
    const bool whole = event.attribute("from") == nullptr && event.attribute("features") != nullptr;
    const uint64_t id = hash_bytes(event.query_id);
    if (!whole || refined || Draw(mix64(id, kSample)).uniform() >= options_.share) {
      ++left_out_;
      return {};
    }
    if (needs_rebuild(state_->settings().book().published->settings, candidate_))
      return invalid(
          "settings: the names or languages of searchable fields differ from those that were live, which "
          "needs another index");
    SearchRequest request;
    request.query = event.query;
    if (const auto* filter = searched ? search_.attribute_as<std::string>("filter") : nullptr)
      request.filter = *filter;
    request.settings_version = 1;
    request.count = PolicyEvalOptions::kPlaces;
    request.user = event.user;
    request.session = event.session;
    request.highlight.emplace();
    request.snippets.emplace();
    auto answer = service_->search(request, state_->entry().now_ms());
    if (!answer.ok()) {  // Its filter asks for what the candidate's filterable does not allow.
      ++left_out_;
      return {};
    }
    const std::string& who = event.user.empty() ? event.session : event.user;
    LoggedPage page{.query = hash_bytes(event.query), .cluster = who.empty() ? id : hash_bytes(who)};
    for (size_t k = 0; k < std::min(event.shown.size(), PolicyEvalOptions::kPlaces); ++k)
      page.shown.push_back({.item = hash_bytes(event.shown[k].item), .logged = event.shown[k].propensity});
    for (const SearchHit& hit : answer->hits) page.candidate.push_back(hash_bytes(hit.id));
    int design = -1;
    if (const auto* number = event.attribute_as<int64_t>("exchanged");
        number != nullptr && *number >= 0 && *number < static_cast<int64_t>(Examination::kDesigns.size()))
      design = static_cast<int>(*number);
    by_query_id_[id] = pages_.size();
    pages_.push_back(std::move(page));
    exchanged_.push_back(design);
    return {};
  }

  void click(const LabelledExample& example) {
    const auto found = by_query_id_.find(example.page->query_id);
    if (found == by_query_id_.end()) return;
    auto& shown = pages_[found->second].shown;
    if (example.place < shown.size()) shown[example.place].clicked = true;
  }

  const PolicyEvalOptions& options_;
  SearchSettings candidate_;
  std::unique_ptr<ShopState> state_;
  std::vector<Fold*> folds_;
  std::unique_ptr<SearchService> service_;
  Event search_;  // The last one.
  std::vector<LoggedPage> pages_;
  std::vector<int> exchanged_;                        // Design of each page; -1: none
  std::unordered_map<uint64_t, size_t> by_query_id_;  // never walked
  uint64_t left_out_ = 0;
};

}  // namespace

Result<PolicyEvalReport> evaluate_policy(EventLog& log, const PolicyEvalOptions& options,
                                         const std::function<void(uint64_t, uint64_t)>& progress) {
  if (log.begin() > 0)
    return invalid("the log begins at offset " + std::to_string(log.begin()) +
                   ": retention removed what the state is folded from");
  PolicyEvaluation evaluation(options);
  TRY_STATUS(evaluation.open());
  TRY(const std::unique_ptr<Cursor> cursor, log.read(0));
  const Offset end = log.end();
  Event event;
  for (Offset at = 0; at < end; ++at) {
    TRY(const bool more, cursor->next());
    if (!more) break;
    TRY_STATUS(cursor->decode(event));
    TRY_STATUS(evaluation.take(at + 1, event));
    if (progress && (at + 1) % kTold == 0) progress(at + 1, end);
  }
  PolicyEvalReport report = evaluation.finish();
  report.events = end;
  return report;
}

std::string policy_report_text(const PolicyEvalReport& report) {
  TextTable table({"clicks a page", "estimate", "low", "high"});
  const auto row = [&](const char* name, const PolicyEstimate& one) {
    table.row({name, format_number(one.value, 4), format_number(one.interval.low, 4),
               format_number(one.interval.high, 4)});
  };
  row("what was shown", report.policy.naive);
  table.rule();
  row("candidate, IPS", report.policy.ips);
  row("candidate, SNIPS", report.policy.snips);
  row("candidate, doubly robust", report.policy.dr);
  std::string out = table.text();
  out += format_count(report.policy.pages) + " pages with " + format_count(report.policy.clicks) +
         " clicks; as good as " + format_number(report.policy.effective_pages, 0) +
         " pages of the candidate's own; " + format_number(100 * report.policy.coverage, 1) +
         " % of its looks fall on what was shown; largest weight " +
         format_number(report.policy.weight_max, 2) + "\n";
  if (!report.enough()) out += "TOO FEW PAGES: nothing above is more than a hint\n";
  return out;
}

std::string policy_report_json(const PolicyEvalReport& report) {
  JsonWriter json(2);
  json.object().field("pages", report.policy.pages).field("clicks", report.policy.clicks);
  json.field("pages_left_out", report.pages_left_out).field("events", report.events);
  for (const auto& [name, one] :
       {std::pair<const char*, const PolicyEstimate*>{"shown", &report.policy.naive},
        {"ips", &report.policy.ips},
        {"snips", &report.policy.snips},
        {"doubly_robust", &report.policy.dr}})
    json.key(name)
        .object()
        .field("value", one->value)
        .field("low", one->interval.low)
        .field("high", one->interval.high)
        .end();
  json.field("effective_pages", report.policy.effective_pages).field("enough", report.enough());
  json.field("coverage", report.policy.coverage).field("weight_max", report.policy.weight_max);
  json.key("examination").array();
  for (const double theta : report.examination) json.value(theta);
  json.end().field("examination_doubt", report.doubt).end();
  return json.take() + "\n";
}

}  // namespace freshet
