// SPDX-License-Identifier: Apache-2.0
// Where a picture draws the eye: the guide of system 1's spatial transformer where no saliency map is given.
#pragma once
#include "engine/tensor.h"

namespace limbic {

/// Spectral residual saliency (Hou and Zhang, CVPR 2007) of grey pictures [N,H,W,1] of any scale -> [N,H,W,1] in [0,1],
/// each with a maximum of 1 before it is brought back to its size. Settings are those of OpenCV's
/// StaticSaliencySpectralResidual, which rounds the resized picture to 8 bits where this does not. The same bits on
/// every machine.
Tensor spectral_residual(const Tensor& pictures);

}  // namespace limbic
