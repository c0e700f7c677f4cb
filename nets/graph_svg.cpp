// SPDX-License-Identifier: Apache-2.0
// Drawing: a column of rows, top to bottom as the data goes.
#include <algorithm>
#include <cmath>
#include <string>

#include <fmt/format.h>

#include "nets/graph.h"
#include "nets/svg.h"

namespace limbic {
namespace {

constexpr int margin = 28, row_height = 30, pill_height = 24, gap = 8, group_pad = 10, header = 96;
constexpr int names_x = margin + 22, ops_x = 300, shape_x = 520, bars_x = 548, bar_width = 150, width = 920;

std::string shape_label(const Shape& shape) {
  std::string text;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i) text += "×";
    text += std::to_string(shape[i]);
  }
  return text.empty() ? "scalar" : text;
}

std::string short_count(double n) {
  if (n >= 1e9) return fmt::format("{:.2f} G", n / 1e9);
  if (n >= 1e6) return fmt::format("{:.1f} M", n / 1e6);
  if (n >= 1e3) return fmt::format("{:.1f} k", n / 1e3);
  return fmt::format("{:.0f}", n);
}

// A hue for each kind of op, so that a page is read by colour first.
const char* color_of(const std::string& op) {
  if (op.starts_with("conv")) return "#3b6fb6";
  if (op.starts_with("batch_norm")) return "#4f9d8f";
  if (op == "linear" || op == "matmul") return "#8a5aa8";
  if (op.find("pool") != std::string::npos || op == "mean" || op == "max" || op == "sum") return "#c98a2b";
  if (op.find("cross_entropy") != std::string::npos) return "#b5483f";
  return "#7a828c";
}

class Svg {
 public:
  void rect(double x, double y, double w, double h, double radius, const std::string& fill,
            const std::string& more = "") {
    body_ += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"{:.1f}\" fill=\"{}\" {}/>\n", x, y, w,
        h, radius, fill, more);
  }
  void text(double x, double y, const std::string& style, const std::string& words) {
    body_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\">{}</text>\n", x, y, style, svg_escaped(words));
  }
  void path(const std::string& d, const std::string& stroke, double thick) {
    body_ += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{:.1f}\"/>\n", d, stroke, thick);
  }
  void add(const Svg& other) { body_ += other.body_; }
  std::string page(double height, const std::string& title) const {
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1:.0f}\" viewBox=\"0 0 {0} "
               "{1:.0f}\">\n"
               "<title>{2}</title>\n<style>\n"
               "text {{ font-family: 'DejaVu Sans', 'Helvetica', sans-serif; fill: #26303a; }}\n"
               ".title {{ font-size: 24px; font-weight: bold; }}\n.sub {{ font-size: 13px; fill: #66707c; }}\n"
               ".name {{ font-size: 13px; }}\n.op {{ font-size: 12px; fill: #66707c; }}\n.group {{ font-size: 12px; "
               "font-weight: bold; fill: #4a5663; }}\n"
               ".shape {{ font-size: 12px; font-family: 'DejaVu Sans Mono', monospace; text-anchor: end; }}\n"
               ".count {{ font-size: 11px; fill: #66707c; }}\n.head {{ font-size: 11px; fill: #8b949e; }}\n.headr {{ "
               "font-size: 11px; fill: #8b949e; text-anchor: end; }}\n"
               "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fbfbf9\"/>\n",
               width, height, svg_escaped(title)) +
           body_ + "</svg>\n";
  }

 private:
  std::string body_;
};

double bar_length(double value, double largest) { return largest > 0 ? bar_width * value / largest : 0; }

}  // namespace

std::string graph_svg(const NetGraph& graph) {
  int64_t most_parameters = 1, most_macs = 1;
  for (const GraphRow& r : graph.rows) {
    most_parameters = std::max(most_parameters, r.parameters);
    most_macs = std::max(most_macs, r.macs);
  }

  Svg svg;
  double y = header;
  const int bar2_x = bars_x + bar_width + 34;
  svg.text(margin, 40, "title", graph.title);
  svg.text(margin, 62, "sub",
           fmt::format("{} parameters · {} multiply-adds for an input of {}", grouped_digits(graph.parameters),
                       short_count(static_cast<double>(graph.macs)), shape_label(graph.input)));
  svg.text(names_x, y - 8, "head", "layer");
  svg.text(ops_x, y - 8, "head", "op");
  svg.text(shape_x, y - 8, "headr", "output (channels last)");
  svg.text(bars_x, y - 8, "head", "parameters");
  svg.text(bar2_x, y - 8, "head", "multiply-adds");

  for (size_t i = 0; i < graph.rows.size(); ++i) {
    const GraphRow& r = graph.rows[i];
    const bool opens = !r.group.empty() && (i == 0 || graph.rows[i - 1].group != r.group);
    if (opens) {
      size_t end = i;
      double inside = 22 + group_pad;
      for (; end < graph.rows.size() && graph.rows[end].group == r.group; ++end) {
        inside += (graph.rows[end].name.empty() ? pill_height : row_height) + (end > i ? gap / 2 : 0);
      }
      svg.rect(margin, y, width - 2 * margin, inside, 9, "#eef1f4", "stroke=\"#d5dbe1\"");
      svg.text(margin + 12, y + 16, "group", r.group);
      y += 22;
    }
    const double height = r.name.empty() ? pill_height : row_height;
    const double middle = y + height / 2 + 4.5;
    const int inset = r.group.empty() ? margin : margin + 8;
    if (!r.name.empty()) {
      svg.rect(inset, y, shape_x + 12 - inset, height, 6, "#ffffff", "stroke=\"#d5dbe1\"");
      svg.rect(inset, y, 5, height, 2.5, color_of(r.op));
      const std::string own = r.group.empty() ? r.name : r.name.substr(r.group.size() + 1);
      svg.text(names_x, middle, "name", own);
    } else {
      svg.rect(ops_x - 10, y + 2, shape_x + 22 - ops_x, height - 4, (height - 4) / 2, "#f4efe4");
    }
    svg.text(ops_x, middle, "op", r.op);
    svg.text(shape_x, middle, "shape", shape_label(r.output));
    if (r.parameters > 0) {
      svg.rect(bars_x, y + 6,
               std::max(1.0, bar_length(static_cast<double>(r.parameters), static_cast<double>(most_parameters))), 6, 2,
               "#5b8fd0");
      svg.text(bars_x, y + height - 4, "count", grouped_digits(r.parameters));
    }
    if (r.macs > 0) {
      svg.rect(bar2_x, y + 6, std::max(1.0, bar_length(static_cast<double>(r.macs), static_cast<double>(most_macs))), 6,
               2, "#d7883a");
      svg.text(bar2_x, y + height - 4, "count", short_count(static_cast<double>(r.macs)));
    }
    y += height;
    const bool closes = !r.group.empty() && (i + 1 == graph.rows.size() || graph.rows[i + 1].group != r.group);
    y += closes ? group_pad + gap : (r.group.empty() ? gap : gap / 2);
  }
  return svg.page(y + margin, graph.title);
}

std::string tape_svg(const TapeGraph& graph) {
  // Ops stand in the middle column, the parameters that enter an op to its left, gradient norms to its right.
  constexpr int op_x = 380, op_width = 250, leaf_x = margin, leaf_width = 310, norm_x = 690, norm_width = 130;
  std::vector<double> center(graph.rows.size(), 0);
  double smallest = 1e300, largest = 0;
  for (const TapeRow& r : graph.rows) {
    if (r.gradient_norm > 0) smallest = std::min(smallest, r.gradient_norm);
    largest = std::max(largest, r.gradient_norm);
  }
  const double span = std::max(1.0, std::log10(largest / std::max(smallest, 1e-300)));

  Svg boxes, lines;
  lines.text(margin, 40, "title", graph.title + ": one step on the tape");
  lines.text(
      margin, 62, "sub",
      fmt::format(
          "loss {:.4f} · backward runs from the bottom up · bars are gradient norms, {:.1e} to {:.1e}, logarithmic",
          graph.loss, smallest, largest));
  double y = header;
  lines.text(leaf_x, y - 8, "head", "parameters");
  lines.text(op_x, y - 8, "head", "ops");
  lines.text(norm_x, y - 8, "head", "norm of the gradient");

  auto norm_bar = [&](double x, double top, double length, double norm) {
    if (norm <= 0) return;
    const double share = 0.04 + 0.96 * (std::log10(norm) - std::log10(smallest)) / span;
    boxes.rect(x, top, std::max(2.0, length * share), 6, 2, "#b5483f", "fill-opacity=\"0.75\"");
  };
  for (size_t i = 0; i < graph.rows.size(); ++i) {
    const TapeRow& r = graph.rows[i];
    if (r.op == "leaf") continue;
    std::vector<int> leaves;
    for (int input : r.inputs) {
      if (graph.rows[input].op == "leaf") leaves.push_back(input);
    }
    const double height = std::max<double>(row_height + 4, 30.0 * static_cast<double>(leaves.size()));
    center[i] = y + height / 2;
    boxes.rect(op_x, center[i] - 15, op_width, 30, 7, "#ffffff", "stroke=\"#c9d0d8\"");
    boxes.rect(op_x, center[i] - 15, 5, 30, 2.5, color_of(r.op));
    boxes.text(op_x + 16, center[i] + 4.5, "name", r.op);
    boxes.text(op_x + op_width - 10, center[i] + 4.5, "shape", shape_label(r.shape));
    norm_bar(norm_x, center[i] - 3, norm_width, r.gradient_norm);
    if (r.gradient_norm > 0)
      boxes.text(norm_x + norm_width + 12, center[i] + 4, "count", fmt::format("{:.2e}", r.gradient_norm));

    double leaf_y = center[i] - 15.0 * static_cast<double>(leaves.size());
    for (int leaf : leaves) {
      const TapeRow& p = graph.rows[leaf];
      boxes.rect(leaf_x, leaf_y + 2, leaf_width, 26, 13, "#eaf0f8", "stroke=\"#cfdcec\"");
      boxes.text(leaf_x + 14, leaf_y + 13, "count", p.name.empty() ? "input" : p.name);
      norm_bar(leaf_x + 14, leaf_y + 19, 120, p.gradient_norm);
      boxes.text(leaf_x + leaf_width - 14, leaf_y + 19, "shape", shape_label(p.shape));
      lines.path(fmt::format("M{} {:.1f} C{} {:.1f} {} {:.1f} {} {:.1f}", leaf_x + leaf_width, leaf_y + 15, op_x - 22,
                             leaf_y + 15, op_x - 44, center[i], op_x, center[i]),
                 "#a9bcd3", 1.2);
      leaf_y += 30;
    }
    for (int input : r.inputs) {
      if (graph.rows[input].op == "leaf") continue;
      bool next_door = true;  // nothing but leaves in between
      for (size_t k = input + 1; k < i; ++k) next_door = next_door && graph.rows[k].op == "leaf";
      const double from = center[input] + 15, to = center[i] - 15;
      if (next_door) {
        lines.path(fmt::format("M{0} {1:.1f} L{0} {2:.1f}", op_x + op_width / 2, from, to), "#8b949e", 1.4);
      } else {  // round the ops between, on the right
        const double x = op_x + op_width, bulge = x + 34;
        lines.path(fmt::format("M{0} {1:.1f} C{2} {1:.1f} {2} {3:.1f} {0} {3:.1f}", x, from - 15, bulge, to + 15),
                   "#8b949e", 1.4);
      }
    }
    y += height + 12;
  }
  lines.add(boxes);  // lines lie under the boxes
  return lines.page(y + margin, graph.title);
}

}  // namespace limbic
