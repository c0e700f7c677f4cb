// SPDX-License-Identifier: Apache-2.0
#include "io/reader/child/media/face_finder.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>

namespace limbic::reader {

cv::Mat halved(const cv::Mat& picture) {
  cv::Mat half;
  const cv::Size size = picture.size() / 2;
  cv::resize(picture(cv::Rect({}, size * 2)), half, size, 0, 0, cv::INTER_AREA);
  return half;
}

void sort_by_size(std::vector<cv::Rect>& faces) {
  std::stable_sort(faces.begin(), faces.end(), [](const cv::Rect& a, const cv::Rect& b) { return a.area() > b.area(); });
}

}  // namespace limbic::reader
