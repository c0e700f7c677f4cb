// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/lstm/lstm.h"

namespace limbic {

// cpu_packed: w_hh packed once, then tiles of sequences x units.
size_t lstm_fwd_scratch_cpu_packed(const LstmDims&);
size_t lstm_bwd_scratch_cpu_packed(const LstmDims&);
LIMBIC_EACH_ISA(LstmForward lstm_fwd_cpu_packed; LstmBackward lstm_bwd_cpu_packed;)

}  // namespace limbic
