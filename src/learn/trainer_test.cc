#include "learn/trainer.h"

#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

// Rows whose label depends on a number and a category; "known" is three rows after "at".
std::vector<std::string> lines(size_t count) {
  std::vector<std::string> out{"at,known,size,shop,label"};
  for (size_t n = 0; n < count; ++n) {
    Draw draw(n);
    const double size = draw.uniform();
    const uint64_t shop = draw.below(12);
    const bool yes = draw.uniform() < (size > 0.5 ? 0.8 : 0.1) + (shop % 3 == 0 ? 0.15 : 0);
    out.push_back(std::to_string(n) + "," + std::to_string(n + 3) + "," +
                  (n % 17 == 0 ? "" : std::to_string(size)) + ",s" + std::to_string(shop) + "," +
                  (yes ? "1" : "0"));
  }
  return out;
}

TrainerConfig config_of(const std::string& learner) {
  TrainerConfig config;
  config.encoder.time = "at";
  config.encoder.label_at = "known";
  config.encoder.bits = 14;
  config.learner = learner;
  return config;
}

struct Outcome {
  std::string state;
  double log_loss;
};

// Runs the stream; stopped, saved and resumed after `stop` rows when that is not 0.
Outcome run(const std::string& learner, size_t count, size_t stop) {
  const TrainerConfig config = config_of(learner);
  auto reader = std::make_unique<RowReader>(RowFormat::kCsv);
  auto trainer = std::make_unique<Trainer>(config);
  std::vector<Row> rows;
  Row row;
  for (const std::string& line : lines(count))
    if (*reader->read(line, row)) rows.push_back(row);
  EXPECT_TRUE(trainer->start(*reader, std::span(rows).first(100)).ok());
  for (size_t n = 0; n < rows.size(); ++n) {
    double score = 0;
    EXPECT_TRUE(trainer->step(rows[n], &score).ok());
    if (n + 1 != stop) continue;
    const std::string saved = trainer->save(*reader);
    reader = std::make_unique<RowReader>(RowFormat::kAuto);
    trainer = std::make_unique<Trainer>(config);
    EXPECT_TRUE(trainer->load(saved, *reader).ok());
    EXPECT_TRUE(trainer->start(*reader, {}).ok());
  }
  return {trainer->save(*reader), trainer->judged().log_loss()};
}

TEST(Trainer, EveryLearnerLearnsAndResumesToTheSameBytes) {
  for (const LearnerEntry& entry : learners()) {
    const std::string name(entry.name);
    const Outcome whole = run(name, 3000, 0);
    EXPECT_EQ(whole.state, run(name, 3000, 1234).state) << name;
    const double most = name == "factor" ? 0.70 : name == "gauss" ? 0.52 : 0.50;  // 0.69: knows nothing
    EXPECT_LT(whole.log_loss, most) << name;
  }
}

TEST(Trainer, RefusesAModelWithAFlippedBit) {
  const Outcome whole = run("ftrl", 200, 0);
  for (size_t at = 0; at < whole.state.size(); at += 97) {
    std::string bytes = whole.state;
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    RowReader reader(RowFormat::kAuto);
    Trainer trainer(config_of("ftrl"));
    EXPECT_FALSE(trainer.load(bytes, reader).ok()) << at;
  }
}

TEST(Trainer, SaysThatAModelIsOlder) {
  std::string bytes = run("ftrl", 200, 0).state;
  bytes.resize(bytes.size() - 8);
  for (const char version : {'5', '8', ':'}) {
    bytes[3] = version;
    Writer sum;
    sum.u64(hash_bytes(bytes));
    RowReader reader(RowFormat::kAuto);
    Trainer trainer(config_of("ftrl"));
    const Status loaded = trainer.load(bytes + sum.take(), reader);
    ASSERT_FALSE(loaded.ok());
    const std::string older =
        std::string("(FRL") + version + "; this one writes FRL9): learn it again from its rows";
    EXPECT_EQ(loaded.error().what.find(older) != std::string::npos, version < '9') << loaded.error().what;
  }
}

// Rows of one number and a label, through a learner.
struct Ran {
  Status started;
  std::string labels;
  uint64_t n = 0, bad = 0;
  double log_loss = 0;
  std::string state;
};
Ran run_rows(const std::vector<std::string>& lines, TrainerConfig config = {},
             std::function<void(const Sample&)> learned = {}) {
  Ran out;
  RowReader reader(RowFormat::kCsv);
  config.encoder.bits = 12;
  Trainer trainer(config);
  trainer.on_learned(std::move(learned));
  std::vector<Row> rows;
  Row row;
  for (const std::string& line : lines)
    if (const auto read = reader.read(line, row); read.ok() && *read) rows.push_back(row);
  out.started = trainer.start(reader, std::span(rows).first(std::min<size_t>(rows.size(), 100)));
  if (!out.started.ok()) return out;
  out.labels = trainer.labels().describe();
  for (const Row& each : rows) {
    double score = 0;
    out.bad += trainer.step(each, &score).ok() ? 0 : 1;
    EXPECT_TRUE(std::isfinite(score));
  }
  out.n = trainer.judged().n();
  out.log_loss = trainer.judged().log_loss();
  out.state = trainer.save(reader);
  return out;
}

TEST(Trainer, LabelsOfAnyTwoValues) {
  struct Case {
    std::vector<std::string> labels;
    const char* positive;
    const char* want;  // describe(), or the error's beginning.
    uint64_t n;
  };
  const Case cases[] = {
      {{"0", "1"}, "", "", 40},
      {{"-1", "+1"}, "", "", 40},
      {{"0.0", "1.00"}, "", "", 40},
      {{"No", "Yes"}, "", "", 40},
      {{"1", "2"}, "", "'2' is 1, '1' is 0", 40},
      {{"10", "9"}, "", "'10' is 1, '9' is 0", 40},
      {{"good", "bad"}, "", "'good' is 1, 'bad' is 0", 40},
      {{"good", "bad"}, "bad", "'bad' is 1, 'good' is 0", 40},
      {{"a", "b", "c"}, "b", "'b' is 1, all else is 0", 40},
      {{"a", "b", "c"}, "", "--label label: expected two values such as 0 and 1, got 'a', 'b', 'c'", 0},
      {{"a", "b"}, "x", "'x' is 1, all else is 0", 40},  // It may be rare.
      {{"0", "1"}, "x", "--positive x: the first rows have the labels '0', '1'", 0},
      {{"0"}, "1", "'1' is 1, all else is 0", 40},
      {{"", "NA"}, "x", "'x' is 1, all else is 0", 0},
      {{"only"}, "", "--label label: expected two values", 0},
      {{"0", "1", "0", "1", "0", "1", "0", "1", "0", "1", "x"}, "", "", 37},  // Three of forty are bad.
      {{"", "NA"}, "", "", 0},
  };
  for (const Case& c : cases) {
    std::vector<std::string> lines{"x,label"};
    for (size_t i = 0; i < 40; ++i) lines.push_back(std::to_string(i) + "," + c.labels[i % c.labels.size()]);
    TrainerConfig config;
    config.learner = "ftrl";
    config.positive = c.positive;
    const Ran ran = run_rows(lines, config);
    const std::string got = ran.started.ok() ? ran.labels : ran.started.error().what;
    EXPECT_EQ(got.substr(0, std::string(c.want).size()), c.want) << c.labels[0];
    EXPECT_EQ(ran.n, c.n) << c.labels[0];
  }
}

TEST(Trainer, OddRowsNeitherStopNorSpoilIt) {
  const std::pair<const char*, std::function<std::string(uint64_t)>> kinds[] = {
      {"no other column", [](uint64_t) { return std::string(); }},
      {"all missing", [](uint64_t) { return std::string(","); }},
      {"mad numbers",
       [](uint64_t i) { return std::string(i % 3 == 0 ? "1e300" : "-1e308") + "," + std::to_string(i); }},
      {"one value", [](uint64_t) { return std::string("7,x"); }},
      {"always another value",
       [](uint64_t i) { return std::to_string(i) + ",v" + std::to_string(mix64(i)); }},
  };
  for (const auto& [name, cells] : kinds) {
    std::vector<std::string> lines{cells(0).empty() ? "label" : "x,y,label"};
    for (uint64_t i = 0; i < 300; ++i) {
      const std::string row = cells(i);
      lines.push_back(row + (row.empty() ? "" : ",") + (Draw(i).below(2) == 0 ? "0" : "1"));
    }
    const Ran ran = run_rows(lines);
    ASSERT_TRUE(ran.started.ok()) << name;
    EXPECT_EQ(ran.n, 300u) << name;
    EXPECT_LT(ran.log_loss, 0.8) << name;
  }
  std::vector<std::string> wide{"label"};
  for (int c = 0; c < 600; ++c) wide[0] += ",c" + std::to_string(c);
  for (uint64_t i = 0; i < 30; ++i) {
    Draw draw(i);
    wide.push_back(i % 2 == 0 ? "0" : "1");
    for (int c = 0; c < 600; ++c) wide.back() += "," + std::to_string(draw.uniform());
  }
  EXPECT_EQ(run_rows(wide).n, 30u);
}

// A number beyond all measure is as good as none: nothing that is learned differs.
TEST(Trainer, MadNumbersAreMissingOnes) {
  const auto with = [](const std::string& mad) {
    std::vector<std::string> lines{"x,y,label"};
    for (uint64_t i = 0; i < 1500; ++i) {
      Draw draw(i);
      const double x = draw.uniform();
      const bool spoiled = i > 500 && i % 7 == 0;
      lines.push_back((spoiled ? mad : std::to_string(x)) + "," + std::to_string(draw.uniform()) + "," +
                      (draw.uniform() < x ? "1" : "0"));
    }
    TrainerConfig config;
    config.learner = "dcn";
    return run_rows(lines, config);
  };
  const Ran missing = with("nan");
  for (const char* mad : {"1e30", "-1e30", "1e300", "inf"}) EXPECT_EQ(with(mad).state, missing.state) << mad;
  EXPECT_NEAR(with("1e12").log_loss, missing.log_loss,
              0.01);  // Seen by the scale, slowly; not by the learner.
}

// A number that wanders tells of itself even where it is missing: such a row is foretold by where it was
// last, and its neighbours nearly as well as if it had been there (half of the rows have none here; .693:
// nothing known).
// Sparse values (libsvm) in any unit, for learners of features and for those of keys; one that is always 1 is
// what it was.
TEST(Trainer, SparseValuesOfAnyUnitAreLearned) {
  const auto loss_of = [](const std::string& learner, double unit) {
    TrainerConfig config;
    config.learner = learner;
    config.encoder.bits = 12;
    RowReader reader(RowFormat::kLibsvm);
    Trainer trainer(config);
    std::vector<Row> rows;
    for (uint64_t i = 0; i < 4000; ++i) {
      Draw draw(i);
      const double a = 2 * draw.uniform() - 1;
      const double b = 2 * draw.uniform() - 1;
      const bool yes = draw.uniform() < 1 / (1 + std::exp(-4 * a + 3 * b));
      char line[80];
      std::snprintf(line, sizeof line, "%d 1:%.6g 2:%.6g 3:1", yes ? 1 : 0, a * unit, b * unit);
      EXPECT_TRUE(*reader.read(line, rows.emplace_back()));
    }
    EXPECT_TRUE(trainer.start(reader, std::span(rows).first(100)).ok());
    for (const Row& each : rows) {
      double score = 0;
      EXPECT_TRUE(trainer.step(each, &score).ok());
    }
    return trainer.judged().log_loss();
  };
  for (const char* const learner : {"ftrl", "dcn"}) {
    const double plain = loss_of(learner, 1);
    EXPECT_LT(plain, 0.52) << learner;  // 0.69 knows nothing.
    for (const double unit : {1e-3, 1e5})
      EXPECT_NEAR(loss_of(learner, unit), plain, 0.002) << learner << unit;
  }
}

// The label is 3 x + noise of a tenth, in any unit; some rows say something mad.
double loss_of_labels(double unit, double origin, const std::function<bool(uint64_t)>& mad,
                      const std::function<bool(uint64_t)>& judged) {
  TrainerConfig config;
  config.learner = "gauss";
  config.encoder.task = Task::kRegression;
  config.encoder.bits = 12;
  RowReader reader(RowFormat::kCsv);
  Trainer trainer(config);
  Row row;
  std::vector<Row> rows;
  std::vector<double> labels;
  EXPECT_FALSE(*reader.read("x,label", row));
  for (uint64_t i = 0; i < 6000; ++i) {
    Draw draw(i);
    const double x = draw.uniform();
    const double noise = draw.uniform() - 0.5;
    labels.push_back(mad(i) ? origin + unit * (1e6 + 1e6 * x) : origin + unit * (3 * x + 0.4 * noise));
    char line[80];
    std::snprintf(line, sizeof line, "%.6f,%.17g", x, labels.back());
    EXPECT_TRUE(*reader.read(line, row));
    rows.push_back(row);
  }
  EXPECT_TRUE(trainer.start(reader, std::span(rows).first(100)).ok());
  double sum = 0;
  double n = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    double score = 0;
    EXPECT_TRUE(trainer.step(rows[i], &score).ok());
    if (!judged(i)) continue;
    sum += std::pow((score - labels[i]) / unit, 2);
    ++n;
  }
  return std::sqrt(sum / n);
}

TEST(Trainer, LabelsOfAnyUnitAreLearned) {
  const auto none = [](uint64_t) { return false; };
  const auto later = [](uint64_t i) { return i >= 2000; };
  const double plain = loss_of_labels(1, 0, none, later);
  EXPECT_LT(plain, 0.15);  // The noise is .115, the labels' spread .87.
  EXPECT_NEAR(loss_of_labels(1e-8, 0, none, later), plain, 0.005);
  EXPECT_NEAR(loss_of_labels(1e12, 0, none, later), plain, 0.005);
  EXPECT_NEAR(loss_of_labels(1, 1e7, none, later), plain, 0.005);
  EXPECT_NEAR(loss_of_labels(115, 1e9, none, later), plain, 0.005);
}

TEST(Trainer, AMadLabelCostsItself) {
  const auto later = [](uint64_t i) { return i >= 2000 && i % 1000 != 500; };
  const double plain = loss_of_labels(
      1, 0, [](uint64_t) { return false; }, later);
  EXPECT_LT(loss_of_labels(
                1, 0, [](uint64_t i) { return i % 1000 == 500; }, later),
            plain + 0.03);
  // Another unit from row 2,000 on: the labels' spread is 290,000.
  const auto unit = [](uint64_t i) { return i >= 2000; };
  EXPECT_LT(loss_of_labels(1, 0, unit, [](uint64_t i) { return i >= 4000; }), 60000);
}

// Labels are known 1,000 rows later; the concept turns over at row 2,000. What is not known changes nothing.
Ran run_turning(TrainerConfig config, uint64_t flipped_from, std::vector<uint64_t>* drifts = nullptr,
                std::vector<double>* scores = nullptr) {
  config.learner = "ftrl";
  config.encoder.bits = 12;
  config.encoder.time = "t";
  config.encoder.label_at = "at";
  RowReader reader(RowFormat::kCsv);
  Trainer trainer(config);
  std::vector<Row> rows;
  Row row;
  EXPECT_FALSE(*reader.read("t,at,x,label", row));
  for (uint64_t i = 0; i < 4000; ++i) {
    const double x = Draw(i).uniform();
    const bool yes = (x > 0.5) != (i >= flipped_from);
    const std::string line = std::to_string(i) + "," + (i % 10 == 9 ? "never" : std::to_string(i + 1000)) +
                             "," + std::to_string(x) + "," + (yes ? "1" : "0");
    EXPECT_TRUE(*reader.read(line, row));
    rows.push_back(row);
  }
  EXPECT_TRUE(trainer.start(reader, std::span(rows).first(100)).ok());
  Ran out;
  for (const Row& each : rows) {
    double score = 0;
    EXPECT_TRUE(trainer.step(each, &score).ok());
    if (drifts != nullptr && trainer.drifted()) drifts->push_back(trainer.rows());
    if (scores != nullptr) scores->push_back(score);
    EXPECT_LE(trainer.waiting(), config.waiting_max);
  }
  out.n = trainer.judged().n();
  for (const std::string& warning : trainer.warnings()) out.labels += warning + "\n";
  return out;
}

TEST(Trainer, ALabelThatIsNotKnownSaysNothing) {
  std::vector<uint64_t> drifts;
  const Ran ran = run_turning({}, 2000, &drifts);
  EXPECT_EQ(ran.n, 4000u);
  ASSERT_FALSE(drifts.empty());
  EXPECT_GT(drifts[0], 3000u);
  EXPECT_NE(
      ran.labels.find("--label-at at: 400 rows have a label and no time at which it is known, the first "
                      "is row 10"),
      std::string::npos)
      << ran.labels;
  // Fewer may wait than there are: those that find no room are not learned, least of all early.
  TrainerConfig few, small;
  few.waiting_max = 300;
  small.waiting_bytes_max = 300 << 10;
  for (const TrainerConfig& config : {few, small}) {
    std::vector<double> scores[2];
    for (const uint64_t flipped : {2000u, 5000u})
      run_turning(config, flipped, nullptr, &scores[flipped / 5000]);
    for (size_t i = 0; i < 3000; ++i) ASSERT_EQ(scores[0][i], scores[1][i]) << i;
    EXPECT_NE(scores[0], scores[1]);
    const Ran bounded = run_turning(config, 2000);
    EXPECT_EQ(bounded.n, 4000u);
    EXPECT_NE(bounded.labels.find(" labels came too late to be kept for: at most "), std::string::npos);
  }
}

TEST(Trainer, MissingNumbersAreWhereTheyWereLast) {
  const auto with = [](bool spoiled) {
    std::vector<std::string> lines{"x,label"};
    double x = 0;
    for (uint64_t i = 0; i < 6000; ++i) {
      Draw draw(i);
      x = 0.97 * x + draw.uniform() - 0.5;
      lines.push_back((spoiled && i > 2000 && i % 2 == 0 ? "nan" : std::to_string(x)) + "," +
                      (draw.uniform() < 1 / (1 + std::exp(-4 * x)) ? "1" : "0"));
    }
    TrainerConfig config;
    config.learner = "dcn";
    return run_rows(lines, config).log_loss;
  };
  const double whole = with(false);
  EXPECT_LT(with(true) - whole, 0.15 * (0.693 - whole));
}

// What is done about late labels: with a window longer than any delay all of them wait; the oracle is the run
// without delays; without a window zeros are learned at once and ones again when they come.
TEST(Trainer, LateLabelsAreComparedOnOneStream) {
  std::vector<std::string> rows = lines(2500);
  const auto with = [&](LateLabels late, double delay_mean, double window) {
    TrainerConfig config = config_of("ftrl");
    config.late = late;
    config.encoder.label_at = delay_mean > 0 ? "" : "known";
    config.encoder.ignore = {"known"};
    config.delay_mean = delay_mean;
    config.late_window = window;
    return run_rows(rows, config);
  };
  const Ran oracle = with(LateLabels::kAtOnce, 100, 0);
  const Ran waits = with(LateLabels::kWait, 100, 0);
  const Ran negative = with(LateLabels::kNegative, 100, 0);
  const Ran weighted = with(LateLabels::kWeighted, 100, 0);
  EXPECT_EQ(with(LateLabels::kNegative, 100, 1e9).log_loss, waits.log_loss);
  EXPECT_EQ(with(LateLabels::kAtOnce, 1000, 0).log_loss, oracle.log_loss);
  EXPECT_LT(oracle.log_loss, waits.log_loss);
  EXPECT_LT(waits.log_loss, negative.log_loss);
  EXPECT_LT(weighted.log_loss, negative.log_loss);
  EXPECT_EQ(with(LateLabels::kExpect, 0, 0).n, 2500u);
}

// One number says much, and 300 nothing: .58 is what the one says, .69 what a coin does.
TEST(Trainer, ALinearModelAloneOfManyNumbersIsNoWorseThanACoin) {
  std::vector<std::string> rows{"label,signal"};
  for (uint64_t c = 0; c < 300; ++c) rows[0] += ",x" + std::to_string(c);
  for (uint64_t n = 0; n < 2000; ++n) {
    Draw draw(mix64(3, n));
    const double signal = 2 * draw.uniform() - 1;
    const bool yes = draw.uniform() < 1 / (1 + std::exp(-3 * signal));
    std::string row = std::string(yes ? "1" : "0") + "," + std::to_string(signal);
    for (uint64_t c = 0; c < 300; ++c) row += "," + std::to_string(draw.uniform());
    rows.push_back(std::move(row));
  }
  TrainerConfig config;
  config.learner = "ftrl";
  EXPECT_LT(run_rows(rows, config).log_loss, 0.66);
}

// How many rows of a value wait is a feature of it: those whose label will come, and no others. Every second
// row has a label, known three rows later; two at most wait.
TEST(Trainer, RowsWhoseLabelNeverComesDoNotWait) {
  const struct {
    const char *what, *never, *label;
    size_t waiting_max = 1000;
    float most = 2;
  } cases[] = {{"without a label", "5", ""},
               {"without a time", "never", "1"},
               {"without room until 300", "300", "1", 12, 12}};
  for (const auto& c : cases) {
    std::vector<std::string> rows{"at,known,shop,label"};
    for (uint64_t n = 0; n < 600; ++n) {
      const bool known = n % 2 == 0;
      rows.push_back(std::to_string(n) + "," + (known ? std::to_string(n + 3) : c.never) + ",s," +
                     (known ? std::to_string(n / 2 % 2) : c.label));
    }
    TrainerConfig config = config_of("gauss");
    config.encoder.categorical = {"shop"};
    config.waiting_max = c.waiting_max;
    float most = 0;
    run_rows(rows, config, [&](const Sample& sample) {
      constexpr size_t kWaiting = 5 + 5;  // After five of all rows, and three rates, sights and the gap.
      most = std::max(most, sample.dense[kWaiting]);
    });
    EXPECT_GE(most, 1) << c.what;
    EXPECT_LE(most, c.most) << c.what;
  }
}

// Of rows half of which are 1, what kWeighted learns: by weight half of it is 1, whichever labels are known
// within the window of 10.
TEST(Trainer, TheWeightsOfLateOnesGiveTheirShare) {
  struct Case {
    const char* what;
    double window;
    uint64_t early_one, late_one, early_zero, late_zero;  // Delays; half of each label has the early one.
  };
  for (const Case& c : {Case{"every label is known late", 10, 30, 30, 60, 60},
                        {"half of the ones are known within the window", 10, 5, 30, 60, 60},
                        {"half of the zeros, too", 10, 5, 30, 5, 60},
                        {"or half of the ones with their row", 10, 0, 30, 60, 60},
                        {"without a window", 0, 5, 30, 60, 60}}) {
    TrainerConfig config = config_of("ftrl");
    config.late = LateLabels::kWeighted;
    config.late_window = c.window;
    std::vector<std::string> rows{"at,known,size,label"};
    for (uint64_t n = 0; n < 20000; ++n) {
      Draw draw(mix64(9, n));
      const bool one = draw.uniform() < 0.5;
      const bool early = draw.uniform() < 0.5;
      const uint64_t delay = one ? (early ? c.early_one : c.late_one) : (early ? c.early_zero : c.late_zero);
      rows.push_back(std::to_string(n) + "," + std::to_string(n + delay) + ",1," + (one ? "1" : "0"));
    }
    double weights[2] = {};
    run_rows(rows, config,
             [&](const Sample& sample) { weights[sample.label > 0.5f ? 1 : 0] += sample.weight; });
    EXPECT_NEAR(weights[1] / (weights[0] + weights[1]), 0.5, 0.01) << c.what;
  }
}

// A 1 is known when it happens, a 0 when its time is over. Learning only what has come would be learning that
// all is 1; stopped and resumed in the middle it ends with the same bytes.
TEST(Trainer, WhereOnesComeFirstWhatWaitsIsTakenForAZero) {
  std::vector<std::string> rows{"at,known,size,label"};
  for (uint64_t n = 0; n < 3000; ++n) {
    Draw draw(mix64(5, n));
    const double size = draw.uniform();
    const bool yes = draw.uniform() < (size > 0.8 ? 0.3 : 0.02);
    const auto known = static_cast<uint64_t>(yes ? static_cast<double>(n) + 100 * draw.uniform()
                                                 : static_cast<double>(n) + 1000);
    rows.push_back(std::to_string(n) + "," + std::to_string(known) + "," + std::to_string(size) + "," +
                   (yes ? "1" : "0"));
  }
  const auto with = [&](LateLabels late) {
    TrainerConfig config = config_of("ftrl");
    config.late = late;
    return run_rows(rows, config).log_loss;
  };
  const double oracle = with(LateLabels::kAtOnce);
  const double ours = with(LateLabels::kExpect);
  const double waiting = with(LateLabels::kWait);
  EXPECT_LT(ours, oracle + 0.1);
  EXPECT_LT(ours, with(LateLabels::kWeighted) + 0.02);  // Which knew from the first row on.
  EXPECT_GT(waiting, oracle + 0.2);
}

}  // namespace
}  // namespace freshet
