// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "nets/mel_picture.h"

using namespace limbic;

TEST_CASE("a mel picture has time to the right, low mels below, and 80 dB of grey") {
  // Two clips of four frames and two mels; the loudest is 0 dB, and 20 dB.
  const Tensor log_mels =
      Tensor::from({2, 4, 2}, {0, -40, 0, -40, -80, -200, -80, -200, 20, 20, 20, 20, 20, 20, 20, 20});
  const Tensor picture = mel_picture(log_mels, 4);
  REQUIRE(picture.shape() == Shape{2, 4, 4, 3});
  auto grey = [&](int row, int column) { return picture.data()[(row * 4 + column) * 3] * 0.229f + 0.485f; };
  CHECK(grey(3, 0) == Approx(1).margin(1e-6));    // bottom left: low mel, loud
  CHECK(grey(3, 3) == Approx(0).margin(1e-6));    // bottom right: 80 dB below
  CHECK(grey(0, 0) == Approx(0.5).margin(1e-6));  // top left: high mel, 40 dB below
  CHECK(grey(0, 3) == Approx(0).margin(1e-6));    // below the range
  CHECK(grey(2, 0) == Approx(0.875).margin(1e-6));
  CHECK(picture.data()[4 * 4 * 3] * 0.229f + 0.485f == Approx(1).margin(1e-6));  // the second clip has its own loudest
  CHECK_THROWS_WITH(mel_picture(Tensor::zeros({3})), Catch::Contains("[3]"));
}
