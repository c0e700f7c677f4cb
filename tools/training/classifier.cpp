// SPDX-License-Identifier: Apache-2.0
#include "tools/training/classifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/ops.h"
#include "nets/mel_picture.h"
#include "nets/picture_input.h"
#include "tools/weight_tensors.h"

namespace limbic {

namespace {

// `absent` where the card does not say.
double number_of(const ModelCard& card, const std::string& key, const std::string& path, double absent, double low,
                 double high, const char* unit = "") {
  const auto found = card.attributes.find(key);
  if (found == card.attributes.end()) return absent;
  const std::string& text = found->second;
  double value = low - 1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= low && value <= high)) {
    throw Error(ExitCode::weights,
                fmt::format("{}: its card's {} is \"{}\"; expected {} to {}{}", path, key, text, low, high, unit));
  }
  return value;
}

std::vector<FileTensor> net_tensors(const WeightFile& file) {
  std::vector<FileTensor> tensors;
  for (const auto& t : file.tensors) {
    if (!t.name.starts_with("scaler.")) tensors.push_back({t.name, t.shape, t.values});
  }
  return tensors;
}

void read_scaler(const WeightFile& file, const std::string& path, Tensor& mean, Tensor& scale) {
  const StoredTensor *m = file.find("scaler.mean"), *s = file.find("scaler.scale");
  if (!m || !s) return;
  if (m->shape.size() != 1 || s->shape != m->shape) {
    throw Error(ExitCode::weights,
                fmt::format("{}: scaler.mean is {}, scaler.scale {}; expected one number a frame in both", path,
                            shape_text(m->shape), shape_text(s->shape)));
  }
  for (size_t i = 0; i < m->values.size(); ++i) {
    if (std::isfinite(m->values[i]) && std::isfinite(s->values[i]) && s->values[i] > 0) continue;
    throw Error(
        ExitCode::weights,
        fmt::format(
            "{}: scaler.mean has {} and scaler.scale {} at element {}; expected finite numbers, the scale above 0",
            path, m->values[i], s->values[i], i));
  }
  mean = Tensor::from(m->shape, m->values);
  scale = Tensor::from(s->shape, s->values);
}

}  // namespace

std::string ClipInput::text() const { return fmt::format("{} {} {}", front_end, offset_s, length_s); }

std::vector<float> clip_window(const ClipInput& input, const std::vector<float>& samples, int rate) {
  const auto count = static_cast<int64_t>(samples.size());
  const int64_t begin = std::llround(input.offset_s * rate);
  if (begin >= count) {
    throw Error(ExitCode::media, fmt::format("found {:.2f} s of sound; its window begins at {} s",
                                             static_cast<double>(count) / rate, input.offset_s));
  }
  return cut_window(samples, begin, input.length_s > 0 ? std::llround(input.length_s * rate) : count - begin);
}

Tensor clip_map(const ClipInput& input, const std::vector<float>& samples) {
  const FrontEnd* front_end = find_front_end(input.front_end);
  if (!front_end) throw Error(ExitCode::usage, fmt::format("no front end is called {}", input.front_end));
  const auto window = clip_window(input, samples, front_end->sample_rate);
  return log_mel(*front_end, window.data(), static_cast<int64_t>(window.size()));
}

Classifier::Classifier(std::unique_ptr<Net> net, std::vector<std::string> labels, const ClipInput& input,
                       std::string file)
    : net_(std::move(net)), labels_(std::move(labels)), input_(input), file_(std::move(file)) {
  if (net_->options.classes != static_cast<int>(labels_.size())) {
    throw Error(ExitCode::weights, fmt::format("{}: {} has {} classes, {} labels are named", file_, net_->name,
                                               net_->options.classes, labels_.size()));
  }
}

Tensor Classifier::logits(const Tensor& maps) { return (*net_)(fed(maps)); }  // [N,C]

Tensor Classifier::fed(const Tensor& maps) const {
  if (maps.rank() == 4) return maps;                      // [N,S,S,C]
  if (net_->name == "alexnet") return mel_picture(maps);  // [N,S,S,3]
  Tensor x = maps;                                        // [N,T,M]
  const int64_t N = x.dim(0), T = x.dim(1);
  if (net_->name == "sys2-audio-1d") x = mean(x, {2}, true);  // [N,T,1]
  if (scaler_mean_) {
    if (scaler_mean_.size() != T) {
      throw Error(ExitCode::usage,
                  fmt::format("{}: the scaler has {} frames, the map {}", net_->name, scaler_mean_.size(), T));
    }
    x = (x - scaler_mean_.view({1, T, 1})) / scaler_scale_.view({1, T, 1});
  }
  if (net_->name == "sys2-audio-2d") x = reshape(permute(x, {0, 2, 1}), {N, x.dim(2), T, 1});  // [N,M,T,1]
  return x;
}

Tensor Classifier::answer(const Tensor& maps) {
  const NoGrad inference;
  net_->eval();
  const Tensor found = logits(maps);  // [N,C]
  check_answer(found, file_);
  return temperature_ == 1 ? found : found * static_cast<float>(1 / temperature_);
}

Tensor Classifier::embedding(const Tensor& maps) {
  const NoGrad inference;
  net_->eval();
  const Tensor found = net_->embed(fed(maps));  // [N,E]
  check_answer(found, file_);
  return found;
}

std::string Classifier::misfit(int64_t frames) const {
  const FrontEnd* front_end = find_front_end(input_.front_end);
  if (!front_end || net_->name == "alexnet") return "";  // a picture, drawn at any length
  const bool one_length = net_->name == "sys2-audio-1d";
  if (frames >= net_->min_frames && (!one_length || frames == net_->min_frames)) return "";
  const auto text = [&](int64_t count) {
    return fmt::format("{} frames ({:.2f} s)", count,
                       static_cast<double>(count * front_end->hop) / front_end->sample_rate);
  };
  return fmt::format("found {}, {} wants {}{}", text(frames), net_->name, one_length ? "" : "at least ",
                     text(net_->min_frames));
}

std::string Classifier::window_misfit() const {
  const FrontEnd* front_end = find_front_end(input_.front_end);
  if (!front_end || (input_.length_s == 0 && !scaler_mean_)) return "";
  const int64_t samples = std::llround(input_.length_s * front_end->sample_rate);
  const int64_t frames = samples < front_end->min_samples() ? 0 : front_end->frames(samples);
  if (scaler_mean_ && scaler_mean_.size() != frames)
    return fmt::format("found {} frames, its scaler wants {}", frames, scaler_mean_.size());
  return misfit(frames);
}

void Classifier::fit_column_scaler(const std::vector<Tensor>& maps) {
  const int64_t T = maps.at(0).dim(0), M = maps[0].dim(1);
  const bool bin_means = net_->name == "sys2-audio-1d";
  scaler_mean_ = Tensor::empty({T});
  scaler_scale_ = Tensor::empty({T});
  for (int64_t t = 0; t < T; ++t) {
    double sum = 0, squares = 0, n = 0;
    const auto count = [&](double v) { sum += v, squares += v * v, ++n; };
    for (const Tensor& map : maps) {
      const float* row = map.data() + t * M;
      double total = 0;
      for (int64_t m = 0; m < M; ++m) bin_means ? void(total += row[m]) : count(row[m]);
      if (bin_means) count(total / static_cast<double>(M));
    }
    const double mean = sum / n, deviation = std::sqrt(std::max(0.0, squares / n - mean * mean));
    scaler_mean_.data()[t] = static_cast<float>(mean);
    scaler_scale_.data()[t] = deviation > 0 ? static_cast<float>(deviation) : 1.0f;
  }
}

std::vector<NamedTensor> Classifier::state() {
  auto state = net_->state();
  if (scaler_mean_) {
    state.push_back({"scaler.mean", &scaler_mean_});
    state.push_back({"scaler.scale", &scaler_scale_});
  }
  return state;
}

void Classifier::save(const std::string& path, ModelCard card) {
  card.net = net_->name;
  card.labels = labels_;
  card.front_end = input_.front_end;
  card.layout = net_->name.starts_with("sys2") ? "keras" : "pytorch";
  card.attributes["window_offset_s"] = fmt::format("{}", input_.offset_s);
  card.attributes["window_length_s"] = fmt::format("{}", input_.length_s);
  WeightFile file{"hdf5", std::move(card), {}};
  for (SavedTensor& t : save_state(state())) {
    file.tensors.push_back({std::move(t.name), std::move(t.dtype), std::move(t.shape), std::move(t.values), {}});
  }
  write_weights_hdf5(path, file, true);
}

Classifier Classifier::load_for_pictures(const std::string& path) {
  Classifier model = load(path);
  if (!find_picture_input(model.input().front_end)) {
    throw Error(ExitCode::weights, fmt::format("{}: found a net for sound ({}), expected one for pictures", path,
                                               model.input().front_end));
  }
  return model;
}

Classifier Classifier::load(const std::string& path) {
  const WeightFile file = read_weights(path);
  check_finite(file, path);
  const double temperature = number_of(file.card, "temperature", path, 1, 0.01, 100);
  std::vector<std::string> warnings;
  auto net = net_from_weights(net_tensors(file), path, file.card.net, &warnings);
  const PictureInput* pictures = find_picture_input(file.card.front_end);
  if (net->front_end.empty() && !pictures) refuse_net(*net, path);
  if (file.card.labels.empty()) {
    throw Error(ExitCode::weights, fmt::format("{}: found a model card without labels, expected one a class", path));
  }
  if (std::string mismatch = card_mismatch(file); !mismatch.empty()) warnings.push_back(std::move(mismatch));
  const auto seconds = [&](const char* key) {
    return number_of(file.card, key, path, 0, 0, ClipInput::longest_s, " seconds");
  };
  ClipInput input{file.card.front_end.empty() ? net->front_end : file.card.front_end, seconds("window_offset_s"),
                  seconds("window_length_s")};
  const FrontEnd* front_end = find_front_end(input.front_end);
  if (!front_end && !pictures)
    throw Error(ExitCode::weights, fmt::format("{}: its card's front end \"{}\" is unknown", path, input.front_end));
  if (pictures && !fits(*net, *pictures)) {
    throw Error(ExitCode::weights,
                fmt::format("{}: its card's front end {} makes pictures {}; its net {} wants {}", path, input.front_end,
                            shape_text({1, pictures->side, pictures->side, pictures->channels()}), net->name,
                            shape_text(net->input_shape(1, net->typical_frames))));
  }
  if (front_end && !fits(*net, *front_end)) {
    throw Error(ExitCode::weights, fmt::format("{}: its card's front end {} makes {} mel bins; its net {} wants {}",
                                               path, input.front_end, front_end->n_mels, net->name, net->options.mels));
  }
  Classifier model(std::move(net), file.card.labels, input, path);
  read_scaler(file, path, model.scaler_mean_, model.scaler_scale_);
  if (const std::string why = model.window_misfit(); !why.empty()) {
    throw Error(ExitCode::weights, fmt::format("{}: its card's window_length_s is {}: {}", path, input.length_s, why));
  }
  model.warnings_ = std::move(warnings);
  model.temperature_ = temperature;
  return model;
}

std::vector<std::string> Classifier::start_from(const std::string& path) {
  const WeightFile file = read_weights(path);
  read_scaler(file, path, scaler_mean_, scaler_scale_);
  auto tensors = net_tensors(file);
  std::vector<std::string> notes{fmt::format("started from {}, {}", path,
                                             file.card.training_data.empty()
                                                 ? "whose card does not say what it was trained on"
                                                 : "of " + file.card.training_data)};
  if (!file.card.labels.empty() && file.card.labels != labels_) {  // as many classes may still be other ones
    std::erase_if(tensors, [&](const FileTensor& t) { return t.name.starts_with(net_->last_layer + "."); });
    notes.push_back(fmt::format("{}: its classes are {}, these are {}: {} starts anew", path,
                                fmt::join(file.card.labels, " "), fmt::join(labels_, " "), net_->last_layer));
  }
  const auto warnings = load_state(*net_, tensors, path, {.keep_other_head = true});
  notes.insert(notes.end(), warnings.begin(), warnings.end());
  return notes;
}

}  // namespace limbic
