// SPDX-License-Identifier: Apache-2.0
// Log-mels of labelled clips in one small file, a byte a value, so that a net can be trained where no sound can be
// decoded. README.md has the layout.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "io/bytes.h"

namespace limbic {

struct LogMelClip {
  std::string name, label, actor;
  std::vector<uint8_t> steps;  ///< [frames,mels]
};

struct LogMelFile {
  std::string front_end;  ///< the preset that made them: "panns-32k"
  int64_t mels = 0;
  float scale = 1, offset = 0;  ///< a step is worth offset + scale * step dB
  std::vector<LogMelClip> clips;

  int64_t frames(const LogMelClip& clip) const { return static_cast<int64_t>(clip.steps.size()) / mels; }
  std::vector<float> decibels(const LogMelClip& clip) const;  ///< [frames,mels]
};

/// Sets scale and offset so that the steps 0 to 255 reach from the least to the greatest of `maps` (one a clip,
/// [frames,mels], finite), and the steps of all clips to the nearest: no value is off by more than scale / 2.
void set_steps(LogMelFile& file, const std::vector<std::vector<float>>& maps);

/// Whether the file at `path` begins as one of these.
bool is_log_mel_file(const std::string& path);

/// Every count is checked against the bytes that are there before anything of that size is made. Throws Error(media),
/// one line: the file, the byte, what was found, what was expected.
LogMelFile read_log_mels(const std::string& path);
LogMelFile parse_log_mels(Bytes bytes, const std::string& path);

/// Writes atomically; the same content gives the same bytes. Throws Error(usage) where `path` exists and `force` is not
/// set or a text is not 1 to 65535 printable bytes, Error(failure) where it cannot be written.
void write_log_mels(const std::string& path, const LogMelFile& file, bool force = false);

}  // namespace limbic
