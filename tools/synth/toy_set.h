// SPDX-License-Identifier: Apache-2.0
// The toy set: cartoon faces with synthetic voices under RAVDESS's names, free of any licence.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

namespace limbic {

struct ToySet {
  uint64_t seed = 1;
  int actors = 24;    ///< 1 to 24
  int takes = 1;      ///< of each emotion by each actor, 1 to 4: both sentences, then both again
  bool films = true;  ///< false: voices only
};

/// Writes into `folder`, which must be empty or not there unless `force` is set:
///   Actor_01/03-01-05-01-01-01-01.wav   a voice, 16 kHz mono, for training by file names
///   Actor_01/01-01-05-01-01-01-01.avi   the same voice with its face, 240x180 pixels, 12 frames a second
///   faces.avi, faces.csv                96x96 faces, four of each clip, a table for training face nets (label, group,
///   split) README.txt                          what it is
/// Same arguments, same samples and pixels everywhere. `progress` hears of each clip. Throws Error(usage) and what
/// write_file throws.
void write_toy_set(const std::string& folder, const ToySet& set, bool force,
                   const std::function<void(int done, int total)>& progress);

}  // namespace limbic
