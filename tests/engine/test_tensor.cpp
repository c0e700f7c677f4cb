// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor.h"

#include "engine/numeric.h"

using namespace limbic;
using namespace limbic::testing;

TEST_CASE("handles share storage, clones do not") {
  Tensor a = Tensor::full({2}, 1);
  Tensor b = a, c = a.clone(), d = a.view({2, 1});
  a.data()[0] = 5;
  CHECK(b.data()[0] == 5);
  CHECK(d.data()[0] == 5);
  CHECK(c.data()[0] == 1);
}

TEST_CASE("a scalar has no axes and one element") {
  const Tensor s = Tensor::scalar(2.5f);
  CHECK(s.rank() == 0);
  CHECK(s.size() == 1);
  CHECK(s.item() == 2.5f);
}

TEST_CASE("tensors of no elements are possible") {
  const Tensor none = Tensor::zeros({0, 3});
  CHECK(none.size() == 0);
  CHECK(none);
  CHECK(none.clone().shape() == Shape{0, 3});
  CHECK(!Tensor());
}

TEST_CASE("tensor errors name what was found and what was expected") {
  const Tensor x = Tensor::zeros({2, 3});
  CHECK(error_of([&] { (void)x.dim(2); }) == "tensor: [2,3] has no axis 2");
  CHECK(error_of([&] { (void)x.item(); }) == "tensor: [2,3] is not a single number");
  CHECK(error_of([&] { (void)x.view({7}); }) == "view: [2,3] does not fit into [7]");
  CHECK(error_of([&] { (void)Tensor::from({2}, {1, 2, 3}); }) == "tensor: shape [2] has 2 elements, got 3 values");
  CHECK(error_of([&] { (void)std::as_const(x).ints(); }) == "tensor: f32 numbers read as i32");
  CHECK(error_of([&] {
          (void)Tensor::empty({1 << 30, 1 << 30, 1 << 30});
        }).find("is not possible") != std::string::npos);
  CHECK(x.dim(-1) == 3);
}
