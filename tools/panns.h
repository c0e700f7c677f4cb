// SPDX-License-Identifier: Apache-2.0
// A PANNs net with its front end: what `tag` and `embed` share.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nets/front_end.h"
#include "nets/registry.h"
#include "nets/windows.h"

namespace limbic {

struct PannsModel {
  std::unique_ptr<Net> net;
  const FrontEnd* front_end = nullptr;  ///< a preset, or `stored`
  std::unique_ptr<FrontEnd> stored;  ///< the preset with the mel matrix of the file, which may differ in the last bit
  std::vector<std::string> labels;   ///< the card's, else AudioSet's for 527 classes
  std::vector<std::string> warnings;
};

/// `front_end`: the name to use; empty: what the file tells, its card or its stored STFT. Throws
/// Error(ExitCode::weights), also where the file does not tell, and Error(ExitCode::usage) for a name that is none or
/// does not fit.
PannsModel load_panns(const std::string& path, const std::string& front_end);

/// Calls `use(log_mel [1,T,M])` for each window of a recording, in order, in bounded memory. What is shorter than 0.31
/// s throws Error(ExitCode::media).
struct Analysed {
  double duration_s = 0;
  std::vector<std::string> warnings;
};
Analysed for_each_window(const std::string& clip, const FrontEnd& front_end, const WindowOptions& options,
                         const std::function<void(const Tensor& log_mel)>& use);

}  // namespace limbic
