// SPDX-License-Identifier: Apache-2.0
// A training run: from a recipe and a data set to a folder with weights, log, pictures and results. The same call again
// goes on where the last one stopped, with the same bits.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "io/dataset.h"
#include "tools/training/recipe.h"
#include "tools/training/scores.h"

namespace limbic {

struct RunOptions {
  bool quiet = false;
  bool in_graph = true;          ///< on a GPU: steps as CUDA graphs, where they can be (step.h); the bits are the same
  bool read_test = true;         ///< grid points and the like leave the test groups alone
  double checkpoint_s = 180;     ///< seconds between checkpoints inside an epoch; more at the ends of epochs, where
                                 ///< saving took less than a twentieth of the time since, and at the end
  int64_t stop_after_steps = 0;  ///< for tests: leave after so many steps of this call; 0: never
  std::string trained_in = {};   ///< a folder whose run this one takes over, in place of its own checkpoint
  int64_t first_folds = 0;       ///< cross-validation: only so many folds, from the first; 0: all
  bool embeddings = false;       ///< cross-validation: embeddings of the test clips too
  bool hold_out = false;         ///< cross-validation: the next fold's groups are left out of training too
  int64_t fold = -1;  ///< of a cross-validation: posteriors_<side>.csv of every side are written, with this number
};

struct RunResult {
  bool complete = false;  ///< false: stopped before its end, with a checkpoint
  int signal = 0;         ///< what stopped it: SIGINT or SIGTERM
  std::optional<Scores> validation, test;
  nlohmann::ordered_json
      watched;  ///< train.watch_test: {"best_epoch","accuracy"} of the epoch that was best on test; else null
  std::string test_posteriors;  ///< lines of posteriors_test.csv, of a fold
  std::string test_embeddings;  ///< lines for embeddings.csv, where they are wanted
  int64_t embedding_size = 0;
  int64_t epochs = 0;               ///< trained
  int64_t kept_epoch = 0;           ///< whose weights were kept, from 1
  nlohmann::ordered_json document;  ///< result.json
};

/// Trains `recipe` (without its grid) into the folder `out`. SIGINT or SIGTERM stops it after the step, with a
/// checkpoint. Throws Error(ExitCode::usage) where `out` holds a run of another recipe or other data, or where the
/// split lets a speaker or a recording stand on two sides; Error(ExitCode::weights) where the net answers NaN about
/// validation or test.
RunResult train(const Recipe& recipe, const Dataset& data, const std::string& out, const RunOptions& options = {});

/// Runs every point of recipe.grid in out/grid/<n>, ranks them on the validation groups (grid.csv), and finishes the
/// best one in `out`.
RunResult train_grid(const Recipe& recipe, const Dataset& data, const std::string& out, const RunOptions& options = {});

/// Cross-validation by speaker: fold i is trained in out/fold-<i> on all groups but those of recipe.cv.folds[i]
/// (system 1's five folds of RAVDESS where the recipe has none). With options.hold_out, the groups of the next fold are
/// its validation groups: not trained on either, so that a fusion can learn from posteriors on them. Choices are not
/// made, so train.keep must be "last". With recipe.cv.drawn the folds are drawn from all clips, whoever they are of; a
/// share of each may be held out (recipe.cv.validation), and an epoch be chosen on it. Writes out/result.json: accuracy
/// per fold, their mean, and all folds pooled (which is the result's `test`); each fold's posteriors, and
/// out/posteriors.csv with the test clips of all folds; with options.embeddings, out/embeddings.csv too.
RunResult cross_validate(const Recipe& recipe, const Dataset& data, const std::string& out,
                         const RunOptions& options = {});

}  // namespace limbic
