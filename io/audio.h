// SPDX-License-Identifier: Apache-2.0
// Sound: any container FFmpeg reads, to mono floats at a wanted rate. Decoding runs in the confined reader
// (io/reader/).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/media.h"

namespace limbic {

namespace reader {
class Process;
struct Task;
}  // namespace reader

struct DecodeOptions {
  double max_seconds = 600;  ///< longer sound is an error (claims are not trusted: what is decoded counts)
  double stall_s = 20;       ///< seconds without a word from the reader before it is killed
};

/// Sound as floats in about [-1, 1]; the mean of the channels.
struct Audio {
  std::vector<float> samples;  ///< [duration_s * sample_rate]
  int sample_rate = 0;
  double start_s = 0;     ///< when the first sample sounds on the file's own timeline (that of its pictures)
  double duration_s = 0;  ///< samples / sample_rate
  int source_rate = 0;
  int source_channels = 0;
  std::string format;                 ///< container and codec: "mov/aac"
  std::vector<std::string> warnings;  ///< silence, upsampled, mixed down, truncated, gaps: one line each
};

/// Decodes a file's first (best) sound track at `rate` Hz; 0 keeps the file's own rate. The resampler is
/// libswresample's Kaiser-windowed sinc: beta 9, 128 taps at the lower rate, cut-off 0.95, exact phases, with SSE2 on
/// every x86-64 machine. Throws MediaError, one line: `file: found X, expected Y`.
Audio decode_audio(const std::string& path, int rate, const DecodeOptions& options = {});

/// The same samples, bit for bit, piece by piece in bounded memory.
class AudioStream {
 public:
  /// Opens the file and reads its format; throws as decode_audio. `max_seconds` defaults to a day.
  AudioStream(const std::string& path, int rate, const DecodeOptions& options = {.max_seconds = 86400});
  ~AudioStream();
  AudioStream(AudioStream&&) noexcept;
  AudioStream& operator=(AudioStream&&) noexcept;

  /// Appends the next piece (at most 65,536 samples) to `samples`; false at the end. Throws as decode_audio.
  bool next(std::vector<float>& samples);

  /// What is known of the sound: everything but `samples`; duration_s so far, warnings complete at the end.
  const Audio& info() const;

 private:
  friend class ClipStream;
  /// As the public one, by a task that begins with the sound; its process is kept in `process` from its start on.
  AudioStream(const std::string& path, const reader::Task& task, const DecodeOptions& options,
              std::shared_ptr<reader::Process>& process);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace limbic
