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
// A cascade of 24x24 pixels sees faces of 12 % of the first width, and of 4 % of the second for six times the work.
constexpr int width_for_large = 200, width_for_all = 640;
constexpr int edge_nearby = 32;  // pixels that a followed face is shrunk to, as long as its edge stays a whole number of them

}  // namespace

FaceFinder::FaceFinder(bool every, bool all) : every_(every), all_(all) {
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

std::vector<cv::Rect> FaceFinder::search_shrunk(const cv::Mat& grey, int width) {
  if (grey.cols <= width) return search(grey, step, neighbours, {}, {});
  const double scale = static_cast<double>(width) / grey.cols;
  cv::Mat small;
  cv::resize(grey, small, {}, scale, scale, cv::INTER_AREA);
  const auto back = [&](int value) { return cvRound(value / scale); };
  std::vector<cv::Rect> faces = search(small, step, neighbours, {}, {});
  for (cv::Rect& face : faces) {
    face = cv::Rect(back(face.x), back(face.y), back(face.width), back(face.height)) & cv::Rect({}, grey.size());
  }
  return faces;
}

std::vector<cv::Rect> FaceFinder::everywhere(const cv::Mat& grey) {
  if (every_) {
    std::vector<cv::Rect> faces = search(grey, step, neighbours, {}, {});
    return faces.empty() ? search(grey, finer_step, neighbours, {}, {}) : faces;
  }
  std::vector<cv::Rect> faces;
  if (!all_) faces = search_shrunk(grey, width_for_large);
  return faces.empty() ? search_shrunk(grey, width_for_all) : faces;
}

cv::Rect FaceFinder::nearby(const cv::Mat& grey, const Followed& last) {
  const cv::Rect& box = last.box;
  const int margin = box.width * 3 / 20, shrink = std::max(1, last.found_width / edge_nearby);
  cv::Rect around =
      cv::Rect(box.x - margin, box.y - margin, box.width + 2 * margin, box.height + 2 * margin) & cv::Rect({}, grey.size());
  around.width -= around.width % shrink;
  around.height -= around.height % shrink;
  cv::Mat small = grey(around);
  if (shrink > 1) cv::resize(grey(around), small, around.size() / shrink, 0, 0, cv::INTER_AREA);
  // Sizes are those near the one that was found among all: steps from picture to picture would drift.
  const int least = last.found_width * 17 / 20 / shrink, most = last.found_width * 6 / 5 / shrink;
  const std::vector<cv::Rect> faces = search(small, step, neighbours_nearby, {least, least}, {most, most});
  if (faces.empty()) return {};
  const cv::Rect& face = faces[0];
  return {around.x + face.x * shrink, around.y + face.y * shrink, face.width * shrink, face.height * shrink};
}

/// Looks for each of the last faces where it was; false where one is gone, or two have become one.
bool FaceFinder::follow(const cv::Mat& grey) {
  std::vector<Followed> faces;
  for (const Followed& last : last_) {
    if ((last.box & cv::Rect({}, grey.size())) != last.box) return false;  // the pictures have become smaller
    const cv::Rect face = nearby(grey, last);
    const auto met = [&](const Followed& other) {
      return 2 * (face & other.box).area() > std::min(face.area(), other.box.area());
    };
    if (face.empty() || std::any_of(faces.begin(), faces.end(), met)) return false;
    faces.push_back({face, last.found_width});
  }
  std::stable_sort(faces.begin(), faces.end(),
                   [](const Followed& a, const Followed& b) { return a.box.area() > b.box.area(); });
  last_ = std::move(faces);
  return true;
}

std::vector<cv::Rect> FaceFinder::find(const cv::Mat& grey) {
  if (every_ || last_.empty() || ++followed_ >= longest_followed || !follow(grey)) {
    followed_ = 0;
    last_.clear();
    for (const cv::Rect& face : everywhere(grey)) last_.push_back({face, face.width});
    if (!all_ && !last_.empty()) last_.resize(1);
  }
  std::vector<cv::Rect> faces;
  for (const Followed& face : last_) faces.push_back(face.box);
  return faces;
}

}  // namespace limbic::reader
