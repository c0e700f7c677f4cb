// SPDX-License-Identifier: Apache-2.0
// Elements and their types.
#include "io/hdf5.h"

#include <bit>
#include <cstring>

namespace limbic {
namespace {

struct F16 {
  uint16_t bits;
  operator double() const {
    const uint32_t exponent = (bits >> 10) & 31, mantissa = bits & 1023;
    const double sign = bits & 0x8000 ? -1 : 1;
    if (exponent == 31) return std::bit_cast<float>((uint32_t{bits} & 0x8000) << 16 | 0x7f800000 | mantissa << 13);
    if (exponent == 0) return sign * mantissa * 0x1p-24;
    return sign * std::bit_cast<float>((exponent + 112) << 23 | mantissa << 13);
  }
};

template <class From, class To>
std::vector<To> convert(const std::vector<std::byte>& bytes) {
  std::vector<To> values(bytes.size() / sizeof(From));
  for (size_t i = 0; i < values.size(); ++i) {
    From value;
    std::memcpy(&value, bytes.data() + i * sizeof(From), sizeof(From));
    values[i] = static_cast<To>(value);
  }
  return values;
}

template <class To>
std::vector<To> convert(const std::string& dtype, const std::vector<std::byte>& bytes) {
  if (dtype == "f32") return convert<float, To>(bytes);
  if (dtype == "f64") return convert<double, To>(bytes);
  if (dtype == "f16") return convert<F16, To>(bytes);
  if (dtype == "i64") return convert<int64_t, To>(bytes);
  if (dtype == "i32") return convert<int32_t, To>(bytes);
  if (dtype == "i16") return convert<int16_t, To>(bytes);
  if (dtype == "i8") return convert<int8_t, To>(bytes);
  if (dtype == "u64") return convert<uint64_t, To>(bytes);
  if (dtype == "u32") return convert<uint32_t, To>(bytes);
  if (dtype == "u16") return convert<uint16_t, To>(bytes);
  return convert<uint8_t, To>(bytes);
}

}  // namespace

int64_t element_size(std::string_view dtype) {
  if (dtype == "f64" || dtype == "i64" || dtype == "u64") return 8;
  if (dtype == "f32" || dtype == "i32" || dtype == "u32") return 4;
  if (dtype == "f16" || dtype == "i16" || dtype == "u16") return 2;
  return dtype == "i8" || dtype == "u8" ? 1 : 0;
}

int64_t H5Tensor::size() const {
  int64_t count = 1;
  for (const int64_t n : shape) count *= n;
  return count;
}

std::vector<float> H5Tensor::floats() const { return convert<float>(dtype, bytes); }
std::vector<double> H5Tensor::doubles() const { return convert<double>(dtype, bytes); }

const H5Tensor* H5File::find(std::string_view name) const {
  for (const H5Tensor& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

}  // namespace limbic
