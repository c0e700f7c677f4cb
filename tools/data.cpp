// SPDX-License-Identifier: Apache-2.0
// `limbic data synth`: a toy set to learn and test with, so that neither needs a download.
#include <memory>

#include <fmt/format.h>

#include "tools/synth/toy_set.h"
#include "tools/verb.h"

namespace limbic {
namespace {

struct Options {
  std::string what, folder;
  ToySet set;
  bool voices_only = false, force = false;
};

int run(const Program& program, const Options& options) {
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

}  // namespace

void add_data(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = program.verb("data", "make a toy set of synthetic voices and cartoon faces",
                               "  limbic data synth toy\n"
                               "  limbic data synth few --actors 3 --takes 2 --voices-only");
  sub->add_option("what", options->what, "synth")->required()->check(CLI::IsMember({"synth"}));
  sub->add_option("folder", options->folder, "where to write it")->required();
  sub->add_option("--seed", options->set.seed, "another seed, other actors (default 1)");
  sub->add_option("--actors", options->set.actors, "how many (default 24)")->check(CLI::Range(1, 24));
  sub->add_option("--takes", options->set.takes, "of each emotion by each actor (default 1)")->check(CLI::Range(1, 4));
  sub->add_flag("--voices-only", options->voices_only, "no faces");
  sub->add_flag("--force", options->force, "write into a folder that is not empty");
  sub->callback([&program, options] {
    options->set.films = !options->voices_only;
    program.run = [&program, options] { return run(program, *options); };
  });
}

}  // namespace limbic
