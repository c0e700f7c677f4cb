// SPDX-License-Identifier: Apache-2.0
#include "io/elements.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "engine/error.h"

namespace limbic {
namespace {

static_assert(std::endian::native == std::endian::little);

struct Half {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

float widen(Half h) {
  const int exponent = h.bits >> 10 & 31, fraction = h.bits & 1023;
  float magnitude;
  if (exponent == 31) {
    magnitude = fraction == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  } else {
    magnitude = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                              : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
  }
  return h.bits & 0x8000 ? -magnitude : magnitude;
}
float widen(BFloat16 b) { return std::bit_cast<float>(uint32_t{b.bits} << 16); }
template <class T>
float widen(T value) {
  return static_cast<float>(value);
}

template <class T>
T narrow(float value) {
  if constexpr (std::is_integral_v<T>) {
    // 2^digits is exact in f32, the limit itself may not be.
    const float end = std::ldexp(1.0f, std::numeric_limits<T>::digits);
    const float rounded = std::nearbyint(value);
    if (std::isnan(rounded)) return 0;
    if (rounded >= end) return std::numeric_limits<T>::max();
    if (rounded < (std::is_signed_v<T> ? -end : 0.0f)) return std::numeric_limits<T>::min();
    return static_cast<T>(rounded);
  } else {
    return static_cast<T>(value);
  }
}
template <>
BFloat16 narrow(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return {static_cast<uint16_t>(bits >> 16 | 64)};
  return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}
template <>
Half narrow(float value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float magnitude = std::abs(value);
  if (std::isnan(value)) return {static_cast<uint16_t>(sign | 0x7e00)};
  if (magnitude >= 65520.0f) return {static_cast<uint16_t>(sign | 0x7c00)};
  int exponent;
  std::frexp(magnitude, &exponent);  // magnitude < 2^exponent
  if (magnitude == 0 || exponent < -13) {
    return {static_cast<uint16_t>(sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(magnitude, 24))))};
  }
  // A fraction that rounds up to 2048 carries into the exponent, as it should.
  const auto fraction = static_cast<uint16_t>(std::nearbyint(std::ldexp(magnitude, 11 - exponent)));
  return {static_cast<uint16_t>(sign | (((exponent + 13) << 10) + fraction))};
}

/// Calls work with an example of the C++ type of `dtype`; false where there is none.
template <class Work>
bool with_type(std::string_view dtype, const Work& work) {
  if (dtype == "f32") return work(float{}), true;
  if (dtype == "f64") return work(double{}), true;
  if (dtype == "f16") return work(Half{}), true;
  if (dtype == "bf16") return work(BFloat16{}), true;
  if (dtype == "i64") return work(int64_t{}), true;
  if (dtype == "i32") return work(int32_t{}), true;
  if (dtype == "i16") return work(int16_t{}), true;
  if (dtype == "i8") return work(int8_t{}), true;
  if (dtype == "u64") return work(uint64_t{}), true;
  if (dtype == "u32") return work(uint32_t{}), true;
  if (dtype == "u16") return work(uint16_t{}), true;
  if (dtype == "u8" || dtype == "bool") return work(uint8_t{}), true;
  return false;
}

[[noreturn]] void unknown(std::string_view dtype) {
  throw Error(ExitCode::weights, fmt::format("weights: unknown element type {}", dtype));
}

}  // namespace

int64_t bytes_per_element(std::string_view dtype) {
  int64_t size = 0;
  with_type(dtype, [&](auto example) { size = sizeof example; });
  return size;
}

std::vector<float> to_floats(std::string_view dtype, std::span<const std::byte> bytes) {
  std::vector<float> values;
  const bool known = with_type(dtype, [&]<class T>(T) {
    values.resize(bytes.size() / sizeof(T));
    if constexpr (std::is_same_v<T, float>) {
      if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    } else {
      for (size_t i = 0; i < values.size(); ++i) {
        T element;
        std::memcpy(&element, bytes.data() + i * sizeof(T), sizeof(T));
        values[i] = widen(element);
      }
    }
  });
  if (!known) unknown(dtype);
  return values;
}

std::vector<std::byte> from_floats(std::string_view dtype, std::span<const float> values) {
  std::vector<std::byte> bytes;
  const bool known = with_type(dtype, [&]<class T>(T) {
    bytes.resize(values.size() * sizeof(T));
    for (size_t i = 0; i < values.size(); ++i) {
      const T element = narrow<T>(values[i]);
      std::memcpy(bytes.data() + i * sizeof(T), &element, sizeof(T));
    }
  });
  if (!known) unknown(dtype);
  return bytes;
}

}  // namespace limbic
