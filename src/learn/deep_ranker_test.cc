#include "learn/deep_ranker.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr size_t kFields = 3;
constexpr size_t kDense = 5;

DeepRankerConfig small(RankerTask task = RankerTask::kLogistic) {
  DeepRankerConfig config;
  config.fields = kFields;
  config.dense = kDense;
  config.task = task;
  config.table.bytes_max = size_t{4} << 20;
  config.network.hidden = {32, 16};
  config.network.heads = 2;
  return config;
}

struct Batch {
  std::vector<uint64_t> keys;
  std::vector<float> dense, labels;
};

// Head 0: whether two values are of the same parity; head 1: the sign of a number, known every third time.
Batch make_batch(uint64_t from, size_t m) {
  Batch out;
  for (uint64_t n = from; n < from + m; ++n) {
    Draw draw(mix64(3, n));
    uint64_t values[kFields];
    for (uint64_t field = 0; field < kFields; ++field) {
      values[field] = draw.below(20);
      out.keys.push_back(mix64(field, values[field]));
    }
    for (size_t i = 0; i < kDense; ++i) out.dense.push_back(static_cast<float>(draw.uniform() * 2 - 1));
    out.labels.push_back(values[0] % 2 == values[1] % 2 ? 1 : 0);
    out.labels.push_back(n % 3 == 0 ? (out.dense[out.dense.size() - kDense] > 0 ? 1 : 0) : NAN);
  }
  return out;
}

std::string saved(const DeepRanker& ranker) {
  Writer out;
  ranker.save(out);
  return out.take();
}

TEST(DeepRanker, LearnsEachHeadFromWhatIsKnownOfIt) {
  for (const size_t batch : {size_t{1}, size_t{16}, size_t{250}}) {
    DeepRanker ranker(small());
    size_t right[2] = {};
    size_t judged = 0;
    for (uint64_t n = 0; n < 30'000; n += batch) {
      const Batch b = make_batch(n, batch);
      std::vector<float> logits(batch * 2);
      ranker.learn(batch, b.keys.data(), b.dense.data(), b.labels.data(), logits.data());
      for (size_t i = 0; n >= 27'000 && i < batch; ++i, ++judged) {
        right[0] += (logits[2 * i] > 0) == (b.labels[2 * i] > 0.5f) ? 1 : 0;
        right[1] += (logits[2 * i + 1] > 0) == (b.dense[i * kDense] > 0) ? 1 : 0;
      }
    }
    EXPECT_GT(static_cast<double>(right[0]) / static_cast<double>(judged), 0.95) << batch;
    EXPECT_GT(static_cast<double>(right[1]) / static_cast<double>(judged), 0.95) << batch;
  }
}

// What learn() answers is what score() says of the state before, when no key is new.
TEST(DeepRanker, AnswersBeforeItLearns) {
  DeepRanker ranker(small());
  DeepRanker::Workspace space;
  std::vector<float> logits(200);
  for (uint64_t n = 0; n < 2000; n += 100) {
    const Batch b = make_batch(n, 100);
    ranker.learn(100, b.keys.data(), b.dense.data(), b.labels.data(), logits.data());
  }
  const Batch b = make_batch(5000, 90);
  std::vector<float> said(180);
  std::vector<float> alone(2);
  ranker.score(90, b.keys.data(), b.dense.data(), said.data(), space);
  for (size_t i = 0; i < 90; ++i) {
    ranker.score(1, &b.keys[i * kFields], &b.dense[i * kDense], alone.data(), space);
    ASSERT_EQ(alone[0], said[2 * i]);
    ASSERT_EQ(alone[1], said[2 * i + 1]);
  }
  logits.resize(180);
  ranker.learn(90, b.keys.data(), b.dense.data(), b.labels.data(), logits.data());
  EXPECT_EQ(logits, said);
}

TEST(DeepRanker, SavedAndLoadedGoesOnTheSame) {
  DeepRanker one(small(RankerTask::kSquared));
  std::vector<float> logits(200);
  for (uint64_t n = 0; n < 1000; n += 100) {
    const Batch b = make_batch(n, 100);
    one.learn(100, b.keys.data(), b.dense.data(), b.labels.data(), logits.data());
  }
  DeepRanker two(small(RankerTask::kSquared));
  const std::string bytes = saved(one);
  Reader in(bytes);
  two.load(in);
  ASSERT_TRUE(in.ok() && in.done());
  EXPECT_EQ(saved(two), bytes);
  const Batch b = make_batch(1000, 7);
  one.learn(7, b.keys.data(), b.dense.data(), b.labels.data(), logits.data());
  two.learn(7, b.keys.data(), b.dense.data(), b.labels.data(), logits.data());
  EXPECT_EQ(saved(one), saved(two));
  EXPECT_NE(saved(one), bytes);
}

}  // namespace
}  // namespace freshet
