// SPDX-License-Identifier: Apache-2.0
// Which rungs are cuDNN's and cuBLAS's, and whether they go first.
#pragma once

namespace limbic {

/// Is this a rung to measure ours by: "cudnn", "cublas_tf32"?
bool is_yardstick(const char* rung);

/// Yardsticks first: where one serves it runs, elsewhere the default (`--kernels vendor`).
void prefer_yardsticks(bool);
bool yardsticks_preferred();

}  // namespace limbic
