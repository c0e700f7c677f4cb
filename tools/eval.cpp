// SPDX-License-Identifier: Apache-2.0
// limbic eval: what weights are worth on labelled clips.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "tools/training/progress.h"
#include "tools/training/scores.h"
#include "tools/training/split.h"
#include "tools/verb.h"

namespace limbic {

namespace {

struct EvalArguments {
  std::string weights, data, groups;
};

int run_eval(const Program& program, const EvalArguments& a) {
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
    const bool known = std::find(model.labels().begin(), model.labels().end(), clip.label) != model.labels().end();
    if (known) clips.push_back(clip);
    else ++left_out;
  }
  if (clips.empty()) throw Error(ExitCode::usage, fmt::format("{}: no clip of groups \"{}\" has a label of {}", a.data, a.groups, a.weights));
  if (left_out) print_note(program, fmt::format("{} clips with labels that {} does not know are left out", left_out, a.weights));
  ProgressLine progress(program.quiet);
  const auto examples = load_examples(clips, model.labels(), model.input(), {}, [&](const std::string& what, int64_t done, int64_t total) {
    progress.show(fmt::format("{} {}/{}", what, done, total));
  });
  const Scores scores = evaluate(model, examples);
  if (program.json) {
    Json document = {{"schema", "limbic.eval/1"}, {"weights", a.weights}, {"net", model.net().name}, {"groups", a.groups}};
    document.update(scores_json(scores));
    print_json(document);
  } else {
    fmt::print("{}", scores_text(scores));
  }
  return 0;
}

}  // namespace

void add_eval(Program& program) {
  auto a = std::make_shared<EvalArguments>();
  CLI::App* verb = program.verb("eval", "measure weights on labelled clips",
                                "  limbic eval --weights weights/voice.h5 --data ravdess_speech --groups 1,6,21-24");
  verb->add_option("--weights", a->weights, "weights with a model card")->required();
  verb->add_option("--data", a->data, "folder of clips with RAVDESS names, or a manifest (path,label,group)")->required();
  verb->add_option("--groups", a->groups, "speakers to measure on, e.g. 21-24; default: all");
  verb->callback([&program, a] { program.run = [&program, a] { return run_eval(program, *a); }; });
}

}  // namespace limbic
