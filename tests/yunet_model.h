// SPDX-License-Identifier: Apache-2.0
// A detector in ONNX with YuNet's inputs and outputs that can be worked out by hand: on its coarsest map, a cell that is
// blue and not red is a face, twice as wide and three times as high as the cell.
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace limbic::onnx {

// Protocol buffers: https://onnx.ai/onnx/repo-docs/IR.html, onnx.proto
inline std::string varint(uint64_t value) {
  std::string bytes;
  for (; value > 127; value >>= 7) bytes += static_cast<char>(value | 128);
  return bytes + static_cast<char>(value);
}
inline std::string number(int field, int64_t value) {
  return varint(static_cast<uint64_t>(field) << 3) + varint(static_cast<uint64_t>(value));
}
inline std::string text(int field, const std::string& bytes) {
  return varint(static_cast<uint64_t>(field) << 3 | 2) + varint(bytes.size()) + bytes;
}

inline std::string integers(const std::string& name, const std::vector<int64_t>& values) {
  std::string attribute = text(1, name);
  for (const int64_t value : values) attribute += number(8, value);
  return text(5, attribute + number(20, 7));
}

inline std::string node(const char* op, const std::vector<std::string>& inputs, const std::string& output,
                        const std::string& attributes = "") {
  std::string bytes;
  for (const std::string& input : inputs) bytes += text(1, input);
  return text(1, bytes + text(2, output) + text(3, output) + text(4, op) + attributes);
}

inline std::string floats(const std::string& name, const std::vector<int64_t>& shape, const std::vector<float>& values) {
  std::string bytes;
  for (const int64_t size : shape) bytes += number(1, size);
  const std::string raw(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return text(5, bytes + number(2, 1) + text(8, name) + text(9, raw));
}

inline std::string value(int field, const std::string& name, const std::vector<int64_t>& shape) {
  std::string dims;
  for (const int64_t size : shape) dims += text(1, number(1, size));
  return text(field, text(1, name) + text(2, text(1, number(1, 1) + text(2, dims))));
}

/// `channels_claimed`: what the shape of its weights says, whose numbers are for 3.
inline std::string detector(int64_t channels_claimed = 3) {
  std::string nodes, constants, outputs;
  for (const int stride : {8, 16, 32}) {
    const std::string s = std::to_string(stride), pooled = "pooled_" + s;
    nodes += node("AveragePool", {"input"}, pooled,
                  integers("kernel_shape", {stride, stride}) + integers("strides", {stride, stride}));
    const auto head = [&](const std::string& name, int64_t channels, const std::vector<float>& weights,
                          const std::vector<float>& bias) {
      const std::string full = name + "_" + s;
      constants += floats(full + "_w", {channels, channels_claimed, 1, 1}, weights) + floats(full + "_b", {channels}, bias);
      nodes += node("Conv", {pooled, full + "_w", full + "_b"}, full + "_map", integers("kernel_shape", {1, 1}));
      std::string last = full + "_map";
      if (channels == 1) nodes += node("Sigmoid", {last}, full + "_p"), last = full + "_p";
      nodes += node("Transpose", {last}, full + "_t", integers("perm", {0, 2, 3, 1}));
      std::string shape;  // [1,-1,channels]
      for (const int64_t n : {int64_t{1}, int64_t{-1}, channels}) shape.append(reinterpret_cast<const char*>(&n), 8);
      constants += text(5, number(1, 3) + number(2, 7) + text(8, full + "_s") + text(9, shape));
      nodes += node("Reshape", {full + "_t", full + "_s"}, full);
      outputs += value(12, full, {1, (320 / stride) * (320 / stride), channels});
    };
    const float k = stride == 32 ? 12 / 255.f : 0, b = stride == 32 ? -6 : -12;
    head("cls", 1, {k, 0, 0}, {b});   // blue
    head("obj", 1, {k, 0, -k}, {b});  // and not red
    head("bbox", 4, std::vector<float>(12), {0.5f, 0.5f, std::log(2.f), std::log(3.f)});
  }
  const std::string graph = nodes + text(2, "graph") + constants + value(11, "input", {1, 3, 320, 320}) + outputs;
  return number(1, 7) + text(7, graph) + text(8, text(1, "") + number(2, 11));
}

}  // namespace limbic::onnx
