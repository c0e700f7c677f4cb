// SPDX-License-Identifier: Apache-2.0
#include "kernels/gpu_runtime.h"

#include <chrono>

#include "kernels/emu/graph.h"
#include "kernels/emu/memory.h"
#include "kernels/emu/scheduler.h"

namespace limbic::emu {
namespace {

using Clock = std::chrono::steady_clock;

Clock::time_point& time_of(Event event) { return *static_cast<Clock::time_point*>(event.handle); }

}  // namespace

const GpuRuntime runtime{
    .allocate = [](size_t bytes, Stream) { return allocate(bytes); },
    .release = [](void* memory, Stream) { release(memory); },
    .copy =
        [](void* to, const void* from, size_t bytes, Stream stream) {
          if (!recorded(stream, [=] { copy(to, from, bytes); })) copy(to, from, bytes);
        },
    .set_bytes =
        [](void* memory, int value, size_t bytes, Stream stream) {
          if (!recorded(stream, [=] { set_bytes(memory, value, bytes); })) set_bytes(memory, value, bytes);
        },
    .create_stream = create_stream,
    .destroy_stream = destroy_stream,
    .synchronize = [](Stream) {},
    .create_event = [] { return Event{new Clock::time_point}; },
    .destroy_event = [](Event event) { delete static_cast<Clock::time_point*>(event.handle); },
    .record = [](Event event, Stream) { time_of(event) = Clock::now(); },
    .wait = [](Stream, Event) {},
    .milliseconds =
        [](Event from, Event to) {
          return std::chrono::duration<float, std::milli>(time_of(to) - time_of(from)).count();
        },
    .begin_capture = begin_capture,
    .end_capture = end_capture,
    .launch_graph = [](Graph graph, Stream) { launch_graph(graph); },
    .destroy_graph = destroy_graph,
    .compute_capability = [] { return 90; },
    .shared_bytes_per_block = [] { return static_cast<int>(max_shared); },
    .what_is_missing = []() -> const char* { return nullptr; },
};

}  // namespace limbic::emu
