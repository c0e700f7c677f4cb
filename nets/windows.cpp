// SPDX-License-Identifier: Apache-2.0
#include "nets/windows.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/error.h"

namespace limbic {

WindowCutter::WindowCutter(const WindowOptions& options, int sample_rate, Use use)
    : whole_(std::llround(options.whole_s * sample_rate)),
      window_(std::llround(options.window_s * sample_rate)),
      hop_(std::llround(options.hop_s * sample_rate)),
      use_(std::move(use)) {
  if (window_ < 1 || hop_ < 1 || hop_ > window_) {
    throw Error(ExitCode::usage, "windows: wants a window longer than 0 and a hop longer than 0, at most the window");
  }
  whole_ = std::max(whole_, window_);
}

void WindowCutter::push(const float* samples, int64_t count) {
  held_.insert(held_.end(), samples, samples + count);
  cutting_ = cutting_ || total() > whole_;
  if (cutting_) give_windows();
}

void WindowCutter::give_windows() {
  // The last window of the stream is not known yet, but any full one before its end is regular.
  while (next_ + window_ <= total()) {
    use_(next_, held_.data() + (next_ - start_), window_);
    next_ += hop_;
  }
  // finish() may want the last window_ samples again.
  const int64_t keep_from = std::min(next_, total() - window_);
  if (keep_from > start_) {
    held_.erase(held_.begin(), held_.begin() + (keep_from - start_));
    start_ = keep_from;
  }
}

void WindowCutter::finish() {
  if (!cutting_) {
    if (!held_.empty()) use_(0, held_.data(), total());
  } else if (next_ - hop_ + window_ < total()) {
    const int64_t last = total() - window_;
    use_(last, held_.data() + (last - start_), window_);
  }
  held_.clear();
}

void WindowMean::add(const float* values, int64_t count) {
  if (sum_.empty()) {
    sum_.assign(count, 0.0);
    max_.assign(values, values + count);
  }
  for (int64_t i = 0; i < count; ++i) {
    sum_[i] += values[i];
    max_[i] = std::max<double>(max_[i], values[i]);
  }
  ++windows_;
}

std::vector<double> WindowMean::mean() const {
  std::vector<double> means;
  for (double s : sum_) means.push_back(s / static_cast<double>(windows_));
  return means;
}

}  // namespace limbic
