// SPDX-License-Identifier: Apache-2.0
#include "tools/training/pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace limbic {

namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : c == '>' ? "&gt;" : std::string(1, c);
  return out;
}

std::string svg_text(double x, double y, const std::string& text, const char* anchor = "middle", const char* more = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor, more, escaped(text));
}

std::string svg_open(double width, double height, const std::string& title) {
  return fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
                     "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n", width, height) +
         svg_text(width / 2, 18, title, "middle", " font-size=\"14\"");
}

}  // namespace

std::string curves_svg(const std::string& title, const std::vector<Curve>& curves) {
  constexpr double width = 640, height = 360, left = 52, right = 120, top = 30, bottom = 40;
  double highest = 0;
  size_t epochs = 2;
  for (const auto& curve : curves) {
    epochs = std::max(epochs, curve.values.size());
    for (const double v : curve.values) highest = std::isfinite(v) ? std::max(highest, v) : highest;
  }
  if (highest <= 0) highest = 1;
  const auto x = [&](size_t i) { return left + (width - left - right) * static_cast<double>(i) / static_cast<double>(epochs - 1); };
  const auto y = [&](double v) { return height - bottom - (height - top - bottom) * v / highest; };

  std::string svg = svg_open(width, height, title);
  for (int tick = 0; tick <= 4; ++tick) {
    const double v = highest * tick / 4;
    svg += fmt::format("<path d=\"M{:.1f} {:.1f}H{:.1f}\" stroke=\"#ddd\"/>\n", left, y(v), width - right);
    svg += svg_text(left - 6, y(v) + 4, fmt::format("{:.2f}", v), "end");
    const size_t epoch = (epochs - 1) * tick / 4;
    svg += svg_text(x(epoch), height - bottom + 18, std::to_string(epoch + 1));
  }
  svg += svg_text((left + width - right) / 2, height - 6, "epoch");
  double key = top + 12;
  for (const auto& curve : curves) {
    std::string path;
    for (size_t i = 0; i < curve.values.size(); ++i) {
      if (std::isfinite(curve.values[i])) path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x(i), y(curve.values[i]));
    }
    svg += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>\n", path.empty() ? "M0 0" : path, curve.color);
    svg += svg_text(width - right + 10, key, curve.name, "start", fmt::format(" fill=\"{}\"", curve.color).c_str());
    key += 18;
  }
  return svg + "</svg>\n";
}

std::string confusion_svg(const std::string& title, const Scores& scores) {
  constexpr double cell = 46, left = 90, top = 56;
  const int classes = scores.confusion.classes();
  std::string svg = svg_open(left + cell * classes + 20, top + cell * classes + 30, title);
  for (int truth = 0; truth < classes; ++truth) {
    int64_t clips = 0;
    for (int label = 0; label < classes; ++label) clips += scores.confusion.at(truth, label);
    svg += svg_text(left - 6, top + cell * (truth + 0.5) + 4, scores.labels[truth], "end");
    svg += svg_text(left + cell * (truth + 0.5), top - 6, scores.labels[truth], "middle", " font-size=\"9\"");
    for (int label = 0; label < classes; ++label) {
      const auto count = scores.confusion.at(truth, label);
      const double share = clips ? static_cast<double>(count) / static_cast<double>(clips) : 0;
      const auto shade = static_cast<int>(std::lround(255 - 200 * share));
      svg += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"rgb({},{},255)\" stroke=\"#ccc\"/>\n",
                         left + cell * label, top + cell * truth, cell, cell, shade, shade);
      svg += svg_text(left + cell * (label + 0.5), top + cell * (truth + 0.5) + 4, std::to_string(count), "middle", share > 0.6 ? " fill=\"white\"" : "");
    }
  }
  svg += svg_text(left + cell * classes / 2, top + cell * classes + 20, "rows: truth, columns: predicted");
  return svg + "</svg>\n";
}

}  // namespace limbic
