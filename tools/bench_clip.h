// SPDX-License-Identifier: Apache-2.0
// `limbic bench clip`: what a whole clip costs, stage by stage, on one core, beside FFmpeg decoding the same clip on
// the same core in the same run.
#pragma once
#include <string>

#include "tools/verb.h"

namespace limbic {

struct ClipBench {
  std::string clip, weights, face_weights;
  int repeats = 9;
};

/// Takes turns: each stage in this process, `limbic predict CLIP` as a process of its own, and `ffmpeg -threads 1 -i
/// CLIP -f null -`. Prints medians, predict's ratio to FFmpeg, and the peak memory of limbic and its reader together.
/// Throws Error(usage) without a clip, MediaError and Error(weights) as predict does, Error(failure) where ffmpeg
/// fails.
int bench_clip(const Program& program, const ClipBench& options);

}  // namespace limbic
