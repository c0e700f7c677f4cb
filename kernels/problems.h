// SPDX-License-Identifier: Apache-2.0
// Named problem sizes per op: our nets' real layers and awkward shapes. One list for tests, benchmarks and docs; an op
// without entries here fails its test.
#pragma once
#include "kernels/mel/mel.h"
#include "kernels/stft/stft.h"

namespace limbic {

template <class Dims>
struct Problem {
  const char* name;
  Dims dims;
};

inline constexpr Problem<StftDims> stft_problems[] = {
    {"panns-32k, 10 s", {320000, 1024, 320, Pad::reflect}},
    {"panns-16k, 1 s", {16000, 512, 160, Pad::reflect}},
    {"panns-8k, 1 s", {8000, 256, 80, Pad::reflect}},
    {"librosa-48k, 3 s", {144000, 1024, 512, Pad::zero}},
    {"voice-16k, 2 s", {32000, 1024, 250, Pad::reflect}},
    {"2048 points, 1 s", {22050, 2048, 512, Pad::reflect}},
    {"no padding", {5000, 1024, 320, Pad::none}},
    {"no padding, one frame", {256, 256, 80, Pad::none}},
    {"no padding, too short: no frame", {255, 256, 80, Pad::none}},
    {"shortest that reflects", {513, 1024, 320, Pad::reflect}},
    {"both ends in one frame", {700, 1024, 320, Pad::reflect}},
    {"one sample among zeros", {1, 512, 160, Pad::zero}},
    {"sixteen frames", {15 * 80, 256, 80, Pad::zero}},
    {"seventeen frames", {16 * 80, 256, 80, Pad::zero}},
    {"hop of one", {300, 256, 1, Pad::reflect}},
    {"hop longer than the window", {9000, 256, 1000, Pad::zero}},
    {"odd hop", {4001, 512, 137, Pad::reflect}},
    {"not a size of the fast rungs", {2000, 64, 16, Pad::reflect}},
};

inline constexpr Problem<LogMelDims> mel_problems[] = {
    {"panns-32k, 10 s", {{320000, 1024, 320, Pad::reflect}, 64}},
    {"panns-16k, 1 s", {{16000, 512, 160, Pad::reflect}, 64}},
    {"panns-8k, 1 s", {{8000, 256, 80, Pad::reflect}, 64}},
    {"librosa-48k, 3 s", {{144000, 1024, 512, Pad::zero}, 128}},
    {"voice-16k, 2 s", {{32000, 1024, 250, Pad::reflect}, 64}},
    {"one mel", {{4000, 256, 80, Pad::reflect}, 1}},
    {"odd number of mels", {{4000, 512, 160, Pad::zero}, 23}},
    {"more mels than bins", {{3000, 256, 100, Pad::none}, 160}},
    {"short", {{600, 1024, 320, Pad::reflect}, 64}},
    {"another floor", {{4000, 512, 160, Pad::zero}, 40, 1e-3f}},
    {"not a size of the fast rungs", {{2000, 128, 40, Pad::reflect}, 20}},
};

}  // namespace limbic
