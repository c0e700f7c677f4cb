// SPDX-License-Identifier: Apache-2.0
#include "nets/net.h"

#include <fmt/format.h>

#include "engine/random.h"

namespace limbic {

Tensor probabilities(const Net& net, const Tensor& logits) {
  return net.decision == Decision::sigmoid ? sigmoid(logits) : softmax(logits);
}

void check_log_mel(const Net& net, const Tensor& x) {
  if (x.rank() != 3 || x.dim(2) != net.options.mels) {
    throw Error(ExitCode::usage, fmt::format("{}: input is {}, wants log-mels [N,frames,{}]", net.name,
                                             shape_text(x.shape()), net.options.mels));
  }
  if (x.dim(1) < net.min_frames) {
    throw Error(ExitCode::usage, fmt::format("{}: input has {} frames, its poolings need at least {}", net.name,
                                             x.dim(1), net.min_frames));
  }
}

void init_xavier(Module& net) {
  for (const NamedTensor& p : net.parameters()) {
    if (p.tensor->rank() > 1) {
      xavier_uniform(*p.tensor);
    } else if (p.name.ends_with("bias")) {
      p.tensor->copy_from(Tensor::zeros(p.tensor->shape()));
    }
  }
}

}  // namespace limbic
