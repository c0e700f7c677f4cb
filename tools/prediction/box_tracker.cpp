// SPDX-License-Identifier: Apache-2.0
#include "tools/prediction/box_tracker.h"

#include <algorithm>

namespace limbic {
namespace {

constexpr double least_overlap = 0.3, longest_gap_s = 1;

}  // namespace

double overlap(const Box& a, const Box& b) {
  const double width = std::min(a[0] + a[2], b[0] + b[2]) - std::max(a[0], b[0]);
  const double height = std::min(a[1] + a[3], b[1] + b[3]) - std::max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const double both = width * height;
  return both / (1.0 * a[2] * a[3] + 1.0 * b[2] * b[3] - both);
}

size_t BoxTracker::track(int64_t frame, double pts_s, const Box& box) {
  size_t best = last_.size();
  double most = least_overlap;
  for (size_t i = 0; i < last_.size(); ++i) {
    const Last& last = last_[i];
    if (last.frame == frame || pts_s - last.pts_s > longest_gap_s || overlap(last.box, box) < most) continue;
    most = overlap(last.box, box);
    best = i;
  }
  if (best == last_.size()) last_.emplace_back();
  last_[best] = {frame, pts_s, box};
  return best;
}

}  // namespace limbic
