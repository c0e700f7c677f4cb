// SPDX-License-Identifier: Apache-2.0
// What a stream records while it is captured. Streams that are not captured do everything at once.
#pragma once
#include <functional>

#include "kernels/gpu_runtime.h"

namespace limbic::emu {

/// Is `stream` captured? Then `work` is kept, to be done at each launch of the graph.
bool recorded(Stream stream, const std::function<void()>& work);

Stream create_stream();
void destroy_stream(Stream stream);
void begin_capture(Stream stream);
Graph end_capture(Stream stream);
void launch_graph(Graph graph);
void destroy_graph(Graph graph);

}  // namespace limbic::emu
