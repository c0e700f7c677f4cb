// SPDX-License-Identifier: Apache-2.0
#include "tools/training/media_features.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/error.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "io/audio.h"
#include "io/pictures.h"
#include "kernels/parallel.h"
#include "nets/picture_input.h"
#include "nets/waveform.h"

namespace limbic {

namespace {

struct Sound {
  std::vector<float> samples;
  std::string hash;
};

// Decoded once; the sound of a file is in the cache under the file's content and the rate.
Sound load_sound(const std::string& path, const std::string& content, int rate) {
  const std::string key = ContentHash().add("sound 1").add(content).add(std::to_string(rate)).hex();
  if (auto cached = cache_load(key)) return {std::move(cached->values), cached->note};
  Sound sound{decode_audio(path, rate).samples, ""};
  sound.hash = ContentHash().add(sound.samples.data(), sound.samples.size() * sizeof(float)).hex();
  cache_store(key, {sound.hash, {static_cast<int64_t>(sound.samples.size())}, sound.samples});
  return sound;
}

// System 2's offline augmentations (audiomentations 0.28's defaults): facts from its notebooks.
std::vector<float> changed_copy(const std::string& kind, const std::vector<float>& samples,
                                const std::string& content) {
  Random random(std::stoull(content.substr(0, 15), nullptr, 16), kind == "noise"     ? 1
                                                                 : kind == "pitch"   ? 2
                                                                 : kind == "stretch" ? 3
                                                                                     : 4);
  if (kind == "noise") return add_noise(samples, random.uniform(0.001f, 0.015f), random);
  if (kind == "pitch") return pitch_shift(samples, random.uniform(-4.0f, 4.0f));
  if (kind == "stretch") return time_stretch(samples, random.uniform(0.8f, 1.25f));
  return shift(samples, static_cast<int64_t>(samples.size()) / 4);
}

// The map of one version of a clip: "original", or one of `copies`. Kernels that round differently keep different maps.
std::string map_key(const std::string& content, const ClipInput& input, const std::string& version) {
  const std::string rung = log_mel_rung(*find_front_end(input.front_end));
  return ContentHash().add("map 3").add(content).add(input.text()).add(rung).add(version).hex();
}

std::vector<CachedArray> compute_maps(const std::string& path, const std::string& content, const ClipInput& input,
                                      const std::vector<std::string>& copies) {
  const FrontEnd& front_end = *find_front_end(input.front_end);
  const Sound sound = load_sound(path, content, front_end.sample_rate);
  std::vector<std::vector<float>> windows(1 + copies.size(), clip_window(input, sound.samples, front_end.sample_rate));
  const size_t length = windows[0].size();
  parallel_for(static_cast<int64_t>(copies.size()), [&](int64_t i) {
    windows[i + 1] = changed_copy(copies[i], windows[i + 1], content);
    windows[i + 1].resize(length);  // a stretched copy is cut or filled up
  });
  std::vector<CachedArray> maps;
  for (size_t i = 0; i < windows.size(); ++i) {
    const Tensor map = log_mel(front_end, windows[i].data(), static_cast<int64_t>(length));
    maps.push_back({sound.hash, map.shape(), map.to_vector()});
    cache_store(map_key(content, input, i ? copies[i - 1] : "original"), maps.back());
  }
  return maps;
}

// Frames of films, each film read once. The pictures keep the order of the clips.
std::vector<Example> load_pictures(const std::vector<DatasetClip>& clips, const std::vector<std::string>& labels,
                                   const PictureInput& input, const Progress& progress) {
  std::vector<Example> examples;
  std::map<std::string, std::multimap<int64_t, size_t>> films;  // path -> frame -> example
  for (const auto& clip : clips) {
    const auto label = std::find(labels.begin(), labels.end(), clip.label);
    if (label == labels.end()) continue;
    if (clip.frame < 0)
      throw Error(ExitCode::usage, fmt::format("{}: found a clip, expected frames of a film for input.front_end \"{}\" "
                                               "(a CSV with frame,label beside the film)",
                                               clip.name, input.name));
    films[clip.path].emplace(clip.frame, examples.size());
    examples.push_back({clip.name, clip.group, "", static_cast<int>(label - labels.begin()), {}});
  }
  int64_t done = 0;
  for (const auto& [path, wanted] : films) {
    PictureStream film(path, {.side = input.side, .cut = Cut::whole, .colour = input.colour});
    Picture picture;
    int64_t frame = 0;
    for (auto next = wanted.begin(); next != wanted.end(); ++frame) {
      if (!film.next(picture))
        throw Error(ExitCode::media, fmt::format("{}: found {} frames, expected frame {} too, of which {} tells", path,
                                                 frame, next->first, examples[next->second].clip));
      if (frame < next->first) continue;
      const Tensor map = picture_maps(input, picture.pixels).view({input.side, input.side, input.channels()});
      const std::string hash = ContentHash().add(picture.pixels.data(), picture.pixels.size()).hex();
      for (; next != wanted.end() && next->first == frame; ++next) {
        examples[next->second].map = map;
        examples[next->second].sound = hash;
        if (++done % 100 == 0) progress("pictures", done, static_cast<int64_t>(examples.size()));
      }
    }
  }
  return examples;
}

// The frames of a film that share a group, in their order, as the embedder sees them: one example each.
std::vector<Example> load_sequences(const std::vector<DatasetClip>& clips, const std::vector<std::string>& labels,
                                    const std::string& embedder, const Progress& progress) {
  Classifier faces = Classifier::load_for_pictures(embedder);
  std::vector<DatasetClip> known;
  for (const auto& clip : clips) {
    if (std::find(labels.begin(), labels.end(), clip.label) != labels.end()) known.push_back(clip);
  }
  const auto frames = load_pictures(known, labels, *find_picture_input(faces.input().front_end), progress);
  std::map<std::pair<std::string, std::string>, std::map<int64_t, size_t>> sequences;  // film and group: frame, example
  for (size_t i = 0; i < known.size(); ++i) sequences[{known[i].path, known[i].group}][known[i].frame] = i;
  const std::string seen_by = hash_file(embedder);
  const NoGrad no_grad;
  faces.net().eval();
  std::vector<Example> examples;
  for (const auto& [where, members] : sequences) {
    const Example& first = frames[members.begin()->second];
    Example sequence{where.second, where.second, "", first.label, {}};
    ContentHash hash;
    hash.add(seen_by);
    std::vector<Tensor> embedded;
    for (const auto& [frame, i] : members) {
      if (frames[i].label != first.label) {
        throw Error(ExitCode::usage,
                    fmt::format("{}: found frames labelled {} and {} in group {}; expected one label a group",
                                where.first, labels[first.label], labels[frames[i].label], where.second));
      }
      hash.add(frames[i].sound);
      embedded.push_back(faces.net().embed(batch_of_one(frames[i].map)));  // [1,E]
    }
    sequence.map = concat(embedded, 0);  // [T,E]
    sequence.sound = hash.hex();
    examples.push_back(std::move(sequence));
  }
  return examples;
}

}  // namespace

std::vector<CachedArray> sound_maps(const std::string& path, const ClipInput& input,
                                    const std::vector<std::string>& copies) {
  const std::string content = hash_file(path);
  std::vector<CachedArray> maps;
  for (size_t i = 0; i <= copies.size(); ++i) {
    auto cached = cache_load(map_key(content, input, i ? copies[i - 1] : "original"));
    if (!cached) {
      try {
        return compute_maps(path, content, input, copies);
      } catch (const MediaError&) {
        throw;  // names the file
      } catch (const Error& error) {
        throw Error(error.code, fmt::format("{}: {}", path, error.what()));
      }
    }
    maps.push_back(std::move(*cached));
  }
  return maps;
}

std::vector<Example> load_media_examples(const std::vector<DatasetClip>& clips, const Classifier& model,
                                         const std::vector<std::string>& copies, const Progress& progress) {
  const ClipInput& input = model.input();
  const std::vector<std::string>& labels = model.labels();
  if (const PictureInput* pictures = find_picture_input(input.front_end))
    return load_pictures(clips, labels, *pictures, progress);
  if (input.front_end == embeddings_front_end) return load_sequences(clips, labels, input.embedder, progress);
  std::vector<Example> examples;
  int64_t done = 0;
  for (const auto& clip : clips) {
    progress("sound", ++done, static_cast<int64_t>(clips.size()));
    const auto label = std::find(labels.begin(), labels.end(), clip.label);
    if (label == labels.end()) continue;
    if (clip.frame >= 0)
      throw Error(ExitCode::usage,
                  fmt::format("{}: found a frame of a film, expected a clip with sound for input.front_end \"{}\"",
                              clip.name, input.front_end));
    const std::vector<CachedArray> maps = sound_maps(clip.path, input, copies);
    if (const std::string why = model.misfit(maps[0].shape[0]); !why.empty())
      throw Error(ExitCode::media, fmt::format("{}: {}", clip.path, why));
    for (const CachedArray& map : maps) {
      examples.push_back({clip.name, clip.group, map.note, static_cast<int>(label - labels.begin()),
                          Tensor::from(map.shape, map.values)});
    }
  }
  return examples;
}

}  // namespace limbic
