// SPDX-License-Identifier: Apache-2.0
// The faces of each picture of a film: OpenCV's frontal Haar cascade, with system 2's settings.
#pragma once
#include <opencv2/core.hpp>
#include <opencv2/objdetect.hpp>
#include <vector>

namespace limbic::reader {

/// Averages of 2x2 pixels, for which OpenCV has vector code; an odd last column or row is dropped.
cv::Mat halved(const cv::Mat& picture);

class FaceFinder {
 public:
  /// Reads the packaged cascade, the one file that a child opens itself: made before it is confined. `every`: search
  /// each picture whole at its full size, as system 2 did, and once more with finer steps where that finds nothing.
  /// Otherwise the last boxes narrow the search. After a face is lost the whole is searched, on a picture at least 100,
  /// 200 and at last 640 pixels wide (less than twice that) until there is one; and every 30th picture for another face
  /// as large. `all`: every face, not the largest alone, so always down to 640.
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
  std::vector<cv::Rect> search_shrunk(const cv::Mat& grey, int by, int least);
  bool confirmed(const cv::Mat& grey);
  cv::Rect nearby(const cv::Mat& grey, const Followed& last);
  bool follow(const cv::Mat& grey);
  std::vector<cv::Rect> search(const cv::Mat& grey, double step, int neighbours, cv::Size least, cv::Size most);

  cv::CascadeClassifier cascade_;
  bool every_, all_;
  std::vector<Followed> last_;
  int pictures_followed_ = 0;  // since the last search everywhere
};

}  // namespace limbic::reader
