// SPDX-License-Identifier: Apache-2.0
// The job "sound": FFmpeg on the one open file, to mono floats.
extern "C" {
#include <libavutil/cpu.h>
}
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "io/reader/child/channel.h"
#include "io/reader/child/media/container.h"
#include "io/reader/child/media/mono.h"
#include "io/reader/child/media/resampler.h"

namespace limbic::reader {
namespace {

constexpr char codecs[] =
    "aac,aac_latm,mp3float,mp3,mp2float,mp2,mp1float,mp1,flac,alac,opus,vorbis,ac3,eac3,wmav1,wmav2,wmapro,amrnb,amrwb,"
    "pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,"
    "pcm_alaw,pcm_mulaw,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_swf";
constexpr double gap_s = 0.05;      // shorter jumps of the clock are a container's rounding
constexpr double most_fill_s = 30;  // longer ones are a clock that was set anew

/// Decoded frames in, messages of samples out.
class Sink {
 public:
  Sink(int rate, const AVFormatContext& format, const AVStream& stream)
      : rate_(rate), format_(format), stream_(stream) {}

  void take(const AVFrame& frame) {
    if (frame.nb_samples <= 0) return;
    const int rate = frame.sample_rate;
    if (rate < 100 || rate > 768000) refuse(MediaFault::damaged, "sound of " + std::to_string(rate) + " Hz");
    const int64_t ticks = frame.best_effort_timestamp;
    const double at =
        ticks == AV_NOPTS_VALUE ? clock_s_ : static_cast<double>(ticks) * av_q2d(stream_.time_base) - origin_s(format_);
    mono_mean(frame, mono_);
    for (size_t i = 0; i < mono_.size(); ++i) {
      if (!std::isfinite(mono_[i])) {
        refuse(MediaFault::bad_samples, (std::isnan(mono_[i]) ? "a NaN sample at " : "an infinite sample at ") +
                                            seconds(at + static_cast<double>(i) / rate));
      }
    }
    if (!resampler_) {
      begin(frame, at);
    } else if (rate != source_rate_) {
      warn("the sound changes from " + std::to_string(source_rate_) + " to " + std::to_string(rate) + " Hz at " +
           seconds(at));
      resampler_->finish(out_);
      source_rate_ = rate;
      resampler_ = std::make_unique<Resampler>(rate, rate_);
    }
    close_gap(at);
    resampler_->push(mono_.data(), mono_.size(), out_);
    clock_s_ += static_cast<double>(mono_.size()) / rate;
    heard_s_ += static_cast<double>(mono_.size()) / rate;
    flush(false);
  }

  void finish() {
    if (!resampler_) return;
    resampler_->finish(out_);
    flush(true);
  }

  bool begun() const { return resampler_ != nullptr; }
  double heard_s() const { return heard_s_; }

 private:
  void begin(const AVFrame& frame, double at) {
    source_rate_ = frame.sample_rate;
    if (rate_ == 0) rate_ = source_rate_;
    resampler_ = std::make_unique<Resampler>(source_rate_, rate_);
    clock_s_ = at;
    const double start = std::round(at * 1e6) / 1e6 + 0.0;  // containers count in ticks of their own; and never -0
    const std::string container = format_.iformat->name;
    const std::string name =
        container.substr(0, container.find(',')) + "/" + avcodec_get_name(stream_.codecpar->codec_id);
    send(Kind::sound, Payload()
                          .put<int32_t>(rate_)
                          .put<int32_t>(source_rate_)
                          .put<int32_t>(frame.ch_layout.nb_channels)
                          .put(start)
                          .text(name));
  }

  /// Keeps the samples in step with the file's clock: a hole in the recording becomes silence of its length.
  void close_gap(double at) {
    const double gap = at - clock_s_;
    // AVI has no time stamps of its own for sound of variable rate: FFmpeg's are estimates.
    if (std::abs(gap) <= gap_s || std::string_view(format_.iformat->name) == "avi") return;
    if (gap > 0 && gap <= most_fill_s) {
      warn(seconds(gap) + " of sound are missing at " + seconds(clock_s_) + ": taken as silence");
      const std::vector<float> silence(static_cast<size_t>(std::llround(gap * source_rate_)), 0.0f);
      resampler_->push(silence.data(), silence.size(), out_);
    } else {
      warn("the sound's clock jumps from " + seconds(clock_s_) + " to " + seconds(at) + ": taken as continuous");
    }
    clock_s_ = at;
  }

  void flush(bool all) {
    size_t done = 0;
    while (out_.size() - done >= max_samples || (all && done < out_.size())) {
      const size_t count = std::min<size_t>(max_samples, out_.size() - done);
      send(Kind::samples, out_.data() + done, count * sizeof(float));
      done += count;
    }
    out_.erase(out_.begin(), out_.begin() + static_cast<ptrdiff_t>(done));
  }

  int rate_;
  const AVFormatContext& format_;
  const AVStream& stream_;
  std::unique_ptr<Resampler> resampler_;
  int source_rate_ = 0;
  double clock_s_ = 0;  // when the next sample is due
  double heard_s_ = 0;
  std::vector<float> mono_, out_;
};

/// The length the header gives the sound, 0 where it gives none.
double declared_s(const AVFormatContext& format, const AVStream& stream) {
  if (format.duration_estimation_method == AVFMT_DURATION_FROM_BITRATE) return 0;
  if (stream.duration != AV_NOPTS_VALUE) return static_cast<double>(stream.duration) * av_q2d(stream.time_base);
  return format.nb_streams == 1 && format.duration != AV_NOPTS_VALUE
             ? static_cast<double>(format.duration) / AV_TIME_BASE
             : 0;
}

/// The instructions that every x86-64 machine has (elsewhere plain C): what is decoded and resampled does not depend on
/// which others it has.
#if defined(__x86_64__)
constexpr int everywhere =
    AV_CPU_FLAG_CMOV | AV_CPU_FLAG_MMX | AV_CPU_FLAG_MMXEXT | AV_CPU_FLAG_SSE | AV_CPU_FLAG_SSE2;
#else
constexpr int everywhere = 0;
#endif

/// FFmpeg takes what is there of a WAV file for the whole; its header says how long it was. 0: complete, or no telling.
int64_t missing_bytes(AVIOContext* io) {
  unsigned char head[12];
  if (avio_seek(io, 0, SEEK_SET) < 0 || avio_read(io, head, sizeof head) != sizeof head) return 0;
  if (std::memcmp(head, "RIFF", 4) != 0 || std::memcmp(head + 8, "WAVE", 4) != 0) return 0;
  const int64_t declared =
      8 + (int64_t{head[4]} | int64_t{head[5]} << 8 | int64_t{head[6]} << 16 | int64_t{head[7]} << 24);
  const bool from_a_pipe = declared >= 0x7fff0000;  // a recorder that could not come back to fill the number in
  return from_a_pipe ? 0 : std::max<int64_t>(0, declared - file_size());
}

}  // namespace

void read_sound(int rate) {
  av_force_cpu_flags(everywhere);
  const Io io = open_io();
  const Format format = open_container(io.get(), codecs);
  const int index = av_find_best_stream(format.get(), AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0);
  if (index < 0) {
    const bool pictures = av_find_best_stream(format.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0) >= 0;
    refuse(MediaFault::no_audio, pictures ? "a video without a sound track" : "a media file without a sound track");
  }
  for (unsigned i = 0; i < format->nb_streams; ++i) {
    if (static_cast<int>(i) != index) format->streams[i]->discard = AVDISCARD_ALL;
  }
  const AVStream& stream = *format->streams[index];
  const Decoder decoder = open_decoder(stream, codecs, "sound");
  Sink sink(rate, *format, stream);
  const int bad_packets =
      decode_all(format.get(), index, decoder.get(), [&](const AVFrame& frame) { sink.take(frame); });
  if (!sink.begun()) refuse(MediaFault::damaged, because("a sound track in which nothing can be decoded"));
  sink.finish();
  if (bad_packets > 0) {
    warn(because(std::to_string(bad_packets) + (bad_packets == 1 ? " packet" : " packets") +
                 " of sound could not be decoded"));
  }
  const double declared = declared_s(*format, stream);
  if (sink.heard_s() + 0.5 < declared)
    warn("truncated: " + seconds(sink.heard_s()) + " of the " + seconds(declared) + " its header declares");
  else if (const int64_t bytes = missing_bytes(io.get()); bytes > 1)
    warn("truncated: " + std::to_string(bytes) + " bytes that its header declares are missing");
}

}  // namespace limbic::reader
