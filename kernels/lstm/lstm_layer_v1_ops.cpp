// SPDX-License-Identifier: Apache-2.0
// Idea: a layer is ops that stand elsewhere: the input's product for all steps at once, then the recurrence.
// Changed from nothing: it launches what the lists of matmul, lstm, binary and reduce have first for these dims.
// Why faster: it is not; it is what the engine launches for a layer, as one pass, to be raced with cuDNN's.
// Limited by: gates [N,T,4D] that are written by one kernel and read by the next.
// Next: the recurrence takes the input's product a step ahead of itself.
#include <algorithm>
#include <utility>

#include "kernels/binary/binary.h"
#include "kernels/gpu_runtime.h"
#include "kernels/lstm/lstm_layer_v0_reference.h"
#include "kernels/matmul/matmul.h"
#include "kernels/reduce/reduce.h"
#include "kernels/rung_of_ops.h"

namespace limbic {
namespace {

/// The launches of a layer.
struct Layer {
  Chosen<BinaryDims, BinaryForward> add_biases;
  Chosen<MatmulDims, Matmul> gates;  ///< [NT,F] [4D,F]^T
  Chosen<LstmDims, LstmForward> forward;
  Chosen<LstmDims, LstmBackward> backward;
  Chosen<MatmulDims, Matmul> dx;     ///< [NT,4D] [4D,F]
  Chosen<MatmulDims, Matmul> dw_ih;  ///< [NT,4D]^T [NT,F]
  Chosen<ReduceDims, ReduceForward> dbias;
  int64_t rows, states;

  Layer(const LstmDims& d, Device on)
      : add_biases(binary_fwd_rungs(), {"binary", "fwd"}, {Binary::add, 1, {4 * d.D}, {1}, {1}}, on),
        gates(matmul_fwd_rungs(), {"matmul", "fwd"}, {d.N * d.T, 4 * d.D, d.F, false, true}, on),
        forward(lstm_fwd_rungs(), {"lstm", "fwd"}, d, on),
        backward(lstm_bwd_rungs(), {"lstm", "bwd"}, d, on),
        dx(matmul_fwd_rungs(), {"matmul", "fwd"}, {d.N * d.T, d.F, 4 * d.D}, on),
        dw_ih(matmul_fwd_rungs(), {"matmul", "fwd"}, {4 * d.D, d.F, d.N * d.T, true, false}, on),
        dbias(reduce_fwd_rungs(), {"reduce", "fwd"}, {1, int64_t{d.N} * d.T, 4 * d.D, ReduceKind::sum}, on),
        rows(int64_t{d.N} * d.T),
        states(rows * d.D) {}

  bool complete() const {
    return add_biases.rung && gates.rung && forward.rung && backward.rung && dx.rung && dw_ih.rung && dbias.rung;
  }
};

/// Arrays in scratch, one behind the other; what is left is the launches' own.
struct Scratch {
  float* at;
  float* take(int64_t n) { return std::exchange(at, at + room(n)); }
};

/// Enough on either device, which may choose other rungs.
size_t scratch_floats(const LstmDims& d, bool train) {
  size_t own = 0;
  for (const Device on : {Device::emu, Device::cuda}) {
    const Layer layer(d, on);
    if (!layer.complete()) continue;
    own = std::max({own, layer.gates.scratch(), layer.forward.scratch()});
    if (!train) continue;
    own = std::max({own, layer.backward.scratch(), layer.dx.scratch(), layer.dw_ih.scratch(), layer.dbias.scratch()});
  }
  const int64_t states = int64_t{d.N} * d.T * d.D;
  return room(4 * d.D) + room(4 * states) + room(states) + (train ? room(4 * states) : 0) + own;
}

/// Leaves activations and cell, and the scratch behind them.
void run_forward(const Layer& layer, const LstmDims& d, const float* x, const float* weights, float* y,
                 float* activations, float* cell, Scratch& scratch, Stream stream) {
  const LstmLayerParts<const float> w(d, weights);
  float* const bias = scratch.take(4 * d.D);
  layer.add_biases(w.b_ih, w.b_hh, bias, stream);
  layer.gates(x, w.w_ih, static_cast<const float*>(bias), activations, scratch.at, stream);
  layer.forward(static_cast<const float*>(activations), w.w_hh, static_cast<const int32_t*>(nullptr), y, activations,
                cell, scratch.at, stream);
}

void forward(Device on, const LstmDims& d, const float* x, const float* weights, float* y, float* memory,
             Stream stream) {
  const Layer layer(d, on);
  Scratch scratch{memory};
  float *const activations = scratch.take(4 * layer.states), *const cell = scratch.take(layer.states);
  run_forward(layer, d, x, weights, y, activations, cell, scratch, stream);
}

void train(Device on, const LstmDims& d, const float* x, const float* weights, const float* dy, float* y, float* dx,
           float* dweights, float* memory, Stream stream) {
  const Layer layer(d, on);
  const LstmLayerParts<const float> w(d, weights);
  const LstmLayerParts<float> dw(d, dweights);
  Scratch scratch{memory};
  float *const activations = scratch.take(4 * layer.states), *const cell = scratch.take(layer.states);
  float* const dgates = scratch.take(4 * layer.states);
  run_forward(layer, d, x, weights, y, activations, cell, scratch, stream);
  layer.backward(w.w_hh, static_cast<const int32_t*>(nullptr), static_cast<const float*>(activations),
                 static_cast<const float*>(cell), static_cast<const float*>(y), dy, dgates, dw.w_hh, scratch.at,
                 stream);
  const float* const gradient = dgates;
  layer.dx(gradient, w.w_ih, static_cast<const float*>(nullptr), dx, scratch.at, stream);
  layer.dw_ih(gradient, x, static_cast<const float*>(nullptr), dw.w_ih, scratch.at, stream);
  layer.dbias(gradient, dw.b_ih, static_cast<int32_t*>(nullptr), scratch.at, stream);
  gpu_runtime(on)->copy(dw.b_hh, dw.b_ih, sizeof(float) * 4 * d.D, stream);  // both are added to the same sums
}

}  // namespace

size_t lstm_layer_fwd_scratch_v1_ops(const LstmDims& d) { return scratch_floats(d, false); }
size_t lstm_layer_train_scratch_v1_ops(const LstmDims& d) { return scratch_floats(d, true); }

#define LIMBIC_LSTM_LAYER(device)                                                                                      \
  namespace device {                                                                                                   \
  bool lstm_layer_supports_v1_ops(const LstmDims& d) { return d.F > 0 && Layer(d, Device::device).complete(); }        \
  void lstm_layer_fwd_v1_ops(const LstmDims& d, const float* x, const float* weights, float* y, float* s, Stream on) { \
    forward(Device::device, d, x, weights, y, s, on);                                                                  \
  }                                                                                                                    \
  void lstm_layer_train_v1_ops(const LstmDims& d, const float* x, const float* weights, const float* dy, float* y,     \
                               float* dx, float* dweights, float* s, Stream on) {                                      \
    train(Device::device, d, x, weights, dy, y, dx, dweights, s, on);                                                  \
  }                                                                                                                    \
  }
LIMBIC_LSTM_LAYER(emu)
LIMBIC_LSTM_LAYER(cuda)
#undef LIMBIC_LSTM_LAYER

}  // namespace limbic
