// SPDX-License-Identifier: Apache-2.0
// Many runs from one recipe: a grid of settings, or folds of speakers.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "io/files.h"
#include "tools/training/pictures.h"
#include "tools/training/posteriors.h"
#include "tools/training/progress.h"
#include "tools/training/session.h"
#include "tools/training/split.h"

namespace limbic {

namespace {

struct GridPoint {
  Recipe recipe;
  std::vector<std::string> values;
  Scores scores;
};

// All combinations, the last key counting fastest.
std::vector<GridPoint> grid_points(const Recipe& recipe) {
  std::vector<GridPoint> points(1);
  points[0].recipe = recipe;
  points[0].recipe.grid.clear();
  for (const auto& [key, values] : recipe.grid) {
    std::vector<GridPoint> more;
    for (const auto& point : points) {
      for (const auto& value : values) {
        GridPoint next = point;
        set_recipe_key(next.recipe, key, value);
        next.values.push_back(value);
        more.push_back(std::move(next));
      }
    }
    points = std::move(more);
  }
  return points;
}

std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\n") == std::string::npos) return field;
  std::string text = "\"";
  for (const char c : field) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

// The folds that system 1 was published with (Luna-Jimenez et al., Sensors 2021).
const std::vector<std::string>& ravdess_folds() {
  static const std::vector<std::string> folds = {"2, 5, 14, 15, 16", "3, 6, 7, 13, 18", "10, 11, 12, 19, 20",
                                                 "8, 17, 21, 23, 24", "1, 4, 9, 22"};
  return folds;
}

// A run that a signal has stopped, or reached at its very end: the sweep ends with it.
bool stopped(RunResult& result) {
  if (result.signal) result.complete = false;
  return !result.complete;
}

struct Fold {
  std::string groups;  // that are tested on; of a drawn fold none
  Recipe recipe;
};

std::vector<Fold> folds_of_groups(const Recipe& recipe, const Dataset& data, const RunOptions& options) {
  if (recipe.train.keep != "last") {
    throw Error(
        ExitCode::usage,
        fmt::format("cv: train.keep is \"{}\", but a fold has no validation groups to choose on; expected \"last\"",
                    recipe.train.keep));
  }
  std::set<std::string> groups;
  for (const auto& clip : data.clips) groups.insert(clip.group);
  auto folds = recipe.cv.folds;
  if (folds.empty()) {
    for (int actor = 1; actor <= 24; ++actor) {
      if (!groups.count(std::to_string(actor))) {
        throw Error(ExitCode::usage,
                    fmt::format("cv: {} has no group {}: not the 24 actors of RAVDESS, so the recipe needs cv.folds",
                                data.source, actor));
      }
    }
    folds = ravdess_folds();
  }
  if (options.hold_out && folds.size() < 3)
    throw Error(ExitCode::usage,
                fmt::format("cv: {} folds, expected three or more to hold one out beside the test fold", folds.size()));
  std::vector<Fold> runs;
  for (size_t i = 0; i < folds.size(); ++i) {
    Recipe fold = recipe;
    fold.split = {};
    fold.split.test = folds[i];
    auto left_out = parse_groups(folds[i]);
    if (options.hold_out) {
      fold.split.validation = folds[(i + 1) % folds.size()];
      for (const auto& group : parse_groups(fold.split.validation)) left_out.push_back(group);
    }
    for (const auto& group : groups) {
      if (std::find(left_out.begin(), left_out.end(), group) == left_out.end())
        fold.split.train += (fold.split.train.empty() ? "" : ", ") + group;
    }
    if (split_dataset(fold, data).test.empty()) {  // said before the first fold is trained
      throw Error(
          ExitCode::usage,
          fmt::format("cv.folds: the fold \"{}\" has no clip to test on; expected groups, e.g. \"1, 4\"", folds[i]));
    }
    runs.push_back({folds[i], std::move(fold)});
  }
  return runs;
}

std::vector<Fold> drawn_folds(const Recipe& recipe, const Dataset& data, const RunOptions& options) {
  if (options.hold_out)
    throw Error(
        ExitCode::usage,
        "cv: --hold-out leaves groups out, but the recipe's folds are drawn (cv.drawn); expected cv.validation");
  Fold fold{"", recipe};
  fold.recipe.split = {};  // the split column says who is where
  std::vector<Fold> runs;
  for (int64_t i = 0; i < recipe.cv.drawn; ++i) {
    if (split_dataset(fold.recipe, draw_fold(recipe, data, i)).test.empty()) {
      throw Error(ExitCode::usage, fmt::format("cv.drawn is {}: fold {} has no clip to test on; expected at most as "
                                               "many folds as the labels have groups",
                                               recipe.cv.drawn, i));
    }
    runs.push_back(fold);
  }
  return runs;
}

}  // namespace

RunResult train_grid(const Recipe& recipe, const Dataset& data, const std::string& out, const RunOptions& options) {
  if (recipe.grid.empty()) return train(recipe, data, out, options);
  ProgressLine progress(options.quiet);
  split_dataset(recipe, data);  // what is wrong with the split is said before the first point is trained
  auto points = grid_points(recipe);
  RunOptions blind = options;
  blind.read_test = false;
  for (size_t i = 0; i < points.size(); ++i) {
    progress.note(fmt::format("grid point {}/{}: {}", i + 1, points.size(), fmt::join(points[i].values, " ")));
    RunResult result = train(points[i].recipe, data, fmt::format("{}/grid/{}", out, i), blind);
    if (stopped(result)) return result;
    points[i].scores = *result.validation;
  }
  // Least validation loss where the kept epoch is chosen by loss; else the highest validation accuracy, then the loss.
  const bool by_loss = recipe.train.keep == "best-loss";
  std::vector<size_t> rank(points.size());
  for (size_t i = 0; i < rank.size(); ++i) rank[i] = i;
  std::stable_sort(rank.begin(), rank.end(), [&](size_t a, size_t b) {
    const Scores &x = points[a].scores, &y = points[b].scores;
    if (!by_loss && x.accuracy() != y.accuracy()) return x.accuracy() > y.accuracy();
    return x.loss < y.loss;
  });
  std::string csv = "rank,run";
  for (const auto& [key, values] : recipe.grid) csv += "," + key;
  csv += ",validation_loss,validation_accuracy,validation_top3,validation_uar\n";
  for (size_t r = 0; r < rank.size(); ++r) {
    const GridPoint& point = points[rank[r]];
    csv += fmt::format("{},grid/{}", r + 1, rank[r]);
    for (const auto& value : point.values) csv.append(",").append(quoted(value));
    csv += fmt::format(",{:.6f},{:.6f},{:.6f},{:.6f}\n", point.scores.loss, point.scores.accuracy(), point.scores.top3,
                       point.scores.confusion.unweighted_recall());
  }
  write_file(out + "/grid.csv", csv, true);
  progress.note(fmt::format("best on the validation clips: {}", fmt::join(points[rank[0]].values, " ")));
  // The winner has been trained: `out` takes its run over, and only reads the test groups.
  RunOptions last = options;
  last.trained_in = fmt::format("{}/grid/{}", out, rank[0]);
  return train(points[rank[0]].recipe, data, out, last);
}

RunResult cross_validate(const Recipe& recipe, const Dataset& data, const std::string& out, const RunOptions& options) {
  std::vector<Fold> folds =
      recipe.cv.drawn > 0 ? drawn_folds(recipe, data, options) : folds_of_groups(recipe, data, options);
  if (options.first_folds > 0 && options.first_folds < static_cast<int64_t>(folds.size()))
    folds.resize(options.first_folds);
  std::vector<Scores> scores;
  std::string posteriors, embeddings;
  int64_t embedding_size = 0;
  nlohmann::ordered_json per_fold = nlohmann::ordered_json::array();
  double mean = 0, mean_watched = 0;
  for (size_t i = 0; i < folds.size(); ++i) {
    RunOptions numbered = options;
    numbered.fold = static_cast<int64_t>(i);
    const std::string place = fmt::format("{}/fold-{}", out, i);
    RunResult result = recipe.cv.drawn > 0
                           ? train(folds[i].recipe, draw_fold(recipe, data, numbered.fold), place, numbered)
                           : train(folds[i].recipe, data, place, numbered);
    if (stopped(result)) return result;
    posteriors += result.test_posteriors;
    embeddings += result.test_embeddings;
    embedding_size = result.embedding_size;
    scores.push_back(*result.test);
    per_fold.push_back({{"fold", i},
                        {"groups", folds[i].groups},
                        {"clips", result.test->confusion.total()},
                        {"accuracy", result.test->accuracy()},
                        {"top3", result.test->top3},
                        {"uar", result.test->confusion.unweighted_recall()}});
    mean += result.test->accuracy() / static_cast<double>(folds.size());
    if (result.watched.is_null()) continue;
    per_fold.back()["watched"] = result.watched;
    mean_watched += result.watched["accuracy"].get<double>() / static_cast<double>(folds.size());
  }
  RunResult result;
  result.complete = true;
  result.test = pooled(scores);
  const Scores& all = *result.test;
  result.document = {{"schema", "limbic.cv/1"},
                     {"precision", recipe.train.precision},
                     {"folds", per_fold},
                     {"mean_accuracy", mean},
                     {"interval", interval_half_width(mean, all.confusion.total())},
                     {"pooled", scores_json(all)}};
  if (recipe.train.watch_test) result.document["mean_watched"] = mean_watched;
  write_file(out + "/posteriors.csv", posteriors_header(all.labels.size()) + posteriors, true);
  if (options.embeddings) write_file(out + "/embeddings.csv", embeddings_header(embedding_size) + embeddings, true);
  write_file(out + "/confusion.svg", confusion_svg("cross-validation: " + recipe.title, all), true);
  write_file(out + "/result.json", result.document.dump(1) + "\n", true);
  return result;
}

}  // namespace limbic
