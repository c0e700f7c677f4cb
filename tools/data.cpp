// SPDX-License-Identifier: Apache-2.0
// `limbic data synth`: a toy set to learn and test with, so that neither needs a download. `limbic data log-mel`: the
// log-mels of a set in one small file, to train with where no sound can be decoded.
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "io/dataset.h"
#include "io/files.h"
#include "io/log_mel_file.h"
#include "nets/front_end.h"
#include "tools/synth/toy_set.h"
#include "tools/training/media_features.h"
#include "tools/training/progress.h"
#include "tools/verb.h"

namespace limbic {
namespace {

struct Options {
  std::string what, folder, out, front_end = "panns-32k";
  ToySet set;
  bool voices_only = false, force = false;
};

int synthesise(const Program& program, const Options& options) {
  write_toy_set(options.folder, options.set, options.force, [&](int done, int total) {
    if (stderr_is_terminal() && !program.quiet)
      fmt::print(stderr, "\r{} of {} clips{}", done, total, done == total ? "\n" : "");
  });
  const int clips = 8 * options.set.actors * options.set.takes;
  if (program.json) {
    print_json({{"schema", "limbic.data/1"},
                {"folder", options.folder},
                {"seed", options.set.seed},
                {"actors", options.set.actors},
                {"clips", clips},
                {"films", options.set.films}});
  } else {
    fmt::print("{}: {} clips of {} actors, 8 emotions{}\n", options.folder, clips, options.set.actors,
               options.set.films ? "; faces.csv" : "; voices only");
  }
  return 0;
}

int write_log_mel_file(const Program& program, const Options& options) {
  if (options.out.empty()) throw Error(ExitCode::usage, "data log-mel: found no --out, expected the file to write");
  refuse_overwrite(options.out, options.force);
  const Dataset data = read_dataset(options.folder);
  for (const auto& warning : data.warnings) print_note(program, warning);
  LogMelFile file{.front_end = options.front_end, .mels = find_front_end(options.front_end)->n_mels, .clips = {}};
  std::vector<std::vector<float>> maps;
  int64_t frames = 0;
  ProgressLine progress(program.quiet);
  for (const DatasetClip& clip : data.clips) {
    if (clip.map >= 0 || clip.frame >= 0) {
      throw Error(ExitCode::usage, fmt::format("{}: found {}, expected clips with sound", options.folder,
                                               clip.map >= 0 ? "a log-mel file" : "frames of a film"));
    }
    progress.show(fmt::format("sound {}/{}", maps.size() + 1, data.clips.size()));
    CachedArray map = std::move(sound_maps(clip.path, {.front_end = options.front_end}, {}).front());
    frames += map.shape[0];
    maps.push_back(std::move(map.values));
    file.clips.push_back({clip.name, clip.label, clip.group, {}});
  }
  set_steps(file, maps);
  write_log_mels(options.out, file, options.force);
  const auto bytes = std::filesystem::file_size(options.out);
  if (program.json) {
    print_json({{"schema", "limbic.data/1"},
                {"file", options.out},
                {"front_end", file.front_end},
                {"clips", file.clips.size()},
                {"frames", frames},
                {"mels", file.mels},
                {"scale", file.scale},
                {"offset", file.offset},
                {"bytes", bytes}});
  } else {
    fmt::print("{}: {} clips, {} frames of {} mels ({}), {:.3f} dB a step from {:.2f} dB on, {:.1f} MB\n", options.out,
               file.clips.size(), frames, file.mels, file.front_end, file.scale, file.offset,
               static_cast<double>(bytes) / 1e6);
  }
  return 0;
}

}  // namespace

void add_data(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = program.verb("data", "make a toy set, or one small file of a set's log-mels",
                               "  limbic data synth toy\n"
                               "  limbic data synth few --actors 3 --takes 2 --voices-only\n"
                               "  limbic data log-mel ravdess_speech -o ravdess.logmel");
  sub->add_option("what", options->what, "synth or log-mel")->required()->check(CLI::IsMember({"synth", "log-mel"}));
  sub->add_option("folder", options->folder, "synth: where to write it; log-mel: clips, as `train --data` takes them")
      ->required();
  sub->add_option("-o,--out", options->out, "log-mel: the file to write, 8 bits a value (io/README.md)");
  sub->add_option("--front-end", options->front_end, "log-mel: which (default panns-32k, CNN-14's)")
      ->check(CLI::IsMember(front_end_names()));
  sub->add_option("--seed", options->set.seed, "synth: another seed, other actors (default 1)");
  sub->add_option("--actors", options->set.actors, "synth: how many (default 24)")->check(CLI::Range(1, 24));
  sub->add_option("--takes", options->set.takes, "synth: of each emotion by each actor (default 1)")
      ->check(CLI::Range(1, 4));
  sub->add_flag("--voices-only", options->voices_only, "synth: no faces");
  sub->add_flag("--force", options->force, "write into a folder that is not empty, replace the file");
  sub->callback([&program, options] {
    options->set.films = !options->voices_only;
    const auto run = options->what == "synth" ? synthesise : write_log_mel_file;
    program.run = [&program, options, run] { return run(program, *options); };
  });
}

}  // namespace limbic
