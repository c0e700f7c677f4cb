// SPDX-License-Identifier: Apache-2.0
#include "tools/bench_clip.h"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "io/audio.h"
#include "io/input.h"
#include "io/pictures.h"
#include "kernels/isa.h"
#include "kernels/parallel.h"
#include "tools/prediction/clip.h"

extern char** environ;

namespace limbic {
namespace {

double run_ms(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Runs a program to its end, without input or output. Throws Error(failure) where it does not end with 0.
void run_program(std::vector<std::string> arguments) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  for (const int fd : {1, 2}) posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_WRONLY, 0);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    throw Error(ExitCode::failure, fmt::format("bench: {} cannot be started: {}", arguments[0], std::strerror(error)));
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw Error(ExitCode::failure, fmt::format("bench: {} failed; try: {}", arguments[0], fmt::join(arguments, " ")));
  }
}

/// This process and all that it starts stay on one core from here on.
void stay_on_one_core() {
  set_threads(1);
  cpu_set_t all, one;
  CPU_ZERO(&one);
  if (sched_getaffinity(0, sizeof all, &all) != 0)
    throw Error(ExitCode::failure, "bench: this host does not tell its cores");
  int core = CPU_SETSIZE - 1;
  while (core > 0 && !CPU_ISSET(core, &all)) --core;
  CPU_SET(core, &one);
  if (sched_setaffinity(0, sizeof one, &one) != 0)
    throw Error(ExitCode::failure, "bench: this host allows no choice of cores");
}

double peak_mib(int who) {
  rusage usage{};
  getrusage(who, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void read_sound(const std::string& clip, int rate) {
  AudioStream stream(clip, rate);
  for (std::vector<float> piece; stream.next(piece);) piece.clear();
}

void read_film(const std::string& clip, const PictureOptions& options) {
  PictureStream film(clip, options);
  for (Picture picture; film.next(picture);) continue;
}

struct Stage {
  std::string name, what;
  double ms;
};

}  // namespace

int bench_clip(const Program& program, const ClipBench& options) {
  if (options.clip.empty())
    throw Error(ExitCode::usage, "bench clip: expected a clip, as in `limbic bench clip clip.mp4`");
  stay_on_one_core();
  const ClipModels models = load_clip_models(options.weights, options.face_weights);
  if (!models.face)
    throw Error(ExitCode::weights,
                "bench clip: found no weights/face.h5 beside the program; expected it, or --face-weights FILE");
  const std::string& clip = options.clip;
  const ClipAnswer answer = answer_clip(clip, models);  // and everything is in the cache
  if (!answer.voice || !answer.face)
    throw Error(ExitCode::media,
                fmt::format("{}: found one stream, expected a clip with voice and pictures", clean_text(clip)));
  const double peak = peak_mib(RUSAGE_SELF) + peak_mib(RUSAGE_CHILDREN);  // before ffmpeg is a child

  PictureOptions faces = models.face->film_options(), frames_only = faces;
  frames_only.cut = Cut::nothing;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::vector<std::string> ours = {self, "predict",   "--quiet",         "--json",         "--threads",
                                         "1",  "--weights", models.voice_path, "--face-weights", models.face_path,
                                         clip};
  const std::vector<std::string> theirs = {"ffmpeg", "-nostdin", "-threads", "1", "-i", clip, "-f", "null", "-"};
  std::vector<double> sound, voice, film, search, face, fusion, predict, ffmpeg;
  for (int i = 0; i < options.repeats; ++i) {
    print_note(program, fmt::format("turn {} of {} ...", i + 1, options.repeats));
    sound.push_back(run_ms([&] { read_sound(clip, models.voice->rate()); }));
    voice.push_back(run_ms([&] { models.voice->answer(clip); }));
    film.push_back(run_ms([&] { read_film(clip, frames_only); }));
    search.push_back(run_ms([&] { read_film(clip, faces); }));
    face.push_back(run_ms([&] { models.face->answer(clip); }));
    fusion.push_back(
        run_ms([&] { fuse(answer.voice->probabilities, answer.face->probabilities, models.face->knows()); }));
    predict.push_back(run_ms([&] { run_program(ours); }));
    ffmpeg.push_back(run_ms([&] { run_program(theirs); }));
  }
  // What a stage adds to the one before it; a cheap one can drown in the noise of both.
  const auto added = [](const std::vector<double>& with, const std::vector<double>& without) {
    return std::max(0.0, median(with) - median(without));
  };
  const std::vector<Stage> stages = {{"decode_sound", "decode the sound", median(sound)},
                                     {"voice", "voice net", added(voice, sound)},
                                     {"decode_pictures", "decode the pictures", median(film)},
                                     {"detect", "find the face in each", added(search, film)},
                                     {"face", "face net", added(face, search)},
                                     {"fusion", "fuse", median(fusion)}};
  const double ratio = median(predict) / median(ffmpeg), frames = static_cast<double>(answer.face->frames.size());
  if (program.json) {
    Json list = Json::array();
    for (const Stage& stage : stages) list.push_back({{"name", stage.name}, {"ms", stage.ms}});
    print_json({{"schema", "limbic.bench_clip/1"},
                {"input", clip},
                {"isa", isa_name(active_isa())},
                {"repeats", options.repeats},
                {"duration_s", answer.duration_s},
                {"frames", answer.face->frames.size()},
                {"coverage", answer.face->coverage(*answer.face)},
                {"stages", list},
                {"predict_ms", median(predict)},
                {"ffmpeg_ms", median(ffmpeg)},
                {"ratio", ratio},
                {"peak_rss_mib", peak}});
    return 0;
  }
  fmt::print("{}: {:.2f} s, {:.0f} frames; one core, {}, medians of {} turns\n", clean_text(clip), answer.duration_s,
             frames, isa_name(active_isa()), options.repeats);
  for (const Stage& stage : stages) fmt::print("  {:<24} {:9.2f} ms\n", stage.what, stage.ms);
  fmt::print("  {:<24} {:9.2f} ms\n  {:<24} {:9.2f} ms\n", "limbic predict, in all", median(predict),
             "ffmpeg -threads 1", median(ffmpeg));
  fmt::print("ratio {:.2f}, peak {:.0f} MiB\n", ratio, peak);
  return 0;
}

}  // namespace limbic
