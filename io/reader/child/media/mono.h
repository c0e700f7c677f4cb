// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

struct AVFrame;

namespace limbic::reader {

/// The mean of a decoded frame's channels, full scale = 1, whatever its sample format. Throws Refusal for an unknown
/// one.
void mono_mean(const AVFrame& frame, std::vector<float>& out);

}  // namespace limbic::reader
