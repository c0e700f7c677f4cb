// SPDX-License-Identifier: Apache-2.0
// A log-mel as the picture that AlexNet looks at. System 1 published no details of its pictures; these are ours.
#pragma once
#include "engine/tensor.h"

namespace limbic {

/// Log-mels [N,T,M] in dB -> [N,size,size,3]: time to the right, low mels at the bottom, the 80 dB below each clip's
/// loudest as grey 0 to 1, resized bilinearly, then ImageNet's mean and deviation (0.485 0.456 0.406; 0.229 0.224
/// 0.225) of each channel.
Tensor mel_picture(const Tensor& log_mels, int size = 224);

}  // namespace limbic
