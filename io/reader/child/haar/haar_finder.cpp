// SPDX-License-Identifier: Apache-2.0
// OpenCV's frontal Haar cascade, with system 2's settings.
#include <algorithm>
#include <opencv2/core/ocl.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/objdetect.hpp>
#include <vector>

#include "io/reader/child/media/container.h"
#include "io/reader/child/media/face_finder.h"

namespace limbic::reader {
namespace {

constexpr double step = 1.12;  // system 2's, and its finer one
constexpr double finer_step = 1.02;
constexpr int neighbours = 9;
constexpr int neighbours_nearby = 3;  // where a face has just been, less has to say so
constexpr int longest_followed = 30;
constexpr int cascade_edge = 24;  // the smallest face it sees
// It sees faces of 24, 12 and 4 % of these widths, at about 1, 4 and 20 times the cost.
constexpr int widths[] = {100, 200, 640};
constexpr int edge_nearby = 32;  // pixels that a followed face is shrunk to, as long as its edge stays a whole number of them

/// Without what is left over at the right and the bottom: whole numbers of pixels are averaged ten times as fast, and
/// 2x2 of them another four times.
cv::Mat shrunk(cv::Mat grey, int by) {
  grey = grey(cv::Rect({}, grey.size() / by * by));
  for (; by % 2 == 0; by /= 2) grey = halved(grey);
  if (by > 1) cv::resize(grey, grey, grey.size() / by, 0, 0, cv::INTER_AREA);
  return grey;
}

/// How much a face of this width is shrunk before it is looked for: even, where it is more than 3.
int shrinking(int width) {
  const int by = std::max(1, width / edge_nearby);
  return by > 3 ? by / 2 * 2 : by;
}

/// Whether two boxes are of one face.
bool met(const cv::Rect& a, const cv::Rect& b) { return 2 * (a & b).area() > std::min(a.area(), b.area()); }

/// With `every` it searches each picture whole at its full size, as system 2 did, and once more with finer steps where that
/// finds nothing. Otherwise the last boxes narrow the search. After a face is lost the whole is searched, on a picture at
/// least 100, 200 and at last 640 pixels wide (less than twice that) until there is one; and every 30th picture for another
/// face as large. With `all` it looks for every face, not the largest alone, so always down to 640.
class HaarFinder : public FaceFinder {
 public:
  HaarFinder(bool every, bool all) : every_(every), all_(all) {
    cv::ocl::setUseOpenCL(false);
    cascade_.load(LIMBIC_FACE_CASCADE);
  }

  void begin() override {
    if (cascade_.empty())
      refuse(MediaFault::reader, "no face detector on this machine (Debian package opencv-data)");
  }

  std::vector<cv::Rect> find(const cv::Mat& grey) override;
  bool every() const override { return every_; }

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

std::vector<cv::Rect> HaarFinder::search(const cv::Mat& grey, double scale, int votes, cv::Size least, cv::Size most) {
  std::vector<cv::Rect> faces;
  cascade_.detectMultiScale(grey, faces, scale, votes, 0, least, most);
  sort_by_size(faces);
  return faces;
}

std::vector<cv::Rect> HaarFinder::search_shrunk(const cv::Mat& grey, int by, int least) {
  std::vector<cv::Rect> faces = search(shrunk(grey, by), step, neighbours, {least / by, least / by}, {});
  for (cv::Rect& face : faces) face = cv::Rect(face.x * by, face.y * by, face.width * by, face.height * by);
  return faces;
}

std::vector<cv::Rect> HaarFinder::everywhere(const cv::Mat& grey) {
  if (every_) {
    std::vector<cv::Rect> faces = search(grey, step, neighbours, {}, {});
    return faces.empty() ? search(grey, finer_step, neighbours, {}, {}) : faces;
  }
  std::vector<cv::Rect> faces;
  int last_by = 0;
  for (const int width : widths) {  // the largest are found first, and as the largest alone
    const int by = std::clamp(grey.cols / width, 1, std::max(1, grey.rows / cascade_edge));
    if (by == last_by || (!all_ && !faces.empty())) continue;
    last_by = by;
    for (const cv::Rect& face : search_shrunk(grey, by, 0)) {
      const auto meets = [&](const cv::Rect& other) { return met(face, other); };
      if (std::none_of(faces.begin(), faces.end(), meets)) faces.push_back(face);
    }
  }
  sort_by_size(faces);
  return faces;
}

/// Whether the face that is followed, and no other, is found among all as large: smaller ones, most of the work of a
/// search, would not be shown.
bool HaarFinder::confirmed(const cv::Mat& grey) {
  const int width = last_[0].found_width;
  const auto faces = search_shrunk(grey, shrinking(width), width * 17 / 20);
  const auto is_it = [&](const cv::Rect& face) { return met(face, last_[0].box); };
  return !faces.empty() && std::all_of(faces.begin(), faces.end(), is_it);
}

cv::Rect HaarFinder::nearby(const cv::Mat& grey, const Followed& last) {
  const cv::Rect& box = last.box;
  const int margin = box.width / 10, by = shrinking(last.found_width);
  const cv::Rect around =
      cv::Rect(box.x - margin, box.y - margin, box.width + 2 * margin, box.height + 2 * margin) & cv::Rect({}, grey.size());
  // Sizes are those near the one that was found among all: steps from picture to picture would drift.
  const int least = last.found_width * 9 / 10 / by, most = last.found_width * 6 / 5 / by;
  const std::vector<cv::Rect> faces = search(shrunk(grey(around), by), step, neighbours_nearby, {least, least}, {most, most});
  if (faces.empty()) return {};
  const cv::Rect& face = faces[0];
  return {around.x + face.x * by, around.y + face.y * by, face.width * by, face.height * by};
}

/// Looks for each of the last faces where it was; false where one is gone, or two have become one.
bool HaarFinder::follow(const cv::Mat& grey) {
  std::vector<Followed> faces;
  for (const Followed& last : last_) {
    if ((last.box & cv::Rect({}, grey.size())) != last.box) return false;  // the pictures have become smaller
    const cv::Rect face = nearby(grey, last);
    const auto meets = [&](const Followed& other) { return met(face, other.box); };
    if (face.empty() || std::any_of(faces.begin(), faces.end(), meets)) return false;
    faces.push_back({face, last.found_width});
  }
  std::stable_sort(faces.begin(), faces.end(),
                   [](const Followed& a, const Followed& b) { return a.box.area() > b.box.area(); });
  last_ = std::move(faces);
  return true;
}

std::vector<cv::Rect> HaarFinder::find(const cv::Mat& grey) {
  const bool followed = !every_ && !last_.empty() && follow(grey);
  const bool due = followed && ++pictures_followed_ >= longest_followed;
  if (due) pictures_followed_ = 0;
  if (!followed || (due && (all_ || !confirmed(grey)))) {
    if (!followed || !all_) last_.clear();
    std::vector<Followed> faces;
    for (const cv::Rect& face : everywhere(grey)) {
      const auto same = std::find_if(last_.begin(), last_.end(), [&](const Followed& last) { return met(face, last.box); });
      faces.push_back(same == last_.end() ? Followed{face, face.width} : *same);
      if (same != last_.end()) last_.erase(same);
    }
    if (!all_ && !faces.empty()) faces.resize(1);
    last_ = std::move(faces);
    pictures_followed_ = 0;
  }
  std::vector<cv::Rect> boxes;
  for (const Followed& face : last_) boxes.push_back(face.box);
  return boxes;
}

}  // namespace

std::unique_ptr<FaceFinder> make_finder(bool every, bool all) { return std::make_unique<HaarFinder>(every, all); }

}  // namespace limbic::reader
