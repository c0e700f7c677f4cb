// SPDX-License-Identifier: Apache-2.0
// cuDNN's LSTM, of a whole layer: it leaves neither the input's product nor the gates apart, which stay in a reserve of
// its own between forward and backward. In f32 without tensor cores; the fastest of its three algorithms that serve a
// shape, measured on the first call and kept. It walks forward in time alone.
#include "kernels/vendor/lstm.h"

#include <limits>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "kernels/vendor/rungs.h"
#include "kernels/vendor/tensors.h"

namespace limbic::vendor {
namespace {

/// dy, dx and dweights null: forward alone.
struct Arrays {
  const float *x, *weights, *dy;
  float *y, *dx, *dweights;
};

size_t room(size_t bytes) { return (bytes + 255) / 256 * 256; }

/// Throws where what cuDNN says of a matrix or bias is not `floats` numbers of f32.
void check_size(const TensorDescriptor& tensor, size_t floats) {
  cudnnDataType_t type;
  int rank = 0, size[CUDNN_DIM_MAX], stride[CUDNN_DIM_MAX];
  check("cudnnGetTensorNdDescriptor", cudnnGetTensorNdDescriptor(tensor, CUDNN_DIM_MAX, &type, &rank, size, stride));
  size_t found = 1;
  for (int i = 0; i < rank; ++i) found *= static_cast<size_t>(size[i]);
  if (type != CUDNN_DATA_FLOAT || found != floats) throw std::runtime_error("cudnn: lstm: weights of another size");
}

/// One algorithm on one shape.
class Layer {
 public:
  Layer(const LstmDims& d, cudnnRNNAlgo_t algorithm) : is_(d, algorithm) {
    const cudnnHandle_t handle = cudnn({});
    check("cudnnGetRNNWeightSpaceSize", cudnnGetRNNWeightSpaceSize(handle, is_.layer, &weight_bytes_));
    size_t none = 0;
    check("cudnnGetRNNTempSpaceSizes",
          cudnnGetRNNTempSpaceSizes(handle, is_.layer, CUDNN_FWD_MODE_INFERENCE, is_.x, &infer_bytes_, &none));
    check("cudnnGetRNNTempSpaceSizes",
          cudnnGetRNNTempSpaceSizes(handle, is_.layer, CUDNN_FWD_MODE_TRAINING, is_.x, &train_bytes_, &reserve_bytes_));
    find_parts(d, handle);
  }

  void run(const Arrays& at, Stream stream) const {
    const bool train = at.dy;
    const size_t own = as_ours_ ? 0 : room(weight_bytes_), temporary = train ? train_bytes_ : infer_bytes_;
    char* const memory =
        static_cast<char*>(workspace(2 * own + room(temporary) + (train ? reserve_bytes_ : 0), stream));
    char *const temp = memory + 2 * own, *const reserve = temp + room(temporary);
    const void* weights = at.weights;
    if (!as_ours_) {
      for (const Part& p : parts_) runtime->copy(memory + p.theirs, at.weights + p.ours, p.bytes, stream);
      weights = memory;
    }
    // No first and last states, and no gradients of them: zeros. No lengths: the descriptors', since cuDNN 8.9.1.
    const cudnnHandle_t handle = cudnn(stream);
    check("cudnnRNNForward",
          cudnnRNNForward(handle, is_.layer, train ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE, nullptr, is_.x,
                          at.x, is_.y, at.y, is_.state, nullptr, nullptr, is_.state, nullptr, nullptr, weight_bytes_,
                          weights, temporary, temp, train ? reserve_bytes_ : 0, train ? reserve : nullptr));
    if (!train) return;
    check("cudnnRNNBackwardData_v8",
          cudnnRNNBackwardData_v8(handle, is_.layer, nullptr, is_.y, at.y, at.dy, is_.x, at.dx, is_.state, nullptr,
                                  nullptr, nullptr, is_.state, nullptr, nullptr, nullptr, weight_bytes_, weights,
                                  temporary, temp, reserve_bytes_, reserve));
    void* const dweights = as_ours_ ? static_cast<void*>(at.dweights) : memory + own;
    runtime->set_bytes(dweights, 0, weight_bytes_, stream);  // cuDNN adds to what is there
    check("cudnnRNNBackwardWeights_v8",
          cudnnRNNBackwardWeights_v8(handle, is_.layer, CUDNN_WGRAD_MODE_ADD, nullptr, is_.x, at.x, is_.state, nullptr,
                                     is_.y, at.y, weight_bytes_, dweights, temporary, temp, reserve_bytes_, reserve));
    if (as_ours_) return;
    for (const Part& p : parts_) runtime->copy(at.dweights + p.ours, memory + own + p.theirs, p.bytes, stream);
  }

 private:
  /// A gate's matrix or bias: where it begins among our weights, in floats, and in cuDNN's space, in bytes.
  struct Part {
    size_t ours, theirs, bytes;
  };

  /// cuDNN numbers what multiplies the input 0 to 3 and what multiplies h 4 to 7: the gates i f g o.
  void find_parts(const LstmDims& d, cudnnHandle_t handle) {
    const size_t D = static_cast<size_t>(d.D), F = static_cast<size_t>(d.F);
    char* const space = static_cast<char*>(workspace(weight_bytes_, {}));
    const TensorDescriptor of_matrix({1, 1, 1, 1}), of_bias({1, 1, 1, 1});  // to be filled in
    as_ours_ = weight_bytes_ == static_cast<size_t>(lstm_layer_weights(d)) * sizeof(float);
    for (size_t id = 0; id < 8; ++id) {
      const bool input = id < 4;
      const size_t gate = id % 4, matrix_size = D * (input ? F : D);
      void *matrix = nullptr, *bias = nullptr;
      check("cudnnGetRNNWeightParams",
            cudnnGetRNNWeightParams(handle, is_.layer, 0, weight_bytes_, space, static_cast<int>(id), of_matrix,
                                    &matrix, of_bias, &bias));
      check_size(of_matrix, matrix_size);
      check_size(of_bias, D);
      const auto add = [&](size_t ours, const void* theirs, size_t floats) {
        const Part part{ours, static_cast<size_t>(static_cast<const char*>(theirs) - space), floats * sizeof(float)};
        as_ours_ = as_ours_ && part.theirs == part.ours * sizeof(float);
        parts_.push_back(part);
      };
      add((input ? 0 : 4 * D * F) + gate * matrix_size, matrix, matrix_size);
      add(4 * D * (F + D) + (input ? 0 : 4 * D) + gate * D, bias, D);
    }
  }

  LstmDescriptors is_;
  size_t weight_bytes_ = 0, infer_bytes_ = 0, train_bytes_ = 0, reserve_bytes_ = 0;
  std::vector<Part> parts_;
  bool as_ours_ = false;  ///< cuDNN's weights lie as ours do, so that none are copied
};

struct Shape {
  std::vector<std::unique_ptr<Layer>> layers;  ///< one an algorithm that describes the shape
  const Layer* best[2] = {};                   ///< forward, training; null: not yet measured
};

Shape& shape_of(const LstmDims& d) {
  static std::map<std::tuple<int, int, int, int>, Shape> shapes;
  const auto [at, is_new] = shapes.try_emplace({d.N, d.T, d.D, d.F});
  Shape& shape = at->second;
  for (size_t i = 0; is_new && i < lstm_algorithms.size(); ++i) {
    try {
      shape.layers.push_back(std::make_unique<Layer>(d, lstm_algorithms[i]));
    } catch (const std::runtime_error&) {
      continue;  // an algorithm that does not serve it
    }
  }
  return shape;
}

bool supports(const LstmDims& d) {
  constexpr int most_steps = 65535, most = std::numeric_limits<int>::max();
  if (d.reverse || d.N < 1 || d.T < 1 || d.D < 1 || d.F < 1 || d.T > most_steps || d.N > most / d.D) return false;
  const std::lock_guard lock(one_at_a_time);
  return !shape_of(d).layers.empty();
}

void run(const LstmDims& d, const Arrays& at, Stream stream) {
  Shape& shape = shape_of(d);
  const Layer*& best = shape.best[at.dy != nullptr];
  float least = 1e30f;
  const Layer* fastest = best;
  for (size_t i = 0; !best && i < shape.layers.size(); ++i) {
    try {
      const float ms = least_ms([&] { shape.layers[i]->run(at, stream); }, stream);
      if (ms < least) least = ms, fastest = shape.layers[i].get();
    } catch (const std::runtime_error&) {
      continue;  // described, but cannot run
    }
  }
  best = fastest;
  if (!best) throw std::runtime_error("cudnn: lstm: no algorithm runs");
  best->run(at, stream);
}

void forward(const LstmDims& d, const float* x, const float* weights, float* y, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  run(d, {x, weights, nullptr, y, nullptr, nullptr}, stream);
}

void train(const LstmDims& d, const float* x, const float* weights, const float* dy, float* y, float* dx,
           float* dweights, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  run(d, {x, weights, dy, y, dx, dweights}, stream);
}

}  // namespace

void add_lstm(VendorKernels& k) {
  k.lstm_layer_fwd = {forward, supports};
  k.lstm_layer_train = {train, supports};
}

}  // namespace limbic::vendor
