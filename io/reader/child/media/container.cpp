// SPDX-License-Identifier: Apache-2.0
#include "io/reader/child/media/container.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include "io/reader/child/channel.h"

namespace limbic::reader {
namespace {

constexpr char formats[] = "mov,matroska,avi,wav,flac,mp3,ogg,aac,mpegts,mpeg,flv,asf";
constexpr int io_bytes = 1 << 16;
constexpr int probe_bytes = 5 << 20;
constexpr int probe_bytes_of_header = 1 << 17;  // beyond the header

std::string first_cause;  // what FFmpeg said first; the hundreds of lines after it follow from it

void keep_first_cause(void*, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR || !first_cause.empty()) return;
  char line[200];
  std::vsnprintf(line, sizeof line, format, arguments);
  first_cause = line;
  while (!first_cause.empty() && (first_cause.back() == '\n' || first_cause.back() == '.')) first_cause.pop_back();
}

int read_file(void*, uint8_t* to, int count) {
  const ssize_t got = ::read(file_fd, to, static_cast<size_t>(count));
  return got > 0 ? static_cast<int>(got) : got == 0 ? AVERROR_EOF : AVERROR(errno);
}

int64_t seek_file(void*, int64_t offset, int whence) {
  if (whence & AVSEEK_SIZE) return file_size();
  return ::lseek(file_fd, offset, whence & ~AVSEEK_FORCE);
}

int open_nothing(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) { return AVERROR(EACCES); }

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

}  // namespace

void refuse(MediaFault fault, const std::string& found) { throw Refusal(found, static_cast<uint32_t>(fault)); }

std::string because(const std::string& text) { return first_cause.empty() ? text : text + " (" + first_cause + ")"; }

void warn(const std::string& text) { send(Kind::warning, Payload().text(text)); }

std::string seconds(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.2f s", value);
  return text;
}

Io open_io() {
  first_cause.clear();
  av_log_set_callback(keep_first_cause);
  av_max_alloc(256 << 20);
  auto* buffer = static_cast<unsigned char*>(av_malloc(io_bytes));
  Io io(buffer ? avio_alloc_context(buffer, io_bytes, 0, nullptr, read_file, nullptr, seek_file) : nullptr);
  if (!io) throw std::bad_alloc();
  return io;
}

Format open_container(AVIOContext* io, const char* codecs) {
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
  // Its header says what others let one know only by decoding the first pictures, which would be done twice.
  const bool explicit_header = std::string_view(input->name).rfind("mov", 0) == 0;
  raw->codec_whitelist = av_strdup(explicit_header ? "none" : codecs);
  raw->max_streams = 32;
  raw->probesize = explicit_header ? probe_bytes_of_header : probe_bytes;
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

Decoder open_decoder(const AVStream& stream, const char* codecs, const std::string& kind) {
  const AVCodec* codec = avcodec_find_decoder(stream.codecpar->codec_id);
  const std::string name = avcodec_get_name(stream.codecpar->codec_id);
  if (!codec) refuse(MediaFault::not_media, kind + " in an unknown codec (" + name + ")");
  Decoder decoder(avcodec_alloc_context3(codec));
  if (!decoder || avcodec_parameters_to_context(decoder.get(), stream.codecpar) < 0) throw std::bad_alloc();
  decoder->pkt_timebase = stream.time_base;
  decoder->codec_whitelist = av_strdup(codecs);
  decoder->max_samples = 1 << 20;
  decoder->thread_count = 1;
  first_cause.clear();  // what the demuxer had to say of the other streams is no reason
  if (avcodec_open2(decoder.get(), codec, nullptr) < 0) {
    refuse(MediaFault::not_media, because(kind + " in a codec that is not read (" + name + ")"));
  }
  return decoder;
}

double origin_s(const AVFormatContext& format) {
  return format.start_time == AV_NOPTS_VALUE ? 0 : static_cast<double>(format.start_time) / AV_TIME_BASE;
}

int decode_all(AVFormatContext* format, int index, AVCodecContext* decoder, const std::function<void(AVFrame&)>& take) {
  const Packet packet(av_packet_alloc());
  const Frame frame(av_frame_alloc());
  if (!packet || !frame) throw std::bad_alloc();
  int bad_packets = 0;
  const auto drain = [&] {
    int result;
    while ((result = avcodec_receive_frame(decoder, frame.get())) == 0) {
      take(*frame);
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

}  // namespace limbic::reader
