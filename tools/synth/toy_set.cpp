// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/toy_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "engine/error.h"
#include "engine/random.h"
#include "io/files.h"
#include "io/media_write.h"
#include "kernels/parallel.h"
#include "kernels/portable_math.h"
#include "tools/prediction/emotions.h"
#include "tools/synth/portrait.h"
#include "tools/synth/speech.h"

namespace fs = std::filesystem;

namespace limbic {
namespace {

constexpr int width = 240, height = 180, rate = 12, crop = 96, crops = 4;

struct ToyClip {
  int actor, emotion, take;
  int sentence() const { return take % 2; }
  /// modality: 1 face and voice, 3 voice.
  std::string name(int modality) const {
    return fmt::format("Actor_{:02}/{:02}-01-{:02}-01-{:02}-{:02}-{:02}", actor, modality, emotion + 1, sentence() + 1,
                       take / 2 + 1, actor);
  }
};

/// The face at a moment, which grows into its emotion, blinks, and moves its lips with the voice.
Expression moment(const ToySet& set, const ToyClip& clip, const Speech& speech, double at_s) {
  Random random(set.seed, 7000000 + static_cast<uint64_t>((clip.actor * 8 + clip.emotion) * 100 + clip.take));
  const double onset = std::clamp((at_s - 0.1) / 0.5, 0.0, 1.0), blink_s = random.uniform(0.6f, 1.6f);
  Expression e = expression_of(set.seed, clip.actor, clip.emotion, clip.take, onset * onset * (3 - 2 * onset));
  const double closed = std::max(0.0, 1 - std::abs(at_s - blink_s) / 0.1);
  e.eye_open *= 1 - 0.95 * closed;
  const auto at = static_cast<size_t>(100 * at_s);
  if (at < speech.opening.size()) e.mouth_open += 0.16 * speech.opening[at];
  return e;
}

std::string frame(const ToySet& set, const ToyClip& clip, const Looks& looks, const Speech& speech, double at_s, int w,
                  int h, Pose pose) {
  Random random(set.seed, 6000000 + static_cast<uint64_t>((clip.actor * 8 + clip.emotion) * 100 + clip.take));
  const auto sway = [&](double hz) { return portable_sincos(hz * at_s + random.uniform()).sin; };
  pose.centre = {pose.centre.x + 0.05 * pose.half * sway(0.3), pose.centre.y + 0.03 * pose.half * sway(0.5)};
  pose.turns = 0.008 * sway(0.4);
  Canvas canvas(w, h);
  draw_portrait(canvas, w, h, looks, moment(set, clip, speech, at_s), pose);
  return png_file(canvas.bytes().data(), w, h, 3);
}

/// Writes the clip's files; its crops for faces.avi.
std::vector<std::string> write_clip(const std::string& folder, const ToySet& set, const ToyClip& clip, bool force) {
  const Speech speech = speak(set.seed, clip.actor, clip.emotion, clip.sentence(), clip.take);
  write_file(folder + "/" + clip.name(3) + ".wav", wav_file(speech.samples, speech_rate), force);
  std::vector<std::string> faces;
  if (!set.films) return faces;
  const Looks looks = looks_of(set.seed, clip.actor);
  Film film{width, height, rate, {}, speech_rate, speech.samples};
  const double seconds = static_cast<double>(speech.samples.size()) / speech_rate;
  for (int i = 0; i < seconds * rate; ++i) {
    film.frames.push_back(frame(set, clip, looks, speech, static_cast<double>(i) / rate, width, height,
                                {{0.5 * width, 0.47 * height}, 0.34 * height}));
  }
  write_file(folder + "/" + clip.name(1) + ".avi", avi_file(film), force);
  for (int i = 0; i < crops; ++i) {
    faces.push_back(frame(set, clip, looks, speech, seconds * (0.35 + 0.15 * i), crop, crop,
                          {{0.5 * crop, 0.5 * crop}, 0.58 * crop}));
  }
  return faces;
}

/// The last sixth of the actors is for tests, the sixth before for choices; fewer than three actors are all trained on.
const char* split_of(int actor, int actors) {
  const int share = actors < 3 ? 0 : (actors + 5) / 6;
  return actor > actors - share ? "test" : actor > actors - 2 * share ? "validation" : "train";
}

}  // namespace

void write_toy_set(const std::string& folder, const ToySet& set, bool force,
                   const std::function<void(int done, int total)>& progress) {
  std::error_code error;
  if (!force && fs::exists(folder, error) && !fs::is_empty(folder, error)) {
    throw Error(ExitCode::usage, fmt::format("{}: exists and is not empty; give --force to write into it", folder));
  }
  std::vector<ToyClip> clips;
  for (int actor = 1; actor <= set.actors; ++actor) {
    fs::create_directories(fmt::format("{}/Actor_{:02}", folder, actor), error);
    if (error) throw Error(ExitCode::failure, fmt::format("{}: cannot be made: {}", folder, error.message()));
    for (int emotion = 0; emotion < static_cast<int>(emotion_names.size()); ++emotion) {
      for (int take = 0; take < set.takes; ++take) clips.push_back({actor, emotion, take});
    }
  }
  Film faces{crop, crop, rate, {}, speech_rate, {}};
  std::string table = "frame,label,group,split\n";
  const int per_actor = static_cast<int>(emotion_names.size()) * set.takes;
  for (size_t begin = 0; begin < clips.size(); begin += static_cast<size_t>(per_actor)) {  // an actor at a time
    std::vector<std::vector<std::string>> pictures(static_cast<size_t>(per_actor));
    parallel_for(per_actor, [&](int64_t i) {
      pictures[static_cast<size_t>(i)] = write_clip(folder, set, clips[begin + static_cast<size_t>(i)], force);
    });
    for (size_t i = 0; i < pictures.size(); ++i) {
      const ToyClip& clip = clips[begin + i];
      for (std::string& picture : pictures[i]) {
        table += fmt::format("{},{},{},{}\n", faces.frames.size(), emotion_names[static_cast<size_t>(clip.emotion)],
                             clip.actor, split_of(clip.actor, set.actors));
        faces.frames.push_back(std::move(picture));
      }
    }
    progress(static_cast<int>(begin) + per_actor, static_cast<int>(clips.size()));
  }
  if (set.films) {
    write_file(folder + "/faces.avi", avi_file(faces), force);
    write_file(folder + "/faces.csv", table, force);
  }
  write_file(folder + "/README.txt",
             fmt::format("Synthetic voices and cartoon faces, computed by `limbic data synth --seed {} --actors {} "
                         "--takes {}`: no person was\n"
                         "recorded or drawn. Free of any licence (CC0 1.0). Names are RAVDESS's: modality (01 face and "
                         "voice, 03 voice), 01,\n"
                         "emotion 01 to 08 (neutral calm happy sad angry fearful disgust surprised), 01, sentence, "
                         "repetition, actor.\n",
                         set.seed, set.actors, set.takes),
             force);
}

}  // namespace limbic
