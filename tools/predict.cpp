// SPDX-License-Identifier: Apache-2.0
// `limbic predict`: the main job. Which emotion is in this clip?
#include <algorithm>
#include <chrono>
#include <memory>

#include <fmt/format.h>

#include "io/input.h"
#include "tools/answers.h"
#include "tools/prediction/clip.h"
#include "tools/verb.h"

namespace limbic {
namespace {

struct Options {
  ClipArguments clips;
  std::string weights, face_weights, detector, faces = "largest";
  int top = 3;
  double min_confidence = 0;  // 0: every answer is given
  bool timing = false;
};

Json probabilities_json(const EmotionProbabilities& p) {
  Json object = Json::object();
  for (size_t i = 0; i < p.size(); ++i) object[emotion_names[i]] = p[i];
  return object;
}

Json voice_json(const VoiceAnswer& voice, const std::string& model) {
  Json windows = Json::array();
  for (const auto& w : voice.windows) {
    windows.push_back(
        {{"start_s", w.start_s}, {"end_s", w.end_s}, {"probabilities", probabilities_json(w.probabilities)}});
  }
  return {{"label", label_of(voice.probabilities)},
          {"probabilities", probabilities_json(voice.probabilities)},
          {"model", model},
          {"windows", windows}};
}

Json track_json(const FaceTrack& track, double coverage, const FaceModel& model) {
  Json frames = Json::array();
  for (const auto& f : track.frames) {
    Json p = Json::object();
    for (size_t c = 0; c < f.probabilities.size(); ++c) p[model.labels()[c]] = f.probabilities[c];
    frames.push_back(
        {{"pts_s", f.pts_s}, {"box", f.probabilities.empty() ? Json() : Json(f.box)}, {"probabilities", p}});
  }
  const bool seen = track.faces > 0;
  return {{"coverage", coverage},
          {"label", seen ? Json(label_of(track.probabilities)) : Json()},
          {"probabilities", seen ? probabilities_json(track.probabilities) : Json::object()},
          {"model", model.name()},
          {"frames", frames}};
}

Json face_json(const FaceAnswer& face, const FaceModel& model, Faces which) {
  Json stream = track_json(face, face.coverage(face), model);
  if (!model.detector.empty()) stream["detector"] = model.detector;
  if (which == Faces::largest) return stream;
  stream["tracks"] = Json::array();
  for (const FaceTrack& track : face.tracks) stream["tracks"].push_back(track_json(track, face.coverage(track), model));
  return stream;
}

Json answer_json(const ClipAnswer& clip, const ClipModels& models, Faces which) {
  Json answer = {{"duration_s", clip.duration_s},
                 {"label", label_of(clip.probabilities)},
                 {"probabilities", probabilities_json(clip.probabilities)},
                 {"streams", Json::object()},
                 {"warnings", clip.warnings}};
  if (clip.voice) answer["streams"]["voice"] = voice_json(*clip.voice, models.voice->name());
  if (clip.face) answer["streams"]["face"] = face_json(*clip.face, *models.face, which);
  if (!models.face) return answer;
  Json streams = Json::array(), unknown = Json::array();
  if (clip.voice) streams.push_back("voice");
  if (clip.seen()) streams.push_back("face");
  for (size_t i = 0; i < emotion_names.size(); ++i) {
    if (!models.face->knows()[i]) unknown.push_back(emotion_names[i]);
  }
  answer["fusion"] = {{"method", "mean"}, {"streams", streams}, {"unknown_to_face", unknown}};
  return answer;
}

// "voice: happy 61.0 %", where two streams have become one.
void print_stream(const std::string& name, const Json& stream) {
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
    const auto faces =
        std::count_if(frames.begin(), frames.end(), [](const Json& frame) { return !frame["box"].is_null(); });
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
  if (!streams.contains("face") || !streams["face"].contains("tracks") || streams["face"]["tracks"].size() < 2) return;
  for (size_t i = 0; i < streams["face"]["tracks"].size(); ++i) {
    const Json& track = streams["face"]["tracks"][i];
    print_stream(fmt::format("face {}, {:.0f} % of the frames", i + 1, 100 * track["coverage"].get<double>()), track);
  }
}

int run(const Program& program, const Options& options) {
  if (options.faces == "none" && !options.face_weights.empty())
    throw Error(ExitCode::usage,
                fmt::format("--face none --face-weights {}: expected one of them", options.face_weights));
  if (options.faces == "none" && !options.detector.empty())
    throw Error(ExitCode::usage, fmt::format("--face none --face-detector {}: expected one of them", options.detector));
  ClipModels models = load_clip_models(options.weights, options.face_weights, options.faces != "none");
  use_face_detector(models, options.detector);
  const Faces which = options.faces == "all" ? Faces::all : Faces::largest;
  if (models.face) {
    for (const auto& warning : models.face->warnings())
      print_note(program, fmt::format("warning: {}: {}", models.face_path, warning));
  }
  const auto answer = [&](const std::string& clip) {
    const auto start = std::chrono::steady_clock::now();
    Json known = answer_json(answer_clip(clip, models, which), models, which);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    if (options.min_confidence > 0) {
      const std::string label = known["label"];
      known["answer"] = known["probabilities"][label].get<double>() >= options.min_confidence ? label : "uncertain";
    }
    if (options.timing) known["timing"] = {{"ms", took.count()}};
    return known;
  };
  Json unknown = {{"duration_s", nullptr},
                  {"label", nullptr},
                  {"probabilities", Json::object()},
                  {"streams", Json::object()},
                  {"warnings", Json::array()}};
  if (models.face) unknown["fusion"] = nullptr;
  if (options.min_confidence > 0) unknown["answer"] = nullptr;
  const Answers answers = answer_clips(program, options.clips,
                                       {models.voice_path, models.voice->warnings(), unknown, answer,
                                        [&](const Json& result) { print_answer(result, options); }});
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
  sub->add_option("--weights,--voice-weights", options->weights,
                  "the voice net (default: the shipped weights/voice.h5)");
  sub->add_option("--face-weights", options->face_weights, "the face net (default: the shipped weights/face.h5)");
  sub->add_option("--face-detector", options->detector,
                  "YuNet as an ONNX file (face_detection_yunet_2023mar.onnx): finds the faces, frame by frame, instead of "
                  "OpenCV's packaged cascade");
  sub->add_option("--face", options->faces,
                  "largest (default): in each frame its largest face; all: each face is followed, and the most "
                  "prominent one answers; none: the voice alone")
      ->check(CLI::IsMember({"largest", "all", "none"}));
  sub->add_option("--top", options->top, "how many emotions to print (default 3; JSON always has all eight)")
      ->check(CLI::Range(1, 8));
  sub->add_option("--min-confidence", options->min_confidence,
                  "answer \"uncertain\" where no emotion is this probable (0 to 1); JSON then has \"answer\" beside "
                  "\"label\", which stays the most probable")
      ->check(CLI::Range(0.0, 1.0));
  sub->add_flag("--timing", options->timing, "say how long each clip took");
  sub->callback([&program, options] { program.run = [&program, options] { return run(program, *options); }; });
}

}  // namespace limbic
