// SPDX-License-Identifier: Apache-2.0
// Values against NumPy's are in tests/io/test_face_reference.cpp.
#include "nets/saliency.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "engine/ops.h"

using namespace limbic;

namespace {

/// A bright dot on a striped ground.
Tensor dotted(int h, int w, int at_h, int at_w) {
  Tensor picture = Tensor::empty({1, h, w, 1});
  for (int i = 0; i < h; ++i) {
    for (int j = 0; j < w; ++j) {
      const bool dot = std::abs(i - at_h) < 3 && std::abs(j - at_w) < 3;
      picture.data()[i * w + j] = dot ? 1.0f : 0.3f + 0.1f * static_cast<float>(j / 4 % 2);
    }
  }
  return picture;
}

}  // namespace

TEST_CASE("saliency: what differs from its surroundings stands out, wherever it is") {
  for (const auto& [h, w, at_h, at_w] : {std::array{48, 48, 14, 30}, {48, 48, 35, 9}, {60, 100, 20, 70}}) {
    const Tensor map = spectral_residual(dotted(h, w, at_h, at_w));
    const auto values = map.to_vector();
    const auto peak = std::max_element(values.begin(), values.end()) - values.begin();
    CHECK(std::abs(peak / w - at_h) <= 4);
    CHECK(std::abs(peak % w - at_w) <= 4);
    CHECK(*std::min_element(values.begin(), values.end()) >= 0);
    CHECK(values[peak] <= 1);
    CHECK(values[peak] > 0.8f);
  }
}

TEST_CASE(
    "saliency: brighter pictures and others beside them change nothing; a flat picture has no place above another") {
  const Tensor a = dotted(48, 48, 14, 30), b = dotted(48, 48, 35, 9);
  const Tensor both = spectral_residual(concat({a, b}, 0));
  CHECK(slice(both, 0, 1, 2).to_vector() == spectral_residual(b).to_vector());
  const auto once = spectral_residual(a).to_vector(), brighter = spectral_residual(a * 255).to_vector();
  for (size_t i = 0; i < once.size(); ++i) REQUIRE(once[i] == Approx(brighter[i]).margin(1e-5));
  for (const float v : spectral_residual(Tensor::full({1, 10, 12, 1}, 0.5f)).to_vector()) REQUIRE(v == Approx(1));
  for (const float v : spectral_residual(Tensor::zeros({1, 10, 12, 1})).to_vector()) REQUIRE(v == 0);
  CHECK_THROWS_WITH(spectral_residual(Tensor::zeros({10, 12})), Catch::Contains("[10,12], expected [N,H,W,1]"));
}
