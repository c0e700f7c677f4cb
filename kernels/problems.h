// SPDX-License-Identifier: Apache-2.0
// Named problem sizes per op: our nets' real layers and awkward shapes. One list for tests, benchmarks and docs; an op
// without entries here fails its test.
#pragma once
#include "kernels/conv2d/conv2d.h"
#include "kernels/matmul/matmul.h"
#include "kernels/mel/mel.h"
#include "kernels/stft/stft.h"

namespace limbic {

template <class Dims>
struct Problem {
  const char* name;
  Dims dims;
};

// N, H, W, C, K, R, S, stride, padding, dilation, groups
inline constexpr Problem<Conv2dDims> conv2d_problems[] = {
    // CNN-14 on 4 s of sound: 401 frames x 64 mels
    {"cnn14-1", {1, 401, 64, 1, 64, 3, 3, 1, 1, 1, 1}},
    {"cnn14-2", {1, 401, 64, 64, 64, 3, 3, 1, 1, 1, 1}},
    {"cnn14-3", {1, 200, 32, 64, 128, 3, 3, 1, 1, 1, 1}},
    {"cnn14-4", {1, 200, 32, 128, 128, 3, 3, 1, 1, 1, 1}},
    {"cnn14-5", {1, 100, 16, 128, 256, 3, 3, 1, 1, 1, 1}},
    {"cnn14-6", {1, 100, 16, 256, 256, 3, 3, 1, 1, 1, 1}},
    {"cnn14-7", {1, 50, 8, 256, 512, 3, 3, 1, 1, 1, 1}},
    {"cnn14-8", {1, 50, 8, 512, 512, 3, 3, 1, 1, 1, 1}},
    {"cnn14-9", {1, 25, 4, 512, 1024, 3, 3, 1, 1, 1, 1}},
    {"cnn14-10", {1, 25, 4, 1024, 1024, 3, 3, 1, 1, 1, 1}},
    {"cnn14-11", {1, 12, 2, 1024, 2048, 3, 3, 1, 1, 1, 1}},
    {"cnn14-12", {1, 12, 2, 2048, 2048, 3, 3, 1, 1, 1, 1}},
    // system 2 on sound: 128 mels x 282 frames, and its sequence of 282 coefficients
    {"sys2-2d-1", {16, 128, 282, 1, 32, 3, 3}},
    {"sys2-2d-2", {16, 63, 140, 32, 64, 3, 3}},
    {"sys2-2d-3", {16, 30, 69, 64, 64, 3, 3}},
    {"sys2-1d-1", {16, 1, 282, 1, 64, 1, 10}},
    {"sys2-1d-2", {16, 1, 273, 64, 128, 1, 10}},
    {"sys2-1d-3", {16, 1, 33, 128, 128, 1, 10}},
    {"alexnet-1", {1, 224, 224, 3, 64, 11, 11, 4, 4, 2, 2}},
    {"alexnet-2", {1, 27, 27, 64, 192, 5, 5, 1, 1, 2, 2}},
    {"alexnet-3", {1, 13, 13, 192, 384, 3, 3, 1, 1, 1, 1}},
    {"alexnet-4", {1, 13, 13, 384, 256, 3, 3, 1, 1, 1, 1}},
    // awkward: one pixel, one channel, odd sizes, strides past the filter, dilation, groups, borders wider than maps
    {"one", {1, 1, 1, 1, 1, 1, 1}},
    {"one-pixel-padded", {2, 1, 1, 17, 19, 3, 3, 1, 1, 1, 1}},
    {"1x1", {2, 5, 7, 33, 18, 1, 1}},
    {"filter-is-map", {2, 5, 4, 16, 40, 5, 4}},
    {"two-columns", {3, 12, 2, 64, 48, 3, 3, 1, 1, 1, 1}},
    {"odd", {3, 9, 7, 5, 31, 3, 3, 1, 1, 1, 1}},
    {"odd-wide", {1, 33, 47, 17, 35, 3, 3, 1, 1, 1, 1}},
    {"stride-2", {2, 11, 13, 16, 24, 3, 3, 2, 2, 1, 1}},
    {"stride-past-filter", {1, 13, 31, 16, 16, 3, 2, 4, 3, 0, 0}},
    {"rectangular", {2, 10, 6, 12, 20, 5, 2, 2, 1, 2, 1}},
    {"dilated", {2, 15, 14, 16, 16, 3, 3, 1, 1, 2, 3, 2, 3}},
    {"dilated-stride", {1, 17, 15, 6, 10, 3, 3, 2, 3, 2, 1, 3, 2}},
    {"padding-past-filter", {1, 6, 5, 16, 32, 2, 2, 1, 1, 3, 4}},
    {"full", {1, 8, 9, 20, 16, 4, 4, 1, 1, 3, 3}},
    {"groups", {2, 9, 8, 12, 18, 3, 3, 1, 1, 1, 1, 1, 1, 3}},
    {"groups-wide", {1, 7, 9, 64, 96, 3, 3, 2, 1, 1, 1, 1, 1, 2}},
    {"depthwise", {2, 10, 9, 24, 24, 3, 3, 1, 1, 1, 1, 1, 1, 24}},
    {"sequence-one-long", {4, 1, 1, 40, 8, 1, 3, 1, 1, 0, 1}},
};

inline constexpr Problem<MatmulDims> matmul_problems[] = {
    // M, N, K, trans_a, trans_b, batch: a linear layer's forward, dx and dw
    {"cnn14-fc1", {8, 2048, 2048, false, true}},
    {"cnn14-fc1-dx", {8, 2048, 2048}},
    {"cnn14-fc1-dw", {2048, 2048, 8, true}},
    {"cnn14-audioset", {1, 527, 2048, false, true}},
    {"alexnet-fc6", {1, 4096, 9216, false, true}},
    {"alexnet-fc8", {4, 8, 4096, false, true}},
    {"sys2-dense", {16, 7, 64, false, true}},
    {"sys2-dense-dw", {7, 64, 16, true}},
    {"square", {256, 256, 256}},
    {"square-ta", {256, 256, 256, true}},
    {"square-tb", {256, 256, 256, false, true}},
    {"square-ta-tb", {256, 256, 256, true, true}},
    // awkward
    {"one", {1, 1, 1}},
    {"dot", {1, 1, 1000, false, true}},
    {"outer", {37, 41, 1}},
    {"row", {1, 129, 67}},
    {"column", {131, 1, 65}},
    {"odd", {17, 33, 65}},
    {"odd-ta", {17, 33, 65, true}},
    {"odd-tb", {17, 33, 65, false, true}},
    {"odd-ta-tb", {17, 33, 65, true, true}},
    {"tile-edges", {29, 31, 513}},
    {"deep", {15, 47, 1100, true}},
    {"conflicting-strides", {20, 48, 1024}},
    {"batch", {9, 20, 30, false, false, 5}},
    {"batch-ta", {16, 16, 16, true, false, 3}},
    {"batch-tb", {13, 18, 40, false, true, 4}},
    {"thin-two", {2, 3, 5, true, true, 7}},
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
