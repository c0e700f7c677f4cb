// SPDX-License-Identifier: Apache-2.0
#include "tools/rungs/predictions.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "engine/error.h"
#include "tools/rungs/rungs.h"

namespace limbic {
namespace {

/// Might be a default, and nobody has measured whether it should.
constexpr const char* unmeasured_rung = "v5_wgmma_bf16";

double flop_rate(const PaperRoof& roof, const std::string& rung) {
  if (rung.ends_with("bf16")) return roof.bf16;
  if (rung.ends_with("3xtf32")) return roof.tf32 / 3;  // three products for one
  return rung.ends_with("tf32") ? roof.tf32 : roof.f32;
}

/// The rung on one problem; nothing where it declines.
std::optional<ReadyRung> on_problem(const KernelInfo& info, const std::string& problem) {
  try {
    return prepare_rung({info.op, info.name, info.pass, {problem}, Device::emu});
  } catch (const Error& error) {
    if (error.code != ExitCode::usage) throw;
    return {};
  }
}

/// Those of CNN-14, or the largest.
std::vector<std::string> chosen_problems(const KernelInfo& info) {
  std::vector<std::string> cnn14, largest(1);
  size_t most = 0;
  for (const std::string& name : problem_names(info.op)) {
    const std::optional<ReadyRung> rung = on_problem(info, name);
    if (!rung) continue;
    if (name.starts_with("cnn14")) cnn14.push_back(name);
    if (!cnn14.empty()) continue;
    rung->prepare();
    if (rung->bytes() > most) most = rung->bytes(), largest[0] = name;
  }
  return cnn14.empty() ? largest : cnn14;
}

std::vector<PredictedKernel> kernels_of(const ReadyRung& rung, const std::vector<KernelResources>& compiled) {
  std::vector<PredictedKernel> kernels;
  for (const emu::Launch& launch : rung_launches(rung)) {
    const std::string name = kernel_name(launch.type);
    const auto known = std::find_if(kernels.begin(), kernels.end(), [&](const auto& k) { return k.resources.kernel == name; });
    PredictedKernel& k = known == kernels.end() ? kernels.emplace_back() : *known;
    const auto resources = std::find_if(compiled.begin(), compiled.end(), [&](const auto& r) { return r.kernel == name; });
    if (resources == compiled.end()) throw Error(ExitCode::failure, "kernels predict: ptxas says nothing of " + name);
    k.resources = *resources;
    k.threads = static_cast<int>(launch.block.x * launch.block.y * launch.block.z);
    k.warps = resident_warps(k.resources, k.threads, launch.shared_bytes);
    k.blocks = std::max(k.blocks, int64_t{launch.grid.x} * launch.grid.y * launch.grid.z);
    ++k.launches;
  }
  return kernels;
}

/// The first kernel but for those that make the operands ready: that round them, add an LSTM layer's two biases, or lay
/// out a batch norm's constants.
const PredictedKernel& main_kernel(const Prediction& p) {
  return *std::find_if(p.kernels.begin(), p.kernels.end(), [&](const auto& k) {
    const std::string& name = k.resources.kernel;
    return !name.starts_with("rows_to_bf16") && !name.starts_with("batch_norm_conv2d_norm") &&
           !(p.op == "lstm" && name.starts_with("binary_"));
  });
}

/// Arithmetic waits for the multiprocessor with most blocks; memory is everybody's.
void set_time(Prediction& p, const PaperRoof& roof) {
  const auto blocks = static_cast<double>(main_kernel(p).blocks);
  const double rounds = std::ceil(blocks / roof.multiprocessors), busy = blocks / (rounds * roof.multiprocessors);
  const double arithmetic = 1e6 * p.flop / flop_rate(roof, p.rung) / busy, memory = 1e6 * p.bytes / roof.bytes;
  p.us = std::max(arithmetic, memory), p.by_memory = memory >= arithmetic;
}

}  // namespace

std::vector<Prediction> predict_kernels(const std::string& nvcc, const std::string& op, const PaperRoof& roof) {
  std::map<std::string, std::vector<KernelResources>> compiled;  // a file's kernels, and those it calls in others
  std::vector<Prediction> all;
  for (const KernelInfo& info : kernel_list()) {
    if (info.device != Device::emu || (!op.empty() && op != info.op)) continue;
    if (!info.is_default && !same_name(info.name, unmeasured_rung)) continue;
    for (const std::string& problem : chosen_problems(info)) {
      const std::optional<ReadyRung> found = on_problem(info, problem);
      if (!found) continue;  // declined
      const ReadyRung& rung = *found;
      std::vector<KernelResources> resources;
      for (const emu::Launch& launch : rung_launches(rung)) {
        const std::string path = launch.at.file;
        const std::string file = path.ends_with(".cu") ? path.substr(path.rfind("/kernels/") + 9) : info.file;
        if (!compiled.count(file)) compiled[file] = compile_resources(nvcc, file);
        resources.insert(resources.end(), compiled[file].begin(), compiled[file].end());
      }
      Prediction p{info.op, info.pass, problem, rung.dims, info.name, info.file, kernels_of(rung, resources)};
      p.bytes = static_cast<double>(rung.bytes()), p.flop = rung.flop;
      if (p.kernels.empty()) continue;  // no work on this problem
      set_time(p, roof);
      all.push_back(p);
    }
  }
  return all;
}

}  // namespace limbic
