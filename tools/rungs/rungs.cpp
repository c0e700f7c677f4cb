// SPDX-License-Identifier: Apache-2.0
#include "tools/rungs/rungs.h"

#include <cmath>
#include <memory>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/dispatch.h"
#include "kernels/vendor/vendor.h"
#include "tools/rungs/launches.h"
#include "tools/rungs/shapes.h"

namespace limbic {
namespace {

std::string of_op(const RungChoice& choice) {
  return choice.op + (choice.pass.empty() ? "" : " " + choice.pass) + " on " + device_name(choice.device);
}

/// One KEY=VALUE; throws with the keys there are.
void set_field(const ShapeFields& all, const std::string& setting, const std::string& op) {
  const size_t equals = setting.find('=');
  for (const ShapeField& field : all) {
    if (setting.substr(0, equals) != field.name) continue;
    if (equals != std::string::npos && field.set(setting.substr(equals + 1))) return;
    refuse("--shape ", setting, ": not a value for ", field.name);
  }
  std::vector<std::string> names;
  for (const ShapeField& field : all) names.push_back(field.name);
  refuse("--shape ", setting, ": ", op, " has ", names.empty() ? "only problems by name" : fmt::format("{}", fmt::join(names, ", ")));
}

/// Optimisers begin from settings that make sense; every other op from none.
template <class Dims, class Problems>
Dims start_of(const Problems& problems) {
  if constexpr (requires(Dims d) { d.lr; }) {
    Dims d = std::begin(problems)->dims;
    d.n = 0;
    return d;
  } else {
    return Dims{};
  }
}

template <class Dims, class Problems>
Dims read_shape(const RungChoice& choice, const Problems& problems) {
  Dims d = start_of<Dims>(problems);
  const ShapeFields all = fields(d);
  for (const std::string& text : choice.shape) {
    const auto named = std::find_if(std::begin(problems), std::end(problems), [&](const auto& p) { return text == p.name; });
    if (named != std::end(problems)) {
      d = named->dims;
      continue;
    }
    if (text.find('=') == std::string::npos) {
      std::vector<std::string> names;
      for (const auto& problem : problems) names.push_back(fmt::format("\"{}\"", problem.name));
      refuse("--shape ", text, ": ", choice.op, " has the problems ", fmt::format("{}", fmt::join(names, ", ")));
    }
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find(',', begin), text.size());
      set_field(all, text.substr(begin, end - begin), choice.op);
      begin = end + 1;
    }
  }
  for (const ShapeField& field : all) {
    if (choice.shape.empty() || field.missing()) {
      refuse("--shape: ", choice.op, " wants ", field.name, choice.shape.empty() ? " and others, or a problem's name; e.g. --shape \"" : "; e.g. --shape \"",
             std::begin(problems)->name, "\"");
    }
  }
  double product = 1;
  for (const ShapeField& field : all) product *= field.size();
  if (product > 1e15) refuse("--shape: the product of ", choice.op, "'s sizes is ", product, ", expected at most 1e15");
  if (const std::string why = misfit(d); !why.empty()) refuse("--shape: ", dims_text(d), ": ", why);
  if (choice.shape.empty()) refuse("--shape: ", choice.op, " wants a problem's name; e.g. --shape \"", std::begin(problems)->name, "\"");
  return d;
}

/// In a kernel's place, so that only its arrays are made.
template <class... Args>
void nothing(Args...) {}
template <class... Args>
constexpr auto nothing_like(void (*)(Args...)) {
  return &nothing<Args...>;
}

template <class Dims>
double flop_of(const Dims&) {
  return 0;
}
double flop_of(const Conv2dDims& d) { return 2.0 * d.N * d.P() * d.Q() * d.K * d.R * d.S * (d.C / d.groups); }
double flop_of(const MatmulDims& d) { return 2.0 * d.batch * d.M * d.N * d.K; }
double flop_of(const LstmDims& d) { return 8.0 * d.N * d.T * d.D * d.D; }
double flop_of(const StftDims& d) { return 5.0 * static_cast<double>(d.frames()) * d.n_fft * std::log2(d.n_fft); }
double flop_of(const LogMelDims& d) { return flop_of(d.stft); }

template <class Dims>
double flop_of(Pass, const Dims& d) {
  return flop_of(d);
}
/// A layer multiplies the input too; back go two products for each one forward.
double flop_of(Pass pass, const LstmDims& d) {
  const double layer = flop_of(d) + 8.0 * d.N * d.T * d.D * d.F;
  if (same_name(pass.pass, "layer_fwd")) return layer;
  return same_name(pass.pass, "layer_train") ? 3 * layer : flop_of(d);
}

template <class Dims, class Fn, class Call>
ReadyRung ready(Pass pass, const Rung<Dims, Fn>& rung, const Dims& d, const Call& call) {
  Fn* const run = rung.run[static_cast<int>(active_isa())];
  const auto arrays = std::make_shared<Arrays>(rung.device == Device::cpu ? nullptr : gpu_runtime(rung.device));
  const size_t scratch = rung.scratch ? rung.scratch(d) : 0;
  const auto launch = [=](Fn* kernel) {
    arrays->rewind();
    float* const work = arrays->space(static_cast<int64_t>(scratch));
    call(*arrays, d, kernel, work);
  };
  return {pass,
          rung.name,
          dims_text(d),
          rung.file,
          [=] { launch(nothing_like(run)); },
          [=] { launch(run); },
          [=] { return arrays->bytes() - scratch * sizeof(float); },
          flop_of(pass, d)};
}

}  // namespace

KernelInfo find_rung(const RungChoice& choice) {
  std::set<std::string> ops, rungs;
  for (const KernelInfo& k : kernel_list()) {
    ops.insert(k.op);
    if (choice.op != k.op || (!choice.pass.empty() && choice.pass != k.pass) || choice.device != k.device) continue;
    if (choice.rung == k.name) return k;
    rungs.insert(k.name);
  }
  if (!ops.count(choice.op)) refuse("kernels: no op ", choice.op, "; there are ", fmt::format("{}", fmt::join(ops, ", ")));
  refuse("kernels: ", of_op(choice), " has no rung ", choice.rung, "; there are ", fmt::format("{}", fmt::join(rungs, ", ")));
}

std::vector<emu::Launch> rung_launches(const ReadyRung& rung) {
  static std::vector<emu::Launch> seen;
  seen.clear();
  emu::tell_of_launches([](const emu::Launch& launch) {
    seen.push_back(launch);
    return false;
  });
  rung.launch();
  emu::tell_of_launches(nullptr);
  return seen;
}

std::vector<std::string> problem_names(const std::string& op) {
  std::vector<std::string> names;
  for_each_launch([&](Pass pass, const auto& problems, const auto&, const auto&) {
    if (op != pass.op || !names.empty()) return;
    for (const auto& problem : problems) names.emplace_back(problem.name);
  });
  return names;
}

std::vector<std::string> full_problem_names(const std::string& op) {
  std::vector<std::string> names;
  for_each_launch([&](Pass pass, const auto& problems, const auto&, const auto&) {
    if (op != pass.op || !names.empty()) return;
    for (const auto& problem : problems) {
      auto d = problem.dims;
      const ShapeFields all = fields(d);
      const bool empty = std::any_of(all.begin(), all.end(), [](const ShapeField& field) { return field.missing(); });
      if (!empty && misfit(d).empty()) names.emplace_back(problem.name);
    }
  });
  return names;
}

ReadyRung prepare_rung(const RungChoice& choice) {
  if (const char* const missing = is_yardstick(choice.rung.c_str()) ? vendor_missing() : nullptr) {
    throw Error(ExitCode::device, fmt::format("kernel {}: missing: {}", choice.rung, missing));
  }
  const KernelInfo info = find_rung(choice);
  if (const char* const missing = choice.device == Device::cpu ? nullptr : gpu_runtime(choice.device)->what_is_missing()) {
    throw Error(ExitCode::device, fmt::format("device {}: {}", device_name(choice.device), missing));
  }
  std::optional<ReadyRung> found;
  for_each_launch([&](Pass pass, const auto& problems, const auto& rungs, const auto& call) {
    if (!same_name(pass.op, info.op) || !same_name(pass.pass, info.pass)) return;
    for (const auto& rung : rungs) {
      if (rung.device != info.device || !same_name(rung.name, info.name)) continue;
      using Dims = std::decay_t<decltype(std::begin(problems)->dims)>;
      const Dims d = read_shape<Dims>(choice, problems);
      if (!serves(rung, d, rung.device, active_isa())) {
        refuse("kernels: ", rung.name, " does not serve ", dims_text(d), " (", pass.op, " ", pass.pass, ", ", device_name(rung.device), ")");
      }
      found = ready(pass, rung, d, call);
    }
  });
  return *found;
}

}  // namespace limbic
