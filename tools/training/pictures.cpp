// SPDX-License-Identifier: Apache-2.0
#include "tools/training/pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nets/svg.h"

namespace limbic {

namespace {

std::string svg_text(double x, double y, const std::string& text, const char* anchor = "middle",
                     const std::string& more = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor,
                     more.empty() ? "" : " " + more, svg_escaped(text));
}

// Wide enough for the text at 12 pixels, in any of the fonts.
double text_width(const std::string& text, double size = 12) { return 0.65 * size * static_cast<double>(text.size()); }

std::string svg_open(double width, double height, const std::string& title) {
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} "
             "{1:.0f}\" "
             "font-family=\"'DejaVu Sans', Helvetica, sans-serif\" font-size=\"12\" fill=\"#26303a\">\n"
             "<rect width=\"100%\" height=\"100%\" fill=\"#fbfbf9\"/>\n",
             width, height) +
         svg_text(width / 2, 24, title, "middle", "font-size=\"14\" font-weight=\"bold\"");
}

// 1, 2 or 5 times a power of ten, so that at most `most` steps make `range`.
double nice_step(double range, int most) {
  const double least = range / most, power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::string panel_svg(const Panel& panel, double left, double top, double width, double height) {
  double highest = 0;
  size_t epochs = 1;
  for (const auto& curve : panel.curves) {
    epochs = std::max(epochs, curve.values.size());
    for (const double v : curve.values) highest = std::isfinite(v) ? std::max(highest, v) : highest;
  }
  if (panel.top > 0) highest = panel.top;
  if (highest <= 0) highest = 1;
  const double step = nice_step(highest, 5), ceiling = step * std::ceil(highest / step - 1e-9);
  const auto x = [&](size_t i) {
    return left + width * (epochs > 1 ? static_cast<double>(i) / static_cast<double>(epochs - 1) : 0.5);
  };
  const auto y = [&](double v) { return top + height * (1 - v / ceiling); };

  std::string svg = svg_text(left, top - 12, panel.name, "start", "font-weight=\"bold\"");
  for (int tick = 0; tick <= std::lround(ceiling / step); ++tick) {
    svg += fmt::format("<path d=\"M{:.1f} {:.1f}h{:.1f}\" stroke=\"#d5dbe1\"/>\n", left, y(tick * step), width);
    svg += svg_text(left - 6, y(tick * step) + 4, fmt::format("{:g}", tick * step), "end");
  }
  const auto stride = static_cast<size_t>(std::max(1.0, nice_step(static_cast<double>(epochs), 6)));
  for (size_t epoch = stride; epoch <= epochs; epoch += stride)
    svg += svg_text(x(epoch - 1), top + height + 18, std::to_string(epoch));
  svg += svg_text(left + width / 2, top + height + 36, "epoch");
  for (const auto& curve : panel.curves) {
    std::string path;
    for (size_t i = 0; i < curve.values.size(); ++i) {
      if (std::isfinite(curve.values[i]))
        path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x(i), y(curve.values[i]));
    }
    if (path.empty()) continue;
    if (path.find('L') == std::string::npos) path += "h0";  // one epoch: its round cap is a dot
    svg += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linecap=\"round\"/>\n",
                       path, curve.color, path.ends_with("h0") ? 6 : 1.8);
  }
  return svg;
}

}  // namespace

std::string curves_svg(const std::string& title, const std::vector<Panel>& panels) {
  constexpr double height = 340, panel_width = 300, panel_left = 56, gap = 24, top = 72, bottom = 60;
  const double all = (panel_left + panel_width) * static_cast<double>(panels.size()) + gap;
  const double width = std::max(all, text_width(title, 14) + 2 * gap);
  std::string svg = svg_open(width, height, title);
  double left = panel_left;
  for (const auto& panel : panels) {
    svg += panel_svg(panel, left, top, panel_width, height - top - bottom);
    double key = left + panel_width;  // the names of the curves, from the right
    for (auto curve = panel.curves.rbegin(); curve != panel.curves.rend(); ++curve) {
      svg += svg_text(key, top - 12, curve->name, "end", fmt::format("fill=\"{}\"", curve->color));
      key -= text_width(curve->name) + 10;
    }
    left += panel_left + panel_width;
  }
  return svg + "</svg>\n";
}

std::string confusion_svg(const std::string& title, const Scores& scores) {
  const int classes = scores.confusion.classes();
  double label_width = 0;
  for (const auto& label : scores.labels) label_width = std::max(label_width, text_width(label));
  // Long names stand on end above their columns.
  const bool upright = label_width > 80;
  constexpr double row = 40;
  const double cell = upright ? 46 : std::max(46.0, label_width + 4), left = label_width + 24,
               top = 84 + (upright ? label_width : 12);
  const std::string summary =
      fmt::format("accuracy {:.2f} % ({}/{}), UAR {:.2f} %", 100 * scores.accuracy(), scores.confusion.correct(),
                  scores.confusion.total(), 100 * scores.confusion.unweighted_recall());
  const double width = std::max({left + cell * classes + 24, text_width(title, 14) + 48, text_width(summary) + 48});
  std::string svg =
      svg_open(width, top + row * classes + 24, title) + svg_text(width / 2, 44, summary, "middle", "fill=\"#66707c\"");
  svg += svg_text(left + cell * classes / 2, 68, "predicted", "middle", "fill=\"#66707c\"");
  svg += svg_text(left - 8, top - 8, "truth", "end", "fill=\"#66707c\"");
  for (int truth = 0; truth < classes; ++truth) {
    int64_t clips = 0;
    for (int label = 0; label < classes; ++label) clips += scores.confusion.at(truth, label);
    const double middle = left + cell * (truth + 0.5);
    svg += svg_text(left - 8, top + row * (truth + 0.5) + 4, scores.labels[truth], "end");
    svg += upright ? svg_text(middle + 4, top - 8, scores.labels[truth], "start",
                              fmt::format("transform=\"rotate(-90 {:.1f} {:.1f})\"", middle + 4, top - 8))
                   : svg_text(middle, top - 8, scores.labels[truth]);
    for (int label = 0; label < classes; ++label) {
      const auto count = scores.confusion.at(truth, label);
      const double share = clips ? static_cast<double>(count) / static_cast<double>(clips) : 0;
      const auto fade = [&](int full) { return std::lround(255 + (full - 255) * share); };  // white to #3b6fb6
      svg += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"rgb({},{},{})\" "
          "stroke=\"#d5dbe1\"/>\n",
          left + cell * label, top + row * truth, cell, row, fade(59), fade(111), fade(182));
      svg += svg_text(left + cell * (label + 0.5), top + row * (truth + 0.5) + 4, std::to_string(count), "middle",
                      count == 0    ? "fill=\"#b4bcc5\""
                      : share > 0.5 ? "fill=\"white\""
                                    : "");
    }
  }
  return svg + "</svg>\n";
}

std::string reliability_svg(const std::string& title, const std::vector<ReliabilityPanel>& panels) {
  constexpr double side = 280, counts = 60, left = 56, gap = 24, top = 76, bottom = 56;
  const double width =
      std::max((left + side) * static_cast<double>(panels.size()) + gap, text_width(title, 14) + 2 * gap);
  std::string svg = svg_open(width, top + side + gap + counts + bottom, title);
  double x0 = left;
  for (const auto& [name, measured] : panels) {
    const double floor = top + side, base = floor + gap + counts;
    const auto x = [&](double v) { return x0 + side * v; };
    const auto y = [&](double v) { return floor - side * v; };
    int64_t most = 1;
    for (const auto& bin : measured.bins) most = std::max(most, bin.count);
    svg += svg_text(x(0.5), top - 28, name);
    svg +=
        svg_text(x(0.5), top - 12, fmt::format("calibration error {:.3f}, loss {:.3f}", measured.ece, measured.loss));
    for (int tick = 0; tick <= 5; ++tick) {
      svg += fmt::format("<path d=\"M{:.1f} {:.1f}h{:.1f}M{:.1f} {:.1f}v{:.1f}\" stroke=\"#d5dbe1\"/>\n", x0,
                         y(tick * 0.2), side, x(tick * 0.2), top, side);
      svg += svg_text(x0 - 6, y(tick * 0.2) + 4, fmt::format("{:g}", tick * 0.2), "end");
      svg += svg_text(x(tick * 0.2), base + 18, fmt::format("{:g}", tick * 0.2));
    }
    svg += fmt::format("<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\" stroke=\"#66707c\" stroke-dasharray=\"4 4\"/>\n", x(0),
                       y(0), x(1), y(1));
    for (size_t b = 0; b < measured.bins.size(); ++b) {
      const auto& bin = measured.bins[b];
      if (bin.count == 0) continue;
      const double half = interval_half_width(bin.accuracy, bin.count),
                   share = static_cast<double>(bin.count) / static_cast<double>(most);
      svg += fmt::format(
          "<path d=\"M{:.1f} {:.1f}V{:.1f}\" stroke=\"#3b6fb6\" stroke-opacity=\"0.6\" stroke-width=\"1.5\"/>\n",
          x(bin.confidence), y(std::min(1.0, bin.accuracy + half)), y(std::max(0.0, bin.accuracy - half)));
      svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"#3b6fb6\"/>\n", x(bin.confidence),
                         y(bin.accuracy), 2.5 + 4.5 * std::sqrt(share));
      const double bar = 1.0 / static_cast<double>(measured.bins.size());
      svg += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"#9db7da\"/>\n",
                         x(static_cast<double>(b) * bar) + 1, base - counts * share, side * bar - 2, counts * share);
    }
    svg += fmt::format("<path d=\"M{:.1f} {:.1f}h{:.1f}\" stroke=\"#66707c\"/>\n", x0, base, side);
    svg += svg_text(x0 - 6, base - counts + 8, std::to_string(most), "end");
    svg += svg_text(x(0.5), base + 38, "probability of the answer");
    const double middle = y(0.5);
    svg += fmt::format("<g transform=\"rotate(-90 {0:.1f} {1:.1f})\">{2}</g>\n", x0 - 40, middle,
                       svg_text(x0 - 40, middle, "share of right answers"));
    x0 += left + side;
  }
  return svg + "</svg>\n";
}

}  // namespace limbic
