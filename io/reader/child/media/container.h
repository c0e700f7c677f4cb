// SPDX-License-Identifier: Apache-2.0
// FFmpeg on the one open file, for sound and pictures alike. FFmpeg is told no name, may open nothing else, and knows
// only the formats listed in container.cpp.
#pragma once
extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/mem.h>
}
#include <functional>
#include <memory>
#include <string>

#include "io/media.h"

namespace limbic::reader {

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

/// Throws the Refusal of that fault.
[[noreturn]] void refuse(MediaFault fault, const std::string& found);

/// `text`, and in brackets what FFmpeg complained of first; the hundreds of lines after it follow from it.
std::string because(const std::string& text);

void warn(const std::string& text);  ///< sends a warning
std::string seconds(double value);   ///< "1.25 s"

Io open_io();  ///< on file_fd

/// Opens the container. A format that is not on the list is named before any of its code parses the file; the others
/// that cannot be read are refused as damaged. `codecs`: those that may be probed with.
Format open_container(AVIOContext* io, const char* codecs);

/// A single-threaded decoder for the stream, if it is among `codecs` (names, with commas). `kind` stands in refusals:
/// "sound", "pictures".
Decoder open_decoder(const AVStream& stream, const char* codecs, const std::string& kind);

/// Where the file's own timeline begins: its earliest stream, so that sound and pictures keep their distance.
double origin_s(const AVFormatContext& format);

/// Decodes every packet of stream `index`, frame by frame; how many packets made no sense.
int decode_all(AVFormatContext* format, int index, AVCodecContext* decoder, const std::function<void(AVFrame&)>& take);

}  // namespace limbic::reader
