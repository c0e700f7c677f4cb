// SPDX-License-Identifier: Apache-2.0
// One parser a format of weights, from bytes (ours, fuzzed) or from what the HDF5 reader gave. read_weights chooses.
#pragma once
#include <string>

#include "io/bytes.h"
#include "io/hdf5.h"
#include "io/weights.h"

namespace limbic {

/// A file of more is refused: no net has that many, and every one costs time and memory.
inline constexpr size_t max_tensors = 100'000;

/// PyTorch before 1.6: five pickles, then the storages. `path` stands in messages.
WeightFile parse_pytorch_legacy(Bytes file, const std::string& path);

/// PyTorch from 1.6 on: a ZIP of one pickle and the storages.
WeightFile parse_pytorch_zip(Bytes file, const std::string& path);

/// The checks of the format's own promise: header at most 100 MB, no key twice, no hole, no overlap, nothing behind.
/// The first gives the tensors and the texts of __metadata__ as they are, the second takes a model card from the texts.
H5File parse_safetensors_file(Bytes file, const std::string& path);
WeightFile parse_safetensors(Bytes file, const std::string& path);

bool is_keras(const H5File& file);

/// Keras 1 and 2, whole models and weights alone: layers and weights in the order of layer_names and weight_names.
/// model_config is data: nothing is built from it, and a Lambda layer in it is refused.
WeightFile from_keras(H5File file, const std::string& path);

/// Any other HDF5 file: one dataset a tensor, the card in the root attributes.
WeightFile from_hdf5(H5File file, const std::string& path);

}  // namespace limbic
