// SPDX-License-Identifier: Apache-2.0
// HDF5 files: a strange file is parsed by the confined reader (io/reader/), our own are written here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace limbic {

/// One dataset: little-endian elements in row-major order.
struct H5Tensor {
  std::string name;              ///< full path without the first '/': "conv_block1/conv1"
  std::string dtype;             ///< f64 f32 f16 i64 i32 i16 i8 u64 u32 u16 u8
  std::vector<int64_t> shape;    ///< empty: a scalar
  std::vector<float> values;     ///< the elements of f32
  std::vector<std::byte> bytes;  ///< those of any other type

  int64_t size() const;                ///< elements
  std::vector<float> floats() const&;  ///< converted, nearest value
  std::vector<float> floats() &&;      ///< the same; those of f32 are moved out
};

struct H5File {
  std::vector<H5Tensor> tensors;  ///< in the order of their names
  /// Root attributes as text; numbers in full precision, the elements of an array one a line.
  std::map<std::string, std::string> attributes;
  /// Attributes of groups, by path: group_attributes["model_weights"]["layer_names"].
  std::map<std::string, std::map<std::string, std::string>> group_attributes;

  const H5Tensor* find(std::string_view name) const;  ///< nullptr: not there
};

/// Reads every dataset and attribute of an HDF5 file, which may be a stranger's: it is parsed by limbic-reader-hdf5,
/// and each size is checked against the file before it is allocated. Contiguous data is then read straight from the
/// file. Throws Error(weights), one line, for what is not HDF5, is damaged, claims more than it holds, or uses links,
/// external or virtual storage, compound types, or filters other than deflate, shuffle and fletcher32.
H5File read_hdf5(const std::string& path);

/// How the names of files end that write_hdf5 makes: ".h5". A build without libhdf5 (LIMBIC_IO=OFF) writes and reads
/// the same tensors and attributes as ".safetensors", which read_weights knows everywhere.
const char* tensor_file_extension();

/// A dataset to write; `data` is the caller's, little-endian, row-major.
struct H5View {
  std::string name;  ///< "conv1.weight" at the root; '/' makes groups
  std::string dtype;
  std::vector<int64_t> shape;  ///< empty: a scalar
  const void* data = nullptr;
};

/// Writes contiguous datasets and root attributes (strings), in the order given, without time stamps: the same content
/// gives the same bytes. Atomic: a temporary file beside it, fsync, rename. Throws Error(usage) where `path` exists and
/// `force` is not set, Error(failure) where it cannot be written, Error(resource) where the disk is full.
void write_hdf5(const std::string& path, const std::vector<H5View>& tensors,
                const std::map<std::string, std::string>& attributes, bool force = false);

}  // namespace limbic
