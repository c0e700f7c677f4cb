// SPDX-License-Identifier: Apache-2.0
#include "kernels/emu/graph.h"

#include <stdexcept>
#include <utility>
#include <vector>

namespace limbic::emu {
namespace {

using Works = std::vector<std::function<void()>>;

struct Queue {
  bool captured = false;
  Works works;
};

Queue* of(Stream stream) { return static_cast<Queue*>(stream.handle); }

}  // namespace

bool recorded(Stream stream, const std::function<void()>& work) {
  Queue* const queue = of(stream);
  if (!queue || !queue->captured) return false;
  queue->works.push_back(work);
  return true;
}

Stream create_stream() { return {new Queue}; }
void destroy_stream(Stream stream) { delete of(stream); }

void begin_capture(Stream stream) {
  if (!stream.handle || of(stream)->captured) throw std::runtime_error("emu: begin_capture: not a stream made for it");
  of(stream)->captured = true;
}

Graph end_capture(Stream stream) {
  if (!stream.handle || !of(stream)->captured) throw std::runtime_error("emu: end_capture: nothing was begun");
  of(stream)->captured = false;
  return {new Works(std::exchange(of(stream)->works, {}))};
}

void launch_graph(Graph graph) {
  for (const auto& work : *static_cast<const Works*>(graph.handle)) work();
}

void destroy_graph(Graph graph) { delete static_cast<Works*>(graph.handle); }

}  // namespace limbic::emu
