// SPDX-License-Identifier: Apache-2.0
#include "tools/bench_kernels.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "kernels/vendor/vendor.h"
#include "tools/rungs/rungs.h"

namespace limbic {
namespace {

const GpuRuntime& gpu() { return *gpu_runtime(Device::cuda); }

/// Times work on the device by events, each turn with nothing of it in the caches.
class Stopwatch {
 public:
  Stopwatch() : from_(gpu().create_event()), to_(gpu().create_event()), dirt_(gpu().allocate(size, {})) {}
  ~Stopwatch() {
    gpu().destroy_event(from_);
    gpu().destroy_event(to_);
    gpu().release(dirt_, {});
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

/// What the machine can do, measured: f32 and TF32 by cuBLAS on large matrices, memory by a copy.
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

/// The least milliseconds: 3xTF32 takes three products, BF16 goes at twice TF32's rate.
double limit_ms(const DeviceRoof& roof, const KernelInfo& k, double flop, double bytes) {
  const double rates[] = {roof.f32, std::max(roof.f32, roof.tf32 / 3), roof.tf32, 2 * roof.tf32};
  return std::max(flop / rates[static_cast<int>(arithmetic(k))], bytes / roof.gbytes) / 1e6;
}

struct Entry {
  KernelInfo info;
  ReadyRung rung;
  std::vector<double> turns;
  double ms = 0, limit = 0;
  const Entry* peer = nullptr;  // in the same arithmetic; none for a peer
};

/// All rungs of one pass on one problem, taking turns.
std::vector<Entry> race(const std::string& op, const std::string& pass, const std::string& problem,
                        const KernelBench& bench, const DeviceRoof& roof, Stopwatch& watch) {
  std::vector<Entry> entries;
  std::optional<Error> declined;
  for (const KernelInfo& k : kernel_list()) {
    if (op != k.op || pass != k.pass || k.device != Device::cuda) continue;
    const bool asked = std::any_of(bench.vs.begin(), bench.vs.end(),
                                   [&](const std::string& peer) { return std::string(k.name).starts_with(peer); });
    if (is_yardstick(k.name) && !asked) continue;
    RungChoice choice{op, k.name, pass, {problem}, Device::cuda};
    if (!bench.shape.empty()) choice.shape.push_back(bench.shape);
    try {
      entries.push_back({k, prepare_rung(choice), {}});
    } catch (const Error& error) {  // does not serve the shape
      if (error.code != ExitCode::usage) throw;
      declined = error;
    }
  }
  if (entries.empty() && declined) throw *declined;
  for (Entry& e : entries) e.rung.launch();  // makes arrays, finds the peer's fastest plan
  for (int turn = 0; turn < bench.repeats; ++turn) {
    for (Entry& e : entries) e.turns.push_back(watch.ms(e.rung.launch));
  }
  for (Entry& e : entries) {
    e.ms = median(e.turns);
    e.limit = limit_ms(roof, e.info, e.rung.flop, static_cast<double>(e.rung.bytes()));
  }
  for (Entry& e : entries) {
    if (is_yardstick(e.info.name)) continue;
    for (const Entry& other : entries) {
      if (is_yardstick(other.info.name) && rounds(other.info) == rounds(e.info)) e.peer = &other;
    }
  }
  return entries;
}

bool raced(const KernelBench& bench, const KernelInfo& k) {
  return bench.storage.empty() || (bench.storage == "bf16") == stored_in_bf16(k);
}

/// The ops and passes to race: those asked for, or all that a peer has.
std::vector<std::pair<std::string, std::string>> passes(const KernelBench& bench) {
  std::vector<std::pair<std::string, std::string>> found;
  for (const KernelInfo& k : kernel_list()) {
    if (k.device != Device::cuda || (bench.op.empty() ? !is_yardstick(k.name) : bench.op != k.op)) continue;
    if (!raced(bench, k)) continue;
    if (const std::pair<std::string, std::string> one{k.op, k.pass};
        std::find(found.begin(), found.end(), one) == found.end())
      found.push_back(one);
  }
  return found;
}

std::vector<std::string> problems(const KernelBench& bench, const std::string& op) {
  if (!bench.problems.empty()) return bench.problems;
  std::vector<std::string> names = problem_names(op);
  if (bench.op.empty() && names.size() > 12) names.resize(12);
  return names;
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
  const auto races = passes(bench);
  if (races.empty()) {
    throw Error(ExitCode::usage,
                fmt::format("bench kernels {}: no pass of maps stored in {}", bench.op, bench.storage));
  }
  if (const char* const missing = vendor_missing())
    throw Error(ExitCode::device, fmt::format("bench kernels: missing: {}", missing));
  Stopwatch watch;
  const DeviceRoof roof = measure_device_roof(watch);
  Json rows = Json::array();
  std::map<std::string, std::vector<double>> ratios;  // of the default rungs, by op and pass
  if (!program.json) {
    fmt::print("{}; measured roof: {:.0f} GF/s in f32, {:.0f} in TF32, {:.0f} GB/s\n", vendor_kernels()->versions,
               roof.f32, roof.tf32, roof.gbytes);
    fmt::print("{:<12} {:<10} {:<40} {:<22} {:>9} {:>9} {:>6} {:>8}\n", "op", "pass", "shape", "rung", "ours ms",
               "peer ms", "ratio", "of roof");
  }
  for (const auto& [op, pass] : passes(bench)) {
    for (const std::string& problem : problems(bench, op)) {
      const std::vector<Entry> entries = race(op, pass, problem, bench, roof, watch);
      for (const Entry& e : entries) {
        const double ratio = e.peer ? e.peer->ms / e.ms : 0;
        if (e.peer && e.info.is_default) ratios[op + " " + pass].push_back(ratio);
        rows.push_back({{"op", op},
                        {"pass", pass},
                        {"problem", problem},
                        {"shape", e.rung.dims},
                        {"rung", e.info.name},
                        {"default", e.info.is_default},
                        {"ms", e.ms},
                        {"limit_ms", e.limit}});
        if (e.peer) rows.back().update({{"peer", e.peer->info.name}, {"peer_ms", e.peer->ms}, {"ratio", ratio}});
        if (program.json) continue;
        fmt::print("{:<12} {:<10} {:<40} {:<22} {:>9.4f} {:>9} {:>6} {:>7.0f}%\n", op, pass, e.rung.dims, e.info.name,
                   e.ms, e.peer ? fmt::format("{:.4f}", e.peer->ms) : "-", e.peer ? fmt::format("{:.2f}", ratio) : "-",
                   100 * e.limit / e.ms);
      }
      std::fflush(stdout);
    }
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
    print_json({{"schema", "limbic.bench_kernels/1"},
                {"peers", vendor_kernels()->versions},
                {"roof_f32_gflops", roof.f32},
                {"roof_tf32_gflops", roof.tf32},
                {"roof_gbytes", roof.gbytes},
                {"default_ratios", means},
                {"rows", rows}});
  }
  return 0;
}

}  // namespace limbic
