// SPDX-License-Identifier: Apache-2.0
#include "tools/bench_kernels.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <map>

#include <fmt/format.h>

#include "kernels/vendor/vendor.h"

namespace limbic {
namespace {

const GpuRuntime& gpu() { return *gpu_runtime(Device::cuda); }

/// Times work on the device by events, each turn with nothing of it in the caches.
class Stopwatch {
 public:
  Stopwatch() : from_(gpu().create_event()), to_(gpu().create_event()), dirt_(gpu().allocate(size, {})) {}
  ~Stopwatch() {
    try {
      gpu().destroy_event(from_);
      gpu().destroy_event(to_);
      gpu().release(dirt_, {});
    } catch (const std::exception&) {  // of a device on which a launch failed: its row has said so
    }
  }
  Stopwatch(const Stopwatch&) = delete;

  double ms(const std::function<void()>& work) {
    gpu().set_bytes(dirt_, 0, size, {});
    gpu().record(from_, {});
    work();
    gpu().record(to_, {});
    gpu().synchronize({});
    return static_cast<double>(gpu().milliseconds(from_, to_));
  }

 private:
  static constexpr size_t size = size_t{256} << 20;  // more than any L2
  Event from_, to_;
  void* dirt_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// What the machine can do, measured: f32 and TF32 by cuBLAS on large matrices, memory by a copy. All 0: unknown.
struct DeviceRoof {
  double f32 = 0, tf32 = 0;  // GFLOP/s
  double gbytes = 0;         // GB/s, read and written
};

DeviceRoof measure_device_roof(Stopwatch& watch) {
  DeviceRoof roof;
  const auto gflops = [&](const char* rung) {
    const ReadyRung cube = prepare_rung({"matmul", rung, "fwd", {"M=8192,N=8192,K=8192"}, Device::cuda});
    cube.launch();
    std::vector<double> ms;
    for (int i = 0; i < 5; ++i) ms.push_back(watch.ms(cube.launch));
    return cube.flop / median(ms) / 1e6;
  };
  roof.f32 = gflops("cublas");
  roof.tf32 = gflops("cublas_tf32");
  constexpr size_t bytes = size_t{1} << 30;
  void *const from = gpu().allocate(bytes, {}), *const to = gpu().allocate(bytes, {});
  std::vector<double> ms;
  for (int i = 0; i < 5; ++i) ms.push_back(watch.ms([&] { gpu().copy(to, from, bytes, {}); }));
  gpu().release(from, {});
  gpu().release(to, {});
  roof.gbytes = 2 * static_cast<double>(bytes) / median(ms) / 1e6;
  return roof;
}

bool stored_in_bf16(const KernelInfo& k) { return std::string(k.pass).ends_with("_bf16"); }

/// The arithmetic that a rung's name promises, or its pass: all rungs of maps stored in bf16 multiply as they lie.
enum class Arithmetic { f32, tf32x3, tf32, bf16 };
Arithmetic arithmetic(const KernelInfo& k) {
  const std::string rung = k.name;
  if (rung.ends_with("bf16") || stored_in_bf16(k)) return Arithmetic::bf16;
  if (rung.ends_with("3xtf32")) return Arithmetic::tf32x3;
  return rung.ends_with("tf32") ? Arithmetic::tf32 : Arithmetic::f32;
}
/// A rung as precise as f32 runs against a peer in f32, of maps in bf16 against one in bf16, else against one in TF32.
bool rounds(const KernelInfo& k) { return arithmetic(k) == Arithmetic::tf32 || arithmetic(k) == Arithmetic::bf16; }

/// The least milliseconds: 3xTF32 takes three products, BF16 goes at twice TF32's rate. 0: unknown, as of a rung that
/// is several ops, whose name does not say how each of them multiplies.
double limit_ms(const DeviceRoof& roof, const KernelInfo& k, double flop, double bytes) {
  if (roof.gbytes == 0 || std::string(k.name).ends_with("_ops")) return 0;
  const double rates[] = {roof.f32, std::max(roof.f32, roof.tf32 / 3), roof.tf32, 2 * roof.tf32};
  return std::max(flop / rates[static_cast<int>(arithmetic(k))], bytes / roof.gbytes) / 1e6;
}

struct Entry {
  KernelInfo info;
  std::string dims, failed;     // failed: the words of what it threw
  double ms = 0, limit = 0;     // 0: unknown
  const Entry* peer = nullptr;  // in the same arithmetic; none for a peer
};

std::vector<Entry> entries_of(const std::vector<Contestant>& contestants, const DeviceRoof& roof) {
  std::vector<Entry> entries;
  for (const Contestant& c : contestants) {
    Entry& e = entries.emplace_back(Entry{c.info, c.rung.dims, c.failed});
    if (!e.failed.empty()) continue;
    e.ms = median(c.turns);
    e.limit = limit_ms(roof, c.info, c.rung.flop, static_cast<double>(c.rung.bytes()));
  }
  for (Entry& e : entries) {
    if (is_yardstick(e.info.name) || !e.failed.empty()) continue;
    for (const Entry& other : entries) {
      if (is_yardstick(other.info.name) && other.failed.empty() && rounds(other.info) == rounds(e.info))
        e.peer = &other;
    }
  }
  return entries;
}

Json json_of(const KernelRace& race, const Entry& e) {
  Json row = {{"op", race.op},   {"pass", race.pass},   {"problem", race.problem},
              {"shape", e.dims}, {"rung", e.info.name}, {"default", e.info.is_default}};
  if (!e.failed.empty()) {
    row["failed"] = e.failed;
    return row;
  }
  row["ms"] = e.ms;
  if (e.limit > 0) row["limit_ms"] = e.limit;
  if (e.peer) row.update({{"peer", e.peer->info.name}, {"peer_ms", e.peer->ms}, {"ratio", e.peer->ms / e.ms}});
  return row;
}

void print_row(const KernelRace& race, const Entry& e) {
  fmt::print("{:<12} {:<10} {:<40} {:<22} ", race.op, race.pass, e.dims, e.info.name);
  if (!e.failed.empty()) {
    fmt::print("failed: {}\n", e.failed);
    return;
  }
  fmt::print("{:>9.4f} {:>9} {:>6} {:>8}\n", e.ms, e.peer ? fmt::format("{:.4f}", e.peer->ms) : "-",
             e.peer ? fmt::format("{:.2f}", e.peer->ms / e.ms) : "-",
             e.limit > 0 ? fmt::format("{:.0f}%", 100 * e.limit / e.ms) : "-");
}

}  // namespace

int bench_kernels(const Program& program, const KernelBench& bench) {
  const std::vector<std::string> known = problem_names(bench.op);
  if (!bench.op.empty() && known.empty()) {
    throw Error(ExitCode::usage, fmt::format("bench kernels: no op {}; `limbic kernels list` names them", bench.op));
  }
  for (const std::string& problem : bench.problems) {
    if (std::find(known.begin(), known.end(), problem) == known.end()) {
      throw Error(ExitCode::usage, fmt::format("bench kernels --problem {}: {} has none of that name", problem,
                                               bench.op.empty() ? "no op given: it" : bench.op));
    }
  }
  const std::vector<KernelRace> races = kernel_races(bench);
  if (races.empty()) {
    throw Error(ExitCode::usage,
                fmt::format("bench kernels {}: no pass of maps stored in {}", bench.op, bench.storage));
  }
  if (const char* const missing = vendor_missing())
    throw Error(ExitCode::device, fmt::format("bench kernels: missing: {}", missing));
  Stopwatch watch;
  DeviceRoof roof;
  try {
    roof = measure_device_roof(watch);
  } catch (const std::exception& error) {
    print_note(program, fmt::format("bench kernels: the roof is unknown: {}", error.what()));
  }
  Json rows = Json::array(), document = Json::object();
  std::map<std::string, std::vector<double>> ratios;  // of the default rungs, by op and pass
  if (!program.json) {
    fmt::print("{}; measured roof: {:.0f} GF/s in f32, {:.0f} in TF32, {:.0f} GB/s\n", vendor_kernels()->versions,
               roof.f32, roof.tf32, roof.gbytes);
    fmt::print("{:<12} {:<10} {:<40} {:<22} {:>9} {:>9} {:>6} {:>8}\n", "op", "pass", "shape", "rung", "ours ms",
               "peer ms", "ratio", "of roof");
  }
  bool ours_failed = false;
  const auto tell = [&](const KernelRace& race, const std::vector<Contestant>& all) {
    for (const std::vector<Entry> entries = entries_of(all, roof); const Entry& e : entries) {
      if (e.peer && e.info.is_default) ratios[race.op + " " + race.pass].push_back(e.peer->ms / e.ms);
      ours_failed |= !e.failed.empty() && !is_yardstick(e.info.name);
      rows.push_back(json_of(race, e));
      if (!program.json) print_row(race, e);
    }
    std::fflush(stdout);
  };
  const auto clock = [&](const std::function<void()>& work) { return watch.ms(work); };
  if (const size_t left_out = run_races(bench, races, Device::cuda, clock, tell)) {
    document["races_left_out"] = left_out;
    fmt::print(stderr, "bench kernels: {} of {} races left out: {:g} s were over\n", left_out, races.size(),
               bench.seconds);
  }
  Json means = Json::object();
  for (const auto& [what, all] : ratios) {
    double logs = 0;
    for (const double ratio : all) logs += std::log(ratio);
    means[what] = std::exp(logs / static_cast<double>(all.size()));
    if (!program.json)
      fmt::print("{}: our default runs at {:.2f} of the peer's speed (geometric mean of {})\n", what,
                 means[what].get<double>(), all.size());
  }
  if (program.json) {
    document.update({{"schema", "limbic.bench_kernels/1"},
                     {"peers", vendor_kernels()->versions},
                     {"roof_f32_gflops", roof.f32},
                     {"roof_tf32_gflops", roof.tf32},
                     {"roof_gbytes", roof.gbytes},
                     {"default_ratios", means},
                     {"rows", rows}});
    print_json(document);
  }
  return ours_failed ? static_cast<int>(ExitCode::failure) : 0;
}

}  // namespace limbic
