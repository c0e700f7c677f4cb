// SPDX-License-Identifier: Apache-2.0
// Pictures of a net: its layers with shapes, parameters and work, and its tape with gradient norms. SVG, no files.
#pragma once
#include <string>
#include <vector>

#include "nets/net.h"

namespace limbic {

/// One layer or op of a forward pass, in the order of computing.
struct GraphRow {
  std::string name;   ///< the module's dotted name; empty for an op between modules
  std::string op;     ///< as the tape calls it: "conv2d", "avg_pool2d"
  std::string group;  ///< the child of the net that it belongs to: "conv_block1"; empty for none
  Shape output;
  int64_t parameters = 0;
  int64_t macs = 0;  ///< multiply-adds
};

struct NetGraph {
  std::string title;
  Shape input;
  std::vector<GraphRow> rows;
  int64_t parameters = 0, macs = 0;
};

/// Runs `input` zeros through the net once, in eval mode, and records its layers with forward hooks.
NetGraph record_graph(Net& net, const Shape& input);
std::string graph_svg(const NetGraph& graph);

/// One recorded op of a training step.
struct TapeRow {
  std::string op;
  std::string name;  ///< of a parameter; empty for an op
  Shape shape;
  std::vector<int> inputs;   ///< rows
  double gradient_norm = 0;  ///< of its output; 0 where no gradient arrived
};

struct TapeGraph {
  std::string title;
  double loss = 0;
  std::vector<TapeRow> rows;
};

/// One training step on `input`-shaped random numbers and label 0, without an update: the tape and each gradient's
/// norm.
TapeGraph record_tape(Net& net, const Shape& input);
std::string tape_svg(const TapeGraph& graph);

}  // namespace limbic
