// What other settings would have earned, from a real log of searches and clicks: a server that learns and
// exchanges places, shoppers whose attraction to items is known, and a candidate that the log never served.
#include "eval/policy_eval.h"

#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "engine/engine.h"
#include "env/clock.h"

namespace freshet {
namespace {

constexpr int kWords = 6, kItemsOfWord = 10;
const char* const kLive =
    R"({"click_swaps": 0.6, "click_exploration": 0, "popularity_weight": 0, "intent_weight": 0,
                              "semantic_weight": 0, "ranking": [{"name": "n"}]})";
// Worst first, and deaf to clicks.
const char* const kCandidate = R"({"click_weight": 0, "popularity_weight": 0, "intent_weight": 0,
                                   "semantic_weight": 0, "ranking": [{"name": "good", "descending": false}]})";

double attraction(const std::string& item) {
  return 0.05 + 0.45 * Draw(hash_bytes(item)).uniform();
}

class PolicyEval : public testing::Test {
 protected:
  PolicyEval() {
    folder_ = testing::TempDir() + "/policy-eval-" +
              testing::UnitTest::GetInstance()->current_test_info()->name();  // Tests run beside each other.
    std::filesystem::remove_all(folder_);
    EngineConfig config;
    config.data_dir = folder_;
    engine_ = std::move(Engine::open(config)).value();
    std::string lines;
    for (int word = 0; word < kWords; ++word)
      for (int i = 0; i < kItemsOfWord; ++i) {
        const std::string id = "w" + std::to_string(word) + "-" + std::to_string(i);
        lines += R"({"id": ")" + id + R"(", "title": ")" + query(word) + R"(", "n": )" + std::to_string(i) +
                 R"(, "good": )" + std::to_string(attraction(id)) + "}\n";
      }
    const auto taken = engine_->items(lines, ItemChange::kUpsert, {.now_ms = now_ms()});
    EXPECT_TRUE(taken.ok() && engine_->commit(taken->end).ok());
    const auto staged = engine_->stage_settings(kLive, "t", "");
    EXPECT_TRUE(staged.ok() && engine_->publish_settings(*staged, "t").ok());
  }
  ~PolicyEval() override {
    engine_->close().ok();
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }
  static std::string query(int word) {
    constexpr const char* kNouns[] = {"lamp", "kettle", "chair", "table", "mirror", "basket"};
    return kNouns[word];
  }
  void settle() { ASSERT_TRUE(engine_->wait_applied(engine_->log().end(), std::chrono::seconds(60))); }

  // A search and its clicks: place k is looked at with probability 1 / k.
  void visit(int number) {
    Draw draw(mix64(7, static_cast<uint64_t>(number)));
    SearchRequest request;
    request.query = query(static_cast<int>(draw.below(kWords)));
    request.user = "u" + std::to_string(draw.below(400));
    const auto page = engine_->search(request);
    ASSERT_TRUE(page.ok()) << page.error().what;
    std::string lines;
    for (size_t k = 0; k < page->answer.hits.size(); ++k) {
      const std::string& id = page->answer.hits[k].id;
      if (draw.uniform() * static_cast<double>(k + 1) >= attraction(id)) continue;
      lines += R"({"type": "click", "item": ")" + id + R"(", "user": ")" + request.user +
               R"(", "query_id": ")" + page->query_id + "\"}\n";
    }
    if (lines.empty()) return;
    const auto taken = engine_->events(lines, {.now_ms = now_ms()});
    ASSERT_TRUE(taken.ok() && taken->result.rejected == 0);
  }
  // Expected clicks of the candidate's pages.
  double truth() {
    const auto staged = engine_->stage_settings(kCandidate, "t", "");
    double sum = 0;
    for (int word = 0; word < kWords; ++word) {
      SearchRequest request;
      request.query = query(word);
      request.settings_version = *staged;
      const auto page = engine_->search(request, false);
      for (size_t k = 0; k < page->answer.hits.size(); ++k)
        sum += attraction(page->answer.hits[k].id) / static_cast<double>(k + 1);
    }
    return sum / kWords;
  }

  std::string folder_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(PolicyEval, FindsWhatACandidateWouldHaveEarned) {
  for (int i = 0; i < 5000; ++i) {
    visit(i);
    if (i % 50 == 0) settle();
  }
  settle();
  const double truth = this->truth();
  PolicyEvalOptions options;
  options.settings = kCandidate;
  const auto report = evaluate_policy(engine_->log(), options);
  ASSERT_TRUE(report.ok()) << report.error().what;
  const PolicyReport& policy = report->policy;
  EXPECT_GT(policy.pages, 4900u);
  EXPECT_GT(policy.coverage, 0.9);
  EXPECT_GT(policy.naive.interval.low, 1.25 * truth) << "the log served something better";
  for (const PolicyEstimate* one : {&policy.ips, &policy.snips, &policy.dr})
    EXPECT_NEAR(one->value / truth, 1, 0.12) << "what shoppers' places were worth is measured, not known";
  EXPECT_LT(policy.effective_pages, static_cast<double>(policy.pages));
  // The same log says the same.
  const auto again = evaluate_policy(engine_->log(), options);
  EXPECT_EQ(policy_report_json(*again), policy_report_json(*report));
  EXPECT_NE(policy_report_text(*report).find("doubly robust"), std::string::npos);
  // A share of the pages.
  options.share = 0.1;
  const auto fewer = evaluate_policy(engine_->log(), options);
  EXPECT_NEAR(static_cast<double>(fewer->policy.pages), 500, 120);
  EXPECT_FALSE(fewer->enough());
  EXPECT_NE(policy_report_text(*fewer).find("TOO FEW"), std::string::npos);
}

TEST_F(PolicyEval, WhatCannotBeSaidIsRefused) {
  visit(1);
  settle();
  const auto refused = [&](const char* settings) {
    PolicyEvalOptions options;
    options.settings = settings;
    const auto report = evaluate_policy(engine_->log(), options);
    return report.ok() ? "not refused" : report.error().what;
  };
  EXPECT_NE(refused(R"({"click_weight": 3})").find("click_weight: expected"), std::string::npos);
  EXPECT_NE(refused(R"({"searchable": ["title"]})").find("another index"), std::string::npos);
}

}  // namespace
}  // namespace freshet
