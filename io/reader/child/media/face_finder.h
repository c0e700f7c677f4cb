// SPDX-License-Identifier: Apache-2.0
// The faces of each picture of a film. Each program that cuts out faces links one finder: haar/ or yunet/.
#pragma once
#include <memory>
#include <opencv2/core.hpp>
#include <vector>

namespace limbic::reader {

class FaceFinder {
 public:
  virtual ~FaceFinder() = default;

  /// Before the first picture, when the child is confined; throws Refusal where no face could be found.
  virtual void begin() = 0;

  /// The faces in a picture, grey or (colour()) red green blue, as squares; the largest first.
  virtual std::vector<cv::Rect> find(const cv::Mat& picture) = 0;

  virtual bool colour() const { return false; }
  virtual bool every() const { return false; }  ///< in pictures of the full range, as a published system did
};

/// Made before the child is confined: reads what it needs of this machine. `every`: search each picture whole at its full
/// size; `all`: every face, not the largest alone.
std::unique_ptr<FaceFinder> make_finder(bool every, bool all);

/// Averages of 2x2 pixels, for which OpenCV has vector code; an odd last column or row is dropped.
cv::Mat halved(const cv::Mat& picture);

/// The largest first.
void sort_by_size(std::vector<cv::Rect>& faces);

}  // namespace limbic::reader
