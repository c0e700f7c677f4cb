// SPDX-License-Identifier: Apache-2.0
// limbic fuse: class scores of several streams, or any features, to one answer a clip.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "io/dataset.h"
#include "io/files.h"
#include "tools/fusion/model.h"
#include "tools/fusion/streams.h"
#include "tools/training/calibration.h"
#include "tools/training/pictures.h"
#include "tools/verb.h"

namespace limbic {

namespace {

struct FuseArguments {
  std::vector<std::string> train, test;
  std::string train_groups, test_groups, folds, out, reliability;
  bool calibrate = false, force = false;
  FuseOptions options;
};

struct Answered {
  Table table;  // the rows that were asked for
  Matrix p;     // [rows, classes]
  Json about = Json::object();
};

// The rows of the named speakers, by the column actor, or group where there is no actor.
Table of_groups(const Table& table, const std::string& groups) {
  if (groups.empty()) return table;
  const auto& column = table.key(table.keys.count("actor") ? "actor" : "group");
  std::set<std::string> missing;
  const auto wanted = parse_groups(groups);
  std::vector<int64_t> rows;
  missing.insert(wanted.begin(), wanted.end());
  for (size_t i = 0; i < column.size(); ++i) {
    if (std::find(wanted.begin(), wanted.end(), column[i]) == wanted.end()) continue;
    rows.push_back(static_cast<int64_t>(i));
    missing.erase(column[i]);
  }
  if (!missing.empty())
    throw Error(ExitCode::usage, fmt::format("{}: found no row of group {}, expected one of each of \"{}\"",
                                             table.parts[0].file, *missing.begin(), groups));
  return table.chosen(rows);
}

// What the training rows are told apart by where a temperature is fitted on answers of models that did not see them.
std::string grouping(const Table& table) {
  for (const char* column : {"fold", "actor", "group"}) {
    if (table.keys.count(column)) return column;
  }
  throw Error(ExitCode::usage, fmt::format("{}: found no column fold, actor or group, expected one for --calibrate",
                                           table.parts[0].file));
}

void check_arguments(const FuseArguments& a) {
  if (a.test.empty() == a.folds.empty())
    throw Error(ExitCode::usage, "fuse: expected either --test FILE or --folds COLUMN");
  if (!a.folds.empty() && !a.test_groups.empty()) throw Error(ExitCode::usage, "fuse: --test-groups needs --test");
  if (!a.options.stream_weights.empty()) {
    double sum = 0;
    for (const double weight : a.options.stream_weights) {
      if (!(weight >= 0))
        throw Error(ExitCode::usage, fmt::format("--stream-weights: found {}, expected numbers from 0", weight));
      sum += weight;
    }
    if (a.options.method != "weighted")
      throw Error(ExitCode::usage,
                  fmt::format("--stream-weights: found --method {}, expected weighted", a.options.method));
    if (!(sum > 0)) throw Error(ExitCode::usage, "--stream-weights: found only zeros, expected one above 0");
  }
  for (const auto& path : {a.out, a.reliability}) {
    if (!path.empty()) refuse_overwrite(path, a.force);
  }
}

Answered answer(const Program& program, const FuseArguments& a) {
  Table train = of_groups(read_table(a.train), a.train_groups);
  for (const auto& note : train.notes) print_note(program, note);
  if (train.classes.size() < 2)
    throw Error(ExitCode::media, fmt::format("{}, line 2: found the label {} in every row, expected two or more labels",
                                             a.train[0], train.classes[0]));
  if (!a.folds.empty()) {
    if (a.calibrate && folds_of(train, a.folds).size() < 3)
      throw Error(ExitCode::usage,
                  fmt::format("{}: found two folds, expected three or more for --calibrate", a.train[0]));
    Matrix p = answer_out_of_fold(a.options, train, a.folds, a.calibrate);
    return {std::move(train), std::move(p)};
  }
  Answered result{of_groups(read_table_like(train, a.test), a.test_groups), {}};
  const std::set<std::string> trained_on(train.names.begin(), train.names.end());
  const auto shared = std::count_if(result.table.names.begin(), result.table.names.end(),
                                    [&](const auto& name) { return trained_on.count(name) > 0; });
  if (shared)
    print_note(program, fmt::format("{} of {} test rows are in the training table too: their answers are in-sample",
                                    shared, result.table.rows()));
  result.p = fit_and_answer(a.options, train, result.table, result.about);
  if (a.calibrate) {
    const double temperature =
        fit_temperature(answer_out_of_fold(a.options, train, grouping(train)), class_numbers(train));
    result.p = at_temperature(result.p, temperature);
    result.about["temperature"] = temperature;
  }
  return result;
}

std::string answers_csv(const Answered& answered) {
  std::string csv = "name,label,pred";
  for (int64_t k = 0; k < answered.p.columns; ++k) csv += fmt::format(",p{}", k);
  csv += '\n';
  for (int64_t i = 0; i < answered.p.rows; ++i) {
    const double* p = answered.p.row(i);
    const auto row = static_cast<size_t>(i);
    csv += fmt::format("{},{},{}", csv_field(answered.table.names[row]), csv_field(answered.table.labels[row]),
                       csv_field(answered.table.classes[static_cast<size_t>(first_maximum(p, answered.p.columns))]));
    for (int64_t k = 0; k < answered.p.columns; ++k) csv += fmt::format(",{}", p[k]);
    csv += '\n';
  }
  return csv;
}

// Each fold's accuracy and their mean, which is what system 1 reports.
Json fold_scores(const FuseArguments& a, const Answered& answered) {
  Json folds = Json::array();
  double mean = 0;
  const auto parts = folds_of(answered.table, a.folds);
  for (const Fold& fold : parts) {
    Matrix p(static_cast<int64_t>(fold.inside.size()), answered.p.columns);
    for (size_t i = 0; i < fold.inside.size(); ++i)
      std::copy(answered.p.row(fold.inside[i]), answered.p.row(fold.inside[i]) + p.columns,
                p.row(static_cast<int64_t>(i)));
    const Scores scores = score(answered.table.chosen(fold.inside), p);
    folds.push_back({{"fold", fold.value},
                     {"rows", fold.inside.size()},
                     {"accuracy", scores.accuracy()},
                     {"top3", scores.top3},
                     {"uar", scores.confusion.unweighted_recall()}});
    mean += scores.accuracy() / static_cast<double>(parts.size());
  }
  return {{"column", a.folds},
          {"mean_accuracy", mean},
          {"interval", interval_half_width(mean, answered.p.rows)},
          {"folds", folds}};
}

int run_fuse(const Program& program, const FuseArguments& a) {
  check_arguments(a);
  const Answered answered = answer(program, a);
  if (!a.out.empty()) write_file(a.out, answers_csv(answered), a.force);
  const Scores scores = score(answered.table, answered.p);
  const bool scored = scores.confusion.total() > 0;
  const Reliability measured = reliability(answered.p, class_numbers(answered.table));
  if (!a.reliability.empty())
    write_file(a.reliability,
               reliability_svg(fmt::format("{}: is it as sure as it is right?", a.options.method),
                               {{a.calibrate ? "calibrated" : "as it is", measured}}),
               a.force);
  Json cross;
  if (!a.folds.empty()) cross = fold_scores(a, answered);
  if (program.json) {
    Json document = {{"schema", "limbic.fuse/1"},
                     {"status", "ok"},
                     {"method", a.options.method},
                     {"scale", a.options.scale},
                     {"C", a.options.C},
                     {"train", a.train},
                     {"test", a.test},
                     {"rows", answered.p.rows},
                     {"labels", answered.table.classes},
                     {"cross_validation", cross},
                     {"model", answered.about},
                     {"calibration_error", scored ? Json(measured.ece) : Json()},
                     {"scores", scored ? scores_json(scores) : Json()}};
    print_json(document);
    return 0;
  }
  if (!scored) fmt::print("{} rows answered; none has a label\n", answered.p.rows);
  if (!cross.is_null()) {
    for (const auto& fold : cross["folds"])
      fmt::print("fold {}: {:.2f} % of {}\n", fold["fold"].get<std::string>(), 100 * fold["accuracy"].get<double>(),
                 fold["rows"].get<int64_t>());
    fmt::print("mean of the folds {:.2f} % +-{:.2f} %\n", 100 * cross["mean_accuracy"].get<double>(),
               100 * cross["interval"].get<double>());
  }
  if (scored) fmt::print("{}\ncalibration error {:.4f}\n", scores_text(scores), measured.ece);
  return 0;
}

}  // namespace

void add_fuse(Program& program) {
  auto a = std::make_shared<FuseArguments>();
  CLI::App* verb = program.verb(
      "fuse", "combine streams of class scores, or classify feature columns",
      "  limbic fuse --train voice_a.csv face_a.csv --test voice_b.csv face_b.csv --method logistic -o fused.csv\n"
      "  limbic fuse --train action_units.csv --folds fold --method svc --C 10 --scale minmax");
  verb->add_option("--train", a->train, "CSV with name,label and numbers; further ones are joined to it by name")
      ->required();
  verb->add_option("--test", a->test, "CSV to answer, as many files as --train has; labels may be empty");
  verb->add_option(
      "--folds", a->folds,
      "in place of --test: answer the rows of each value of this column (fold, actor, ...) by a model of the others");
  verb->add_option("--train-groups", a->train_groups,
                   "train on these speakers only (column actor, else group), e.g. 1-16");
  verb->add_option("--test-groups", a->test_groups, "answer these speakers only");
  verb->add_option("--method", a->options.method,
                   "logistic (default), svc, knn, mlp on features; mean, median, mode, weighted on class scores")
      ->check(CLI::IsMember({"logistic", "svc", "knn", "mlp", "mean", "median", "mode", "weighted"}));
  verb->add_option("--scale", a->options.scale,
                   "none (default), minmax or standard, fitted on --train; for logistic, svc, knn, mlp")
      ->check(CLI::IsMember({"none", "minmax", "standard"}));
  verb->add_option("--C", a->options.C, "logistic, svc: weight of the errors against the penalty (default 1)")
      ->check(CLI::Range(1e-9, 1e9));
  verb->add_option("--neighbours", a->options.neighbours, "knn: how many (default 10)")->check(CLI::Range(1, 1000000));
  verb->add_option("--hidden", a->options.hidden, "mlp: sizes of the hidden layers, e.g. 80,80 (default 80)")
      ->delimiter(',')
      ->check(CLI::Range(1, 100000));
  verb->add_option("--seed", a->options.seed, "mlp: of weights and order (default 2020)")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--stream-weights", a->options.stream_weights,
                   "weighted: one number a stream, e.g. 0.6,0.4 (default: each one's accuracy on --train)")
      ->delimiter(',');
  verb->add_option("-o,--out", a->out, "CSV of the answers: name,label,pred,p0,...");
  verb->add_flag("--calibrate", a->calibrate,
                 "scale the answers by a temperature, fitted on --train's rows as models without their fold (or actor, "
                 "group) answer them");
  verb->add_option("--reliability", a->reliability, "draw accuracy over confidence (SVG)");
  verb->add_flag("--force", a->force, "replace output files");
  verb->callback([&program, a] { program.run = [&program, a] { return run_fuse(program, *a); }; });
}

}  // namespace limbic
