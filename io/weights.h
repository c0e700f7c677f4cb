// SPDX-License-Identifier: Apache-2.0
// Weights on disk. Whatever the format, a file becomes the same list of named tensors, in the published layout
// (convolutions [K,C,R,S] from PyTorch, [R,S,C,K] from Keras), and a model card.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace limbic {

struct StoredTensor {
  std::string name;            ///< "conv_block1.conv1.weight", in Keras files "dense/kernel:0"
  std::string dtype = "f32";   ///< f64 f32 f16 bf16 i64 i32 i16 i8 u64 u32 u16 u8 bool
  std::vector<int64_t> shape;  ///< as published; empty: a scalar
  std::vector<float> values;   ///< converted to f32, row-major
  std::vector<std::byte> raw;  ///< the elements as they were stored, little-endian; empty for f32, and when made here

  int64_t size() const;                  ///< elements by the shape
  std::vector<std::byte> bytes() const;  ///< the elements in `dtype`: `raw`, or else `values` converted
};

/// What a network needs to be used, and its user to trust it. Kept in the root attributes of an HDF5 file.
struct ModelCard {
  std::string net;                  ///< name for make_net: "cnn14-16k"
  std::vector<std::string> labels;  ///< in the order of the outputs
  std::string front_end;            ///< preset name: "panns-32k"
  std::string licence, training_data, metrics;
  std::string layout;  ///< "pytorch" or "keras": how convolutions and flattened maps are laid out
  std::string sha256;  ///< of the tensors, see content_sha256; filled in by write_weights_hdf5
  std::map<std::string, std::string> attributes;  ///< everything else that the file says about itself
};

struct WeightFile {
  std::string format;  ///< "hdf5", "keras", "safetensors", "pytorch" (zip) or "pytorch-legacy"
  ModelCard card;
  std::vector<StoredTensor> tensors;  ///< in the file's order (HDF5: by name)

  const StoredTensor* find(std::string_view name) const;  ///< nullptr: not there
  int64_t parameters() const;                             ///< elements of all tensors
};

/// Reads any of the formats above, told by its content, not its name. Every size is checked against the file before
/// anything of that size is allocated, and nothing in a file is ever executed. Throws Error(weights), one line: the
/// file, what was found, what was expected.
WeightFile read_weights(const std::string& path);

/// Throws Error(weights) naming the first tensor that holds a NaN or an infinity. `path` names the file in the message.
void check_finite(const WeightFile& file, const std::string& path);

/// SHA-256 over name, dtype, shape and elements of all tensors, sorted by name: the same for the same content in any
/// of the formats.
std::string content_sha256(const WeightFile& file);

/// What to say where the tensors are not those that the card was written for (their SHA-256 differs); empty where they
/// are, and where the card names none.
std::string card_mismatch(const WeightFile& file);

/// Writes one dataset a tensor, in the order of the names, and the card with its SHA-256, which is returned. bf16
/// becomes f32 and bool u8 (HDF5 has neither). Same content, same bytes. Throws Error(usage) where `path` exists and
/// `force` is not set, Error(failure) where it cannot be written.
std::string write_weights_hdf5(const std::string& path, const WeightFile& file, bool force = false);

}  // namespace limbic
