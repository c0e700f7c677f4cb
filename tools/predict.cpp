// SPDX-License-Identifier: Apache-2.0
// `limbic predict`: the main job. Which emotion is in this clip?
#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>

#include <fmt/format.h>

#include "tools/inputs.h"
#include "tools/prediction/voice.h"
#include "tools/verb.h"

namespace limbic {
namespace {

struct Options {
  std::vector<std::string> clips;
  std::string weights;
  int top = 3;
  bool jsonl = false, timing = false;
};

struct Result {
  std::string input;
  ExitCode code{};
  std::string error;  // empty: answered
  VoiceAnswer voice;
  double ms = 0;
};

std::vector<int> ranking(const EmotionProbabilities& p) {
  std::vector<int> order(p.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return p[a] > p[b]; });
  return order;
}

Json probabilities_json(const EmotionProbabilities& p) {
  Json object = Json::object();
  for (size_t i = 0; i < p.size(); ++i) object[emotion_names[i]] = p[i];
  return object;
}

Json result_json(const Result& r, const VoiceModel& model, bool timing) {
  Json object;
  object["input"] = r.input;
  if (!r.error.empty()) {
    object["status"] = "error";
    object["error"] = r.error;
    return object;
  }
  const auto& voice = r.voice;
  const std::string label = emotion_names[ranking(voice.probabilities)[0]];
  object["status"] = "ok";
  object["error"] = nullptr;
  object["duration_s"] = voice.duration_s;
  object["label"] = label;
  object["probabilities"] = probabilities_json(voice.probabilities);
  Json windows = Json::array();
  for (const auto& w : voice.windows) {
    windows.push_back({{"start_s", w.start_s}, {"end_s", w.end_s}, {"probabilities", probabilities_json(w.probabilities)}});
  }
  object["streams"]["voice"] = {{"label", label},
                                {"probabilities", probabilities_json(voice.probabilities)},
                                {"model", model.name()},
                                {"windows", windows}};
  object["warnings"] = voice.warnings;
  for (const auto& warning : model.warnings()) object["warnings"].push_back("weights: " + warning);
  if (timing) object["timing"] = {{"ms", r.ms}};
  return object;
}

void print_result(const Result& r, const Options& options) {
  fmt::print("{}  {:.2f} s of voice", r.input, r.voice.duration_s);
  if (r.voice.windows.size() > 1) fmt::print(", {} windows", r.voice.windows.size());
  if (options.timing) fmt::print(", {:.0f} ms", r.ms);
  fmt::print("\n");
  const auto order = ranking(r.voice.probabilities);
  for (int i = 0; i < std::min<int>(options.top, static_cast<int>(order.size())); ++i) {
    const double p = r.voice.probabilities[order[i]];
    std::string bar;
    for (int k = 0; k < static_cast<int>(p * 40 + 0.5); ++k) bar += "█";
    const bool bold = i == 0 && use_color();
    fmt::print("  {}{:<10}{} {:5.1f} %  {}\n", bold ? "\x1b[1m" : "", emotion_names[order[i]], bold ? "\x1b[0m" : "",
               p * 100, bar);
  }
  std::fflush(stdout);
}

Result predict_one(const std::string& clip, VoiceModel& model) {
  Result result;
  result.input = clip;
  const auto start = std::chrono::steady_clock::now();
  try {
    result.voice = model.answer(clip);
  } catch (const Error& error) {
    if (error.code == ExitCode::weights || error.code == ExitCode::usage) throw;  // not this clip's fault
    result.error = error.what();
    result.code = error.code;
  }
  result.ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return result;
}

int run(const Program& program, const Options& options) {
  const auto clips = expand_inputs(options.clips);
  const std::string weights = options.weights.empty() ? find_data_file("weights/voice.h5") : options.weights;
  if (weights.empty()) {
    throw Error(ExitCode::weights, "predict: found no weights/voice.h5 beside the program; expected it, or --weights FILE");
  }
  VoiceModel model(weights);
  for (const auto& warning : model.warnings()) print_note(program, fmt::format("warning: {}: {}", weights, warning));
  Json results = Json::array();
  int failed = 0;
  ExitCode code{};
  for (const std::string& clip : clips) {
    const Result result = predict_one(clip, model);
    if (!result.error.empty()) {
      ++failed;
      code = result.code;
      fmt::print(stderr, "limbic: {}\n", result.error);
    }
    for (const auto& warning : result.voice.warnings) print_note(program, fmt::format("warning: {}: {}", clip, warning));
    if (options.jsonl) {
      Json line = result_json(result, model, options.timing);
      fmt::print("{}\n", line.dump(-1, ' ', false, Json::error_handler_t::replace));
      std::fflush(stdout);
    } else if (program.json) {
      results.push_back(result_json(result, model, options.timing));
    } else if (result.error.empty()) {
      print_result(result, options);
    }
  }
  if (program.json && !options.jsonl) print_json({{"schema", "limbic.predict/1"}, {"results", results}});
  if (failed == 0) return 0;
  return static_cast<int>(clips.size() == 1 ? code : ExitCode::partial);
}

}  // namespace

void add_predict(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = program.verb("predict", "the emotion in each clip",
                               "  limbic predict tests/clips/demo.mp4\n"
                               "  limbic predict --top 8 clips/ interview.wav\n"
                               "  limbic predict --jsonl recordings/ > answers.jsonl");
  sub->add_option("clips", options->clips, "clips (any container FFmpeg reads), folders, or quoted patterns")->required();
  sub->add_option("--weights,--voice-weights", options->weights, "the voice net (default: the shipped weights/voice.h5)");
  sub->add_option("--top", options->top, "how many emotions to print (default 3; JSON always has all eight)")
      ->check(CLI::Range(1, 8));
  sub->add_flag("--jsonl", options->jsonl, "one JSON document a clip, one a line, as each is ready");
  sub->add_flag("--timing", options->timing, "say how long each clip took");
  sub->callback([&program, options] { program.run = [&program, options] { return run(program, *options); }; });
}

}  // namespace limbic
