// SPDX-License-Identifier: Apache-2.0
#include "tools/report/drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "io/media_write.h"

namespace limbic {
namespace {

constexpr double width = 880, left = 40, height = 120, axis = 22;

std::string base64(const std::string& bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t k = 0; k < 3; ++k)
      three = three << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) text += i + k > bytes.size() ? '=' : digits[three >> (18 - 6 * k) & 63];
  }
  return text;
}

/// 1, 2 or 5 times a power of ten: about eight ticks.
double tick_of(double end_s) {
  double tick = 1e-3;
  while (true) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor * tick * 10 >= end_s) return factor * tick;
    }
    tick *= 10;
  }
}

double x_of(double at_s, double end_s) { return left + (width - left) * std::clamp(at_s / end_s, 0.0, 1.0); }

std::string open_svg(double h, double end_s) {
  std::string svg = fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\" height=\"{:.0f}\" role=\"img\">\n",
                                width + 12, h + axis, width + 12, h + axis);
  const double tick = tick_of(end_s);
  for (int i = 0; i * tick <= end_s * (1 + 1e-9); ++i) {
    svg += fmt::format(
        "<path d=\"M{0:.1f} {1:.1f}v4\" stroke=\"#66707c\"/><text x=\"{0:.1f}\" y=\"{2:.1f}\" "
        "text-anchor=\"middle\">{3:g}{4}</text>\n",
        x_of(i * tick, end_s), h, h + 16, i * tick, i == 0 ? " s" : "");
  }
  return svg + fmt::format("<rect x=\"{:.1f}\" y=\"0\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"#eceff2\"/>\n", left,
                           width - left, h);
}

}  // namespace

std::string png_uri(const uint8_t* pixels, int w, int h, int channels) {
  return "data:image/png;base64," + base64(png_file(pixels, w, h, channels));
}

const char* emotion_color(size_t emotion) {
  constexpr std::array<const char*, 8> colors = {"#9aa5b1", "#76b7b2", "#edc948", "#4e79a7",
                                                 "#e15759", "#b07aa1", "#59a14f", "#f28e2b"};
  return colors[emotion];
}

// More moments than columns would not be seen: neighbours that are alike known become their mean.
std::vector<Moment> thinned(const std::vector<Moment>& moments) {
  constexpr size_t most = 900;
  const size_t each = (moments.size() + most - 1) / most;
  if (each < 2) return moments;
  std::vector<Moment> few;
  for (size_t begin = 0; begin < moments.size();) {
    Moment mean = moments[begin];
    size_t end = begin + 1;
    for (; end < moments.size() && end < begin + each && moments[end].known == mean.known; ++end) {
      for (size_t e = 0; e < emotion_names.size(); ++e) mean.probabilities[e] += moments[end].probabilities[e];
    }
    for (double& p : mean.probabilities) p /= static_cast<double>(end - begin);
    few.push_back(mean);
    begin = end;
  }
  return few;
}

std::string timeline_svg(const std::vector<Moment>& all, double end_s) {
  const std::vector<Moment> moments = thinned(all);
  std::string svg = open_svg(height, end_s);
  for (size_t begin = 0; begin < moments.size();) {
    if (!moments[begin].known) {
      ++begin;
      continue;
    }
    size_t end = begin;  // of the stretch in which something is known
    while (end < moments.size() && moments[end].known) ++end;
    const double until = end < moments.size() ? moments[end].start_s : end_s;
    std::vector<double> base(end - begin, 0);
    for (size_t e = 0; e < emotion_names.size(); ++e) {
      std::string up;
      std::vector<std::string> down;
      for (size_t i = begin; i < end; ++i) {
        const double x0 = x_of(moments[i].start_s, end_s),
                     x1 = x_of(i + 1 < end ? moments[i + 1].start_s : until, end_s);
        const double low = height * (1 - base[i - begin]),
                     high = height * (1 - (base[i - begin] += moments[i].probabilities[e]));
        up += fmt::format("{}{:.1f} {:.1f}H{:.1f}", up.empty() ? "M" : "L", x0, high, x1);
        down.push_back(fmt::format("L{:.1f} {:.1f}H{:.1f}", x1, low, x0));
      }
      std::reverse(down.begin(), down.end());
      svg += fmt::format("<path d=\"{}{}Z\" fill=\"{}\"><title>{}</title></path>\n", up, fmt::join(down, ""),
                         emotion_color(e), emotion_names[e]);
    }
    begin = end;
  }
  return svg + "</svg>\n";
}

std::string bars_svg(const EmotionProbabilities& p) {
  constexpr double row = 20, bar = 150;
  const size_t best = static_cast<size_t>(std::max_element(p.begin(), p.end()) - p.begin());
  std::string svg = fmt::format("<svg viewBox=\"0 0 290 {0:.0f}\" width=\"290\" height=\"{0:.0f}\" role=\"img\">\n",
                                row * static_cast<double>(p.size()));
  for (size_t e = 0; e < p.size(); ++e) {
    const double y = row * static_cast<double>(e);
    svg += fmt::format("<text x=\"78\" y=\"{:.1f}\" text-anchor=\"end\"{}>{}</text>", y + 14,
                       e == best ? " font-weight=\"bold\"" : "", emotion_names[e]);
    svg += fmt::format("<rect x=\"84\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"14\" fill=\"{}\"/>", y + 3,
                       std::max(0.5, bar * p[e]), emotion_color(e));
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{:.1f} %</text>\n", 90 + bar * p[e], y + 14, 100 * p[e]);
  }
  return svg + "</svg>\n";
}

std::string weights_svg(const std::vector<double>& times, const std::vector<double>& weights, double end_s) {
  std::string svg = open_svg(0.6 * height, end_s);
  const double most = *std::max_element(weights.begin(), weights.end());
  std::string path = fmt::format("M{:.1f} {:.1f}", x_of(times.front(), end_s), 0.6 * height);
  for (size_t i = 0; i < times.size(); ++i)
    path += fmt::format("L{:.1f} {:.1f}", x_of(times[i], end_s), 0.6 * height * (1 - weights[i] / most));
  path += fmt::format("V{:.1f}Z", 0.6 * height);
  return svg + fmt::format("<path d=\"{}\" fill=\"#3b6fb6\"/>\n</svg>\n", path);
}

std::string log_mel_uri(const Tensor& map, int most) {
  const int64_t T = map.dim(0), M = map.dim(1), W = std::min<int64_t>(T, most);
  const float* x = map.data();
  const float loudest = *std::max_element(x, x + T * M);
  std::vector<uint8_t> pixels(static_cast<size_t>(W * M * 3));
  for (int64_t column = 0; column < W; ++column) {
    for (int64_t m = 0; m < M; ++m) {
      float level = loudest - 80;
      for (int64_t t = column * T / W; t < (column + 1) * T / W; ++t) level = std::max(level, x[t * M + m]);
      const float v = 1 + (level - loudest) / 80;  // dark blue, red, yellow, white
      const float rgb[] = {1.6f * v - 0.25f, 1.9f * v - 0.9f,
                           v < 0.35f  ? 0.25f + 0.6f * v
                           : v < 0.7f ? 0.46f - 0.9f * (v - 0.35f)
                                      : 0.145f + 2.8f * (v - 0.7f)};
      for (int64_t c = 0; c < 3; ++c)
        pixels[static_cast<size_t>(((M - 1 - m) * W + column) * 3 + c)] =
            static_cast<uint8_t>(255 * std::clamp(rgb[c], 0.0f, 1.0f));
    }
  }
  return png_uri(pixels.data(), static_cast<int>(W), static_cast<int>(M), 3);
}

std::vector<uint8_t> grey_bytes(const float* values, int64_t count, int64_t stride, float low, float high) {
  std::vector<uint8_t> bytes;
  for (int64_t i = 0; i < count; ++i)
    bytes.push_back(
        static_cast<uint8_t>(std::lround(255 * std::clamp((values[i * stride] - low) / (high - low), 0.0f, 1.0f))));
  return bytes;
}

}  // namespace limbic
