// SPDX-License-Identifier: Apache-2.0
// Between a net's tensors and a file's: layouts, checks, copies.
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "nets/keys.h"
#include "nets/registry.h"

namespace limbic {
namespace {

// Calls at(memory index, file index) for every element; memory is [K, middle, C] in all layouts.
template <class At>
void each_element(const NamedTensor& t, const At& at) {
  const Shape& shape = t.tensor->shape();
  const int64_t size = t.tensor->size();
  if (t.layout == Layout::plain || shape.size() < 2) {
    for (int64_t i = 0; i < size; ++i) at(i, i);
    return;
  }
  const int64_t K = shape.front(), rest = size / std::max<int64_t>(K, 1);
  if (t.layout == Layout::keras) {  // [K, rest] -> [rest, K]
    for (int64_t k = 0; k < K; ++k) {
      for (int64_t i = 0; i < rest; ++i) at(k * rest + i, i * K + k);
    }
    return;
  }
  const int64_t C = shape.back(), RS = rest / std::max<int64_t>(C, 1);  // [K, RS, C] -> [K, C, RS]
  for (int64_t k = 0; k < K; ++k) {
    for (int64_t c = 0; c < C; ++c) {
      for (int64_t i = 0; i < RS; ++i) at((k * RS + i) * C + c, (k * C + c) * RS + i);
    }
  }
}

[[noreturn]] void refuse(const std::string& file, const std::string& what) {
  throw Error(ExitCode::weights, fmt::format("{}: {}", file, what));
}

void check_finite(const FileTensor& found, const std::string& file) {
  for (size_t i = 0; i < found.values.size(); ++i) {
    if (!std::isfinite(found.values[i])) {
      refuse(file, fmt::format("{} has {} at element {}", found.name, found.values[i], i));
    }
  }
}

bool is_counter(const std::string& name) { return name.ends_with("num_batches_tracked"); }
bool is_front_end(const std::string& name) {
  return name.find("spectrogram_extractor.") != std::string::npos ||
         name.find("logmel_extractor.") != std::string::npos;
}

// The stored DFT and mel matrices must be the ones that this net's log-mels are made with.
void check_front_end(const NamedTensor& own, const FileTensor& found, const std::string& front_end,
                     std::vector<std::string>& warnings) {
  double worst = 0;
  const float* ours = std::as_const(*own.tensor).data();
  for (size_t i = 0; i < found.values.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(ours[i]) - found.values[i]));
  }
  if (worst > 1e-5) {
    warnings.push_back(
        fmt::format("{} differs from the front end {} by {:.2g}: were these weights trained for another?", found.name,
                    front_end, worst));
  }
}

}  // namespace

void check_counts(const FileTensor& found, const std::string& file) {
  for (size_t i = 0; i < found.values.size(); ++i) {
    const float v = found.values[i];
    if (!(v >= 0 && v < 0x1p31f && v == std::floor(v))) {
      refuse(file, fmt::format("{} has {} at element {}, wants a count", found.name, v, i));
    }
  }
}

Shape file_shape(const NamedTensor& t) {
  Shape shape = t.tensor->shape();
  if (shape.size() < 2) return shape;
  if (t.layout == Layout::channels_last) std::rotate(shape.begin() + 1, shape.end() - 1, shape.end());
  if (t.layout == Layout::keras) std::rotate(shape.begin(), shape.begin() + 1, shape.end());
  return shape;
}

void to_file_layout(const NamedTensor& t, float* file) {
  if (t.tensor->dtype() == DType::i32) {
    const int32_t* memory = std::as_const(*t.tensor).ints();
    for (int64_t i = 0; i < t.tensor->size(); ++i) file[i] = static_cast<float>(memory[i]);
    return;
  }
  const float* memory = std::as_const(*t.tensor).data();
  each_element(t, [&](int64_t m, int64_t f) { file[f] = memory[m]; });
}

void from_file_layout(const NamedTensor& t, const float* file) {
  if (t.tensor->dtype() == DType::i32) {
    int32_t* memory = t.tensor->ints();
    for (int64_t i = 0; i < t.tensor->size(); ++i) memory[i] = static_cast<int32_t>(file[i]);
    return;
  }
  float* memory = t.tensor->data();
  each_element(t, [&](int64_t m, int64_t f) { memory[m] = file[f]; });
}

std::vector<std::string> load_state(Net& net, const std::vector<FileTensor>& tensors, const std::string& file,
                                    const LoadOptions& options) {
  std::vector<std::string> warnings;
  std::map<std::string, const FileTensor*> by_name;
  const auto keys = published_keys(tensors);
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!keys[i].empty()) by_name[keys[i]] = &tensors[i];
  }

  for (const NamedTensor& own : net.state()) {
    // A plain Cnn14 fits into the base of a transfer net, and the other way round.
    auto it = by_name.find(own.name);
    if (it == by_name.end() && own.name.starts_with("base.")) it = by_name.find(own.name.substr(5));
    if (it == by_name.end()) it = by_name.find("base." + own.name);
    const bool head = !net.last_layer.empty() && own.name.starts_with(net.last_layer + ".");
    if (it == by_name.end()) {
      if (is_counter(own.name) || is_front_end(own.name) || (head && options.keep_other_head)) continue;
      refuse(file, fmt::format("{} is missing, {} wants it as {}", own.name, net.name, shape_text(file_shape(own))));
    }
    const FileTensor& found = *it->second;
    by_name.erase(it);
    if (own.tensor->dtype() == DType::i32) check_counts(found, file);
    if (found.shape != file_shape(own)) {
      if (head && options.keep_other_head) {
        warnings.push_back(fmt::format("{} is {}, this net's is {}: it starts anew", found.name,
                                       shape_text(found.shape), shape_text(file_shape(own))));
        continue;
      }
      if (is_counter(own.name) && found.values.size() == 1) {  // some writers store [1]
        from_file_layout(own, found.values.data());
        continue;
      }
      refuse(file, fmt::format("{} is {}, {} wants {}", found.name, shape_text(found.shape), net.name,
                               shape_text(file_shape(own))));
    }
    if (static_cast<int64_t>(found.values.size()) != own.tensor->size()) {
      refuse(file,
             fmt::format("{} is {}, but holds {} numbers", found.name, shape_text(found.shape), found.values.size()));
    }
    check_finite(found, file);
    if (is_front_end(own.name)) check_front_end(own, found, net.front_end, warnings);
    from_file_layout(own, found.values.data());
  }
  for (const auto& [key, t] : by_name) {
    warnings.push_back(fmt::format("{} {} has no place in {}", t->name, shape_text(t->shape), net.name));
  }
  return warnings;
}

std::vector<SavedTensor> save_state(const std::vector<NamedTensor>& state) {
  std::vector<SavedTensor> saved;
  saved.reserve(state.size());
  for (const NamedTensor& t : state) {
    SavedTensor s{t.name, t.tensor->dtype() == DType::i32 ? "i64" : "f32", file_shape(t), {}};
    s.values.resize(t.tensor->size());
    to_file_layout(t, s.values.data());
    saved.push_back(std::move(s));
  }
  return saved;
}

}  // namespace limbic
