// SPDX-License-Identifier: Apache-2.0
// Pictures, sounds and films of our own making, as files: PNG, WAV, and AVI whose frames are PNGs. None needs FFmpeg to
// be written; any player reads them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace limbic {

/// A PNG file of 8-bit pixels [height, width, channels]; channels 1 is grey, 3 red green blue.
std::string png_file(const uint8_t* pixels, int width, int height, int channels);

/// A WAV file of 16-bit mono samples.
std::string wav_file(const std::vector<int16_t>& samples, int sample_rate);

struct Film {
  int width = 0, height = 0;        ///< of every frame
  int rate = 25;                    ///< frames a second
  std::vector<std::string> frames;  ///< PNG files, red green blue
  int sample_rate = 16000;
  std::vector<int16_t> sound;  ///< mono; empty: none
};

/// An AVI file (RIFF, codec MPNG, PCM sound interleaved frame by frame) with its index; at most 2 GB.
std::string avi_file(const Film& film);

}  // namespace limbic
