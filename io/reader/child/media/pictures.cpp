// SPDX-License-Identifier: Apache-2.0
// The jobs "pictures" and "faces": FFmpeg on the one open file, frame by frame to small squares.
extern "C" {
#include <libavutil/cpu.h>
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}
#include <cmath>
#include <cstring>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "io/reader/child/channel.h"
#include "io/reader/child/media/container.h"
#include "io/reader/child/media/face_finder.h"

namespace limbic::reader {
namespace {

constexpr char codecs[] =
    "h264,hevc,vp8,vp9,libdav1d,av1,mpeg4,msmpeg4v2,msmpeg4,mpeg2video,mpeg1video,mjpeg,ffv1,theora,prores,wmv1,wmv2,"
    "wmv3,"
    "vc1,flv,h263,rawvideo,png";
constexpr int64_t most_pixels = 4096 * 2304;

struct FreeScaler {
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};

/// Quarter turns clockwise that a player makes before it shows the pictures.
int quarter_turns(const AVStream& stream) {
  const uint8_t* matrix = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  if (!matrix) return 0;
  const double counterclockwise = av_display_rotation_get(reinterpret_cast<const int32_t*>(matrix));
  return std::isfinite(counterclockwise) ? ((static_cast<int>(std::lround(-counterclockwise / 90)) % 4) + 4) % 4 : 0;
}

/// Whether plane 0 is nothing but the luma, a byte a pixel.
bool has_luma_plane(const AVFrame& frame) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  constexpr uint64_t others = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
                              AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_FLOAT;
  return format && !(format->flags & others) && format->comp[0].plane == 0 && format->comp[0].step == 1 &&
         format->comp[0].offset == 0 && format->comp[0].depth == 8 && frame.linesize[0] > 0;
}

/// Decoded frames in, messages of pictures out.
class Cutter {
 public:
  Cutter(int side, bool colour, FaceFinder* finder, const AVFormatContext& format, const AVStream& stream)
      : side_(side),
        colour_(colour),
        finder_(finder),
        format_(format),
        stream_(stream),
        turns_(quarter_turns(stream)) {}

  void take(AVFrame& frame) {
    check_size(frame.width, frame.height);
    cv::Mat grey = luma(frame);
    // Else only what is cut out: contrast is nothing to the finder.
    if (side_ > 0 && (!finder_ || finder_->every())) grey = toned(grey);
    const bool in_colour = colour_ || (finder_ && finder_->colour());
    const cv::Mat coloured = in_colour ? upright(converted(frame, AV_PIX_FMT_RGB24, colours_)) : cv::Mat();
    const cv::Mat shown = colour_ ? coloured : grey;
    if (frames_ == 0) begin(grey);
    const int64_t ticks = frame.best_effort_timestamp;
    if (ticks != AV_NOPTS_VALUE) clock_s_ = static_cast<double>(ticks) * av_q2d(stream_.time_base) - origin_s(format_);
    std::vector<cv::Rect> boxes;
    if (finder_) boxes = finder_->find(finder_->colour() ? coloured : grey);
    else if (side_ > 0) boxes.emplace_back(cv::Point(), grey.size());
    if (boxes.empty()) boxes.emplace_back();  // a frame without a face is told too
    for (const cv::Rect& box : boxes) send_picture(shown, box);
    ++frames_;
    if (frame.pkt_duration > 0) clock_s_ += static_cast<double>(frame.pkt_duration) * av_q2d(stream_.time_base);
  }

  int64_t frames() const { return frames_; }

  static void check_size(int64_t width, int64_t height) {
    if (width * height <= most_pixels) return;
    refuse(MediaFault::too_large, "pictures of " + std::to_string(width) + "x" + std::to_string(height) + " pixels");
  }

 private:
  using Scaler = std::unique_ptr<SwsContext, FreeScaler>;

  /// The frame as it lies, in numbers of the full range 0 to 255.
  static cv::Mat converted(const AVFrame& frame, AVPixelFormat format, Scaler& scaler) {
    scaler.reset(sws_getCachedContext(scaler.release(), frame.width, frame.height,
                                      static_cast<AVPixelFormat>(frame.format), frame.width, frame.height, format,
                                      SWS_POINT | SWS_ACCURATE_RND | SWS_BITEXACT, nullptr, nullptr, nullptr));
    if (!scaler) refuse(MediaFault::not_media, "pictures in an unknown format");
    cv::Mat picture(frame.height, frame.width, format == AV_PIX_FMT_GRAY8 ? CV_8U : CV_8UC3);
    uint8_t* planes[] = {picture.data};
    const int strides[] = {static_cast<int>(picture.step)};
    sws_scale(scaler.get(), frame.data, frame.linesize, 0, frame.height, planes, strides);
    return picture;
  }

  /// Turned as a player would show it.
  cv::Mat upright(const cv::Mat& picture) const {
    if (turns_ == 0) return picture;
    cv::Mat turned;
    cv::rotate(picture, turned, turns_ - 1);  // ROTATE_90_CLOCKWISE, ROTATE_180, ROTATE_90_COUNTERCLOCKWISE
    return turned;
  }

  /// The frame's own luma where it lies by itself, without a copy, and its tones beside it; else the converted grey.
  cv::Mat luma(const AVFrame& frame) {
    if (!has_luma_plane(frame)) {
      tones_.release();
      return upright(converted(frame, AV_PIX_FMT_GRAY8, greys_));
    }
    if (tones_.empty() || tones_format_ != frame.format) {
      tones_format_ = frame.format;
      tones_ = tones(frame.format);
    }
    const auto stride = static_cast<size_t>(frame.linesize[0]);
    return upright(cv::Mat(frame.height, frame.width, CV_8U, frame.data[0], stride));
  }

  /// What converting makes of each value that luma can have: u8[256].
  static cv::Mat tones(int format) {
    const Frame ramp(av_frame_alloc());
    if (!ramp) throw std::bad_alloc();
    ramp->format = format;
    ramp->width = 256;
    ramp->height = 2;
    if (av_frame_get_buffer(ramp.get(), 0) < 0) throw std::bad_alloc();
    for (int i = 0; i < AV_NUM_DATA_POINTERS && ramp->buf[i]; ++i) std::memset(ramp->buf[i]->data, 128, ramp->buf[i]->size);
    for (int x = 0; x < 512; ++x) ramp->data[0][x / 256 * ramp->linesize[0] + x % 256] = static_cast<uint8_t>(x);
    Scaler scaler;
    return converted(*ramp, AV_PIX_FMT_GRAY8, scaler).row(0).clone();
  }

  cv::Mat toned(const cv::Mat& luma) const {
    if (tones_.empty()) return luma;
    cv::Mat grey;
    cv::LUT(luma, tones_, grey);
    return grey;
  }

  void begin(const cv::Mat& grey) {
    const std::string container = format_.iformat->name;
    send(Kind::video,
         Payload().put<int32_t>(grey.cols).put<int32_t>(grey.rows).text(container.substr(0, container.find(',')) + "/" +
                                                                        avcodec_get_name(stream_.codecpar->codec_id)));
  }

  void send_picture(const cv::Mat& shown, const cv::Rect& box) const {
    Payload payload;
    payload.put(frames_)
        .put(std::round(clock_s_ * 1e6) / 1e6 + 0.0)
        .put<int32_t>(box.x)
        .put<int32_t>(box.y)
        .put<int32_t>(box.width)
        .put<int32_t>(box.height);
    if (!box.empty()) {
      const cv::Mat square = scaled(shown(box));
      payload.bytes.append(reinterpret_cast<const char*>(square.data), square.total() * square.elemSize());
    }
    send(Kind::picture, payload);
  }

  cv::Mat scaled(const cv::Mat& region) const {
    const bool as_system_2 = finder_ && side_ == 112;
    cv::Mat small = region, square;
    while (!as_system_2 && std::min(small.cols, small.rows) >= 4 * side_) small = halved(small);
    if (finder_ && !finder_->every() && !colour_) small = toned(small);
    if (as_system_2) {  // to 234, 5 off at each edge, and 224 halved
      cv::resize(small, square, {234, 234}, 0, 0, cv::INTER_LINEAR);
      square = square(cv::Rect(5, 5, 224, 224)).clone();
      cv::resize(square, square, {112, 112}, 0, 0, cv::INTER_AREA);
    } else {
      const bool shrinks = small.cols > side_;
      cv::resize(small, square, {side_, side_}, 0, 0, shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
    }
    return square;
  }

  int side_;
  bool colour_;
  FaceFinder* finder_;
  const AVFormatContext& format_;
  const AVStream& stream_;
  int turns_;
  Scaler greys_, colours_;
  cv::Mat tones_;  // of the last frame's format; empty: it was converted whole
  int tones_format_ = AV_PIX_FMT_NONE;
  double clock_s_ = 0;  // when the next picture is due, where it does not say
  int64_t frames_ = 0;
};

}  // namespace

void read_pictures(int side, bool colour, FaceFinder* finder) {
  if (finder) finder->begin();
  av_force_cpu_flags(-1);  // after sound, for which there was less
  const Io io = open_io();
  const Format format = open_container(io.get(), codecs);
  const int index = av_find_best_stream(format.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (index < 0) refuse(MediaFault::no_video, "a media file without pictures");
  const AVStream& stream = *format->streams[index];
  if (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) refuse(MediaFault::no_video, "sound with a still picture");
  for (unsigned i = 0; i < format->nb_streams; ++i) {
    if (static_cast<int>(i) != index) format->streams[i]->discard = AVDISCARD_ALL;
  }
  Cutter::check_size(stream.codecpar->width, stream.codecpar->height);
  const Decoder decoder = open_decoder(stream, codecs, "pictures");
  decoder->max_pixels = most_pixels;
  Cutter cutter(side, colour, finder, *format, stream);
  const int bad_packets = decode_all(format.get(), index, decoder.get(), [&](AVFrame& frame) { cutter.take(frame); });
  if (cutter.frames() == 0) refuse(MediaFault::damaged, because("a video in which nothing can be decoded"));
  if (bad_packets > 0) {
    warn(because(std::to_string(bad_packets) + (bad_packets == 1 ? " packet" : " packets") +
                 " of pictures could not be decoded"));
  }
}

}  // namespace limbic::reader
