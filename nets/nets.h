// SPDX-License-Identifier: Apache-2.0
// One function a net, each in the file of its name; registry.cpp lists them.
#pragma once
#include <memory>
#include <string>

#include "nets/net.h"

namespace limbic {

enum class PannsRate { k32, k16, k8 };

/// What a spatial transformer looks at to find where to look: a guide beside the picture, the picture itself, or
/// nothing (there is no transformer).
enum class Where { guide, picture, everywhere };

std::unique_ptr<Net> make_cnn14(PannsRate rate, const NetOptions& options);
std::unique_ptr<Net> make_cnn14_transfer(const NetOptions& options);
std::unique_ptr<Net> make_cnn10(const NetOptions& options);
std::unique_ptr<Net> make_cnn6(const NetOptions& options);
std::unique_ptr<Net> make_alexnet(const NetOptions& options);
std::unique_ptr<Net> make_sys2_audio_1d(const NetOptions& options);
std::unique_ptr<Net> make_sys2_audio_2d(const NetOptions& options);
std::unique_ptr<Net> make_voice(const NetOptions& options);
std::unique_ptr<Net> make_spatial_transformer(Where where, const NetOptions& options);
std::unique_ptr<Net> make_bilstm_attention(const NetOptions& options);
std::unique_ptr<Net> make_face(const NetOptions& options);
std::unique_ptr<Net> make_sys2_face(const NetOptions& options);
std::unique_ptr<Net> make_resnet50(const NetOptions& options);

}  // namespace limbic
