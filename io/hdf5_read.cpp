// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <set>

#include "engine/error.h"
#include "io/elements.h"
#include "io/hdf5.h"
#include "io/input.h"
#include "io/reader/process.h"

namespace limbic {
namespace {

constexpr double stall_s = 20;
constexpr int64_t deflate_ratio = 1100;  // deflate cannot do better than 1032 to 1
constexpr uint32_t most_axes = 32;       // what HDF5 itself allows
constexpr size_t most_text = 64 << 20;   // all attributes and names together
constexpr size_t most_datasets = 100000;

[[noreturn]] void fail(const std::string& path, const std::string& found) {
  throw Error(ExitCode::weights, clean_text(path) + ": found " + clean_text(found) + ", expected a readable HDF5 file");
}

/// HDF5's eight bytes stand at 0, or after a user block of 512 bytes times a power of two.
bool has_signature(const InputFile& file) {
  char bytes[8];
  for (int64_t at = 0; at + 8 <= file.size; at = at == 0 ? 512 : 2 * at) {
    if (file.read_at(at, bytes, 8) && std::memcmp(bytes, "\x89HDF\r\n\x1a\n", 8) == 0) return true;
  }
  return false;
}

/// Puts together what the child says of a file, and checks every word of it against the file.
class Assembly {
 public:
  explicit Assembly(const InputFile& file) : file_(file) {}

  void take(const reader::Message& message) {
    switch (message.kind) {
      case reader::Kind::dataset:
        return dataset(message.payload);
      case reader::Kind::elements:
        return elements(message.payload);
      case reader::Kind::attribute:
        return attribute(message.payload);
      case reader::Kind::fault: {
        reader::Fields fields(message.payload);
        fields.get<uint32_t>();
        throw std::runtime_error(std::string(fields.text()));
      }
      default:
        throw std::runtime_error("a garbled answer of limbic-reader-hdf5");
    }
  }

  H5File finish() {
    require_complete();
    std::sort(result_.tensors.begin(), result_.tensors.end(),
              [](const H5Tensor& a, const H5Tensor& b) { return a.name < b.name; });
    return std::move(result_);
  }

 private:
  void dataset(const std::string& payload) {
    require_complete();
    reader::Fields fields(payload);
    H5Tensor tensor;
    tensor.name = fields.text();
    tensor.dtype = fields.text();
    const auto rank = fields.get<uint32_t>();
    const int64_t element = bytes_per_element(tensor.dtype);
    if (element == 0 || rank > most_axes) throw std::runtime_error("a garbled answer of limbic-reader-hdf5");
    if (tensor.name.empty() || tensor.name != clean_text(tensor.name))
      throw std::runtime_error("a dataset whose name is no text");
    if (!names_.insert(tensor.name).second) throw std::runtime_error("two datasets called " + tensor.name);
    if (names_.size() > most_datasets)
      throw std::runtime_error("more than " + std::to_string(most_datasets) + " datasets");
    count_text(tensor.name.size());
    int64_t bytes = element;
    for (uint32_t i = 0; i < rank; ++i) {
      const auto size = fields.get<int64_t>();
      if (size < 0 || __builtin_mul_overflow(bytes, size, &bytes))
        throw std::runtime_error("a shape beyond any file (dataset " + tensor.name + ")");
      tensor.shape.push_back(size);
    }
    const auto offset = fields.get<uint64_t>();
    fields.done();
    claim(bytes, offset, tensor.name);
    if (offset == reader::elsewhere) {
      missing_ = bytes;
    } else if (!file_.read_at(static_cast<int64_t>(offset), room(tensor, bytes), static_cast<size_t>(bytes))) {
      throw std::runtime_error("a file that ends within dataset " + tensor.name);
    }
    result_.tensors.push_back(std::move(tensor));
  }

  /// Where `tensor` keeps its elements, made `bytes` long.
  static void* room(H5Tensor& tensor, int64_t bytes) {
    if (tensor.dtype != "f32") return tensor.bytes.resize(static_cast<size_t>(bytes)), tensor.bytes.data();
    return tensor.values.resize(static_cast<size_t>(bytes) / sizeof(float)), tensor.values.data();
  }

  /// Nothing is allocated for a size the file cannot hold, nor for many sizes it cannot hold together.
  void claim(int64_t bytes, uint64_t offset, const std::string& name) {
    int64_t limit = file_.size;
    if (offset == reader::elsewhere) limit = limit > INT64_MAX / deflate_ratio ? INT64_MAX : limit * deflate_ratio;
    int64_t& sum = offset == reader::elsewhere ? unpacked_ : direct_;
    const bool outside = offset != reader::elsewhere && (offset > static_cast<uint64_t>(file_.size) ||
                                                         bytes > file_.size - static_cast<int64_t>(offset));
    if (outside || bytes > limit - sum) {
      throw std::runtime_error("a claim of " + std::to_string(bytes) + " bytes in a file of " +
                               std::to_string(file_.size) + " (dataset " + name + ")");
    }
    sum += bytes;
  }

  void elements(const std::string& payload) {
    if (payload.empty() || static_cast<int64_t>(payload.size()) > missing_)
      throw std::runtime_error("a garbled answer of limbic-reader-hdf5");
    H5Tensor& tensor = result_.tensors.back();  // grows with what arrives, not with what is claimed
    const auto* from = reinterpret_cast<const std::byte*>(payload.data());
    tensor.bytes.insert(tensor.bytes.end(), from, from + payload.size());
    missing_ -= static_cast<int64_t>(payload.size());
    if (missing_ > 0 || tensor.dtype != "f32") return;
    tensor.values = to_floats("f32", tensor.bytes);
    tensor.bytes = {};
  }

  void attribute(const std::string& payload) {
    reader::Fields fields(payload);
    const std::string group = clean_text(fields.text());
    const std::string name = clean_text(fields.text());
    const std::string_view text = fields.text();
    fields.done();
    count_text(group.size() + name.size() + text.size());
    (group.empty() ? result_.attributes : result_.group_attributes[group])[name] = clean_text(text, true);
  }

  void count_text(size_t bytes) {
    text_ += bytes;
    if (text_ > most_text) throw std::runtime_error("texts of more than " + std::to_string(most_text >> 20) + " MB");
  }

  void require_complete() const {
    if (missing_ != 0) throw std::runtime_error("a dataset that ends early (" + result_.tensors.back().name + ")");
  }

  const InputFile& file_;
  H5File result_;
  std::set<std::string> names_;
  int64_t missing_ = 0;  // bytes of the last dataset that have not come yet
  int64_t direct_ = 0, unpacked_ = 0;
  size_t text_ = 0;
};

}  // namespace

H5File read_hdf5(const std::string& path) {
  std::string found;
  const InputFile file = open_input(path, found);
  if (file.fd < 0) fail(path, found);
  if (!has_signature(file)) fail(path, "no HDF5 signature");
  try {
    reader::Process child(file, {.program = reader::hdf5_reader, .job = "datasets"}, stall_s);
    Assembly assembly(file);
    for (reader::Message message = child.next(); message.kind != reader::Kind::end; message = child.next())
      assembly.take(message);
    return assembly.finish();
  } catch (const std::bad_alloc&) {
    throw Error(ExitCode::resource, clean_text(path) + ": found more data than fits into memory");
  } catch (const std::runtime_error& error) {
    fail(path, error.what());
  }
}

}  // namespace limbic
