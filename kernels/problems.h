// SPDX-License-Identifier: Apache-2.0
// Named problem sizes per op: our nets' real layers and awkward shapes. One list for tests, benchmarks and docs; an op
// with fewer than 24 entries here fails its test.
#pragma once
#include <array>
#include <string_view>

#include "kernels/adam/adam.h"
#include "kernels/affine_grid/affine_grid.h"
#include "kernels/attention/attention.h"
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/batch_norm_conv2d/batch_norm_conv2d.h"
#include "kernels/batch_norm_pool/batch_norm_pool.h"
#include "kernels/bce/bce.h"
#include "kernels/binary/binary.h"
#include "kernels/cast/cast.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/copy/copy.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/dropout/dropout.h"
#include "kernels/grid_sample/grid_sample.h"
#include "kernels/lstm/lstm.h"
#include "kernels/matmul/matmul.h"
#include "kernels/mel/mel.h"
#include "kernels/moving_average/moving_average.h"
#include "kernels/pool2d/pool2d.h"
#include "kernels/reduce/reduce.h"
#include "kernels/sgd/sgd.h"
#include "kernels/softmax/softmax.h"
#include "kernels/stft/stft.h"
#include "kernels/sum_squares/sum_squares.h"
#include "kernels/unary/unary.h"

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
    {"1x1-wide", {1, 4, 4, 16, 144, 1, 1}},
    {"filter-is-map", {2, 5, 4, 16, 40, 5, 4}},
    {"two-columns", {3, 12, 2, 64, 48, 3, 3, 1, 1, 1, 1}},
    // batches that fill a tile at each pixel, so that it skips the taps of padding; and one that does not quite
    {"batch-two-columns", {66, 3, 2, 5, 8, 3, 3, 1, 1, 1, 1}},
    {"batch-one-pixel", {65, 1, 1, 16, 17, 3, 3, 1, 1, 1, 1}},
    {"batch-stride", {64, 4, 3, 4, 5, 3, 2, 2, 2, 1, 0}},
    {"batch-dilated", {50, 3, 4, 3, 4, 2, 3, 1, 2, 2, 4, 3, 2}},
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
    // filters of more than 32 taps, as a waveform's are
    {"forty-taps", {2, 1, 70, 1, 3, 1, 40, 1, 1, 0, 20}},
    {"tall", {1, 50, 2, 2, 3, 36, 1, 1, 1, 17, 0}},
    // sums of several chunks, and more Winograd tiles than one section holds
    {"deep", {1, 5, 6, 272, 48, 3, 3, 1, 1, 1, 1}},
    {"deep-dx", {1, 6, 5, 48, 304, 3, 3, 1, 1, 1, 1}},
    {"deep-two-columns", {1, 6, 2, 272, 300, 3, 3, 1, 1, 1, 1}},
    {"deep-odd", {1, 4, 3, 531, 17, 2, 3, 1, 1, 1, 1}},
    // Winograd's tiles of 3x3, in both passes and in one of them
    {"six", {2, 6, 6, 32, 48, 3, 3, 1, 1, 1, 1}},
    {"nine-by-five", {1, 9, 5, 288, 32, 3, 3, 1, 1, 1, 1}},
    {"six-of-eight", {1, 8, 8, 48, 64, 3, 3}},
    {"eight-of-six", {1, 6, 6, 32, 32, 3, 3, 1, 1, 2, 2}},
    {"sections", {1, 45, 43, 128, 32, 3, 3, 1, 1, 1, 1}},
    {"sections-dx", {1, 43, 46, 32, 128, 3, 3, 1, 1, 1, 1}},
};

/// Of the list above, by its name.
consteval Problem<Conv2dDims> conv2d_problem(std::string_view name) {
  for (const Problem<Conv2dDims>& p : conv2d_problems)
    if (name == p.name) return p;
  throw "no convolution is called so";
}

// the second convolutions of CNN-14's blocks, and what is awkward of the list above
inline constexpr Problem<Conv2dDims> batch_norm_conv2d_problems[] = {
    conv2d_problem("cnn14-2"),
    conv2d_problem("cnn14-4"),
    conv2d_problem("cnn14-6"),
    conv2d_problem("cnn14-8"),
    conv2d_problem("cnn14-10"),
    conv2d_problem("cnn14-12"),
    conv2d_problem("one"),
    conv2d_problem("one-pixel-padded"),
    conv2d_problem("1x1"),
    conv2d_problem("1x1-wide"),
    conv2d_problem("filter-is-map"),
    conv2d_problem("two-columns"),
    conv2d_problem("batch-two-columns"),
    {"batch-of-vectors", {64, 2, 2, 8, 4, 3, 3, 1, 1, 1, 1}},
    conv2d_problem("batch-one-pixel"),
    conv2d_problem("batch-stride"),
    {"tile", {1, 8, 8, 4, 64, 1, 1}},
    {"tile-and-one", {1, 5, 13, 4, 65, 1, 1}},
    {"tile-and-one-dx", {1, 5, 13, 65, 4, 1, 1}},
    {"1x1-wide-dx", {1, 4, 4, 144, 16, 1, 1}},
    {"groups-wide-dx", {1, 5, 3, 132, 8, 1, 1, 1, 1, 0, 0, 1, 1, 2}},
    conv2d_problem("odd"),
    conv2d_problem("odd-wide"),
    conv2d_problem("stride-2"),
    conv2d_problem("rectangular"),
    conv2d_problem("dilated"),
    conv2d_problem("padding-past-filter"),
    conv2d_problem("groups"),
    conv2d_problem("groups-wide"),
    conv2d_problem("depthwise"),
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
    {"librosa-48k, 3 s, reflected", {144000, 1024, 512, Pad::reflect}},
    {"voice-16k, 2 s", {32000, 1024, 250, Pad::reflect}},
    {"2048 points, 1 s", {22050, 2048, 512, Pad::reflect}},
    {"no padding", {5000, 1024, 320, Pad::none}},
    {"no padding, one frame", {256, 256, 80, Pad::none}},
    {"no padding, too short: no frame", {255, 256, 80, Pad::none}},
    {"no padding, the last frame ends with the signal", {256 + 9 * 80, 256, 80, Pad::none}},
    {"no padding, a sample short of another frame", {256 + 9 * 80 - 1, 256, 80, Pad::none}},
    {"no padding, hop longer than the window", {9000, 256, 1000, Pad::none}},
    {"shortest that reflects", {513, 1024, 320, Pad::reflect}},
    {"shortest that reflects, 256 points", {129, 256, 80, Pad::reflect}},
    {"both ends in one frame", {700, 1024, 320, Pad::reflect}},
    {"one sample among zeros", {1, 512, 160, Pad::zero}},
    {"shorter than a frame, among zeros", {100, 2048, 320, Pad::zero}},
    {"eight frames", {7 * 80, 256, 80, Pad::zero}},
    {"nine frames", {8 * 80, 256, 80, Pad::zero}},
    {"sixteen frames", {15 * 80, 256, 80, Pad::zero}},
    {"seventeen frames", {16 * 80, 256, 80, Pad::zero}},
    {"hop of one", {300, 256, 1, Pad::reflect}},
    {"hop longer than the window", {9000, 256, 1000, Pad::zero}},
    {"hop of the window, no overlap", {4096, 512, 512, Pad::none}},
    {"odd hop", {4001, 512, 137, Pad::reflect}},
    {"smaller than the fast rungs' sizes", {2000, 64, 16, Pad::reflect}},
    {"larger than the fast rungs' sizes", {9000, 4096, 1024, Pad::zero}},
    {"two points", {50, 2, 1, Pad::reflect}},
    {"four points", {50, 4, 3, Pad::zero}},
};

inline constexpr Problem<LogMelDims> mel_problems[] = {
    {"panns-32k, 10 s", {{320000, 1024, 320, Pad::reflect}, 64}},
    {"panns-16k, 1 s", {{16000, 512, 160, Pad::reflect}, 64}},
    {"panns-8k, 1 s", {{8000, 256, 80, Pad::reflect}, 64}},
    {"librosa-48k, 3 s", {{144000, 1024, 512, Pad::zero}, 128}},
    {"voice-16k, 2 s", {{32000, 1024, 250, Pad::reflect}, 64}},
    {"2048 points, 128 mels, 1 s", {{22050, 2048, 512, Pad::reflect}, 128}},
    {"one mel", {{4000, 256, 80, Pad::reflect}, 1}},
    {"two mels", {{4000, 256, 80, Pad::reflect}, 2}},
    {"eight mels", {{4000, 512, 160, Pad::reflect}, 8}},
    {"15 mels", {{4000, 512, 160, Pad::reflect}, 15}},
    {"16 mels", {{4000, 512, 160, Pad::reflect}, 16}},
    {"17 mels", {{4000, 512, 160, Pad::reflect}, 17}},
    {"odd number of mels", {{4000, 512, 160, Pad::zero}, 23}},
    {"as many mels as bins", {{3000, 256, 100, Pad::zero}, 129}},
    {"more mels than bins", {{3000, 256, 100, Pad::none}, 160}},
    {"no frame", {{255, 256, 80, Pad::none}, 64}},
    {"one frame", {{256, 256, 80, Pad::none}, 64}},
    {"one frame of one sample", {{1, 512, 160, Pad::zero}, 20}},
    {"seventeen frames", {{16 * 80, 256, 80, Pad::zero}, 33}},
    {"short", {{600, 1024, 320, Pad::reflect}, 64}},
    {"shortest that reflects", {{513, 1024, 320, Pad::reflect}, 64}},
    {"hop longer than the window", {{9000, 256, 1000, Pad::zero}, 40}},
    {"hop of one", {{300, 256, 1, Pad::reflect}, 20}},
    {"another floor", {{4000, 512, 160, Pad::zero}, 40, 1e-3f}},
    {"a floor above all", {{4000, 512, 160, Pad::zero}, 40, 1e3f}},
    {"smaller than the fast rungs' sizes", {{2000, 128, 40, Pad::reflect}, 20}},
    {"larger than the fast rungs' sizes", {{9000, 4096, 1024, Pad::zero}, 64}},
    {"two points, one mel", {{50, 2, 1, Pad::reflect}, 1}},
};

inline constexpr Problem<BatchNormDims> batch_norm_problems[] = {
    {"cnn14 bn0 of 10 s [1001,64]", {1001, 64}},
    {"cnn14 block 1, 401 frames [25664,64]", {25664, 64}},
    {"cnn14 block 3 [1600,256]", {1600, 256}},
    {"cnn14 block 5 [100,1024]", {100, 1024}},
    {"cnn14 block 6 [24,2048]", {24, 2048}},
    {"system 2, 2-D [9024,16]", {9024, 16}},
    {"one row [1,16]", {1, 16}},
    {"one row, one channel [1,1]", {1, 1}},
    {"two rows [2,15]", {2, 15}},
    {"three rows [3,17]", {3, 17}},
    {"one channel [1000,1]", {1000, 1}},
    {"two channels [999,2]", {999, 2}},
    {"three channels [1025,3]", {1025, 3}},
    {"eight channels [1023,8]", {1023, 8}},
    {"15 channels [64,15]", {64, 15}},
    {"16 channels, one chunk [1024,16]", {1024, 16}},
    {"16 channels, a row more [1025,16]", {1025, 16}},
    {"17 channels [2048,17]", {2048, 17}},
    {"31 channels [33,31]", {33, 31}},
    {"33 channels [511,33]", {511, 33}},
    {"64 channels, odd rows [513,64]", {513, 64}},
    {"65 channels [505,65]", {505, 65}},
    {"100 channels [329,100]", {329, 100}},
    {"2049 channels [33,2049]", {33, 2049}},
};

// N, H, W, C
inline constexpr Problem<BatchNormPoolDims> batch_norm_pool_problems[] = {
    {"cnn14 block 1, 401 frames [1,401,64,64]", {1, 401, 64, 64}},
    {"cnn14 block 2 [1,200,32,128]", {1, 200, 32, 128}},
    {"cnn14 block 3 [1,100,16,256]", {1, 100, 16, 256}},
    {"cnn14 block 4 [1,50,8,512]", {1, 50, 8, 512}},
    {"cnn14 block 5 [1,25,4,1024]", {1, 25, 4, 1024}},
    {"one window [1,2,2,1]", {1, 2, 2, 1}},
    {"one window of four channels [1,2,2,4]", {1, 2, 2, 4}},
    {"one window and an edge [1,3,3,4]", {1, 3, 3, 4}},
    {"two windows [2,2,2,5]", {2, 2, 2, 5}},
    {"a row of windows [1,2,40,8]", {1, 2, 40, 8}},
    {"a column of windows [1,40,2,8]", {1, 40, 2, 8}},
    {"an odd height [2,7,8,16]", {2, 7, 8, 16}},
    {"an odd width [2,8,7,16]", {2, 8, 7, 16}},
    {"both odd [3,9,11,12]", {3, 9, 11, 12}},
    {"both odd, three channels [3,9,11,3]", {3, 9, 11, 3}},
    {"one channel [2,20,14,1]", {2, 20, 14, 1}},
    {"two channels [2,15,14,2]", {2, 15, 14, 2}},
    {"15 channels [2,12,10,15]", {2, 12, 10, 15}},
    {"17 channels [2,12,10,17]", {2, 12, 10, 17}},
    {"31 channels [1,16,16,31]", {1, 16, 16, 31}},
    {"32 channels, 255 windows [1,30,34,32]", {1, 30, 34, 32}},
    {"33 channels, 256 windows [1,32,32,33]", {1, 32, 32, 33}},
    {"36 channels, 257 windows [1,2,514,36]", {1, 2, 514, 36}},
    {"100 channels [1,13,6,100]", {1, 13, 6, 100}},
    {"515 channels [1,4,5,515]", {1, 4, 5, 515}},
    {"one row, no window [2,1,5,4]", {2, 1, 5, 4}},
};

namespace problems {

constexpr PoolKind max = PoolKind::max, avg = PoolKind::avg;

}  // namespace problems

inline constexpr Problem<Pool2dDims> pool2d_problems[] = {
    {"cnn14 block 1, avg 2x2 [1,100,64,64]", {1, 100, 64, 64, 2, 2, 2, 2, 0, 0, problems::avg}},
    {"alexnet pool 1, max 3x3 s2 [1,55,55,64]", {1, 55, 55, 64, 3, 3, 2, 2, 0, 0, problems::max}},
    {"cnn14 block 4, avg 2x2 [2,25,8,512]", {2, 25, 8, 512, 2, 2, 2, 2, 0, 0, problems::avg}},
    {"cnn14 block 6, avg 1x1 [1,12,2,2048]", {1, 12, 2, 2048, 1, 1, 1, 1, 0, 0, problems::avg}},
    {"alexnet pool 5, max 3x3 s2 [2,13,13,256]", {2, 13, 13, 256, 3, 3, 2, 2, 0, 0, problems::max}},
    {"alexnet pool 1 in inference, max 3x3 s2 [1,55,55,64]",
     {1, 55, 55, 64, 3, 3, 2, 2, 0, 0, problems::max, true, false}},
    {"system 2, max 4x4 [1,128,94,16]", {1, 128, 94, 16, 4, 4, 4, 4, 0, 0, problems::max}},
    {"1-D, max 8 [2,1,259,64]", {2, 1, 259, 64, 1, 8, 1, 8, 0, 0, problems::max}},
    {"1-D, avg 5 s3 pad 2 [2,77,1,20]", {2, 77, 1, 20, 5, 1, 3, 1, 2, 0, problems::avg}},
    {"global avg [3,7,5,40]", {3, 7, 5, 40, 7, 5, 1, 1, 0, 0, problems::avg}},
    {"global max [3,7,5,40]", {3, 7, 5, 40, 7, 5, 1, 1, 0, 0, problems::max}},
    {"one pixel, max [1,1,1,1]", {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, problems::max}},
    {"one pixel, avg with padding [1,1,1,17]", {1, 1, 1, 17, 3, 3, 1, 1, 1, 1, problems::avg}},
    {"one channel, max [2,9,9,1]", {2, 9, 9, 1, 2, 2, 2, 2, 0, 0, problems::max}},
    {"one channel, avg [2,9,9,1]", {2, 9, 9, 1, 2, 2, 2, 2, 0, 0, problems::avg}},
    {"15 channels, max 3x2 s1 [1,6,7,15]", {1, 6, 7, 15, 3, 2, 1, 1, 0, 0, problems::max}},
    {"16 channels, max 3x3 s1 pad 1 [1,8,8,16]", {1, 8, 8, 16, 3, 3, 1, 1, 1, 1, problems::max}},
    {"17 channels, avg 3x3 s1 pad 1 [1,8,8,17]", {1, 8, 8, 17, 3, 3, 1, 1, 1, 1, problems::avg}},
    {"17 channels, avg without the padding [1,8,8,17]", {1, 8, 8, 17, 3, 3, 1, 1, 1, 1, problems::avg, false}},
    {"33 channels, avg 2x3 s2x1 pad 1 uncounted [2,5,9,33]", {2, 5, 9, 33, 2, 3, 2, 1, 1, 1, problems::avg, false}},
    {"stride beyond the window, max [1,11,11,31]", {1, 11, 11, 31, 2, 2, 3, 3, 0, 0, problems::max}},
    {"stride beyond the window, avg [1,11,11,31]", {1, 11, 11, 31, 2, 2, 3, 3, 0, 0, problems::avg}},
    {"5x5 s2 pad 2, max [2,14,10,24]", {2, 14, 10, 24, 5, 5, 2, 2, 2, 2, problems::max}},
    {"rows left over, max 2x2 [1,7,3,64]", {1, 7, 3, 64, 2, 2, 2, 2, 0, 0, problems::max}},
    {"5x5 s2 pad 2, max without indices [2,14,10,24]", {2, 14, 10, 24, 5, 5, 2, 2, 2, 2, problems::max, true, false}},
    {"no image [0,4,4,16]", {0, 4, 4, 16, 2, 2, 2, 2, 0, 0, problems::avg}},
};

// N, H, W
inline constexpr Problem<AffineGridDims> affine_grid_problems[] = {
    {"faces [128,48,48]", {128, 48, 48, false}},
    {"one face [1,48,48]", {1, 48, 48, false}},
    {"one face, corners [1,48,48]", {1, 48, 48, true}},
    {"large face [2,112,112]", {2, 112, 112, false}},
    {"colour face, corners [3,96,96]", {3, 96, 96, true}},
    {"no face [0,48,48]", {0, 48, 48, false}},
    {"one pixel [1,1,1]", {1, 1, 1, false}},
    {"one pixel, corners [3,1,1]", {3, 1, 1, true}},
    {"one row [2,1,9]", {2, 1, 9, false}},
    {"one row, corners [2,1,9]", {2, 1, 9, true}},
    {"one column [2,9,1]", {2, 9, 1, false}},
    {"one column, corners [2,9,1]", {2, 9, 1, true}},
    {"two by two [5,2,2]", {5, 2, 2, false}},
    {"two by two, corners [5,2,2]", {5, 2, 2, true}},
    {"7 wide [3,5,7]", {3, 5, 7, false}},
    {"8 wide [3,5,8]", {3, 5, 8, false}},
    {"9 wide [3,5,9]", {3, 5, 9, false}},
    {"15 wide, corners [2,3,15]", {2, 3, 15, true}},
    {"16 wide, corners [2,3,16]", {2, 3, 16, true}},
    {"17 wide, corners [2,3,17]", {2, 3, 17, true}},
    {"33 wide [1,31,33]", {1, 31, 33, false}},
    {"tall [1,1000,3]", {1, 1000, 3, false}},
    {"wide [1,3,1000]", {1, 3, 1000, false}},
    {"many small [300,4,5]", {300, 4, 5, true}},
};

// N, H, W, C, P, Q
inline constexpr Problem<GridSampleDims> grid_sample_problems[] = {
    {"faces [16,48,48,1]", {16, 48, 48, 1, 48, 48, false}},
    {"one face [1,48,48,1]", {1, 48, 48, 1, 48, 48, false}},
    {"one face, corners [1,48,48,1]", {1, 48, 48, 1, 48, 48, true}},
    {"large face [2,112,112,1]", {2, 112, 112, 1, 112, 112, false}},
    {"colour face, corners [2,96,96,3]", {2, 96, 96, 3, 96, 96, true}},
    {"crop of a frame [1,180,320,3]", {1, 180, 320, 3, 48, 48, false}},
    {"no face [0,48,48,1]", {0, 48, 48, 1, 48, 48, false}},
    {"one pixel to many [1,1,1,1]", {1, 1, 1, 1, 9, 5, false}},
    {"one pixel, corners [2,1,1,3]", {2, 1, 1, 3, 3, 3, true}},
    {"to one pixel [2,9,8,1]", {2, 9, 8, 1, 1, 1, false}},
    {"one row [2,1,17,2]", {2, 1, 17, 2, 3, 5, false}},
    {"one column, corners [2,17,1,2]", {2, 17, 1, 2, 3, 5, true}},
    {"two by two [4,2,2,1]", {4, 2, 2, 1, 5, 3, false}},
    {"15 places [3,6,7,1]", {3, 6, 7, 1, 3, 5, false}},
    {"16 places [3,6,7,1]", {3, 6, 7, 1, 4, 4, true}},
    {"17 places [3,6,7,1]", {3, 6, 7, 1, 1, 17, false}},
    {"15 channels [2,6,7,15]", {2, 6, 7, 15, 5, 4, false}},
    {"16 channels [2,6,7,16]", {2, 6, 7, 16, 5, 4, true}},
    {"17 channels [2,6,7,17]", {2, 6, 7, 17, 5, 4, false}},
    {"33 channels, corners [1,9,8,33]", {1, 9, 8, 33, 7, 9, true}},
    {"features [1,12,12,128]", {1, 12, 12, 128, 6, 6, false}},
    {"larger out than in [1,8,8,2]", {1, 8, 8, 2, 33, 31, false}},
    {"many small [100,5,4,1]", {100, 5, 4, 1, 4, 5, true}},
    {"many places on few pixels [1,3,3,1]", {1, 3, 3, 1, 60, 60, false}},
};

// N, T, D, reverse, F
inline constexpr Problem<LstmDims> lstm_problems[] = {
    {"system 1, a batch [64,110,50]", {64, 110, 50, false, 100}},
    {"system 1, a batch, backwards [64,110,50]", {64, 110, 50, true, 100}},
    {"system 1, a clip [1,110,50]", {1, 110, 50, false, 50}},
    {"system 1, a clip, backwards [1,110,50]", {1, 110, 50, true, 50}},
    {"25 units [8,60,25]", {8, 60, 25, false, 40}},
    {"150 units [4,20,150]", {4, 20, 150, true, 60}},
    {"300 units [3,12,300]", {3, 12, 300, false, 33}},
    {"system 3 [2,15,256]", {2, 15, 256, false, 256}},
    {"no sequence [0,9,3]", {0, 9, 3}},
    {"no step [3,0,3]", {3, 0, 3}},
    {"one of all [1,1,1]", {1, 1, 1, false, 1}},
    {"one step [5,1,3]", {5, 1, 3, false, 7}},
    {"one step, backwards [5,1,3]", {5, 1, 3, true, 2}},
    {"two steps [3,2,7]", {3, 2, 7, false, 6}},
    {"two steps, backwards [3,2,7]", {3, 2, 7, true, 3}},
    {"one unit [7,13,1]", {7, 13, 1, false, 9}},
    {"15 units [6,9,15]", {6, 9, 15, false, 17}},
    {"16 units, backwards [7,9,16]", {7, 9, 16, true, 16}},
    {"17 units [13,9,17]", {13, 9, 17, false, 15}},
    {"31 units, backwards [14,8,31]", {14, 8, 31, true, 64}},
    {"32 units [15,8,32]", {15, 8, 32, false, 31}},
    {"33 units, backwards [29,7,33]", {29, 7, 33, true, 20}},
    {"as many as a block can hold [2,5,119]", {2, 5, 119, false, 119}},
    {"one more, backwards [2,5,120]", {2, 5, 120, true, 8}},
    {"long [2,700,5]", {2, 700, 5, false, 3}},
    {"long, backwards [2,257,18]", {2, 257, 18, true, 40}},
};

// N, T, A, E, p, seed, stream
inline constexpr Problem<AttentionDims> attention_problems[] = {
    {"system 1, a batch [64,110,100]", {64, 110, 100, 100, 0.3f, 2020, 5}},
    {"system 1, a clip [1,110,100]", {1, 110, 100, 100}},
    {"600 wide [2,40,600]", {2, 40, 600, 600, 0.3f, 7, 1}},
    {"the scores of another width [3,20,24,70]", {3, 20, 24, 70}},
    {"a long recording [1,3000,16]", {1, 3000, 16, 16}},
    {"no sequence [0,9,3]", {0, 9, 3, 3}},
    {"no step [3,0,3]", {3, 0, 3, 3}},
    {"nothing to pool [2,5,4,0]", {2, 5, 4, 0}},
    {"the bias alone scores [2,5,0,4]", {2, 5, 0, 4}},
    {"one of all [1,1,1]", {1, 1, 1, 1}},
    {"one step [5,1,7]", {5, 1, 7, 7}},
    {"two steps [4,2,7]", {4, 2, 7, 7}},
    {"7 steps [3,7,33]", {3, 7, 33, 33}},
    {"8 steps [3,8,32]", {3, 8, 32, 32}},
    {"9 steps [3,9,31]", {3, 9, 31, 31}},
    {"one unit [6,13,1]", {6, 13, 1, 1}},
    {"15 units [6,9,15]", {6, 9, 15, 15, 0.5f, 3, 2}},
    {"16 units [7,9,16]", {7, 9, 16, 16}},
    {"17 units [9,9,17]", {9, 9, 17, 17, 0.25f, 3, 4}},
    {"64 and 65 units [2,12,64,65]", {2, 12, 64, 65}},
    {"255 steps [2,255,5]", {2, 255, 5, 5}},
    {"256 steps [2,256,5]", {2, 256, 5, 5, 0.1f, 11, 0}},
    {"257 steps [2,257,5]", {2, 257, 5, 5}},
    {"half of the scores dropped [4,40,12]", {4, 40, 12, 12, 0.5f, 1, 9}},
    {"most scores dropped [2,40,6]", {2, 40, 6, 6, 0.9f, 1, 1}},
};

inline constexpr Problem<ReduceDims> reduce_problems[] = {
    {"cnn14, mean over mels [200,2,2048]", {200, 2, 2048, ReduceKind::mean}},
    {"cnn14, max over frames [2,12,2048]", {2, 12, 2048, ReduceKind::max}},
    {"bias gradient, sum over rows [1,5000,64]", {1, 5000, 64, ReduceKind::sum}},
    {"loss, mean of a batch [1,8,1]", {1, 8, 1, ReduceKind::mean}},
    {"all of a tensor, sum [1,100003,1]", {1, 100003, 1, ReduceKind::sum}},
    {"all of a tensor, max [1,10007,1]", {1, 10007, 1, ReduceKind::max}},
    {"rows, sum [300,64,1]", {300, 64, 1, ReduceKind::sum}},
    {"rows, mean [17,4097,1]", {17, 4097, 1, ReduceKind::mean}},
    {"rows, max [300,63,1]", {300, 63, 1, ReduceKind::max}},
    {"one element, sum [1,1,1]", {1, 1, 1, ReduceKind::sum}},
    {"one element, max [1,1,1]", {1, 1, 1, ReduceKind::max}},
    {"length one, mean [5,1,7]", {5, 1, 7, ReduceKind::mean}},
    {"length one, max [3,1,17]", {3, 1, 17, ReduceKind::max}},
    {"15, sum [3,15,1]", {3, 15, 1, ReduceKind::sum}},
    {"16, max [3,16,1]", {3, 16, 1, ReduceKind::max}},
    {"17, mean [3,17,1]", {3, 17, 1, ReduceKind::mean}},
    {"inner 2, sum [4,33,2]", {4, 33, 2, ReduceKind::sum}},
    {"inner 15, sum [4,100,15]", {4, 100, 15, ReduceKind::sum}},
    {"inner 16, max [4,20,16]", {4, 20, 16, ReduceKind::max}},
    {"inner 17, mean [4,1025,17]", {4, 1025, 17, ReduceKind::mean}},
    {"inner 33, max [2,21,33]", {2, 21, 33, ReduceKind::max}},
    {"wide, sum [1,3,40000]", {1, 3, 40000, ReduceKind::sum}},
    {"nothing to sum [2,0,5]", {2, 0, 5, ReduceKind::sum}},
    {"no rows, max [0,3,5]", {0, 3, 5, ReduceKind::max}},
};

namespace problems {

struct Length {
  const char* name;
  int64_t n;
};

/// Around the lanes (16), the unrolled loops (64), the tasks (16384); and none.
inline constexpr Length lengths[] = {
    {"n = 0", 0},         {"n = 1", 1},         {"n = 2", 2},         {"n = 7", 7},           {"n = 8", 8},
    {"n = 9", 9},         {"n = 15", 15},       {"n = 16", 16},       {"n = 17", 17},         {"n = 31", 31},
    {"n = 32", 32},       {"n = 33", 33},       {"n = 63", 63},       {"n = 64", 64},         {"n = 65", 65},
    {"n = 100", 100},     {"n = 1000", 1000},   {"n = 4095", 4095},   {"n = 4096", 4096},     {"n = 4097", 4097},
    {"n = 16384", 16384}, {"n = 16385", 16385}, {"n = 40000", 40000}, {"n = 100003", 100003},
};

/// A problem for each length; make(n, index of the length) gives its dims.
template <class Dims, class Make>
constexpr auto of_lengths(const Make& make) {
  std::array<Problem<Dims>, std::size(lengths)> list{};
  for (size_t i = 0; i < list.size(); ++i) list[i] = {lengths[i].name, make(lengths[i].n, i)};
  return list;
}

/// Every other parameter takes its turn along the lengths.
constexpr AdamDims adam(int64_t n, size_t i) {
  const int64_t step = i % 3 == 0 ? 1 : i % 3 == 1 ? 2 : 1000;
  return {n, 1e-3, 0.9, 0.999, 1e-8, i % 5 == 0 ? 0.0 : 0.01, i % 2 == 1, i % 4 >= 2, step, i % 3 == 0 ? 0.5f : 1.0f};
}
constexpr SgdDims sgd(int64_t n, size_t i) {
  return {n, 0.1, i % 3 == 0 ? 0.0 : 0.9, i % 2 == 0 ? 0.0 : 0.01, i % 4 == 1, i % 5 == 0 ? 0.5f : 1.0f};
}

}  // namespace problems

inline constexpr auto unary_problems =  // for each kind in turn
    problems::of_lengths<UnaryDims>([](int64_t n, size_t) {
      return UnaryDims{n, Unary::relu, 0.3f};
    });
inline constexpr auto bce_problems = problems::of_lengths<BceDims>([](int64_t n, size_t) { return BceDims{n}; });
inline constexpr auto cast_problems = problems::of_lengths<CastDims>([](int64_t n, size_t) { return CastDims{n}; });
inline constexpr auto dropout_problems = problems::of_lengths<DropoutDims>([](int64_t n, size_t i) {
  return DropoutDims{n, i % 3 == 0 ? 0.5f : i % 3 == 1 ? 0.2f : 0.0f, 7, 0x100000000 + i};
});
inline constexpr auto adam_problems = problems::of_lengths<AdamDims>(problems::adam);
inline constexpr auto sgd_problems = problems::of_lengths<SgdDims>(problems::sgd);
inline constexpr auto moving_average_problems = problems::of_lengths<MovingAverageDims>([](int64_t n, size_t i) {
  return MovingAverageDims{n, i % 2 == 0 ? 0.1f : 0.01f, i % 3 == 0 ? 1.0f : 1.25f};
});
inline constexpr auto sum_squares_problems =
    problems::of_lengths<SumSquaresDims>([](int64_t n, size_t) { return SumSquaresDims{n}; });

namespace problems {

/// Two shapes of the same rank, broadcast against each other.
constexpr BinaryDims broadcast(Binary kind, int rank, std::array<int64_t, 6> a, std::array<int64_t, 6> b) {
  BinaryDims d{kind, rank, {}, {}, {}};
  for (int64_t i = rank - 1, step_a = 1, step_b = 1; i >= 0; --i) {
    d.shape[i] = a[i] == 1 ? b[i] : a[i];
    d.stride_a[i] = a[i] == 1 ? 0 : step_a;
    d.stride_b[i] = b[i] == 1 ? 0 : step_b;
    step_a *= a[i], step_b *= b[i];
  }
  return d;
}

}  // namespace problems

inline constexpr Problem<BinaryDims> binary_problems[] = {
    {"scalars [] + []", problems::broadcast(Binary::add, 0, {}, {})},
    {"[1] / [1]", problems::broadcast(Binary::div, 1, {1}, {1})},
    {"[0] * [0]", problems::broadcast(Binary::mul, 1, {0}, {0})},
    {"[0,3] + [1,3]", problems::broadcast(Binary::add, 2, {0, 3}, {1, 3})},
    {"[15] - [15]", problems::broadcast(Binary::sub, 1, {15}, {15})},
    {"[16] max [16]", problems::broadcast(Binary::max, 1, {16}, {16})},
    {"[17] / [17]", problems::broadcast(Binary::div, 1, {17}, {17})},
    {"residual [2,10,8,64] + same", problems::broadcast(Binary::add, 4, {2, 10, 8, 64}, {2, 10, 8, 64})},
    {"long [40000] * [40000]", problems::broadcast(Binary::mul, 1, {40000}, {40000})},
    {"times a number [1000] * [1]", problems::broadcast(Binary::mul, 1, {1000}, {1})},
    {"a number by [1] / [5000]", problems::broadcast(Binary::div, 1, {1}, {5000})},
    {"a number less [20000] - [1]", problems::broadcast(Binary::sub, 1, {20000}, {1})},
    {"bias [500,64] + [1,64]", problems::broadcast(Binary::add, 2, {500, 64}, {1, 64})},
    {"bias of 17 [130,17] + [1,17]", problems::broadcast(Binary::add, 2, {130, 17}, {1, 17})},
    {"scale [3,7,5,33] * [1,1,1,33]", problems::broadcast(Binary::mul, 4, {3, 7, 5, 33}, {1, 1, 1, 33})},
    {"one a row [40,65] / [40,1]", problems::broadcast(Binary::div, 2, {40, 65}, {40, 1})},
    {"one a row, on the left [40,1] - [40,65]", problems::broadcast(Binary::sub, 2, {40, 1}, {40, 65})},
    {"outer product [31,1] * [1,63]", problems::broadcast(Binary::mul, 2, {31, 1}, {1, 63})},
    {"outer maximum [16,1] max [1,16]", problems::broadcast(Binary::max, 2, {16, 1}, {1, 16})},
    {"attention [2,30,16] * [2,30,1]", problems::broadcast(Binary::mul, 3, {2, 30, 16}, {2, 30, 1})},
    {"gate a channel [2,6,5,20] * [2,1,1,20]", problems::broadcast(Binary::mul, 4, {2, 6, 5, 20}, {2, 1, 1, 20})},
    {"in the middle [4,1,9] / [1,5,9]", problems::broadcast(Binary::div, 3, {4, 1, 9}, {1, 5, 9})},
    {"both, alternating [3,1,4,1,2] - [1,5,1,6,1]",
     problems::broadcast(Binary::sub, 5, {3, 1, 4, 1, 2}, {1, 5, 1, 6, 1})},
    {"six axes [2,3,1,2,3,4] max [2,1,5,2,1,4]",
     problems::broadcast(Binary::max, 6, {2, 3, 1, 2, 3, 4}, {2, 1, 5, 2, 1, 4})},
};

inline constexpr Problem<SoftmaxDims> softmax_problems[] = {
    {"emotions [32,8]", {32, 8, false}},
    {"emotions, log [32,8]", {32, 8, true}},
    {"AudioSet [4,527]", {4, 527, false}},
    {"AudioSet, log [4,527]", {4, 527, true}},
    {"attention [200,200]", {200, 200, false}},
    {"no row [0,8]", {0, 8, false}},
    {"one class [3,1]", {3, 1, false}},
    {"one class, log [3,1]", {3, 1, true}},
    {"two classes [9,2]", {9, 2, false}},
    {"two classes, log [9,2]", {9, 2, true}},
    {"seven classes [24,7]", {24, 7, false}},
    {"15 classes [5,15]", {5, 15, false}},
    {"15 classes, log [5,15]", {5, 15, true}},
    {"16 classes [5,16]", {5, 16, false}},
    {"16 classes, log [5,16]", {5, 16, true}},
    {"17 classes [5,17]", {5, 17, false}},
    {"17 classes, log [5,17]", {5, 17, true}},
    {"33 classes [1,33]", {1, 33, false}},
    {"100 classes, log [11,100]", {11, 100, true}},
    {"1000 classes [3,1000]", {3, 1000, false}},
    {"1000 classes, log [3,1000]", {3, 1000, true}},
    {"many rows [10000,5]", {10000, 5, false}},
    {"one long row [1,20001]", {1, 20001, false}},
    {"one long row, log [1,20001]", {1, 20001, true}},
};

inline constexpr Problem<CrossEntropyDims> cross_entropy_problems[] = {
    {"emotions [16,8]", {16, 8}},
    {"system 2 [16,7]", {16, 7}},
    {"AudioSet [4,527]", {4, 527}},
    {"ImageNet [2,1000]", {2, 1000}},
    {"no row [0,8]", {0, 8}},
    {"one class [4,1]", {4, 1}},
    {"two classes [64,2]", {64, 2}},
    {"three classes [3,3]", {3, 3}},
    {"one row of 8 [1,8]", {1, 8}},
    {"one row of 15 [1,15]", {1, 15}},
    {"one row of 16 [1,16]", {1, 16}},
    {"one row of 17 [1,17]", {1, 17}},
    {"[5,15]", {5, 15}},
    {"[5,16]", {5, 16}},
    {"[5,17]", {5, 17}},
    {"[2,31]", {2, 31}},
    {"[2,32]", {2, 32}},
    {"[2,33]", {2, 33}},
    {"[7,63]", {7, 63}},
    {"[7,64]", {7, 64}},
    {"[7,65]", {7, 65}},
    {"many rows [5000,8]", {5000, 8}},
    {"frames [1001,10]", {1001, 10}},
    {"one long row [1,20001]", {1, 20001}},
};

namespace problems {

/// Copies a contiguous tensor [shape] with its axes in the order `order` into a contiguous one.
constexpr CopyDims permute(int rank, std::array<int64_t, 6> shape, std::array<int, 6> order, bool accumulate = false) {
  CopyDims d{rank, {}, {}, {}, 0, 0, accumulate};
  int64_t stride[6] = {};
  for (int64_t i = rank - 1, step = 1; i >= 0; step *= shape[i--]) stride[i] = step;
  for (int64_t i = rank - 1, step = 1; i >= 0; --i) {
    d.shape[i] = shape[order[i]], d.src_stride[i] = stride[order[i]], d.dst_stride[i] = step;
    step *= d.shape[i];
  }
  return d;
}

/// Copies the box [shape] between tensors of the shapes `from` and `to`, with its corner at from_at and to_at.
constexpr CopyDims box(int rank, std::array<int64_t, 6> shape, std::array<int64_t, 6> from,
                       std::array<int64_t, 6> from_at, std::array<int64_t, 6> to, std::array<int64_t, 6> to_at,
                       bool accumulate = false) {
  CopyDims d{rank, {}, {}, {}, 0, 0, accumulate};
  for (int64_t i = rank - 1, step_from = 1, step_to = 1; i >= 0; --i) {
    d.shape[i] = shape[i], d.src_stride[i] = step_from, d.dst_stride[i] = step_to;
    d.src_offset += from_at[i] * step_from, d.dst_offset += to_at[i] * step_to;
    step_from *= from[i], step_to *= to[i];
  }
  return d;
}

}  // namespace problems

inline constexpr Problem<CopyDims> copy_problems[] = {
    {"a scalar []", problems::permute(0, {}, {})},
    {"one element [1]", problems::permute(1, {1}, {0})},
    {"nothing [4,0]", problems::permute(2, {4, 0}, {1, 0})},
    {"whole [1000]", problems::permute(1, {1000}, {0})},
    {"whole, added [17,17]", problems::permute(2, {17, 17}, {0, 1}, true)},
    {"long [40000]", problems::permute(1, {40000}, {0})},
    {"transpose [15,17]", problems::permute(2, {15, 17}, {1, 0})},
    {"transpose [100,300]", problems::permute(2, {100, 300}, {1, 0})},
    {"transpose, added [33,65]", problems::permute(2, {33, 65}, {1, 0}, true)},
    {"NCHW to NHWC [2,20,9,7]", problems::permute(4, {2, 20, 9, 7}, {0, 2, 3, 1})},
    {"NHWC to NCHW [2,9,7,20]", problems::permute(4, {2, 9, 7, 20}, {0, 3, 1, 2})},
    {"heads [2,30,4,16] to [2,4,30,16]", problems::permute(4, {2, 30, 4, 16}, {0, 2, 1, 3})},
    {"all axes turned [2,3,4,5,6,7]", problems::permute(6, {2, 3, 4, 5, 6, 7}, {5, 4, 3, 2, 1, 0})},
    {"six axes mixed [2,3,4,5,6,7]", problems::permute(6, {2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4})},
    {"slice of rows [6,33]", problems::box(2, {6, 33}, {20, 33}, {5, 0}, {6, 33}, {0, 0})},
    {"slice of columns [20,17]", problems::box(2, {20, 17}, {20, 64}, {0, 31}, {20, 17}, {0, 0})},
    {"gradient of a slice, added [20,17]", problems::box(2, {20, 17}, {20, 17}, {0, 0}, {20, 64}, {0, 31}, true)},
    {"pad [5,6,7] into [7,10,13]", problems::box(3, {5, 6, 7}, {5, 6, 7}, {0, 0, 0}, {7, 10, 13}, {1, 2, 3})},
    {"concat on the last axis [50,24]", problems::box(2, {50, 24}, {50, 24}, {0, 0}, {50, 40}, {0, 16})},
    {"concat on the first axis [3,77]", problems::box(2, {3, 77}, {3, 77}, {0, 0}, {8, 77}, {5, 0})},
    {"every third of a row [40]", {1, {40}, {3}, {1}, 1, 0}},
    {"backwards [100]", {1, {100}, {-1}, {1}, 99, 0}},
    {"spread over rows [12,30]", {2, {12, 30}, {0, 1}, {30, 1}, 0, 0}},
    {"spread over columns [12,30]", {2, {12, 30}, {1, 0}, {30, 1}, 0, 0}},
};

/// How many problems an op has here; 0 for an op that nobody listed.
constexpr size_t problem_count(std::string_view op) {
  if (op == "conv2d") return std::size(conv2d_problems);
  if (op == "matmul") return std::size(matmul_problems);
  if (op == "batch_norm") return std::size(batch_norm_problems);
  if (op == "batch_norm_conv2d") return std::size(batch_norm_conv2d_problems);
  if (op == "batch_norm_pool") return std::size(batch_norm_pool_problems);
  if (op == "pool2d") return std::size(pool2d_problems);
  if (op == "affine_grid") return std::size(affine_grid_problems);
  if (op == "grid_sample") return std::size(grid_sample_problems);
  if (op == "lstm") return std::size(lstm_problems);
  if (op == "attention") return std::size(attention_problems);
  if (op == "reduce") return std::size(reduce_problems);
  if (op == "unary") return std::size(unary_problems);
  if (op == "binary") return std::size(binary_problems);
  if (op == "softmax") return std::size(softmax_problems);
  if (op == "cross_entropy") return std::size(cross_entropy_problems);
  if (op == "bce") return std::size(bce_problems);
  if (op == "dropout") return std::size(dropout_problems);
  if (op == "copy") return std::size(copy_problems);
  if (op == "cast") return std::size(cast_problems);
  if (op == "adam") return std::size(adam_problems);
  if (op == "sgd") return std::size(sgd_problems);
  if (op == "moving_average") return std::size(moving_average_problems);
  if (op == "sum_squares") return std::size(sum_squares_problems);
  if (op == "stft") return std::size(stft_problems);
  if (op == "mel") return std::size(mel_problems);
  return 0;
}

}  // namespace limbic
