// SPDX-License-Identifier: Apache-2.0
// From a file to system 2's features: decoding, window, front end, against the numbers its notebooks print.
#include <catch2/catch.hpp>
#include <cmath>

#include "data_folder.h"
#include "io/audio.h"
#include "nets/front_end.h"

using namespace limbic;

TEST_CASE("librosa-48k-reflect: the mean over mels of RAVDESS clips is system 2's within 1e-3 dB") {
  const struct {
    const char* clip;
    std::vector<double> expected;  // the feature's first values
  } golden[] = {
      {"03-01-08-01-01-02-01", {-80.2764663696289, -80.2764663696289, -80.2764663696289}},
      {"03-01-03-02-01-01-01", {-74.78968048095703, -74.89425659179688}},
      {"03-01-05-01-02-01-01", {-69.76966094970703, -70.14131164550781}},
      {"03-01-03-01-01-02-01", {-76.3656234741211, -76.3656234741211}},
      {"03-01-03-01-01-01-01", {-80.67929077148438, -80.67929077148438}},
  };
  for (const auto& [clip, expected] : golden) {
    const std::string path = data_file(std::string("ravdess_speech/Actor_01/") + clip + ".flac");
    if (path.empty()) continue;
    const auto window = cut_window(decode_audio(path, 48000).samples, 24000, 144000);
    const auto map = log_mel(*find_front_end("librosa-48k-reflect"), window.data(), 144000).to_vector();  // [282, 128]
    for (size_t t = 0; t < expected.size(); ++t) {
      double sum = 0;
      for (int m = 0; m < 128; ++m) sum += map[t * 128 + m];
      INFO(clip << ", frame " << t);
      CHECK(std::fabs(sum / 128 - expected[t]) < 1e-3);
    }
  }
}
