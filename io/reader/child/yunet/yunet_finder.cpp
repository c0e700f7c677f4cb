// SPDX-License-Identifier: Apache-2.0
// YuNet (Wu, Peng and Yu 2023) in ONNX, as OpenCV's model zoo has it (face_detection_yunet_2023mar.onnx), run by OpenCV's
// networks. Each picture is searched whole.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <opencv2/core/ocl.hpp>
#include <opencv2/dnn.hpp>
#include <opencv2/imgproc.hpp>
#include <string>

#include "io/reader/child/media/container.h"
#include "io/reader/child/media/face_finder.h"
#include "io/reader/protocol.h"

namespace limbic::reader {
namespace {

constexpr int longest_edge = 320;  // of what is searched: it finds faces of 10 to 300 pixels
constexpr int strides[] = {8, 16, 32};
constexpr int coarsest = 32;  // its maps want multiples of it
constexpr float least_score = 0.7f, most_overlap = 0.3f;

/// All of model_fd, which the parent made sure is a file of at most max_model bytes; the confined child has it no more.
std::vector<uchar> read_model() {
  struct stat file;
  if (::fstat(model_fd, &file) != 0) return {};
  std::vector<uchar> model(static_cast<size_t>(std::min<int64_t>(file.st_size, max_model)));
  size_t size = 0;
  for (ssize_t got = 1; got != 0 && size < model.size();) {
    got = ::read(model_fd, model.data() + size, model.size() - size);
    if (got < 0 && errno != EINTR) break;
    size += static_cast<size_t>(std::max<ssize_t>(got, 0));
  }
  model.resize(size);
  ::close(model_fd);
  return model;
}

/// A square around the middle of `box`, inside a picture of this size.
cv::Rect square(const cv::Rect2d& box, const cv::Size& picture) {
  const int side = std::min({static_cast<int>(std::lround(std::max(box.width, box.height))), picture.width, picture.height});
  const auto place = [side](double middle, int end) {
    return std::clamp(static_cast<int>(std::lround(middle - side / 2.0)), 0, end - side);
  };
  return {place(box.x + box.width / 2, picture.width), place(box.y + box.height / 2, picture.height), side, side};
}

class YunetFinder : public FaceFinder {
 public:
  explicit YunetFinder(bool all) : all_(all), model_(read_model()) {
    cv::ocl::setUseOpenCL(false);
    for (const int stride : strides) {
      for (const char* output : {"cls_", "obj_", "bbox_"}) outputs_.push_back(output + std::to_string(stride));
    }
  }

  void begin() override {
    try {
      net_ = cv::dnn::readNetFromONNX(model_);
      for (const int rows : {longest_edge, longest_edge / 2}) answers(cv::Mat::zeros(rows, longest_edge, CV_8UC3));
    } catch (const std::exception&) {
      refuse(MediaFault::reader, "no network that OpenCV can run on pictures of any size, with outputs " + outputs_[0] + ", " +
                                     outputs_[1] + ", " + outputs_[2] + " and so on");
    }
    model_ = {};
  }

  bool colour() const override { return true; }

  std::vector<cv::Rect> find(const cv::Mat& picture) override {
    const double scale = std::min(1.0, static_cast<double>(longest_edge) / std::max(picture.cols, picture.rows));
    cv::Mat small = picture;
    if (scale < 1) {
      const auto edge = [scale](int pixels) { return std::max(1, static_cast<int>(std::lround(pixels * scale))); };
      cv::resize(picture, small, {edge(picture.cols), edge(picture.rows)}, 0, 0, cv::INTER_AREA);
    }
    const auto missing = [](int edge) { return (coarsest - edge % coarsest) % coarsest; };
    cv::copyMakeBorder(small, small, 0, missing(small.rows), 0, missing(small.cols), cv::BORDER_CONSTANT);

    const std::vector<cv::Mat> maps = answers(small);
    std::vector<cv::Rect2d> boxes;
    std::vector<float> scores;
    for (size_t s = 0; s < std::size(strides); ++s) {
      const int stride = strides[s], cols = small.cols / stride, cells = cols * (small.rows / stride);
      const auto *is_face = maps[3 * s].ptr<float>(), *is_object = maps[3 * s + 1].ptr<float>();
      const auto* box = maps[3 * s + 2].ptr<float>();  // middle in cells from this one's corner, logarithm of the size
      for (int i = 0; i < cells; ++i, box += 4) {
        const float score = std::sqrt(std::clamp(is_face[i], 0.f, 1.f) * std::clamp(is_object[i], 0.f, 1.f));
        if (!(score >= least_score) || !(std::abs(box[0]) + std::abs(box[1]) < 1e3f) || !(box[2] < 8) || !(box[3] < 8)) continue;
        const double width = std::exp(box[2]) * stride, height = std::exp(box[3]) * stride;
        boxes.emplace_back((i % cols + box[0]) * stride - width / 2, (i / cols + box[1]) * stride - height / 2, width, height);
        scores.push_back(score);
      }
    }
    std::vector<int> kept;
    cv::dnn::NMSBoxes(boxes, scores, least_score, most_overlap, kept);
    std::vector<cv::Rect> faces;
    for (const int i : kept) {
      const cv::Rect2d& b = boxes[static_cast<size_t>(i)];
      const cv::Rect face = square({b.x / scale, b.y / scale, b.width / scale, b.height / scale}, picture.size());
      if (!face.empty()) faces.push_back(face);
    }
    sort_by_size(faces);
    if (!all_ && !faces.empty()) faces.resize(1);
    return faces;
  }

 private:
  /// For each stride [1,cells,1], [1,cells,1] and [1,cells,4].
  std::vector<cv::Mat> answers(const cv::Mat& rgb) {
    net_.setInput(cv::dnn::blobFromImage(rgb, 1, {}, {}, true));  // it was trained on blue green red, 0 to 255
    std::vector<cv::Mat> maps;
    net_.forward(maps, outputs_);
    for (size_t i = 0; i < outputs_.size(); ++i) {
      const int stride = strides[i / 3];
      const size_t cells = static_cast<size_t>(rgb.cols / stride) * static_cast<size_t>(rgb.rows / stride);
      CV_Assert(maps[i].type() == CV_32F && maps[i].isContinuous() && maps[i].total() == cells * (i % 3 == 2 ? 4 : 1));
    }
    return maps;
  }

  bool all_;
  std::vector<uchar> model_;
  cv::dnn::Net net_;
  std::vector<cv::String> outputs_;
};

}  // namespace

std::unique_ptr<FaceFinder> make_finder(bool, bool all) { return std::make_unique<YunetFinder>(all); }

}  // namespace limbic::reader
