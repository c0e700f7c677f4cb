// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/mel/mel.h"
#include "tests/kernels/compare.h"

namespace limbic::test {

/// Overlapping triangles of growing width; the last filter is empty where there are several.
struct Filters {
  std::vector<int32_t> first, count, offset;
  std::vector<float> weight;
  Filters(int mels, int bins) {
    for (int m = 0; m < mels; ++m) {
      const int begin = m * (bins - 1) / (mels + 1);
      const int wide = mels > 1 && m == mels - 1 ? 0 : std::min(bins - begin, 1 + 2 * bins / (mels + 1));
      first.push_back(begin);
      count.push_back(wide);
      offset.push_back(static_cast<int32_t>(weight.size()));
      for (int i = 0; i < wide; ++i) weight.push_back(0.02f * static_cast<float>(std::min(i + 1, wide - i)) / wide);
    }
  }
  MelBank bank() const {
    return {static_cast<int>(first.size()), first.data(), count.data(), offset.data(), weight.data()};
  }
};

}  // namespace limbic::test
