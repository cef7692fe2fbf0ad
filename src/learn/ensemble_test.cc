#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "learn/trainer.h"

namespace freshet {
namespace {

constexpr size_t kRows = 12'000, kHour = 100;

// Shops of six kinds, and hours that are good or bad for all of them; a label is known when its hour is over.
double loss_of(const std::string& learner) {
  TrainerConfig config;
  config.encoder.time = "at";
  config.encoder.label_at = "known";
  config.encoder.bits = 14;
  config.learner = learner;
  RowReader reader(RowFormat::kCsv);
  std::vector<Row> rows;
  Row row;
  EXPECT_FALSE(*reader.read("at,known,shop,size,label", row));
  for (size_t n = 0; n < kRows; ++n) {
    Draw draw(n);
    const uint64_t shop = draw.below(6);
    const double hour = 4 * (Draw(mix64(n / kHour, 7)).uniform() - .5);
    const double size = draw.uniform();
    const bool yes =
        draw.uniform() < 1 / (1 + std::exp(-(.5 * static_cast<double>(shop) - 1.5 + size + hour)));
    EXPECT_TRUE(*reader.read(std::to_string(n) + "," + std::to_string((n / kHour + 1) * kHour + kHour / 2) +
                                 ",s" + std::to_string(shop) + "," + std::to_string(size) + "," +
                                 (yes ? "1" : "0"),
                             row));
    rows.push_back(row);
  }
  Trainer trainer(config);
  EXPECT_TRUE(trainer.start(reader, std::span(rows).first(200)).ok());
  for (const Row& one : rows) {
    double score = 0;
    EXPECT_TRUE(trainer.step(one, &score).ok());
  }
  return trainer.judged().log_loss();
}

// Labels of one hour err alike. A mixture that took each for news of its own would be sure of whoever the
// last hour suited: it was worse than its own members.
TEST(Ensemble, LabelsThatComeTogetherDoNotMakeItSure) {
  const double all = loss_of("auto");
  for (const char* const one : {"ftrl", "dcn", "gauss"}) EXPECT_LT(all, loss_of(one) + .01) << one;
}

}  // namespace
}  // namespace freshet
