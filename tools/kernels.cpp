// SPDX-License-Identifier: Apache-2.0
// `limbic kernels`: every rung of every op: listed, read, run, counted, stepped through.
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "kernels/emu/scheduler.h"
#include "kernels/gpu_runtime.h"
#include "kernels/vendor/yardsticks.h"
#include "tools/rungs/predictions.h"
#include "tools/rungs/rungs.h"
#include "tools/rungs/source.h"
#include "tools/verb.h"

namespace limbic {
namespace {

struct Options {
  std::string action = "list";
  RungChoice choice;
  int repeat = 1, line = 0;
  std::string block = "0", thread = "0";
};

int list(const Program& program, const RungChoice& choice) {
  std::vector<KernelInfo> kernels = kernel_list();
  const auto unwanted = [](const std::string& wanted, const char* name) { return !wanted.empty() && wanted != name; };
  std::erase_if(kernels, [&](const auto& k) {
    return unwanted(choice.op, k.op) || unwanted(choice.pass, k.pass) || unwanted(choice.rung, k.name);
  });
  if (kernels.empty()) find_rung(choice);  // says what there is
  if (program.json) {
    Json rows = Json::array();
    for (const auto& k : kernels) {
      rows.push_back({{"op", k.op}, {"rung", k.name}, {"pass", k.pass}, {"device", device_name(k.device)},
                      {"file", k.file}, {"default", k.is_default}});
    }
    print_json({{"schema", "limbic.kernels/1"}, {"kernels", rows}});
    return 0;
  }
  size_t op = 2, pass = 4, rung = 4;  // columns
  for (const auto& k : kernels) {
    op = std::max(op, std::string(k.op).size());
    pass = std::max(pass, std::string(k.pass).size());
    rung = std::max(rung, std::string(k.name).size());
  }
  const auto print = [&](const auto&... columns) { fmt::print("{:<{}} {:<{}} {:<{}} {:<6} {}{}\n", columns...); };
  print("op", op, "pass", pass, "rung", rung, "device", "file", "");
  for (const auto& k : kernels)
    print(k.op, op, k.pass, pass, k.name, rung, device_name(k.device), k.file, k.is_default ? "  (default)" : "");
  return 0;
}

std::string program_path() { return std::filesystem::read_symlink("/proc/self/exe"); }

/// What stands in a file's name from _v0, _v1, ... on.
std::string step_of(const std::string& file) {
  size_t at = file.find("_v");
  while (at != std::string::npos && !std::isdigit(static_cast<unsigned char>(file[at + 2]))) at = file.find("_v", at + 1);
  return at == std::string::npos ? file : file.substr(at);
}

/// The ladder of an op: v0, then each CUDA rung, by its file's opening lines.
int lesson(const Program& program, const RungChoice& choice) {
  std::set<std::pair<std::string, std::string>> files;  // by step
  for (const KernelInfo& k : kernel_list()) {
    if (choice.op != k.op || is_yardstick(k.name)) continue;
    if (k.device != Device::cpu || same_name(k.name, "v0_reference")) files.insert({step_of(k.file), k.file});
  }
  if (files.empty()) find_rung(choice);  // says which ops there are
  Json rungs = Json::array();
  for (const auto& [step, file] : files) {
    rungs.push_back({{"file", "kernels/" + file}, {"opening", opening_of(file)}});
    if (!program.json) fmt::print("{}kernels/{}\n{}", rungs.size() > 1 ? "\n" : "", file, opening_of(file));
  }
  if (program.json) print_json({{"schema", "limbic.kernel_lesson/1"}, {"op", choice.op}, {"rungs", rungs}});
  return 0;
}

int show(const Program& program, const RungChoice& choice) {
  const KernelInfo info = find_rung(choice);
  std::string source;
  for (const std::string& line : source_lines(info.file)) source += line + "\n";
  const std::string nvcc = std::string(info.file).ends_with(".cu") ? find_nvcc() : "";
  const auto launches = choice.shape.empty() || nvcc.empty() ? std::vector<emu::Launch>{} : rung_launches(prepare_rung(choice));
  Json rows = Json::array();
  if (!program.json) fmt::print("{}\n", source);
  if (nvcc.empty()) print_note(program, "registers and occupancy: unknown, nvcc is not here (PATH, $CUDA_PATH, /usr/local/cuda) or compiles no such file");
  for (const KernelResources& k : nvcc.empty() ? std::vector<KernelResources>{} : compile_resources(nvcc, info.file)) {
    rows.push_back({{"kernel", k.kernel}, {"registers", k.registers}, {"spilled_bytes", k.spilled}, {"shared_bytes", k.shared}});
    std::string held = "occupancy: --shape says how it is launched";
    const auto l = std::find_if(launches.begin(), launches.end(), [&](const emu::Launch& launch) { return kernel_name(launch.type) == k.kernel; });
    if (l != launches.end()) {
      const int threads = static_cast<int>(l->block.x * l->block.y * l->block.z), warps = resident_warps(k, threads, l->shared_bytes);
      rows.back().update({{"threads", threads}, {"dynamic_shared_bytes", l->shared_bytes}, {"occupancy", warps / 64.0}});
      held = fmt::format("{} dynamic; blocks of {} threads, {} of 64 warps at once ({:.0f} %)", l->shared_bytes, threads, warps, warps / 0.64);
    } else if (!launches.empty()) {
      held = "not launched on this shape";
    }
    if (!program.json) {
      fmt::print("{}: {} registers, {} bytes spilled, {} bytes shared; {}\n", k.kernel, k.registers, k.spilled, k.shared, held);
    }
  }
  if (program.json) {
    print_json({{"schema", "limbic.kernel_source/1"}, {"op", info.op}, {"pass", info.pass}, {"rung", info.name},
                {"file", std::string("kernels/") + info.file}, {"nvcc", nvcc}, {"compute_capability", "9.0"}, {"kernels", rows}, {"source", source}});
  }
  return 0;
}

Json json_of(const Prediction& p) {
  Json kernels = Json::array();
  for (const PredictedKernel& k : p.kernels) {
    kernels.push_back({{"kernel", k.resources.kernel}, {"launches", k.launches}, {"blocks", k.blocks}, {"threads", k.threads}, {"registers", k.resources.registers},
                       {"spilled_bytes", k.resources.spilled}, {"shared_bytes", k.resources.shared}, {"occupancy", k.warps / 64.0}});
  }
  return {{"op", p.op}, {"pass", p.pass}, {"problem", p.problem}, {"shape", p.dims}, {"rung", p.rung}, {"bytes", p.bytes}, {"flop", p.flop},
          {"at_least_us", p.us}, {"limit", p.by_memory ? "memory" : "arithmetic"}, {"measured_us", nullptr}, {"kernels", kernels}};
}

/// A table in Markdown, the one of kernels/results/predictions.md.
int predict(const Program& program, const RungChoice& choice) {
  const std::string nvcc = find_nvcc();
  if (nvcc.empty()) throw Error(ExitCode::failure, "kernels predict: nvcc is not here (PATH, $CUDA_PATH, /usr/local/cuda): no registers, no occupancy");
  const std::string version = nvcc_version(nvcc);
  const PaperRoof roof;
  const std::vector<Prediction> rows = predict_kernels(nvcc, choice.op, roof);
  if (rows.empty()) find_rung(choice);  // says which ops there are
  if (program.json) {
    Json all = Json::array();
    for (const Prediction& p : rows) all.push_back(json_of(p));
    print_json({{"schema", "limbic.kernel_predictions/1"}, {"device", "NVIDIA H200"}, {"measured", false}, {"nvcc", version}, {"rows", all}});
    return 0;
  }
  fmt::print(
      "# Predictions: nothing here is measured\n\n"
      "`limbic kernels predict` wrote this page: what an H200 ({:.1f} TFLOP/s in f32, {:.1f} in TF32, a third of that in 3xTF32,\n"
      "{:.1f} in BF16; {:.1f} TB/s; {} multiprocessors) should need at least for the default rung of every pass, and for\n"
      "v5_wgmma_bf16, which only its name chooses. Registers are those that nvcc {}\n"
      "gives it for compute capability 9.0; occupancy is the share of 64 warps that a multiprocessor holds at once. Bytes count\n"
      "every array once. The time is that of the longer of moving them and computing, where a last round of blocks that leaves\n"
      "multiprocessors idle takes as long as a full one; launches, latencies and scratch come on top. `tools/gpu_check.sh` measures.\n\n"
      "| op | pass | shape | rung | kernels: registers, occupancy | blocks x threads | launches | MB | GFLOP | limited by | at least, us | measured |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
      roof.f32 / 1e12, roof.tf32 / 1e12, roof.bf16 / 1e12, roof.bytes / 1e12, roof.multiprocessors, version);
  for (const Prediction& p : rows) {
    std::string kernels, sizes;
    int launches = 0;
    for (const PredictedKernel& k : p.kernels) {
      const char* const comma = launches ? ", " : "";
      kernels += fmt::format("{}{}: {}, {:.0f} %", launches ? "; " : "", k.resources.kernel, k.resources.registers, k.warps / 0.64);
      sizes += fmt::format("{}{} x {}", comma, k.blocks, k.threads);
      launches += k.launches;
    }
    fmt::print("| {} | {} | {} | {} | {} | {} | {} | {:.3g} | {} | {} | {:.3g} | unmeasured |\n", p.op, p.pass, p.problem, p.rung, kernels, sizes, launches,
               p.bytes / 1e6, p.flop ? fmt::format("{:.3g}", p.flop / 1e9) : "moves data", p.by_memory ? "memory" : "arithmetic", p.us);
  }
  return 0;
}

int run(const Program& program, const Options& o) {
  const ReadyRung rung = prepare_rung(o.choice);
  const GpuRuntime* const gpu = o.choice.device == Device::cpu ? nullptr : gpu_runtime(o.choice.device);
  std::vector<double> ms;
  rung.prepare();
  if (gpu) gpu->synchronize({});
  for (int i = 0; i < o.repeat; ++i) {
    const auto start = std::chrono::steady_clock::now();
    rung.launch();
    if (gpu) gpu->synchronize({});
    ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(ms.begin(), ms.end());
  const double median = ms[ms.size() / 2];
  if (program.json) {
    print_json({{"schema", "limbic.kernel_run/1"}, {"op", rung.pass.op}, {"pass", rung.pass.pass}, {"rung", rung.rung},
                {"device", device_name(o.choice.device)}, {"shape", rung.dims}, {"repeat", o.repeat}, {"median_ms", median}});
    return 0;
  }
  fmt::print("{} {} {} on {}, {}: {} time{}, median {:.3f} ms{}\n", rung.pass.op, rung.pass.pass, rung.rung, device_name(o.choice.device),
             rung.dims, o.repeat, o.repeat == 1 ? "" : "s", median, gpu && o.choice.device == Device::emu ? " (of an emulator: says nothing about a GPU)" : "");
  return 0;
}

/// Hands over to limbic-counter, beside the program: the same rungs, compiled so that they can be counted.
int count(const Program& program, const RungChoice& choice) {
  const std::string counter = std::filesystem::path(program_path()).parent_path() / "limbic-counter";
  std::vector<std::string> words = {counter, choice.op, choice.rung};
  if (!choice.pass.empty()) words.insert(words.end(), {"--pass", choice.pass});
  for (const std::string& shape : choice.shape) words.insert(words.end(), {"--shape", shape});
  if (program.json) words.push_back("--json");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(counter.c_str(), arguments.data());
  throw Error(ExitCode::failure, fmt::format("kernels count: {}: {}", counter, std::strerror(errno)));
}

/// "blockIdx.x == 1 && blockIdx.y == 0" of "1", where y has more than one place.
std::string condition(const std::string& variable, const std::string& index, const emu::dim3& extent) {
  const std::pair<char, unsigned> axes[] = {{'x', extent.x}, {'y', extent.y}, {'z', extent.z}};
  std::string text, rest = index;
  for (const auto& [axis, places] : axes) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string number = rest.substr(0, comma);
    if (number.empty() || number.size() > 9 || number.find_first_not_of("0123456789") != std::string::npos) {
      throw Error(ExitCode::usage, fmt::format("kernels debug: an index is written X or X,Y,Z, not {}", index));
    }
    if (std::stoul(number) >= places) {
      throw Error(ExitCode::usage, fmt::format("kernels debug: {}.{} {}: on this shape there are {}", variable, axis, number, places));
    }
    if (axis == 'x' || places > 1) text += fmt::format("{}{}.{} == {}", text.empty() ? "" : " && ", variable, axis, number);
    rest = comma < rest.size() ? rest.substr(comma + 1) : axis == 'z' ? "" : "0";
  }
  if (!rest.empty()) throw Error(ExitCode::usage, fmt::format("kernels debug: an index is written X or X,Y,Z, not {}", index));
  return text;
}

/// gdb knows the variables of a kernel only when the program runs and it has read the kernel's file: start, list.
int debug(const Program& program, const Options& o) {
  const KernelInfo info = find_rung(o.choice);
  const auto lines = source_lines(info.file);
  const auto launches = rung_launches(prepare_rung(o.choice));
  const auto here = std::find_if(launches.begin(), launches.end(), [&](const emu::Launch& l) { return body_line(lines, l.kernel) > 0; });
  if (here == launches.end()) throw Error(ExitCode::failure, fmt::format("kernels debug: on this shape no kernel of kernels/{} is launched", info.file));
  const std::string place = fmt::format("{}:{}", std::filesystem::path(info.file).filename().string(), o.line ? o.line : body_line(lines, here->kernel));
  const std::string stop = fmt::format("break {} if {} && {}", place, condition("blockIdx", o.block, here->grid), condition("threadIdx", o.thread, here->block));
  std::string command = "gdb -q";
  for (const std::string& step : {std::string("start"), fmt::format("list {0},{0}", place), stop, std::string("continue")}) command += " -ex " + shell_word(step);
  command += fmt::format(" --args {} kernels run {} {} --pass {} --device emu", shell_word(program_path()), o.choice.op, o.choice.rung, info.pass);
  for (const std::string& shape : o.choice.shape) command += " --shape " + shell_word(shape);
  if (program.json) {
    print_json({{"schema", "limbic.kernel_debug/1"}, {"break", stop}, {"command", command}});
  } else {
    fmt::print("{}\n", command);
  }
  return 0;
}

int act(const Program& program, Options o) {
  for (const Device known : {Device::cpu, Device::emu, Device::cuda}) {
    if (program.device == device_name(known)) o.choice.device = known;
  }
  if (o.action == "list") return list(program, o.choice);
  if (o.action == "predict") return predict(program, o.choice);
  if (o.choice.op.empty()) throw Error(ExitCode::usage, fmt::format("kernels {}: of which op? `limbic kernels list` names them", o.action));
  if (o.action == "lesson") return lesson(program, o.choice);
  if (o.choice.rung.empty()) throw Error(ExitCode::usage, fmt::format("kernels {} {}: which rung? `limbic kernels list` names them", o.action, o.choice.op));
  const bool on_cpu = o.choice.rung.starts_with("cpu_") || o.choice.rung.starts_with("v0_");
  if (o.action == "count" || o.action == "debug") {
    o.choice.device = Device::emu;
  } else if (o.choice.device == Device::cpu && !on_cpu) {
    o.choice.device = is_yardstick(o.choice.rung.c_str()) ? Device::cuda : Device::emu;  // ours on a GPU: --device cuda
  }
  if (o.action == "show") return show(program, o.choice);
  if (o.action == "run") return run(program, o);
  return o.action == "count" ? count(program, o.choice) : debug(program, o);
}

}  // namespace

void add_kernels(Program& program) {
  CLI::App* sub = program.verb("kernels", "the kernels of every op: list [OP], lesson OP, predict [OP], show, run, count or debug OP RUNG",
                               "  limbic kernels list\n"
                               "  limbic kernels list pool2d\n"
                               "  limbic kernels lesson softmax\n"
                               "  limbic kernels predict conv2d\n"
                               "  limbic kernels show softmax v3_block --shape rows=4,C=1000\n"
                               "  limbic kernels run conv2d v2_tiled --pass dw --shape N=1,H=8,W=8,C=4,K=4,R=3,S=3 --repeat 5\n"
                               "  limbic kernels count softmax v1_naive --shape rows=64,C=64\n"
                               "  limbic kernels debug softmax v3_block --shape rows=4,C=1000 --block 2 --thread 37");
  auto o = std::make_shared<Options>();
  sub->add_option("action", o->action, "list, lesson, predict (what an H200 should need), show, run, count (on the emulator: accesses, conflicts, FLOPs), debug (a gdb command line)")
      ->check(CLI::IsMember({"list", "lesson", "predict", "show", "run", "count", "debug"}));
  sub->add_option("op", o->choice.op, "softmax, conv2d, ...");
  sub->add_option("rung", o->choice.rung, "v1_naive, v2_tiled, ...");
  sub->add_option("--pass", o->choice.pass, "fwd, bwd, dx, dw, ... (default: the op's first that has the rung)");
  sub->add_option("--shape", o->choice.shape, "a problem's name or KEY=VALUE,...; may be given again, the last wins")->allow_extra_args(false);
  sub->add_option("--repeat", o->repeat, "run: how often (default 1)")->check(CLI::Range(1, 1000000));
  sub->add_option("--block", o->block, "debug: stop in block X or X,Y,Z (default 0)");
  sub->add_option("--thread", o->thread, "debug: stop in thread X or X,Y,Z (default 0)");
  sub->add_option("--line", o->line, "debug: stop in this line of the rung's file (default: the kernel's first)");
  sub->callback([&program, o] { program.run = [&program, o] { return act(program, *o); }; });
}

}  // namespace limbic
