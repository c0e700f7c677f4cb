// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <algorithm>

#include "nets/graph.h"
#include "nets/registry.h"

using namespace limbic;

TEST_CASE("a graph has every parameter once, layers in order, and the published work") {
  auto net = make_net("sys2-audio-2d");
  const NetGraph graph = record_graph(*net, net->input_shape(1, 282));
  CHECK(graph.parameters == 60'359);
  std::vector<std::string> names;
  int64_t macs = 0;
  for (const GraphRow& r : graph.rows) {
    if (!r.name.empty()) names.push_back(r.name);
    macs += r.macs;
  }
  CHECK(names == std::vector<std::string>{"conv2d", "conv2d_1", "conv2d_2", "dense", "dense_1"});
  CHECK(graph.rows.front().output == Shape{1, 126, 280, 32});
  CHECK(graph.rows.front().macs == 126 * 280 * 32 * 9);
  CHECK(macs == graph.macs);
  const std::string svg = graph_svg(graph);
  CHECK(svg.starts_with("<svg"));
  CHECK(svg.find("60,359 parameters") != std::string::npos);
}

TEST_CASE("blocks are groups that end with their pooling") {
  NetOptions o;
  o.widths = {2, 4, 8, 8};
  auto net = make_net("voice", o);
  const NetGraph graph = record_graph(*net, net->input_shape(1, 40));
  const auto pool =
      std::find_if(graph.rows.begin(), graph.rows.end(), [](const GraphRow& r) { return r.op == "avg_pool2d"; });
  REQUIRE(pool != graph.rows.end());
  CHECK(pool->group == "conv_block1");
  CHECK(pool->output == Shape{1, 20, 32, 2});
  CHECK(graph.parameters == net->parameter_count());
}

TEST_CASE("the work of a recurrent layer is that of all its weights at every step") {
  auto net = make_net("bilstm-attention");
  const NetGraph graph = record_graph(*net, net->input_shape(1, 10));
  CHECK(graph.parameters == 112'609);
  const auto lstm = std::find_if(graph.rows.begin(), graph.rows.end(),
                                 [](const GraphRow& r) { return r.name == "feature_extractor.encoder.lstm"; });
  REQUIRE(lstm != graph.rows.end());
  CHECK(lstm->output == Shape{1, 10, 100});
  CHECK(lstm->macs == 10 * (2 * 200 * (50 + 50) + 2 * 200 * (100 + 50)));
}

TEST_CASE("every face net can be drawn") {
  for (const char* name : {"guided-stn", "unguided-stn", "no-stn", "face", "sys2-face"}) {
    INFO(name);
    auto net = make_net(name);
    const NetGraph graph = record_graph(*net, net->input_shape(1, net->typical_frames));
    CHECK(graph.parameters == net->parameter_count());
    CHECK(graph.rows.back().output == Shape{1, net->options.classes});
  }
}

TEST_CASE("a tape picture has a gradient norm for every op and parameter") {
  NetOptions o;
  o.widths = {2, 4, 8, 8};
  auto net = make_net("voice", o);
  const TapeGraph tape = record_tape(*net, net->input_shape(2, 40));
  CHECK(std::any_of(tape.rows.begin(), tape.rows.end(),
                    [](const TapeRow& r) { return r.op.find("cross_entropy") != std::string::npos; }));
  size_t leaves = 0;
  for (const TapeRow& r : tape.rows) {
    INFO(r.op << " " << r.name);
    CHECK(r.gradient_norm > 0);
    leaves += r.op == "leaf";
    for (int i : r.inputs) CHECK(&tape.rows[i] < &r);
  }
  CHECK(leaves == net->parameters().size());
  CHECK_THAT(tape_svg(tape), Catch::Contains("conv_block4.conv2.weight"));
}
