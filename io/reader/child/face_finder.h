// SPDX-License-Identifier: Apache-2.0
// The largest face of each picture of a film: OpenCV's frontal Haar cascade, with system 2's settings.
#pragma once
#include <opencv2/core.hpp>
#include <opencv2/objdetect.hpp>

namespace limbic::reader {

class FaceFinder {
 public:
  /// Reads the packaged cascade, the one file that a child opens itself: made before it is confined. `every`: search
  /// each picture whole at its full size, as system 2 did, and once more with finer steps where that finds nothing.
  /// Otherwise the last box narrows the search, and only a lost face, or every 30th picture, is searched for
  /// everywhere, at most 640 pixels wide.
  explicit FaceFinder(bool every);

  /// The largest face in a grey picture; empty where there is none.
  cv::Rect find(const cv::Mat& grey);

  bool ready() const { return !cascade_.empty(); }  ///< false: the cascade is not installed

 private:
  cv::Rect everywhere(const cv::Mat& grey);
  cv::Rect nearby(const cv::Mat& grey);
  cv::Rect largest(const cv::Mat& grey, double step, int neighbours, cv::Size least, cv::Size most);

  cv::CascadeClassifier cascade_;
  bool every_;
  cv::Rect last_;
  int tracked_ = 0;  // pictures since the last search everywhere
};

}  // namespace limbic::reader
