// SPDX-License-Identifier: Apache-2.0
// `limbic graph NET`: a net as a picture, layer by layer; with --tape a recorded training step and its gradients.
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "engine/random.h"
#include "io/files.h"
#include "nets/graph.h"
#include "nets/registry.h"
#include "tools/verb.h"

namespace limbic {
namespace {

struct Options {
  std::string net, output;
  NetOptions sizes;
  int frames = 0, batch = 2;
  bool tape = false, force = false;
};

Json net_json(const NetGraph& graph) {
  Json rows = Json::array();
  for (const auto& row : graph.rows) {
    rows.push_back({{"name", row.name},
                    {"op", row.op},
                    {"output", row.output},
                    {"parameters", row.parameters},
                    {"macs", row.macs}});
  }
  return {{"schema", "limbic.graph/1"},     {"net", graph.title}, {"input", graph.input},
          {"parameters", graph.parameters}, {"macs", graph.macs}, {"layers", rows}};
}

Json tape_json(const TapeGraph& tape) {
  Json rows = Json::array();
  for (const auto& row : tape.rows) {
    rows.push_back({{"op", row.op},
                    {"name", row.name},
                    {"shape", row.shape},
                    {"inputs", row.inputs},
                    {"gradient_norm", row.gradient_norm}});
  }
  return {{"schema", "limbic.tape/1"}, {"net", tape.title}, {"loss", tape.loss}, {"steps", rows}};
}

int run(const Program& program, const Options& options) {
  set_random_step(1, 0);
  const auto net = make_net(options.net, options.sizes);
  const int frames = options.frames ? options.frames
                     : options.tape ? std::max(net->min_frames, 101)
                                    : net->typical_frames;
  std::string svg;
  Json json;
  if (options.tape) {
    if (map_storage() == DType::bf16 && compute_device() == Device::cpu)
      throw Error(ExitCode::usage,
                  "graph --tape: found precision bf16 on device cpu, which trains in f32; expected f32, or "
                  "device cuda or emu");
    const TapeGraph tape = record_tape(*net, net->input_shape(options.batch, frames));
    svg = tape_svg(tape);
    json = tape_json(tape);
  } else {
    const NetGraph graph = record_graph(*net, net->input_shape(1, frames));
    svg = graph_svg(graph);
    json = net_json(graph);
  }
  if (!options.output.empty()) {
    write_file(options.output, svg, options.force);
    print_note(program, fmt::format("{} written", options.output));
  }
  if (program.json) {
    print_json(json);
  } else if (options.output.empty()) {
    print_document(svg);
  }
  return 0;
}

}  // namespace

void add_graph(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = program.verb("graph", "draw a net, or a recorded training step, as SVG",
                               "  limbic graph cnn14 -o cnn14.svg\n"
                               "  limbic graph voice --tape -o step.svg\n"
                               "  limbic graph alexnet --json");
  sub->add_option("net", options->net, fmt::format("{}", fmt::join(net_names(), ", ")))->required();
  sub->add_option("-o,--output", options->output, "the SVG file (default: stdout)");
  sub->add_option("--classes", options->sizes.classes, "outputs of the last layer")->check(CLI::PositiveNumber);
  sub->add_option("--widths", options->sizes.widths, "channels of the blocks, e.g. 32,64,128")
      ->delimiter(',')
      ->allow_extra_args(false);
  sub->add_option("--frames", options->frames, "length of the input in frames")->check(CLI::PositiveNumber);
  sub->add_flag("--tape", options->tape, "the tape of one training step, with gradient norms");
  sub->add_flag("--force", options->force, "replace an output that exists");
  sub->callback([&program, options] { program.run = [&program, options] { return run(program, *options); }; });
}

}  // namespace limbic
