// SPDX-License-Identifier: Apache-2.0
// limbic-counter OP RUNG --shape ...: what `limbic kernels count` starts. The kernels and the emulator in this program
// are compiled so that they can be counted (kernels/emu/counters.h); those of `limbic` stay as fast as they are.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "engine/error.h"
#include "kernels/emu/counters.h"
#include "tools/rungs/rungs.h"

namespace limbic {
namespace {

using Json = nlohmann::ordered_json;
using emu::Counters, emu::DeviceTraffic, emu::SharedTraffic;

double a_request(uint64_t n, uint64_t requests) {
  return requests ? static_cast<double>(n) / static_cast<double>(requests) : 0;
}

Json json_of(const DeviceTraffic& t) {
  return {{"requests", t.requests},
          {"bytes", t.bytes},
          {"sectors", t.sectors},
          {"sectors_per_request", a_request(t.sectors, t.requests)}};
}
Json json_of(const SharedTraffic& t) {
  return {{"requests", t.requests}, {"bytes", t.bytes}, {"bank_conflicts", t.conflicts}};
}

Json json_of(const Counters& c) {
  Json json = {{"kernel", c.kernel},
               {"launches", c.launches},
               {"blocks", c.blocks},
               {"threads", c.threads},
               {"device_reads", json_of(c.reads)},
               {"device_writes", json_of(c.writes)},
               {"device_atomics", json_of(c.atomics)},
               {"shared_reads", json_of(c.shared_reads)},
               {"shared_writes", json_of(c.shared_writes)},
               {"barriers", c.barriers},
               {"warp_meetings", c.meetings},
               {"divergent_branches", c.divergent_branches},
               {"active_lanes", a_request(c.lanes, c.steps)},
               {"flops", nullptr},
               {"flops_f64", nullptr},
               {"flops_tensor", c.tensor_flops}};
  if (c.flops) json["flops"] = c.flops->f32, json["flops_f64"] = c.flops->f64;
  return json;
}

void print(const char* what, const DeviceTraffic& t) {
  if (!t.requests) return;
  fmt::print("  {:<16}{:>10} requests, {:5.2f} sectors each; {} bytes asked for, {} moved ({:.0f} % of use)\n", what,
             t.requests, a_request(t.sectors, t.requests), t.bytes, 32 * t.sectors,
             100 * a_request(t.bytes, 32 * t.sectors));
}
void print(const char* what, const SharedTraffic& t) {
  if (t.requests)
    fmt::print("  {:<16}{:>10} requests, {:5.2f} bank conflicts each; {} bytes\n", what, t.requests,
               a_request(t.conflicts, t.requests), t.bytes);
}
void print(const Counters& c) {
  fmt::print("{}: {} launch{}, {} blocks, {} threads\n", c.kernel, c.launches, c.launches == 1 ? "" : "es", c.blocks,
             c.threads);
  print("device reads", c.reads), print("device writes", c.writes), print("device atomics", c.atomics);
  print("shared reads", c.shared_reads), print("shared writes", c.shared_writes);
  fmt::print("  {:<16}{:>10} divergent branches, {:.1f} of 32 lanes active\n", "warps", c.divergent_branches,
             a_request(c.lanes, c.steps));
  fmt::print("  {:<16}{:>10} barriers of a block, {} meetings of a warp\n", "waits", c.barriers, c.meetings);
  if (c.flops) {
    fmt::print("  {:<16}{:>10} f32, {} f64, {} on tensor cores\n", "FLOPs", c.flops->f32, c.flops->f64, c.tensor_flops);
  } else {
    fmt::print("  {:<16}{:>10} unknown without objdump (Debian: binutils), {} on tensor cores\n", "FLOPs", "",
               c.tensor_flops);
  }
}

int run(int argc, char** argv) {
  CLI::App app{"limbic-counter: counts what a CUDA kernel does, on the emulator; started by `limbic kernels count`"};
  RungChoice choice;
  choice.device = Device::emu;
  bool json = false;
  app.add_option("op", choice.op)->required();
  app.add_option("rung", choice.rung)->required();
  app.add_option("--pass", choice.pass);
  app.add_option("--shape", choice.shape)->allow_extra_args(false);
  app.add_flag("--json", json);
  try {
    app.parse(argc, argv);
    const ReadyRung rung = prepare_rung(choice);
    rung.launch();
    const std::vector<Counters> all = emu::take_counters();
    if (!json) {
      fmt::print("{} {} {}, {}\n", rung.pass.op, rung.pass.pass, rung.rung, rung.dims);
      for (const Counters& c : all) print(c);
      return 0;
    }
    Json kernels = Json::array();
    for (const Counters& c : all) kernels.push_back(json_of(c));
    fmt::print("{}\n", Json{{"schema", "limbic.kernel_counts/1"},
                            {"op", rung.pass.op},
                            {"pass", rung.pass.pass},
                            {"rung", rung.rung},
                            {"shape", rung.dims},
                            {"kernels", kernels}}
                           .dump(1));
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) ? static_cast<int>(ExitCode::usage) : 0;
  } catch (const std::exception& error) {
    const auto* const ours = dynamic_cast<const Error*>(&error);
    const bool full = dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
    const ExitCode code = ours ? ours->code : full ? ExitCode::resource : ExitCode::failure;
    fmt::print(stderr, "limbic: {}\n", error.what());
    if (json) {
      fmt::print("{}\n", Json{{"schema", "limbic.error/1"},
                              {"status", "error"},
                              {"error", error.what()},
                              {"exit_code", static_cast<int>(code)}}
                             .dump(1));
    }
    return static_cast<int>(code);
  }
}

}  // namespace
}  // namespace limbic

int main(int argc, char** argv) { return limbic::run(argc, argv); }
