// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "data_folder.h"
#include "kernels/portable_math.h"
#include "nets/front_end.h"

using namespace limbic;

namespace {

/// Samples of a PCM16 mono WAV, / 32768; skips chunks that are not "data".
std::vector<float> read_pcm16(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  size_t at = 12;  // behind "RIFF", size, "WAVE"
  while (at + 8 <= bytes.size()) {
    uint32_t size = 0;
    std::memcpy(&size, bytes.data() + at + 4, 4);
    if (bytes.compare(at, 4, "data") == 0) {
      std::vector<int16_t> pcm(size / 2);
      std::memcpy(pcm.data(), bytes.data() + at + 8, size);
      std::vector<float> samples;
      for (const int16_t v : pcm) samples.push_back(static_cast<float>(v) / 32768);
      return samples;
    }
    at += 8 + size + size % 2;
  }
  return {};
}

std::string error_of(const FrontEnd& front_end, int64_t n) {
  try {
    log_mel(front_end, std::vector<float>(n + 1).data(), n);
  } catch (const Error& e) {
    CHECK(e.code == ExitCode::media);
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("front end: panns-32k gives torchlibrosa's log-mel of the PANNs' sample clip within 1e-3 dB") {
  const std::string path = data_file("panns/R9_ZSCveAHg_7s.wav");
  if (path.empty()) return;
  const auto samples = read_pcm16(path);
  REQUIRE(samples.size() == 224000);
  const Tensor map = log_mel(*find_front_end("panns-32k"), samples.data(), 224000);
  REQUIRE(map.shape() == Shape{701, 64});
  const std::vector<float> v = map.to_vector();
  const struct {
    int t, m;
    double expected;
  } golden[] = {{0, 0, -25.111040},    {0, 63, -39.948114}, {100, 10, -20.599086}, {350, 32, -20.215951},
                {350, 63, -67.986459}, {700, 0, -2.339974}, {700, 63, -58.452775}};
  for (const auto& g : golden) {
    INFO("frame " << g.t << ", mel " << g.m);
    CHECK(std::fabs(v[g.t * 64 + g.m] - g.expected) < 1e-3);
  }
  double sum = 0, squares = 0;
  for (const float x : v) sum += x, squares += static_cast<double>(x) * x;
  const double mean = sum / v.size();
  CHECK(std::fabs(mean - -25.866512) < 1e-3);
  CHECK(std::fabs(std::sqrt(squares / v.size() - mean * mean) - 17.246982) < 1e-3);
  CHECK(std::fabs(*std::min_element(v.begin(), v.end()) - -79.8334) < 1e-3);
  CHECK(std::fabs(*std::max_element(v.begin(), v.end()) - 18.8220) < 1e-3);
}

// tools/make_front_end_reference.py wrote the table.
TEST_CASE(
    "front end: every published preset gives torchlibrosa's and librosa's values within 1e-3 dB, edges included") {
  const std::string fixtures = std::string(LIMBIC_SOURCE_DIR) + "/tests/fixtures/";
  std::ifstream sound(fixtures + "voice_16k.s16", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(sound), {}};
  std::vector<int16_t> pcm(bytes.size() / 2);
  std::memcpy(pcm.data(), bytes.data(), 2 * pcm.size());
  REQUIRE(pcm.size() == 40000);
  std::vector<float> samples;
  for (int i = 12000; i < 26001; ++i) samples.push_back(static_cast<float>(pcm[i]) / 32768);

  std::ifstream table(fixtures + "front_ends.csv");
  std::string line, name;
  std::getline(table, line);
  CHECK(line == "front_end,frames,frame,mel,db");
  std::map<std::string, Tensor> maps;
  int rows = 0;
  for (char comma; std::getline(std::getline(table, name, ','), line); ++rows) {
    int64_t frames = 0, t = 0, m = 0;
    double db = 0;
    std::istringstream(line) >> frames >> comma >> t >> comma >> m >> comma >> db;
    const FrontEnd* front_end = find_front_end(name);
    REQUIRE(front_end);
    if (!maps.count(name)) maps[name] = log_mel(*front_end, samples.data(), static_cast<int64_t>(samples.size()));
    INFO(name << ", frame " << t << ", mel " << m);
    REQUIRE(maps[name].shape() == Shape{frames, front_end->n_mels});
    CHECK(std::fabs(maps[name].to_vector()[t * front_end->n_mels + m] - db) < 1e-3);
  }
  CHECK(rows == 5 * 9 * 4);
}

TEST_CASE("front end: the PANNs' filters have the published numbers") {
  const FrontEnd& f32k = *find_front_end("panns-32k");
  CHECK(f32k.filters->weights() == 866);
  CHECK(find_front_end("panns-16k")->filters->weights() == 495);
  CHECK(find_front_end("panns-8k")->filters->weights() == 247);
  const MelBank bank = f32k.filters->bank();
  CHECK(bank.first[0] == 2);
  REQUIRE(bank.count[0] == 4);
  const double first[] = {0.00428909, 0.01501181, 0.01131285, 0.00059012};
  for (int i = 0; i < 4; ++i) CHECK(bank.weight[i] == Approx(first[i]).margin(5e-9));
  CHECK(bank.first[63] + bank.count[63] == 448);
  CHECK(*std::max_element(bank.weight, bank.weight + 866) == Approx(0.0181495).margin(5e-8));
  for (int m = 0; m < 64; ++m) CHECK((bank.count[m] >= 3 && bank.count[m] <= 47));
}

TEST_CASE("front end: found by name and by the shape of a checkpoint's tensors") {
  for (const auto& name : front_end_names()) CHECK(find_front_end(name)->name == name);
  CHECK(find_front_end("panns-44k") == nullptr);
  CHECK(find_panns_front_end(513)->name == "panns-32k");
  CHECK(find_panns_front_end(257)->name == "panns-16k");
  CHECK(find_panns_front_end(129)->name == "panns-8k");
  CHECK(find_panns_front_end(512) == nullptr);
  CHECK(find_front_end("panns-32k")->frames(320000) == 1001);
  CHECK(find_front_end("librosa-48k")->frames(144000) == 282);
  CHECK(find_front_end("voice-16k")->sample_rate == 64 * find_front_end("voice-16k")->hop);
}

TEST_CASE("front end: a checkpoint's own filters are used as they are") {
  const FrontEnd& f = *find_front_end("panns-16k");
  const auto matrix = mel_matrix(16000, 512, 64, 50, 8000);
  std::vector<float> x(4000);
  for (int i = 0; i < 4000; ++i) x[i] = static_cast<float>(portable_sincos(i * i * 1e-6).sin);
  const FrontEnd same = with_mel_matrix(f, matrix, 64);
  CHECK(log_mel(same, x.data(), 4000).to_vector() == log_mel(f, x.data(), 4000).to_vector());
  auto doubled = matrix;
  for (float& w : doubled) w *= 2;
  const auto louder = log_mel(with_mel_matrix(f, doubled, 64), x.data(), 4000).to_vector();
  CHECK(louder[100] - log_mel(f, x.data(), 4000).to_vector()[100] == Approx(3.0103).margin(1e-4));
  CHECK_THROWS_AS(with_mel_matrix(f, matrix, 63), Error);
}

TEST_CASE("front end: a sound too short to be mirrored is an error that says what is wanted") {
  CHECK(error_of(*find_front_end("panns-32k"), 512) ==
        "log-mel panns-32k: 512 samples at 32000 Hz, wants at least 513");
  CHECK(error_of(*find_front_end("panns-32k"), 513) == "");
  CHECK(error_of(*find_front_end("librosa-48k"), 1) == "");
  CHECK_FALSE(error_of(*find_front_end("librosa-48k"), 0).empty());
}

TEST_CASE("front end: librosa-48k lifts what is 80 dB below the clip's maximum; its paddings differ in four frames") {
  std::vector<float> x(144000);
  for (int i = 0; i < 144000; ++i) {
    x[i] = i < 72000 ? static_cast<float>(portable_sincos(i * 440.0 / 48000).cos) : 1e-7f * static_cast<float>(i % 7);
  }
  const auto zero = log_mel(*find_front_end("librosa-48k"), x.data(), 144000).to_vector();
  const auto reflect = log_mel(*find_front_end("librosa-48k-reflect"), x.data(), 144000).to_vector();
  for (const auto& v : {zero, reflect}) {
    const float top = *std::max_element(v.begin(), v.end());
    CHECK(*std::min_element(v.begin(), v.end()) == top - 80);
  }
  for (int t = 0; t < 282; ++t) {
    bool same = true;
    for (int m = 0; m < 128; ++m) same &= zero[t * 128 + m] == reflect[t * 128 + m];
    if (t >= 1 && t <= 280) CHECK(same);
    if (t == 0) CHECK_FALSE(same);
  }
}

TEST_CASE("front end: a window of a short clip has zeros on both sides, one more on the right") {
  const std::vector<float> x{1, 2, 3, 4, 5};
  CHECK(cut_window(x, 1, 3) == std::vector<float>{2, 3, 4});
  CHECK(cut_window(x, 2, 6) == std::vector<float>{0, 3, 4, 5, 0, 0});
  CHECK(cut_window(x, 5, 2) == std::vector<float>{0, 0});
  CHECK(cut_window(x, 9, 2) == std::vector<float>{0, 0});
}
