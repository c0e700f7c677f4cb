// SPDX-License-Identifier: Apache-2.0
#include "io/media_write.h"

#include <zlib.h>

#include <algorithm>
#include <new>
#include <string_view>

#include "engine/error.h"

namespace limbic {
namespace {

/// Bytes being written: RIFF counts from the lowest byte, PNG from the highest.
struct Bytes {
  std::string data;
  Bytes& little(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) data += static_cast<char>(value >> (8 * i));
    return *this;
  }
  Bytes& big(uint32_t value) {
    for (int i = 3; i >= 0; --i) data += static_cast<char>(value >> (8 * i));
    return *this;
  }
  Bytes& text(std::string_view value) {
    data += value;
    return *this;
  }
};

std::string chunk(const char* name, const std::string& payload) {
  Bytes bytes;
  bytes.text(name).little(payload.size(), 4).text(payload);
  if (payload.size() % 2) bytes.little(0, 1);
  return bytes.data;
}

std::string list(const char* name, const std::string& payload) { return chunk("LIST", name + payload); }

std::string png_chunk(const std::string& name, const std::string& payload) {
  Bytes bytes;
  bytes.big(static_cast<uint32_t>(payload.size())).text(name).text(payload);
  const auto* from = reinterpret_cast<const Bytef*>(bytes.data.data()) + 4;
  return bytes.big(static_cast<uint32_t>(::crc32_z(0, from, payload.size() + 4))).data;
}

/// Little-endian PCM.
std::string pcm(const std::vector<int16_t>& samples, size_t begin, size_t end) {
  Bytes bytes;
  for (size_t i = begin; i < end; ++i) bytes.little(static_cast<uint16_t>(samples[i]), 2);
  return bytes.data;
}

std::string wave_format(int sample_rate) {
  const auto rate = static_cast<uint32_t>(sample_rate);
  return Bytes().little(1, 2).little(1, 2).little(rate, 4).little(2 * rate, 4).little(2, 2).little(16, 2).data;
}

struct AviStream {
  const char *type, *codec;  // four characters each
  int scale, rate;
  size_t length, largest;  // in frames or samples; bytes of a chunk
  int sample_bytes, width, height;
};

std::string stream_header(const AviStream& s) {
  Bytes b;
  b.text(s.type).text({s.codec, 4}).little(0, 4).little(0, 4).little(0, 4);
  b.little(static_cast<uint32_t>(s.scale), 4).little(static_cast<uint32_t>(s.rate), 4).little(0, 4);
  b.little(s.length, 4).little(s.largest, 4).little(UINT32_MAX, 4).little(static_cast<uint32_t>(s.sample_bytes), 4);
  b.little(0, 4).little(static_cast<uint16_t>(s.width), 2).little(static_cast<uint16_t>(s.height), 2);
  return chunk("strh", b.data);
}

std::string main_header(const Film& film, size_t largest) {
  Bytes b;
  b.little(1000000 / static_cast<uint32_t>(film.rate), 4)
      .little(0, 4)
      .little(0, 4)
      .little(0x110, 4);  // index, interleaved
  b.little(film.frames.size(), 4).little(0, 4).little(film.sound.empty() ? 1 : 2, 4).little(largest, 4);
  b.little(static_cast<uint32_t>(film.width), 4)
      .little(static_cast<uint32_t>(film.height), 4)
      .text(std::string(16, '\0'));
  return chunk("avih", b.data);
}

std::string picture_format(const Film& film) {
  Bytes b;
  b.little(40, 4).little(static_cast<uint32_t>(film.width), 4).little(static_cast<uint32_t>(film.height), 4);
  b.little(1, 2).little(24, 2).text("MPNG").little(static_cast<uint32_t>(film.width * film.height * 3), 4);
  return chunk("strf", b.text(std::string(16, '\0')).data);
}

}  // namespace

std::string png_file(const uint8_t* pixels, int width, int height, int channels) {
  if (width < 1 || height < 1 || (channels != 1 && channels != 3)) {
    throw Error(ExitCode::usage, "png_file: " + std::to_string(width) + "x" + std::to_string(height) + " pixels of " +
                                     std::to_string(channels) + " channels; expected at least 1x1 of 1 or 3");
  }
  const auto row = static_cast<size_t>(width) * static_cast<size_t>(channels), rows = static_cast<size_t>(height);
  std::string lines;  // each begins with its filter: 2, what changed from the line above
  for (size_t y = 0; y < rows; ++y) {
    lines += '\2';
    for (size_t i = 0; i < row; ++i)
      lines += static_cast<char>(pixels[y * row + i] - (y > 0 ? pixels[(y - 1) * row + i] : 0));
  }
  uLongf size = ::compressBound(lines.size());
  std::string packed(size, '\0');
  if (::compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(lines.data()),
                  lines.size(), 6) != Z_OK) {
    throw std::bad_alloc();
  }
  packed.resize(size);
  Bytes header;
  header.big(static_cast<uint32_t>(width))
      .big(static_cast<uint32_t>(height))
      .little(8, 1)
      .little(channels == 3 ? 2 : 0, 1)
      .little(0, 3);
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header.data) + png_chunk("IDAT", packed) + png_chunk("IEND", "");
}

std::string wav_file(const std::vector<int16_t>& samples, int sample_rate) {
  return chunk("RIFF",
               "WAVE" + chunk("fmt ", wave_format(sample_rate)) + chunk("data", pcm(samples, 0, samples.size())));
}

std::string avi_file(const Film& film) {
  const size_t count = film.frames.size();
  std::string movie;
  Bytes index;
  size_t largest_frame = 0, largest_sound = 0;
  const auto add = [&](const char* name, const std::string& payload) {
    index.text(name)
        .little(0x10, 4)
        .little(movie.size() + 4, 4)
        .little(payload.size(), 4);  // key frame; from "movi" on
    movie += chunk(name, payload);
  };
  for (size_t i = 0; i < count; ++i) {
    add("00dc", film.frames[i]);
    largest_frame = std::max(largest_frame, film.frames[i].size());
    const size_t begin = film.sound.size() * i / count, end = film.sound.size() * (i + 1) / count;
    if (begin == end) continue;
    add("01wb", pcm(film.sound, begin, end));
    largest_sound = std::max(largest_sound, 2 * (end - begin));
  }
  if (movie.size() > INT32_MAX) throw Error(ExitCode::usage, "avi_file: more than 2 GB");
  const auto pictures = stream_header({"vids", "MPNG", 1, film.rate, count, largest_frame, 0, film.width, film.height});
  std::string headers =
      main_header(film, std::max(largest_frame, largest_sound)) + list("strl", pictures + picture_format(film));
  if (!film.sound.empty()) {
    const auto sound =
        stream_header({"auds", "\0\0\0", 2, 2 * film.sample_rate, film.sound.size(), largest_sound, 2, 0, 0});
    headers += list("strl", sound + chunk("strf", wave_format(film.sample_rate)));
  }
  return chunk("RIFF", "AVI " + list("hdrl", headers) + list("movi", movie) + chunk("idx1", index.data));
}

}  // namespace limbic
