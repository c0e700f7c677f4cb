// SPDX-License-Identifier: Apache-2.0
#include "io/reader/child/face_finder.h"

#include <algorithm>
#include <opencv2/core/ocl.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace limbic::reader {
namespace {

constexpr double step = 1.12;  // system 2's, and its finer one
constexpr double finer_step = 1.02;
constexpr int neighbours = 9;
constexpr int neighbours_nearby = 4;  // where a face has just been, less has to say so
constexpr int longest_tracked = 30;
constexpr double search_width = 640;

}  // namespace

FaceFinder::FaceFinder(bool every) : every_(every) {
  cv::setNumThreads(1);  // a confined process has no others
  cv::ocl::setUseOpenCL(false);
  cascade_.load(LIMBIC_FACE_CASCADE);
}

cv::Rect FaceFinder::largest(const cv::Mat& grey, double scale, int votes, cv::Size least, cv::Size most) {
  std::vector<cv::Rect> faces;
  cascade_.detectMultiScale(grey, faces, scale, votes, 0, least, most);
  const auto found = std::max_element(faces.begin(), faces.end(),
                                      [](const cv::Rect& a, const cv::Rect& b) { return a.area() < b.area(); });
  return found == faces.end() ? cv::Rect() : *found;
}

cv::Rect FaceFinder::everywhere(const cv::Mat& grey) {
  if (every_) {
    const cv::Rect face = largest(grey, step, neighbours, {}, {});
    return face.empty() ? largest(grey, finer_step, neighbours, {}, {}) : face;
  }
  const double scale = std::min(1.0, search_width / grey.cols);
  if (scale == 1) return largest(grey, step, neighbours, {}, {});
  cv::Mat small;
  cv::resize(grey, small, {}, scale, scale, cv::INTER_AREA);
  const cv::Rect face = largest(small, step, neighbours, {}, {});
  const auto back = [&](int value) { return cvRound(value / scale); };
  return cv::Rect(back(face.x), back(face.y), back(face.width), back(face.height)) & cv::Rect({}, grey.size());
}

cv::Rect FaceFinder::nearby(const cv::Mat& grey) {
  const int margin = last_.width * 2 / 5;
  const cv::Rect around =
      cv::Rect(last_.x - margin, last_.y - margin, last_.width + 2 * margin, last_.height + 2 * margin) &
      cv::Rect({}, grey.size());
  // Large faces are shrunk: a cascade of 24x24 pixels sees no more in 200 than in 100.
  const double scale = std::min(1.0, 100.0 / last_.width);
  cv::Mat small = grey(around);
  if (scale < 1) cv::resize(grey(around), small, {}, scale, scale, cv::INTER_AREA);
  const int edge = cvRound(last_.width * scale);
  const cv::Rect face =
      largest(small, step, neighbours_nearby, {edge * 3 / 4, edge * 3 / 4}, {edge * 4 / 3, edge * 4 / 3});
  if (face.empty()) return face;
  const auto back = [&](int value) { return cvRound(value / scale); };
  return cv::Rect(around.x + back(face.x), around.y + back(face.y), back(face.width), back(face.height)) & around;
}

cv::Rect FaceFinder::find(const cv::Mat& grey) {
  if (!every_ && !last_.empty() && (last_ & cv::Rect({}, grey.size())) == last_ && ++tracked_ < longest_tracked) {
    last_ = nearby(grey);
    if (!last_.empty()) return last_;
  }
  tracked_ = 0;
  return last_ = everywhere(grey);
}

}  // namespace limbic::reader
