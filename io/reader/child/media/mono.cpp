// SPDX-License-Identifier: Apache-2.0
#include "io/reader/child/media/mono.h"

extern "C" {
#include <libavutil/frame.h>
#include <libavutil/samplefmt.h>
}

#include "io/audio.h"
#include "io/reader/child/channel.h"

namespace limbic::reader {
namespace {

float full_scale(uint8_t value) { return (static_cast<float>(value) - 128.0f) / 128.0f; }
float full_scale(int16_t value) { return static_cast<float>(value) / 32768.0f; }
float full_scale(int32_t value) { return static_cast<float>(value) / 2147483648.0f; }
float full_scale(int64_t value) { return static_cast<float>(value) / 9223372036854775808.0f; }
float full_scale(float value) { return value; }
float full_scale(double value) { return static_cast<float>(value); }

template <class T>
void mean(const AVFrame& frame, bool planar, std::vector<float>& out) {
  const int channels = frame.ch_layout.nb_channels;
  for (int c = 0; c < channels; ++c) {  // summed in the order of the channels
    const T* samples = reinterpret_cast<const T*>(frame.extended_data[planar ? c : 0]) + (planar ? 0 : c);
    const int step = planar ? 1 : channels;
    for (int i = 0; i < frame.nb_samples; ++i) out[static_cast<size_t>(i)] += full_scale(samples[i * step]);
  }
  if (channels == 1) return;
  for (float& sample : out) sample /= static_cast<float>(channels);
}

}  // namespace

void mono_mean(const AVFrame& frame, std::vector<float>& out) {
  const auto format = static_cast<AVSampleFormat>(frame.format);
  const int channels = frame.ch_layout.nb_channels;
  out.assign(static_cast<size_t>(frame.nb_samples), 0.0f);
  const bool planar = av_sample_fmt_is_planar(format) != 0;
  if (channels < 1 || channels > 64)
    throw Refusal("sound of " + std::to_string(channels) + " channels", static_cast<uint32_t>(MediaFault::damaged));
  switch (av_get_packed_sample_fmt(format)) {
    case AV_SAMPLE_FMT_U8:
      return mean<uint8_t>(frame, planar, out);
    case AV_SAMPLE_FMT_S16:
      return mean<int16_t>(frame, planar, out);
    case AV_SAMPLE_FMT_S32:
      return mean<int32_t>(frame, planar, out);
    case AV_SAMPLE_FMT_S64:
      return mean<int64_t>(frame, planar, out);
    case AV_SAMPLE_FMT_FLT:
      return mean<float>(frame, planar, out);
    case AV_SAMPLE_FMT_DBL:
      return mean<double>(frame, planar, out);
    default:
      throw Refusal("sound in an unknown sample format", static_cast<uint32_t>(MediaFault::damaged));
  }
}

}  // namespace limbic::reader
