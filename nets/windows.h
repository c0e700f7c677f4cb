// SPDX-License-Identifier: Apache-2.0
// Long recordings in bounded memory: a stream of samples cut into overlapping windows as it comes, and the answers of
// the windows put together.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

namespace limbic {

/// The shortest sound that is answered for: five poolings of CNN-14 leave one frame of it.
inline constexpr double shortest_sound_s = 0.31;

struct WindowOptions {
  double whole_s = 6;   ///< sound up to this length is one window
  double window_s = 4;  ///< else windows of this length ...
  double hop_s = 2;     ///< ... start this far apart; the last one ends with the sound
};

/// Gives out windows in order. Holds at most whole_s (or window_s) and one pushed chunk.
class WindowCutter {
 public:
  /// `use` gets the window's first sample's position in the stream, and its samples.
  using Use = std::function<void(int64_t start, const float* samples, int64_t count)>;
  WindowCutter(const WindowOptions& options, int sample_rate, Use use);

  void push(const float* samples, int64_t count);
  void finish();  ///< no more samples: gives out what is left
  int64_t total() const { return start_ + static_cast<int64_t>(held_.size()); }  ///< samples seen

 private:
  void give_windows();

  int64_t whole_, window_, hop_;
  Use use_;
  std::vector<float> held_;
  int64_t start_ = 0;  // position of held_[0]
  int64_t next_ = 0;   // where the next window starts
  bool cutting_ = false;
};

/// Mean and largest of each class over windows: what a recording as a whole holds, and what it holds anywhere.
class WindowMean {
 public:
  void add(const float* values, int64_t count);
  std::vector<double> mean() const;
  const std::vector<double>& max() const { return max_; }
  int64_t windows() const { return windows_; }

 private:
  std::vector<double> sum_, max_;
  int64_t windows_ = 0;
};

}  // namespace limbic
