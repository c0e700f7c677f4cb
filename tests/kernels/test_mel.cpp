// SPDX-License-Identifier: Apache-2.0
#include "kernels/parallel.h"
#include "kernels/problems.h"
#include "tests/kernels/mel_filters.h"

using namespace limbic;
using namespace limbic::test;

namespace {

std::vector<float> reference(const LogMelDims& d, const std::vector<float>& x, const MelBank& bank) {
  std::vector<float> scratch(mel_v0_reference_scratch(d)), y(d.stft.frames() * d.mels);
  mel_fwd_v0_reference(d, x.data(), bank, y.data(), scratch.data(), {});
  return y;
}

std::vector<float> run(const Rung<LogMelDims, LogMel>& rung, Isa isa, const LogMelDims& d, const std::vector<float>& x,
                       const MelBank& bank) {
  std::vector<float> scratch(rung.scratch ? rung.scratch(d) : 0), y(d.stft.frames() * d.mels, NAN);
  rung.run[static_cast<int>(isa)](d, x.data(), bank, y.data(), scratch.data(), {});
  return y;
}

}  // namespace

TEST_CASE("mel: every rung is within 1e-4 dB of the f64 reference, with the same bits everywhere") {
  const int before = threads();
  for (const auto& [name, d] : mel_problems) {
    const Filters filters(d.mels, d.stft.bins());
    const auto x = uniform(d.stft.samples, 3, 0, -0.1f, 0.1f);
    const auto truth = doubles(reference(d, x, filters.bank()));
    for (const auto& rung : mel_fwd_rungs()) {
      if (rung.run[0]) continue;  // the reference itself
      std::vector<float> first;
      for (const Isa isa : isas_here()) {
        if (!serves(rung, d, Device::cpu, isa)) continue;
        for (const int count : {1, 2, 3, 8}) {
          set_threads(count);
          const auto y = run(rung, isa, d, x, filters.bank());
          const std::string what = std::string("mel fwd ") + rung.name + " " + isa_name(isa) + " '" + name + "' " +
                                   std::to_string(count) + " threads";
          if (first.empty()) first = y;
          expect_equal(what, other_bits(y, first));
          expect_equal(what, exceeds(y, truth, std::vector<double>(truth.size(), 1e-4)));
        }
      }
    }
  }
  set_threads(before);
}

TEST_CASE("mel: silence is the floor, and loud and faint sounds keep their distance") {
  const LogMelDims d{{8000, 512, 160, Pad::reflect}, 16};
  const Filters filters(d.mels, d.stft.bins());
  const auto* rung = pick(mel_fwd_rungs(), {"mel", "fwd"}, d, Device::cpu);
  REQUIRE(rung);
  for (const float v : run(*rung, active_isa(), d, std::vector<float>(8000), filters.bank())) CHECK(v == Approx(-100));

  std::vector<float> x = uniform(8000, 4, 0, -0.5f, 0.5f);
  const auto loud = run(*rung, active_isa(), d, x, filters.bank());
  for (float& v : x) v *= 0.01f;
  const auto faint = run(*rung, active_isa(), d, x, filters.bank());
  for (size_t i = 0; i < loud.size(); ++i) {
    if (i % 16 != 15) CHECK(loud[i] - faint[i] == Approx(40).margin(1e-3));  // filter 15 is empty
  }
}
