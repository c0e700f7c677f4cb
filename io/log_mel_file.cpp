// SPDX-License-Identifier: Apache-2.0
#include "io/log_mel_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>

#include "io/files.h"

namespace limbic {
namespace {

constexpr std::string_view magic = "LIMBICLM";
constexpr uint32_t version = 1;
constexpr int64_t most_mels = 4096;
constexpr size_t least_clip = sizeof(uint32_t) + 3 * sizeof(uint16_t);  // a clip's numbers, with empty texts

bool is_printable(std::string_view text) { return !text.empty() && clean_text(text) == text; }

std::string text(ByteCursor& in, const char* what) {
  const std::string_view found = as_text(in.take(in.number<uint16_t>()));
  if (!is_printable(found)) in.fail(fmt::format("found the {} \"{}\", expected printable text", what, shown(found)));
  return std::string(found);
}

template <class Number>
void put(std::string& out, Number value) {  // little-endian
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& out, const std::string& text, const std::string& path) {
  if (text.size() > UINT16_MAX || !is_printable(text))
    throw Error(ExitCode::usage, fmt::format("{}: found \"{}\" of {} bytes, expected printable text of 1 to {}", path,
                                             shown(text), text.size(), UINT16_MAX));
  put(out, static_cast<uint16_t>(text.size()));
  out += text;
}

}  // namespace

std::vector<float> LogMelFile::decibels(const LogMelClip& clip) const {
  std::vector<float> values(clip.steps.size());
  std::transform(clip.steps.begin(), clip.steps.end(), values.begin(),
                 [&](uint8_t step) { return offset + scale * static_cast<float>(step); });
  return values;
}

void set_steps(LogMelFile& file, const std::vector<std::vector<float>>& maps) {
  float least = INFINITY, greatest = -INFINITY;
  for (const auto& map : maps) {
    const auto [low, high] = std::minmax_element(map.begin(), map.end());
    if (low == map.end()) continue;
    least = std::min(least, *low), greatest = std::max(greatest, *high);
  }
  file.offset = least;
  file.scale = greatest > least ? (greatest - least) / 255 : 1;
  for (size_t i = 0; i < maps.size(); ++i) {
    file.clips[i].steps.resize(maps[i].size());
    std::transform(maps[i].begin(), maps[i].end(), file.clips[i].steps.begin(), [&](float value) {
      return static_cast<uint8_t>(std::clamp(std::nearbyint((value - file.offset) / file.scale), 0.0f, 255.0f));
    });
  }
}

bool is_log_mel_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  char begin[magic.size()];
  return in.read(begin, sizeof begin) && std::string_view(begin, sizeof begin) == magic;
}

LogMelFile read_log_mels(const std::string& path) {
  const std::string bytes = read_text(path, ExitCode::media);
  return parse_log_mels(std::as_bytes(std::span(bytes)), path);
}

LogMelFile parse_log_mels(Bytes bytes, const std::string& path) {
  ByteCursor in(bytes, clean_text(path), 0, ExitCode::media);
  if (in.left() < magic.size() || as_text(in.take(magic.size())) != magic)
    in.fail(fmt::format("found no {}, expected a log-mel file", magic));
  if (const auto found = in.number<uint32_t>(); found != version)
    in.fail(fmt::format("found version {}, expected {}", found, version));
  LogMelFile file;
  const auto clips = in.number<uint32_t>();
  const auto frames = in.number<uint64_t>();
  file.mels = in.number<uint32_t>();
  file.scale = in.number<float>();
  file.offset = in.number<float>();
  file.front_end = text(in, "front end");
  if (clips == 0 || clips > in.left() / least_clip)
    in.fail(fmt::format("found {} clips in {} bytes, expected {} bytes or more a clip", clips, in.left(), least_clip));
  if (file.mels < 1 || file.mels > most_mels)
    in.fail(fmt::format("found {} mels, expected 1 to {}", file.mels, most_mels));
  if (frames > in.left() / static_cast<uint64_t>(file.mels))
    in.fail(
        fmt::format("found {} frames of {} mels in {} bytes, expected a byte a value", frames, file.mels, in.left()));
  if (!(std::isfinite(file.scale) && file.scale > 0 && std::isfinite(file.offset) &&
        std::isfinite(file.offset + 255 * file.scale)))
    in.fail(fmt::format("found scale {} and offset {}, expected finite numbers, the scale above 0", file.scale,
                        file.offset));
  std::set<std::string> names;
  uint64_t seen = 0;
  for (uint32_t i = 0; i < clips; ++i) {
    const auto count = in.number<uint32_t>();
    LogMelClip clip{text(in, "name"), text(in, "label"), text(in, "actor"), {}};
    if (!names.insert(clip.name).second) in.fail(fmt::format("found a second clip {}", shown(clip.name)));
    if (count == 0 || count > frames - seen)
      in.fail(fmt::format("{}: found {} frames, expected 1 to {}, what the header leaves", shown(clip.name), count,
                          frames - seen));
    seen += count;
    const Bytes steps = in.take(static_cast<size_t>(count) * static_cast<size_t>(file.mels));
    const auto* const first = reinterpret_cast<const uint8_t*>(steps.data());
    clip.steps.assign(first, first + steps.size());
    file.clips.push_back(std::move(clip));
  }
  if (seen != frames) in.fail(fmt::format("found {} frames in all clips, expected the header's {}", seen, frames));
  if (in.left() > 0) in.fail(fmt::format("found {} bytes behind the last clip, expected none", in.left()));
  return file;
}

void write_log_mels(const std::string& path, const LogMelFile& file, bool force) {
  uint64_t frames = 0;
  for (const LogMelClip& clip : file.clips) frames += static_cast<uint64_t>(file.frames(clip));
  std::string out(magic);
  put(out, version);
  put(out, static_cast<uint32_t>(file.clips.size()));
  put(out, frames);
  put(out, static_cast<uint32_t>(file.mels));
  put(out, file.scale);
  put(out, file.offset);
  put_text(out, file.front_end, path);
  for (const LogMelClip& clip : file.clips) {
    put(out, static_cast<uint32_t>(file.frames(clip)));
    put_text(out, clip.name, path);
    put_text(out, clip.label, path);
    put_text(out, clip.actor, path);
    out.append(reinterpret_cast<const char*>(clip.steps.data()), clip.steps.size());
  }
  write_file(path, out, force);
}

}  // namespace limbic
