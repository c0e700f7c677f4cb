// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5.h"

#include <utility>

#include "io/elements.h"

namespace limbic {

int64_t H5Tensor::size() const {
  int64_t count = 1;
  for (const int64_t n : shape) count *= n;
  return count;
}

std::vector<float> H5Tensor::floats() const& { return dtype == "f32" ? values : to_floats(dtype, bytes); }
std::vector<float> H5Tensor::floats() && { return dtype == "f32" ? std::move(values) : to_floats(dtype, bytes); }

const H5Tensor* H5File::find(std::string_view name) const {
  for (const H5Tensor& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

}  // namespace limbic
