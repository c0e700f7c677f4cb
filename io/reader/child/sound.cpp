// SPDX-License-Identifier: Apache-2.0
// The job "sound": FFmpeg on the one open file, to mono floats. FFmpeg is told no name, may open nothing else, and
// knows only the formats and codecs listed here.
extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/cpu.h>
#include <libavutil/mem.h>
}
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "io/audio.h"
#include "io/reader/child/channel.h"
#include "io/reader/child/mono.h"
#include "io/reader/child/resampler.h"

namespace limbic::reader {
namespace {

constexpr char formats[] = "mov,matroska,avi,wav,flac,mp3,ogg,aac,mpegts,mpeg,flv,asf";
constexpr char codecs[] =
    "aac,aac_latm,mp3float,mp3,mp2float,mp2,mp1float,mp1,flac,alac,opus,vorbis,ac3,eac3,wmav1,wmav2,wmapro,amrnb,amrwb,"
    "pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,"
    "pcm_alaw,pcm_mulaw,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_swf";
constexpr int io_bytes = 1 << 16;
constexpr int probe_bytes = 5 << 20;
constexpr double gap_s = 0.05;      // shorter jumps of the clock are a container's rounding
constexpr double most_fill_s = 30;  // longer ones are a clock that was set anew

[[noreturn]] void refuse(MediaFault fault, const std::string& found) {
  throw Refusal(found, static_cast<uint32_t>(fault));
}

std::string first_cause;  // what FFmpeg said first; the hundreds of lines after it follow from it

void keep_first_cause(void*, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR || !first_cause.empty()) return;
  char line[200];
  std::vsnprintf(line, sizeof line, format, arguments);
  first_cause = line;
  while (!first_cause.empty() && (first_cause.back() == '\n' || first_cause.back() == '.')) first_cause.pop_back();
}

std::string because(const std::string& text) { return first_cause.empty() ? text : text + " (" + first_cause + ")"; }

int read_file(void*, uint8_t* to, int count) {
  const ssize_t got = ::read(file_fd, to, static_cast<size_t>(count));
  return got > 0 ? static_cast<int>(got) : got == 0 ? AVERROR_EOF : AVERROR(errno);
}

int64_t seek_file(void*, int64_t offset, int whence) {
  if (whence & AVSEEK_SIZE) return file_size();
  return ::lseek(file_fd, offset, whence & ~AVSEEK_FORCE);
}

int open_nothing(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) { return AVERROR(EACCES); }

struct FreeIo {
  void operator()(AVIOContext* io) const {
    av_freep(&io->buffer);
    avio_context_free(&io);
  }
};
struct FreeFormat {
  void operator()(AVFormatContext* format) const { avformat_close_input(&format); }
};
struct FreeDecoder {
  void operator()(AVCodecContext* decoder) const { avcodec_free_context(&decoder); }
};
struct FreePacket {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct FreeFrame {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
using Io = std::unique_ptr<AVIOContext, FreeIo>;
using Format = std::unique_ptr<AVFormatContext, FreeFormat>;
using Decoder = std::unique_ptr<AVCodecContext, FreeDecoder>;
using Packet = std::unique_ptr<AVPacket, FreePacket>;
using Frame = std::unique_ptr<AVFrame, FreeFrame>;

bool ends_with(const std::string& text, const char* end) {
  const std::string tail = end;
  return text.size() >= tail.size() && text.compare(text.size() - tail.size(), tail.size(), tail) == 0;
}

/// What a demuxer that is not on the list reads, in a user's words.
std::string plain_name(const std::string& demuxer) {
  for (const char* playlist : {"hls", "concat", "dash", "sdp", "imf", "webm_dash_manifest"}) {
    if (demuxer.find(playlist) != std::string::npos) return "a playlist (" + demuxer + ")";
  }
  if (demuxer.rfind("image2", 0) == 0 || demuxer == "gif" || demuxer == "apng" || demuxer == "ico")
    return "a still image (" + demuxer + ")";
  if (ends_with(demuxer, "_pipe")) return "a still image (" + demuxer.substr(0, demuxer.size() - 5) + ")";
  if (demuxer == "tty") return "text";
  return "a file of format " + demuxer;
}

/// Opens the container. A format that is not on the list is named before any of its code parses the file.
Format open_container(AVIOContext* io) {
  const AVInputFormat* input = nullptr;
  if (av_probe_input_buffer2(io, &input, "", nullptr, 0, 1 << 20) < 0 || !input)
    refuse(MediaFault::not_media, "data of no known format");
  bool listed = false;
  for (std::string_view rest = formats; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    const std::string_view full = input->name;  // "mov,mp4,m4a,3gp,3g2,mj2" is the demuxer listed as mov
    listed |= full.substr(0, full.find(',')) == name;
  }
  if (!listed) refuse(MediaFault::not_media, plain_name(input->name));
  AVFormatContext* raw = avformat_alloc_context();
  if (!raw) throw std::bad_alloc();
  raw->pb = io;
  raw->flags |= AVFMT_FLAG_CUSTOM_IO;
  raw->io_open = open_nothing;
  raw->protocol_whitelist = av_strdup("");
  raw->format_whitelist = av_strdup(formats);
  raw->codec_whitelist = av_strdup(codecs);
  raw->max_streams = 32;
  raw->probesize = probe_bytes;
  raw->max_analyze_duration = 5 * AV_TIME_BASE;
  // Frees `raw` itself where it fails.
  if (avformat_open_input(&raw, "", input, nullptr) < 0) {
    refuse(MediaFault::damaged, because("a damaged or truncated " + std::string(input->name) + " file"));
  }
  Format format(raw);
  if (avformat_find_stream_info(raw, nullptr) < 0) {
    refuse(MediaFault::damaged, because("a damaged or truncated " + std::string(input->name) + " file"));
  }
  return format;
}

Decoder open_decoder(const AVStream& stream) {
  const AVCodec* codec = avcodec_find_decoder(stream.codecpar->codec_id);
  const std::string name = avcodec_get_name(stream.codecpar->codec_id);
  if (!codec) refuse(MediaFault::not_media, "sound in an unknown codec (" + name + ")");
  Decoder decoder(avcodec_alloc_context3(codec));
  if (!decoder || avcodec_parameters_to_context(decoder.get(), stream.codecpar) < 0) throw std::bad_alloc();
  decoder->pkt_timebase = stream.time_base;
  decoder->codec_whitelist = av_strdup(codecs);
  decoder->max_samples = 1 << 20;
  decoder->thread_count = 1;
  first_cause.clear();  // what the demuxer had to say of the other streams is no reason
  if (avcodec_open2(decoder.get(), codec, nullptr) < 0) {
    refuse(MediaFault::not_media, because("sound in a codec that is not read (" + name + ")"));
  }
  return decoder;
}

void warn(const std::string& text) { send(Kind::warning, Payload().text(text)); }

std::string seconds(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.2f s", value);
  return text;
}

/// Decoded frames in, messages of samples out.
class Sink {
 public:
  Sink(int rate, const AVFormatContext& format, const AVStream& stream)
      : rate_(rate), format_(format), stream_(stream) {}

  void take(const AVFrame& frame) {
    const int rate = frame.sample_rate;
    if (rate < 100 || rate > 768000) refuse(MediaFault::damaged, "sound of " + std::to_string(rate) + " Hz");
    const int64_t ticks = frame.best_effort_timestamp;
    const double at =
        ticks == AV_NOPTS_VALUE ? clock_s_ : static_cast<double>(ticks) * av_q2d(stream_.time_base) - origin_s();
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
  /// Where the file's own timeline begins: its earliest stream, so that sound and pictures keep their distance.
  double origin_s() const {
    return format_.start_time == AV_NOPTS_VALUE ? 0 : static_cast<double>(format_.start_time) / AV_TIME_BASE;
  }

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

/// Decodes every packet of `index` into `sink`; how many packets made no sense.
int decode_all(AVFormatContext* format, int index, AVCodecContext* decoder, Sink& sink) {
  const Packet packet(av_packet_alloc());
  const Frame frame(av_frame_alloc());
  if (!packet || !frame) throw std::bad_alloc();
  int bad_packets = 0;
  const auto drain = [&] {
    int result;
    while ((result = avcodec_receive_frame(decoder, frame.get())) == 0) {
      if (frame->nb_samples > 0) sink.take(*frame);
      av_frame_unref(frame.get());
    }
    if (result == AVERROR(ENOMEM)) throw std::bad_alloc();
    if (result != AVERROR(EAGAIN) && result != AVERROR_EOF) ++bad_packets;
  };
  int result;
  while ((result = av_read_frame(format, packet.get())) >= 0) {
    if (packet->stream_index == index) {
      const int sent = avcodec_send_packet(decoder, packet.get());
      if (sent == AVERROR(ENOMEM)) throw std::bad_alloc();
      if (sent < 0 && sent != AVERROR(EAGAIN)) ++bad_packets;
      drain();
    }
    av_packet_unref(packet.get());
  }
  if (result == AVERROR(ENOMEM)) throw std::bad_alloc();
  avcodec_send_packet(decoder, nullptr);
  drain();
  return bad_packets;
}

/// The length the header gives the sound, 0 where it gives none.
double declared_s(const AVFormatContext& format, const AVStream& stream) {
  if (format.duration_estimation_method == AVFMT_DURATION_FROM_BITRATE) return 0;
  if (stream.duration != AV_NOPTS_VALUE) return static_cast<double>(stream.duration) * av_q2d(stream.time_base);
  return format.nb_streams == 1 && format.duration != AV_NOPTS_VALUE
             ? static_cast<double>(format.duration) / AV_TIME_BASE
             : 0;
}

/// FFmpeg takes what is there of a WAV file for the whole; its header says how long it was. 0: complete, or no telling.
int64_t missing_bytes(AVIOContext* io) {
  unsigned char head[12];
  if (avio_seek(io, 0, SEEK_SET) < 0 || avio_read(io, head, sizeof head) != sizeof head) return 0;
  if (std::memcmp(head, "RIFF", 4) != 0 || std::memcmp(head + 8, "WAVE", 4) != 0) return 0;
  const int64_t declared = 8 + (int64_t{head[4]} | int64_t{head[5]} << 8 | int64_t{head[6]} << 16 | int64_t{head[7]} << 24);
  const bool from_a_pipe = declared >= 0x7fff0000;  // a recorder that could not come back to fill the number in
  return from_a_pipe ? 0 : std::max<int64_t>(0, declared - file_size());
}

}  // namespace

void read_sound(int rate) {
  // Plain C on every machine: what is decoded and resampled does not depend on the instruction set.
  av_force_cpu_flags(0);
  av_log_set_callback(keep_first_cause);
  av_max_alloc(256 << 20);
  auto* buffer = static_cast<unsigned char*>(av_malloc(io_bytes));
  const Io io(buffer ? avio_alloc_context(buffer, io_bytes, 0, nullptr, read_file, nullptr, seek_file) : nullptr);
  if (!io) throw std::bad_alloc();
  const Format format = open_container(io.get());
  const int index = av_find_best_stream(format.get(), AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0);
  if (index < 0) {
    const bool pictures = av_find_best_stream(format.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0) >= 0;
    refuse(MediaFault::no_audio, pictures ? "a video without a sound track" : "a media file without a sound track");
  }
  for (unsigned i = 0; i < format->nb_streams; ++i) {
    if (static_cast<int>(i) != index) format->streams[i]->discard = AVDISCARD_ALL;
  }
  const AVStream& stream = *format->streams[index];
  const Decoder decoder = open_decoder(stream);
  Sink sink(rate, *format, stream);
  const int bad_packets = decode_all(format.get(), index, decoder.get(), sink);
  if (!sink.begun()) refuse(MediaFault::damaged, because("a sound track in which nothing can be decoded"));
  sink.finish();
  if (bad_packets > 0) {
    warn(because(std::to_string(bad_packets) + (bad_packets == 1 ? " packet" : " packets") + " of sound could not be decoded"));
  }
  const double declared = declared_s(*format, stream);
  if (sink.heard_s() + 0.5 < declared)
    warn("truncated: " + seconds(sink.heard_s()) + " of the " + seconds(declared) + " its header declares");
  else if (const int64_t bytes = missing_bytes(io.get()); bytes > 1)
    warn("truncated: " + std::to_string(bytes) + " bytes that its header declares are missing");
}

}  // namespace limbic::reader
