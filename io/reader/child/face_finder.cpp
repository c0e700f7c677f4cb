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
constexpr int longest_followed = 30;
constexpr double search_width = 640;

}  // namespace

FaceFinder::FaceFinder(bool every, bool all) : every_(every), all_(all) {
  cv::setNumThreads(1);  // a confined process has no others
  cv::ocl::setUseOpenCL(false);
  cascade_.load(LIMBIC_FACE_CASCADE);
}

/// The largest first.
std::vector<cv::Rect> FaceFinder::search(const cv::Mat& grey, double scale, int votes, cv::Size least, cv::Size most) {
  std::vector<cv::Rect> faces;
  cascade_.detectMultiScale(grey, faces, scale, votes, 0, least, most);
  std::stable_sort(faces.begin(), faces.end(),
                   [](const cv::Rect& a, const cv::Rect& b) { return a.area() > b.area(); });
  return faces;
}

std::vector<cv::Rect> FaceFinder::everywhere(const cv::Mat& grey) {
  if (every_) {
    std::vector<cv::Rect> faces = search(grey, step, neighbours, {}, {});
    return faces.empty() ? search(grey, finer_step, neighbours, {}, {}) : faces;
  }
  const double scale = std::min(1.0, search_width / grey.cols);
  if (scale == 1) return search(grey, step, neighbours, {}, {});
  cv::Mat small;
  cv::resize(grey, small, {}, scale, scale, cv::INTER_AREA);
  const auto back = [&](int value) { return cvRound(value / scale); };
  std::vector<cv::Rect> faces = search(small, step, neighbours, {}, {});
  for (cv::Rect& face : faces) {
    face = cv::Rect(back(face.x), back(face.y), back(face.width), back(face.height)) & cv::Rect({}, grey.size());
  }
  return faces;
}

cv::Rect FaceFinder::nearby(const cv::Mat& grey, const cv::Rect& last) {
  const int margin = last.width * 2 / 5;
  const cv::Rect around =
      cv::Rect(last.x - margin, last.y - margin, last.width + 2 * margin, last.height + 2 * margin) &
      cv::Rect({}, grey.size());
  // Large faces are shrunk: a cascade of 24x24 pixels sees no more in 200 than in 100.
  const double scale = std::min(1.0, 100.0 / last.width);
  cv::Mat small = grey(around);
  if (scale < 1) cv::resize(grey(around), small, {}, scale, scale, cv::INTER_AREA);
  const int edge = cvRound(last.width * scale);
  const auto faces = search(small, step, neighbours_nearby, {edge * 3 / 4, edge * 3 / 4}, {edge * 4 / 3, edge * 4 / 3});
  if (faces.empty()) return {};
  const cv::Rect& face = faces[0];
  const auto back = [&](int value) { return cvRound(value / scale); };
  return cv::Rect(around.x + back(face.x), around.y + back(face.y), back(face.width), back(face.height)) & around;
}

/// Looks for each of the last faces where it was; false where one is gone, or two have become one.
bool FaceFinder::follow(const cv::Mat& grey) {
  std::vector<cv::Rect> faces;
  for (const cv::Rect& last : last_) {
    if ((last & cv::Rect({}, grey.size())) != last) return false;  // the pictures have become smaller
    const cv::Rect face = nearby(grey, last);
    const auto met = [&](const cv::Rect& other) {
      return 2 * (face & other).area() > std::min(face.area(), other.area());
    };
    if (face.empty() || std::any_of(faces.begin(), faces.end(), met)) return false;
    faces.push_back(face);
  }
  std::stable_sort(faces.begin(), faces.end(),
                   [](const cv::Rect& a, const cv::Rect& b) { return a.area() > b.area(); });
  last_ = std::move(faces);
  return true;
}

std::vector<cv::Rect> FaceFinder::find(const cv::Mat& grey) {
  if (!every_ && !last_.empty() && ++followed_ < longest_followed && follow(grey)) return last_;
  followed_ = 0;
  last_ = everywhere(grey);
  if (!all_ && !last_.empty()) last_.resize(1);
  return last_;
}

}  // namespace limbic::reader
