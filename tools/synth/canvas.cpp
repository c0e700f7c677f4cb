// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/canvas.h"

#include "kernels/portable_math.h"

namespace limbic {

void Canvas::place(Point centre, double scale, double turns) {
  const SinCos turned = portable_sincos(turns);
  centre_ = centre, scale_ = scale, cos_ = turned.cos, sin_ = turned.sin;
}

void Canvas::ellipse(Point centre, Point radius, const Colour& colour, double opacity, double blur) {
  const double edge = std::max(blur, 1 / scale_), small = std::min(radius.x, radius.y);
  paint({centre.x - radius.x - blur, centre.y - radius.y - blur},
        {centre.x + radius.x + blur, centre.y + radius.y + blur}, colour, opacity, [&](double x, double y) {
          const double u = (x - centre.x) / radius.x, v = (y - centre.y) / radius.y;
          return 0.5 + (1 - std::sqrt(u * u + v * v)) * small / edge;
        });
}

void Canvas::line(const std::vector<Point>& points, double thickness, const Colour& colour) {
  Point low = points[0], high = points[0];
  for (const Point& p : points) {
    low = {std::min(low.x, p.x - thickness), std::min(low.y, p.y - thickness)};
    high = {std::max(high.x, p.x + thickness), std::max(high.y, p.y + thickness)};
  }
  paint(low, high, colour, 1, [&](double x, double y) {
    double nearest = 1e9;
    for (size_t i = 1; i < points.size(); ++i) {
      const Point &a = points[i - 1], &b = points[i];
      const double dx = b.x - a.x, dy = b.y - a.y,
                   along = std::clamp(((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy), 0.0, 1.0);
      const double px = x - a.x - along * dx, py = y - a.y - along * dy;
      nearest = std::min(nearest, px * px + py * py);
    }
    return inside(thickness / 2 - std::sqrt(nearest));
  });
}

std::vector<uint8_t> Canvas::bytes() const {
  std::vector<uint8_t> out;
  out.reserve(3 * pixels_.size());
  for (const Colour& pixel : pixels_) {
    for (const float v : pixel) out.push_back(static_cast<uint8_t>(std::lround(255 * std::clamp(v, 0.0f, 1.0f))));
  }
  return out;
}

}  // namespace limbic
