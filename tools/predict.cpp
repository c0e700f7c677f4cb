// SPDX-License-Identifier: Apache-2.0
// `limbic predict`: the main job. Which emotion is in this clip?
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "io/input.h"
#include "tools/answers.h"
#include "tools/inputs.h"
#include "tools/prediction/face.h"
#include "tools/prediction/voice.h"
#include "tools/verb.h"

namespace limbic {
namespace {

struct Options {
  ClipArguments clips;
  std::string weights, face_weights;
  int top = 3;
  double min_confidence = 0;  // 0: every answer is given
  bool timing = false;
};

Json probabilities_json(const EmotionProbabilities& p) {
  Json object = Json::object();
  for (size_t i = 0; i < p.size(); ++i) object[emotion_names[i]] = p[i];
  return object;
}

const char* label_of(const EmotionProbabilities& p) { return emotion_names[std::max_element(p.begin(), p.end()) - p.begin()]; }

Json voice_json(const VoiceAnswer& voice, const std::string& model) {
  Json windows = Json::array();
  for (const auto& w : voice.windows) {
    windows.push_back({{"start_s", w.start_s}, {"end_s", w.end_s}, {"probabilities", probabilities_json(w.probabilities)}});
  }
  return {{"label", label_of(voice.probabilities)}, {"probabilities", probabilities_json(voice.probabilities)}, {"model", model}, {"windows", windows}};
}

Json face_json(const FaceAnswer& face, const FaceModel& model) {
  Json frames = Json::array();
  for (const auto& f : face.frames) {
    Json p = Json::object();
    for (size_t c = 0; c < f.probabilities.size(); ++c) p[model.labels()[c]] = f.probabilities[c];
    frames.push_back({{"pts_s", f.pts_s}, {"box", f.probabilities.empty() ? Json() : Json(f.box)}, {"probabilities", p}});
  }
  const bool seen = face.faces > 0;
  return {{"coverage", face.coverage()}, {"label", seen ? Json(label_of(face.probabilities)) : Json()},
          {"probabilities", seen ? probabilities_json(face.probabilities) : Json::object()}, {"model", model.name()}, {"frames", frames}};
}

// What the streams of a clip say; one that is missing is empty, with the reason among the warnings. Throws where none says
// anything, and where the file itself is at fault.
struct Heard {
  std::optional<VoiceAnswer> voice;
  std::optional<FaceAnswer> face;  // without a face, too: its frames are the evidence
  std::vector<std::string> warnings;
  bool seen() const { return face && face->faces > 0; }
};

Heard hear_and_see(const std::string& clip, VoiceModel& voice, FaceModel* face) {
  Heard heard;
  std::optional<MediaError> silent;
  try {
    heard.voice = voice.answer(clip);
    heard.warnings = heard.voice->warnings;
  } catch (const MediaError& error) {
    if (!face || error.fault != MediaFault::no_audio) throw;
    silent = error;
  }
  if (!face) return heard;
  std::string blind = "no face in any frame";
  try {
    heard.face = face->answer(clip);
    heard.warnings.insert(heard.warnings.end(), heard.face->warnings.begin(), heard.face->warnings.end());
  } catch (const MediaError& error) {
    blind = error.what();
  }
  if (silent && !heard.seen()) throw *silent;
  if (silent) heard.warnings.push_back(fmt::format("the face alone answers: {}", silent->what()));
  if (!heard.seen()) heard.warnings.push_back(fmt::format("the voice alone answers: {}", blind));
  return heard;
}

Json answer_json(const Heard& heard, const VoiceModel& voice, const FaceModel* face) {
  EmotionProbabilities p = heard.voice ? heard.voice->probabilities : heard.face->probabilities;
  if (heard.voice && heard.seen()) p = fuse(p, heard.face->probabilities, face->knows());
  Json answer = {{"duration_s", heard.voice ? heard.voice->duration_s : heard.face->frames.back().pts_s}, {"label", label_of(p)},
                 {"probabilities", probabilities_json(p)}, {"streams", Json::object()}, {"warnings", heard.warnings}};
  if (heard.voice) answer["streams"]["voice"] = voice_json(*heard.voice, voice.name());
  if (heard.face) answer["streams"]["face"] = face_json(*heard.face, *face);
  if (!face) return answer;
  Json streams = Json::array(), unknown = Json::array();
  if (heard.voice) streams.push_back("voice");
  if (heard.seen()) streams.push_back("face");
  for (size_t i = 0; i < emotion_names.size(); ++i) {
    if (!face->knows()[i]) unknown.push_back(emotion_names[i]);
  }
  answer["fusion"] = {{"method", "mean"}, {"streams", streams}, {"unknown_to_face", unknown}};
  return answer;
}

// "voice: happy 61.0 %", where two streams have become one.
void print_stream(const char* name, const Json& stream) {
  const std::string label = stream["label"];
  fmt::print("  {}: {} {:.1f} %\n", name, label, 100 * stream["probabilities"][label].get<double>());
}

void print_answer(const Json& answer, const Options& options) {
  const Json& streams = answer["streams"];
  fmt::print("{}  ", clean_text(answer["input"].get<std::string>()));
  if (streams.contains("voice")) {
    fmt::print("{:.2f} s of voice", answer["duration_s"].get<double>());
    if (const size_t windows = streams["voice"]["windows"].size(); windows > 1) fmt::print(", {} windows", windows);
  }
  if (streams.contains("face")) {
    const Json& frames = streams["face"]["frames"];
    const auto faces = std::count_if(frames.begin(), frames.end(), [](const Json& frame) { return !frame["box"].is_null(); });
    fmt::print("{}a face in {} of {} frames", streams.contains("voice") ? ", " : "", faces, frames.size());
  }
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
  if (answer.contains("fusion") && answer["fusion"]["streams"].size() > 1) {
    for (const char* name : {"voice", "face"}) print_stream(name, streams[name]);
  }
}

int run(const Program& program, const Options& options) {
  const std::string weights = options.weights.empty() ? find_data_file("weights/voice.h5") : options.weights;
  if (weights.empty()) {
    throw Error(ExitCode::weights, "predict: found no weights/voice.h5 beside the program; expected it, or --weights FILE");
  }
  VoiceModel model(weights);
  const std::string face_weights = options.face_weights.empty() ? find_data_file("weights/face.h5") : options.face_weights;
  std::unique_ptr<FaceModel> face;
  if (!face_weights.empty()) {
    face = std::make_unique<FaceModel>(face_weights);
    for (const auto& warning : face->warnings()) print_note(program, fmt::format("warning: {}: {}", face_weights, warning));
  }
  const auto answer = [&](const std::string& clip) {
    const auto start = std::chrono::steady_clock::now();
    Json known = answer_json(hear_and_see(clip, model, face.get()), model, face.get());
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
  if (face) unknown["fusion"] = nullptr;
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
  sub->add_option("--face-weights", options->face_weights,
                  "a face net, which answers beside the voice (default: weights/face.h5 where there is one)");
  sub->add_option("--top", options->top, "how many emotions to print (default 3; JSON always has all eight)")
      ->check(CLI::Range(1, 8));
  sub->add_option("--min-confidence", options->min_confidence,
                  "answer \"uncertain\" where no emotion is this probable (0 to 1); JSON then has \"answer\" beside \"label\", which stays the most probable")
      ->check(CLI::Range(0.0, 1.0));
  sub->add_flag("--timing", options->timing, "say how long each clip took");
  sub->callback([&program, options] { program.run = [&program, options] { return run(program, *options); }; });
}

}  // namespace limbic
