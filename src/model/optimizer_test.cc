// Each optimizer against its formula, written down once more in doubles.
#include "model/optimizer.h"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr size_t kN = 19;  // More than one register, and a rest.

struct Twin {
  std::vector<double> w, m = std::vector<double>(kN), v = std::vector<double>(kN);
  double row = 0;  // Row-wise Adagrad's one sum.
  int t = 0;
};

void sgd(Twin& at, const OptimizerConfig& c, const std::vector<double>& g) {
  for (size_t i = 0; i < kN; ++i) at.w[i] -= c.rate * (g[i] + c.l2 * at.w[i]);
}

// Heavy ball, Polyak 1964.
void momentum(Twin& at, const OptimizerConfig& c, const std::vector<double>& g) {
  for (size_t i = 0; i < kN; ++i) {
    at.m[i] = 0.9 * at.m[i] + g[i] + c.l2 * at.w[i];
    at.w[i] -= c.rate * at.m[i];
  }
}

// Duchi, Hazan, Singer 2011.
void adagrad(Twin& at, const OptimizerConfig& c, const std::vector<double>& g) {
  for (size_t i = 0; i < kN; ++i) {
    const double slope = g[i] + c.l2 * at.w[i];
    at.v[i] = c.fade * at.v[i] + slope * slope;
    at.w[i] -= c.rate * slope / std::sqrt(at.v[i] + 1e-6);
  }
}

void rowwise(Twin& at, const OptimizerConfig& c, const std::vector<double>& g) {
  double sum = 0;
  for (const double one : g) sum += one * one;
  at.row = c.fade * at.row + sum / kN;
  for (size_t i = 0; i < kN; ++i) at.w[i] -= c.rate * (g[i] + c.l2 * at.w[i]) / std::sqrt(at.row + 1e-6);
}

// Kingma and Ba 2015, algorithm 1.
void adam(Twin& at, const OptimizerConfig& c, const std::vector<double>& g) {
  ++at.t;
  for (size_t i = 0; i < kN; ++i) {
    const double slope = g[i] + c.l2 * at.w[i];
    at.m[i] = 0.9 * at.m[i] + 0.1 * slope;
    at.v[i] = 0.999 * at.v[i] + 0.001 * slope * slope;
    const double m = at.m[i] / (1 - std::pow(0.9, at.t)), v = at.v[i] / (1 - std::pow(0.999, at.t));
    at.w[i] -= c.rate * m / (std::sqrt(v) + 1e-8);
  }
}

// McMahan et al. 2013, algorithm 1, with beta 1 and lambda_1 = 0: m is its z, v its n. A row begins with the
// z by which it is where it is.
void ftrl(Twin& at, const OptimizerConfig& c, const std::vector<double>& g) {
  for (size_t i = 0; i < kN; ++i) {
    if (at.t == 0) at.m[i] = -at.w[i] * (1 / c.rate + c.l2);
    const double sigma = (std::sqrt(at.v[i] + g[i] * g[i]) - std::sqrt(at.v[i])) / c.rate;
    at.m[i] += g[i] - sigma * at.w[i];
    at.v[i] += g[i] * g[i];
    at.w[i] = -at.m[i] / ((1 + std::sqrt(at.v[i])) / c.rate + c.l2);
  }
  ++at.t;
}

TEST(Optimizer, EachIsItsFormula) {
  using Formula = void (*)(Twin&, const OptimizerConfig&, const std::vector<double>&);
  struct Case {
    const char* name;
    Formula formula;
    size_t state;
    float tolerance;
  };
  const Case cases[] = {
      {"sgd", sgd, 0, 1e-5f},         {"momentum", momentum, kN, 1e-5f}, {"adagrad", adagrad, kN, 1e-5f},
      {"rowwise", rowwise, 1, 1e-5f}, {"adam", adam, 2 * kN + 1, 1e-4f},  // 1 - .999^t of a small t in floats
      {"ftrl", ftrl, 2 * kN, 1e-4f}};
  for (const Case& one : cases) {
    for (const auto& [rate, fade, l2] :
         std::vector<std::array<float, 3>>{{0.05f, 1, 0}, {0.2f, 0.99f, 0}, {0.05f, 0.999f, 0.02f}}) {
      SCOPED_TRACE(std::string(one.name) + " rate " + std::to_string(rate) + " l2 " + std::to_string(l2));
      OptimizerConfig config{.kind = *parse_optimizer(one.name), .rate = rate, .fade = fade, .l2 = l2};
      ASSERT_EQ(optimizer_state(config.kind, kN), one.state);
      std::vector<float> state(one.state + 1, 0.0f), w;
      state.back() = 7;  // Nobody may touch what is behind it.
      Twin twin;
      Draw draw(11);
      for (size_t i = 0; i < kN; ++i) w.push_back(static_cast<float>(draw.uniform() - 0.5));
      twin.w.assign(w.begin(), w.end());
      for (int step = 0; step < 50; ++step) {
        std::vector<float> g(kN);
        // Now and then nothing, and what is large.
        for (float& one_g : g)
          one_g = draw.below(8) == 0
                      ? 0.0f
                      : static_cast<float>((draw.uniform() - 0.4) * (draw.below(9) == 0 ? 5 : 1));
        if (step == 0)
          for (float& one_g : g) one_g = one_g == 0 ? 0.25f : one_g;
        one.formula(twin, config, std::vector<double>(g.begin(), g.end()));
        optimizer_step(config, w.data(), g.data(), state.data(), kN);
        for (size_t i = 0; i < kN; ++i)
          ASSERT_NEAR(w[i], twin.w[i], one.tolerance * (1 + std::fabs(twin.w[i])))
              << "step " << step << " " << i;
      }
      EXPECT_EQ(state.back(), 7);
      double moved = 0;
      Draw again(11);
      for (size_t i = 0; i < kN; ++i)
        moved += std::fabs(static_cast<double>(w[i]) -
                           static_cast<double>(static_cast<float>(again.uniform() - 0.5)));
      EXPECT_GT(moved, 1) << "it has not stood still";
    }
  }
  EXPECT_FALSE(parse_optimizer("newton").ok());
}

}  // namespace
}  // namespace freshet
