// SPDX-License-Identifier: Apache-2.0
#include "tools/report/evidence.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/ops.h"
#include "io/audio.h"
#include "tools/weight_tensors.h"

namespace limbic {
namespace {

constexpr size_t batch = 32;

Module* find_module(Net& net, const std::string& name) {
  for (const auto& [path, module] : net.modules()) {
    if (path == name || path.ends_with("." + name)) return module;
  }
  return nullptr;
}

/// Every `stride`-th of `count`, at most `most`.
int64_t stride_of(int64_t count, int most) { return std::max<int64_t>(1, (count + most - 1) / most); }

}  // namespace

Thumbnails read_thumbnails(const std::string& clip, int64_t frames, int most) {
  Thumbnails thumbnails{128, 0, 0, {}};
  PictureStream film(clip, {.side = thumbnails.side, .cut = Cut::whole, .colour = true});
  thumbnails.width = film.width();
  thumbnails.height = film.height();
  const int64_t stride = stride_of(frames, most);
  for (Picture picture; film.next(picture);) {
    if (picture.frame % stride == stride / 2) thumbnails.pictures.push_back({picture.pts_s, picture.pixels});
  }
  return thumbnails;
}

Tensor read_log_mel(const std::string& clip, const VoiceModel& voice, double longest_s, double& start_s,
                    double& end_s) {
  AudioStream stream(clip, voice.rate());
  std::vector<float> samples;
  const auto most = static_cast<size_t>(longest_s * voice.rate());
  while (samples.size() < most && stream.next(samples)) continue;
  samples.resize(std::min(samples.size(), most));
  start_s = stream.info().start_s;
  end_s = start_s + static_cast<double>(samples.size()) / voice.rate();
  return log_mel(*find_front_end(voice.front_end()), samples.data(), static_cast<int64_t>(samples.size()));
}

FaceEvidence watch_faces(const std::string& clip, FaceModel& model, const FaceAnswer& answer, int most_looks) {
  const NoGrad no_grad;
  Net& net = model.net();
  net.eval();
  Tensor theta;  // [N,6] of the batch that has just run
  Module* localisation = find_module(net, "fc_loc");
  if (localisation) localisation->on_forward([&](Module&, const Tensor&, const Tensor& y) { theta = y; });
  FaceEvidence evidence;
  const int64_t stride = stride_of(answer.faces, most_looks);
  std::vector<uint8_t> pixels;
  const auto look = [&] {
    const Tensor faces = picture_maps(model.input(), pixels);  // [N,S,S,C]
    const Tensor embedded = net.embed(faces);                  // [N,E]
    evidence.embeddings.insert(evidence.embeddings.end(), embedded.data(), embedded.data() + embedded.size());
    const int64_t seen = static_cast<int64_t>(evidence.times.size()) - faces.dim(0), S = model.input().side;
    for (int64_t i = 0; theta && i < faces.dim(0); ++i) {
      if ((seen + i) % stride != stride / 2) continue;
      const Tensor face = slice(faces, 0, i, i + 1), at = reshape(slice(theta, 0, i, i + 1), {1, 2, 3});
      const Tensor sampled = grid_sample(slice(face, 3, 0, 1), affine_grid(at, model.input().side));
      evidence.looks.push_back({evidence.times[static_cast<size_t>(seen + i)], reshape(face, {S, S, face.dim(3)}),
                                reshape(at, {2, 3}), reshape(sampled, {S, S, 1})});
    }
    pixels.clear();
  };
  PictureStream film(clip, model.film_options());
  size_t waiting = 0;
  for (Picture picture; film.next(picture);) {
    if (!picture.found()) continue;
    evidence.times.push_back(picture.pts_s);
    pixels.insert(pixels.end(), picture.pixels.begin(), picture.pixels.end());
    if (++waiting % batch == 0) look();
  }
  if (!pixels.empty()) look();
  if (localisation) localisation->clear_hooks();
  return evidence;
}

Attention attend(const std::string& weights, const FaceModel& model, const FaceEvidence& evidence) {
  const NoGrad no_grad;
  Attention attention;
  attention.file = read_weights(weights);
  check_finite(attention.file, weights);
  auto net = net_from_weights(file_tensors(attention.file), weights, attention.file.card.net);
  Module* softmax = find_module(*net, "attention.softmax");
  const auto T = static_cast<int64_t>(evidence.times.size()),
             E = T ? static_cast<int64_t>(evidence.embeddings.size()) / T : 0;
  if (!softmax || net->options.features != E) {
    throw Error(
        ExitCode::weights,
        fmt::format("{}: found {}, input {}; expected a net with attention over the {} numbers that {} gives of a face",
                    weights, net->name, shape_text(net->input_shape(1, T)), E, model.name()));
  }
  const std::vector<int> emotions = emotions_of_labels(attention.file.card.labels, weights);
  if (static_cast<int>(emotions.size()) != net->options.classes)
    throw Error(ExitCode::weights,
                fmt::format("{}: found {} labels, expected {}", weights, emotions.size(), net->options.classes));
  Tensor a;
  softmax->on_forward([&](Module&, const Tensor&, const Tensor& y) { a = y; });
  const Tensor logits = (*net)(Tensor::from({1, T, E}, evidence.embeddings));  // [1,C]
  check_answer(logits, weights);
  attention.net = net->name;
  attention.weights.assign(a.data(), a.data() + T);
  attention.probabilities = emotion_probabilities(class_probabilities(logits.data(), logits.size()), emotions);
  return attention;
}

}  // namespace limbic
