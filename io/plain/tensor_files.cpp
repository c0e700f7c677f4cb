// SPDX-License-Identifier: Apache-2.0
// Weights and checkpoints where there is no libhdf5: the same tensors and attributes as safetensors.
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "io/elements.h"
#include "io/files.h"
#include "io/weight_formats.h"

namespace limbic {
namespace {

[[noreturn]] void refuse(const std::string& path, const char* found) {
  throw Error(ExitCode::weights, fmt::format("{}: found {}, expected safetensors: this build reads nothing else "
                                             "(LIMBIC_IO=OFF)",
                                             clean_text(path), found));
}

std::string their_dtype(const std::string& dtype) {  // "f32" -> "F32"
  std::string upper = dtype;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

}  // namespace

const char* tensor_file_extension() { return ".safetensors"; }

H5File read_hdf5(const std::string& path) {
  const MappedFile mapped(path);
  const Bytes file = mapped.bytes();
  if (file.size() < 9 || as_text(file.subspan(8, 1)) != "{") refuse(path, "HDF5 or another format");
  return parse_safetensors_file(file, path);
}

void write_hdf5(const std::string& path, const std::vector<H5View>& tensors,
                const std::map<std::string, std::string>& attributes, bool force) {
  refuse_overwrite(path, force);
  nlohmann::ordered_json header = {{"__metadata__", attributes}};
  std::vector<int64_t> ends{0};
  for (const H5View& tensor : tensors) {
    int64_t bytes = bytes_per_element(tensor.dtype);
    for (const int64_t extent : tensor.shape) bytes *= extent;
    ends.push_back(ends.back() + bytes);
    header[tensor.name] = {{"dtype", their_dtype(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {ends[ends.size() - 2], ends.back()}}};
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the elements begin at a multiple of 8
  const uint64_t length = text.size();
  AtomicFile output(path);
  errno = 0;
  std::ofstream out(output.temporary(), std::ios::binary);
  out.write(reinterpret_cast<const char*>(&length), sizeof length).write(text.data(), std::ssize(text));
  for (size_t i = 0; i < tensors.size(); ++i)
    out.write(static_cast<const char*>(tensors[i].data), ends[i + 1] - ends[i]);
  out.close();
  if (!out) {
    throw Error(errno == ENOSPC || errno == EDQUOT ? ExitCode::resource : ExitCode::failure,
                fmt::format("{}: cannot be written: {}", clean_text(path), std::strerror(errno)));
  }
  output.commit();
}

WeightFile parse_pytorch_legacy(Bytes, const std::string& path) { refuse(path, "a PyTorch file"); }
WeightFile parse_pytorch_zip(Bytes, const std::string& path) { refuse(path, "a PyTorch file"); }

}  // namespace limbic
