// SPDX-License-Identifier: Apache-2.0
// limbic train: from a recipe and labelled clips to weights.
#include <fmt/format.h>

#include <memory>

#include "engine/tensor.h"
#include "tools/training/session.h"
#include "tools/verb.h"

namespace limbic {

namespace {

struct TrainArguments {
  std::string recipe, data, out, from;
  std::vector<std::string> sets, freeze;
  int64_t seed = -1, stop_after_steps = 0;
  int64_t first_folds = 0;
  bool hold_out = false, embeddings = false, no_graph = false;
};

Recipe recipe_of(const Program& program, const TrainArguments& a) {
  std::vector<std::string> sets = a.sets;
  if (a.seed >= 0) sets.push_back(fmt::format("seed={}", a.seed));
  if (!program.precision.empty()) sets.push_back("train.precision=" + program.precision);
  if (!a.from.empty()) sets.push_back("train.from=" + a.from);
  Recipe recipe = read_recipe(a.recipe, sets);
  if (recipe.train.precision == "bf16" && compute_device() == Device::cpu) {
    throw Error(ExitCode::usage, "train.precision: found bf16 on device cpu, which trains in f32; expected f32, or device cuda or emu");
  }
  recipe.train.freeze.insert(recipe.train.freeze.end(), a.freeze.begin(), a.freeze.end());
  return recipe;
}

// A run that a signal stopped ends the program as the signal would have.
int stopped(const Program& program, const RunResult& result) {
  if (program.json) print_json(result.document);
  return result.signal ? 128 + result.signal : 0;
}

int run_train(const Program& program, const TrainArguments& a) {
  const Recipe recipe = recipe_of(program, a);
  const Dataset data = read_dataset(a.data);
  for (const auto& warning : data.warnings) print_note(program, warning);
  const RunResult result =
      train_grid(recipe, data, a.out, {.quiet = program.quiet, .in_graph = !a.no_graph, .stop_after_steps = a.stop_after_steps});
  print_note(program, peak_memory_text());
  if (!result.complete) return stopped(program, result);
  if (program.json) {
    print_json(result.document);
  } else if (result.test || result.validation) {
    fmt::print("{}", scores_text(result.test ? *result.test : *result.validation));
  }
  return 0;
}

int run_cv(const Program& program, const TrainArguments& a) {
  const Recipe recipe = recipe_of(program, a);
  const Dataset data = read_dataset(a.data);
  for (const auto& warning : data.warnings) print_note(program, warning);
  const RunResult result = cross_validate(
      recipe, data, a.out,
      {.quiet = program.quiet, .in_graph = !a.no_graph, .first_folds = a.first_folds, .embeddings = a.embeddings, .hold_out = a.hold_out});
  print_note(program, peak_memory_text());
  if (!result.complete) return stopped(program, result);
  const auto& document = result.document;
  if (program.json) {
    print_json(document);
    return 0;
  }
  for (const auto& fold : document["folds"]) {
    const auto groups = fold["groups"].get<std::string>();
    fmt::print("fold {}{}: {:.2f} % of {}\n", fold["fold"].get<int>(), groups.empty() ? "" : " (groups " + groups + ")",
               100 * fold["accuracy"].get<double>(), fold["clips"].get<int>());
  }
  if (document.contains("mean_watched")) {
    fmt::print("mean of the best epochs on test, a choice that looks at the answers: {:.2f} %\n",
               100 * document["mean_watched"].get<double>());
  }
  fmt::print("mean of the folds {:.2f} %, 95 % interval +-{:.2f} %\n\nall folds pooled: {}",
             100 * document["mean_accuracy"].get<double>(), 100 * document["interval"].get<double>(),
             scores_text(*result.test));
  return 0;
}

void add_training_options(CLI::App* verb, TrainArguments& a) {
  verb->add_option("recipe", a.recipe, "the recipe (TOML)")->required();
  verb->add_option("--data", a.data, "folder of clips with RAVDESS names, a manifest (path,label,group), or a log-mel file of `limbic data`")
      ->required();
  verb->add_option("--out", a.out, "folder of the run; the same command again goes on with it")->required();
  verb->add_option("--seed", a.seed, "in place of the recipe's")->check(CLI::NonNegativeNumber);
  verb->add_option("--set", a.sets, "KEY=VALUE in place of the recipe's, e.g. train.lr=0.0005; may be given again")
      ->allow_extra_args(false);
  verb->add_option("--from", a.from, "weights to start from; the last layer is replaced where the classes differ");
  verb->add_option("--freeze", a.freeze, "parameters that stay as they are, e.g. 'conv_block*'; may be given again")
      ->allow_extra_args(false);
  verb->add_flag("--no-graph", a.no_graph, "on a GPU or the emulator: launch kernel by kernel, not each step as one CUDA graph; to the same bits");
}

}  // namespace

void add_train(Program& program) {
  auto a = std::make_shared<TrainArguments>();
  CLI::App* verb = program.verb(
      "train", "train a net from a recipe",
      "  limbic train nets/recipes/voice_choice.toml --data ravdess_speech --out runs/voice_choice\n"
      "  limbic train my.toml --data manifest.csv --out runs/mine --from weights/voice.h5 --freeze 'conv_block*'");
  add_training_options(verb, *a);
  verb->add_option("--stop-after-steps", a->stop_after_steps, "leave with a checkpoint after so many steps")
      ->check(CLI::NonNegativeNumber);
  verb->callback([&program, a] { program.run = [&program, a] { return run_train(program, *a); }; });
}

void add_cv(Program& program) {
  auto a = std::make_shared<TrainArguments>();
  CLI::App* verb = program.verb(
      "cv", "cross-validate a recipe, by speaker or by drawn folds",
      "  limbic cv nets/recipes/voice_choice.toml --data ravdess_speech --out runs/voice_cv --set train.keep=last\n"
      "  limbic cv nets/recipes/voice_folds.toml --data ravdess_speech --out runs/voice_folds --hold-out\n"
      "  limbic cv nets/recipes/cnn14_folds.toml --data ravdess.logmel --out runs/cnn14 --embeddings --device cuda");
  add_training_options(verb, *a);
  verb->add_option("--first-folds", a->first_folds, "only so many folds")->check(CLI::PositiveNumber);
  verb->add_flag("--embeddings", a->embeddings,
                 "write OUT/embeddings.csv too: what the last layer sees of every clip in the fold that is tested on it");
  verb->add_flag(
      "--hold-out", a->hold_out,
      "leave the next fold out of training too: posteriors that `fuse` can learn from without having been trained on");
  verb->callback([&program, a] { program.run = [&program, a] { return run_cv(program, *a); }; });
}

}  // namespace limbic
