// SPDX-License-Identifier: Apache-2.0
// `limbic predict`: the main job. Which emotion is in this clip?
#include <algorithm>
#include <chrono>
#include <memory>

#include <fmt/format.h>

#include "tools/answers.h"
#include "tools/inputs.h"
#include "tools/prediction/voice.h"
#include "tools/verb.h"

namespace limbic {
namespace {

struct Options {
  ClipArguments clips;
  std::string weights;
  int top = 3;
  double min_confidence = 0;  // 0: every answer is given
  bool timing = false;
};

Json probabilities_json(const EmotionProbabilities& p) {
  Json object = Json::object();
  for (size_t i = 0; i < p.size(); ++i) object[emotion_names[i]] = p[i];
  return object;
}

Json answer_json(const VoiceAnswer& voice, const std::string& model) {
  const auto& p = voice.probabilities;
  const std::string label = emotion_names[std::max_element(p.begin(), p.end()) - p.begin()];
  Json windows = Json::array();
  for (const auto& w : voice.windows) {
    windows.push_back({{"start_s", w.start_s}, {"end_s", w.end_s}, {"probabilities", probabilities_json(w.probabilities)}});
  }
  return {{"duration_s", voice.duration_s},
          {"label", label},
          {"probabilities", probabilities_json(p)},
          {"streams", {{"voice", {{"label", label}, {"probabilities", probabilities_json(p)}, {"model", model}, {"windows", windows}}}}},
          {"warnings", voice.warnings}};
}

void print_answer(const Json& answer, const Options& options) {
  fmt::print("{}  {:.2f} s of voice", answer["input"].get<std::string>(), answer["duration_s"].get<double>());
  const size_t windows = answer["streams"]["voice"]["windows"].size();
  if (windows > 1) fmt::print(", {} windows", windows);
  if (answer.contains("timing")) fmt::print(", {:.0f} ms", answer["timing"]["ms"].get<double>());
  fmt::print("\n");
  std::vector<std::pair<std::string, double>> ranked;
  for (const auto& [name, p] : answer["probabilities"].items()) ranked.emplace_back(name, p.get<double>());
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  ranked.resize(options.top);
  const bool certain = ranked[0].second >= options.min_confidence;
  if (!certain) fmt::print("  uncertain: no emotion reaches {:g} %\n", 100 * options.min_confidence);
  for (const auto& [name, p] : ranked) {
    std::string bar;
    for (int k = 0; k < static_cast<int>(p * 40 + 0.5); ++k) bar += "█";
    const bool bold = name == ranked[0].first && certain && use_color();
    fmt::print("  {}{:<10}{} {:5.1f} %  {}\n", bold ? "\x1b[1m" : "", name, bold ? "\x1b[0m" : "", p * 100, bar);
  }
}

int run(const Program& program, const Options& options) {
  const std::string weights = options.weights.empty() ? find_data_file("weights/voice.h5") : options.weights;
  if (weights.empty()) {
    throw Error(ExitCode::weights, "predict: found no weights/voice.h5 beside the program; expected it, or --weights FILE");
  }
  VoiceModel model(weights);
  const auto answer = [&](const std::string& clip) {
    const auto start = std::chrono::steady_clock::now();
    Json known = answer_json(model.answer(clip), model.name());
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    if (options.min_confidence > 0) {
      const std::string label = known["label"];
      known["answer"] = known["probabilities"][label].get<double>() >= options.min_confidence ? label : "uncertain";
    }
    if (options.timing) known["timing"] = {{"ms", took.count()}};
    return known;
  };
  Json unknown = {{"duration_s", nullptr}, {"label", nullptr}, {"probabilities", Json::object()},
                        {"streams", Json::object()}, {"warnings", Json::array()}};
  if (options.min_confidence > 0) unknown["answer"] = nullptr;
  const Answers answers = answer_clips(program, options.clips, {weights, model.warnings(), unknown, answer, [&](const Json& result) {
    print_answer(result, options);
  }});
  if (program.json && !options.clips.jsonl) print_json({{"schema", "limbic.predict/1"}, {"results", answers.results}});
  return answers.code;
}

}  // namespace

void add_predict(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = program.verb("predict", "the emotion in each clip",
                               "  limbic predict tests/clips/demo.mp4\n"
                               "  limbic predict --top 8 clips/ interview.wav\n"
                               "  limbic predict --jsonl recordings/ > answers.jsonl");
  add_clips(sub, options->clips);
  sub->add_option("--weights,--voice-weights", options->weights, "the voice net (default: the shipped weights/voice.h5)");
  sub->add_option("--top", options->top, "how many emotions to print (default 3; JSON always has all eight)")
      ->check(CLI::Range(1, 8));
  sub->add_option("--min-confidence", options->min_confidence,
                  "answer \"uncertain\" where no emotion is this probable (0 to 1); JSON then has \"answer\" beside \"label\", which stays the most probable")
      ->check(CLI::Range(0.0, 1.0));
  sub->add_flag("--timing", options->timing, "say how long each clip took");
  sub->callback([&program, options] { program.run = [&program, options] { return run(program, *options); }; });
}

}  // namespace limbic
