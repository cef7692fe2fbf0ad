#include "model/cross_network.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

CrossNetworkConfig small(bool turned = true) {
  return {.inputs = 32, .rank = 16, .crosses = 2, .hidden = {32, 16}, .heads = 3, .turned = turned};
}

std::vector<float> inputs(uint64_t seed, size_t n) {
  Draw draw(seed);
  std::vector<float> out(n);
  for (float& x : out) x = static_cast<float>(draw.uniform() * 2 - 1);
  return out;
}

// The slow twin: the formulae of the header in doubles, one row, weights in the order they were made in;
// those of the first hidden layer turned.
std::vector<double> twin(const CrossNetworkConfig& c, const std::vector<float>& weights,
                         const std::vector<double>& x0) {
  size_t at = 0;
  const auto layer = [&](const std::vector<double>& x, size_t out, bool bias, bool turned = false) {
    std::vector<double> y(out);
    for (size_t i = 0; i < x.size(); ++i)
      for (size_t j = 0; j < out; ++j)
        y[j] += x[i] * double{weights[at + (turned ? j * x.size() + i : i * out + j)]};
    at += x.size() * out;
    for (size_t j = 0; bias && j < out; ++j) y[j] += double{weights[at + j]};
    at += bias ? out : 0;
    return y;
  };
  std::vector<double> x = x0;
  for (size_t l = 0; l < c.crosses; ++l) {
    const auto q = layer(layer(x, c.rank, false), c.inputs, true);
    for (size_t i = 0; i < x.size(); ++i) x[i] += x0[i] * q[i];
  }
  std::vector<double> h = x0;
  for (size_t l = 0; l < c.hidden.size(); ++l) {
    h = layer(h, c.hidden[l], true, c.turned && l == 0);
    for (double& each : h) each = std::max(each, 0.0);
  }
  auto logits = layer(x, CrossNetwork::kHeads, true);
  const auto more = layer(h, CrossNetwork::kHeads, false);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] += more[i];
  EXPECT_EQ(at, weights.size());
  logits.resize(c.heads);
  return logits;
}

double twin_loss(const CrossNetworkConfig& c, const std::vector<float>& weights, const std::vector<double>& x,
                 const float* labels) {
  double loss = 0;
  const auto logits = twin(c, weights, x);
  for (size_t i = 0; i < c.heads; ++i)
    loss += std::log1p(std::exp(labels[i] > 0.5f ? -logits[i] : logits[i]));
  return loss;
}

void slopes_of(const CrossNetworkConfig& c, const float* logits, const float* labels, float* slopes) {
  for (size_t i = 0; i < CrossNetwork::kHeads; ++i)
    slopes[i] = i < c.heads ? 1 / (1 + std::exp(-logits[i])) - labels[i] : 0;
}

class Lying : public testing::TestWithParam<bool> {};  // Turned or not.
INSTANTIATE_TEST_SUITE_P(CrossNetwork, Lying, testing::Bool());

TEST_P(Lying, SaysWhatTheTwinSays) {
  const CrossNetworkConfig config = small(GetParam());
  for (const DenseKernels* set : all_dense_kernels()) {
    CrossNetwork network(config, *set);
    constexpr size_t kRows = 2 * CrossNetwork::kBlock + 7;
    const auto x = inputs(5, kRows * config.inputs);
    std::vector<float> logits(kRows * CrossNetwork::kHeads);
    CrossNetwork::Workspace space;
    network.score(kRows, x.data(), logits.data(), space);
    for (size_t row = 0; row < kRows; ++row) {
      const std::vector<double> one(&x[row * config.inputs], &x[row * config.inputs] + config.inputs);
      const auto want = twin(config, network.weights(), one);
      for (size_t head = 0; head < config.heads; ++head)
        ASSERT_NEAR(logits[row * CrossNetwork::kHeads + head], want[head], 1e-5);
      float alone[CrossNetwork::kHeads];  // The same bits whatever the batch.
      network.score(1, &x[row * config.inputs], alone, space);
      for (size_t head = 0; head < config.heads; ++head)
        ASSERT_EQ(alone[head], logits[row * CrossNetwork::kHeads + head]);
    }
  }
}

// With sums that begin so high that nothing moves them, and as high a rate, a step is the gradient itself.
TEST_P(Lying, GradientsAreThoseOfFiniteDifferences) {
  for (const size_t rows : {size_t{1}, size_t{3}, size_t{9}}) {
    for (const bool alone : {false, true}) {
      if (alone && rows > 1) continue;
      CrossNetworkConfig config = small(GetParam());
      config.begin = 1e12f;
      config.rate = 1e6f;
      CrossNetwork network(config);
      const auto x = inputs(8, rows * config.inputs);
      std::vector<float> labels(rows * config.heads);
      for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<float>(mix64(i) % 2);
      const std::vector<float> before = network.weights();
      std::vector<float> logits(rows * CrossNetwork::kHeads);
      std::vector<float> slopes(logits.size());
      std::vector<float> dx(x.size());
      network.forward(rows, x.data(), logits.data());
      for (size_t row = 0; row < rows; ++row)
        slopes_of(config, &logits[row * CrossNetwork::kHeads], &labels[row * config.heads],
                  &slopes[row * CrossNetwork::kHeads]);
      network.backward(rows, slopes.data(), dx.data(), alone);
      if (!alone) network.step();
      const auto loss = [&](const std::vector<float>& weights, const std::vector<double>& at) {
        double sum = 0;
        for (size_t row = 0; row < rows; ++row)
          sum += twin_loss(config, weights,
                           {at.begin() + static_cast<ptrdiff_t>(row * config.inputs),
                            at.begin() + static_cast<ptrdiff_t>((row + 1) * config.inputs)},
                           &labels[row * config.heads]);
        return sum;
      };
      const std::vector<double> at(x.begin(), x.end());
      for (size_t i = 0; i < before.size(); i += 7) {
        std::vector<float> up = before;
        std::vector<float> down = before;
        up[i] += 1e-4f;
        down[i] -= 1e-4f;
        const double slope = (loss(up, at) - loss(down, at)) / (double{up[i]} - double{down[i]});
        ASSERT_NEAR(before[i] - network.weights()[i], slope, 2e-5 + 1e-3 * std::fabs(slope))
            << "weight " << i << ", rows " << rows << (alone ? ", alone" : "");
      }
      for (size_t i = 0; i < x.size(); ++i) {
        std::vector<double> up = at;
        std::vector<double> down = at;
        up[i] += 1e-5;
        down[i] -= 1e-5;
        const double slope = (loss(before, up) - loss(before, down)) / 2e-5;
        ASSERT_NEAR(dx[i], slope, 2e-5 + 1e-3 * std::fabs(slope)) << "input " << i << ", rows " << rows;
      }
    }
  }
}

// Labels are products of signs of the inputs: nothing linear helps.
double learn_products(CrossNetwork& network, size_t inputs_count, size_t batch, uint64_t rows) {
  double late_loss = 0;
  uint64_t judged = 0;
  for (uint64_t row = 0; row < rows; row += batch) {
    auto x = inputs(row, batch * inputs_count);
    std::vector<float> logits(batch * CrossNetwork::kHeads);
    std::vector<float> slopes(logits.size());
    std::vector<float> dx(x.size());
    network.forward(batch, x.data(), logits.data());
    for (size_t i = 0; i < batch; ++i) {
      const float* at = &x[i * inputs_count];
      const float label = at[0] * at[1] > 0 ? 1 : 0;
      const double logit = logits[i * CrossNetwork::kHeads];
      slopes[i * CrossNetwork::kHeads] = static_cast<float>(1 / (1 + std::exp(-logit)) - label);
      if (row < rows * 3 / 4) continue;
      late_loss += std::log1p(std::exp(label > 0 ? -logit : logit));
      ++judged;
    }
    network.backward(batch, slopes.data(), dx.data(), batch == 1);
    if (batch > 1) network.step();
  }
  return late_loss / static_cast<double>(judged);
}

TEST(CrossNetwork, LearnsAProductOneByOneAndInBatches) {
  for (const size_t batch : {size_t{1}, size_t{16}}) {
    CrossNetwork network(small());
    EXPECT_LT(learn_products(network, 32, batch, 16'000), 0.35) << batch;
  }
}

TEST_P(Lying, LearnsTheSameBitsOnEveryCpuAndAfterLoading) {
  std::string want;
  for (const DenseKernels* set : all_dense_kernels()) {
    CrossNetwork network(small(GetParam()), *set);
    learn_products(network, 32, 8, 400);
    Writer middle;
    network.save(middle);
    CrossNetwork again(small(GetParam()), *set);
    Reader in(middle.bytes());
    again.load(in);
    ASSERT_TRUE(in.ok() && in.done());
    learn_products(again, 32, 1, 100);
    Writer out;
    again.save(out);
    if (want.empty()) want = out.bytes();
    ASSERT_EQ(out.bytes(), want) << set->name;
  }
}

// Bytes do not say how a layer lies.
TEST(CrossNetwork, ATurnedOneReadsWhatAnotherWrote) {
  CrossNetwork straight(small(false)), turned(small(true));
  learn_products(straight, 32, 8, 400);
  Writer one, other;
  straight.save(one);
  Reader in(one.bytes());
  turned.load(in);
  ASSERT_TRUE(in.ok() && in.done());
  turned.save(other);
  EXPECT_EQ(one.bytes(), other.bytes());
}

}  // namespace
}  // namespace freshet
