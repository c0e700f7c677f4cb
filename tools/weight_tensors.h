// SPDX-License-Identifier: Apache-2.0
// Between files and nets, which do not know each other.
#pragma once
#include <vector>

#include "io/weights.h"
#include "nets/registry.h"

namespace limbic {

/// A file's tensors as nets read them; they share the numbers, so `file` must stay.
std::vector<FileTensor> file_tensors(const WeightFile& file);

/// Error(ExitCode::weights): the net in `file` is none that a verb can feed with sound; it says what it is instead.
[[noreturn]] void refuse_net(const Net& net, const std::string& file);

/// What a net answered must be finite, else Error(ExitCode::weights): sound always is, so its weights (`file`) are not.
void check_answer(const Tensor& answer, const std::string& file);

}  // namespace limbic
