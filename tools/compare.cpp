// SPDX-License-Identifier: Apache-2.0
// `limbic compare`: the first layer or gradient that differs from another implementation's.
#include <fmt/format.h>

#include "io/hdf5.h"
#include "io/weights.h"
#include "kernels/isa.h"
#include "kernels/rung.h"
#include "nets/compare.h"
#include "tools/verb.h"
#include "tools/weight_tensors.h"

namespace limbic {
namespace {

struct CompareArguments {
  std::string net, weights, reference, mode = "reference";
  bool all = false, as_run = false;
};

/// A wrong layer is to be told from rounding, so the convolutions are summed directly: Winograd's error is twice as
/// large, enough to flip a ReLU here and there and to send its gradient elsewhere.
void sum_directly() {
  const bool winograd = compute_device() == Device::cpu && active_isa() != Isa::reference;
  if (winograd && !forced_kernel("conv2d")) force_kernel("conv2d", "cpu_direct");
}

int run_compare(const Program& program, const CompareArguments& a) {
  if (map_storage() == DType::bf16)
    throw Error(ExitCode::usage, "compare: found precision bf16, expected f32: that is what its tolerances are for");
  if (!a.as_run) sum_directly();
  const WeightFile weights = read_weights(a.weights);
  std::vector<std::string> warnings;
  auto net = net_from_weights(file_tensors(weights), a.weights, a.net.empty() ? weights.card.net : a.net, &warnings);
  for (const std::string& w : warnings) print_note(program, w);

  const H5File file = read_hdf5(a.reference);
  std::vector<std::vector<float>> numbers;
  for (const H5Tensor& t : file.tensors) numbers.push_back(t.floats());
  std::vector<FileTensor> reference;
  for (size_t i = 0; i < numbers.size(); ++i)
    reference.push_back({file.tensors[i].name, file.tensors[i].shape, numbers[i]});

  CompareOptions options{.stop_at_first_failure = !a.all};
  if (a.mode != "reference") options.mode = a.mode == "train" ? CompareMode::train : CompareMode::eval;
  const CompareResult result = compare(*net, reference, a.reference, options, [&](const CompareCheck& c) {
    if (!program.json && (!program.quiet || !c.ok)) {
      fmt::print("{:<52} {:>9.2e}  of {:.0e}{}\n", c.name, c.error, c.tolerance, c.ok ? "" : "  FAILS");
    }
  });

  if (program.json) {
    Json checks = Json::array();
    for (const CompareCheck& c : result.checks) {
      checks.push_back({{"name", c.name}, {"error", c.error}, {"tolerance", c.tolerance}, {"ok", c.ok}});
    }
    print_json({{"schema", "limbic.compare/1"},
                {"ok", result.ok},
                {"convolutions", forced_kernel("conv2d") ? forced_kernel("conv2d") : "default"},
                {"first_failure", result.ok ? Json(nullptr) : Json(result.first_failure)},
                {"checks", checks}});
  } else if (result.ok) {
    fmt::print("{} checks hold{}\n", result.checks.size(), forced_kernel("conv2d") ? "" : " with the default rungs");
  }
  return result.ok ? 0 : static_cast<int>(ExitCode::check);
}

}  // namespace

void add_compare(Program& program) {
  CLI::App* sub =
      program.verb("compare", "the first layer or gradient that differs from a reference",
                   "  limbic compare --net cnn14 --weights tests/fixtures/cnn14_w32/weights.h5 "
                   "--reference tests/fixtures/cnn14_w32/reference_train.h5\n"
                   "Convolutions are summed directly, unless --as-run or --kernel conv2d=RUNG says otherwise.");
  auto a = std::make_shared<CompareArguments>();
  sub->add_option("--net", a->net, "the net that the weights are of (told from them by default)");
  sub->add_option("--weights", a->weights, "HDF5, .pth, safetensors")->required();
  sub->add_option("--reference", a->reference, "HDF5, as tools/make_reference.py writes it")->required();
  sub->add_option("--mode", a->mode, "eval or train; by default the reference's own")
      ->check(CLI::IsMember({"reference", "eval", "train"}));
  sub->add_flag("--as-run", a->as_run, "with the rungs that predict and train use, Winograd among them");
  sub->add_flag("--all", a->all, "go on after the first failure");
  sub->callback([&program, a] { program.run = [&program, a] { return run_compare(program, *a); }; });
}

}  // namespace limbic
