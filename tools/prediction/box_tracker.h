// SPDX-License-Identifier: Apache-2.0
// Which of the boxes around the faces of successive frames are of one face.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace limbic {

using Box = std::array<int, 4>;  ///< x, y, width, height

/// Area in both over area in either; 0 for boxes that do not touch.
double overlap(const Box& a, const Box& b);

class BoxTracker {
 public:
  /// The track, from 0, that a box belongs to: that of the box it overlaps most, by at least 0.3, among the last ones
  /// of the tracks seen within a second and not yet in this frame; else a new one. Frames and times must not fall.
  size_t track(int64_t frame, double pts_s, const Box& box);

 private:
  struct Last {
    int64_t frame;
    double pts_s;
    Box box;
  };
  std::vector<Last> last_;  // of each track
};

}  // namespace limbic
