// SPDX-License-Identifier: Apache-2.0
// The block of the PANNs: two 3x3 convolutions, each with batch norm and ReLU, then an average over 2x2.
#pragma once
#include "engine/layers.h"

namespace limbic {

enum class BlockPool { halve, none };

class ConvBlock : public Module {
 public:
  ConvBlock(int in, int out, BlockPool pool)
      : conv1(in, out, 3, {.padding = 1}, false), conv2(out, out, 3, {.padding = 1}, false), pool_(pool) {
    add_child("conv1", conv1);
    add_child("conv2", conv2);
    add_child("bn1", bn1);
    add_child("bn2", bn2);
  }

  Tensor forward(const Tensor& x) override {
    if (fused_on_gpu({&conv1, &bn1, &conv2, &bn2})) {  // bn1's map is not written: conv2 makes it as it reads
      const MeasuredMap first = conv2d_measured(x, conv1.weight, conv1.options);  // [N,T,M,out]
      const MeasuredMap second = bn1.forward_convolved(first, conv2);             // [N,T,M,out]
      return pool_ == BlockPool::none ? bn2.forward_measured(second)              // [N,T,M,out]
                                      : bn2.forward_pooled(second);               // [N,T/2,M/2,out]
    }
    const Tensor y = conv2d_batch_norm(x, conv1, bn1);                      // [N,T,M,out]
    if (pool_ == BlockPool::none) return conv2d_batch_norm(y, conv2, bn2);  // [N,T,M,out]
    return conv2d_batch_norm_avg_pool2d(y, conv2, bn2);  // [N,T/2,M/2,out]: an odd last row is dropped
  }

  Conv2d conv1, conv2;
  BatchNorm bn1{static_cast<int>(conv1.weight.dim(0)), {.relu = true}};
  BatchNorm bn2{static_cast<int>(conv2.weight.dim(0)), {.relu = true}};

 private:
  BlockPool pool_;
};

}  // namespace limbic
