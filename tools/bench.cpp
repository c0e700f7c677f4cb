// SPDX-License-Identifier: Apache-2.0
// `limbic bench net`: our networks against PyTorch on the same device, taking turns in one run, on a CPU with the physical
// limit beside them.
// `limbic bench clip`: see bench_clip.h. `limbic bench kernels`: see bench_kernels.h.
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "engine/ops.h"
#include "engine/optim.h"
#include "engine/random.h"
#include "engine/step_graph.h"
#include "kernels/gpu_runtime.h"
#include "kernels/isa.h"
#include "kernels/parallel.h"
#include "kernels/roof/roof.h"
#include "nets/front_end.h"
#include "nets/registry.h"
#ifdef LIMBIC_IO
#include "tools/bench_clip.h"
#endif
#include "tools/bench_kernels.h"
#include "tools/inputs.h"
#include "tools/peer.h"
#include "tools/verb.h"

namespace limbic {
namespace {

struct Options {
  std::string what = "net", of, python = "python3";
  std::vector<std::string> only;
  int repeats = 9;
  bool alone = false;
};

struct Workload {
  std::string name, what;
  double gflop, gbyte;         // what the work needs at least: arithmetic (padding taps left out) and memory traffic
  std::function<void()> step;  // ours, once
};

Tensor random_tensor(Shape shape, uint64_t stream, float scale = 1) {
  Tensor t = Tensor::empty(shape);
  Random random(7, stream);
  float* const values = t.data();
  for (int64_t i = 0; i < t.size(); ++i) values[i] = random.uniform(-scale, scale);
  return t;
}

/// On a GPU: recorded at the second call, as `limbic train` does, and replayed from then on.
std::function<void()> as_graph(std::function<void()> step) {
  if (compute_device() == Device::cpu || tracing()) return step;
  return [step, graph = std::make_shared<std::optional<StepGraph>>(), calls = 0]() mutable {
    if (calls++ == 0) return step();
    if (!*graph) graph->emplace(step);
    (*graph)->replay();
  };
}

Workload cnn14_infer() {
  std::shared_ptr<Module> net = make_net("cnn14");
  net->eval();
  Tensor x = random_tensor({1, 401, 64}, 1);
  return {"cnn14_infer", "CNN-14 forward, 401 frames, batch 1", 13.9, 0.302, [net, x] {
            NoGrad no_grad;
            (*net)(x);
          }};
}

Workload cnn14_train() {
  std::shared_ptr<Module> net = make_net("cnn14");
  net->train();
  Tensor x = random_tensor({8, 401, 64}, 2), y = random_tensor({8, 527}, 3, 0.5f) + 0.5f;
  auto adam = std::make_shared<Adam>(net->parameters(), AdamOptions{.lr = 1e-3f});
  return {"cnn14_train", "CNN-14 training step, 401 frames, batch 8", 3 * 8 * 13.9, 80.75e6 * 28 / 1e9,
          as_graph([net, x, y, adam] {
            net->zero_grad();
            backward(binary_cross_entropy((*net)(x), y));
            adam->step();
          })};
}

Workload logmel() {
  const FrontEnd* front_end = find_front_end("panns-32k");
  Tensor x = random_tensor({320000}, 4, 0.3f);
  // 1001 real FFTs of 1024 points (2.5 N log2 N) and 866 mel weights.
  return {"logmel", "log-mel of 10 s at 32 kHz", 1001 * (2.5 * 1024 * 10 + 2 * 866) / 1e9, 0.0015,
          [front_end, x] { log_mel(*front_end, std::as_const(x).data(), x.size()); }};
}

double run_ms(const std::function<void()>& step) {
  const GpuRuntime* const gpu = gpu_runtime(compute_device());
  const auto start = std::chrono::steady_clock::now();
  step();
  if (gpu) gpu->synchronize({});
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Row {
  std::string name, what, peer;  // peer: its fastest setting
  double ours_ms, peer_ms, limit_ms;  // limit_ms 0: not measured on this device
  std::vector<std::pair<std::string, double>> settings;  // all of the peer's, and their milliseconds
};

Row race(const Workload& work, Peer* peer, const std::optional<Roof>& roof, int repeats, const Program& program) {
  print_note(program, fmt::format("{} ...", work.what));
  run_ms(work.step);
  run_ms(work.step);
  const auto settings = peer ? peer->settings(work.name) : std::vector<std::string>{};
  std::vector<double> ours;
  std::vector<std::vector<double>> theirs(settings.size());
  for (int i = 0; i < repeats; ++i) {
    ours.push_back(run_ms(work.step));
    for (size_t s = 0; s < settings.size(); ++s) theirs[s].push_back(peer->run(work.name, settings[s]));
  }
  const double limit = roof ? std::max(work.gflop / roof->gflops, work.gbyte / roof->gbytes) * 1e3 : 0;
  Row row{work.name, work.what, "", median(ours), 0, limit, {}};
  for (size_t s = 0; s < settings.size(); ++s) {
    const double ms = median(theirs[s]);
    print_note(program, fmt::format("  torch {:<14} {:9.2f} ms", settings[s], ms));
    row.settings.emplace_back(settings[s], ms);
    if (row.peer.empty() || ms < row.peer_ms) row.peer = settings[s], row.peer_ms = ms;
  }
  print_note(program, fmt::format("  limbic {:<13} {:9.2f} ms", "", row.ours_ms));
  return row;
}

int run(const Program& program, const Options& options) {
  constexpr std::pair<const char*, Workload (*)()> known[] = {
      {"cnn14_infer", cnn14_infer}, {"cnn14_train", cnn14_train}, {"logmel", logmel}};
  const bool infers_only = compute_device() == Device::cpu && map_storage() == DType::bf16;
  std::vector<Workload> works;
  for (const auto& [name, make] : known) {
    const bool asked = std::count(options.only.begin(), options.only.end(), name);
    if (!options.only.empty() ? asked : !(infers_only && make == cnn14_train)) works.push_back(make());
  }
  std::optional<Roof> roof;  // what the CPU can do; of a GPU, `bench kernels` says it
  if (compute_device() == Device::cpu) roof = measure_roof();
  std::unique_ptr<Peer> peer;
  if (!options.alone) {
    const std::string script = find_data_file("tools/bench_torch.py");
    if (script.empty()) throw Error(ExitCode::failure, "bench: found no tools/bench_torch.py beside the program");
    std::string names;
    for (const auto& work : works) names += (names.empty() ? "" : ",") + work.name;
    print_note(program, "PyTorch is getting ready (it compiles its nets) ...");
    peer = std::make_unique<Peer>(std::vector<std::string>{
        options.python, script, std::to_string(threads()), names, compute_device() == Device::cuda ? "cuda" : "cpu"});
  }
  std::vector<Row> rows;
  for (const auto& work : works) rows.push_back(race(work, peer.get(), roof, options.repeats, program));
  if (program.json) {
    Json list = Json::array();
    for (const auto& row : rows) {
      list.push_back({{"name", row.name}, {"what", row.what}, {"limbic_ms", row.ours_ms}});
      if (roof) list.back()["limit_ms"] = row.limit_ms;
      if (row.peer.empty()) continue;
      list.back().update({{"peer", row.peer}, {"peer_ms", row.peer_ms}, {"ratio", row.peer_ms / row.ours_ms}});
      for (const auto& [setting, ms] : row.settings)
        list.back()["settings"].push_back({{"setting", setting}, {"ms", ms}});
    }
    Json document = {{"schema", "limbic.bench/1"}, {"device", program.device}, {"isa", isa_name(active_isa())}, {"threads", threads()}};
    if (roof) document.update({{"peak_gflops", roof->gflops}, {"read_gbytes", roof->gbytes}});
    document.update({{"torch", peer ? peer->version() : ""}, {"rows", list}});
    print_json(document);
    return 0;
  }
  fmt::print("{}, {} threads, {}{}{}\n", program.device, threads(), isa_name(active_isa()),
             roof ? fmt::format("; measured roof: {:.0f} GF/s, {:.1f} GB/s", roof->gflops, roof->gbytes) : "",
             peer ? "; PyTorch " + peer->version() : "");
  fmt::print("{:<44} {:>10} {:>22} {:>7} {:>10} {:>8}\n", "", "limbic ms", "best PyTorch ms", "ratio", "limit ms", "of limit");
  for (const auto& row : rows) {
    fmt::print("{:<44} {:>10.2f} {:>22} {:>7} {:>10} {:>8}\n", row.what, row.ours_ms,
               row.peer.empty() ? "-" : fmt::format("{} {:.2f}", row.peer, row.peer_ms),
               row.peer.empty() ? "-" : fmt::format("{:.2f}", row.peer_ms / row.ours_ms),
               roof ? fmt::format("{:.2f}", row.limit_ms) : "-",
               roof ? fmt::format("{:.0f}%", 100 * row.limit_ms / row.ours_ms) : "-");
  }
  return 0;
}

}  // namespace

void add_bench(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = program.verb("bench", "race our networks against PyTorch, whole clips against FFmpeg, and CUDA kernels against cuDNN and cuBLAS",
                               "  limbic bench net --threads 1 --python /path/to/venv/bin/python\n"
                               "  limbic bench net --alone --only logmel\n"
                               "  limbic bench net --only cnn14_train --device cuda\n"
                               "  limbic bench clip clip.mp4 --face-weights face.h5\n"
                               "  limbic bench kernels conv2d --problem cnn14-2 --shape N=32 --vs cudnn");
  std::set<std::string> races = {"net", "kernels"};
#ifdef LIMBIC_IO
  races.insert("clip");
#endif
  sub->add_option("what", options->what, "net, clip or kernels")->check(CLI::IsMember(races));
  sub->add_option("of", options->of, "clip: what is decoded, searched for faces and answered about; kernels: an op (default: all that have a peer)");
#ifdef LIMBIC_IO
  auto clip = std::make_shared<ClipBench>();
  sub->add_option("--weights,--voice-weights", clip->weights, "clip: the voice net (default: the shipped weights/voice.h5)");
  sub->add_option("--face-weights", clip->face_weights, "clip: the face net (default: weights/face.h5)");
#endif
  sub->add_option("--python", options->python, "net: a Python that has torch (default python3)");
  sub->add_option("--only", options->only, "net: cnn14_infer, cnn14_train, logmel; may be given again")
      ->check(CLI::IsMember({"cnn14_infer", "cnn14_train", "logmel"}))
      ->allow_extra_args(false);
  auto kernels = std::make_shared<KernelBench>();
  sub->add_option("--vs", kernels->vs, "kernels: cudnn, cublas or both (default both)")->delimiter(',')->allow_extra_args(false)->check(CLI::IsMember({"cudnn", "cublas"}));
  sub->add_option("--problem", kernels->problems, "kernels: a problem of the op by its name; may be given again (default: all)")->allow_extra_args(false);
  sub->add_option("--storage", kernels->storage, "kernels: only passes whose maps are stored as f32 or as bf16 (default: both)")->check(CLI::IsMember({"f32", "bf16"}));
  sub->add_option("--shape", kernels->shape, "kernels: KEY=VALUE,... set in each problem, e.g. N=32");
  sub->add_option("--seconds", kernels->seconds, "kernels: begin no race after so many, and print those that were (default: all races)")->check(CLI::Range(0.0, 1e6));
  sub->add_option("--repeats", options->repeats, "turns each (default 9)")->check(CLI::Range(1, 1000));
  sub->add_flag("--alone", options->alone, "net: time limbic only, no peer");
  sub->callback([=, &program] {
#ifdef LIMBIC_IO
    if (options->what == "clip") {
      clip->clip = options->of;
      clip->repeats = options->repeats;
      program.run = [&program, clip] { return bench_clip(program, *clip); };
      return;
    }
#endif
    if (options->what == "kernels") {
      kernels->op = options->of;
      kernels->repeats = options->repeats;
      program.run = [&program, kernels] { return bench_kernels(program, *kernels); };
      return;
    }
    program.run = [&program, options] { return run(program, *options); };
  });
}

}  // namespace limbic
