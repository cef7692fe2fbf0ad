// Every flag of the protocol, on streams small enough to work out by hand (eval/testing/mini_model.h:
// popularity plus what came right after the last item).
#include "eval/replay.h"

#include <cmath>

#include <gtest/gtest.h>

#include "eval/testing/mini_model.h"

namespace freshet {
namespace {

// "a:x b:y a:z": shopper (and session) a looked at x, b at y, a at z; one minute apart. "a:x@90" at
// minute 90. "a:x#7": bought in order 7.
EventBuffer stream(std::string_view text, Grouping grouping = Grouping::kSession) {
  EventBuffer events;
  TimeMs minute = 0;
  while (!text.empty()) {
    const size_t space = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    Event event;
    event.type = EventType::kView;
    if (const size_t at = word.find('@'); at != std::string_view::npos) {
      minute = std::stoi(std::string(word.substr(at + 1)));
      word = word.substr(0, at);
    }
    if (const size_t hash = word.find('#'); hash != std::string_view::npos) {
      event.type = EventType::kPurchase;
      event.order_id = word.substr(hash + 1);
      word = word.substr(0, hash);
    }
    const size_t colon = word.find(':');
    (grouping == Grouping::kUser ? event.user : event.session) = word.substr(0, colon);
    event.item = word.substr(colon + 1);
    event.time_ms = minute++ * kMinuteMs;
    events.add(event);
  }
  return events;
}

struct Outcomes {
  ReplayReport report;
  std::vector<std::string> judged;  // "group>target:list", for baskets "/list of what is new"
  int saves = 0;                    // How often the learned state was published (and once for its hash).
};

Outcomes run(EventBuffer events, const Protocol& protocol) {
  Outcomes out;
  MiniModel model;
  ReplayOptions options;
  options.protocol = protocol;
  options.judgement = [&](const Judgement& judged) {
    std::string text = judged.event->user + judged.event->session + ">";
    for (const auto& target : judged.targets) text += target;
    text += ":";
    for (const Recommended& item : *judged.items) text += model.item_id(item.item);
    if (judged.new_items != nullptr) {
      text += "/";
      for (const Recommended& item : *judged.new_items) text += model.item_id(item.item);
    }
    out.judged.push_back(text);
  };
  const Status status = replay(events, model, options, out.report);
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().what);
  out.saves = model.saves;
  return out;
}

Protocol next_item(Grouping group = Grouping::kSession) {
  Protocol protocol;
  protocol.task = EvalTask::kNextItem;
  protocol.group = group;
  protocol.k = 2;
  return protocol;
}

using Lines = std::vector<std::string>;

TEST(Replay, NextItemTestsThenLearnsInStreamOrder) {
  // Lists are the best two by (count + 100 x followed the last item), ties to the smaller id.
  const Outcomes got = run(stream("s:x s:y t:x t:y s:x t:z"), next_item());
  EXPECT_EQ(got.judged, (Lines{"s>y:x",      // only x was seen; y is unseen: a miss
                               "t>y:yx",     // y followed x once
                               "s>x:xy",     // nothing followed y: x 2, y 2, tie to x
                               "t>z:xy"}));  // y->x once, and z is unseen
  const Evaluation& evaluation = got.report.evaluation;
  EXPECT_EQ(got.report.targets, 6u);
  EXPECT_EQ(got.report.groups, 2u);
  EXPECT_EQ(evaluation.unseen, 2u);
  const MeanScores& all = evaluation.updates[0].all;
  EXPECT_EQ(all.n(), 4u);
  EXPECT_DOUBLE_EQ(all.recall(), 0.5);
  EXPECT_DOUBLE_EQ(all.mrr(), 0.5);
  const MeanScores& novel = evaluation.updates[0].novel;  // s>x is a repeat, the rest is new to its group
  EXPECT_EQ(novel.n(), 3u);
  EXPECT_NEAR(novel.recall(), 1.0 / 3, 1e-9);
  EXPECT_EQ(evaluation.log_loss_n, 2u) << "the unseen have no probability";
  EXPECT_NEAR(evaluation.log_loss_sum, 2 * std::log(2), 1e-9);
}

TEST(Replay, SourcesAreScoredAlone) {
  const Outcomes got = run(stream("s:x s:y t:x t:y u:x u:y"), next_item());
  const auto& sources = got.report.evaluation.sources;
  ASSERT_EQ(sources.size(), 2u);
  EXPECT_EQ(sources[0].name, "popular");
  EXPECT_EQ(sources[0].all.n(), 3u);
  EXPECT_NEAR(sources[0].all.mrr(), (0 + 0.5 + 0.5) / 3, 1e-6);  // x y, target y
  EXPECT_NEAR(sources[1].all.mrr(), (0 + 1.0 + 1.0) / 3, 1e-6);  // y followed x
  EXPECT_EQ(sources[1].credited, 2u);
  EXPECT_EQ(sources[0].credited, 0u);
}

TEST(Replay, WhatIsEvaluated) {
  struct Row {
    const char* name;
    std::function<void(Protocol&)> set;
    Lines want;
  };
  const char* const events = "s:x s:y t:x s:x t:y u:y u:x";
  const Row rows[] = {
      {"everything with a past in its group", [](Protocol&) {}, {"s>y:x", "s>x:xy", "t>y:yx", "u>x:xy"}},
      {"warm-up by groups: s is learned only",
       [](Protocol& p) { p.warmup.groups = 1; },
       {"t>y:yx", "u>x:xy"}},
      {"by share, rounded down: 50 % of three is one",
       [](Protocol& p) { p.warmup.percent = 50; },
       {"t>y:yx", "u>x:xy"}},
      {"67 % of three is two", [](Protocol& p) { p.warmup.percent = 67; }, {"u>x:xy"}},
      {"by events", [](Protocol& p) { p.warmup.events = 3; }, {"s>x:xy", "t>y:yx", "u>x:xy"}},
      {"from a time on", [](Protocol& p) { p.eval_from_ms = 4 * kMinuteMs; }, {"t>y:yx", "u>x:xy"}},
      {"groups whole: s, then t, then u",
       [](Protocol& p) { p.by_group = true; },
       {"s>y:x", "s>x:xy", "t>y:yx", "u>x:xy"}},
      {"a shorter list", [](Protocol& p) { p.k = 1; }, {"s>y:x", "s>x:x", "t>y:y", "u>x:x"}},
  };
  for (const Row& row : rows) {
    Protocol protocol = next_item();
    row.set(protocol);
    EXPECT_EQ(run(stream(events), protocol).judged, row.want) << row.name;
  }
}

TEST(Replay, ByGroupReplaysGroupsWholeInOrderOfFirstAppearance) {
  // In stream order t>y comes before s>z; whole groups put all of s first, so t sees z at place 1 after x.
  Protocol protocol = next_item();
  EXPECT_EQ(run(stream("s:x t:x t:y s:z"), protocol).judged, (Lines{"t>y:x", "s>z:yx"}));
  protocol.by_group = true;
  EXPECT_EQ(run(stream("s:x t:x t:y s:z"), protocol).judged, (Lines{"s>z:x", "t>y:zx"}));
}

TEST(Replay, RepeatsExcludedAreNoCandidates) {
  Protocol protocol = next_item(Grouping::kUser);
  const char* const events = "a:x b:x b:y a:y a:z b:z";
  EXPECT_EQ(run(stream(events, Grouping::kUser), protocol).judged,
            (Lines{"b>y:x", "a>y:yx", "a>z:xy", "b>z:zx"}));
  protocol.allow_repeats = false;
  EXPECT_EQ(run(stream(events, Grouping::kUser), protocol).judged, (Lines{"b>y:", "a>y:y", "a>z:", "b>z:z"}));
}

TEST(Replay, SessionsAreCutByPausesWhenEventsNameNone) {
  // One shopper, 40 minutes between y and x: a new visit begins, whose first action is no target.
  Protocol protocol = next_item();
  EXPECT_EQ(run(stream("a:x@0 a:y@10 a:x@50 a:y@60", Grouping::kUser), protocol).judged,
            (Lines{"a>y:x", "a>y:yx"}));
  protocol.session_gap_ms = kHourMs;
  EXPECT_EQ(run(stream("a:x@0 a:y@10 a:x@50 a:y@60", Grouping::kUser), protocol).judged.size(), 3u);
}

TEST(Replay, FrozenAndHourlyServeWhatWasPublished) {
  // y overtakes x at minute 61; the hour turns at 60 and 120.
  const char* const events = "s:x@0 s:x@1 t:y@59 u:y@61 u:y@62 v:z@121 v:y@122";
  Protocol protocol = next_item();
  protocol.k = 1;
  protocol.warmup.groups = 2;
  struct Row {
    const char* update;
    Lines want;
    double recall;
  };
  const Row rows[] = {
      {"live", {"u>y:x", "v>y:y"}, 0.5},      // y: 2 when u comes back (tie to x), 3 when v does
      {"every=1h", {"u>y:x", "v>y:y"}, 0.5},  // as of 60: x 2, y 1; as of 120: y 3
      {"every=1d", {"u>y:", "v>y:"}, 0},      // as of the day's start: nothing
      {"every=2h", {"u>y:", "v>y:y"}, 0.5},   // as of 0; as of 120
      {"frozen", {"u>y:x", "v>y:x"}, 0},      // when the first target after the warm-up came
  };
  for (const Row& row : rows) {
    protocol.updates = parse_updates(row.update).value();
    const Outcomes got = run(stream(events), protocol);
    EXPECT_EQ(got.judged, row.want) << row.update;
    EXPECT_DOUBLE_EQ(got.report.evaluation.updates[0].all.recall(), row.recall) << row.update;
  }
  protocol.warmup = {.groups = 0, .percent = 50, .events = 0};  // Two of four, counted first.
  for (const Row& row : rows) {
    protocol.updates = parse_updates(row.update).value();
    EXPECT_EQ(run(stream(events), protocol).judged, row.want) << row.update << ", warm-up by share";
  }
  protocol.updates = parse_updates("frozen,every=2h,live").value();  // Side by side: the same numbers.
  const Outcomes all = run(stream(events), protocol);
  ASSERT_EQ(all.report.evaluation.updates.size(), 3u);
  EXPECT_DOUBLE_EQ(all.report.evaluation.updates[0].all.recall(), 0);
  EXPECT_DOUBLE_EQ(all.report.evaluation.updates[1].all.recall(), 0.5);
  EXPECT_DOUBLE_EQ(all.report.evaluation.updates[2].all.recall(), 0.5);
  EXPECT_EQ(all.report.evaluation.updates[2].name, "live");
}

TEST(Replay, WhatNobodySeesIsNotPublished) {
  std::string events;
  for (int hour = 0; hour < 50; hour++)
    events += "w" + std::to_string(hour) + ":x@" + std::to_string(hour * 60) + " ";
  events += "s:x@3001 s:y@3002 t:y@3061 t:x@3062";
  Protocol protocol = next_item();
  protocol.updates = parse_updates("every=1h").value();
  protocol.warmup.percent = 96.2;  // 50 of 52 groups, counted first
  const Outcomes counted = run(stream(events), protocol);
  EXPECT_EQ(counted.saves, 2 + 1) << "hours 50 and 51, and the state hash";
  protocol.warmup = {.groups = 50, .percent = 0, .events = 0};
  const Outcomes uncounted = run(stream(events), protocol);
  EXPECT_EQ(uncounted.saves, 52 + 1);
  EXPECT_EQ(counted.judged, uncounted.judged);
}

TEST(Replay, BasketsStandAtTheirFirstTimestampInOrderOfOrderId) {
  Protocol protocol = next_item(Grouping::kUser);
  protocol.task = EvalTask::kBasket;
  // Order 10 began at 2, before 9's line at 3; its late line at 5 belongs to it. Ties at 7: 11 before 12.
  const char* const events =
      "a:x#1@0 b:y#2@1 b:x#10@2 a:y#9@3 a:z#9@4 b:z#10@5 b:w#12@7 a:x#11@7 a:z#11@7 a:z#11@7";
  const Outcomes got = run(stream(events, Grouping::kUser), protocol);
  EXPECT_EQ(got.judged,
            (Lines{"b>xz:xy/x",   // before it is learned; z is unseen; b had y
                   "a>yz:zx/zy",  // a's last is x, z followed it once
                   "a>xz:xy/",    // nothing followed z; order 11 holds nothing new: no second list
                   "b>w:zx/"}));  // z followed z, x followed z; b had x, y, z: nothing left to propose  // b
                                  // had x, y, z: nothing left to propose
  const MeanScores& all = got.report.evaluation.updates[0].all;
  EXPECT_EQ(all.n(), 4u);
  EXPECT_NEAR(all.recall(), (0.5 + 0.5 + 0.5 + 0) / 4, 1e-6);
  const MeanScores& novel = got.report.evaluation.updates[0].novel;
  EXPECT_EQ(novel.n(), 3u) << "order 11 holds nothing new";
  EXPECT_NEAR(novel.recall(), (0.5 + 1 + 0) / 3, 1e-6);
  const auto& sources = got.report.evaluation.sources;
  EXPECT_NEAR(sources[1].all.recall(), (0 + 0.5 + 0 + 0) / 4, 1e-6)
      << "after x: only z; z had no follower but z, x";
  EXPECT_EQ(sources[1].novel.n(), 3u);
}

TEST(Replay, BasketsOfUnknownCustomersAreLearnedOnly) {
  Protocol protocol = next_item(Grouping::kUser);
  protocol.task = EvalTask::kBasket;
  EXPECT_TRUE(run(stream("a:x#1 a:y#2"), protocol).judged.empty()) << "a session is not a customer";
}

TEST(Replay, LastItemIsJudgedAfterEverythingElseWasLearned) {
  Protocol protocol = next_item(Grouping::kUser);
  protocol.task = EvalTask::kLastItem;
  protocol.allow_repeats = false;
  const Outcomes got = run(stream("a:x a:y a:z b:x b:y b:w c:y c:z c:x", Grouping::kUser), protocol);
  // Learned: x->y (a), x->y (b), y->z (c); counts x 2, y 3, z 1. w is unseen.
  EXPECT_EQ(got.judged, (Lines{"a>z:z", "b>w:z", "c>x:x"}));
  EXPECT_EQ(got.report.targets, 6u);
  EXPECT_NEAR(got.report.evaluation.updates[0].all.recall(), 2.0 / 3, 1e-9);
  EXPECT_EQ(got.report.evaluation.unseen, 1u);
}

TEST(Replay, SampleIsAFixedShareAndChangesNothingElse) {
  std::string events;
  for (int i = 0; i < 400; i++) events += (i ? " s:" : "s:") + std::to_string(i * i % 7);
  Protocol protocol = next_item();
  const Outcomes whole = run(stream(events), protocol);
  protocol.sample = {1, 4};
  const Outcomes part = run(stream(events), protocol);
  EXPECT_EQ(whole.judged.size(), 399u);
  EXPECT_EQ(part.report.evaluation.eligible, 399u);
  EXPECT_GT(part.judged.size(), 60u);
  EXPECT_LT(part.judged.size(), 140u);
  EXPECT_EQ(part.report.state_hash, whole.report.state_hash) << "asking must not teach";
  EXPECT_EQ(run(stream(events), protocol).judged, part.judged);
}

TEST(Replay, OtherEventsAreFoldedNotPredicted) {
  Event upsert;
  upsert.type = EventType::kItemUpsert;
  upsert.item = "x";
  Event removed;
  removed.type = EventType::kRemoveFromCart;
  removed.item = "x";
  removed.session = "s";
  EventBuffer events;
  events.add(upsert);
  events.add(removed);
  events.add(removed);
  const Outcomes got = run(std::move(events), next_item());
  EXPECT_EQ(got.report.events, 3u);
  EXPECT_EQ(got.report.targets, 0u);
  EXPECT_TRUE(got.judged.empty());
}

}  // namespace
}  // namespace freshet
