// SPDX-License-Identifier: Apache-2.0
// `limbic graph NET`: a net as a picture.
#include <fmt/format.h>

#include <fstream>
#include <iostream>

#include "nets/graph.h"
#include "nets/registry.h"
#include "tools/verb.h"

namespace limbic {
namespace {

struct GraphArguments {
  std::string net, out;
  bool tape = false, force = false;
  int frames = 0, classes = 0;
};

Json shape_json(const Shape& shape) { return Json(shape); }

Json graph_json(const NetGraph& graph) {
  Json layers = Json::array();
  for (const GraphRow& r : graph.rows) {
    layers.push_back({{"name", r.name}, {"op", r.op}, {"output", shape_json(r.output)}, {"parameters", r.parameters}, {"macs", r.macs}});
  }
  return {{"schema", "limbic.graph/1"}, {"net", graph.title}, {"input", shape_json(graph.input)},
          {"parameters", graph.parameters}, {"macs", graph.macs}, {"layers", layers}};
}

Json tape_json(const TapeGraph& graph) {
  Json steps = Json::array();
  for (const TapeRow& r : graph.rows) {
    steps.push_back({{"op", r.op}, {"name", r.name}, {"shape", shape_json(r.shape)}, {"inputs", r.inputs}, {"gradient_norm", r.gradient_norm}});
  }
  return {{"schema", "limbic.tape/1"}, {"net", graph.title}, {"loss", graph.loss}, {"steps", steps}};
}

int draw(const Program& program, const GraphArguments& a) {
  NetOptions options;
  options.classes = a.classes;
  auto net = make_net(a.net, options);
  const int frames = a.frames > 0 ? a.frames : (a.tape ? std::max(net->min_frames, 101) : net->typical_frames);
  const Shape input = net->input_shape(a.tape ? 2 : 1, frames);
  Json document;
  std::string picture;
  if (a.tape) {
    const TapeGraph graph = record_tape(*net, input);
    document = tape_json(graph);
    picture = tape_svg(graph);
  } else {
    const NetGraph graph = record_graph(*net, input);
    document = graph_json(graph);
    picture = graph_svg(graph);
  }
  if (program.json) print_json(document);
  if (a.out.empty()) {
    if (!program.json) std::cout << picture;
    return 0;
  }
  if (std::ifstream(a.out) && !a.force) {
    throw Error(ExitCode::usage, fmt::format("{}: exists already; --force overwrites it", a.out));
  }
  std::ofstream file(a.out, std::ios::binary);
  file << picture;
  if (!file.flush()) throw Error(ExitCode::failure, fmt::format("{}: could not be written", a.out));
  return 0;
}

}  // namespace

void add_graph(Program& program) {
  CLI::App* sub = program.verb("graph", "a net as a picture: layers, shapes, parameters, work",
                               "  limbic graph cnn14 -o cnn14.svg\n  limbic graph voice --tape -o step.svg");
  auto a = std::make_shared<GraphArguments>();
  sub->add_option("net", a->net, "a net's name")->required()->check(CLI::IsMember(net_names()));
  sub->add_option("-o,--out", a->out, "write the SVG here instead of to stdout");
  sub->add_flag("--tape", a->tape, "one training step: every recorded op with the norm of its gradient");
  sub->add_option("--frames", a->frames, "frames of the input")->check(CLI::Range(1, 100000));
  sub->add_option("--classes", a->classes, "outputs of the last layer")->check(CLI::Range(1, 100000));
  sub->add_flag("--force", a->force, "overwrite what exists");
  sub->callback([&program, a] { program.run = [&program, a] { return draw(program, *a); }; });
}

}  // namespace limbic
