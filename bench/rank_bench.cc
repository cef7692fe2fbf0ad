// Asking the learned ranker, while it learns: one thread folds pages and clicks without a pause, another one
// asks for the candidates of a page of ten to be judged and ordered.
//
//   rank_bench [--items N] [--requests N] [--learner linear|deep|ensemble]
//
// prints a line for 200 and for 500 candidates, and its costs.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "env/clock.h"
#include "env/process.h"
#include "feature/profiles.h"
#include "rank/ranker.h"
#include "rank/rerank.h"

namespace freshet {
namespace {

constexpr int kShown = 10, kShoppers = 20'000;

std::string text(const char* prefix, uint64_t n) {
  return prefix + std::to_string(n);
}

uint64_t brand_of(uint64_t item) {
  return Draw(mix64(item, 1)).below(500);
}

// Items with categories, a brand that is liked or not, and eight attributes; shoppers with histories; pages
// and clicks without end.
class Shop {
 public:
  explicit Shop(uint64_t items)
      : items_(items),
        catalog_(moment_, {.items_max = 10'000'000}),
        profiles_(moment_),
        joiner_(moment_, catalog_),
        clicks_(moment_, catalog_, joiner_),
        settings_(moment_),
        contexts_(moment_),
        ranker_(moment_, catalog_, profiles_, joiner_, clicks_, contexts_, settings_) {
    Event event;
    for (uint64_t i = 0; i < items; ++i) {
      Draw draw(mix64(i, 1));
      event.clear();
      event.type = EventType::kItemUpsert;
      event.item = text("item-", i);
      event.attributes = {
          {"brand", text("brand-", draw.below(500))},
          {"category", "Department " + text("", draw.below(10)) + " > " + text("Shelf ", draw.below(100))},
          {"price", 5 + 200 * draw.uniform()},
          {"title", text("Thing number ", i)}};
      for (const char* name : {"color", "material", "size", "style", "origin", "season"})
        event.attributes.push_back({name, text(name, draw.below(12))});
      event.attributes.push_back({"rating", 3 + 2 * draw.uniform()});
      event.attributes.push_back({"weight", 10 * draw.uniform()});
      apply(event);
    }
  }

  // Without the gate: it would go back from these clicks, of which little can be learned, and then the
  // ranker is not asked at all.
  void ungated() {
    RankerUpdates updates;
    updates.gate = false;
    ranker_.configure(updates);
  }

  void choose(RankLearner learner) { ranker_.choose(learner); }

  void apply(const Event& event) {
    moment_ = {.skip = false, .key = mix64(offset_, 5), .time_ms = now_, .now_ms = now_};
    for (Fold* fold : std::initializer_list<Fold*>{&catalog_, &joiner_, &clicks_, &ranker_, &profiles_})
      fold->apply(offset_, event);
    ++offset_;
  }

  // One page and what follows it; returns the events folded.
  int page(uint64_t n) {
    Draw draw(mix64(n, 2));
    now_ += 2000;
    Event event;
    event.type = EventType::kImpression;
    event.user = text("u", draw.below(kShoppers));
    event.query_id = text("q", n);
    event.surface = "for-you";
    std::string bases;
    std::vector<uint64_t> shown;
    for (int k = 0; k < kShown; ++k) {
      shown.push_back(draw.below(items_));
      event.shown.push_back({text("item-", shown.back()), 1.0f});
      append_base(-3 - 0.2f * static_cast<float>(k), bases);
    }
    event.attributes = {{"base", bases}};
    apply(event);
    int events = 1;
    for (int k = 0; k < kShown; ++k) {
      const bool liked = brand_of(shown[static_cast<size_t>(k)]) % 4 == 0;
      if (draw.uniform() * (1 + 0.35 * k) >= (liked ? 0.4 : 0.05)) continue;
      Event click;
      click.type = EventType::kClick;
      click.user = event.user;
      click.query_id = event.query_id;
      click.item = event.shown[k].item;
      apply(click);
      ++events;
    }
    return events;
  }

  const Catalog& catalog() const { return catalog_; }
  const Profiles& profiles() const { return profiles_; }
  const Ranker& ranker() const { return ranker_; }
  TimeMs now() const { return now_; }

 private:
  const uint64_t items_;
  Moment moment_;
  Catalog catalog_;
  Profiles profiles_;
  Joiner joiner_;
  ClickModel clicks_;
  Settings settings_;
  Contexts contexts_;
  Ranker ranker_;
  Offset offset_ = 0;
  std::atomic<TimeMs> now_{1'700'000'000'000};
};

struct Times {
  double p50 = 0, p99 = 0, cpu50 = 0, cpu99 = 0;
  int heard = 0;  // Requests of which the ranker said anything: of the others nothing is measured.
};

double at(std::vector<double>& sorted, double share) {
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

Times ask(const Shop& shop, uint64_t items, size_t candidates, int requests) {
  Times out;
  std::vector<double> us, cpu_us;
  std::vector<RankCandidate> asked(candidates);
  std::vector<RankVerdict> verdicts;
  for (int n = 0; n < requests; ++n) {
    Draw draw(mix64(static_cast<uint64_t>(n), candidates));
    for (size_t i = 0; i < candidates; ++i)
      asked[i] = {.item = static_cast<ItemSlot>(draw.below(items)),
                  .base = round_base(-3 - 0.02f * static_cast<float>(i))};
    const std::string user = text("u", draw.below(kShoppers));
    const double begun = thread_cpu_seconds();
    const uint64_t start = monotonic_ns();
    const EpochGuard guard;
    const Sequence sequence = shop.profiles().sequence(shop.profiles().find(user));
    const RankQuery query(shop.ranker(), {.kind = RankKind::kForYou,
                                          .shopper = hash_bytes(user),
                                          .now_ms = shop.now(),
                                          .steps = sequence.steps});
    out.heard += query.ready() ? 1 : 0;
    query.judge(asked, {}, verdicts);
    std::vector<RerankItem> order(candidates);
    for (size_t i = 0; i < candidates; ++i)
      order[i] = {.score = static_cast<double>(asked[i].base) + verdicts[i].lift,
                  .deviation = verdicts[i].deviation,
                  .index = static_cast<uint32_t>(i)};
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.score > b.score; });
    rerank(order, {.places = kShown, .diversity = 0.2, .exploration = 0.05, .key = draw.next()});
    us.push_back(static_cast<double>(monotonic_ns() - start) / 1000);
    cpu_us.push_back((thread_cpu_seconds() - begun) * 1e6);
  }
  out.p50 = at(us, .5), out.p99 = at(us, .99), out.cpu50 = at(cpu_us, .5), out.cpu99 = at(cpu_us, .99);
  return out;
}

// How long the fold stands still when everything that is served moves: each word of 2^20 has changed.
void pauses() {
  GaussWeights::Config config;
  config.prior.fill(0.1f);
  GaussWeights weights(config);
  weights.set_direct(false);
  const auto learn_all = [&] {
    for (uint32_t i = 0; i <= weights.mask(); i += 64) {
      RankRow row;
      for (uint32_t k = 0; k < 64; ++k) row.add(RankFeature::kItem, i + k, weights.mask());
      weights.learn(row.all(), 0, 0, (i / 64) % 2 == 0 ? 1.0f : 0.0f, 1);
    }
  };
  const auto timed = [&](const char* what, auto&& act) {
    const double begun = thread_cpu_seconds();
    act();
    std::printf("  %s %.2f ms\n", what, (thread_cpu_seconds() - begun) * 1e3);
  };
  std::printf("pauses of the fold, 2^20 words, all of them changed:\n");
  for (int round = 0; round < 2; ++round) {  // The second one has its memory.
    learn_all();
    std::printf(round == 0 ? " the first time\n" : " later\n");
    timed("freeze", [&] { weights.freeze(); });
    timed("publish", [&] { weights.publish(); });
    timed("good moves", [&] { weights.good_moves(); });
    timed("copy for a version", [&] { (void)weights.version(); });
  }
  learn_all();
  weights.freeze();
  weights.publish();
  timed("roll back", [&] { weights.roll_back(); });
  timed("learner goes back", [&] { weights.go_back(); });
  for (int i = 0; i < 7000; i += 70) {
    RankRow row;
    for (uint32_t k = 0; k < 70; ++k) row.add(RankFeature::kItem, mix64(i + k, 1), weights.mask());
    weights.learn(row.all(), 0, 0, 1, 1);
  }
  std::printf(" 7,000 of them changed\n");
  timed("freeze", [&] { weights.freeze(); });
  timed("publish", [&] { weights.publish(); });
}

int run(uint64_t items, int requests, RankLearner learner) {
  pauses();
  Shop shop(items);
  shop.choose(learner);
  shop.ungated();
  uint64_t n = 0;
  double begun = thread_cpu_seconds();
  for (; n < 20'000; ++n) shop.page(n);
  std::printf("folding: %.1f us of CPU a page of %d with its clicks\n",
              (thread_cpu_seconds() - begun) * 1e6 / 20'000, kShown);
  {
    const EpochGuard guard;
    std::printf("%s\n%.1f MB\n", shop.ranker().describe().c_str(),
                static_cast<double>(shop.ranker().bytes()) / 1e6);
    const GaussWeights::Error error = shop.ranker().serving_error();
    std::printf("served weights: %zu, off by %.2g at most, %.2g rms\n", error.weights, error.greatest,
                error.rms);
  }
  for (const size_t candidates : {size_t{200}, size_t{500}}) {
    const Times alone = ask(shop, items, candidates, requests);
    std::atomic<bool> end{false};
    uint64_t pages = 0;
    std::thread learning([&] {
      for (; !end; ++n, ++pages) shop.page(n);
    });
    const Times beside = ask(shop, items, candidates, requests);
    end = true;
    learning.join();
    if (alone.heard + beside.heard < 2 * requests) {
      std::fprintf(stderr, "rank_bench: the ranker was heard by %d of %d requests: nothing is measured\n",
                   alone.heard + beside.heard, 2 * requests);
      return 1;
    }
    for (const auto& [name, times] : {std::pair("alone", alone), std::pair("while learning", beside)})
      std::printf("%zu candidates %s: p50 %.3f ms, p99 %.3f ms; of CPU p50 %.3f ms, p99 %.3f ms\n",
                  candidates, name, times.p50 / 1000, times.p99 / 1000, times.cpu50 / 1000,
                  times.cpu99 / 1000);
  }
  return 0;
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  uint64_t items = 50'000;
  int requests = 2000;
  freshet::RankLearner learner = freshet::RankLearner::kEnsemble;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view flag = argv[i], value = i + 1 < argc ? argv[i + 1] : "";
    bool known = false;
    if (flag == "--items") known = (items = std::strtoull(value.data(), nullptr, 10)) > 0;
    if (flag == "--requests") known = (requests = std::atoi(value.data())) > 0;
    if (flag == "--learner")
      for (const auto one :
           {freshet::RankLearner::kLinear, freshet::RankLearner::kDeep, freshet::RankLearner::kEnsemble})
        if (freshet::rank_learner_name(one) == value) learner = one, known = true;
    if (known) continue;
    std::fprintf(stderr,
                 "usage: rank_bench [--items N] [--requests N] [--learner linear|deep|ensemble]; got %s %s\n",
                 argv[i], value.data());
    return 2;
  }
  return freshet::run(items, requests, learner);
}
