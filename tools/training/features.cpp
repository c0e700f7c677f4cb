// SPDX-License-Identifier: Apache-2.0
#include "tools/training/features.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/error.h"
#include "engine/ops.h"
#include "io/cache.h"
#include "io/log_mel_file.h"
#include "nets/picture_input.h"
#ifdef LIMBIC_IO
#include "tools/training/media_features.h"
#endif

namespace limbic {

namespace {

/// The clips of a log-mel file that `clips` name.
std::vector<Example> load_log_mels(const std::vector<DatasetClip>& clips, const Classifier& model,
                                   const std::vector<std::string>& copies) {
  const std::string& path = clips.front().path;
  const ClipInput& input = model.input();
  const LogMelFile file = read_log_mels(path);
  const auto refuse = [&](const std::string& found, const std::string& expected) {
    throw Error(ExitCode::usage, fmt::format("{}: found {}, expected {}", path, found, expected));
  };
  if (file.front_end != input.front_end) refuse("log-mels of " + file.front_end, input.front_end);
  if (const FrontEnd* front_end = find_front_end(input.front_end); !front_end || front_end->n_mels != file.mels)
    refuse(fmt::format("{} mels", file.mels), "as many as " + input.front_end + " makes");
  if (input.offset_s > 0 || input.length_s > 0)
    refuse("log-mels of whole clips", "sound to cut a window from (input.offset_s, input.length_s)");
  if (!copies.empty()) refuse("log-mels", "sound to make changed copies of (data.copies)");
  std::vector<Example> examples;
  for (const DatasetClip& clip : clips) {
    const auto label = std::find(model.labels().begin(), model.labels().end(), clip.label);
    if (label == model.labels().end()) continue;
    const LogMelClip& stored = file.clips.at(static_cast<size_t>(clip.map));
    if (const std::string why = model.misfit(file.frames(stored)); !why.empty())
      throw Error(ExitCode::media, fmt::format("{}: {}: {}", path, clip.name, why));
    examples.push_back({clip.name, clip.group, ContentHash().add(stored.steps.data(), stored.steps.size()).hex(),
                        static_cast<int>(label - model.labels().begin()),
                        Tensor::from({file.frames(stored), file.mels}, file.decibels(stored))});
  }
  return examples;
}

}  // namespace

int embedding_size(const std::string& embedder) {
  Classifier faces = Classifier::load_for_pictures(embedder);
  const NoGrad no_grad;
  Net& net = faces.net();
  net.eval();
  return static_cast<int>(
      net.embed(Tensor::zeros(net.input_shape(1, find_picture_input(faces.input().front_end)->side))).dim(1));
}

Tensor batch_of_one(const Tensor& map) {
  Shape shape = map.shape();
  shape.insert(shape.begin(), 1);
  return map.view(shape);
}

std::vector<Example> load_examples(const std::vector<DatasetClip>& clips, const Classifier& model,
                                   const std::vector<std::string>& copies, [[maybe_unused]] const Progress& progress) {
  if (!clips.empty() && clips.front().map >= 0) return load_log_mels(clips, model, copies);
#ifdef LIMBIC_IO
  return load_media_examples(clips, model, copies, progress);
#else
  if (clips.empty()) return {};
  throw Error(ExitCode::media, fmt::format("{}: found a clip, expected a log-mel file: this build decodes nothing "
                                           "(LIMBIC_IO=OFF)",
                                           clips.front().path));
#endif
}

}  // namespace limbic
