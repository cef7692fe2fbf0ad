// What of the publication goes back and when it is believed again, page by page, without a ranker; and counts
// that wait for it.
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "rank/counts_in_doubt.h"
#include "rank/publication.h"

namespace freshet {
namespace {

RankerUpdates of_event(uint32_t pages) {
  RankerUpdates out;
  out.mode = RankerUpdates::Mode::kEvent;
  out.pages = pages;
  return out;
}

// After it went back what is learned has to show itself over two windows: not pay back what it lost before.
TEST(Publication, ALearnerThatWasBadForLongIsBelievedAgainWhenItIsGood) {
  Publication publication({}, [](double) {});
  publication.configure(of_event(150));
  Offset at = 0;
  const auto pages = [&](int n, double live, double good, double learner) {
    for (int i = 0; i < n; ++i)
      publication.page({.live = live, .candidate = live, .good = good, .learner = learner, .rate = 2.3},
                       "all", {++at, static_cast<TimeMs>(at)});
  };
  pages(1000, 1, 1, 1);
  EXPECT_FALSE(publication.standing());
  EXPECT_GT(publication.good(), 0u);
  while (publication.report().rollbacks == 0 && at < 5000) {
    pages(1, 1.5, 1, 1.5);
    (void)publication.tick({at, static_cast<TimeMs>(at)});
  }
  ASSERT_LT(at, 5000);
  pages(3000, 1, 1, 1.4);
  EXPECT_TRUE(publication.standing()) << "it is worse than what is live";
  pages(2000, 1, 1, 0.99);
  EXPECT_FALSE(publication.standing());
}

TEST(Publication, WhatWentBackByHandStandsUntilTheLearnerHasShownItself) {
  Publication publication({}, [](double) {});
  publication.configure(of_event(150));
  Offset at = 0;
  const auto pages = [&](int n, double learner) {
    for (int i = 0; i < n; ++i)
      publication.page({.live = 1, .candidate = 1, .good = 1, .learner = learner, .rate = 2.3}, "all",
                       {++at, static_cast<TimeMs>(at)});
  };
  pages(1000, 1);
  ASSERT_TRUE(publication.roll_back({at, 0}).ok());
  EXPECT_TRUE(publication.standing());
  EXPECT_EQ(publication.report().notes.back().what, "rollback");
  pages(200, 1);
  EXPECT_TRUE(publication.standing());
  pages(300, 0.99);
  EXPECT_FALSE(publication.standing());
}

// What was learned of answers that taught nothing goes, though clicked pages speak for it; in another world
// the learner stays.
TEST(Publication, AfterASuspicionTheWorldIsAsBeforeOrAnother) {
  // Losses of what is live and of the learner: as before; of a world that only the learner tells; and of one
  // that is harder for good, so that the learner does not gain half of what was usual either.
  const std::array<std::array<double, 2>, 3> worlds = {{{1.8, 1.75}, {2.7, 1.75}, {2.7, 2.15}}};
  for (const auto& [live_then, learner_then] : worlds) {
    const bool another = live_then > 2;
    std::vector<double> drifts;
    Publication publication({}, [&](double drift) { drifts.push_back(drift); });
    publication.configure(of_event(150));
    Offset at = 0;
    Draw draw(5);
    const auto pages = [&](int n, double live, double learner) {
      for (int i = 0; i < n; ++i) {
        const double noise = 0.4 * (draw.uniform() - 0.5);
        publication.page({.live = live + noise,
                          .candidate = live + noise,
                          .good = live + noise,
                          .learner = learner + noise,
                          .rate = 2.3},
                         "all", {++at, static_cast<TimeMs>(at)});
      }
    };
    pages(1500, 1.8, 1.8);
    ASSERT_FALSE(publication.standing());
    pages(400, 2.7, 2.4);
    ASSERT_TRUE(publication.suspect()) << "answers teach nothing";
    pages(2000, live_then, learner_then);
    ASSERT_FALSE(publication.suspect());
    std::string trusted;
    for (const PublicationNote& note : publication.report().notes)
      if (note.what == "trusted") trusted = note.text;
    EXPECT_EQ(trusted.find("goes back") == std::string::npos, another) << trusted;
    EXPECT_EQ(drifts.back(), RankerUpdates().drift) << "what looked like a drift is over";
  }
}

TEST(CountsInDoubt, AreTakenOutAndComeBack) {
  RankMemory counts(8, 24), twin(8, 24);
  CountsInDoubt in_doubt;
  TimeMs now = 1000 * kDayMs;
  const auto add = [&](uint64_t key, bool believed) {
    now += 3 * kHourMs;
    in_doubt.add(counts, key << 58, 1, 0.5, now);
    if (believed) twin.add(key << 58, 1, 0.5, now);
  };
  const auto expect_same = [&](const char* when) {
    for (uint64_t key = 1; key < 5; ++key) {
      EXPECT_NEAR(counts.read(key << 58, now).a, twin.read(key << 58, now).a, 1e-5) << when << key;
      EXPECT_NEAR(counts.read(key << 58, now).b, twin.read(key << 58, now).b, 1e-5) << when << key;
    }
  };
  for (uint64_t n = 0; n < 20; ++n) add(1 + n % 4, true);
  in_doubt.believe(counts);
  for (uint64_t n = 0; n < 10; ++n) add(1 + n % 3, false);
  in_doubt.doubt(counts);
  expect_same("doubted ");
  add(2, false);
  in_doubt.doubt(counts);
  expect_same("and still ");
  Writer saved;
  in_doubt.save(saved);
  CountsInDoubt copy;
  Reader in(saved.bytes());
  ASSERT_TRUE(copy.load(in).ok() && in.done());
  copy.forget(counts);
  expect_same("forgotten ");
  copy.add(counts, uint64_t{3} << 58, 1, 0.5, now);
  expect_same("it waits ");
  copy.believe(counts);
  twin.add(uint64_t{3} << 58, 1, 0.5, now);
  expect_same("believed in the end ");
}

}  // namespace
}  // namespace freshet
