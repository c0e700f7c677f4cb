// SPDX-License-Identifier: Apache-2.0
#include "tools/weight_tensors.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace limbic {

std::vector<FileTensor> file_tensors(const WeightFile& file) {
  std::vector<FileTensor> tensors;
  for (const auto& t : file.tensors) tensors.push_back({t.name, t.shape, t.values});
  return tensors;
}

void refuse_net(const Net& net, const std::string& file) {
  const Shape x = net.input_shape(1, net.typical_frames);
  const char* kind = !net.front_end.empty() ? "net" : x.size() == 4 ? "face net" : "net over sequences of features";
  throw Error(ExitCode::weights,
              fmt::format("{}: found the {} {}, input {}; expected a net that hears log-mels, such as cnn14 or voice",
                          file, kind, net.name, shape_text(x)));
}

void check_answer(const Tensor& answer, const std::string& file) {
  const float* v = answer.data();
  const float* bad = std::find_if(v, v + answer.size(), [](float x) { return !std::isfinite(x); });
  if (bad == v + answer.size()) return;
  throw Error(ExitCode::weights, fmt::format("{}: the net answers {} for class or feature {}; expected finite numbers",
                                             file, *bad, bad - v));
}

}  // namespace limbic
