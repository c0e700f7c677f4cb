// SPDX-License-Identifier: Apache-2.0
// Shapes with smooth edges on a picture of red, green and blue.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace limbic {

using Colour = std::array<float, 3>;  ///< red, green, blue, 0 to 1

struct Point {
  double x, y;
};

class Canvas {
 public:
  Canvas(int width, int height) : width_(width), height_(height), pixels_(static_cast<size_t>(width) * height) {}

  /// Where the shapes that follow are drawn: their (0,0) at `centre`, their 1 is `scale` pixels, turned clockwise.
  void place(Point centre, double scale, double turns);

  /// Lays `colour` over every pixel between the corners `low` and `high` by `opacity` times what `cover(x, y)` says of
  /// it (0 to 1), in the coordinates of the shapes. Edges are smooth where `cover` comes from `inside`.
  template <class Cover>
  void paint(Point low, Point high, const Colour& colour, double opacity, const Cover& cover) {
    const Point corners[] = {to_pixels(low), to_pixels(high), to_pixels({low.x, high.y}), to_pixels({high.x, low.y})};
    double left = width_, top = height_, right = 0, bottom = 0;
    for (const Point& p : corners) {
      left = std::min(left, p.x - 2), right = std::max(right, p.x + 2);
      top = std::min(top, p.y - 2), bottom = std::max(bottom, p.y + 2);
    }
    for (int y = std::max(0, static_cast<int>(top)); y < std::min<double>(height_, bottom); ++y) {
      for (int x = std::max(0, static_cast<int>(left)); x < std::min<double>(width_, right); ++x) {
        const Point p = from_pixels({x + 0.5, y + 0.5});
        const auto share = static_cast<float>(opacity * std::clamp(cover(p.x, p.y), 0.0, 1.0));
        Colour& pixel = pixels_[static_cast<size_t>(y) * width_ + x];
        for (size_t c = 0; c < 3; ++c) pixel[c] += share * (colour[c] - pixel[c]);
      }
    }
  }

  /// 1 well inside of an edge that is `distance` away (negative: outside), 0 well outside; half a pixel of transition.
  double inside(double distance) const { return 0.5 + distance * scale_; }

  /// An ellipse; `blur` is the width of its edge.
  void ellipse(Point centre, Point radius, const Colour& colour, double opacity = 1, double blur = 0);

  /// A line through the points, `thickness` wide, with round ends.
  void line(const std::vector<Point>& points, double thickness, const Colour& colour);

  /// [height, width, 3].
  std::vector<uint8_t> bytes() const;

 private:
  Point to_pixels(Point p) const {
    return {centre_.x + scale_ * (cos_ * p.x - sin_ * p.y), centre_.y + scale_ * (sin_ * p.x + cos_ * p.y)};
  }
  Point from_pixels(Point p) const {
    const double x = (p.x - centre_.x) / scale_, y = (p.y - centre_.y) / scale_;
    return {cos_ * x + sin_ * y, cos_ * y - sin_ * x};
  }

  int width_, height_;
  std::vector<Colour> pixels_;
  Point centre_{0, 0};
  double scale_ = 1, cos_ = 1, sin_ = 0;
};

}  // namespace limbic
