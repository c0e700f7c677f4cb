// SPDX-License-Identifier: Apache-2.0
// cuDNN's spatial-transformer sampler. It knows align_corners alone, and maps with the channels first: several channels
// are moved there and back, which its time includes. Its gradient adds by atomics.
#include "kernels/grid_sample/grid_sample.h"

#include "kernels/vendor/rungs.h"
#include "kernels/vendor/tensors.h"

namespace limbic::vendor {
namespace {

bool supports(const GridSampleDims& d) {
  return d.align_corners && d.N > 0 && d.H > 0 && d.W > 0 && d.C > 0 && d.P > 0 && d.Q > 0 && d.C <= 1024;
}

class Sampler {
 public:
  explicit Sampler(const GridSampleDims& d) {
    const int dims[] = {d.N, d.C, d.P, d.Q};
    check("cudnnCreateSpatialTransformerDescriptor", cudnnCreateSpatialTransformerDescriptor(&raw_));
    check("cudnnSetSpatialTransformerNdDescriptor",
          cudnnSetSpatialTransformerNdDescriptor(raw_, CUDNN_SAMPLER_BILINEAR, CUDNN_DATA_FLOAT, 4, dims));
  }
  ~Sampler() { cudnnDestroySpatialTransformerDescriptor(raw_); }
  Sampler(const Sampler&) = delete;
  operator cudnnSpatialTransformerDescriptor_t() const { return raw_; }

 private:
  cudnnSpatialTransformerDescriptor_t raw_ = nullptr;
};

/// A map in both layouts.
struct Map {
  explicit Map(const MapDims& d)
      : one_channel(d.c == 1),
        n(size_t(d.n) * d.c * d.h * d.w),
        channels_last(d),
        channels_first(d, CUDNN_TENSOR_NCHW) {}
  const bool one_channel;
  const size_t n;
  const TensorDescriptor channels_last, channels_first;

  /// Its numbers with the channels first, at `place` unless they lie so anyway.
  const float* brought(const float* map, float* place, Stream stream) const {
    if (one_channel) return map;
    check("cudnnTransformTensor",
          cudnnTransformTensor(cudnn(stream), &one, channels_last, map, &zero, channels_first, place));
    return place;
  }
  void take_back(const float* place, float* map, Stream stream) const {
    if (place == map) return;
    check("cudnnTransformTensor",
          cudnnTransformTensor(cudnn(stream), &one, channels_first, place, &zero, channels_last, map));
  }
};

void forward(const GridSampleDims& d, const float* x, const float* grid, float* y, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  const Sampler sampler(d);
  const Map of_x({d.N, d.C, d.H, d.W}), of_y({d.N, d.C, d.P, d.Q});
  float* const place = static_cast<float*>(workspace((of_x.n + of_y.n) * sizeof(float), stream));
  float* const result = of_y.one_channel ? y : place + of_x.n;
  check("cudnnSpatialTfSamplerForward",
        cudnnSpatialTfSamplerForward(cudnn(stream), sampler, &one, of_x.channels_first, of_x.brought(x, place, stream),
                                     grid, &zero, of_y.channels_first, result));
  of_y.take_back(result, y, stream);
}

void backward(const GridSampleDims& d, const float* x, const float* grid, const float* dy, float* dx, float* dgrid,
              Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  const Sampler sampler(d);
  const Map of_x({d.N, d.C, d.H, d.W}), of_y({d.N, d.C, d.P, d.Q});
  const size_t places = size_t(d.N) * d.P * d.Q * 2;
  float* const x_place = static_cast<float*>(workspace((2 * of_x.n + of_y.n + places) * sizeof(float), stream));
  float *const y_place = x_place + of_x.n, *const dx_place = y_place + of_y.n;
  float* const dx_result = of_x.one_channel && dx ? dx : dx_place;
  float* const dgrid_result = dgrid ? dgrid : dx_place + of_x.n;  // cuDNN computes both, wanted or not
  check(
      "cudnnSpatialTfSamplerBackward",
      cudnnSpatialTfSamplerBackward(cudnn(stream), sampler, &one, of_x.channels_first, of_x.brought(x, x_place, stream),
                                    &zero, of_x.channels_first, dx_result, &one, of_y.channels_first,
                                    of_y.brought(dy, y_place, stream), grid, &zero, dgrid_result));
  if (dx) of_x.take_back(dx_result, dx, stream);
}

}  // namespace

void add_grid_sample(VendorKernels& k) {
  k.grid_sample_fwd = {forward, supports};
  k.grid_sample_bwd = {backward, supports};
}

}  // namespace limbic::vendor
