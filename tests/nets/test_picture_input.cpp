// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>

#include "nets/nets.h"
#include "nets/picture_input.h"
#include "nets/registry.h"
#include "nets/saliency.h"

using namespace limbic;

namespace {

std::vector<uint8_t> pictures(int count, int side) {
  std::vector<uint8_t> pixels(static_cast<size_t>(count * side * side));
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * i / 7 % 256);
  return pixels;
}

}  // namespace

TEST_CASE("grey pictures reach system 1's nets between -1 and 1, system 2's between 0 and 1") {
  auto pixels = pictures(2, 48);
  pixels[0] = 0, pixels[1] = 255;
  const Tensor one = picture_maps(*find_picture_input("grey-48"), pixels);
  CHECK(one.shape() == Shape{2, 48, 48, 1});
  CHECK(one.data()[0] == -1);
  CHECK(one.data()[1] == 1);
  CHECK(one.data()[2 * 48 * 48 - 1] == Approx(2 * pixels.back() / 255.0 - 1).margin(1e-6));
  auto large = pictures(1, 112);
  large[0] = 255, large[1] = 51;
  const Tensor two = picture_maps(*find_picture_input("grey-112"), large);
  CHECK(two.shape() == Shape{1, 112, 112, 1});
  CHECK(two.data()[0] == 1);
  CHECK(two.data()[1] == Approx(0.2));
}

TEST_CASE("colour pictures reach system 3's nets between 0 and 1, red first") {
  std::vector<uint8_t> pixels(2 * 96 * 96 * 3, 51);
  pixels[0] = 255, pixels[1] = 0, pixels[2] = 102;
  const Tensor maps = picture_maps(*find_picture_input("rgb-96"), pixels);
  CHECK(maps.shape() == Shape{2, 96, 96, 3});
  CHECK(maps.data()[0] == 1);
  CHECK(maps.data()[1] == 0);
  CHECK(maps.data()[2] == Approx(0.4));
  CHECK(maps.data()[maps.size() - 1] == Approx(0.2));
}

TEST_CASE("the guide is the picture's saliency, scaled as the picture is, and its own in any batch") {
  const auto pixels = pictures(2, 48);
  const PictureInput& guided = *find_picture_input("grey-48-guided");
  const Tensor maps = picture_maps(guided, pixels);  // [2,48,48,2]
  const Tensor plain = picture_maps(*find_picture_input("grey-48"), pixels);
  Tensor grey = Tensor::empty({2, 48, 48, 1});
  for (int64_t i = 0; i < grey.size(); ++i) grey.data()[i] = static_cast<float>(pixels[i]) / 255;
  const Tensor saliency = spectral_residual(grey);
  int inner = 0;
  for (int64_t i = 0; i < grey.size(); ++i) {
    REQUIRE(maps.data()[2 * i] == plain.data()[i]);
    REQUIRE(maps.data()[2 * i + 1] == (saliency.data()[i] - 0.5f) / 0.5f);
    inner += saliency.data()[i] > 0.01f;
  }
  CHECK(inner > 100);
  const Tensor second = picture_maps(guided, {pixels.begin() + 48 * 48, pixels.end()});
  CHECK(second.to_vector() == slice(maps, 0, 1, 2).to_vector());
}

TEST_CASE("a picture input fits the nets of its size and channels") {
  const std::pair<const char*, const char*> fitting[] = {{"grey-48", "unguided-stn"}, {"grey-48", "no-stn"},
                                                         {"grey-48", "face"},         {"grey-48-guided", "guided-stn"},
                                                         {"grey-112", "sys2-face"},   {"rgb-96", "resnet50"}};
  for (const std::string& input : picture_input_names()) {
    for (const char* net : {"unguided-stn", "no-stn", "guided-stn", "face", "sys2-face", "resnet50", "voice"}) {
      INFO(input << " " << net);
      const bool expected = std::any_of(std::begin(fitting), std::end(fitting), [&](const auto& pair) {
        return pair.first == input && pair.second == std::string(net);
      });
      CHECK(fits(*make_net(net), *find_picture_input(input)) == expected);
    }
  }
  CHECK(find_picture_input("grey-49") == nullptr);
}
