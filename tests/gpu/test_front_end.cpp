// SPDX-License-Identifier: Apache-2.0
// stft and mel on the GPU, or as if on one.
#include "tests/gpu/device.h"
#include "tests/kernels/mel_filters.h"

using namespace limbic;
using namespace limbic::test;

namespace {

/// At most 256 points, so that v1's n^2 products are few, and ten frames; a longer FFT keeps two.
StftDims scaled(StftDims d, bool longer) {
  if (!longer && d.n_fft > 256) d.n_fft = 256;
  const int64_t frames = longer ? 2 : 10;
  d.samples = std::min<int64_t>(d.samples, d.n_fft + (frames - 1) * d.hop);
  return d;
}

/// Each CUDA rung that serves `d`, without the one called `left_out`, in every order of threads: run(rung) -> result;
/// compare(rung's name, result) judges.
template <class Dims, class Fn>
void each_rung(Pass pass, const char* problem, std::span<const Rung<Dims, Fn>> rungs, const Dims& d, const auto& run,
               const auto& compare, const char* left_out = "") {
  const emu::Options before = emu::options();
  for (const auto& rung : rungs) {
    if (!runs_here(rung, d)) continue;
    if (same_name(rung.name, left_out)) continue;
    device_under_test = rung.device;
    std::vector<float> first;
    for (const emu::Options& order : thread_orders()) {
      emu::options() = order;
      const std::vector<float> got = run(rung);
      if (first.empty()) first = got;
      report(pass, rung.name, problem, other_bits(got, first));
    }
    compare(rung.name, first);
  }
  emu::options() = before;
}

}  // namespace

TEST_CASE("stft: every CUDA rung agrees with the reference") {
  for (const auto& [name, full] : stft_problems) {
    for (const bool longer : {false, true}) {
      if (longer && full.n_fft <= 256) continue;
      const StftDims d = scaled(full, longer);
      const std::vector<float> x = uniform(d.samples, 2, 0, -0.5f, 0.5f);
      std::vector<float> scratch(stft_v0_reference_scratch(d)), truth(d.frames() * d.bins());
      stft_fwd_v0_reference(d, x.data(), truth.data(), scratch.data(), {});
      const double largest = truth.empty() ? 0 : *std::max_element(truth.begin(), truth.end());
      const DeviceFloats on_device(x);
      each_rung<StftDims, StftPower>(
          {"stft", "fwd"}, name, stft_fwd_rungs(), d,
          [&](const auto& rung) {
            DeviceFloats power(truth.size());
            rung.run[0](d, on_device.data(), power.data(), nullptr, {});
            return power.host();
          },
          [&](const char* rung, const std::vector<float>& got) {
            report({"stft", "fwd"}, rung, name, exceeds(got, truth, std::vector<double>(truth.size(), 2e-6 * largest)));
          },
          longer ? "v1_naive" : "");
    }
  }
}

TEST_CASE("mel: every CUDA rung is within 1e-4 dB of the f64 reference") {
  for (const auto& [name, full] : mel_problems) {
    LogMelDims d = full;
    d.stft = scaled(full.stft, true);
    const Filters filters(d.mels, d.stft.bins());
    const MelBank bank = filters.bank();
    const std::vector<float> x = uniform(d.stft.samples, 3, 0, -0.1f, 0.1f);
    std::vector<float> scratch(mel_v0_reference_scratch(d)), truth(d.stft.frames() * d.mels);
    mel_fwd_v0_reference(d, x.data(), bank, truth.data(), scratch.data(), {});
    const DeviceFloats samples(x), weight(filters.weight);
    const DeviceArray<int32_t> first(filters.first), count(filters.count), offset(filters.offset);
    const MelBank on_device{bank.mels, first.data(), count.data(), offset.data(), weight.data()};
    each_rung<LogMelDims, LogMel>(
        {"mel", "fwd"}, name, mel_fwd_rungs(), d,
        [&](const auto& rung) {
          DeviceFloats y(truth.size()), work(rung.scratch(d));
          rung.run[0](d, samples.data(), on_device, y.data(), work.data(), {});
          return y.host();
        },
        [&](const char* rung, const std::vector<float>& got) {
          report({"mel", "fwd"}, rung, name, exceeds(got, truth, std::vector<double>(truth.size(), 1e-4)));
        });
  }
}
