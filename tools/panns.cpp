// SPDX-License-Identifier: Apache-2.0
#include "tools/panns.h"

#include <fstream>

#include <fmt/format.h>

#include "io/audio.h"
#include "tools/inputs.h"
#include "tools/weight_tensors.h"

namespace limbic {
namespace {

std::vector<std::string> audioset_labels() {
  std::ifstream file(find_data_file("weights/audioset_labels.txt"));
  std::vector<std::string> labels;
  for (std::string line; std::getline(file, line);) labels.push_back(line);
  return labels;
}

// What the file itself tells: its card's front end, else that of the stored STFT; nullptr where it does not tell.
const FrontEnd* told_front_end(const WeightFile& file, const std::string& path) {
  if (!file.card.front_end.empty()) {
    const FrontEnd* front_end = find_front_end(file.card.front_end);
    if (!front_end)
      throw Error(ExitCode::weights,
                  fmt::format("{}: its card's front end \"{}\" is unknown", path, file.card.front_end));
    return front_end;
  }
  for (const StoredTensor& t : file.tensors) {
    if (!t.name.ends_with("spectrogram_extractor.stft.conv_real.weight")) continue;
    return t.shape.size() == 3 ? find_panns_front_end(t.shape[0]) : nullptr;  // [bins,1,n_fft]
  }
  return nullptr;
}

}  // namespace

PannsModel load_panns(const std::string& path, const std::string& front_end) {
  const WeightFile file = read_weights(path);
  PannsModel model;
  model.net = net_from_weights(file_tensors(file), path, file.card.net, &model.warnings);
  if (model.net->options.mels == 0 || model.net->input_shape(1, model.net->typical_frames).size() != 3)
    refuse_net(*model.net, path);
  if (std::string mismatch = card_mismatch(file); !mismatch.empty()) model.warnings.push_back(std::move(mismatch));
  model.front_end = front_end.empty() ? told_front_end(file, path) : find_front_end(front_end);
  if (!model.front_end && !front_end.empty()) {
    throw Error(ExitCode::usage,
                fmt::format("--front-end {}: expected one of {}", front_end, fmt::join(front_end_names(), ", ")));
  }
  if (!model.front_end) {
    throw Error(
        ExitCode::weights,
        fmt::format("{}: does not tell its front end; expected --front-end panns-32k, panns-16k or panns-8k", path));
  }
  if (!fits(*model.net, *model.front_end)) {
    throw Error(front_end.empty() ? ExitCode::weights : ExitCode::usage,
                fmt::format("{}: the front end {} makes {} mel bins; its net {} wants {}", path, model.front_end->name,
                            model.front_end->n_mels, model.net->name, model.net->options.mels));
  }
  model.labels = file.card.labels;
  const size_t classes = static_cast<size_t>(model.net->options.classes);
  if (model.labels.empty() && classes == 527) model.labels = audioset_labels();
  if (model.labels.empty()) {
    for (size_t i = 0; i < classes; ++i) model.labels.push_back(fmt::format("class {}", i));
  }
  if (model.labels.size() != classes) {
    throw Error(ExitCode::weights, fmt::format("{}: found {} labels; expected one for each of its {} classes", path,
                                               model.labels.size(), classes));
  }
  for (const StoredTensor& t : file.tensors) {
    if (!t.name.ends_with("logmel_extractor.melW")) continue;
    const Shape wanted{model.front_end->n_fft / 2 + 1, model.front_end->n_mels};
    if (t.shape != wanted) {
      model.warnings.push_back(fmt::format("{} is {}, the front end {} wants {}: its own is taken", t.name,
                                           shape_text(t.shape), model.front_end->name, shape_text(wanted)));
      break;
    }
    model.stored = std::make_unique<FrontEnd>(with_mel_matrix(*model.front_end, t.values, model.front_end->n_mels));
    model.front_end = model.stored.get();
  }
  return model;
}

Analysed for_each_window(const std::string& clip, const FrontEnd& front_end, const WindowOptions& options,
                         const std::function<void(const Tensor&)>& use) {
  const int rate = front_end.sample_rate;
  AudioStream stream(clip, rate);
  int64_t windows = 0;
  WindowCutter cutter(options, rate, [&](int64_t, const float* samples, int64_t count) {
    if (count < static_cast<int64_t>(shortest_sound_s * rate)) return;
    const Tensor map = log_mel(front_end, samples, count);
    use(map.view({1, map.dim(0), map.dim(1)}));
    ++windows;
  });
  for (std::vector<float> piece; stream.next(piece); piece.clear()) {
    cutter.push(piece.data(), static_cast<int64_t>(piece.size()));
  }
  cutter.finish();
  if (windows == 0) {
    throw Error(ExitCode::media, fmt::format("{}: found {:.2f} s of sound; expected at least {:.2f} s", clip,
                                             stream.info().duration_s, shortest_sound_s));
  }
  return {stream.info().duration_s, stream.info().warnings};
}

}  // namespace limbic
