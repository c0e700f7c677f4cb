// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace limbic::emu {

/// The running thread enters the basic block at `code`.
void note_block(const void* code);

}  // namespace limbic::emu
