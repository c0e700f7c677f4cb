// SPDX-License-Identifier: Apache-2.0
// The element types that weights have in files, and f32.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace limbic {

/// Bytes of one element of "f64 f32 f16 bf16 i64 i32 i16 i8 u64 u32 u16 u8 bool"; 0 for any other name.
int64_t bytes_per_element(std::string_view dtype);

/// Little-endian elements as f32, nearest value. `bytes` holds whole elements, at any alignment.
std::vector<float> to_floats(std::string_view dtype, std::span<const std::byte> bytes);

/// The way back: nearest value, halves to even; integers end at the type's limits, NaN becomes 0 there.
std::vector<std::byte> from_floats(std::string_view dtype, std::span<const float> values);

}  // namespace limbic
