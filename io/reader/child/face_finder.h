// SPDX-License-Identifier: Apache-2.0
// The faces of each picture of a film: OpenCV's frontal Haar cascade, with system 2's settings.
#pragma once
#include <opencv2/core.hpp>
#include <opencv2/objdetect.hpp>
#include <vector>

namespace limbic::reader {

class FaceFinder {
 public:
  /// Reads the packaged cascade, the one file that a child opens itself: made before it is confined. `every`: search
  /// each picture whole at its full size, as system 2 did, and once more with finer steps where that finds nothing.
  /// Otherwise the last boxes narrow the search, and only after a face is lost, and in every 30th picture, is the
  /// whole searched: at most 200 pixels wide for a large face, and 640 where that shows none. `all`: every face, not the
  /// largest alone, so always 640.
  FaceFinder(bool every, bool all);

  /// The faces in a grey picture, the largest first.
  std::vector<cv::Rect> find(const cv::Mat& grey);

  bool every() const { return every_; }
  bool ready() const { return !cascade_.empty(); }  ///< false: the cascade is not installed

 private:
  struct Followed {
    cv::Rect box;
    int found_width;  // in the last search everywhere
  };
  std::vector<cv::Rect> everywhere(const cv::Mat& grey);
  std::vector<cv::Rect> search_shrunk(const cv::Mat& grey, int width);
  cv::Rect nearby(const cv::Mat& grey, const Followed& last);
  bool follow(const cv::Mat& grey);
  std::vector<cv::Rect> search(const cv::Mat& grey, double step, int neighbours, cv::Size least, cv::Size most);

  cv::CascadeClassifier cascade_;
  bool every_, all_;
  std::vector<Followed> last_;
  int followed_ = 0;  // pictures since the last search everywhere
};

}  // namespace limbic::reader
