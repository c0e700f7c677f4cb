// SPDX-License-Identifier: Apache-2.0
// Every op: a free function that computes its output and records its backward pass. Maps are [N,H,W,C], sequences
// [N,T,C]. An op that is given shapes it cannot serve throws Error(ExitCode::usage) with found and expected.
#pragma once
#include <vector>

#include "engine/tape.h"
#include "engine/tensor.h"

namespace limbic {

// ---- arithmetic, with NumPy's broadcasting: axes are matched from the last, an axis of 1 stretches (rank <= 6) ----

Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, const Tensor& b);  ///< where both are equal, each gets half the gradient

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator+(const Tensor& a, float b) { return add(a, Tensor::scalar(b)); }
inline Tensor operator-(const Tensor& a, float b) { return sub(a, Tensor::scalar(b)); }
inline Tensor operator*(const Tensor& a, float b) { return mul(a, Tensor::scalar(b)); }
inline Tensor operator/(const Tensor& a, float b) { return div(a, Tensor::scalar(b)); }
inline Tensor operator+(float a, const Tensor& b) { return add(Tensor::scalar(a), b); }
inline Tensor operator-(float a, const Tensor& b) { return sub(Tensor::scalar(a), b); }
inline Tensor operator*(float a, const Tensor& b) { return mul(Tensor::scalar(a), b); }
inline Tensor operator/(float a, const Tensor& b) { return div(Tensor::scalar(a), b); }

// ---- types of storage ----

/// x in another type, f32 or bf16 (rounded to the nearest, ties to even): x itself where it is stored so.
Tensor cast(const Tensor& x, DType dtype);

// ---- element by element ----

Tensor relu(const Tensor& x);
Tensor leaky_relu(const Tensor& x, float slope = 0.01f);
Tensor elu(const Tensor& x, float alpha = 1.0f);
Tensor sigmoid(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor square(const Tensor& x);
Tensor neg(const Tensor& x);
Tensor abs(const Tensor& x);
inline Tensor operator-(const Tensor& x) { return neg(x); }

/// Zeroes elements with probability p and scales the rest by 1 / (1 - p); x itself unless `training`. The mask comes
/// from the random state (random.h), so that it is the same on every device.
Tensor dropout(const Tensor& x, float p, bool training);

// ---- products ----

struct MatmulOptions {
  bool trans_a = false, trans_b = false;
};
/// a [M,K] or [...,M,K] times b [K,N] or [...,K,N] (leading axes equal, or b has none) -> [...,M,N].
Tensor matmul(const Tensor& a, const Tensor& b, const MatmulOptions& options = {});

/// x [...,C], w [K,C], b [K] or empty -> [...,K].
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& b = {});

/// Height and width; an int stands for both.
struct Size2 {
  int h, w;
  constexpr Size2(int both) : h(both), w(both) {}
  constexpr Size2(int height, int width) : h(height), w(width) {}
};

struct Conv2dOptions {
  Size2 stride = 1, padding = 0, dilation = 1;
  int groups = 1;
};
/// x [N,H,W,C], w [K,R,S,C/groups], bias [K] or empty -> [N,P,Q,K], P = (H + 2 padding - dilation (R-1) - 1)/stride
/// + 1. Under NoGrad the weights' prepared form (packed, transformed) is kept with them until they change.
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias = {}, const Conv2dOptions& options = {});

struct Conv1dOptions {
  int stride = 1, padding = 0, dilation = 1, groups = 1;
};
/// x [N,T,C], w [K,S,C/groups], bias [K] or empty -> [N,Q,K].
Tensor conv1d(const Tensor& x, const Tensor& w, const Tensor& bias = {}, const Conv1dOptions& options = {});

// ---- normalisation ----

struct BatchNormOptions {
  bool training = false;
  float momentum = 0.1f;  ///< running = (1 - momentum) running + momentum batch, as PyTorch; Keras's 0.99 is 0.01 here
  float eps = 1e-5f;      ///< Keras: 1e-3
  bool relu = false;      ///< relu(batch_norm(x)) in one pass over memory
  bool unbiased_running_var = true;  ///< running_var gets the batch's n/(n-1) variance, as PyTorch
};
/// A map [...,C], and its channels' mean and (biased) variance [C] where whoever made it left them behind; else empty.
struct MeasuredMap {
  MeasuredMap(const Tensor& x, const Tensor& x_mean = {}, const Tensor& x_var = {})
      : map(x), mean(x_mean), var(x_var) {}
  Tensor map, mean, var;
};
/// conv2d without a bias, measured where its kernel can do that on the way (not on the CPU), for a batch norm that
/// would else read y for its statistics.
MeasuredMap conv2d_measured(const Tensor& x, const Tensor& w, const Conv2dOptions& options = {});

/// x [...,C]; weight, bias, running_mean, running_var [C]. Training normalises by the batch's mean and (biased)
/// variance and updates the running ones in place; else the running ones are used.
Tensor batch_norm(const MeasuredMap& x, const Tensor& weight, const Tensor& bias, Tensor& running_mean,
                  Tensor& running_var, const BatchNormOptions& options = {});

/// avg_pool2d(batch_norm(x) with relu, 2): x [N,H,W,C] -> [N,H/2,W/2,C]. One op on a GPU (kernels/batch_norm_pool),
/// which keeps no normalised map; these two on the CPU.
Tensor batch_norm_avg_pool2d(const MeasuredMap& x, const Tensor& weight, const Tensor& bias, Tensor& running_mean,
                             Tensor& running_var, const BatchNormOptions& options);

/// conv2d_measured(batch_norm(x) with relu, w). One kernel (kernels/batch_norm_conv2d) on a GPU, where x is measured or
/// options.training is false: the normalised map is neither written nor kept. These two ops else.
MeasuredMap batch_norm_conv2d(const MeasuredMap& x, const Tensor& weight, const Tensor& bias, Tensor& running_mean,
                              Tensor& running_var, const BatchNormOptions& options, const Tensor& w,
                              const Conv2dOptions& conv);

/// relu?(batch_norm(conv2d(x, w, bias))) in eval mode, in one kernel, with the same bits (in bf16 one rounding fewer).
/// Not recorded: under NoGrad only.
Tensor conv2d_batch_norm(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dOptions& conv,
                         const Tensor& bn_weight, const Tensor& bn_bias, const Tensor& running_mean,
                         const Tensor& running_var, const BatchNormOptions& bn);

// ---- pooling ----

struct Pool2dOptions {
  Size2 stride = 0;  ///< 0: the window's size
  Size2 padding = 0;
  bool count_include_pad = true;  ///< averages only
};
/// x [N,H,W,C] -> [N,P,Q,C], P = floor((H + 2 padding - window) / stride) + 1.
Tensor max_pool2d(const Tensor& x, Size2 window, const Pool2dOptions& options = {});
Tensor avg_pool2d(const Tensor& x, Size2 window, const Pool2dOptions& options = {});

struct Pool1dOptions {
  int stride = 0;  ///< 0: the window's size
  int padding = 0;
  bool count_include_pad = true;
};
/// x [N,T,C] -> [N,Q,C].
Tensor max_pool1d(const Tensor& x, int window, const Pool1dOptions& options = {});
Tensor avg_pool1d(const Tensor& x, int window, const Pool1dOptions& options = {});

/// All axes between the first and the last: [N,...,C] -> [N,C].
Tensor global_avg_pool(const Tensor& x);
Tensor global_max_pool(const Tensor& x);

/// x [N,H,W,C] -> [N,P,Q,C] with PyTorch's bins: bin i covers floor(i H / P) to ceil((i+1) H / P).
Tensor adaptive_avg_pool2d(const Tensor& x, Size2 output);

// ---- spatial transformers (Jaderberg et al. 2015, arXiv 1506.02025) ----

struct GridOptions {
  bool align_corners = false;  ///< -1 and 1 are the centres of the outermost pixels; else their outer edges
};
/// theta [N,2,3] -> grid [N,H,W,2]: for each pixel of a map of `size`, where (across, down) in [-1,1] to look.
Tensor affine_grid(const Tensor& theta, Size2 size, const GridOptions& options = {});

/// x [N,H,W,C], grid [N,P,Q,2] -> [N,P,Q,C]: bilinear, zeros outside, as torch.nn.functional.grid_sample. The gradients
/// of both have the same bits in every run.
Tensor grid_sample(const Tensor& x, const Tensor& grid, const GridOptions& options = {});

// ---- sequences ----

struct LstmOptions {
  bool reverse = false;  ///< from the last step to the first; the output stays in the order of time
  Tensor lengths = {};   ///< i32 [N], 0 to T: the steps behind are padding and give 0; empty: all T
};
/// One layer in one direction: x [N,T,F], w_ih [4D,F], w_hh [4D,D], bias [4D] or empty -> h [N,T,D], from h = c = 0.
/// The rows of the weights stand in the order of gates i f g o (PyTorch; Keras: i f c o, transposed).
Tensor lstm(const Tensor& x, const Tensor& w_ih, const Tensor& w_hh, const Tensor& bias = {},
            const LstmOptions& options = {});

/// x [N,T] -> softmax over the first lengths[n] (i32 [N], at least 1) steps of each row, 0 behind; empty: over all.
Tensor masked_softmax(const Tensor& x, const Tensor& lengths = {});

struct AttentionOptions {
  Tensor lengths = {};  ///< i32 [N], 1 to T: the steps behind are padding; empty: all T
  float dropout = 0;    ///< of the scores; 0 in evaluation
};
/// The end of additive attention (kernels/attention): u [N,T,A], weight [1,A], bias [1], h [N,T,E] -> sum over t of a_t
/// h_t [N,E], where a = masked_softmax(dropout(tanh(linear(u, weight, bias)))). One kernel on a GPU, these ops on the
/// CPU.
Tensor additive_attention(const Tensor& u, const Tensor& weight, const Tensor& bias, const Tensor& h,
                          const AttentionOptions& options = {});

// ---- reductions: over `axes` (negative count from the end; none: all), which vanish or, with keep, become 1 ----

Tensor sum(const Tensor& x, const std::vector<int>& axes = {}, bool keep = false);
Tensor mean(const Tensor& x, const std::vector<int>& axes = {}, bool keep = false);
Tensor max(const Tensor& x, const std::vector<int>& axes = {},
           bool keep = false);                 ///< the first maximum gets the gradient
std::vector<int32_t> argmax(const Tensor& x);  ///< over the last axis, row by row

/// Over the last axis.
Tensor softmax(const Tensor& x);
Tensor log_softmax(const Tensor& x);

// ---- shapes ----

Tensor reshape(const Tensor& x, Shape shape);                   ///< one extent may be -1; shares storage
Tensor flatten(const Tensor& x);                                ///< [N,...] -> [N,-1], in memory order (channels last)
Tensor flatten_channels_first(const Tensor& x);                 ///< [N,H,W,C] -> [N,C H W], the order of PyTorch's nets
Tensor permute(const Tensor& x, const std::vector<int>& axes);  ///< y.dim(i) = x.dim(axes[i])
Tensor concat(const std::vector<Tensor>& parts, int axis);
Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end);  ///< [begin, end); negative ends count back
struct Padding {
  int64_t before = 0, after = 0;
};
Tensor pad(const Tensor& x, const std::vector<Padding>& axes);  ///< zeros; one entry an axis

// ---- losses: each a scalar ----

struct CrossEntropyOptions {
  Tensor class_weight;  ///< [C] or empty
};
/// logits [N,C]. Targets i32 [N]: -mean over rows of w[t] log softmax(logits)[t], weighted: divided by the sum of w[t];
/// targets f32 [N,C] (soft, mixup): -sum over c of w_c t_c log p_c, divided by N. Both as
/// torch.nn.functional.cross_entropy.
Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& options = {});

/// Mean of -(t log p + (1-t) log(1-p)) over all elements; logs clamped at -100, as PyTorch.
Tensor binary_cross_entropy(const Tensor& p, const Tensor& targets);
Tensor mse(const Tensor& x, const Tensor& targets);  ///< mean of squared differences
Tensor l2(const Tensor& x);                          ///< sum of squares: the penalty of a weight

}  // namespace limbic
