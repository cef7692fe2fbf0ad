// What of the ranker is live, and why: update modes, the gate, going back, and going on exactly.
#include "rank/publication.h"

#include <map>
#include <memory>
#include <set>

#include "base/hash.h"
#include "publish/delta.h"
#include "rank/testing/rank_shop.h"
#include "settings/settings.h"

namespace freshet {
namespace {

using Mode = RankerUpdates::Mode;

RankerUpdates updates(Mode mode, uint32_t pages = 60) {
  RankerUpdates out;
  out.mode = mode;
  out.pages = pages;
  out.seconds = 6 * 3600;
  return out;
}

std::set<std::string> happened(const RankShop& shop) {
  std::set<std::string> out;
  for (const PublicationNote& note : shop.ranker().publication().report().notes) out.insert(note.what);
  return out;
}

constexpr RankLearner kLearners[] = {RankLearner::kLinear, RankLearner::kDeep, RankLearner::kEnsemble};
constexpr Mode kModes[] = {Mode::kEvent, Mode::kBatch, Mode::kInterval, Mode::kNightly, Mode::kHybrid};

TEST(RankerUpdates, EachModeLearnsAndPublishesAtItsOwnPace) {
  std::map<Mode, uint64_t> published;
  for (const Mode mode : kModes) {
    RankShop shop;
    shop.ranker().choose(RankLearner::kLinear);  // Of less to publish: more often.
    shop.configure(updates(mode, 10));
    for (int n = 0; n < 1200; ++n) shop.visit(n, true);
    EXPECT_GT(shop.quality(), 0.9) << update_mode_name(mode);
    const PublicationReport report = shop.ranker().publication().report();
    published[mode] = report.published;
    EXPECT_LE(report.rollbacks, 8u) << update_mode_name(mode);
    EXPECT_GT(report.published, 0u) << update_mode_name(mode);
    EXPECT_EQ(happened(shop).contains("replay"), mode == Mode::kHybrid);
  }
  EXPECT_GT(published[Mode::kBatch], published[Mode::kNightly]);
  EXPECT_GT(published[Mode::kInterval], published[Mode::kNightly]);
}

// The pass over the reservoir adds to what is known: without it the same lessons leave more doubt. Nothing of
// a share of nothing.
TEST(RankerUpdates, LeadingBackMakesNothingLessCertain) {
  const auto doubt_with = [](Mode mode, double replay) {
    RankShop shop;
    RankerUpdates setting = updates(mode, 10);
    setting.replay = replay;
    setting.adapt = false;
    shop.configure(setting);
    for (int n = 0; n < 400; ++n) shop.visit(n, true);
    shop.configure(updates(Mode::kEvent));
    double sum = 0;
    for (const RankVerdict& one : shop.ask("u1")) sum += one.deviation / RankShop::kItems;
    return sum;
  };
  const double batch = doubt_with(Mode::kBatch, 0);
  EXPECT_NEAR(doubt_with(Mode::kHybrid, 0), batch, 0.02 * batch);
  EXPECT_LT(doubt_with(Mode::kHybrid, 0.25), 0.97 * batch);
  EXPECT_LT(doubt_with(Mode::kHybrid, 1), 0.9 * batch);
}

TEST(RankerUpdates, NothingIsLiveBeforeItIsPublished) {
  RankShop shop;
  shop.configure(updates(Mode::kNightly));
  for (int n = 0; n < 300; ++n) shop.visit(n, true);
  const std::string live = saved(shop.ranker());
  const auto words = [&] { return shop.ranker().serving_error().greatest; };
  EXPECT_GT(words(), 0.05) << "what is trained is ahead of what is live";
  shop.configure(updates(Mode::kEvent));
  EXPECT_LT(words(), 1e-3) << "with every lesson";
  for (int n = 300; n < 310; ++n) shop.visit(n, true);
  EXPECT_LT(words(), 1e-3);
}

// A candidate that is a little worse, too little for a proof, makes room for the next; what is live has its
// loss told without a gate as well.
TEST(RankerUpdates, SayWhatWasLeftUndecidedAndHowGoodLiveIs) {
  for (const bool gate : {true, false}) {
    Publication publication({}, [](double) {});
    RankerUpdates setting = updates(Mode::kBatch, 50);
    setting.gate = gate;
    setting.adapt = false;
    publication.configure(setting);
    for (Offset at = 1; at <= 1000; ++at) {
      publication.tick({.at = at});
      publication.page({.live = 0.3, .candidate = 0.301, .good = 0.3, .learner = 0.3, .rate = 0.5}, "for-you",
                       {.at = at});
    }
    publication.tick({.at = 1001});
    const PublicationReport report = publication.report();
    EXPECT_EQ(report.discarded, gate ? 5u : 0u);
    EXPECT_EQ(report.published, gate ? 0u : 21u);
    EXPECT_NEAR(report.recent_loss, 0.3, 1e-9);
    Writer out;
    publication.save(out);
    Publication other({}, [](double) {});
    Reader in(out.bytes());
    ASSERT_TRUE(other.load(in).ok() && in.done());
    EXPECT_EQ(other.report().discarded, report.discarded);
  }
}

// Clicks of programs at random places, for 150 pages; what is live is looked at after every fifth.
double least_quality(Mode mode, bool gate, RankLearner learner, double& before, double& after,
                     std::set<std::string>& what) {
  RankShop shop;
  shop.ranker().choose(learner);
  RankerUpdates setting = updates(mode);
  setting.gate = gate;
  setting.pages = 100;
  shop.configure(setting);
  int n = 0;
  for (; n < 1500; ++n) shop.visit(n, true);
  before = shop.quality();
  double least = before;
  for (const int end = n + 400; n < end; ++n) {
    shop.visit(n, true, true);
    if (n % 5 == 0) least = std::min(least, shop.quality());
  }
  for (const int end = n + 400; n < end; ++n) {
    shop.visit(n, true);
    if (n % 5 == 0) least = std::min(least, shop.quality());
  }
  after = shop.quality();
  what = happened(shop);
  return least;
}

// What stands still is as it was when the doubt began: nothing of what came since.
TEST(RankerSafety, WhatStandsStillIsOfBeforeTheDoubt) {
  for (const RankLearner learner : kLearners) {
    RankShop shop;
    shop.ranker().choose(learner);
    shop.configure(updates(Mode::kEvent, 100));
    const auto lifts = [&] {
      std::vector<double> out;
      for (const RankVerdict& one : shop.ask("u1")) out.push_back(one.lift);
      return out;
    };
    int n = 0;
    std::vector<std::vector<double>> before;
    for (; n < 1500; ++n) {
      if (n > 1450) before.push_back(lifts());
      shop.visit(n, true);
    }
    const int honest = n;
    std::vector<double> last;
    while (!shop.ranker().publication().standing() && n < honest + 400) {
      last = lifts();
      shop.visit(n++, true, true);
    }
    ASSERT_LT(n, honest + 400) << rank_learner_name(learner);
    const auto apart = [&](const std::vector<double>& now) {
      double least = HUGE_VAL;
      for (const std::vector<double>& one : before) {
        double sum = 0;
        for (size_t i = 0; i < now.size(); ++i) sum += std::fabs(now[i] - one[i]);
        least = std::min(least, sum);
      }
      return least;
    };
    EXPECT_LT(apart(lifts()), 0.35 * apart(last))
        << rank_learner_name(learner) << ": it held at " << n - honest;
    for (const int end = n + 10; n < end; ++n) shop.visit(n, true, true);
    EXPECT_LT(apart(lifts()), 0.35 * apart(last));
    // And a restart goes on in the same way.
    RankShop other;
    other.load(saved(shop.ranker()));
    EXPECT_EQ(saved(other.ranker()), saved(shop.ranker()));
  }
}

TEST(RankerSafety, PoisonedClicksDoNotReachWhatIsLive) {
  for (const RankLearner learner : kLearners)
    for (const Mode mode : {Mode::kEvent, Mode::kBatch, Mode::kHybrid}) {
      SCOPED_TRACE(std::string(rank_learner_name(learner)) + " " + std::string(update_mode_name(mode)));
      double before = 0, after = 0;
      std::set<std::string> what;
      const double guarded = least_quality(mode, true, learner, before, after, what);
      EXPECT_GT(before, 0.9);
      EXPECT_GE(guarded, 0.99 * before);
      EXPECT_GE(after, 0.99 * before);
      EXPECT_TRUE(what.contains("suspect") || what.contains("rollback") || what.contains("worse"));
      const double open = least_quality(mode, false, learner, before, after, what);
      EXPECT_LT(open, 0.7 * before) << "the poison is one";
    }
}

TEST(RankerSafety, ABadConfigurationDoesNotReachWhatIsLive) {
  for (const Mode mode : {Mode::kEvent, Mode::kBatch}) {
    RankShop shop;
    shop.configure(updates(mode, 100));
    int n = 0;
    for (; n < 1500; ++n) shop.visit(n, true);
    const double before = shop.quality();
    RankerUpdates bad = updates(mode, 100);
    bad.drift = 0.1;
    shop.configure(bad);
    double least = before;
    for (; n < 2500; ++n) {
      shop.visit(n, true);
      if (n % 5 == 0) least = std::min(least, shop.quality());
    }
    EXPECT_GE(least, 0.99 * before) << update_mode_name(mode);
  }
}

TEST(RankerUpdates, GoOnAsIfNothingHadHappened) {
  for (const Mode mode : kModes) {
    const auto visit = [&](RankShop& shop, int n) {
      if (n == 30) shop.ranker().choose(RankLearner::kEnsemble);
      if (n == 90) shop.configure(updates(Mode::kBatch, 20));
      if (n == 250) shop.ranker().choose(RankLearner::kDeep);
      if (n == 150) shop.configure(updates(mode, 15));
      shop.visit(n, true, n > 200 && n < 240);
    };
    RankShop whole, parts;
    whole.configure(updates(mode, 15));
    parts.configure(updates(mode, 15));
    for (int n = 0; n < 300; ++n) {
      visit(whole, n);
      visit(parts, n);
      if (mix64(static_cast<uint64_t>(n), 3) % 13 == 0) {
        parts.load(saved(parts.ranker()));
        ASSERT_EQ(saved(parts.ranker()), saved(whole.ranker())) << update_mode_name(mode) << " " << n;
      }
    }
    ASSERT_EQ(saved(parts.ranker()), saved(whole.ranker())) << update_mode_name(mode);
  }
}

// Versions are kept while it learns; one travels as a frame, and through the log in pieces.
TEST(RankVersions, TravelThroughFramesAndTheLogWhole) {
  RankShop shop;
  shop.ranker().choose(RankLearner::kEnsemble);
  shop.configure(updates(Mode::kEvent, 30));
  std::vector<RankVersion> kept;
  shop.ranker().on_version([&](RankVersion version) { kept.push_back(std::move(version)); });
  int n = 0;
  for (; n < 800; ++n) shop.visit(n, true);
  ASSERT_GT(kept.size(), 3u);
  const double before = shop.quality();
  EXPECT_GT(before, 0.9);
  const RankVersion& version = kept.back();
  const auto frame = version_frame(version);
  ASSERT_TRUE(frame.ok());
  const auto parts = parts_of(*frame);
  ASSERT_TRUE(parts.ok()) << parts.error().what;
  ASSERT_EQ(parts->size(), version.parts.size());
  for (size_t i = 0; i < parts->size(); ++i) EXPECT_EQ((*parts)[i].words, version.parts[i].words);
  EXPECT_TRUE(shop.ranker().check(*parts).ok());
  EXPECT_EQ(weights_apart(*parts, version.parts).greatest, 0);
  EXPECT_GT(weights_apart(*parts, kept[0].parts).greatest, 0.01);
  for (size_t at = 0; at < frame->size(); at += 1009) {  // A frame that was changed anywhere is refused.
    std::string wrong = *frame;
    wrong[at] = static_cast<char>(wrong[at] ^ 4);
    EXPECT_FALSE(parts_of(wrong).ok()) << at;
  }

  // Few bytes may name very many words: of other sizes than the ranker's nothing is made.
  const std::vector<PartShape> shape = shop.ranker().shape();
  EXPECT_TRUE(parts_of(*frame, shape).ok());
  EXPECT_TRUE(read_bundle(bundle_of(*parts), shape).ok());
  for (const size_t words : {size_t{1} << 26, size_t{1} << 20}) {
    std::vector<VersionPart> large;
    for (int i = 0; i < 6; ++i) large.push_back({"t" + std::to_string(i), {}});
    std::vector<ImageTable> tables;
    Writer bundle;
    bundle.varint(6);
    for (const VersionPart& part : large) {
      tables.push_back({.name = part.name + ":" + std::to_string(words), .dim = 8, .step = 1});
      bundle.str(part.name);
      bundle.varint(words);
      bundle.varint(0);
    }
    const auto image = Image::make(tables);
    ASSERT_TRUE(image.ok());
    const std::string bomb = encode_full({.model = hash_bytes(kRankModel), .base = 1}, **image);
    EXPECT_FALSE(parts_of(bomb, shape).ok());
    EXPECT_FALSE(read_bundle(bundle.bytes(), shape).ok());
    EXPECT_EQ(parts_of(bomb).ok(), words < size_t{1} << 26);
    EXPECT_EQ(read_bundle(bundle.bytes()).ok(), words < size_t{1} << 26);
  }

  RankerUpdates open = updates(Mode::kEvent, 30);
  open.gate = false;
  shop.configure(open);
  for (const int end = n + 300; n < end; ++n) shop.visit(n, true, true);
  ASSERT_LT(shop.quality(), 0.8 * before);
  const std::vector<Event> events = promote_events(bundle_of(*parts), "version 7", "boss", 1500);
  ASSERT_GT(events.size(), 4u);
  const double poisoned = shop.quality();
  for (size_t missing = 0; missing + 1 < events.size(); ++missing) {  // Any piece of it.
    for (size_t i = 0; i < events.size(); ++i)
      if (i != missing) shop.apply(events[i]);
    EXPECT_EQ(shop.quality(), poisoned) << "a version of which something is missing is not applied";
  }
  std::vector<Event> changed = events;
  changed[2].value[10] = changed[2].value[10] == '1' ? '2' : '1';
  for (const Event& event : changed) shop.apply(event);
  EXPECT_EQ(shop.quality(), poisoned) << "nor one that was changed";
  for (size_t i = 0; i < events.size(); ++i) {
    if (i == 2) shop.load(saved(shop.ranker()));  // A restart in the middle of it.
    shop.apply(events[i]);
  }
  EXPECT_GE(shop.quality(), 0.99 * before);
  EXPECT_TRUE(happened(shop).contains("promote"));

  // The last good version needs nothing but the word.
  shop.configure(updates(Mode::kEvent, 30));
  for (const int end = n + 60; n < end; ++n) shop.visit(n, true);
  shop.apply(settings_event("model-rollback", "", "boss"));
  EXPECT_TRUE(happened(shop).contains("rollback"));
  EXPECT_EQ(shop.ranker().publication().report().live, shop.ranker().publication().report().good);
}

TEST(RankerChallenger, IsProvedBetterOrWorseAndTakesThePlaceWhenItMay) {
  RankShop shop;
  RankerChallenger slow;
  slow.name = "slow";
  slow.learner = RankLearner::kLinear;
  slow.prior = 0.01;
  shop.ranker().challenge({slow});
  int n = 0;
  for (; n < 900; ++n) shop.visit(n, true);
  const auto now = [&] {
    const EpochGuard guard;
    return shop.ranker().parameters().challengers.at(0);
  };
  EXPECT_TRUE(now().worse) << now().log_wealth_worse;
  EXPECT_FALSE(now().better);
  EXPECT_LT(now().difference, 0);
  EXPECT_GT(now().pages, 300u);

  RankShop timid;  // That learns slowly itself: the usual pace is better.
  RankerChallenger usual;
  usual.name = "usual";
  usual.learner = RankLearner::kLinear;
  usual.prior = 0.01;
  timid.ranker().challenge({usual});
  timid.apply(settings_event("model-challenger", "other", ""));
  {
    const EpochGuard guard;
    EXPECT_EQ(timid.ranker().parameters().prior, 1) << "there is no challenger of that name";
  }
  timid.apply(settings_event("model-challenger", "usual", ""));
  usual.prior = 1;
  usual.promote = true;
  timid.ranker().challenge({usual});
  {
    const EpochGuard guard;
    EXPECT_EQ(timid.ranker().parameters().prior, 0.01);
  }
  for (n = 0; n < 1500; ++n) timid.visit(n, true);
  const EpochGuard guard;
  EXPECT_EQ(timid.ranker().parameters().prior, 1) << "it took the place by itself";
  EXPECT_EQ(timid.ranker().parameters().promoted, "usual");
  EXPECT_TRUE(timid.ranker().parameters().challengers.empty());
  EXPECT_TRUE(happened(timid).contains("promote"));
  EXPECT_GT(timid.quality(), 0.85);
}

// Beside a linear learner that learns slowly.
TEST(RankerChallenger, MayBeAnotherLearner) {
  RankShop shop;
  RankerChallenger one;
  one.name = "slow";
  one.learner = RankLearner::kLinear;
  one.prior = 0.01;
  shop.ranker().challenge({one});
  shop.apply(settings_event("model-challenger", "slow", ""));
  one.name = "deep beside it";
  one.learner = RankLearner::kEnsemble;
  one.promote = true;
  shop.ranker().challenge({one});
  for (int n = 0; n < 40; ++n) shop.visit(n, true);
  for (const RankVerdict& verdict : shop.ask("u1")) EXPECT_EQ(verdict.parts[kDeepPart], 0) << "in the shadow";
  for (int n = 40; n < 1500; ++n) shop.visit(n, true);
  const EpochGuard guard;
  EXPECT_EQ(shop.ranker().parameters().learner, RankLearner::kEnsemble) << "it took the place by itself";
  EXPECT_TRUE(happened(shop).contains("promote"));
  EXPECT_GT(shop.quality(), 0.85);
}

// What is live is as old as the schedule says, what learns beside it is not.
TEST(RankerChallenger, TheSameConfigurationIsNotBetterThanItselfWhateverTheSchedule) {
  for (const Mode mode : {Mode::kEvent, Mode::kBatch, Mode::kInterval, Mode::kNightly}) {
    SCOPED_TRACE(update_mode_name(mode));
    RankShop shop;
    shop.configure(updates(mode, 50));
    shop.ranker().challenge({{.name = "same", .promote = true}});
    for (int n = 0; n < 900; ++n) shop.visit(n, true);
    const EpochGuard guard;
    ASSERT_EQ(shop.ranker().parameters().challengers.size(), 1u) << "it took the place";
    EXPECT_FALSE(shop.ranker().parameters().challengers[0].better);
    EXPECT_GT(shop.ranker().parameters().challengers[0].pages, 300u);
  }
}

TEST(RankerChallenger, SeveralAreComparedAndTheBestTakesThePlace) {
  RankShop shop;
  constexpr auto kLinear = RankLearner::kLinear;
  const RankerChallenger timid{.name = "timid", .learner = kLinear, .prior = 0.01};
  RankerChallenger usual{.name = "usual", .learner = kLinear, .promote = true};
  RankerChallenger slower{.name = "slower", .learner = kLinear, .prior = 0.005};
  shop.ranker().challenge({timid});
  shop.apply(settings_event("model-challenger", "timid", ""));  // What is live learns slowly.
  shop.ranker().challenge({timid, usual, slower});
  const auto names = [&] {
    const EpochGuard guard;
    std::string out = shop.ranker().parameters().promoted + ":";
    for (const ChallengerReport& one : shop.ranker().parameters().challengers) out += " " + one.of.name;
    return out;
  };
  EXPECT_EQ(names(), "timid: usual slower");
  int n = 0;
  for (; n < 1500 && names() == "timid: usual slower"; ++n) {
    shop.visit(n, true);
    const EpochGuard guard;
    for (const ChallengerReport& one : shop.ranker().parameters().challengers)
      ASSERT_NEAR(one.log_wealth_needed, std::log(2 / Challenger::kAlpha), 1e-12) << "shared by two";
  }
  EXPECT_EQ(names(), "usual: timid slower") << "who had the place challenges again";
  {
    const EpochGuard guard;
    for (const ChallengerReport& one : shop.ranker().parameters().challengers)
      EXPECT_LE(one.pages, 1u) << "the rest of a visit";
  }
  for (const int end = n + 900; n < end; ++n) shop.visit(n, true);
  EXPECT_EQ(names(), "usual: timid slower");
  const auto pages = [&] {
    const EpochGuard guard;
    return shop.ranker().parameters().challengers.at(0).pages;
  };
  EXPECT_GT(pages(), 300u);
  // Who is named as before goes on; who is named otherwise begins.
  const uint64_t before = pages();
  slower.prior = 0.02;
  shop.ranker().challenge({usual, timid, slower});
  EXPECT_EQ(pages(), before);
  {
    const EpochGuard guard;
    EXPECT_EQ(shop.ranker().parameters().challengers.at(1).pages, 0u);
  }
  // Who is asked is another one: a comparison with who was is over.
  shop.ranker().choose(RankLearner::kLinear, 3);
  EXPECT_EQ(pages(), 0u);
  usual.prior = 2;
  shop.ranker().challenge({usual, timid});
  EXPECT_EQ(names(), ": usual timid") << "it is another one now";
}

// Files of before there could be several.
TEST(RankerChallenger, OneIsReadFromAnOlderFile) {
  const GaussWeights::Config config{.bits = 10};
  const GaussWeights from(config);
  const RankerChallenger bold{.name = "bold", .learner = RankLearner::kDeep, .prior = 2, .promote = true};
  Challengers now;
  now.name({bold}, config, from);
  for (int n = 0; n < 40; ++n) now.begin()->page(1.0, 0.9);
  Writer of;
  now.begin()->save(of);
  const std::string section = of.take();
  const std::string older = section.substr(0, section.size() - 16);  // Without the most wealth.
  Reader in(older);
  Challengers read;
  ASSERT_TRUE(read.load_one(in, config, {bold}).ok());
  EXPECT_EQ(in.remaining(), 0u);
  Writer a, b;
  now.save(a);
  read.save(b);
  EXPECT_EQ(a.take(), b.take());
  EXPECT_EQ(read.promoted(), "");

  Writer none;
  none.str("");
  const std::string empty = none.take();
  Reader of_none(empty);
  ASSERT_TRUE(read.load_one(of_none, config, {bold}).ok());
  EXPECT_EQ(read.promoted(), "bold") << "it is named and does not learn";
  EXPECT_FALSE(read.any());
}

// A challenger that learns fast would foretell the clicks of a program sooner than what is live.
TEST(RankerChallenger, PoisonDoesNotPromoteIt) {
  RankShop shop;
  int n = 0;
  for (; n < 1500; ++n) shop.visit(n, true);
  const double before = shop.quality();
  RankerChallenger fast;
  fast.name = "fast";
  fast.prior = 20;
  fast.caution = 0.3;
  fast.promote = true;
  shop.ranker().challenge({fast});
  double least = before;
  for (const int end = n + 400; n < end; ++n) {
    shop.visit(n, true, true);
    if (n % 5 == 0) least = std::min(least, shop.quality());
  }
  EXPECT_GE(least, 0.99 * before);
  EXPECT_FALSE(happened(shop).contains("promote"));
}

TEST(RankerChallenger, GoesOnAsIfNothingHadHappened) {
  RankerChallenger bold;
  bold.name = "bold";
  bold.prior = 3;
  bold.caution = 1;
  bold.learner = RankLearner::kEnsemble;
  RankShop whole, parts;
  const RankerChallenger other{.name = "other", .caution = 2};
  whole.ranker().challenge({bold, other});
  parts.ranker().challenge({bold, other});
  for (int n = 0; n < 200; ++n) {
    whole.visit(n, true);
    parts.visit(n, true);
    if (n == 120) {
      whole.apply(settings_event("model-challenger", "bold", ""));
      parts.apply(settings_event("model-challenger", "bold", ""));
    }
    if (n % 37 == 5) parts.load(saved(parts.ranker()));
    ASSERT_EQ(saved(parts.ranker()), saved(whole.ranker())) << n;
  }
}

}  // namespace
}  // namespace freshet
