// SPDX-License-Identifier: Apache-2.0
// limbic eval: what weights are worth on labelled clips.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "io/files.h"
#include "tools/training/calibration.h"
#include "tools/training/pictures.h"
#include "tools/training/posteriors.h"
#include "tools/training/progress.h"
#include "tools/training/scores.h"
#include "tools/training/split.h"
#include "tools/verb.h"

namespace limbic {

namespace {

struct EvalArguments {
  std::string weights, data, groups, split, reliability, calibrate;
  bool force = false;
};

// The same weights with a card that names the temperature.
void write_calibrated(const EvalArguments& a, double temperature) {
  WeightFile file = read_weights(a.weights);
  file.card.attributes["temperature"] = fmt::format("{:.4f}", temperature);
  write_weights_hdf5(a.calibrate, file, a.force);
}

int run_eval(const Program& program, const EvalArguments& a) {
  for (const auto& path : {a.reliability, a.calibrate}) {
    if (!path.empty()) refuse_overwrite(path, a.force);
  }
  Classifier model = Classifier::load(a.weights);
  for (const auto& warning : model.warnings()) print_note(program, fmt::format("warning: {}: {}", a.weights, warning));
  const Dataset data = read_dataset(a.data);
  for (const auto& warning : data.warnings) print_note(program, warning);
  const auto wanted = parse_groups(a.groups);
  check_groups(data, wanted, "--groups");
  std::vector<DatasetClip> clips;
  size_t left_out = 0;
  for (const auto& clip : data.clips) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), clip.group) == wanted.end()) continue;
    if (!a.split.empty() && clip.split != a.split) continue;
    const bool known = std::find(model.labels().begin(), model.labels().end(), clip.label) != model.labels().end();
    if (known)
      clips.push_back(clip);
    else
      ++left_out;
  }
  if (clips.empty()) {
    std::string those = a.groups.empty() ? "" : fmt::format(" of groups \"{}\"", a.groups);
    if (!a.split.empty()) those += fmt::format(" of the split column's \"{}\"", a.split);
    throw Error(ExitCode::usage, fmt::format("{}: no clip{} has a label of {}", a.data, those, a.weights));
  }
  if (left_out)
    print_note(program, fmt::format("{} clips with labels that {} does not know are left out", left_out, a.weights));
  ProgressLine progress(program.quiet);
  const auto examples = load_examples(clips, model, {}, [&](const std::string& what, int64_t done, int64_t total) {
    progress.show(fmt::format("{} {}/{}", what, done, total));
  });
  const Scores scores = evaluate(model, examples);
  Json calibration;
  if (!a.reliability.empty() || !a.calibrate.empty()) {
    const Matrix p = posteriors(model, examples);
    std::vector<int> labels;
    for (const auto& example : examples) labels.push_back(example.label);
    std::vector<ReliabilityPanel> panels = {
        {fmt::format("temperature {:.3g}", model.temperature()), reliability(p, labels)}};
    calibration = {{"temperature", model.temperature()},
                   {"calibration_error", panels[0].reliability.ece},
                   {"loss", panels[0].reliability.loss}};
    if (!a.calibrate.empty()) {
      const double change = fit_temperature(p, labels);
      panels.push_back({fmt::format("temperature {:.3g}, fitted here", change * model.temperature()),
                        reliability(at_temperature(p, change), labels)});
      calibration["fitted"] = {{"temperature", change * model.temperature()},
                               {"calibration_error", panels[1].reliability.ece},
                               {"loss", panels[1].reliability.loss}};
      write_calibrated(a, change * model.temperature());
    }
    if (!a.reliability.empty())
      write_file(a.reliability,
                 reliability_svg(fmt::format("{}: is it as sure as it is right?",
                                             std::filesystem::path(a.weights).filename().string()),
                                 panels),
                 a.force);
  }
  if (program.json) {
    Json document = {{"schema", "limbic.eval/1"}, {"weights", a.weights}, {"net", model.net().name},
                     {"groups", a.groups},        {"split", a.split},     {"split", a.split}};
    document.update(scores_json(scores));
    if (!calibration.is_null()) document["calibration"] = calibration;
    print_json(document);
  } else {
    fmt::print("{}", scores_text(scores));
    if (!calibration.is_null())
      fmt::print("\ncalibration error {:.4f} at temperature {:.4f}\n", calibration["calibration_error"].get<double>(),
                 model.temperature());
    if (!a.calibrate.empty()) {
      fmt::print(
          "fitted: temperature {:.4f}, calibration error {:.4f}, loss {:.4f} (of the clips that it was fitted on)\n",
          calibration["fitted"]["temperature"].get<double>(), calibration["fitted"]["calibration_error"].get<double>(),
          calibration["fitted"]["loss"].get<double>());
    }
  }
  return 0;
}

}  // namespace

void add_eval(Program& program) {
  auto a = std::make_shared<EvalArguments>();
  CLI::App* verb = program.verb("eval", "measure weights on labelled clips",
                                "  limbic eval --weights weights/voice.h5 --data ravdess_speech --groups 1,6,21-24\n"
                                "  limbic eval --weights weights/face.h5 --data fer2013/fer2013.csv --split test");
  verb->add_option("--weights", a->weights, "weights with a model card")->required();
  verb->add_option("--data", a->data, "folder of clips with RAVDESS names, a manifest (path,label,group), or a log-mel file of `limbic data`")
      ->required();
  verb->add_option("--groups", a->groups, "speakers to measure on, e.g. 21-24; default: all");
  verb->add_option("--split", a->split, "clips to measure on, by the manifest's column split; default: all")
      ->check(CLI::IsMember({"train", "validation", "test"}));
  verb->add_option("--reliability", a->reliability, "draw accuracy over confidence (SVG)");
  verb->add_option("--calibrate", a->calibrate,
                   "write the weights with the temperature that fits these clips; take other speakers than the test's");
  verb->add_flag("--force", a->force, "replace output files");
  verb->callback([&program, a] { program.run = [&program, a] { return run_eval(program, *a); }; });
}

}  // namespace limbic
