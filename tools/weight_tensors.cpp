// SPDX-License-Identifier: Apache-2.0
#include "tools/weight_tensors.h"

namespace limbic {

std::vector<FileTensor> file_tensors(const WeightFile& file) {
  std::vector<FileTensor> tensors;
  for (const auto& t : file.tensors) tensors.push_back({t.name, t.shape, t.values});
  return tensors;
}

}  // namespace limbic
