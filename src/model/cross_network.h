// Deep & Cross network, version 2 with low-rank crosses (Wang et al. 2021, "DCN V2", equations 1 and 2),
// beside a perceptron, and one logit a head over both ("parallel structure"); learned by Adagrad.
//
//   x_0 = input                                                                 [m][inputs]
//   x_{l+1} = x_0 * ((x_l V_l) U_l + b_l) + x_l         V [inputs][rank], U [rank][inputs], * element-wise
//   h_{i+1} = max(0, h_i W_i + c_i)                     h_0 = x_0, widths `hidden`
//   logits = x_L P + h_n Q + d                          [m][16], the first `heads` of them used
//
// A batch is worked through in blocks of at most kBlock rows, so that a block's activations stay in cache:
// forward() and backward() block by block, then one step(). A block that is a batch of one row takes its step
// inside backward(), without a gradient in memory. Logits of a row do not depend on the rows beside it. Bits
// do not depend on the CPU (dense_kernels.h).
//
// Threads: one learns; score() is const, each thread with a Workspace of its own, while nobody learns. Twin
// in doubles and finite differences: in the test.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "model/dense_kernels.h"

namespace freshet {

struct CrossNetworkConfig {
  size_t inputs = 416;  // A multiple of 16, as are rank and hidden.
  size_t rank = 16;
  size_t crosses = 2;
  std::vector<size_t> hidden = {256, 128};
  size_t heads = 3;  // At most 16.
  float rate = 0.02f;
  float begin = 0.01f;  // What Adagrad's sums begin with; above 0.
  uint64_t seed = 1;
  bool turned = false;  // The first hidden layer lies as [out][in]: single examples are learned faster.
};

class CrossNetwork {
 public:
  static constexpr size_t kBlock = 96;  // Rows; a multiple of the rows of a register block.
  static constexpr size_t kHeads = 16;  // Columns of logits and slopes.
  struct Workspace {
    std::vector<float> floats;
  };

  explicit CrossNetwork(const CrossNetworkConfig& config, const DenseKernels& kernels = dense_kernels());

  // logits: [m][kHeads]; any m.
  void score(size_t m, const float* x, float* logits, Workspace& space) const;

  // m <= kBlock; keeps what backward() needs, `x` must live until then.
  void forward(size_t m, const float* x, float* logits);
  // slopes: [m][kHeads], derivatives of the loss by the logits of the last forward(), zero from `heads` on.
  // dx: [m][inputs], the derivatives by x. Gradients are added up; `alone`: the block is a whole batch.
  void backward(size_t m, const float* slopes, float* dx, bool alone);
  void step();  // The batch is done: one step of Adagrad with the sum of its gradients.

  void set_rate(float rate) { config_.rate = rate; }

  size_t inputs() const { return config_.inputs; }
  size_t parameters() const { return w_.size(); }
  size_t multiply_adds() const;  // Of one row forward.
  size_t bytes() const { return 3 * w_.size() * sizeof(float); }
  const std::vector<float>& weights() const { return w_; }
  std::vector<float>& weights() { return w_; }  // Layer by layer, in order of the constructor.
  void save(Writer& out) const;                 // Every layer as [in][out].
  void load(Reader& in);

 private:
  struct Layer {  // y = x W + b
    size_t in, out;
    size_t w, b;     // Where in w_; b == kNoBias: none.
    bool rectified;  // x = max(0, .)
    bool turned;     // It lies as [out][in]; it has a bias.
  };
  static constexpr size_t kNoBias = SIZE_MAX;
  struct Activations {  // Of a block; places in a Workspace.
    std::vector<float*> x, p, q, h;
  };

  Layer add_layer(size_t in, size_t out, bool bias, float scale);
  std::vector<float> straight(const std::vector<float>& from) const;
  void lay_turned(std::vector<float>& all) const;
  Activations lay_out(size_t m, Workspace& space) const;
  void run(size_t m, const float* x, float* logits, const Activations& at) const;
  void apply(const Layer& layer, size_t m, const float* x, float* y, bool add) const;
  // dx (may be null) = or += dy W^T, then the gradient of the layer.
  void back(const Layer& layer, size_t m, const float* x, const float* dy, float* dx, bool add, bool alone);

  void back_turned(const Layer& layer, size_t m, const float* x, const float* dy, float* dx, bool alone);

  CrossNetworkConfig config_;
  const DenseKernels* kernels_;
  std::vector<Layer> down_, up_, deep_;  // V and U of each cross, W of each hidden layer.
  Layer cross_head_, deep_head_;
  std::vector<float> w_, a_, g_;  // Weights, Adagrad's sums, gradients of the batch so far.
  Workspace space_;
  Activations kept_;
  const float* kept_x_ = nullptr;
  std::vector<float> turned_, dh_, dq_, dp_, part_, next_;  // Scratch of backward().
};

}  // namespace freshet
