// SPDX-License-Identifier: Apache-2.0
#include "tools/training/features.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/random.h"
#include "io/audio.h"
#include "io/cache.h"
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
std::vector<float> changed_copy(const std::string& kind, const std::vector<float>& samples, const std::string& content) {
  Random random(std::stoull(content.substr(0, 15), nullptr, 16), kind == "noise" ? 1 : kind == "pitch" ? 2 : kind == "stretch" ? 3 : 4);
  if (kind == "noise") return add_noise(samples, random.uniform(0.001f, 0.015f), random);
  if (kind == "pitch") return pitch_shift(samples, random.uniform(-4.0f, 4.0f));
  if (kind == "stretch") return time_stretch(samples, random.uniform(0.8f, 1.25f));
  return shift(samples, static_cast<int64_t>(samples.size()) / 4);
}

}  // namespace

std::vector<Example> load_examples(const std::vector<DatasetClip>& clips, const std::vector<std::string>& labels,
                                   const ClipInput& input, const std::vector<std::string>& copies,
                                   const Progress& progress) {
  const FrontEnd& front_end = *find_front_end(input.front_end);
  std::vector<Example> examples;
  int64_t done = 0;
  for (const auto& clip : clips) {
    const auto label = std::find(labels.begin(), labels.end(), clip.label);
    progress("sound", ++done, static_cast<int64_t>(clips.size()));
    if (label == labels.end()) continue;
    const std::string content = hash_file(clip.path);
    Sound sound;  // read at the first map that is not in the cache
    for (size_t version = 0; version <= copies.size(); ++version) {
      const std::string copy = version ? copies[version - 1] : "original";
      const std::string key = ContentHash().add("map 1").add(content).add(input.text()).add(copy).hex();
      Example example{clip.name, clip.group, "", static_cast<int>(label - labels.begin()), {}};
      if (const auto cached = cache_load(key)) {
        example.sound = cached->note;
        example.map = Tensor::from(cached->shape, cached->values);
      } else {
        if (sound.samples.empty()) sound = load_sound(clip.path, content, front_end.sample_rate);
        std::vector<float> window = clip_window(input, sound.samples, front_end.sample_rate);
        if (version) {
          window = changed_copy(copy, window, content);
          window.resize(clip_window(input, sound.samples, front_end.sample_rate).size());
        }
        example.sound = sound.hash;
        example.map = log_mel(front_end, window.data(), static_cast<int64_t>(window.size()));
        cache_store(key, {sound.hash, example.map.shape(), example.map.to_vector()});
      }
      examples.push_back(std::move(example));
    }
  }
  return examples;
}

}  // namespace limbic
